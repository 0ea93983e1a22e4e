//! What the files of a project say, each read once: for work on many units at a time.
//!
//! A file that changes after it was read is not read again, so a `Configs` lives as long as one such
//! work and no longer. What cannot be read is not remembered: whoever asks next gets the error too.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::profile::Profile;
use super::{ModuleConfig, Name, Overrides, Params, Project, ProjectError, UnitId};

/// The configuration of a project as it is read bit by bit.
#[derive(Debug)]
pub struct Configs<'a> {
    project: &'a Project,
    modules: Memory<ModuleConfig>,
    chains: Memory<Vec<Profile>>,
}

type Memory<T> = Mutex<HashMap<Name, Arc<T>>>;

impl<'a> Configs<'a> {
    /// Nothing is read yet.
    pub fn new(project: &'a Project) -> Self {
        Self { project, modules: Mutex::default(), chains: Mutex::default() }
    }

    /// The project.
    pub fn project(&self) -> &'a Project {
        self.project
    }

    /// What a module's `module.toml` says; the defaults if it has none.
    ///
    /// # Errors
    /// When the file cannot be read or understood.
    pub fn module(&self, module: &Name) -> Result<Arc<ModuleConfig>, ProjectError> {
        remember(&self.modules, module, || self.project.module_config(module))
    }

    /// A profile and all that it extends, lowest first.
    pub(super) fn chain(&self, profile: &Name) -> Result<Arc<Vec<Profile>>, ProjectError> {
        remember(&self.chains, profile, || self.project.chain(profile))
    }

    /// A unit's parameters, as [`Project::params`] gives them.
    ///
    /// # Errors
    /// As there.
    pub fn params(&self, unit: &UnitId, overrides: &Overrides<'_>) -> Result<Params, ProjectError> {
        let (module, chain) = (self.module(&unit.module)?, self.chain(&unit.profile)?);
        super::layers::merge(self.project, unit, overrides, &module, &chain)
    }

    /// Why module and profile make no unit, if they do not.
    pub(super) fn excluded(&self, unit: &UnitId) -> Result<Option<String>, ProjectError> {
        let chain = self.chain(&unit.profile)?;
        // An abstract profile excludes every module: none of them has to be read for that.
        match super::unit::excluded_by_profile(unit, &chain) {
            Some(why) => Ok(Some(why)),
            None => Ok(super::unit::excluded_by_module(unit, &chain, &*self.module(&unit.module)?)),
        }
    }
}

fn remember<T>(
    memory: &Memory<T>,
    name: &Name,
    read: impl FnOnce() -> Result<T, ProjectError>,
) -> Result<Arc<T>, ProjectError> {
    let lock = || memory.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = lock().get(name) {
        return Ok(Arc::clone(known));
    }
    // Not under the lock: two threads may read the same, and others need not wait for them.
    let value = Arc::new(read()?);
    Ok(Arc::clone(lock().entry(name.clone()).or_insert(value)))
}
