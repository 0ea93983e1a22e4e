//! The files of a module, read from the working tree.
//!
//! Files that git ignores are not read, `.git` never. A symbolic link counts as the file that it
//! leads to, and only if that lies inside the module: a module under review must not be able to
//! copy the reader's own files into its output.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use ignore::WalkBuilder;

use super::RenderError;
use crate::project::{Name, Project};

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
    excludes: &[PathBuf],
) -> Result<Vec<SourceFile>, RenderError> {
    let shown = format!("modules/{module}");
    let top = project.module_directory(module);
    let io = |path: &str| {
        let path = path.to_owned();
        move |source| RenderError::Io { what: "read", path, source }
    };
    let real = top.canonicalize().map_err(io(&shown))?;
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
    let mut files = Vec::new();
    for entry in walk.build() {
        let entry = entry.map_err(|error| RenderError::Io {
            what: "read",
            path: shown.clone(),
            source: error.into_io_error().unwrap_or_else(|| std::io::Error::other("the walk failed")),
        })?;
        let relative = entry.path().strip_prefix(&real).unwrap_or(entry.path());
        let Some(kind) = entry.file_type().filter(|kind| !kind.is_dir()) else { continue };
        let Some(path) = relative.to_str().map(str::to_owned) else {
            let path = format!("{shown}/{}", relative.to_string_lossy().escape_debug());
            return Err(RenderError::Source { path, why: "has a name that is not UTF-8".into() });
        };
        if path == "module.toml" {
            continue;
        }
        let full = format!("{shown}/{}", path.escape_debug());
        let target = if kind.is_symlink() {
            inside(entry.path(), &real).map_err(|why| RenderError::Source { path: full.clone(), why })?
        } else if kind.is_file() {
            entry.path().to_owned()
        } else {
            return Err(RenderError::Source { path: full, why: "is neither a file nor a directory".into() });
        };
        let bytes = std::fs::read(&target).map_err(io(&full))?;
        let mode = std::fs::metadata(&target).map_err(io(&full))?.permissions().mode() & 0o777;
        files.push(SourceFile { path, bytes, mode });
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
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
