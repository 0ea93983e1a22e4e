//! A lock record as a commit: on the empty tree, one line for people, an empty one, the record.

use super::record_json::MAX_BYTES;
use super::{LockKey, Record, Unreadable};
use crate::git::{CommitStyle, CommitText, Identity};
use crate::project::GitLockConfig;

/// How the commits of records are made.
pub(crate) fn style(config: &GitLockConfig) -> CommitStyle {
    let committer = config.committer.as_ref();
    let committer = committer.map(|one| Identity { name: one.name.clone(), mail: one.mail.clone() });
    CommitStyle { committer, sign: config.sign }
}

/// A record as the message of a commit. What is before the empty line is for people and servers.
///
/// # Errors
/// When it would be too large for a reader.
pub(super) fn message(record: &Record, prefix: &str) -> Result<String, String> {
    Ok(format!("{prefix}{}\n\n{}\n", record.headline(), record.to_json()?))
}

/// The record in a commit, or what is wrong with it.
pub(super) fn read(commit: &CommitText, key: &LockKey) -> Result<Record, Unreadable> {
    if !commit.empty_tree || commit.parents.len() > 1 {
        return Err(Unreadable::new("it is not of lockstep's making"));
    }
    let message = &commit.message;
    if message.len() > 2 * MAX_BYTES {
        return Err(Unreadable::new(format!("it has more than {MAX_BYTES} bytes")));
    }
    let start = message.windows(2).position(|two| two == b"\n\n").map(|at| at + 2);
    let start = start.ok_or_else(|| Unreadable::new("its message holds no record"))?;
    Record::from_json(message[start..].trim_ascii(), key)
}
