//! What `describe` tells, for people: the short things first, then parameters and files. Pure, and
//! nothing in it acts on a terminal.

use std::fmt::Write as _;

use super::facts::{Facts, LockFact, NeedFact, Says, VariableFact};
use crate::lock::{LockState, escape};
use crate::project::{Explained, Name, Resolved, toml_text};
use crate::render::FileFate;
use crate::workflow::{LastRun, RunEnd};

/// The text; `explained` are the parameters of the facts.
pub(super) fn show(facts: &Facts<'_>, explained: &[Explained]) -> String {
    let mut rows = vec![
        ("unit", facts.unit.to_string()),
        ("module", facts.module.clone()),
        ("profiles", facts.profiles.join(", then ")),
        ("directory", facts.directory.clone()),
    ];
    let mut row = |name, value: String| {
        if !value.is_empty() {
            rows.push((name, value));
        }
    };
    row("schema", facts.schema.clone().unwrap_or_default());
    row("tags", facts.tags.iter().map(Name::to_string).collect::<Vec<_>>().join(", "));
    row("needs", facts.needs.iter().map(need).collect::<Vec<_>>().join(", "));
    row("needs", facts.needs_error.as_ref().map_or_else(String::new, |why| unknown(why)));
    row("needed by", needed_by(facts));
    let variable = |one: &VariableFact| match one.line {
        Some(line) => format!("{} ({}:{line})", one.name, one.file),
        None => format!("{} ({})", one.name, one.file),
    };
    row("environment", facts.variables.iter().map(variable).collect::<Vec<_>>().join(", "));
    for command in &facts.commands {
        let reads = if command.only_reads { "only reads" } else { "may change things" };
        row("command", format!("{}: {reads}", escape(&command.command)));
    }
    row(
        "overrides",
        facts.overrides.iter().map(|key| toml_text::escaped(key)).collect::<Vec<_>>().join(", "),
    );
    row("lock", lock(&facts.lock));
    row("applied", facts.lock.applied.clone().unwrap_or_default());
    row("last run", facts.last_run.as_ref().map_or_else(|| "none known here".to_owned(), last_run));
    let mut text = String::new();
    for (name, value) in rows {
        let _ = writeln!(text, "{name:<12} {value}");
    }
    if !explained.is_empty() {
        text.push_str("\nparameters\n");
        let lines: Vec<(String, String)> = explained.iter().map(parameter).collect();
        aligned(&lines, &mut text);
    }
    match &facts.cannot_render {
        Some(why) => {
            text.push_str("\nfiles: the module cannot be rendered\n");
            for line in why.lines() {
                let _ = writeln!(text, "  {}", toml_text::escaped(line));
            }
        }
        None if facts.files.is_empty() => {}
        None => {
            text.push_str("\nfiles\n");
            let line = |path: &String, state| (toml_text::escaped(path), fate(state).to_owned());
            let lines: Vec<_> = facts.files.iter().map(|file| line(&file.path, file.state)).collect();
            aligned(&lines, &mut text);
        }
    }
    text
}

/// `vpc/prod (modules/app/module.toml:1)`
fn need(need: &NeedFact) -> String {
    let line = need.line.map_or_else(String::new, |line| format!(":{line}"));
    let what = match need.because {
        Says::Needs => "",
        Says::Outputs => "outputs, ",
    };
    format!("{} ({what}{}{line})", need.unit, toml_text::escaped(&need.file))
}

/// More than these are counted.
const MOST_DEPENDANTS: usize = 10;

fn needed_by(facts: &Facts<'_>) -> String {
    let shown = facts.needed_by.iter().take(MOST_DEPENDANTS).map(ToString::to_string);
    let mut text = shown.collect::<Vec<_>>().join(", ");
    if let more @ 1.. = facts.needed_by.len().saturating_sub(MOST_DEPENDANTS) {
        text.push_str(&format!(" and {more} more: lockstep graph --reverse {}", facts.unit));
    }
    match &facts.needed_by_error {
        Some(why) if text.is_empty() => unknown(why),
        Some(why) => format!("{text}; others {}", unknown(why)),
        None => text,
    }
}

fn unknown(why: &str) -> String {
    format!("unknown: {}", escape(why.lines().next().unwrap_or_default()))
}

fn parameter(one: &Explained) -> (String, String) {
    let key = one.path.iter().map(|key| toml_text::key(key)).collect::<Vec<_>>().join(".");
    let said = match &one.value {
        Resolved::Value(value) => format!("{key} = {}", toml_text::value(value)),
        Resolved::Odd(odd) => format!("{key} = {}", odd.toml),
        Resolved::Datetime(text) => format!("{key} = {text}"),
        Resolved::Sensitive => format!("{key} = (sensitive)"),
        Resolved::Opaque(what) => format!("{key} = ({})", what.in_short()),
        Resolved::Failed(_) => format!("{key} cannot be evaluated"),
    };
    (said, toml_text::escaped(&one.place.to_string()))
}

fn lock(lock: &LockFact) -> String {
    let last = lock.last.as_deref().unwrap_or_default();
    let stale = if lock.stale { ", stale" } else { "" };
    match (lock.known, lock.state) {
        (false, _) => match &lock.error {
            Some(error) => format!("unknown: {error}"),
            None => "unknown".to_owned(),
        },
        (true, None) => "free, never taken".to_owned(),
        (true, Some(LockState::Free)) => format!("free, {last}"),
        (true, Some(state)) => format!("{}{stale} by {last}", state.word()),
    }
}

fn last_run(last: &LastRun) -> String {
    let end = match &last.end {
        RunEnd::Ended { code: 0, .. } => "succeeded".to_owned(),
        RunEnd::Ended { code, error } => {
            let why = error.as_deref().and_then(|error| error.lines().next());
            let why = why.map_or_else(String::new, |why| format!(": {}", escape(why)));
            format!("ended with {code}{why}")
        }
        RunEnd::Running => "still runs".to_owned(),
        RunEnd::Killed => "was killed".to_owned(),
    };
    let steps: Vec<String> = last.steps.iter().map(|step| escape(step)).collect();
    let time = last.time.parse::<jiff::Timestamp>();
    let time =
        time.map_or_else(|_| escape(&last.time), |time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string());
    let commit = last.commit.as_deref().map_or_else(String::new, |commit| {
        format!(" at {}", escape(&commit.chars().take(12).collect::<String>()))
    });
    format!("{time} by {}{commit}, {end} ({})", escape(&last.owner), steps.join(", "))
}

const fn fate(fate: FileFate) -> &'static str {
    match fate {
        FileFate::Current => "current",
        FileFate::New => "new: build makes it",
        FileFate::Changed => "changed: build renews it",
        FileFate::Removed => "old: build removes it",
        FileFate::Edited => "edited: build stops",
        FileFate::Unknown => "not known: it depends on what only a build reads",
        FileFate::Foreign => "foreign: lockstep did not make it",
    }
}

/// Two columns; a long first one does not move the others far away.
fn aligned(lines: &[(String, String)], text: &mut String) {
    const MOST: usize = 48;
    let width = |line: &(String, String)| line.0.chars().count();
    let most = lines.iter().map(width).filter(|width| *width <= MOST).max().unwrap_or(0);
    for (first, second) in lines {
        let _ = writeln!(text, "  {first:<most$}  {second}");
    }
}
