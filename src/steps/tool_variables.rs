//! Variables of the user's environment that decide what a tool does: they are overrides from outside the
//! repository like any other, told, recorded by name, and refused where a profile denies them.

use crate::Error;
use crate::process::tools;
use crate::workflow::{Argv, Run};

/// The names of those that the commands get which may change things.
///
/// # Errors
/// When the unit's profile denies overrides and there is one.
pub(super) fn overrides(run: &Run<'_>, commands: &[&Argv]) -> Result<Vec<String>, Error> {
    let own = run.project.command_env(run.id(), crate::project::Asker::Module)?;
    let names: Vec<&str> = run.services.env.vars().filter_map(|(name, _)| name.to_str()).collect();
    let mut found: Vec<String> = commands
        .iter()
        .filter(|argv| run.changes(argv))
        .flat_map(|argv| tools::variables_of(&argv.program, names.iter().copied()))
        .filter(|name| own.leaves_alone(name))
        .collect();
    found.sort();
    found.dedup();
    if let Some(name) = found.first() {
        run.project.allows_variable(run.id(), name)?;
    }
    Ok(found)
}
