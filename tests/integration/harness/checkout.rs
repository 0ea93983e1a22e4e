//! A working copy in a world, and what a person does in it.

use std::path::{Path, PathBuf};

use super::world::write_script;
use super::{ALIAS, Cmd, World};

/// A clone (or any directory) in a world.
pub(crate) struct Checkout<'w> {
    world: &'w World,
    dir: PathBuf,
}

impl<'w> Checkout<'w> {
    /// The directory of that name in the world.
    pub(crate) fn at(world: &'w World, name: &str) -> Self {
        Self { world, dir: world.path(name) }
    }

    /// The top of the working copy.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// A path in it.
    pub(crate) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.dir.join(path)
    }

    /// The binary with these words (none of which holds a space).
    pub(crate) fn lockstep(&self, words: &str) -> Cmd<'w> {
        Cmd::new(self.world, env!("CARGO_BIN_EXE_lockstep"), &self.dir).words(words)
    }

    /// The usual alias for `alpha/prod` around a tool and its arguments.
    pub(crate) fn alias(&self, command: &str) -> Cmd<'w> {
        self.lockstep(ALIAS).words(command)
    }

    /// git with these words (none of which holds a space); it must succeed.
    #[track_caller]
    pub(crate) fn git(&self, words: &str) -> String {
        self.world.git(&self.dir, words)
    }

    /// Writes a file, with the directories above it.
    pub(crate) fn write(&self, path: impl AsRef<Path>, text: impl AsRef<[u8]>) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().expect("a file has a directory"))
            .expect("the world is writable");
        std::fs::write(path, text).expect("the world is writable");
    }

    /// What a file holds.
    #[track_caller]
    pub(crate) fn read(&self, path: impl AsRef<Path>) -> String {
        let path = self.path(path);
        std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("cannot read {}: {e}", path.display()))
    }

    /// Whether something of that name is there.
    pub(crate) fn has(&self, path: impl AsRef<Path>) -> bool {
        self.path(path).symlink_metadata().is_ok()
    }

    /// Commits everything, and tells the commit.
    pub(crate) fn commit(&self, message: &str) -> String {
        self.git("add -A");
        self.world.git_args(&self.dir, &["commit", "-q", "--allow-empty", "-m", message]);
        self.head()
    }

    /// Writes a file and commits it.
    pub(crate) fn commit_file(&self, path: &str, text: &str) -> String {
        self.write(path, text);
        self.commit(&format!("Write {path}"))
    }

    /// Commits what is changed and pushes it.
    pub(crate) fn publish(&self, path: &str, text: &str) -> String {
        let commit = self.commit_file(path, text);
        self.git("push -q");
        commit
    }

    /// The commit on which it stands.
    pub(crate) fn head(&self) -> String {
        self.git("rev-parse HEAD").trim().to_owned()
    }

    /// A hook of this clone, as a shell script's body.
    pub(crate) fn hook(&self, name: &str, body: &str) {
        write_script(&self.dir.join(".git/hooks"), name, body);
    }

    /// The journals of its runs, oldest first.
    pub(crate) fn journals(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.path(".git/lockstep/runs")) else { return Vec::new() };
        let mut files: Vec<PathBuf> = entries.map(|e| e.expect("readable").path()).collect();
        files.sort();
        files
    }
}
