//! Why a tool did not run. Texts from outside are escaped and bounded: they are printed.

use std::ffi::OsStr;

use super::Signal;

/// Why a tool did not run.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// No such program.
    #[error("program `{program}` was not found in {looked_in}")]
    NotFound {
        /// As the user wrote it.
        program: String,
        /// The directories of `PATH`, or the directory it was taken relative to.
        looked_in: String,
    },
    /// The program calls lockstep, which calls the program, and so on.
    #[error(
        "lockstep is called {depth} deep, each time by what it has started: by `{program}` ({path}), or by a hook of git's"
    )]
    Loop {
        /// As the user wrote it.
        program: String,
        /// Where it is.
        path: String,
        /// How often.
        depth: u32,
    },
    /// It is there, but cannot be executed.
    #[error("program `{program}` cannot be executed")]
    NotExecutable {
        /// The path.
        program: String,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// The system hands no program so much.
    #[error("cannot run `{program}`: {what} is too large for the system to hand on ({size} bytes)")]
    TooLarge {
        /// The path.
        program: String,
        /// A variable by name or an argument by number: the largest of all.
        what: String,
        /// Its size.
        size: usize,
    },
    /// The directory in which it should run cannot be entered.
    #[error("cannot run `{program}` in directory `{directory}`")]
    Directory {
        /// The program.
        program: String,
        /// The directory.
        directory: String,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// An interrupt was received before it was started.
    #[error("interrupted by {signal} before `{program}` was started")]
    Interrupted {
        /// The path.
        program: String,
        /// What was received.
        signal: Signal,
    },
    /// Starting or waiting failed in a way that is not the program's fault.
    #[error("cannot run `{program}`")]
    Io {
        /// The path.
        program: String,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
}

/// A path or a program's name, safe to print.
pub(super) fn show(text: impl AsRef<OsStr>) -> String {
    crate::text::short(&text.as_ref().to_string_lossy(), 300)
}
