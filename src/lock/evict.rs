//! Taking a lock away from a run: exactly the one that was named, whoever asks.
//!
//! Doing it again changes nothing. What was applied before is carried on, and so is the commit of a change
//! that its record says to be applied. The evicted run finds out at its next push or release, for both
//! are fenced.

use super::{
    Act, Change, DynamoError, Freshness, KeySet, LockError, LockKey, LockState, Locks, LostTo, Naming,
    Observed, Record, Swap, Swapped,
};
use crate::env;

const ATTEMPTS: usize = 5;

/// What an eviction did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evicted {
    /// The locks that were taken away, as they were held.
    pub freed: Vec<Record>,
    /// The keys that the named run no longer held.
    pub free: Vec<LockKey>,
}

impl Locks<'_> {
    /// Who holds what of the keys now; free keys are left out.
    ///
    /// # Errors
    /// Whatever the backend says.
    pub fn holders(&self, keys: &KeySet) -> Result<Vec<Record>, LockError> {
        let observed = self.backend.read(keys, Freshness::Now)?;
        Ok(observed
            .into_iter()
            .filter_map(|seen| seen.last)
            .map(|(_, record)| record)
            .filter(|record| record.state != LockState::Free)
            .collect())
    }

    /// What of a unit is not free: of the keys that it takes now whoever has them, and every other lock of
    /// the project that a run took for this very unit, such as one that the configuration no longer names.
    /// Those are looked for where that asks nobody again, or where nothing else was found.
    ///
    /// # Errors
    /// Whatever the backend says; but not that this user may not list locks.
    pub fn holders_for(&self, unit: &str, keys: &KeySet, naming: &Naming) -> Result<Vec<Record>, LockError> {
        let mut found = self.holders(keys)?;
        if !found.is_empty() && !self.backend.reads_all() {
            return Ok(found);
        }
        let listed = match self.backend.list(Freshness::Known) {
            Err(LockError::Dynamo(DynamoError::AccessDenied { .. })) => return Ok(found),
            listed => listed?,
        };
        // A freeze is no run's: whoever thaws it says which.
        let taken = |record: &Record| {
            record.unit == unit && matches!(record.state, LockState::Held | LockState::Failed)
        };
        let records = listed.into_iter().filter_map(|listed| listed.last.ok());
        found.extend(records.filter(|r| taken(r) && !keys.contains(&r.key) && naming.owns(&r.key)));
        found.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(found)
    }

    /// Frees those of the keys that the run holds, all or nothing.
    ///
    /// # Errors
    /// [`LockError::Held`] if another run than the named one holds a key, and whatever the backend says.
    pub fn evict(&self, keys: &KeySet, run: &str, reason: Option<&str>) -> Result<Evicted, LockError> {
        for attempt in 0..ATTEMPTS {
            let freshness = if attempt == 0 { Freshness::Now } else { Freshness::Known };
            let mut done = Evicted::default();
            let mut changes = Vec::new();
            let observed = self.backend.read(keys, freshness)?;
            self.refuse_lost_once(keys, &observed)?;
            for seen in observed {
                match self.eviction(&seen, run, reason)? {
                    Some((change, last)) => {
                        changes.push(change);
                        done.freed.push(last);
                    }
                    None => done.free.push(seen.key),
                }
            }
            if changes.is_empty() {
                return Ok(done);
            }
            match self.backend.swap(&Swap { changes, branch: None })? {
                Swapped::Done(_) | Swapped::Superseded => return Ok(done),
                // The run may have pushed or failed meanwhile: it is still the one that was named.
                Swapped::Lost(LostTo::Lock | LostTo::Branch(_)) => {}
                Swapped::Lost(LostTo::Denied(message)) => {
                    return Err(LockError::Denied { place: self.backend.place(), message });
                }
            }
        }
        Err(LockError::Contended { key: first(keys, run)? })
    }

    fn eviction(
        &self,
        seen: &Observed,
        run: &str,
        reason: Option<&str>,
    ) -> Result<Option<(Change, Record)>, LockError> {
        let Some((version, last)) = &seen.last else { return Ok(None) };
        if last.state == LockState::Free {
            return Ok(None);
        }
        if last.run != run {
            let why = "it is not the run that was to be evicted".to_owned();
            return Err(LockError::Held {
                key: seen.key.clone(),
                holder: Box::new(last.clone()),
                why,
                lives: false,
            });
        }
        // A freeze is ended, not taken from a run: whoever takes the lock next has to know (`cover`).
        let act = if last.state == LockState::Frozen { Act::Thawed } else { Act::Evicted };
        let applied = last.unrecorded();
        let record = Record {
            generation: last.generation + 1,
            owner: super::record::clean(self.owner, super::record_json::MAX_OWNER),
            run: self.run.to_owned(),
            host: self.host_for_record(),
            pid: env::pid(),
            process_start: env::process_start(),
            program: None,
            subcommand: None,
            commit: None,
            output: None,
            applied: applied.or(last.applied.as_ref()).cloned(),
            applied_output: if applied.is_some() { last.output.clone() } else { last.applied_output.clone() },
            overrides: Vec::new(),
            unfinished: Vec::new(),
            ..self.next(last, LockState::Free, act, reason)?
        };
        let record = self.carry_lost(seen, record);
        let change = Change { key: seen.key.clone(), expect: Some(version.clone()), record };
        Ok(Some((change, last.clone())))
    }
}

fn first(keys: &KeySet, run: &str) -> Result<LockKey, LockError> {
    keys.iter().next().cloned().ok_or_else(|| LockError::Config(format!("no keys to evict run {run} from")))
}
