//! Finding the program that a word stands for.
//!
//! The rules of the user's shell: a word with a `/` is a path, anything else is looked for in the
//! injected `PATH`. Relative entries of `PATH` (and empty ones) count from where the user stands,
//! never from a rendered directory: what a template wrote there cannot become a program by its name.
//! What is found is never a shim of ours: the next program of that name is.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::ProcessError;
use super::error::show;
use super::shim::{DEEPEST, DEPTH_VAR, is_shim};
use crate::env::Environment;

/// Finds a program; `cwd` (absolute) is where a path with a `/` counts from. The answer is absolute
/// and not resolved further: what a link's name means to a program is its own affair.
///
/// # Errors
/// [`ProcessError::NotFound`] saying where it was looked for; [`ProcessError::NotExecutable`] for
/// what is there but is a directory or not executable.
pub fn find_program(program: &OsStr, cwd: &Path, env: &Environment) -> Result<PathBuf, ProcessError> {
    let not_found = |looked_in| ProcessError::NotFound { program: show(program), looked_in };
    if program.as_bytes().contains(&b'/') {
        let path = cwd.join(program);
        return match obstacle(&path) {
            None => within_reason(program, path, env),
            Some(error) if is_absence(&error) => Err(not_found(format!("`{}`", show(cwd)))),
            Some(source) => Err(ProcessError::NotExecutable { program: show(&path), source }),
        };
    }
    let Some(list) = env.var_os("PATH").filter(|list| !list.is_empty()) else {
        return Err(not_found("PATH, which is not set".to_owned()));
    };
    // Made absolute here, so that no entry is read as anything but a path (`~`).
    let directories: Vec<PathBuf> = std::env::split_paths(list).map(|entry| env.cwd().join(entry)).collect();
    let absolute: OsString = std::env::join_paths(&directories).unwrap_or_else(|_| list.to_owned());
    let found = match program.is_empty() {
        true => None,
        false => which::which_in_all(program, Some(absolute), env.cwd()).ok(),
    };
    let mut shims = Vec::new();
    for path in found.into_iter().flatten() {
        if !is_shim(&path) {
            return within_reason(program, path, env);
        }
        shims.push(path);
    }
    // The first file of that name, as a shell reports it: there, but not executable.
    let candidate = directories.iter().map(|directory| directory.join(program)).find(|path| path.is_file());
    match candidate.and_then(|path| obstacle(&path).map(|source| (path, source))) {
        Some((path, source)) => Err(ProcessError::NotExecutable { program: show(path), source }),
        None => {
            let passed = shims.iter().map(|shim| format!(" (besides the shim {})", show(shim)));
            Err(not_found(list_of(&directories) + &passed.collect::<String>()))
        }
    }
}

/// A wrapper that no first line tells of is told by the depth to which it has called us.
fn within_reason(program: &OsStr, path: PathBuf, env: &Environment) -> Result<PathBuf, ProcessError> {
    match depth(env) {
        depth if depth < DEEPEST => Ok(path),
        depth => Err(ProcessError::Loop { program: show(program), path: show(path), depth }),
    }
}

/// How many runs of lockstep are around this one.
pub fn depth(env: &Environment) -> u32 {
    env.var(DEPTH_VAR).and_then(|depth| depth.parse().ok()).unwrap_or(0)
}

/// What stands in the way of executing a file; nothing that can be told before trying.
fn obstacle(path: &Path) -> Option<io::Error> {
    match path.metadata() {
        Err(error) => Some(error),
        Ok(metadata) if metadata.is_dir() => Some(io::ErrorKind::IsADirectory.into()),
        Ok(_) => rustix::fs::access(path, rustix::fs::Access::EXEC_OK).err().map(Into::into),
    }
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn list_of(directories: &[PathBuf]) -> String {
    const SHOWN: usize = 12;
    let mut text = String::from("PATH:");
    for directory in directories.iter().take(SHOWN) {
        text.push(' ');
        text.push_str(&show(directory));
    }
    if directories.len() > SHOWN {
        text.push_str(&format!(" and {} more", directories.len() - SHOWN));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    struct Place {
        directory: tempfile::TempDir,
    }

    impl Place {
        fn new() -> Self {
            Self { directory: tempfile::tempdir().unwrap() }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.directory.path().join(name)
        }

        fn file(&self, name: &str, mode: u32) -> PathBuf {
            let path = self.path(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "#!/bin/true\n").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            path
        }

        fn env(&self, path: &str) -> Environment {
            Environment::new(self.path("user"), [("PATH", path)])
        }

        fn find(&self, program: &str, path: &str) -> Result<PathBuf, ProcessError> {
            find_program(OsStr::new(program), &self.path("unit"), &self.env(path))
        }
    }

    #[test]
    fn the_first_executable_in_path_wins() {
        let place = Place::new();
        place.file("a/tool", 0o644);
        let second = place.file("b/tool", 0o755);
        place.file("c/tool", 0o755);
        let list = ["a", "b", "c"].map(|name| place.path(name).display().to_string()).join(":");
        assert_eq!(place.find("tool", &list).unwrap(), second);
    }

    #[test]
    fn relative_entries_count_from_where_the_user_stands() {
        let place = Place::new();
        let tool = place.file("user/bin/tool", 0o755);
        let beside = place.file("user/beside", 0o755);
        place.file("unit/bin/planted", 0o755);
        place.file("unit/planted", 0o755);
        assert_eq!(place.find("tool", "bin").unwrap(), tool);
        assert_eq!(place.find("beside", "/nowhere::").unwrap(), beside);
        for path in ["bin", ".", "", ":", "~/bin"] {
            assert!(matches!(place.find("planted", path), Err(ProcessError::NotFound { .. })), "{path}");
        }
    }

    #[test]
    fn a_path_counts_from_the_given_directory() {
        let place = Place::new();
        let tool = place.file("unit/bin/tool", 0o755);
        assert_eq!(place.find("bin/tool", "").unwrap(), tool);
        assert_eq!(place.find(tool.to_str().unwrap(), "").unwrap(), tool);
        assert!(matches!(place.find("./tool", ""), Err(ProcessError::NotFound { .. })));
        assert!(matches!(place.find("bin/tool/x", ""), Err(ProcessError::NotFound { .. })));
    }

    #[test]
    fn what_cannot_be_executed_is_told_from_what_is_not_there() {
        let place = Place::new();
        let file = place.file("unit/file", 0o644);
        assert!(matches!(place.find("./file", ""), Err(ProcessError::NotExecutable { .. })));
        assert!(matches!(place.find("../unit", ""), Err(ProcessError::NotExecutable { .. })));
        let list = file.parent().unwrap().to_str().unwrap();
        assert!(matches!(place.find("file", list), Err(ProcessError::NotExecutable { .. })));
        for none in ["", ".", "..", "none"] {
            assert!(matches!(place.find(none, list), Err(ProcessError::NotFound { .. })), "{none:?}");
        }
    }

    #[test]
    fn a_shim_is_passed_over() {
        let place = Place::new();
        let shim = place.file("shims/tool", 0o755);
        fs::write(&shim, format!("{}\n", crate::process::SHIM_START)).unwrap();
        fs::create_dir(place.path("links")).unwrap();
        std::os::unix::fs::symlink(&shim, place.path("links/tool")).unwrap();
        let [shims, links, bin] =
            ["shims", "links", "bin"].map(|name| place.path(name).display().to_string());
        let error = place.find("tool", &format!("{shims}:{links}")).unwrap_err().to_string();
        assert!(error.contains(&format!("(besides the shim {shims}/tool)")), "{error}");
        let tool = place.file("bin/tool", 0o755);
        assert_eq!(place.find("tool", &format!("{shims}:{links}:{bin}")).unwrap(), tool);
        assert_eq!(place.find(shim.to_str().unwrap(), "").unwrap(), shim, "who names it means it");
    }

    #[test]
    fn a_loop_ends() {
        let place = Place::new();
        let tool = place.file("bin/tool", 0o755);
        let at = |depth: &str| {
            let path = place.path("bin").display().to_string();
            let env = Environment::new(place.path("user"), [("PATH", path.as_str()), (DEPTH_VAR, depth)]);
            find_program(OsStr::new("tool"), &place.path("unit"), &env)
        };
        for depth in ["", "1", "7", "what", "-1"] {
            assert_eq!(at(depth).unwrap(), tool, "{depth}");
        }
        assert!(matches!(at("8"), Err(ProcessError::Loop { depth: 8, .. })));
    }

    #[test]
    fn the_error_says_where_it_was_looked_for() {
        let place = Place::new();
        let error = place.find("to\u{1b}[2Jfu", "/nowhere:/no/bin").unwrap_err().to_string();
        assert_eq!(error, "program `to\\u{1b}[2Jfu` was not found in PATH: /nowhere /no/bin");
        let error = place.find("tofu", "").unwrap_err().to_string();
        assert_eq!(error, "program `tofu` was not found in PATH, which is not set");
    }
}
