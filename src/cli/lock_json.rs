//! Locks and their history as JSON. Pure. Fields are only ever added.
//!
//! The text can be shown on a terminal whatever the records hold: what is not printable is written
//! as `\u…`, which JSON reads as the same text.

use serde::Serialize;

use super::lock_text::Ages;
use crate::LogEntry;
use crate::lock::{Act, Effect, Listed, LockState, Record};

/// One lock.
#[derive(Serialize)]
struct Lock<'a> {
    key: &'a str,
    /// `held`, `failed`, `frozen`, `free`, or `unreadable`.
    state: &'static str,
    stale: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(flatten)]
    record: Option<Told<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    age_seconds: Option<u64>,
}

/// What is told of a record.
#[derive(Serialize)]
struct Told<'a> {
    unit: &'a str,
    generation: u64,
    act: Act,
    owner: &'a str,
    run: &'a str,
    host: &'a str,
    pid: u32,
    program: Option<&'a str>,
    subcommand: Option<&'a str>,
    commit: Option<&'a str>,
    applied: Option<&'a str>,
    effect: Effect,
    overrides: &'a [String],
    time: String,
    reason: Option<&'a str>,
}

/// One entry of the history.
#[derive(Serialize)]
struct Entry<'a> {
    key: &'a str,
    state: LockState,
    #[serde(flatten)]
    record: Told<'a>,
    /// Who had the lock before, for an eviction, a takeover or a thaw.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<From<'a>>,
}

#[derive(Serialize)]
struct From<'a> {
    owner: &'a str,
    run: &'a str,
    generation: u64,
    state: LockState,
}

impl<'a> Told<'a> {
    fn new(record: &'a Record) -> Self {
        Self {
            unit: &record.unit,
            generation: record.generation,
            act: record.act,
            owner: &record.owner,
            run: &record.run,
            host: &record.host.name,
            pid: record.pid,
            program: record.program.as_deref(),
            subcommand: record.subcommand.as_deref(),
            commit: record.commit.as_ref().map(crate::git::Oid::as_str),
            applied: record.applied.as_ref().map(crate::git::Oid::as_str),
            effect: record.effect,
            overrides: &record.overrides,
            time: record.time.to_string(),
            reason: record.reason.as_deref(),
        }
    }
}

impl<'a> Lock<'a> {
    fn new(record: &'a Record, ages: Ages) -> Self {
        Self {
            key: record.key.as_str(),
            state: record.state.word(),
            stale: ages.is_stale(record),
            error: None,
            age_seconds: Some(ages.of(record).seconds()),
            record: Some(Told::new(record)),
        }
    }
}

/// A list of locks.
pub(super) fn list(taken: &[Listed], ages: Ages) -> String {
    let lock = |listed: &'_ Listed| -> serde_json::Value {
        let lock = match &listed.last {
            Ok(record) => Lock::new(record, ages),
            Err(why) => Lock {
                key: &listed.name,
                state: "unreadable",
                stale: false,
                error: Some(why),
                record: None,
                age_seconds: None,
            },
        };
        value(&lock)
    };
    text(&taken.iter().map(lock).collect::<Vec<_>>())
}

/// One lock; `null` if it was never taken.
pub(super) fn one(record: Option<&Record>, ages: Ages) -> String {
    text(&record.map(|record| Lock::new(record, ages)))
}

/// A history.
pub(super) fn log(entries: &[LogEntry]) -> String {
    let entry = |entry: &LogEntry| {
        let (record, before) = (&entry.record, entry.before.as_ref());
        let from = before.filter(|_| matches!(record.act, Act::Evicted | Act::TakenOver | Act::Thawed)).map(
            |before| From {
                owner: &before.owner,
                run: &before.run,
                generation: before.generation,
                state: before.state,
            },
        );
        value(&Entry { key: record.key.as_str(), state: record.state, record: Told::new(record), from })
    };
    text(&entries.iter().map(entry).collect::<Vec<_>>())
}

/// Strings, numbers and lists always make JSON.
fn value(of: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(of).unwrap_or_default()
}

fn text(of: &impl Serialize) -> String {
    printable(&serde_json::to_string_pretty(of).unwrap_or_default())
}

/// Only strings hold what is not printable, apart from the line ends between them.
fn printable(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c == '\n' || c.is_ascii() && !c.is_ascii_control() || c.escape_debug().count() == 1 {
            out.push(c);
        } else {
            let mut units = [0; 2];
            out.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whatever_a_record_holds_the_json_is_harmless_and_the_same(text: String) {
            let json = serde_json::to_string(&text).unwrap();
            let shown = printable(&json);
            let harmful = |c: char| c.is_control() || c == '\u{202e}';
            prop_assert!(!shown.chars().any(harmful));
            prop_assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
        }
    }
}
