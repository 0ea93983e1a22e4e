//! A backend in the middle of whose acts somebody else acts, once, and always at the same place.

use std::sync::Mutex;

use crate::lock::{
    Freshness, KeySet, Listed, LockBackend, LockError, LockKey, Observed, Past, Swap, Swapped,
};

type Act<'a> = Box<dyn FnOnce() + Send + 'a>;

/// What another does right before or right after the first swap.
pub(crate) struct Between<'a> {
    inner: &'a dyn LockBackend,
    before: Mutex<Option<Act<'a>>>,
    after: Mutex<Option<Act<'a>>>,
}

impl<'a> Between<'a> {
    /// The others act when everything was read and nothing is written yet.
    pub(crate) fn before_swap(inner: &'a dyn LockBackend, act: impl FnOnce() + Send + 'a) -> Self {
        Self { inner, before: Mutex::new(Some(Box::new(act))), after: Mutex::default() }
    }

    /// The others act when it was written, and before that is heard of: the swap is found to have been
    /// made, and to be no longer the last.
    pub(crate) fn before_answer(inner: &'a dyn LockBackend, act: impl FnOnce() + Send + 'a) -> Self {
        Self { inner, before: Mutex::default(), after: Mutex::new(Some(Box::new(act))) }
    }
}

impl LockBackend for Between<'_> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn place(&self) -> String {
        self.inner.place()
    }

    fn read(&self, keys: &KeySet, freshness: Freshness) -> Result<Vec<Observed>, LockError> {
        self.inner.read(keys, freshness)
    }

    fn list(&self, freshness: Freshness) -> Result<Vec<Listed>, LockError> {
        self.inner.list(freshness)
    }

    fn swap(&self, swap: &Swap) -> Result<Swapped, LockError> {
        if let Some(act) = self.before.lock().unwrap().take() {
            act();
        }
        let swapped = self.inner.swap(swap)?;
        let Some(act) = self.after.lock().unwrap().take() else { return Ok(swapped) };
        act();
        let keys = swap.changes.iter().map(|change| change.key.clone()).collect();
        self.inner.read(&keys, Freshness::Now)?;
        Ok(Swapped::Superseded)
    }

    fn history(&self, key: &LockKey, limit: usize) -> Result<Vec<Past>, LockError> {
        self.inner.history(key, limit)
    }
}
