//! Locks of units that are no longer there: what a run left before its module went can be taken away.

use super::{Engine, ProjectLocks};
use crate::Error;
use crate::lock::{KeySet, UnitKeys};
use crate::project::{Project, ProjectError, UnitId};
use crate::workflow::{Plan, Request, planner};

impl Engine {
    /// The plan of a line that takes away what is left of a unit that there is not; else why there is no plan.
    ///
    /// # Errors
    /// `why` where nothing is left or the line does something else; when the backend cannot be asked.
    pub(super) fn plan_of_gone(
        &self,
        project: &Project,
        request: &Request,
        why: Error,
    ) -> Result<Plan, Error> {
        let no_unit = matches!(
            &why,
            Error::Project(
                ProjectError::Unknown { what: "module" | "profile", .. } | ProjectError::NotAUnit { .. }
            )
        );
        if !no_unit {
            return Err(why);
        }
        let left = |unit: &UnitId| self.locks(&request.directory)?.left_by(unit);
        planner::plan_of_gone(project, request, &self.env, self.steps, left)?.ok_or(why)
    }
}

impl ProjectLocks {
    /// The keys that are not free and can be nobody's but this unit's, whether it exists or not: its own,
    /// and those that a run took for it. What it would share with others is theirs as well.
    ///
    /// # Errors
    /// When the backend cannot be reached or read.
    fn left_by(&self, unit: &UnitId) -> Result<KeySet, Error> {
        let UnitKeys { take, .. } = self.naming.unit(unit, []);
        let name = unit.to_string();
        let pair = (Some(unit.module.as_str()), Some(unit.profile.as_str()));
        let mut found = self.locks().holders_for(&name, &take, &self.naming)?;
        found.retain(|record| record.unit == name || record.key.pair() == Some(pair));
        Ok(found.into_iter().map(|record| record.key).collect())
    }
}
