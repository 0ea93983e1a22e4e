//! Two places at once, for a project that moves its locks from one to the other and whose places
//! cannot be changed in one atomic act: another backend, or another remote.
//!
//! What must hold: a run holds a lock only while it holds both halves of it. What is taken is taken
//! in the former place first; if the other half is lost, the first is given back. What is freed is
//! freed in the new place first, so that the former place, which everybody asks, goes on excluding
//! until the end. Between the two writes a run that dies leaves the former half held, as it would
//! a whole lock.

use super::{
    Act, Change, Effect, Freshness, KeySet, Listed, LockBackend, LockError, LockKey, LockState, LostTo,
    Observed, Past, Record, Swap, Swapped, Version, protocol,
};

/// The new place, and the former one for keys that say so.
pub struct Moving {
    now: Box<dyn LockBackend>,
    former: Box<dyn LockBackend>,
}

/// Changes of one place, and where they stand among all.
type Half = (Vec<usize>, Vec<Change>);

impl Moving {
    /// Keys of the former place go to `former`, all others to `now`.
    pub fn new(now: Box<dyn LockBackend>, former: Box<dyn LockBackend>) -> Self {
        Self { now, former }
    }

    fn of(&self, key: &LockKey) -> &dyn LockBackend {
        if key.is_former() { self.former.as_ref() } else { self.now.as_ref() }
    }

    /// Undoes what was taken in the former place, since the new one was lost.
    fn give_back(&self, taken: &[Change], versions: Vec<Version>) -> Result<(), LockError> {
        let free = |(change, version): (&Change, Version)| {
            let was_free = matches!(change.record.act, Act::Acquired | Act::Frozen);
            let state = if was_free { LockState::Free } else { LockState::Failed };
            let reason = Some("the other half of the lock was lost".to_owned());
            // As after a thaw: another freeze may have left it as it was.
            let act = if change.record.act == Act::Frozen { Act::Thawed } else { Act::GivenBack };
            let nonce = protocol::nonce()?;
            let effect = if was_free { Effect::None } else { change.record.effect };
            let record = Record { state, act, effect, nonce, reason, ..change.record.clone() };
            Ok(Change { key: change.key.clone(), expect: Some(version), record })
        };
        let was_taken = |(change, _): &(&Change, Version)| {
            matches!(change.record.act, Act::Acquired | Act::TakenOver | Act::Frozen)
        };
        let halves = taken.iter().zip(versions).filter(was_taken).map(free);
        let changes = halves.collect::<Result<Vec<_>, LockError>>()?;
        if changes.is_empty() {
            return Ok(());
        }
        self.former.swap(&Swap { changes, branch: None }).map(drop)
    }

    /// Frees the former half. A push whose other half was refused has moved it on: it is the same
    /// run's, so it is freed as it stands now.
    fn free_former(&self, mut changes: Vec<Change>) -> Result<Swapped, LockError> {
        let swapped = self.former.swap(&Swap { changes: changes.clone(), branch: None })?;
        if swapped != Swapped::Lost(LostTo::Lock) {
            return Ok(swapped);
        }
        let keys = changes.iter().map(|change| change.key.clone()).collect();
        for (change, seen) in changes.iter_mut().zip(self.former.read(&keys, Freshness::Known)?) {
            match seen.last {
                Some((version, last))
                    if last.run == change.record.run
                        && last.generation == change.record.generation
                        && last.state == LockState::Held =>
                {
                    change.expect = Some(version);
                }
                _ => return Ok(swapped),
            }
        }
        self.former.swap(&Swap { changes, branch: None })
    }

    /// Taking: the former half first.
    fn take(&self, former: &Half, now: &Half, swap: &Swap) -> Result<Swapped, LockError> {
        let first = match self.former.swap(&Swap { changes: former.1.clone(), branch: None })? {
            Swapped::Done(versions) => versions,
            other => return Ok(other),
        };
        let second = self.now.swap(&Swap { changes: now.1.clone(), branch: swap.branch.clone() });
        match second {
            Ok(Swapped::Done(versions)) => Ok(Swapped::Done(joined(former, first, now, versions))),
            // It cannot be told whether the other half is ours: nothing is undone.
            Err(error @ LockError::Ambiguous { .. }) => Err(error),
            other => {
                self.give_back(&former.1, first)?;
                other
            }
        }
    }

    /// Giving back: the new half first.
    fn free(&self, former: &Half, now: &Half, swap: &Swap) -> Result<Swapped, LockError> {
        let first = match self.now.swap(&Swap { changes: now.1.clone(), branch: swap.branch.clone() })? {
            Swapped::Done(versions) => Some(versions),
            Swapped::Superseded => None,
            lost @ Swapped::Lost(_) => return Ok(lost),
        };
        let half_done = |message: String| LockError::Ambiguous { key: former.1[0].key.in_former(), message };
        let second = self.free_former(former.1.clone()).map_err(|error| {
            half_done(format!("the new lock was given back, the former was not: {error}"))
        })?;
        Ok(match (first, second) {
            (Some(first), Swapped::Done(second)) => Swapped::Done(joined(former, second, now, first)),
            (_, Swapped::Lost(LostTo::Denied(message))) => return Err(half_done(message)),
            // Somebody took the former half from us.
            (_, lost @ Swapped::Lost(_)) => lost,
            _ => Swapped::Superseded,
        })
    }
}

fn joined(former: &Half, of_former: Vec<Version>, now: &Half, of_now: Vec<Version>) -> Vec<Version> {
    let mut all: Vec<(usize, Version)> = former.0.iter().copied().zip(of_former).collect();
    all.extend(now.0.iter().copied().zip(of_now));
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, version)| version).collect()
}

/// A change as the former place is told it: under the key's own name there.
fn split(changes: &[Change]) -> (Half, Half) {
    let (mut former, mut now): (Half, Half) = (<_>::default(), <_>::default());
    for (at, change) in changes.iter().enumerate() {
        let half = if change.key.is_former() { &mut former } else { &mut now };
        let key = change.key.in_its_place();
        let record = Record { key: key.clone(), ..change.record.clone() };
        half.0.push(at);
        half.1.push(Change { key, expect: change.expect.clone(), record });
    }
    (former, now)
}

impl LockBackend for Moving {
    fn name(&self) -> &'static str {
        self.now.name()
    }

    fn place(&self) -> String {
        format!("{}, formerly {}", self.now.place(), self.former.place())
    }

    fn branch_remote(&self) -> Option<&str> {
        self.now.branch_remote()
    }

    fn read(&self, keys: &KeySet, freshness: Freshness) -> Result<Vec<Observed>, LockError> {
        let pick = |former: bool| -> KeySet {
            keys.iter().filter(|key| key.is_former() == former).map(LockKey::in_its_place).collect()
        };
        let mut all = Vec::new();
        for former in [true, false] {
            let some = pick(former);
            if !some.is_empty() {
                let backend = if former { &self.former } else { &self.now };
                all.extend(backend.read(&some, freshness)?.into_iter().map(|seen| named(seen, former)));
            }
        }
        all.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(all)
    }

    fn list(&self, freshness: Freshness) -> Result<Vec<Listed>, LockError> {
        let mut all = self.now.list(freshness)?;
        all.extend(self.former.list(freshness)?.into_iter().map(|listed| {
            let key = LockKey::new(&listed.name).ok().map(|key| key.in_former());
            Listed {
                name: key.as_ref().map_or(listed.name, ToString::to_string),
                last: match (listed.last, key) {
                    (Ok(record), Some(key)) => Ok(Record { key, ..record }),
                    (last, _) => last,
                },
            }
        }));
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }

    fn reads_all(&self) -> bool {
        self.now.reads_all() && self.former.reads_all()
    }

    fn swap(&self, swap: &Swap) -> Result<Swapped, LockError> {
        let (former, now) = split(&swap.changes);
        match (former.1.is_empty(), now.1.is_empty()) {
            (true, _) => self.now.swap(swap),
            // Whoever moves a branch holds both halves.
            (_, true) => self.former.swap(&Swap { changes: former.1, branch: None }),
            _ if swap.changes.iter().all(|change| change.record.state == LockState::Free) => {
                self.free(&former, &now, swap)
            }
            _ => self.take(&former, &now, swap),
        }
    }

    fn history(&self, key: &LockKey, limit: usize) -> Result<Vec<Past>, LockError> {
        let chain = self.of(key).history(&key.in_its_place(), limit)?;
        let named = |past: Past| past.map(|record| Record { key: key.clone(), ..record });
        Ok(chain.into_iter().map(named).collect())
    }
}

fn named(seen: Observed, former: bool) -> Observed {
    if !former {
        return seen;
    }
    let key = seen.key.in_former();
    let last = seen.last.map(|(version, record)| (version, Record { key: key.clone(), ..record }));
    Observed { key, last }
}
