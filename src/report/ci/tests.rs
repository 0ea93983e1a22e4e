//! The texts that services get, for a run that goes well and one that does not.

use std::fs;
use std::sync::Arc;

use super::*;
use crate::project::UnitId;
use crate::workflow::UnitOutcome;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn unit() -> UnitId {
    "alpha/prod".parse().unwrap()
}

fn started(commands: usize) -> Event {
    Event::RunStarted {
        run: "r1".into(),
        time: "2026-01-02T03:04:05Z".parse().unwrap(),
        owner: "github:acme/infra:1:apply".into(),
        units: vec![unit()],
        steps: vec!["build".into(), "tofu apply".into()],
        commands,
        commit: None,
        version: Event::VERSION,
    }
}

fn command() -> [Event; 2] {
    let program = "tofu apply".to_owned();
    [
        Event::CommandStarted {
            unit: unit(),
            program: program.clone(),
            directory: "/x".into(),
            terminal: true,
        },
        Event::CommandFinished { unit: unit(), program, code: 1, signal: None, ok: false },
    ]
}

fn step(name: &str, ok: bool, summary: &str) -> Event {
    Event::StepFinished {
        unit: unit(),
        step: name.into(),
        ok,
        skipped: false,
        routine: false,
        summary: summary.into(),
        milliseconds: 1230,
    }
}

fn finished(code: u8, error: Option<&str>) -> Event {
    Event::RunFinished {
        run: "r1".into(),
        time: "2026-01-02T03:04:06Z".parse().unwrap(),
        code,
        error: error.map(Into::into),
    }
}

/// The log and the files after these events.
fn told(service: CiService, events: &[Event]) -> (String, String, String) {
    let directory = tempfile::tempdir().unwrap();
    let env = Environment::new(
        directory.path(),
        [("GITHUB_STEP_SUMMARY", "summary.md"), ("GITHUB_OUTPUT", "outputs"), ("LOCKSTEP_DOTENV", "outputs")],
    );
    let log = Log::default();
    let ci = Ci::new(service, &env, Clock::Fixed("2026-01-02T03:04:05Z".parse().unwrap()), log.clone());
    events.iter().for_each(|event| ci.emit(event));
    let file = |name: &str| fs::read_to_string(directory.path().join(name)).unwrap_or_default();
    (String::from_utf8(log.0.lock().unwrap().clone()).unwrap(), file("summary.md"), file("outputs"))
}

fn failing_run() -> Vec<Event> {
    let mut events = vec![started(2), step("build", true, "1 file written")];
    events.extend(command());
    events.push(step("tofu apply", false, ""));
    events.push(Event::LockKept { unit: unit(), recorded: true });
    events.push(Event::Warning { unit: None, message: "a <b>bold</b>\n| claim `x`".into() });
    events.push(finished(1, Some("`tofu apply` ended with exit code 1")));
    events
}

#[test]
fn github_gets_groups_a_summary_and_outputs() {
    let (log, summary, outputs) = told(CiService::GitHub, &failing_run());
    assert_eq!(log, "::group::alpha/prod: tofu apply\n::endgroup::\n");
    assert_eq!(outputs, "run-id=r1\nresult=failure\nexit-code=1\nlock=kept\n");
    insta::assert_snapshot!(summary);
}

#[test]
fn gitlab_gets_sections_and_variables() {
    let (log, summary, outputs) = told(CiService::GitLab, &failing_run());
    let (name, second) = (format!("lockstep_{}_1", crate::env::pid()), 1_767_323_045);
    let expected = format!(
        "\x1b[0Ksection_start:{second}:{name}\r\x1b[0Kalpha/prod: tofu apply\n\
         \x1b[0Ksection_end:{second}:{name}\r\x1b[0K\n"
    );
    assert_eq!(log, expected);
    assert_eq!(
        outputs,
        "LOCKSTEP_RUN_ID=r1\nLOCKSTEP_RESULT=failure\nLOCKSTEP_EXIT_CODE=1\nLOCKSTEP_LOCK=kept\n"
    );
    assert_eq!(summary, "");
}

#[test]
fn the_only_command_is_not_folded_away_and_changes_are_a_success() {
    let mut events = vec![started(1)];
    events.extend(command());
    events.push(finished(2, None));
    let (log, _, outputs) = told(CiService::GitHub, &events);
    assert_eq!(log, "");
    assert_eq!(outputs, "run-id=r1\nresult=changes\nexit-code=2\nlock=free\n");
}

#[test]
fn several_units_are_a_table_and_what_runs_beside_others_makes_no_groups() {
    let ids: Vec<UnitId> = (0..7).map(|number| format!("m_{number}/prod").parse().unwrap()).collect();
    let mut events = vec![started(1)];
    if let Event::RunStarted { units, .. } = &mut events[0] {
        units.clone_from(&ids);
    }
    for (number, unit) in ids.iter().enumerate() {
        let (outcome, code, reason) = match number {
            1 => (UnitOutcome::Changes, 2, None),
            2 => (UnitOutcome::Failed, 1, Some("`tofu apply` ended\nbadly".to_owned())),
            3 => (UnitOutcome::Skipped, 0, Some("needs m_2/prod, which failed".to_owned())),
            _ => (UnitOutcome::Ok, 0, None),
        };
        let (program, directory) = ("tofu apply".to_owned(), "/x".to_owned());
        events.push(Event::UnitStarted { unit: unit.clone() });
        events.push(Event::CommandStarted { unit: unit.clone(), program, directory, terminal: false });
        let (unit, log) = (unit.clone(), None);
        events.push(Event::UnitFinished { unit, outcome, code, reason, log, milliseconds: 1230 });
    }
    events.push(finished(1, Some("x")));
    let (log, summary, _) = told(CiService::GitHub, &events);
    assert_eq!(log, "");
    insta::assert_snapshot!(summary);
}

#[test]
fn a_run_that_ended_before_a_units_turn_is_a_failure() {
    let (unit, outcome, code) = (unit(), UnitOutcome::Skipped, 0);
    let end = Event::UnitFinished { unit, outcome, code, reason: None, log: None, milliseconds: 0 };
    let (_, _, outputs) = told(CiService::GitHub, &[started(1), end, finished(130, None)]);
    assert_eq!(outputs, "run-id=r1\nresult=failure\nexit-code=130\nlock=free\n");
}

#[test]
fn files_that_cannot_be_written_change_nothing() {
    let env =
        Environment::new("/", [("GITHUB_STEP_SUMMARY", "/dev/full"), ("GITHUB_OUTPUT", "/nowhere/at/all")]);
    let ci = Ci::new(
        CiService::GitHub,
        &env,
        Clock::Fixed("2026-01-02T03:04:05Z".parse().unwrap()),
        Log::default(),
    );
    failing_run().iter().for_each(|event| ci.emit(event));
}
