//! Fetching the refs that a run needs, into names of ours, so that neither the user's own tracking
//! refs nor `FETCH_HEAD` change and his fetches do not get in the way.

use std::path::Path;

use super::spawn::{Git, Hooks, Ran};
use super::ssh::Shared;
use super::{GitError, left_locked};

/// How a fetch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// Everything is here.
    Done,
    /// A ref that was named is not on the remote; nothing was fetched.
    MissingRef,
}

/// Fetches `refspecs`; those with a pattern also lose what the remote no longer has.
pub(super) fn fetch(
    git: &Git,
    ssh: Option<&Shared>,
    common_dir: &Path,
    remote: &str,
    refspecs: &[String],
) -> Result<Fetched, GitError> {
    left_locked::unlocked(common_dir, git.interrupts(), || once(git, ssh, common_dir, remote, refspecs))
}

fn once(
    git: &Git,
    ssh: Option<&Shared>,
    common_dir: &Path,
    remote: &str,
    refspecs: &[String],
) -> Result<Fetched, GitError> {
    let run = || run(git, ssh, common_dir, remote, refspecs);
    let first = run()?;
    if first.code == Some(0) {
        return Ok(Fetched::Done);
    }
    let GitError::Failed { message, .. } = git.failure("fetch", &first) else {
        return Err(git.failure("fetch", &first));
    };
    // What went wrong is not read from the text: the remote is asked what it has.
    let named: Vec<&str> =
        refspecs.iter().map(|spec| source(spec)).filter(|name| !name.contains('*')).collect();
    let mut ask = vec!["ls-remote", "--quiet", "--refs", "--", remote];
    ask.extend(&named);
    let asked = git.run_over(ssh, &ask, &[])?;
    if asked.code != Some(0) {
        return Err(match git.failure("ls-remote", &asked) {
            GitError::Failed { .. } => GitError::Unreachable { remote: remote.to_owned(), message },
            other => other,
        });
    }
    let there = String::from_utf8_lossy(&asked.stdout);
    let has = |name: &&str| there.lines().any(|line| line.split_once('\t').is_some_and(|(_, n)| n == *name));
    if !named.iter().all(has) {
        return Ok(Fetched::MissingRef);
    }
    // The remote is well: a passing failure, or another run of ours that held one of the refs.
    let second = run()?;
    match git.failure("fetch", &second) {
        _ if second.code == Some(0) => Ok(Fetched::Done),
        // Nothing is wrong with what was asked for.
        GitError::Failed { message, .. } if second.signal.is_some() => {
            Err(GitError::Unreachable { remote: remote.to_owned(), message })
        }
        error => Err(error),
    }
}

fn run(
    git: &Git,
    ssh: Option<&Shared>,
    common_dir: &Path,
    remote: &str,
    refspecs: &[String],
) -> Result<Ran, GitError> {
    let mut args = vec![
        "fetch",
        "--quiet",
        "--no-tags",
        "--prune",
        "--no-write-fetch-head",
        "--no-recurse-submodules",
        "--no-auto-maintenance",
        // Only the refspecs that follow, not the remote's configured ones.
        "--refmap=",
        "--",
        remote,
    ];
    args.extend(refspecs.iter().map(String::as_str));
    git.run_keeping(left_locked::fetching(common_dir), Hooks::Off, ssh, &args, &[])
}

/// The remote's side of a refspec.
fn source(refspec: &str) -> &str {
    let spec = refspec.strip_prefix('+').unwrap_or(refspec);
    spec.split_once(':').map_or(spec, |(source, _)| source)
}
