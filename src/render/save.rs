//! `lockstep save`: files that a tool wrote into the rendered directory and that belong to the
//! source, brought back into the module.
//!
//! Nothing is read or written through a link, and what lockstep generated is never taken for source:
//! only what it copied byte for byte may come back.

use super::manifest::Manifest;
use super::templates::is_harmless;
use super::tree::{Existing, Tree};
use super::{Disk, RenderError};
use crate::project::{DIST, Delimiters, Project, UnitId};

/// What tools keep beside the configuration and want to be committed.
pub const SAVED_BY_DEFAULT: &str = ".terraform.lock.hcl";

/// One file that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Relative to the rendered directory and to the module.
    pub path: String,
    /// Whether the module's file was written; it was the same already if not.
    pub written: bool,
}

/// Copies files from a unit's directory into its module. All are checked before one is written.
///
/// # Errors
/// [`RenderError::CannotSave`] for a file that must not be saved, or when reading or writing fails.
pub fn save(project: &Project, unit: &UnitId, files: &[String]) -> Result<Vec<Saved>, RenderError> {
    let Disk { tree, manifest, .. } = Disk::open(project.root(), unit, false, None)?;
    let build = project.module_config(&unit.module)?.build;
    let raw = super::templates::globs(&build.raw, "raw", &format!("modules/{}/module.toml", unit.module))?;
    let absent = || RenderError::CannotSave {
        path: format!("{DIST}/{unit}"),
        why: "it is not there: nothing was rendered".into(),
    };
    let mut tree = tree.ok_or_else(absent)?;
    let mut module =
        Tree::open(project.root(), &["modules", unit.module.as_str()], false)?.ok_or_else(absent)?;
    let mut copies = Vec::new();
    for path in files {
        let refuse = |why: &str| RenderError::CannotSave {
            path: format!("{DIST}/{unit}/{}", path.escape_debug()),
            why: why.to_owned(),
        };
        if !is_harmless(path) {
            return Err(refuse("it is not a path below the rendered directory"));
        }
        if path == "module.toml" {
            return Err(refuse("in a module this name is lockstep's own"));
        }
        let (bytes, mode) = match tree.look(path)? {
            Existing::File { bytes, mode } => (bytes, mode),
            Existing::Missing => return Err(refuse("there is no such file")),
            Existing::Directory => return Err(refuse("it is a directory: name its files")),
            Existing::Other => return Err(refuse("it is no regular file, and links are not followed")),
        };
        let source = match module.look(path)? {
            Existing::File { bytes, mode } => Some((bytes, mode)),
            Existing::Missing => None,
            Existing::Directory | Existing::Other => {
                return Err(refuse("in the module something else has this name"));
            }
        };
        if source.as_ref().is_some_and(|(source, _)| *source == bytes) {
            copies.push((path, None));
            continue;
        }
        if is_generated(&manifest, path, source.as_ref().map(|(bytes, _)| bytes.as_slice())) {
            return Err(refuse("it is generated, or the module's file has changed since the last build"));
        }
        if !raw.is_match(path)
            && std::str::from_utf8(&bytes).is_ok_and(|text| has_syntax(text, &build.delimiters))
        {
            return Err(refuse(
                "the next build would take it for a template: list it under `[build] raw` in module.toml first",
            ));
        }
        copies.push((path, Some((bytes, source.map_or(mode, |(_, mode)| mode)))));
    }
    let mut saved = Vec::new();
    for (path, copy) in copies {
        if let Some((bytes, mode)) = &copy {
            module.write(path, bytes, *mode)?;
        }
        saved.push(Saved { path: path.clone(), written: copy.is_some() });
    }
    Ok(saved)
}

/// Whether the last build made the file out of something else than a copy of the module's.
fn is_generated(manifest: &Manifest, path: &str, source: Option<&[u8]>) -> bool {
    manifest.files.contains_key(path) && !source.is_some_and(|source| manifest.owns(path, source, None))
}

fn has_syntax(text: &str, delimiters: &Delimiters) -> bool {
    let Delimiters { variable, block, comment } = delimiters;
    [variable, block, comment].iter().any(|pair| text.contains(pair[0].as_str()))
}
