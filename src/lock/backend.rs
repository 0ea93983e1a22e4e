//! The trait that backends implement, and what goes in and out of it.
//!
//! A backend keeps a chain of records under each key and changes it by compare-and-set. It decides
//! nothing: who may take, release or evict is in the protocol above it.

use serde::{Deserialize, Serialize};

use super::{KeySet, LockError, LockKey, Past, Record, RefMend};
use crate::git::Oid;

/// What a backend calls one state of a lock: a commit id, a nonce. Compared, never interpreted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Version(pub String);

/// What a read of one key found.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The key that was read.
    pub key: LockKey,
    /// The last record and its version; none if the key was never locked.
    pub last: Option<(Version, Record)>,
}

/// A chain that was seen and that its place has lost.
#[derive(Clone, Debug)]
pub struct LostChain {
    /// Its last record that was seen.
    pub record: Record,
    /// The user has been told.
    pub shown: bool,
    /// Where it was: its ref on the remote, and the commit that was there.
    pub at: RefMend,
}

/// What a listing found in one place of a backend.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The key as people read it; for a place that is no key's what it is called there. Safe to print.
    pub name: String,
    /// The last record, or why it cannot be understood, safe to print.
    pub last: Result<Record, String>,
}

/// How fresh a read must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// What this run has already fetched will do: the swap decides anyway.
    Known,
    /// Ask the backend now.
    Now,
}

/// One key's change within a [`Swap`].
#[derive(Clone, Debug)]
pub struct Change {
    /// Which lock.
    pub key: LockKey,
    /// The version that must still be the last; none: the key must not exist.
    pub expect: Option<Version>,
    /// The record to put there.
    pub record: Record,
}

/// What a swap says about a branch of the same remote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BranchChange {
    /// The branch must still be where it was seen.
    Unmoved {
        /// Full ref name on the remote, `refs/heads/main`.
        name: String,
        /// Where it was seen.
        seen: Oid,
    },
    /// The branch moves forward in the same atomic act; the user's pre-push hook runs for it.
    Forward {
        /// Full ref name on the remote.
        name: String,
        /// The commit that it moves to: a descendant of where it is.
        to: Oid,
    },
}

impl BranchChange {
    /// Full ref name of the branch on the remote.
    pub fn name(&self) -> &str {
        match self {
            Self::Unmoved { name, .. } | Self::Forward { name, .. } => name,
        }
    }
}

/// A compare-and-set over a set of keys, all or nothing.
#[derive(Clone, Debug)]
pub struct Swap {
    /// Sorted by key, never empty.
    pub changes: Vec<Change>,
    /// Only for branches of [`LockBackend::branch_remote`].
    pub branch: Option<BranchChange>,
}

/// How a swap ended, when it is known for certain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Swapped {
    /// Every change was made; the new versions, in the order of the changes.
    Done(Vec<Version>),
    /// Every change was made, and somebody has changed a key again since: our records are in the
    /// chains, no longer all at the tips.
    Superseded,
    /// Nothing was changed.
    Lost(LostTo),
}

/// What stood in the way of a swap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LostTo {
    /// A key was no longer at the expected version. What the backend knows is now as fresh as this
    /// answer, so that a read with [`Freshness::Known`] tells what is there instead.
    Lock,
    /// The branch could not be guarded or moved.
    Branch(BranchRefusal),
    /// The backend refuses to change its records for good: a hook, missing rights. Its words, cleaned.
    Denied(String),
}

/// Why a branch was not moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BranchRefusal {
    /// It is no longer where it was seen, or does not move forward to the new commit.
    Moved,
    /// The remote refuses: a protected branch, a hook, missing rights. Its words, cleaned.
    Denied(String),
    /// The user's own pre-push hook said no, in these words, cleaned.
    Hook(String),
}

/// Keeps records. One of the four traits of the crate; a new backend is one file and one line in
/// `BACKENDS`, and the contract suite must pass on it.
pub trait LockBackend: Send + Sync {
    /// Its name in `[lock] backend`.
    fn name(&self) -> &'static str;

    /// Where the records are, for people: `refs/lockstep/locks on origin`.
    fn place(&self) -> String;

    /// The remote whose branches a swap can guard and move in the same atomic act; none if it cannot.
    fn branch_remote(&self) -> Option<&str> {
        None
    }

    /// Reads the keys, in the set's order.
    ///
    /// # Errors
    /// [`LockError::Unreachable`], or [`LockError::Record`] for a record that cannot be understood.
    fn read(&self, keys: &KeySet, freshness: Freshness) -> Result<Vec<Observed>, LockError>;

    /// The last record of every lock that was ever taken, sorted by name. However many there are, a
    /// backend is asked once; and a record that cannot be understood hides no other.
    ///
    /// # Errors
    /// [`LockError::Unreachable`], or [`LockError::Damaged`] where single records cannot be told apart.
    fn list(&self, freshness: Freshness) -> Result<Vec<Listed>, LockError>;

    /// Whether a list by what a read has just asked for ([`Freshness::Known`]) asks nobody again.
    fn reads_all(&self) -> bool {
        false
    }

    /// Makes all changes or none. An outcome that a broken connection left open is resolved before
    /// this returns: by saying the same again, and by looking for our records in the chain.
    ///
    /// # Errors
    /// [`LockError::Unreachable`] when it is certain that nothing was changed,
    /// [`LockError::Ambiguous`] when it cannot be told.
    fn swap(&self, swap: &Swap) -> Result<Swapped, LockError>;

    /// The chain of a key as this run knows it, newest first: at most `limit` records that can be
    /// understood, and those in front of and between them that cannot. One that cannot be understood
    /// hides no other; a backend may take many of them in a row for the end of the chain.
    ///
    /// # Errors
    /// [`LockError::Unreachable`], or [`LockError::Damaged`] where single records cannot be told apart.
    fn history(&self, key: &LockKey, limit: usize) -> Result<Vec<Past>, LockError>;

    /// What this machine has seen of a key whose chain the place has lost since; `now` is what is there. Only
    /// where that can be known, and nothing once a record there is of the same generation or a later one.
    fn lost(&self, key: &LockKey, now: Option<&Record>) -> Option<LostChain> {
        let _ = (key, now);
        None
    }

    /// The user is told of it now: the next run may go on from what is known.
    ///
    /// # Errors
    /// When that cannot be kept.
    fn show_lost(&self, key: &LockKey) -> Result<(), LockError> {
        let _ = key;
        Ok(())
    }
}
