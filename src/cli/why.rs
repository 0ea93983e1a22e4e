//! `lockstep why UNIT [KEY]`: what each parameter is, where that is written, what it overrode.

use std::path::PathBuf;

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::terminal::Terminal;
use super::{toml_text, units};
use crate::Error;
use crate::env::Environment;
use crate::git::Repo;
use crate::process::Interrupts;
use crate::project::{Explained, Opaque, Overrides, Place, Project, ProjectError, Resolved, UnitId};
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
    let (unit, explained) = explain(args, env).map_err(Error::from)?;
    let text = if args.json { as_json(&unit, &explained) } else { explained.iter().map(line).collect() };
    let code = if text.is_empty() { 0 } else { terminal.data(&text)? };
    match explained.into_iter().find_map(|one| match one.value {
        Resolved::Failed(error) => Some(error),
        _ => None,
    }) {
        Some(error) => Err(Error::from(error).into()),
        None => Ok(code),
    }
}

fn explain(args: &WhyArgs, env: &Environment) -> Result<(UnitId, Vec<Explained>), ProjectError> {
    let project = Project::discover(env.cwd())?;
    let unit = units::one(&project, &args.unit, env)?;
    let (root, of) = (project.root().to_owned(), env.clone());
    let params = project
        .params(&unit, &Overrides { set: &args.set, files: &args.params, env })?
        .with_git(git_facts(env, move || Repo::discover(&root, &of, &Interrupts::new())));
    let explained = params.explain(args.key.as_deref())?;
    Ok((unit, explained))
}

/// `key = value  # place, as it is written there; what it overrode`: the whole is TOML.
fn line(one: &Explained) -> String {
    let key = one.path.iter().map(|key| toml_text::key(key)).collect::<Vec<_>>().join(".");
    let mut said = one.place.to_string();
    if let Some(expression) = &one.expression {
        said.push_str(&format!(" as {}", toml_text::string(expression)));
    }
    if !one.overrode.is_empty() {
        let places: Vec<String> = one.overrode.iter().rev().map(Place::to_string).collect();
        said.push_str(&format!("; overrides {}", places.join(", ")));
    }
    let said = toml_text::escaped(&said);
    match &one.value {
        Resolved::Value(value) => format!("{key} = {}  # {said}\n", toml_text::value(value)),
        Resolved::Datetime(text) => format!("{key} = {text}  # {said}\n"),
        Resolved::Sensitive => format!("{key} = \"(sensitive)\"  # {said}\n"),
        Resolved::Opaque(what) => format!("{key} = \"({})\"  # {said}\n", opaque(what)),
        Resolved::Failed(_) => format!("# {key} cannot be evaluated  # {said}\n"),
    }
}

/// What stands for a value that only a build knows.
fn opaque(what: &Opaque) -> String {
    match what {
        Opaque::Secret => "secret".to_owned(),
        Opaque::Data(name) => format!("data {name}, not run"),
        Opaque::Git => "git".to_owned(),
    }
}

/// What `--json` prints.
#[derive(Serialize, JsonSchema)]
struct Told<'a> {
    /// The unit.
    unit: &'a UnitId,
    /// Its parameters, in the order of their keys.
    parameters: Vec<Parameter<'a>>,
}

/// One parameter. Of `value`, `sensitive`, `opaque` and `error` it has one.
#[derive(Serialize, JsonSchema)]
struct Parameter<'a> {
    /// The keys that lead to it, with dots between them.
    key: String,
    /// The keys that lead to it, one by one.
    path: &'a [String],
    /// Where it is written.
    from: At<'a>,
    /// Where the values stand that it overrode, lowest layer first.
    overrides: Vec<At<'a>>,
    /// What it is.
    #[serde(flatten)]
    #[schemars(with = "Is")]
    is: Is,
    /// The text that made the value, if that holds expressions.
    #[serde(skip_serializing_if = "Option::is_none")]
    expression: Option<&'a str>,
}

/// What a parameter is.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Is {
    /// This value.
    Value(Value),
    /// A secret, or made of one.
    Sensitive(bool),
    /// Known only to a build: a secret, what a `data` command prints, a fact of git.
    Opaque(String),
    /// Its expression cannot be evaluated, for this reason.
    Error(String),
}

/// A place.
#[derive(Serialize, JsonSchema)]
struct At<'a> {
    /// The file, relative to the project, or the option or variable.
    file: &'a str,
    /// The line, counted from 1; null for an option or variable.
    line: Option<usize>,
}

impl<'a> At<'a> {
    fn new(place: &'a Place) -> Self {
        Self { file: place.file(), line: place.line() }
    }
}

/// The form of what `--json` prints, as JSON Schema.
pub(super) fn schema() -> Value {
    super::schema::written::<Told<'_>>()
}

fn as_json(unit: &UnitId, explained: &[Explained]) -> String {
    let told = Told { unit, parameters: explained.iter().map(Parameter::new).collect() };
    // Strings, numbers and lists always make JSON.
    format!("{:#}\n", serde_json::to_value(&told).unwrap_or_default())
}

impl<'a> Parameter<'a> {
    fn new(one: &'a Explained) -> Self {
        Self {
            key: one.key(),
            path: &one.path,
            from: At::new(&one.place),
            overrides: one.overrode.iter().map(At::new).collect(),
            is: match &one.value {
                Resolved::Value(value) => Is::Value(value.clone()),
                Resolved::Datetime(text) => Is::Value(text.as_str().into()),
                Resolved::Sensitive => Is::Sensitive(true),
                Resolved::Opaque(what) => Is::Opaque(opaque(what)),
                Resolved::Failed(error) => Is::Error(error.to_string()),
            },
            expression: one.expression.as_deref(),
        }
    }
}
