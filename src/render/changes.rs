//! What a build would change in a unit's directory, and doing it in an order that survives a kill.

use std::collections::BTreeSet;

use super::key::Key;
use super::manifest::Manifest;
use super::outputs::Output;
use super::tree::{Existing, Tree};
use super::{BuildRequest, RenderError};

/// The difference between a unit's directory and what it should be.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Indices of outputs that have to be written.
    pub(super) write: Vec<usize>,
    /// Paths that are no longer made and have to go.
    pub(super) remove: Vec<String>,
    /// How many are as they should be.
    pub(super) unchanged: usize,
    /// Paths that were changed by something else than lockstep.
    pub(super) edited: Vec<String>,
}

/// Compares a unit's directory with what it should be. Nothing is changed.
pub(super) fn compare(
    tree: &mut Tree,
    outputs: &[Output],
    manifest: &Manifest,
    key: Option<&Key>,
) -> Result<Changes, RenderError> {
    let mut changes = Changes::default();
    for (index, output) in outputs.iter().enumerate() {
        let ours = match tree.look(&output.path)? {
            Existing::File { bytes, mode } if bytes == output.bytes => {
                if mode == output.mode {
                    changes.unchanged += 1;
                    continue;
                }
                true
            }
            Existing::File { bytes, .. } => manifest.owns(&output.path, &bytes, key),
            Existing::Missing => true,
            Existing::Other => false,
            Existing::Directory => {
                let why = "a file is generated there, and a directory stands in its place".to_owned();
                return Err(RenderError::Obstructed { path: output.path.clone(), why });
            }
        };
        if !ours {
            changes.edited.push(output.path.clone());
        }
        changes.write.push(index);
    }
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
    changes.edited.sort();
    Ok(changes)
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
}

/// The acts that make the changes, in order.
pub(super) fn acts(
    changes: &Changes,
    outputs: &[Output],
    manifest: &Manifest,
    key: Option<&Key>,
) -> Vec<Act> {
    let next = Manifest::of(outputs, key);
    let mut acts = Vec::new();
    if manifest.unfinished {
        acts.extend(manifest.files.keys().cloned().map(Act::Clean));
    }
    if !changes.write.is_empty() || !changes.remove.is_empty() {
        acts.push(Act::Note(manifest.while_becoming(&next)));
        // First what goes: a file may make way for a directory of the same name.
        acts.extend(changes.remove.iter().cloned().map(Act::Remove));
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
    }
}

/// Files that the tool would read and lockstep did not make: beside generated files, with an
/// ending that one of them has.
pub(super) fn foreign(tree: &mut Tree, outputs: &[Output]) -> Result<Vec<String>, RenderError> {
    let made: BTreeSet<&str> = outputs.iter().map(|output| output.path.as_str()).collect();
    let endings: BTreeSet<&str> = made.iter().filter_map(|path| ending(path)).collect();
    let directories: BTreeSet<&str> =
        made.iter().map(|path| path.rsplit_once('/').map_or("", |(directory, _)| directory)).collect();
    let mut found = Vec::new();
    for directory in directories {
        for name in tree.files_in(directory)? {
            let path = if directory.is_empty() { name } else { format!("{directory}/{name}") };
            if !made.contains(path.as_str()) && ending(&path).is_some_and(|ending| endings.contains(ending)) {
                found.push(path);
            }
        }
    }
    Ok(found)
}

/// The ending of a visible file's name.
fn ending(path: &str) -> Option<&str> {
    let name = path.rsplit('/').next().unwrap_or(path);
    if name.starts_with('.') {
        return None;
    }
    name.rsplit_once('.').map(|(_, ending)| ending)
}
