//! The one place where tools are started.
//!
//! No shell, no new process group, nothing between fork and exec: the standard library can use
//! `posix_spawn`, whose cost does not grow with our memory. The tool is waited for without being
//! reaped first, and reaped where no signal can be on its way to its pid.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command};
use std::sync::Arc;
use std::thread::JoinHandle;

use rustix::io::FdFlags;
use rustix::process::{Pid, WaitId, WaitIdOptions, kill_process, waitid};

use super::error::show;
use super::gate::start_alone;
use super::limit::Watch;
use super::lines::{Relay, relay};
use super::mark::End;
use super::{CommandRunner, CommandSpec, Finished, Interrupts, Mark, ProcessError, Stdio};
use crate::read::{self, Unfit};

/// Runs tools on this machine, as children of this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRunner;

impl SystemRunner {
    /// A runner.
    pub fn new() -> Self {
        Self
    }

    fn spawn(spec: &CommandSpec, mark: Option<OwnedFd>) -> io::Result<Child> {
        #[expect(clippy::disallowed_methods, reason = "this file is the one place that starts tools")]
        let mut command = Command::new(&spec.program);
        command.arg0(&spec.name).args(&spec.args).current_dir(&spec.cwd);
        command.env_clear().envs(spec.env.iter().map(|(name, value)| (name, value)));
        if spec.stdio != Stdio::Inherit {
            command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::piped());
        }
        if matches!(spec.stdio, Stdio::Capture | Stdio::Lines) {
            command.stderr(std::process::Stdio::piped());
        }
        let _alone = start_alone();
        let mark = mark.map(Arc::new);
        let _kept = inheritable(spec.keep_open.iter().chain(&mark))?;
        command.spawn()
    }
}

impl CommandRunner for SystemRunner {
    fn run(&self, spec: &CommandSpec, interrupts: &Interrupts) -> Result<Finished, ProcessError> {
        let starting = interrupts
            .start()
            .map_err(|signal| ProcessError::Interrupted { program: show(&spec.program), signal })?;
        let io_error = |source| ProcessError::Io { program: show(&spec.program), source };
        let watch = spec.limit.clone().map(Watch::new).transpose().map_err(io_error)?;
        let mark = spec.mark.as_ref().map(Mark::hold).transpose().map_err(io_error)?;
        let mut child = Self::spawn(spec, mark).map_err(|source| explain(spec, source))?;
        let pid = Pid::from_child(&child);
        spec.mark.iter().for_each(|mark| mark.started(child.id()));
        let running = starting.running(move |signal| {
            // It may have ended a moment ago (not reaped yet): then there is nobody to tell.
            let _ = kill_process(pid, signal.os());
        });
        if let Some(watch) = &watch {
            watch.started(running.reach(), pid);
        }
        let captured = match spec.stdio {
            Stdio::Lines => Collected::Handed(relay(&mut child, spec.lines.clone())),
            _ => Collected::Whole(capture(&mut child)),
        };
        let waited = wait_without_reaping(pid);
        let (sent, interrupted) = (running.told(), running.interrupted());
        let status = match waited {
            Ok(()) => running.ended(|| child.wait()),
            // The host reaps children itself, or the like: nobody can be told safely any more.
            Err(_) => {
                running.ended(|| ());
                child.wait()
            }
        };
        let expired = watch.is_some_and(Watch::ended);
        let (stdout, stderr) = captured.end().map_err(io_error)?;
        let status = status.map_err(io_error)?.into();
        let kill_after = spec.limit.as_ref().filter(|_| expired).and_then(|limit| limit.kill_after);
        let left = spec.mark.as_ref().and_then(|mark| mark.rest(&End { status, sent: &sent, kill_after }));
        Ok(Finished { status, expired, interrupted, left, stdout, stderr })
    }
}

/// What became of a tool's output.
enum Collected {
    /// Read to its end, or there was none to read.
    Whole(io::Result<(Vec<u8>, Vec<u8>)>),
    /// Handed on while the tool ran.
    Handed(io::Result<Relay>),
}

impl Collected {
    /// The tool has ended: what was collected, once all of it is there.
    fn end(self) -> io::Result<(Vec<u8>, Vec<u8>)> {
        match self {
            Self::Whole(bytes) => bytes,
            Self::Handed(relay) => relay?.end().map(|()| (Vec::new(), Vec::new())),
        }
    }
}

/// Copies of the files to keep open that a child inherits, to be closed here right after the start.
/// The originals stay close-on-exec throughout, so nothing that this process starts elsewhere gets
/// them, except within this moment.
fn inheritable<'a>(files: impl Iterator<Item = &'a Arc<OwnedFd>>) -> io::Result<Vec<OwnedFd>> {
    /// Above the descriptors that users hand to tools by number (`3</path`).
    const LOWEST: i32 = 10;
    let copy = |fd: &Arc<OwnedFd>| -> io::Result<OwnedFd> {
        let copy = rustix::io::fcntl_dupfd_cloexec(fd.as_fd(), LOWEST)?;
        rustix::io::fcntl_setfd(&copy, FdFlags::empty())?;
        Ok(copy)
    };
    files.map(copy).collect()
}

/// Reads both streams to their ends, at the same time; empty where they are not captured.
fn capture(child: &mut Child) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let errors: Option<JoinHandle<io::Result<Vec<u8>>>> = child
        .stderr
        .take()
        .map(|mut stream| {
            std::thread::Builder::new().name("stderr".to_owned()).spawn(move || printed(&mut stream))
        })
        .transpose()
        .inspect_err(|_| drop(child.stdout.take()))?;
    // A tool that prints without end is stopped by the pipe that is closed then.
    let stdout = child.stdout.take().map_or(Ok(Vec::new()), |mut stream| printed(&mut stream));
    let stderr = match errors.map(JoinHandle::join) {
        None => Vec::new(),
        Some(Ok(bytes)) => bytes?,
        Some(Err(_)) => return Err(io::Error::other("reading standard error panicked")),
    };
    stdout.map(|stdout| (stdout, stderr))
}

/// All that a tool prints, within what memory is meant for.
fn printed(stream: &mut impl io::Read) -> io::Result<Vec<u8>> {
    read::whole(stream, 0, read::SOURCE).map_err(|error| match Unfit::of(&error) {
        Some(_) => io::Error::other(format!("it printed more than {}", read::size(read::SOURCE))),
        None => error,
    })
}

/// Returns when the child has ended and is a zombie, its pid still its own. A child that is
/// stopped has not ended.
fn wait_without_reaping(pid: Pid) -> io::Result<()> {
    loop {
        match waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
            Ok(_) => return Ok(()),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// The largest of what a program is handed. Of arguments only the number is told: they may be secret.
fn largest(spec: &CommandSpec) -> (String, usize) {
    let args = spec.args.iter().enumerate().map(|(at, arg)| (format!("argument {}", at + 1), arg.len()));
    let vars = spec.env.iter().map(|(name, value)| {
        (format!("environment variable `{}`", show(name)), name.len() + 1 + value.len())
    });
    args.chain(vars).max_by_key(|(_, size)| *size).unwrap_or_default()
}

/// The same error number can be about the program, its interpreter or the directory.
fn explain(spec: &CommandSpec, source: io::Error) -> ProcessError {
    use rustix::io::Errno;
    let program = show(&spec.program);
    if let Err(error) = rustix::fs::access(&spec.cwd, rustix::fs::Access::EXEC_OK) {
        return ProcessError::Directory { program, directory: show(&spec.cwd), source: error.into() };
    }
    if !spec.cwd.is_dir() {
        let source = io::ErrorKind::NotADirectory.into();
        return ProcessError::Directory { program, directory: show(&spec.cwd), source };
    }
    match Errno::from_io_error(&source) {
        Some(Errno::TOOBIG) => {
            let (what, size) = largest(spec);
            ProcessError::TooLarge { program, what, size }
        }
        // It was there when it was looked up; if it still is, its interpreter is what is missing.
        Some(Errno::NOENT | Errno::NOTDIR) if spec.program.symlink_metadata().is_err() => {
            let looked_in = spec.program.parent().map(show).unwrap_or_default();
            ProcessError::NotFound { program: show(&spec.name), looked_in: format!("`{looked_in}`") }
        }
        Some(
            Errno::NOENT
            | Errno::NOTDIR
            | Errno::ACCESS
            | Errno::PERM
            | Errno::NOEXEC
            | Errno::TXTBSY
            | Errno::ISDIR
            | Errno::LOOP
            | Errno::NAMETOOLONG
            | Errno::INVAL,
        ) => ProcessError::NotExecutable { program, source },
        _ => ProcessError::Io { program, source },
    }
}

#[cfg(test)]
mod dispositions;
#[cfg(test)]
mod limit_tests;
#[cfg(test)]
pub(super) mod tests;
