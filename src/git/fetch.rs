//! Fetching the refs that a run needs, into names of ours, so that neither the user's own tracking
//! refs nor `FETCH_HEAD` change and his fetches do not get in the way.

use super::GitError;
use super::spawn::{Git, Ran};
use super::ssh::Shared;
use super::text::clean;

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
    remote: &str,
    refspecs: &[String],
) -> Result<Fetched, GitError> {
    let first = run(git, ssh, remote, refspecs)?;
    if first.code == Some(0) {
        return Ok(Fetched::Done);
    }
    if let error @ (GitError::Interrupted { .. } | GitError::Program(_)) = git.failure("fetch", &first) {
        return Err(error);
    }
    // What went wrong is not read from the text: the remote is asked what it has.
    let named: Vec<&str> =
        refspecs.iter().map(|spec| source(spec)).filter(|name| !name.contains('*')).collect();
    let mut ask = vec!["ls-remote", "--quiet", "--refs", "--", remote];
    ask.extend(&named);
    let asked = git.run_over(ssh, &ask, &[])?;
    if asked.code != Some(0) {
        return Err(match git.failure("ls-remote", &asked) {
            GitError::Failed { .. } => {
                GitError::Unreachable { remote: remote.to_owned(), message: clean(&first.stderr) }
            }
            other => other,
        });
    }
    let there = String::from_utf8_lossy(&asked.stdout);
    let has = |name: &&str| there.lines().any(|line| line.split_once('\t').is_some_and(|(_, n)| n == *name));
    if !named.iter().all(has) {
        return Ok(Fetched::MissingRef);
    }
    // The remote is well: a passing failure, or another run of ours that held one of the refs.
    let second = run(git, ssh, remote, refspecs)?;
    if second.code == Some(0) { Ok(Fetched::Done) } else { Err(git.failure("fetch", &second)) }
}

fn run(git: &Git, ssh: Option<&Shared>, remote: &str, refspecs: &[String]) -> Result<Ran, GitError> {
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
    git.run_over(ssh, &args, &[])
}

/// The remote's side of a refspec.
fn source(refspec: &str) -> &str {
    let spec = refspec.strip_prefix('+').unwrap_or(refspec);
    spec.split_once(':').map_or(spec, |(source, _)| source)
}
