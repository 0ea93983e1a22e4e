//! The handle on the user's repository.
//!
//! Each question goes to libgit2 where that can open the repository, else to git itself
//! (`objects.rs`, `fallback.rs`); both give the same answers. Working tree and network always go
//! through git.

mod clean;
mod lost;
mod pushes;
mod share;
mod survey;
mod write;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

pub use lost::LostRef;
pub use survey::{Installed, ProbeEnd, installed};

use super::config::Config;
use super::objects::{Ancestry, CommitText, Head};
use super::remote::RemoteUrl;
use super::spawn::Git;
use super::ssh::Shared;
use super::{Fetched, GitError, Oid, Status, fallback, fetch, objects, remote, safe};
use crate::env::Environment;
use crate::process::Interrupts;

/// A repository with a working tree. Cloning shares the handle.
#[derive(Clone)]
pub struct Repo(Arc<Inner>);

struct Inner {
    work_dir: PathBuf,
    git_dir: PathBuf,
    common_dir: PathBuf,
    git: Git,
    /// None where libgit2 cannot open the repository.
    library: Option<Mutex<git2::Repository>>,
    /// History was cut off when the handle was made.
    shallow: bool,
    config: OnceLock<Config>,
    /// What was said to pushes that went well.
    said: Mutex<Vec<String>>,
    /// It is kept for several users.
    shared: OnceLock<bool>,
    /// The remote that was spoken to first, and the connection to it that is shared, if it may be.
    ssh: OnceLock<(String, Option<Shared>)>,
}

impl std::fmt::Debug for Repo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Repo").field("work_dir", &self.0.work_dir).finish_non_exhaustive()
    }
}

impl Repo {
    /// Looks for a repository from `start` upwards; none if there is none. Where libgit2 cannot
    /// open it (SHA-256, reftable), git itself answers everything.
    ///
    /// # Errors
    /// When there is one and neither libgit2 nor git can work with it, or it has no working tree.
    pub fn discover(
        start: &Path,
        env: &Environment,
        interrupts: &Interrupts,
    ) -> Result<Option<Self>, GitError> {
        // The user's bounds to the search, as git takes them.
        let mut flags = git2::RepositoryOpenFlags::empty();
        flags.set(git2::RepositoryOpenFlags::CROSS_FS, safe::crosses_file_systems(env));
        let ceilings = env.var_os("GIT_CEILING_DIRECTORIES").map(std::env::split_paths);
        match git2::Repository::open_ext(start, flags, ceilings.into_iter().flatten()) {
            // What looks like a bare repository may be part of a clone: it is none unless it is named.
            Ok(library) if start.canonicalize().is_ok_and(|start| start.starts_with(library.path())) => {
                Err(no_work_dir(start))
            }
            Ok(library) => {
                let Some(work_dir) = library.workdir().map(absolute) else {
                    return Err(no_work_dir(start));
                };
                Ok(Some(Self(Arc::new(Inner {
                    git_dir: absolute(library.path()),
                    common_dir: absolute(library.commondir()),
                    git: Git::new(env, &work_dir, interrupts),
                    work_dir,
                    shallow: library.is_shallow(),
                    library: Some(Mutex::new(library)),
                    config: OnceLock::new(),
                    said: Mutex::default(),
                    shared: OnceLock::new(),
                    ssh: OnceLock::new(),
                }))))
            }
            Err(error) if error.code() == git2::ErrorCode::NotFound => Ok(None),
            Err(_) => Self::without_library(start, env, interrupts).map(Some),
        }
    }

    /// A repository that libgit2 does not understand, or that is not safe to use: git decides.
    fn without_library(start: &Path, env: &Environment, interrupts: &Interrupts) -> Result<Self, GitError> {
        let dirs = fallback::directories(&Git::new(env, start, interrupts))?;
        let [work_dir, git_dir, common_dir] = dirs.ok_or_else(|| no_work_dir(start))?;
        Ok(Self(Arc::new(Inner {
            git: Git::new(env, &work_dir, interrupts),
            work_dir,
            git_dir,
            common_dir,
            library: None,
            shallow: false,
            config: OnceLock::new(),
            said: Mutex::default(),
            shared: OnceLock::new(),
            ssh: OnceLock::new(),
        })))
    }

    pub(super) fn git(&self) -> &Git {
        &self.0.git
    }

    pub(super) fn library(&self) -> Option<MutexGuard<'_, git2::Repository>> {
        // libgit2 keeps its own state whole; a panic of another thread changes nothing here.
        self.0.library.as_ref().map(|library| library.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// As `library`, for changes. In a repository for several users git makes them: libgit2 knows nothing of
    /// `core.sharedRepository`.
    fn library_to_write(&self) -> Option<MutexGuard<'_, git2::Repository>> {
        if self.is_shared() { None } else { self.library() }
    }

    /// As `library`, for walks through history. libgit2 keeps commits at the edge of a shallow
    /// clone in memory without parents, even when a fetch has brought these since.
    fn history(&self) -> Option<MutexGuard<'_, git2::Repository>> {
        let mut library = self.library()?;
        if self.0.shallow
            && let Ok(fresh) = git2::Repository::open(&self.0.work_dir)
        {
            *library = fresh;
        }
        Some(library)
    }

    pub(super) fn config(&self) -> Result<&Config, GitError> {
        Config::get(&self.0.git, &self.0.config)
    }

    /// The top of the working tree.
    pub fn work_dir(&self) -> &Path {
        &self.0.work_dir
    }

    /// The git directory of this worktree.
    pub fn git_dir(&self) -> &Path {
        &self.0.git_dir
    }

    /// The git directory that all worktrees share.
    pub fn common_dir(&self) -> &Path {
        &self.0.common_dir
    }

    /// The commit and branch that are checked out.
    ///
    /// # Errors
    /// When HEAD cannot be read.
    pub fn head(&self) -> Result<Head, GitError> {
        self.library().map_or_else(|| fallback::head(&self.0.git), |library| objects::head(&library))
    }

    /// What a ref, by its full name, points to.
    ///
    /// # Errors
    /// When refs cannot be read.
    pub fn resolve(&self, refname: &str) -> Result<Option<Oid>, GitError> {
        self.library().map_or_else(
            || fallback::resolve(&self.0.git, refname),
            |library| objects::resolve(&library, refname),
        )
    }

    /// All refs below a prefix, by full name, sorted.
    ///
    /// # Errors
    /// When refs cannot be read.
    pub fn refs(&self, prefix: &str) -> Result<Vec<(String, Oid)>, GitError> {
        let prefix = prefix.trim_end_matches('/');
        let mut refs = self
            .library()
            .map_or_else(|| fallback::refs(&self.0.git, prefix), |library| objects::refs(&library, prefix))?;
        refs.sort();
        Ok(refs)
    }

    /// Whether history is cut off in this clone.
    pub fn is_shallow(&self) -> bool {
        std::fs::metadata(self.0.common_dir.join("shallow")).is_ok_and(|file| file.len() > 0)
    }

    /// Whether one commit is in the history of the other (or is it).
    ///
    /// # Errors
    /// When `descendant` is not here, or objects cannot be read.
    pub fn ancestry(&self, descendant: &Oid, ancestor: &Oid) -> Result<Ancestry, GitError> {
        if descendant == ancestor {
            return Ok(Ancestry::Contains);
        }
        let shallow = self.is_shallow();
        let missing = if shallow { Ancestry::Unknown } else { Ancestry::Lacks };
        if self.commit(ancestor)?.is_none() {
            return Ok(if shallow { Ancestry::Unknown } else { Ancestry::Absent });
        }
        let contains = self.history().map_or_else(
            || fallback::contains(&self.0.git, descendant, ancestor),
            |library| objects::contains(&library, descendant, ancestor),
        );
        match contains {
            Ok(true) => Ok(Ancestry::Contains),
            Ok(false) => Ok(missing),
            // A walk that ends at the edge of a shallow clone.
            Err(GitError::Repository { .. }) if shallow => Ok(Ancestry::Unknown),
            Err(error) => Err(error),
        }
    }

    /// How many commits each has that the other has not: (of `local`, of `upstream`).
    ///
    /// # Errors
    /// When one of them is not here.
    pub fn ahead_behind(&self, local: &Oid, upstream: &Oid) -> Result<(usize, usize), GitError> {
        if local == upstream {
            return Ok((0, 0));
        }
        self.history().map_or_else(
            || fallback::ahead_behind(&self.0.git, local, upstream),
            |library| objects::ahead_behind(&library, local, upstream),
        )
    }

    /// A commit's message, cut at [`CommitText::LONGEST`], its parents, and whether its tree is empty; none if
    /// it is not here.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn commit(&self, oid: &Oid) -> Result<Option<CommitText>, GitError> {
        self.library()
            .map_or_else(|| fallback::commit(&self.0.git, oid), |library| objects::commit(&library, oid))
    }

    /// Sets or deletes a local ref of ours.
    ///
    /// # Errors
    /// When the name is not below `refs/lockstep/`, or the ref cannot be written.
    pub fn set_ref(&self, name: &str, to: Option<&Oid>) -> Result<(), GitError> {
        if !name.starts_with("refs/lockstep/") {
            return Err(GitError::Config(format!(
                "`{}` is not a ref of lockstep",
                super::printable(name.as_bytes())
            )));
        }
        self.library_to_write().map_or_else(
            || fallback::set_ref(&self.0.git, name, to),
            |library| objects::set_ref(&library, name, to),
        )
    }

    /// The names of the remotes.
    ///
    /// # Errors
    /// When the configuration cannot be read.
    pub fn remotes(&self) -> Result<Vec<String>, GitError> {
        Ok(remote::names(self.config()?))
    }

    /// Remote and full ref name of a branch's upstream, as configured; none if it has none.
    ///
    /// # Errors
    /// When the configuration cannot be read.
    pub fn upstream_of(&self, branch: &str) -> Result<Option<(String, String)>, GitError> {
        Ok(remote::upstream_of(self.config()?, branch))
    }

    /// Makes sure that a remote exists, that its name is harmless, and that git fetches from and
    /// pushes to one and the same repository.
    ///
    /// # Errors
    /// [`GitError::Config`] if not.
    pub fn check_remote(&self, remote: &str) -> Result<RemoteUrl, GitError> {
        remote::check(self.config()?, &self.0.work_dir, remote)
    }

    /// The files below a directory that the index lists; all paths are relative to the top of the
    /// working tree, in bytes.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn tracked_below(&self, directory: &Path) -> Result<Vec<Vec<u8>>, GitError> {
        let listed = self.library().and_then(|library| objects::tracked_below(&library, directory).ok());
        // An index that libgit2 does not understand: sparse, or of another format.
        listed.map_or_else(|| fallback::tracked_below(&self.0.git, directory), Ok)
    }

    /// What differs from HEAD in index and working tree.
    ///
    /// # Errors
    /// When git fails.
    pub fn status(&self) -> Result<Status, GitError> {
        Status::read(&self.0.git)
    }

    /// A merge, rebase or the like that was begun and not ended.
    pub fn unfinished_operation(&self) -> Option<&'static str> {
        const MARKS: [(&str, &str); 8] = [
            ("rebase-merge", "rebase"),
            ("rebase-apply/applying", "am"),
            ("rebase-apply", "rebase"),
            ("MERGE_HEAD", "merge"),
            ("CHERRY_PICK_HEAD", "cherry-pick"),
            ("REVERT_HEAD", "revert"),
            ("sequencer/todo", "cherry-pick"),
            ("BISECT_LOG", "bisect"),
        ];
        let mark = MARKS.iter().find(|(file, _)| self.0.git_dir.join(file).exists());
        mark.map(|(_, name)| *name).or_else(|| {
            // With reftable the pseudorefs are no files.
            let pseudorefs = [("CHERRY_PICK_HEAD", "cherry-pick"), ("REVERT_HEAD", "revert")];
            if self.0.library.is_some() || !self.0.common_dir.join("reftable").exists() {
                return None;
            }
            let there = |name: &str| fallback::resolve(&self.0.git, name).is_ok_and(|oid| oid.is_some());
            pseudorefs.iter().find(|(name, _)| there(name)).map(|(_, name)| *name)
        })
    }

    /// Fetches refspecs in one connection; the local sides must be refs of ours.
    ///
    /// # Errors
    /// [`GitError::Unreachable`] when the remote does not answer.
    pub fn fetch(&self, remote: &str, refspecs: &[String]) -> Result<Fetched, GitError> {
        fetch::fetch(&self.0.git, self.shared(remote), &self.0.common_dir, remote, refspecs)
    }

    /// The connection that all words to a remote share. It is a matter of speed: where anything
    /// about it is in doubt there is none.
    fn shared(&self, remote: &str) -> Option<&Shared> {
        let (first, shared) = self.0.ssh.get_or_init(|| {
            let make = || {
                let config = self.config().ok()?;
                let (fetch, push) = remote::used(config, remote)?;
                Shared::new(self.0.git.env(), config, &fetch, &push, &self.0.common_dir.join("lockstep"))
            };
            (remote.to_owned(), make())
        });
        shared.as_ref().filter(|_| first == remote)
    }
}

/// libgit2 ends directories with a slash.
fn absolute(path: &Path) -> PathBuf {
    path.components().collect()
}

fn no_work_dir(start: &Path) -> GitError {
    GitError::Config(format!("the repository at `{}` has no working tree", start.display()))
}
