//! The lease: what a run that won a lock holds in its hands. It frees nothing when dropped.

use super::{Change, Effect, LockKey, Record, Version};
use crate::git::Oid;

/// A lock that a run holds: proof that it won, and what it needs to go on.
#[derive(Clone, Debug)]
pub struct Lease {
    /// For each key what this run wrote last, sorted by key; never empty.
    pub entries: Vec<LeaseEntry>,
    /// This run went on from one of the same owner whose commands may have changed things.
    pub resumed: bool,
    /// HEAD of the run when it took the lock: what its commands run on, and all that it may push.
    pub head: Option<Oid>,
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
    /// The units whose changes were unfinished under it then.
    pub unfinished: Vec<String>,
    /// The record that this run found, if the lock was not free.
    pub found: Option<Box<Record>>,
    /// This run has changed something, but nothing under this key.
    pub untouched: bool,
}

impl LeaseEntry {
    /// Those of them that no success of this run finishes: they are not its own.
    pub fn others(&self) -> Vec<String> {
        if self.untouched {
            return self.unfinished.clone();
        }
        self.unfinished.iter().filter(|unit| **unit != self.record.unit).cloned().collect()
    }
}

impl LeaseEntry {
    /// Says in a record whose change is under the lock, where this run has made none.
    pub(super) fn put_back(&self, record: &mut Record) {
        record.effect = self.prior.effect();
        let Some(found) = &self.found else { return };
        (record.program, record.subcommand) = (found.program.clone(), found.subcommand.clone());
        if record.effect == Effect::Applied {
            (record.commit, record.output) = (found.commit.clone(), found.output.clone());
        }
    }
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

/// What a run found under a key that it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) prior: Prior,
    /// The units whose changes are unfinished there.
    pub(super) unfinished: Vec<String>,
    /// The record, if it is not free.
    pub(super) record: Option<Box<Record>>,
    /// HEAD of the run that takes it.
    pub(super) head: Option<Oid>,
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
        self.entries.iter().any(|entry| !entry.unfinished.is_empty())
    }

    /// Whether this run went on from another of the same owner, be it that it changed nothing.
    pub fn taken_over(&self) -> bool {
        self.entries.iter().any(|entry| entry.prior != Prior::Free)
    }

    /// The keys that stay failed whatever this run does, and the other units whose changes keep them so.
    pub fn kept_by_others(&self) -> Option<(Vec<&LockKey>, Vec<String>)> {
        let kept = self.entries.iter().filter(|entry| !entry.others().is_empty());
        let mut units: Vec<String> = kept.clone().flat_map(LeaseEntry::others).collect();
        units.sort();
        units.dedup();
        (!units.is_empty()).then(|| (kept.map(|entry| &entry.key).collect(), units))
    }

    /// The records of changes that were applied under it and not recorded so, as this run found them.
    pub fn found_applied(&self) -> impl Iterator<Item = &Record> {
        let applied = self.entries.iter().filter(|entry| entry.prior.effect() == Effect::Applied);
        applied.filter_map(|entry| entry.found.as_deref())
    }
}

/// The lease of changes that were made; what was moved along with the locks is not in it.
pub(super) fn lease(changes: Vec<Change>, versions: Vec<Version>, priors: &[Option<Found>]) -> Lease {
    let entries: Vec<LeaseEntry> = changes
        .into_iter()
        .zip(versions)
        .zip(priors)
        .filter_map(|((change, version), found)| {
            let Found { prior, unfinished, record: found, .. } = found.clone()?;
            Some(LeaseEntry {
                key: change.key,
                version,
                record: change.record,
                prior,
                unfinished,
                found,
                untouched: false,
            })
        })
        .collect();
    let head = priors.iter().flatten().find_map(|found| found.head.clone());
    let resumed = entries.iter().any(|entry| entry.prior.effect() != Effect::None);
    Lease { entries, resumed, head }
}
