//! The rules for signals, with real signals and a real terminal. The test binary calls
//! itself in the role of lockstep ([`role`]); `tests/tools/signals_driver.py` owns the terminal and sends the signals.

use std::fs;
use std::path::Path;

use super::*;
use crate::env::Environment;
use crate::process::{CommandRunner, CommandSpec, Stdio, SystemRunner, ToolStatus, find_program};

/// Where the role finds the tool's pipe; unset in an ordinary run of the tests.
const LOG: &str = "LOCKSTEP_TEST_SIGNALS_LOG";
/// Where the role puts what it saw.
const RESULT: &str = "LOCKSTEP_TEST_SIGNALS_RESULT";

fn python(script: &str, args: &[&str], extra: &[(&str, &str)]) -> CommandSpec {
    let env = Environment::from_process().unwrap();
    let extra = extra.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    CommandSpec {
        program: find_program("python3".as_ref(), env.cwd(), &env).unwrap(),
        name: "python3".into(),
        args: ["-c", script].iter().chain(args).map(Into::into).collect(),
        cwd: env.cwd().to_owned(),
        env: env.vars().map(|(name, value)| (name.to_owned(), value.to_owned())).chain(extra).collect(),
        stdio: Stdio::Inherit,
        keep_open: Vec::new(),
        mark: None,
        lines: None,
        limit: None,
    }
}

/// Not a test: lockstep around the tool, for the tests below.
#[test]
fn role() {
    let env = Environment::from_process().unwrap();
    let (Some(log), Some(result)) = (env.var(LOG), env.var(RESULT)) else { return };
    let interrupts = Interrupts::new();
    let handlers = install(&interrupts).unwrap();
    let finished = SystemRunner::new()
        .run(&python(include_str!("../../../tests/tools/signals_tool.py"), &[log], &[]), &interrupts)
        .unwrap();
    drop(handlers);
    let continued = interrupts.continuations() > 0;
    let seen = format!("{:?} {:?} {continued}", finished.status, interrupts.requested());
    fs::write(result, seen).unwrap();
}

/// What the role saw in a scenario: how the tool ended, what was requested, whether it was stopped.
fn play(scenario: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (log, result) = (path("log"), path("result"));
    let me = std::env::current_exe().unwrap();
    let role = ["--exact", "cli::signals::tests::role", "--nocapture", "--test-threads=1"];
    let args = [&[scenario, &log, me.to_str().unwrap()], role.as_slice()].concat();
    let mut spec = python(
        include_str!("../../../tests/tools/signals_driver.py"),
        &args,
        &[(LOG, &log), (RESULT, &result)],
    );
    spec.stdio = Stdio::Capture;
    let finished = SystemRunner::new().run(&spec, &Interrupts::new()).unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&finished.stdout), String::from_utf8_lossy(&finished.stderr));
    assert_eq!(finished.status, ToolStatus::Code(0), "{said}");
    // The test harness itself cannot write to a terminal that is gone, and says so by its code.
    assert!(said.ends_with("code 0\n") || scenario.contains("hang-up"), "{said}");
    fs::read_to_string(Path::new(&result)).unwrap()
}

#[test]
fn ctrl_c_on_a_terminal_reaches_the_tool_once_and_lockstep_waits() {
    assert_eq!(play("pty ctrl-c"), "Code(7) Some(Term) false");
}

#[test]
fn ctrl_backslash_on_a_terminal_reaches_the_tool_once() {
    assert_eq!(play("pty ctrl-backslash"), "Code(7) Some(Term) false");
}

#[test]
fn a_terminal_that_goes_away_reaches_the_tool_once() {
    // The kernel sends SIGCONT along, so that a stopped process gets to know.
    assert_eq!(play("pty hang-up"), "Code(7) Some(Hup) true");
}

#[test]
fn sigterm_to_lockstep_is_forwarded_and_waited_for() {
    assert_eq!(play("plain"), "Code(7) Some(Term) false");
    assert_eq!(play("pty plain"), "Code(7) Some(Term) false");
}

#[test]
fn sigint_that_somebody_sent_to_lockstep_is_forwarded_once() {
    assert_eq!(play("kill-int"), "Code(7) Some(Int) false");
}

#[test]
#[cfg(target_os = "linux")]
fn a_signal_that_was_ignored_stays_ignored_for_the_tool_too() {
    assert_eq!(play("ignore-int"), "Code(7) Some(Term) false");
}

#[test]
#[cfg(target_os = "linux")]
fn a_launcher_that_ignores_the_end_of_children_does_no_harm() {
    assert_eq!(play("ignore-chld"), "Code(7) Some(Term) false");
}

#[test]
fn being_stopped_and_continued_is_noticed() {
    assert_eq!(play("stop"), "Code(7) Some(Term) true");
}
