//! Everything that is in a project, as far as its files can be read.
//!
//! A broken file hides nothing but itself: it is named, and the rest is listed. Each file is read
//! once, and no parameter is evaluated, so that a project of a thousand units is listed at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::discover::clashes;
use super::profile::Profile;
use super::unit::exclusion;
use super::{
    Configs, ModuleConfig, Name, Need, Project, ProjectError, RESERVED, UnitGraph, UnitId, WorkflowFile,
};

/// What is in a project; every list is sorted by name.
#[derive(Debug, Default)]
pub struct Inventory {
    /// The modules, those with a broken `module.toml` among them.
    pub modules: Vec<ModuleEntry>,
    /// The profiles, those with a broken file among them.
    pub profiles: Vec<ProfileEntry>,
    /// The workflows, those with a broken file among them.
    pub workflows: Vec<WorkflowEntry>,
    /// The units, as far as the files of their module and profile could be read.
    pub units: Vec<UnitId>,
    /// What could not be read or makes no sense, each once, in the order in which it was met.
    pub errors: Vec<ProjectError>,
}

/// A module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleEntry {
    /// Its name.
    pub name: Name,
    /// What it says of itself; empty if nothing.
    pub description: String,
    /// The profiles with which it makes a unit.
    pub profiles: Vec<Name>,
    /// The words by which it can be selected.
    pub tags: Vec<Name>,
    /// What its units need, as it says so.
    pub needs: Vec<Need>,
}

/// A profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileEntry {
    /// Its name.
    pub name: Name,
    /// What it says of itself; empty if nothing.
    pub description: String,
    /// Whether it exists only to be extended.
    pub is_abstract: bool,
    /// The profiles that it names itself.
    pub extends: Vec<Name>,
}

/// A workflow.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkflowEntry {
    /// Its name.
    pub name: Name,
    /// What its file says; none if that is broken.
    pub file: Option<WorkflowFile>,
}

impl Project {
    /// Reads everything in the project. `steps` are the names that modules and workflows must not have.
    pub fn inventory<'a>(&self, steps: impl IntoIterator<Item = &'a str>) -> Inventory {
        let mut errors = Errors::default();
        let modules = errors.names(self.entries("module", "modules", None));
        let profiles = errors.names(self.entries("profile", "profiles", Some(".toml")));
        let workflows = errors.names(self.entries("workflow", "workflows", Some(".toml")));
        clashes(&modules, &workflows, steps).into_iter().for_each(|error| errors.add(error));
        let files = Configs::new(self);
        let configs: BTreeMap<&Name, Arc<ModuleConfig>> =
            modules.iter().filter_map(|name| Some((name, errors.take(files.module(name))?))).collect();
        let chains: BTreeMap<&Name, Arc<Vec<Profile>>> =
            profiles.iter().filter_map(|name| Some((name, errors.take(files.chain(name))?))).collect();
        let mut units = Vec::new();
        for (module, config) in &configs {
            for (profile, chain) in &chains {
                let unit = UnitId::new((*module).clone(), (*profile).clone());
                if exclusion(&unit, chain, config).is_none() {
                    units.push(unit);
                }
            }
        }
        errors.needs(&files, &units);
        Inventory {
            workflows: workflows
                .iter()
                .map(|name| {
                    // A name that is taken has been named as an error already.
                    let taken = modules.contains(name) || RESERVED.contains(&name.as_str());
                    let file = if taken { None } else { errors.take(self.workflow(name)) };
                    WorkflowEntry { name: name.clone(), file }
                })
                .collect(),
            modules: modules
                .iter()
                .map(|name| module_entry(name, configs.get(name).map(AsRef::as_ref), &units))
                .collect(),
            profiles: profiles
                .iter()
                .map(|name| profile_entry(name, chains.get(name).and_then(|chain| chain.last())))
                .collect(),
            units,
            errors: errors.list,
        }
    }
}

fn module_entry(name: &Name, config: Option<&ModuleConfig>, units: &[UnitId]) -> ModuleEntry {
    // Units are sorted: those of one module stand together.
    let first = units.partition_point(|unit| unit.module < *name);
    let own = units[first..].iter().take_while(|unit| unit.module == *name);
    ModuleEntry {
        name: name.clone(),
        description: config.map_or_else(String::new, |config| config.description.clone()),
        profiles: own.map(|unit| unit.profile.clone()).collect(),
        tags: config.map(|config| config.tags.clone()).unwrap_or_default(),
        needs: config.map(|config| config.needs.clone()).unwrap_or_default(),
    }
}

fn profile_entry(name: &Name, own: Option<&Profile>) -> ProfileEntry {
    ProfileEntry {
        name: name.clone(),
        description: own.map_or_else(String::new, |own| own.description.clone()),
        is_abstract: own.is_some_and(|own| own.is_abstract),
        extends: own
            .map(|own| own.extends.iter().map(|(name, _)| name.clone()).collect())
            .unwrap_or_default(),
    }
}

/// Collects errors; one broken file that several others lead to is named once.
#[derive(Default)]
struct Errors {
    list: Vec<ProjectError>,
    said: BTreeSet<String>,
}

impl Errors {
    fn add(&mut self, error: ProjectError) {
        if self.said.insert(error.to_string()) {
            self.list.push(error);
        }
    }

    fn take<T>(&mut self, result: Result<T, ProjectError>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }

    /// Needs of nothing; and circles, if nothing else is wrong.
    fn needs(&mut self, files: &Configs<'_>, units: &[UnitId]) {
        let before = self.list.len();
        // One error for each need, not for each unit that has it.
        let mut said = BTreeSet::new();
        for unit in units {
            match files.needed(unit) {
                Err(ProjectError::Config { place, .. }) if !said.insert(place.clone()) => {}
                found => drop(self.take(found)),
            }
        }
        if self.list.len() == before {
            self.take(UnitGraph::grow(units.iter().cloned(), |unit| files.needed(unit)));
        }
    }

    fn names(&mut self, found: Result<Vec<Result<Name, ProjectError>>, ProjectError>) -> Vec<Name> {
        let found = self.take(found).unwrap_or_default();
        found.into_iter().filter_map(|name| self.take(name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Sample;

    #[test]
    fn everything_is_listed_and_agrees_with_the_units() {
        let sample = Sample::new(&[
            ("modules/b/module.toml", "description = 'second'\nprofiles = ['dev']\n"),
            ("modules/a/x", ""),
            ("profiles/base.toml", "abstract = true\n"),
            ("profiles/dev.toml", "description = 'try'\nextends = ['base']\n"),
            ("profiles/prod.toml", "[modules.a]\nenabled = false\n"),
            ("workflows/go.toml", "description = 'all'\nsteps = ['build']\n"),
        ]);
        let project = sample.project();
        let inventory = project.inventory(["build"]);
        assert!(inventory.errors.is_empty(), "{:?}", inventory.errors);
        assert_eq!(inventory.units, project.units().unwrap());
        let units: Vec<String> = inventory.units.iter().map(ToString::to_string).collect();
        assert_eq!(units, ["a/dev", "b/dev"]);
        let b = &inventory.modules[1];
        assert_eq!((b.description.as_str(), b.profiles[0].as_str()), ("second", "dev"));
        let [base, dev, _] = &inventory.profiles[..] else { panic!("{:?}", inventory.profiles) };
        assert!(base.is_abstract && !dev.is_abstract);
        assert_eq!((dev.description.as_str(), dev.extends[0].as_str()), ("try", "base"));
        assert_eq!(inventory.workflows[0].file.as_ref().unwrap().description, "all");
    }

    #[test]
    fn needs_of_nothing_and_circles_are_named_once() {
        let sample = Sample::new(&[
            ("modules/a/module.toml", "tags = ['net']\nneeds = ['b', 'c/dev']\n"),
            ("modules/b/module.toml", "profiles = ['dev']\n"),
            ("modules/c/x", ""),
            ("profiles/dev.toml", ""),
            ("profiles/live.toml", ""),
            ("profiles/prod.toml", ""),
        ]);
        let told = |sample: &Sample| {
            let errors = sample.project().inventory(["build"]).errors;
            errors.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let [one] = &told(&sample)[..] else { panic!("{:#?}", told(&sample)) };
        assert!(
            one.starts_with("modules/a/module.toml:2: `a/live` needs `b/live`, which is not a unit"),
            "{one}"
        );
        sample.write("modules/b/module.toml", "needs = ['c']\n");
        sample.write("modules/c/module.toml", "needs = ['b']\n");
        let [one] = &told(&sample)[..] else { panic!("{:#?}", told(&sample)) };
        assert!(one.contains("in a circle: b/dev -> c/dev"), "{one}");
        sample.write("modules/c/module.toml", "");
        let inventory = sample.project().inventory(["build"]);
        assert!(inventory.errors.is_empty(), "{:?}", inventory.errors);
        let a = &inventory.modules[0];
        assert_eq!((a.tags[0].as_str(), a.needs[1].to_string()), ("net", "c/dev".to_owned()));
    }

    #[test]
    fn a_broken_file_is_named_once_and_hides_only_what_needs_it() {
        let sample = Sample::new(&[
            ("modules/a/x", ""),
            ("modules/b/module.toml", "\nnonsense = 1\n"),
            ("modules/bad name/x", ""),
            ("modules/build/x", ""),
            ("profiles/base.toml", "x ="),
            ("profiles/dev.toml", "extends = ['base']\n"),
            ("profiles/prod.toml", ""),
            ("workflows/a.toml", "steps = ['build']\n"),
            ("workflows/empty.toml", ""),
        ]);
        let inventory = sample.project().inventory(["build"]);
        let units: Vec<String> = inventory.units.iter().map(ToString::to_string).collect();
        assert_eq!(units, ["a/prod", "build/prod"]);
        assert_eq!(inventory.modules.len(), 3, "b is there, broken as it is");
        let errors: Vec<String> = inventory.errors.iter().map(ToString::to_string).collect();
        let starts = [
            "module `modules/bad name` cannot be used",
            "modules/build: `build` is a word",
            "workflows/a.toml: `a` is the name of a module",
            "modules/b/module.toml:2: unknown key `nonsense`",
            "profiles/base.toml:1: ",
            "workflows/empty.toml:1: `steps` is empty",
        ];
        assert_eq!(errors.len(), starts.len(), "{errors:#?}");
        for (error, start) in errors.iter().zip(starts) {
            assert!(error.starts_with(start), "{error}");
        }
    }
}
