//! The commands of `finally`: once in a run, after its steps, whatever became of them.
//!
//! What must hold: in a pipeline that takes a lock they run under it, before it is given back and before a
//! failure is recorded; where the run does not hold it (any more) they do not run. They are no part of the
//! change: what they do neither completes nor spoils what the steps did.

use super::{Call, Role, Run, State};
use crate::Error;
use crate::lock::LockError;

/// The commands of `finally` of one unit's run.
#[derive(Debug, Default)]
pub(super) struct Finally {
    done: bool,
    /// The first failure of theirs after steps that went well.
    pub(super) failure: Option<Error>,
}

impl Finally {
    pub(super) fn new(run: &Run<'_>) -> Self {
        Self { done: run.plan.finally.is_empty(), failure: None }
    }

    /// Runs them, unless that is done already.
    pub(super) fn run(&mut self, run: &Run<'_>, state: &mut State, error: Option<&Error>) {
        if std::mem::replace(&mut self.done, true) {
            return;
        }
        let takes_lock = run.plan.calls.iter().any(|call| call.step.role() == Role::Lock);
        let lost = matches!(error, Some(Error::Lock(LockError::Lost { .. })));
        if takes_lock && (state.lease.is_none() || lost) {
            run.note("`finally` is left out: this run does not hold the lock");
            return;
        }
        let before = (state.command_started, state.effect);
        for call in &run.plan.finally {
            if run.services.interrupts.requested().is_some() {
                run.note(format!("`{}` in finally is left out: the run was asked to end", call.label));
                break;
            }
            self.command(call, run, state, error);
        }
        (state.command_started, state.effect) = before;
    }

    fn command(&mut self, call: &Call, run: &Run<'_>, state: &mut State, error: Option<&Error>) {
        state.result = Some(super::runner::exit_code(error.or(self.failure.as_ref()), state));
        let Err(late) = super::run_step(call, run, state) else { return };
        if error.is_none() && self.failure.is_none() {
            self.failure = Some(late);
        } else {
            run.warn(format!("`{}` in finally: {late}", call.label));
        }
    }
}
