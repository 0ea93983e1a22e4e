//! Commands that rewrite sources are refused: what they would find is what was rendered from them.

use std::path::Path;

use super::Planner;
use crate::workflow::{Call, PlanError, UnitPlan};

impl Planner<'_> {
    /// Formatting what was rendered helps nobody, and the next build would take it for an edit by hand.
    pub(super) fn formats(&self, calls: &[Call], units: &[UnitPlan]) -> Result<(), PlanError> {
        let Some(unit) = units.first() else { return Ok(()) };
        for argv in calls.iter().filter_map(|call| call.argv.as_ref()) {
            if self.project.rules_for(&unit.id, &argv.program).formats_sources(&argv.args) {
                let relative = |path: &Path| {
                    path.strip_prefix(self.project.root()).unwrap_or(path).display().to_string()
                };
                return Err(PlanError::Formats {
                    command: self.name_of(argv),
                    rendered: relative(&unit.directory),
                    sources: relative(&self.project.module_directory(&unit.id.module)),
                });
            }
        }
        Ok(())
    }
}
