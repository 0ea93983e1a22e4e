//! From two words of the command line to one unit that exists.

use std::path::{Component, Path};

use super::discover::DIST;
use super::error::printable;
use super::profile::Profile;
use super::select::selects_many;
use super::{Configs, ModuleConfig, Name, Project, ProjectError, UnitId};
use crate::env::Environment;

/// The first name of a list, safe to print; `any` in the place of a pattern.
pub(super) fn first(word: &str, any: &str) -> String {
    let first = word.split(',').next().filter(|name| !selects_many(name) && !name.is_empty());
    printable(first.unwrap_or(any))
}

impl Project {
    /// The unit that two words of the command line name. `.` is the one that the user stands in.
    ///
    /// # Errors
    /// When a word names nothing or several, or module and profile make no unit.
    pub fn unit(&self, module: &str, profile: &str, env: &Environment) -> Result<UnitId, ProjectError> {
        if let Some(word) = [module, profile].into_iter().find(|word| selects_many(word)) {
            let [module, profile] =
                [(module, "MODULE"), (profile, "PROFILE")].map(|(word, any)| first(word, any));
            return Err(ProjectError::NotOne { word: printable(word), one: format!("{module} {profile}") });
        }
        let module = if module == "." { self.module_here(env)? } else { module.to_owned() };
        let profile = if profile == "." { self.profile_here(env)? } else { profile.to_owned() };
        let module = Name::new(&module)
            .ok()
            .filter(|name| self.has_module(name) || self.has_stage_of(name))
            .ok_or_else(|| self.unknown("module", &module))?;
        let profile = Name::new(&profile)
            .ok()
            .filter(|name| self.has_profile(name))
            .ok_or_else(|| self.unknown("profile", &profile))?;
        let unit = UnitId::new(module, profile);
        match self.excluded(&unit)? {
            None => Ok(unit),
            Some(why) => Err(ProjectError::NotAUnit { unit: unit.to_string(), why }),
        }
    }

    /// Module and profile that two words name, whether there is such a unit or not; none where they name
    /// several or cannot be names.
    pub(crate) fn pair(&self, module: &str, profile: &str, env: &Environment) -> Option<UnitId> {
        let module = if module == "." { self.module_here(env).ok()? } else { module.to_owned() };
        let profile = if profile == "." { self.profile_here(env).ok()? } else { profile.to_owned() };
        Some(UnitId::new(Name::new(&module).ok()?, Name::new(&profile).ok()?))
    }

    /// All units, sorted.
    ///
    /// # Errors
    /// When a module or profile cannot be read or has a name that cannot be used.
    pub fn units(&self) -> Result<Vec<UnitId>, ProjectError> {
        let (configs, profiles) = (Configs::new(self), self.profiles()?);
        let mut units = Vec::new();
        for module in self.modules()? {
            for profile in &profiles {
                let unit = UnitId::new(module.clone(), profile.clone());
                if configs.excluded(&unit)?.is_none() {
                    units.push(unit);
                }
            }
        }
        Ok(units)
    }

    /// Refuses a module and a profile, none meaning all, of which there is none, or no unit with both.
    ///
    /// # Errors
    /// What is missing.
    pub fn check_extent(&self, module: Option<&Name>, profile: Option<&Name>) -> Result<(), ProjectError> {
        if let (Some(module), None) = (module, profile)
            && self.profiles_of_stage(module.as_str())?.is_some_and(|profiles| !profiles.is_empty())
        {
            return Ok(());
        }
        if let Some(module) = module.filter(|module| !self.has_module(module)) {
            return Err(self.unknown("module", module.as_str()));
        }
        if let Some(profile) = profile.filter(|profile| !self.has_profile(profile)) {
            return Err(self.unknown("profile", profile.as_str()));
        }
        let meant = |unit: &UnitId| {
            module.is_none_or(|name| *name == unit.module) && profile.is_none_or(|name| *name == unit.profile)
        };
        if (module, profile) == (None, None) || self.units()?.iter().any(meant) {
            return Ok(());
        }
        let word = |name: Option<&Name>| name.map_or("every one", Name::as_str).to_owned();
        let (unit, why) =
            (format!("{}/{}", word(module), word(profile)), "there is no unit of it".to_owned());
        Err(ProjectError::NotAUnit { unit, why })
    }

    /// Why module and profile make no unit, if they do not.
    pub(crate) fn excluded(&self, unit: &UnitId) -> Result<Option<String>, ProjectError> {
        Configs::new(self).excluded(unit)
    }

    /// The module that `.` means.
    pub(super) fn module_here(&self, env: &Environment) -> Result<String, ProjectError> {
        self.standing(env.cwd()).module.ok_or_else(|| self.nowhere("module", env))
    }

    /// The profile that `.` means.
    pub(super) fn profile_here(&self, env: &Environment) -> Result<String, ProjectError> {
        let default = || self.config().default_profile.as_ref().map(Name::to_string);
        let said =
            self.standing(env.cwd()).profile.or_else(|| env.var("LOCKSTEP_PROFILE").map(str::to_owned));
        said.or_else(default).ok_or_else(|| self.nowhere("profile", env))
    }

    fn nowhere(&self, what: &'static str, env: &Environment) -> ProjectError {
        let why = match what {
            "module" => format!("`{}` is not inside `modules/NAME` or `.dist/NAME`", env.cwd().display()),
            _ => "neither the directory, nor LOCKSTEP_PROFILE, nor lockstep.toml says which".to_owned(),
        };
        ProjectError::NoneHere { what, why }
    }

    fn standing(&self, cwd: &Path) -> Standing {
        let real = cwd.canonicalize().unwrap_or_else(|_| cwd.to_owned());
        let Ok(below) = real.strip_prefix(self.root()) else { return Standing::default() };
        let mut words = below.components().map(|part| match part {
            Component::Normal(name) => name.to_str().unwrap_or_default().to_owned(),
            _ => String::new(),
        });
        match words.next().as_deref() {
            Some("modules") => Standing { module: words.next(), profile: None },
            Some(DIST) => Standing { module: words.next(), profile: words.next() },
            _ => Standing::default(),
        }
    }
}

/// Why a module and a profile, with all that it extends, make no unit, if they do not.
pub(super) fn exclusion(unit: &UnitId, chain: &[Profile], module: &ModuleConfig) -> Option<String> {
    excluded_by_profile(unit, chain).or_else(|| excluded_by_module(unit, chain, module))
}

/// Why a profile makes no units at all.
pub(super) fn excluded_by_profile(unit: &UnitId, chain: &[Profile]) -> Option<String> {
    let own = chain.last().filter(|own| own.is_abstract)?;
    Some(format!("profile `{}` is abstract ({})", unit.profile, own.place.file()))
}

/// Why a module is no unit in a profile.
pub(super) fn excluded_by_module(unit: &UnitId, chain: &[Profile], module: &ModuleConfig) -> Option<String> {
    if module.profiles.as_ref().is_some_and(|profiles| !profiles.contains(&unit.profile)) {
        return Some(format!("modules/{}/module.toml does not list the profile", unit.module));
    }
    let said = chain
        .iter()
        .rev()
        .filter_map(|profile| profile.modules.get(&unit.module))
        .find_map(|module| module.enabled.map(|enabled| (enabled, &module.place)));
    match said {
        Some((false, place)) => Some(format!("`enabled = false` at {place}")),
        _ => None,
    }
}

/// The unit, or a part of it, that a directory belongs to.
#[derive(Default)]
struct Standing {
    module: Option<String>,
    profile: Option<String>,
}
