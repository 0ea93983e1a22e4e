//! What a person reads when something went wrong: the error, why, and what to type next.
//!
//! Every match is exhaustive: a new error cannot be added without deciding what helps. Exit codes
//! come from `Error::exit_code`.

use std::ffi::OsString;
use std::path::Path;

use super::git_hints;
use super::mending;
use super::parse_hints::parse_hints;
use super::terminal::Terminal;
use crate::git::BaseError;
use crate::lock::{Extent, LockError, LockKey, LockState};
use crate::process::ProcessError;
use crate::project::UnitId;
use crate::render::RenderError;
use crate::report::{Level, ReportFileError};
use crate::workflow::{LockFate, OrderError, ParseError, PlanError, Report, UnitReport, parse};
use crate::{Error, ExitCode};

/// Prints an error that ended everything before a run began; gives its exit code.
/// `words` are the pipeline's, for commands to copy.
pub(super) fn print(error: &Error, words: &[OsString], terminal: Terminal) -> u8 {
    terminal.error(&chain(error));
    let unit = unit_of(error);
    for hint in hints(error, &Line { words, id: unit.as_ref(), ci: terminal.ci, recovery: None }) {
        terminal.hint(&hint);
    }
    error.exit_code()
}

/// The unit that an error is about, where no run says so.
fn unit_of(error: &Error) -> Option<UnitId> {
    match error {
        Error::Lock(LockError::Held { holder, .. } | LockError::ReasonMissing { holder, .. }) => {
            holder.unit.parse().ok()
        }
        _ => None,
    }
}

/// Prints an error of a subcommand, or of the command line's own doing around a pipeline.
pub(super) fn print_any(error: &anyhow::Error, terminal: Terminal) -> u8 {
    if let Some(error) = error.downcast_ref::<Error>() {
        return print(error, &[], terminal);
    }
    terminal.error(&format!("{error:#}"));
    match error.downcast_ref::<ReportFileError>() {
        Some(ReportFileError::Target { missing, .. }) => {
            if let Some(directory) = missing {
                terminal.hint(&format!("mkdir -p {}", parse::quote(directory.as_os_str())));
            }
            ExitCode::Usage.code()
        }
        Some(ReportFileError::Write { .. }) | None => ExitCode::Io.code(),
    }
}

/// So many failures of a run are explained in full; of more only the first is, for then it is one cause
/// in many places more often than not.
const EXPLAINED: usize = 3;

/// Prints what a run's user must know after it: nothing if it went well.
pub(super) fn print_report(report: &Report, words: &[OsString], terminal: Terminal) {
    // Of a failing tool that has said what went wrong there is nothing to add without a lock.
    let is_told = |unit: &&UnitReport| {
        let tool_only =
            matches!(unit.error, Some(Error::CommandFailed { .. })) && unit.lock == LockFate::Free;
        unit.error.is_some() && (!tool_only || terminal.level == Level::Verbose)
    };
    let told: Vec<&UnitReport> = report.units.iter().filter(is_told).collect();
    let explained = if told.len() > EXPLAINED { 1 } else { told.len() };
    let mut given = Vec::new();
    for unit in &told[..explained] {
        let Some(error) = &unit.error else { continue };
        let line = Line { words, id: Some(&unit.unit), ci: terminal.ci, recovery: unit.recovery.as_deref() };
        let mut text = mending::with_lock(&chain(error), unit);
        if report.units.len() > 1 && !text.contains(&unit.unit.to_string()) {
            text = format!("{}: {text}", unit.unit);
        }
        terminal.error(&text);
        for hint in hints(error, &line).into_iter().chain(lock_hints(error, unit, &line)) {
            // The same cause in many units is one thing to do.
            if !given.contains(&hint) {
                terminal.hint(&hint);
                given.push(hint);
            }
        }
    }
    counted(&told[explained..], terminal);
}

/// What is not explained is counted; the table of the run has a line for each.
fn counted(units: &[&UnitReport], terminal: Terminal) {
    if units.is_empty() {
        return;
    }
    let kept = units.iter().filter(|unit| unit.lock == LockFate::Kept).count();
    let locks = match kept {
        0 => String::new(),
        1 => "; one more lock is kept".to_owned(),
        _ => format!("; {kept} more locks are kept"),
    };
    terminal.error(&format!("{} more units failed, each has its line above{locks}", units.len()));
    if kept > 0 {
        terminal.hint("to see the locks: lockstep locks");
    }
}

/// The command line as far as it is known, for commands to copy.
struct Line<'a> {
    words: &'a [OsString],
    id: Option<&'a UnitId>,
    ci: bool,
    /// The line that goes on without running the command again.
    recovery: Option<&'a str>,
}

impl Line<'_> {
    fn unit(&self) -> String {
        self.id.map_or_else(|| "MODULE PROFILE".to_owned(), |id| format!("{} {}", id.module, id.profile))
    }

    fn command(&self, words: &str) -> String {
        format!("lockstep {words} -- {}", self.unit())
    }

    /// Whether it runs the stages of a workflow.
    fn has_stages(&self) -> bool {
        self.words.iter().any(|word| word == "create" || word == "delete")
    }

    fn again(&self) -> String {
        let words: Vec<String> = self.words.iter().map(|word| parse::quote(word)).collect();
        words.join(" ")
    }
}

/// An error with its causes, in one line.
pub(super) fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// How to go on when the lock stays.
fn lock_hints(error: &Error, unit: &UnitReport, line: &Line<'_>) -> Vec<String> {
    if unit.lock != LockFate::Kept {
        return Vec::new();
    }
    let give_up = format!("to give the lock up as things are: {}", line.command("unlock-any"));
    if let Some(left) = &unit.left {
        return vec![mending::wait_for(left), give_up];
    }
    if let (Some(recovery), false) = (line.recovery, matches!(error, Error::Push(_))) {
        let go_on = format!("the command has succeeded and need not run again; to go on: {recovery}");
        return vec![go_on, give_up];
    }
    match (error, line.has_stages()) {
        (Error::Push(_), _) => vec![give_up],
        // What is left of a staged workflow is less than the whole.
        (_, true) => {
            let go_on = line.command(&format!("{} --resume", line.again()));
            let from = line.command(&format!("{} --from STAGE", line.again()));
            let leave = format!("to go on with another stage, and leave out those before it: {from}");
            vec![format!("fix the cause, commit, and go on where it stopped: {go_on}"), leave, give_up]
        }
        (_, false) => {
            vec!["fix the cause, commit, and run the same again: the lock is still yours".to_owned(), give_up]
        }
    }
}

fn hints(error: &Error, line: &Line<'_>) -> Vec<String> {
    match error {
        Error::Parse(ParseError::NoUnit { better, .. }) => {
            vec![format!("lockstep {} -- {better}", line.again())]
        }
        Error::Parse(error) => parse_hints(error),
        Error::Order(error) => match error {
            OrderError::Twice { .. } => vec!["lockstep help steps".into()],
            OrderError::Wrong { .. } | OrderError::NothingToUnlock { .. } => {
                vec!["the usual order: build git-check lock exec git-push unlock-any".into()]
            }
            OrderError::NotFinally { .. } => vec!["put it into `steps`; `finally` takes commands".into()],
        },
        Error::Plan(error) => match error {
            PlanError::NothingToRun { module, profile } => {
                vec![format!("lockstep {} -- {module} {profile} PROGRAM [ARG]...", line.again())]
            }
            PlanError::ExecTwice => vec!["write other commands as words: `tofu:init`".into()],
            PlanError::NobodyTakes { .. } => vec![
                "put `exec` where they should run: lockstep build exec -- MODULE PROFILE PROGRAM [ARG]..."
                    .into(),
            ],
            PlanError::SeveralTake { .. } => {
                vec!["write the arguments into the command's word: `tofu:apply:-auto-approve`".into()]
            }
            PlanError::Option { .. } => vec!["lockstep --help".into()],
            PlanError::BuildAlone { option } => {
                vec![format!(
                    "lockstep build {option}{} -- MODULE PROFILE",
                    if *option == "--print" { " FILE" } else { "" }
                )]
            }
            PlanError::NeedsTakenDown { .. } => {
                vec!["name the units; what needs them: lockstep graph --reverse MODULE/PROFILE".into()]
            }
            PlanError::Formats { command, sources, .. } => {
                vec![format!("from the project's directory: {command} {}", parse::quote(sources.as_ref()))]
            }
            PlanError::NobodyToAsk { .. } => {
                vec!["say yes beforehand, as `tofu apply -auto-approve`; or one unit at a time: -j1".into()]
            }
            PlanError::TooMany { .. } => vec!["select fewer, or allow more with --max-units".into()],
            PlanError::SharedLock { .. } => {
                vec!["put `unlock` after `lock`, or name one unit at a time".into()]
            }
            PlanError::Needs { .. } => vec!["leave the step out, or: git remote add origin URL".into()],
        },
        Error::Stage(error) => vec![error.cure()],
        Error::Version(error) => vec![error.cure()],
        Error::Project(error) => error.hint().into_iter().collect(),
        Error::Render(error) => {
            let without = match error {
                RenderError::Unrenderable { units, .. } if !line.words.is_empty() => without(units),
                _ => None,
            };
            error.hint().into_iter().chain(without).collect()
        }
        Error::Scaffold(error) => error.hint().into_iter().collect(),
        Error::Check(refusal) => vec![refusal.cure()],
        Error::SavedPlan(refusal) => vec![refusal.cure()],
        Error::Git(error) | Error::Base(BaseError::Git(error)) => git_hints::of(error),
        Error::Base(error) => error.cure().into_iter().collect(),
        Error::Lock(error) => {
            let mut hints = held_hints(error, line);
            hints.extend(wait_hint(error, line));
            hints
        }
        Error::Push(error) => vec![error.cure(line.recovery)],
        Error::Process(error) => match error {
            ProcessError::NotFound { .. } => vec!["install it, or put its directory on PATH".into()],
            ProcessError::Loop { .. } => vec![
                "a wrapper: take it off PATH, or write it anew with `lockstep shim`, which lockstep tells from the tool".into(),
                "a hook: let it pass over refs/lockstep/*, which lockstep's own pushes move".into(),
            ],
            ProcessError::NotExecutable { program, .. } => vec![format!(
                "see whether it is a program and may be run: ls -l {}",
                parse::quote(program.as_ref())
            )],
            ProcessError::TooLarge { .. } => {
                vec!["hand it over in a file, and let the variable or argument name that".into()]
            }
            ProcessError::Directory { .. } => {
                vec![format!("put `build` before it: {} …", line.command(&format!("build {}", line.again())))]
            }
            ProcessError::Interrupted { .. } | ProcessError::Io { .. } => Vec::new(),
        },
        Error::TimedOut { .. } => {
            vec![
                "if it needs longer: `timeout` under [exec] or [tools.NAME], see docs/configuration.md"
                    .into(),
            ]
        }
        Error::Unproven { .. } => {
            vec![
                "look at what it has done; if its exit code tells: `interrupted = true` under [tools.NAME]"
                    .into(),
            ]
        }
        Error::CommandFailed { .. }
        | Error::Declined
        | Error::Interrupted(_)
        | Error::Stopped(_)
        | Error::Io { .. } => Vec::new(),
    }
}

/// How to go on without units of which nobody can tell whether they are affected.
fn without(units: &[UnitId]) -> Option<String> {
    let module = &units.first()?.module;
    Some(format!(
        "or go on without it: '*,!{module}' in the place of the module; to see what is affected: lockstep affected"
    ))
}

/// In CI nobody is there to try again.
fn wait_hint(error: &LockError, line: &Line<'_>) -> Option<String> {
    let held = matches!(error, LockError::Held { .. } | LockError::Contended { .. });
    (held && line.ci && !line.words.is_empty()).then(|| {
        let words = format!("--wait 30m {}", line.again());
        format!("to let the job wait until it is free: {} …", line.command(&words))
    })
}

fn held_hints(error: &LockError, line: &Line<'_>) -> Vec<String> {
    let holders = match error {
        // A key that several units share is given back with all that its holder took.
        LockError::Held { holder, .. } => holder.unit.parse().ok(),
        _ => None,
    };
    let line = &Line { id: holders.as_ref().or(line.id), ..*line };
    let thaw = |key: &LockKey| match Extent::of_key(key) {
        Some(extent) => format!("lockstep thaw {extent}"),
        None => format!("lockstep locks show {key}"),
    };
    match error {
        LockError::Held { key, holder, .. } if holder.state == LockState::Frozen => {
            vec![format!("when the reason is gone: {}", thaw(key))]
        }
        LockError::Held { why, holder, .. } if why.is_empty() && holder.state == LockState::Failed => vec![format!(
            "its owner can go on from there; to take it from him: {}",
            line.command("unlock-any --reason TEXT")
        )],
        LockError::Held { why, .. } if why.is_empty() => {
            vec![format!("wait, or if that run is dead: {}", line.command("unlock-any --reason TEXT"))]
        }
        LockError::Held { lives: false, .. } => {
            vec![format!("make sure that it has ended, then: {}", line.command("unlock-any"))]
        }
        LockError::Held { .. } => vec![
            "once it has ended, run the same again: the lock is still yours".to_owned(),
            format!("to give up what it has left unfinished: {}", line.command("unlock-any")),
        ],
        LockError::Generation { key, .. } => vec![format!("see what happened since: lockstep log {key}")],
        LockError::Contended { .. } => vec!["run the same again".into()],
        LockError::Lost { key, .. } => vec![format!("see who took it and why, before you go on: lockstep log {key}")],
        LockError::BranchMoved { .. } => vec!["git pull --rebase".into()],
        LockError::Stale { shallow: true, .. } => vec!["git fetch --unshallow".into()],
        LockError::Stale { branch: Some(branch), .. } => vec![
            format!("bring it in: git fetch && git rebase {}", parse::quote(branch.as_ref())),
            "if the history was rewritten on purpose, add --accept-rewrite".into(),
        ],
        LockError::Stale { .. } => vec![
            "no branch here has it: git fetch --all, or ask who applied it to push it".into(),
            "if it was merged as another commit, or the history was rewritten on purpose, add --accept-rewrite".into(),
        ],
        LockError::NotInEffect { rendered: false, .. } => {
            vec![format!("put `build` before it: {}", line.command(&format!("build {}", line.again())))]
        }
        LockError::NotInEffect { left, .. } => {
            let program = left.program.as_deref().unwrap_or("PROGRAM");
            // What may be a secret no record tells.
            let rest = left.subcommand.as_deref().map_or("…".into(), |word| parse::quote(word.as_ref()));
            vec![
                format!(
                    "{} {} {rest}",
                    line.command("build git-check lock exec git-push unlock-any"),
                    parse::quote(program.as_ref())
                ),
                format!("to give the lock up as things are: {}", line.command("unlock-any")),
            ]
        }
        LockError::ReasonMissing { key, holder } if holder.state == LockState::Frozen => {
            vec![format!("to end a freeze: {}", thaw(key)), line.command("unlock-any --reason TEXT")]
        }
        LockError::ReasonMissing { .. } => vec![line.command("unlock-any --reason TEXT")],
        LockError::Unreachable { .. } if error.is_about_aws() => {
            vec!["see whether this machine reaches it: network, VPN, proxy, `region` and `endpoint_url` under [lock.dynamodb]".into()]
        }
        LockError::Unreachable { place, .. } if Path::new(place).is_absolute() => {
            vec![format!("see whether you may write there: ls -ld {}", parse::quote(place.as_ref()))]
        }
        LockError::Unreachable { message, .. } if git_hints::asks(message) => vec![git_hints::REMEMBER.into()],
        LockError::Unreachable { .. } => vec!["see whether git reaches it: git ls-remote".into()],
        LockError::Ambiguous { .. } if line.recovery.is_some() => Vec::new(),
        LockError::Ambiguous { .. } => vec!["run the same again: it looks first".into()],
        // git's own words decide no more than the advice.
        LockError::Denied { message, .. } if message.contains(".lock': File exists") => {
            vec!["a git process died on the server: when none works there any more, remove the file that it names".into()]
        }
        LockError::Denied { message, .. } if message.contains("No space left on device") => {
            vec!["make room on the server, then run the same again".into()]
        }
        LockError::Denied { message, .. } if message.contains("unpack") => {
            vec!["the server could not store what was sent: see whether its repository may be written (permissions, read-only, quota)".into()]
        }
        LockError::Denied { .. } => vec![
            "if its hook judges commits: `committer = \"NAME <MAIL>\"`, `message_prefix = \"TEXT\"` or `sign = true` under [lock.git] in lockstep.toml".into(),
            "if it judges refs: it must accept pushes to the one named here, or set another `prefix` there: see docs/locks.md".into(),
        ],
        LockError::Hidden { .. } => vec!["the server must show these refs to everybody who may push; to see whether it does: lockstep doctor --probe".into()],
        LockError::Gone { at, .. } => mending::gone(at),
        LockError::Record { mend, .. } | LockError::Damaged { mend, .. } => mending::hints(mend),
        LockError::Config(_) | LockError::Io { .. } => Vec::new(),
        LockError::Dynamo(error) => error.cure().into_iter().collect(),
        LockError::Git(error) => git_hints::of(error),
    }
}
