//! Steps of two units of one run: what one does to the branch, and a stop of the process, the other
//! gets to know.

use super::*;
use crate::lock::{LockError, LockState};
use crate::steps::{GitCheck, GitPush, Lock, Unlock, UnlockAny};

/// A run of `alpha/prod` and `beta/prod`: the other unit's turn.
fn turn(session: &mut Session, others: &mut State, unit: &str) {
    let id: UnitId = unit.parse().unwrap();
    session.plan.units[0].keys = Naming::default().unit(&id, []);
    session.plan.units[0].id = id;
    std::mem::swap(&mut session.state, others);
}

#[test]
fn what_one_unit_has_pushed_is_no_strangers_push_to_the_other() {
    let world = world();
    let mut ana = Session::new(&world, "ana", "ana", "r1");
    let commit = ana.commit(&world, "x");
    let mut beta = State::default();
    // Both are checked, and one has its lock, before the branch moves.
    ana.step(&GitCheck).unwrap();
    turn(&mut ana, &mut beta, "beta/prod");
    ana.check_and_lock().unwrap();
    ana.applies();
    ana.push_and_release().unwrap();
    assert_eq!(ana.state.pushed, Some(commit));
    turn(&mut ana, &mut beta, "alpha/prod");
    ana.step(&Lock).unwrap();
    ana.applies();
    let pushed = ana.step(&GitPush).unwrap();
    assert!(pushed.skipped && pushed.summary.ends_with("is not ahead"), "{pushed:?}");
    ana.step(&Unlock).unwrap();
    assert_eq!(ana.record().state, LockState::Free);
}

#[test]
fn after_one_stop_each_unit_makes_sure_of_its_own_lock() {
    let world = world();
    let mut ana = Session::new(&world, "ana", "ana", "r1");
    let mut beta = State::default();
    ana.check_and_lock().unwrap();
    turn(&mut ana, &mut beta, "beta/prod");
    ana.check_and_lock().unwrap();
    let mut bob = Session::new(&world, "bob", "bob", "r2");
    bob.plan.options.reason = Some("stopped".into());
    let mut none = State::default();
    for unit in ["alpha/prod", "beta/prod"] {
        turn(&mut bob, &mut none, unit);
        bob.step(&UnlockAny).unwrap();
    }
    let verify = |session: &mut Session| {
        let mut state = std::mem::take(&mut session.state);
        let verified = crate::workflow::verify_after_a_stop(&session.view(), &mut state);
        session.state = state;
        verified
    };
    verify(&mut ana).unwrap();
    ana.services.interrupts.deliver_continue();
    assert!(matches!(verify(&mut ana), Err(LockError::Lost { .. })), "beta");
    turn(&mut ana, &mut beta, "alpha/prod");
    assert!(matches!(verify(&mut ana), Err(LockError::Lost { .. })), "alpha");
    verify(&mut ana).unwrap();
}
