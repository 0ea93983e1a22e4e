//! Freezes of more than one unit: nobody takes a lock after one has returned, known to it or not.

use super::fixture::{Actor, Place, keys, oid, request};
use crate::lock::{
    AcquireRequest, Act, Freshness, KeySet, Lease, Listed, LockBackend, LockError, LockKey, LockState, Locks,
    Naming, Observed, Past, Record, Swap, Swapped,
};
use crate::project::UnitId;

/// What a run of the unit would take, with everything that it watches.
pub(super) fn take(who: &Actor, unit: &str, freshness: Freshness) -> Result<Lease, LockError> {
    take_from(&who.locks(), unit, freshness)
}

pub(super) fn take_from(locks: &Locks<'_>, unit: &str, freshness: Freshness) -> Result<Lease, LockError> {
    let id: UnitId = unit.parse().unwrap();
    let unit_keys = Naming::default().unit(&id, []);
    let plain = request(&unit_keys.take);
    locks.acquire(&AcquireRequest { watch: &unit_keys.watch, freshness, unit: unit.into(), ..plain })
}

pub(super) fn freeze(who: &Actor, key: &str) -> Result<Vec<Record>, LockError> {
    who.locks().freeze_many(&keys(&[key]), key, "black friday")
}

pub(super) fn refused_by(result: Result<Lease, LockError>, key: &str) {
    let error = result.unwrap_err();
    assert!(
        matches!(&error, LockError::Held { key: k, holder, .. } if k.as_str() == key && holder.state == LockState::Frozen),
        "{error}"
    );
}

pub(super) fn a_freeze_of_many_holds_for_what_comes_later(place: &Place) {
    let (ana, bob) = (place.run("ana", "r1"), place.run("bob", "r2"));
    let lease = take(&ana, "alpha/prod", Freshness::Now).unwrap();
    ana.locks().release(&lease, Some(&oid('1')), None).unwrap();
    let written = freeze(&bob, "@all/prod").unwrap();
    assert_eq!((written.len(), written[0].key.as_str(), written[0].generation), (1, "@all/prod", 1));
    // Known to the freeze, and heard of for the first time.
    refused_by(take(&ana.again("r3"), "alpha/prod", Freshness::Now), "@all/prod");
    refused_by(take(&ana.again("r3"), "newer/prod", Freshness::Now), "@all/prod");
    refused_by(take(&bob.again("r3"), "newer/prod", Freshness::Now), "@all/prod");
    take(&ana.again("r4"), "alpha/dev", Freshness::Now).unwrap();
    // What the freeze moved is as free as before.
    let moved = ana.last("alpha/prod");
    assert_eq!(
        (moved.state, moved.act, moved.generation, moved.applied),
        (LockState::Free, Act::Fenced, 1, Some(oid('1')))
    );
    assert!(matches!(freeze(&ana, "@all/prod"), Err(LockError::Held { .. })), "it is frozen already");
    ana.locks().thaw(&keys(&["@all/prod"]), None).unwrap();
    assert_eq!(take(&ana.again("r5"), "alpha/prod", Freshness::Now).unwrap().generation(), 2);
    take(&bob.again("r5"), "newer/prod", Freshness::Known).unwrap();
}

pub(super) fn a_freeze_of_many_waits_for_nobody(place: &Place) {
    let (ana, bob) = (place.run("ana", "r1"), place.run("bob", "r2"));
    let lease = take(&ana, "alpha/prod", Freshness::Now).unwrap();
    for many in ["@all/prod", "alpha/@all", "@all/@all"] {
        let error = freeze(&bob, many).unwrap_err();
        assert!(
            matches!(&error, LockError::Held { key, holder, .. } if key.as_str() == "alpha/prod" && holder.run == "r1"),
            "{error}"
        );
    }
    freeze(&bob, "@all/dev").unwrap();
    ana.locks().fail(&lease, crate::lock::Effect::Unfinished, "").unwrap();
    assert!(matches!(freeze(&bob, "@all/prod"), Err(LockError::Held { .. })), "it is not free");
    bob.locks().evict(&keys(&["alpha/prod"]), "r1", Some("x")).unwrap();
    freeze(&bob, "@all/prod").unwrap();
    // A freeze of its own is no obstacle, and neither ends the other.
    freeze(&bob, "@all/@all").unwrap();
    bob.locks().thaw(&keys(&["@all/prod"]), None).unwrap();
    refused_by(take(&ana.again("r3"), "alpha/prod", Freshness::Now), "@all/@all");
}

pub(super) fn who_knows_of_no_freeze_loses_to_it(place: &Place) {
    let (ana, bob) = (place.run("ana", "r1"), place.run("bob", "r2"));
    let lease = take(&ana, "alpha/prod", Freshness::Now).unwrap();
    ana.locks().release(&lease, None, None).unwrap();
    freeze(&bob, "@all/prod").unwrap();
    // Ana's knowledge is from before the freeze: of a lock that was, and of one that never was.
    refused_by(take(&ana.again("r3"), "alpha/prod", Freshness::Known), "@all/prod");
    bob.locks().thaw(&keys(&["@all/prod"]), None).unwrap();
    take(&ana.again("r4"), "alpha/dev", Freshness::Known).unwrap();
    freeze(&bob, "@all/prod").unwrap();
    refused_by(take(&ana.again("r5"), "newer/prod", Freshness::Known), "@all/prod");
}

/// Shows its reader the locks as they are, and the freezes as they were before any: once.
struct Torn<'a> {
    inner: &'a dyn LockBackend,
    torn: std::sync::atomic::AtomicBool,
}

impl LockBackend for Torn<'_> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn place(&self) -> String {
        self.inner.place()
    }

    fn read(&self, keys: &KeySet, freshness: Freshness) -> Result<Vec<Observed>, LockError> {
        let mut all = self.inner.read(keys, freshness)?;
        if self.torn.swap(false, std::sync::atomic::Ordering::Relaxed) {
            let frozen = |seen: &Observed| {
                seen.last.as_ref().is_some_and(|(_, record)| record.state == LockState::Frozen)
            };
            all.iter_mut().filter(|seen| frozen(seen)).for_each(|seen| seen.last = None);
        }
        Ok(all)
    }

    fn list(&self, freshness: Freshness) -> Result<Vec<Listed>, LockError> {
        self.inner.list(freshness)
    }

    fn swap(&self, swap: &Swap) -> Result<Swapped, LockError> {
        self.inner.swap(swap)
    }

    fn history(&self, key: &LockKey, limit: usize) -> Result<Vec<Past>, LockError> {
        self.inner.history(key, limit)
    }
}

pub(super) fn what_was_read_at_different_instants_is_read_again(place: &Place) {
    let (ana, bob) = (place.run("ana", "r1"), place.run("bob", "r2"));
    let lease = take(&ana, "alpha/prod", Freshness::Now).unwrap();
    ana.locks().release(&lease, None, None).unwrap();
    freeze(&bob, "@all/prod").unwrap();
    let torn = || Torn { inner: ana.backend.as_ref(), torn: true.into() };
    let run = ana.again("r3");
    for unit in ["alpha/prod", "newer/prod"] {
        let backend = torn();
        let locks = Locks { backend: &backend, ..run.locks() };
        refused_by(take_from(&locks, unit, Freshness::Now), "@all/prod");
    }
}

pub(super) fn a_freeze_of_many_races_with_runs(place: &Place) {
    let known = ["a/p", "b/p", "c/p"];
    let actors: Vec<_> = (0..6).map(|n| place.run(&format!("o{n}"), &format!("r{n}"))).collect();
    let freezer = place.run("f", "rf");
    for unit in known {
        let lease = take(&freezer, unit, Freshness::Now).unwrap();
        freezer.locks().release(&lease, None, None).unwrap();
    }
    for round in 0..4 {
        // Half of them take what has been taken before, half what nobody has heard of.
        let units: Vec<String> = (0..actors.len())
            .map(|n| if n % 2 == 0 { known[n / 2].to_owned() } else { format!("n{n}x{round}/p") })
            .collect();
        let (frozen, leases) = std::thread::scope(|scope| {
            let racing: Vec<_> = actors
                .iter()
                .zip(&units)
                .map(|(actor, unit)| scope.spawn(move || take(actor, unit, Freshness::Now).ok()))
                .collect();
            let frozen = freeze(&freezer, "@all/p");
            (frozen, racing.into_iter().map(|t| t.join().unwrap()).collect::<Vec<_>>())
        });
        let taken = leases.iter().flatten().count();
        assert_eq!(frozen.is_ok(), taken == 0, "{frozen:?} and {taken} runs");
        if frozen.is_ok() {
            freezer.locks().thaw(&keys(&["@all/p"]), None).unwrap();
        } else {
            assert_eq!(taken, actors.len(), "a freeze that failed keeps nobody from anything");
        }
        for (actor, lease) in actors.iter().zip(&leases) {
            if let Some(lease) = lease {
                actor.locks().release(lease, None, None).unwrap();
            }
        }
    }
}

pub(super) fn first_takings_at_the_same_time_all_succeed(place: &Place) {
    let actors: Vec<_> = (0..6).map(|n| place.run(&format!("o{n}"), &format!("r{n}"))).collect();
    std::thread::scope(|scope| {
        let racing: Vec<_> = actors
            .iter()
            .enumerate()
            .map(|(n, actor)| scope.spawn(move || take(actor, &format!("m{n}/p"), Freshness::Now)))
            .collect();
        for thread in racing {
            let lease = thread.join().unwrap().unwrap();
            assert_eq!((lease.entries.len(), lease.generation()), (1, 1));
        }
    });
    assert_eq!(actors[0].last("@all/@all").act, Act::Opened);
}
