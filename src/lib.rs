//! lockstep: the safe way of changing infrastructure, as a library and as one binary.
//!
//! What one invocation does flows one way:
//!
//! ```text
//! argv -> cli::Args -> Request -> workflow::Plan -> Step::run(&Run, &mut State) -> Report -> exit code
//! ```
//!
//! | module       | what it is for                                                        |
//! |--------------|-----------------------------------------------------------------------|
//! | [`mod@env`]  | the only reader of environment, clock, host and randomness             |
//! | `read`       | reading files within bounds                                            |
//! | `text`       | text made safe for a terminal, a log and a shell                       |
//! | [`process`]  | running a tool: spawning, interrupts, exit status, what tools mean     |
//! | [`git`]      | the repository (git2) and the one spawner of the `git` program         |
//! | [`lock`]     | the lock record, the protocol over it, and one file per backend        |
//! | [`project`]  | finding a project, its configuration, names and layered parameters     |
//! | [`render`]   | turning a module into files for one profile                            |
//! | [`scaffold`] | the first files of a project, a module, a profile, a workflow            |
//! | [`workflow`] | words to calls, calls to a checked plan, a plan to a run               |
//! | [`steps`]    | one file per step, and the `STEPS` registry                            |
//! | [`report`]   | who shows a run: they see events only                                  |
//! | [`Engine`]   | the public door: takes requests, gives reports                        |
//! | [`doctor`]   | everything that a run stands on, looked over before one is begun      |
//! | [`cli`]      | argv, subcommands, exit codes and hints; prints, reads the terminal    |
//!
//! Imports point one way as well: `cli` may use everything, `workflow` and `steps` what is above
//! them in this table, and so on down to `env`, which uses nothing. A test checks it.

pub mod cli;
pub mod doctor;
mod engine;
pub mod env;
mod error;
pub mod exit_code;
pub mod git;
pub mod lock;
pub mod process;
pub mod project;
mod read;
pub mod render;
pub mod report;
pub mod scaffold;
pub mod steps;
mod text;
pub mod workflow;

pub use engine::{AffectedQuery, Confirm, Engine, LockLog, LogEntry, ProjectLocks};
pub use error::Error;
pub use exit_code::ExitCode;
