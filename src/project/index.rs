//! Which files of the working tree count: those that git's index lists, and those that git neither
//! lists nor ignores.
//!
//! What the index lists and the disk does not show, because a sparse checkout or a mark hides it or a
//! submodule is not checked out, is never simply missing: whoever reads it gets [`NotHere`]. A clean
//! tree asks git nothing beyond its index; which files are not ignored is asked once, when something is
//! met that the index does not list.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// One path that the index lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Relative to the project, in bytes.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: ListedKind,
    /// Why the disk may not show it.
    pub absence: Option<Absence>,
}

/// What a listed path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListedKind {
    /// A file; whether it may be executed, where the disk cannot tell.
    File(Option<bool>),
    /// A symbolic link; whether this clone writes links as text.
    Link {
        /// It does (`core.symlinks=false`).
        as_text: bool,
    },
    /// A submodule that is not checked out.
    Submodule,
}

/// Why something that git tracks is not on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absence {
    /// A sparse checkout leaves it out, which says so in whole directories.
    SparseCone,
    /// A sparse checkout leaves it out, which says so in patterns.
    Sparse {
        /// The project's directory from the top of the working tree, where the patterns are set.
        project: Arc<Path>,
    },
    /// It was marked by hand.
    SkipWorktree,
    /// It was marked by hand.
    AssumeUnchanged,
    /// It is a submodule that is not checked out.
    Submodule,
}

/// Something that git tracks and that is not on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotHere {
    /// Relative to the project, safe to print.
    pub path: String,
    /// Why.
    pub absence: Absence,
}

impl fmt::Display for NotHere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, absence } = self;
        match absence {
            Absence::SparseCone | Absence::Sparse { .. } => {
                write!(f, "`{path}` is tracked by git, and the sparse checkout leaves it out")
            }
            Absence::SkipWorktree => {
                write!(f, "`{path}` is tracked by git and missing here: it is marked skip-worktree")
            }
            Absence::AssumeUnchanged => {
                write!(f, "`{path}` is tracked by git and missing here: it is marked assume-unchanged")
            }
            Absence::Submodule => write!(f, "`{path}` is a submodule that is not checked out"),
        }
    }
}

impl std::error::Error for NotHere {}

impl NotHere {
    /// The command that brings it here, in the project's directory.
    pub fn cure(&self) -> String {
        let word = shell_word(&self.path);
        match &self.absence {
            Absence::SparseCone => {
                let directory = Path::new(&self.path).parent().unwrap_or(Path::new(""));
                format!("git sparse-checkout add {}", shell_word(&directory.to_string_lossy()))
            }
            Absence::Sparse { project } => {
                let up = project.iter().map(|_| "..").collect::<Vec<_>>().join("/");
                let there = if up.is_empty() { up } else { format!(" -C {up}") };
                let path = project.join(&self.path);
                format!("git{there} sparse-checkout add {}", shell_word(&path.to_string_lossy()))
            }
            Absence::SkipWorktree => {
                format!("git update-index --no-skip-worktree {word} && git checkout -- {word}")
            }
            Absence::AssumeUnchanged => {
                format!("git update-index --no-assume-unchanged {word} && git checkout -- {word}")
            }
            Absence::Submodule => format!("git submodule update --init {word}"),
        }
    }

    /// The one that an error of reading holds.
    pub(crate) fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

impl From<NotHere> for io::Error {
    fn from(not_here: NotHere) -> Self {
        Self::other(not_here)
    }
}

/// A word that can be pasted into a shell and is no option.
pub(crate) fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    match word {
        "" => ".".to_owned(),
        word if word.chars().all(plain) && !word.starts_with('-') => word.to_owned(),
        word if word.starts_with('-') => format!("'./{}'", word.replace('\'', r"'\''")),
        word => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// Lists what the index lists, sorted by path.
pub type ListIndex = Box<dyn Fn() -> io::Result<Vec<Listed>> + Send + Sync>;
/// Lists what is neither listed nor ignored.
pub type ListOthers = Box<dyn Fn() -> io::Result<Vec<Vec<u8>>> + Send + Sync>;

/// What git says of a project's files. Cloning shares it; it is asked once.
#[derive(Clone)]
pub struct Index(Arc<Inner>);

struct Inner {
    list: ListIndex,
    list_others: ListOthers,
    listed: OnceLock<Vec<Listed>>,
    others: OnceLock<BTreeSet<Vec<u8>>>,
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Index")
    }
}

impl Index {
    /// An index that is read when it is asked for.
    pub fn new(list: ListIndex, list_others: ListOthers) -> Self {
        Self(Arc::new(Inner { list, list_others, listed: OnceLock::new(), others: OnceLock::new() }))
    }

    /// Everything that the index lists, sorted by path.
    pub(crate) fn listed(&self) -> io::Result<&[Listed]> {
        if let Some(listed) = self.0.listed.get() {
            return Ok(listed);
        }
        // Another thread that was quicker has read the same.
        let read = (self.0.list)()?;
        Ok(self.0.listed.get_or_init(|| read))
    }

    fn others(&self) -> io::Result<&BTreeSet<Vec<u8>>> {
        if let Some(others) = self.0.others.get() {
            return Ok(others);
        }
        let read: BTreeSet<Vec<u8>> = (self.0.list_others)()?.into_iter().collect();
        Ok(self.0.others.get_or_init(|| read))
    }

    /// What the index lists at a path itself.
    pub(crate) fn at(&self, path: &Path) -> io::Result<Option<&Listed>> {
        let (listed, path) = (self.listed()?, path.as_os_str().as_bytes());
        Ok(listed.binary_search_by(|one| one.path.as_slice().cmp(path)).ok().map(|at| &listed[at]))
    }

    /// What the index lists below a directory.
    pub(crate) fn below(&self, directory: &Path) -> io::Result<&[Listed]> {
        let listed = self.listed()?;
        let prefix = prefix(directory);
        let from = listed.partition_point(|one| one.path < prefix);
        let rest = &listed[from..];
        Ok(&rest[..rest.partition_point(|one| one.path.starts_with(&prefix))])
    }

    /// Whether the index lists a path, or something below it.
    pub(crate) fn lists(&self, path: &Path) -> io::Result<bool> {
        Ok(self.at(path)?.is_some() || !self.below(path)?.is_empty())
    }

    /// Whether what stands at a path counts. A directory does if something in it does.
    pub(crate) fn counts(&self, path: &Path) -> io::Result<bool> {
        if path.as_os_str().is_empty() || self.lists(path)? {
            return Ok(true);
        }
        let others = self.others()?;
        // Of a repository inside this one only the directory is known.
        let above = path.ancestors().filter(|above| !above.as_os_str().is_empty());
        if above.into_iter().any(|above| others.contains(above.as_os_str().as_bytes())) {
            return Ok(true);
        }
        let prefix = prefix(path);
        Ok(others.range(prefix.clone()..).next().is_some_and(|other| other.starts_with(&prefix)))
    }

    /// What counts below a directory although the index does not list it.
    pub(crate) fn others_below(&self, directory: &Path) -> io::Result<impl Iterator<Item = PathBuf>> {
        let prefix = prefix(directory);
        let from = self.others()?.range(prefix.clone()..);
        let below = from.take_while(move |other| other.starts_with(&prefix));
        Ok(below.map(|other| Path::new(std::ffi::OsStr::from_bytes(other)).to_owned()))
    }

    /// What the index lists at a path, around it or first below it, if it is not on the disk below `root`.
    pub(crate) fn not_here(&self, root: &Path, path: &Path) -> io::Result<Option<NotHere>> {
        let listed = self.at(path)?.into_iter().chain(self.below(path)?);
        if let Some(not_here) = listed.into_iter().find_map(|one| one.not_here(root)) {
            return Ok(Some(not_here));
        }
        for above in path.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty()) {
            if let Some(listed) = self.at(above)?
                && listed.kind == ListedKind::Submodule
            {
                return Ok(listed.not_here(root));
            }
        }
        Ok(None)
    }
}

impl Listed {
    /// Itself, if it is not on the disk below `root` although nobody has removed it.
    pub(crate) fn not_here(&self, root: &Path) -> Option<NotHere> {
        let absence = self.absence.clone()?;
        let is_there =
            self.kind != ListedKind::Submodule && root.join(self.as_path()).symlink_metadata().is_ok();
        (!is_there).then(|| NotHere { path: shown(&self.path), absence })
    }

    pub(crate) fn as_path(&self) -> &Path {
        Path::new(std::ffi::OsStr::from_bytes(&self.path))
    }
}

/// A path that can be printed: nothing in it acts on a terminal.
fn shown(path: &[u8]) -> String {
    let visible = |c: char| if c.is_control() { c.escape_debug().to_string() } else { c.to_string() };
    String::from_utf8_lossy(path).chars().map(visible).collect()
}

fn prefix(directory: &Path) -> Vec<u8> {
    let mut prefix = directory.as_os_str().as_bytes().to_vec();
    if !prefix.is_empty() {
        prefix.push(b'/');
    }
    prefix
}
