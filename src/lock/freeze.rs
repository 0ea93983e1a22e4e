//! Freezing: a lock that a person takes on purpose and leaves, so that no run takes it until a
//! person ends that.
//!
//! A freeze takes only what is free, by the same compare-and-set as a run. No proof that its process
//! has ended takes it over, not for its own owner either; it ends by a thaw, which anyone may do and
//! which is recorded, or by an eviction that names it.

use super::record::clean;
use super::record_json::MAX_OWNER;
use super::{
    Act, Change, Freshness, KeySet, LockError, LockKey, LockState, Locks, LostTo, Observed, Record, Swap,
    Swapped,
};
use crate::env;

/// How often somebody may be faster: a lock that never was moves a key that all first takings move.
const ATTEMPTS: usize = 20;

impl Locks<'_> {
    /// Freezes the keys, all or none of them; their records as they were written.
    ///
    /// # Errors
    /// [`LockError::Held`] if one of them is not free, and whatever the backend says.
    pub fn freeze(&self, keys: &KeySet, unit: &str, reason: &str) -> Result<Vec<Record>, LockError> {
        let gates: KeySet = keys.iter().map(LockKey::everything).filter(|key| !keys.contains(key)).collect();
        self.change_each(keys, &gates, |seen| match &seen.last {
            Some((_, record)) if record.state != LockState::Free => Err(held(record)),
            _ => self.first(seen, keys, unit, LockState::Frozen, Act::Frozen, reason).map(Some),
        })
    }

    /// Ends the freeze of those of the keys that are frozen, all or none of them; the records of the
    /// freezes that ended.
    ///
    /// # Errors
    /// [`LockError::Held`] if a run holds one of them, and whatever the backend says.
    pub fn thaw(&self, keys: &KeySet, reason: Option<&str>) -> Result<Vec<Record>, LockError> {
        let mut ended = Vec::new();
        self.change_each(keys, &KeySet::default(), |seen| match &seen.last {
            None => Ok(None),
            Some((_, record)) => match record.state {
                LockState::Free => Ok(None),
                LockState::Held | LockState::Failed => Err(held(record)),
                LockState::Frozen => {
                    ended.retain(|other: &Record| other.key != record.key);
                    ended.push(record.clone());
                    self.thawed(record, reason).map(Some)
                }
            },
        })
        .map(|written| {
            // Of an attempt that lost a race something may be left that another one has thawed.
            ended.retain(|freeze| written.iter().any(|record| record.key == freeze.key));
            ended
        })
    }

    /// One swap of what `next` makes of what is there, and of those of the gates that have to move along,
    /// said again with what is there then if somebody was faster.
    fn change_each(
        &self,
        keys: &KeySet,
        gates: &KeySet,
        mut next: impl FnMut(&Observed) -> Result<Option<Record>, LockError>,
    ) -> Result<Vec<Record>, LockError> {
        let mut key = None;
        for attempt in 0..ATTEMPTS {
            let freshness = if attempt == 0 { Freshness::Now } else { Freshness::Known };
            let mut changes = Vec::new();
            let observed = self.backend.read(&keys.and(gates), freshness)?;
            let (ours, gates): (Vec<Observed>, Vec<Observed>) =
                observed.into_iter().partition(|seen| keys.contains(&seen.key));
            self.refuse_lost_once(keys, &ours)?;
            let moved = self.gates(&ours, &gates)?;
            for seen in ours {
                if let Some(record) = next(&seen)? {
                    let expect = seen.last.map(|(version, _)| version);
                    changes.push(Change { key: seen.key, expect, record });
                }
            }
            let written: Vec<Record> = changes.iter().map(|change| change.record.clone()).collect();
            let Some(first) = written.first() else { return Ok(written) };
            key = Some(first.key.clone());
            changes.extend(moved);
            changes.sort_by(|a, b| a.key.cmp(&b.key));
            match self.backend.swap(&Swap { changes, branch: None })? {
                Swapped::Done(_) | Swapped::Superseded => return Ok(written),
                Swapped::Lost(LostTo::Lock | LostTo::Branch(_)) => {}
                Swapped::Lost(LostTo::Denied(message)) => {
                    return Err(LockError::Denied { place: self.backend.place(), message });
                }
            }
        }
        match key {
            Some(key) => Err(LockError::Contended { key }),
            None => Ok(Vec::new()),
        }
    }

    /// The generation stays: as after a release, the next one to take the lock makes the next.
    fn thawed(&self, freeze: &Record, reason: Option<&str>) -> Result<Record, LockError> {
        Ok(Record {
            owner: clean(self.owner, MAX_OWNER),
            run: self.run.to_owned(),
            host: self.host_for_record(),
            pid: env::pid(),
            process_start: env::process_start(),
            ..self.next(freeze, LockState::Free, Act::Thawed, reason)?
        })
    }
}

fn held(record: &Record) -> LockError {
    LockError::Held {
        key: record.key.clone(),
        holder: Box::new(record.clone()),
        why: String::new(),
        lives: false,
    }
}
