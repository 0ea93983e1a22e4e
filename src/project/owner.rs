//! Whose `lockstep.toml` counts: where the search for it ends, and to whom it must belong.
//!
//! A project says what programs run, so that of another user is refused as git refuses a repository of
//! another user, and the search goes no further up than git's own: to the top of the repository, and not
//! beyond the border of a file system. Without a repository it goes through the user's own directories.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::{DIST, MARKER, Project, ProjectError};
use crate::env::{self, Environment};
use crate::git;

/// The directories in which `lockstep.toml` is looked for, the nearest first.
pub(super) fn directories<'a>(start: &'a Path, env: &Environment) -> Vec<&'a Path> {
    let device = |directory: &Path| directory.metadata().map(|meta| meta.dev()).ok();
    let (across, here) = (git::crosses_file_systems(env), device(start));
    let mut all: Vec<&Path> =
        start.ancestors().take_while(|directory| across || device(directory) == here).collect();
    let end = match all.iter().position(|directory| git::is_top(directory)) {
        Some(top) => top + 1,
        None => {
            let own = |directory: &&&Path| directory.metadata().is_ok_and(|meta| is_mine(&meta, env));
            // Where the user stands is looked at in any case.
            all.iter().take_while(own).count().max(1)
        }
    };
    all.truncate(end);
    all
}

/// Refuses a `lockstep.toml` that belongs, or whose directory belongs, to neither the user nor root, unless
/// git's `safe.directory` names the project or its repository.
pub(super) fn check(root: &Path, env: &Environment) -> Result<(), ProjectError> {
    let file = root.join(MARKER);
    let look = |path: &Path, seen: std::io::Result<Metadata>| {
        seen.map_err(|source| ProjectError::Read { path: path.display().to_string(), source })
    };
    // Of a link whoever made it says what is read.
    let seen = [(root, root.metadata()), (&file, file.symlink_metadata()), (&file, file.metadata())];
    for (path, seen) in seen {
        let seen = look(path, seen)?;
        if is_mine(&seen, env) || seen.uid() == 0 {
            continue;
        }
        let top = root.ancestors().find(|directory| git::is_top(directory)).unwrap_or(root);
        // In a repository that its owner shares others write the files, and git goes by its top.
        let is_shared = || top.metadata().is_ok_and(|meta| is_mine(&meta, env)) && git::is_shared(top);
        // Where git cannot be asked it has not said so.
        if is_shared() || git::is_safe(&[root, top], env).unwrap_or(false) {
            return Ok(());
        }
        return Err(ProjectError::Foreign {
            path: path.to_owned(),
            uid: seen.uid(),
            directory: PathBuf::from(top),
        });
    }
    Ok(())
}

impl Project {
    /// Whether a program is a file of the project's repository: looking around must not start it. A link
    /// counts as what it is and as what it leads to. Where a home is a repository, for what is called
    /// dotfiles, most of what lies in it is the user's own.
    pub fn holds_program(&self, program: &Path, env: &Environment) -> bool {
        let root = self.root();
        let top = root.ancestors().find(|directory| git::is_top(directory)).unwrap_or(root);
        let home = env.var_os("HOME").and_then(|home| Path::new(home).canonicalize().ok());
        let within = match home.as_deref() == Some(top) {
            true => vec![root.join("modules"), root.join(DIST)],
            false => vec![top.to_owned()],
        };
        let parent = program.parent().and_then(|parent| parent.canonicalize().ok());
        let inside = |path: PathBuf| within.iter().any(|own| path.starts_with(own));
        parent.is_some_and(inside) || program.canonicalize().is_ok_and(inside)
    }
}

/// Whether something belongs to the user, or to the one who became root by sudo.
fn is_mine(seen: &Metadata, env: &Environment) -> bool {
    let me = env::user_id();
    seen.uid() == me || me == 0 && sudo_user(env) == Some(seen.uid())
}

fn sudo_user(env: &Environment) -> Option<u32> {
    env.var("SUDO_UID")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_ends_at_the_top_of_the_repository() {
        let temp = tempfile::tempdir().unwrap();
        let base = temp.path().canonicalize().unwrap();
        let (top, deep) = (base.join("repo"), base.join("repo/a/b"));
        std::fs::create_dir_all(&deep).unwrap();
        let env = Environment::new("/", [("", ""); 0]);
        assert!(directories(&deep, &env).contains(&base.as_path()), "own directories, and no repository");
        // An empty `.git` is no repository to git either.
        std::fs::create_dir(top.join(".git")).unwrap();
        assert!(directories(&deep, &env).contains(&base.as_path()));
        std::fs::write(top.join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
        assert_eq!(directories(&deep, &env), [deep.as_path(), &base.join("repo/a"), &top]);
        // A linked worktree and a submodule have a file there.
        std::fs::write(base.join("repo/a/.git"), "gitdir: elsewhere\n").unwrap();
        assert_eq!(directories(&deep, &env), [deep.as_path(), &base.join("repo/a")]);
    }

    #[test]
    fn without_a_repository_the_directory_itself_is_looked_at_whoever_it_belongs_to() {
        let env = Environment::new("/", [("", ""); 0]);
        assert_eq!(directories(Path::new("/"), &env), [Path::new("/")]);
        if cfg!(target_os = "linux") {
            let found = directories(Path::new("/proc/sys"), &env);
            assert_eq!(found.first(), Some(&Path::new("/proc/sys")));
            assert!(!found.contains(&Path::new("/")), "that is another file system");
        }
    }

    #[test]
    fn only_root_stands_for_whoever_called_sudo() {
        let of = |uid: &str| sudo_user(&Environment::new("/", [("SUDO_UID", uid)]));
        assert_eq!((of("1000"), of(""), of("-1"), of("x")), (Some(1000), None, None, None));
    }
}
