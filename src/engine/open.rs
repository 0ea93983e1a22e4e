//! Finding the project in which somebody stands, as far as its files count in the repository.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::env::Environment;
use crate::git::Repo;
use crate::process::Interrupts;
use crate::project::{Project, ProjectError, UnitId};
use crate::render::{RenderError, inputs};

/// The project that a directory lies in. In a repository only what git's index lists or git does not
/// ignore is part of it.
///
/// # Errors
/// When there is none, it cannot be read, or the repository cannot be used.
pub(crate) fn open_project(
    directory: &Path,
    env: &Environment,
    interrupts: &Interrupts,
) -> Result<Project, Error> {
    let project =
        Project::discover(directory, env).map_err(|error| hidden(error, directory, env, interrupts))?;
    match Repo::discover(project.root(), env, interrupts)? {
        Some(repo) => Ok(counted(&project, &repo)?),
        None => Ok(project),
    }
}

/// A sparse checkout may leave the very file out that makes a project.
fn hidden(error: ProjectError, start: &Path, env: &Environment, interrupts: &Interrupts) -> ProjectError {
    let ProjectError::NoProject { .. } = error else { return error };
    let repo = Repo::discover(start, env, interrupts).ok().flatten();
    let start = start.canonicalize().unwrap_or_else(|_| start.to_owned());
    let not_here =
        repo.and_then(|repo| start.ancestors().find_map(|root| inputs::marker_not_here(root, &repo)));
    not_here.map_or(error, ProjectError::NotHere)
}

/// A project as far as its files count in its repository.
///
/// # Errors
/// When git ignores its `lockstep.toml`, or cannot be asked.
pub(crate) fn counted(project: &Project, repo: &Repo) -> Result<Project, ProjectError> {
    inputs::of_repository(project, repo)
}

/// What these units are made of, relative to the project, and why of some that cannot be told, each reason
/// once.
pub(crate) fn inputs_of(
    project: &Project,
    repo: &Repo,
    units: &[UnitId],
) -> (BTreeSet<PathBuf>, Vec<RenderError>) {
    let (mut paths, mut errors) = (BTreeSet::new(), Vec::<RenderError>::new());
    for unit in units {
        match inputs::of_unit(project, unit, Some(repo)) {
            Ok(read) => paths.extend(read),
            Err(error) if errors.iter().any(|known| known.to_string() == error.to_string()) => {}
            Err(error) => errors.push(error),
        }
    }
    (paths, errors)
}
