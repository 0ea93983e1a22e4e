//! Exactly what a person reads.

use std::sync::Arc;

use super::*;
use crate::project::Name;

#[derive(Clone, Default)]
pub(super) struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

struct Gone;

impl Write for Gone {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Err(std::io::ErrorKind::BrokenPipe.into())
    }
}

fn unit() -> UnitId {
    UnitId { module: Name::new("alpha").unwrap(), profile: Name::new("prod").unwrap() }
}

fn finished(step: &str, summary: &str, skipped: bool) -> Event {
    Event::StepFinished {
        unit: unit(),
        step: step.into(),
        ok: true,
        skipped,
        routine: false,
        summary: summary.into(),
        milliseconds: 7,
    }
}

fn note(message: &str) -> Event {
    Event::Note { unit: Some(unit()), message: message.into() }
}

fn usual() -> Vec<Event> {
    let time = jiff::Timestamp::UNIX_EPOCH;
    let program = || "tofu apply".to_owned();
    vec![
        Event::RunStarted {
            version: Event::VERSION,
            commit: None,
            run: "r1".into(),
            time,
            owner: "ana@host".into(),
            units: vec![unit()],
            steps: vec!["build".into(), "tofu apply".into(), "git-push".into()],
            commands: 1,
        },
        Event::StepStarted { unit: unit(), step: "build".into() },
        finished("build", "2 written, 1 removed", false),
        Event::StepStarted { unit: unit(), step: program() },
        Event::CommandStarted {
            unit: unit(),
            program: program(),
            directory: "/p/.dist".into(),
            terminal: true,
        },
        Event::CommandFinished { unit: unit(), program: program(), code: 0, signal: None, ok: true },
        finished("tofu apply", "", false),
        Event::StepStarted { unit: unit(), step: "git-push".into() },
        finished("git-push", "origin/main is not ahead", true),
        Event::LockReleased { unit: unit() },
        Event::RunFinished { run: "r1".into(), time, code: 0, error: None },
    ]
}

fn shown(level: Level, color: bool, events: &[Event]) -> String {
    let screen = Paper::default();
    let human = Human::new(screen.clone(), level, color, false);
    events.iter().for_each(|event| human.emit(event));
    screen.text()
}

#[test]
fn the_usual_run_is_nearly_silent() {
    assert_eq!(shown(Level::Normal, false, &usual()), "lockstep: build: 2 written, 1 removed\n");
    assert_eq!(shown(Level::Quiet, false, &usual()), "");
}

#[test]
fn every_step_on_request() {
    assert_eq!(
        shown(Level::Verbose, false, &usual()),
        "lockstep: run r1 of ana@host: build, tofu apply, git-push\n\
         lockstep: build: done: 2 written, 1 removed (7 ms)\n\
         lockstep: tofu apply in /p/.dist\n\
         lockstep: tofu apply: exit code 0\n\
         lockstep: tofu apply: done (7 ms)\n\
         lockstep: git-push: nothing to do: origin/main is not ahead (7 ms)\n\
         lockstep: lock alpha/prod given back\n\
         lockstep: run r1 ended with 0\n"
    );
}

#[test]
fn nothing_is_written_while_a_tool_owns_the_terminal() {
    let screen = Paper::default();
    let human = Human::new(screen.clone(), Level::Normal, false, false);
    let program = || "tofu".to_owned();
    human.emit(&Event::CommandStarted {
        unit: unit(),
        program: program(),
        directory: "/".into(),
        terminal: true,
    });
    human.emit(&note("later"));
    human.emit(&Event::Warning { unit: None, message: "also".into() });
    assert_eq!(screen.text(), "");
    human.emit(&Event::CommandFinished {
        unit: unit(),
        program: program(),
        code: 137,
        signal: Some(9),
        ok: false,
    });
    assert_eq!(screen.text(), "lockstep: later\nlockstep: warning: also\n");
}

#[test]
fn warnings_are_read_even_by_the_quiet() {
    let events =
        [Event::Warning { unit: Some(unit()), message: "look\nhere \u{1b}[31m".into() }, note("not this")];
    assert_eq!(shown(Level::Quiet, false, &events), "lockstep: warning: look\n  here \\u{1b}[31m\n");
    assert_eq!(
        shown(Level::Quiet, true, &events),
        "\x1b[2mlockstep:\x1b[0m \x1b[33mwarning:\x1b[0m look\n  here \\u{1b}[31m\n"
    );
}

#[test]
fn a_lock_that_stays_is_told_unless_an_error_tells_it() {
    let time = jiff::Timestamp::UNIX_EPOCH;
    let kept = Event::LockKept { unit: unit(), recorded: true };
    let end = |error| Event::RunFinished { run: "r".into(), time, code: 0, error };
    assert_eq!(
        shown(Level::Normal, false, &[kept.clone(), end(None)]),
        "lockstep: lock alpha/prod is kept; to give it back: lockstep unlock-any -- alpha prod\n"
    );
    assert_eq!(shown(Level::Normal, false, &[kept, end(Some("x".into()))]), "");
}

#[test]
fn several_units_are_told_apart() {
    let mut events = usual();
    if let Event::RunStarted { units, .. } = &mut events[0] {
        units.push(unit());
    }
    assert_eq!(shown(Level::Normal, false, &events), "lockstep: alpha/prod: build: 2 written, 1 removed\n");
}

#[test]
fn a_closed_terminal_ends_nothing() {
    let human = Human::new(Gone, Level::Verbose, false, false);
    usual().iter().for_each(|event| human.emit(event));
}
