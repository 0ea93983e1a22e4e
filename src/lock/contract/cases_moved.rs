//! A lock that goes on from another one: both are taken, and nothing that the former knew is lost.

use super::fixture::{Actor, Place, contains, keys, oid, request};
use crate::git::{Ancestry, GitError, Oid};
use crate::lock::{AcquireRequest, Act, Effect, Lease, LockError, LockKey, LockState};

/// As a run of the new configuration takes `was` and `now`.
fn take_both(
    who: &Actor,
    was: &str,
    now: &str,
    contains: &dyn Fn(&Oid) -> Result<Ancestry, GitError>,
) -> Result<Lease, LockError> {
    let carry = [(LockKey::new(now).unwrap(), LockKey::new(was).unwrap())];
    let both = keys(&[was, now]);
    who.locks().acquire(&AcquireRequest { carry: &carry, contains, ..request(&both) })
}

fn told(who: &Actor, key: &str) -> (LockState, u64, Option<Oid>) {
    let last = who.last(key);
    (last.state, last.generation, last.applied)
}

pub(super) fn a_moved_lock_goes_on_from_the_former(place: &Place) {
    let (old, new) = (place.run("ana", "r1"), place.run("bob", "r2"));
    for digit in ['1', '2'] {
        let lease = old.take(&["alpha/prod"]).unwrap();
        old.locks().release(&lease, Some(&oid(digit)), None).unwrap();
    }
    let lacks_it =
        |applied: &Oid| Ok(if *applied == oid('2') { Ancestry::Lacks } else { Ancestry::Contains });
    let error = take_both(&new, "alpha/prod", "x:alpha/prod", &lacks_it).unwrap_err();
    assert!(matches!(&error, LockError::Stale { applied, .. } if *applied == oid('2')), "{error}");
    let lease = take_both(&new, "alpha/prod", "x:alpha/prod", &contains).unwrap();
    assert_eq!(told(&new, "x:alpha/prod"), (LockState::Held, 3, Some(oid('2'))));
    // Whoever still runs the old configuration is kept out, and he keeps out the others.
    assert!(
        matches!(old.again("r3").take(&["alpha/prod"]), Err(LockError::Held { holder, .. }) if holder.run == "r2")
    );
    // Given back without any change: what was applied is known in the new place all the same.
    new.locks().give_back(&lease, "x").unwrap();
    assert_eq!(told(&new, "x:alpha/prod"), (LockState::Free, 3, Some(oid('2'))));
    // A run of the old configuration applies something; the new lock learns of it, whatever it knew.
    let lease = old.again("r4").take(&["alpha/prod"]).unwrap();
    assert!(take_both(&new, "alpha/prod", "x:alpha/prod", &contains).is_err());
    old.again("r4").locks().release(&lease, Some(&oid('4')), None).unwrap();
    let later = new.again("r5");
    let lease = take_both(&later, "alpha/prod", "x:alpha/prod", &contains).unwrap();
    assert_eq!(told(&new, "x:alpha/prod"), (LockState::Held, 5, Some(oid('4'))));
    later.locks().release(&lease, Some(&oid('5')), None).unwrap();
    for key in ["alpha/prod", "x:alpha/prod"] {
        assert_eq!(told(&new, key), (LockState::Free, 5, Some(oid('5'))), "{key}");
    }
}

pub(super) fn several_former_locks_go_into_one(place: &Place) {
    let ana = place.run("ana", "r1");
    for (unit, digit) in [("alpha/prod", '1'), ("beta/prod", '2'), ("beta/prod", '3')] {
        let lease = ana.take(&[unit]).unwrap();
        ana.locks().release(&lease, Some(&oid(digit)), None).unwrap();
    }
    let lease = take_both(&ana.again("r2"), "beta/prod", "@all/prod", &contains).unwrap();
    ana.again("r2").locks().release(&lease, Some(&oid('6')), None).unwrap();
    assert_eq!(told(&ana, "@all/prod"), (LockState::Free, 3, Some(oid('6'))));
    // The other one knows less than the new lock does by now.
    let run = ana.again("r3");
    let lease = take_both(&run, "alpha/prod", "@all/prod", &contains).unwrap();
    assert_eq!(told(&ana, "@all/prod"), (LockState::Held, 4, Some(oid('6'))));
    assert_eq!(told(&ana, "alpha/prod"), (LockState::Held, 4, Some(oid('1'))));
    run.locks().release(&lease, None, None).unwrap();
    assert_eq!(told(&ana, "@all/prod").2, Some(oid('6')));
}

pub(super) fn the_newest_of_several_former_commits_is_known(place: &Place) {
    let ana = place.run("ana", "r1");
    // The one that was taken more often has applied the older commit.
    for (unit, digit) in [("beta/prod", '2'), ("beta/prod", '3'), ("alpha/prod", '5')] {
        let lease = ana.take(&[unit]).unwrap();
        ana.locks().release(&lease, Some(&oid(digit)), None).unwrap();
    }
    // Both are taken by runs that change nothing: the lock of both has learnt of both.
    for (unit, run) in [("beta/prod", "r2"), ("alpha/prod", "r3"), ("beta/prod", "r4")] {
        let run = ana.again(run);
        let lease = take_both(&run, unit, "@all/prod", &contains).unwrap();
        run.locks().release(&lease, None, None).unwrap();
    }
    assert_eq!(told(&ana, "@all/prod").2, Some(oid('5')));
    assert_eq!((told(&ana, "alpha/prod").2, told(&ana, "beta/prod").2), (Some(oid('5')), Some(oid('3'))));
}

pub(super) fn a_set_that_is_held_in_part_is_taken_over(place: &Place) {
    let (ana, bob) = (place.run("ana", "r1"), place.run("bob", "r2"));
    let lease = ana.take(&["alpha/prod", "vpc"]).unwrap();
    ana.locks().fail(&lease, Effect::Unfinished, "x").unwrap();
    // A key was added since, and somebody has taken one away.
    bob.locks().evict(&keys(&["vpc"]), "r1", Some("x")).unwrap();
    let run = ana.again("r3");
    let lease = run.take(&["alpha/prod", "dns", "vpc"]).unwrap();
    assert!(lease.resumed && lease.found_unfinished());
    let acts = ["alpha/prod", "dns", "vpc"].map(|key| ana.last(key).act);
    assert_eq!(acts, [Act::TakenOver, Act::Acquired, Act::Acquired]);
    // Without a change of its own it leaves each as it found it.
    run.locks().release(&lease, None, None).unwrap();
    let states = ["alpha/prod", "dns", "vpc"].map(|key| ana.last(key).state);
    assert_eq!(states, [LockState::Failed, LockState::Free, LockState::Free]);
    // Nobody else's failed key is taken along.
    let lease = bob.take(&["dns"]).unwrap();
    bob.locks().fail(&lease, Effect::None, "").unwrap();
    let error = ana.again("r4").take(&["alpha/prod", "dns"]).unwrap_err();
    assert!(matches!(&error, LockError::Held { key, .. } if key.as_str() == "dns"), "{error}");
    assert!(error.to_string().contains("lock `dns` is held by `bob`"), "{error}");
}
