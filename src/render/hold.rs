//! Looking into a unit's rendered directory as it stands, without building it.

use std::os::fd::OwnedFd;

use super::guard::Guard;
use super::{RenderError, busy};
use crate::git::Repo;
use crate::project::{Project, UnitId};

/// Lets builds that would write into a unit's rendered directory wait for as long as the answer lives,
/// which should be short: after some seconds they give up.
///
/// # Errors
/// When a build is writing there for longer than it should take, or the lock files cannot be opened.
pub fn hold(project: &Project, unit: &UnitId, repo: Option<&Repo>) -> Result<OwnedFd, RenderError> {
    let mut guard = Guard::open(project.root(), unit, repo.map(Repo::git_dir))?;
    if !guard.look()? {
        return Err(busy(unit, &mut guard));
    }
    guard.into_look()
}
