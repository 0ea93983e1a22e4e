//! A project that uses lockstep: where it is, what its files say, what its units and parameters are.
//!
//! Nothing here writes. What a configuration file says is untrusted: it may come from a branch
//! under review.

mod access;
mod ask;
mod build_config;
mod build_file;
mod build_when;
mod command;
mod config;
mod configs;
mod data;
mod delimiters;
mod discover;
mod dynamodb_config;
mod earlier;
mod encode;
mod error;
mod explain;
mod explain_json;
mod expr;
mod file_schema;
mod files;
mod filters;
mod functions;
mod inventory;
mod layers;
mod lock_keys;
mod module;
mod module_schema;
mod names;
mod nearest;
mod outputs;
mod outside;
mod params;
mod place;
mod profile;
mod resolve;
mod seen;
mod select;
mod sensitive;
pub(crate) mod stand_in;
pub(crate) mod strict;
mod toml_file;
pub(crate) mod toml_text;
mod turns;
mod unit;
mod value;
mod violation;
mod workflow_file;

pub use access::{Access, Answers, Surroundings};
pub use build_config::BuildConfig;
pub use build_file::BuildFile;
pub use build_when::BuildWhen;
pub use command::{CommandLimit, ModuleExecConfig, TimeLimit, TimeLimitError, VersionRule, VersionRuleError};
pub use config::{
    Config, ExecConfig, GitConfig, GitLockConfig, JournalConfig, LockConfig, ReadOnly, StaleAfter, ToolConfig,
};
pub(crate) use configs::Chain;
pub use configs::Configs;
pub use data::DataConfig;
pub use delimiters::{Delimiters, PRESETS};
pub use discover::{DIST, MARKER, Project};
pub use dynamodb_config::{DynamodbLockConfig, DynamodbValueError, EndpointUrl, RegionName, TableName};
pub use earlier::{Earlier, Former, ReadFormer};
pub use encode::Format;
pub use error::{Opaque, ProjectError};
pub use explain::{Explained, Resolved};
pub(crate) use explain_json::ExplainedJson;
pub use file_schema::file_schema;
pub use files::{Files, Kind};
pub use filters::{FILTERS, Filter};
pub use functions::git::{GitFacts, GitSource};
pub use functions::{FUNCTIONS, Function};
pub use inventory::{Inventory, ModuleEntry, ProfileEntry, WorkflowEntry};
pub use layers::Overrides;
pub use lock_keys::{FormerConfig, FurtherKey, Scope, UnitLockConfig};
pub use module::ModuleConfig;
pub use module_schema::{ModuleSchema, SCHEMA_FILE};
pub use names::{Name, NameError, RESERVED, UnitId};
pub use nearest::nearest;
pub use params::Params;
pub use place::Place;
pub use profile::OverridePolicy;
pub use seen::Seen;
pub use select::selects_many;
pub(crate) use toml_text::is_harmless;
pub use turns::Turn;
pub use value::{Data, Node};
pub use violation::Violation;
pub use workflow_file::WorkflowFile;

#[cfg(test)]
pub(crate) mod tests;
