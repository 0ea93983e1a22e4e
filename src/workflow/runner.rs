//! The loop: each step runs only if the one before it succeeded; whatever happens, `finally` runs, the lock's
//! fate is settled, and one exit code comes out.
//!
//! The rule of a unit's code: a tool's failure is never hidden by anything that comes later; a failure of
//! ours replaces a tool's success, also a success with changes; without either, the code of the last
//! tool that reported changes stands, else 0. That of a run is in `run_code.rs`.

use serde::Serialize;

use super::finally::Finally;
use super::run_code::{UnitCode, run_code};
use super::sweep::sweep;
use super::{Call, Done, Event, Plan, Role, Run, Services, Settled, State, SuccessNote, parallel, settle};
use crate::env::Stopwatch;
use crate::lock::Effect;
use crate::process::{Left, Signal};
use crate::project::{Project, UnitId};
use crate::{Error, ExitCode};

/// How an invocation ended.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The invocation's identifier.
    pub run: String,
    /// One entry for each unit that was begun, in the plan's order.
    pub units: Vec<UnitReport>,
    /// One entry for each unit that was not, in the plan's order.
    pub left_out: Vec<LeftOut>,
    /// What the shell sees.
    pub exit_code: u8,
}

/// How one unit's part ended.
#[derive(Debug, Serialize)]
pub struct UnitReport {
    /// The unit.
    pub unit: UnitId,
    /// Its exit code: 0, that of a command that reports changes, or that of its failure.
    pub exit_code: u8,
    /// The first error, as text.
    pub message: Option<String>,
    /// Whether the same request can succeed later without anyone changing it.
    pub retryable: bool,
    /// The first error itself.
    #[serde(skip)]
    pub error: Option<Error>,
    /// What became of the lock.
    pub lock: LockFate,
    /// Whether the lock's record says so: the backend could be reached.
    pub lock_recorded: bool,
    /// What its commands started and what still lives after a failure.
    #[serde(skip)]
    pub left: Option<Left>,
    /// The command line that pushes and gives the lock back without another run of the commands, where all
    /// that they were to change is changed and the lock is kept.
    pub recovery: Option<String>,
    /// Captured standard output of its commands, in order; empty if the streams were inherited.
    #[serde(skip)]
    pub stdout: Vec<u8>,
    /// Captured standard error of its commands.
    #[serde(skip)]
    pub stderr: Vec<u8>,
}

/// A unit of a run of several that was never begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// The unit.
    pub unit: UnitId,
    /// Why, as text.
    pub reason: String,
    /// The code that this has for the run; none where the failure of another unit decides.
    pub exit_code: Option<u8>,
}

/// What became of a unit's lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LockFate {
    /// None was taken, or it was given back.
    Free,
    /// It is still held, by the words of the pipeline or after a failure.
    Kept,
    /// It was lost to another.
    Lost,
}

impl Report {
    /// The first error of all units.
    pub fn error(&self) -> Option<&Error> {
        self.units.iter().find_map(|unit| unit.error.as_ref())
    }
}

/// Runs a plan. Everything that happens goes to the services' reporter as it happens.
pub fn run(plan: &Plan, project: &Project, services: &Services) -> Report {
    let head = services.repo.as_ref().and_then(|repo| repo.head().ok()?.oid);
    services.reporter.emit(&Event::RunStarted {
        version: Event::VERSION,
        run: services.run_id.clone(),
        time: services.clock.now(),
        owner: services.owner.clone(),
        units: plan.units.iter().map(|unit| unit.id.clone()).collect(),
        steps: plan.calls.iter().map(|call| call.label.clone()).collect(),
        commands: plan.calls.iter().chain(&plan.finally).map(|call| plan.commands_of(call).len()).sum(),
        commit: head.map(|oid| oid.as_str().to_owned()),
    });
    for message in plan.left_out.as_deref().into_iter().chain(services.shared.note()) {
        services.reporter.emit(&Event::Note { unit: None, message: message.to_owned() });
    }
    let runs: Vec<Run<'_>> = plan.units.iter().map(|unit| Run { project, unit, plan, services }).collect();
    let mut turns = match runs.as_slice() {
        [one] => vec![Turned::Ended(Box::new(run_unit(one, &mut State::default())))],
        several => parallel::run_all(several),
    };
    if plan.builds_all && services.interrupts.requested().is_none() {
        turns.extend(sweep(plan, project, services).into_iter().map(|gone| Turned::Ended(Box::new(gone))));
    }
    let exit_code = run_code(turns.iter().map(Turned::code));
    let (mut units, mut left_out) = (Vec::new(), Vec::new());
    for turn in turns {
        match turn {
            Turned::Ended(report) => units.push(*report),
            Turned::LeftOut(unit) => left_out.push(unit),
        }
    }
    services.reporter.emit(&Event::RunFinished {
        run: services.run_id.clone(),
        time: services.clock.now(),
        code: exit_code,
        error: units.iter().find_map(|unit| unit.message.clone()),
    });
    Report { run: services.run_id.clone(), units, left_out, exit_code }
}

/// What became of a unit of a plan.
pub(super) enum Turned {
    /// It was begun.
    Ended(Box<UnitReport>),
    /// It was not.
    LeftOut(LeftOut),
}

impl Turned {
    fn code(&self) -> UnitCode {
        match self {
            Self::Ended(report) if report.error.is_none() => UnitCode::Well(report.exit_code),
            Self::Ended(report) => UnitCode::Failed(report.exit_code),
            Self::LeftOut(LeftOut { exit_code: None, .. }) => UnitCode::LeftOut,
            Self::LeftOut(LeftOut { exit_code: Some(code), .. }) => UnitCode::LeftOutWith(*code),
        }
    }
}

/// A report of a unit that did one step and took no lock.
pub(super) fn step_report(unit: &UnitId, error: Option<Error>) -> UnitReport {
    UnitReport {
        unit: unit.clone(),
        exit_code: error.as_ref().map_or(0, Error::exit_code),
        message: error.as_ref().map(ToString::to_string),
        retryable: error.as_ref().is_some_and(Error::retryable),
        error,
        lock: LockFate::Free,
        lock_recorded: true,
        left: None,
        recovery: None,
        stdout: Vec::new(),
        stderr: Vec::new(),
    }
}

/// Runs one unit. What it gives out, if that was not given out at once, is left in the state.
pub(super) fn run_unit(run: &Run<'_>, state: &mut State) -> UnitReport {
    state.stood_still = super::holding::pauses(run, state);
    let (mut error, mut finally) = (None, Finally::new(run));
    for call in &run.plan.calls {
        if gives_back(call, state) {
            finally.run(run, state, None);
        }
        if let Err(failure) = step(call, run, state) {
            error = Some(after_commands(failure, run, state));
            break;
        }
    }
    finally.run(run, state, error.as_ref());
    let (mut lock, mut lock_recorded, mut left) = (LockFate::Free, true, None);
    if let Some(error) = &error {
        (lock, lock_recorded, left) = settle_after(run, state, error);
    } else if state.left_locked {
        lock = LockFate::Kept;
    } else if state.lease.is_some() {
        lock = LockFate::Kept;
        run.emit(&Event::LockKept { unit: run.id().clone(), recorded: true });
    }
    let told = lock_recorded && (error.is_some() || lock != LockFate::Kept);
    let succeeded = state.effect == Effect::Applied && (lock_recorded || state.success_noted);
    if state.success_noted && told {
        SuccessNote::of(run.id(), run.project.root(), run.services.repo.as_ref()).forget();
    }
    let recovery = (error.is_some() && lock == LockFate::Kept && succeeded).then(|| recovery(run));
    if let (Some(_), Some(late)) = (&error, &finally.failure) {
        run.warn(format!("in finally: {late}"));
    }
    let error = error.or(finally.failure);
    let code = exit_code(error.as_ref(), state);
    // With somebody who takes what is given out it goes there, and not into the report.
    let printed = run.services.output.write.is_none().then(|| std::mem::take(&mut state.printed));
    let (mut stdout, mut stderr) = (printed.unwrap_or_default(), Vec::new());
    for mut end in std::mem::take(&mut state.commands) {
        stdout.append(&mut end.stdout);
        stderr.append(&mut end.stderr);
    }
    let report = step_report(run.id(), error);
    UnitReport { exit_code: code, lock, lock_recorded, left, recovery, stdout, stderr, ..report }
}

/// What ended a run after a command of it has ended is no interruption before one: whoever repeats it because
/// of that would apply twice.
fn after_commands(error: Error, run: &Run<'_>, state: &State) -> Error {
    let is_before = !state.command_started && state.commands.is_empty();
    if is_before || error.kind() != ExitCode::Interrupted {
        return error;
    }
    // Ctrl-C may reach a git of ours first.
    Error::Stopped(run.services.interrupts.requested().unwrap_or(Signal::Int))
}

/// The steps of the plan without its commands, up to the release of the lock.
fn recovery(run: &Run<'_>) -> String {
    let word = |call: &Call| match call.step.role() {
        Role::Build => Some("build "),
        Role::Check => Some("git-check "),
        Role::Lock => Some("lock "),
        Role::Push => Some("git-push "),
        _ => None,
    };
    let words: String = run.plan.calls.iter().filter_map(word).collect();
    let UnitId { module, profile } = run.id();
    format!("lockstep {words}unlock -- {module} {profile}")
}

/// Does one step of a unit, and tells of its start and its end.
pub(crate) fn step(call: &Call, run: &Run<'_>, state: &mut State) -> Result<(), Error> {
    if let Some(signal) = run.services.interrupts.requested()
        && !finishes(call, state)
    {
        return Err(if state.command_started { Error::Stopped(signal) } else { Error::Interrupted(signal) });
    }
    run.emit(&Event::StepStarted { unit: run.id().clone(), step: call.label.clone() });
    let start = Stopwatch::start();
    let result = call.step.run(call, run, state);
    run.emit(&finished(run, call, &result, start.milliseconds()));
    result.map(|_| ())
}

pub(super) fn finished(run: &Run<'_>, call: &Call, result: &Result<Done, Error>, milliseconds: u64) -> Event {
    Event::StepFinished {
        unit: run.id().clone(),
        step: call.label.clone(),
        ok: result.is_ok(),
        skipped: result.as_ref().is_ok_and(|done| done.skipped),
        routine: result.as_ref().is_ok_and(|done| done.routine),
        summary: result.as_ref().map(|done| done.summary.clone()).unwrap_or_default(),
        milliseconds,
    }
}

/// What was asked to end starts nothing new; but once every command has succeeded, pushing and
/// giving back the lock is the quickest clean end there is.
fn finishes(call: &Call, state: &State) -> bool {
    let gives_back = matches!(call.step.role(), Role::Push | Role::Unlock | Role::UnlockAny);
    gives_back && state.command_started && state.commands.last().is_some_and(|end| end.ok)
}

/// Whether the step lets go of the lock that this run holds.
fn gives_back(call: &Call, state: &State) -> bool {
    state.lease.is_some() && matches!(call.step.role(), Role::Unlock | Role::UnlockAny)
}

fn settle_after(run: &Run<'_>, state: &mut State, error: &Error) -> (LockFate, bool, Option<Left>) {
    let unit = run.id().clone();
    match settle(run, state, error) {
        Settled::Nothing | Settled::Released => (LockFate::Free, true, None),
        Settled::GivenBack { failed: true } => {
            run.emit(&Event::LockKept { unit, recorded: true });
            (LockFate::Kept, true, None)
        }
        Settled::GivenBack { failed: false } => {
            run.emit(&Event::LockReleased { unit });
            (LockFate::Free, true, None)
        }
        Settled::Kept { recorded, left } => {
            if let Some(left) = &left {
                run.warn(format!("{left} that this run started still runs: the lock stays held"));
            }
            if let Err(error) = &recorded {
                run.warn(format!("the lock could not be marked failed: {error}"));
            }
            run.emit(&Event::LockKept { unit, recorded: recorded.is_ok() });
            (LockFate::Kept, recorded.is_ok(), left)
        }
        Settled::Lost => (LockFate::Lost, true, None),
    }
}

pub(super) fn exit_code(error: Option<&Error>, state: &State) -> u8 {
    match error {
        Some(error) => error.exit_code(),
        None => {
            state.commands.iter().rev().map(|end| end.status.exit_code()).find(|code| *code != 0).unwrap_or(0)
        }
    }
}
