//! The files of a module, read from the working tree.
//!
//! Files that git ignores are not read, `.git` never; what git tracks it does not ignore. A symbolic
//! link counts as the file that it leads to, and only if that lies inside the same directory: a
//! module under review must not be able to copy the reader's own files into its output.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ignore::WalkBuilder;

use super::RenderError;
use super::directory::Directory;
use super::stamp::Paths;
use crate::git::Repo;
use crate::project::{Earlier, Files, Former, SCHEMA_FILE};

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

/// Reads directories as git sees them. One reader serves any number of modules.
pub(super) struct Reader<'a> {
    files: &'a Files,
    repo: Option<&'a Repo>,
    /// The user's own files of ignore patterns.
    excludes: &'a [PathBuf],
    /// What git tracks in the project, sorted. Reading the index takes time in a large repository,
    /// so it is read when it is needed, and once.
    tracked: OnceLock<Option<Vec<PathBuf>>>,
}

/// The files of one directory that count.
#[derive(Debug, Default)]
pub(super) struct Listing {
    files: Vec<(PathBuf, Kind)>,
    directories: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    File,
    Link,
    Other,
}

impl Kind {
    fn of(kind: std::fs::FileType) -> Self {
        if kind.is_file() {
            Self::File
        } else if kind.is_symlink() {
            Self::Link
        } else {
            Self::Other
        }
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(files: &'a Files, repo: Option<&'a Repo>, excludes: &'a [PathBuf]) -> Self {
        Self { files, repo, excludes, tracked: OnceLock::new() }
    }

    /// Lists directories in one walk, which reads the ignore rules above them once. One list for
    /// each, in their order.
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
        let Some((first, others)) = directories.split_first() else { return Ok(Vec::new()) };
        let mut walk = WalkBuilder::new(&first.real);
        others.iter().for_each(|directory| {
            walk.add(&directory.real);
        });
        // What the user's machine ignores on top comes in through `excludes`, not from the process.
        walk.standard_filters(false).parents(true).git_ignore(true).git_exclude(true).require_git(true);
        walk.filter_entry(|entry| entry.file_name() != ".git");
        for exclude in self.excludes {
            // A missing or odd file of patterns is as good as none, as it is for git.
            let _ = walk.add_ignore(exclude);
        }
        let mut listings: Vec<Listing> = Vec::with_capacity(directories.len());
        for entry in walk.build() {
            let shown = directories.get(listings.len().saturating_sub(1)).map_or("modules", |d| &d.shown);
            let entry = entry.map_err(|error| {
                let other = || std::io::Error::other("the walk failed");
                unreadable(shown, error.into_io_error().unwrap_or_else(other))
            })?;
            if entry.depth() == 0 {
                listings.push(Listing::default());
            }
            let Some(listing) = listings.last_mut() else { continue };
            match entry.file_type() {
                Some(kind) if !kind.is_dir() => listing.files.push((entry.into_path(), Kind::of(kind))),
                _ => listing.directories.push(entry.into_path()),
            }
        }
        for (listing, directory) in listings.iter_mut().zip(directories) {
            self.add_tracked(listing, directory)?;
        }
        Ok(listings)
    }

    /// Adds what git tracks although a pattern ignores it.
    fn add_tracked(&self, listing: &mut Listing, directory: &Directory) -> Result<(), RenderError> {
        let Some(repo) = self.repo else { return Ok(()) };
        if self.tracked.get().is_none() && !listing.lacks_something() {
            return Ok(());
        }
        let tracked = self.tracked(repo)?;
        let from = tracked.partition_point(|path| path.as_path() < directory.real.as_path());
        let below = tracked[from..].iter().take_while(|path| path.starts_with(&directory.real));
        let seen: BTreeSet<&Path> = listing.files.iter().map(|(path, _)| path.as_path()).collect();
        let mut missing = Vec::new();
        for path in below.filter(|path| !seen.contains(path.as_path())) {
            // Git tracks it, and somebody may have removed it.
            if let Ok(meta) = path.symlink_metadata()
                && !meta.is_dir()
            {
                missing.push((path.clone(), Kind::of(meta.file_type())));
            }
        }
        listing.files.append(&mut missing);
        Ok(())
    }

    fn tracked(&self, repo: &Repo) -> Result<&[PathBuf], RenderError> {
        if self.tracked.get().is_none() {
            let read = || -> Result<Option<Vec<PathBuf>>, RenderError> {
                let Ok(top) = repo.work_dir().canonicalize() else { return Ok(None) };
                let Ok(below) = self.files.root().strip_prefix(&top) else { return Ok(None) };
                let paths = repo.tracked_below(below)?;
                let mut paths: Vec<PathBuf> =
                    paths.iter().map(|path| top.join(std::ffi::OsStr::from_bytes(path))).collect();
                paths.sort();
                Ok(Some(paths))
            };
            // Another thread that was quicker has read the same.
            let _ = self.tracked.set(read()?);
        }
        Ok(self.tracked.get().and_then(Option::as_deref).unwrap_or_default())
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
        let mut files = Vec::with_capacity(listing.files.len());
        for (path, kind) in &listing.files {
            files.extend(self.read_one(path, *kind, directory)?);
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }
}

impl Listing {
    /// Whether a directory holds something that the ignore rules left out.
    fn lacks_something(&self) -> bool {
        let files = self.files.iter().map(|(path, _)| path.as_path());
        let seen: BTreeSet<&Path> = files.chain(self.directories.iter().map(PathBuf::as_path)).collect();
        self.directories.iter().filter_map(|directory| std::fs::read_dir(directory).ok()).flatten().any(
            |entry| {
                entry.is_ok_and(|entry| entry.file_name() != ".git" && !seen.contains(entry.path().as_path()))
            },
        )
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
        let exact = if self.lacks_something() { vec![index.to_str()?.to_owned()] } else { Vec::new() };
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

impl Reader<'_> {
    /// Reads one file; none for `module.toml` and `schema.json`.
    fn read_one(
        &self,
        file: &Path,
        kind: Kind,
        directory: &Directory,
    ) -> Result<Option<SourceFile>, RenderError> {
        let relative = file.strip_prefix(&directory.real).unwrap_or(file);
        let Some(path) = relative.to_str().map(str::to_owned) else {
            let path = format!("{}/{}", directory.shown, relative.to_string_lossy().escape_debug());
            return Err(RenderError::Source { path, why: "has a name that is not UTF-8".into() });
        };
        if path == "module.toml" || path == SCHEMA_FILE {
            return Ok(None);
        }
        let shown = format!("{}/{}", directory.shown, path.escape_debug());
        let refuse = |why: String| RenderError::Source { path: shown.clone(), why };
        let target = match kind {
            Kind::File => None,
            Kind::Link => Some(self.inside(file, &directory.real).map_err(refuse)?),
            Kind::Other => return Err(refuse(self.odd(file).into())),
        };
        let (bytes, mode) =
            self.contents(target.as_deref().unwrap_or(file)).map_err(|source| unreadable(&shown, source))?;
        Ok(Some(SourceFile { path, shown, bytes, mode }))
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

    /// The file that a link leads to.
    fn inside(&self, link: &Path, directory: &Path) -> Result<PathBuf, String> {
        if self.files.earlier().is_none() {
            let target = link.canonicalize().map_err(|_| NOWHERE.to_owned())?;
            let is_file = target.is_file();
            return inside(target, is_file, directory);
        }
        let below = link.strip_prefix(self.files.root()).ok().and_then(Path::to_str).unwrap_or_default();
        let (target, kind) = self.files.real(below).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => NOWHERE.to_owned(),
            _ => error.to_string().trim_start_matches("it ").to_owned(),
        })?;
        inside(target, kind == crate::project::Kind::File, directory)
    }
}

fn contents(path: &Path) -> std::io::Result<(Vec<u8>, u32)> {
    let mut file = std::fs::File::open(path)?;
    let meta = file.metadata()?;
    Ok((read_whole(&mut file, meta.len())?, meta.permissions().mode() & 0o777))
}

/// All of a file whose length was just seen. `read_to_end` would ask for length and position again.
pub(super) fn read_whole(file: &mut std::fs::File, length: u64) -> std::io::Result<Vec<u8>> {
    // One more than is there, so that the end is found without another growth.
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0).saturating_add(1));
    file.take(u64::MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn unreadable(path: &str, source: std::io::Error) -> RenderError {
    RenderError::Io { what: "read", path: path.to_owned(), source }
}

const NOWHERE: &str = "is a link that leads nowhere";

/// The target of a link, if it may be one.
fn inside(target: PathBuf, is_file: bool, directory: &Path) -> Result<PathBuf, String> {
    if !target.starts_with(directory) {
        return Err("is a link that leads out of the module".to_owned());
    }
    if target.file_name().is_some_and(|name| name == "module.toml") && target.parent() == Some(directory) {
        return Err("is a link to module.toml".to_owned());
    }
    if !is_file {
        return Err("is a link to a directory; only links to files of the module are followed".to_owned());
    }
    Ok(target)
}
