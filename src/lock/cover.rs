//! Locks beside a run's own: freezes that cover it, and the former lock that one goes on from.
//!
//! A freeze of more than one unit is a record under a key of its own (`@all/prod`), and it must hold
//! for units that nobody has heard of yet. No run may win its lock after such a freeze has returned,
//! and a write can be made sure of by nothing but a compare-and-set on what it changes itself. So
//! the freeze moves (`fenced`, still free) every free lock that runs of its extent take: whoever
//! decided by what was there before loses his swap, looks again and finds the freeze. What does not
//! exist yet cannot be moved; therefore the first taking of any lock, and every such freeze, move
//! the key of everything (`@all/@all`): of the two one loses. Keys are not read at one instant, so a
//! run that finds its lock fenced reads once more before it believes that nothing is frozen, and a
//! freeze reads the key of everything before it looks for locks. What is frozen by another freeze is
//! left as it is, and looked at once more when this one is written: whoever takes it after its own
//! freeze has ended finds it thawed, and reads once more as well. A lock that was taken away from a run
//! needs no more than one that was given back: while the run had it, no freeze was placed. `model::many`
//! explores all orders.
//!
//! A freeze fences what is free only, and is refused while anything else is held: when it has
//! returned, no run of its extent is under way either.

use super::record::clean;
use super::record_json::{MAX_OWNER, MAX_REASON, MAX_UNIT};
use super::request::AcquireRequest;
use super::{
    Act, Change, Effect, KeySet, LockError, LockKey, LockState, Locks, Observed, Record, Version, protocol,
};
use crate::env;
use crate::git::{Ancestry, GitError, Oid};

/// Whose history a key goes on from.
pub(super) struct Carried {
    /// The highest generation that this lock had, here or before it moved.
    pub(super) generation: u64,
    /// The last commit that was applied under it, here or before it moved.
    pub(super) applied: Option<Oid>,
    /// Digest of what was rendered from it.
    pub(super) applied_output: Option<String>,
}

/// What is known of a key.
pub(super) fn find<'a>(observed: &'a [Observed], key: &LockKey) -> Option<&'a Observed> {
    observed.iter().find(|seen| seen.key == *key)
}

fn record_of<'a>(observed: &'a [Observed], key: &LockKey) -> Option<&'a Record> {
    find(observed, key).and_then(|seen| seen.last.as_ref()).map(|(_, record)| record)
}

/// The first freeze that keeps the run from taking its lock, among the keys that it only watches.
pub(super) fn frozen(watched: &[Observed]) -> Option<&Record> {
    let records = watched.iter().filter_map(|seen| seen.last.as_ref()).map(|(_, record)| record);
    records.into_iter().find(|record| record.state == LockState::Frozen)
}

/// The versions of what this run would move and a freeze may have moved since the freezes were read.
pub(super) fn fences(request: &AcquireRequest<'_>, observed: &[Observed]) -> Vec<Version> {
    let new = |seen: &Observed| {
        request.keys.contains(&seen.key) && seen.last.is_none() && seen.key.pair().is_some()
    };
    let gates: KeySet = observed.iter().filter(|seen| new(seen)).map(|seen| seen.key.everything()).collect();
    let fenced = |seen: &Observed| match &seen.last {
        // What is frozen is not moved by another freeze; the end of its own shows that again.
        Some((version, Record { act: Act::Fenced | Act::Thawed, .. }))
            if request.keys.contains(&seen.key) =>
        {
            Some(version.clone())
        }
        Some((version, record)) if gates.contains(&seen.key) && record.act != Act::Opened => {
            Some(version.clone())
        }
        _ => None,
    };
    observed.iter().filter_map(fenced).collect()
}

/// What a key goes on from: of two commits that were applied the one that contains the other. Where
/// neither does, history was rewritten, or two branches were applied; both locks of a pair get the same
/// generation whenever one run takes them, so the one with the higher has seen a run that the other has
/// not.
pub(super) fn carried(
    request: &AcquireRequest<'_>,
    taken: &[Observed],
    key: &LockKey,
) -> Result<Carried, GitError> {
    let own = record_of(taken, key);
    let other = request.carry.iter().find_map(|(now, former)| match key {
        key if key == now => Some((record_of(taken, former), true)),
        key if key == former => Some((record_of(taken, now), false)),
        _ => None,
    });
    let (other, goes_on) = other.unwrap_or((None, false));
    let age = |record: Option<&Record>| record.map_or((0, None), |r| (r.generation, Some(r.time)));
    let applied_by = |record: Option<&Record>| record.and_then(|r| r.applied.clone());
    let newest =
        if goes_on && age(other) > age(own) { [other, own] } else { [own, other.filter(|_| goes_on)] };
    let applied = match newest.map(applied_by) {
        [Some(first), Some(second)] if first != second => {
            let behind = (request.ancestry)(&second, &first)? == Ancestry::Contains;
            Some(if behind { second } else { first })
        }
        [first, second] => first.or(second),
    };
    let is_its = |record: &&Record| applied.is_some() && record.applied == applied;
    let applied_output = newest.into_iter().flatten().find(is_its).and_then(|r| r.applied_output.clone());
    Ok(Carried { generation: age(own).0.max(age(other).0), applied, applied_output })
}

impl Locks<'_> {
    /// Whoever takes or freezes a lock that never was moves the key of everything as well, so that a
    /// freeze that does not know of the lock and this act cannot both succeed.
    pub(super) fn gates(&self, taken: &[Observed], watched: &[Observed]) -> Result<Vec<Change>, LockError> {
        let new = taken.iter().filter(|seen| seen.last.is_none() && seen.key.pair().is_some());
        let keys: KeySet = new.map(|seen| seen.key.everything()).collect();
        let gates = keys.iter().filter_map(|key| find(watched, key));
        // While everything is frozen nothing is taken; a freeze beside that one leaves it as it is.
        let frozen =
            |gate: &&Observed| gate.last.as_ref().is_some_and(|(_, last)| last.state == LockState::Frozen);
        let gates = gates.filter(|gate| !frozen(gate));
        gates
            .map(|gate| {
                let mut change = self.fence(gate, "a lock was taken for the first time")?;
                // That a freeze has moved it once stays to be seen.
                if gate.last.as_ref().is_none_or(|(_, last)| last.act == Act::Opened) {
                    change.record.act = Act::Opened;
                }
                Ok(change)
            })
            .collect()
    }

    /// Moves a key that is free, and leaves it so.
    pub(super) fn fence(&self, seen: &Observed, why: &str) -> Result<Change, LockError> {
        let by_us = |record: Record| Record {
            owner: clean(self.owner, MAX_OWNER),
            run: self.run.to_owned(),
            host: self.host_for_record(),
            pid: env::pid(),
            process_start: env::process_start(),
            ..record
        };
        let record = match &seen.last {
            Some((_, last)) => by_us(self.next(last, LockState::Free, Act::Fenced, Some(why))?),
            None => {
                let keys = KeySet::one(seen.key.clone());
                self.first(seen, &keys, seen.key.path(), LockState::Free, Act::Fenced, why)?
            }
        };
        Ok(Change {
            key: seen.key.clone(),
            expect: seen.last.as_ref().map(|(version, _)| version.clone()),
            record,
        })
    }

    /// A record that a person's act makes, not a run.
    pub(super) fn first(
        &self,
        seen: &Observed,
        keys: &KeySet,
        unit: &str,
        state: LockState,
        act: Act,
        reason: &str,
    ) -> Result<Record, LockError> {
        let last = seen.last.as_ref().map(|(_, record)| record);
        let record = Record {
            lockstep: Record::VERSION,
            key: seen.key.clone(),
            unit: clean(unit, MAX_UNIT),
            keys: keys.clone(),
            generation: last.map_or(0, |record| record.generation) + 1,
            state,
            act,
            owner: clean(self.owner, MAX_OWNER),
            run: self.run.to_owned(),
            nonce: protocol::nonce()?,
            host: self.host_for_record(),
            pid: env::pid(),
            process_start: env::process_start(),
            program: None,
            subcommand: None,
            commit: None,
            output: None,
            applied: last.and_then(|record| record.applied.clone()),
            applied_output: last.and_then(|record| record.applied_output.clone()),
            effect: Effect::None,
            unfinished: Vec::new(),
            overrides: Vec::new(),
            time: self.clock.now(),
            reason: Some(clean(reason, MAX_REASON)).filter(|text| !text.is_empty()),
        };
        Ok(self.carry_lost(seen, record))
    }
}
