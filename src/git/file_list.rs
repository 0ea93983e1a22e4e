//! Names of files in messages: the first ones, and how many there are.

use std::fmt;

use super::printable;

/// Names of files for people: ten of them and how many there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileList {
    /// The first ones, safe to print.
    pub shown: Vec<String>,
    /// How many there are in all.
    pub total: usize,
}

impl FileList {
    /// At most so many names are shown.
    pub const SHOWN: usize = 10;

    /// Takes names as git has them.
    pub fn new(names: &[Vec<u8>]) -> Self {
        Self {
            shown: names.iter().take(Self::SHOWN).map(|name| printable(name)).collect(),
            total: names.len(),
        }
    }

    pub(super) fn counted(&self) -> String {
        counted(self.total, "file")
    }
}

impl fmt::Display for FileList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for name in &self.shown {
            write!(f, "\n    {name}")?;
        }
        match self.total.saturating_sub(self.shown.len()) {
            0 => Ok(()),
            more => write!(f, "\n    and {more} more"),
        }
    }
}

/// `1 file`, `2 files`.
pub(super) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
