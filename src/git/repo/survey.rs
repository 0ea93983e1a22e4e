//! Looking a repository and its surroundings over: which git this is, what is ignored, whether the
//! remote would take a ref. Nothing here is part of a run.

use std::path::Path;

use super::Repo;
use crate::env::Environment;
use crate::git::push::{Expect, Push, PushEnd, RefUpdate, lacks_atomic};
use crate::git::spawn::{Git, OLDEST, version};
use crate::git::text::clean;
use crate::git::{GitError, Oid};
use crate::process::Interrupts;

/// The `git` program that is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// What it calls itself: `git version 2.47.3`.
    pub says: String,
    /// Whether it knows every option that is used here; false as well if it cannot be told.
    pub enough: bool,
    /// The oldest version that does: `2.31`.
    pub needed: String,
}

/// The `git` program that is found.
///
/// # Errors
/// When there is none, or it cannot be run.
pub fn installed(env: &Environment, interrupts: &Interrupts) -> Result<Installed, GitError> {
    let git = Git::new(env, Path::new("/"), interrupts);
    let said = git.read(&["version"])?;
    let said = String::from_utf8_lossy(&said).trim().to_owned();
    Ok(Installed {
        enough: version(&said).is_some_and(|found| found >= OLDEST),
        says: clean(said.as_bytes()),
        needed: format!("{}.{}", OLDEST.0, OLDEST.1),
    })
}

/// What a remote made of a ref that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeEnd {
    /// It takes such refs.
    Taken,
    /// It takes them, and does not show them to who fetches.
    Hidden,
    /// It does not, in these words, cleaned.
    Refused(String),
    /// It took the ref and does not let it go again: its full name there, and why.
    Left(String, String),
}

impl Repo {
    /// Whether git ignores a path, which need not exist; relative to the top of the working tree.
    ///
    /// # Errors
    /// When git cannot be asked.
    pub fn is_ignored(&self, path: &Path) -> Result<bool, GitError> {
        let path = Path::new(".").join(path);
        let args = ["check-ignore", "--quiet", "--"].map(AsRef::<std::ffi::OsStr>::as_ref);
        let args: Vec<&std::ffi::OsStr> = args.into_iter().chain([path.as_os_str()]).collect();
        Ok(self.0.git.ask(&args)?.is_some())
    }

    /// Asks a remote whether it answers; nothing is fetched.
    ///
    /// # Errors
    /// [`GitError::Unreachable`] if it does not.
    pub fn reach(&self, remote: &str) -> Result<(), GitError> {
        let ran = self.0.git.run(&["ls-remote", "--quiet", "--", remote, "HEAD"], &[])?;
        match self.0.git.failure("ls-remote", &ran) {
            _ if ran.code == Some(0) => Ok(()),
            GitError::Failed { message, .. } => {
                Err(GitError::Unreachable { remote: remote.to_owned(), message })
            }
            other => Err(other),
        }
    }

    /// Goes as far with a push of `commit` to a new ref `name` as git goes without sending anything:
    /// that proves that the remote lets one connect for pushing, and nothing about its hooks.
    ///
    /// # Errors
    /// [`GitError::Unreachable`] if the remote does not answer.
    pub fn rehearse_push(&self, remote: &str, name: &str, commit: &Oid) -> Result<ProbeEnd, GitError> {
        let refspec = format!("{commit}:{name}");
        let args = [
            "push",
            "--dry-run",
            "--atomic",
            "--porcelain",
            "--no-verify",
            "--no-follow-tags",
            "--no-signed",
        ];
        let args = args.into_iter().chain(["--recurse-submodules=no", "--", remote, &refspec]);
        let ran = self.0.git.run(&args.collect::<Vec<_>>(), &[])?;
        self.push_end(remote, &ran)
    }

    /// Makes the ref `name` on a remote, looks for it as a fetch would, and deletes it again, each only if
    /// nobody else touched it.
    ///
    /// # Errors
    /// [`GitError::Unreachable`] if the remote does not answer.
    pub fn probe_push(&self, remote: &str, name: &str, commit: &Oid) -> Result<ProbeEnd, GitError> {
        let update =
            RefUpdate { source: commit.clone(), target: name.to_owned(), lease: Some(Expect::Absent) };
        let push = Push { remote: remote.to_owned(), updates: vec![update], hook: false };
        let pushed = self.push(&push)?;
        match pushed.end {
            PushEnd::Complete => {}
            PushEnd::Refused => {
                let said = pushed.results.into_iter().map(|result| result.message);
                return Ok(ProbeEnd::Refused(
                    said.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; "),
                ));
            }
            PushEnd::HookRefused => return Ok(ProbeEnd::Refused(pushed.said)),
            PushEnd::Broken { message } => return Ok(ProbeEnd::Left(name.to_owned(), message)),
        }
        let seen = self.0.git.run(&["ls-remote", "--quiet", "--refs", "--", remote, name], &[])?;
        let shown = String::from_utf8_lossy(&seen.stdout).lines().any(|line| {
            line.split_once('\t').is_some_and(|(oid, there)| oid == commit.as_str() && there == name)
        });
        let lease = format!("--force-with-lease={name}:{commit}");
        let delete = format!(":{name}");
        let args = ["push", "--porcelain", "--no-verify", "--no-signed", &lease, "--", remote, &delete];
        let ran = self.0.git.run(&args, &[])?;
        Ok(match ran.code {
            Some(0) if seen.code == Some(0) && !shown => ProbeEnd::Hidden,
            Some(0) => ProbeEnd::Taken,
            _ => ProbeEnd::Left(name.to_owned(), clean(&ran.stderr)),
        })
    }

    fn push_end(&self, remote: &str, ran: &crate::git::spawn::Ran) -> Result<ProbeEnd, GitError> {
        let refused = ran.stdout.split(|b| *b == b'\n').any(|line| line.starts_with(b"!\t"));
        match self.0.git.failure("push", ran) {
            _ if ran.code == Some(0) => Ok(ProbeEnd::Taken),
            _ if lacks_atomic(ran) => Err(GitError::NotAtomic { remote: remote.to_owned() }),
            GitError::Failed { message, .. } if refused => Ok(ProbeEnd::Refused(message)),
            GitError::Failed { message, .. } => {
                Err(GitError::Unreachable { remote: remote.to_owned(), message })
            }
            other => Err(other),
        }
    }
}
