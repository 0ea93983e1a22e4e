//! An earlier state of a project, as what has changed since.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What stood at a path before it changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Former {
    /// Nothing, or only a directory that other paths tell of.
    Absent,
    /// A file, and the name of its content.
    File {
        /// Its owner may execute it.
        executable: bool,
        /// What [`ReadFormer`] knows it by.
        id: String,
    },
    /// A symbolic link, and the name of its target.
    Link {
        /// What [`ReadFormer`] knows it by.
        id: String,
    },
    /// Something that cannot be read any more, and why, as in `x lies in a submodule`.
    Unreadable(&'static str),
}

/// Gives former content by its name.
pub type ReadFormer = Arc<dyn Fn(&str) -> io::Result<Vec<u8>> + Send + Sync>;

/// An earlier state of a project.
#[derive(Clone)]
pub struct Earlier {
    /// What changed since, relative to the project.
    pub changed: Arc<BTreeMap<PathBuf, Former>>,
    /// Reads what was.
    pub read: ReadFormer,
}

impl fmt::Debug for Earlier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Earlier").field("changed", &self.changed).finish_non_exhaustive()
    }
}

impl Earlier {
    /// What changed at a path and below it.
    pub(crate) fn below(&self, path: &Path) -> impl Iterator<Item = (&Path, &Former)> {
        let from = self.changed.range::<Path, _>((Bound::Included(path), Bound::Unbounded));
        let of = path.to_owned();
        from.map(|(path, was)| (path.as_path(), was)).take_while(move |(path, _)| path.starts_with(&of))
    }
}
