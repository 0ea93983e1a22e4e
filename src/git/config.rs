//! git's configuration as git itself reads it, with every include and every level: one run of
//! `git config --list`, kept for the life of the repository handle.

use std::sync::OnceLock;

use super::GitError;
use super::spawn::Git;

/// All entries in the order in which git applies them.
#[derive(Debug, Default)]
pub(super) struct Config(Vec<(String, String)>);

impl Config {
    pub(super) fn get<'a>(git: &Git, cell: &'a OnceLock<Self>) -> Result<&'a Self, GitError> {
        if let Some(config) = cell.get() {
            return Ok(config);
        }
        let read = Self::parse(&git.read(&["config", "--list", "-z"])?);
        Ok(cell.get_or_init(|| read))
    }

    /// Parses `git config --list -z`: `key LF value NUL`; a key alone means true.
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let entries = bytes.split(|b| *b == 0).filter(|entry| !entry.is_empty()).map(|entry| {
            let entry = String::from_utf8_lossy(entry);
            match entry.split_once('\n') {
                Some((key, value)) => (key.to_owned(), value.to_owned()),
                None => (entry.into_owned(), "true".to_owned()),
            }
        });
        Self(entries.collect())
    }

    /// The last value of a key.
    pub(super) fn last(&self, key: &str) -> Option<&str> {
        self.0.iter().rev().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    /// All values of a list; an empty value takes back those before it.
    pub(super) fn all(&self, key: &str) -> Vec<&str> {
        let mut values = Vec::new();
        for (_, value) in self.0.iter().filter(|(k, _)| k == key) {
            if value.is_empty() {
                values.clear();
            } else {
                values.push(value.as_str());
            }
        }
        values
    }

    /// The subsections of a section that have this variable, with its values:
    /// `url.<base>.insteadOf` gives `(base, value)`.
    pub(super) fn sections<'a>(
        &'a self,
        section: &'a str,
        variable: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.iter().filter_map(move |(key, value)| {
            let middle = key.strip_prefix(section)?.strip_prefix('.')?.strip_suffix(variable)?;
            Some((middle.strip_suffix('.')?, value.as_str()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lists_and_subsections() {
        let config = Config::parse(
            b"core.bare\nfalse\0remote.a.b.url\nx\0remote.a.b.url\n\0remote.a.b.url\ny\nz\0url.https://h/.insteadof\ng:\0flag\0",
        );
        assert_eq!(config.all("remote.a.b.url"), ["y\nz"]);
        assert_eq!(config.sections("remote", "url").next(), Some(("a.b", "x")));
        assert_eq!(config.sections("url", "insteadof").next(), Some(("https://h/", "g:")));
        assert_eq!(config.last("flag"), Some("true"));
        assert_eq!(config.last("core.bare"), Some("false"));
        assert_eq!(config.last("core"), None);
    }
}
