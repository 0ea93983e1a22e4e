//! A project that uses lockstep: where it is, what its files say, what its units and parameters are.
//!
//! Nothing here writes. What a configuration file says is untrusted: it may come from a branch
//! under review.

mod build_file;
mod config;
mod discover;
mod encode;
mod error;
mod explain;
mod expr;
mod filters;
mod layers;
mod lock_keys;
mod module;
mod names;
mod nearest;
mod params;
mod place;
mod profile;
mod resolve;
mod sensitive;
pub(crate) mod strict;
mod toml_file;
mod unit;
mod value;
mod workflow_file;

pub use build_file::BuildFile;
pub use config::{
    Config, ExecConfig, GitConfig, GitLockConfig, JournalConfig, LockConfig, ReadOnly, StaleAfter, ToolConfig,
};
pub use discover::{DIST, MARKER, Project};
pub use encode::Format;
pub use error::ProjectError;
pub use explain::{Explained, Resolved};
pub use layers::Overrides;
pub use lock_keys::{FormerConfig, FurtherKey, Scope, UnitLockConfig};
pub use module::{BuildConfig, Delimiters, ModuleConfig};
pub use names::{Name, NameError, RESERVED, UnitId};
pub use nearest::nearest;
pub use params::Params;
pub use place::Place;
pub use profile::OverridePolicy;
pub use value::{Data, Node};
pub use workflow_file::WorkflowFile;

#[cfg(test)]
pub(crate) mod tests;
