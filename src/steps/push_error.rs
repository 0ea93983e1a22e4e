//! Why `git-push` did not push. The commit is not on the remote, and a lock that the run holds is kept.

use crate::git::{CheckRefusal, Oid, arguments};
use crate::project::UnitId;

/// Why a branch was not pushed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// There is nothing to push to.
    #[error("this repository has no remote to push to")]
    NoRemote,
    /// The branch is not known on the remote.
    #[error("branch `{branch}` has no upstream to push to")]
    NoUpstream {
        /// The local branch.
        branch: String,
    },
    /// HEAD is no branch, and nothing says which one it stands for.
    #[error("HEAD is detached and no branch is named to push to")]
    Detached,
    /// There is no commit yet.
    #[error("there is no commit to push")]
    NoCommit,
    /// Another branch was checked out since git-check.
    #[error("git-check saw {checked}, and now {now} is checked out")]
    BranchSwitched {
        /// What git-check saw.
        checked: String,
        /// What is there now.
        now: String,
    },
    /// HEAD is not what git-check saw, nor does it build on it.
    #[error("HEAD is now {}, which does not contain {}, the commit that git-check saw", .now.short(), .checked.short())]
    NotChecked {
        /// What git-check saw.
        checked: Oid,
        /// What is there now.
        now: Oid,
    },
    /// Somebody else has pushed.
    #[error("branch `{branch}` moved on the remote, and this push would not be a step forward")]
    Moved {
        /// Full ref name.
        branch: String,
    },
    /// The remote refuses.
    #[error("the remote refused to move `{branch}`: {message}")]
    Denied {
        /// Full ref name.
        branch: String,
        /// Its words, cleaned.
        message: String,
    },
    /// The lock of another unit of the run was taken away, and the commit is that unit's too.
    #[error("the lock of `{unit}` was taken from this run, and so was the commit that both have applied")]
    Evicted {
        /// The unit that lost its lock.
        unit: UnitId,
    },
    /// The user guards submodules, and one of them is not pushed.
    #[error("{refusal} (push.recurseSubmodules)")]
    Submodule {
        /// Which, and where it is.
        refusal: CheckRefusal,
    },
    /// The user's own hook said no.
    #[error("the pre-push hook refused to push `{branch}`: {message}")]
    Hook {
        /// Full ref name.
        branch: String,
        /// Its words, cleaned.
        message: String,
    },
}

impl PushError {
    /// A command to copy that gets the user further. `recovery` is the line that goes on without running the
    /// command again, where it is known that this has succeeded.
    pub fn cure(&self, recovery: Option<&str>) -> String {
        let again = match recovery {
            Some(line) => format!("`{line}`"),
            // Nobody but this run knows, and it ends here.
            None => "run the same again, with the command".to_owned(),
        };
        match self {
            Self::NoRemote => "git remote add origin URL".to_owned(),
            Self::NoUpstream { branch } => format!("git push -u {}", arguments("origin", [branch.as_str()])),
            Self::Detached => "name the branch with `--branch NAME`".to_owned(),
            Self::NoCommit => "git add -A && git commit".to_owned(),
            Self::BranchSwitched { checked, .. } => format!("go back to {checked}, then {again}"),
            Self::NotChecked { checked, .. } => format!("git log --oneline HEAD...{}", checked.short()),
            Self::Evicted { unit } => {
                format!("see who took it and why: lockstep log {unit}; then {again}, from what was agreed on")
            }
            Self::Submodule { refusal } => format!("{}, then {again}", refusal.cure()),
            Self::Moved { .. } => match recovery {
                Some(line) => format!("git pull --rebase && {line}"),
                None => format!("git pull --rebase, then {again}"),
            },
            Self::Denied { .. } | Self::Hook { .. } => format!("fix what it says, then {again}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_known_success_need_not_run_again() {
        let moved = PushError::Moved { branch: "refs/heads/main".into() };
        let line = "lockstep build git-check lock git-push unlock -- alpha prod";
        assert_eq!(moved.cure(Some(line)), format!("git pull --rebase && {line}"));
        assert_eq!(moved.cure(None), "git pull --rebase, then run the same again, with the command");
        let hook = PushError::Hook { branch: "refs/heads/main".into(), message: "no".into() };
        assert_eq!(hook.cure(Some(line)), format!("fix what it says, then `{line}`"));
        assert_eq!(hook.cure(None), "fix what it says, then run the same again, with the command");
    }
}
