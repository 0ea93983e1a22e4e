//! `[outputs]` of a module: the command that prints what others may use of its units.

use schemars::JsonSchema;
use serde::Deserialize;

use super::ProjectError;
use super::toml_file::TomlFile;
use crate::env::Span;

/// `[outputs]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OutputsConfig {
    /// The program and its arguments, run in the rendered directory; it prints a JSON object. Without
    /// it `tofu output -json`, or terraform's, whichever is there.
    pub command: Option<Vec<String>>,
    /// All that it prints is secret; what tofu and terraform mark as sensitive is so without this.
    pub sensitive: bool,
    /// How long it may take; without it as long as it likes.
    pub timeout: Option<Span>,
}

impl OutputsConfig {
    /// Checks what serde cannot.
    pub(super) fn check(&self, file: &TomlFile) -> Result<(), ProjectError> {
        match &self.command {
            Some(command) if command.first().is_none_or(String::is_empty) => {
                let line = file.text.lines().position(|line| line.trim_start().starts_with("[outputs]"));
                let place = super::Place::new(std::sync::Arc::clone(&file.name), line.unwrap_or(0) + 1);
                Err(ProjectError::config(place, "`command` of `[outputs]` names no program"))
            }
            _ => Ok(()),
        }
    }
}
