//! Modes in a clone that several users share, as git's `core.sharedRepository` gives them to refs.
//!
//! That setting decides about the directories at the top (`Repo::share`). Below, everything follows the
//! directory that it is made in: where that is writable for its group and hands the group down (setgid, git's own
//! sign), so is what is made in it. Everywhere else modes are as the process's mask leaves them.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags, fchmod, fstat};
use rustix::io::Errno;

/// Set-group-ID, and writable for the group.
const SHARED: u32 = 0o2020;

/// Whether what is made in a directory is for its group too.
fn is_shared(directory: impl AsFd) -> bool {
    fstat(directory).is_ok_and(|stat| stat.st_mode & SHARED == SHARED)
}

/// Its group may do what its owner may.
const fn shared_mode(mode: u32) -> u32 {
    mode | ((mode >> 3) & 0o070)
}

/// The permission bits that a file with these gets in a directory.
pub fn mode_in(directory: impl AsFd, mode: u32) -> u32 {
    if is_shared(directory) { shared_mode(mode) } else { mode }
}

/// Gives a file or directory that was just made in a directory what that hands down. What is somebody else's
/// stays as it is.
pub fn hand_down(made: impl AsFd, directory: impl AsFd) {
    if is_shared(directory) {
        share_now(made);
    }
}

pub(super) fn share_now(made: impl AsFd) {
    let Ok(stat) = fstat(&made) else { return };
    let is_directory = rustix::fs::FileType::from_raw_mode(stat.st_mode).is_dir();
    let had = stat.st_mode & 0o7777;
    let wanted = shared_mode(had) | if is_directory { SHARED } else { 0 };
    if wanted != had {
        let _ = fchmod(&made, Mode::from_raw_mode(wanted));
    }
}

/// As [`hand_down`], for a file in a directory that is known by its path.
pub fn hand_down_in(made: &File, directory: &Path) {
    if let Ok(directory) = open(directory) {
        hand_down(made, directory);
    }
}

/// Makes a directory in another one, with what that hands down.
///
/// # Errors
/// As `mkdirat` has them.
pub fn make_directory_in(parent: impl AsFd, name: &str) -> Result<(), Errno> {
    rustix::fs::mkdirat(&parent, name, Mode::from_raw_mode(0o777))?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    if is_shared(&parent)
        && let Ok(made) = rustix::fs::openat(&parent, name, flags, Mode::empty())
    {
        share_now(made);
    }
    Ok(())
}

/// Makes a directory and those above it that are not there, each with these permission bits and what the one above
/// it hands down.
///
/// # Errors
/// When one cannot be made.
pub fn make_directories(path: &Path, mode: u32) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let above = path.parent().filter(|above| !above.as_os_str().is_empty());
    if let Some(above) = above {
        make_directories(above, mode)?;
    }
    match rustix::fs::mkdir(path, Mode::from_raw_mode(mode)) {
        Err(Errno::EXIST) if path.is_dir() => return Ok(()),
        made => made?,
    }
    if let Some(above) = above
        && let (Ok(made), Ok(above)) = (open(path), open(above))
    {
        hand_down(made, above);
    }
    Ok(())
}

pub(super) fn open(directory: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(directory, flags, Mode::empty())?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn what_a_shared_directory_holds_is_shared_and_nothing_else_is() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().join("top");
        std::fs::create_dir(&top).unwrap();
        for (shared, directory, file) in [(false, 0o700, 0o600), (true, 0o2770, 0o660)] {
            let bits = if shared { 0o2775 } else { 0o755 };
            std::fs::set_permissions(&top, std::fs::Permissions::from_mode(bits)).unwrap();
            let deep = top.join(format!("{shared}/a/b"));
            make_directories(&deep, 0o700).unwrap();
            make_directories(&deep, 0o700).unwrap();
            for made in [deep.as_path(), deep.parent().unwrap()] {
                assert_eq!(mode(made), directory, "{}", made.display());
            }
            let path = deep.join("file");
            let made = File::create(&path).unwrap();
            made.set_permissions(std::fs::Permissions::from_mode(0o600)).unwrap();
            hand_down_in(&made, &deep);
            assert_eq!(mode(&path), file);
        }
        std::fs::write(top.join("true/in-the-way"), "").unwrap();
        assert!(make_directories(&top.join("true/in-the-way/x"), 0o700).is_err());
        assert_eq!((shared_mode(0o644), shared_mode(0o755), shared_mode(0o600)), (0o664, 0o775, 0o660));
    }
}
