//! Commits of ours: on the empty tree, with no ref to them yet.

use jiff::Timestamp;

use super::Repo;
use crate::git::identity::Makers;
use crate::git::{CommitStyle, GitError, Oid, fallback, objects};

impl Repo {
    /// Writes a commit on the empty tree. No ref points to it yet.
    ///
    /// # Errors
    /// When the object cannot be written, or not be signed.
    pub fn write_commit(
        &self,
        message: &str,
        parent: Option<&Oid>,
        time: Timestamp,
        style: &CommitStyle,
    ) -> Result<Oid, GitError> {
        // Where the configuration cannot be read, what needs it has said so before.
        let makers = Makers::new(style, self.config().ok(), self.git().env());
        // Only git itself signs.
        let library = if style.sign { None } else { self.library_to_write() };
        let written = library.map(|library| objects::write_commit(&library, message, parent, time, &makers));
        match written {
            Some(Ok(oid)) => Ok(oid),
            // git makes the same commit, and if it cannot, it says why.
            Some(Err(_)) | None => {
                fallback::write_commit(self.git(), message, parent, time, &makers, style.sign)
            }
        }
        .map_err(|error| match error {
            GitError::Failed { message, .. } if style.sign => GitError::Config(format!(
                "git cannot sign a lock's record, which `sign` under [lock.git] wants: {message}; `git commit --allow-empty -S -m try` shows more"
            )),
            GitError::Failed { message, .. } => GitError::Repository {
                what: format!("write a lock record into `{}`", self.common_dir().join("objects").display()),
                source: message.into(),
            },
            other => other,
        })
    }
}
