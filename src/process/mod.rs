//! Running a tool as the user's shell would: its own file descriptors, the same foreground process
//! group, every exit code kept.
//!
//! Nothing here installs signal handlers: whoever owns the process delivers what it was sent to
//! [`Interrupts`], which decides what the tool may see of it.

mod error;
mod foreign;
mod gate;
mod interrupts;
mod limit;
mod lines;
mod living;
mod lookup;
mod mark;
mod pulse;
mod runner;
mod shim;
mod status;
pub mod tools;

pub use error::ProcessError;
pub use foreign::is_foreign_to_git;
pub(crate) use gate::start_alone;
pub use interrupts::{Interrupts, Running, Several, Signal, Starting};
pub use limit::{Expiry, Limit};
pub use lines::{Piece, Stream, TakePiece};
pub use living::{Living, listed, users_of};
pub use lookup::{depth, find_program};
pub(crate) use mark::open_plain;
pub use mark::{Left, Mark, RUN_VAR, left};
pub use pulse::Pulse;
pub use runner::SystemRunner;
pub use shim::{DEEPEST, DEPTH_VAR, SHIM_MARKER, SHIM_START, is_shim, path_without_shims};
pub use status::ToolStatus;

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

/// Where a tool's standard streams lead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stdio {
    /// The streams of this process, untouched.
    #[default]
    Inherit,
    /// Input is empty, output and error are collected in memory.
    Capture,
    /// Input is empty, output is collected in memory, error is the stream of this process.
    Answer,
    /// Input is empty, output and error are handed on line by line while the tool runs, to
    /// [`CommandSpec::lines`].
    Lines,
}

/// Everything that decides how a tool runs.
#[derive(Clone, Debug)]
pub struct CommandSpec {
    /// The program, already looked up: an absolute path.
    pub program: PathBuf,
    /// The name under which the user called it (`argv[0]`).
    pub name: OsString,
    /// The arguments, byte for byte.
    pub args: Vec<OsString>,
    /// The directory in which it runs.
    pub cwd: PathBuf,
    /// Its whole environment; nothing is inherited beside it.
    pub env: Vec<(OsString, OsString)>,
    /// Where its streams lead.
    pub stdio: Stdio,
    /// Open files that the tool inherits and keeps open for as long as it or a child of its lives:
    /// the operating system's locks by which another run can tell that it has not ended. Locks of
    /// `flock`, which belong to the open file and not to a process.
    pub keep_open: Vec<Arc<OwnedFd>>,
    /// The file by which it can be asked afterwards whether something that it started lives on.
    pub mark: Option<Mark>,
    /// How long it may run; as long as it takes, if nothing is said.
    pub limit: Option<Limit>,
    /// Who takes what the tool writes, with [`Stdio::Lines`]; nobody, if nothing is said.
    pub lines: Option<TakePiece>,
}

/// How a tool ended, and what it said if its output was captured.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Exit code or signal.
    pub status: ToolStatus,
    /// Its limit was over before it ended, and it had been asked to end.
    pub expired: bool,
    /// The first signal that came while it ran and ends programs, be it from the terminal.
    pub interrupted: Option<Signal>,
    /// What it started and left behind, with [`CommandSpec::mark`] only.
    pub left: Option<Left>,
    /// Standard output, with [`Stdio::Capture`] and [`Stdio::Answer`] only.
    pub stdout: Vec<u8>,
    /// Standard error, with [`Stdio::Capture`] only.
    pub stderr: Vec<u8>,
}

/// Runs tools. One of the four traits of the crate: programs that embed lockstep may bring their
/// own (a container, a remote worker).
pub trait CommandRunner: Send + Sync {
    /// Runs the tool to its end and reaps it. Interrupts that arrive meanwhile go through
    /// `interrupts` ([`Interrupts::start`] shows how); the call returns only when the tool has ended.
    /// A tool whose limit is over is asked to end with SIGTERM, once, and still waited for.
    ///
    /// # Errors
    /// When the tool could not be started, [`ProcessError::Interrupted`] if an interrupt came
    /// first. A tool that ran and failed is not an error.
    fn run(&self, spec: &CommandSpec, interrupts: &Interrupts) -> Result<Finished, ProcessError>;
}
