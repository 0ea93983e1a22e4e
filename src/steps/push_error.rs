//! Why `git-push` did not push. The commit is not on the remote, and a lock that the run holds is kept.

use crate::git::Oid;
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
    /// A command to copy that gets the user further; a workflow of stages is rendered by its stages.
    pub fn cure(&self, unit: &UnitId, of_stages: bool) -> String {
        let build = if of_stages { "" } else { "build " };
        let UnitId { module, profile } = unit;
        let again = format!("lockstep {build}git-check lock git-push unlock -- {module} {profile}");
        match self {
            Self::NoRemote => "git remote add origin URL".to_owned(),
            Self::NoUpstream { branch } => format!("git push -u origin {branch}"),
            Self::Detached => "name the branch with `--branch NAME`".to_owned(),
            Self::NoCommit => "git add -A && git commit".to_owned(),
            Self::BranchSwitched { checked, .. } => format!("go back to {checked}, then `{again}`"),
            Self::NotChecked { checked, .. } => format!("git log --oneline HEAD...{}", checked.short()),
            Self::Moved { .. } => format!("git pull --rebase && {again}"),
            Self::Denied { .. } | Self::Hook { .. } => format!("mend what it says, then `{again}`"),
        }
    }
}
