//! The plan of a line that only takes a lock away, for a unit that there is not.
//!
//! What was a unit when its lock was taken may have left the project since, and its lock must not stay
//! for that. Whether there is anything to take away the backend knows: whoever asks for this plan says.

use super::{Planner, Vocabulary, check_options, give_arguments, names, order};
use crate::Error;
use crate::env::Environment;
use crate::lock::{KeySet, UnitKeys};
use crate::project::{Project, UnitId};
use crate::workflow::{Plan, Request, Role, Step, UnitPlan};

/// The plan, if the line is `unlock-any` and nothing else and its words could be a unit; it takes away
/// what `left` tells of that unit. None if that is nothing.
///
/// # Errors
/// When something else about the line is wrong, and what `left` says.
pub fn plan_of_gone(
    project: &Project,
    request: &Request,
    env: &Environment,
    steps: &'static [&'static dyn Step],
    left: impl FnOnce(&UnitId) -> Result<KeySet, Error>,
) -> Result<Option<Plan>, Error> {
    let [workflows, modules, profiles] = names(project)?;
    let vocabulary = Vocabulary { steps, workflows: &workflows, modules: &modules, profiles: &profiles };
    let planner = Planner { project, vocabulary };
    let (mut calls, finally) =
        planner.calls(&request.words, &request.args, &request.module, &request.profile)?;
    let evicts = !calls.is_empty() && calls.iter().all(|call| call.step.role() == Role::UnlockAny);
    if !evicts || !finally.is_empty() || request.options.affected.is_some() {
        return Ok(None);
    }
    let Some(id) = project.pair(&request.module, &request.profile, env) else { return Ok(None) };
    give_arguments(&mut calls, request)?;
    order::check(&calls, &finally)?;
    check_options(&calls, &request.options)?;
    let take = left(&id)?;
    if take.is_empty() {
        return Ok(None);
    }
    let keys = UnitKeys { take, ..UnitKeys::default() };
    let unit =
        UnitPlan { words: Vec::new(), keys, directory: project.unit_directory(&id), needs: Vec::new(), id };
    Ok(Some(Plan {
        units: vec![unit],
        calls,
        finally,
        left_out: None,
        builds_all: false,
        options: request.options.clone(),
        staged: None,
    }))
}
