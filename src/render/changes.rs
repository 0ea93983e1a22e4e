//! What a build would change in a unit's directory, and doing it in an order that survives a kill.

use std::collections::BTreeSet;

use super::key::Key;
use super::manifest::Manifest;
use super::outputs::Output;
use super::tree::{Existing, Tree, temporary_path};
use super::{BuildRequest, RenderError};

/// The difference between a unit's directory and what it should be.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Indices of outputs that have to be written.
    pub(super) write: Vec<usize>,
    /// Paths that are no longer made and have to go.
    pub(super) remove: Vec<String>,
    /// Directories in which nothing is left then, and in whose place a file is made.
    pub(super) clear: Vec<String>,
    /// How many are as they should be.
    pub(super) unchanged: usize,
    /// Paths that were changed by something else than lockstep, or are none of its own.
    pub(super) edited: Vec<String>,
    /// Those of them that it never made.
    pub(super) foreign: Vec<String>,
    /// Those of them of which the module has another version than the one that was made last.
    pub(super) newer: Vec<String>,
    /// Those of them that are left as they are.
    pub(super) kept: Vec<String>,
}

impl Changes {
    /// Leaves alone what was changed by something else, and changes the rest.
    pub(super) fn keep_edited(&mut self, outputs: &[Output]) {
        self.write.retain(|index| !self.edited.contains(&outputs[*index].path));
        self.remove.retain(|path| !self.edited.contains(path));
        self.clear.retain(|path| !self.edited.contains(path));
        self.kept.clone_from(&self.edited);
    }

    /// The manifest after them: of what is left alone it says what it said.
    pub(super) fn manifest(&self, outputs: &[Output], manifest: &Manifest, key: Option<&Key>) -> Manifest {
        let mut next = Manifest::of(outputs, key);
        for path in &self.kept {
            match manifest.files.get(path) {
                Some(digests) => next.files.insert(path.clone(), digests.clone()),
                None => next.files.remove(path),
            };
        }
        next
    }
}

/// Compares a unit's directory with what it should be. Nothing is changed.
pub(super) fn compare(
    tree: &mut Tree,
    outputs: &[Output],
    manifest: &Manifest,
    key: Option<&Key>,
) -> Result<Changes, RenderError> {
    let mut changes = Changes::default();
    let made: BTreeSet<&str> = outputs.iter().map(|output| output.path.as_str()).collect();
    for path in manifest.files.keys().filter(|path| !made.contains(path.as_str())) {
        match tree.look(path)? {
            Existing::File { bytes, .. } => {
                if !manifest.owns(path, &bytes, key) {
                    changes.edited.push(path.clone());
                }
                changes.remove.push(path.clone());
            }
            Existing::Other => {
                changes.edited.push(path.clone());
                changes.remove.push(path.clone());
            }
            // Gone, or replaced by a directory, which is not ours.
            Existing::Missing | Existing::Directory => {}
        }
    }
    for (index, output) in outputs.iter().enumerate() {
        let ours = match tree.look(&output.path)? {
            Existing::File { bytes, mode } if bytes == output.bytes => {
                if mode == tree.mode_of(output.mode) {
                    changes.unchanged += 1;
                    continue;
                }
                true
            }
            Existing::File { bytes, .. } => manifest.owns(&output.path, &bytes, key),
            Existing::Missing => {
                may_be_made(tree, &output.path, &changes.remove)?;
                true
            }
            Existing::Other => false,
            Existing::Directory => {
                may_make_way(tree, &output.path, &changes.remove, manifest)?;
                changes.clear.push(output.path.clone());
                true
            }
        };
        if !ours {
            changes.edited.push(output.path.clone());
            if !manifest.owns(&output.path, &output.bytes, key) {
                changes.newer.push(output.path.clone());
            }
            if !manifest.files.contains_key(&output.path) {
                changes.foreign.push(output.path.clone());
            }
        }
        changes.write.push(index);
    }
    changes.edited.sort();
    Ok(changes)
}

/// Refuses a file that stands where an output needs a directory, unless it is one that goes.
fn may_be_made(tree: &mut Tree, path: &str, remove: &[String]) -> Result<(), RenderError> {
    for (end, _) in path.match_indices('/') {
        let above = &path[..end];
        match tree.look(above)? {
            Existing::Directory => {}
            Existing::Missing => return Ok(()),
            Existing::File { .. } | Existing::Other if remove.iter().any(|path| path == above) => {
                return Ok(());
            }
            Existing::File { .. } | Existing::Other => {
                let why = format!(
                    "`{}` is generated below it, and it is no directory; lockstep did not make it",
                    path.escape_debug()
                );
                return Err(RenderError::Obstructed { path: tree.path(above), why });
            }
        }
    }
    Ok(())
}

/// Refuses a directory that stands where a file is generated, unless all that is in it goes.
fn may_make_way(
    tree: &mut Tree,
    path: &str,
    remove: &[String],
    manifest: &Manifest,
) -> Result<(), RenderError> {
    // A build that was killed may have left more, which the next one cleans.
    let left: BTreeSet<String> = match manifest.unfinished {
        true => manifest.files.keys().map(|path| temporary_path(path)).collect(),
        false => BTreeSet::new(),
    };
    let known = |path: &str| left.contains(path) || remove.iter().any(|other| other == path);
    match tree.stranger(path, &known)? {
        None => Ok(()),
        Some(stranger) => {
            let why = format!(
                "a file is generated there, and the directory holds `{}`, which lockstep did not make",
                stranger.escape_debug()
            );
            Err(RenderError::Obstructed { path: tree.path(path), why })
        }
    }
}

/// One act of a build. Whatever number of them was done, the next build can go on from there.
#[derive(Debug)]
pub(super) enum Act {
    /// Replaces the manifest.
    Note(Manifest),
    /// Removes what an interrupted build may have left beside a file.
    Clean(String),
    /// Writes an output.
    Write(usize),
    /// Writes an output into a directory that nobody sees yet.
    Fill(usize),
    /// Removes a file, and the directories that it leaves empty.
    Remove(String),
    /// Removes a directory, and those in it, from which everything else has gone.
    Clear(String),
}

/// The acts that make the changes, in order.
pub(super) fn acts(
    changes: &Changes,
    outputs: &[Output],
    manifest: &Manifest,
    key: Option<&Key>,
) -> Vec<Act> {
    let next = changes.manifest(outputs, manifest, key);
    let mut acts = Vec::new();
    if manifest.unfinished {
        acts.extend(manifest.files.keys().cloned().map(Act::Clean));
    }
    if !changes.write.is_empty() || !changes.remove.is_empty() {
        acts.push(Act::Note(manifest.while_becoming(&next)));
        // First what goes: a file may make way for a directory of the same name, or a directory for a file.
        acts.extend(changes.remove.iter().cloned().map(Act::Remove));
        acts.extend(changes.clear.iter().cloned().map(Act::Clear));
        acts.extend(changes.write.iter().copied().map(Act::Write));
    }
    if *manifest != next || !acts.is_empty() {
        acts.push(Act::Note(next));
    }
    acts
}

/// Does one act.
pub(super) fn perform(
    act: &Act,
    outputs: &[Output],
    tree: &mut Tree,
    notes: &mut Tree,
    request: &BuildRequest<'_>,
) -> Result<(), RenderError> {
    match act {
        Act::Note(manifest) => notes.write(&super::manifest_name(request.unit), &manifest.to_bytes(), 0o644),
        Act::Clean(path) => {
            tree.remove_temporary(path)?;
            tree.prune_above(path)
        }
        Act::Write(index) => {
            let output = &outputs[*index];
            tree.write(&output.path, &output.bytes, output.mode)
        }
        Act::Fill(index) => {
            let output = &outputs[*index];
            tree.fill(&output.path, &output.bytes, output.mode)
        }
        Act::Remove(path) => {
            tree.remove(path)?;
            tree.prune_above(path)
        }
        Act::Clear(path) => tree.remove_empty(path),
    }
}
