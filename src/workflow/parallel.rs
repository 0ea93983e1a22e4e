//! The units of a run of several: threads that take turns, and what is told of each unit.
//!
//! `schedule.rs` decides whose turn it is; here it is carried out. Everything of a unit is dropped when
//! it ends, so that open files do not grow with the number of units. What units give out is written in
//! the plan's order, each unit's whole.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::runner::{Turned, finished, run_unit, step_report};
use super::schedule::{Schedule, Turns, Why};
use super::{Call, Event, LeftOut, LockFate, Role, Run, State, UnitLog, UnitOutcome, UnitReport};
use crate::env::Stopwatch;
use crate::lock::LockKey;
use crate::{Error, ExitCode};

/// Runs the units of one plan; one result for each, in their order.
pub(super) fn run_all(runs: &[Run<'_>]) -> Vec<Turned> {
    let Some(first) = runs.first() else { return Vec::new() };
    let _several = first.services.interrupts.of_several();
    if let [call] = first.plan.calls.as_slice()
        && call.step.role() == Role::Build
        && first.plan.finally.is_empty()
    {
        return build_all(call, runs);
    }
    let jobs = first.services.shared.jobs().min(runs.len());
    let work = Work {
        runs,
        now: Mutex::new(Now {
            schedule: Schedule::new(turns(runs), jobs, first.plan.options.keep_going),
            turned: runs.iter().map(|_| None).collect(),
            printed: HashMap::new(),
            next: 0,
            begun: false,
        }),
        changed: Condvar::new(),
    };
    std::thread::scope(|scope| {
        for _ in 1..jobs {
            scope.spawn(|| work.take_turns());
        }
        work.take_turns();
    });
    let now = work.now.into_inner().unwrap_or_else(PoisonError::into_inner);
    let panicked = |run: &Run<'_>| {
        Turned::LeftOut(LeftOut {
            unit: run.id().clone(),
            reason: "its thread ended too early".to_owned(),
            exit_code: Some(ExitCode::Internal.code()),
        })
    };
    now.turned.into_iter().zip(runs).map(|(turned, run)| turned.unwrap_or_else(|| panicked(run))).collect()
}

/// Building alone: what units share is read once, and one that fails keeps no other back.
fn build_all(call: &Call, runs: &[Run<'_>]) -> Vec<Turned> {
    let start = Stopwatch::start();
    let results = call.step.run_many(call, runs);
    // They ran side by side, and took this time together.
    let milliseconds = start.milliseconds();
    let mut turned = Vec::with_capacity(runs.len());
    let mut results = results.into_iter();
    for runs in runs.chunks(TOGETHER) {
        let mut events = Vec::with_capacity(4 * runs.len());
        for (run, result) in runs.iter().zip(&mut results) {
            events.push(Event::UnitStarted { unit: run.id().clone() });
            events.push(Event::StepStarted { unit: run.id().clone(), step: call.label.clone() });
            events.push(finished(run, call, &result, milliseconds));
            let report = step_report(run.id(), result.err());
            events.push(unit_finished(&report, None, milliseconds));
            turned.push(Turned::Ended(Box::new(report)));
        }
        runs.iter().take(1).for_each(|run| run.emit_all(&events));
    }
    turned
}

/// Of how many units that were built is told at once: one write for each unit takes longer than some builds.
const TOGETHER: usize = 64;

/// What the units need and take. Without a step about the lock no two are in each other's way.
fn turns(runs: &[Run<'_>]) -> Vec<Turns> {
    let about_lock = |call: &Call| matches!(call.step.role(), Role::Lock | Role::Unlock | Role::UnlockAny);
    let locks = runs.first().is_some_and(|run| run.plan.calls.iter().any(about_lock));
    let mut numbers: HashMap<&LockKey, usize> = HashMap::new();
    let mut turns = Vec::with_capacity(runs.len());
    for run in runs {
        let keys = run.unit.keys.take.iter().filter(|_| locks);
        let mut number = |key| {
            let next = numbers.len();
            *numbers.entry(key).or_insert(next)
        };
        turns.push(Turns { needs: run.unit.needs.clone(), locks: keys.map(&mut number).collect() });
    }
    turns
}

/// What the threads share.
struct Work<'a, 'b> {
    runs: &'a [Run<'b>],
    now: Mutex<Now>,
    /// Told when a unit has ended.
    changed: Condvar,
}

struct Now {
    schedule: Schedule,
    /// By unit: what became of it, once that is known.
    turned: Vec<Option<Turned>>,
    /// What units gave out whose turn to be written has not come.
    printed: HashMap<usize, Vec<u8>>,
    /// The first unit of which nothing became yet.
    next: usize,
    /// A unit was begun.
    begun: bool,
}

/// Should a unit's thread panic, the others must not wait for the unit for ever.
struct Unwound<'a, 'b, 'c> {
    work: &'a Work<'b, 'c>,
    at: usize,
}

impl Drop for Unwound<'_, '_, '_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut now = self.work.lock();
            let left_out = now.schedule.end(self.at, false, true);
            self.work.leave_out(&mut now, left_out);
            self.work.changed.notify_all();
        }
    }
}

impl Work<'_, '_> {
    /// Runs units until none is left to begin.
    fn take_turns(&self) {
        let mut now = self.lock();
        loop {
            self.heed_requests(&mut now);
            if let Some(at) = now.schedule.begin() {
                now.begun = true;
                drop(now);
                let unwound = Unwound { work: self, at };
                let (report, printed) = self.unit(at);
                drop(unwound);
                now = self.lock();
                self.ended(&mut now, at, report, printed);
                self.changed.notify_all();
            } else if now.schedule.is_over() {
                return;
            } else {
                now = self.changed.wait(now).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        // A unit that panics does so while nobody holds it.
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing begins once the run was asked to end.
    fn heed_requests(&self, now: &mut Now) {
        let Some(signal) = self.runs.first().and_then(|run| run.services.interrupts.requested()) else {
            return;
        };
        let left_out = now.schedule.stop(signal);
        self.leave_out(now, left_out);
    }

    /// One unit from its beginning to its end, and what it gave out.
    fn unit(&self, at: usize) -> (UnitReport, Vec<u8>) {
        let run = &self.runs[at];
        let start = Stopwatch::start();
        run.emit(&Event::UnitStarted { unit: run.id().clone() });
        let log = run.services.shared.logs().map(|directory| Arc::new(UnitLog::new(directory, run.id())));
        let mut state = State { log: log.clone(), ..State::default() };
        let report = run_unit(run, &mut state);
        if let Some(trouble) = log.as_ref().and_then(|log| log.trouble()) {
            run.warn(format!("not all that its commands wrote is kept: {trouble}"));
        }
        let path = log.as_ref().and_then(|log| log.path()).map(|path| path.display().to_string());
        run.emit(&unit_finished(&report, path, start.milliseconds()));
        (report, state.printed)
    }

    fn ended(&self, now: &mut Now, at: usize, report: UnitReport, printed: Vec<u8>) {
        // Who has asked for an end is the reason then, not the unit that it made fail.
        self.heed_requests(now);
        let (well, keeps) = (report.error.is_none(), report.lock == LockFate::Kept);
        now.turned[at] = Some(Turned::Ended(Box::new(report)));
        if !printed.is_empty() {
            now.printed.insert(at, printed);
        }
        let left_out = now.schedule.end(at, well, keeps);
        self.leave_out(now, left_out);
        self.print(now);
    }

    fn leave_out(&self, now: &mut Now, units: Vec<(usize, Why)>) {
        for (at, why) in units {
            let run = &self.runs[at];
            let other = |at: usize| self.runs[at].id();
            let (reason, exit_code) = match why {
                Why::NeedsFailed(need) => (format!("needs {}, which failed", other(need)), None),
                Why::NeedsLeftOut(need) => (format!("needs {}, which was left out", other(need)), None),
                Why::Kept(by) => {
                    let reason = format!("shares a lock with {}, which keeps it", other(by));
                    (reason, Some(ExitCode::Held.code()))
                }
                Why::Failed(unit) => (format!("{} failed before its turn", other(unit)), None),
                Why::Asked(signal) => {
                    let code = if now.begun { ExitCode::Stopped } else { ExitCode::Interrupted }.code();
                    (format!("the run was interrupted ({signal})"), Some(code))
                }
            };
            run.emit(&Event::UnitFinished {
                unit: run.id().clone(),
                outcome: UnitOutcome::Skipped,
                code: 0,
                reason: Some(reason.clone()),
                log: None,
                milliseconds: 0,
            });
            now.turned[at] = Some(Turned::LeftOut(LeftOut { unit: run.id().clone(), reason, exit_code }));
        }
    }

    /// Writes what was given out by units before which nobody is missing any more.
    fn print(&self, now: &mut Now) {
        while let Some(Some(turned)) = now.turned.get_mut(now.next) {
            let at = now.next;
            now.next += 1;
            let (Some(bytes), Some(write)) = (now.printed.remove(&at), &self.runs[at].services.output.write)
            else {
                continue;
            };
            if let (Err(source), Turned::Ended(report)) = (write(&bytes), turned)
                && report.error.is_none()
            {
                let error = Error::Io { what: "write to standard output".into(), source };
                **report = step_report(self.runs[at].id(), Some(error));
            }
        }
    }
}

fn unit_finished(report: &UnitReport, log: Option<String>, milliseconds: u64) -> Event {
    let outcome = match (&report.error, report.exit_code) {
        (Some(_), _) => UnitOutcome::Failed,
        (None, 0) => UnitOutcome::Ok,
        (None, _) => UnitOutcome::Changes,
    };
    Event::UnitFinished {
        unit: report.unit.clone(),
        outcome,
        code: report.exit_code,
        reason: report.message.clone(),
        log,
        milliseconds,
    }
}

#[cfg(test)]
#[path = "parallel_tests.rs"]
mod tests;
