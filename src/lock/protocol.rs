//! Taking a lock: who may, and with which record. The only file that decides so.
//!
//! What must hold, whatever the backend: a run holds all of its keys or none; it holds them only
//! if nobody else does, or if the holder was its own owner's and has ended beyond doubt; and only
//! if its tree contains the commit that was last applied. Every decision is about exact versions,
//! and the swap fails if one of them is no longer the last.

use super::lease::{Found, lease};
use super::record::clean;
use super::record_json::{MAX_OVERRIDES, MAX_OWNER, MAX_REASON, MAX_UNIT, MAX_WORD};
use super::request::Seen;
use super::{
    AcquireRequest, Act, BranchChange, ByKnown, Change, Effect, Freshness, KeySet, Lease, LockBackend,
    LockError, LockKey, LockState, LostTo, Observed, Prior, Proof, Record, Swap, Swapped, Version, cover,
};
use crate::env::{self, Clock, Host};

/// How often a run that lost a race looks again before it gives up.
const ATTEMPTS: usize = 5;
/// How often if what it lost may have been no more than the key that all first takings move.
const FIRST_ATTEMPTS: usize = 40;

/// The locks of one backend, as one run sees them.
#[derive(Clone, Copy)]
pub struct Locks<'a> {
    /// Where the records are.
    pub backend: &'a dyn LockBackend,
    /// Tells when a record was written.
    pub clock: Clock,
    /// Where the run lives.
    pub host: &'a Host,
    /// Who runs.
    pub owner: &'a str,
    /// Which invocation: letters, digits, `-` and `_`, at most 64.
    pub run: &'a str,
    /// Asked when a write of a run that holds a lock could not be brought to the backend: waits, and says
    /// whether to try again. None to give up at once.
    pub patience: Option<&'a dyn Fn(&LockError) -> bool>,
}

impl Locks<'_> {
    /// Takes all keys of the request, or none, by what is known from an earlier fetch, however old:
    /// one connection. The swap is the proof that locks and branch are still as they were known;
    /// so only a request that names a branch can be taken like this.
    ///
    /// # Errors
    /// [`LockError::Denied`], and whatever the backend says to a write.
    pub fn acquire_by_known(&self, request: &AcquireRequest<'_>) -> Result<ByKnown, LockError> {
        let not_so = |looked| Ok(ByKnown::NotSo { looked });
        // Of two places only the one that refused has been looked at.
        let looked = !request.keys.iter().any(LockKey::is_former);
        let Some(branch @ BranchChange::Unmoved { .. }) = request.branch.clone() else {
            return not_so(false);
        };
        let Ok(seen) = self.observe(request, Freshness::Known) else { return not_so(false) };
        // What a freeze has moved has to be read once more before it is believed.
        let (true, Ok(plan)) =
            (cover::fences(request, &seen.observed).is_empty(), self.decide(request, &seen))
        else {
            return not_so(false);
        };
        let (changes, priors): (Vec<Change>, Vec<Option<Found>>) = plan.into_iter().unzip();
        let swap = Swap { changes, branch: Some(branch) };
        match self.backend.swap(&swap)? {
            Swapped::Done(versions) => Ok(ByKnown::Taken(lease(swap.changes, versions, &priors))),
            Swapped::Lost(LostTo::Denied(message)) => {
                Err(LockError::Denied { place: self.backend.place(), message })
            }
            lost_or_passed @ (Swapped::Superseded | Swapped::Lost(LostTo::Lock)) => {
                if lost_or_passed == Swapped::Superseded
                    && let Some(lease) = self.won_before(&swap.changes, &priors)?
                {
                    return Ok(ByKnown::Taken(lease));
                }
                let tried: Vec<String> = swap.changes.iter().map(|c| c.record.nonce.clone()).collect();
                self.still_to_be_had(&swap.changes, &priors, &tried)?;
                not_so(looked)
            }
            Swapped::Lost(LostTo::Branch(_)) => not_so(looked),
        }
    }

    /// Takes all keys of the request, or none.
    ///
    /// # Errors
    /// [`LockError::Held`], [`LockError::Stale`], [`LockError::BranchMoved`],
    /// [`LockError::Contended`], and whatever the backend says.
    pub fn acquire(&self, request: &AcquireRequest<'_>) -> Result<Lease, LockError> {
        let mut freshness = request.freshness;
        let mut asked = freshness == Freshness::Now;
        let mut lost = 0;
        let mut fences: Vec<Version> = Vec::new();
        // The nonces of what this run has tried to write.
        let mut tried: Vec<String> = Vec::new();
        loop {
            let seen = match self.observe(request, freshness) {
                Err(_) if !asked => {
                    (freshness, asked) = (Freshness::Now, true);
                    continue;
                }
                seen => seen?,
            };
            let plan = match self.decide(request, &seen) {
                // Nobody is refused for what may have changed since it was fetched.
                Err(
                    LockError::Held { .. }
                    | LockError::Stale { .. }
                    | LockError::NotInEffect { .. }
                    | LockError::Gone { .. },
                ) if !asked => {
                    freshness = Freshness::Now;
                    asked = true;
                    continue;
                }
                Err(gone @ LockError::Gone { .. }) => {
                    seen.keys.iter().try_for_each(|key| self.backend.show_lost(key))?;
                    return Err(gone);
                }
                decided => decided?,
            };
            // A freeze moved it: whether that still stands must be read after that.
            let moved = cover::fences(request, &seen.observed);
            if moved.iter().any(|version| !fences.contains(version)) {
                fences.extend(moved);
                freshness = Freshness::Now;
                asked = true;
                continue;
            }
            let (changes, priors): (Vec<Change>, Vec<Option<Found>>) = plan.into_iter().unzip();
            tried.extend(changes.iter().map(|change| change.record.nonce.clone()));
            let swap = Swap { changes, branch: request.branch.clone() };
            match self.backend.swap(&swap)? {
                Swapped::Done(versions) => return Ok(lease(swap.changes, versions, &priors)),
                lost_or_passed @ (Swapped::Superseded | Swapped::Lost(LostTo::Lock)) => {
                    let key = swap.changes[0].key.clone();
                    if lost_or_passed == Swapped::Superseded
                        && let Some(lease) = self.won_before(&swap.changes, &priors)?
                    {
                        return Ok(lease);
                    }
                    self.still_to_be_had(&swap.changes, &priors, &tried)?;
                    lost += 1;
                    // First takings all move one key: each time one of them succeeds.
                    let first_taking = priors.iter().any(Option::is_none);
                    if lost >= if first_taking { FIRST_ATTEMPTS } else { ATTEMPTS } {
                        return Err(LockError::Contended { key });
                    }
                    // The backend has looked in order to say so.
                    freshness = Freshness::Known;
                    asked = true;
                }
                Swapped::Lost(LostTo::Branch(_)) => {
                    let branch = swap.branch.map_or_else(String::new, |b| b.name().to_owned());
                    return Err(LockError::BranchMoved { branch });
                }
                Swapped::Lost(LostTo::Denied(message)) => {
                    return Err(LockError::Denied { place: self.backend.place(), message });
                }
            }
        }
    }

    /// Asks whether the request would be granted now. Changes nothing.
    ///
    /// # Errors
    /// Why not, as for [`Locks::acquire`].
    pub fn look(&self, request: &AcquireRequest<'_>) -> Result<(), LockError> {
        self.decide(request, &self.observe(request, Freshness::Now)?).map(drop)
    }

    /// Every key's change, sorted, with what it was before if it is one that is taken; or the first
    /// reason why the set cannot be had.
    fn decide(
        &self,
        request: &AcquireRequest<'_>,
        all: &Seen,
    ) -> Result<Vec<(Change, Option<Found>)>, LockError> {
        let (taken, watched): (Vec<Observed>, Vec<Observed>) =
            all.observed.iter().cloned().partition(|seen| all.keys.contains(&seen.key));
        if let Some(freeze) = cover::frozen(&watched) {
            let holder = Box::new(freeze.clone());
            return Err(LockError::Held {
                key: freeze.key.clone(),
                holder,
                why: String::new(),
                lives: false,
            });
        }
        let lost = taken.iter().map(|seen| self.known_of(seen)).collect::<Result<Vec<_>, _>>()?;
        let mut priors = Vec::with_capacity(taken.len());
        for seen in &taken {
            priors.push(match &seen.last {
                Some((_, record)) if record.state != LockState::Free => self.takeover(record, request)?,
                _ => Prior::Free,
            });
        }
        let mut plan = Vec::with_capacity(taken.len());
        for ((seen, prior), lost) in taken.iter().zip(priors).zip(lost) {
            let last = seen.last.as_ref().map(|(_, record)| record);
            let exceptions = last
                .into_iter()
                .chain(&lost)
                .filter_map(|last| self.check_applied(request, &seen.key, last).transpose());
            let exception = exceptions.collect::<Result<Vec<_>, _>>()?.into_iter().next();
            let mut carried = cover::carried(request, &taken, &seen.key)?;
            if let Some(lost) = &lost {
                carried.heed(last, lost);
            }
            let last = last.filter(|_| prior != Prior::Free);
            let mut unfinished = last.map(Record::unfinished_units).unwrap_or_default();
            // It may be known here that a change has succeeded of which the record could not tell yet.
            let left = last.filter(|_| prior.effect() == Effect::Applied);
            if let Some(left) = left {
                unfinished.retain(|unit| *unit != left.unit);
            }
            let exception = match left {
                Some(left) => self.check_left(request, left)?.or(exception),
                None => exception,
            };
            let (head, found) = (request.commit.clone(), last.cloned().map(Box::new));
            let found = Found { prior, unfinished, record: found, head };
            let mut record = self.draft(request, &all.keys, seen, carried, &found)?;
            record.reason = exception;
            match left {
                // It counts as applied from now on, whatever becomes of the change that follows.
                Some(left) if request.will_change && left.commit.is_some() => {
                    (record.applied, record.applied_output) = (left.commit.clone(), left.output.clone());
                }
                Some(left) => (record.commit, record.output) = (left.commit.clone(), left.output.clone()),
                None => {}
            }
            let expect = seen.last.as_ref().map(|(version, _)| version.clone());
            plan.push((Change { key: seen.key.clone(), expect, record }, Some(found)));
        }
        plan.extend(self.gates(&taken, &watched)?.into_iter().map(|gate| (gate, None)));
        plan.sort_by(|(a, _), (b, _)| a.key.cmp(&b.key));
        Ok(plan)
    }

    /// Whether this run may go on from a lock that is not free: only its own owner's, and only
    /// with proof that the run which holds it and its tool have ended.
    fn takeover(&self, holder: &Record, request: &AcquireRequest<'_>) -> Result<Prior, LockError> {
        let refused = |why: &str| {
            let holder = Box::new(holder.clone());
            Err(LockError::Held { key: holder.key.clone(), holder, why: why.to_owned(), lives: false })
        };
        // A freeze is no run that could have ended: only a person's word does that.
        if holder.state == LockState::Frozen || holder.owner != clean(self.owner, MAX_OWNER) {
            return refused("");
        }
        let failed = holder.state == LockState::Failed;
        if holder.run == self.run && !failed {
            return refused("this very run has taken it already");
        }
        // What a command that succeeded has left behind is known and no part of a failure.
        let here = self.host.is_same_as(&holder.host) && !(failed && holder.effect == Effect::Applied);
        if !here && !failed {
            return refused("it is yours, but from here nobody can tell whether that run has ended");
        }
        // Who recorded its failure had made sure; what can be looked at is looked at once more.
        match if here { (request.ended)(holder) } else { Proof::Ended } {
            Proof::Ended => Ok(Prior::Failed { effect: holder.effect }),
            Proof::Succeeded => Ok(Prior::Failed { effect: Effect::Applied }),
            Proof::Unknown if failed => Ok(Prior::Failed { effect: holder.effect }),
            Proof::Lives(who) => {
                let who = if who.is_empty() {
                    "that run or its tool".to_owned()
                } else {
                    format!("of that run {who}")
                };
                let (key, holder) = (holder.key.clone(), Box::new(holder.clone()));
                let why = format!("it is yours, and {who} still lives on this host");
                Err(LockError::Held { key, holder, why, lives: true })
            }
            Proof::Unknown => {
                refused("it is yours, but there is no proof that that run and its tool have ended")
            }
        }
    }

    fn draft(
        &self,
        request: &AcquireRequest<'_>,
        keys: &KeySet,
        seen: &Observed,
        carried: cover::Carried,
        found: &Found,
    ) -> Result<Record, LockError> {
        let unit = clean(&request.unit, MAX_UNIT);
        let mut unfinished = found.unfinished.clone();
        if request.will_change && !unfinished.contains(&unit) {
            unfinished.push(unit.clone());
        }
        let record = Record {
            lockstep: Record::VERSION,
            key: seen.key.clone(),
            unit,
            keys: keys.clone(),
            generation: carried.generation + 1,
            state: LockState::Held,
            act: if found.prior == Prior::Free { Act::Acquired } else { Act::TakenOver },
            owner: clean(self.owner, MAX_OWNER),
            run: self.run.to_owned(),
            nonce: nonce()?,
            host: self.host_for_record(),
            pid: env::pid(),
            process_start: env::process_start(),
            program: request.program.as_deref().map(|p| clean(p, MAX_WORD)),
            subcommand: request.subcommand.as_deref().map(|s| clean(s, MAX_WORD)),
            commit: request.commit.clone(),
            output: request.output.clone(),
            applied: carried.applied,
            applied_output: carried.applied_output,
            effect: if request.will_change { Effect::Unfinished } else { found.prior.effect() },
            unfinished: Vec::new(),
            overrides: bounded_overrides(&request.overrides),
            time: self.clock.now(),
            reason: None,
        };
        Ok(record.with_unfinished(unfinished))
    }

    /// The host as a record holds it: bounded and on one line, whatever the system is called.
    pub(super) fn host_for_record(&self) -> Host {
        Host {
            name: clean(&self.host.name, MAX_OWNER),
            boot: clean(&self.host.boot, MAX_OWNER),
            pid_namespace: clean(&self.host.pid_namespace, MAX_OWNER),
        }
    }

    /// The next record of a chain, written by this run: everything is carried on except what is
    /// about the writing itself.
    pub(super) fn next(
        &self,
        last: &Record,
        state: LockState,
        act: Act,
        reason: Option<&str>,
    ) -> Result<Record, LockError> {
        Ok(Record {
            state,
            act,
            nonce: nonce()?,
            time: self.clock.now(),
            reason: reason.map(|text| clean(text, MAX_REASON)).filter(|text| !text.is_empty()),
            ..last.clone()
        })
    }
}

fn bounded_overrides(keys: &[String]) -> Vec<String> {
    let mut bounded: Vec<String> = keys.iter().take(MAX_OVERRIDES).map(|key| clean(key, MAX_WORD)).collect();
    if keys.len() > MAX_OVERRIDES {
        bounded.push(format!("(and {} more)", keys.len() - MAX_OVERRIDES));
    }
    bounded
}

pub(super) fn nonce() -> Result<String, LockError> {
    env::nonce()
        .map_err(|source| LockError::Io { what: "get randomness from the operating system".into(), source })
}
