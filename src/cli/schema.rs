//! `lockstep schema`: JSON Schemas of what lockstep reads and writes, for editors and programs.

use std::path::PathBuf;

use clap::Args;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::terminal::Terminal;
use super::{affected, graph, lock_json, why, write_files};
use crate::ExitCode;
use crate::env::Environment;
use crate::project::{file_schema, nearest};
use crate::report::ReportFile;
use crate::steps::describe_schema;
use crate::workflow::{Event, journal::Journal};

/// What `schema` takes.
#[derive(Args, Debug)]
pub(super) struct SchemaArgs {
    /// Which one; without it their names are listed
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Write all of them into this directory, as NAME.json
    #[arg(long, value_name = "DIR", conflicts_with = "name")]
    pub dir: Option<PathBuf>,
}

/// A schema: its name, and what it describes.
struct Entry {
    name: &'static str,
    of: &'static str,
    make: fn() -> Value,
}

const fn file(name: &'static str, of: &'static str) -> Entry {
    Entry { name, of, make: Value::default }
}

/// All schemas, in the order in which they are listed.
const SCHEMAS: &[Entry] = &[
    file("lockstep", "lockstep.toml"),
    file("module", "modules/NAME/module.toml"),
    file("profile", "profiles/NAME.toml"),
    file("workflow", "workflows/NAME.toml"),
    Entry { name: "events", of: "a line of `--events`", make: Event::schema },
    Entry { name: "journal", of: "a line of a file in .git/lockstep/runs", make: Journal::schema },
    Entry { name: "report", of: "a file of `--report`", make: ReportFile::schema },
    Entry { name: "locks", of: "`lockstep locks --json`", make: || lock_json::schemas()[0].clone() },
    Entry {
        name: "locks-show",
        of: "`lockstep locks show --json`",
        make: || lock_json::schemas()[1].clone(),
    },
    Entry { name: "log", of: "`lockstep log --json`", make: || lock_json::schemas()[2].clone() },
    Entry { name: "describe", of: "`lockstep describe --json`", make: describe_schema },
    Entry { name: "graph", of: "`lockstep graph --format json`", make: graph::schema },
    Entry { name: "affected", of: "`lockstep affected --format json`", make: affected::schema },
    Entry { name: "why", of: "`lockstep why --json`", make: why::schema },
];

impl Entry {
    fn json(&self) -> Value {
        let mut schema = file_schema(self.name).unwrap_or_else(self.make);
        if let Some(schema) = schema.as_object_mut() {
            // Comments in the source name types of the source.
            schema.insert("title".into(), self.of.into());
        }
        schema
    }
}

/// The schema of what a type is written as.
pub(super) fn written<T: JsonSchema>() -> Value {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>().into()
}

/// All schemas as files: name and content.
pub(super) fn files() -> impl Iterator<Item = (String, String)> {
    SCHEMAS.iter().map(|entry| (format!("{}.json", entry.name), text(&entry.json())))
}

fn text(schema: &Value) -> String {
    format!("{schema:#}\n")
}

pub(super) fn run(args: &SchemaArgs, env: &Environment, terminal: Terminal) -> anyhow::Result<u8> {
    if let Some(dir) = &args.dir {
        for (name, content) in files() {
            write_files::replace(&env.cwd().join(dir).join(&name), &content)?;
        }
        terminal.say(&format!("wrote {} schemas to {}", SCHEMAS.len(), dir.display()));
        return Ok(ExitCode::Success.code());
    }
    let Some(name) = &args.name else {
        let line = |entry: &Entry| format!("{:<11} {}\n", entry.name, entry.of);
        return terminal.data(&SCHEMAS.iter().map(line).collect::<String>());
    };
    if let Some(entry) = SCHEMAS.iter().find(|entry| entry.name == name) {
        return terminal.data(&text(&entry.json()));
    }
    terminal.error(&format!("there is no schema `{}`", name.escape_debug().take(80).collect::<String>()));
    match nearest(name, SCHEMAS.iter().map(|entry| entry.name)) {
        Some(near) => terminal.hint(&format!("did you mean `{near}`?")),
        None => terminal.hint("to see their names: lockstep schema"),
    }
    Ok(ExitCode::Usage.code())
}
