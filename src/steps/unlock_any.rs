//! `unlock-any`: gives back what this run took; in a pipeline that took no lock, takes it from
//! whoever holds it: exactly the run that was seen, and with a reason if it is somebody else's.

use super::unlock::release;
use crate::Error;
use crate::lock::{KeySet, LockError, LockState, Naming, Record};
use crate::workflow::{Call, Done, Event, Role, Run, State, Step, locks};

/// Gives the lock back, or takes it from whoever holds it.
pub struct UnlockAny;

impl Step for UnlockAny {
    fn name(&self) -> &'static str {
        "unlock-any"
    }

    fn summary(&self) -> &'static str {
        "give back the lock, or without `lock` take it from whoever holds it"
    }

    fn details(&self) -> &'static str {
        "After `lock` in the same pipeline: the same as `unlock`, only what this run took.\n\
         Otherwise it frees the lock whoever holds it: exactly the run that it reads and names, whose\n\
         next push and release will then be refused; and whatever else a run took for this very unit.\n\
         The unit may have left the project since. Somebody else's lock wants a reason (--reason, or\n\
         asked for on a terminal; 64 without); so does a freeze, whoever made it. With --expect only if\n\
         the lock is still at the generation that `lockstep locks show` told (75 otherwise). A lock that\n\
         is free already is fine. A change that its record says is applied is recorded as applied. First make sure that the run and its tool have really ended."
    }

    fn role(&self) -> Role {
        Role::UnlockAny
    }

    fn run(&self, _call: &Call, run: &Run<'_>, state: &mut State) -> Result<Done, Error> {
        if state.took_lock {
            return release(run, state);
        }
        let locks = locks(run)?;
        // Also while the user is asked: one question at a time.
        let _turn = run.services.shared.remote();
        let naming = Naming::of(&run.project.config().lock);
        let take = &run.unit.keys.take;
        let mut holders = locks.holders_for(&run.unit.id.to_string(), take, &naming)?;
        if run.plan.options.expect.is_some() {
            meant(&mut holders, take);
        }
        if holders.is_empty() {
            return Ok(Done::says(format!("lock `{}` is free already", run.unit.id)));
        }
        expected(run, &holders)?;
        let reason = reason(run, &holders, state)?;
        let mut told = Vec::new();
        let mut runs: Vec<&str> = holders.iter().map(|record| record.run.as_str()).collect();
        runs.sort_unstable();
        runs.dedup();
        for holder in runs {
            let held = holders.iter().filter(|r| r.run == holder).map(|r| r.key.clone()).collect();
            let evicted = locks.evict(&held, holder, reason.as_deref())?;
            told.extend(evicted.freed.iter().map(|record| {
                format!(
                    "took {}`{}` from {}{}",
                    frozen(record),
                    record.key,
                    record.describe(),
                    carried(record)
                )
            }));
            told.extend(evicted.free.iter().map(|key| format!("`{key}` was given back meanwhile")));
        }
        run.emit(&Event::LockReleased { unit: run.unit.id.clone() });
        Ok(Done::says(told.join("; ")))
    }
}

/// What a person should know of what he takes away.
fn frozen(record: &Record) -> &'static str {
    if record.state == LockState::Frozen { "the frozen " } else { "" }
}

/// What stays of a change that was not recorded.
fn carried(record: &Record) -> String {
    record.unrecorded().map_or_else(String::new, |commit| {
        let who = crate::lock::escape(&record.owner);
        format!(
            "; its change from commit {} is applied and is recorded so: the next run must contain that \
             commit, which `{who}` may not have pushed yet",
            commit.short()
        )
    })
}

/// Who expects a generation means what the unit takes now, if any of that is held: of what else is left of
/// it only what the same runs hold.
fn meant(holders: &mut Vec<Record>, take: &KeySet) {
    let own = holders.iter().filter(|record| take.contains(&record.key));
    let runs: Vec<String> = own.map(|record| record.run.clone()).collect();
    holders.retain(|record| runs.is_empty() || runs.contains(&record.run));
}

/// Refuses if the lock has passed on since the user looked at it. The keys of a set each have a
/// generation of their own: a run is the one that was meant if one of its keys is at the expected one.
fn expected(run: &Run<'_>, holders: &[Record]) -> Result<(), LockError> {
    let Some(expected) = run.plan.options.expect else { return Ok(()) };
    let meant = |record: &&Record| {
        holders.iter().any(|other| other.run == record.run && other.generation == expected)
    };
    match holders.iter().find(|record| !meant(record)) {
        None => Ok(()),
        Some(other) => {
            Err(LockError::Generation { key: other.key.clone(), expected, holder: Box::new(other.clone()) })
        }
    }
}

/// The reason to record: needed for what is somebody else's.
fn reason(run: &Run<'_>, holders: &[Record], state: &State) -> Result<Option<String>, Error> {
    let text = |text: &String| !text.trim().is_empty();
    let given = run.plan.options.reason.clone().filter(text);
    let needs = |record: &&Record| record.owner != run.services.owner || record.state == LockState::Frozen;
    let Some(foreign) = holders.iter().find(needs).filter(|_| given.is_none()) else {
        return Ok(given);
    };
    let how = if foreign.state == LockState::Frozen { "frozen" } else { "held" };
    let question = format!("`{}` is {how} by {}. Why take it away?", foreign.key, foreign.describe());
    let answer = run.services.ask.as_ref().and_then(|ask| ask(&question));
    // Whoever presses Ctrl-C at the question takes nothing away, whatever he had typed.
    if let Some(signal) = run.services.interrupts.requested() {
        return Err(if state.command_started { Error::Stopped(signal) } else { Error::Interrupted(signal) });
    }
    answer.filter(text).map(Some).ok_or_else(|| {
        LockError::ReasonMissing { key: foreign.key.clone(), holder: Box::new(foreign.clone()) }.into()
    })
}
