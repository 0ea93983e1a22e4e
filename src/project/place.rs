//! Where something is written: a file and a line, or an override from outside the repository.

use std::fmt;
use std::sync::Arc;

/// A file and a line in it, or the name of another source (`--set`, an environment variable).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    file: Arc<str>,
    line: u32,
}

impl Place {
    /// A line of a file; lines count from 1.
    pub fn new(file: impl Into<Arc<str>>, line: usize) -> Self {
        Self { file: file.into(), line: u32::try_from(line).unwrap_or(u32::MAX) }
    }

    /// A source without lines.
    pub fn whole(file: impl Into<Arc<str>>) -> Self {
        Self { file: file.into(), line: 0 }
    }

    /// The file, relative to the project where it lies within, or the source's name.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The line, counted from 1; none for a source without lines.
    pub fn line(&self) -> Option<usize> {
        (self.line > 0).then_some(self.line as usize)
    }

    /// The same file, `lines` further down.
    #[must_use]
    pub(crate) fn down(&self, lines: usize) -> Self {
        match self.line() {
            Some(line) => Self::new(Arc::clone(&self.file), line + lines),
            None => self.clone(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line() {
            Some(line) => write!(f, "{}:{line}", self.file),
            None => f.write_str(&self.file),
        }
    }
}

/// The line, counted from 1, in which a byte of a text lies.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    let end = offset.min(text.len());
    text.as_bytes()[..end].iter().filter(|b| **b == b'\n').count() + 1
}
