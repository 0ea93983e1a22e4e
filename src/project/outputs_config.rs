//! `[outputs]` of a module: the command that prints what others may use of its units.

use schemars::JsonSchema;
use serde::Deserialize;
use toml::de::{DeTable, DeValue};

use super::toml_file::TomlFile;
use super::{Params, Place, ProjectError};
use crate::env::Span;

/// `[outputs]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OutputsConfig {
    /// The program and its arguments, which may hold expressions, run in the rendered directory; it prints a JSON object. Without
    /// it `tofu output -json`, or terraform's, whichever is there.
    pub command: Option<Vec<String>>,
    /// All that it prints is secret; what tofu and terraform mark as sensitive is so without this.
    pub sensitive: bool,
    /// How long it may take; without it as long as it likes.
    pub timeout: Option<Span>,
    /// Where the words of the command are written.
    #[serde(skip)]
    words: Vec<Place>,
}

impl OutputsConfig {
    /// Where the words of the command are written.
    pub(super) fn places(table: &DeTable<'_>, file: &TomlFile) -> Vec<Place> {
        let command = table.get("outputs").and_then(|outputs| outputs.get_ref().as_table()?.get("command"));
        match command.map(|command| (command.get_ref(), file.place(command.span().start))) {
            Some((DeValue::Array(words), place)) if words.is_empty() => vec![place],
            Some((DeValue::Array(words), _)) => {
                words.iter().map(|word| file.place(word.span().start)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Puts the places back, and checks what serde cannot.
    pub(super) fn complete(&mut self, words: Vec<Place>) -> Result<(), ProjectError> {
        self.words = words;
        match &self.command {
            Some(command) if command.first().is_none_or(String::is_empty) => {
                Err(ProjectError::config(self.place(0), "`command` of `[outputs]` names no program"))
            }
            _ => Ok(()),
        }
    }

    fn place(&self, word: usize) -> Place {
        self.words.get(word).cloned().unwrap_or_else(|| Place::whole("module.toml"))
    }

    /// For who compares two states: the same wherever it is written, and computed where it can be.
    pub(crate) fn evaluated(&self, params: &Params) -> Self {
        let command = self.command_of(params).unwrap_or_else(|_| self.command.clone());
        Self { command, words: Vec::new(), ..self.clone() }
    }

    /// Whether a word of the command is computed.
    pub(crate) fn is_computed(&self) -> bool {
        self.command.iter().flatten().any(|word| word.contains("{{"))
    }

    /// The command with its expressions evaluated by the parameters of the unit whose outputs it prints.
    ///
    /// # Errors
    /// When a word cannot be known before anything runs, said at its place.
    pub(crate) fn command_of(&self, params: &Params) -> Result<Option<Vec<String>>, ProjectError> {
        let Some(command) = &self.command else { return Ok(None) };
        let words = command.iter().enumerate();
        words.map(|(at, word)| params.argument(word, &self.place(at))).collect::<Result<_, _>>().map(Some)
    }
}
