//! What was looked at of a project's files, and whether any of it is not what it was.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::Earlier;
use super::files::{Files, Kind};

/// What was looked at, relative to the project.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Files that were read, directories that were listed with all below them, what was missing.
    pub paths: BTreeSet<PathBuf>,
    /// Of which only the kind was asked.
    pub kinds: BTreeMap<PathBuf, Kind>,
    /// An expression in what was read may read further files when it is evaluated.
    pub may_read_files: bool,
}

impl Seen {
    /// Everything that either has seen.
    pub(crate) fn add(&mut self, other: &Self) {
        self.paths.extend(other.paths.iter().cloned());
        self.kinds.extend(other.kinds.iter().map(|(path, kind)| (path.clone(), *kind)));
        self.may_read_files |= other.may_read_files;
    }

    /// The changed paths that matter for what was seen of the working tree; `before` is what it was.
    pub(crate) fn touched(&self, before: &Files) -> BTreeSet<PathBuf> {
        let Some(earlier) = before.earlier() else { return BTreeSet::new() };
        let mut touched = BTreeSet::new();
        for path in &self.paths {
            touched.extend(earlier.below(path).map(|(path, _)| path.to_owned()));
            let above = path.ancestors().skip(1).filter(|above| earlier.changed.contains_key(*above));
            touched.extend(above.map(Path::to_owned));
        }
        for (path, kind) in &self.kinds {
            let linked = || path.ancestors().any(|path| before.root().join(path).is_symlink());
            let is_same = !may_matter(earlier, path) && !linked()
                || path.to_str().is_none_or(|path| before.kind(path) == *kind);
            if !is_same {
                touched.extend(earlier.below(path).map(|(path, _)| path.to_owned()));
            }
        }
        touched
    }
}

/// Whether what a path leads to can have changed its kind: something at it, below it or above it has
/// changed.
fn may_matter(earlier: &Earlier, path: &Path) -> bool {
    earlier.below(path).next().is_some() || path.ancestors().any(|up| earlier.changed.contains_key(up))
}
