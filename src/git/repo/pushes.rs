//! Pushing from a repository, and what was said to it.

use std::sync::{MutexGuard, PoisonError};

use super::Repo;
use crate::git::{GitError, Oid, Push, Pushed, RefUpdate, push};

impl Repo {
    /// Pushes refs, all or nothing.
    ///
    /// # Errors
    /// [`GitError::Unreachable`], [`GitError::Interrupted`] and the others only when it is certain
    /// that nothing was sent.
    pub fn push(&self, push: &Push) -> Result<Pushed, GitError> {
        let shared = self.shared(&push.remote);
        let (pushed, said) = push::push(&self.0.git, shared, &self.0.common_dir, push)?;
        self.said().extend(said);
        Ok(pushed)
    }

    /// What the user's hook and the server have said to pushes of his branch that went well, since that was
    /// asked for last. Safe to print.
    pub fn take_said(&self) -> Vec<String> {
        std::mem::take(&mut self.said())
    }

    fn said(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a push of this branch would be refused for good, because the configuration sends push options
    /// with it and the server takes none. Asks the remote only if there are any.
    ///
    /// # Errors
    /// When the configuration cannot be read or git cannot be run.
    pub fn push_options_refused(&self, remote: &str, branch: &str, to: &Oid) -> Result<bool, GitError> {
        // An empty value takes those before it back.
        if self.config()?.last("push.pushoption").is_none_or(str::is_empty) {
            return Ok(false);
        }
        let update = RefUpdate { source: to.clone(), target: branch.to_owned(), lease: None };
        let push = Push { remote: remote.to_owned(), updates: vec![update], hook: true };
        push::refuses_options(&self.0.git, self.shared(remote), &push)
    }
}
