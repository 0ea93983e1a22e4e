//! The operating-system lock on a unit's directory: shared while it is used, exclusive to write.
//!
//! A tool inherits the descriptor, so that the directory stays in use for as long as the tool
//! lives, even if lockstep is killed. The file also holds a line for each run that uses the
//! directory, for messages only: the lock itself is the truth.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::FlockOperation;
use rustix::io::Errno;

use super::RenderError;
use super::tree::Tree;
use crate::process::{Living, users_of};
use crate::project::{DIST, UnitId};

/// A run that uses a unit's directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its process.
    pub pid: u32,
    /// The invocation's identifier.
    pub run: String,
    /// What it runs: program and subcommand, no arguments.
    pub program: String,
}

/// How long a comparison or a writer may take: they have everything in memory.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(2);
/// Beyond this size, lines of processes that are gone are dropped.
const LONG: u64 = 8 * 1024;

/// The two lock files of a unit. `in_use` is what tools inherit: shared by users, exclusive to a
/// writer. `writers` is held while a build compares (shared) or may write (exclusive), so that two
/// builds do not take each other for users. Whoever wants to be a user takes `writers` first, so while
/// a writer holds that, an `in_use` that is not there will not be anybody's.
#[derive(Debug)]
pub(super) struct Guard {
    in_use: Option<File>,
    writers: File,
    /// Where they are, and what `in_use` is called there.
    place: (Tree, String),
}

impl Guard {
    /// Opens the lock files: in the git directory if there is one, else beside the manifest.
    pub(super) fn open(project: &Path, unit: &UnitId, git_dir: Option<&Path>) -> Result<Self, RenderError> {
        let mut guard = Self::open_to_write(project, unit, git_dir)?;
        let (tree, name) = &mut guard.place;
        guard.in_use = Some(tree.lock_file(name)?);
        Ok(guard)
    }

    /// As [`Self::open`], for who writes and is no user afterwards: begins with [`Self::queue`].
    pub(super) fn open_to_write(
        project: &Path,
        unit: &UnitId,
        git_dir: Option<&Path>,
    ) -> Result<Self, RenderError> {
        let UnitId { module, profile } = unit;
        // A directory for each module would be one more thing to make for each.
        let (below, name) = match git_dir {
            Some(_) => ("units", format!("{module}@{profile}")),
            None => (module.as_str(), profile.to_string()),
        };
        let mut tree = notes(project, git_dir, &[below], true)?.ok_or_else(|| RenderError::Io {
            what: "open",
            path: "the lock's directory".into(),
            source: Errno::NOENT.into(),
        })?;
        let writers = tree.lock_file(&format!("{name}.writers"))?;
        Ok(Self { in_use: None, writers, place: (tree, format!("{name}.lock")) })
    }

    /// Takes the directory for a comparison. False if a writer takes too long.
    pub(super) fn look(&self) -> Result<bool, RenderError> {
        Ok(wait(&self.writers, FlockOperation::NonBlockingLockShared)? && self.begin_use()?)
    }

    /// Becomes the one that may write, and takes the directory for another comparison: somebody
    /// else may have written meanwhile. False if that takes too long.
    pub(super) fn queue(&mut self) -> Result<bool, RenderError> {
        if let Some(in_use) = &self.in_use {
            unlock(in_use)?;
        }
        unlock(&self.writers)?;
        if !wait(&self.writers, FlockOperation::NonBlockingLockExclusive)? {
            return Ok(false);
        }
        if self.in_use.is_none() {
            let (tree, name) = &mut self.place;
            self.in_use = tree.known_lock_file(name)?;
        }
        self.begin_use()
    }

    fn begin_use(&self) -> Result<bool, RenderError> {
        self.in_use.as_ref().map_or(Ok(true), |in_use| wait(in_use, FlockOperation::NonBlockingLockShared))
    }

    /// Takes the directory for writing, after [`Self::queue`]. False if somebody uses it: who only
    /// compares holds `writers`, so whoever is left is a user.
    pub(super) fn write(&self) -> Result<bool, RenderError> {
        let lock = |in_use| try_lock(in_use, FlockOperation::NonBlockingLockExclusive);
        self.in_use.as_ref().map_or(Ok(true), lock)
    }

    /// Keeps the directory in use and lets others compare and write.
    pub(super) fn settle(&self) -> Result<(), RenderError> {
        if let Some(in_use) = &self.in_use
            && !try_lock(in_use, FlockOperation::NonBlockingLockShared)?
        {
            return Err(io("lock", Errno::AGAIN));
        }
        unlock(&self.writers)
    }

    /// Says who uses the directory. Failing to say it is no reason to stop.
    pub(super) fn sign(&mut self, holder: &Holder) {
        let line = format!("{} {} {}\n", holder.pid, word(&holder.run), holder.program.escape_debug());
        let length = |file: &File| file.metadata().map_or(0, |meta| meta.len());
        let is_long = self.in_use.as_ref().is_some_and(|in_use| length(in_use) > LONG);
        let holders = if is_long { self.holders() } else { Vec::new() };
        let Some(in_use) = &mut self.in_use else { return };
        let mut text = String::new();
        if is_long {
            text = holders.iter().map(|h| format!("{} {} {}\n", h.pid, word(&h.run), h.program)).collect();
            let _ = in_use.set_len(0);
        }
        text.push_str(&line);
        let _ = in_use.seek(SeekFrom::End(0)).and_then(|_| in_use.write_all(text.as_bytes()));
    }

    /// The living processes that said that they use the directory.
    pub(super) fn holders(&mut self) -> Vec<Holder> {
        let mut bytes = Vec::new();
        if let Some(in_use) = &mut self.in_use {
            let _ =
                in_use.seek(SeekFrom::Start(0)).and_then(|_| in_use.take(4 * LONG).read_to_end(&mut bytes));
        }
        let mut holders = Vec::new();
        for line in String::from_utf8_lossy(&bytes).lines() {
            let mut words = line.splitn(3, ' ');
            let (Some(pid), Some(run), Some(program)) = (words.next(), words.next(), words.next()) else {
                continue;
            };
            let Ok(pid) = pid.parse::<i32>() else { continue };
            let living = rustix::process::Pid::from_raw(pid)
                .is_some_and(|pid| !matches!(rustix::process::test_kill_process(pid), Err(Errno::SRCH)));
            if pid > 0 && living {
                let holder = Holder {
                    pid: pid.unsigned_abs(),
                    run: run.to_owned(),
                    program: program.chars().take(80).collect(),
                };
                if !holders.contains(&holder) {
                    holders.push(holder);
                }
            }
        }
        holders
    }

    /// The processes that have the directory's lock open, and where that lock is.
    pub(super) fn processes(&self) -> (Vec<Living>, PathBuf) {
        let (tree, name) = &self.place;
        (self.in_use.as_ref().map(users_of).unwrap_or_default(), tree.shown().join(name))
    }

    /// The descriptor that keeps builds waiting, after [`Self::look`], without being a user of the directory.
    pub(super) fn into_look(self) -> Result<OwnedFd, RenderError> {
        if let Some(in_use) = &self.in_use {
            unlock(in_use)?;
        }
        Ok(self.writers.into())
    }

    /// The descriptor that keeps the directory in use, after [`Self::open`]; otherwise there is none.
    pub(super) fn into_fd(self) -> Result<OwnedFd, RenderError> {
        self.in_use.map(OwnedFd::from).ok_or_else(|| io("keep", Errno::NOENT))
    }
}

/// A directory of what belongs to this checkout and to no commit: in the git directory if there is
/// one, else beside the manifests. None if it is not there and `create` is not set.
pub(super) fn notes(
    project: &Path,
    git_dir: Option<&Path>,
    below: &[&str],
    create: bool,
) -> Result<Option<Tree>, RenderError> {
    let Some(git_dir) = git_dir else {
        return Tree::open(project, &[&[DIST, ".lockstep"], below].concat(), create);
    };
    // The user's own directory, which may be reached through a link.
    Tree::open_linked(git_dir, &[&["lockstep"], below].concat(), create)
}

fn word(text: &str) -> String {
    if text.is_empty() {
        "-".into()
    } else {
        text.replace(|c: char| c.is_whitespace() || c.is_control(), "_")
    }
}

fn try_lock(file: &File, operation: FlockOperation) -> Result<bool, RenderError> {
    match rustix::fs::flock(file, operation) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK | Errno::INTR) => Ok(false),
        Err(error) => Err(io("lock", error)),
    }
}

fn wait(file: &File, operation: FlockOperation) -> Result<bool, RenderError> {
    let begin = Instant::now();
    while !try_lock(file, operation)? {
        if begin.elapsed() >= PATIENCE {
            return Ok(false);
        }
        std::thread::sleep(PAUSE);
    }
    Ok(true)
}

fn unlock(file: &File) -> Result<(), RenderError> {
    rustix::fs::flock(file, FlockOperation::Unlock).map_err(|error| io("unlock", error))
}

fn io(what: &'static str, error: Errno) -> RenderError {
    RenderError::Io { what, path: "the unit's lock file".into(), source: error.into() }
}
