//! Why a lock operation did not succeed. Texts that come from a record or a server are escaped
//! before they are shown.

use super::{DynamoError, LockKey, LockState, Mend, Record, RefMend};
use crate::git::{GitError, Oid};

/// Why a lock operation did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else holds it.
    #[error("lock `{key}` is {} by {}{}{}", taken(.holder), .holder.describe(), whose(.holder), because(.why))]
    Held {
        /// The key.
        key: LockKey,
        /// The record that says who.
        holder: Box<Record>,
        /// Why an owner cannot take over his own lock; empty for another's.
        why: String,
        /// It is his, and something of that run still lives on this host: once that has ended he can.
        lives: bool,
    },
    /// Others change it faster than this run can take it.
    #[error("lock `{key}` was changed by others at every attempt to take it")]
    Contended {
        /// The key.
        key: LockKey,
    },
    /// What this run held is no longer its own.
    #[error("lock `{key}` was lost: {}{}", lost_to(.now.as_deref()), still(.held))]
    Lost {
        /// The key.
        key: LockKey,
        /// What is there now.
        now: Option<Box<Record>>,
        /// Keys of the same set that this run still holds.
        held: Vec<LockKey>,
    },
    /// The branch moved between git-check and lock.
    #[error("branch `{branch}` moved on the remote since git-check saw it")]
    BranchMoved {
        /// Full ref name.
        branch: String,
    },
    /// HEAD lacks the commit that was last applied.
    #[error("`{key}` was last changed from commit {applied} ({by}), {}", lacking(*.shallow))]
    Stale {
        /// The key.
        key: LockKey,
        /// The commit.
        applied: Oid,
        /// The last record that speaks of it: who and when.
        by: String,
        /// Whether the clone is too shallow to tell.
        shallow: bool,
        /// Whether the commit is not in this clone at all.
        absent: bool,
        /// A branch that has it, as this clone knows it; the protocol knows of none.
        branch: Option<String>,
    },
    /// A change is applied and not recorded so, and what this run has rendered is not what was applied.
    #[error(
        "`{key}` was changed from {} by {}, and this run has not rendered the same{}",
        .left.commit.as_ref().map_or_else(|| "an unknown commit".to_owned(), |oid| format!("commit {}", oid.short())),
        .left.describe(),
        if *.rendered { ": it must be applied again" } else { ", for there is no `build` in it" }
    )]
    NotInEffect {
        /// The key.
        key: LockKey,
        /// The record of the change.
        left: Box<Record>,
        /// Whether the run has rendered anything.
        rendered: bool,
    },
    /// Evicting somebody else's run wants a reason.
    #[error("lock `{key}` is {} by {}; {} needs a reason", taken(.holder), .holder.describe(), needing(.holder))]
    ReasonMissing {
        /// The key.
        key: LockKey,
        /// Whose it is.
        holder: Box<Record>,
    },
    /// Another generation holds it than the one that was to be evicted.
    #[error("lock `{key}` is at generation {}, not {expected}: held by {}", .holder.generation, .holder.describe())]
    Generation {
        /// The key.
        key: LockKey,
        /// Which one was expected.
        expected: u64,
        /// Whose it is now.
        holder: Box<Record>,
    },
    /// The backend cannot be reached; nothing was changed.
    #[error("lock backend {place} cannot be reached: {message}")]
    Unreachable {
        /// The backend's place.
        place: String,
        /// What was said, cleaned.
        message: String,
    },
    /// A connection broke around the write and it cannot be told whether it arrived.
    #[error("it is not known whether lock `{key}` was changed: {message}")]
    Ambiguous {
        /// The key.
        key: LockKey,
        /// What was said, cleaned.
        message: String,
    },
    /// The backend refuses for good.
    #[error("lock backend {place} refused: {message}")]
    Denied {
        /// The backend's place.
        place: String,
        /// What it said, cleaned.
        message: String,
    },
    /// Others' locks cannot be seen, though the backend knows them.
    #[error("{place} are not shown to those who fetch: nobody can see who holds a lock there")]
    Hidden {
        /// The backend's place.
        place: String,
    },
    /// A record cannot be understood.
    #[error("the record of lock `{key}` in {place} cannot be understood: {why}")]
    Record {
        /// The key.
        key: LockKey,
        /// The backend's place.
        place: String,
        /// What is wrong with it.
        why: String,
        /// How it can be looked at and mended.
        mend: Mend,
    },
    /// A chain of records that this clone has seen is gone.
    #[error("lock `{key}` is gone from {place}: this clone knows its generation {}, {}", .last.generation, known(.last))]
    Gone {
        /// The key.
        key: LockKey,
        /// The backend's place.
        place: String,
        /// Its last record that was seen.
        last: Box<Record>,
        /// Where it was, and the commit that was there.
        at: Box<RefMend>,
    },
    /// What keeps all records cannot be understood.
    #[error("the lock records in {place} cannot be understood: {why}")]
    Damaged {
        /// The backend's place.
        place: String,
        /// What is wrong.
        why: String,
        /// How they can be looked at and mended.
        mend: Mend,
    },
    /// The configuration does not make a backend.
    #[error("{0}")]
    Config(String),
    /// AWS does not serve the backend.
    #[error(transparent)]
    Dynamo(#[from] DynamoError),
    /// The local repository failed underneath.
    #[error(transparent)]
    Git(#[from] GitError),
    /// Reading or writing a file of ours failed.
    #[error("cannot {what}")]
    Io {
        /// What was being done, and to which file.
        what: String,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
}

impl LockError {
    /// Whether the backend could not be reached, so that the same may succeed in a moment.
    pub fn is_away(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Ambiguous { .. }
                | Self::Git(GitError::Unreachable { .. })
                | Self::Dynamo(DynamoError::Throttled { .. })
        )
    }

    /// Whether the backend that cannot be reached is AWS's.
    pub fn is_about_aws(&self) -> bool {
        matches!(self, Self::Dynamo(_))
            || matches!(self, Self::Unreachable { place, .. } if place.starts_with(super::dynamo_error::PLACE))
    }

    /// What is wrong with a record, where it is clear already which one is meant. Safe to print.
    pub(crate) fn only_why(self) -> String {
        match self {
            Self::Record { why, .. } => why,
            other => super::record::escape(&other.to_string()),
        }
    }
}

fn taken(holder: &Record) -> &'static str {
    if holder.state == LockState::Frozen { "frozen" } else { "held" }
}

fn needing(holder: &Record) -> &'static str {
    if holder.state == LockState::Frozen {
        "it is a freeze, and taking it away"
    } else {
        "evicting somebody else's run"
    }
}

/// For which unit, where the key does not say it.
fn whose(holder: &Record) -> String {
    if holder.unit == holder.key.path() || holder.state == LockState::Frozen {
        return String::new();
    }
    format!(" for `{}`", super::record::escape(&holder.unit))
}

fn known(last: &Record) -> String {
    let state = if last.state == LockState::Free { "" } else { last.state.word() };
    let by = if state.is_empty() { last.describe() } else { format!("{state} by {}", last.describe()) };
    match &last.applied {
        Some(applied) => format!("{by}, with {} applied", applied.short()),
        None => by,
    }
}

fn because(why: &str) -> String {
    if why.is_empty() { String::new() } else { format!(": {why}") }
}

fn lost_to(now: Option<&Record>) -> String {
    now.map_or_else(|| "its record is gone".to_owned(), Record::describe)
}

fn still(held: &[LockKey]) -> String {
    if held.is_empty() {
        return String::new();
    }
    let names: Vec<String> = held.iter().map(|key| format!("`{key}`")).collect();
    format!("; this run still holds {}", names.join(", "))
}

const fn lacking(shallow: bool) -> &'static str {
    if shallow {
        "and this clone is too shallow to tell whether the tree contains it"
    } else {
        "which this tree does not contain"
    }
}
