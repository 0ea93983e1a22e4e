//! `[lock.git]`: where lock refs are, and what the commits look like that hold their records.

use schemars::JsonSchema;
use serde::Deserialize;

/// `[lock.git]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GitLockConfig {
    /// Where the lock refs are.
    pub prefix: String,
    /// The remote that holds them, if not the branch's.
    pub remote: Option<String>,
    /// Who makes the commits that hold the records, as `Name <mail>`; without it whom git itself names.
    pub committer: Option<Committer>,
    /// What the first line of their messages begins with.
    pub message_prefix: MessagePrefix,
    /// git signs them, as `git commit -S` does.
    pub sign: bool,
}

impl Default for GitLockConfig {
    fn default() -> Self {
        Self {
            prefix: "refs/lockstep/locks".into(),
            remote: None,
            committer: None,
            message_prefix: MessagePrefix::default(),
            sign: false,
        }
    }
}

impl GitLockConfig {
    /// What says where the locks are; how their records are made is no part of it.
    pub fn place(&self) -> (&str, Option<&str>) {
        (&self.prefix, self.remote.as_deref())
    }
}

/// `[lock.former.git]`: where the lock refs were.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FormerGitConfig {
    /// Where the lock refs were.
    pub prefix: String,
    /// The remote that held them, if not the branch's.
    pub remote: Option<String>,
}

impl Default for FormerGitConfig {
    fn default() -> Self {
        let GitLockConfig { prefix, remote, .. } = GitLockConfig::default();
        Self { prefix, remote }
    }
}

impl FormerGitConfig {
    /// As [`GitLockConfig::place`].
    pub fn place(&self) -> (&str, Option<&str>) {
        (&self.prefix, self.remote.as_deref())
    }
}

/// A committer, written `Name <mail>`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct Committer {
    /// The name.
    pub name: String,
    /// The mail address.
    pub mail: String,
}

impl TryFrom<String> for Committer {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let parts = text.strip_suffix('>').and_then(|text| text.split_once('<'));
        let wrong = || format!("`{}` is not `Name <mail>`", text.escape_debug());
        let (name, mail) = parts.map(|(name, mail)| (name.trim(), mail.trim())).ok_or_else(wrong)?;
        let plain = |part: &str| !part.is_empty() && !part.contains(['<', '>']);
        if text.contains(char::is_control) || !plain(name) || !plain(mail) || mail.contains(' ') {
            return Err(wrong());
        }
        Ok(Self { name: name.to_owned(), mail: mail.to_owned() })
    }
}

/// The beginning of a message's first line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct MessagePrefix(String);

impl MessagePrefix {
    /// No more bytes.
    const LONGEST: usize = 200;

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for MessagePrefix {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        if text.len() > Self::LONGEST || text.contains(char::is_control) {
            return Err(format!("a message prefix is one line of at most {} bytes", Self::LONGEST));
        }
        Ok(Self(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_committer_is_a_name_and_an_address() {
        let good = Committer::try_from("Lock Bot <bot@example.org>".to_owned()).unwrap();
        assert_eq!((good.name.as_str(), good.mail.as_str()), ("Lock Bot", "bot@example.org"));
        for bad in ["", "bot@example.org", "<a@b>", "A <>", "A <a@b> x", "A <a<b>", "A\n <a@b>", "A <a b>"] {
            assert!(Committer::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_message_prefix_is_one_line() {
        assert_eq!(MessagePrefix::try_from("OPS-1: ".to_owned()).unwrap().as_str(), "OPS-1: ");
        for bad in ["a\nb".to_owned(), "x".repeat(201)] {
            assert!(MessagePrefix::try_from(bad).is_err());
        }
    }
}
