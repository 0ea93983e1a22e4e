//! Making a unit's directory that is not there yet.
//!
//! Its files are written under a temporary directory beside it, which gets its name when all of them
//! and the manifest are there: one rename instead of one for each file, and no moment at which half of
//! a unit stands under its name. What a killed build leaves is the temporary directory, which the next
//! build removes, or a manifest of files that are not there, which is no obstacle to making them.

use super::changes::{self, Act};
use super::key::Key;
use super::manifest::Manifest;
use super::outputs::Output;
use super::tree::{Staged, Tree};
use super::{BuildRequest, RenderError};
use crate::project::DIST;

/// A directory of a unit in the making. It goes again if it is dropped.
pub(super) struct Fresh {
    staged: Staged,
}

impl Fresh {
    /// Begins anew, whatever an interrupted build has left.
    pub(super) fn begin(request: &BuildRequest<'_>) -> Result<Self, RenderError> {
        let (root, unit) = (request.project.root(), request.unit);
        let modules = Tree::make(root, &[DIST, unit.module.as_str()])?;
        Ok(Self { staged: modules.stage(unit.profile.as_str())? })
    }

    /// The acts that fill it, in order; the manifest is the last one.
    pub(super) fn acts(outputs: &[Output], before: &Manifest, key: Option<&Key>) -> Vec<Act> {
        let next = Manifest::of(outputs, key);
        let mut acts: Vec<Act> = (0..outputs.len()).map(Act::Fill).collect();
        // First the manifest, then the name: what is found there must be known for ours.
        if *before != next || outputs.is_empty() {
            acts.push(Act::Note(next));
        }
        acts
    }

    /// Does one act.
    pub(super) fn perform(
        &mut self,
        act: &Act,
        outputs: &[Output],
        notes: &mut Tree,
        request: &BuildRequest<'_>,
    ) -> Result<(), RenderError> {
        changes::perform(act, outputs, self.staged.tree(), notes, request)
    }

    /// Gives the directory its name.
    pub(super) fn place(self) -> Result<(), RenderError> {
        self.staged.place()
    }
}
