//! The units that a word of a subcommand names: `alpha/prod`, or `.` for the one the user stands in.

use crate::env::Environment;
use crate::project::{Project, ProjectError, UnitId};

/// The unit, which exists, and the project as it sees it: that may be the unit of a stage.
pub(super) fn one(
    project: &Project,
    word: &str,
    env: &Environment,
) -> Result<(Project, UnitId), ProjectError> {
    let (module, profile) = parts(word)?;
    project.to_look_at(module, profile, env)
}

/// Whether a word can name one unit only: it is no pattern and no list.
pub(super) fn is_one(word: &str) -> bool {
    !word.contains(['*', '?', '[', '{', ',', '!'])
}

/// The units, which exist; both parts may be patterns and lists.
pub(super) fn several(project: &Project, word: &str, env: &Environment) -> Result<Vec<UnitId>, ProjectError> {
    let (module, profile) = parts(word)?;
    project.select(module, profile, env)
}

fn parts(word: &str) -> Result<(&str, &str), ProjectError> {
    match word.split_once('/') {
        Some(parts) => Ok(parts),
        None if word == "." => Ok((".", ".")),
        None => {
            let unit: String = word.escape_debug().take(80).collect();
            Err(ProjectError::NotWritten { unit })
        }
    }
}
