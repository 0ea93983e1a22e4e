//! `unlock`: gives back the lock that this run took, and never anything else.

use super::applied;
use crate::Error;
use crate::lock::{Effect, Lease, LockError, Locks, Outcome, Written};
use crate::project::UnitId;
use crate::workflow::{Call, Done, Event, Role, Run, State, Step, verify_after_a_stop, with_locks};

/// Gives the lock back.
pub struct Unlock;

impl Step for Unlock {
    fn name(&self) -> &'static str {
        "unlock"
    }

    fn summary(&self) -> &'static str {
        "give back the lock that this run took"
    }

    fn details(&self) -> &'static str {
        "Gives back the lock that this run took, and records the commit that is now in effect if a\n\
         command may have changed things. Ends with 76 if the lock is no longer this run's.\n\
         Directly after `git-push` both are one atomic push, and this step has nothing left to do.\n\
         A pipeline without `lock` before it is refused; see `unlock-any`.\n\
         After a failed change the lock becomes free only by a change that succeeds, or by a person's\n\
         word: a run that took it over and only read leaves it as it was."
    }

    fn role(&self) -> Role {
        Role::Unlock
    }

    fn run(&self, _call: &Call, run: &Run<'_>, state: &mut State) -> Result<Done, Error> {
        if !state.took_lock {
            let nothing = Done::says("this run took no lock; `unlock-any` takes one from whoever holds it");
            return Ok(Done { skipped: true, ..nothing });
        }
        release(run, state)
    }
}

/// Gives back what this run holds; nothing is left to do if a push has done so already.
pub(super) fn release(run: &Run<'_>, state: &mut State) -> Result<Done, Error> {
    verify_after_a_stop(run, state)?;
    let Some(mut lease) = state.lease.take() else { return Ok(Done::quietly()) };
    applied::mark_untouched(run, state, &mut lease);
    let released = done_by_run(run, state, &lease).and_then(|outcome| {
        let _turn = run.services.shared.remote();
        let release = |locks: &Locks<'_>| locks.release(&lease, outcome.clone(), None);
        let written = with_locks(run, state.command_started, release)?;
        Ok((written, outcome))
    });
    match released {
        Ok((Written::Done, outcome)) => Ok(let_go(run, state, &lease, &outcome)),
        // No branch was in it, so none can have stood in its way; the lock is as it was.
        Ok((Written::Branch(_), _)) => {
            let key = lease.entries[0].key.clone();
            state.lease = Some(lease);
            Err(LockError::Contended { key }.into())
        }
        Err(error) => {
            state.lease = Some(lease);
            Err(error)
        }
    }
}

/// Tells what has become of a lock that this run has just let go of.
pub(super) fn let_go(run: &Run<'_>, state: &mut State, lease: &Lease, outcome: &Outcome) -> Done {
    let unit = run.unit.id.clone();
    run.services.shared.let_go(&unit, false);
    if *outcome == Outcome::Unchanged && lease.resumed {
        state.left_locked = true;
        run.emit(&Event::LockKept { unit, recorded: true });
        return Done::says(applied::unfinished(run, lease));
    }
    if let Some((keys, units)) = lease.kept_by_others().filter(|_| state.effect != Effect::None) {
        state.left_locked = true;
        // It is theirs to finish, or to give up: this unit's own is done.
        let others: Vec<UnitId> = units.iter().filter_map(|unit| unit.parse().ok()).collect();
        for unit in if others.is_empty() { vec![unit] } else { others } {
            run.emit(&Event::LockKept { unit, recorded: true });
        }
        let names =
            |names: Vec<String>| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let keys = names(keys.into_iter().map(ToString::to_string).collect());
        return Done::says(format!(
            "lock {keys} stays failed: an earlier change of {} is not finished, and only its own success ends that",
            names(units)
        ));
    }
    run.emit(&Event::LockReleased { unit });
    applied::moved_on(run, state, lease).map_or_else(Done::quietly, Done::says)
}

/// What this run has done when it lets go of the lock after success. The commit in effect is the one that
/// was checked out when the run took the lock, whatever was committed since.
pub(super) fn done_by_run(run: &Run<'_>, state: &State, lease: &Lease) -> Result<Outcome, Error> {
    let finishes = || Ok::<_, Error>(lease.resumed && applied::is_settled(run, state, lease)?);
    Ok(match state.effect {
        Effect::None if !finishes()? => Outcome::Unchanged,
        _ => Outcome::Changed(lease.head.clone()),
    })
}
