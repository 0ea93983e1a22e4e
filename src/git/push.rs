//! Pushing: one atomic act over several refs, each with a lease, and what became of each of them.
//!
//! Results are classified by exit code and porcelain flag; the text in parentheses differs between
//! servers and is for people only. An end that leaves it open whether the remote changed something
//! is never reported as a refusal.

use std::ffi::OsStr;

use super::spawn::{Git, Hooks, Ran};
use super::ssh::Shared;
use super::text::{bounded, clean, lines, without_credentials};
use super::trace::{self, Told, Trace};
use super::{GitError, Oid};

/// A push of several refs, all or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// The remote's name, one that `check_remote` let through.
    pub remote: String,
    /// What goes where.
    pub updates: Vec<RefUpdate>,
    /// Run the user's pre-push hook and send his push options; else neither.
    pub hook: bool,
}

/// One ref's part of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefUpdate {
    /// The commit that it shall point to.
    pub source: Oid,
    /// Full name on the remote.
    pub target: String,
    /// What the ref must be now. With a lease git lets a ref move in any direction; without one
    /// it must move forward.
    pub lease: Option<Expect>,
}

/// What a ref must be for a push to go through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// It must not exist.
    Absent,
    /// It must point to this.
    At(Oid),
}

/// What became of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// One result for each ref that git reported for certain, in no promised order.
    pub results: Vec<RefResult>,
    /// How it ended as a whole.
    pub end: PushEnd,
    /// What git, the hook and the server said, cleaned; for people.
    pub said: String,
}

/// How a push ended as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushEnd {
    /// Everything was done or was so already.
    Complete,
    /// At least one ref was refused. The others were not changed either, but for servers that do
    /// not keep `--atomic`: a ref that they hide is refused alone. Their results say so.
    Refused,
    /// The user's pre-push hook said no; nothing was sent.
    HookRefused,
    /// It broke off, and whether the remote changed something is not known. Results that are there
    /// all the same were reported by the remote before it broke off, and hold.
    Broken {
        /// What git said, cleaned.
        message: String,
    },
}

/// What became of one ref.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefResult {
    /// Full name on the remote.
    pub target: String,
    /// What git made of it.
    pub flag: PushFlag,
    /// The reason in parentheses, cleaned; for people only.
    pub message: String,
}

/// git's verdict on one ref.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushFlag {
    /// Created.
    New,
    /// Moved forward.
    FastForward,
    /// Moved, and not forward.
    Forced,
    /// It was there already.
    UpToDate,
    /// Deleted.
    Deleted,
    /// Lost before anything was sent: the remote advertised something else.
    RejectedLocally,
    /// The remote said no: a hook, a rule, a name that clashes, or somebody was faster.
    RejectedRemotely,
}

/// The arguments of a push.
fn arguments(push: &Push) -> Vec<String> {
    let mut args: Vec<String> = Vec::new();
    if !push.hook {
        // An empty value takes back the user's options, which are meant for his branches.
        args.extend(["-c", "push.pushOption="].map(String::from));
    }
    args.push("push".to_owned());
    // A branch alone is all or nothing by itself, and some servers know nothing else.
    if push.updates.len() > 1 || push.updates.iter().any(|update| update.lease.is_some()) {
        args.push("--atomic".to_owned());
    }
    args.push("--porcelain".to_owned());
    if !push.hook {
        args.push("--no-verify".to_owned());
    }
    args.extend(["--no-follow-tags", "--no-signed", "--recurse-submodules=no"].map(String::from));
    for update in &push.updates {
        match &update.lease {
            None => {}
            Some(Expect::Absent) => args.push(format!("--force-with-lease={}:", update.target)),
            Some(Expect::At(oid)) => args.push(format!("--force-with-lease={}:{oid}", update.target)),
        }
    }
    args.push("--".to_owned());
    args.push(push.remote.clone());
    args.extend(push.updates.iter().map(|update| format!("{}:{}", update.source, update.target)));
    args
}

/// Pushes.
pub(super) fn push(
    git: &Git,
    ssh: Option<&Shared>,
    common_dir: &std::path::Path,
    push: &Push,
) -> Result<(Pushed, Vec<String>), GitError> {
    let trace = Trace::new(common_dir);
    let extra: Vec<(&str, &OsStr)> = trace.iter().map(|t| (trace::VARIABLE, t.path())).collect();
    let hooks = if push.hook { Hooks::On } else { Hooks::Off };
    let ran = git.run_with(hooks, ssh, &arguments(push), &extra)?;
    // The trace is needed only to tell apart the ways of failing.
    let told = || trace.as_ref().map_or_else(Told::default, Trace::read);
    let pushed = conclude(git, push, &ran, told)?;
    let said = if push.hook && pushed.end == PushEnd::Complete { lines(&ran.stderr) } else { Vec::new() };
    Ok((pushed, said))
}

fn conclude(git: &Git, push: &Push, ran: &Ran, told: impl FnOnce() -> Told) -> Result<Pushed, GitError> {
    let report = Report::parse(&ran.stdout);
    let said = if ran.stderr.is_empty() { String::new() } else { clean(&ran.stderr) };
    // Fails closed: success is what git says of each ref, not the exit code alone.
    let all = push.updates.iter().all(|update| report.results.iter().any(|r| r.target == update.target));
    // A hook of this clone that refuses the tracking ref ends git when the remote has reported everything.
    let ended_well = ran.code == Some(0) || gave_up(ran, "ref updates aborted by hook");
    let end = if ended_well && all && !report.open && !report.refused {
        PushEnd::Complete
    } else if report.refused && !report.open && ran.signal.is_none() {
        PushEnd::Refused
    } else {
        let told = told();
        if told.hook_refused && !ran.interrupted {
            PushEnd::HookRefused
        } else if report.results.is_empty() && lacks_atomic(ran) {
            return Err(GitError::NotAtomic { remote: push.remote.clone() });
        } else if report.results.is_empty() && lacks_options(ran) {
            return Err(GitError::NoPushOptions { remote: push.remote.clone() });
        } else if told.nothing_sent && report.results.is_empty() {
            return Err(match git.failure("push", ran) {
                // Connecting is all that git does before it sends; 128 is how it gives up.
                GitError::Failed { message, .. } if ran.code == Some(128) || ran.signal.is_some() => {
                    GitError::Unreachable { remote: push.remote.clone(), message }
                }
                other => other,
            });
        } else {
            let message = match ran.signal {
                Some(signal) => format!("git was killed by signal {signal}"),
                None => clean(&ran.stderr),
            };
            PushEnd::Broken { message }
        }
    };
    Ok(Pushed { results: report.results, end, said })
}

/// Whether git gave up before it sent anything, because the server does not offer atomic pushes. These are
/// the words of git here, not of the server, whose own come after `remote: `.
pub(super) fn lacks_atomic(ran: &Ran) -> bool {
    gave_up(ran, "the receiving end does not support --atomic push")
}

/// Whether git gave up before it sent anything, because the server takes no push options.
fn lacks_options(ran: &Ran) -> bool {
    gave_up(ran, "the receiving end does not support push options")
}

/// Whether a push would be refused for good because of the options that the user's configuration sends with
/// it. Nothing is sent; whatever else would stand in its way is found out by the push.
pub(super) fn refuses_options(git: &Git, ssh: Option<&Shared>, push: &Push) -> Result<bool, GitError> {
    let mut args = arguments(&Push { hook: true, ..push.clone() });
    args.splice(1..1, ["--dry-run", "--no-verify"].map(String::from));
    let ran = git.run_over(ssh, &args, &[])?;
    Ok(lacks_options(&ran))
}

fn gave_up(ran: &Ran, said: &str) -> bool {
    ran.code != Some(0)
        && ran.stderr.split(|b| *b == b'\n').any(|line| {
            let line = line.trim_ascii();
            line.strip_prefix(b"fatal: ").unwrap_or(line) == said.as_bytes()
        })
}

/// The lines of `git push --porcelain`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Report {
    results: Vec<RefResult>,
    /// A ref was refused.
    refused: bool,
    /// A line leaves it open what became of a ref.
    open: bool,
}

impl Report {
    /// Parses `FLAG TAB FROM:TO TAB SUMMARY[ (REASON)]`; other lines (`To …`, `Done`) are passed over.
    fn parse(stdout: &[u8]) -> Self {
        let mut report = Self::default();
        for line in stdout.split(|b| *b == b'\n') {
            let &[flag, b'\t', ref rest @ ..] = line else { continue };
            let rest = String::from_utf8_lossy(rest);
            let Some((refs, summary)) = rest.split_once('\t') else { continue };
            let Some((_, target)) = refs.rsplit_once(':') else { continue };
            let flag = match flag {
                b'*' => PushFlag::New,
                b' ' => PushFlag::FastForward,
                b'+' => PushFlag::Forced,
                b'=' => PushFlag::UpToDate,
                b'-' => PushFlag::Deleted,
                b'!' if summary.starts_with("[rejected]") || summary.starts_with("[no match]") => {
                    PushFlag::RejectedLocally
                }
                b'!' if summary.starts_with("[remote rejected]") => PushFlag::RejectedRemotely,
                // `[remote failure]`: the remote ended before it reported on this ref.
                _ => {
                    report.open = true;
                    continue;
                }
            };
            report.refused |= matches!(flag, PushFlag::RejectedLocally | PushFlag::RejectedRemotely);
            let message = reason(summary);
            report.results.push(RefResult { target: target.to_owned(), flag, message });
        }
        report
    }
}

/// The text in the outer parentheses, else nothing.
fn reason(summary: &str) -> String {
    let inner = summary.split_once(" (").and_then(|(_, rest)| rest.trim_end().strip_suffix(')'));
    inner.map(|text| bounded(&without_credentials(text))).unwrap_or_default()
}

#[cfg(test)]
#[path = "push_tests.rs"]
mod tests;
