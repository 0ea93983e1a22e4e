//! What can be locked: keys, and sorted sets of them.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::project::{Name, NameError};

/// Stands in a key for every module or every profile. No name can be that.
const ALL: &str = "@all";
/// Stands before a key that is kept in the place that `[lock.former]` names.
const FORMER: &str = "@former:";

/// A lock's key as people read it: `alpha/prod`. One to four names with `/` between them; in a key of
/// two, `@all` may stand for each. With a project's name: `infra:alpha/prod`. Nothing in it means
/// anything to a shell.
///
/// A key in the former place of a project that moves its locks begins with `@former:`. Only this
/// program says so: a record holds the key as it is called in its own place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LockKey(String);

impl LockKey {
    /// Checks a text as a key.
    ///
    /// # Errors
    /// The first part that is not a name.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let bare = text.strip_prefix(FORMER).unwrap_or(text);
        let path = match bare.split_once(':') {
            Some((project, path)) => {
                Name::new(project)?;
                path
            }
            None => bare,
        };
        let parts: Vec<&str> = path.split('/').collect();
        for part in &parts {
            if *part != ALL || parts.len() != 2 {
                Name::new(*part)?;
            }
        }
        if parts.len() > 4 {
            return Err(NameError { text: text.to_owned(), why: "it has more than four parts" });
        }
        Ok(Self(text.to_owned()))
    }

    /// The key of a module in a profile; none stands for all of them.
    pub fn of(project: Option<&Name>, module: Option<&Name>, profile: Option<&Name>) -> Self {
        let part = |name: Option<&Name>| name.map_or(ALL, Name::as_str).to_owned();
        Self(format!("{}{}/{}", qualifier(project), part(module), part(profile)))
    }

    /// The key of a thing that several units share.
    pub(super) fn further(project: Option<&Name>, key: &crate::project::FurtherKey) -> Self {
        Self(format!("{}{}", qualifier(project), key.as_str()))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of the project that it belongs to, if it says one.
    pub fn project(&self) -> Option<&str> {
        self.here().split_once(':').map(|(project, _)| project)
    }

    /// Without place and project: `alpha/prod`.
    pub fn path(&self) -> &str {
        let here = self.here();
        here.split_once(':').map_or(here, |(_, path)| path)
    }

    /// Module and profile of a key of two parts; none stands for all of them.
    pub fn pair(&self) -> Option<(Option<&str>, Option<&str>)> {
        let (module, profile) = self.path().split_once('/')?;
        let part = |text| (text != ALL).then_some(text);
        (!profile.contains('/')).then(|| (part(module), part(profile)))
    }

    /// Whether some unit belongs to both keys.
    pub fn overlaps(&self, other: &Self) -> bool {
        let meet = |a: Option<&str>, b: Option<&str>| a.is_none() || b.is_none() || a == b;
        self.is_former() == other.is_former()
            && self.project() == other.project()
            && match (self.pair(), other.pair()) {
                (Some((module, profile)), Some((m, p))) => meet(module, m) && meet(profile, p),
                _ => false,
            }
    }

    /// The key of everything in the same project and place.
    pub fn everything(&self) -> Self {
        let project = self.project().map_or_else(String::new, |name| format!("{name}:"));
        let place = if self.is_former() { FORMER } else { "" };
        Self(format!("{place}{project}{ALL}/{ALL}"))
    }

    /// Whether it is kept in the former place.
    pub fn is_former(&self) -> bool {
        self.0.starts_with(FORMER)
    }

    /// The same key in the former place.
    #[must_use]
    pub fn in_former(&self) -> Self {
        Self(format!("{FORMER}{}", self.here()))
    }

    /// The key as it is called in its own place.
    #[must_use]
    pub fn in_its_place(&self) -> Self {
        Self(self.here().to_owned())
    }

    fn here(&self) -> &str {
        self.0.strip_prefix(FORMER).unwrap_or(&self.0)
    }
}

fn qualifier(project: Option<&Name>) -> String {
    project.map_or_else(String::new, |name| format!("{name}:"))
}

impl fmt::Display for LockKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for LockKey {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(&text)
    }
}

/// What is written into records: the place is not part of it.
impl From<LockKey> for String {
    fn from(key: LockKey) -> Self {
        key.here().to_owned()
    }
}

/// The keys that a run takes, all or nothing, always in sorted order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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

    /// Whether a key is among them.
    pub fn contains(&self, key: &LockKey) -> bool {
        self.0.contains(key)
    }

    /// The keys of both sets.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).cloned().collect())
    }
}

impl FromIterator<LockKey> for KeySet {
    fn from_iter<T: IntoIterator<Item = LockKey>>(keys: T) -> Self {
        Self(keys.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> LockKey {
        LockKey::new(text).unwrap()
    }

    #[test]
    fn what_is_a_key() {
        for good in ["a", "a/b", "a/b/c/d", "@all/prod", "a/@all", "@all/@all", "x:a/b", "@former:x:@all/b"] {
            assert_eq!(key(good).as_str(), good);
        }
        for bad in [
            "",
            "/",
            "a/",
            "/a",
            "a/b/c/d/e",
            "@all",
            "a/@all/b",
            "@al/b",
            "*/prod",
            ":a/b",
            "x:",
            "x:y:z",
            "@former:",
            "@former:@former:a",
            "x:@former:a",
            "a b",
            "-a/b",
            "../etc",
        ] {
            assert!(LockKey::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_tells_its_parts() {
        let long = key("@former:infra:alpha/@all");
        assert_eq!((long.project(), long.path(), long.is_former()), (Some("infra"), "alpha/@all", true));
        assert_eq!(long.pair(), Some((Some("alpha"), None)));
        assert_eq!(long.in_its_place(), key("infra:alpha/@all"));
        assert_eq!(long.in_its_place().in_former(), long);
        assert_eq!(long.everything(), key("@former:infra:@all/@all"));
        assert_eq!((key("vpc").pair(), key("a/b/c").pair()), (None, None));
        assert_eq!(serde_json::to_string(&long).unwrap(), "\"infra:alpha/@all\"");
    }

    #[test]
    fn keys_overlap_where_a_unit_belongs_to_both() {
        for (a, b, both) in [
            ("a/p", "a/p", true),
            ("a/p", "a/q", false),
            ("@all/p", "a/p", true),
            ("@all/p", "a/@all", true),
            ("@all/p", "@all/q", false),
            ("@all/@all", "a/p", true),
            ("@all/@all", "vpc", false),
            ("x:@all/@all", "a/p", false),
            ("@former:@all/@all", "a/p", false),
        ] {
            assert_eq!(key(a).overlaps(&key(b)), both, "{a} {b}");
            assert_eq!(key(b).overlaps(&key(a)), both, "{b} {a}");
        }
    }
}
