//! What happens in a run, as data: reporters, the journal and embedding programs see only this.
//!
//! Events never hold arguments of commands, values of parameters or anything else that may be a
//! secret. New kinds and new fields may come; what there is keeps its meaning, or
//! [`Event::VERSION`] changes. `lockstep schema events` publishes the form.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::lock::LockState;
use crate::project::UnitId;

/// One event of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// The plan is made; the first step is next.
    RunStarted {
        /// The version of this form of events.
        version: u32,
        /// The invocation's identifier.
        run: String,
        /// When.
        #[schemars(with = "String", extend("format" = "date-time"))]
        time: Timestamp,
        /// Who.
        owner: String,
        /// What it is about.
        units: Vec<UnitId>,
        /// The steps in order; commands by program and subcommand only.
        steps: Vec<String>,
        /// How many of them are commands, those of `finally` included.
        commands: usize,
        /// HEAD when it began; none without a repository or a commit.
        commit: Option<String>,
    },
    /// A unit's turn has come. Told only in a run of several units.
    UnitStarted {
        /// Which.
        unit: UnitId,
    },
    /// A unit is done with, or was never begun. Told only in a run of several units, once for each.
    UnitFinished {
        /// Which.
        unit: UnitId,
        /// How it ended.
        outcome: UnitOutcome,
        /// Its exit code; 0 for one that was left out.
        code: u8,
        /// Why it failed or was left out, as text.
        reason: Option<String>,
        /// The file with all that its commands wrote; none where they had the terminal.
        log: Option<String>,
        /// How long it took.
        milliseconds: u64,
    },
    /// A stage of a workflow begins. What its unit does is told as of any unit.
    StageStarted {
        /// The unit that it renders.
        unit: UnitId,
        /// The workflow, in the profile of the command line: the unit of the run.
        whole: UnitId,
        /// Its name.
        stage: String,
        /// Its place among the stages, counted from 1.
        number: usize,
        /// How many stages there are.
        count: usize,
    },
    /// A stage ended that was begun.
    StageFinished {
        /// The unit that it renders.
        unit: UnitId,
        /// The workflow, in the profile of the command line.
        whole: UnitId,
        /// Its name.
        stage: String,
        /// Its place among the stages, counted from 1.
        number: usize,
        /// How many stages there are.
        count: usize,
        /// Whether the next one may begin.
        ok: bool,
        /// The label of the step at which it stopped; none if it came to its end.
        stopped_at: Option<String>,
        /// How long it took.
        milliseconds: u64,
    },
    /// A stage is not begun in this run.
    StageSkipped {
        /// The unit that it renders.
        unit: UnitId,
        /// The workflow, in the profile of the command line.
        whole: UnitId,
        /// Its name.
        stage: String,
        /// Its place among the stages, counted from 1.
        number: usize,
        /// How many stages there are.
        count: usize,
        /// Whether a run before this one has done it.
        done: bool,
        /// Why, for people.
        reason: String,
    },
    /// A step begins.
    StepStarted {
        /// For which unit.
        unit: UnitId,
        /// The step's label.
        step: String,
    },
    /// A step is left out, and why.
    StepSkipped {
        /// For which unit.
        unit: UnitId,
        /// The step's label.
        step: String,
        /// Why.
        reason: String,
    },
    /// A step ended.
    StepFinished {
        /// For which unit.
        unit: UnitId,
        /// The step's label.
        step: String,
        /// Whether the run may go on.
        ok: bool,
        /// Whether there was nothing to do.
        skipped: bool,
        /// All was as it should be: worth telling only to someone who asks.
        routine: bool,
        /// What it did, in a line for people; empty if there is nothing to say.
        summary: String,
        /// How long it took.
        milliseconds: u64,
    },
    /// A generated file was written.
    FileWritten {
        /// For which unit.
        unit: UnitId,
        /// The file, relative to the unit's directory.
        path: String,
        /// What it was made of: a file, or a place in one, relative to the project.
        source: String,
    },
    /// A tool begins.
    CommandStarted {
        /// For which unit.
        unit: UnitId,
        /// The program.
        program: String,
        /// Its process works here.
        directory: String,
        /// It has the terminal, or whatever else this process was started with; else its input is
        /// empty and what it writes goes elsewhere.
        terminal: bool,
    },
    /// The tool has run for as long as it may, and still runs.
    CommandExpired {
        /// For which unit.
        unit: UnitId,
        /// The program.
        program: String,
        /// Its limit.
        limit_seconds: u64,
        /// It was killed now; else it was asked to end.
        killed: bool,
    },
    /// The tool has ended; the terminal, if it had that, is ours again.
    CommandFinished {
        /// For which unit.
        unit: UnitId,
        /// The program.
        program: String,
        /// Its exit code, or 128 and the number of the signal.
        code: u8,
        /// The signal that killed it.
        signal: Option<u8>,
        /// Whether this counts as success.
        ok: bool,
    },
    /// Somebody holds the lock, and the run waits for it. Told again at every look.
    LockWaiting {
        /// For which unit.
        unit: UnitId,
        /// The lock.
        key: String,
        /// How it is taken.
        state: LockState,
        /// By whom.
        owner: String,
        /// By which invocation.
        run: String,
        /// What runs under it: a program and its known subcommand.
        program: Option<String>,
        /// How old its record is.
        age_seconds: u64,
        /// How long the run goes on waiting.
        left_seconds: u64,
        /// Another one, or in another state, than was told last.
        changed: bool,
    },
    /// What the user's hook and the server had to say to a push that went well, as git shows it.
    PushSaid {
        /// For which unit.
        unit: UnitId,
        /// Line by line.
        lines: Vec<String>,
    },
    /// A remote or lock backend does not answer after a command has run, and is tried again.
    RemoteAway {
        /// For which unit.
        unit: UnitId,
        /// What was said, as text.
        message: String,
        /// How long the run goes on trying.
        left_seconds: u64,
        /// It was well before.
        first: bool,
        /// A pause begins; else it is over, and the remote is asked now.
        waiting: bool,
    },
    /// The lock was taken.
    LockTaken {
        /// For which unit.
        unit: UnitId,
        /// The generation of each key.
        generation: u64,
        /// Where the record is.
        place: String,
    },
    /// The lock was given back.
    LockReleased {
        /// For which unit.
        unit: UnitId,
    },
    /// The run ends and the lock stays.
    LockKept {
        /// For which unit.
        unit: UnitId,
        /// Whether the record says so (the backend could be reached).
        recorded: bool,
    },
    /// Something that the user should know, and nothing that stops the run.
    Warning {
        /// For which unit, if for one.
        unit: Option<UnitId>,
        /// The text.
        message: String,
    },
    /// A remark in passing.
    Note {
        /// For which unit, if for one.
        unit: Option<UnitId>,
        /// The text.
        message: String,
    },
    /// The run is over.
    RunFinished {
        /// The invocation's identifier.
        run: String,
        /// When.
        #[schemars(with = "String", extend("format" = "date-time"))]
        time: Timestamp,
        /// What the shell will see.
        code: u8,
        /// The error that ended it, as text.
        error: Option<String>,
    },
}

/// How a unit of a run of several ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum UnitOutcome {
    /// Well, and there was nothing to report.
    Ok,
    /// Well, and a command says that there are changes (exit code 2 of `plan -detailed-exitcode`).
    Changes,
    /// It failed.
    Failed,
    /// It was never begun: something that it needs has failed, or the run ended before its turn.
    Skipped,
}

impl Event {
    /// The version of the form of events. It changes when a kind or a field goes, or changes its meaning.
    pub const VERSION: u32 = 1;

    /// The form of one event as JSON Schema.
    pub fn schema() -> serde_json::Value {
        let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
        settings.into_generator().into_root_schema_for::<Self>().into()
    }
}

/// Sees events. One of the four traits of the crate. It cannot change a run, and a reporter that
/// fails (a full disk, a closed terminal) must keep that to itself.
pub trait Reporter: Send + Sync {
    /// Takes one event. Called in order for one unit; it must not block for long.
    fn emit(&self, event: &Event);

    /// Takes several that are known at once, in order. Who writes each to a file may write them together.
    fn emit_all(&self, events: &[Event]) {
        events.iter().for_each(|event| self.emit(event));
    }
}
