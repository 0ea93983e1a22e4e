//! The files of one directory, and what would have to change for another list of them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::directory::Directory;
use super::stamp::Paths;
use crate::git::Repo;

/// The files of one directory that count.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) files: Vec<(PathBuf, Kind)>,
    pub(super) directories: Vec<PathBuf>,
    /// Something stands there that the index does not list.
    pub(super) has_others: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    /// A file of which only git knows whether it may be executed.
    Marked {
        executable: bool,
    },
    Link,
    /// A link that this clone has written as a file.
    Text,
    Other,
}

impl Kind {
    pub(super) fn of(kind: std::fs::FileType) -> Self {
        if kind.is_file() {
            Self::File
        } else if kind.is_symlink() {
            Self::Link
        } else {
            Self::Other
        }
    }
}

impl Listing {
    /// Adds a file, or the files of a directory that `is_listed`, without `.git`.
    pub(super) fn walk(
        &mut self,
        path: &Path,
        is_listed: &dyn Fn(&Path) -> std::io::Result<bool>,
    ) -> std::io::Result<()> {
        let kind = match path.symlink_metadata() {
            Ok(meta) => meta.file_type(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        if !kind.is_dir() {
            self.files.push((path.to_owned(), Kind::of(kind)));
            return Ok(());
        }
        let mut waiting = vec![path.to_owned()];
        while let Some(directory) = waiting.pop() {
            for entry in std::fs::read_dir(&directory)? {
                let entry = entry?;
                let (path, kind) = (entry.path(), entry.file_type()?);
                if entry.file_name() == ".git" {
                    continue;
                }
                if !is_listed(&path)? {
                    self.has_others = true;
                } else if kind.is_dir() {
                    waiting.push(path);
                } else {
                    self.files.push((path, Kind::of(kind)));
                }
            }
            self.directories.push(directory);
        }
        Ok(())
    }
}

impl Listing {
    /// What would have to change for another list, or for other content of its files; none if links are
    /// among them. `further` are files to go with it. What is above the directory is not among it.
    pub(super) fn paths(
        &self,
        root: &Path,
        directory: &Directory,
        repo: &Repo,
        further: &[String],
    ) -> Option<Paths> {
        let is_plain = directory.real == root.join(&directory.shown);
        if !is_plain || self.files.iter().any(|(_, kind)| *kind != Kind::File) {
            return None;
        }
        let (base, index) = (root.join(&directory.shown), repo.git_dir().join("index"));
        let mut paths: BTreeSet<PathBuf> = self.files.iter().map(|(path, _)| path.clone()).collect();
        paths.extend(self.directories.iter().cloned());
        // That something is not there is told by the directory in which it is missing.
        let further = further.iter().map(|path| root.join(path));
        let further = further.chain(self.directories.iter().map(|path| path.join(".gitignore")));
        paths.extend(further.filter(|path| path.symlink_metadata().is_ok()));
        let names: Option<Vec<String>> =
            paths.iter().map(|path| Some(path.strip_prefix(&base).ok()?.to_str()?.to_owned())).collect();
        let exact = vec![index.to_str()?.to_owned()];
        Some(Paths { base: directory.shown.clone(), names: names?, exact, above: Vec::new() })
    }
}

/// Of the directories above one, all that matters for the files in it.
pub(super) fn paths_above(directory: &Directory) -> Option<Paths> {
    let (mut exact, mut above) = (Vec::new(), Vec::new());
    for path in Path::new(&directory.shown).ancestors().skip(1).filter(|path| !path.as_os_str().is_empty()) {
        let path = path.to_str()?;
        exact.extend([format!("{path}/.gitignore"), format!("{path}/.git")]);
        above.push(path.to_owned());
    }
    Some(Paths { exact, above, ..Paths::default() })
}
