//! The lock record: who holds a lock, since when, at which commit, and what was last applied.
//!
//! The same in every backend. A record comes from a remote and is untrusted: its size and every
//! field are checked when it is read, and nothing of it is printed without escaping.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::record_json::MAX_UNFINISHED;
use super::{KeySet, LockKey};
use crate::env::Host;
use crate::git::Oid;
use crate::text;

/// Whether a lock is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LockState {
    /// A run holds it.
    Held,
    /// The run that held it has ended in failure; its owner may go on from there.
    Failed,
    /// A person has frozen it: no run takes it until somebody thaws it.
    Frozen,
    /// Nobody holds it.
    Free,
}

/// What the commands that ran under a lock have done to the world, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Nothing: no command was started, or they only read.
    #[default]
    None,
    /// A change that succeeded and is not yet recorded as `applied`.
    Applied,
    /// A change was begun and did not succeed, or nobody knows. Only a change that succeeds, or a
    /// person's word, sets the lock free after that.
    Unfinished,
}

/// What was done when the record was written; with the chain it makes the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// A free lock was taken.
    Acquired,
    /// An owner took over his own lock.
    TakenOver,
    /// A push under the lock.
    Pushed,
    /// The run recorded its failure.
    Failed,
    /// Given back after success.
    Released,
    /// Given back before any command ran.
    GivenBack,
    /// Taken from a run by somebody.
    Evicted,
    /// Frozen by a person.
    Frozen,
    /// A freeze was ended by a person.
    Thawed,
    /// Free, and moved so that nobody can take it by what he knew of it before.
    Fenced,
    /// Free, and moved because another lock was taken for the first time.
    Opened,
}

/// Stands for units that are not named: no unit is called so.
const OTHERS: &str = "(others)";

impl LockState {
    /// In a word, as in the record.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Failed => "failed",
            Self::Frozen => "frozen",
            Self::Free => "free",
        }
    }
}

impl Act {
    /// In a word or two, for people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Acquired => "acquired",
            Self::TakenOver => "taken over",
            Self::Pushed => "pushed",
            Self::Failed => "failed",
            Self::Released => "released",
            Self::GivenBack => "given back",
            Self::Evicted => "evicted",
            Self::Frozen => "frozen",
            Self::Thawed => "thawed",
            Self::Fenced => "fenced",
            Self::Opened => "opened",
        }
    }
}

/// One record of a lock's chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Format version: [`Record::VERSION`].
    pub lockstep: u32,
    /// The lock that this record belongs to.
    pub key: LockKey,
    /// The unit of the run, or what else it ran for.
    pub unit: String,
    /// All keys that were taken together.
    pub keys: KeySet,
    /// Grows by one at each acquire, takeover and eviction.
    pub generation: u64,
    /// Taken or not.
    pub state: LockState,
    /// What was done.
    pub act: Act,
    /// Who.
    pub owner: String,
    /// Which invocation.
    pub run: String,
    /// Makes each record unique, whatever else is equal.
    pub nonce: String,
    /// Where it runs.
    pub host: Host,
    /// Process id of the run.
    pub pid: u32,
    /// When that process started, in the kernel's ticks since boot.
    pub process_start: u64,
    /// The program that the run executes under the lock. Never its arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// Its subcommand, if it is a known one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subcommand: Option<String>,
    /// HEAD of the run. While a change is applied and not yet recorded as `applied`, it stays the commit of
    /// that change until another change begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<Oid>,
    /// Digest of what was rendered from `commit` for the commands under this lock; none if that is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// The last commit that was released after a successful change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<Oid>,
    /// Digest of what was rendered from `applied`; none if that is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_output: Option<String>,
    /// What has been done to the world under this lock since it was last free. In a record of state
    /// `held` what it will be if nothing more is heard of the run.
    pub effect: Effect,
    /// The units whose changes under this lock were begun and have not succeeded since, where that is not the
    /// run's own unit alone: a lock of several units is free again once each of them has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unfinished: Vec<String>,
    /// Keys of parameters that came from outside the repository. Never their values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<String>,
    /// When the record was written.
    pub time: Timestamp,
    /// Why: given by a person at an eviction, by the run at a failure or for an exception that was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Record {
    /// The format that this version writes, and the only one that it understands.
    pub const VERSION: u32 = 1;

    /// Who did what last, safe to print: ``` `ana@ci-7` since 2026-11-21 12:04:07 UTC (tofu apply, run 1f…) ```,
    /// or for a free lock who freed it and why.
    pub fn describe(&self) -> String {
        let owner = escape(&self.owner);
        let at = self.time.strftime("%Y-%m-%d %H:%M:%S UTC");
        let run = self.short_run();
        match self.state {
            LockState::Held if self.act == Act::Failed => {
                let why = self.reason.as_deref().map_or_else(String::new, |why| format!(": {}", escape(why)));
                format!("`{owner}` since {at} ({}run {run}, failed{why})", self.describe_program())
            }
            LockState::Held => format!("`{owner}` since {at} ({}run {run})", self.describe_program()),
            LockState::Failed => {
                format!("`{owner}` since {at} ({}run {run}, failed)", self.describe_program())
            }
            LockState::Frozen => {
                let why = self.reason.as_deref().map_or_else(String::new, |why| format!(": {}", escape(why)));
                format!("`{owner}` since {at} (run {run}){why}")
            }
            LockState::Free => {
                let done = match self.act {
                    Act::Evicted => "evicted",
                    Act::GivenBack => "given back",
                    Act::Thawed => "thawed",
                    Act::Fenced | Act::Opened => "moved",
                    _ => "released",
                };
                let why = self.reason.as_deref().map_or_else(String::new, |why| format!(": {}", escape(why)));
                format!("{done} by `{owner}` at {at} (run {run}){why}")
            }
        }
    }

    /// The commit of a change that succeeded under the lock and is not recorded as `applied`.
    pub fn unrecorded(&self) -> Option<&Oid> {
        let is_left = matches!(self.state, LockState::Held | LockState::Failed);
        self.commit.as_ref().filter(|_| is_left && self.effect == Effect::Applied)
    }

    /// The units whose changes were begun under the lock and have not succeeded.
    pub fn unfinished_units(&self) -> Vec<String> {
        match (self.unfinished.is_empty(), self.effect) {
            (true, Effect::Unfinished) => vec![self.unit.clone()],
            _ => self.unfinished.clone(),
        }
    }

    /// The same record, with these units for what is unfinished under it.
    pub(super) fn with_unfinished(self, mut units: Vec<String>) -> Self {
        // Which ones they are beyond the bound nobody knows any more; then only a person's word helps.
        if units.len() > MAX_UNFINISHED {
            units.truncate(MAX_UNFINISHED - 1);
            units.push(OTHERS.to_owned());
        }
        let only_own = units.as_slice() == [self.unit.as_str()] && self.effect == Effect::Unfinished;
        Self { unfinished: if only_own { Vec::new() } else { units }, ..self }
    }

    /// The line that `git log` shows of the record.
    pub(super) fn headline(&self) -> String {
        let owner = escape(&self.owner);
        format!("{} {} by {owner} (generation {})", self.act.word(), self.key.in_its_place(), self.generation)
    }

    /// The program and its subcommand, safe to print; none if no command was to run.
    pub fn doing(&self) -> Option<String> {
        let program = escape(self.program.as_deref()?);
        Some(match &self.subcommand {
            Some(subcommand) => format!("{program} {}", escape(subcommand)),
            None => program,
        })
    }

    /// The first digits of the run's identifier, safe to print.
    pub fn short_run(&self) -> String {
        escape(&self.run.chars().take(8).collect::<String>())
    }

    fn describe_program(&self) -> String {
        self.doing().map_or_else(String::new, |doing| format!("{doing}, "))
    }
}

/// A text from elsewhere, safe for a terminal and bounded.
pub(crate) fn escape(text: &str) -> String {
    text::short(text, 200)
}

/// A text of ours for a record: one line of harmless characters, at most `limit` bytes.
pub(crate) fn clean(words: &str, limit: usize) -> String {
    let mut cleaned = String::new();
    for c in words.chars() {
        let c = if text::is_harmless(c) { c } else { ' ' };
        if cleaned.len() + c.len_utf8() > limit {
            break;
        }
        cleaned.push(c);
    }
    cleaned.trim().to_owned()
}
