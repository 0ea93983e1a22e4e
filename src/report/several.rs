//! What the reporter for people keeps of a run of several units.

use std::collections::HashMap;

use super::human::Level;
use super::lines::Names;
use super::summary::{self, Detail};
use super::table::Table;
use super::units::UnitEnd;
use crate::env::Stopwatch;
use crate::project::UnitId;
use crate::workflow::{Event, UnitOutcome};

/// See the module.
pub(super) struct Several {
    /// The column of their names.
    pub names: Names,
    /// What runs now.
    pub table: Table,
    /// The places of the units in the plan.
    places: HashMap<UnitId, usize>,
    ends: Vec<UnitEnd>,
    since: Stopwatch,
}

impl Several {
    /// Of a run of these units, which begins now.
    pub(super) fn new(units: &[UnitId]) -> Self {
        Self {
            names: Names::of(units),
            table: Table::new(units.len()),
            places: units.iter().cloned().zip(0..).collect(),
            ends: Vec::new(),
            since: Stopwatch::start(),
        }
    }

    /// Takes note of the end of a unit.
    pub(super) fn ended(&mut self, event: &Event) {
        if let Some(end) = UnitEnd::of(event) {
            self.table.ended(&end.unit, end.outcome);
            self.ends.push(end);
        }
    }

    /// Whether a unit has failed.
    pub(super) fn has_failed(&self, unit: &UnitId) -> bool {
        self.ends.iter().any(|end| end.unit == *unit && end.outcome == UnitOutcome::Failed)
    }

    /// The lines at the end; rows of the table are indented, the line for all is not. None where no end
    /// of a unit was told.
    pub(super) fn summary(&mut self, level: Level, color: bool) -> Vec<String> {
        self.ends.sort_by_key(|end| self.places.get(&end.unit).copied());
        if self.ends.is_empty() {
            return Vec::new();
        }
        let detail = match level {
            Level::Quiet => Detail::Failures,
            Level::Normal => Detail::Usual,
            Level::Verbose => Detail::Everything,
        };
        let mut lines = summary::table(&self.ends, detail, color);
        if level > Level::Quiet {
            lines.push(summary::totals_line(&self.ends, self.since.milliseconds() / 1000));
        }
        lines
    }
}
