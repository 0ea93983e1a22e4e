//! `profiles/NAME.toml`, and the chain of profiles that one extends.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;
use toml::de::DeValue;

use super::error::{not_counted, which_ignores};
use super::file_schema::with_params;
use super::sensitive::Mark;
use super::toml_file::TomlFile;
use super::value::Node;
use super::{Name, Place, Project, ProjectError, UnitLockConfig, Variables};

/// One profile's file.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    /// One line for people.
    pub(crate) description: String,
    pub(crate) is_abstract: bool,
    pub(crate) place: Place,
    pub(crate) overrides: Option<OverridePolicy>,
    /// Keys of parameters that are secrets.
    pub(super) sensitive: Vec<Mark>,
    pub(crate) params: Node,
    /// Variables of the commands of all modules.
    pub(super) env: Variables,
    pub(crate) modules: BTreeMap<Name, ProfileModule>,
    pub(crate) extends: Vec<(Name, Place)>,
}

/// What a profile says about one module.
#[derive(Clone, Debug)]
pub(crate) struct ProfileModule {
    pub(crate) place: Place,
    pub(crate) enabled: Option<bool>,
    pub(crate) params: Node,
    /// Variables of the module's commands.
    pub(super) env: Variables,
    pub(crate) lock: UnitLockConfig,
}

/// Whether parameters may come from outside the repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OverridePolicy {
    /// They may, and are shown and recorded.
    Allow,
    /// They may not.
    Deny,
}

/// What a profile's file says.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Profile", transform = with_params)]
pub(super) struct Raw {
    /// One line for people.
    description: String,
    /// Whether it is there only to be extended, and makes no units.
    #[serde(rename = "abstract")]
    is_abstract: bool,
    /// The profiles below this one, in this order.
    #[schemars(with = "Vec<Name>")]
    extends: Vec<Spanned<Name>>,
    /// Whether parameters may come from outside the repository.
    overrides: Option<OverridePolicy>,
    /// Keys of parameters that are secrets.
    sensitive: Vec<String>,
    /// Environment variables of commands, above those of lockstep.toml and module.toml.
    env: Variables,
    /// What it says about single modules.
    #[schemars(with = "BTreeMap<Name, RawModule>")]
    modules: BTreeMap<Spanned<Name>, RawModule>,
}

/// `[modules.NAME]`
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "ProfileModule", transform = with_params)]
struct RawModule {
    /// Whether the module is a unit in this profile.
    enabled: Option<bool>,
    /// Environment variables of the module's commands.
    env: Variables,
    lock: UnitLockConfig,
}

impl Profile {
    fn parse(file: &TomlFile) -> Result<Self, ProjectError> {
        let mut table = file.parse()?;
        let params = Node::take_params(table.get_mut(), file)?;
        let variables = Variables::places(table.get_ref(), file);
        let mut of_modules = BTreeMap::new();
        if let Some(modules) = table.get_mut().get_mut("modules")
            && let DeValue::Table(modules) = modules.get_mut()
        {
            for (name, value) in modules.iter_mut() {
                if let DeValue::Table(module) = value.get_mut() {
                    let own = (Node::take_params(module, file)?, Variables::places(module, file));
                    of_modules.insert(name.get_ref().clone().into_owned(), own);
                }
            }
        }
        file.refuse_expressions(table.get_ref())?;
        let sensitive = Mark::read(table.get_ref(), file)?;
        let mut raw: Raw = file.decode(table, &["params"])?;
        raw.env.complete(variables)?;
        let mut modules = BTreeMap::new();
        for (name, RawModule { enabled, mut env, lock }) in raw.modules {
            let (params, variables) = of_modules.remove(name.get_ref().as_str()).unwrap_or_default();
            let place = file.place(name.span().start);
            env.complete(variables)?;
            modules.insert(name.into_inner(), ProfileModule { place, enabled, params, env, lock });
        }
        let extends = raw
            .extends
            .into_iter()
            .map(|name| {
                let place = file.place(name.span().start);
                (name.into_inner(), place)
            })
            .collect();
        Ok(Self {
            description: raw.description,
            is_abstract: raw.is_abstract,
            place: file.place(0),
            overrides: raw.overrides,
            sensitive,
            params,
            env: raw.env,
            modules,
            extends,
        })
    }
}

impl Project {
    /// The profile and all that it extends, lowest first, each once at its lowest position.
    pub(crate) fn chain(&self, profile: &Name) -> Result<Vec<Profile>, ProjectError> {
        let mut walk = Walk { project: self, done: Vec::new(), path: Vec::new(), chain: Vec::new() };
        walk.visit(profile, None)?;
        for profile in &walk.chain {
            for (name, module) in &profile.modules {
                if !self.has_module(name) {
                    let known = self.modules()?;
                    let hint = super::nearest(name.as_str(), known.iter().map(Name::as_str))
                        .map(|near| format!("did you mean `{near}`?"));
                    let message = format!("there is no module `{name}`");
                    return Err(ProjectError::config_hint(module.place.clone(), message, hint));
                }
            }
        }
        Ok(walk.chain)
    }
}

struct Walk<'a> {
    project: &'a Project,
    done: Vec<Name>,
    /// From the unit's profile down: each name with the place that names it.
    path: Vec<(Name, Option<Place>)>,
    chain: Vec<Profile>,
}

impl Walk<'_> {
    fn visit(&mut self, name: &Name, named_at: Option<Place>) -> Result<(), ProjectError> {
        if self.done.contains(name) {
            return Ok(());
        }
        if let Some(start) = self.path.iter().position(|(seen, _)| seen == name) {
            return Err(self.cycle(start, name, named_at));
        }
        let path = format!("profiles/{name}.toml");
        let Some(file) = TomlFile::read(self.project.files(), &path)? else {
            return Err(match named_at {
                None => self.project.unknown("profile", name.as_str()),
                Some(place) => {
                    let known = self.project.profiles()?;
                    let ignored = self.project.files().ignores(&path).then_some(&path);
                    let near = super::nearest(name.as_str(), known.iter().map(Name::as_str));
                    let hint = match (&ignored, near) {
                        (Some(path), _) => which_ignores(path.as_str()),
                        (None, Some(near)) => format!("did you mean `{near}`?"),
                        (None, None) => format!("name one that exists, or create `{path}`"),
                    };
                    ProjectError::config_hint(
                        place,
                        format!(
                            "`extends` names `{name}`, and there is no such profile{}",
                            not_counted(ignored.map(String::as_str))
                        ),
                        Some(hint),
                    )
                }
            });
        };
        let profile = Profile::parse(&file)?;
        self.path.push((name.clone(), named_at));
        for (parent, place) in &profile.extends {
            self.visit(parent, Some(place.clone()))?;
        }
        self.path.pop();
        self.done.push(name.clone());
        self.chain.push(profile);
        Ok(())
    }

    /// `prod -> base (profiles/prod.toml:1) -> prod (profiles/base.toml:2)`
    fn cycle(&self, start: usize, name: &Name, named_at: Option<Place>) -> ProjectError {
        let mut text = self.path[start].0.to_string();
        let rest = self.path[start + 1..].iter().map(|(name, place)| (name, place.as_ref()));
        for (name, place) in rest.chain([(name, named_at.as_ref())]) {
            text.push_str(&format!(" -> {name}"));
            if let Some(place) = place {
                text.push_str(&format!(" ({place})"));
            }
        }
        let place = named_at.unwrap_or_else(|| Place::whole(format!("profiles/{name}.toml")));
        ProjectError::config(place, format!("profiles extend each other in a circle: {text}"))
    }
}
