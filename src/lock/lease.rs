//! The lease: what a run that won a lock holds in its hands. It frees nothing when dropped.

use super::{Effect, LockKey, Record, Version};
use crate::git::Oid;

/// A lock that a run holds: proof that it won, and what it needs to go on.
#[derive(Clone, Debug)]
pub struct Lease {
    /// For each key what this run wrote last, sorted by key; never empty.
    pub entries: Vec<LeaseEntry>,
    /// This run went on from one of the same owner whose commands may have changed things.
    pub resumed: bool,
}

/// One key of a lease.
#[derive(Clone, Debug)]
pub struct LeaseEntry {
    /// The key.
    pub key: LockKey,
    /// The version that this run wrote last; it must still be the current one for any further act.
    pub version: Version,
    /// The record of that version.
    pub record: Record,
    /// What was there when this run took it, and what giving it back returns it to.
    pub prior: Prior,
}

/// In which state a run found the lock that it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prior {
    /// Nobody's.
    Free,
    /// The same owner's, from a run that failed or died.
    Failed {
        /// What that run did to the world.
        effect: Effect,
    },
}

impl Prior {
    /// What was done to the world under the lock before this run took it.
    pub const fn effect(self) -> Effect {
        match self {
            Self::Free => Effect::None,
            Self::Failed { effect } => effect,
        }
    }
}

impl Lease {
    /// The keys, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &LockKey> {
        self.entries.iter().map(|entry| &entry.key)
    }

    /// The highest generation among the keys.
    pub fn generation(&self) -> u64 {
        self.entries.iter().map(|entry| entry.record.generation).max().unwrap_or_default()
    }

    /// Whether this run took over a change that was begun and not finished.
    pub fn found_unfinished(&self) -> bool {
        self.entries.iter().any(|entry| entry.prior.effect() == Effect::Unfinished)
    }

    /// HEAD of the run when it took the lock.
    pub fn commit(&self) -> Option<&Oid> {
        self.entries.first().and_then(|entry| entry.record.commit.as_ref())
    }
}
