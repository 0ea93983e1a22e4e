//! `modules/NAME/module.toml`: a module's defaults and how it is built. It may be missing.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::config::check_env;
use super::toml_file::TomlFile;
use super::value::Node;
use super::{BuildFile, Name, ProjectError, UnitLockConfig};

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
    /// What its runs lock.
    pub lock: UnitLockConfig,
}

/// `[build]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BuildConfig {
    /// Files that are copied as they are, as globs relative to the module.
    pub raw: Vec<String>,
    /// Files that make no output, as globs; they can still be included by others.
    pub exclude: Vec<String>,
    /// Other delimiters, for tools that use `{{ }}` themselves.
    pub delimiters: Delimiters,
    /// Files that are made from data.
    pub file: Vec<BuildFile>,
}

/// `[build] delimiters`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Delimiters {
    /// Around an expression.
    pub variable: [String; 2],
    /// Around a statement.
    pub block: [String; 2],
    /// Around a comment.
    pub comment: [String; 2],
}

impl Default for Delimiters {
    fn default() -> Self {
        let pair = |a: &str, b: &str| [a.to_owned(), b.to_owned()];
        Self { variable: pair("{{", "}}"), block: pair("{%", "%}"), comment: pair("{#", "#}") }
    }
}

impl ModuleConfig {
    pub(crate) fn parse(file: &TomlFile) -> Result<Self, ProjectError> {
        let mut table = file.parse()?;
        let params = Node::take_params(table.get_mut(), file)?;
        let values = BuildFile::take_values(table.get_mut(), file)?;
        let mut config: Self = file.decode(table, &["params", "value"])?;
        for (made, value) in config.build.file.iter_mut().zip(values) {
            made.complete(value)?;
        }
        config.params = params;
        check_env(&config.env, file)?;
        Ok(config)
    }
}
