//! `lockstep save`: files that a tool wrote into the rendered directory and that belong to the
//! source, brought back into the module.
//!
//! Nothing is read or written through a link, and what lockstep generated is never taken for source:
//! only what it copied byte for byte may come back.

use std::path::Path;

use globset::GlobSet;

use super::directory::Directory;
use super::manifest::Manifest;
use super::module::{globs, output_name};
use super::outputs::is_harmless;
use super::source::{Reader, SourceFile};
use super::tree::{Existing, Tree};
use super::{Disk, RenderError, leftover};
use crate::git::Repo;
use crate::project::{BuildConfig, DIST, Project, SCHEMA_FILE, UnitId};

/// What tools keep beside the configuration and want to be committed.
pub const SAVED_BY_DEFAULT: &str = ".terraform.lock.hcl";

/// One file that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Relative to the rendered directory.
    pub path: String,
    /// The file that it belongs to, relative to the project.
    pub source: String,
    /// Whether that was written; it was the same already if not.
    pub written: bool,
}

/// Copies files from a unit's directory into its module. All are checked before one is written. Whether
/// git ignores one is known by `repo`.
///
/// # Errors
/// [`RenderError::CannotSave`] for a file that must not be saved, or when reading or writing fails.
pub fn save(
    project: &Project,
    unit: &UnitId,
    repo: Option<&Repo>,
    files: &[String],
) -> Result<Vec<Saved>, RenderError> {
    let Disk { tree, manifest, .. } = Disk::open(project.root(), unit, false, |_| Ok(None))?;
    let build = project.module_config(&unit.module)?.build;
    let raw = globs(&build, "raw", &build.raw)?;
    let absent = || RenderError::CannotSave {
        path: format!("{DIST}/{unit}"),
        why: "it is not there: nothing was rendered".into(),
    };
    let mut tree = tree.ok_or_else(absent)?;
    let mut sources = Sources::open(project, unit, &build)?.ok_or_else(absent)?;
    let mut copies = Vec::new();
    for path in files {
        let refuse = |why: &str| RenderError::CannotSave {
            path: format!("{DIST}/{unit}/{}", path.escape_debug()),
            why: why.to_owned(),
        };
        if !is_harmless(path) {
            return Err(refuse("it is not a path below the rendered directory"));
        }
        if path == "module.toml" || path == SCHEMA_FILE {
            return Err(refuse("in a module this name is lockstep's own"));
        }
        let (bytes, mode) = match tree.look(path)? {
            Existing::File { bytes, mode } => (bytes, mode),
            Existing::Missing => {
                return Err(refuse("the rendered directory has no such file; a tool must have written it"));
            }
            Existing::Directory => return Err(refuse("it is a directory: name its files")),
            Existing::Other => return Err(refuse("it is no regular file, and links are not followed")),
        };
        if let Some((_, what)) = leftover::of_tool(path, &bytes) {
            return Err(refuse(&format!("it is {what}, which a tool keeps for itself")));
        }
        let by_name = sources.find(&candidates(&build, path, &raw), &build)?;
        let of_template = match by_name {
            Found::None { .. } => sources.find_copied(project, repo, (&build, &raw), (&manifest, path))?,
            _ => Vec::new(),
        };
        let is_templated = !of_template.is_empty();
        let found = match of_template.len() {
            0 => by_name,
            1 => of_template.into_iter().next().unwrap_or(by_name),
            _ => {
                return Err(refuse(
                    "several files of the module with this content make files of templated names",
                ));
            }
        };
        let (index, name, source) = match found {
            Found::File { index, name, bytes, mode } => (index, name, Some((bytes, mode))),
            Found::None { index } => (index, path.clone(), None),
            Found::Other => return Err(refuse("in the module something else has this name")),
        };
        let directory = &sources.0[index].0;
        if is_ignored(repo, &directory.real.join(&name)) {
            return Err(RenderError::SaveIgnored {
                path: format!("{DIST}/{unit}/{}", path.escape_debug()),
                to: format!("{}/{}", directory.shown, name.escape_debug()),
            });
        }
        if source.as_ref().is_some_and(|(source, _)| *source == bytes) {
            copies.push((path, index, name, None));
            continue;
        }
        let is_copied = source.as_ref().is_some_and(|(source, _)| manifest.owns(path, source, None));
        if path == SAVED_BY_DEFAULT && source.is_some() && !is_copied
            || source.is_some() && !manifest.files.contains_key(path)
        {
            return Err(refuse(&format!(
                "the module has another one, which no build has put here yet; to go on with that: lockstep --force {}",
                project.line_to_build(unit)
            )));
        }
        if manifest.files.contains_key(path) && !is_copied {
            return Err(refuse("it is generated, or the module's file has changed since the last build"));
        }
        let is_raw = raw.is_match(&name);
        if !is_templated && output_name(&build, &name, is_raw) != *path {
            return Err(refuse("the next build would give it another name, by `[build] strip` or `rename`"));
        }
        if !is_raw && std::str::from_utf8(&bytes).is_ok_and(|text| build.delimiters.open_in(text)) {
            return Err(refuse(
                "the next build would take it for a template: list it under `[build] raw` in module.toml first",
            ));
        }
        if !is_raw && !is_templated && [path, &name].into_iter().any(|name| build.delimiters.open_in(name)) {
            return Err(refuse(
                "the next build would take its name for a template: list it under `[build] raw` in module.toml first",
            ));
        }
        copies.push((path, index, name, Some((bytes, source.map_or(mode, |(_, mode)| mode)))));
    }
    let mut saved = Vec::new();
    for (path, index, name, copy) in copies {
        let (directory, source) = &mut sources.0[index];
        if let Some((bytes, mode)) = &copy {
            source.write(&name, bytes, *mode)?;
        }
        let source = format!("{}/{name}", directory.shown);
        saved.push(Saved { path: path.clone(), source, written: copy.is_some() });
    }
    Ok(saved)
}

/// Whether git ignores a file; not, where that cannot be told.
fn is_ignored(repo: Option<&Repo>, path: &Path) -> bool {
    let ask = || {
        let repo = repo?;
        let top = repo.work_dir().canonicalize().ok()?;
        repo.is_ignored(path.strip_prefix(top).ok()?).ok()
    };
    ask().unwrap_or(false)
}

/// The directories that a module's files come from, in order.
struct Sources(Vec<(Directory, Tree)>);

/// The file of the module that makes an output.
enum Found {
    File {
        index: usize,
        name: String,
        bytes: Vec<u8>,
        mode: u32,
    },
    /// There is none; this is where it belongs.
    None {
        index: usize,
    },
    /// Something stands there that is no file.
    Other,
}

impl Sources {
    fn open(project: &Project, unit: &UnitId, build: &BuildConfig) -> Result<Option<Self>, RenderError> {
        let mut sources = Vec::new();
        for directory in Directory::sources(project, &unit.module, build)? {
            let Ok(below) = directory.real.strip_prefix(project.root()) else { return Ok(None) };
            let parts: Option<Vec<&str>> = below.iter().map(|part| part.to_str()).collect();
            let Some(tree) = Tree::open(project.root(), &parts.unwrap_or_default(), false)? else {
                return Ok(None);
            };
            sources.push((directory, tree));
        }
        Ok(Some(Self(sources)))
    }

    /// Of several files of one name the last source's counts, as in a build. A new one belongs to
    /// the module itself, or to its last source if it is none of its own.
    fn find(&mut self, names: &[String], build: &BuildConfig) -> Result<Found, RenderError> {
        for (index, (_, tree)) in self.0.iter_mut().enumerate().rev() {
            for name in names {
                match tree.look(name)? {
                    Existing::File { bytes, mode } => {
                        return Ok(Found::File { index, name: name.clone(), bytes, mode });
                    }
                    Existing::Missing => {}
                    Existing::Directory | Existing::Other => return Ok(Found::Other),
                }
            }
        }
        let own = build.sources.iter().position(|source| source.trim_end_matches('/') == ".");
        Ok(Found::None { index: own.unwrap_or(self.0.len() - 1) })
    }
}

impl Sources {
    /// The files of the module whose names are templates and of which the last build made a copy at this path.
    fn find_copied(
        &self,
        project: &Project,
        repo: Option<&Repo>,
        (build, raw): (&BuildConfig, &GlobSet),
        (manifest, path): (&Manifest, &str),
    ) -> Result<Vec<Found>, RenderError> {
        let reader = Reader::new(project.files(), repo);
        let mut found = Vec::new();
        for (index, (directory, _)) in self.0.iter().enumerate() {
            for SourceFile { path: name, bytes, mode, .. } in reader.files(directory)? {
                let is_templated = build.delimiters.open_in(&output_name(build, &name, false));
                if is_templated && !raw.is_match(&name) && manifest.owns(path, &bytes, None) {
                    found.push(Found::File { index, name, bytes, mode });
                }
            }
        }
        Ok(found)
    }
}

/// The names that a file of the module may have whose output has this one.
fn candidates(build: &BuildConfig, path: &str, raw: &GlobSet) -> Vec<String> {
    let renamed = build.rename.iter().filter(|(_, to)| *to == path).map(|(from, _)| from.clone());
    let stripped = build.strip.iter().map(|ending| format!("{path}{ending}"));
    let makes = |name: &String| output_name(build, name, raw.is_match(name)) == *path;
    let names = renamed.chain([path.to_owned()]).chain(stripped);
    names.filter(|name| is_harmless(name) && makes(name)).collect()
}
