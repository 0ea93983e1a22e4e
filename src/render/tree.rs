//! A directory below the project, in which nothing is ever reached through a symbolic link.
//!
//! Every component is opened from its parent's descriptor without following links, so that a link
//! planted in the output cannot lead a write, a read or a removal out of it, not even in a race.

mod entries;
mod staged;

use std::collections::HashMap;
use std::fs::{File, Permissions};
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

pub(super) use staged::Staged;

use super::RenderError;
use crate::git;

/// What stands at a path.
#[derive(Debug)]
pub(crate) enum Existing {
    Missing,
    File {
        bytes: Vec<u8>,
        mode: u32,
    },
    Directory,
    /// A link, socket, pipe or device.
    Other,
}

/// An open directory and those below it that were used.
#[derive(Debug)]
pub(crate) struct Tree {
    /// Relative to the project, or absolute, for messages.
    shown: String,
    root: OwnedFd,
    directories: HashMap<String, OwnedFd>,
}

/// No file is larger that a build or lockstep itself has written there.
const LARGEST: u64 = 2 * crate::read::SOURCE;

const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

impl Tree {
    /// Opens a directory below the project, component by component; none if it is not there and
    /// `create` is not set.
    pub(crate) fn open(project: &Path, parts: &[&str], create: bool) -> Result<Option<Self>, RenderError> {
        Self::below(project, String::new(), DIRECTORY, parts, create)
    }

    /// As [`Self::open`], below a directory that may itself be reached through a link; messages name it
    /// too, for it may lie anywhere.
    pub(super) fn open_linked(
        directory: &Path,
        parts: &[&str],
        create: bool,
    ) -> Result<Option<Self>, RenderError> {
        let shown = directory.display().to_string();
        Self::below(directory, shown, DIRECTORY.difference(OFlags::NOFOLLOW), parts, create)
    }

    /// Where it is, relative to the project or absolute.
    pub(super) fn shown(&self) -> &Path {
        Path::new(&self.shown)
    }

    /// Opens a directory below the project, and makes what is not there of it.
    pub(super) fn make(project: &Path, parts: &[&str]) -> Result<Self, RenderError> {
        // With `create` it is there, or there is an error.
        Self::open(project, parts, true)?.ok_or_else(|| io("create", &parts.join("/"), Errno::NOENT))
    }

    fn below(
        start: &Path,
        mut shown: String,
        flags: OFlags,
        parts: &[&str],
        create: bool,
    ) -> Result<Option<Self>, RenderError> {
        let mut fd = rustix::fs::open(start, flags, Mode::empty())
            .map_err(|error| io("open", &start.display().to_string(), error))?;
        for part in parts {
            if !shown.is_empty() {
                shown.push('/');
            }
            shown.push_str(part);
            match step(fd.as_fd(), part, &shown, create)? {
                Some(next) => fd = next,
                None => return Ok(None),
            }
        }
        Ok(Some(Self { shown, root: fd, directories: HashMap::new() }))
    }

    /// A path in it as people are told of it.
    pub(super) fn path(&self, relative: &str) -> String {
        if self.shown.is_empty() {
            return relative.escape_debug().to_string();
        }
        format!("{}/{}", self.shown, relative.escape_debug())
    }

    /// The descriptor of a directory below; none if it is not there and `create` is not set. Below a file
    /// nothing is there; what is below a link is not looked at.
    fn directory(&mut self, relative: &str, create: bool) -> Result<Option<BorrowedFd<'_>>, RenderError> {
        if relative.is_empty() {
            return Ok(Some(self.root.as_fd()));
        }
        if !self.directories.contains_key(relative) {
            let (parent, name) = split(relative);
            let shown = self.path(relative);
            let Some(parent) = self.directory(parent, create)? else { return Ok(None) };
            let found = match step(parent, name, &shown, create) {
                Err(RenderError::Obstructed { .. }) if !create && is_file(parent, name) => None,
                found => found?,
            };
            let Some(fd) = found else { return Ok(None) };
            self.directories.insert(relative.to_owned(), fd);
        }
        Ok(self.directories.get(relative).map(AsFd::as_fd))
    }

    /// What stands at a path, read whole if it is a file.
    pub(crate) fn look(&mut self, relative: &str) -> Result<Existing, RenderError> {
        let shown = self.path(relative);
        let (parent, name) = split(relative);
        let Some(parent) = self.directory(parent, false)? else { return Ok(Existing::Missing) };
        // Without blocking: a pipe would wait for a writer for ever.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let fd = match rustix::fs::openat(parent, name, flags, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(Existing::Missing),
            Err(Errno::LOOP | Errno::MLINK | Errno::NXIO) => return Ok(Existing::Other),
            Err(error) => return Err(io("read", &shown, error)),
        };
        let mut file = File::from(fd);
        let fail = |source| RenderError::Io { what: "read", path: shown.clone(), source };
        let meta = file.metadata().map_err(fail)?;
        if meta.is_dir() {
            return Ok(Existing::Directory);
        }
        if !meta.is_file() {
            return Ok(Existing::Other);
        }
        let bytes = crate::read::whole(&mut file, meta.len(), LARGEST).map_err(fail)?;
        Ok(Existing::File { bytes, mode: meta.permissions().mode() & 0o777 })
    }

    /// The permission bits that a file with these gets here, where several users may share what is written.
    pub(crate) fn mode_of(&self, mode: u32) -> u32 {
        git::mode_in(&self.root, mode)
    }

    /// Writes a file under a temporary name in its directory and renames it over what is there.
    pub(crate) fn write(&mut self, relative: &str, bytes: &[u8], mode: u32) -> Result<(), RenderError> {
        let rename = |parent: BorrowedFd<'_>, temporary: &str, name: &str| {
            rustix::fs::renameat(parent, temporary, parent, name)
        };
        match self.put(relative, bytes, mode, rename)? {
            true => Ok(()),
            false => Err(io("write", &self.path(relative), Errno::EXIST)),
        }
    }

    /// As `write`, but leaves alone whatever has the name already, and reaches the disk before it has
    /// the name; whether it was written.
    pub(crate) fn create(&mut self, relative: &str, bytes: &[u8], mode: u32) -> Result<bool, RenderError> {
        self.put(relative, bytes, mode, |parent, temporary, name| {
            rustix::fs::fsync(rustix::fs::openat(parent, temporary, OFlags::RDONLY, Mode::empty())?)?;
            rustix::fs::linkat(parent, temporary, parent, name, AtFlags::empty())?;
            rustix::fs::unlinkat(parent, temporary, AtFlags::empty())
        })
    }

    /// Writes a temporary file, which `place` gives its name; false if it finds the name taken.
    fn put(
        &mut self,
        relative: &str,
        bytes: &[u8],
        mode: u32,
        place: impl FnOnce(BorrowedFd<'_>, &str, &str) -> Result<(), Errno>,
    ) -> Result<bool, RenderError> {
        let shown = self.path(relative);
        let (parent, name) = split(relative);
        let temporary = temporary(name);
        let fail = |error| io("write", &shown, error);
        let Some(parent) = self.directory(parent, true)? else { return Err(fail(Errno::NOENT)) };
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = || rustix::fs::openat(parent, temporary.as_str(), flags, Mode::from_raw_mode(mode));
        let fd = match open() {
            // One writer at a time: what lies there was left by one that was killed.
            Err(Errno::EXIST) => rustix::fs::unlinkat(parent, temporary.as_str(), AtFlags::empty())
                .and_then(|()| open())
                .map_err(fail)?,
            other => other.map_err(fail)?,
        };
        let mut file = File::from(fd);
        let mode = git::mode_in(parent, mode);
        let placed = file
            .write_all(bytes)
            .and_then(|()| give(&file, mode))
            .map_err(|source| RenderError::Io { what: "write", path: shown.clone(), source })
            .and_then(|()| match place(parent, &temporary, name) {
                Ok(()) => Ok(true),
                Err(Errno::EXIST) => Ok(false),
                Err(error) => Err(fail(error)),
            });
        if !matches!(placed, Ok(true)) {
            // A disk that is full should not keep the half of a file as well.
            let _ = rustix::fs::unlinkat(parent, temporary.as_str(), AtFlags::empty());
        }
        placed
    }

    /// Removes what a killed writer may have left of a file.
    pub(super) fn remove_temporary(&mut self, relative: &str) -> Result<(), RenderError> {
        let (parent, name) = split(relative);
        self.unlink(parent, &temporary(name))
    }

    /// Removes a file or a link; it need not be there.
    pub(super) fn remove(&mut self, relative: &str) -> Result<(), RenderError> {
        let (parent, name) = split(relative);
        self.unlink(parent, name)
    }

    fn unlink(&mut self, parent: &str, name: &str) -> Result<(), RenderError> {
        let shown = self.path(name);
        let Some(parent) = self.directory(parent, false)? else { return Ok(()) };
        match rustix::fs::unlinkat(parent, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(io("remove", &shown, error)),
        }
    }

    /// Removes the directories above a removed file, as far as they are empty.
    pub(super) fn prune_above(&mut self, relative: &str) -> Result<(), RenderError> {
        let (mut directory, _) = split(relative);
        while !directory.is_empty() {
            self.directories.remove(directory);
            let (parent, name) = split(directory);
            let Some(above) = self.directory(parent, false)? else { return Ok(()) };
            if rustix::fs::unlinkat(above, name, AtFlags::REMOVEDIR).is_err() {
                return Ok(());
            }
            directory = parent;
        }
        Ok(())
    }

    /// Opens a file for an operating-system lock, and makes it if it is not there.
    pub(super) fn lock_file(&mut self, name: &str) -> Result<File, RenderError> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.root, name, flags, Mode::from_raw_mode(0o666))
            .map(File::from)
            .map_err(|error| io("open", &self.path(name), error))?;
        git::hand_down(&file, &self.root);
        Ok(file)
    }

    /// The same, if it is there.
    pub(super) fn known_lock_file(&mut self, name: &str) -> Result<Option<File>, RenderError> {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::openat(&self.root, name, flags, Mode::empty()) {
            Ok(file) => Ok(Some(file.into())),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(io("open", &self.path(name), error)),
        }
    }
}

/// Gives a file that was just created with these permission bits what the process's mask took of them.
/// To look costs less than to set them.
fn give(file: &File, mode: u32) -> std::io::Result<()> {
    match file.metadata()?.permissions().mode() & 0o7777 == mode {
        true => Ok(()),
        false => file.set_permissions(Permissions::from_mode(mode)),
    }
}

/// Opens one directory from its parent.
fn step(
    parent: BorrowedFd<'_>,
    name: &str,
    shown: &str,
    create: bool,
) -> Result<Option<OwnedFd>, RenderError> {
    for _ in 0..2 {
        match rustix::fs::openat(parent, name, DIRECTORY, Mode::empty()) {
            Ok(fd) => return Ok(Some(fd)),
            Err(Errno::NOENT) if !create => return Ok(None),
            Err(Errno::NOENT) => match git::make_directory_in(parent, name) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(io("create", shown, error)),
            },
            Err(Errno::LOOP | Errno::MLINK | Errno::NOTDIR) => {
                let why = "a directory is needed there, and links are not followed".to_owned();
                return Err(RenderError::Obstructed { path: shown.to_owned(), why });
            }
            Err(error) => return Err(io("open", shown, error)),
        }
    }
    Err(io("create", shown, Errno::NOENT))
}

/// Whether a regular file has that name, and no link to one.
fn is_file(parent: BorrowedFd<'_>, name: &str) -> bool {
    rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile)
}

fn split(relative: &str) -> (&str, &str) {
    relative.rsplit_once('/').unwrap_or(("", relative))
}

/// The temporary file beside one that is written.
pub(super) fn temporary_path(relative: &str) -> String {
    match relative.rsplit_once('/') {
        Some((parent, name)) => format!("{parent}/{}", temporary(name)),
        None => temporary(relative),
    }
}

/// Always the same for one file, and short enough for any file system.
fn temporary(name: &str) -> String {
    let digest = super::manifest::digest(name.as_bytes());
    format!(".lockstep-{}.tmp", &digest[..16])
}

fn io(what: &'static str, path: &str, error: Errno) -> RenderError {
    RenderError::Io { what, path: path.to_owned(), source: error.into() }
}
