//! The unit that one word of a subcommand names: `alpha/prod`, or `.` for the one the user stands in.

use crate::env::Environment;
use crate::project::{Project, ProjectError, UnitId};

/// The unit, which exists.
pub(super) fn one(project: &Project, word: &str, env: &Environment) -> Result<UnitId, ProjectError> {
    let (module, profile) = match word.split_once('/') {
        Some(parts) => parts,
        None if word == "." => (".", "."),
        None => {
            let unit: String = word.escape_debug().take(80).collect();
            return Err(ProjectError::NotWritten { unit });
        }
    };
    project.unit(module, profile, env)
}
