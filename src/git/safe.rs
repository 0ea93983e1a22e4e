//! What git's own settings say about directories: where its search for a repository ends, and which
//! directories of other users the user trusts (`safe.directory`). And by what one clone is told from another.

use std::path::{Path, PathBuf};

use super::spawn::Git;
use super::{GitError, Repo};
use crate::env::Environment;
use crate::process::Interrupts;

/// Whether git looks for a repository beyond the border of a file system.
pub fn crosses_file_systems(env: &Environment) -> bool {
    let across = env.var("GIT_DISCOVERY_ACROSS_FILESYSTEM");
    across.is_some_and(|value| matches!(value, "1" | "true" | "yes" | "on"))
}

/// Whether a directory is the top of a working tree.
pub fn is_top(directory: &Path) -> bool {
    let entry = directory.join(".git");
    entry.is_file() || entry.join("HEAD").symlink_metadata().is_ok()
}

/// Whether the repository says that several users share it (`core.sharedRepository`).
pub fn is_shared(top: &Path) -> bool {
    let config = git2::Repository::open(top).and_then(|repo| repo.config()?.snapshot());
    let said = config.and_then(|config| config.get_str("core.sharedrepository").map(str::to_owned));
    said.is_ok_and(|value| !matches!(value.as_str(), "umask" | "false" | "0" | "no" | "off" | ""))
}

/// Whether the user's `safe.directory` names one of these directories: only what stands outside of any
/// repository counts, as git has it.
///
/// # Errors
/// When git cannot be asked.
pub fn is_safe(directories: &[&Path], env: &Environment) -> Result<bool, GitError> {
    let git = Git::new(env, Path::new("/"), &Interrupts::new());
    let args = ["config", "--show-scope", "-z", "--type=path", "--get-all", "safe.directory"];
    let said = git.ask(&args)?.unwrap_or_default();
    Ok(covers(&said, directories))
}

impl Repo {
    /// The names and addresses of all remotes, as far as they can be read without asking git: by this a
    /// clone is told from another one in the same place.
    pub fn remote_urls(&self) -> String {
        let Some(library) = self.library() else { return String::new() };
        let Ok(names) = library.remotes() else { return String::new() };
        let mut all: Vec<String> = Vec::new();
        for name in names.iter().flatten().flatten() {
            let url = library.find_remote(name).ok().and_then(|remote| remote.url().ok().map(str::to_owned));
            all.push(format!("{name} {}", url.unwrap_or_default()));
        }
        all.sort();
        all.join("\n")
    }
}

/// Reads `scope NUL value NUL …`; an empty value takes back those before it.
fn covers(said: &[u8], directories: &[&Path]) -> bool {
    use std::os::unix::ffi::OsStrExt as _;
    let mut fields = said.split(|byte| *byte == 0);
    let mut safe = false;
    while let (Some(scope), Some(value)) = (fields.next(), fields.next()) {
        if !matches!(scope, b"system" | b"global" | b"command") {
            continue;
        }
        let value = Path::new(std::ffi::OsStr::from_bytes(value));
        let named = |directory: &&Path| match value.to_str().and_then(|value| value.strip_suffix("/*")) {
            Some(above) => directory.starts_with(above) && *directory != Path::new(above),
            None => *directory == real(value),
        };
        safe = match value.as_os_str().as_bytes() {
            b"" => false,
            b"*" => true,
            _ => safe || directories.iter().any(named),
        };
    }
    safe
}

fn real(path: &Path) -> PathBuf {
    if path.is_absolute() { path.canonicalize().unwrap_or_else(|_| path.to_owned()) } else { path.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_user_says_makes_a_directory_safe() {
        let covered = |said: &[u8]| covers(said, &[Path::new("/srv/infra/live"), Path::new("/srv/infra")]);
        for (said, expected) in [
            (&b""[..], false),
            (b"global\0/srv/infra\0", true),
            (b"system\0*\0", true),
            (b"command\0/srv/*\0", true),
            (b"global\0/srv/infra/live/*\0", false),
            (b"global\0/srv\0", false),
            (b"global\0/srv/infra\0global\0\0", false),
            (b"system\0\0global\0/srv/infra/live\0", true),
            (b"local\0*\0worktree\0*\0", false),
            (b"global\0.\0", false),
        ] {
            assert_eq!(covered(said), expected, "{}", said.escape_ascii());
        }
    }
}
