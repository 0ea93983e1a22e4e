//! From words to a run: parse (argv to calls, pure), planner (everything resolved and checked,
//! nothing done), runner (the loop over steps, for one or many units), events, the step trait.

mod committed;
mod event;
mod finally;
mod holding;
pub mod journal;
mod last_run;
mod manner;
mod meaning;
mod move_note;
mod order;
mod parallel;
pub mod parse;
mod patience;
mod plan;
mod plan_error;
pub mod planner;
mod request;
mod run_code;
mod runner;
mod saved_plan;
mod schedule;
mod shared;
mod stage_note;
mod staged;
mod step;
mod success;
mod sweep;
mod unit_log;
mod versions;

pub use committed::Committed;
pub use event::{Event, Reporter, UnitOutcome};
pub use holding::{Settled, locks, settle, verify_after_a_stop, verify_lease};
pub use last_run::{LastRun, RunEnd};
pub use manner::{Manner, check_answers, manner};
pub use move_note::MoveNote;
pub use order::OrderError;
pub use parse::ParseError;
pub use patience::{Patience, with_locks, with_remote};
pub use plan::{Options, Plan, UnitPlan};
pub use plan_error::PlanError;
pub use request::Request;
pub(crate) use runner::step as run_step;
pub use runner::{LeftOut, LockFate, Report, UnitReport, run};
pub use saved_plan::{SavedPlan, SavedPlanError, SavedPlans, digest_of};
pub use shared::{RemoteTurn, Shared};
pub use stage_note::{StageNote, Start};
pub use staged::{StageError, StagePlan, StagedPlan};
pub use step::{
    Argv, Ask, Call, Checked, CommandEnd, DataSink, Done, LineSink, Role, Run, Services, ShowLine, State,
    Step, Stream, Upstream, WriteData,
};
pub use success::SuccessNote;
pub use unit_log::UnitLog;
pub use versions::{Asking, VersionError, check_versions, is_own_program};
