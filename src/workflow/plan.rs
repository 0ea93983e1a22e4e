//! The plan of one invocation: everything resolved and checked, nothing done.

use std::path::PathBuf;

use super::{Argv, Call, Role, StagedPlan};
use crate::env::Span;
use crate::lock::UnitKeys;
use crate::project::UnitId;

/// What one invocation will do, for one or many units.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The units, in the order in which they run.
    pub units: Vec<UnitPlan>,
    /// The steps, in the order in which they run.
    pub calls: Vec<Call>,
    /// Steps that run after the others, whatever became of them.
    pub finally: Vec<Call>,
    /// Steps that were asked for and are left out, with the reason, as the user is told.
    pub left_out: Option<String>,
    /// It builds, of the project, everything that there is, and runs no command.
    pub builds_all: bool,
    /// What the command line said beside the words.
    pub options: Options,
    /// For `create` and `delete`: the stages of the workflow, which is the plan's one unit.
    pub staged: Option<StagedPlan>,
}

impl Plan {
    /// The commands of a call: its own, or those of all stages.
    pub fn commands_of<'a>(&'a self, call: &'a Call) -> Vec<&'a Argv> {
        match (&self.staged, call.step.role()) {
            (Some(staged), Role::Stages(_)) => {
                let calls = staged.stages.iter().flat_map(|stage| &stage.calls);
                calls.filter_map(|call| call.argv.as_ref()).collect()
            }
            _ => call.argv.iter().collect(),
        }
    }

    /// Whether a command of its own runs in it.
    pub fn runs_commands(&self) -> bool {
        self.calls.iter().chain(&self.finally).any(|call| call.argv.is_some())
    }

    /// Whether it only looks at the project: such a run leaves nothing behind, not even a journal.
    pub fn only_looks(&self) -> bool {
        let inspects = |call: &Call| call.step.role() == Role::Inspect;
        self.options.check
            || self.options.print.is_some()
            || self.calls.iter().chain(&self.finally).all(inspects)
    }
}

/// One unit's part of the plan.
#[derive(Clone, Debug)]
pub struct UnitPlan {
    /// The unit.
    pub id: UnitId,
    /// The keys that its lock takes, and what else keeps it from running.
    pub keys: UnitKeys,
    /// Where it is rendered and where its commands run; absolute.
    pub directory: PathBuf,
    /// The units that must have succeeded before this one begins, by their places in [`Plan::units`]:
    /// each is smaller than this unit's own.
    pub needs: Vec<usize>,
    /// What the unit's parameters make of commands that are written with expressions.
    pub words: Vec<(Argv, Argv)>,
}

impl UnitPlan {
    /// A command of the plan as it is run for this unit.
    pub fn argv<'a>(&'a self, written: &'a Argv) -> &'a Argv {
        self.words.iter().find(|(of, _)| of == written).map_or(written, |(_, made)| made)
    }
}

/// What the command line says beside the words; the same for every unit.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Overwrite generated files that someone edited.
    pub force: bool,
    /// Go on although the last applied commit is not in the history, because that was rewritten.
    pub accept_rewrite: bool,
    /// The commands only look, whatever they are: nothing is pushed, recorded as applied or freed by them.
    pub read: bool,
    /// Take along all that the selected units need, however far away.
    pub with_needs: bool,
    /// Run units in the opposite order: what needs others goes before them.
    pub reverse: bool,
    /// Write nothing; fail if a build would change anything. For a pipeline of `build` alone.
    pub check: bool,
    /// Write nothing; give out this rendered file. For a pipeline of `build` alone.
    pub print: Option<String>,
    /// Give out JSON. For a pipeline with a step that can.
    pub json: bool,
    /// The branch that a detached HEAD stands for.
    pub branch: Option<String>,
    /// Why a lock is taken from somebody.
    pub reason: Option<String>,
    /// The generation that a lock must have to be taken from somebody; any, if none is said.
    pub expect: Option<u64>,
    /// How long to wait for a lock that somebody holds; not at all, if nothing is said.
    pub wait: Option<Span>,
    /// Parameters from `--set`, `KEY=VALUE` each, later ones win.
    pub set: Vec<String>,
    /// Files of parameters from `--params`, later ones win.
    pub params: Vec<PathBuf>,
    /// How many units run at the same time; as many as there are processors, if nothing is said.
    pub jobs: Option<std::num::NonZeroUsize>,
    /// After a unit has failed, go on with those that do not need it; else nothing new begins.
    pub keep_going: bool,
    /// Refuse if more units than this are selected.
    pub max_units: Option<usize>,
    /// Of what is selected, only what differs from this revision; an empty text stands for the
    /// branch's upstream.
    pub affected: Option<String>,
    /// Of a staged workflow: go on where its last run stopped.
    pub resume: bool,
    /// Of a staged workflow: begin with this stage.
    pub from: Option<String>,
}
