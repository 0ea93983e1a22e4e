//! What the files of a project say, each read once: for work on many units at a time.
//!
//! A file that changes after it was read is not read again, so a `Configs` lives as long as one such
//! work and no longer. What cannot be read is not remembered: whoever asks next gets the error too.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::profile::Profile;
use super::{CommandEnv, ModuleConfig, Name, Overrides, Params, Project, ProjectError, Seen, UnitId};
use crate::env::{self, Environment};

/// The configuration of a project as it is read bit by bit.
#[derive(Debug)]
pub struct Configs<'a> {
    project: &'a Project,
    modules: Memory<ModuleConfig>,
    chains: Memory<Vec<Profile>>,
    /// Of each profile, whether outputs are used in its layers or the project's.
    pub(super) mentions: Memory<bool>,
}

/// So few files are read faster than a thread is begun.
const MANY: usize = 32;

pub(super) type Memory<T> = Mutex<HashMap<Name, Arc<T>>>;

impl<'a> Configs<'a> {
    /// Nothing is read yet.
    pub fn new(project: &'a Project) -> Self {
        Self { project, modules: Mutex::default(), chains: Mutex::default(), mentions: Mutex::default() }
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

    /// Reads what will be asked for on as many threads as there are processors, if there is much of it.
    pub(super) fn read_ahead(&self, modules: &[Name]) {
        let share = modules.len().div_ceil(env::processors());
        if share < MANY {
            return;
        }
        std::thread::scope(|scope| {
            for part in modules.chunks(share) {
                // What fails fails again, and is told, when it is asked for.
                scope.spawn(|| part.iter().for_each(|module| drop(self.module(module))));
            }
        });
    }

    /// A profile and all that it extends, lowest first.
    pub(super) fn chain(&self, profile: &Name) -> Result<Arc<Vec<Profile>>, ProjectError> {
        remember(&self.chains, profile, || self.project.chain(profile))
    }

    /// The files of a profile and of all that it extends, relative to the project.
    pub(crate) fn profile_files(&self, profile: &Name) -> Result<Vec<String>, ProjectError> {
        let chain = self.chain(profile)?;
        Ok(chain.iter().map(|profile| profile.place.file().to_owned()).collect())
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

/// A profile and all that it extends, looked at on its own: what was read for it is known.
#[derive(Debug)]
pub(crate) struct Chain {
    profiles: Option<Vec<Profile>>,
    /// What was looked at.
    pub(crate) seen: Seen,
}

impl Chain {
    pub(crate) fn look(project: &Project, profile: &Name) -> Self {
        let watched = project.watched();
        let profiles = watched.chain(profile).ok();
        Self { profiles, seen: watched.files().seen() }
    }

    /// Its profiles; the error again, if it cannot be read.
    fn profiles<'a>(&'a self, project: &Project, profile: &Name) -> Result<Cow<'a, [Profile]>, ProjectError> {
        match &self.profiles {
            Some(profiles) => Ok(Cow::Borrowed(profiles)),
            None => project.chain(profile).map(Cow::Owned),
        }
    }

    /// Whether the profile makes units at all.
    pub(crate) fn makes_any(&self, project: &Project, unit: &UnitId) -> Result<bool, ProjectError> {
        let profiles = self.profiles(project, &unit.profile)?;
        Ok(super::unit::excluded_by_profile(unit, &profiles).is_none())
    }

    /// Whether module and profile make a unit.
    pub(crate) fn makes(
        &self,
        project: &Project,
        unit: &UnitId,
        module: &ModuleConfig,
    ) -> Result<bool, ProjectError> {
        let profiles = self.profiles(project, &unit.profile)?;
        Ok(super::unit::exclusion(unit, &profiles, module).is_none())
    }

    /// The unit's parameters, without any from outside the repository and with stand-ins for what only
    /// a run reads or asks for.
    pub(crate) fn params(
        &self,
        project: &Project,
        unit: &UnitId,
        module: &ModuleConfig,
    ) -> Result<Params, ProjectError> {
        let profiles = self.profiles(project, &unit.profile)?;
        let env = Environment::new(project.root(), std::iter::empty::<(&str, &str)>());
        let overrides = Overrides { set: &[], files: &[], env: &env };
        super::layers::merge(project, unit, &overrides, module, &profiles).map(Params::with_stand_ins)
    }
}

impl Chain {
    /// What the project changes in the environment of the unit's commands.
    pub(crate) fn command_env(
        &self,
        project: &Project,
        unit: &UnitId,
        module: &ModuleConfig,
    ) -> Result<CommandEnv, ProjectError> {
        let profiles = self.profiles(project, &unit.profile)?;
        Ok(CommandEnv::of(project, unit, Some(module), &profiles))
    }
}

pub(super) fn remember<T>(
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
