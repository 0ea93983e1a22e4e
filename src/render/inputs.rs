//! What of a repository a project is made of: the files that its index lists, those of submodules that
//! are checked out, and files that are new and not ignored.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::RenderError;
use crate::git::{EntryKind, GitError, Hidden, IndexEntry, Repo, Sparse};
use crate::project::{
    Absence, Chain, Index, Listed, ListedKind, MARKER, NotHere, Project, ProjectError, UnitId,
};

/// The project as far as its files count in the repository; as it is where it does not lie in that.
///
/// # Errors
/// When git ignores its `lockstep.toml`, or cannot be asked.
pub fn of_repository(project: &Project, repo: &Repo) -> Result<Project, ProjectError> {
    match index(project.root(), repo) {
        Some(index) => project.indexed(index),
        None => Ok(project.clone()),
    }
}

/// What a unit is made of, relative to the project: files, and directories with all below them. What its
/// expressions read only its build knows.
///
/// # Errors
/// When a file of the module cannot be read.
pub fn of_unit(project: &Project, unit: &UnitId, repo: Option<&Repo>) -> Result<Vec<PathBuf>, RenderError> {
    let watched = project.watched();
    watched.files().note_all(&Chain::look(project, &unit.profile).seen);
    // A unit that is gone, whose lock is left.
    if !project.has_module(project.source_of(&unit.module)) {
        return Ok(watched.files().seen().paths.into_iter().collect());
    }
    super::read_module(&watched, unit, repo)?;
    Ok(watched.files().seen().paths.into_iter().collect())
}

/// What git says of the files below a directory, which is absolute and without links; none if it does not
/// lie in the working tree.
pub(super) fn index(root: &Path, repo: &Repo) -> Option<Index> {
    let top = repo.work_dir().canonicalize().ok()?;
    let below = root.strip_prefix(top).ok()?.to_owned();
    let (repo, other, of_others) = (repo.clone(), repo.clone(), below.clone());
    let list = move || Lister::new(&repo).list(&below).map_err(io::Error::other);
    let others = move || others(&other, &of_others).map_err(io::Error::other);
    Some(Index::new(Box::new(list), Box::new(others)))
}

/// The `lockstep.toml` of a directory, if git tracks it and does not show it.
pub(crate) fn marker_not_here(root: &Path, repo: &Repo) -> Option<NotHere> {
    index(root, repo)?.not_here(root, Path::new(MARKER)).ok()?
}

/// Turns a repository's index into that of a project.
struct Lister<'a> {
    repo: &'a Repo,
}

impl<'a> Lister<'a> {
    fn new(repo: &'a Repo) -> Self {
        Self { repo }
    }

    /// What is listed below a directory, by paths from there; submodules that are checked out with theirs.
    fn list(&self, below: &Path) -> Result<Vec<Listed>, GitError> {
        let entries = self.repo.index_below(below)?;
        // What is rarely of use may take a look at the whole configuration.
        let has_links = entries.iter().any(|entry| entry.kind == EntryKind::Link);
        let (modes, links) = (self.repo.tells_modes(), !has_links || self.repo.makes_links());
        let sparse = match entries.iter().any(|entry| entry.hidden == Some(Hidden::SkipWorktree)) {
            true => self.repo.sparse()?,
            false => None,
        };
        let project: Arc<Path> = below.into();
        let absence = |hidden| match (hidden, sparse) {
            (Hidden::AssumeUnchanged, _) => Absence::AssumeUnchanged,
            (Hidden::SkipWorktree, Some(Sparse { cone: true })) => Absence::SparseCone,
            (Hidden::SkipWorktree, Some(_)) => Absence::Sparse { project: Arc::clone(&project) },
            (Hidden::SkipWorktree, None) => Absence::SkipWorktree,
        };
        let (mut listed, mut is_sorted) = (Vec::with_capacity(entries.len()), true);
        for entry in entries {
            let Some(path) = relative(&entry.path, below) else { continue };
            let kind = match entry.kind {
                EntryKind::File { executable } => ListedKind::File((!modes).then_some(executable)),
                EntryKind::Link => ListedKind::Link { as_text: !links },
                EntryKind::Submodule => ListedKind::Submodule,
            };
            let mut absence = entry.hidden.map(absence);
            if kind == ListedKind::Submodule {
                if let Some(inner) = self.inner(&entry)? {
                    let within = Lister::new(&inner).list(Path::new(""))?;
                    let inside = |one: Listed| Listed { path: [&path, &b"/"[..], &one.path].concat(), ..one };
                    listed.extend(within.into_iter().map(inside));
                    // `lib/x` sorts after `lib-x`, in whose place `lib` stood.
                    is_sorted = false;
                    continue;
                }
                absence = absence.or(Some(Absence::Submodule));
            }
            listed.push(Listed { path, kind, absence });
        }
        if !is_sorted {
            listed.sort_by(|one, other| one.path.cmp(&other.path));
        }
        Ok(listed)
    }

    fn inner(&self, entry: &IndexEntry) -> Result<Option<Repo>, GitError> {
        self.repo.submodule(&as_path(&entry.path))
    }
}

/// What is new and not ignored below a directory, by paths from there, also in submodules.
fn others(repo: &Repo, below: &Path) -> Result<Vec<Vec<u8>>, GitError> {
    let mut found: Vec<Vec<u8>> =
        repo.others_below(below)?.iter().filter_map(|path| relative(path, below)).collect();
    let entries = repo.index_below(below)?;
    for entry in entries.iter().filter(|entry| entry.kind == EntryKind::Submodule) {
        if let (Some(path), Some(inner)) =
            (relative(&entry.path, below), repo.submodule(&as_path(&entry.path))?)
        {
            let within = others(&inner, Path::new(""))?;
            found.extend(within.iter().map(|other| [&path, &b"/"[..], other].concat()));
        }
    }
    Ok(found)
}

fn relative(path: &[u8], below: &Path) -> Option<Vec<u8>> {
    use std::os::unix::ffi::OsStrExt as _;
    let below = below.as_os_str().as_bytes();
    if below.is_empty() {
        return Some(path.to_vec());
    }
    path.strip_prefix(below)?.strip_prefix(b"/").map(<[u8]>::to_vec)
}

fn as_path(path: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    PathBuf::from(std::ffi::OsStr::from_bytes(path))
}
