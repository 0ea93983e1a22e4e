//! `outputs.NAME.KEY` in expressions: what a unit's output command printed, read when it is asked for.
//!
//! What must hold: a value comes from the command or there is none; a missing one ends the run with
//! the file and line that asked. What a tool marks as sensitive is a secret from here on.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use minijinja::value::{Object, Value, ValueKind};

use super::access::Question;
use super::ask::Asked;
use super::error::printable;
use super::exact::{self, Unreadable};
use super::output_names::WORD;
use super::params::{ItemData, Scope};
use super::{Opaque, Params, Place, ProjectError, UnitId, functions, nearest};
use crate::env::Span;

/// How the outputs of a unit are asked for.
#[derive(Clone, Debug)]
pub struct OutputCommand {
    /// The unit whose outputs they are.
    pub unit: UnitId,
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Where it runs: the unit's rendered directory, absolute.
    pub directory: PathBuf,
    /// Its whole environment.
    pub env: Vec<(OsString, OsString)>,
    /// How long it may take.
    pub timeout: Option<Span>,
    /// All that it prints is secret.
    pub sensitive: bool,
    /// Keeps the directory as it is while the command runs.
    pub guard: Option<Arc<OwnedFd>>,
    /// Who asks, where an answer to somebody else counts for nothing.
    pub asker: String,
    /// The project says the command: what it prints may be secret, be it that it is no JSON.
    pub is_own: bool,
    /// What to type so that the unit has outputs.
    pub cure: String,
    /// What to type if they cannot be read.
    pub cure_unreadable: String,
}

/// Prepares the question for the outputs of a NAME as it is written, used at a place.
pub type OutputSource = Arc<dyn Fn(&str, &Place) -> Result<OutputCommand, ProjectError> + Send + Sync>;

impl Params {
    /// Lets parameters read the outputs of other units.
    #[must_use]
    pub fn with_outputs(self, source: OutputSource) -> Self {
        // Whoever says it first is right: nobody says it twice.
        let _ = self.scope.outside.outputs.set(source);
        self
    }
}

/// `outputs` where a parameter is evaluated.
pub(super) fn of_parameter(scope: &Arc<Scope>) -> Value {
    Value::from_object(Outputs(Arc::clone(scope)))
}

/// `outputs` anywhere else: whose a unit uses is found in its parameters alone.
pub(super) fn elsewhere(_: &Arc<Scope>) -> Option<Value> {
    let why = "`outputs` is for parameters: let one be `{{ outputs.MODULE.KEY }}`, and use that";
    Some(functions::refuse(why).into())
}

/// The place of what is no parameter: of a template, or of a setting in module.toml.
pub(super) const AN_EXPRESSION: &str = "an expression";

struct Outputs(Arc<Scope>);
struct Unit(Arc<Scope>, String);

impl fmt::Debug for Outputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outputs")
    }
}

impl fmt::Debug for Unit {
    /// Nothing: values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unit")
    }
}

impl Object for Outputs {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some(Value::from_object(Unit(Arc::clone(&self.0), key.as_str()?.to_owned())))
    }
}

impl Object for Unit {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let (scope, key) = (&self.0, key.as_str()?);
        scope.outside.reach();
        let stand_ins = &scope.outside.stand_ins;
        if stand_ins.are_given() {
            return Some(stand_ins.data(&["outputs", &self.1, key]));
        }
        Some(match read(scope, &self.1, key) {
            Ok((value, sensitive)) => {
                if sensitive {
                    scope.watch.touch();
                    reveal(scope, &value);
                }
                value
            }
            Err(error) => scope.raise(error).into(),
        })
    }
}

/// Every text in a secret is one.
fn reveal(scope: &Scope, value: &Value) {
    if let Some(text) = value.as_str() {
        scope.watch.reveal(text);
    }
    let is_table = value.kind() == ValueKind::Map;
    for item in value.try_iter().into_iter().flatten().filter(|_| value.as_object().is_some()) {
        match is_table {
            true => reveal(scope, &value.get_item(&item).unwrap_or_default()),
            false => reveal(scope, &item),
        }
    }
}

/// One output, and whether it is a secret.
fn read(scope: &Arc<Scope>, name: &str, key: &str) -> Result<(Value, bool), ProjectError> {
    let place = scope.asking_place();
    let Some(source) = scope.outside.outputs.get() else {
        let of = match scope.outside.stages.get(name) {
            Some(unit) => unit.to_string(),
            None if name.contains('/') => name.to_owned(),
            None => format!("{name}/{}", scope.profile()),
        };
        return Err(ProjectError::Opaque(Opaque::Output(printable(&of))));
    };
    if scope.has_failed() {
        return Err(ProjectError::config(place, "something else has failed before"));
    }
    let command = source(name, &place)?;
    let fail = |why: &str| {
        let message = format!("output `{}` of `{}` cannot be read: {why}", printable(key), command.unit);
        ProjectError::config_hint(place.clone(), message, Some(command.cure_unreadable.clone()))
    };
    let program = command.argv.first().map_or_else(String::new, |program| printable(program));
    let bytes = scope.outputs_once(&command).map_err(|failure| match failure.error {
        Some(error @ ProjectError::Interrupted { .. }) => error,
        _ => fail(&failure.message),
    })?;
    let mut values = Values::parse(&bytes).map_err(|why| {
        let said = said_instead(&bytes).filter(|_| !command.is_own);
        let said = said.map_or_else(String::new, |line| format!("; it begins with: {line}"));
        fail(&format!("what `{program}` printed {why}{said}"))
    })?;
    if values.0.is_empty() {
        let message = format!(
            "`{}` has no output `{}`, nor any other: it has probably never been applied",
            command.unit,
            printable(key)
        );
        return Err(ProjectError::config_hint(place, message, Some(command.cure)));
    }
    match values.0.remove(key) {
        Some((value, sensitive)) => Ok((value, sensitive || command.sensitive)),
        None => {
            let known: Vec<&str> = values.0.keys().map(String::as_str).collect();
            let near = nearest(key, known.iter().copied())
                .map(|near| format!("did you mean `{}`?", printable(near)));
            let there: Vec<String> =
                known.iter().take(20).map(|key| format!("`{}`", printable(key))).collect();
            let message =
                format!("`{}` has no output `{}`; it has {}", command.unit, printable(key), there.join(", "));
            Err(ProjectError::config_hint(place, message, near.or(Some(command.cure))))
        }
    }
}

impl Scope {
    /// Whether `outputs` means the outputs of units, and is no parameter.
    pub(super) fn has_outputs(&self) -> bool {
        !matches!(&self.items[0].data, ItemData::Table(entries) if entries.contains_key(WORD))
    }

    /// The unit's profile.
    pub(super) fn profile(&self) -> &str {
        self.given.get("profile").and_then(Value::as_str).unwrap_or_default()
    }

    /// Where the parameter is written that this thread evaluates now; [`AN_EXPRESSION`] if it is none.
    pub(super) fn asking_place(&self) -> Place {
        let thread = std::thread::current().id();
        let active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        let last = active.iter().rev().find(|(other, _)| *other == thread);
        last.map_or_else(|| Place::whole(AN_EXPRESSION), |(_, index)| self.items[*index].place.clone())
    }

    /// What the command prints, once in a run.
    fn outputs_once(&self, command: &OutputCommand) -> Result<super::access::Answer, super::ask::Failure> {
        let (directory, argv) = (command.directory.clone(), command.argv.clone());
        let question = Question::Outputs { directory, argv, asker: command.asker.clone() };
        self.ask_once(question, || Asked {
            argv: &command.argv,
            env: command.env.clone(),
            directory: &command.directory,
            timeout: command.timeout,
            keep_open: command.guard.iter().cloned().collect(),
            typed: false,
        })
    }
}

/// The first line that says something, of an output that was not begun as JSON: a warning, mostly.
fn said_instead(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let begun = text.trim_start().starts_with(['{', '[', '"']);
    let mut lines = text.lines().filter(|line| line.contains(char::is_alphanumeric));
    lines.next().filter(|_| !begun).map(|line| printable(line.trim()))
}

/// What a command printed, by name, each with whether the tool calls it sensitive.
struct Values(BTreeMap<String, (Value, bool)>);

impl Values {
    /// Reads `{"x": {"value": …, "sensitive": …}}` as tofu and terraform print it, or any other JSON
    /// object as it is. The error says what was printed, and nothing of it.
    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let table = exact::json(bytes).map_err(|error| match error {
            Unreadable::Syntax(error) => {
                format!("is not JSON (line {}, column {})", error.line(), error.column())
            }
            Unreadable::TooLarge => format!("cannot be used: {}", exact::TOO_LARGE),
        })?;
        if table.kind() != ValueKind::Map {
            return Err("is no JSON object".to_owned());
        }
        let field = |value: &Value, name: &str| match value.kind() {
            ValueKind::Map => value.get_attr(name).ok().filter(|field| !field.is_undefined()),
            _ => None,
        };
        let names = table.try_iter().into_iter().flatten();
        let entries: Vec<(String, Value)> =
            names.filter_map(|name| Some((name.as_str()?.to_owned(), table.get_item(&name).ok()?))).collect();
        let all_wrapped = entries.iter().all(|(_, value)| {
            field(value, "value").is_some()
                && field(value, "sensitive").is_some_and(|mark| mark.kind() == ValueKind::Bool)
        });
        let values = entries.into_iter().map(|(key, value)| match all_wrapped {
            true => {
                let sensitive = field(&value, "sensitive").is_some_and(|mark| mark.is_true());
                (key, (field(&value, "value").unwrap_or_default(), sensitive))
            }
            false => (key, (value, false)),
        });
        Ok(Self(values.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::strict;
    use super::*;
    use serde_json::json;

    #[test]
    fn the_form_of_tofu_is_taken_apart_and_any_other_object_is_as_it_is() {
        let values = |text: &str| Values::parse(text.as_bytes()).map(|values| values.0);
        let tofu = values(
            r#"{"a": {"sensitive": false, "type": "string", "value": "x"}, "b": {"sensitive": true, "value": [1]}}"#,
        );
        let tofu = tofu.unwrap();
        let of = |value: serde_json::Value, sensitive| (strict::from_json(value), sensitive);
        assert_eq!((&tofu["a"], &tofu["b"]), (&of(json!("x"), false), &of(json!([1]), true)));
        let other = values(r#"{"a": {"value": 1}, "b": null}"#).unwrap();
        assert_eq!((&other["a"], &other["b"]), (&of(json!({ "value": 1 }), false), &of(json!(null), false)));
        let large = values(r#"{"a": {"sensitive": false, "value": 12345678901234567890123}}"#).unwrap();
        assert_eq!(large["a"].0.to_string(), "12345678901234567890123");
        assert!(values("{}").unwrap().is_empty());
        assert_eq!(values("[]").unwrap_err(), "is no JSON object");
        assert_eq!(values("{\"hunter2").unwrap_err(), "is not JSON (line 1, column 9)");
    }
}
