//! What the checks look at, found once: the project, its repository, its locks.

use std::cell::OnceCell;
use std::path::Path;

use crate::env::{Clock, Environment, Host};
use crate::git::{self, GitError, Repo};
use crate::lock::{Listed, LockError};
use crate::process::Interrupts;
use crate::project::{Inventory, Project, ProjectError};
use crate::steps::STEPS;
use crate::{Engine, Error, ProjectLocks, engine};

/// How far the checks go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Speak to no remote.
    pub offline: bool,
    /// Make a ref on the remote and delete it again.
    pub probe: bool,
}

/// See the module.
pub(super) struct Scene<'a> {
    pub(super) env: &'a Environment,
    pub(super) options: Options,
    pub(super) interrupts: Interrupts,
    pub(super) clock: Clock,
    pub(super) host: Host,
    pub(super) project: Result<Project, ProjectError>,
    pub(super) repo: Result<Option<Repo>, GitError>,
    reached: OnceCell<Result<(), GitError>>,
    locks: OnceCell<Result<ProjectLocks, Error>>,
    listed: OnceCell<Result<Vec<Listed>, LockError>>,
    inventory: OnceCell<Inventory>,
}

impl<'a> Scene<'a> {
    pub(super) fn set(directory: &Path, env: &'a Environment, options: &Options) -> Self {
        let interrupts = Interrupts::new();
        let project = Project::discover(directory, env);
        let start = project.as_ref().map_or(directory, Project::root);
        let repo = Repo::discover(start, env, &interrupts);
        let project = match (project, &repo) {
            (Ok(project), Ok(Some(repo))) => engine::counted(&project, repo),
            (project, _) => project,
        };
        Self {
            env,
            options: *options,
            interrupts,
            clock: Clock::System,
            host: Host::current(),
            project,
            repo,
            reached: OnceCell::new(),
            locks: OnceCell::new(),
            listed: OnceCell::new(),
            inventory: OnceCell::new(),
        }
    }

    /// The project, where it can be used.
    pub(super) fn project(&self) -> Option<&Project> {
        self.project.as_ref().ok()
    }

    /// The repository, where there is one.
    pub(super) fn repo(&self) -> Option<&Repo> {
        self.repo.as_ref().ok()?.as_ref()
    }

    /// What is in the project.
    pub(super) fn inventory(&self) -> Option<&Inventory> {
        let project = self.project()?;
        let steps = || {
            STEPS.iter().flat_map(|step| std::iter::once(step.name()).chain(step.aliases().iter().copied()))
        };
        Some(self.inventory.get_or_init(|| project.inventory(steps())))
    }

    /// The remote that branch and lock live on; none without any, or without a repository.
    pub(super) fn remote(&self) -> Result<Option<String>, GitError> {
        let Some(repo) = self.repo() else { return Ok(None) };
        let upstream = match repo.head()?.branch {
            Some(branch) => repo.upstream_of(&branch)?,
            None => None,
        };
        let configured = self.project().and_then(|project| project.config().lock.git.remote.as_deref());
        git::lock_remote(repo, configured, upstream.as_ref().map(|(remote, _)| remote.as_str()))
    }

    /// Whether the remote answers. It is asked once: one that does not may take minutes to say so.
    pub(super) fn reached(&self, repo: &Repo, remote: &str) -> Result<(), &GitError> {
        self.reached.get_or_init(|| repo.reach(remote)).as_ref().copied()
    }

    /// The project's locks; none without a project.
    pub(super) fn locks(&self) -> Option<Result<&ProjectLocks, &Error>> {
        let project = self.project()?;
        let locks = self
            .locks
            .get_or_init(|| Engine::new(self.env.clone()).host(self.host.clone()).locks(project.root()));
        Some(locks.as_ref())
    }

    /// The last record of every lock; none if nobody was asked, or would answer.
    pub(super) fn listed(&self) -> Option<Result<&[Listed], &LockError>> {
        let locks = self.locks()?.ok()?;
        if self.options.offline && locks.is_shared() {
            return None;
        }
        if let (Some(repo), Some(remote)) = (self.repo(), locks.remote())
            && self.reached(repo, remote).is_err()
        {
            return None;
        }
        Some(self.listed.get_or_init(|| locks.list()).as_deref())
    }
}
