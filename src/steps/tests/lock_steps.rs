//! `lock`, `unlock`, `unlock-any`, and how a run that ends early leaves the lock.

use super::*;
use crate::lock::{Act, LockError, LockState};
use crate::steps::{GitCheck, Lock, Unlock, UnlockAny};
use crate::workflow::Settled;

#[test]
fn a_branch_that_moved_since_the_check_stops_the_lock() {
    let world = world();
    let mut ana = Session::new(&world, "ana", "ana", "r1");
    ana.step(&GitCheck).unwrap();
    let seed = world.path().join("seed");
    world.commit(&seed, "other", "x");
    world.git(&seed, &["push", "-q", "origin", "main"]);
    let error = ana.step(&Lock).unwrap_err();
    assert!(matches!(&error, Error::Lock(LockError::BranchMoved { branch }) if branch == MAIN), "{error}");
    assert!(ana.state.lease.is_none());
    let (code, _) =
        world.try_git(&world.origin(), &["rev-parse", "--verify", "refs/lockstep/locks/alpha/prod"]);
    assert_ne!(code, Some(0), "no lock was taken");
}

#[test]
fn where_the_lock_is_kept_elsewhere_branch_and_lock_are_looked_at_once_more() {
    let world = world();
    let kept_in_files = |session: Session| {
        let files = crate::lock::LocalFiles::new(world.path().join("locks"));
        let services = Services { backend: Some(Box::new(files)), ..session.services };
        Session { services, ..session }
    };
    let mut ana = kept_in_files(Session::new(&world, "ana", "ana", "r1"));
    ana.step(&GitCheck).unwrap();
    let seed = world.path().join("seed");
    world.commit(&seed, "other", "x");
    world.git(&seed, &["push", "-q", "origin", "main"]);
    let error = ana.step(&Lock).unwrap_err();
    assert!(matches!(&error, Error::Lock(LockError::BranchMoved { branch }) if branch == MAIN), "{error}");
    assert!(matches!(ana.settle(&error), Settled::GivenBack { failed: false }), "no command has run");
    assert_eq!(ana.record().state, LockState::Free);
    // A branch that is gone has moved as well.
    world.git(ana.dir(), &["pull", "-q"]);
    let mut later = kept_in_files(Session::new(&world, "ana", "ana", "r2"));
    later.step(&GitCheck).unwrap();
    world.git(&world.origin(), &["update-ref", "-d", MAIN]);
    let error = later.step(&Lock).unwrap_err();
    assert!(matches!(&error, Error::Lock(LockError::BranchMoved { .. })), "{error}");
    later.settle(&error);
    // And all is well where nothing has.
    world.git(&seed, &["push", "-q", "origin", "main"]);
    let mut last = kept_in_files(Session::new(&world, "ana", "ana", "r3"));
    last.step(&GitCheck).unwrap();
    last.step(&Lock).unwrap();
    assert_eq!(last.record().state, LockState::Held);
}

#[test]
fn a_stale_clone_and_another_branch_are_refused() {
    let world = world();
    clone(&world, "bob");
    let mut ana = Session::new(&world, "ana", "ana", "r1");
    ana.commit(&world, "one");
    ana.check_and_lock().unwrap();
    ana.applies();
    ana.push_and_release().unwrap();
    // Bob's clone is older and he did not even check.
    let mut bob = Session::new(&world, "bob", "bob", "r2");
    assert!(matches!(bob.step(&Lock), Err(Error::Lock(LockError::Stale { shallow: false, .. }))));
    // A branch from before, level with its own upstream.
    world.git(bob.dir(), &["checkout", "-q", "-b", "old"]);
    world.git(bob.dir(), &["push", "-q", "-u", "origin", "old"]);
    let mut bob = Session::new(&world, "bob", "bob", "r2");
    let error = bob.check_and_lock().unwrap_err();
    assert!(matches!(error, Error::Lock(LockError::Stale { .. })), "{error}");
    bob.plan.options.accept_rewrite = true;
    bob.step(&Lock).unwrap();
    assert!(bob.record().reason.unwrap().contains("--accept-rewrite"));
}

#[test]
fn nothing_ran_nothing_stays() {
    let world = world();
    let mut ana = Session::new(&world, "ana", "ana", "r1");
    ana.check_and_lock().unwrap();
    assert!(matches!(ana.settle(&some_failure()), Settled::GivenBack { failed: false }));
    assert_eq!((ana.record().state, ana.record().act), (LockState::Free, Act::GivenBack));
    assert!(matches!(ana.settle(&some_failure()), Settled::Nothing));
}

#[test]
fn what_ran_and_failed_stays_for_its_owner() {
    let world = world();
    let mut ana = Session::new(&world, "ana", "ana", "r1");
    ana.check_and_lock().unwrap();
    ana.applies();
    assert!(matches!(ana.settle(&some_failure()), Settled::Kept { recorded: Ok(()), .. }));
    let mut bob = Session::new(&world, "bob", "bob", "r2");
    assert!(matches!(bob.check_and_lock(), Err(Error::Lock(LockError::Held { .. }))));
    // The fix is a second commit, ahead of the limit, by the same owner from another clone.
    let mut again = Session::new(&world, "ana2", "ana", "r3");
    again.commit(&world, "one");
    again.commit(&world, "two");
    let done = again.check_and_lock().unwrap();
    assert!(done.summary.contains("earlier run"), "{done:?}");
    again.applies();
    again.push_and_release().unwrap();
    bob.step(&Unlock).unwrap();
    assert_eq!(again.record().state, LockState::Free);
}

#[test]
fn an_unreachable_remote_leaves_the_lock_and_says_so() {
    let world = world();
    let mut ana = Session::new(&world, "ana", "ana", "r1");
    ana.check_and_lock().unwrap();
    ana.applies();
    let gone = world.path().join("gone");
    std::fs::rename(world.origin(), &gone).unwrap();
    let error = ana.step(&Unlock).unwrap_err();
    assert!(matches!(error, Error::Lock(LockError::Unreachable { .. })), "{error:?}");
    assert!(ana.state.lease.is_some());
    let settled = ana.settle(&error);
    assert!(
        matches!(settled, Settled::Kept { recorded: Err(LockError::Unreachable { .. }), .. }),
        "{settled:?}"
    );
    std::fs::rename(&gone, world.origin()).unwrap();
    // The run still lives, so not even its owner gets it; when it is dead, he does.
    let mut later = Session::new(&world, "ana", "ana", "r2");
    let error = later.check_and_lock().unwrap_err();
    assert!(error.to_string().contains("still lives"), "{error}");
    drop(ana);
    assert!(later.check_and_lock().unwrap().summary.contains("earlier run"));
}

#[test]
fn a_tool_that_lives_on_keeps_the_lock_from_its_owner() {
    let world = world();
    let mut ana = Session::new(&world, "ana", "ana", "r1");
    ana.check_and_lock().unwrap();
    let tool = ana.services.alive.get().unwrap().try_clone().unwrap();
    drop(ana);
    let mut later = Session::new(&world, "ana", "ana", "r2");
    assert!(matches!(later.check_and_lock(), Err(Error::Lock(LockError::Held { .. }))));
    drop(tool);
    later.check_and_lock().unwrap();
}

#[test]
fn unlock_any_names_whom_it_evicts_and_wants_a_reason() {
    let world = world();
    let mut bob = Session::new(&world, "bob", "bob", "r2");
    let done = bob.step(&UnlockAny).unwrap();
    assert!(done.summary.contains("is free already"), "{done:?}");
    let mut ana = Session::new(&world, "ana", "ana", "r1");
    ana.check_and_lock().unwrap();
    let error = bob.step(&UnlockAny).unwrap_err();
    assert!(matches!(error, Error::Lock(LockError::ReasonMissing { .. })), "{error}");
    bob.plan.options.reason = Some("  ".into());
    assert!(bob.step(&UnlockAny).is_err(), "an empty reason is none");
    assert_eq!(ana.record().state, LockState::Held);
    bob.plan.options.reason = None;
    let asked = Arc::new(Mutex::new(String::new()));
    let question = Arc::clone(&asked);
    bob.services.ask = Some(Arc::new(move |text: &str| {
        *question.lock().unwrap() = text.to_owned();
        Some("her laptop is at the bottom of the sea".into())
    }));
    let done = bob.step(&UnlockAny).unwrap();
    assert!(asked.lock().unwrap().contains("`ana`") && done.summary.contains("`ana`"), "{done:?}");
    let record = ana.record();
    assert_eq!((record.act, record.owner.as_str()), (Act::Evicted, "bob"));
    assert!(record.reason.unwrap().contains("sea"));
    assert!(bob.step(&UnlockAny).unwrap().summary.contains("free already"), "twice is once");
    // One's own needs none.
    let mut again = Session::new(&world, "ana", "ana", "r3");
    again.check_and_lock().unwrap();
    Session::new(&world, "ana", "ana", "r4").step(&UnlockAny).unwrap();
    assert_eq!(again.record().state, LockState::Free);
    // In a pipeline that took the lock `unlock-any` is no more than `unlock`.
    bob.plan.options.reason = Some("x".into());
    bob.services.run_id = "r5".into();
    bob.check_and_lock().unwrap();
    let mut carl = Session::new(&world, "carl", "carl", "r6");
    carl.plan.options.reason = Some("race".into());
    carl.step(&UnlockAny).unwrap();
    carl.step(&Lock).unwrap();
    let error = bob.step(&UnlockAny).unwrap_err();
    assert!(
        matches!(&error, Error::Lock(LockError::Lost { now: Some(now), .. }) if now.run == "r6"),
        "{error}"
    );
}

#[test]
fn a_stopped_run_looks_again_before_it_releases() {
    let world = world();
    let mut ana = Session::new(&world, "ana", "ana", "r1");
    ana.check_and_lock().unwrap();
    crate::workflow::verify_lease(&ana.view(), &ana.state).unwrap();
    let mut bob = Session::new(&world, "bob", "bob", "r2");
    bob.plan.options.reason = Some("stopped".into());
    bob.step(&UnlockAny).unwrap();
    ana.services.interrupts.deliver_continue();
    assert!(matches!(crate::workflow::verify_lease(&ana.view(), &ana.state), Err(LockError::Lost { .. })));
    assert!(matches!(ana.step(&Unlock), Err(Error::Lock(LockError::Lost { .. }))));
}

#[test]
fn events_tell_of_the_lock() {
    let world = world();
    let mut ana = Session::new(&world, "ana", "ana", "r1");
    ana.check_and_lock().unwrap();
    ana.step(&Unlock).unwrap();
    let events = ana.events.0.lock().unwrap();
    let taken = events.iter().any(|e| matches!(e, Event::LockTaken { generation: 1, place, .. } if place == "refs/lockstep/locks on origin"));
    assert!(taken && events.iter().any(|e| matches!(e, Event::LockReleased { .. })), "{events:?}");
}
