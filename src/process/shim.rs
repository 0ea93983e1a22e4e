//! Shims: scripts named like a tool that call lockstep, which runs the tool.
//!
//! A shim stands on the `PATH` before the tool that it stands for, so a lookup must pass it over, or
//! lockstep would call itself for ever. It is known by its first lines, whatever the environment says:
//! also through a link, under `sudo`, and where shims are mixed with other programs. A directory of
//! shims alone is marked by a file, and left out of a command's `PATH`: what the command runs itself is
//! part of the same change, and must not ask for the lock again.

use std::ffi::{OsStr, OsString};
use std::io::Read as _;
use std::path::Path;

/// What every shim begins with.
pub const SHIM_START: &str = "#!/bin/sh\n# lockstep shim";
/// The file that marks a directory in which there is nothing but shims.
pub const SHIM_MARKER: &str = ".lockstep-shims";
/// The variable that counts how many runs of lockstep are around a command.
pub const DEPTH_VAR: &str = "LOCKSTEP_DEPTH";
/// A script that runs lockstep within lockstep is deep; deeper is a wrapper that calls itself.
pub const DEEPEST: u32 = 8;

/// Whether a file is a shim. What cannot be read is none.
pub fn is_shim(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| {
        let length = u64::try_from(SHIM_START.len()).unwrap_or(u64::MAX);
        file.take(length).read_to_end(&mut start)
    });
    read.is_ok() && start == SHIM_START.as_bytes()
}

/// A `PATH` without the directories that hold nothing but shims; relative entries count from `cwd`.
/// None if there is no such directory in it.
pub fn path_without_shims(list: &OsStr, cwd: &Path) -> Option<OsString> {
    let marked = |entry: &std::path::PathBuf| cwd.join(entry).join(SHIM_MARKER).is_file();
    if !std::env::split_paths(list).any(|entry| marked(&entry)) {
        return None;
    }
    // Each entry was part of such a list, so it can be again.
    std::env::join_paths(std::env::split_paths(list).filter(|entry| !marked(entry))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shim_is_known_by_its_first_lines() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = directory.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        assert!(is_shim(&file("shim", &format!("{SHIM_START} 1\nexec lockstep\n"))));
        assert!(!is_shim(&file("script", "#!/bin/sh\nexec lockstep\n")));
        assert!(!is_shim(&file("short", "#!")));
        assert!(!is_shim(directory.path()));
        assert!(!is_shim(&directory.path().join("none")));
        std::os::unix::fs::symlink("shim", directory.path().join("link")).unwrap();
        assert!(is_shim(&directory.path().join("link")));
    }

    #[test]
    fn only_marked_directories_leave_the_path() {
        let directory = tempfile::tempdir().unwrap();
        let shims = directory.path().join("shims");
        std::fs::create_dir(&shims).unwrap();
        let list = |shims: &str| format!("/bin::relative:{shims}:/usr/bin");
        let absolute = list(shims.to_str().unwrap());
        assert_eq!(path_without_shims(absolute.as_ref(), directory.path()), None);
        std::fs::write(shims.join(SHIM_MARKER), "").unwrap();
        for list in [absolute, list("shims")] {
            let left = path_without_shims(list.as_ref(), directory.path()).unwrap();
            assert_eq!(left, "/bin::relative:/usr/bin");
        }
    }
}
