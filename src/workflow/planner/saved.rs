//! What a saved plan does is known from its record: by it units are brought into order.

use std::path::PathBuf;

use crate::env::Environment;
use crate::git::Repo;
use crate::process::Interrupts;
use crate::project::{Project, UnitId};
use crate::workflow::{SavedPlans, digest_of};

/// Whether one of these files, relative to a unit's directory, is a plan that takes things down. One of which
/// nothing can be known is refused later.
pub(super) fn takes_down(project: &Project, unit: &UnitId, files: &[PathBuf], env: &Environment) -> bool {
    let directory = project.unit_directory(unit);
    let mut digests = files.iter().filter_map(|file| digest_of(&directory.join(file)).ok()).peekable();
    if digests.peek().is_none() {
        return false;
    }
    let repo = Repo::discover(project.root(), env, &Interrupts::new()).ok().flatten();
    let plans = SavedPlans::of(project.root(), repo.as_ref());
    digests.any(|plan| plans.find(&plan).is_ok_and(|known| known.is_some_and(|known| known.destroys)))
}
