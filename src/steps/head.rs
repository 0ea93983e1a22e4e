//! HEAD and its branch, from the first look of a run to its last: what is rendered, checked and run is one
//! commit's; it is applied only from a branch from which that is allowed, and pushed where git would push it.

use crate::Error;
use crate::env::ci_branch;
use crate::git::{CheckError, CheckRefusal, Head, Oid};
use crate::workflow::{Role, Run, State};

/// Makes sure that HEAD is where this run has seen it first, and takes note of it if nothing has yet.
///
/// # Errors
/// [`CheckRefusal::HeadMoved`], or whatever keeps HEAD from being read.
pub(super) fn unmoved(run: &Run<'_>, state: &mut State) -> Result<(), Error> {
    let Some(repo) = &run.services.repo else { return Ok(()) };
    let now = repo.head()?;
    match now.oid.clone() {
        Some(oid) => Ok(is_at(state, &oid, now.branch.as_deref())?),
        None => Ok(()),
    }
}

/// The same of a HEAD that was just read.
pub(super) fn is_at(state: &mut State, now: &Oid, branch: Option<&str>) -> Result<(), CheckRefusal> {
    match state.head.as_ref().and_then(|head| head.oid.as_ref()) {
        Some(was) if was != now => Err(CheckRefusal::HeadMoved { was: was.clone(), now: now.clone() }),
        _ => {
            state.head = Some(Head { oid: Some(now.clone()), branch: branch.map(str::to_owned) });
            Ok(())
        }
    }
}

/// Makes sure that what the plan does may be done from this branch: before anything is done on a remote,
/// and before a command.
///
/// # Errors
/// [`CheckRefusal::OtherBranch`], [`CheckRefusal::OtherName`], or what git's configuration says against it.
pub(super) fn may_act(run: &Run<'_>) -> Result<(), Error> {
    let calls = || run.plan.calls.iter();
    let changes = calls().flat_map(|call| run.plan.commands_of(call)).any(|argv| run.changes(argv));
    let pushes = calls().any(|call| call.step.role() == Role::Push);
    let allowed = &run.project.config().git.apply_from;
    let asks = changes && !allowed.is_empty();
    if !asks && !pushes {
        return Ok(());
    }
    let head = run.services.repo.as_ref().map(|repo| repo.head()).transpose()?;
    let branch = head.and_then(|head| head.branch);
    if asks {
        let stands_for = || run.plan.options.branch.clone().or_else(|| ci_branch(&run.services.env));
        let branch = branch.clone().or_else(stands_for);
        if !branch.as_ref().is_some_and(|branch| allowed.iter().any(|glob| glob.is_match(branch))) {
            let allowed = allowed.iter().map(|glob| glob.as_str().to_owned()).collect();
            return Err(CheckRefusal::OtherBranch { branch, allowed }.into());
        }
    }
    if let (true, Some(repo), Some(branch)) = (pushes, &run.services.repo, branch) {
        repo.push_place(&branch).map_err(|error| match error {
            CheckError::Refused(refusal) => Error::Check(refusal),
            CheckError::Git(error) => Error::Git(error),
        })?;
    }
    Ok(())
}
