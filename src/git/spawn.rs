//! The one place that starts `git`.
//!
//! Whatever the caller's surroundings are (a git hook, another repository's variables, a foreign
//! language), git works on this repository, speaks English, asks nothing on the terminal and never
//! touches index or tree. How the user reaches remotes (ssh, credential helpers, proxies,
//! `GIT_CONFIG_GLOBAL`) stays as it is set up. No shell is involved.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::ssh::{self, Shared};
use super::text::clean;
use super::{GitError, left_locked};
use crate::env::Environment;
use crate::process::{DEPTH_VAR, Interrupts, depth, is_foreign_to_git, start_alone};

/// The oldest git that knows every option used here.
pub(super) const OLDEST: (u32, u32) = (2, 31);

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

    /// As [`Git::run`], with a file as standard input.
    pub(super) fn run_fed(
        &self,
        args: &[impl AsRef<OsStr>],
        extra_env: &[(&str, &OsStr)],
        input: std::fs::File,
    ) -> Result<Ran, GitError> {
        self.run_keeping(Some(input), Hooks::Off, None, args, extra_env)
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
    pub(super) fn run_with(
        &self,
        hooks: Hooks,
        ssh: Option<&Shared>,
        args: &[impl AsRef<OsStr>],
        extra_env: &[(&str, &OsStr)],
    ) -> Result<Ran, GitError> {
        self.run_keeping(None, hooks, ssh, args, extra_env)
    }

    /// As [`Git::run_with`]; git keeps an empty file open for as long as it lives, as its standard input.
    #[expect(clippy::disallowed_methods, reason = "this file is the one that starts git")]
    pub(super) fn run_keeping(
        &self,
        kept_open: Option<File>,
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
            if !is_foreign_to_git(name) && !traces_into_answers(name, value) {
                command.env(name, value);
            }
        }
        // A hook, here or on the server's side of this machine, that calls lockstep is a run within this one.
        command.env(DEPTH_VAR, (depth(&self.env) + 1).to_string());
        command.env("LC_ALL", "C").stdin(kept_open.map_or_else(Stdio::null, Stdio::from));
        // git asks on the terminal itself, whatever its own streams are.
        if !self.env.may_ask() {
            command.env("GIT_TERMINAL_PROMPT", "0");
        }
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
        // Ctrl-C of a terminal may reach git before it reaches this process. Whatever else kills git (the
        // system that runs out of memory) has interrupted nobody.
        let asked = [1, 2, 3, 15];
        if ran.interrupted || ran.signal.is_some_and(|signal| asked.contains(&signal)) {
            return GitError::Interrupted { command };
        }
        if let Some(signal) = ran.signal {
            return GitError::Failed { command, message: format!("git was killed by signal {signal}") };
        }
        // 129 is a usage error: an option that this git does not know yet.
        if ran.code == Some(129)
            && let Some(error) = self.too_old()
        {
            return error;
        }
        if let Some(error) = left_locked::named(&ran.stderr).or_else(|| foreign_owner(&ran.stderr)) {
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

    /// Whether lockstep is asked to end.
    pub(super) const fn interrupts(&self) -> &Interrupts {
        &self.interrupts
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

/// The repository that git does not use because of its owner, from what it said.
fn foreign_owner(stderr: &[u8]) -> Option<GitError> {
    let said = String::from_utf8_lossy(stderr);
    let own =
        said.lines().find(|line| line.starts_with("fatal: detected dubious ownership in repository at '"))?;
    let path = own.split_once('\'')?.1.strip_suffix('\'')?;
    Some(GitError::Owner { path: super::printable(path.as_bytes()) })
}

/// Whether a variable makes git write its trace to where its answers and its errors are read from: to
/// anything but a file of its own.
fn traces_into_answers(name: &OsStr, value: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    let is_trace = name.starts_with(b"GIT_TRACE") || name == b"GIT_CURL_VERBOSE";
    // Some of them say what is left out of a trace, or how it is written.
    let is_target = !matches!(value.to_str(), Some("" | "0" | "false" | "no" | "off"));
    is_trace && is_target && !value.as_encoded_bytes().starts_with(b"/") && !is_detail(name)
}

/// Whether a variable of git's trace says how, not where.
fn is_detail(name: &[u8]) -> bool {
    let details: [&[u8]; 8] = [
        b"GIT_TRACE_CURL_NO_DATA",
        b"GIT_TRACE_REDACT",
        b"GIT_TRACE2_BRIEF",
        b"GIT_TRACE2_CONFIG_PARAMS",
        b"GIT_TRACE2_ENV_VARS",
        b"GIT_TRACE2_EVENT_BRIEF",
        b"GIT_TRACE2_EVENT_NESTING",
        b"GIT_TRACE2_PERF_BRIEF",
    ];
    details.contains(&name)
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
    fn only_a_trace_to_a_file_of_its_own_is_kept() {
        let kept = |name: &str, value: &str| !traces_into_answers(name.as_ref(), value.as_ref());
        assert!(!kept("GIT_TRACE", "1") && !kept("GIT_TRACE_PACKET", "true") && !kept("GIT_TRACE2", "2"));
        assert!(!kept("GIT_CURL_VERBOSE", "1"));
        assert!(kept("GIT_TRACE", "/tmp/trace") && kept("GIT_TRACE2_EVENT", "/tmp/trace"));
        assert!(kept("GIT_TRACE_REDACT", "1") && kept("GIT_TRACE", "0") && kept("GIT_SSH", "1"));
    }

    #[test]
    fn a_missing_git_names_what_to_install() {
        let env = Environment::new("/", [("PATH", "/nonexistent")]);
        let git = Git::new(&env, Path::new("/"), &Interrupts::new());
        let error = git.read(&["status"]).unwrap_err();
        assert!(matches!(&error, GitError::Program(m) if m.contains("install git 2.31")), "{error}");
    }
}
