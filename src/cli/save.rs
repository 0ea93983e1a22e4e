//! `lockstep save UNITS [FILE…]`: brings files from rendered directories back into the modules.

use std::collections::BTreeMap;

use clap::Args;

use super::terminal::Terminal;
use super::units;
use crate::engine::open_project;
use crate::env::Environment;
use crate::git::Repo;
use crate::process::Interrupts;
use crate::project::{DIST, Name, Project, UnitId};
use crate::render::{RenderError, SAVED_BY_DEFAULT, Saved, save};
use crate::report::Level;
use crate::{Error, ExitCode};

/// What `save` takes.
#[derive(Args, Debug)]
pub(super) struct SaveArgs {
    /// The unit, as in `alpha/prod`; `.` is the one that you stand in, `'*'` all; patterns and lists as in `'*/prod'`
    #[arg(value_name = "UNITS")]
    pub unit: String,
    /// Files, relative to the rendered directory; without any `.terraform.lock.hcl`
    #[arg(value_name = "FILE")]
    pub files: Vec<String>,
}

/// Copies, and says what was copied.
pub(super) fn run(args: &SaveArgs, env: &Environment, terminal: Terminal) -> anyhow::Result<u8> {
    let project = open_project(env.cwd(), env, &Interrupts::new())?;
    let files = if args.files.is_empty() { &[SAVED_BY_DEFAULT.to_owned()][..] } else { &args.files };
    let repo = Repo::discover(project.root(), env, &Interrupts::new()).map_err(Error::from)?;
    let say = |unit: &UnitId, file: &Saved| {
        let (path, source) = (file.path.escape_debug(), file.source.escape_debug());
        let text = if file.written {
            format!("saved {DIST}/{unit}/{path} to {source}")
        } else {
            format!("{source} is the same already")
        };
        if terminal.level != Level::Quiet {
            terminal.say(&text);
        }
    };
    let units = match args.unit.as_str() {
        "*" => units::several(&project, "*/*", env).map_err(Error::from)?,
        word if units::is_one(word) => {
            let (project, unit) = units::one(&project, word, env).map_err(Error::from)?;
            for file in save(&project, &unit, repo.as_ref(), files).map_err(Error::from)? {
                say(&unit, &file);
            }
            return Ok(ExitCode::Success.code());
        }
        word => units::several(&project, word, env).map_err(Error::from)?,
    };
    let there = there(&project, &units, files).map_err(Error::from)?;
    let mut none = true;
    for ((module, file), unit) in there {
        none = false;
        let unit = UnitId::new(module, unit.profile);
        for file in save(&project, &unit, repo.as_ref(), &[file]).map_err(Error::from)? {
            say(&unit, &file);
        }
    }
    if none {
        terminal.say("nothing to save: none of these units has such a file in its rendered directory");
    }
    Ok(ExitCode::Success.code())
}

/// For each module and file a unit that has it in its directory. Two that have it differently are an error:
/// which of them belongs into the module only a person can say.
fn there(
    project: &Project,
    units: &[UnitId],
    files: &[String],
) -> Result<BTreeMap<(Name, String), UnitId>, RenderError> {
    let mut found: BTreeMap<(Name, String), (UnitId, Vec<u8>)> = BTreeMap::new();
    for unit in units {
        for file in files {
            let path = project.unit_directory(unit).join(file);
            let Ok(bytes) = crate::read::regular(&path, crate::read::SOURCE) else { continue };
            let key = (unit.module.clone(), file.clone());
            let (first, known) = found.entry(key).or_insert_with(|| (unit.clone(), bytes.clone()));
            if *known != bytes {
                let why = format!("`{first}` has another one: name the unit whose file it shall be");
                let path = format!("{DIST}/{unit}/{}", file.escape_debug());
                return Err(RenderError::CannotSave { path, why });
            }
        }
    }
    Ok(found.into_iter().map(|(key, (unit, _))| (key, unit)).collect())
}
