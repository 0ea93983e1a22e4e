//! How the units of a run of several ended, as reporters keep it until its end.

use schemars::JsonSchema;
use serde::Serialize;

use crate::project::UnitId;
use crate::workflow::{Event, UnitOutcome};

/// How one unit ended: what [`Event::UnitFinished`] says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct UnitEnd {
    /// Which.
    pub unit: UnitId,
    /// How it ended.
    pub outcome: UnitOutcome,
    /// Its exit code; 0 for one that was left out.
    pub code: u8,
    /// Why it failed or was left out, as text.
    pub reason: Option<String>,
    /// The file with all that its commands wrote; none where they had the terminal.
    pub log: Option<String>,
    /// How long it took.
    pub milliseconds: u64,
}

impl UnitEnd {
    /// What an event says about the end of a unit, if it does.
    pub(super) fn of(event: &Event) -> Option<Self> {
        match event {
            Event::UnitFinished { unit, outcome, code, reason, log, milliseconds } => Some(Self {
                unit: unit.clone(),
                outcome: *outcome,
                code: *code,
                reason: reason.clone(),
                log: log.clone(),
                milliseconds: *milliseconds,
            }),
            _ => None,
        }
    }

    /// The first line of the reason: the others are of use only where the whole error is told.
    pub(super) fn reason_line(&self) -> Option<&str> {
        self.reason.as_deref().map(str::trim).and_then(|reason| reason.lines().next())
    }
}

/// How many units ended in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct Totals {
    /// Well.
    pub ok: usize,
    /// Well, with changes.
    pub changes: usize,
    /// Failed.
    pub failed: usize,
    /// Never begun.
    pub skipped: usize,
}

impl Totals {
    /// Counts them.
    pub(super) fn of<'a>(outcomes: impl IntoIterator<Item = &'a UnitOutcome>) -> Self {
        let mut totals = Self::default();
        for outcome in outcomes {
            totals.add(*outcome);
        }
        totals
    }

    /// Counts one more.
    pub(super) fn add(&mut self, outcome: UnitOutcome) {
        *match outcome {
            UnitOutcome::Ok => &mut self.ok,
            UnitOutcome::Changes => &mut self.changes,
            UnitOutcome::Failed => &mut self.failed,
            UnitOutcome::Skipped => &mut self.skipped,
        } += 1;
    }

    /// All of them.
    pub(super) fn all(self) -> usize {
        self.ok + self.changes + self.failed + self.skipped
    }
}

/// The word for an outcome.
pub(super) const fn word(outcome: UnitOutcome) -> &'static str {
    match outcome {
        UnitOutcome::Ok => "ok",
        UnitOutcome::Changes => "changes",
        UnitOutcome::Failed => "failed",
        UnitOutcome::Skipped => "skipped",
    }
}

/// A length of time for a table: `0.4s`, `12.3s`, `2m05s`, `1h02m`.
pub(super) fn short_time(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match seconds {
        0..60 => format!("{seconds}.{}s", milliseconds % 1000 / 100),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::short_time;

    #[test]
    fn times_are_short() {
        let shown = [0, 99, 100, 59_999, 60_000, 3_599_999, 3_600_000, 90_000_000].map(short_time);
        assert_eq!(shown, ["0.0s", "0.0s", "0.1s", "59.9s", "1m00s", "59m59s", "1h00m", "25h00m"]);
    }
}
