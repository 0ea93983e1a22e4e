//! What git's answer to a push of lock refs means. Pure: flags in, meaning out.

use super::record::escape;
use super::{BranchChange, BranchRefusal, LostTo};
use crate::git::{PushEnd, PushFlag, Pushed};

/// Where our own commits are, relative to the tips as they are now.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// They are the tips.
    Tips,
    /// They are in the chains, and others have come after.
    Buried,
    /// The tips are what was expected before the push: nothing has changed.
    Untouched,
    /// Something else is there.
    Gone,
}

impl Standing {
    /// That of several refs together. One push is atomic: if one of our commits is not there, none is.
    pub(super) const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Tips, Self::Tips) => Self::Tips,
            (Self::Tips | Self::Buried, Self::Tips | Self::Buried) => Self::Buried,
            (Self::Untouched, Self::Untouched) => Self::Untouched,
            _ => Self::Gone,
        }
    }
}

/// What a push's answer says before the refs are looked at again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Every lock ref points to our commit.
    Won,
    /// At least one ref was refused, so none was moved by the request that was answered.
    Refused {
        /// For people.
        words: String,
        /// The remote itself said so, so something of ours reached it. Where a kept-alive HTTP
        /// connection breaks the http library says the request again, and the answer to the second
        /// is "no" because of what the first has done.
        by_remote: bool,
        /// git sent nothing, for the remote named a lock's ref at another commit than the one expected.
        stale: bool,
        /// The lock's ref that the remote refused for itself, not because of another one.
        lock: Option<String>,
    },
    /// The user's pre-push hook said no; nothing was sent.
    Hook(String),
    /// It cannot be told from here.
    Broken(String),
}

/// Reads the answer. `open`: an earlier push of the same commits may have arrived, so that finding
/// them there already means that we won; otherwise it is no win of ours.
pub(super) fn judge(pushed: &Pushed, locks: &[String], open: bool) -> Answer {
    match &pushed.end {
        PushEnd::HookRefused => Answer::Hook(pushed.said.clone()),
        PushEnd::Broken { message } => Answer::Broken(message.clone()),
        PushEnd::Refused => refused(pushed, locks),
        PushEnd::Complete => {
            let won = |target: &String| {
                pushed.results.iter().any(|result| {
                    result.target == *target
                        && match result.flag {
                            PushFlag::New | PushFlag::FastForward | PushFlag::Forced => true,
                            PushFlag::UpToDate => open,
                            _ => false,
                        }
                })
            };
            if locks.iter().all(won) { Answer::Won } else { refused(pushed, locks) }
        }
    }
}

fn refused(pushed: &Pushed, locks: &[String]) -> Answer {
    let by_remote = pushed.results.iter().any(|result| result.flag == PushFlag::RejectedRemotely);
    // What is refused before anything is sent is told in git's own words, not the server's.
    let stale = pushed.results.iter().any(|result| {
        result.flag == PushFlag::RejectedLocally
            && result.message == "stale info"
            && locks.contains(&result.target)
    });
    let own = pushed.results.iter().find(|result| {
        result.flag == PushFlag::RejectedRemotely
            && !result.message.starts_with("atomic")
            && locks.contains(&result.target)
    });
    let lock = own.map(|result| result.target.clone());
    Answer::Refused { words: words(pushed), by_remote, stale: stale && !by_remote, lock }
}

/// A refusal that neither a moved lock nor a moved branch explains. When the branch was to move it
/// is the branch that is refused: this run has written the lock's refs on this remote before.
pub(super) fn denial(branch: Option<&BranchChange>, lock: &str, message: String) -> LostTo {
    match branch {
        Some(BranchChange::Forward { .. }) => LostTo::Branch(BranchRefusal::Denied(message)),
        _ => LostTo::Denied(format!("`{lock}`: {message}")),
    }
}

/// What was said about the refusal: the server's own words where there are any, else the reasons
/// beside the refs, each once.
pub(crate) fn words(pushed: &Pushed) -> String {
    let server: Vec<&str> = pushed.said.split("; ").filter(|line| line.starts_with("remote:")).collect();
    if !server.is_empty() {
        let unpacker = pushed.results.iter().any(|result| result.message == "unpacker error");
        return server.join("; ") + if unpacker { " (unpacker error)" } else { "" };
    }
    let mut texts: Vec<String> = Vec::new();
    for result in &pushed.results {
        let text = escape(&result.message);
        if matches!(result.flag, PushFlag::RejectedLocally | PushFlag::RejectedRemotely)
            && !text.is_empty()
            && !texts.contains(&text)
        {
            texts.push(text);
        }
    }
    texts.join("; ")
}
