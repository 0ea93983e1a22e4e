//! What is kept of a run until its end, and the two texts that are made of it.

use std::fmt::Write as _;

use crate::project::UnitId;
use crate::report::units::{UnitEnd, counts, word};
use crate::text::is_harmless;
use crate::workflow::{Event, UnitOutcome};

/// So many units are named in the title.
const NAMED: usize = 5;

/// What is kept of a run.
#[derive(Debug, Default)]
pub(super) struct Summary {
    run: String,
    units: Vec<UnitId>,
    rows: Vec<Row>,
    ends: Vec<UnitEnd>,
    warnings: Vec<String>,
    kept: Vec<UnitId>,
    code: u8,
    error: Option<String>,
}

#[derive(Debug)]
struct Row {
    unit: UnitId,
    step: String,
    result: &'static str,
    summary: String,
    milliseconds: u64,
}

impl Summary {
    /// Takes note of an event.
    pub(super) fn add(&mut self, event: &Event) {
        self.ends.extend(UnitEnd::of(event));
        match event {
            Event::RunStarted { run, units, .. } => {
                self.run.clone_from(run);
                self.units.clone_from(units);
            }
            Event::StepFinished { unit, step, ok, skipped, summary, milliseconds, .. } => {
                self.rows.push(Row {
                    unit: unit.clone(),
                    step: step.clone(),
                    result: match (ok, skipped) {
                        (false, _) => "failed",
                        (true, true) => "nothing to do",
                        (true, false) => "done",
                    },
                    summary: summary.clone(),
                    milliseconds: *milliseconds,
                })
            }
            Event::Warning { message, .. } => self.warnings.push(message.clone()),
            Event::LockKept { unit, .. } => self.kept.push(unit.clone()),
            Event::LockReleased { unit } => self.kept.retain(|kept| kept != unit),
            Event::RunFinished { code, error, .. } => {
                self.code = *code;
                self.error.clone_from(error);
            }
            _ => {}
        }
    }

    /// `success`, `changes` (a success that the tool told by a code other than 0) or `failure`. A run that
    /// ended before the turn of a unit is a failure even where none of its units failed.
    fn result(&self) -> &'static str {
        let unwell = |end: &UnitEnd| matches!(end.outcome, UnitOutcome::Failed | UnitOutcome::Skipped);
        match (self.code, &self.error) {
            (_, Some(_)) => "failure",
            (_, None) if self.ends.iter().any(unwell) => "failure",
            (0, None) => "success",
            (_, None) => "changes",
        }
    }

    /// For the page of a job.
    pub(super) fn markdown(&self) -> String {
        let mut text = format!("### lockstep {}: {}", self.title(), self.result());
        if self.code != 0 {
            // Writing to a string does not fail.
            let _ = write!(text, " (exit code {})", self.code);
        }
        text.push_str("\n\n");
        if self.ends.is_empty() {
            self.steps(&mut text);
        } else {
            self.units(&mut text);
        }
        text.push('\n');
        for warning in &self.warnings {
            let _ = writeln!(text, "**Warning:** {}\n", escaped(warning));
        }
        if let Some(error) = &self.error {
            let _ = writeln!(text, "**Error:** {}\n", escaped(error));
        }
        for unit in &self.kept {
            let _ = writeln!(
                text,
                "The lock of {} is kept. To give it back: `lockstep unlock-any -- {} {}`\n",
                escaped(&unit.to_string()),
                unit.module,
                unit.profile
            );
        }
        text
    }

    /// The units; many are counted.
    fn title(&self) -> String {
        if self.units.len() > NAMED {
            return format!("{} units", self.units.len());
        }
        self.units.iter().map(|unit| escaped(&unit.to_string())).collect::<Vec<_>>().join(", ")
    }

    /// A table of the steps of one unit, or of several whose ends were not told.
    fn steps(&self, text: &mut String) {
        let several = self.units.len() > 1;
        text.push_str(if several {
            "| unit | step | result | time |\n| --- "
        } else {
            "| step | result | time |\n"
        });
        text.push_str("| --- | --- | ---: |\n");
        for row in &self.rows {
            if several {
                let _ = write!(text, "| {} ", escaped(&row.unit.to_string()));
            }
            let said =
                if row.summary.is_empty() { String::new() } else { format!(": {}", escaped(&row.summary)) };
            let (step, seconds) = (escaped(&row.step), row.milliseconds as f64 / 1000.0);
            let _ = writeln!(text, "| {step} | {}{said} | {seconds:.2} s |", row.result);
        }
    }

    /// A table of units, those that failed first: whoever looks at the page looks at its top.
    fn units(&self, text: &mut String) {
        let _ = writeln!(
            text,
            "{} units: {}\n\n| unit | result | code | time | reason |\n| --- | --- | ---: | ---: | --- |",
            self.ends.len(),
            escaped(&counts(&self.ends))
        );
        for outcome in [UnitOutcome::Failed, UnitOutcome::Skipped, UnitOutcome::Changes, UnitOutcome::Ok] {
            for end in self.ends.iter().filter(|end| end.outcome == outcome) {
                let (unit, reason) = (end.unit.to_string(), end.reason_line().unwrap_or_default());
                let seconds = end.milliseconds as f64 / 1000.0;
                let _ = writeln!(
                    text,
                    "| {} | {} | {} | {seconds:.2} s | {} |",
                    escaped(&unit),
                    word(outcome),
                    end.code,
                    escaped(reason)
                );
            }
        }
    }

    /// For later steps: `name=value` lines; as variables, in capitals and with a prefix.
    pub(super) fn outputs(&self, variables: bool) -> String {
        let lock = if self.kept.is_empty() { "free" } else { "kept" };
        let code = self.code.to_string();
        [("run-id", self.run.as_str()), ("result", self.result()), ("exit-code", &code), ("lock", lock)]
            .iter()
            .map(|(name, value)| match variables {
                true => format!("LOCKSTEP_{}={value}\n", name.to_uppercase().replace('-', "_")),
                false => format!("{name}={value}\n"),
            })
            .collect()
    }
}

/// A text as one line of Markdown that says what the text says, and does nothing.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.trim().chars() {
        match c {
            '\n' | '\t' | '\r' => out.push(' '),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '(' | ')' | '#' | '|' | '!'
            | '~' | '@' => {
                out.push('\\');
                out.push(c);
            }
            '&' => out.push_str("&amp;"),
            c if is_harmless(c) => out.push(c),
            c => out.extend(c.escape_unicode()),
        }
    }
    out
}
