//! `[data.NAME]`: a command whose output is data for expressions, `data.NAME`.
//!
//! It runs only if something asks for it, once, and only in a run that renders.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock, PoisonError};

use minijinja::value::{Enumerator, Object, Value};
use schemars::JsonSchema;
use serde::Deserialize;
use toml::de::{DeTable, DeValue};

use super::error::printable;
use super::exact::{self, Unreadable};
use super::params::Scope;
use super::toml_file::TomlFile;
use super::{Opaque, Place, ProjectError, expr, functions, nearest};
use crate::env::Span;

/// `[data.NAME]`
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// The program and its arguments, which may hold expressions.
    pub command: Vec<String>,
    /// What it prints is a secret.
    #[serde(default)]
    pub sensitive: bool,
    /// How long it may take; without it as long as it likes.
    #[serde(default)]
    pub timeout: Option<Span>,
    /// Where it is written.
    #[serde(skip, default = "nowhere")]
    pub place: Place,
    /// Where the words of the command are written.
    #[serde(skip)]
    pub(super) words: Vec<Place>,
}

fn nowhere() -> Place {
    Place::whole("lockstep.toml")
}

/// Where a `[data.NAME]` and the words of its command are written.
pub(super) type Places = BTreeMap<String, (Place, Vec<Place>)>;

impl DataConfig {
    /// The places of all of them, which serde would lose.
    pub(super) fn places(table: &DeTable<'_>, file: &TomlFile) -> Places {
        let Some(DeValue::Table(data)) = table.get("data").map(|value| value.get_ref()) else {
            return Places::new();
        };
        let places = data.iter().map(|(name, value)| {
            let words = match value.get_ref() {
                DeValue::Table(entry) => match entry.get("command").map(|value| value.get_ref()) {
                    Some(DeValue::Array(words)) => {
                        words.iter().map(|word| file.place(word.span().start)).collect()
                    }
                    _ => Vec::new(),
                },
                _ => Vec::new(),
            };
            (name.get_ref().to_string(), (file.place(name.span().start), words))
        });
        places.collect()
    }

    /// Puts the places back, and checks what serde cannot.
    pub(super) fn complete(
        data: &mut BTreeMap<String, Self>,
        mut places: Places,
    ) -> Result<(), ProjectError> {
        for (name, config) in data {
            if let Some((place, words)) = places.remove(name) {
                (config.place, config.words) = (place, words);
            }
            let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if !name.chars().all(word) || name.starts_with(|c: char| c.is_ascii_digit()) || name.is_empty() {
                return Err(ProjectError::config(
                    config.place.clone(),
                    format!("`{}` is not a name for data: letters, digits and `_`", name.escape_debug()),
                ));
            }
            if config.command.first().is_none_or(String::is_empty) {
                return Err(ProjectError::config(
                    config.place.clone(),
                    format!("`command` of data `{name}` names no program"),
                ));
            }
        }
        Ok(())
    }
}

/// One of them, and what it said.
pub(super) struct DataItem {
    pub(super) config: DataConfig,
    memo: OnceLock<Value>,
}

impl DataItem {
    pub(super) fn new(config: DataConfig) -> Self {
        Self { config, memo: OnceLock::new() }
    }
}

/// `data`, where any is declared.
pub(super) fn table(scope: &Arc<Scope>) -> Option<Value> {
    (!scope.outside.data.is_empty()).then(|| Value::from_object(Data(Arc::clone(scope))))
}

struct Data(Arc<Scope>);

impl fmt::Debug for Data {
    /// Nothing: values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Data")
    }
}

impl Object for Data {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        self.0.outside.reach();
        let Some((name, item)) = self.0.outside.data.get_key_value(key) else {
            return Some(unknown(key, self.0.outside.data.keys()).into());
        };
        if item.config.sensitive {
            self.0.watch.touch();
        }
        if self.0.outside.stand_ins.are_given() {
            self.0.outside.stand_ins.touch();
        }
        Some(match item.memo.get() {
            Some(value) => value.clone(),
            None => match answer(&self.0, name, item) {
                Ok(value) => item.memo.get_or_init(|| value).clone(),
                Err(error) => self.0.raise(error).into(),
            },
        })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let names: Vec<Value> = self.0.outside.data.keys().map(|name| Value::from(name.as_str())).collect();
        Enumerator::Values(names)
    }
}

fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a String>) -> minijinja::Error {
    let near = nearest(name, known.map(String::as_str));
    let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
    functions::refuse(format!("there is no data `{}`{near}", printable(name)))
}

fn answer(scope: &Arc<Scope>, name: &str, item: &DataItem) -> Result<Value, ProjectError> {
    let DataConfig { place, command, timeout, .. } = &item.config;
    let stands_in = scope.outside.stand_ins.are_given();
    if scope.outside.access.get().is_none() && !stands_in {
        return Err(ProjectError::Opaque(Opaque::Data(name.to_owned())));
    }
    let fail = |why: &str, hint: Option<String>| {
        ProjectError::config_hint(place.clone(), format!("data `{name}`: {why}"), hint)
    };
    let argv = {
        let _asking = Asking::begin(scope, name).ok_or_else(|| fail("its command needs itself", None))?;
        let words = command.iter().enumerate();
        words
            .map(|(index, word)| scope.argument(word, item.config.words.get(index).unwrap_or(place)))
            .map(|word| word.map_err(|error| expr::needed_by(error, &format!("data `{name}`"), place)))
            .collect::<Result<Vec<_>, _>>()?
    };
    if stands_in {
        return Ok(scope.outside.stand_ins.data(&argv.iter().map(String::as_str).collect::<Vec<_>>()));
    }
    let answer = scope.run_once(&argv, *timeout, place).map_err(|failure| {
        failure.error.unwrap_or_else(|| {
            let hint =
                "it runs in the project's directory with an empty standard input; see what it said above";
            fail(&failure.message, Some(hint.to_owned()))
        })
    })?;
    exact::json(&answer).map_err(|error| {
        let program = printable(&argv[0]);
        match error {
            Unreadable::Syntax(error) => fail(
                &format!(
                    "what `{program}` printed is not JSON (line {}, column {})",
                    error.line(),
                    error.column()
                ),
                Some("it must print one JSON value on standard output and nothing else".to_owned()),
            ),
            Unreadable::TooLarge => fail(
                &format!("in what `{program}` printed {}", exact::TOO_LARGE),
                Some("it can print the number as a text".to_owned()),
            ),
        }
    })
}

/// This thread works out the command of one of them: one that meets itself here needs itself.
struct Asking<'a>(&'a Scope, (std::thread::ThreadId, String));

impl<'a> Asking<'a> {
    fn begin(scope: &'a Scope, name: &str) -> Option<Self> {
        let entry = (std::thread::current().id(), name.to_owned());
        let mut asking = scope.outside.asking.lock().unwrap_or_else(PoisonError::into_inner);
        if asking.contains(&entry) {
            return None;
        }
        asking.push(entry.clone());
        Some(Self(scope, entry))
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let mut asking = self.0.outside.asking.lock().unwrap_or_else(PoisonError::into_inner);
        asking.retain(|entry| *entry != self.1);
    }
}
