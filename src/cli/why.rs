//! `lockstep why UNIT [KEY]`: what each parameter is, where that is written, what it overrode.

use std::path::PathBuf;

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::terminal::Terminal;
use super::units;
use crate::Error;
use crate::engine::open_project;
use crate::env::Environment;
use crate::git::Repo;
use crate::process::Interrupts;
use crate::project::{Explained, ExplainedJson, Overrides, Place, Resolved, UnitId, toml_text};
use crate::render::git_facts;

/// What `why` takes.
#[derive(Args, Debug)]
pub(super) struct WhyArgs {
    /// The unit, as in `alpha/prod`; `.` is the one that you stand in
    #[arg(value_name = "UNIT")]
    pub unit: String,
    /// Only this parameter, or those below it: `db` shows `db.host`
    #[arg(value_name = "KEY")]
    pub key: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Set a parameter (TOML value, else text), as for a pipeline; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Take parameters from a TOML or JSON file, as for a pipeline; may be repeated
    #[arg(long, value_name = "FILE")]
    pub params: Vec<PathBuf>,
}

/// Prints the parameters; the first one that cannot be evaluated is the error, after the others.
pub(super) fn run(args: &WhyArgs, env: &Environment, terminal: Terminal) -> anyhow::Result<u8> {
    let (unit, explained) = explain(args, env)?;
    let code = match args.json {
        true => terminal.json(&as_json(&unit, &explained))?,
        false if explained.is_empty() => 0,
        false => terminal.page(&explained.iter().map(line).collect::<String>())?,
    };
    match explained.into_iter().find_map(|one| match one.value {
        Resolved::Failed(error) => Some(error),
        _ => None,
    }) {
        Some(error) => Err(Error::from(error).into()),
        None => Ok(code),
    }
}

fn explain(args: &WhyArgs, env: &Environment) -> Result<(UnitId, Vec<Explained>), Error> {
    let project = open_project(env.cwd(), env, &Interrupts::new())?;
    let (project, unit) = units::one(&project, &args.unit, env)?;
    let (root, of) = (project.root().to_owned(), env.clone());
    let params = project
        .params(&unit, &Overrides { set: &args.set, files: &args.params, env })?
        .with_git(git_facts(env, None, move || Repo::discover(&root, &of, &Interrupts::new())));
    let explained = params.explain(args.key.as_deref())?;
    Ok((unit, explained))
}

/// `key = value  # place, as it is written there; what it overrode`: the whole is TOML. What TOML cannot
/// hold is a comment.
fn line(one: &Explained) -> String {
    let key = one.path.iter().map(|key| toml_text::key(key)).collect::<Vec<_>>().join(".");
    let mut said = one.place.to_string();
    if let Some(expression) = &one.expression {
        said.push_str(&format!(" as {}", toml_text::string(expression)));
    }
    for (what, places) in [("appends to", &one.appended_to), ("overrides", &one.overrode)] {
        if !places.is_empty() {
            let places: Vec<String> = places.iter().rev().map(Place::to_string).collect();
            said.push_str(&format!("; {what} {}", places.join(", ")));
        }
    }
    let said = toml_text::escaped(&said);
    match &one.value {
        Resolved::Value(value) => {
            let mark = if toml_text::can_hold(value) { "" } else { "# " };
            format!("{mark}{key} = {}  # {said}\n", toml_text::value(value))
        }
        Resolved::Odd(odd) => {
            let mark = if odd.is_toml { "" } else { "# " };
            format!("{mark}{key} = {}  # {said}\n", odd.toml)
        }
        Resolved::Datetime(text) => format!("{key} = {text}  # {said}\n"),
        Resolved::Sensitive => format!("{key} = \"(sensitive)\"  # {said}\n"),
        Resolved::Opaque(what) => format!("{key} = \"({})\"  # {said}\n", what.in_short()),
        Resolved::Failed(_) => format!("# {key} cannot be evaluated  # {said}\n"),
    }
}

/// What `--json` prints.
#[derive(Serialize, JsonSchema)]
struct Told<'a> {
    /// The unit.
    unit: &'a UnitId,
    /// Its parameters, in the order of their keys.
    parameters: Vec<ExplainedJson<'a>>,
}

/// The form of what `--json` prints, as JSON Schema.
pub(super) fn schema() -> Value {
    super::schema::written::<Told<'_>>()
}

fn as_json(unit: &UnitId, explained: &[Explained]) -> String {
    let told = Told { unit, parameters: explained.iter().map(ExplainedJson::new).collect() };
    // Strings, numbers and lists always make JSON.
    format!("{:#}\n", serde_json::to_value(&told).unwrap_or_default())
}
