//! What a run does about the lock that it holds, whichever step it is at: verify it after a pause,
//! and settle it when the run ends early.

use super::{Run, State, with_locks};
use crate::Error;
use crate::lock::{Alive, Effect, Lease, LockError, Locks};
use crate::process::{Left, Pulse};

/// What became of the lock when a run ended early.
#[derive(Debug)]
pub enum Settled {
    /// The run held none.
    Nothing,
    /// No command that may change things had started: it is as it was found.
    GivenBack {
        /// A command has started, and the lock was failed before: it still is.
        failed: bool,
    },
    /// It had been given back already: an answer that was thought lost says so.
    Released,
    /// A command had started, or giving back failed: it stays, and the record says `failed` unless
    /// writing that failed for the reason given.
    Kept {
        /// Whether the record could be written.
        recorded: Result<(), LockError>,
        /// What the commands started and what still lives: then the record says `held`.
        left: Option<Left>,
    },
    /// It was no longer this run's.
    Lost,
}

/// The locks as this run sees them.
///
/// # Errors
/// [`LockError::Config`] when the run has no lock backend.
pub fn locks<'a>(run: &Run<'a>) -> Result<Locks<'a>, LockError> {
    let services = run.services;
    let backend = services.backend.as_deref();
    Ok(Locks {
        backend: backend.ok_or_else(|| LockError::Config("this run has no lock backend".to_owned()))?,
        clock: services.clock,
        host: &services.host,
        owner: &services.owner,
        run: &services.run_id,
        patience: None,
    })
}

/// Makes sure that the lock is still this run's if the process has stood still since that was done last for
/// this unit: to be asked before the next command, push or release, for nobody knows for how long.
///
/// # Errors
/// As for [`verify_lease`].
pub fn verify_after_a_stop(run: &Run<'_>, state: &mut State) -> Result<(), LockError> {
    let now = pauses(run, state);
    if std::mem::replace(&mut state.stood_still, now) == now {
        return Ok(());
    }
    verify_lease(run, state)
}

/// How often the process has stood still so far: stopped and continued, or without anybody saying so.
pub(super) fn pauses(run: &Run<'_>, state: &State) -> u64 {
    run.services.interrupts.continuations() + state.pulse.as_ref().map_or(0, Pulse::pauses)
}

/// Makes sure that the lock is still this run's, if it holds one.
///
/// # Errors
/// [`LockError::Lost`], or whatever keeps the backend from answering.
pub fn verify_lease(run: &Run<'_>, state: &State) -> Result<(), LockError> {
    match &state.lease {
        Some(lease) => {
            let _turn = run.services.shared.remote();
            with_locks(run, state.command_started, |locks| locks.verify(lease))
        }
        None => Ok(()),
    }
}

/// Settles the lock of a run that ends early because of `error`: given back if no command of this
/// run that may change things has started under it, else kept and marked failed. Says the truth about a lock it has lost.
pub fn settle(run: &Run<'_>, state: &mut State, error: &Error) -> Settled {
    let Some(lease) = state.lease.take() else { return Settled::Nothing };
    let settled = settle_lease(run, state, &lease, error);
    run.services.shared.let_go(run.id(), matches!(settled, Settled::Lost));
    settled
}

fn settle_lease(run: &Run<'_>, state: &State, lease: &Lease, error: &Error) -> Settled {
    if matches!(error, Error::Lock(LockError::Lost { .. })) {
        return Settled::Lost;
    }
    let left = still_alive(run, state, lease);
    let reason = reason(error);
    // Commands that read or make ready leave the world as it was.
    let is_begun = state.command_started && state.effect != Effect::None;
    let _turn = run.services.shared.remote();
    let written = with_locks(run, state.command_started, |locks| match &left {
        _ if !is_begun => locks.give_back(lease, &reason),
        None => locks.fail(lease, state.effect, &reason),
        Some(left) => locks.outlived(lease, state.effect, &format!("{reason}; still running: {left}")),
    });
    let released = || locks(run).and_then(|locks| locks.already_released(lease)).unwrap_or(false);
    match written {
        Ok(()) if is_begun => Settled::Kept { recorded: Ok(()), left },
        Ok(()) => Settled::GivenBack { failed: state.command_started && lease.taken_over() },
        Err(LockError::Lost { .. }) if released() => Settled::Released,
        Err(LockError::Lost { .. }) => Settled::Lost,
        Err(error) => Settled::Kept { recorded: Err(error), left },
    }
}

/// What the commands of a run that failed have left behind and what still lives. After success what they left
/// is no part of a failure.
fn still_alive(run: &Run<'_>, state: &State, lease: &Lease) -> Option<Left> {
    if !state.command_started || state.effect != Effect::Unfinished {
        return None;
    }
    let unit = &lease.entries.first()?.record.unit;
    Alive::of_user(&run.services.env)?.left(&run.services.run_id, unit)
}

/// Why a run failed, for a record that leaves this machine: of our own errors only the kind, for
/// their texts may quote what must not be shown.
fn reason(error: &Error) -> String {
    match error {
        Error::CommandFailed { .. }
        | Error::TimedOut { .. }
        | Error::Interrupted(_)
        | Error::Stopped(_)
        | Error::Unproven { .. } => error.to_string(),
        other => other.kind().meaning().to_owned(),
    }
}
