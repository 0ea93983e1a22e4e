//! `modules/NAME/module.toml`: a module's defaults and how it is built. It may be missing.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::config::check_env;
use super::toml_file::TomlFile;
use super::value::Node;
use super::{BuildConfig, Name, ProjectError};

/// What `module.toml` says.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModuleConfig {
    /// The module's defaults: the lowest layer of parameters.
    #[serde(skip)]
    pub params: Node,
    /// The profiles in which this module is a unit; without it, all.
    pub profiles: Option<Vec<Name>>,
    /// Keys of parameters that are secrets.
    pub sensitive: Vec<String>,
    /// How it is rendered.
    pub build: BuildConfig,
    /// Environment variables of its commands.
    pub env: BTreeMap<String, String>,
}

impl ModuleConfig {
    pub(crate) fn parse(file: &TomlFile) -> Result<Self, ProjectError> {
        let mut table = file.parse()?;
        let params = Node::take_params(table.get_mut(), file)?;
        let rest = BuildConfig::take_rest(table.get_mut(), file)?;
        let mut config: Self = file.decode(table, &["params", "value"])?;
        config.build.complete(rest)?;
        config.params = params;
        check_env(&config.env, file)?;
        Ok(config)
    }
}
