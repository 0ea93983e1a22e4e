//! Whether what the project is made of is on the disk as others get it from the same commit.

use std::path::PathBuf;

use super::scene::Scene;
use super::{Finding, said};
use crate::engine;
use crate::git::{CheckRefusal, Repo, hidden_changes, undelivered};
use crate::project::Project;

pub(super) fn committed(id: &'static str, scene: &Scene<'_>) -> Vec<Finding> {
    let (Some(project), Some(repo), Some(inventory)) = (scene.project(), scene.repo(), scene.inventory())
    else {
        return vec![Finding::skipped(id, "no project in a repository")];
    };
    let (paths, errors) = engine::inputs_of(project, repo, &inventory.units);
    let is_told = |error: &str| inventory.errors.iter().any(|other| other.to_string() == error);
    let mut findings: Vec<Finding> = errors
        .iter()
        .filter(|error| !is_told(&error.to_string()))
        .map(|error| Finding { cure: error.hint(), ..Finding::problem(id, said(error)) })
        .collect();
    let looks = [hidden_changes(repo), delivered(project, repo, paths.into_iter().collect())];
    for look in looks {
        match look {
            Ok(None) => {}
            Ok(Some(refusal)) => {
                findings.push(Finding::problem(id, refusal.to_string()).cure(refusal.cure()));
            }
            Err(error) => findings.push(Finding::problem(id, said(&error))),
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok(id, "what units are made of is here as others get it"));
    }
    findings
}

fn delivered(
    project: &Project,
    repo: &Repo,
    paths: Vec<PathBuf>,
) -> Result<Option<CheckRefusal>, crate::git::GitError> {
    let top = repo.work_dir().canonicalize().unwrap_or_else(|_| repo.work_dir().to_owned());
    let Ok(below) = project.root().strip_prefix(top) else { return Ok(None) };
    // What was edited and not committed yet is for git-check to say.
    let status = repo.status()?;
    if !(status.staged.is_empty() && status.unstaged.is_empty() && status.conflicts.is_empty()) {
        return Ok(None);
    }
    let paths: Vec<PathBuf> = paths.iter().map(|path| below.join(path)).collect();
    undelivered(repo, &paths)
}
