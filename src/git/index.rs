//! What git's index lists: the files that belong to the commit, whatever the disk shows of them.
//!
//! Read through libgit2 where that understands the index, else by `git ls-files` (a sparse or split
//! index, reftable, SHA-256). Both give the same answer, sorted by path.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use git2::Repository;

use super::spawn::Git;
use super::{GitError, Oid, Repo};

/// One path of the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexEntry {
    /// Relative to the top of the working tree, in bytes.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// Its content; for a submodule the commit.
    pub id: Oid,
    /// The mark by which git does not look at the working tree for it.
    pub hidden: Option<Hidden>,
}

/// What a path of the index is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A file.
    File {
        /// It may be executed.
        executable: bool,
    },
    /// A symbolic link.
    Link,
    /// Another repository at a commit.
    Submodule,
}

/// Why git does not compare a file with the working tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hidden {
    /// `git update-index --skip-worktree`, by hand or by a sparse checkout.
    SkipWorktree,
    /// `git update-index --assume-unchanged`.
    AssumeUnchanged,
}

impl EntryKind {
    const fn of_mode(mode: u32) -> Self {
        match mode & 0o170_000 {
            0o120_000 => Self::Link,
            0o160_000 => Self::Submodule,
            _ => Self::File { executable: mode & 0o100 != 0 },
        }
    }
}

/// Whether an entry is wanted, by its path, kind and mark.
type Wanted<'a> = dyn Fn(&[u8], EntryKind, Option<Hidden>) -> bool + 'a;

impl Repo {
    /// What the index lists below a directory, sorted by path; a path in conflict is listed once.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn index_below(&self, directory: &Path) -> Result<Vec<IndexEntry>, GitError> {
        self.index_where(directory, &|_, _, _| true)
    }

    /// Of what the index lists below a directory, that of which path, kind and mark are wanted.
    pub(super) fn index_where(
        &self,
        directory: &Path,
        wanted: &Wanted<'_>,
    ) -> Result<Vec<IndexEntry>, GitError> {
        let listed = self.library().and_then(|library| by_library(&library, directory, wanted).ok());
        let mut listed = listed.map_or_else(|| by_git(self.git(), directory), Ok)?;
        listed.retain(|entry| wanted(&entry.path, entry.kind, entry.hidden));
        Ok(listed)
    }

    /// The files below a directory that are neither listed nor ignored; of a repository inside this one
    /// only its directory.
    ///
    /// # Errors
    /// When git fails.
    pub fn others_below(&self, directory: &Path) -> Result<Vec<Vec<u8>>, GitError> {
        let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        super::revisions::untracked(self.git(), directory.as_os_str(), false)
    }

    /// The repository that is checked out at a path of a submodule; none if there is none.
    ///
    /// # Errors
    /// When there is one and it cannot be used.
    pub fn submodule(&self, path: &Path) -> Result<Option<Self>, GitError> {
        let directory = self.work_dir().join(path);
        if directory.join(".git").symlink_metadata().is_err() {
            return Ok(None);
        }
        Self::discover(&directory, self.git().env(), self.git().interrupts())
    }

    /// Whether the disk tells which files may be executed (`core.fileMode`).
    pub fn tells_modes(&self) -> bool {
        self.own_setting("core.filemode")
    }

    /// Whether links are links on the disk (`core.symlinks`).
    pub fn makes_links(&self) -> bool {
        self.own_setting("core.symlinks")
    }

    /// A setting that is true where it is not said; as a rule the repository itself says it.
    fn own_setting(&self, key: &str) -> bool {
        let known = self.library().map(|library| library.config().and_then(|config| config.get_bool(key)));
        match known {
            Some(Ok(is_set)) => is_set,
            _ => self.config().ok().and_then(|config| config.last(key)).is_none_or(is_true),
        }
    }

    /// Whether the user lets no branch be pushed while a submodule's commit is not
    /// (`push.recurseSubmodules`).
    ///
    /// # Errors
    /// When the configuration cannot be read.
    pub fn guards_submodules(&self) -> Result<bool, GitError> {
        let set = self.config()?.last("push.recursesubmodules");
        Ok(set.is_some_and(|value| ["check", "on-demand"].contains(&value)))
    }

    /// Whether a sparse checkout is configured, and whether it goes by whole directories.
    ///
    /// # Errors
    /// When the configuration cannot be read.
    pub fn sparse(&self) -> Result<Option<Sparse>, GitError> {
        let config = self.config()?;
        let is_set = |key| config.last(key).is_some_and(is_true);
        Ok(is_set("core.sparsecheckout").then(|| Sparse { cone: is_set("core.sparsecheckoutcone") }))
    }
}

/// A sparse checkout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sparse {
    /// It is said in whole directories.
    pub cone: bool,
}

pub(super) fn is_true(value: &str) -> bool {
    matches!(value.to_ascii_lowercase().as_str(), "true" | "yes" | "on" | "1")
}

fn by_library(
    repo: &Repository,
    directory: &Path,
    wanted: &Wanted<'_>,
) -> Result<Vec<IndexEntry>, git2::Error> {
    const VALID: u16 = 0x8000;
    const SKIP_WORKTREE: u16 = 1 << 14;
    let mut index = repo.index()?;
    // A handle keeps what it has read; another program may have written since.
    index.read(false)?;
    let mut prefix = directory.as_os_str().as_bytes().to_vec();
    if !prefix.is_empty() {
        prefix.push(b'/');
    }
    let Ok(first) = index.find_prefix(prefix.as_slice()) else { return Ok(Vec::new()) };
    let mut found: Vec<IndexEntry> = Vec::new();
    for at in first..index.len() {
        let Some(entry) = index.get(at) else { break };
        if !entry.path.starts_with(&prefix) {
            break;
        }
        if found.last().is_some_and(|last| last.path == entry.path) {
            continue;
        }
        let hidden = match entry {
            _ if entry.flags_extended & SKIP_WORKTREE != 0 => Some(Hidden::SkipWorktree),
            _ if entry.flags & VALID != 0 => Some(Hidden::AssumeUnchanged),
            _ => None,
        };
        let kind = EntryKind::of_mode(entry.mode);
        if !wanted(&entry.path, kind, hidden) {
            continue;
        }
        let id = Oid::new(entry.id.to_string()).map_err(|error| git2::Error::from_str(&error.to_string()))?;
        found.push(IndexEntry { path: entry.path, kind, id, hidden });
    }
    Ok(found)
}

fn by_git(git: &Git, directory: &Path) -> Result<Vec<IndexEntry>, GitError> {
    let mut args: Vec<OsString> =
        ["--literal-pathspecs", "ls-files", "--cached", "--stage", "-v", "--full-name", "-z"]
            .map(OsString::from)
            .into();
    if !directory.as_os_str().is_empty() {
        args.extend(["--".into(), directory.as_os_str().to_owned()]);
    }
    parse(&git.read(&args)?).ok_or_else(|| GitError::Failed {
        command: "ls-files".to_owned(),
        message: "its output cannot be understood".to_owned(),
    })
}

/// `TAG MODE OID STAGE TAB path NUL`, again and again. The tag is `S` for skip-worktree, in small letters
/// for assume-unchanged.
fn parse(bytes: &[u8]) -> Option<Vec<IndexEntry>> {
    let mut found: Vec<IndexEntry> = Vec::new();
    for line in bytes.split(|byte| *byte == 0).filter(|line| !line.is_empty()) {
        let tab = line.iter().position(|byte| *byte == b'\t')?;
        let (head, path) = (std::str::from_utf8(&line[..tab]).ok()?, &line[tab + 1..]);
        let mut words = head.split(' ');
        let (tag, mode, id) = (words.next()?, words.next()?, words.next()?);
        if path.is_empty() || found.last().is_some_and(|last| last.path == path) {
            continue;
        }
        let hidden = match tag {
            "S" | "s" => Some(Hidden::SkipWorktree),
            _ if tag.bytes().all(|byte| byte.is_ascii_lowercase()) => Some(Hidden::AssumeUnchanged),
            _ => None,
        };
        let kind = EntryKind::of_mode(u32::from_str_radix(mode, 8).ok()?);
        found.push(IndexEntry { path: path.to_vec(), kind, id: Oid::new(id).ok()?, hidden });
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::World;
    use super::*;

    #[test]
    fn libgit2_and_git_list_the_same() {
        let (world, repo) = World::new();
        let top = repo.work_dir().to_owned();
        std::fs::create_dir(top.join("sub")).unwrap();
        for name in ["sub/a", "sub/b", "sub/c d", "sub-e"] {
            world.commit(&top, name, name);
        }
        std::os::unix::fs::symlink("a", top.join("sub/link")).unwrap();
        world.git(&top, &["add", "-A"]);
        world.git(&top, &["update-index", "--chmod=+x", "sub/c d"]);
        world.git(&top, &["update-index", "--skip-worktree", "sub/a"]);
        world.git(&top, &["update-index", "--assume-unchanged", "sub/b"]);
        world.git(&top, &["submodule", "--quiet", "add", world.origin().to_str().unwrap(), "sub/module"]);
        let library = git2::Repository::open(&top).unwrap();
        for directory in ["", "sub"] {
            let listed = by_library(&library, directory.as_ref(), &|_, _, _| true).unwrap();
            assert_eq!(listed, by_git(repo.git(), directory.as_ref()).unwrap(), "{directory}");
            assert_eq!(listed, repo.index_below(directory.as_ref()).unwrap());
        }
        let listed = repo.index_below("sub".as_ref()).unwrap();
        let short: Vec<_> = listed
            .iter()
            .map(|e| (String::from_utf8_lossy(&e.path).into_owned(), e.kind, e.hidden))
            .collect();
        let file = EntryKind::File { executable: false };
        let expected = [
            ("sub/a", file, Some(Hidden::SkipWorktree)),
            ("sub/b", file, Some(Hidden::AssumeUnchanged)),
            ("sub/c d", EntryKind::File { executable: true }, None),
            ("sub/link", EntryKind::Link, None),
            ("sub/module", EntryKind::Submodule, None),
        ];
        assert_eq!(short, expected.map(|(path, kind, hidden)| (path.into(), kind, hidden)));
        assert_eq!(
            repo.submodule("sub/module".as_ref()).unwrap().unwrap().work_dir(),
            top.join("sub/module")
        );
        assert!(repo.submodule("sub".as_ref()).unwrap().is_none());
    }

    #[test]
    fn an_index_that_changed_is_read_again() {
        let (world, repo) = World::new();
        let before = repo.index_below("".as_ref()).unwrap().len();
        world.commit(repo.work_dir(), "another", "x");
        assert_eq!(repo.index_below("".as_ref()).unwrap().len(), before + 1);
    }

    proptest! {
        #[test]
        fn noise_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = parse(&bytes);
        }
    }
}
