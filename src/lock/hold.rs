//! Holding a lock and letting go of it: push, failure, release, giving back, verification.
//!
//! All of it is fenced on the exact versions that this run wrote last, heard of it or not. If one of
//! them is no longer the current one, nothing is written and the run has lost its lock.

use super::record::clean;
use super::record_json::MAX_REASON;
use super::{
    Act, BranchChange, BranchRefusal, Change, Effect, Freshness, KeySet, Lease, LeaseEntry, LockError,
    LockState, Locks, LostTo, Mend, Observed, Prior, Record, Swap, Swapped, Version,
};
use crate::git::Oid;

/// How often a write is said again that was refused although nothing stood in its way.
const ATTEMPTS: usize = 3;
/// How far back in a chain a run looks for its own release.
const LOOK_BACK: usize = 64;

/// What became of a write that also had to do with a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// Branch and lock were moved.
    Done,
    /// The branch stood in the way; nothing was changed and the lock is still held.
    Branch(BranchRefusal),
}

/// What a run that went well has done to the world, when it gives its lock back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing: its commands only read, or there were none.
    Unchanged,
    /// It changed things, or completed what an earlier run had changed; the commit that is in effect
    /// now, where there are commits.
    Changed(Option<Oid>),
}

impl From<Option<&Oid>> for Outcome {
    fn from(applied: Option<&Oid>) -> Self {
        applied.map_or(Self::Unchanged, |oid| Self::Changed(Some(oid.clone())))
    }
}

/// A write's end, before it is said what it means.
enum End {
    Now(Vec<Version>),
    /// Written, and changed by somebody since.
    Before,
    Branch(BranchRefusal),
}

/// Whether a write has arrived of which nothing was heard.
enum Arrived {
    Whole(End),
    Half,
    No,
}

impl Locks<'_> {
    /// Moves the branch and advances the lock in one atomic act, so that a run whose lock was taken
    /// from it cannot push.
    ///
    /// # Errors
    /// [`LockError::Lost`], and whatever the backend says. The lease is still the last one written.
    pub fn pushed(&self, lease: &mut Lease, branch: BranchChange) -> Result<Written, LockError> {
        let records =
            self.records(lease, |entry| self.next(&entry.record, LockState::Held, Act::Pushed, None))?;
        match self.write(lease, &records, Some(branch))? {
            End::Now(versions) => {
                for ((entry, record), version) in lease.entries.iter_mut().zip(records).zip(versions) {
                    entry.record = record;
                    entry.version = version;
                }
                Ok(Written::Done)
            }
            End::Before => Err(self.lost(lease)?),
            End::Branch(refusal) => Ok(Written::Branch(refusal)),
        }
    }

    /// Gives the lock back after success. A commit that is now in effect becomes `applied`; without
    /// one the last is carried on. Releasing twice is releasing once.
    ///
    /// A run that took over a change and changed nothing itself has not finished it, unless it can say
    /// which commit is in effect: the lock goes back to being failed. So does one under which another
    /// unit's change is unfinished.
    ///
    /// # Errors
    /// [`LockError::Lost`], and whatever the backend says.
    pub fn release(
        &self,
        lease: &Lease,
        outcome: impl Into<Outcome>,
        branch: Option<BranchChange>,
    ) -> Result<Written, LockError> {
        let outcome = outcome.into();
        let records = self.records(lease, |entry| {
            let untouched = entry.untouched && entry.prior != Prior::Free;
            if untouched || outcome == Outcome::Unchanged && lease.resumed {
                return self.as_found(entry, "nothing has changed since");
            }
            let mut record = self.next(&entry.record, LockState::Free, Act::Released, None)?;
            record.effect = Effect::None;
            if let (Outcome::Changed(applied), false) = (&outcome, entry.untouched) {
                record.effect = Effect::Applied;
                if let Some(applied) = applied {
                    record.applied = Some(applied.clone());
                    record.applied_output.clone_from(&record.output);
                }
            }
            let others = entry.others();
            Ok(if others.is_empty() {
                Record { unfinished: others, ..record }
            } else {
                left_to(record, others)
            })
        })?;
        let alone = branch.is_none();
        match self.write(lease, &records, branch) {
            Ok(End::Now(_) | End::Before) => Ok(Written::Done),
            Ok(End::Branch(refusal)) => Ok(Written::Branch(refusal)),
            Err(LockError::Lost { .. }) if alone && self.already_released(lease)? => Ok(Written::Done),
            Err(error) => Err(error),
        }
    }

    /// Gives the lock back as it was found, because no command has run under it: free, or failed if
    /// this run had gone on from a failure.
    ///
    /// # Errors
    /// [`LockError::Lost`], and whatever the backend says.
    pub fn give_back(&self, lease: &Lease, reason: &str) -> Result<(), LockError> {
        let records = self.records(lease, |entry| self.as_found(entry, reason))?;
        self.finish(lease, &records)
    }

    /// Keeps the lock and records that the run has failed, so that its owner can go on from there.
    /// `effect` is what this run itself has done; if that is nothing, what it found stands.
    ///
    /// # Errors
    /// [`LockError::Lost`], and whatever the backend says.
    pub fn fail(&self, lease: &Lease, effect: Effect, reason: &str) -> Result<(), LockError> {
        self.end_with(LockState::Failed, lease, effect, reason)
    }

    /// Keeps the lock and records that the run has failed and that something which its tools started lives
    /// on: the lock stays held, for a recorded failure is proof to its owner that all has ended.
    ///
    /// # Errors
    /// As for [`Locks::fail`].
    pub fn outlived(&self, lease: &Lease, effect: Effect, reason: &str) -> Result<(), LockError> {
        self.end_with(LockState::Held, lease, effect, reason)
    }

    fn end_with(
        &self,
        state: LockState,
        lease: &Lease,
        effect: Effect,
        reason: &str,
    ) -> Result<(), LockError> {
        let records = self.records(lease, |entry| {
            let mut record = self.next(&entry.record, state, Act::Failed, Some(reason))?;
            let mut unfinished = entry.others();
            let own = effect == Effect::Unfinished
                || effect == Effect::None && entry.unfinished.contains(&entry.record.unit);
            if own {
                unfinished.push(entry.record.unit.clone());
            }
            record.effect = effect;
            if effect == Effect::None {
                entry.put_back(&mut record);
            }
            Ok(record.with_unfinished(unfinished))
        })?;
        self.finish(lease, &records)
    }

    /// Asks the backend whether the lock is still this run's.
    ///
    /// # Errors
    /// [`LockError::Lost`] if not, and whatever the backend says.
    pub fn verify(&self, lease: &Lease) -> Result<(), LockError> {
        loop {
            match self.backend.read(&key_set(lease), Freshness::Now) {
                Err(error) if error.is_away() && self.patience.is_some_and(|waits| waits(&error)) => {}
                observed => return lost_among(lease, observed?).map_or(Ok(()), Err),
            }
        }
    }

    /// Whether the chains say that this run has let go of every key of the lease, be it at the tip
    /// or before others came.
    ///
    /// # Errors
    /// Whatever the backend says.
    pub fn already_released(&self, lease: &Lease) -> Result<bool, LockError> {
        for entry in &lease.entries {
            let ours = |r: &Record| {
                r.run == entry.record.run
                    && r.generation == entry.record.generation
                    && r.state != LockState::Held
                    && matches!(r.act, Act::Released | Act::GivenBack)
            };
            let chain = self.backend.history(&entry.key, LOOK_BACK)?;
            if chain.iter().flatten().any(ours) {
                continue;
            }
            // What cannot be understood may be just that record.
            return match chain.into_iter().find_map(Result::err) {
                None => Ok(false),
                Some(bad) => Err(LockError::Record {
                    key: entry.key.clone(),
                    place: self.backend.place(),
                    why: bad.to_string(),
                    mend: Mend::Unknown,
                }),
            };
        }
        Ok(true)
    }

    /// The record that returns a key to what it was when this run took it.
    fn as_found(&self, entry: &LeaseEntry, reason: &str) -> Result<Record, LockError> {
        let state = if entry.prior == Prior::Free { LockState::Free } else { LockState::Failed };
        let mut record = self.next(&entry.record, state, Act::GivenBack, Some(reason))?;
        entry.put_back(&mut record);
        if let (false, Some(other)) = (entry.unfinished.contains(&record.unit), entry.unfinished.first()) {
            record.unit = other.clone();
        }
        Ok(record.with_unfinished(entry.unfinished.clone()))
    }

    fn finish(&self, lease: &Lease, records: &[Record]) -> Result<(), LockError> {
        match self.write(lease, records, None)? {
            End::Now(_) | End::Before => Ok(()),
            // Without a branch in the swap no branch can stand in its way.
            End::Branch(_) => Err(self.lost(lease)?),
        }
    }

    fn records(
        &self,
        lease: &Lease,
        next: impl Fn(&LeaseEntry) -> Result<Record, LockError>,
    ) -> Result<Vec<Record>, LockError> {
        lease.entries.iter().map(next).collect()
    }

    fn write(
        &self,
        lease: &Lease,
        records: &[Record],
        branch: Option<BranchChange>,
    ) -> Result<End, LockError> {
        let change = |(entry, record): (&LeaseEntry, &Record)| Change {
            key: entry.key.clone(),
            expect: Some(entry.version.clone()),
            record: record.clone(),
        };
        let mut swap = Swap { changes: lease.entries.iter().zip(records).map(change).collect(), branch };
        // Why it is not known whether an earlier one of the very same writes has arrived.
        let mut open: Option<String> = None;
        let mut lost = 0;
        while lost < ATTEMPTS {
            let swapped = match self.backend.swap(&swap) {
                Err(error) if error.is_away() && self.patience.is_some_and(|waits| waits(&error)) => {
                    if let LockError::Ambiguous { message, .. } = error {
                        open = Some(message);
                    }
                    continue;
                }
                Err(error) => return Err(self.as_open(lease, error, open)),
                Ok(swapped) => swapped,
            };
            match swapped {
                Swapped::Done(versions) => return Ok(End::Now(versions)),
                Swapped::Superseded => return Ok(End::Before),
                Swapped::Lost(LostTo::Branch(refusal)) => return Ok(End::Branch(refusal)),
                Swapped::Lost(LostTo::Denied(message)) => {
                    return Err(LockError::Denied { place: self.backend.place(), message });
                }
                // Lost, and yet everything is still ours: something passing stood in the way, or an
                // earlier push of ours has arrived that nothing was heard of.
                Swapped::Lost(LostTo::Lock) => {
                    lost += 1;
                    let observed = self.backend.read(&key_set(lease), Freshness::Known)?;
                    if let Some(message) = &open {
                        match self.arrived(&swap, &observed)? {
                            Arrived::Whole(end) => return Ok(end),
                            Arrived::No => {}
                            // Two places cannot be moved in one act.
                            Arrived::Half => {
                                let (key, message) = (lease.entries[0].key.clone(), message.clone());
                                return Err(LockError::Ambiguous { key, message });
                            }
                        }
                    }
                    for ((entry, change), seen) in lease.entries.iter().zip(&mut swap.changes).zip(&observed)
                    {
                        change.expect = Some(still_held(entry, seen).unwrap_or(&entry.version).clone());
                    }
                    if let Some(lost) = lost_among(lease, observed) {
                        return Err(lost);
                    }
                }
            }
        }
        Err(LockError::Contended { key: lease.entries[0].key.clone() })
    }

    /// An error at a later one of several same writes leaves it open what became of the earlier ones.
    fn as_open(&self, lease: &Lease, error: LockError, open: Option<String>) -> LockError {
        match (error, open) {
            (LockError::Unreachable { .. }, Some(message)) => {
                LockError::Ambiguous { key: lease.entries[0].key.clone(), message }
            }
            (error, _) => error,
        }
    }

    /// Whether an earlier write of the same records is what the later one was refused for. A record's nonce
    /// is in no other record.
    fn arrived(&self, swap: &Swap, observed: &[Observed]) -> Result<Arrived, LockError> {
        let (mut versions, mut buried) = (Vec::new(), 0);
        for (change, seen) in swap.changes.iter().zip(observed) {
            let ours = |record: &Record| record.nonce == change.record.nonce;
            match &seen.last {
                Some((version, record)) if ours(record) => versions.push(version.clone()),
                _ if self.backend.history(&change.key, LOOK_BACK)?.iter().flatten().any(ours) => buried += 1,
                _ => {}
            }
        }
        Ok(match versions.len() + buried {
            0 => Arrived::No,
            count if count < swap.changes.len() => Arrived::Half,
            _ if buried == 0 => Arrived::Whole(End::Now(versions)),
            _ => Arrived::Whole(End::Before),
        })
    }

    /// What was lost and to whom, as the backend knows since it said so.
    fn lost(&self, lease: &Lease) -> Result<LockError, LockError> {
        let key = lease.entries[0].key.clone();
        let observed = self.backend.read(&key_set(lease), Freshness::Known)?;
        Ok(lost_among(lease, observed).unwrap_or(LockError::Contended { key }))
    }
}

/// What is released, and yet stays locked for the changes of other units that are unfinished under it.
fn left_to(record: Record, others: Vec<String>) -> Record {
    let why = format!("`{}` has succeeded; unfinished: {}", record.unit, others.join(", "));
    let record = Record {
        state: LockState::Failed,
        act: Act::GivenBack,
        effect: Effect::Unfinished,
        unit: others.first().cloned().unwrap_or_default(),
        reason: Some(clean(&why, MAX_REASON)),
        ..record
    };
    record.with_unfinished(others)
}

fn key_set(lease: &Lease) -> KeySet {
    lease.keys().cloned().collect()
}

fn lost_among(lease: &Lease, observed: Vec<Observed>) -> Option<LockError> {
    let mut lost = None;
    let mut held = Vec::new();
    for (entry, seen) in lease.entries.iter().zip(observed) {
        if still_held(entry, &seen).is_some() {
            held.push(entry.key.clone());
        } else {
            lost.get_or_insert((entry.key.clone(), seen.last.map(|(_, record)| Box::new(record))));
        }
    }
    lost.map(|(key, now)| LockError::Lost { key, now, held })
}

/// The version under which the lease's own run holds a key now: the one that it wrote last, or that
/// of a push which it could not tell to have arrived. Whoever takes a key over or evicts its holder
/// leaves another run and generation, so no other record can pass for it.
fn still_held<'a>(entry: &LeaseEntry, seen: &'a Observed) -> Option<&'a Version> {
    let (version, record) = seen.last.as_ref()?;
    let ours = record.state == LockState::Held
        && record.act == Act::Pushed
        && record.run == entry.record.run
        && record.generation == entry.record.generation;
    (ours || *version == entry.version).then_some(version)
}
