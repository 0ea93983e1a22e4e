//! Refs that a git which was killed has left locked: a file `NAME.lock` beside the ref's own.
//!
//! The refs below `refs/lockstep/` of a clone are a cache of ours, so that such a file need not wait for a
//! person there. It is removed only if nobody can be about to use it: every fetch of ours holds a shared
//! operating-system lock for as long as it lives, which git inherits, and the file has been there unchanged
//! for a while during which nobody held that. What is git's own is named, never touched.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use super::GitError;
use crate::env::{Clock, Span};
use crate::process::Interrupts;

/// Another run that moves the same refs right now is done by then.
const RACE: Duration = Duration::from_millis(100);
/// A file that stays so long is no race.
const WHILE: Duration = Duration::from_secs(1);
/// Nobody works so long on a ref, even where nothing can be proved.
const OLD: u64 = 10 * 60;
/// How often a fetch is tried again.
const TRIES: u32 = 4;

/// Says that a fetch of ours lives, for as long as it is open here or in git. None where that cannot be said.
pub(super) fn fetching(common_dir: &Path) -> Option<File> {
    let file = file(common_dir).ok()?;
    // Only for the moment in which somebody removes files it is not to be had.
    flock(&file, FlockOperation::LockShared).ok()?;
    Some(file)
}

fn file(common_dir: &Path) -> io::Result<File> {
    let directory = common_dir.join("lockstep");
    super::make_directories(&directory, 0o777)?;
    let path = directory.join("fetching");
    let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
    super::hand_down_in(&file, &directory);
    Ok(file)
}

/// Does what moves refs of ours, again if one of them was found locked.
pub(super) fn unlocked<T>(
    common_dir: &Path,
    interrupts: &Interrupts,
    mut act: impl FnMut() -> Result<T, GitError>,
) -> Result<T, GitError> {
    let mut tries = 0;
    loop {
        let error = match act() {
            Err(error @ GitError::Locked { .. }) => error,
            other => return other,
        };
        let before = left(common_dir);
        let is_ours = matches!(&error, GitError::Locked { path, .. } if path.contains("/refs/lockstep/"));
        tries += 1;
        if !is_ours || tries > TRIES || interrupts.wait(if tries == 1 { RACE } else { WHILE }).is_some() {
            return Err(error);
        }
        if tries > 1 {
            remove(common_dir, &before);
        }
    }
}

/// A lock file, and what tells it from another of the same name.
type Left = (PathBuf, u64, (i64, i64));

/// The lock files beside refs of ours.
fn left(common_dir: &Path) -> Vec<Left> {
    let mut found = Vec::new();
    let mut directories = vec![common_dir.join("refs/lockstep")];
    while let Some(directory) = directories.pop() {
        let Ok(entries) = fs::read_dir(&directory) else { continue };
        for entry in entries.flatten() {
            let Ok(meta) = entry.metadata() else { continue };
            if meta.is_dir() {
                directories.push(entry.path());
            } else if meta.is_file() && entry.path().extension().is_some_and(|ending| ending == "lock") {
                found.push((entry.path(), meta.ino(), (meta.mtime(), meta.mtime_nsec())));
            }
        }
    }
    found
}

/// Removes those of the files that are still there, unless a fetch of ours may be at work on them.
fn remove(common_dir: &Path, before: &[Left]) {
    let Ok(file) = file(common_dir) else { return };
    let alone = flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok();
    for (path, _, _) in left(common_dir).iter().filter(|one| before.contains(one)) {
        if alone || age(path).is_some_and(|age| age.seconds() > OLD) {
            let _ = fs::remove_file(path);
        }
    }
}

/// How long a file has been there.
fn age(path: &Path) -> Option<Span> {
    let written = fs::metadata(path).and_then(|meta| meta.modified()).ok()?;
    Some(Span::since(jiff::Timestamp::try_from(written).ok()?, Clock::System.now()))
}

/// The lock file over which git has stumbled, from what it said.
pub(super) fn named(stderr: &[u8]) -> Option<GitError> {
    let said = String::from_utf8_lossy(stderr);
    // What a server says is about files of its own.
    let own = said.lines().filter(|line| !line.trim_start().starts_with("remote:"));
    let mut paths = own.filter_map(|line| {
        let (path, rest) = line.split_once("Unable to create '")?.1.split_once("': ")?;
        (rest.starts_with("File exists") && path.ends_with(".lock")).then_some(path)
    });
    let path = paths.next()?;
    let age = age(Path::new(path)).map_or_else(String::new, |age| format!(" since {}", age.rough()));
    Some(GitError::Locked { path: path.to_owned(), age })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locked(path: &Path) -> GitError {
        GitError::Locked { path: path.display().to_string(), age: String::new() }
    }

    /// A clone's git directory with a ref of ours that is left locked.
    fn scene() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let refs = directory.path().join("refs/lockstep/remotes/origin/locks/alpha");
        fs::create_dir_all(&refs).unwrap();
        fs::write(refs.join("prod"), "0").unwrap();
        fs::write(refs.join("prod.lock"), "").unwrap();
        (directory, refs.join("prod.lock"))
    }

    fn stumble(common_dir: &Path, lock: &Path) -> Result<(), GitError> {
        unlocked(common_dir, &Interrupts::new(), || if lock.exists() { Err(locked(lock)) } else { Ok(()) })
    }

    #[test]
    fn what_nobody_works_on_is_removed() {
        let (directory, lock) = scene();
        stumble(directory.path(), &lock).unwrap();
        assert!(!lock.exists() && lock.with_extension("").exists());
    }

    #[test]
    fn what_another_fetch_may_work_on_stays_until_it_is_old() {
        let (directory, lock) = scene();
        let other = fetching(directory.path()).unwrap();
        stumble(directory.path(), &lock).unwrap_err();
        assert!(lock.exists());
        let old = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        File::options().write(true).open(&lock).unwrap().set_modified(old).unwrap();
        stumble(directory.path(), &lock).unwrap();
        drop(other);
    }

    #[test]
    fn what_is_gits_own_is_named_at_once() {
        let (directory, _) = scene();
        let lock = directory.path().join("packed-refs.lock");
        fs::write(&lock, "").unwrap();
        let mut tried = 0;
        let end = unlocked(directory.path(), &Interrupts::new(), || {
            tried += 1;
            Err::<(), _>(locked(&lock))
        });
        assert!(end.is_err() && lock.exists() && tried == 1);
    }

    #[test]
    fn the_file_is_read_from_gits_own_words() {
        let said = "error: cannot lock ref 'refs/x': Unable to create '/c/.git/refs/x.lock': File exists.\n\nAnother git process seems to be running\n";
        let path = |said: &str| match named(said.as_bytes()) {
            Some(GitError::Locked { path, .. }) => Some(path),
            _ => None,
        };
        assert_eq!(path(said).as_deref(), Some("/c/.git/refs/x.lock"));
        assert_eq!(path("remote: error: Unable to create '/srv/x.lock': File exists."), None);
        assert_eq!(path("error: Unable to create '/c/x.lock': Permission denied"), None);
    }
}
