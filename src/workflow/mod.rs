//! From words to a run: parse (argv to calls, pure), planner (everything resolved and checked,
//! nothing done), runner (the loop over steps, for one or many units), events, the step trait.

mod event;
mod holding;
pub mod journal;
mod last_run;
mod order;
pub mod parse;
mod plan;
pub mod planner;
mod request;
mod runner;
mod stage_note;
mod staged;
mod step;
mod versions;

pub use event::{Event, Reporter, UnitOutcome};
pub use holding::{Settled, locks, settle, verify_lease};
pub use last_run::{LastRun, RunEnd};
pub use order::OrderError;
pub use parse::ParseError;
pub use plan::{Options, Plan, UnitPlan};
pub use planner::PlanError;
pub use request::Request;
pub(crate) use runner::step as run_step;
pub use runner::{LockFate, Report, UnitReport, run};
pub use stage_note::{StageNote, Start};
pub use staged::{StageError, StagePlan, StagedPlan};
pub use step::{
    Argv, Ask, Call, Checked, CommandEnd, DataSink, Done, LineSink, Role, Run, Services, ShowLine, State,
    Step, Stream, Upstream, WriteData,
};
pub use versions::{VersionError, check_versions};
