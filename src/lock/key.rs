//! What can be locked: keys, and sorted sets of them.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::project::UnitId;

/// A lock's key as people read it: `alpha/prod`. Slash-separated components, each as a `Name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LockKey(String);

impl LockKey {
    /// Checks a text as a key: one to four names with `/` between them.
    ///
    /// # Errors
    /// The first component that is not a name.
    pub fn new(text: &str) -> Result<Self, crate::project::NameError> {
        for part in text.split('/') {
            crate::project::Name::new(part)?;
        }
        if text.split('/').count() > 4 {
            return Err(crate::project::NameError {
                text: text.to_owned(),
                why: "it has more than four parts",
            });
        }
        Ok(Self(text.to_owned()))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&UnitId> for LockKey {
    fn from(unit: &UnitId) -> Self {
        Self(unit.to_string())
    }
}

impl fmt::Display for LockKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for LockKey {
    type Error = crate::project::NameError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(&text)
    }
}

impl From<LockKey> for String {
    fn from(key: LockKey) -> Self {
        key.0
    }
}

/// The keys that a run takes, all or nothing, always in sorted order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySet(BTreeSet<LockKey>);

impl KeySet {
    /// A set of one key.
    pub fn one(key: LockKey) -> Self {
        Self(BTreeSet::from([key]))
    }

    /// The keys in order.
    pub fn iter(&self) -> impl Iterator<Item = &LockKey> {
        self.0.iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<LockKey> for KeySet {
    fn from_iter<T: IntoIterator<Item = LockKey>>(keys: T) -> Self {
        Self(keys.into_iter().collect())
    }
}
