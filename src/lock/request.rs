//! What a run asks for when it takes a lock, and which keys that comes to with what is there.
//!
//! What must hold: a run takes what it asks for; beyond that only what an earlier run of the same owner has
//! left of the very same unit, together with a lock that this run goes on from.

use std::collections::BTreeMap;

use super::record::clean;
use super::record_json::{MAX_OWNER, MAX_UNIT};
use super::{
    BranchChange, Freshness, KeySet, Lease, LockError, LockKey, LockState, Locks, Observed, Proof, Record,
};
use crate::git::{Ancestry, GitError, Oid};

/// What a run asks for when it takes a lock.
pub struct AcquireRequest<'a> {
    /// The keys, all or nothing.
    pub keys: &'a KeySet,
    /// Keys that are not taken; a freeze of one of them refuses the run.
    pub watch: &'a KeySet,
    /// A key that is taken, and the one whose generation and `applied` it goes on from: both are taken.
    pub carry: &'a [(LockKey, LockKey)],
    /// What it runs for, for people: `alpha/prod`.
    pub unit: String,
    /// `Known` if this run has just fetched, or where what an earlier one has fetched is likely to be still so.
    pub freshness: Freshness,
    /// HEAD.
    pub commit: Option<Oid>,
    /// Digest of what was rendered from it; none if nothing was, or will be only later.
    pub output: Option<String>,
    /// Whether HEAD contains a commit.
    pub contains: &'a dyn Fn(&Oid) -> Result<Ancestry, GitError>,
    /// Whether the first of two commits contains the second.
    pub ancestry: &'a dyn Fn(&Oid, &Oid) -> Result<Ancestry, GitError>,
    /// Whether the run that wrote a record has ended, tool and all. Asked only for the very same host.
    pub ended: &'a dyn Fn(&Record) -> Proof,
    /// The branch that must not have moved since it was seen.
    pub branch: Option<BranchChange>,
    /// The program that will run under the lock. Never its arguments.
    pub program: Option<String>,
    /// Its subcommand, if it is a known one.
    pub subcommand: Option<String>,
    /// Keys of parameters that came from outside the repository.
    pub overrides: Vec<String>,
    /// A command that is not known to only read will run under the lock.
    pub will_change: bool,
    /// No command at all will run: the run is there to push and to give back.
    pub only_finishes: bool,
    /// Whether what this run has rendered is what the change was made with that a record tells of.
    pub in_effect: &'a dyn Fn(&Record) -> Result<bool, GitError>,
    /// Go on although HEAD lacks what was last applied.
    pub accept_rewrite: bool,
}

/// How taking a lock by what is known from an earlier fetch has ended.
#[derive(Debug)]
pub enum ByKnown {
    /// Taken: what was known is still so.
    Taken(Lease),
    /// Not taken. Refuses nobody: it is a reason to ask, and nothing more.
    NotSo {
        /// The backend has looked meanwhile: branch and locks are known as of now.
        looked: bool,
    },
}

/// What is there of what a run has to do with.
pub(super) struct Seen {
    /// The keys that it takes.
    pub(super) keys: KeySet,
    /// Those, and the ones that it only watches, sorted.
    pub(super) observed: Vec<Observed>,
}

impl Locks<'_> {
    /// What is there of the keys, those that are taken and those that are only watched.
    pub(super) fn observe(
        &self,
        request: &AcquireRequest<'_>,
        freshness: Freshness,
    ) -> Result<Seen, LockError> {
        let mut observed = self.backend.read(&request.keys.and(request.watch), freshness)?;
        let named = self.named_by_own(request, &observed);
        if named.is_empty() {
            return Ok(Seen { keys: request.keys.clone(), observed });
        }
        let unseen: KeySet =
            named.keys().filter(|key| observed.iter().all(|seen| seen.key != **key)).cloned().collect();
        if !unseen.is_empty() {
            match self.backend.read(&unseen, Freshness::Known) {
                Ok(more) => observed.extend(more),
                // The run does not ask for it, so it is not refused for it.
                Err(LockError::Record { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let left = |seen: &&Observed| {
            let record = seen.last.as_ref().map(|(_, record)| record);
            record.is_some_and(|record| {
                self.is_own(record, request) && named.get(&seen.key) == Some(&record.run)
            })
        };
        let left: KeySet = observed.iter().filter(left).map(|seen| seen.key.clone()).collect();
        let keys = request.keys.and(&left);
        observed.retain(|seen| keys.contains(&seen.key) || request.watch.contains(&seen.key));
        observed.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(Seen { keys, observed })
    }

    /// The keys that records of earlier runs name and this request does not, each with the run. The
    /// configuration has left them out since, and no later run of the unit would set them free.
    fn named_by_own(&self, request: &AcquireRequest<'_>, observed: &[Observed]) -> BTreeMap<LockKey, String> {
        let asked = observed.iter().filter(|seen| request.keys.contains(&seen.key));
        let own = asked.filter_map(|seen| Some((&seen.key, &seen.last.as_ref()?.1)));
        let own = own.filter(|(_, record)| self.is_own(record, request));
        let named = own.flat_map(|(key, record)| {
            // A record calls its keys as they are called in its own place.
            let here = |other: &LockKey| if key.is_former() { other.in_former() } else { other.clone() };
            record.keys.iter().map(move |other| (here(other), record.run.clone()))
        });
        named.filter(|(key, _)| !request.keys.contains(key)).collect()
    }

    /// Whether a run of this owner took it for this unit and has not given it back.
    fn is_own(&self, record: &Record, request: &AcquireRequest<'_>) -> bool {
        matches!(record.state, LockState::Held | LockState::Failed)
            && record.owner == clean(self.owner, MAX_OWNER)
            && record.unit == clean(&request.unit, MAX_UNIT)
    }
}
