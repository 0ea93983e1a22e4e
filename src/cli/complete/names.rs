//! The names of the project that the user stands in; none outside of any.

use std::collections::BTreeSet;

use crate::engine::open_project;
use crate::env::Environment;
use crate::process::Interrupts;
use crate::project::{Name, Project, UnitId, WorkflowFile};

/// With more modules than this, units are offered a module at a time.
const MANY: usize = 50;

/// See the module.
pub(super) struct Names {
    project: Option<Project>,
}

impl Names {
    pub(super) fn of(env: &Environment) -> Self {
        Self { project: open_project(env.cwd(), env, &Interrupts::new()).ok() }
    }

    fn list(&self, what: impl Fn(&Project) -> Option<Vec<Name>>) -> Vec<Name> {
        self.project.as_ref().and_then(what).unwrap_or_default()
    }

    /// Workflows that may stand among the steps, and what they say of themselves.
    pub(super) fn workflows(&self) -> impl Iterator<Item = (String, String)> {
        let described = |name: Name| {
            let file = self.project.as_ref().and_then(|project| project.workflow(&name).ok());
            let staged = file.as_ref().is_some_and(WorkflowFile::is_staged);
            (!staged).then(|| (name.to_string(), file.map(|file| file.description).unwrap_or_default()))
        };
        self.list(|project| project.workflows().ok()).into_iter().filter_map(described)
    }

    /// Workflows of stages.
    pub(super) fn staged(&self) -> Vec<String> {
        let Some(project) = &self.project else { return Vec::new() };
        let is_staged = |name: &&Name| project.workflow(name).is_ok_and(|file| file.is_staged());
        let workflows = self.list(|project| project.workflows().ok());
        workflows.iter().filter(is_staged).map(Name::to_string).collect()
    }

    /// The stages of all workflows.
    pub(super) fn stages(&self) -> Vec<String> {
        let Some(project) = &self.project else { return Vec::new() };
        let files = self.list(|project| project.workflows().ok());
        let files = files.iter().filter_map(|name| project.workflow(name).ok());
        let names = files.flat_map(|file| file.create.into_iter().chain(file.delete));
        let mut names: Vec<String> = names.map(|stage| stage.name.to_string()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// What stands in the place of a module in the names of units that only stages make.
    pub(super) fn modules_of_stages(&self) -> Vec<String> {
        self.project.as_ref().map(Project::stage_modules).unwrap_or_default()
    }

    /// Units that only stages make, which may become of what was begun.
    pub(super) fn units_of_stages(&self, begun: &str) -> Vec<String> {
        let modules = self.modules_of_stages();
        let fits = |module: &&String| match begun.split_once('/') {
            Some((whole, _)) => *module == whole,
            None => module.starts_with(begun),
        };
        let units = modules.iter().filter(fits).flat_map(|module| {
            self.profiles(module).into_iter().map(move |profile| format!("{module}/{profile}"))
        });
        units.collect()
    }

    /// Workflows of stages in each profile, which may become of what was begun.
    pub(super) fn wholes(&self, begun: &str) -> Vec<String> {
        let wholes = self.staged().into_iter().flat_map(|workflow| {
            // Those that are abstract are none of a unit's.
            let profiles = self.profiles(&workflow);
            profiles.into_iter().map(move |profile| format!("{workflow}/{profile}"))
        });
        wholes.filter(|whole| whole.starts_with(begun)).collect()
    }

    /// Modules.
    pub(super) fn modules(&self) -> Vec<String> {
        self.list(|project| project.modules().ok()).iter().map(Name::to_string).collect()
    }

    /// Tags, as they are selected by, once such a word is begun: to others they are no use.
    pub(super) fn tags(&self, begun: &str) -> Vec<String> {
        if !begun.starts_with('t') {
            return Vec::new();
        }
        let modules = self.list(|project| project.modules().ok());
        let configs = modules.iter().filter_map(|name| self.project.as_ref()?.module_config(name).ok());
        let tags: BTreeSet<Name> = configs.flat_map(|config| config.tags).collect();
        tags.iter().map(|tag| format!("tag:{tag}")).collect()
    }

    /// Profiles that make a unit of the module; all, if that is no module's name.
    pub(super) fn profiles(&self, module: &str) -> Vec<String> {
        let of_stage = self.project.as_ref().and_then(|project| project.profiles_of_stage(module).ok()?);
        if let Some(profiles) = of_stage {
            return profiles.iter().map(Name::to_string).collect();
        }
        let profiles = self.list(|project| project.profiles().ok());
        let module = Name::new(module).ok();
        let is_unit = |profile: &&Name| module.as_ref().is_none_or(|module| self.is_unit(module, profile));
        profiles.iter().filter(is_unit).map(Name::to_string).collect()
    }

    /// Units that may become of what was begun.
    pub(super) fn units(&self, begun: &str) -> Vec<String> {
        let modules = self.list(|project| project.modules().ok());
        let (module, whole) = match begun.split_once('/') {
            Some((module, _)) => (module, true),
            None => (begun, false),
        };
        let fits =
            |name: &&Name| if whole { name.as_str() == module } else { name.as_str().starts_with(module) };
        let modules: Vec<&Name> = modules.iter().filter(fits).collect();
        if modules.len() > MANY {
            return modules.iter().map(|module| format!("{module}/")).collect();
        }
        let profiles = self.list(|project| project.profiles().ok());
        let units = modules.iter().flat_map(|module| {
            let module: &Name = module;
            let of_module = profiles.iter().filter(move |profile| self.is_unit(module, profile));
            of_module.map(move |profile| format!("{module}/{profile}"))
        });
        units.collect()
    }

    fn is_unit(&self, module: &Name, profile: &Name) -> bool {
        let unit = UnitId::new(module.clone(), profile.clone());
        // What cannot be read is offered: the command will say what is wrong with it.
        self.project.as_ref().is_some_and(|project| !matches!(project.excluded(&unit), Ok(Some(_))))
    }
}
