//! `[[build.when]]` in module.toml: files that are made under a condition.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Params, Place, ProjectError};

/// One `[[build.when]]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BuildWhen {
    /// The files, as globs: sources by their names in the module, `[[build.file]]` by their paths as
    /// they are written.
    pub files: Vec<String>,
    /// The condition: one expression that is true or false.
    #[serde(rename = "if")]
    pub condition: String,
    /// Where it is written.
    #[serde(skip, default = "nowhere")]
    pub place: Place,
}

fn nowhere() -> Place {
    Place::whole("module.toml")
}

impl BuildWhen {
    /// Whether the files are made.
    ///
    /// # Errors
    /// When the condition cannot be evaluated, is neither true nor false, or is a secret: whether a
    /// file is there cannot be hidden.
    pub(crate) fn holds(&self, params: &Params) -> Result<bool, ProjectError> {
        let (value, secret) = params.watch(|| params.evaluate(&self.condition, &self.place));
        let refuse = |message: &str, hint: &str| {
            Err(ProjectError::config_hint(self.place.clone(), message, Some(hint.to_owned())))
        };
        if secret {
            return refuse(
                "`if` depends on a sensitive parameter, and whether a file is there shows it",
                "decide by another parameter",
            );
        }
        match value? {
            serde_json::Value::Bool(truth) => Ok(truth),
            _ => refuse(
                "`if` is neither true nor false",
                "it is one expression, such as `\"{{ db.enabled }}\"` or `\"{{ replicas > 1 }}\"`",
            ),
        }
    }
}
