//! The live table of a run of several units, as text: one line for each unit that runs, and one for
//! all of them. Where and when it is drawn is `screen`'s affair.

use super::lines::Names;
use super::units::{Totals, short_time};
use crate::env::Stopwatch;
use crate::project::UnitId;
use crate::workflow::UnitOutcome;

/// How many lines it has at the most, whatever the terminal's height: what the commands write has to
/// be read too.
const HIGHEST: usize = 16;

/// What a unit does, as far as it matters for what else may stand on the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Its command runs beside others, or it only waits: all that it says comes through us.
    Quiet,
    /// git works for it, and may ask for a passphrase on the terminal.
    MayAsk,
    /// It is rendered: commands that give data and secrets write to the terminal as they like.
    MayWrite,
}

impl Act {
    /// By the label of a step that is no command.
    pub(super) fn of_step(label: &str) -> Self {
        match label {
            "git-check" | "lock" | "git-push" | "unlock" | "unlock-any" => Self::MayAsk,
            "build" | "validate" | "describe" | "diff" => Self::MayWrite,
            // A command, which is told by itself in a moment.
            _ => Self::Quiet,
        }
    }
}

/// What runs and what is done.
#[derive(Debug)]
pub(super) struct Table {
    total: usize,
    running: Vec<Row>,
    done: Totals,
}

#[derive(Debug)]
struct Row {
    unit: UnitId,
    doing: String,
    act: Act,
    since: Stopwatch,
}

impl Table {
    /// Of a run of so many units.
    pub(super) fn new(total: usize) -> Self {
        Self { total, running: Vec::new(), done: Totals::default() }
    }

    /// A unit's turn has come.
    pub(super) fn started(&mut self, unit: &UnitId) {
        let row =
            Row { unit: unit.clone(), doing: String::new(), act: Act::Quiet, since: Stopwatch::start() };
        self.running.push(row);
    }

    /// What a unit does now.
    pub(super) fn does(&mut self, unit: &UnitId, doing: impl Into<String>, act: Act) {
        if let Some(row) = self.running.iter_mut().find(|row| row.unit == *unit) {
            // It may come from a remote, and is one line of the table.
            row.doing = doing.into().replace('\n', " ");
            row.act = act;
        }
    }

    /// A unit has ended, or was never begun.
    pub(super) fn ended(&mut self, unit: &UnitId, outcome: UnitOutcome) {
        self.running.retain(|row| row.unit != *unit);
        self.done.add(outcome);
    }

    /// Whether it may stand on the terminal now: it would be drawn over what others write there, and over
    /// a question of ssh or git.
    pub(super) fn may_stand(&self) -> bool {
        !self.running.is_empty() && self.running.iter().all(|row| row.act == Act::Quiet)
    }

    /// The lines, for a terminal of so many columns and rows.
    pub(super) fn lines(&self, names: Names, (columns, rows): (usize, usize), color: bool) -> Vec<String> {
        let times: Vec<u64> = self.running.iter().map(|row| row.since.milliseconds()).collect();
        self.text(names, (columns, rows), color, &times)
    }

    fn text(&self, names: Names, (columns, rows): (usize, usize), color: bool, times: &[u64]) -> Vec<String> {
        // A line that fills the last column wraps on some terminals.
        let width = columns.saturating_sub(1);
        let height = (rows / 2).clamp(1, HIGHEST);
        // The last line is for all of them.
        let room = height - 1;
        let shown = if self.running.len() > room { room.saturating_sub(1) } else { self.running.len() };
        let mut lines = Vec::new();
        for (row, time) in self.running.iter().zip(times).take(shown) {
            let time = whole_seconds(*time);
            let rest = width.saturating_sub(names.width());
            let rest = cut(&format!("  {time:>6}  {}", row.doing), rest);
            match names.width() <= width {
                true => lines.push(format!("{}{rest}", names.name(&row.unit, color)).trim_end().to_owned()),
                false => lines.push(cut(&row.unit.to_string(), width)),
            }
        }
        if shown < self.running.len() && room > 0 {
            lines.push(cut(&format!("… and {} more", self.running.len() - shown), width));
        }
        lines.push(cut(&self.summary(), width));
        lines
    }

    /// `3 of 20 done, 1 failed, 4 running`.
    fn summary(&self) -> String {
        let mut text = format!("{} of {} done", self.done.all(), self.total);
        for (count, what) in
            [(self.done.failed, "failed"), (self.done.skipped, "skipped"), (self.running.len(), "running")]
        {
            if count > 0 {
                text.push_str(&format!(", {count} {what}"));
            }
        }
        text
    }
}

/// Without tenths, which would flicker.
fn whole_seconds(milliseconds: u64) -> String {
    match milliseconds {
        0..60_000 => format!("{}s", milliseconds / 1000),
        longer => short_time(longer),
    }
}

/// At most so many characters.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain((width > 0).then_some('…')).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unit(text: &str) -> UnitId {
        text.parse().unwrap()
    }

    fn table(running: usize) -> (Table, Names) {
        let units: Vec<UnitId> = (0..running).map(|number| unit(&format!("module-{number}/prod"))).collect();
        let mut table = Table::new(20);
        for unit in &units {
            table.started(unit);
            table.does(unit, "tofu apply", Act::Quiet);
        }
        (table, Names::of(&units))
    }

    #[test]
    fn a_line_for_each_unit_and_one_for_all() {
        let units = [unit("alpha/prod"), unit("network/prod"), unit("x/prod")];
        let mut table = Table::new(20);
        table.started(&units[0]);
        table.started(&units[1]);
        table.does(&units[0], "tofu\napply", Act::Quiet);
        table.does(&units[1], "lock", Act::of_step("lock"));
        assert!(!table.may_stand());
        table.does(&units[1], "tofu apply", Act::Quiet);
        assert!(table.may_stand());
        table.does(&units[1], "build", Act::of_step("build"));
        assert!(!table.may_stand());
        table.does(&units[1], "lock", Act::of_step("lock"));
        table.started(&units[2]);
        table.ended(&units[2], UnitOutcome::Failed);
        let text = |table: &Table, size| table.text(Names::of(&units), size, false, &[75_000, 999]);
        assert_eq!(
            text(&table, (80, 24)),
            [
                "alpha/prod     1m15s  tofu apply",
                "network/prod      0s  lock",
                "1 of 20 done, 1 failed, 2 running"
            ]
        );
        assert_eq!(text(&table, (22, 24))[0], "alpha/prod     1m15s…");
        table.ended(&units[1], UnitOutcome::Ok);
        table.ended(&units[0], UnitOutcome::Skipped);
        assert!(!table.may_stand());
        assert_eq!(text(&table, (80, 24)), ["3 of 20 done, 1 failed, 1 skipped"]);
    }

    #[test]
    fn what_has_no_room_is_counted() {
        let (table, names) = table(20);
        let lines = table.text(names, (80, 10), false, &[0; 20]);
        assert_eq!(lines.len(), 5);
        assert_eq!(lines[3..], ["… and 17 more", "0 of 20 done, 20 running"]);
        assert_eq!(table.text(names, (80, 1), false, &[0; 20]), ["0 of 20 done, 20 running"]);
    }

    proptest! {
        #[test]
        fn it_fits_the_terminal(columns in 0usize..200, rows in 0usize..100, running in 0usize..40) {
            let (table, names) = table(running);
            let lines = table.text(names, (columns, rows), false, &vec![1_000_000; running]);
            prop_assert!(lines.len() <= (rows / 2).clamp(1, HIGHEST));
            for line in lines {
                prop_assert!(line.chars().count() < columns.max(1), "{line}");
            }
        }
    }
}
