//! When a remote has last told all its lock refs: the time of a file in the clone, as git keeps that of
//! its own last fetch.
//!
//! It says how old what is known here is, and nothing rests on it but which way of asking is tried
//! first. So nothing is made of a file that cannot be written or read.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::sharing::{hand_down_in, make_directories};

/// For whoever finds the file.
const TEXT: &str =
    "lockstep writes this file when it has fetched the lock refs of the remote; its time counts\n";

/// Remembers that the remote has told all its lock refs now.
pub(super) fn note(common_dir: &Path, remote: &str) {
    let file = file(common_dir, remote);
    if let Some(directory) = file.parent() {
        let _ = make_directories(directory, 0o777);
    }
    // Written over: a file that was cut to nothing before is brought to the disk at once by some systems.
    let over = std::fs::File::options().write(true).create(true).truncate(false).open(&file);
    let Ok(mut over) = over else { return };
    if let Some(directory) = file.parent() {
        hand_down_in(&over, directory);
    }
    let _ = over.write_all(TEXT.as_bytes());
}

/// When it did so last; none if that is not known.
pub(super) fn at(common_dir: &Path, remote: &str) -> Option<Timestamp> {
    let changed = std::fs::metadata(file(common_dir, remote)).and_then(|file| file.modified()).ok()?;
    Timestamp::try_from(changed).ok()
}

/// The names of remotes may hold slashes, and no `@`.
fn file(common_dir: &Path, remote: &str) -> PathBuf {
    common_dir.join("lockstep/asked").join(remote.replace('/', "@"))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn each_remote_has_a_time_of_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let dir = directory.path();
        assert_eq!(at(dir, "origin"), None);
        for remote in ["team/origin", "team"] {
            note(dir, remote);
        }
        let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        std::fs::File::open(file(dir, "team")).unwrap().set_modified(old).unwrap();
        assert_eq!(at(dir, "team"), Some(Timestamp::from_second(1_000_000_000).unwrap()));
        assert!(at(dir, "team/origin") > at(dir, "team"));
        note(dir, "team");
        assert!(at(dir, "team") >= at(dir, "team/origin"), "written again, with the same text");
    }

    #[test]
    fn what_cannot_be_written_is_not_known() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("lockstep"), "in the way").unwrap();
        note(directory.path(), "origin");
        assert_eq!(at(directory.path(), "origin"), None);
    }
}
