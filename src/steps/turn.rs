//! A unit's turn to speak with the remote, for what takes something or begins something.
//!
//! In a run of several units many may wait for it. Whoever still waits when the run is asked to end has
//! nothing to begin any more.

use crate::Error;
use crate::workflow::{RemoteTurn, Run, State};

/// Waits for the turn.
///
/// # Errors
/// The request to end, if one came first.
pub(super) fn remote<'a>(run: &Run<'a>, state: &State) -> Result<RemoteTurn<'a>, Error> {
    let turn = run.services.shared.remote();
    match run.services.interrupts.requested() {
        None => Ok(turn),
        Some(signal) if state.command_started => Err(Error::Stopped(signal)),
        Some(signal) => Err(Error::Interrupted(signal)),
    }
}
