//! What `describe` tells, as data. Fields are only ever added; what comes from records is escaped.

use jiff::Timestamp;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;

use crate::env::Span;
use crate::lock::{LockState, Record, escape};
use crate::project::{Because, ExplainedJson, Name, Place, StaleAfter, UnitId};
use crate::render::FileFate;
use crate::workflow::LastRun;

/// A unit.
#[derive(Serialize, JsonSchema)]
pub(super) struct Facts<'a> {
    /// The unit.
    pub(super) unit: UnitId,
    /// The module's directory, relative to the project.
    pub(super) module: String,
    /// The files of the profile and of those that it extends, lowest layer first.
    pub(super) profiles: Vec<String>,
    /// The rendered directory, relative to the project.
    pub(super) directory: String,
    /// The file that holds the module's schema, if it has one.
    pub(super) schema: Option<String>,
    /// The tags of the module.
    pub(super) tags: Vec<Name>,
    /// The units that it needs itself.
    pub(super) needs: Vec<NeedFact>,
    /// Why they cannot be told.
    pub(super) needs_error: Option<String>,
    /// The units that need it themselves; those of stages where it is the unit of a stage.
    pub(super) needed_by: Vec<UnitId>,
    /// Why not all of them can be told.
    pub(super) needed_by_error: Option<String>,
    /// The names of the environment variables that its commands get from the configuration.
    pub(super) environment: Vec<String>,
    /// The same with where each is written.
    pub(super) variables: Vec<VariableFact>,
    /// The commands of this pipeline.
    pub(super) commands: Vec<Command>,
    /// Keys, never values, of parameters from outside the repository.
    pub(super) overrides: &'a [String],
    /// The parameters, in the order of their keys.
    pub(super) parameters: Vec<ExplainedJson<'a>>,
    /// The files, by path.
    pub(super) files: Vec<FileFact>,
    /// Why the module cannot be rendered, so that nothing is known of its files.
    pub(super) cannot_render: Option<String>,
    /// The lock.
    pub(super) lock: LockFact,
    /// The last run from this repository that left a journal.
    pub(super) last_run: Option<LastRun>,
}

/// That the unit needs another one.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Need")]
pub(super) struct NeedFact {
    /// The other one.
    pub(super) unit: UnitId,
    /// What says so.
    pub(super) because: Says,
    /// The file that says so, relative to the project.
    pub(super) file: String,
    /// The line in it, counted from 1; null where that is not known.
    pub(super) line: Option<usize>,
}

/// What says that a unit needs another one.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Says {
    /// `needs` in its module.toml, or of the stage.
    Needs,
    /// Its parameters use the other one's outputs.
    Outputs,
}

impl NeedFact {
    pub(super) fn new((unit, because): (UnitId, Because)) -> Self {
        let place = because.place();
        let (file, line) = (place.file().to_owned(), place.line());
        let because = match because {
            Because::Needs(_) => Says::Needs,
            Because::Outputs(_) => Says::Outputs,
        };
        Self { unit, because, file, line }
    }
}

/// An environment variable of its commands; never its value.
#[derive(Serialize, JsonSchema)]
pub(super) struct VariableFact {
    /// Its name.
    pub(super) name: String,
    /// The file that sets it, relative to the project.
    pub(super) file: String,
    /// The line in it, counted from 1; null where that is not known.
    pub(super) line: Option<usize>,
}

impl VariableFact {
    pub(super) fn new((name, place): (&str, &Place)) -> Self {
        Self { name: name.to_owned(), file: place.file().to_owned(), line: place.line() }
    }
}

/// A command of the pipeline.
#[derive(Serialize, JsonSchema)]
pub(super) struct Command {
    /// The program and its known subcommand; no arguments.
    pub(super) command: String,
    /// Whether it is known to only read.
    pub(super) only_reads: bool,
}

/// A file of the rendered directory.
#[derive(Serialize, JsonSchema)]
pub(super) struct FileFact {
    /// Relative to the rendered directory.
    pub(super) path: String,
    /// What a build would do to it.
    pub(super) state: FileFate,
}

/// The lock of the unit.
#[derive(Default, Serialize, JsonSchema)]
pub(super) struct LockFact {
    /// How it is taken; null if it never was, or if that cannot be told.
    pub(super) state: Option<LockState>,
    /// Older than `[lock] stale_after`.
    pub(super) stale: bool,
    /// Where its records are.
    pub(super) place: Option<String>,
    /// Who did what last, in a line for people.
    pub(super) last: Option<String>,
    /// Who took it, or set it free.
    pub(super) owner: Option<String>,
    /// When.
    pub(super) time: Option<String>,
    /// Grows by one at each acquire, takeover and eviction.
    pub(super) generation: Option<u64>,
    /// The last commit that was released after a successful change.
    pub(super) applied: Option<String>,
    /// Whether its records could be read.
    pub(super) known: bool,
    /// Why they could not.
    pub(super) error: Option<String>,
}

impl LockFact {
    pub(super) fn of(
        record: Option<&Record>,
        place: String,
        now: Timestamp,
        stale_after: StaleAfter,
    ) -> Self {
        let known = Self { place: Some(place), known: true, ..Self::default() };
        let Some(record) = record else { return known };
        let taken = matches!(record.state, LockState::Held | LockState::Failed);
        Self {
            state: Some(record.state),
            stale: taken && stale_after.is_stale(Span::since(record.time, now)),
            last: Some(record.describe()),
            owner: Some(escape(&record.owner)),
            time: Some(record.time.to_string()),
            generation: Some(record.generation),
            applied: record.applied.as_ref().map(|oid| oid.as_str().to_owned()),
            ..known
        }
    }

    pub(super) fn unknown(place: Option<String>, error: Option<String>) -> Self {
        Self { place, error, ..Self::default() }
    }
}

impl Facts<'_> {
    pub(super) fn json(&self) -> String {
        // Strings, numbers and lists always make JSON.
        format!("{:#}\n", serde_json::to_value(self).unwrap_or_default())
    }
}

/// The form of what `describe --json` prints, as JSON Schema.
pub fn schema() -> serde_json::Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<Facts<'_>>().into()
}
