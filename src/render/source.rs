//! The files of a module, read from the working tree.
//!
//! Files that git ignores are not read, `.git` never; what git tracks it does not ignore. A symbolic
//! link counts as the file that it leads to, and only if that lies inside the module: a module under
//! review must not be able to copy the reader's own files into its output.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use ignore::WalkBuilder;

use super::RenderError;
use crate::git::Repo;
use crate::project::{Name, Project, SCHEMA_FILE};

/// One file of a module.
#[derive(Debug)]
pub(super) struct SourceFile {
    /// Relative to the module, `/` between components.
    pub(super) path: String,
    pub(super) bytes: Vec<u8>,
    /// Permission bits.
    pub(super) mode: u32,
}

/// Reads a module's files, sorted by path. `excludes` are the user's own files of ignore patterns.
pub(super) fn working_tree(
    project: &Project,
    module: &Name,
    repo: Option<&Repo>,
    excludes: &[PathBuf],
) -> Result<Vec<SourceFile>, RenderError> {
    let shown = format!("modules/{module}");
    let top = project.module_directory(module);
    let real = top.canonicalize().map_err(|source| unreadable(&shown, source))?;
    if !real.starts_with(project.root()) {
        return Err(RenderError::Source {
            path: shown,
            why: "is a link that leads out of the project".into(),
        });
    }
    let mut walk = WalkBuilder::new(&real);
    // What the user's machine ignores on top comes in through `excludes`, not from the process.
    walk.standard_filters(false).parents(true).git_ignore(true).git_exclude(true).require_git(true);
    walk.filter_entry(|entry| entry.file_name() != ".git");
    for exclude in excludes {
        // A missing or odd file of patterns is as good as none, as it is for git.
        let _ = walk.add_ignore(exclude);
    }
    let (mut files, mut directories, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    for entry in walk.build() {
        let entry = entry.map_err(|error| {
            let other = || std::io::Error::other("the walk failed");
            unreadable(&shown, error.into_io_error().unwrap_or_else(other))
        })?;
        let is_directory = entry.file_type().is_none_or(|kind| kind.is_dir());
        let path = entry.into_path();
        if is_directory {
            directories.push(path.clone());
        } else {
            files.extend(read(&path, &real, &shown)?);
        }
        seen.insert(path);
    }
    if let Some(repo) = repo
        && something_is_missing(&directories, &seen)
    {
        for path in tracked(repo, &real)? {
            // Git tracks it, and somebody may have removed it.
            if !seen.contains(&path) && path.symlink_metadata().is_ok_and(|meta| !meta.is_dir()) {
                files.extend(read(&path, &real, &shown)?);
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// Whether a directory holds something that the ignore rules left out. Reading the index costs time
/// in a large repository, so it is only asked then.
fn something_is_missing(directories: &[PathBuf], seen: &BTreeSet<PathBuf>) -> bool {
    directories
        .iter()
        .filter_map(|directory| std::fs::read_dir(directory).ok())
        .flatten()
        .any(|entry| entry.is_ok_and(|entry| entry.file_name() != ".git" && !seen.contains(&entry.path())))
}

/// What git tracks below a directory.
fn tracked(repo: &Repo, directory: &Path) -> Result<Vec<PathBuf>, RenderError> {
    let Ok(top) = repo.work_dir().canonicalize() else { return Ok(Vec::new()) };
    let Ok(below) = directory.strip_prefix(&top) else { return Ok(Vec::new()) };
    let paths = repo.tracked_below(below)?;
    Ok(paths.iter().map(|path| top.join(std::ffi::OsStr::from_bytes(path))).collect())
}

/// Reads one file of the module; none for `module.toml` and `schema.json`.
fn read(file: &Path, module: &Path, shown: &str) -> Result<Option<SourceFile>, RenderError> {
    let relative = file.strip_prefix(module).unwrap_or(file);
    let Some(path) = relative.to_str().map(str::to_owned) else {
        let path = format!("{shown}/{}", relative.to_string_lossy().escape_debug());
        return Err(RenderError::Source { path, why: "has a name that is not UTF-8".into() });
    };
    if path == "module.toml" || path == SCHEMA_FILE {
        return Ok(None);
    }
    let full = format!("{shown}/{}", path.escape_debug());
    let io = |source| unreadable(&full, source);
    let kind = file.symlink_metadata().map_err(io)?.file_type();
    let target = if kind.is_symlink() {
        inside(file, module).map_err(|why| RenderError::Source { path: full.clone(), why })?
    } else if kind.is_file() {
        file.to_owned()
    } else {
        return Err(RenderError::Source { path: full, why: "is neither a file nor a directory".into() });
    };
    let bytes = std::fs::read(&target).map_err(io)?;
    let mode = std::fs::metadata(&target).map_err(io)?.permissions().mode() & 0o777;
    Ok(Some(SourceFile { path, bytes, mode }))
}

fn unreadable(path: &str, source: std::io::Error) -> RenderError {
    RenderError::Io { what: "read", path: path.to_owned(), source }
}

/// The file that a link leads to.
fn inside(link: &Path, module: &Path) -> Result<PathBuf, String> {
    let target = link.canonicalize().map_err(|_| "is a link that leads nowhere".to_owned())?;
    if !target.starts_with(module) {
        return Err("is a link that leads out of the module".to_owned());
    }
    if target.file_name().is_some_and(|name| name == "module.toml") && target.parent() == Some(module) {
        return Err("is a link to module.toml".to_owned());
    }
    if !target.is_file() {
        return Err("is a link to a directory; only links to files of the module are followed".to_owned());
    }
    Ok(target)
}
