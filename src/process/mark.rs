//! The mark of a tool: a file that everything which the tool starts inherits and holds, apart from
//! lockstep, so that once the tool has ended it can be asked whether something of it lives on.
//!
//! Each command opens the file anew and holds it shared (`flock`); whoever asks tries to have it alone.
//! For what closes descriptors (sudo, Python) it holds a line for each command: process, start, session,
//! module and profile. A process counts as the tool's if it has the file open, if it is that very process,
//! or if it has the run's environment and lives in the tool's session: a daemon has a session of its own.
//! What is out of sight (a container, another machine, an environment that was emptied) is not found.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use super::living::{FilePlace, find, has_environment, listed, shown, tell};
use super::{Living, Signal, ToolStatus};

/// The variable by which commands know their run.
pub const RUN_VAR: &str = "LOCKSTEP_RUN_ID";
const MODULE_VAR: &str = "LOCKSTEP_MODULE";
const PROFILE_VAR: &str = "LOCKSTEP_PROFILE";

/// Beyond this nothing more is read: some thousand commands.
const LONG: u64 = 256 * 1024;
/// Between two looks at all processes.
const LOOK: Duration = Duration::from_millis(50);

/// Where a command's mark is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The file.
    pub path: PathBuf,
    /// The run.
    pub run: String,
    /// The module that the command is told to run for.
    pub module: String,
    /// The profile.
    pub profile: String,
}

/// What of a tool lives on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Its processes, as far as they can be seen.
    pub living: Vec<Living>,
    file: PathBuf,
}

impl std::fmt::Display for Left {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.living.as_slice() {
            // Another user's, or a system that shows no processes.
            [] => write!(f, "a process that cannot be seen from here (`lsof {}`)", self.file.display()),
            living => f.write_str(&listed(living)),
        }
    }
}

impl Left {
    /// A signal for those of the process group in which commands are started.
    fn tell_group(&self, signal: rustix::process::Signal) {
        let own = shown(crate::env::pid()).map(|own| own.group);
        self.living.iter().filter(|one| Some(one.group) == own).for_each(|one| tell(one, signal));
    }

    /// How to end it, as a command to copy.
    pub fn cure(&self) -> String {
        match self.living.as_slice() {
            [] => format!("lsof {}", self.file.display()),
            living => {
                let pids: Vec<String> = living.iter().map(|one| one.pid.to_string()).collect();
                format!("kill {}", pids.join(" "))
            }
        }
    }
}

/// A command that was started.
struct Started {
    pid: u32,
    start: u64,
    session: i32,
    module: String,
    profile: String,
}

impl Mark {
    /// Opens the file and holds it, for the command to inherit.
    pub(super) fn hold(&self) -> io::Result<OwnedFd> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)?;
        flock(&file, FlockOperation::LockShared)?;
        Ok(file.into())
    }

    /// Writes down the command that was started. Failing to is no reason to stop.
    pub(super) fn started(&self, pid: u32) {
        let Some(shown) = shown(pid) else { return };
        let line = format!("{pid} {} {} {} {}\n", shown.start, shown.session, self.module, self.profile);
        let file = OpenOptions::new().append(true).open(&self.path);
        let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
    }

    /// What lives on after the command has ended, waiting a while for what is about to end. Where the command
    /// ended by a signal of ours the rest of its process group gets the same, for the command alone got it.
    /// Not where it handled the signal itself: it may have passed it on, and twice is too often.
    pub(super) fn rest(&self, end: &End<'_>) -> Option<Left> {
        // After success only what is certain counts, for the price of a look at one file.
        if end.status == ToolStatus::Code(0) && !is_held(&open_plain(&self.path).ok()?) {
            return None;
        }
        let mut left = left(&self.path, &self.run)?;
        let ended_by = |signal: &&Signal| end.status == ToolStatus::Signal(signal.number());
        if let Some(signal) = end.sent.iter().find(ended_by) {
            left.tell_group(signal.os());
        }
        let patience = match end.status {
            ToolStatus::Code(0) => Duration::from_millis(100),
            ToolStatus::Code(_) => Duration::from_secs(2),
            // Of what it was killed by at once nobody is about to end in peace.
            ToolStatus::Signal(9) if end.kill_after.is_none() => Duration::from_secs(2),
            ToolStatus::Signal(_) => end.kill_after.unwrap_or(Duration::from_secs(10)),
        };
        left = self.wait(left, patience)?;
        if end.kill_after.is_some() {
            left.tell_group(rustix::process::Signal::KILL);
            left = self.wait(left, Duration::from_secs(2))?;
        }
        Some(left)
    }

    fn wait(&self, mut last: Left, patience: Duration) -> Option<Left> {
        let begin = std::time::Instant::now();
        while begin.elapsed() < patience {
            std::thread::sleep(LOOK);
            last = left(&self.path, &self.run)?;
        }
        Some(last)
    }
}

/// How a command ended.
pub(super) struct End<'a> {
    pub(super) status: ToolStatus,
    /// The signals that it was sent, by us and not by the terminal.
    pub(super) sent: &'a [Signal],
    /// Its time was over, and this is how long after the request to end it is killed.
    pub(super) kill_after: Option<Duration>,
}

/// Whether somebody holds the file of a mark. Another who asks has it for a moment only.
fn is_held(file: &File) -> bool {
    let held = [0, 2, 10].into_iter().all(|pause| {
        std::thread::sleep(Duration::from_millis(pause));
        flock(file, FlockOperation::NonBlockingLockExclusive).is_err()
    });
    let _ = flock(file, FlockOperation::Unlock);
    held
}

/// What of a run's commands lives on by the file of their marks; nothing if there is no such file.
pub fn left(path: &Path, run: &str) -> Option<Left> {
    let mut file = open_plain(path).ok()?;
    let held = is_held(&file);
    let mut text = String::new();
    let _ = (&mut file).take(LONG).read_to_string(&mut text);
    let started: Vec<Started> = text.lines().filter_map(line).collect();
    let place = held.then(|| FilePlace::of(&file));
    let living = find(|shown| {
        let is_one = |one: &Started| {
            let environment = || {
                let wanted =
                    [(RUN_VAR, run), (MODULE_VAR, one.module.as_str()), (PROFILE_VAR, one.profile.as_str())];
                has_environment(shown.pid, &wanted)
            };
            (one.pid, one.start) == (shown.pid, shown.start)
                || one.session == shown.session && shown.start >= one.start && environment()
        };
        started.iter().any(is_one) || place.as_ref().is_some_and(|place| place.is_open_in(shown.pid))
    });
    (held || !living.is_empty()).then(|| Left { living, file: path.to_owned() })
}

fn line(line: &str) -> Option<Started> {
    let mut words = line.split(' ');
    let mut next = || words.next();
    Some(Started {
        pid: next()?.parse().ok()?,
        start: next()?.parse().ok()?,
        session: next()?.parse().ok()?,
        module: next()?.to_owned(),
        profile: next()?.to_owned(),
    })
}

/// Opens a file that is there, never through a link and never waiting for a pipe's other end.
pub(crate) fn open_plain(path: &Path) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::InvalidInput.into()) }
}
