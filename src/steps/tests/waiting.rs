//! What a wait does with what it finds when it looks.

use std::cell::RefCell;

use super::{Session, world};
use crate::Error;
use crate::lock::LockError;
use crate::process::Signal;
use crate::steps::wait::Wait;

fn contended() -> LockError {
    LockError::Contended { key: crate::lock::LockKey::new("alpha/prod").unwrap() }
}

fn unreachable() -> Error {
    LockError::Unreachable { place: "origin".into(), message: "no route".into() }.into()
}

#[test]
fn a_connection_that_fails_once_does_not_end_the_wait() {
    let world = world();
    let ana = Session::new(&world, "ana", "ana", "r1");
    let run = ana.view();
    let answers = RefCell::new(vec![Ok(()), Err(unreachable())]);
    let mut wait = Wait::new(&run, "1h".parse().unwrap());
    assert!(wait.waited().is_none());
    wait.until_free(contended(), false, || answers.borrow_mut().pop().unwrap()).unwrap();
    assert!(answers.borrow().is_empty() && wait.waited().is_some());
    // One that does not come back is what is told in the end.
    let mut wait = Wait::new(&run, "1s".parse().unwrap());
    let error = wait.until_free(contended(), false, || Err(unreachable())).unwrap_err();
    assert!(matches!(error, Error::Lock(LockError::Unreachable { .. })), "{error}");
}

#[test]
fn a_request_to_end_counts_more_than_what_the_look_found() {
    let world = world();
    let ana = Session::new(&world, "ana", "ana", "r1");
    let run = ana.view();
    let mut wait = Wait::new(&run, "1h".parse().unwrap());
    let look = || {
        run.services.interrupts.deliver(Signal::Term, false);
        Ok(())
    };
    let error = wait.until_free(contended(), false, look).unwrap_err();
    assert!(matches!(error, Error::Interrupted(Signal::Term)), "{error}");
    let error = wait.until_free(contended(), true, || panic!("no further look")).unwrap_err();
    assert!(matches!(error, Error::Stopped(Signal::Term)), "{error}");
}
