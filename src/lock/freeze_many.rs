//! Freezing more than the one lock that a run takes: a profile, a module, everything, or a unit in a
//! project whose locks are larger than units. Why it holds is argued in `cover`.

use super::{
    Change, Freshness, KeySet, LockError, LockKey, LockState, Locks, LostTo, Observed, Record, Swap, Swapped,
};

/// How often a freeze that lost a race looks again.
const ATTEMPTS: usize = 20;
/// As many keys are moved in one swap as every backend can.
const AT_ONCE: usize = 90;

impl Locks<'_> {
    /// Freezes the keys for every run whose lock overlaps one of them, those of units that do not
    /// exist yet among them; the records of the freeze.
    ///
    /// # Errors
    /// [`LockError::Held`] if one of the keys is not free, or a run holds a lock that overlaps one;
    /// and whatever the backend says.
    pub fn freeze_many(&self, keys: &KeySet, what: &str, reason: &str) -> Result<Vec<Record>, LockError> {
        for _ in 0..ATTEMPTS {
            let observed = self.overlapping(keys)?;
            let (changes, rest) = self.door(keys, &observed, what, reason)?;
            let passed_over: Vec<&Observed> =
                observed.iter().filter(|seen| !keys.contains(&seen.key) && is_frozen(seen)).collect();
            let frozen: Vec<Record> =
                changes.iter().map(|c| c.record.clone()).filter(|r| r.state == LockState::Frozen).collect();
            let key = frozen.first().map_or_else(|| changes[0].key.clone(), |record| record.key.clone());
            match self.backend.swap(&Swap { changes, branch: None })? {
                Swapped::Done(_) | Swapped::Superseded => {
                    let placed =
                        self.fence_rest(keys, rest, what).and_then(|()| self.are_still(&passed_over));
                    if matches!(placed, Ok(true)) {
                        return Ok(frozen);
                    }
                    // Somebody was faster: the freeze is not complete, so it is none.
                    self.thaw(keys, Some(&format!("it could not be completed; see `{key}`")))?;
                    placed?;
                }
                Swapped::Lost(LostTo::Lock | LostTo::Branch(_)) => {}
                Swapped::Lost(LostTo::Denied(message)) => {
                    return Err(LockError::Denied { place: self.backend.place(), message });
                }
            }
        }
        Err(LockError::Contended { key: any(keys)? })
    }

    /// What is there of the keys, of all locks that overlap them, and of the keys of everything. Those
    /// are read before anything is looked for: a lock that is taken for the first time after that
    /// has moved them.
    fn overlapping(&self, keys: &KeySet) -> Result<Vec<Observed>, LockError> {
        let gates: KeySet = keys.iter().map(LockKey::everything).collect();
        let mut observed = self.backend.read(&gates, Freshness::Now)?;
        let listed = self.backend.list(Freshness::Now)?;
        let locks = listed.iter().filter_map(|listed| LockKey::new(&listed.name).ok());
        let overlapping = locks.filter(|lock| keys.iter().any(|key| key.overlaps(lock)));
        let all = overlapping.chain(keys.iter().cloned()).filter(|key| !gates.contains(key)).collect();
        observed.extend(self.backend.read(&all, Freshness::Known)?);
        Ok(observed)
    }

    /// Whether what was frozen before has been so all the time. Asked when this freeze is written: who
    /// passes the other one after that meets this one.
    fn are_still(&self, passed_over: &[&Observed]) -> Result<bool, LockError> {
        if passed_over.is_empty() {
            return Ok(true);
        }
        let version = |seen: &Observed| seen.last.as_ref().map(|(version, _)| version.clone());
        let keys = passed_over.iter().map(|seen| seen.key.clone()).collect();
        let now = self.backend.read(&keys, Freshness::Now)?;
        Ok(passed_over
            .iter()
            .all(|was| now.iter().any(|is| is.key == was.key && version(is) == version(was))))
    }

    /// The first swap, which closes the door, and the locks that are left to be moved after it.
    fn door(
        &self,
        keys: &KeySet,
        observed: &[Observed],
        what: &str,
        reason: &str,
    ) -> Result<(Vec<Change>, Vec<Observed>), LockError> {
        let mut changes = Vec::new();
        let mut rest = Vec::new();
        for seen in observed {
            let state = seen.last.as_ref().map(|(_, record)| record.state);
            match (state, &seen.last) {
                (Some(LockState::Held | LockState::Failed), Some((_, record))) => return Err(held(record)),
                (Some(LockState::Frozen), Some((_, record))) if keys.contains(&seen.key) => {
                    return Err(held(record));
                }
                _ if keys.contains(&seen.key) => changes.push(Change {
                    key: seen.key.clone(),
                    expect: seen.last.as_ref().map(|(version, _)| version.clone()),
                    record: self.first(seen, keys, what, LockState::Frozen, super::Act::Frozen, reason)?,
                }),
                // Who would pass a freeze that is there already is refused by that one, while it is there.
                (Some(LockState::Frozen), _) => {}
                _ if seen.key == seen.key.everything() => changes.push(self.fence(seen, &fenced_for(what))?),
                _ => rest.push(seen.clone()),
            }
        }
        let room = AT_ONCE.saturating_sub(changes.len()).min(rest.len());
        for seen in rest.drain(..room) {
            changes.push(self.fence(&seen, &fenced_for(what))?);
        }
        changes.sort_by(|a, b| a.key.cmp(&b.key));
        Ok((changes, rest))
    }

    /// Moves the locks that were too many for the first swap.
    fn fence_rest(&self, keys: &KeySet, mut rest: Vec<Observed>, what: &str) -> Result<(), LockError> {
        let mut attempts = 0;
        while !rest.is_empty() {
            let some: Vec<Observed> = rest.iter().take(AT_ONCE).cloned().collect();
            let changes = some.iter().map(|seen| self.fence(seen, &fenced_for(what)));
            let changes = changes.collect::<Result<Vec<_>, _>>()?;
            match self.backend.swap(&Swap { changes, branch: None })? {
                Swapped::Done(_) | Swapped::Superseded => drop(rest.drain(..some.len())),
                Swapped::Lost(LostTo::Denied(message)) => {
                    return Err(LockError::Denied { place: self.backend.place(), message });
                }
                Swapped::Lost(LostTo::Lock | LostTo::Branch(_)) => {
                    attempts += 1;
                    if attempts == ATTEMPTS {
                        return Err(LockError::Contended { key: any(keys)? });
                    }
                    let left: KeySet = rest.iter().map(|seen| seen.key.clone()).collect();
                    rest = self.backend.read(&left, Freshness::Known)?;
                    rest.retain(|seen| {
                        seen.last.as_ref().is_none_or(|(_, record)| record.state != LockState::Frozen)
                    });
                    let taken = rest.iter().filter_map(|seen| seen.last.as_ref().map(|(_, record)| record));
                    if let Some(holder) = taken.into_iter().find(|record| record.state != LockState::Free) {
                        return Err(held(holder));
                    }
                }
            }
        }
        Ok(())
    }
}

fn is_frozen(seen: &Observed) -> bool {
    seen.last.as_ref().is_some_and(|(_, record)| record.state == LockState::Frozen)
}

fn fenced_for(what: &str) -> String {
    format!("freeze of {what}")
}

fn held(record: &Record) -> LockError {
    LockError::Held {
        key: record.key.clone(),
        holder: Box::new(record.clone()),
        why: String::new(),
        lives: false,
    }
}

fn any(keys: &KeySet) -> Result<LockKey, LockError> {
    keys.iter().next().cloned().ok_or_else(|| LockError::Config("no keys to freeze".to_owned()))
}
