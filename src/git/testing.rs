//! Real repositories in temporary directories for tests: a bare `origin`, any number of clones,
//! nothing of the user's own configuration.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::spawn::Git;
use super::{Oid, Repo};
use crate::env::Environment;
use crate::process::Interrupts;

/// A temporary directory with a bare repository `origin.git` and clones beside it.
pub(crate) struct World {
    root: tempfile::TempDir,
}

impl World {
    /// An `origin.git` on branch `main`, without any commit.
    pub(crate) fn empty() -> Self {
        let world = Self { root: tempfile::tempdir().unwrap() };
        world.git(world.path(), &["init", "-q", "--bare", "-b", "main", "origin.git"]);
        world
    }

    /// An `origin.git` with one commit on `main`, and a clone `a` that is level with it.
    pub(crate) fn new() -> (Self, Repo) {
        let world = Self::empty();
        let a = world.clone_as("a");
        world.commit(&a, "file", "one");
        world.git(&a, &["push", "-q", "-u", "origin", "main"]);
        let repo = world.open(&a);
        (world, repo)
    }

    pub(crate) fn path(&self) -> &Path {
        self.root.path()
    }

    pub(crate) fn origin(&self) -> PathBuf {
        self.path().join("origin.git")
    }

    /// The variables under which tests run git; `extra` is added.
    pub(crate) fn env(&self, cwd: &Path, extra: &[(&str, &str)]) -> Environment {
        #[expect(clippy::disallowed_methods, reason = "tests find git where the user has it")]
        let path = std::env::var("PATH").unwrap();
        let home = self.path().to_str().unwrap();
        let mut vars = vec![
            ("PATH", path.as_str()),
            ("HOME", home),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_AUTHOR_NAME", "Ana"),
            ("GIT_AUTHOR_EMAIL", "ana@localhost"),
            ("GIT_COMMITTER_NAME", "Ana"),
            ("GIT_COMMITTER_EMAIL", "ana@localhost"),
            // Submodules and clones by path.
            ("GIT_CONFIG_COUNT", "1"),
            ("GIT_CONFIG_KEY_0", "protocol.file.allow"),
            ("GIT_CONFIG_VALUE_0", "always"),
        ];
        vars.extend(extra);
        Environment::new(cwd, vars)
    }

    /// Whether git here can make a repository with this option of `init`; if not, says so by the test's name.
    pub(crate) fn can_init(&self, option: &str) -> bool {
        let made = self.try_git(self.path(), &["init", "-q", option, "probe.git"]).0 == Some(0);
        if !made {
            let (test, git) = (std::thread::current(), self.git(self.path(), &["version"]));
            let test = test.name().unwrap_or("a test").to_owned();
            // Not by `eprintln!`, which is shown for failing tests only.
            let _ = writeln!(std::io::stderr(), "\nskipped: {test}: {git} cannot `init {option}`");
        }
        made
    }

    /// A clone of `origin.git`.
    pub(crate) fn clone_as(&self, name: &str) -> PathBuf {
        self.git(self.path(), &["clone", "-q", "origin.git", name]);
        self.path().join(name)
    }

    pub(crate) fn open(&self, dir: &Path) -> Repo {
        Repo::discover(dir, &self.env(dir, &[]), &Interrupts::new()).unwrap().unwrap()
    }

    /// Runs git, which must succeed; what it printed, trimmed.
    pub(crate) fn git(&self, dir: &Path, args: &[&str]) -> String {
        let (code, out) = self.try_git(dir, args);
        assert_eq!(code, Some(0), "git {args:?}: {out}");
        out
    }

    /// Runs git; exit code, and what it printed on both streams.
    pub(crate) fn try_git(&self, dir: &Path, args: &[&str]) -> (Option<i32>, String) {
        // A bare repository must be named.
        let is_bare = dir.join("objects").is_dir() && !dir.join(".git").exists();
        let bare = is_bare.then(|| format!("--git-dir={}", dir.display()));
        let args: Vec<&str> = bare.iter().map(String::as_str).chain(args.iter().copied()).collect();
        let ran = Git::new(&self.env(dir, &[]), dir, &Interrupts::new());
        let ran = ran.run_with(super::spawn::Hooks::On, None, &args, &[]).unwrap();
        let mut out = String::from_utf8_lossy(&ran.stdout).trim().to_owned();
        if ran.code != Some(0) {
            out.push_str(&String::from_utf8_lossy(&ran.stderr));
        }
        (ran.code, out)
    }

    /// Writes a file and commits it.
    pub(crate) fn commit(&self, dir: &Path, file: &str, text: &str) -> Oid {
        fs::write(dir.join(file), text).unwrap();
        self.git(dir, &["add", "--", file]);
        self.git(dir, &["commit", "-q", "-m", text]);
        self.oid(dir, "HEAD")
    }

    pub(crate) fn oid(&self, dir: &Path, name: &str) -> Oid {
        Oid::new(self.git(dir, &["rev-parse", "--verify", name])).unwrap()
    }

    /// Installs a hook: a script for `sh`.
    pub(crate) fn hook(&self, git_dir: &Path, name: &str, script: &str) {
        let file = git_dir.join("hooks").join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }
}
