//! Runs of several units with a step that does what the unit's name says: order, failures, what is left
//! out, what is told and what is given out.

use std::sync::OnceLock;

use super::super::{Done, Options, Plan, Reporter, Services, Shared, Step, UnitPlan, run};
use super::*;
use crate::env::{Clock, Environment, Host};
use crate::lock::{Naming, UnitKeys};
use crate::process::{Interrupts, Signal, Stdio, SystemRunner};
use crate::project::{Answers, FurtherKey, Project, UnitId};
use crate::workflow::{DataSink, LineSink, Report};

/// Fails for modules whose names begin with `bad`, asks the run to end for `end`, and else gives out the
/// unit's name.
struct ByName(Role);

impl Step for ByName {
    fn name(&self) -> &'static str {
        "by-name"
    }
    fn summary(&self) -> &'static str {
        ""
    }
    fn details(&self) -> &'static str {
        ""
    }
    fn role(&self) -> Role {
        self.0
    }
    fn run(&self, _: &Call, run: &Run<'_>, state: &mut State) -> Result<Done, Error> {
        let module = run.id().module.as_str();
        assert!(!module.starts_with("panic"), "told to");
        if module.starts_with("end") {
            run.services.interrupts.deliver(Signal::Term, false);
        }
        if module.starts_with("bad") || module == "end-bad" {
            let source = std::io::Error::other("told to");
            return Err(Error::Io { what: "do it".into(), source });
        }
        run.print(state, format!("{module}\n").as_bytes())?;
        Ok(Done::quietly())
    }
}

static INSPECT: ByName = ByName(Role::Inspect);
static LOCK: ByName = ByName(Role::Lock);

#[derive(Default)]
struct Kept(Mutex<Vec<Event>>);

impl Reporter for Kept {
    fn emit(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}

/// What a run was asked, beside its units.
struct Ask {
    jobs: usize,
    keep_going: bool,
    step: &'static dyn Step,
}

const ALONE: Ask = Ask { jobs: 1, keep_going: false, step: &INSPECT };

/// What came of a run.
struct Came {
    report: Report,
    told: Vec<String>,
    out: String,
}

/// Runs units, named by module, each with the places of those that it needs and further locks.
fn play(units: &[(&str, &[usize], &[&str])], ask: &Ask) -> Came {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("lockstep.toml"), "").unwrap();
    let unit = |(module, needs, keys): &(&str, &[usize], &[&str])| {
        let id: UnitId = format!("{module}/prod").parse().unwrap();
        let further = keys.iter().map(|key| FurtherKey::new((*key).to_owned()).unwrap()).collect::<Vec<_>>();
        let keys: UnitKeys = Naming::default().unit(&id, &further);
        UnitPlan {
            words: Vec::new(),
            keys,
            directory: directory.path().join(module),
            id,
            needs: needs.to_vec(),
        }
    };
    let call = Call { written: None, step: ask.step, argv: None, releases: false, label: "by-name".into() };
    let plan = Plan {
        units: units.iter().map(unit).collect(),
        // Two, so that it is no pipeline of one step.
        calls: vec![call.clone(), call],
        finally: Vec::new(),
        staged: None,
        left_out: None,
        builds_all: false,
        options: Options { keep_going: ask.keep_going, ..Options::default() },
    };
    let (events, out) = (Arc::new(Kept::default()), Arc::new(Mutex::new(Vec::new())));
    let into = Arc::clone(&out);
    let write = move |bytes: &[u8]| {
        into.lock().unwrap().extend_from_slice(bytes);
        Ok(())
    };
    let services = Services {
        env: Environment::new("/", [("", ""); 0]),
        clock: Clock::System,
        host: Host::current(),
        owner: "ana".into(),
        run_id: "r1".into(),
        interrupts: Interrupts::new(),
        runner: Arc::new(SystemRunner),
        stdio: Stdio::Capture,
        reporter: events.clone(),
        repo: None,
        backend: None,
        output: DataSink { write: Some(Arc::new(write)), ..DataSink::default() },
        lines: LineSink::default(),
        ask: None,
        answers: Answers::default(),
        trust: crate::project::Trust::everything(),
        alive: OnceLock::new(),
        shared: Shared::new(ask.jobs, None, None),
    };
    let report = run(&plan, &Project::discover(directory.path(), &Environment::bare()).unwrap(), &services);
    let told = events.0.lock().unwrap().iter().filter_map(line).collect();
    let out = String::from_utf8(out.lock().unwrap().clone()).unwrap();
    Came { report, told, out }
}

fn line(event: &Event) -> Option<String> {
    match event {
        Event::UnitStarted { unit } => Some(format!("{} begins", unit.module)),
        Event::UnitFinished { unit, outcome, reason, .. } => {
            let reason = reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
            Some(format!("{} {outcome:?}{reason}", unit.module))
        }
        _ => None,
    }
}

#[test]
fn a_unit_alone_is_told_as_ever() {
    let came = play(&[("a", &[], &[])], &ALONE);
    assert_eq!((came.report.exit_code, came.out.as_str()), (0, "a\na\n"));
    assert_eq!(came.told, [""; 0]);
}

#[test]
fn units_have_their_turns_in_order_and_a_failure_ends_the_run() {
    let came = play(&[("a", &[], &[]), ("bad", &[], &[]), ("c", &[1], &[]), ("d", &[], &[])], &ALONE);
    assert_eq!(
        came.told,
        [
            "a begins",
            "a Ok",
            "bad begins",
            "bad Failed: cannot do it",
            "c Skipped: needs bad/prod, which failed",
            "d Skipped: bad/prod failed before its turn",
        ]
    );
    assert_eq!((came.report.exit_code, came.out.as_str()), (74, "a\na\n"));
    let left_out: Vec<String> = came.report.left_out.iter().map(|unit| unit.unit.to_string()).collect();
    assert_eq!(left_out, ["c/prod", "d/prod"]);
    assert_eq!(came.report.units.len(), 2);
}

#[test]
fn going_on_leaves_out_only_what_needs_the_failed_one() {
    let units: [(&str, &[usize], &[&str]); 5] =
        [("bad", &[], &[]), ("b", &[0], &[]), ("c", &[1], &[]), ("d", &[], &[]), ("e", &[3], &[])];
    for jobs in [1, 2, 8] {
        let came = play(&units, &Ask { keep_going: true, jobs, ..ALONE });
        assert_eq!((came.report.exit_code, came.out.as_str()), (74, "d\nd\ne\ne\n"));
        let reasons: Vec<&str> = came.report.left_out.iter().map(|unit| unit.reason.as_str()).collect();
        assert_eq!(reasons, ["needs bad/prod, which failed", "needs b/prod, which was left out"]);
        let at = |line: &str| came.told.iter().position(|told| told == line).unwrap();
        assert!(at("d Ok") < at("e begins"), "{:?}", came.told);
    }
}

#[test]
fn what_units_give_out_comes_in_the_order_of_the_plan_however_they_end() {
    let names: Vec<String> = (10..60).map(|at| format!("m{at}")).collect();
    let units: Vec<(&str, &[usize], &[&str])> =
        names.iter().map(|name| (name.as_str(), &[][..], &[][..])).collect();
    let came = play(&units, &Ask { jobs: 8, ..ALONE });
    let wanted: String = names.iter().map(|name| format!("{name}\n{name}\n")).collect();
    assert_eq!(came.out, wanted);
    assert_eq!(came.told.len(), 100);
}

#[test]
fn nothing_begins_once_the_run_was_asked_to_end() {
    let came =
        play(&[("a", &[], &[]), ("end", &[], &[]), ("z", &[], &[])], &Ask { keep_going: true, ..ALONE });
    assert_eq!(came.report.left_out[0].reason, "the run was interrupted (SIGTERM)");
    // The second step of `end` was not begun any more.
    assert_eq!(came.report.exit_code, 130);
    assert_eq!(came.out, "a\na\nend\n");
}

#[test]
fn what_an_interrupted_unit_keeps_back_is_left_out_for_the_interruption() {
    let units: [(&str, &[usize], &[&str]); 3] =
        [("end-bad", &[], &[]), ("needs", &[0], &[]), ("z", &[], &[])];
    for keep_going in [false, true] {
        let came = play(&units, &Ask { keep_going, ..ALONE });
        let reasons: Vec<&str> = came.report.left_out.iter().map(|one| one.reason.as_str()).collect();
        assert_eq!(reasons, ["the run was interrupted (SIGTERM)"; 2]);
    }
}

#[test]
fn units_of_one_lock_never_run_at_the_same_time() {
    let names: Vec<String> = (10..30).map(|at| format!("m{at}")).collect();
    let units: Vec<(&str, &[usize], &[&str])> =
        names.iter().map(|name| (name.as_str(), &[][..], &["shared"][..])).collect();
    let came = play(&units, &Ask { jobs: 8, step: &LOCK, ..ALONE });
    let wanted: Vec<String> =
        names.iter().flat_map(|name| [format!("{name} begins"), format!("{name} Ok")]).collect();
    assert_eq!(came.told, wanted, "one after the other, the first one first");
}

#[test]
fn a_step_that_panics_keeps_nobody_waiting() {
    let units: [(&str, &[usize], &[&str]); 3] = [("panic", &[], &[]), ("b", &[0], &[]), ("c", &[], &[])];
    let played = std::panic::catch_unwind(|| play(&units, &Ask { jobs: 2, keep_going: true, ..ALONE }));
    assert!(played.is_err());
}

#[test]
fn a_run_of_no_units_ends_well() {
    let came = play(&[], &ALONE);
    assert_eq!((came.report.exit_code, came.report.units.len(), came.told.len()), (0, 0, 0));
}
