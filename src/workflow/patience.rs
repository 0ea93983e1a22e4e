//! Patience with a remote or lock backend that is away for a moment.
//!
//! Once a command has run, giving up at the first connection that fails costs a person's work: the change is
//! made, and what is left is to say so. So a push, a release and the record of a failure are tried again, at
//! growing distances, within a bound that all units of an invocation share. Before a command nothing is lost
//! by ending at once, and so there is no patience then. A request to end (Ctrl-C) ends the waiting.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Event, Run, State, locks};
use crate::env::Span;
use crate::lock::{LockError, Locks};

/// How long a remote is tried again if nothing else is said.
const USUAL: Span = Span::of_seconds(45);
/// The first pause and the longest one; each is twice the one before.
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(8);

/// What all units of an invocation have waited so far, and how long they may.
#[derive(Debug)]
pub struct Patience {
    limit: Duration,
    spent: Mutex<Spent>,
}

#[derive(Debug, Default)]
struct Spent {
    time: Duration,
    pauses: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self::new(USUAL)
    }
}

impl Patience {
    /// The variable that says how long.
    pub const VARIABLE: &'static str = "LOCKSTEP_RETRY";

    /// Waits so long at most; zero is no patience.
    pub fn new(limit: Span) -> Self {
        Self { limit: limit.duration(), spent: Mutex::default() }
    }

    /// The next pause; none once the time is over.
    fn next(&self) -> Option<(Duration, Duration)> {
        let mut spent = self.lock();
        let left = self.limit.saturating_sub(spent.time);
        if left.is_zero() {
            return None;
        }
        let pause = FIRST.saturating_mul(1 << spent.pauses.min(8)).min(LONGEST).min(left);
        spent.time += pause;
        spent.pauses += 1;
        Some((pause, left))
    }

    /// The remote has answered: the next time that it is away is a new one.
    fn answered(&self) {
        *self.lock() = Spent::default();
    }

    fn lock(&self) -> MutexGuard<'_, Spent> {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits before something that failed with this message is tried again; false if it is not to be.
fn waits(run: &Run<'_>, message: &str) -> bool {
    let (patience, interrupts) = (run.services.shared.patience(), &run.services.interrupts);
    if interrupts.requested().is_some() {
        return false;
    }
    let first = patience.lock().pauses == 0;
    let Some((pause, left)) = patience.next() else { return false };
    let tell = |waiting: bool| {
        run.emit(&Event::RemoteAway {
            unit: run.id().clone(),
            message: message.to_owned(),
            left_seconds: left.as_secs(),
            first,
            waiting,
        });
    };
    tell(true);
    let asked = interrupts.wait(pause);
    tell(false);
    asked.is_none()
}

/// Does something with the locks that changes them. Once a command of this run has started a backend that is
/// away for a moment is tried again.
///
/// # Errors
/// As `act` has it, and where the run has no locks.
pub fn with_locks<T>(
    run: &Run<'_>,
    command_started: bool,
    act: impl FnOnce(&Locks<'_>) -> Result<T, LockError>,
) -> Result<T, LockError> {
    let waits = |error: &LockError| waits(run, &error.to_string());
    let patience = command_started.then_some(&waits as &dyn Fn(&LockError) -> bool);
    let done = act(&Locks { patience, ..locks(run)? });
    if done.is_ok() {
        run.services.shared.patience().answered();
    }
    done
}

/// Does something with a remote until it is done, or fails for another reason than that the remote is away,
/// which `is_away` tells with its message. Once a command of this run has started it is tried again.
///
/// # Errors
/// The last one.
pub fn with_remote<T, E>(
    run: &Run<'_>,
    state: &State,
    is_away: impl Fn(&E) -> Option<String>,
    mut act: impl FnMut() -> Result<T, E>,
) -> Result<T, E> {
    loop {
        match act() {
            Err(error) if state.command_started && is_away(&error).is_some_and(|m| waits(run, &m)) => {}
            Err(error) => return Err(error),
            Ok(done) => {
                run.services.shared.patience().answered();
                return Ok(done);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_come_to_the_limit_exactly() {
        let patience = Patience::new(Span::from_seconds(20));
        let mut pauses = Vec::new();
        while let Some((pause, left)) = patience.next() {
            assert!(pause <= left);
            pauses.push(pause.as_millis());
        }
        assert_eq!(pauses, [500, 1000, 2000, 4000, 8000, 4500]);
        assert_eq!(patience.next(), None, "what is used up stays so");
        patience.answered();
        assert_eq!(patience.next().map(|(pause, _)| pause), Some(FIRST));
        assert_eq!(Patience::new(Span::from_seconds(0)).next(), None);
    }
}
