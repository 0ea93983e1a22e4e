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

/// So many units with changes are named; more are counted.
const NAMED: usize = 10;

/// How many ended in which way, and which of them with changes, for these are what a run that only looks
/// is made for: `55 ok, 1 failed, 2 with changes: alpha/prod, beta/dev`.
pub(super) fn counts<'a>(ends: impl IntoIterator<Item = &'a UnitEnd>) -> String {
    let ends: Vec<&UnitEnd> = ends.into_iter().collect();
    let Totals { ok, changes, failed, skipped } = Totals::of(ends.iter().map(|end| &end.outcome));
    let counted = [(ok, "ok"), (skipped, "skipped"), (failed, "failed"), (changes, "with changes")];
    let counted = counted.iter().filter(|(count, _)| *count > 0);
    let text = counted.map(|(count, what)| format!("{count} {what}")).collect::<Vec<_>>().join(", ");
    if changes == 0 {
        return text;
    }
    let changed = ends.iter().filter(|end| end.outcome == UnitOutcome::Changes);
    let named: Vec<String> = changed.take(NAMED).map(|end| end.unit.to_string()).collect();
    let more = match changes - named.len() {
        0 => String::new(),
        more => format!(" and {more} more; --report FILE names all"),
    };
    format!("{text}: {}{more}", named.join(", "))
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
    use super::*;

    fn end(unit: String, outcome: UnitOutcome) -> UnitEnd {
        let unit = unit.parse().unwrap();
        UnitEnd { unit, outcome, code: 0, reason: None, log: None, milliseconds: 0 }
    }

    #[test]
    fn those_with_changes_are_named_as_far_as_a_line_bears_it() {
        let of = |ok: usize, changes: usize| {
            let ok = (0..ok).map(|n| end(format!("ok{n}/prod"), UnitOutcome::Ok));
            let changes = (0..changes).map(|n| end(format!("c{n}/prod"), UnitOutcome::Changes));
            counts(&ok.chain(changes).collect::<Vec<_>>())
        };
        assert_eq!(of(3, 0), "3 ok");
        assert_eq!(of(55, 2), "55 ok, 2 with changes: c0/prod, c1/prod");
        let ten: Vec<String> = (0..10).map(|n| format!("c{n}/prod")).collect();
        assert_eq!(of(0, 10), format!("10 with changes: {}", ten.join(", ")));
        let told = format!("1 ok, 13 with changes: {} and 3 more; --report FILE names all", ten.join(", "));
        assert_eq!(of(1, 13), told);
    }

    #[test]
    fn times_are_short() {
        let shown = [0, 99, 100, 59_999, 60_000, 3_599_999, 3_600_000, 90_000_000].map(short_time);
        assert_eq!(shown, ["0.0s", "0.0s", "0.1s", "59.9s", "1m00s", "59m59s", "1h00m", "25h00m"]);
    }
}
