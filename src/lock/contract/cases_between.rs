//! Freezes, thaws and evictions that come between another's look and his word.

use std::sync::mpsc::channel;

use super::between::Between;
use super::cases_many::{freeze, refused_by, take, take_from};
use super::fixture::{Place, keys};
use crate::lock::{Freshness, LockError, LockState, Locks};

pub(super) fn a_lock_that_was_won_is_held_whatever_else_moved(place: &Place) {
    let (ana, bob) = (place.run("ana", "r1"), place.run("bob", "r2"));
    // Another first taking moves the key of everything before the answer to this one arrives.
    let backend = Between::before_answer(ana.backend.as_ref(), || {
        drop(take(&bob, "beta/prod", Freshness::Now).unwrap())
    });
    let locks = Locks { backend: &backend, ..ana.locks() };
    let lease = take_from(&locks, "alpha/prod", Freshness::Now).unwrap();
    assert_eq!(lease.keys().map(ToString::to_string).collect::<Vec<_>>(), ["alpha/prod"]);
    ana.locks().verify(&lease).unwrap();
    ana.locks().give_back(&lease, "x").unwrap();
}

pub(super) fn an_evicted_freeze_hides_no_other(place: &Place) {
    let (ana, bob) = (place.run("ana", "r1"), place.run("bob", "r2"));
    bob.locks().freeze(&keys(&["alpha/prod"]), "alpha/prod", "why").unwrap();
    refused_by(take(&ana, "alpha/prod", Freshness::Now), "alpha/prod");
    // The profile is frozen while she takes the unit's freeze away: her word about that is late, and what
    // she knows of the profile is old.
    let backend = Between::before_swap(ana.backend.as_ref(), || drop(freeze(&bob, "@all/prod").unwrap()));
    let locks = Locks { backend: &backend, ..ana.locks() };
    locks.evict(&keys(&["alpha/prod"]), "r2", Some("x")).unwrap();
    refused_by(take(&ana.again("r3"), "alpha/prod", Freshness::Known), "@all/prod");
}

pub(super) fn a_freeze_that_ends_makes_no_room_beside_another(place: &Place) {
    for (other, unit) in [("alpha/prod", "alpha/prod"), ("@all/@all", "newer/prod")] {
        let (ana, bob, cyn) = (place.run("ana", "r1"), place.run("bob", "r2"), place.run("cyn", "r3"));
        freeze(&bob, other).unwrap();
        // What was passed over, since it was frozen, is thawed and taken before the freeze is written.
        let backend = Between::before_swap(cyn.backend.as_ref(), || {
            bob.locks().thaw(&keys(&[other]), None).unwrap();
            drop(take(&ana, unit, Freshness::Now).unwrap());
        });
        let locks = Locks { backend: &backend, ..cyn.locks() };
        let frozen = locks.freeze_many(&keys(&["@all/prod"]), "@all/prod", "why");
        assert!(
            matches!(&frozen, Err(LockError::Held { key, holder, .. }) if key.as_str() == unit && holder.run == "r1"),
            "{frozen:?}"
        );
        let left = cyn.backend.read(&keys(&["@all/prod"]), Freshness::Now).unwrap();
        assert!(left[0].last.as_ref().is_none_or(|(_, record)| record.state == LockState::Free));
        cyn.locks().evict(&keys(&[unit]), "r1", Some("x")).unwrap();
    }
}

pub(super) fn a_lock_that_a_freeze_made_is_no_way_past_another(place: &Place) {
    let (ana, bob, cyn) = (place.run("ana", "r1"), place.run("bob", "r2"), place.run("cyn", "r3"));
    let unit = keys(&["alpha/prod"]);
    let (has_read, read) = channel();
    let (word, go) = channel();
    std::thread::scope(|scope| {
        // She has looked for locks, and there was none.
        let freezing = scope.spawn(|| {
            let backend = Between::before_swap(cyn.backend.as_ref(), move || {
                has_read.send(()).unwrap();
                go.recv().unwrap();
            });
            Locks { backend: &backend, ..cyn.locks() }.freeze_many(&keys(&["@all/prod"]), "@all/prod", "why")
        });
        read.recv().unwrap();
        bob.locks().freeze(&unit, "alpha/prod", "why").unwrap();
        bob.locks().thaw(&unit, None).unwrap();
        // The run has looked as well, however often it does, and writes when the freeze has returned.
        let backend = Between::before_swap(ana.backend.as_ref(), move || {
            word.send(()).unwrap();
            freezing.join().unwrap().unwrap();
        });
        let locks = Locks { backend: &backend, ..ana.locks() };
        refused_by(take_from(&locks, "alpha/prod", Freshness::Now), "@all/prod");
    });
}

pub(super) fn an_evicted_run_does_not_come_back(place: &Place) {
    let (ana, bob) = (place.run("ana", "r1"), place.run("bob", "r2"));
    // It had won; before it hears of that somebody takes the lock away.
    let backend = Between::before_answer(ana.backend.as_ref(), || {
        drop(bob.locks().evict(&keys(&["alpha/prod"]), "r1", Some("x")).unwrap())
    });
    let locks = Locks { backend: &backend, ..ana.locks() };
    let lost = take_from(&locks, "alpha/prod", Freshness::Now);
    assert!(matches!(&lost, Err(LockError::Lost { now: Some(now), .. }) if now.run == "r2"), "{lost:?}");
    let record = ana.last("alpha/prod");
    assert_eq!((record.state, record.generation), (LockState::Free, 2));
    ana.again("r3").take(&["alpha/prod"]).unwrap();
}
