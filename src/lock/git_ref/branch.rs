//! The branch that goes with a push of lock refs: whether it moved, and whether the remote keeps both together.

use super::GitRefs;
use crate::git::Ancestry;
use crate::lock::record::escape;
use crate::lock::{BranchChange, LockBackend as _, LockError, Swap};

impl GitRefs {
    /// Why a push was refused although the locks are as they were expected: the branch, if it moved.
    pub(super) fn branch_moved(&self, branch: &BranchChange, there: bool) -> Result<bool, LockError> {
        let tip = if there { self.repo.resolve(&self.names.tracked_branch(branch.name()))? } else { None };
        Ok(match (branch, tip) {
            (BranchChange::Unmoved { seen, .. }, tip) => tip.as_ref() != Some(seen),
            (BranchChange::Forward { .. }, None) => false,
            (BranchChange::Forward { to, .. }, Some(tip)) => {
                tip != *to && self.repo.ancestry(to, &tip)? != Ancestry::Contains
            }
        })
    }

    /// Our records are there, so the branch must be too: a remote that moves one without the other
    /// cannot keep a lock's promises.
    pub(super) fn check_atomic(&self, swap: &Swap, there: bool) -> Result<(), LockError> {
        let Some(BranchChange::Forward { name, to }) = &swap.branch else { return Ok(()) };
        let tip = if there { self.repo.resolve(&self.names.tracked_branch(name))? } else { None };
        let moved = match tip {
            Some(tip) => tip == *to || self.repo.ancestry(&tip, to)? == Ancestry::Contains,
            None => false,
        };
        if moved {
            return Ok(());
        }
        let message =
            format!("it moved the lock without `{}`: it does not keep `git push --atomic`", escape(name));
        Err(LockError::Denied { place: self.place(), message })
    }
}
