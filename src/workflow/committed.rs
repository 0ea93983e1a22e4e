//! What of the rendered output git would commit. Asked once in a run: git is a program, and a run may
//! have many units.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use crate::git::Repo;
use crate::project::{DIST, Project, UnitId};

/// What git makes of the directory of rendered output.
pub struct Committed {
    repo: Repo,
    /// The directory, from the top of the working tree.
    directory: PathBuf,
    is_ignored: bool,
    /// Paths from the top of the working tree.
    tracked: BTreeSet<Vec<u8>>,
}

impl fmt::Debug for Committed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Committed").field("directory", &self.directory).finish_non_exhaustive()
    }
}

impl Committed {
    /// None where there is no repository, or none of it can be told.
    pub(super) fn look(project: &Project, repo: Option<&Repo>) -> Option<Self> {
        let repo = repo?.clone();
        let top = repo.work_dir().canonicalize().ok()?;
        let directory = project.root().strip_prefix(top).ok()?.join(DIST);
        let is_ignored = repo.is_ignored(&directory.join("x")).ok()?;
        let tracked = repo.tracked_below(&directory).unwrap_or_default().into_iter().collect();
        Some(Self { repo, directory, is_ignored, tracked })
    }

    /// Whether git would commit a file of a unit's directory, or has done so.
    pub fn holds(&self, unit: &UnitId, path: &str) -> bool {
        let path = self.directory.join(unit.module.as_str()).join(unit.profile.as_str()).join(path);
        let is_tracked = path.to_str().is_some_and(|path| self.tracked.contains(path.as_bytes()));
        // What is tracked is committed although a pattern ignores it.
        is_tracked || (!self.is_ignored && matches!(self.repo.is_ignored(&path), Ok(false)))
    }
}
