//! `lockstep __complete INDEX WORD…`: what the word under the cursor may become. Asked by the completion
//! scripts, never by people.
//!
//! Answers are lines: a candidate, or a candidate, a tab and what it means. A line that begins with
//! `:` is an order to the script: `:files`, `:dirs`, or `:delegate N`, which says that a command of its
//! own begins at word N. It reads configuration files and nothing else: no remote, no command, no
//! `data`; and it says nothing when anything is wrong, for the user is in the middle of typing.

mod line;
mod names;

use std::ffi::OsString;
use std::fmt::Write as _;

use self::line::{Asked, Expects};
use self::names::Names;
use super::terminal::Terminal;
use super::{args, help};
use crate::ExitCode;
use crate::env::Environment;
use crate::scaffold::Tool;
use crate::steps::STEPS;

/// The word by which the scripts call.
pub(super) const CALL: &str = "__complete";

/// Answers the scripts; `call` is what follows [`CALL`].
pub(super) fn run(call: &[OsString]) -> u8 {
    let words: Vec<String> = call.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let asked = words.split_first().and_then(|(index, words)| Some((index.parse::<usize>().ok()?, words)));
    if let Some((index, words)) = asked
        && let Ok(env) = Environment::from_process()
    {
        let mut text = String::new();
        for candidate in candidates(index, words, &env) {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{candidate}");
        }
        let _ = if text.is_empty() { Ok(0) } else { Terminal::plain().data(&text) };
    }
    ExitCode::Success.code()
}

/// One line of the answer.
fn told(value: &str, meaning: &str) -> String {
    let plain: String = meaning.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if plain.is_empty() { value.to_owned() } else { format!("{value}\t{plain}") }
}

/// The lines for the word at `index`; the first word is the program.
fn candidates(index: usize, words: &[String], env: &Environment) -> Vec<String> {
    let command = args::command();
    let before = words.get(1..index).unwrap_or_default();
    let current = words.get(index).map_or("", String::as_str);
    let asked = line::read(&command, before, current);
    let env = match &asked.directory {
        Some(directory) => env.clone().in_directory(directory.as_ref()),
        None => env.clone(),
    };
    let names = Names::of(&env);
    match &asked.expects {
        Expects::Option { of } => options(of, asked.in_pipeline),
        Expects::Value { arg, prefix } => {
            let begun = current.strip_prefix(prefix.as_str()).unwrap_or(current);
            let values = value(arg, begun, &names);
            values
                .into_iter()
                .map(|line| if line.starts_with(':') { line } else { format!("{prefix}{line}") })
                .collect()
        }
        Expects::Subcommand { of } => subcommands(of),
        Expects::Word { first } => pipeline_words(&asked, *first, &command, &names),
        Expects::Module if asked.words.iter().any(|word| word == "create" || word == "delete") => {
            names.staged()
        }
        Expects::Module if asked.only_looks() => {
            names.modules().into_iter().chain(names.tags(current)).chain(names.modules_of_stages()).collect()
        }
        Expects::Module => names.modules().into_iter().chain(names.tags(current)).collect(),
        Expects::Profile { module } => names.profiles(module),
        Expects::Tool { at } => match asked.runs_a_tool(&names) {
            true => vec![format!(":delegate {at}")],
            false => vec![":files".to_owned()],
        },
        Expects::Nothing => Vec::new(),
    }
}

/// Long options; the short ones are for who knows them.
fn options(of: &clap::Command, in_pipeline: bool) -> Vec<String> {
    let wanted = |arg: &&clap::Arg| !arg.is_hide_set() && (in_pipeline || arg.get_help_heading().is_none());
    let shown = of.get_arguments().filter(wanted).filter_map(|arg| {
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        Some(told(&format!("--{}", arg.get_long()?), &help))
    });
    shown.chain([told("--help", "Print help")]).collect()
}

fn subcommands(of: &clap::Command) -> Vec<String> {
    let shown = of.get_subcommands().filter(|sub| !sub.is_hide_set());
    shown
        .map(|sub| told(sub.get_name(), &sub.get_about().map(ToString::to_string).unwrap_or_default()))
        .collect()
}

/// What an option or an argument of a subcommand takes.
fn value(arg: &clap::Arg, begun: &str, names: &Names) -> Vec<String> {
    let possible: Vec<String> = arg
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| told(value.get_name(), &value.get_help().map(ToString::to_string).unwrap_or_default()))
        .collect();
    if !possible.is_empty() {
        return possible;
    }
    let name = arg.get_value_names().and_then(|names| names.first()).map_or("", |name| name.as_str());
    match (name, arg.get_id().as_str()) {
        ("UNIT|PROFILE", _) => {
            let profiles = names.profiles("").into_iter().filter(|profile| profile.starts_with(begun));
            let of_stages = match arg.get_num_args() {
                // `graph`, which is about what modules need.
                Some(several) if several.max_values() > 1 => Vec::new(),
                _ => names.units_of_stages(begun),
            };
            names.units(begun).into_iter().chain(of_stages).chain(profiles).collect()
        }
        ("STAGE", _) => names.stages(),
        // Those of all stages of a workflow are one log.
        ("LOCK", "lock") => {
            let units = names.units(begun).into_iter().chain(names.units_of_stages(begun));
            units.chain(names.wholes(begun)).collect()
        }
        (_, "unit") => names.units(begun).into_iter().chain(names.units_of_stages(begun)).collect(),
        (_, "units") => names.units(begun),
        ("TOOL=MODULE/PROFILE", _) => match begun.split_once('=') {
            Some((tool, unit)) => {
                names.units(unit).into_iter().map(|unit| format!("{tool}={unit}")).collect()
            }
            None => Vec::new(),
        },
        ("FILE" | "FILE|fd:N", _) => vec![":files".to_owned()],
        ("DIR", _) => vec![":dirs".to_owned()],
        (_, "topic") => {
            let mut topics: Vec<String> = help::TOPICS.iter().map(|topic| (*topic).to_owned()).collect();
            topics.extend(STEPS.iter().map(|step| told(step.name(), step.summary())));
            topics.extend(subcommands(&args::command()));
            topics
        }
        (_, "tool") => Tool::ALL.iter().map(|tool| tool.name().to_owned()).collect(),
        _ => Vec::new(),
    }
}

/// Steps and workflows, each once; before the first also subcommands, after it the separator.
fn pipeline_words(asked: &Asked<'_>, first: bool, command: &clap::Command, names: &Names) -> Vec<String> {
    let steps = STEPS.iter().map(|step| (step.name().to_owned(), step.summary().to_owned()));
    let unused = steps.chain(names.workflows()).filter(|(name, _)| !asked.words.contains(name));
    let mut lines: Vec<String> = unused.map(|(name, meaning)| told(&name, &meaning)).collect();
    if first {
        lines.extend(subcommands(command));
    } else {
        lines.push(told("--", "then module and profile"));
    }
    lines
}

#[cfg(test)]
mod tests;
