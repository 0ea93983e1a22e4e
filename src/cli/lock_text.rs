//! Locks and their history as people read them. Pure: records in, text out. Whatever comes from a
//! record is escaped, and nothing depends on colours.

use jiff::Timestamp;

use crate::LogEntry;
use crate::env::Span;
use crate::lock::{Act, Effect, Listed, LockState, Record, escape};
use crate::project::StaleAfter;

/// By what ages are told, and called stale.
#[derive(Clone, Copy)]
pub(super) struct Ages {
    pub now: Timestamp,
    pub stale_after: StaleAfter,
}

impl Ages {
    pub(super) fn of(self, record: &Record) -> Span {
        Span::since(record.time, self.now)
    }

    /// What is free is never stale, and what is frozen is meant to last.
    pub(super) fn is_stale(self, record: &Record) -> bool {
        matches!(record.state, LockState::Held | LockState::Failed)
            && self.stale_after.is_stale(self.of(record))
    }

    fn state(self, record: &Record) -> String {
        let stale = if self.is_stale(record) { ", stale" } else { "" };
        format!("{}{stale}", record.state.word())
    }
}

/// The table of `lockstep locks`.
pub(super) fn table(taken: &[Listed], ages: Ages) -> String {
    let mut rows = vec![["LOCK", "STATE", "OWNER", "AGE", "HOST", "PROGRAM", "COMMIT"].map(str::to_owned)];
    for listed in taken {
        let name = listed.name.clone();
        rows.push(match &listed.last {
            Ok(record) => [
                if record.unit == record.key.path() {
                    name
                } else {
                    format!("{name} ({})", escape(&record.unit))
                },
                ages.state(record),
                escape(&record.owner),
                ages.of(record).rough(),
                escape(&record.host.name),
                record.doing().unwrap_or_default(),
                commit(record.commit.as_ref()),
            ],
            Err(_) => {
                let nothing = String::new;
                [name, "unreadable".to_owned(), nothing(), nothing(), nothing(), nothing(), nothing()]
            }
        });
    }
    aligned(&rows)
}

/// Everything that `lockstep locks show` tells of one lock.
pub(super) fn detail(record: &Record, ages: Ages) -> String {
    let list = |items: Vec<String>| items.join(", ");
    let (since, freed) = (moment(record.time), record.state == LockState::Free);
    let ago = ages.of(record).rough();
    let mut rows = vec![
        ["lock", record.key.as_str()].map(str::to_owned),
        ["state".to_owned(), ages.state(record)],
        [if freed { "freed by" } else { "owner" }.to_owned(), escape(&record.owner)],
        [if freed { "at" } else { "since" }.to_owned(), format!("{since}, {ago} ago")],
        ["last act".to_owned(), record.act.word().to_owned()],
        ["generation".to_owned(), record.generation.to_string()],
        ["run".to_owned(), escape(&record.run)],
        ["host".to_owned(), format!("{}, process {}", escape(&record.host.name), record.pid)],
    ];
    let mut row = |name: &str, value: String| {
        if !value.is_empty() {
            rows.push([name.to_owned(), value]);
        }
    };
    if record.unit != record.key.path() {
        row("taken for", escape(&record.unit));
    }
    if record.keys.iter().count() > 1 {
        row(
            "taken with",
            list(record.keys.iter().filter(|k| **k != record.key).map(ToString::to_string).collect()),
        );
    }
    row("program", record.doing().unwrap_or_default());
    row("commit", record.commit.as_ref().map(ToString::to_string).unwrap_or_default());
    row("applied", record.applied.as_ref().map(ToString::to_string).unwrap_or_default());
    row("changes", effect(record).to_owned());
    row("unfinished", list(record.unfinished.iter().map(|unit| escape(unit)).collect()));
    row("overrides", list(record.overrides.iter().map(|key| escape(key)).collect()));
    row("reason", record.reason.as_deref().map(escape).unwrap_or_default());
    aligned(&rows)
}

/// The table of `lockstep log`.
pub(super) fn log(entries: &[LogEntry]) -> String {
    let mut rows = vec![["WHEN", "LOCK", "GEN", "WHAT", "WHO", "COMMIT", "MORE"].map(str::to_owned)];
    for LogEntry { record, before } in entries {
        rows.push([
            moment(record.time),
            record.key.to_string(),
            record.generation.to_string(),
            record.act.word().to_owned(),
            escape(&record.owner),
            commit(record.commit.as_ref()),
            more(record, before.as_ref()),
        ]);
    }
    aligned(&rows)
}

/// What the columns have no place for: for whom, with which outcome, and why.
fn more(record: &Record, before: Option<&Record>) -> String {
    let mut parts = Vec::new();
    match (record.act, before) {
        (Act::Evicted | Act::Thawed, Some(before)) => parts.push(format!("from {}", before.describe())),
        (Act::Acquired | Act::TakenOver, _) => parts.extend(record.doing()),
        (Act::Released, _) if record.effect == Effect::Applied => parts.push("applied".to_owned()),
        (Act::Released, _) => parts.push("nothing changed".to_owned()),
        (Act::Failed, _) if record.effect == Effect::Applied => parts.push("applied, not pushed".to_owned()),
        (Act::Failed, _) if record.effect == Effect::Unfinished => parts.push("change unfinished".to_owned()),
        (Act::GivenBack, _) if !record.unfinished.is_empty() => parts.push("stays failed".to_owned()),
        _ => {}
    }
    if matches!(record.act, Act::Acquired | Act::TakenOver) && !record.overrides.is_empty() {
        let keys: Vec<String> = record.overrides.iter().map(|key| escape(key)).collect();
        parts.push(format!("overrides {}", keys.join(" ")));
    }
    parts.extend(record.reason.as_deref().map(escape));
    parts.join("; ")
}

const fn effect(record: &Record) -> &'static str {
    match (record.state, record.effect) {
        (LockState::Held, Effect::Unfinished) => "may be under way",
        (_, Effect::Unfinished) => "begun and not finished",
        (LockState::Free, Effect::Applied) => "applied",
        (_, Effect::Applied) => "applied, not yet recorded as the last commit applied",
        (_, Effect::None) => "none",
    }
}

fn moment(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn commit(oid: Option<&crate::git::Oid>) -> String {
    oid.map(|oid| oid.short().to_string()).unwrap_or_default()
}

/// Columns as wide as their widest cell, two spaces between them, none at the end of a line. An
/// empty cell is shown as `-`, so that programs that split at spaces find every column.
fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let shown = |cell: &String| if cell.is_empty() { "-".to_owned() } else { cell.clone() };
    let rows: Vec<[String; N]> = rows.iter().map(|row| row.each_ref().map(shown)).collect();
    let width = |cell: &String| cell.chars().count();
    let mut widths = [0; N];
    for row in &rows {
        for (most, cell) in widths.iter_mut().zip(row) {
            *most = width(cell).max(*most);
        }
    }
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(widths).map(|(cell, most)| format!("{cell:<most$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
#[path = "lock_text_tests.rs"]
mod tests;
