//! Names of modules, profiles and workflows, and the unit that a module and a profile make.
//!
//! A `Name` can stand as a path component, in a git ref and on a command line without harm:
//! ASCII letters, digits, `-`, `_` and `.`; no leading `.` or `-`; at most 64 bytes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Words that no module or workflow may be named, beside the steps that are registered:
/// steps and subcommands that exist or are promised.
pub const RESERVED: &[&str] = &[
    "affected",
    "alias",
    "completions",
    "create",
    "delete",
    "demo",
    "describe",
    "diff",
    "doctor",
    "freeze",
    "graph",
    "help",
    "init",
    "list",
    "locks",
    "log",
    "new",
    "save",
    "schema",
    "shim",
    "thaw",
    "validate",
    "why",
];

/// A checked name of a module, profile or workflow.
///
/// ```
/// use lockstep::project::Name;
/// assert!(Name::new("eks-1.30").is_ok());
/// assert!(Name::new("../etc").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

/// Why a text is not a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a name: {why}")]
pub struct NameError {
    /// The text, with control characters escaped and at most 80 characters of it.
    pub text: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl Name {
    /// Checks a text and keeps it as a name.
    ///
    /// # Errors
    /// When it is empty, longer than 64 bytes, starts with `.` or `-`, or holds anything but ASCII
    /// letters, digits, `-`, `_` and `.`.
    pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
        let text = text.into();
        let why = if text.is_empty() {
            "it is empty"
        } else if text.len() > 64 {
            "it is longer than 64 characters"
        } else if text.starts_with(['.', '-']) {
            "it starts with `.` or `-`"
        } else if !text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')) {
            "only letters, digits, `-`, `_` and `.` are allowed"
        } else {
            return Ok(Self(text));
        };
        Err(NameError { text: text.escape_debug().take(80).collect(), why })
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

/// One module in one profile, written `alpha/prod`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UnitId {
    /// The module.
    pub module: Name,
    /// The profile.
    pub profile: Name,
}

impl UnitId {
    /// The unit of a module and a profile.
    pub fn new(module: Name, profile: Name) -> Self {
        Self { module, profile }
    }
}

impl fmt::Display for UnitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.module, self.profile)
    }
}

impl std::str::FromStr for UnitId {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        let (module, profile) = text.split_once('/').ok_or_else(|| NameError {
            text: text.escape_debug().take(80).collect(),
            why: "a unit is written MODULE/PROFILE",
        })?;
        Ok(Self::new(Name::new(module)?, Name::new(profile)?))
    }
}

impl TryFrom<String> for UnitId {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<UnitId> for String {
    fn from(unit: UnitId) -> Self {
        unit.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_name_is_one_harmless_path_component(text in "\\PC{0,70}") {
            if let Ok(name) = Name::new(text) {
                let path = std::path::Path::new(name.as_str());
                prop_assert_eq!(path.components().count(), 1);
                prop_assert!(matches!(path.components().next(), Some(std::path::Component::Normal(_))));
                prop_assert!(!name.as_str().starts_with('-'));
            }
        }

        #[test]
        fn units_print_as_they_parse(module in "[A-Za-z0-9_][A-Za-z0-9._-]{0,20}", profile in "[A-Za-z0-9_][A-Za-z0-9._-]{0,20}") {
            let text = format!("{module}/{profile}");
            prop_assert_eq!(text.parse::<UnitId>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn hostile_names_are_refused_and_never_printed_raw() {
        for text in ["", ".", "..", "-x", ".git", "a/b", "a b", "a\u{1b}[2J", "a:b", "ä", "a\n"] {
            let error = Name::new(text).unwrap_err();
            assert!(!error.to_string().contains('\u{1b}'), "{error}");
        }
    }
}
