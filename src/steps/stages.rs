//! `create` and `delete`: the stages of a workflow, one after the other, each a unit with its own
//! words, under the lock of them all.
//!
//! What must hold: the stages share the state of the run, so that a command of any of them is known
//! to have started before it does; and before and after each word it is written down how far they are.

use std::collections::BTreeSet;

use crate::Error;
use crate::env::Stopwatch;
use crate::lock::{Effect, LeaseEntry, Prior};
use crate::project::StageAction;
use crate::workflow::{
    Call, Done, Event, Role, Run, StageError, StageNote, StagedPlan, Start, State, Step, run_step,
};

/// Makes what a workflow is about.
#[derive(Debug)]
pub struct Create;

/// Takes it away.
#[derive(Debug)]
pub struct Delete;

impl Step for Create {
    fn name(&self) -> &'static str {
        "create"
    }

    fn summary(&self) -> &'static str {
        "make the thing that a workflow consists of, stage by stage"
    }

    fn details(&self) -> &'static str {
        "`lockstep create -- WORKFLOW PROFILE` takes the locks of all stages of workflows/WORKFLOW.toml, \
         all or nothing, runs its [[create]] stages one after the other, each after those that it needs, \
         and gives the locks back. Each stage renders its module and runs its words; its parameters may \
         use the outputs of the stages that it needs, read from the tool. Before the first stage begins, all \
         of them are checked. If a stage fails, nothing after it runs, its exit code is that of the whole, \
         and the locks are kept: --resume goes on with the word that did not finish, --from STAGE with a \
         stage. With `git-check` before it and `git-push` after it on the line, those run as well."
    }

    fn role(&self) -> Role {
        Role::Stages(StageAction::Create)
    }

    fn run(&self, call: &Call, run: &Run<'_>, state: &mut State) -> Result<Done, Error> {
        stages(call, run, state)
    }
}

impl Step for Delete {
    fn name(&self) -> &'static str {
        "delete"
    }

    fn summary(&self) -> &'static str {
        "take away what `create` has made, stage by stage"
    }

    fn details(&self) -> &'static str {
        "`lockstep delete -- WORKFLOW PROFILE` runs the [[delete]] stages of workflows/WORKFLOW.toml as \
         `create` runs the others, under the same locks. What a stage needs is deleted before it; it may use \
         the outputs of those that are deleted after it."
    }

    fn role(&self) -> Role {
        Role::Stages(StageAction::Delete)
    }

    fn run(&self, call: &Call, run: &Run<'_>, state: &mut State) -> Result<Done, Error> {
        stages(call, run, state)
    }
}

fn stages(call: &Call, run: &Run<'_>, state: &mut State) -> Result<Done, Error> {
    let Some(staged) = &run.plan.staged else {
        // Every plan has them; a program that makes its own plans may not.
        let (step, word) = (call.label.clone(), run.id().module.to_string());
        return Err(StageError::NotStaged { step, word, known: Vec::new(), nearest: None }.into());
    };
    let (mut note, start) = begin(run, state, staged)?;
    let result = each(run, state, staged, start, &mut note);
    // Nobody is to wait for a directory that no stage works in any more.
    state.rendered = None;
    match result {
        Ok(()) => {
            note.finished()?;
            let left_out =
                staged.stages.iter().filter(|stage| note.leaves_out(&stage.unit.id.to_string())).count();
            if left_out > 0 {
                (state.effect, state.command_started) = (Effect::Applied, true);
            }
            let found = state.lease.as_ref().is_some_and(crate::lock::Lease::found_unfinished);
            if run.plan.options.resume && found {
                // The change of the run before is complete now, whichever words were left for this one.
                (state.effect, state.command_started) = (Effect::Applied, true);
            }
            let told = counted(start, staged.stages.len(), run.plan.options.resume);
            Ok(Done::says(match left_out {
                0 => told,
                left_out => format!("{told}, {left_out} of them never begun"),
            }))
        }
        Err(error) => {
            if state.effect == Effect::Applied {
                // A part of the whole is there, and that is not what was asked for.
                state.effect = Effect::Unfinished;
            }
            Err(error)
        }
    }
}

/// Where to begin.
fn begin(run: &Run<'_>, state: &State, staged: &StagedPlan) -> Result<(StageNote, Start), Error> {
    let (services, options) = (run.services, &run.plan.options);
    let head = services.repo.as_ref().map(|repo| repo.head()).transpose()?;
    let commit = head.and_then(|head| head.oid).map(|oid| oid.to_string());
    let root = run.project.root();
    let mut note = StageNote::new(staged, root, services.repo.as_ref(), &services.run_id, commit);
    let start = if options.resume {
        note.go_on()?;
        let start = note.resume(staged)?;
        let resumed = state.lease.as_ref().is_some_and(|lease| lease.resumed);
        if start.stage == staged.stages.len() && !resumed {
            let (action, unit) = (staged.action.word(), run.id().to_string());
            return Err(StageError::NothingToResume { action, unit }.into());
        }
        start
    } else {
        let from = options.from.as_deref();
        if let (Some(lease), None) = (&state.lease, from) {
            let is_first = |entry: &LeaseEntry| entry.prior == Prior::Free && entry.record.generation == 1;
            if lease.entries.iter().all(is_first) {
                note.is_fresh();
            }
            let found: BTreeSet<&str> = lease.entries.iter().map(found_run).collect();
            if let (1, Some(last)) = (found.len(), found.first().filter(|run| !run.is_empty())) {
                note.leave_out(last)?;
            }
        }
        let stage = staged.stages.iter().position(|stage| Some(stage.name.as_str()) == from);
        Start { stage: stage.unwrap_or(0), word: 0 }
    };
    Ok((note, start))
}

/// The run that held the lock before; empty if it was nobody's.
fn found_run(entry: &LeaseEntry) -> &str {
    entry.found.as_ref().map_or("", |found| found.run.as_str())
}

/// Runs the stages from a start on, and tells of all of them.
fn each(
    run: &Run<'_>,
    state: &mut State,
    staged: &StagedPlan,
    start: Start,
    note: &mut StageNote,
) -> Result<(), Error> {
    for index in 0..start.stage.min(staged.stages.len()) {
        let done = run.plan.options.resume;
        let reason = if done { "it was done before" } else { "--from begins after it" };
        skipped(run, staged, index, done, reason);
    }
    for (index, stage) in staged.stages.iter().enumerate().skip(start.stage) {
        if note.leaves_out(&stage.unit.id.to_string()) {
            skipped(run, staged, index, false, "the creation that failed had not begun it");
            let name = &stage.name;
            run.note(format!(
                "stage `{name}` is left out: the creation that failed had not begun it; with it: --from {name}"
            ));
            // Nothing of it is there, as it should be.
            state.changed.insert(stage.unit.id.clone());
            continue;
        }
        let first = if index == start.stage { start.word } else { 0 };
        let (number, count) = (index + 1, staged.stages.len());
        let (unit, whole, name) = (stage.unit.id.clone(), run.id().clone(), stage.name.to_string());
        let clock = Stopwatch::start();
        run.emit(&Event::StageStarted {
            unit: unit.clone(),
            whole: whole.clone(),
            stage: name.clone(),
            number,
            count,
        });
        let mut at = 0;
        let result = words(run, state, staged, (index, first), note, &mut at);
        run.emit(&Event::StageFinished {
            unit,
            whole,
            stage: name,
            number,
            count,
            ok: result.is_ok(),
            stopped_at: result.is_err().then(|| stage.calls[at].label.clone()),
            milliseconds: clock.milliseconds(),
        });
        if result.is_err() {
            for later in number..count {
                skipped(run, staged, later, false, &format!("stage `{}` has failed", stage.name));
            }
        }
        result?;
    }
    Ok(())
}

/// Runs the words of one stage from one on; `at` is the word that it is at.
fn words(
    run: &Run<'_>,
    state: &mut State,
    staged: &StagedPlan,
    (index, first): (usize, usize),
    note: &mut StageNote,
    at: &mut usize,
) -> Result<(), Error> {
    let stage = &staged.stages[index];
    let plan = stage.plan(&run.plan.options);
    let inner = Run { project: &staged.project, unit: &stage.unit, plan: &plan, services: run.services };
    state.rendered = None;
    for (word, call) in stage.calls.iter().enumerate() {
        // What is left to do needs the directory, whoever rendered it before.
        if word < first && call.step.role() != Role::Build {
            continue;
        }
        *at = word;
        let is_left = word >= first;
        if is_left {
            note.at(index, word, false)?;
        }
        run_step(call, &inner, state)?;
        if is_left {
            note.at(index, word, true)?;
        }
    }
    Ok(())
}

fn skipped(run: &Run<'_>, staged: &StagedPlan, index: usize, done: bool, reason: &str) {
    let stage = &staged.stages[index];
    run.emit(&Event::StageSkipped {
        unit: stage.unit.id.clone(),
        whole: run.id().clone(),
        stage: stage.name.to_string(),
        number: index + 1,
        count: staged.stages.len(),
        done,
        reason: reason.to_owned(),
    });
}

/// `3 of 3 stages, 1 of them before`: what an earlier run has done counts as well.
fn counted(start: Start, count: usize, resumed: bool) -> String {
    match start.stage.min(count) {
        before if !resumed => format!("{} of {count} stages", count - before),
        0 => format!("{count} of {count} stages"),
        before if before == count => format!("{count} of {count} stages, all of them before"),
        before => format!("{count} of {count} stages, {before} of them before"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_before_counts_where_it_is_gone_on_with() {
        let told = |stage, resumed| counted(Start { stage, word: 1 }, 3, resumed);
        assert_eq!(told(0, false), "3 of 3 stages");
        assert_eq!(told(1, false), "2 of 3 stages", "from a stage on");
        assert_eq!(told(0, true), "3 of 3 stages");
        assert_eq!(told(2, true), "3 of 3 stages, 2 of them before");
        assert_eq!(told(3, true), "3 of 3 stages, all of them before");
    }
}
