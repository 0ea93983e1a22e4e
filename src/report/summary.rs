//! What a person reads at the end of a run of several units: one line if all is well, else a table
//! with the failures last, which is where the eye is.

use super::units::{UnitEnd, counts, short_time, word};
use crate::env::Span;
use crate::text::indented as harmless;
use crate::workflow::UnitOutcome;

/// So many units of one outcome are listed beside failures if they went well; more are counted.
const LISTED: usize = 20;

/// How much to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// The units that failed.
    Failures,
    /// All, if one failed or was left out.
    Usual,
    /// All, with their logs.
    Everything,
}

/// The line for all: `20 units in 12s: 18 ok, 2 with changes: alpha/prod, beta/dev`.
pub(super) fn totals_line(ends: &[UnitEnd], seconds: u64) -> String {
    format!("{} units in {}: {}", ends.len(), Span::from_seconds(seconds), counts(ends))
}

/// The table, a line for each unit; none where the line for all is enough.
pub(super) fn table(ends: &[UnitEnd], detail: Detail, color: bool) -> Vec<String> {
    let well = |end: &&UnitEnd| matches!(end.outcome, UnitOutcome::Ok | UnitOutcome::Changes);
    if detail != Detail::Everything && ends.iter().all(|end| well(&end)) {
        return Vec::new();
    }
    let of = |outcome| ends.iter().filter(move |end| end.outcome == outcome);
    let failed = of(UnitOutcome::Failed);
    let mut lines = Vec::new();
    let shown: Vec<&UnitEnd> = match detail {
        Detail::Failures => failed.collect(),
        Detail::Usual | Detail::Everything => {
            let mut listed: Vec<&UnitEnd> = Vec::new();
            for outcome in [UnitOutcome::Ok, UnitOutcome::Changes] {
                let count = of(outcome).count();
                if detail == Detail::Everything || count <= LISTED {
                    listed.extend(of(outcome));
                } else {
                    lines.push(format!("  {:<7}  {count} units", word(outcome)));
                }
            }
            listed.into_iter().chain(of(UnitOutcome::Skipped)).chain(failed).collect()
        }
    };
    let name = shown.iter().map(|end| end.unit.to_string().chars().count()).max().unwrap_or_default();
    let time = shown.iter().map(|end| time_of(end).len()).max().unwrap_or_default();
    for end in shown {
        lines.push(row(end, name, time, color));
        if let Some(log) =
            end.log.as_ref().filter(|_| detail == Detail::Everything || end.outcome == UnitOutcome::Failed)
        {
            lines.push(format!("{:11}log: {}", "", harmless(log)));
        }
    }
    lines
}

fn time_of(end: &UnitEnd) -> String {
    if end.outcome == UnitOutcome::Skipped { String::new() } else { short_time(end.milliseconds) }
}

fn row(end: &UnitEnd, name: usize, time: usize, color: bool) -> String {
    let code = if end.code == 0 { String::new() } else { format!("exit {}", end.code) };
    let reason = harmless(end.reason_line().unwrap_or_default());
    let unit = end.unit.to_string();
    let outcome = format!("{:<7}", word(end.outcome));
    let outcome = match (color, end.outcome) {
        (true, UnitOutcome::Failed) => format!("\x1b[31m{outcome}\x1b[0m"),
        (true, UnitOutcome::Skipped) => format!("\x1b[33m{outcome}\x1b[0m"),
        _ => outcome,
    };
    let line = format!("  {outcome}  {unit:<name$}  {:>time$}  {code:<8}  {reason}", time_of(end));
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(unit: &str, outcome: UnitOutcome, code: u8, reason: Option<&str>) -> UnitEnd {
        let failed = outcome == UnitOutcome::Failed;
        UnitEnd {
            unit: unit.parse().unwrap(),
            outcome,
            code,
            reason: reason.map(Into::into),
            log: (outcome != UnitOutcome::Skipped)
                .then(|| format!(".git/lockstep/runs/r1/{}.log", unit.replace('/', "@"))),
            milliseconds: if failed { 75_300 } else { 2_140 },
        }
    }

    fn mixed() -> Vec<UnitEnd> {
        vec![
            end("vpc/prod", UnitOutcome::Failed, 1, Some("`tofu apply` ended with exit code 1")),
            end("dns/prod", UnitOutcome::Ok, 0, None),
            end("cluster/prod", UnitOutcome::Skipped, 0, Some("needs vpc/prod, which failed")),
            end("iam/prod", UnitOutcome::Changes, 2, None),
            end("web/prod", UnitOutcome::Failed, 75, Some("lock held\n  by \u{1b}[31mana")),
        ]
    }

    fn shown(ends: &[UnitEnd], detail: Detail) -> String {
        table(ends, detail, false).iter().map(|line| format!("{line}\n")).collect()
    }

    #[test]
    fn failures_come_last() {
        insta::assert_snapshot!(shown(&mixed(), Detail::Usual));
    }

    #[test]
    fn everything_has_all_logs() {
        insta::assert_snapshot!(shown(&mixed(), Detail::Everything));
    }

    #[test]
    fn the_quiet_read_of_failures_only() {
        insta::assert_snapshot!(shown(&mixed(), Detail::Failures));
    }

    #[test]
    fn many_that_went_well_are_counted() {
        let mut ends: Vec<UnitEnd> =
            (0..30).map(|number| end(&format!("m{number}/prod"), UnitOutcome::Ok, 0, None)).collect();
        assert_eq!(shown(&ends, Detail::Usual), "");
        ends.push(end("bad/prod", UnitOutcome::Failed, 137, None));
        insta::assert_snapshot!(shown(&ends, Detail::Usual));
        assert!(table(&ends, Detail::Usual, true)[1].contains("\x1b[31mfailed \x1b[0m"));
    }

    #[test]
    fn those_with_changes_are_listed_beside_many_that_have_none() {
        let mut ends: Vec<UnitEnd> =
            (0..54).map(|number| end(&format!("m{number}/prod"), UnitOutcome::Ok, 0, None)).collect();
        ends.extend(["x/prod", "y/dev"].map(|unit| end(unit, UnitOutcome::Changes, 2, None)));
        ends.push(end("bad/prod", UnitOutcome::Failed, 137, None));
        insta::assert_snapshot!(format!("{}{}", shown(&ends, Detail::Usual), totals_line(&ends, 3)));
        ends.extend((0..30).map(|n| end(&format!("c{n}/prod"), UnitOutcome::Changes, 2, None)));
        assert_eq!(table(&ends, Detail::Usual, false)[..2], ["  ok       54 units", "  changes  32 units"]);
    }

    #[test]
    fn all_of_them_in_a_line() {
        assert_eq!(
            totals_line(&mixed(), 75),
            "5 units in 1m15s: 1 ok, 1 skipped, 2 failed, 1 with changes: iam/prod"
        );
    }
}
