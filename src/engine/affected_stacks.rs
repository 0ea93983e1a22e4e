//! Which workflows of stages differ from an earlier commit.
//!
//! A stage is rendered with parameters that others make while it runs, so what it comes to is not compared.
//! Counted is what may matter: a change of the workflow, of what configures its stages, of a stage's module, and
//! whatever makes the module differ as a unit by itself.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::{AffectedQuery, Engine};
use crate::Error;
use crate::git::{GitError, Repo};
use crate::project::{MARKER, Name, Project, StageAction, UnitId};
use crate::render::RenderError;

impl Engine {
    /// Those of these workflows, each in a profile, whose action may do something else than at a revision; an
    /// empty text stands for the one that is chosen.
    ///
    /// # Errors
    /// As for [`Engine::affected`].
    pub fn affected_stacks(
        &self,
        project: &Project,
        stacks: &[(Name, Name)],
        (action, base): (StageAction, &str),
    ) -> Result<Vec<(Name, Name)>, Error> {
        let repo = Repo::discover(project.root(), &self.env, &self.interrupts)?
            .ok_or_else(|| GitError::NoRepository { path: project.root().display().to_string() })?;
        let word = (!base.is_empty()).then(|| base.to_owned());
        let base = repo.base(word.as_deref(), &self.env)?;
        let top = repo.work_dir().canonicalize().unwrap_or_else(|_| repo.work_dir().to_owned());
        let below = project.root().strip_prefix(&top).unwrap_or(Path::new(""));
        let changed: BTreeSet<PathBuf> = repo
            .changed_since(base.commit.as_ref(), below)?
            .into_iter()
            .filter_map(|change| {
                let path = Path::new(std::ffi::OsStr::from_bytes(&change.path));
                path.strip_prefix(below).ok().map(Path::to_owned)
            })
            .collect();
        let mut found = Vec::new();
        for (workflow, profile) in stacks {
            let file = project.workflow(workflow)?;
            let stages = file.stages(action);
            let sources: BTreeSet<&str> = stages.iter().map(|stage| stage.source().as_str()).collect();
            let matters = |path: &PathBuf| configures(path, workflow, &sources);
            let units = stages.iter().map(|stage| {
                UnitId::new(stage.source().clone(), stage.profile.as_ref().unwrap_or(profile).clone())
            });
            if changed.iter().any(matters) || self.differs(project, units.collect(), word.clone())? {
                found.push((workflow.clone(), profile.clone()));
            }
        }
        Ok(found)
    }

    /// Whether any of these units differs, or nobody can tell.
    fn differs(
        &self,
        project: &Project,
        units: BTreeSet<UnitId>,
        base: Option<String>,
    ) -> Result<bool, Error> {
        let query = AffectedQuery { base, units: Some(units.clone()), reasons: false };
        let (_, found) = self.affected(project, &query)?;
        let is_one = |error: &RenderError| match error {
            RenderError::Unrenderable { units: broken, .. } => broken.iter().any(|unit| units.contains(unit)),
            _ => true,
        };
        Ok(!found.units.is_empty() || found.errors.iter().any(is_one))
    }
}

/// Whether a file may configure the stages of a workflow, or is of one of their modules.
fn configures(path: &Path, workflow: &Name, sources: &BTreeSet<&str>) -> bool {
    let mut parts = path.iter().filter_map(|part| part.to_str());
    match (parts.next(), parts.next()) {
        (Some("modules"), Some(module)) => module.starts_with('_') || sources.contains(module),
        (Some("workflows"), Some(file)) => file.strip_suffix(".toml") == Some(workflow.as_str()),
        (Some("profiles"), _) => true,
        (first, None) => first == Some(MARKER),
        _ => false,
    }
}
