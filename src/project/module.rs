//! `modules/NAME/module.toml`: a module's defaults and how it is built. It may be missing.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::command::{ModuleExecConfig, check_unset};
use super::data::DataConfig;
use super::file_schema::of_module;
use super::sensitive::Mark;
use super::toml_file::TomlFile;
use super::value::Node;
use super::{BuildConfig, ModuleSchema, Name, Need, OutputsConfig, ProjectError, UnitLockConfig, Variables};

/// What `module.toml` says.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(transform = of_module)]
pub struct ModuleConfig {
    /// One line for people.
    pub description: String,
    /// The module's defaults: the lowest layer of parameters.
    #[serde(skip)]
    pub params: Node,
    /// The profiles in which this module is a unit; without it, all.
    pub profiles: Option<Vec<Name>>,
    /// The modules whose units come before this one's, in the same profile, or in another: `vpc/shared`.
    pub needs: Vec<Need>,
    /// Words by which it can be selected: `tag:network`.
    pub tags: Vec<Name>,
    /// Commands whose output is data for expressions, by name; each replaces the project's of that name.
    pub data: BTreeMap<String, DataConfig>,
    /// Keys of parameters that are secrets.
    pub sensitive: Vec<String>,
    /// The same with their places.
    #[serde(skip)]
    pub(super) marks: Vec<Mark>,
    /// How it is rendered.
    pub build: BuildConfig,
    /// Environment variables of its commands.
    pub env: Variables,
    /// What its parameters must be, as JSON Schema.
    #[serde(skip)]
    pub schema: Option<Node>,
    /// How its commands run.
    pub exec: ModuleExecConfig,
    /// What others may use of its units.
    pub outputs: OutputsConfig,
    /// What its runs lock.
    pub lock: UnitLockConfig,
}

impl ModuleConfig {
    pub(crate) fn parse(file: &TomlFile) -> Result<Self, ProjectError> {
        let mut table = file.parse()?;
        let params = Node::take_params(table.get_mut(), file)?;
        file.refuse_expressions(table.get_ref())?;
        let variables = Variables::places(table.get_ref(), file);
        let outputs = OutputsConfig::places(table.get_ref(), file);
        let rest = BuildConfig::take_rest(table.get_mut(), file)?;
        let places = DataConfig::places(table.get_ref(), file);
        let marks = Mark::read(table.get_ref(), file)?;
        let needs = Need::places(table.get_ref(), file);
        let schema = ModuleSchema::take(table.get_mut(), file)?;
        let mut config: Self = file.decode(table, &["params", "schema", "value"])?;
        config.build.complete(rest)?;
        (config.params, config.schema, config.marks) = (params, schema, marks);
        DataConfig::complete(&mut config.data, places)?;
        Need::complete(&mut config.needs, needs);
        config.env.complete(variables)?;
        config.outputs.complete(outputs)?;
        check_unset(&config.exec.unset, &config.env, file)?;
        Ok(config)
    }
}
