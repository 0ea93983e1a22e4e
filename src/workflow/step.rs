//! The step trait, and what steps see (`Run`, never changed) and hand on (`State`).

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::sync::Arc;

use super::{Event, Reporter, Shared, UnitLog};
use crate::Error;
use crate::env::{Clock, Environment, Host};
use crate::git::{Head, Oid, Repo};
use crate::lock::{Effect, Lease, LockBackend};
pub use crate::process::Stream;
use crate::process::{CommandRunner, Interrupts, Pulse, Stdio, ToolStatus};
use crate::project::{Answers, OwnVariables, Place, Project, StageAction, Trust, UnitId};
use crate::render::Rendered;

/// What a step is for: the order rules of the plan are written over roles, not names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Makes the rendered directory.
    Build,
    /// Proves that the tree is clean and current.
    Check,
    /// Takes the lock.
    Lock,
    /// Runs a program.
    Command,
    /// Runs the stages of a workflow.
    Stages(StageAction),
    /// Pushes the branch.
    Push,
    /// Gives the lock back: only what this run took.
    Unlock,
    /// Gives the lock back, or takes it from whoever holds it if this run took none.
    UnlockAny,
    /// Only reads and tells.
    Inspect,
}

/// A program and its arguments, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argv {
    /// The program as the user wrote it.
    pub program: OsString,
    /// Its arguments.
    pub args: Vec<OsString>,
}

/// One step of a plan, with what it was called with.
#[derive(Clone, Debug)]
pub struct Call {
    /// The step.
    pub step: &'static dyn Step,
    /// For [`Role::Command`]: what to run. Always set after planning.
    pub argv: Option<Argv>,
    /// Where the words of a command stand in a workflow's file, in which they may hold expressions.
    pub written: Option<Place>,
    /// For [`Role::Push`] under a lock: the next step gives the lock back, so one atomic push does both.
    pub releases: bool,
    /// How the step is named to people: `build`, `exec`, `tofu:plan`. Holds no arguments beyond a known subcommand.
    pub label: String,
}

/// What a step has to say when it went well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// A line for people; empty if nothing is worth saying.
    pub summary: String,
    /// Nothing was there to do.
    pub skipped: bool,
    /// As it should be every time: worth saying only to someone who asks.
    pub routine: bool,
}

impl Done {
    /// Done, with a line to show.
    pub fn says(summary: impl Into<String>) -> Self {
        Self { summary: summary.into(), ..Self::default() }
    }

    /// Done as it should be every time, with a line for someone who asks.
    pub fn as_usual(summary: impl Into<String>) -> Self {
        Self { summary: summary.into(), routine: true, ..Self::default() }
    }

    /// Done, and nothing worth saying.
    pub fn quietly() -> Self {
        Self::default()
    }
}

/// A step. One of the four traits of the crate; a new step is one file and one line in `STEPS`.
pub trait Step: Send + Sync {
    /// The word on the command line.
    fn name(&self) -> &'static str;

    /// Other words for it.
    fn aliases(&self) -> &'static [&'static str] {
        &[]
    }

    /// One line for `--help`.
    fn summary(&self) -> &'static str;

    /// A few lines for `lockstep help steps`: what it does, when it refuses, what it leaves behind.
    fn details(&self) -> &'static str;

    /// What it is for.
    fn role(&self) -> Role;

    /// Whether it looks at the lock's record although it is not about the lock: it must do without
    /// one if the backend cannot be used.
    fn looks_at_lock(&self) -> bool {
        false
    }

    /// Whether it gives out JSON if [`super::Options::json`] asks for it.
    fn speaks_json(&self) -> bool {
        false
    }

    /// Does it. The runner has already reported the start and reports the end.
    ///
    /// # Errors
    /// Whatever stops the run.
    fn run(&self, call: &Call, run: &Run<'_>, state: &mut State) -> Result<Done, Error>;

    /// Does it for several units, where it is a pipeline by itself: one result for each, in their
    /// order, the same as if each were run alone. One that fails keeps no other back.
    fn run_many(&self, call: &Call, runs: &[Run<'_>]) -> Vec<Result<Done, Error>> {
        runs.iter().map(|run| self.run(call, run, &mut State::default())).collect()
    }
}

impl std::fmt::Debug for dyn Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Asks the user one question and gives his answer; none if he gave none.
pub type Ask = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Writes bytes somewhere, all of them.
pub type WriteData = Arc<dyn Fn(&[u8]) -> std::io::Result<()> + Send + Sync>;

/// Shows a line that a unit's command wrote, without its end, which may be any bytes.
pub type ShowLine = Arc<dyn Fn(&UnitId, Stream, &[u8]) + Send + Sync>;

/// Where the lines go of commands that run beside others, each in the order in which it was written.
#[derive(Clone, Default)]
pub struct LineSink {
    /// Takes them, from several threads at once; without it they are only logged.
    pub show: Option<ShowLine>,
}

/// Where the data goes that steps give out: standard output, on the command line.
#[derive(Clone, Default)]
pub struct DataSink {
    /// Takes the bytes as they come; without it they are collected into the report.
    pub write: Option<WriteData>,
    /// Colours are welcome.
    pub color: bool,
    /// A terminal or the log of a CI service shows it: nothing may act on it.
    pub shown: bool,
}

/// What all units of an invocation share.
pub struct Services {
    /// Variables, and where the user stands.
    pub env: Environment,
    /// The time.
    pub clock: Clock,
    /// The machine.
    pub host: Host,
    /// Who runs.
    pub owner: String,
    /// This invocation.
    pub run_id: String,
    /// Signals and cancellation.
    pub interrupts: Interrupts,
    /// Runs tools.
    pub runner: Arc<dyn CommandRunner>,
    /// Where a tool's streams lead.
    pub stdio: Stdio,
    /// Sees events.
    pub reporter: Arc<dyn Reporter>,
    /// The repository, where there is one.
    pub repo: Option<Repo>,
    /// The lock backend, where the plan needs one.
    pub backend: Option<Box<dyn LockBackend>>,
    /// Where data goes.
    pub output: DataSink,
    /// Takes the output of commands that run beside others, a line at a time.
    pub lines: LineSink,
    /// Asks the user for a line of text on the terminal; none where there is no terminal.
    pub ask: Option<Ask>,
    /// What secrets and `data` commands said in this run.
    pub answers: Answers,
    /// What the project's own words may do.
    pub trust: Trust,
    /// An OS lock held while this run lives. Another run of the same owner on the same host takes it as proof
    /// that the run has ended; the commands under the lock have marks of their own. Set when the lock step starts.
    pub alive: std::sync::OnceLock<Arc<std::os::fd::OwnedFd>>,
    /// How the units of the run have their turns, and what only one of them may do at a time.
    pub shared: Shared,
}

/// Everything a step may look at, for one unit. Never changed during the run.
pub struct Run<'a> {
    /// The project.
    pub project: &'a Project,
    /// The unit's part of the plan.
    pub unit: &'a super::UnitPlan,
    /// The whole plan.
    pub plan: &'a super::Plan,
    /// What all units share.
    pub services: &'a Services,
}

impl Run<'_> {
    /// Reports an event.
    pub fn emit(&self, event: &Event) {
        self.services.reporter.emit(event);
    }

    /// Reports events that are known at once.
    pub fn emit_all(&self, events: &[Event]) {
        self.services.reporter.emit_all(events);
    }

    /// Tells the user something in passing.
    pub fn note(&self, message: impl Into<String>) {
        self.emit(&Event::Note { unit: Some(self.unit.id.clone()), message: message.into() });
    }

    /// Warns the user.
    pub fn warn(&self, message: impl Into<String>) {
        self.emit(&Event::Warning { unit: Some(self.unit.id.clone()), message: message.into() });
    }

    /// Gives out data: at once, or in a run of several when the unit has ended, so that the data of one
    /// unit stays together.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn print(&self, state: &mut State, bytes: &[u8]) -> Result<(), Error> {
        match &self.services.output.write {
            Some(write) if self.plan.units.len() <= 1 => {
                write(bytes).map_err(|source| Error::Io { what: "write to standard output".into(), source })
            }
            _ => {
                state.printed.extend_from_slice(bytes);
                Ok(())
            }
        }
    }

    /// The unit.
    pub fn id(&self) -> &UnitId {
        &self.unit.id
    }
}

/// The branch that a run stands on, on the remote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// The remote's name.
    pub remote: String,
    /// Full ref name on the remote: `refs/heads/main`.
    pub name: String,
    /// Where the remote had it when it was last asked; none if the remote has no such branch.
    pub seen: Option<Oid>,
}

/// What git-check proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// HEAD as it was.
    pub head: Oid,
    /// The local branch; none in a detached HEAD.
    pub branch: Option<String>,
    /// The branch on the remote; none in a repository without any remote.
    pub upstream: Option<Upstream>,
    /// How many commits HEAD has that the upstream has not.
    pub ahead: usize,
}

/// How a command of the run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandEnd {
    /// Exit code or signal.
    pub status: ToolStatus,
    /// Whether it counts as success.
    pub ok: bool,
    /// Captured standard output, when streams are captured.
    pub stdout: Vec<u8>,
    /// Captured standard error.
    pub stderr: Vec<u8>,
}

/// What the steps of one unit have produced so far.
#[derive(Debug, Default)]
pub struct State {
    /// Set by `build`; holds the OS lock on the directory.
    pub rendered: Option<Rendered>,
    /// HEAD when the run first looked at it: `build`, `git-check` and `lock` must all find the same.
    pub head: Option<Head>,
    /// Set by `git-check`.
    pub checked: Option<Checked>,
    /// What git-check found is by an earlier fetch: the push that takes the lock has yet to prove it.
    pub unproved: bool,
    /// Keys of the parameters that came from outside the repository. Set by `build`.
    pub overrides: Vec<String>,
    /// What the project changes in the environment of the unit's commands, evaluated.
    pub variables: Option<OwnVariables>,
    /// The lock that this run holds now.
    pub lease: Option<Lease>,
    /// This run took a lock at some time.
    pub took_lock: bool,
    /// The commit that this run pushed last.
    pub pushed: Option<Oid>,
    /// A command was started since the lock was taken.
    pub command_started: bool,
    /// What the commands of this run have done to the world since the lock was taken.
    pub effect: Effect,
    /// The units whose changes have succeeded since: of a staged workflow those of its stages.
    pub changed: BTreeSet<UnitId>,
    /// It is written down in this clone that all that was to be changed has been.
    pub success_noted: bool,
    /// The run has let go of the lock, and it is not free: an unfinished change was found under it.
    pub left_locked: bool,
    /// All commands that ended, in order.
    pub commands: Vec<CommandEnd>,
    /// What steps gave out, where nothing takes it as it comes.
    pub printed: Vec<u8>,
    /// In `finally` only: the exit code that the run has so far.
    pub result: Option<u8>,
    /// How often the process had stood still when the lock was last made sure of.
    pub stood_still: u64,
    /// Looks for pauses of the process that no signal tells of, from the moment at which the lock was taken.
    pub pulse: Option<Pulse>,
    /// Takes what commands write that run beside others.
    pub log: Option<Arc<UnitLog>>,
}
