//! `lockstep doctor`: the report of every check, each finding with what mends it.

use clap::Args;

use super::terminal::Terminal;
use crate::ExitCode;
use crate::doctor::{Finding, Options, Severity, examine};
use crate::env::Environment;
use crate::project::toml_text;
use crate::report::Level;

/// What `doctor` takes.
#[derive(Args, Debug)]
pub(super) struct DoctorArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Speak to no remote
    #[arg(long, conflicts_with = "probe")]
    pub offline: bool,
    /// Make a ref beside the lock refs on the remote and delete it again: only that proves that locks work
    #[arg(long)]
    pub probe: bool,
}

/// Prints the report; 1 if there is a problem.
pub(super) fn run(args: &DoctorArgs, env: &Environment, terminal: Terminal) -> anyhow::Result<u8> {
    let options = Options { offline: args.offline, probe: args.probe };
    let findings = examine(env.cwd(), env, &options);
    if args.json {
        terminal.json(&format!("{:#}", serde_json::to_value(&findings)?))?;
    } else {
        let wanted = |finding: &&Finding| match terminal.level {
            Level::Quiet => matches!(finding.severity, Severity::Problem | Severity::Warning),
            _ => true,
        };
        let text: String =
            findings.iter().filter(wanted).map(|finding| line(finding, terminal.color_data)).collect();
        if !text.is_empty() {
            terminal.page(&text)?;
        }
    }
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let problems = count(Severity::Problem);
    if !args.json && terminal.level != Level::Quiet {
        terminal.say(&summary(problems, count(Severity::Warning)));
    }
    Ok(if problems == 0 { ExitCode::Success } else { ExitCode::Found }.code())
}

fn summary(problems: usize, warnings: usize) -> String {
    let counted = |count: usize, what: &str| match count {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    };
    format!("{}, {}", counted(problems, "problem"), counted(warnings, "warning"))
}

/// `warning  git.upstream    …`, and below it what mends it.
fn line(finding: &Finding, color: bool) -> String {
    let word = finding.severity.word();
    let color = match finding.severity {
        _ if !color => None,
        Severity::Ok => Some("32"),
        Severity::Warning => Some("33"),
        Severity::Problem => Some("31"),
        Severity::Skipped => Some("2"),
    };
    let padded = format!("{word:<7}");
    let word = color.map_or_else(|| padded.clone(), |color| format!("\x1b[{color}m{padded}\x1b[0m"));
    let message = match &finding.subject {
        Some(subject) if !finding.message.contains(subject.as_str()) => {
            format!("{subject}: {}", finding.message)
        }
        _ => finding.message.clone(),
    };
    let mut text = format!("{word}  {:<14}  {}\n", finding.id, toml_text::escaped(&message));
    if let Some(cure) = &finding.cure {
        text.push_str(&format!("{:25}-> {}\n", "", toml_text::escaped(cure)));
    }
    text
}
