//! `lockstep list [WHAT]`: what is in the project, one thing a line, the name first.
//!
//! Only files are read: no parameter is evaluated, nothing runs, nobody is asked. A broken file is
//! named on standard error and the rest is listed all the same; the end is then 78, or 74 where files
//! cannot be read.

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::diagnose;
use super::terminal::Terminal;
use crate::engine::open_project;
use crate::env::Environment;
use crate::process::Interrupts;
use crate::project::toml_text;
use crate::project::{Inventory, ModuleEntry, Name, ProfileEntry, Stage, WorkflowEntry};
use crate::report::Level;
use crate::steps::STEPS;
use crate::{Error, ExitCode};

/// What `list` takes.
#[derive(Args, Debug)]
pub(super) struct ListArgs {
    /// What to list
    #[arg(value_name = "WHAT", default_value = "units", hide_possible_values = false)]
    pub what: What,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// What can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum What {
    /// Each module in each profile that it is for
    Units,
    /// Directories in modules/, with the profiles in which they are units
    Modules,
    /// Files in profiles/, with what they extend
    Profiles,
    /// Files in workflows/
    Workflows,
    /// The steps of a pipeline
    Steps,
}

/// Prints the list, then what was wrong.
pub(super) fn run(args: &ListArgs, env: &Environment, terminal: Terminal) -> anyhow::Result<u8> {
    if args.what == What::Steps {
        // These are the same everywhere, also outside of a project.
        let rows = STEPS.iter().map(|step| vec![step.name().to_owned(), step.summary().to_owned()]);
        return print(args.json, &rows.collect::<Vec<_>>(), &Value::from_iter(steps()), terminal);
    }
    let project = open_project(env.cwd(), env, &Interrupts::new())?;
    let steps =
        STEPS.iter().flat_map(|step| std::iter::once(step.name()).chain(step.aliases().iter().copied()));
    let inventory = project.inventory(steps);
    let tagged = tagged(&inventory);
    let (rows, json) = match args.what {
        What::Units | What::Steps => units(&inventory, tagged),
        What::Modules => table(&inventory.modules, |one| module(one, tagged)),
        What::Profiles => table(&inventory.profiles, profile),
        What::Workflows => table(&inventory.workflows, workflow),
    };
    if rows.is_empty() && inventory.errors.is_empty() && terminal.level != Level::Quiet {
        nothing(args.what, &inventory, terminal);
    }
    print(args.json, &rows, &json, terminal)?;
    let errors: Vec<Error> = inventory.errors.into_iter().map(Error::from).collect();
    for error in &errors {
        diagnose::print(error, &[], terminal);
    }
    // As any other command would end: 74 if nothing is wrong but that files cannot be read.
    let unreadable = errors.iter().all(|error| error.kind() == ExitCode::Io);
    Ok(match (errors.is_empty(), unreadable) {
        (true, _) => ExitCode::Success,
        (false, true) => ExitCode::Io,
        (false, false) => ExitCode::Config,
    }
    .code())
}

/// Says that there is nothing, and how to make it.
fn nothing(what: What, inventory: &Inventory, terminal: Terminal) {
    let (name, command) = match what {
        What::Units if inventory.modules.is_empty() => ("units", "lockstep new module NAME"),
        What::Units if inventory.profiles.iter().all(|profile| profile.is_abstract) => {
            ("units", "lockstep new profile NAME")
        }
        What::Units => {
            terminal.say("no module is a unit in any profile of this project");
            terminal.hint("to see what leaves them out: lockstep doctor");
            return;
        }
        What::Modules => ("modules", "lockstep new module NAME"),
        What::Profiles => ("profiles", "lockstep new profile NAME"),
        What::Workflows => ("workflows", "lockstep new workflow NAME"),
        What::Steps => return,
    };
    terminal.say(&format!("this project has no {name} yet"));
    terminal.hint(command);
}

fn print(as_json: bool, rows: &[Vec<String>], json: &Value, terminal: Terminal) -> anyhow::Result<u8> {
    if as_json {
        return terminal.json(&format!("{json:#}"));
    }
    if rows.is_empty() { Ok(ExitCode::Success.code()) } else { terminal.page(&columns(rows)) }
}

fn steps() -> impl Iterator<Item = Value> {
    STEPS
        .iter()
        .map(|step| json!({ "name": step.name(), "aliases": step.aliases(), "summary": step.summary() }))
}

type Rows = Vec<Vec<String>>;

fn units(inventory: &Inventory, tagged: bool) -> (Rows, Value) {
    let mut rows = Vec::with_capacity(inventory.units.len());
    let mut all = Vec::with_capacity(inventory.units.len());
    for module in &inventory.modules {
        for profile in &module.profiles {
            let unit = format!("{}/{profile}", module.name);
            all.push(json!({
                "unit": unit, "module": module.name, "profile": profile, "tags": module.tags,
            }));
            rows.push(row(vec![unit], module, tagged));
        }
    }
    (rows, Value::from(all))
}

fn table<T>(entries: &[T], of: impl Fn(&T) -> (Vec<String>, Value)) -> (Rows, Value) {
    let (rows, values): (Vec<_>, Vec<_>) = entries.iter().map(of).unzip();
    (rows, Value::from(values))
}

fn module(module: &ModuleEntry, tagged: bool) -> (Vec<String>, Value) {
    let profiles = if module.profiles.is_empty() { "-".to_owned() } else { joined(&module.profiles) };
    let json = json!({
        "name": module.name, "description": module.description, "profiles": module.profiles,
        "tags": module.tags, "needs": module.needs,
    });
    (row(vec![module.name.to_string(), profiles], module, tagged), json)
}

/// Whether there is a tag at all: without any there is no column of them.
fn tagged(inventory: &Inventory) -> bool {
    inventory.modules.iter().any(|module| !module.tags.is_empty())
}

/// What begins a row, then the module's tags, then what it says of itself.
fn row(mut begin: Vec<String>, module: &ModuleEntry, tagged: bool) -> Vec<String> {
    if tagged {
        begin.push(if module.tags.is_empty() {
            "-".to_owned()
        } else {
            format!("tags={}", joined(&module.tags))
        });
    }
    begin.push(module.description.clone());
    begin
}

fn profile(profile: &ProfileEntry) -> (Vec<String>, Value) {
    let kind = match (profile.is_abstract, profile.extends.is_empty()) {
        (true, true) => "abstract".to_owned(),
        (true, false) => format!("abstract,extends={}", joined(&profile.extends)),
        (false, true) => "-".to_owned(),
        (false, false) => format!("extends={}", joined(&profile.extends)),
    };
    let row = vec![profile.name.to_string(), kind, profile.description.clone()];
    let json = json!({
        "name": profile.name, "description": profile.description,
        "abstract": profile.is_abstract, "extends": profile.extends,
    });
    (row, json)
}

fn workflow(workflow: &WorkflowEntry) -> (Vec<String>, Value) {
    let Some(file) = &workflow.file else {
        return (vec![workflow.name.to_string()], json!({ "name": workflow.name, "broken": true }));
    };
    let names = |stages: &[Stage]| stages.iter().map(|stage| stage.name.clone()).collect::<Vec<_>>();
    let (create, delete) = (names(&file.create), names(&file.delete));
    let words = match (file.description.as_str(), file.is_staged()) {
        ("", false) => file.steps.join(" "),
        ("", true) => format!("staged: create {}; delete {}", or_none(&create), or_none(&delete)),
        (description, true) => format!("staged: {description}"),
        (description, false) => description.to_owned(),
    };
    if file.is_staged() {
        let json = json!({
            "name": workflow.name, "description": file.description, "create": create, "delete": delete,
        });
        return (vec![workflow.name.to_string(), words], json);
    }
    let json = json!({
        "name": workflow.name, "description": file.description, "steps": file.steps, "finally": file.finally,
    });
    (vec![workflow.name.to_string(), words], json)
}

fn or_none(names: &[Name]) -> String {
    if names.is_empty() { "-".to_owned() } else { joined(names) }
}

fn joined(names: &[Name]) -> String {
    names.iter().map(Name::as_str).collect::<Vec<_>>().join(",")
}

/// Lines of columns, two spaces between them, without spaces at the end.
fn columns(rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..4).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(&format!("{:<width$}  ", toml_text::escaped(cell)));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn columns_are_aligned_end_without_spaces_and_act_on_no_terminal() {
        let row = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
        let text =
            super::columns(&[row(&["a", "x,y", ""]), row(&["bcd", "-", "say\u{1b}[2J\nmore"]), row(&["e"])]);
        assert_eq!(text, "a    x,y\nbcd  -    say\\U0000001B[2J\\nmore\ne\n");
    }
}
