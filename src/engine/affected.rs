//! Which units differ from an earlier commit.

use std::collections::BTreeSet;

use super::Engine;
use crate::git::{Base, GitError, Repo};
use crate::project::{Project, UnitId};
use crate::render::affected::{Affected, AffectedRequest, UnitFate, affected};
use crate::workflow::Request;
use crate::{Error, env};

/// What to look for.
#[derive(Clone, Default)]
pub struct AffectedQuery {
    /// The revision to compare with, as git reads it; without one it is chosen, see [`Repo::base`].
    pub base: Option<String>,
    /// Only these units, whether they are there now or were; none means all.
    pub units: Option<BTreeSet<UnitId>>,
    /// Also find out which files make the differences.
    pub reasons: bool,
}

impl Engine {
    /// The units of a project that differ from an earlier commit, and the commit. Nothing is run and
    /// nothing is written.
    ///
    /// # Errors
    /// When there is no repository, no such commit, or the project cannot be read.
    pub fn affected(&self, project: &Project, query: &AffectedQuery) -> Result<(Base, Affected), Error> {
        let repo = Repo::discover(project.root(), &self.env, &self.interrupts)?
            .ok_or_else(|| GitError::NoRepository { path: project.root().display().to_string() })?;
        let base = repo.base(query.base.as_deref(), &self.env)?;
        let found = affected(&AffectedRequest {
            project,
            repo: &repo,
            base: base.commit.as_ref(),
            select: &|unit| query.units.as_ref().is_none_or(|units| units.contains(unit)),
            reasons: query.reasons,
            threads: env::processors(),
        })?;
        Ok((base, found))
    }

    /// Of what a request selects the units that differ. What cannot be selected is told by the planner.
    pub(super) fn affected_of(
        &self,
        project: &Project,
        request: &Request,
        base: &str,
    ) -> Result<BTreeSet<UnitId>, Error> {
        let selected = project.select(&request.module, &request.profile, &self.env).unwrap_or_default();
        self.differing(project, base, Some(selected.into_iter().collect()))
    }

    /// The units that there are now and that differ from a revision; an empty text stands for the one
    /// that is chosen. What [`crate::workflow::Options::affected`] asks for, and the planner wants.
    ///
    /// # Errors
    /// As for [`Engine::affected`], and when a unit cannot be rendered: it may well be one of them.
    pub fn affected_units(&self, project: &Project, base: &str) -> Result<BTreeSet<UnitId>, Error> {
        self.differing(project, base, None)
    }

    fn differing(
        &self,
        project: &Project,
        base: &str,
        units: Option<BTreeSet<UnitId>>,
    ) -> Result<BTreeSet<UnitId>, Error> {
        let base = (!base.is_empty()).then(|| base.to_owned());
        let (_, found) = self.affected(project, &AffectedQuery { base, units, reasons: false })?;
        match found.errors.into_iter().next() {
            Some(error) => Err(error.into()),
            None => Ok(found
                .units
                .into_iter()
                .filter(|unit| unit.fate != UnitFate::Deleted)
                .map(|unit| unit.unit)
                .collect()),
        }
    }
}
