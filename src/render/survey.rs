//! A unit's files as they are and as a build would leave them, one by one.

use super::foreign::Foreign;
use super::manifest::Manifest;
use super::module::Known;
use super::tree::Existing;
use super::{BuildRequest, Disk, RenderError, changes, module};

/// What a build would do to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileFate {
    /// Nothing: it is as it should be.
    Current,
    /// It would be made.
    New,
    /// It would be changed.
    Changed,
    /// It would be removed: the module no longer makes it.
    Removed,
    /// Somebody edited it since it was generated: a build stops.
    Edited,
    /// Not known: it depends on what only a build reads or runs.
    Unknown,
    /// Nothing: lockstep did not make it, and the tool would read it.
    Foreign,
}

/// The files of a unit's directory, sorted by path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// Each path, relative to the unit's directory, and what a build would do.
    pub files: Vec<(String, FileFate)>,
}

/// Looks at a unit's directory without changing anything. What only a run may read or run counts as not
/// known, where the parameters have stand-ins for it.
///
/// # Errors
/// As for [`super::preview`].
pub fn survey(request: &BuildRequest<'_>) -> Result<Survey, RenderError> {
    let Known { outputs, unknown, has_nameless } = module(request)?.known(request.unit, request.params)?;
    let key = |manifest: &Manifest| request.known_key(&outputs, manifest);
    let mut disk = Disk::open(request.project.root(), request.unit, request.force, key)?;
    let Some(tree) = &mut disk.tree else {
        let new = outputs.into_iter().map(|output| (output.path, FileFate::New));
        let fate = |is_made| if is_made { FileFate::New } else { FileFate::Unknown };
        let mut files: Vec<_> =
            new.chain(unknown.into_iter().map(|(path, is_made)| (path, fate(is_made)))).collect();
        files.sort_by(|a, b| a.0.cmp(&b.0));
        return Ok(Survey { files });
    };
    let mut changes = changes::compare(tree, &outputs, &disk.manifest, disk.key.as_ref())?;
    let is_unknown = |path: &String| unknown.iter().any(|(other, _)| other == path);
    let may_stay = |path: &String| is_unknown(path) || has_nameless;
    let (stays, goes): (Vec<String>, Vec<String>) = changes.remove.into_iter().partition(may_stay);
    changes.edited.retain(|path| !stays.contains(path));
    let foreign = Foreign::search(tree, &outputs)?.files.into_iter();
    let mut files: Vec<(String, FileFate)> =
        foreign.filter(|path| !is_unknown(path)).map(|path| (path, FileFate::Foreign)).collect();
    files.extend(goes.into_iter().map(|path| (path, FileFate::Removed)));
    files.extend(stays.into_iter().map(|path| (path, FileFate::Unknown)));
    for (path, is_made) in &unknown {
        let is_new = *is_made && matches!(tree.look(path)?, Existing::Missing | Existing::Directory);
        files.push((path.clone(), if is_new { FileFate::New } else { FileFate::Unknown }));
    }
    for (index, output) in outputs.iter().enumerate() {
        let fate = if !changes.write.contains(&index) {
            FileFate::Current
        } else if matches!(tree.look(&output.path)?, Existing::Missing | Existing::Directory) {
            FileFate::New
        } else {
            FileFate::Changed
        };
        files.push((output.path.clone(), fate));
    }
    for (path, fate) in &mut files {
        if changes.edited.contains(path) {
            *fate = FileFate::Edited;
        }
    }
    // What will be removed is foreign to the outputs as well; the first word about a path counts.
    files.sort_by(|a, b| (&a.0, rank(a.1)).cmp(&(&b.0, rank(b.1))));
    files.dedup_by(|later, first| later.0 == first.0);
    Ok(Survey { files })
}

const fn rank(fate: FileFate) -> u8 {
    match fate {
        FileFate::Foreign => 1,
        _ => 0,
    }
}
