//! Whether files are those of before, by what the file system says of them and without reading one,
//! as git's own index does it: device, inode, mode, size, and the times of the last change of content
//! and of anything at all. The last one nobody can set back.
//!
//! What must hold: a stamp is trusted only if it was taken long enough after the last change. A file
//! that changes twice within one tick of the file system's clock has the same times after both.

use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::manifest::hexadecimal;

/// Longer than a tick of any file system that counts parts of seconds.
const TICK: i128 = 100_000_000;
/// Longer than one of those that count seconds, or two at a time.
const LONG_TICK: i128 = 2_100_000_000;

/// What is stamped: paths relative to the project, or absolute.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Paths {
    /// A directory.
    pub(super) base: String,
    /// Files and directories in it. The empty name is the directory itself, and stands for the names in it.
    pub(super) names: Vec<String>,
    /// Files and directories elsewhere, also such as are not there.
    pub(super) exact: Vec<String>,
    /// Directories of which it counts only that they are these.
    pub(super) above: Vec<String>,
}

/// What the file system says of paths.
pub(super) struct Stamp {
    /// Short for all of it.
    pub(super) digest: String,
    /// Nanoseconds since 1970 from which on it may be trusted.
    settled: i128,
}

/// The directory that paths are relative to.
#[derive(Debug)]
pub(super) struct Ground(OwnedFd);

impl Ground {
    /// None if it cannot be opened.
    pub(super) fn open(root: &Path) -> Option<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        rustix::fs::open(root, flags, Mode::empty()).ok().map(Self)
    }
}

impl Stamp {
    /// Takes one; none if something cannot be looked at.
    pub(super) fn take(ground: &Ground, paths: &Paths) -> Option<Self> {
        let mut hash = Sha256::new();
        let (mut settled, mut path) = (0, String::new());
        let below = paths.names.iter().map(|name| (paths.base.as_str(), name, true));
        let exact = paths.exact.iter().map(|path| ("", path, true));
        let above = paths.above.iter().map(|path| ("", path, false));
        for (base, name, exact) in below.chain(exact).chain(above) {
            path.clear();
            path.push_str(base);
            if !base.is_empty() && !name.is_empty() {
                path.push('/');
            }
            path.push_str(name);
            hash.update(path.as_bytes());
            let seen = match rustix::fs::statat(&ground.0, path.as_str(), AtFlags::SYMLINK_NOFOLLOW) {
                Ok(seen) => seen,
                Err(Errno::NOENT | Errno::NOTDIR) => {
                    hash.update([0]);
                    continue;
                }
                Err(_) => return None,
            };
            // What types these have differs from system to system.
            hash.update([if exact { 1 } else { 2 }]);
            for number in [seen.st_dev.into(), seen.st_ino.into(), i128::from(seen.st_mode)] {
                hash.update(number.to_le_bytes());
            }
            if !exact {
                continue;
            }
            let nanoseconds = [i128::from(seen.st_mtime_nsec), i128::from(seen.st_ctime_nsec)];
            let seconds = [i128::from(seen.st_mtime), i128::from(seen.st_ctime)];
            let at = [0, 1].map(|time| seconds[time] * 1_000_000_000 + nanoseconds[time]);
            for number in [i128::from(seen.st_size), at[0], at[1]] {
                hash.update(number.to_le_bytes());
            }
            let tick = if nanoseconds == [0, 0] { LONG_TICK } else { TICK };
            settled = settled.max(at[0].max(at[1]) + tick);
        }
        Some(Self { digest: hexadecimal(&hash.finalize()[..16]), settled })
    }

    /// Whether everything had its last change well before this second, in which or after which its
    /// content was looked at.
    pub(super) fn was_settled_at(&self, second: i64) -> bool {
        self.settled < i128::from(second) * 1_000_000_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::os::unix::fs::MetadataExt as _;

    fn digest(root: &Path, paths: &Paths) -> String {
        Stamp::take(&Ground::open(root).unwrap(), paths).unwrap().digest
    }

    #[test]
    fn whatever_happens_to_a_file_changes_its_stamp() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::create_dir(at("d")).unwrap();
        std::fs::write(at("d/a"), "one").unwrap();
        let paths = Paths { base: "d".into(), names: vec!["a".into(), String::new()], ..Paths::default() };
        let mut seen = vec![digest(dir.path(), &paths)];
        let old = std::fs::File::open(at("d/a")).unwrap().metadata().unwrap().modified().unwrap();
        let acts: [&dyn Fn(); 6] = [
            &|| std::fs::write(at("d/a"), "longer").unwrap(),
            // The same size, and the time of the content set back: that of anything tells.
            &|| {
                std::fs::write(at("d/a"), "eleven").unwrap();
                std::fs::File::open(at("d/a")).unwrap().set_modified(old).unwrap();
            },
            &|| {
                use std::os::unix::fs::PermissionsExt as _;
                std::fs::set_permissions(at("d/a"), std::fs::Permissions::from_mode(0o600)).unwrap();
            },
            &|| std::fs::write(at("d/b"), "new").unwrap(),
            &|| {
                std::fs::write(at("c"), "eleven").unwrap();
                std::fs::rename(at("c"), at("d/a")).unwrap();
            },
            &|| std::fs::remove_file(at("d/a")).unwrap(),
        ];
        for (number, act) in acts.iter().enumerate() {
            // Until the clock of the file system has ticked.
            let before = std::fs::metadata(at("d")).unwrap().ctime_nsec();
            while ticks(dir.path()) == before {}
            act();
            let now = digest(dir.path(), &paths);
            assert!(!seen.contains(&now), "{number}");
            seen.push(now);
        }
    }

    /// The nanoseconds of the file system's clock.
    fn ticks(dir: &Path) -> i64 {
        std::fs::write(dir.join("tick"), "").unwrap();
        dir.join("tick").metadata().unwrap().ctime_nsec()
    }

    #[test]
    fn of_directories_above_only_which_they_are_counts() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("d")).unwrap();
        let paths = Paths { above: vec!["d".into()], ..Paths::default() };
        let before = digest(dir.path(), &paths);
        std::fs::write(dir.path().join("d/a"), "").unwrap();
        assert_eq!(digest(dir.path(), &paths), before);
        std::fs::rename(dir.path().join("d"), dir.path().join("e")).unwrap();
        assert_ne!(digest(dir.path(), &paths), before);
        std::os::unix::fs::symlink("e", dir.path().join("d")).unwrap();
        assert_ne!(digest(dir.path(), &paths), before, "a link is not what it leads to");
    }

    #[test]
    fn what_has_just_changed_is_not_trusted() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a"), "").unwrap();
        let changed = dir.path().join("a").metadata().unwrap().ctime();
        let ground = Ground::open(dir.path()).unwrap();
        let stamp = Stamp::take(&ground, &Paths { exact: vec!["a".into()], ..Paths::default() }).unwrap();
        assert!(!stamp.was_settled_at(changed));
        assert!(stamp.was_settled_at(changed + 4));
        let nothing = Stamp::take(&ground, &Paths::default()).unwrap();
        assert!(nothing.was_settled_at(changed));
    }
}
