//! The files of a project, read through one door: the working tree as it is, or as it was before
//! certain paths changed.
//!
//! The earlier state is the working tree with the changed paths put back: what git calls unchanged is
//! read from the disk, everything else from git's objects, so that no filter or checkout setting of
//! this machine counts as a difference. Of what was changed nothing is read through a link that leads
//! out of the project. A reader can be asked which paths it looked at, missing ones among them. In a
//! repository only what git's index lists or git does not ignore is there ([`Index`]).

use std::ffi::OsString;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::earlier::{Earlier, Former};
use super::{Index, NotHere, Seen, stand_in};
use crate::read::{self, Unfit};

/// No way through more links than this is followed, as the kernel has it.
const MOST_LINKS: usize = 40;

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    Missing,
    /// A file.
    File,
    /// A directory.
    Directory,
    /// Neither.
    Other,
}

/// What stands at a path itself.
enum Entry {
    Missing,
    File,
    Directory,
    Link(PathBuf),
    Other,
}

/// The files of a project. Cloning shares the earlier state and what was seen.
#[derive(Clone, Debug)]
pub struct Files {
    root: PathBuf,
    index: Option<Index>,
    earlier: Option<Earlier>,
    seen: Option<Arc<Mutex<Seen>>>,
}

impl Files {
    /// The working tree below this directory, which is absolute and without links.
    pub fn working_tree(root: PathBuf) -> Self {
        Self { root, index: None, earlier: None, seen: None }
    }

    /// The same files, as far as they count in a repository.
    #[must_use]
    pub fn indexed(&self, index: Index) -> Self {
        Self { index: Some(index), ..self.clone() }
    }

    /// What git says of the files; none without a repository.
    pub(crate) fn index(&self) -> Option<&Index> {
        self.index.as_ref()
    }

    /// The same project before these changes.
    #[must_use]
    pub fn before(&self, earlier: Earlier) -> Self {
        Self { earlier: Some(earlier), ..self.clone() }
    }

    /// The same files, with a memory of its own of what is looked at from now on.
    #[must_use]
    pub fn watched(&self) -> Self {
        Self { seen: Some(Arc::default()), ..self.clone() }
    }

    /// What was looked at so far; nothing if nobody watches.
    pub fn seen(&self) -> Seen {
        self.memory().map_or_else(Seen::default, |seen| seen.clone())
    }

    /// The project's directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What differs from the working tree.
    pub(crate) fn earlier(&self) -> Option<&Earlier> {
        self.earlier.as_ref()
    }

    fn memory(&self) -> Option<MutexGuard<'_, Seen>> {
        // It is whole at every moment.
        self.seen.as_ref().map(|seen| seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A path is looked at, with all below it if it is a directory.
    pub(crate) fn note(&self, relative: &Path) {
        if let Some(mut seen) = self.memory() {
            seen.paths.insert(relative.components().filter(|part| *part != Component::CurDir).collect());
        }
    }

    /// All that somebody else has looked at is looked at.
    pub(crate) fn note_all(&self, other: &Seen) {
        if let Some(mut seen) = self.memory() {
            seen.add(other);
        }
    }

    /// A file of expressions was read.
    pub(crate) fn note_text(&self, text: &str) {
        if let Some(mut seen) = self.memory() {
            seen.may_read_files |= stand_in::tags(text, "{{", "}}").any(stand_in::may_read_files);
        }
    }

    /// The bytes of a configuration file; links within the project are followed.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] if there is none, and whatever keeps it from being read.
    pub(crate) fn read(&self, relative: &str) -> io::Result<Vec<u8>> {
        let relative = Path::new(relative);
        self.note(relative);
        if self.earlier.is_none() && self.seen.is_none() && self.is_plain(relative)? {
            return self.read_disk(relative);
        }
        match self.resolve(relative) {
            Ok((real, _)) => self.read_real(&real),
            Err(way) => Err(way.into()),
        }
    }

    /// Whether a file can be read without following its way: there is no repository, or it lists the file.
    fn is_plain(&self, relative: &Path) -> io::Result<bool> {
        let Some(index) = &self.index else { return Ok(true) };
        Ok(index.at(relative)?.is_some_and(|listed| listed.absence.is_none()))
    }

    /// The bytes of what stands at a path itself.
    fn read_real(&self, real: &Path) -> io::Result<Vec<u8>> {
        match self.earlier.as_ref().and_then(|earlier| Some((earlier, earlier.changed.get(real)?))) {
            Some((earlier, Former::File { id, .. })) => (earlier.read)(id),
            Some((_, Former::Unreadable(why))) => Err(Way::Hidden(why).into()),
            Some((_, Former::Absent | Former::Link { .. })) => Err(io::ErrorKind::IsADirectory.into()),
            None => self.read_disk(real),
        }
    }

    /// The bytes of a file of the disk that lies in the project, be it behind links.
    fn read_disk(&self, relative: &Path) -> io::Result<Vec<u8>> {
        let real = self.root.join(relative).canonicalize()?;
        match real.starts_with(&self.root) {
            true => read::regular(&real, read::CONFIG),
            false => Err(Unfit::Outside.into()),
        }
    }

    /// What a path leads to; links are followed. Only the answer counts as seen.
    pub(crate) fn kind(&self, relative: &str) -> Kind {
        let relative = Path::new(relative);
        let kind = match (&self.earlier, &self.index) {
            (None, None) => self.kind_now(relative),
            _ => match self.resolve(relative) {
                Ok((_, kind)) => kind,
                Err(Way::Missing) => Kind::Missing,
                // Something was there, and will hardly have been something else.
                Err(_) => match self.kind_now(relative) {
                    Kind::Missing => Kind::File,
                    kind => kind,
                },
            },
        };
        if let Some(mut seen) = self.memory() {
            seen.kinds.insert(relative.to_owned(), kind);
        }
        kind
    }

    pub(super) fn kind_now(&self, relative: &Path) -> Kind {
        self.root.join(relative).metadata().map_or(Kind::Missing, |meta| {
            match (meta.is_dir(), meta.is_file()) {
                (true, _) => Kind::Directory,
                (_, true) => Kind::File,
                _ => Kind::Other,
            }
        })
    }

    /// Whether anything stands at a path itself, be it a link that leads nowhere.
    pub(crate) fn stands(&self, relative: &str) -> bool {
        let relative = Path::new(relative);
        self.note(relative);
        let parent = relative.parent().unwrap_or(Path::new(""));
        match self.resolve(parent) {
            Ok((parent, Kind::Directory)) => {
                let itself = relative.file_name().map_or(parent.clone(), |name| parent.join(name));
                !matches!(self.look(&itself), Ok(Entry::Missing))
            }
            _ => false,
        }
    }

    /// The path without links, absolute, and what is there.
    ///
    /// # Errors
    /// When it leads nowhere, or out of the project on a way that has changed.
    pub(crate) fn real(&self, relative: &str) -> io::Result<(PathBuf, Kind)> {
        let relative = Path::new(relative);
        self.note(relative);
        // The root has no links: only what is below it has to be looked at.
        match self.resolve(relative) {
            Ok((real, kind)) => {
                self.note(&real);
                Ok((self.root.join(real), kind))
            }
            Err(Way::Outside { formerly: false }) => {
                Ok((self.root.join(relative).canonicalize()?, Kind::Other))
            }
            Err(way) => Err(way.into()),
        }
    }

    /// Follows a path through all links: where it ends, relative to the project, and what is there.
    pub(super) fn resolve(&self, relative: &Path) -> Result<(PathBuf, Kind), Way> {
        let mut rest: Vec<OsString> = parts(relative);
        let (mut at, mut links, mut formerly) = (PathBuf::new(), 0, false);
        let mut kind = Kind::Directory;
        while let Some(part) = rest.pop() {
            if part == ".." {
                if !at.pop() {
                    return Err(Way::Outside { formerly });
                }
                kind = Kind::Directory;
                continue;
            }
            if kind != Kind::Directory {
                return Err(Way::Missing);
            }
            at.push(part);
            kind = match self.look(&at)? {
                Entry::Missing => {
                    self.note(&at);
                    return Err(Way::Missing);
                }
                Entry::File => Kind::File,
                Entry::Directory => Kind::Directory,
                Entry::Other => Kind::Other,
                Entry::Link(target) => {
                    self.note(&at);
                    formerly |= self.earlier.as_ref().is_some_and(|e| e.changed.contains_key(&at));
                    links += 1;
                    if links > MOST_LINKS {
                        return Err(Way::Circle);
                    }
                    let target = if target.is_absolute() {
                        at = PathBuf::new();
                        target.strip_prefix(&self.root).map_err(|_| Way::Outside { formerly })?.to_owned()
                    } else {
                        at.pop();
                        target
                    };
                    rest.extend(parts(&target));
                    Kind::Directory
                }
            };
        }
        if kind == Kind::File {
            self.note(&at);
        }
        Ok((at, kind))
    }

    /// What stands at a path, all of whose parents are directories.
    fn look(&self, path: &Path) -> Result<Entry, Way> {
        if let Some(earlier) = &self.earlier {
            match earlier.changed.get(path) {
                Some(Former::File { .. }) => return Ok(Entry::File),
                Some(Former::Link { id }) => {
                    use std::os::unix::ffi::OsStringExt as _;
                    let target = (earlier.read)(id).map_err(Way::Io)?;
                    return Ok(Entry::Link(OsString::from_vec(target).into()));
                }
                Some(Former::Unreadable(why)) => return Err(Way::Hidden(why)),
                Some(Former::Absent) | None => {
                    let mut below = earlier.below(path).filter(|(below, _)| *below != path).peekable();
                    let added_only = below.peek().is_some() && below.all(|(_, was)| *was == Former::Absent);
                    if earlier.below(path).any(|(_, was)| *was != Former::Absent) {
                        return Ok(Entry::Directory);
                    }
                    if earlier.changed.contains_key(path) {
                        return Ok(Entry::Missing);
                    }
                    // A directory that is new, unless something in it is not.
                    if added_only && !self.holds_something_old(earlier, path) {
                        return Ok(Entry::Missing);
                    }
                }
            }
        }
        let full = self.root.join(path);
        match full.symlink_metadata() {
            Ok(meta) if !self.counts_as(path, &meta).map_err(Way::Io)? => Ok(Entry::Missing),
            Ok(meta) if meta.is_dir() => Ok(Entry::Directory),
            Ok(meta) if meta.is_file() => Ok(Entry::File),
            Ok(meta) if meta.is_symlink() => std::fs::read_link(&full).map(Entry::Link).map_err(Way::Io),
            Ok(_) => Ok(Entry::Other),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                self.hidden(path)
            }
            Err(error) => Err(Way::Io(error)),
        }
    }

    /// Whether what the disk has at a path counts.
    pub(super) fn counts(&self, path: &Path) -> io::Result<bool> {
        self.index.as_ref().map_or(Ok(true), |index| index.counts(path))
    }

    /// The same for what is known to be there: an empty directory is not asked about.
    fn counts_as(&self, path: &Path, meta: &std::fs::Metadata) -> io::Result<bool> {
        let Some(index) = &self.index else { return Ok(true) };
        if meta.is_dir() && !index.lists(path)? && std::fs::read_dir(self.root.join(path))?.next().is_none() {
            return Ok(path.as_os_str().is_empty());
        }
        index.counts(path)
    }

    /// Whether the disk has something at a path, and git ignores it.
    pub(super) fn ignores(&self, relative: &str) -> bool {
        let full = self.root.join(relative);
        let is_empty = std::fs::read_dir(&full).is_ok_and(|mut all| all.next().is_none());
        full.symlink_metadata().is_ok() && !is_empty && self.counts(Path::new(relative)).is_ok_and(|it| !it)
    }

    /// What git has at a path where the disk has nothing.
    fn hidden(&self, path: &Path) -> Result<Entry, Way> {
        let Some(index) = &self.index else { return Ok(Entry::Missing) };
        match index.not_here(&self.root, path).map_err(Way::Io)? {
            None => Ok(Entry::Missing),
            // A directory of which nothing is here; what is read of it is told by name.
            Some(_) if !index.below(path).map_err(Way::Io)?.is_empty() => Ok(Entry::Directory),
            Some(not_here) => Err(Way::NotHere(not_here)),
        }
    }

    /// Whether a directory of the disk holds anything but what is new.
    fn holds_something_old(&self, earlier: &Earlier, directory: &Path) -> bool {
        let Ok(entries) = std::fs::read_dir(self.root.join(directory)) else { return false };
        entries.flatten().any(|entry| {
            let path = directory.join(entry.file_name());
            if earlier.changed.contains_key(&path) {
                return false;
            }
            let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
            !is_dir || earlier.below(&path).next().is_none() || self.holds_something_old(earlier, &path)
        })
    }
}

/// Why a path leads nowhere.
#[derive(Debug)]
pub(super) enum Way {
    Missing,
    Circle,
    /// Out of the project; whether over a link that is there no more.
    Outside {
        formerly: bool,
    },
    /// Something stood there that cannot be read any more.
    Hidden(&'static str),
    /// Git tracks it, and it is not on the disk.
    NotHere(NotHere),
    Io(io::Error),
}

impl From<Way> for io::Error {
    fn from(way: Way) -> Self {
        match way {
            Way::Missing => io::ErrorKind::NotFound.into(),
            Way::Circle => io::Error::other("too many links"),
            Way::Outside { .. } => Unfit::Outside.into(),
            Way::Hidden(why) => io::Error::other(format!("it {why}")),
            Way::NotHere(not_here) => not_here.into(),
            Way::Io(error) => error,
        }
    }
}

/// The parts of a path, the last one first.
fn parts(path: &Path) -> Vec<OsString> {
    let named = path.components().filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
    named.rev().map(|part| part.as_os_str().to_owned()).collect()
}
