//! What a build would do, without doing it: nothing is written, no lock is taken, nothing is made.

use super::changes::{self, Changes};
use super::manifest::Manifest;
use super::outputs::Output;
use super::tree::Existing;
use super::{BuildRequest, Disk, RenderError, render};
use crate::project::nearest;

/// One file that a build would write or remove.
#[derive(Debug)]
pub struct FileChange {
    /// Relative to the unit's directory.
    pub path: String,
    /// The file as it is; none if there is none.
    pub before: Option<FileState>,
    /// The file as it would be; none if it would be removed.
    pub after: Option<FileState>,
    /// Somebody changed it since it was generated: without `force` a build stops here.
    pub edited: bool,
    /// It is edited in that it is none that lockstep ever made.
    pub foreign: bool,
    /// It is edited, and the module has another version of it than the one that was made last.
    pub newer: bool,
}

/// A file's content and mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileState {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its permission bits.
    pub mode: u32,
    /// It holds secrets, or may: one that is there counts as such if the manifest says so, or if only
    /// its owner can read it.
    pub sensitive: bool,
}

impl FileChange {
    /// The path, and in a word what would happen to it.
    pub fn summary(&self) -> String {
        let what = match (&self.before, &self.after) {
            (None, _) => "new",
            (_, None) => "removed",
            (Some(before), Some(after)) if before.bytes == after.bytes => "mode",
            _ => "changed",
        };
        format!("{} ({what})", self.path.escape_debug())
    }
}

/// The files that a build would write or remove, sorted by path.
///
/// # Errors
/// As for [`super::build`], except that files that somebody edited are told with the others.
pub fn preview(request: &BuildRequest<'_>) -> Result<Vec<FileChange>, RenderError> {
    differences(request, render(request)?)
}

fn differences(request: &BuildRequest<'_>, outputs: Vec<Output>) -> Result<Vec<FileChange>, RenderError> {
    let key = |manifest: &Manifest| request.known_key(&outputs, manifest);
    let mut disk = Disk::open(request.project.root(), request.unit, request.force, key)?;
    let changes = match &mut disk.tree {
        Some(tree) => changes::compare(tree, &outputs, &disk.manifest, disk.key.as_ref())?,
        None => Changes { write: (0..outputs.len()).collect(), ..Changes::default() },
    };
    let mut found = Vec::new();
    for path in changes.remove {
        found.push(FileChange {
            before: disk.file(&path)?,
            after: None,
            edited: false,
            foreign: false,
            newer: false,
            path,
        });
    }
    let mut outputs: Vec<Option<Output>> = outputs.into_iter().map(Some).collect();
    for output in changes.write.iter().filter_map(|index| outputs[*index].take()) {
        let after = Some(FileState { bytes: output.bytes, mode: output.mode, sensitive: output.sensitive });
        let before = disk.file(&output.path)?;
        found.push(FileChange {
            before,
            after,
            edited: false,
            foreign: false,
            newer: false,
            path: output.path,
        });
    }
    for change in &mut found {
        change.edited = changes.edited.contains(&change.path);
        change.foreign = changes.foreign.contains(&change.path);
        change.newer = changes.newer.contains(&change.path);
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// Fails if a build would change anything.
///
/// # Errors
/// [`RenderError::WouldChange`] with the files, or why a build would fail.
pub fn check(request: &BuildRequest<'_>) -> Result<(), RenderError> {
    check_outputs(request, render(request)?)
}

pub(super) fn check_outputs(request: &BuildRequest<'_>, outputs: Vec<Output>) -> Result<(), RenderError> {
    let changes = differences(request, outputs)?;
    let those = |which: fn(&&FileChange) -> bool| -> Vec<String> {
        changes.iter().filter(which).map(|change| change.path.clone()).collect()
    };
    let edited = those(|change| change.edited);
    if !edited.is_empty() && !request.force {
        let newer = those(|change| change.newer);
        return Err(RenderError::edited(request, edited, those(|change| change.foreign), &newer));
    }
    if changes.is_empty() {
        return Ok(());
    }
    let files = changes.iter().map(FileChange::summary).collect();
    Err(RenderError::WouldChange { unit: request.unit.clone(), files })
}

/// What a build would change, as an error.
pub(super) fn would_change(request: &BuildRequest<'_>, outputs: Vec<Output>) -> RenderError {
    match check_outputs(request, outputs) {
        Err(error) => error,
        // Only the manifest is missing, or lists what was.
        Ok(()) => RenderError::WouldChange { unit: request.unit.clone(), files: Vec::new() },
    }
}

/// One file as a build would write it.
///
/// # Errors
/// [`RenderError::NoSuchOutput`], or why a build would fail.
pub fn content(request: &BuildRequest<'_>, file: &str) -> Result<Vec<u8>, RenderError> {
    let outputs = render(request)?;
    let near = nearest(file, outputs.iter().map(|output| output.path.as_str())).map(str::to_owned);
    let known = outputs.iter().map(|output| output.path.escape_debug().to_string()).collect();
    match outputs.into_iter().find(|output| output.path == file) {
        Some(output) if output.sensitive => {
            let again = request.project.line_to_build(request.unit);
            Err(RenderError::Sensitive { unit: request.unit.clone(), file: output.path, again })
        }
        Some(output) => Ok(output.bytes),
        None => Err(RenderError::NoSuchOutput {
            unit: request.unit.clone(),
            file: file.escape_debug().take(200).collect(),
            nearest: near,
            known,
        }),
    }
}

impl Disk {
    /// A regular file of the unit's directory.
    fn file(&mut self, path: &str) -> Result<Option<FileState>, RenderError> {
        let Some(tree) = &mut self.tree else { return Ok(None) };
        Ok(match tree.look(path)? {
            Existing::File { bytes, mode } => {
                // A clone of a committed directory has other modes than the build gave.
                let secret = tree.mode_of(0o600);
                let sensitive = self.manifest.is_sensitive(path) || mode & 0o077 & !secret == 0;
                Some(FileState { bytes, mode, sensitive })
            }
            Existing::Missing | Existing::Directory | Existing::Other => None,
        })
    }
}
