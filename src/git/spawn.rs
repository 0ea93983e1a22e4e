//! The one place that starts `git`.
//!
//! Whatever the caller's surroundings are (a git hook, another repository's variables, a foreign
//! language), git works on this repository, speaks English, asks nothing on the terminal and never
//! touches index or tree. How the user reaches remotes (ssh, credential helpers, proxies,
//! `GIT_CONFIG_GLOBAL`) stays as it is set up. No shell is involved.

use std::ffi::OsStr;
use std::io::{Read as _, Seek as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::GitError;
use super::ssh::{self, Shared};
use super::text::clean;
use crate::env::Environment;
use crate::process::{Interrupts, start_alone};

/// The oldest git that knows every option used here.
pub(super) const OLDEST: (u32, u32) = (2, 31);

/// Variables that tie git to another repository or another state of this one. A git hook sets
/// several of them, and a server's hook the quarantine.
const FOREIGN: [&str; 17] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_ATTR_SOURCE",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NAMESPACE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// Starts git in one working tree.
#[derive(Debug)]
pub(super) struct Git {
    env: Environment,
    dir: PathBuf,
    interrupts: Interrupts,
    /// Looked up once; an absolute path also lets the standard library use `posix_spawn`.
    program: OnceLock<PathBuf>,
}

/// Whether a run of git runs the user's hooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hooks {
    /// It does: a push of the branch is what the user would have done themselves.
    On,
    /// It does not: looking around must start nothing.
    Off,
}

/// How one run of git ended.
#[derive(Debug)]
pub(super) struct Ran {
    /// The exit code; none if a signal killed it.
    pub(super) code: Option<i32>,
    pub(super) signal: Option<i32>,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    /// lockstep was asked to end while git ran.
    pub(super) interrupted: bool,
}

impl Git {
    pub(super) fn new(env: &Environment, dir: &Path, interrupts: &Interrupts) -> Self {
        Self {
            env: env.clone(),
            dir: dir.to_owned(),
            interrupts: interrupts.clone(),
            program: OnceLock::new(),
        }
    }

    /// The variables that git runs with, but for those that are taken from it.
    pub(super) const fn env(&self) -> &Environment {
        &self.env
    }

    /// Runs git to its end and collects what it said.
    pub(super) fn run(
        &self,
        args: &[impl AsRef<OsStr>],
        extra_env: &[(&str, &OsStr)],
    ) -> Result<Ran, GitError> {
        self.run_over(None, args, extra_env)
    }

    /// As [`Git::run`], over an ssh connection that is shared.
    pub(super) fn run_over(
        &self,
        ssh: Option<&Shared>,
        args: &[impl AsRef<OsStr>],
        extra_env: &[(&str, &OsStr)],
    ) -> Result<Ran, GitError> {
        self.run_with(Hooks::Off, ssh, args, extra_env)
    }

    /// As [`Git::run_over`], with the user's hooks where they are wanted.
    #[expect(clippy::disallowed_methods, reason = "this file is the one that starts git")]
    pub(super) fn run_with(
        &self,
        hooks: Hooks,
        ssh: Option<&Shared>,
        args: &[impl AsRef<OsStr>],
        extra_env: &[(&str, &OsStr)],
    ) -> Result<Ran, GitError> {
        let before = self.interrupts.requested();
        let mut command = Command::new(self.program()?);
        command.arg("--no-optional-locks").arg("-C").arg(&self.dir);
        // A directory that only looks like a bare repository may be part of a clone, with settings that
        // name programs.
        command.args(["-c", "color.ui=false", "-c", "safe.bareRepository=explicit"]);
        if hooks == Hooks::Off {
            command.args(["-c", "core.hooksPath=/dev/null"]);
        }
        command.args(args).env_clear();
        for (name, value) in self.env.vars() {
            if !FOREIGN.iter().any(|foreign| name == OsStr::new(foreign)) {
                command.env(name, value);
            }
        }
        command.env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", "0").stdin(Stdio::null());
        for (name, value) in extra_env {
            command.env(name, value);
        }
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut errors = None;
        if let Some((ssh, file)) = ssh.and_then(|ssh| Some((ssh, ssh.errors()?)))
            && let Ok(copy) = file.try_clone()
        {
            command.env(ssh::VARIABLE, ssh.command()).stderr(copy);
            errors = Some(file);
        }
        let started = {
            // A git that outlives its call (a shared ssh connection) must not inherit a tool's locks.
            let _alone = start_alone();
            command.spawn()
        };
        let output = started.and_then(std::process::Child::wait_with_output).map_err(|source| {
            GitError::Repository { what: "run git".to_owned(), source: Box::new(source) }
        })?;
        let mut stderr = output.stderr;
        if let Some(mut file) = errors {
            // What git said is for people; how it ended is told by its code.
            let _ = file.rewind().and_then(|()| file.read_to_end(&mut stderr));
        }
        Ok(Ran {
            code: output.status.code(),
            signal: output.status.signal(),
            stdout: output.stdout,
            stderr,
            interrupted: before.is_none() && self.interrupts.requested().is_some(),
        })
    }

    /// Runs git for its output; any end but exit code 0 is an error.
    pub(super) fn read(&self, args: &[impl AsRef<OsStr>]) -> Result<Vec<u8>, GitError> {
        let ran = self.run(args, &[])?;
        if ran.code == Some(0) {
            return Ok(ran.stdout);
        }
        Err(self.failure(&subcommand(args), &ran))
    }

    /// Runs git for a yes or no: exit code 0 with its output, exit code 1 as none.
    pub(super) fn ask(&self, args: &[impl AsRef<OsStr>]) -> Result<Option<Vec<u8>>, GitError> {
        let ran = self.run(args, &[])?;
        match ran.code {
            Some(0) => Ok(Some(ran.stdout)),
            Some(1) => Ok(None),
            _ => Err(self.failure(&subcommand(args), &ran)),
        }
    }

    /// What a run that did not end well means.
    pub(super) fn failure(&self, command: &str, ran: &Ran) -> GitError {
        let command = command.to_owned();
        if ran.signal.is_some() || ran.interrupted {
            return GitError::Interrupted { command };
        }
        // 129 is a usage error: an option that this git does not know yet.
        if ran.code == Some(129)
            && let Some(error) = self.too_old()
        {
            return error;
        }
        GitError::Failed { command, message: clean(&ran.stderr) }
    }

    /// Says so if this git is older than what is needed.
    fn too_old(&self) -> Option<GitError> {
        let said = self.run(&["version"], &[]).ok()?.stdout;
        let said = String::from_utf8_lossy(&said).trim().to_owned();
        let (major, minor) = version(&said)?;
        ((major, minor) < OLDEST).then(|| {
            GitError::Program(format!(
                "`{}` is {}; install git {}.{} or newer",
                self.program.get().map_or_else(|| "git".into(), |p| p.display().to_string()),
                clean(said.as_bytes()),
                OLDEST.0,
                OLDEST.1
            ))
        })
    }

    pub(super) fn program(&self) -> Result<&Path, GitError> {
        if let Some(program) = self.program.get() {
            return Ok(program);
        }
        let found = which::which_in("git", self.env.var_os("PATH"), self.env.cwd()).map_err(|_| {
            GitError::Program(format!(
                "the `git` program was not found in PATH; install git {}.{} or newer",
                OLDEST.0, OLDEST.1
            ))
        })?;
        Ok(self.program.get_or_init(|| found))
    }
}

/// The subcommand among the arguments: the first that is neither an option nor a `-c` setting.
fn subcommand(args: &[impl AsRef<OsStr>]) -> String {
    let mut args = args.iter().map(AsRef::as_ref);
    while let Some(arg) = args.next() {
        if arg == "-c" {
            args.next();
        } else if !arg.as_encoded_bytes().starts_with(b"-") {
            return arg.to_string_lossy().into_owned();
        }
    }
    String::new()
}

/// Major and minor number in `git version 2.47.3`.
pub(super) fn version(said: &str) -> Option<(u32, u32)> {
    let mut numbers = said.strip_prefix("git version ")?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_subcommand_and_version() {
        assert_eq!(subcommand(&["-c", "a=b", "--no-pager", "push", "origin"]), "push");
        assert_eq!(version("git version 2.47.3"), Some((2, 47)));
        assert_eq!(version("git version 2.39.5 (Apple Git-154)"), Some((2, 39)));
        assert_eq!(version("nonsense"), None);
    }

    #[test]
    fn a_missing_git_names_what_to_install() {
        let env = Environment::new("/", [("PATH", "/nonexistent")]);
        let git = Git::new(&env, Path::new("/"), &Interrupts::new());
        let error = git.read(&["status"]).unwrap_err();
        assert!(matches!(&error, GitError::Program(m) if m.contains("install git 2.31")), "{error}");
    }
}
