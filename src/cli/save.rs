//! `lockstep save UNIT [FILE…]`: brings files from the rendered directory back into the module.

use clap::Args;

use super::terminal::Terminal;
use super::units;
use crate::engine::open_project;
use crate::env::Environment;
use crate::git::Repo;
use crate::process::Interrupts;
use crate::project::DIST;
use crate::render::{SAVED_BY_DEFAULT, save};
use crate::report::Level;
use crate::{Error, ExitCode};

/// What `save` takes.
#[derive(Args, Debug)]
pub(super) struct SaveArgs {
    /// The unit, as in `alpha/prod`; `.` is the one that you stand in
    #[arg(value_name = "UNIT")]
    pub unit: String,
    /// Files, relative to the rendered directory; without any `.terraform.lock.hcl`
    #[arg(value_name = "FILE")]
    pub files: Vec<String>,
}

/// Copies, and says what was copied.
pub(super) fn run(args: &SaveArgs, env: &Environment, terminal: Terminal) -> anyhow::Result<u8> {
    let project = open_project(env.cwd(), env, &Interrupts::new())?;
    let (project, unit) = units::one(&project, &args.unit, env).map_err(Error::from)?;
    let files = if args.files.is_empty() { &[SAVED_BY_DEFAULT.to_owned()][..] } else { &args.files };
    let repo = Repo::discover(project.root(), env, &Interrupts::new()).map_err(Error::from)?;
    for file in save(&project, &unit, repo.as_ref(), files).map_err(Error::from)? {
        let (path, source) = (file.path.escape_debug(), file.source.escape_debug());
        let text = if file.written {
            format!("saved {DIST}/{unit}/{path} to {source}")
        } else {
            format!("{source} is the same already")
        };
        if terminal.level != Level::Quiet {
            terminal.say(&text);
        }
    }
    Ok(ExitCode::Success.code())
}
