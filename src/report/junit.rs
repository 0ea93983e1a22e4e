//! A report as JUnit XML: what CI services read as the results of tests.
//!
//! A unit is a case, its class the profile; the log of a unit is named and never copied. The form is what
//! the readers have in common: `testsuites`, one `testsuite`, a `testcase` for each unit.

use std::fmt::Write as _;

use super::run_report::{RunReport, UnitReport};
use super::units::counts;
use crate::workflow::UnitOutcome;

/// The whole document.
pub(super) fn document(report: &RunReport) -> String {
    let totals = report.totals;
    let attributes = format!("tests=\"{}\" failures=\"{}\" errors=\"0\"", totals.all(), totals.failed);
    let seconds = report.seconds();
    let name = escaped(&format!("lockstep {}", report.steps.join(" ")));
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a string does not fail.
    let _ = writeln!(xml, "<testsuites name=\"lockstep\" {attributes} time=\"{seconds}.000\">");
    let _ = writeln!(
        xml,
        "  <testsuite name=\"{name}\" {attributes} skipped=\"{}\" time=\"{seconds}.000\" timestamp=\"{}\">",
        totals.skipped, report.started
    );
    for unit in &report.units {
        case(&mut xml, unit);
    }
    if totals.changes > 0 {
        let counted = escaped(&counts(report.units.iter().map(|unit| &unit.end)));
        let _ = writeln!(xml, "    <system-out>{counted}</system-out>");
    }
    xml.push_str("  </testsuite>\n</testsuites>\n");
    xml
}

fn case(xml: &mut String, unit: &UnitReport) {
    let end = &unit.end;
    let (name, class) = (escaped(end.unit.module.as_str()), escaped(end.unit.profile.as_str()));
    let (seconds, rest) = (end.milliseconds / 1000, end.milliseconds % 1000);
    let _ = write!(xml, "    <testcase name=\"{name}\" classname=\"{class}\" time=\"{seconds}.{rest:03}\"");
    let inside = inside(unit);
    let _ = match inside.as_str() {
        "" => writeln!(xml, "/>"),
        inside => writeln!(xml, ">\n{inside}    </testcase>"),
    };
}

/// What stands within a case.
fn inside(unit: &UnitReport) -> String {
    let (end, mut xml) = (&unit.end, String::new());
    let reason = end.reason.as_deref().unwrap_or("it was not begun");
    let line = escaped(end.reason_line().unwrap_or("it was not begun"));
    match end.outcome {
        UnitOutcome::Failed => {
            let (text, code) = (escaped(reason), end.code);
            let _ =
                writeln!(xml, "      <failure message=\"{line}\" type=\"exit code {code}\">{text}</failure>");
        }
        UnitOutcome::Skipped => {
            let _ = writeln!(xml, "      <skipped message=\"{line}\"/>");
        }
        UnitOutcome::Ok | UnitOutcome::Changes => {}
    }
    let mut out = Vec::new();
    if end.outcome == UnitOutcome::Changes {
        out.push(format!("changes (exit code {})", end.code));
    }
    if unit.lock_kept {
        out.push("the lock is kept".to_owned());
    }
    out.extend(end.log.iter().map(|log| format!("log: {log}")));
    if !out.is_empty() {
        let _ = writeln!(xml, "      <system-out>{}</system-out>", escaped(&out.join("\n")));
    }
    xml
}

/// A text as XML 1.0 may hold it, in content and in attributes: characters that it cannot hold at all
/// are shown as escapes.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            // In an attribute they would be read as spaces.
            '\n' | '\t' => drop(write!(out, "&#{};", u32::from(c))),
            '\u{20}'..='\u{7e}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'.. => {
                out.push(c)
            }
            c => out.extend(c.escape_unicode()),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::run_report::tests::{everything, report};
    use super::*;

    #[test]
    fn a_case_for_each_unit() {
        insta::assert_snapshot!(document(&report(&everything())));
    }

    /// What a reader of XML makes of an escaped text.
    fn read(mut text: &str) -> String {
        let mut out = String::new();
        while let Some(at) = text.find('&') {
            out.push_str(&text[..at]);
            let end = text[at..].find(';').expect("an entity ends") + at;
            out.push(match &text[at + 1..end] {
                "lt" => '<',
                "gt" => '>',
                "amp" => '&',
                "quot" => '"',
                "apos" => '\'',
                number => {
                    number.strip_prefix('#').and_then(|n| char::from_u32(n.parse().ok()?)).expect("known")
                }
            });
            text = &text[end + 1..];
        }
        out + text
    }

    proptest! {
        #[test]
        fn a_text_stays_a_text(text: String) {
            let written = escaped(&text);
            prop_assert!(!written.contains(['<', '>', '"', '\'', '\n']));
            let is_held = |c: char| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}');
            prop_assert!(written.chars().all(is_held));
            let shown: String = text.chars().map(|c| match c {
                '\n' | '\t' => c.to_string(),
                c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => c.escape_unicode().to_string(),
                c => c.to_string(),
            }).collect();
            prop_assert_eq!(read(&written), shown);
        }
    }
}
