//! Two states of a unit side by side: what differs of what a run would get.

use super::super::outputs::Output;
use super::side::Made;

/// Something of a unit that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What it is of.
    pub what: Part,
    /// What became of it.
    pub change: Change,
    /// The files of the project that make the difference, relative to the project, sorted; empty if
    /// nobody asked.
    pub because: Vec<String>,
}

/// A part of a unit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A rendered file, relative to the unit's directory.
    File(String),
    /// The variables of its commands.
    Env,
    /// How else its commands run.
    Exec,
    /// The units that come before it.
    Needs,
    /// Values that only a run knows decide what it is made of, and what goes in is not what it was.
    Unknown,
    /// What the tool reads beside it: local modules, files, what `[build] watch` names.
    Reads,
    /// The tool may read what has changed, for this reason; only a run can tell.
    MayRead(String),
}

/// What became of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It is new.
    New,
    /// It is gone.
    Removed,
    /// It is another.
    Changed,
    /// Only whether it may be executed is another.
    Mode,
}

/// All differences, files first, sorted by path.
pub(super) fn differences(before: &Made, now: &Made) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut note = |what, change| found.push(Difference { what, change, because: Vec::new() });
    let path = |output: &Output| Part::File(output.path.clone());
    let (mut before_files, mut now_files) = (before.outputs.iter().peekable(), now.outputs.iter().peekable());
    loop {
        let (old, new) = match (before_files.peek(), now_files.peek()) {
            (None, None) => break,
            (Some(old), Some(new)) if old.path == new.path => (before_files.next(), now_files.next()),
            (Some(old), Some(new)) if old.path > new.path => (None, now_files.next()),
            (None, Some(_)) => (None, now_files.next()),
            (Some(_), _) => (before_files.next(), None),
        };
        match (old, new) {
            (None, Some(new)) => note(path(new), Change::New),
            (Some(old), None) => note(path(old), Change::Removed),
            (Some(old), Some(new)) if old.bytes != new.bytes => note(path(new), Change::Changed),
            (Some(old), Some(new)) if permissions(old) != permissions(new) => note(path(new), Change::Mode),
            _ => {}
        }
    }
    if before.env != now.env {
        note(Part::Env, Change::Changed);
    }
    if before.exec != now.exec {
        note(Part::Exec, Change::Changed);
    }
    if before.needs != now.needs {
        note(Part::Needs, Change::Changed);
    }
    if (before.decided || now.decided) && !same_inputs(before, now) {
        note(Part::Unknown, Change::Changed);
    }
    found
}

/// Of permissions git keeps whether a file may be executed; lockstep, whether it holds secrets.
const fn permissions(output: &Output) -> (bool, bool) {
    (output.mode & 0o100 != 0, output.sensitive)
}

fn same_inputs(before: &Made, now: &Made) -> bool {
    before.module.is_like(&now.module)
        && before.params.tree().says_the_same(now.params.tree())
        && before.params.data_commands().eq(now.params.data_commands())
}
