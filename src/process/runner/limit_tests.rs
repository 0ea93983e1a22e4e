//! Limits of time, with real children.

use std::sync::Arc;
use std::time::Duration;

use super::tests::{python, run, spec};
use super::*;
use crate::process::{Expiry, Limit, ToolStatus};

#[test]
fn a_tool_that_ends_in_time_is_left_alone() {
    let notice = Arc::new(|expiry| panic!("{expiry:?}"));
    let limit = Limit { timeout: Duration::from_secs(3600), kill_after: Some(Duration::ZERO), notice };
    let finished = run(&CommandSpec { limit: Some(limit), ..spec("true", &[]) }).unwrap();
    assert_eq!((finished.status, finished.expired), (ToolStatus::Code(0), false));
}

#[test]
fn a_tool_whose_time_is_over_is_told_so_once() {
    let (tell, told) = std::sync::mpsc::channel();
    let notice = Arc::new(move |expiry| tell.send(expiry).unwrap());
    // Whenever it comes, also before the tool has done anything: SIGTERM ends it.
    let limit = Limit { timeout: Duration::from_millis(1), kill_after: None, notice };
    let script = "import signal\nwhile True: signal.pause()";
    let finished = run(&CommandSpec { limit: Some(limit), ..python(script, &[]) }).unwrap();
    assert_eq!((finished.status, finished.expired), (ToolStatus::Signal(15), true));
    assert_eq!(told.iter().collect::<Vec<_>>(), [Expiry::Asked]);
}

#[test]
fn who_cannot_be_started_has_no_limit() {
    let limit =
        Limit { timeout: Duration::ZERO, kill_after: None, notice: Arc::new(|expiry| panic!("{expiry:?}")) };
    let nowhere = CommandSpec { cwd: "/no/such/place".into(), limit: Some(limit), ..spec("true", &[]) };
    assert!(matches!(run(&nowhere), Err(ProcessError::Directory { .. })));
}
