//! Backends that are away for a moment, before or after they have done what they were asked for.

use std::cell::Cell;
use std::sync::Mutex;

use super::fixture::{Place, keys, oid};
use crate::lock::{
    Act, Effect, Freshness, KeySet, Listed, LockBackend, LockError, LockKey, LockState, Locks, Observed,
    Past, Swap, Swapped,
};

/// What becomes of a swap.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    NeverSent,
    NeverArrives,
    AnswerLost,
}

/// Does this to the first swaps, the last one first.
struct Away<'a> {
    inner: &'a dyn LockBackend,
    fates: Mutex<Vec<Fate>>,
}

impl LockBackend for Away<'_> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn place(&self) -> String {
        self.inner.place()
    }

    fn read(&self, keys: &KeySet, freshness: Freshness) -> Result<Vec<Observed>, LockError> {
        self.inner.read(keys, freshness)
    }

    fn list(&self, freshness: Freshness) -> Result<Vec<Listed>, LockError> {
        self.inner.list(freshness)
    }

    fn swap(&self, swap: &Swap) -> Result<Swapped, LockError> {
        let fate = self.fates.lock().unwrap().pop();
        let (place, message) = (self.place(), "x".to_owned());
        let key = swap.changes[0].key.clone();
        match fate {
            None => self.inner.swap(swap),
            Some(Fate::NeverSent) => Err(LockError::Unreachable { place, message }),
            Some(Fate::NeverArrives) => Err(LockError::Ambiguous { key, message }),
            Some(Fate::AnswerLost) => {
                self.inner.swap(swap)?;
                Err(LockError::Ambiguous { key, message })
            }
        }
    }

    fn history(&self, key: &LockKey, limit: usize) -> Result<Vec<Past>, LockError> {
        self.inner.history(key, limit)
    }
}

/// Runs `act` with a patience of so many waits on a backend with these fates; how often it waited.
fn patiently<T>(
    locks: Locks<'_>,
    fates: &[Fate],
    waits: usize,
    act: impl FnOnce(&Locks<'_>) -> Result<T, LockError>,
) -> (Result<T, LockError>, usize) {
    let backend = Away { inner: locks.backend, fates: Mutex::new(fates.to_vec()) };
    let waited = Cell::new(0);
    let again = |_: &LockError| {
        let more = waited.get() < waits;
        waited.set(waited.get() + usize::from(more));
        more
    };
    let done = act(&Locks { backend: &backend, patience: Some(&again), ..locks });
    (done, waited.get())
}

const FATES: [Fate; 3] = [Fate::NeverSent, Fate::NeverArrives, Fate::AnswerLost];

pub(super) fn a_backend_that_is_away_for_a_moment_is_told_once(place: &Place) {
    let ana = place.run("ana", "r0");
    let mut length = 0;
    for first in FATES {
        for second in FATES.into_iter().filter(|_| first != Fate::AnswerLost) {
            let lease = ana.again("r1").take(&["alpha/prod", "net"]).unwrap();
            let run = ana.again("r1");
            let release = |locks: &Locks<'_>| locks.release(&lease, Some(&oid('2')), None);
            let (released, waited) = patiently(run.locks(), &[second, first], 9, release);
            released.unwrap();
            assert_eq!(waited, 2);
            for key in ["alpha/prod", "net"] {
                let last = ana.last(key);
                assert_eq!(
                    (last.state, last.act, last.applied),
                    (LockState::Free, Act::Released, Some(oid('2')))
                );
            }
            length += 2;
            assert_eq!(ana.chain("alpha/prod", 99).len(), length, "acquired and released, each once");
        }
    }
}

pub(super) fn a_write_that_has_arrived_unheard_is_known_by_its_nonce(place: &Place) {
    let (ana, bob) = (place.run("ana", "r1"), place.run("bob", "r2"));
    let lease = ana.take(&["alpha/prod"]).unwrap();
    let fail = |locks: &Locks<'_>| locks.fail(&lease, Effect::Applied, "why");
    let (failed, waited) = patiently(ana.locks(), &[Fate::AnswerLost], 1, fail);
    failed.unwrap();
    assert_eq!((waited, ana.last("alpha/prod").effect), (1, Effect::Applied));
    // Somebody has taken what was given back before the run asks again.
    let later = ana.again("r3");
    let lease = later.take(&["alpha/prod"]).unwrap();
    let backend = Away { inner: later.backend.as_ref(), fates: Mutex::new(vec![Fate::AnswerLost]) };
    let taken = |_: &LockError| bob.take(&["alpha/prod"]).is_ok();
    let locks = Locks { backend: &backend, patience: Some(&taken), ..later.locks() };
    locks.release(&lease, Some(&oid('2')), None).unwrap();
    assert_eq!(ana.last("alpha/prod").owner, "bob");
    // Evicted while the remote was away: that is no success.
    let lease = bob.again("r4");
    bob.locks().evict(&keys(&["alpha/prod"]), "r2", None).unwrap();
    let held = lease.take(&["alpha/prod"]).unwrap();
    let backend = Away { inner: lease.backend.as_ref(), fates: Mutex::new(vec![Fate::NeverArrives]) };
    let evicted = |_: &LockError| ana.locks().evict(&keys(&["alpha/prod"]), "r4", Some("x")).is_ok();
    let locks = Locks { backend: &backend, patience: Some(&evicted), ..lease.locks() };
    assert!(matches!(locks.release(&held, Some(&oid('2')), None), Err(LockError::Lost { .. })));
}

pub(super) fn patience_ends_and_says_what_is_not_known(place: &Place) {
    let ana = place.run("ana", "r1");
    let lease = ana.take(&["alpha/prod"]).unwrap();
    let release = |locks: &Locks<'_>| locks.release(&lease, Some(&oid('2')), None);
    let away = [Fate::NeverSent; 4];
    let (released, waited) = patiently(ana.locks(), &away, 3, release);
    assert!(matches!(released, Err(LockError::Unreachable { .. })), "nothing was sent");
    assert_eq!(waited, 3);
    let (released, _) = patiently(ana.locks(), &[Fate::NeverSent, Fate::NeverArrives], 1, release);
    assert!(matches!(released, Err(LockError::Ambiguous { .. })), "the first may arrive yet");
}
