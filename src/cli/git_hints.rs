//! What to type after an error of git's.

use crate::git::{GitError, arguments};
use crate::workflow::parse::quote;

/// Where nobody can be asked for a password.
pub(super) const REMEMBER: &str = "nobody can be asked for a password here; let git remember it: git config credential.helper cache && git ls-remote origin HEAD";

/// Whether git wanted to ask somebody. Its words decide no more than the advice.
pub(super) fn asks(message: &str) -> bool {
    message.contains("terminal prompts disabled")
}

/// What to do about an error of git's.
pub(super) fn of(error: &GitError) -> Vec<String> {
    match error {
        GitError::NoRepository { .. } => vec!["git init && git add -A && git commit".into()],
        GitError::Unreachable { message, .. } if asks(message) => vec![REMEMBER.into()],
        GitError::Unreachable { remote, .. } => {
            vec![format!("see whether git reaches it: git ls-remote {}", arguments(remote, ["HEAD"]))]
        }
        GitError::NotAtomic { .. } => vec!["its host must allow it (git's `receive.advertiseAtomic`), or keep the locks elsewhere: `remote` under [lock.git], or DynamoDB, see docs/locks.md".into()],
        GitError::NoPushOptions { .. } => vec!["its host must allow them (git's `receive.advertisePushOptions`), or send none from here: git config push.pushOption ''".into()],
        GitError::Owner { path } => {
            vec![format!("if you trust it: git config --global --add safe.directory {}", quote(path.as_ref()))]
        }
        GitError::Locked { path, .. } => {
            vec![format!("if no git runs in this clone any more: rm {}", quote(path.as_ref()))]
        }
        GitError::Program(_) | GitError::Config(_) | GitError::Failed { .. } => Vec::new(),
        GitError::Interrupted { .. } | GitError::Repository { .. } => Vec::new(),
    }
}
