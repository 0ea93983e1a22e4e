//! The plan of a line about a staged workflow: all of its stages are checked before the first one runs.
//!
//! What must hold: the line's one unit is the workflow itself, and its lock is that of all units that
//! any stage of it renders, whichever action is asked for.

use super::{Planner, build_alone, check_options, order, step_call};
use crate::Error;
use crate::env::Environment;
use crate::lock::UnitKeys;
use crate::project::{Name, Project, Stage, StageAction, UnitId, nearest};
use crate::workflow::parse;
use crate::workflow::{
    Call, Options, Plan, PlanError, Request, Role, StageError, StagePlan, StagedPlan, UnitPlan,
};

/// The plan, if the line is about a staged workflow.
pub(super) fn plan(
    planner: &Planner<'_>,
    calls: &[Call],
    finally: &[Call],
    request: &Request,
    env: &Environment,
) -> Result<Option<Plan>, Error> {
    let project = planner.project;
    let action = calls.iter().find(|call| action_of(call).is_some());
    let name = planner.vocabulary.workflows.iter().find(|name| name.as_str() == request.module);
    let file = match name {
        // A workflow without stages is no unit, which is told as for any other word.
        Some(name) if action.is_some() || !planner.vocabulary.modules.contains(name) => {
            Some((name, project.workflow(name)?)).filter(|(_, file)| file.is_staged())
        }
        _ => None,
    };
    let (workflow, file) = match (file, action) {
        (Some(found), _) => found,
        (None, None) => return Ok(None),
        (None, Some(call)) => return Err(not_staged(planner, call, &request.module).into()),
    };
    let calls = whole(planner, calls, finally, workflow)?;
    if !request.args.is_empty() {
        let args = request.args.iter().map(|arg| parse::quote(arg)).collect::<Vec<_>>().join(" ");
        return Err(PlanError::NobodyTakes { args }.into());
    }
    order::check(&calls, finally)?;
    check_options(&calls, &request.options)?;
    build_alone(&calls, finally, &request.options)?;
    for (option, given) in [
        ("--affected", request.options.affected.is_some()),
        ("--max-units", request.options.max_units.is_some()),
    ] {
        if given {
            let needs = "a workflow of stages is run as a whole";
            return Err(PlanError::Option { option, needs }.into());
        }
    }
    let profile = project.profile_named(workflow.as_str(), &request.profile, env)?;

    let (mut keys, mut staged) = (UnitKeys::default(), None);
    let asked = calls.iter().find_map(action_of);
    for action in [StageAction::Create, StageAction::Delete] {
        let project = project.staged(workflow, &file, action, &profile)?;
        let mut stages = Vec::new();
        for stage in file.stages(action) {
            let mut stage = planner.stage(&project, stage)?;
            // What the other action would run need not be here.
            if asked == Some(action) {
                planner.find_programs(&stage.calls, &[], &stage.unit, env)?;
                let planner = Planner { project: &project, vocabulary: planner.vocabulary };
                planner.evaluate((&stage.calls, &[]), &mut stage.unit, request, env)?;
            }
            keys = keys.and(&stage.unit.keys);
            stages.push(stage);
        }
        if asked == Some(action) {
            let (workflow, profile) = (workflow.clone(), profile.clone());
            staged = Some(StagedPlan { workflow, profile, action, project, stages });
        }
    }
    if let Some(staged) = &staged {
        if staged.stages.is_empty() {
            let (workflow, action) = (workflow.to_string(), staged.action.word());
            return Err(StageError::NoStages { workflow, action }.into());
        }
        check_start(staged, &request.options)?;
    }
    let mut calls = calls;
    // With `finally` the lock is given back after it.
    if finally.is_empty() {
        order::fuse(&mut calls);
    }
    let id = UnitId::new(workflow.clone(), profile);
    let unit =
        UnitPlan { words: Vec::new(), keys, directory: project.unit_directory(&id), needs: Vec::new(), id };
    let (finally, options) = (finally.to_vec(), request.options.clone());
    Ok(Some(Plan { units: vec![unit], calls, finally, left_out: None, builds_all: false, options, staged }))
}

/// One stage by itself can be looked at and no more: what it does belongs to the whole, and to its lock.
pub(super) fn only_looks_at(
    planner: &Planner<'_>,
    calls: &[Call],
    finally: &[Call],
    request: &Request,
    env: &Environment,
) -> Result<(), Error> {
    if !planner.project.is_staged() {
        return Ok(());
    }
    let unit = planner.project.unit(&request.module, &request.profile, env)?;
    let Some(whole) = planner.project.whole_of(&unit) else { return Ok(()) };
    if request.options.affected.is_some() {
        let needs = "one stage of a workflow is looked at whatever has changed";
        return Err(PlanError::Option { option: "--affected", needs }.into());
    }
    let looks = |call: &Call| match call.step.role() {
        Role::Build => request.options.check || request.options.print.is_some(),
        role => role == Role::Inspect,
    };
    let Some(call) = calls.iter().chain(finally).find(|call| !looks(call)) else { return Ok(()) };
    let step = call.argv.as_ref().map_or_else(|| call.label.clone(), |argv| planner.name_of(argv));
    let (workflow, stage) = (whole.workflow.to_string(), whole.stage.to_string());
    let profile = whole.profile.map_or_else(|| "PROFILE".to_owned(), |profile| profile.to_string());
    let line = match call.step.role() {
        // The locks of all stages are held together.
        Role::UnlockAny => format!("unlock-any -- {workflow} {profile}"),
        _ => {
            let action = action_of(call).unwrap_or(whole.action).word();
            format!("{action} --from {stage} -- {workflow} {profile}")
        }
    };
    Err(StageError::Alone { step, unit: unit.to_string(), stage, workflow, line }.into())
}

/// The action that a call stands for.
fn action_of(call: &Call) -> Option<StageAction> {
    match call.step.role() {
        Role::Stages(action) => Some(action),
        _ => None,
    }
}

/// The line with the lock around the stages, where it does not say that itself.
fn whole(
    planner: &Planner<'_>,
    calls: &[Call],
    finally: &[Call],
    workflow: &Name,
) -> Result<Vec<Call>, Error> {
    let fits = |call: &Call| {
        use Role::{Check, Lock, Push, Stages, Unlock, UnlockAny};
        matches!(call.step.role(), Check | Lock | Push | Stages(_) | Unlock | UnlockAny)
    };
    if let Some(call) = calls.iter().chain(finally).find(|call| !fits(call)) {
        let step = call.argv.as_ref().map_or_else(|| call.label.clone(), |argv| planner.name_of(argv));
        let workflow = workflow.to_string();
        return Err(StageError::NotHere { step, workflow }.into());
    }
    let mut calls = calls.to_vec();
    let Some(at) = calls.iter().position(|call| action_of(call).is_some()) else { return Ok(calls) };
    let steps = planner.vocabulary.steps;
    let step = |role: Role| steps.iter().copied().find(|step| step.role() == role).map(step_call);
    let gives_back =
        calls[at..].iter().any(|call| matches!(call.step.role(), Role::Unlock | Role::UnlockAny));
    if !gives_back {
        calls.extend(step(Role::Unlock));
    }
    if !calls.iter().any(|call| call.step.role() == Role::Lock)
        && let Some(lock) = step(Role::Lock)
    {
        calls.insert(at, lock);
    }
    Ok(calls)
}

fn not_staged(planner: &Planner<'_>, call: &Call, word: &str) -> StageError {
    let is_staged = |name: &&Name| planner.project.workflow(name).is_ok_and(|file| file.is_staged());
    let known: Vec<String> =
        planner.vocabulary.workflows.iter().filter(is_staged).map(Name::to_string).collect();
    StageError::NotStaged {
        step: call.label.clone(),
        word: word.escape_debug().take(80).collect(),
        nearest: nearest(word, known.iter().map(String::as_str)).map(str::to_owned),
        known,
    }
}

/// `--from` names a stage.
fn check_start(staged: &StagedPlan, options: &Options) -> Result<(), StageError> {
    let Some(from) = &options.from else { return Ok(()) };
    if staged.stages.iter().any(|stage| stage.name.as_str() == from) {
        return Ok(());
    }
    let known: Vec<String> = staged.stages.iter().map(|stage| stage.name.to_string()).collect();
    Err(StageError::UnknownStage {
        workflow: staged.workflow.to_string(),
        stage: from.escape_debug().take(80).collect(),
        nearest: nearest(from, known.iter().map(String::as_str)).map(str::to_owned),
        known,
    })
}

impl Planner<'_> {
    /// One stage, with everything in it checked. `project` is as the stages see it.
    fn stage(&self, project: &Project, stage: &Stage) -> Result<StagePlan, Error> {
        let (mut calls, mut words) = (Vec::with_capacity(stage.run.len() + 1), stage.run.clone());
        for (at, word) in stage.run.iter().enumerate() {
            let place = stage.place_of_word(at);
            let mut inner = self.inner(std::slice::from_ref(word), std::slice::from_ref(place))?;
            let fits = |call: &Call| match call.step.role() {
                Role::Build | Role::Inspect => true,
                Role::Command => call.argv.is_some(),
                _ => false,
            };
            if !inner.iter().all(fits) {
                return Err(StageError::Word { place: place.clone(), word: word.clone() }.into());
            }
            calls.append(&mut inner);
        }
        if !calls.iter().any(|call| call.step.role() == Role::Build) {
            let build = self.vocabulary.steps.iter().copied().find(|step| step.role() == Role::Build);
            if let Some(build) = build {
                calls.insert(0, step_call(build));
                words.insert(0, build.name().to_owned());
            }
        }
        calls.iter_mut().for_each(|call| self.label(call));
        order::check(&calls, &[])?;
        // Whoever plans stages has just been told of each of them.
        let id = project.unit_of_stage(&stage.name).unwrap_or_else(|| {
            let profile = stage.profile.clone().unwrap_or_else(|| stage.name.clone());
            UnitId::new(stage.name.clone(), profile)
        });
        let keys = UnitKeys::of(project, &id)?;
        let unit = UnitPlan {
            words: Vec::new(),
            directory: project.unit_directory(&id),
            keys,
            needs: Vec::new(),
            id,
        };
        project.check_outputs_of_stage(&unit.id)?;
        Ok(StagePlan { name: stage.name.clone(), unit, calls, words })
    }
}
