//! Whether the working tree is that of HEAD, asked without a refusal in mind.

use std::path::PathBuf;

use super::Repo;
use crate::git::{CheckRequest, GitError};

impl Repo {
    /// Whether nothing differs from HEAD at and below these paths, or anywhere if there are none, and
    /// nothing that was begun is unfinished.
    ///
    /// # Errors
    /// When git fails.
    pub fn is_clean(&self, within: Option<&[PathBuf]>) -> Result<bool, GitError> {
        let request = CheckRequest {
            remote: None,
            prefix: "",
            former_prefix: None,
            branch: None,
            rendered: None,
            within,
        };
        let status = self.status()?.within(&|path| request.counts(path));
        Ok(status.is_clean() && self.unfinished_operation().is_none())
    }
}
