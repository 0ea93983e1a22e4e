//! The steps: one file each, and the registry that parser, help, plan and completion read.
//!
//! A new step is a file here and a line in [`STEPS`].

mod applied;
mod branch;
mod build;
mod describe;
mod diff;
mod doubt;
mod exec;
mod git_check;
mod git_push;
mod head;
mod inputs;
mod kept_files;
mod lock;
mod moved_state;
mod outputs;
mod plugin_cache;
mod push_error;
mod rendering;
mod saved_plan;
mod stages;
mod surroundings;
mod tool_variables;
mod turn;
mod unlock;
mod unlock_any;
mod validate;
mod wait;

use crate::workflow::Step;

/// Every step, in the order in which help lists them.
pub const STEPS: &[&dyn Step] = &[
    &Build, &Validate, &Describe, &Diff, &GitCheck, &Lock, &Exec, &GitPush, &Unlock, &UnlockAny, &Create,
    &Delete,
];

pub use build::Build;
pub use describe::{Describe, describe_schema};
pub use diff::Diff;
pub use exec::Exec;
pub use git_check::GitCheck;
pub use git_push::GitPush;
pub use lock::Lock;
pub use push_error::PushError;
pub use stages::{Create, Delete};
pub use unlock::Unlock;
pub use unlock_any::UnlockAny;
pub use validate::Validate;

#[cfg(test)]
mod tests;
