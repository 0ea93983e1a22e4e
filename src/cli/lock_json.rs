//! Locks and their history as JSON. Pure. Fields are only ever added.
//!
//! The text can be shown on a terminal whatever the records hold: what is not printable is written
//! as `\u…`, which JSON reads as the same text.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::lock_text::Ages;
use crate::LogEntry;
use crate::lock::{Act, Effect, Listed, LockState, Record};

/// One lock.
#[derive(Serialize, JsonSchema)]
struct Lock<'a> {
    /// The lock's name: MODULE/PROFILE.
    key: &'a str,
    /// `held`, `failed`, `frozen`, `free`, or `unreadable`.
    state: &'static str,
    /// Older than `[lock] stale_after`.
    stale: bool,
    /// Why its record cannot be understood.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(flatten)]
    record: Option<Told<'a>>,
    /// How old its last record is.
    #[serde(skip_serializing_if = "Option::is_none")]
    age_seconds: Option<u64>,
}

/// What is told of a record.
#[derive(Serialize, JsonSchema)]
struct Told<'a> {
    /// The unit of the run, or what else it was taken for.
    unit: &'a str,
    /// Grows by one at each acquire, takeover and eviction.
    generation: u64,
    /// What was done.
    act: Act,
    /// Who did it.
    owner: &'a str,
    /// Which invocation.
    run: &'a str,
    /// On which machine.
    host: &'a str,
    /// In which process.
    pid: u32,
    /// The program that runs under the lock; never its arguments.
    program: Option<&'a str>,
    /// Its subcommand, if it is a known one.
    subcommand: Option<&'a str>,
    /// HEAD of the run.
    commit: Option<&'a str>,
    /// The last commit that was released after a successful change.
    applied: Option<&'a str>,
    /// What was done to the world since the lock was last free.
    effect: Effect,
    /// Units whose changes under this lock are unfinished, where that is not `unit` alone.
    unfinished: &'a [String],
    /// Keys, never values, of parameters from outside the repository.
    overrides: &'a [String],
    /// When the record was written.
    time: String,
    /// Why, where somebody said so.
    reason: Option<&'a str>,
}

/// One entry of the history.
#[derive(Serialize, JsonSchema)]
struct Entry<'a> {
    /// The lock's name: MODULE/PROFILE.
    key: &'a str,
    /// Whether it was taken after this.
    state: LockState,
    #[serde(flatten)]
    record: Told<'a>,
    /// Who had the lock before, for an eviction, a takeover or a thaw.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<From<'a>>,
}

/// Who had a lock before.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Before")]
struct From<'a> {
    /// Who.
    owner: &'a str,
    /// Which invocation.
    run: &'a str,
    /// The generation that it had.
    generation: u64,
    /// How it was taken.
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
            unfinished: &record.unfinished,
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

/// The forms of [`list`], [`one`] and [`log`] as JSON Schema.
pub(super) fn schemas() -> [Value; 3] {
    [
        super::schema::written::<Vec<Lock>>(),
        super::schema::written::<Option<Lock>>(),
        super::schema::written::<Vec<Entry>>(),
    ]
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
    crate::text::json(&serde_json::to_string_pretty(of).unwrap_or_default())
}
