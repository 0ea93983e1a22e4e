//! Saved plans: what a command has planned is recorded with the tree that it was made of, and is applied from
//! that tree only.

use std::path::{Path, PathBuf};

use super::inputs;
use crate::Error;
use crate::git::Repo;
use crate::process::tools::ToolRules;
use crate::project::CheckScope;
use crate::workflow::{Argv, Run, SavedPlan, SavedPlanError, SavedPlans, State, digest_of};

/// A plan that a command is about to save.
pub(super) struct Planned {
    file: PathBuf,
    /// What was at that place before.
    before: Option<String>,
    record: SavedPlan,
}

/// Looks at the tree of which a command is about to save a plan.
pub(super) fn planned(
    argv: &Argv,
    rules: &ToolRules,
    directory: &Path,
    run: &Run<'_>,
    state: &State,
) -> Result<Option<Planned>, Error> {
    let Some(file) = rules.saves_plan(&argv.args) else { return Ok(None) };
    let Some(repo) = &run.services.repo else { return Ok(None) };
    let file = directory.join(file);
    let mut record = SavedPlan::new(String::new(), run.id().clone(), rules.takes_down(&argv.args));
    record.commit = repo.head()?.oid.map(|oid| oid.to_string());
    record.rendered = state.rendered.as_ref().and_then(|rendered| rendered.digest.clone());
    record.clean = state.checked.is_some() || is_clean(run, repo, state)?;
    Ok(Some(Planned { before: digest_of(&file).ok(), file, record }))
}

/// Whether the tree is what git-check would let pass, as far as this clone alone can tell.
fn is_clean(run: &Run<'_>, repo: &Repo, state: &State) -> Result<bool, Error> {
    let within = match run.project.config().git.scope {
        CheckScope::Repository => None,
        CheckScope::Project => Some(inputs::from_top(run, repo, &inputs::scope(run, state)?)?),
    };
    let read = inputs::of_unit(run, state)?;
    Ok(repo.is_clean(within.as_deref())? && inputs::prove(run, &read).is_ok())
}

impl Planned {
    /// The command has ended well: what it saved is recorded.
    pub(super) fn record(mut self, run: &Run<'_>) {
        let Ok(digest) = digest_of(&self.file) else { return };
        // It may have saved nothing.
        if self.before.as_ref() == Some(&digest) {
            return;
        }
        self.record.plan = digest;
        let plans = SavedPlans::of(run.project.root(), run.services.repo.as_ref());
        if let Err(error) = plans.record(&self.record) {
            run.warn(format!("the saved plan could not be recorded, and will not be applied: {error}"));
        }
    }
}

/// Makes sure that a saved plan is one of what is applied, where git-check or the lock vouch for that.
pub(super) fn may_apply(
    argv: &Argv,
    rules: &ToolRules,
    directory: &Path,
    run: &Run<'_>,
    state: &State,
) -> Result<(), Error> {
    let Some(repo) = run.services.repo.as_ref().filter(|_| state.checked.is_some() || state.lease.is_some())
    else {
        return Ok(());
    };
    for file in rules.applies_plan(&argv.args) {
        let file = directory.join(file);
        // What is not there is for the tool to say.
        if !file.exists() {
            continue;
        }
        let unit = || run.id().clone();
        let unreadable = |source| SavedPlanError::Unreadable { unit: unit(), source };
        let digest = digest_of(&file).map_err(unreadable)?;
        let known = SavedPlans::of(run.project.root(), Some(repo)).find(&digest).map_err(unreadable)?;
        let known = known.ok_or_else(|| SavedPlanError::Unknown { unit: unit() })?;
        let head = repo.head()?.oid.map(|oid| oid.to_string());
        let rendered = state.rendered.as_ref().and_then(|rendered| rendered.digest.as_deref());
        known.check(run.id(), head.as_deref(), rendered)?;
    }
    Ok(())
}
