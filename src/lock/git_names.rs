//! What lock refs are called: on the remote, and here where their last known tips are kept.
//!
//! A project that moves its locks to another prefix of the same remote has both below one name, so
//! that one fetch brings them and one atomic push moves them.

use super::record::escape;
use super::{LockError, LockKey, encode};
use crate::git::{GitError, lock_refspecs};

/// The names of one remote's lock refs.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) remote: String,
    pub(super) prefix: String,
    /// Where keys of the former place are.
    former: Option<String>,
}

impl Names {
    /// Refuses prefixes that cannot hold locks.
    pub(super) fn new(remote: &str, prefix: &str) -> Result<Self, LockError> {
        Ok(Self { remote: remote.to_owned(), prefix: checked(prefix)?, former: None })
    }

    /// The same, with the prefix that the locks were under before.
    pub(super) fn with_former(self, prefix: &str) -> Result<Self, LockError> {
        let former = Some(checked(prefix)?);
        let below = |a: &str, b: &str| format!("{a}/").starts_with(&format!("{b}/"));
        match &former {
            Some(old) if below(old, &self.prefix) || below(&self.prefix, old) => {
                Err(LockError::Config(format!(
                    "`[lock.former.git] prefix` and `[lock.git] prefix` are `{old}` and `{}`: one is below the other",
                    self.prefix
                )))
            }
            _ => Ok(Self { former, ..self }),
        }
    }

    /// Both places, for people.
    pub(super) fn place(&self) -> String {
        match &self.former {
            Some(former) => format!("{} and {former} on {}", self.prefix, self.remote),
            None => format!("{} on {}", self.prefix, self.remote),
        }
    }

    /// A key's ref on the remote.
    pub(super) fn target(&self, key: &LockKey) -> String {
        let prefix = self.former.as_ref().filter(|_| key.is_former()).unwrap_or(&self.prefix);
        format!("{prefix}/{}", encode::to_ref(key))
    }

    /// A key's last known tip.
    pub(super) fn tracking(&self, key: &LockKey) -> String {
        self.tracked(key.is_former()) + &encode::to_ref(key)
    }

    pub(super) fn tracked_branch(&self, name: &str) -> String {
        let short = name.strip_prefix("refs/heads/").unwrap_or(name);
        format!("refs/lockstep/remotes/{}/heads/{short}", self.remote)
    }

    /// Below these the last known tips are kept.
    pub(super) fn tracked_places(&self) -> Vec<String> {
        std::iter::once(false).chain(self.former.as_ref().map(|_| true)).map(|f| self.tracked(f)).collect()
    }

    /// The key of a last known tip; none if no key is called so.
    pub(super) fn key_of(&self, name: &str) -> Option<LockKey> {
        match name.strip_prefix(&self.tracked(false)) {
            Some(path) => encode::from_ref(path),
            None => encode::from_ref(name.strip_prefix(&self.tracked(true))?).map(|key| key.in_former()),
        }
    }

    /// What brings all lock refs.
    pub(super) fn refspecs(&self) -> Result<Vec<String>, GitError> {
        lock_refspecs(&self.remote, &self.prefix, self.former.as_deref())
    }

    fn tracked(&self, former: bool) -> String {
        format!("refs/lockstep/remotes/{}/{}/", self.remote, if former { "former" } else { "locks" })
    }
}

fn checked(prefix: &str) -> Result<String, LockError> {
    let prefix = prefix.trim_end_matches('/');
    encode::check_prefix(prefix).map_err(|why| {
        LockError::Config(format!("`{}` cannot be the prefix of lock refs: {why}", escape(prefix)))
    })?;
    Ok(prefix.to_owned())
}
