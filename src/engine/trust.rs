//! What a project may do in a run, and what it needs to be trusted for before anything is done.

use super::Engine;
use crate::Error;
use crate::git::Repo;
use crate::project::{DynamodbLockConfig, LockConfig, Project, Trust};
use crate::workflow::Plan;

impl Engine {
    /// Lets every project start programs and change their environment, as the program around this one
    /// vouches for what it runs. Without this the user's own answers count (`lockstep trust`).
    #[must_use]
    pub fn trusted(mut self) -> Self {
        self.trusted = true;
        self
    }

    pub(super) fn trust_of(&self, project: &Project, repo: Option<&Repo>) -> Trust {
        if self.trusted { Trust::everything() } else { Trust::of(project, repo, &self.env, self.ask.clone()) }
    }
}

/// Whether commands of the plan get another environment than the user's.
pub(super) fn changes_environment(project: &Project, plan: &Plan) -> Result<bool, Error> {
    let runs = |plan: &Plan| plan.calls.iter().chain(&plan.finally).any(|call| call.argv.is_some());
    for stage in plan.staged.iter().flat_map(|staged| &staged.stages) {
        let of_stages = plan.staged.as_ref().map_or(project, |staged| &staged.project);
        if changes_environment(of_stages, &stage.plan(&plan.options))? {
            return Ok(true);
        }
    }
    if !runs(plan) {
        return Ok(false);
    }
    let config = project.config();
    if !config.env.is_empty() || !config.exec.unset.is_empty() {
        return Ok(true);
    }
    let modules: std::collections::BTreeSet<_> = plan.units.iter().map(|unit| &unit.id.module).collect();
    for module in modules {
        let config = project.module_config(module)?;
        if !config.env.is_empty() || !config.exec.unset.is_empty() {
            return Ok(true);
        }
    }
    let profiles: std::collections::BTreeSet<_> = plan.units.iter().map(|unit| &unit.id.profile).collect();
    for profile in profiles {
        if project.profile_sets_variables(profile)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the project says by which of the user's credentials, or at which address, the lock is asked for.
pub(super) fn names_credentials(lock: &LockConfig) -> bool {
    let names = |backend: Option<&str>, table: &DynamodbLockConfig| {
        backend == Some("dynamodb") && (table.profile.is_some() || table.endpoint_url.is_some())
    };
    let former = lock.former.as_ref().filter(|_| lock.has_moved());
    names(lock.backend.as_deref(), &lock.dynamodb)
        || former.is_some_and(|former| names(former.backend.as_deref(), &former.dynamodb))
}
