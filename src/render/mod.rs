//! Turning a module into files for one profile.
//!
//! Everything is rendered in memory, compared with what is there, and only the difference is
//! written: a build that changes nothing writes nothing. Nothing is ever written, read or removed
//! through a symbolic link, or outside the unit's directory and `.dist/.lockstep`.

pub mod affected;
mod batch;
mod changes;
mod diff;
mod digest;
mod directory;
mod encoding;
mod error;
mod facts;
mod foreign;
mod fresh;
mod generated;
mod gone;
mod guard;
mod hold;
pub mod inputs;
mod key;
mod leftover;
mod links;
mod listing;
mod manifest;
mod memory;
mod module;
mod outputs;
mod preview;
mod rendered;
mod save;
mod source;
mod stamp;
mod survey;
mod templates;
mod threads;
pub(crate) mod tree;
mod verify;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use batch::{BatchRequest, Results, build_all, check_all};
pub use diff::{DiffStyle, unified};
pub use error::{Excerpt, RenderError};
pub(crate) use error::{REMOVE_GONE, list};
pub use facts::git_facts;
pub use gone::{Gone, gone, remove_gone};
pub use guard::Holder;
pub use hold::hold;
use preview::would_change;
pub use preview::{FileChange, FileState, check, content, preview};
pub use rendered::Rendered;
pub use save::{SAVED_BY_DEFAULT, Saved, save};
pub use survey::{FileFate, Survey, survey};
pub use verify::{Verified, verify};

use self::changes::Changes;
use self::digest::of_outputs;
use self::directory::Directory;
use self::foreign::Foreign;
use self::fresh::Fresh;
use self::guard::Guard;
use self::key::Key;
use self::manifest::Manifest;
use self::module::Module;
use self::outputs::Output;
use self::source::{Reader, SourceFile};
use self::tree::{Existing, Tree};
use crate::git::Repo;
use crate::project::{DIST, Params, Project, UnitId};

/// What to render.
#[derive(Debug)]
pub struct BuildRequest<'a> {
    /// The project.
    pub project: &'a Project,
    /// The unit.
    pub unit: &'a UnitId,
    /// Its parameters.
    pub params: &'a Params,
    /// The repository: its git directory holds lock files, which are below `.dist` without it, and
    /// its index knows what is tracked although a pattern ignores it.
    pub repo: Option<&'a Repo>,
    /// The user's own files of ignore patterns, beside the repository's.
    pub excludes: &'a [PathBuf],
    /// Overwrite what someone edited.
    pub force: bool,
    /// Leave that as it is instead of stopping at it, for who changes nothing by it.
    pub keep: bool,
    /// Who builds, for the message that another build gets.
    pub holder: Holder,
}

/// Renders a unit and keeps its directory in use.
///
/// # Errors
/// When a template or parameter is wrong, a generated file was edited, the directory is in use and
/// would change, or reading or writing fails.
pub fn build(request: &BuildRequest<'_>) -> Result<Rendered, RenderError> {
    let outputs = render(request)?;
    let mut guard = open_guard(request)?;
    if !guard.look()? {
        return Err(busy(request.unit, &mut guard));
    }
    let key = |manifest: &Manifest| request.key(&outputs, manifest);
    let mut state = Disk::open(request.project.root(), request.unit, request.force, key)?;
    let mut changes = state.compare(request, &outputs)?;
    let mut done = false;
    if state.needs(&changes, &outputs) {
        (state, changes) = write(request, &outputs, &mut guard)?;
        done = true;
    }
    guard.sign(&request.holder);
    guard.settle()?;
    rendered(request, state, &changes, done, &outputs, Arc::new(guard.into_fd()?))
}

/// As [`build`], where nothing may be written: what is there must be what a build would make.
///
/// # Errors
/// [`RenderError::WouldChange`] if it is not, and whatever keeps a build from being made.
pub fn prove(request: &BuildRequest<'_>) -> Result<Rendered, RenderError> {
    let outputs = render(request)?;
    let mut guard = open_guard(request)?;
    if !guard.look()? {
        return Err(busy(request.unit, &mut guard));
    }
    let key = |manifest: &Manifest| request.known_key(&outputs, manifest);
    let mut state = Disk::open(request.project.root(), request.unit, request.force, key)?;
    let changes = state.compare(request, &outputs)?;
    if state.needs(&changes, &outputs) {
        return Err(would_change(request, outputs));
    }
    guard.sign(&request.holder);
    guard.settle()?;
    rendered(request, state, &changes, false, &outputs, Arc::new(guard.into_fd()?))
}

/// As [`build`], for who does nothing in the directory afterwards: where nothing is to be written it
/// takes no lock, and nobody is told of a user.
fn update_outputs(request: &BuildRequest<'_>, outputs: Vec<Output>) -> Result<Rendered<()>, RenderError> {
    // If somebody writes at this moment, what is read may not belong together; but if it is all as
    // it should be, then it is.
    let key = |manifest: &Manifest| request.known_key(&outputs, manifest);
    let (root, unit) = (request.project.root(), request.unit);
    let seen = Disk::directory(root, unit).and_then(|tree| {
        // Where there is no directory there is nothing to compare.
        let Some(tree) = tree else { return Ok(None) };
        let mut state = Disk::read(root, unit, Some(tree), request.force, key)?;
        state.compare(request, &outputs).map(|changes| Some((state, changes)))
    });
    if let Ok(Some((state, changes))) = seen
        && !state.needs(&changes, &outputs)
    {
        return rendered(request, state, &changes, false, &outputs, ());
    }
    // What was wrong without the lock may be right with it.
    let git_dir = request.repo.map(Repo::git_dir);
    let mut guard = Guard::open_to_write(root, unit, git_dir)?;
    let (state, changes) = write(request, &outputs, &mut guard)?;
    rendered(request, state, &changes, true, &outputs, ())
}

/// Writes what differs, as the only one that may.
fn write(
    request: &BuildRequest<'_>,
    outputs: &[Output],
    guard: &mut Guard,
) -> Result<(Disk, Changes), RenderError> {
    if !guard.queue()? {
        return Err(busy(request.unit, guard));
    }
    // Somebody else may have written meanwhile.
    let key = |manifest: &Manifest| request.key(outputs, manifest);
    let mut state = Disk::open(request.project.root(), request.unit, request.force, key)?;
    let changes = state.compare(request, outputs)?;
    if state.needs(&changes, outputs) {
        if !guard.write()? {
            return Err(busy(request.unit, guard));
        }
        state.apply(request, &changes, outputs)?;
    }
    Ok((state, changes))
}

fn open_guard(request: &BuildRequest<'_>) -> Result<Guard, RenderError> {
    Guard::open(request.project.root(), request.unit, request.repo.map(Repo::git_dir))
}

fn busy(unit: &UnitId, guard: &mut Guard) -> RenderError {
    let (processes, lock) = guard.processes();
    RenderError::Busy { unit: unit.clone(), holders: guard.holders(), processes, lock: lock.into() }
}

/// What is told of a unit that is as it should be; `done` if the changes were made just now.
fn rendered<G>(
    request: &BuildRequest<'_>,
    mut state: Disk,
    changes: &Changes,
    done: bool,
    outputs: &[Output],
    guard: G,
) -> Result<Rendered<G>, RenderError> {
    let foreign = match &mut state.tree {
        Some(tree) => Foreign::search(tree, outputs)?,
        None => Foreign::default(),
    };
    let written: &[usize] = if done { &changes.write } else { &[] };
    let made = |index: &usize| (outputs[*index].path.clone(), outputs[*index].source.clone());
    let secrets = written.iter().filter(|index| outputs[**index].sensitive);
    let secrets = secrets.map(|index| outputs[*index].path.clone()).collect();
    Ok(Rendered {
        directory: request.project.unit_directory(request.unit),
        guard,
        written: written.len(),
        made: written.iter().map(made).collect(),
        removed: if done { changes.remove.len() } else { 0 },
        unchanged: changes.unchanged,
        foreign: foreign.files,
        searched: foreign.directories,
        undecoded: outputs.iter().filter(|one| one.undecoded).map(|one| one.source.clone()).collect(),
        secrets,
        override_keys: request.params.override_keys(),
        digest: changes.kept.is_empty().then(|| of_outputs(request, outputs)).transpose()?,
        kept: changes.kept.clone(),
        inputs: request.project.files().seen().paths.into_iter().collect(),
    })
}

impl BuildRequest<'_> {
    /// The checkout's key, where secrets are or were in the files; made before the first is written.
    fn key(&self, outputs: &[Output], manifest: &Manifest) -> Result<Option<Key>, RenderError> {
        if outputs.iter().any(|output| output.sensitive) {
            let (root, git_dir) = (self.project.root(), self.repo.map(Repo::git_dir));
            return Key::obtain(root, git_dir).map(Some);
        }
        self.known_key(outputs, manifest)
    }

    /// The same, as far as there is one: nothing is written.
    fn known_key(&self, outputs: &[Output], manifest: &Manifest) -> Result<Option<Key>, RenderError> {
        if manifest.is_keyed() || outputs.iter().any(|output| output.sensitive) {
            return Key::read(self.project.root(), self.repo.map(Repo::git_dir));
        }
        Ok(None)
    }
}

/// The unit's files, in memory.
fn render(request: &BuildRequest<'_>) -> Result<Vec<Output>, RenderError> {
    let module = module(request)?;
    module.check(request.unit, request.params)?;
    module.render(request.params)
}

/// The unit's module.
fn module(request: &BuildRequest<'_>) -> Result<Module, RenderError> {
    read_module(request.project, request.unit, request.repo)
}

fn read_module(project: &Project, unit: &UnitId, repo: Option<&Repo>) -> Result<Module, RenderError> {
    let module = project.source_of(&unit.module);
    let config = project.module_config(module)?;
    let reader = Reader::new(project.files(), repo);
    let sources = Directory::sources(project, module, &config.build)?;
    let partials = || partials(project, &reader);
    Module::read(project, module, &config, &reader, (&sources, |_: &_| None), partials)
}

/// What the project's modules may include, sorted.
fn partials(project: &Project, reader: &Reader) -> Result<Arc<Vec<SourceFile>>, RenderError> {
    match Directory::partials(project)? {
        Some(directory) => reader.files(&directory).map(Arc::new),
        None => Ok(Arc::default()),
    }
}

fn manifest_name(unit: &UnitId) -> String {
    format!("{}.json", unit.profile)
}

/// The unit's directory and manifest as they are on disk.
struct Disk {
    /// None if the directory is not there, or was not before this build made it.
    tree: Option<Tree>,
    manifest: Manifest,
    key: Option<Key>,
}

impl Disk {
    /// With `force` a manifest that cannot be read counts as none. `key` gives the key that the
    /// manifest's digests, and those of what is to be written, need.
    fn open(
        root: &Path,
        unit: &UnitId,
        force: bool,
        key: impl FnOnce(&Manifest) -> Result<Option<Key>, RenderError>,
    ) -> Result<Self, RenderError> {
        Self::read(root, unit, Self::directory(root, unit)?, force, key)
    }

    /// The unit's directory, if it is there.
    fn directory(root: &Path, unit: &UnitId) -> Result<Option<Tree>, RenderError> {
        Tree::open(root, &[DIST, unit.module.as_str(), unit.profile.as_str()], false)
    }

    /// As [`Self::open`], with a directory that is open already.
    fn read(
        root: &Path,
        unit: &UnitId,
        tree: Option<Tree>,
        force: bool,
        key: impl FnOnce(&Manifest) -> Result<Option<Key>, RenderError>,
    ) -> Result<Self, RenderError> {
        let mut manifest = Manifest::default();
        if let Some(mut notes) = Tree::open(root, &[DIST, ".lockstep", unit.module.as_str()], false)? {
            let name = manifest_name(unit);
            let path = || format!("{DIST}/.lockstep/{}/{name}", unit.module);
            match notes.look(&name)? {
                Existing::Missing => {}
                Existing::File { bytes, .. } => match Manifest::parse(&bytes) {
                    Ok(read) => manifest = read,
                    // With force the files count as edited, and are overwritten as such.
                    Err(_) if force => {}
                    Err(why) => return Err(RenderError::Obstructed { path: path(), why }),
                },
                Existing::Directory | Existing::Other => {
                    let why = "a file is needed there".to_owned();
                    return Err(RenderError::Obstructed { path: path(), why });
                }
            }
        }
        let key = key(&manifest)?;
        Ok(Self { tree, manifest, key })
    }

    fn compare(&mut self, request: &BuildRequest<'_>, outputs: &[Output]) -> Result<Changes, RenderError> {
        let Some(tree) = &mut self.tree else {
            return Ok(Changes { write: (0..outputs.len()).collect(), ..Default::default() });
        };
        let mut changes = changes::compare(tree, outputs, &self.manifest, self.key.as_ref())?;
        if !changes.edited.is_empty() && !request.force {
            if !request.keep {
                return Err(RenderError::edited(request, changes.edited, changes.foreign, &changes.newer));
            }
            changes.keep_edited(outputs);
        }
        Ok(changes)
    }

    /// Whether anything has to be written or removed.
    fn needs(&self, changes: &Changes, outputs: &[Output]) -> bool {
        // A module without files still has a directory to work in.
        self.tree.is_none()
            || !changes.write.is_empty()
            || !changes.remove.is_empty()
            || match changes.kept.is_empty() {
                true => !self.manifest.is_of(outputs, self.key.as_ref()),
                false => self.manifest != changes.manifest(outputs, &self.manifest, self.key.as_ref()),
            }
    }

    fn apply(
        &mut self,
        request: &BuildRequest<'_>,
        changes: &Changes,
        outputs: &[Output],
    ) -> Result<(), RenderError> {
        let (root, unit) = (request.project.root(), request.unit);
        let mut notes = Tree::make(root, &[DIST, ".lockstep", unit.module.as_str()])?;
        if let Some(tree) = &mut self.tree {
            for act in changes::acts(changes, outputs, &self.manifest, self.key.as_ref()) {
                changes::perform(&act, outputs, tree, &mut notes, request)?;
            }
            return Ok(());
        }
        let mut fresh = Fresh::begin(request)?;
        for act in Fresh::acts(outputs, &self.manifest, self.key.as_ref()) {
            fresh.perform(&act, outputs, &mut notes, request)?;
        }
        fresh.place()
    }
}
