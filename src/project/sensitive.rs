//! Which parameters are secrets, and what has come into touch with one.
//!
//! A parameter is marked by its key. Whatever is computed while a marked one is read counts as
//! secret too, however it was changed on the way: what is watched is the reading, not the value.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ThreadId};

use super::Params;
use super::explain::is_at_or_below;

/// The keys that are marked, each with everything below it.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks(pub(super) Vec<String>);

impl Marks {
    pub(super) fn cover(&self, key: &str) -> bool {
        self.0.iter().any(|mark| is_at_or_below(key, mark))
    }
}

/// Shorter secrets may stand in any text by chance.
const TELLING: usize = 4;

/// What has come into touch with a secret.
#[derive(Default)]
pub(super) struct Watch {
    /// The threads that have read one since they were asked last.
    threads: Mutex<Vec<ThreadId>>,
    /// The secrets that were read, as texts.
    revealed: Mutex<BTreeSet<String>>,
}

impl Watch {
    /// A marked parameter is read here.
    pub(super) fn touch(&self) {
        let (mut threads, this) = (self.lock(), thread::current().id());
        if !threads.contains(&this) {
            threads.push(this);
        }
    }

    /// Whether this thread has read one, and forgets it.
    pub(super) fn take(&self) -> bool {
        let (mut threads, this) = (self.lock(), thread::current().id());
        let before = threads.len();
        threads.retain(|thread| *thread != this);
        threads.len() < before
    }

    /// A secret is known from here on.
    pub(super) fn reveal(&self, secret: &str) {
        let mut revealed = self.revealed.lock().unwrap_or_else(PoisonError::into_inner);
        if !secret.is_empty() && !revealed.contains(secret) {
            revealed.insert(secret.to_owned());
        }
    }

    /// Whether a text shows one of the secrets that were read.
    pub(super) fn is_revealed(&self, text: &str) -> bool {
        let revealed = self.revealed.lock().unwrap_or_else(PoisonError::into_inner);
        revealed.contains(text)
            || revealed.iter().any(|secret| secret.len() >= TELLING && text.contains(secret.as_str()))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<ThreadId>> {
        // The list is whole at every moment.
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Params {
    /// Does something, and tells whether a sensitive parameter was read meanwhile.
    pub(crate) fn watch<T>(&self, work: impl FnOnce() -> T) -> (T, bool) {
        self.scope.watch.take();
        let done = work();
        (done, self.scope.watch.take())
    }
}
