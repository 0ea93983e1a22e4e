//! The files of a module, read from the working tree.
//!
//! Which files there are git's index says, and what git does not ignore beside it; `.git` is never read.
//! What git tracks and the disk does not show is refused by name. Without git the disk counts. What a
//! symbolic link stands for is in `links`.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::RenderError;
use super::directory::Directory;
use super::listing::{Kind, Listing};
use crate::git::Repo;
use crate::project::{
    Earlier, Files, Former, Index, ListedKind, Placeholder, ProjectError, SCHEMA_FILE, shell_word,
};
use crate::read::{self, Unfit};

/// One file of a module.
#[derive(Debug)]
pub(super) struct SourceFile {
    /// Relative to its directory, `/` between components.
    pub(super) path: String,
    /// Relative to the project, safe to print.
    pub(super) shown: String,
    pub(super) bytes: Vec<u8>,
    /// Permission bits.
    pub(super) mode: u32,
}

impl SourceFile {
    /// Whether it may be executed: of permissions git keeps no more.
    pub(super) const fn executable(&self) -> bool {
        self.mode & 0o100 != 0
    }

    /// Whether both are the same file with the same content.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        (&self.path, self.executable(), &self.bytes) == (&other.path, other.executable(), &other.bytes)
    }
}

/// What was read of a module's directory so far.
#[derive(Default)]
pub(super) struct Reading {
    pub(super) files: Vec<SourceFile>,
    bytes: u64,
    /// The directories, each reached through a link in the one before it, in which reading goes on.
    pub(super) within: Vec<PathBuf>,
}

impl Reading {
    pub(super) fn add(&mut self, file: SourceFile, directory: &Directory) -> Result<(), RenderError> {
        self.bytes += file.bytes.len() as u64;
        self.files.push(file);
        fits(self.bytes, &directory.shown)
    }
}

/// Reads directories as git sees them. One reader serves any number of modules.
pub(super) struct Reader {
    pub(super) files: Files,
}

impl Reader {
    /// A reader of these files; what git says of them is asked of `repo` where they do not know it.
    pub(super) fn new(files: &Files, repo: Option<&Repo>) -> Self {
        let index = repo.filter(|_| files.index().is_none());
        let index = index.and_then(|repo| super::inputs::index(files.root(), repo));
        Self { files: index.map_or_else(|| files.clone(), |index| files.indexed(index)) }
    }

    /// The same reader, for who wants to be told what was looked at.
    pub(super) fn watched_by(&self, files: &Files) -> Self {
        let files = match self.files.index() {
            Some(index) => files.indexed(index.clone()),
            None => files.clone(),
        };
        Self { files }
    }

    /// Lists directories: one list for each, in their order.
    pub(super) fn list(&self, directories: &[&Directory]) -> Result<Vec<Listing>, RenderError> {
        let Some(earlier) = self.files.earlier() else { return self.list_disk(directories) };
        let there: Vec<&Directory> = directories.iter().copied().filter(|d| d.real.is_dir()).collect();
        let mut listed = self.list_disk(&there)?.into_iter();
        let list = |directory: &&Directory| {
            let disk = if directory.real.is_dir() { listed.next() } else { None };
            self.put_back(disk.unwrap_or_default(), directory, earlier)
        };
        Ok(directories.iter().map(list).collect())
    }

    /// A list as it was earlier.
    fn put_back(&self, mut listing: Listing, directory: &Directory, earlier: &Earlier) -> Listing {
        let below =
            |path: &Path| path.strip_prefix(self.files.root()).map(Path::to_owned).unwrap_or_default();
        let changed = |path: &Path| path.ancestors().any(|path| earlier.changed.contains_key(path));
        listing.files.retain(|(path, _)| !changed(&below(path)));
        for (path, was) in earlier.below(&below(&directory.real)) {
            let kind = match was {
                Former::Absent => continue,
                Former::File { .. } => Kind::File,
                Former::Link { .. } => Kind::Link,
                Former::Unreadable(_) => Kind::Other,
            };
            listing.files.push((self.files.root().join(path), kind));
        }
        listing
    }

    fn list_disk(&self, directories: &[&Directory]) -> Result<Vec<Listing>, RenderError> {
        let one = |directory: &&Directory| {
            let fail = |source| unreadable(&directory.shown, source);
            let Some(index) = self.files.index() else {
                let mut listing = Listing::default();
                listing.walk(&directory.real, &|_| Ok(true)).map_err(fail)?;
                return Ok(listing);
            };
            self.list_indexed(directory, index).map_err(fail)
        };
        directories.iter().map(one).collect()
    }

    /// What the index lists, and what stands beside it and is not ignored.
    fn list_indexed(&self, directory: &Directory, index: &Index) -> std::io::Result<Listing> {
        let root = self.files.root();
        let below = directory.real.strip_prefix(root).unwrap_or(&directory.real);
        // The directory itself may be a submodule, or lie in one.
        if let Some(not_here) = index.not_here(root, below)? {
            return Err(not_here.into());
        }
        let mut listing = Listing::default();
        listing.walk(&directory.real, &|path| index.lists(path.strip_prefix(root).unwrap_or(path)))?;
        listing.files.clear();
        for listed in index.below(below)? {
            if let Some(not_here) = listed.not_here(root) {
                return Err(not_here.into());
            }
            let path = root.join(listed.as_path());
            // Git tracks it, and somebody may have removed it.
            let Ok(meta) = path.symlink_metadata() else { continue };
            let kind = match (listed.kind, Kind::of(meta.file_type())) {
                _ if meta.is_dir() => continue,
                (ListedKind::File(Some(executable)), Kind::File) => Kind::Marked { executable },
                (ListedKind::Link { as_text: true }, Kind::File) => Kind::Text,
                (_, kind) => kind,
            };
            listing.files.push((path, kind));
        }
        if listing.has_others {
            for other in index.others_below(below)? {
                let path = root.join(other);
                let above = path.ancestors().skip(1).take_while(|above| above.starts_with(&directory.real));
                listing.directories.extend(above.map(Path::to_owned));
                listing.walk(&path, &|_| Ok(true))?;
            }
        }
        listing.directories.sort();
        listing.directories.dedup();
        Ok(listing)
    }

    /// Lists and reads the files of one directory.
    pub(super) fn files(&self, directory: &Directory) -> Result<Vec<SourceFile>, RenderError> {
        match self.list(&[directory])?.first() {
            Some(listing) => self.read(directory, listing),
            None => Ok(Vec::new()),
        }
    }

    /// Reads the files of a directory, sorted by path, without what is lockstep's own.
    pub(super) fn read(
        &self,
        directory: &Directory,
        listing: &Listing,
    ) -> Result<Vec<SourceFile>, RenderError> {
        let mut found = Reading::default();
        self.read_listed(directory, listing, Path::new(""), &mut found)?;
        found.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found.files)
    }

    /// Reads what is listed of a directory that counts as one at this path of the module.
    pub(super) fn read_listed(
        &self,
        directory: &Directory,
        listing: &Listing,
        at: &Path,
        found: &mut Reading,
    ) -> Result<(), RenderError> {
        for (path, kind) in &listing.files {
            let relative = at.join(path.strip_prefix(&directory.real).unwrap_or(path));
            self.note(path);
            let Some(relative) = relative.to_str().map(str::to_owned) else {
                let path = format!("{}/{}", directory.shown, relative.to_string_lossy().escape_debug());
                return Err(RenderError::Source { path, why: "has a name that is not UTF-8".into() });
            };
            if relative == "module.toml" || relative == SCHEMA_FILE {
                continue;
            }
            if *kind == Kind::Link {
                self.follow(path, relative, directory, found)?;
            } else {
                found.add(self.read_one(path, *kind, relative, directory)?, directory)?;
            }
        }
        Ok(())
    }

    /// Reads one file, which counts as one at this path of the module.
    pub(super) fn read_one(
        &self,
        file: &Path,
        kind: Kind,
        path: String,
        directory: &Directory,
    ) -> Result<SourceFile, RenderError> {
        let shown = format!("{}/{}", directory.shown, path.escape_debug());
        let refuse = |why: String| RenderError::Source { path: shown.clone(), why };
        match kind {
            Kind::File | Kind::Link | Kind::Marked { .. } => {}
            Kind::Text => {
                let cure = format!(
                    "git config core.symlinks true && rm {0} && git checkout -- {0}",
                    shell_word(&shown)
                );
                return Err(RenderError::Undelivered { path: shown, why: AS_TEXT, cure });
            }
            Kind::Other => return Err(refuse(self.odd(file).into())),
        }
        let (bytes, mode) = self.contents(file).map_err(|source| match Unfit::of(&source) {
            Some(Unfit::TooLarge(limit)) => refuse(format!("is larger than {}; {LARGE}", read::size(limit))),
            Some(_) => refuse("is neither a file nor a directory".into()),
            None => unreadable(&shown, source),
        })?;
        if let Some(placeholder) = Placeholder::of(&bytes) {
            let cure = placeholder.cure().to_owned();
            return Err(RenderError::Undelivered { path: shown, why: placeholder.what(), cure });
        }
        let mode = match kind {
            Kind::Marked { executable: true } => 0o755,
            Kind::Marked { executable: false } => 0o644,
            _ => mode,
        };
        Ok(SourceFile { path, shown, bytes, mode })
    }

    /// An absolute path is looked at.
    pub(super) fn note(&self, path: &Path) {
        self.files.note(path.strip_prefix(self.files.root()).unwrap_or(path));
    }

    /// What stood at an absolute path earlier, if that has changed since.
    fn former(&self, path: &Path) -> Option<(&Earlier, &Former)> {
        let earlier = self.files.earlier()?;
        let below = path.strip_prefix(self.files.root()).ok()?;
        earlier.changed.get(below).map(|was| (earlier, was))
    }

    fn odd(&self, path: &Path) -> &'static str {
        match self.former(path) {
            Some((_, Former::Unreadable(why))) => why,
            _ => "is neither a file nor a directory",
        }
    }

    /// A file's bytes and permission bits.
    fn contents(&self, path: &Path) -> std::io::Result<(Vec<u8>, u32)> {
        match self.former(path) {
            Some((earlier, Former::File { executable, id })) => {
                Ok(((earlier.read)(id)?, if *executable { 0o755 } else { 0o644 }))
            }
            _ => contents(path),
        }
    }
}

fn contents(path: &Path) -> std::io::Result<(Vec<u8>, u32)> {
    let mut file = read::open(path)?;
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(Unfit::NotRegular.into());
    }
    Ok((read::whole(&mut file, meta.len(), read::SOURCE)?, meta.permissions().mode() & 0o777))
}

/// Refuses a directory, or all that a module is made of, with more bytes than memory is meant for.
pub(super) fn fits(bytes: u64, shown: &str) -> Result<(), RenderError> {
    if bytes <= read::SOURCE {
        return Ok(());
    }
    let why = format!("holds more than {} in all; {LARGE}", read::size(read::SOURCE));
    Err(RenderError::Source { path: shown.to_owned(), why })
}

/// What to do with what is too large.
const LARGE: &str = "keep large files outside of modules, and name them by a path below `{{ root }}`";

pub(super) fn unreadable(path: &str, source: std::io::Error) -> RenderError {
    match ProjectError::read(path, source) {
        ProjectError::Read { path, source } => RenderError::Io { what: "read", path, source },
        other => other.into(),
    }
}

const AS_TEXT: &str = "is a symbolic link in git and a file with its text here (core.symlinks=false)";
