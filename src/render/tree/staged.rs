//! A directory that is made under a temporary name, and gets its own when it is whole.
//!
//! Nobody else may make the same one meanwhile: whoever does this holds a lock.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use super::{DIRECTORY, RenderError, Tree, git, give, io, split, temporary};

/// A directory in the making. Dropped before it is placed, it is removed.
#[derive(Debug)]
pub(in crate::render) struct Staged {
    parent: OwnedFd,
    name: String,
    temporary: String,
    placed: bool,
    tree: Tree,
}

impl Tree {
    /// Begins a directory in this one. What an interrupted making of the same one left is removed.
    pub(in crate::render) fn stage(self, name: &str) -> Result<Staged, RenderError> {
        let (shown, temporary) = (self.path(name), temporary(name));
        let make = || git::make_directory_in(&self.root, &temporary);
        match make() {
            Err(Errno::EXIST) => clear(self.root.as_fd(), &temporary).and_then(|()| make()),
            made => made,
        }
        .map_err(|error| io("create", &shown, error))?;
        let root = rustix::fs::openat(&self.root, temporary.as_str(), DIRECTORY, Mode::empty())
            .map_err(|error| io("open", &shown, error))?;
        let tree = Self { shown, root, directories: HashMap::new() };
        Ok(Staged { parent: self.root, name: name.to_owned(), temporary, placed: false, tree })
    }

    /// Writes a file where none is, for directories that nobody sees yet.
    pub(in crate::render) fn fill(
        &mut self,
        relative: &str,
        bytes: &[u8],
        mode: u32,
    ) -> Result<(), RenderError> {
        let shown = self.path(relative);
        let (parent, name) = split(relative);
        let fail = |error| io("write", &shown, error);
        let Some(parent) = self.directory(parent, true)? else { return Err(fail(Errno::NOENT)) };
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(parent, name, flags, Mode::from_raw_mode(mode)).map_err(fail)?;
        let mut file = File::from(fd);
        let mode = git::mode_in(parent, mode);
        file.write_all(bytes).and_then(|()| give(&file, mode)).map_err(|source| RenderError::Io {
            what: "write",
            path: shown.clone(),
            source,
        })
    }
}

impl Staged {
    /// The directory as it is so far.
    pub(in crate::render) fn tree(&mut self) -> &mut Tree {
        &mut self.tree
    }

    /// Gives the directory its name, which nothing but an empty directory may have.
    pub(in crate::render) fn place(mut self) -> Result<(), RenderError> {
        rustix::fs::renameat(&self.parent, self.temporary.as_str(), &self.parent, self.name.as_str())
            .map_err(|error| io("create", &self.tree.shown, error))?;
        self.placed = true;
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.placed {
            // A disk that is full should not keep the half of a unit as well.
            let _ = clear(self.parent.as_fd(), &self.temporary);
        }
    }
}

/// Removes whatever has a name, with all that is in it, and follows no link.
fn clear(parent: BorrowedFd<'_>, name: &str) -> Result<(), Errno> {
    let fd = match rustix::fs::openat(parent, name, DIRECTORY, Mode::empty()) {
        Ok(fd) => fd,
        Err(Errno::NOENT) => return Ok(()),
        Err(Errno::NOTDIR | Errno::LOOP | Errno::MLINK) => {
            return rustix::fs::unlinkat(parent, name, AtFlags::empty());
        }
        Err(error) => return Err(error),
    };
    for entry in rustix::fs::Dir::read_from(&fd)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        match rustix::fs::unlinkat(&fd, name, AtFlags::empty()) {
            // What systems say of a directory differs.
            Err(Errno::ISDIR | Errno::PERM) => match name.to_str() {
                Ok(name) => clear(fd.as_fd(), name)?,
                // No output has such a name, so it is none of ours.
                Err(_) => return Err(Errno::NOTEMPTY),
            },
            done => done?,
        }
    }
    rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR)
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::os::unix::fs::PermissionsExt as _;

    fn tree(directory: &std::path::Path) -> Tree {
        Tree::open(directory, &[], false).unwrap().unwrap()
    }

    fn entries(directory: &std::path::Path) -> Vec<String> {
        let names = std::fs::read_dir(directory).unwrap();
        let mut names: Vec<String> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_directory_has_its_name_when_it_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let mut staged = tree(dir.path()).stage("dev").unwrap();
        staged.tree().fill("sub/a", b"1", 0o640).unwrap();
        assert!(!dir.path().join("dev").exists());
        staged.place().unwrap();
        assert_eq!(entries(dir.path()), ["dev"]);
        let file = dir.path().join("dev/sub/a");
        assert_eq!(std::fs::read(&file).unwrap(), b"1");
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o640);
    }

    #[test]
    fn what_is_not_placed_is_gone_and_what_a_kill_left_too() {
        let dir = tempfile::tempdir().unwrap();
        let mut staged = tree(dir.path()).stage("dev").unwrap();
        staged.tree().fill("sub/deep/a", b"1", 0o644).unwrap();
        assert!(staged.tree().fill("sub/deep/a", b"2", 0o644).is_err(), "only where none is");
        let temporary = dir.path().join(&staged.temporary);
        drop(staged);
        assert!(entries(dir.path()).is_empty());
        std::fs::create_dir_all(temporary.join("sub/deep")).unwrap();
        std::fs::write(temporary.join("sub/half"), "x").unwrap();
        tree(dir.path()).stage("dev").unwrap().place().unwrap();
        assert_eq!(entries(dir.path()), ["dev"]);
        assert!(entries(&dir.path().join("dev")).is_empty());
    }

    #[test]
    fn nothing_is_removed_or_written_through_a_link() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(other.path().join("precious"), "x").unwrap();
        let name = temporary("dev");
        std::os::unix::fs::symlink(other.path(), dir.path().join(&name)).unwrap();
        let mut staged = tree(dir.path()).stage("dev").unwrap();
        std::os::unix::fs::symlink(other.path(), dir.path().join(&name).join("sub")).unwrap();
        assert!(staged.tree().fill("sub/a", b"1", 0o644).is_err());
        drop(staged);
        assert_eq!(entries(other.path()), ["precious"]);
        assert!(entries(dir.path()).is_empty());
    }

    #[test]
    fn what_has_the_name_stays() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("dev")).unwrap();
        std::fs::write(dir.path().join("dev/a"), "mine").unwrap();
        assert!(tree(dir.path()).stage("dev").unwrap().place().is_err());
        assert_eq!(std::fs::read(dir.path().join("dev/a")).unwrap(), b"mine");
        assert_eq!(entries(dir.path()), ["dev"]);
    }
}
