//! `[env]` of lockstep.toml, module.toml and profiles: the environment variables of a unit's commands.
//!
//! Layers, lowest first: lockstep.toml, module.toml, then each profile of the chain (`[env]`, then
//! `[modules.NAME.env]`). Values may hold expressions over the unit's parameters, secrets too: they are
//! evaluated for a command that is about to run, and what comes out is shown nowhere.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use toml::de::{DeTable, DeValue};

use super::profile::Profile;
use super::toml_file::TomlFile;
use super::{Asker, ModuleConfig, Name, Params, Place, Project, ProjectError, UnitId};
use crate::env::Environment;

/// One `[env]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "BTreeMap<String, String>")]
pub struct Variables(BTreeMap<String, Variable>);

/// What a variable shall be, and where that is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Variable {
    pub(super) text: String,
    pub(super) place: Place,
}

impl From<BTreeMap<String, String>> for Variables {
    fn from(values: BTreeMap<String, String>) -> Self {
        let one = |(name, text)| (name, Variable { text, place: Place::whole("[env]") });
        Self(values.into_iter().map(one).collect())
    }
}

impl JsonSchema for Variables {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Variables".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        BTreeMap::<String, String>::json_schema(generator)
    }
}

impl Variables {
    /// Where each variable of a table's `env` is written.
    pub(super) fn places(table: &DeTable<'_>, file: &TomlFile) -> BTreeMap<String, Place> {
        let Some(DeValue::Table(env)) = table.get("env").map(|value| value.get_ref()) else {
            return BTreeMap::new();
        };
        env.keys().map(|name| (name.get_ref().to_string(), file.place(name.span().start))).collect()
    }

    /// Puts the places back, and checks what serde cannot: a variable has a name that a shell can use, and
    /// neither half holds a NUL.
    pub(super) fn complete(&mut self, mut places: BTreeMap<String, Place>) -> Result<(), ProjectError> {
        for (name, variable) in &mut self.0 {
            if let Some(place) = places.remove(name) {
                variable.place = place;
            }
            if !is_variable(name) || variable.text.contains('\0') {
                let message = format!("`[env]`: `{}` is no environment variable", name.escape_debug());
                return Err(ProjectError::config(variable.place.clone(), message));
            }
        }
        Ok(())
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names, each with where it is written.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&str, &Place)> {
        self.0.iter().map(|(name, variable)| (name.as_str(), &variable.place))
    }

    pub(super) fn sets(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

/// Whether a shell can use this as the name of a variable.
pub(super) fn is_variable(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(word)
}

/// What the files of a project change in the environment of a unit's commands; nothing is evaluated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandEnv {
    unset: BTreeSet<String>,
    set: Variables,
}

impl Project {
    /// What the project's files say of the environment of a unit's commands: all of them, or those that
    /// know nothing of the module.
    ///
    /// # Errors
    /// When a file cannot be read or understood.
    pub fn command_env(&self, unit: &UnitId, asker: Asker) -> Result<CommandEnv, ProjectError> {
        let module = match asker {
            Asker::Module => Some(self.module_config(&unit.module)?),
            Asker::Project => None,
        };
        Ok(CommandEnv::of(self, unit, module.as_ref(), &self.chain(&unit.profile)?))
    }
}

impl Project {
    /// Whether a profile, or one that it extends, changes the environment of commands.
    ///
    /// # Errors
    /// When it cannot be read or understood.
    pub fn profile_sets_variables(&self, profile: &Name) -> Result<bool, ProjectError> {
        let sets = |profile: &Profile| {
            !profile.env.is_empty() || profile.modules.values().any(|module| !module.env.is_empty())
        };
        Ok(self.chain(profile)?.iter().any(sets))
    }
}

impl CommandEnv {
    /// Out of what the files say.
    pub(super) fn of(
        project: &Project,
        unit: &UnitId,
        module: Option<&ModuleConfig>,
        chain: &[Profile],
    ) -> Self {
        let (mut env, name) = (Self::default(), project.source_of(&unit.module));
        env.layer(&project.config().exec.unset, &project.config().env);
        if let Some(module) = module {
            env.layer(&module.exec.unset, &module.env);
        }
        for profile in chain {
            env.layer(&[], &profile.env);
            if let (true, Some(of_module)) = (module.is_some(), profile.modules.get(name)) {
                env.layer(&[], &of_module.env);
            }
        }
        env
    }

    /// A layer above: first it takes out what it unsets, then it puts in what it sets.
    fn layer(&mut self, unset: &[String], set: &Variables) {
        self.set.0.retain(|name, _| !unset.contains(name));
        self.unset.extend(unset.iter().cloned());
        self.set.0.extend(set.0.iter().map(|(name, variable)| (name.clone(), variable.clone())));
    }

    /// The user's variables in which tools look for arguments, changed so; nothing for what is computed.
    pub(super) fn arguments(
        &self,
        outside: &BTreeMap<String, String>,
        holds_arguments: impl Fn(&str) -> bool,
    ) -> BTreeMap<String, Option<String>> {
        let kept = outside.iter().filter(|(name, _)| !self.unset.contains(*name));
        let kept = kept.map(|(name, value)| (name.clone(), Some(value.clone())));
        let own = self.set.0.iter().filter(|(name, _)| holds_arguments(name));
        let own = own.map(|(name, variable)| {
            let is_known = !variable.text.contains("{{");
            (name.clone(), is_known.then(|| variable.text.clone()))
        });
        kept.chain(own).collect()
    }

    /// Whether a command gets the user's variable as it is.
    pub fn leaves_alone(&self, name: &str) -> bool {
        !self.unset.contains(name) && !self.set.sets(name)
    }

    /// Whether a value is computed.
    pub fn is_computed(&self) -> bool {
        self.set.0.values().any(|variable| variable.text.contains("{{"))
    }

    /// The names that are set, each with where it is written.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&str, &Place)> {
        self.set.names()
    }

    /// With every value evaluated by the unit's parameters.
    ///
    /// # Errors
    /// The first one that cannot be, at its place.
    pub fn evaluate(&self, params: &Params) -> Result<OwnVariables, ProjectError> {
        self.settle(|name, variable| value(name, variable, params).map(Some))
    }

    /// The same without the variables that need what only a run reads or runs: for commands that parameters
    /// ask, and for who compares.
    ///
    /// # Errors
    /// As [`Self::evaluate`].
    pub fn evaluate_known(&self, params: &Params) -> Result<OwnVariables, ProjectError> {
        self.settle(|name, variable| match value(name, variable, params) {
            Err(ProjectError::Opaque(_)) => Ok(None),
            other => other.map(Some),
        })
    }

    /// The values as they are written; right where none is computed.
    pub fn as_written(&self) -> OwnVariables {
        let set = self.set.0.iter().map(|(name, variable)| (name.clone(), variable.text.clone())).collect();
        OwnVariables { unset: self.unset.clone(), set }
    }

    fn settle(
        &self,
        mut value: impl FnMut(&str, &Variable) -> Result<Option<String>, ProjectError>,
    ) -> Result<OwnVariables, ProjectError> {
        let mut set = BTreeMap::new();
        for (name, variable) in &self.set.0 {
            if let Some(value) = value(name, variable)? {
                set.insert(name.clone(), value);
            }
        }
        Ok(OwnVariables { unset: self.unset.clone(), set })
    }
}

fn value(name: &str, Variable { text, place }: &Variable, params: &Params) -> Result<String, ProjectError> {
    if !text.contains("{{") {
        return Ok(text.clone());
    }
    let named = |error| match error {
        ProjectError::Config { place, message, hint } => {
            ProjectError::Config { place, message: format!("`{name}` of [env]: {message}"), hint }
        }
        error => error,
    };
    let value = params.expand(text, place).map_err(named)?;
    match value.contains('\0') {
        true => {
            Err(named(ProjectError::config(place.clone(), "the value holds a NUL, which no program can get")))
        }
        false => Ok(value),
    }
}

/// What a project changes in the environment of a command, evaluated.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct OwnVariables {
    unset: BTreeSet<String>,
    set: BTreeMap<String, String>,
}

impl fmt::Debug for OwnVariables {
    /// Names only: values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.set.keys()).finish()
    }
}

impl OwnVariables {
    /// The user's variables as the project changes them.
    pub fn over(&self, env: &Environment) -> BTreeMap<OsString, OsString> {
        let kept =
            env.vars().filter(|(name, _)| !name.to_str().is_some_and(|name| self.unset.contains(name)));
        let own = self.set.iter().map(|(name, value)| (name.into(), value.into()));
        kept.map(|(name, value)| (name.to_owned(), value.to_owned())).chain(own).collect()
    }

    /// The value that the project gives a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.set.get(name).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Sample;
    use super::*;

    fn sample() -> Sample {
        Sample::new(&[
            (
                "lockstep.toml",
                "[exec]\nunset = ['GONE', 'BACK']\n[env]\nA = 'project'\nB = 'project {{ profile }}'\nC = 'project'\n",
            ),
            ("modules/alpha/module.toml", "[exec]\nunset = ['A']\n[env]\nBACK = 'module'\nC = 'module'\n"),
            (
                "profiles/base.toml",
                "[env]\nC = 'base'\nD = 'base'\n[modules.alpha.env]\nD = 'alpha {{ d }}'\n",
            ),
            (
                "profiles/prod.toml",
                "extends = ['base']\n[params]\nd = 1\n[env]\nE = \"{{ secret(env='S') }}\"\n",
            ),
        ])
    }

    fn of(sample: &Sample, unit: &str, asker: Asker) -> Result<Vec<String>, ProjectError> {
        let params = sample.params(unit, &[])?;
        let (project, unit) = (sample.project(), unit.parse().unwrap());
        let user = [("GONE", "user"), ("BACK", "user"), ("A", "user"), ("KEPT", "user"), ("B", "user")];
        let known = project.command_env(&unit, asker)?.evaluate_known(&params)?;
        let vars = known.over(&Environment::new("/", user));
        Ok(vars.iter().map(|(name, value)| format!("{}={}", name.display(), value.display())).collect())
    }

    #[test]
    fn the_nearest_layer_has_the_last_word() {
        let sample = sample();
        assert_eq!(
            of(&sample, "alpha/prod", Asker::Module).unwrap(),
            ["B=project prod", "BACK=module", "C=base", "D=alpha 1", "KEPT=user"]
        );
        assert_eq!(
            of(&sample, "alpha/prod", Asker::Project).unwrap(),
            ["A=project", "B=project prod", "C=base", "D=base", "KEPT=user"]
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_without_values() {
        let sample = sample();
        for (text, said) in [
            ("A = 'x{{ nope }}'", "profiles/prod.toml:2: `A` of [env]: `nope` is undefined"),
            ("A = '{{ [1] }}'", "profiles/prod.toml:2: "),
            ("'A-B' = ''", "profiles/prod.toml:2: `[env]`: `A-B` is no environment variable"),
            ("A = \"a\\u0000\"", "profiles/prod.toml:2: `[env]`: `A` is no environment variable"),
            ("A = '{{ \"\\u0000\" }}'", "profiles/prod.toml:2: `A` of [env]: the value holds a NUL"),
            ("A = 1", "profiles/prod.toml:2: invalid type: integer `1`, expected a string"),
        ] {
            sample.write("profiles/prod.toml", format!("[env]\n{text}\n"));
            let error = of(&sample, "alpha/prod", Asker::Module).unwrap_err().to_string();
            assert!(error.starts_with(said), "{text}: {error}");
        }
        let shown = format!(
            "{:?}",
            OwnVariables { set: [("A".into(), "hunter2".into())].into(), ..Default::default() }
        );
        assert_eq!(shown, "{\"A\"}");
    }
}
