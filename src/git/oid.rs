//! The name of a git object: 40 (SHA-1) or 64 (SHA-256) lower-case hexadecimal digits.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A checked object name. It can stand on git's command line without being read as an option.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Oid(String);

/// The text is not an object name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a git object name: `{0}`")]
pub struct OidError(String);

impl Oid {
    /// Checks a text.
    ///
    /// # Errors
    /// When it is not 40 or 64 lower-case hexadecimal digits.
    pub fn new(text: impl Into<String>) -> Result<Self, OidError> {
        let text = text.into();
        let hex = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if hex && matches!(text.len(), 40 | 64) {
            Ok(Self(text))
        } else {
            Err(OidError(text.escape_debug().take(80).collect()))
        }
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first ten digits, for people.
    pub fn short(&self) -> &str {
        &self.0[..10]
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Oid {
    type Error = OidError;
    fn try_from(text: String) -> Result<Self, OidError> {
        Self::new(text)
    }
}

impl From<Oid> for String {
    fn from(oid: Oid) -> Self {
        oid.0
    }
}
