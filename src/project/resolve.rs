//! Data of the configuration with its expressions evaluated.

use serde_json::Value;

use super::error::printable;
use super::params::ItemData;
use super::value::{Data, Node};
use super::{Params, Place, ProjectError, expr, nearest, strict};

impl Params {
    /// A value that is written outside of the parameters, its expressions evaluated.
    ///
    /// # Errors
    /// The first expression that cannot be evaluated.
    pub(crate) fn resolve(&self, node: &Node) -> Result<Value, ProjectError> {
        Ok(match &node.data {
            Data::Null | Data::Unset | Data::Misplaced(_) => Value::Null,
            Data::Bool(truth) => Value::Bool(*truth),
            Data::Int(number) => (*number).into(),
            Data::Float(number) => {
                serde_json::Number::from_f64(*number).map(Value::Number).ok_or_else(|| {
                    ProjectError::config(node.place.clone(), "this number cannot be written as data")
                })?
            }
            Data::Text(text) if text.contains("{{") => self.evaluate(text, &node.place)?,
            Data::Text(text) | Data::Datetime(text) => Value::String(text.clone()),
            Data::List(items) | Data::Append(items) => {
                items.iter().map(|item| self.resolve(item)).collect::<Result<_, _>>()?
            }
            Data::Table { entries, .. } => entries
                .iter()
                .map(|(key, node)| Ok((key.clone(), self.resolve(node)?)))
                .collect::<Result<_, ProjectError>>()?,
        })
    }

    /// A text of the configuration as one value: an expression that stands alone keeps its type.
    ///
    /// # Errors
    /// When an expression in it cannot be evaluated.
    pub(crate) fn evaluate(&self, text: &str, place: &Place) -> Result<Value, ProjectError> {
        let value = expr::evaluate(text, place, self.context());
        self.scope.outside.stand_ins.judge(text);
        let value = value.map_err(|error| self.failure().unwrap_or_else(|| self.scope.redacted(error)))?;
        self.json(&value, place)
    }

    /// The parameter of a dotted key, evaluated; `place` is where it is asked for.
    ///
    /// # Errors
    /// When there is none, or it cannot be evaluated.
    pub(crate) fn lookup(&self, key: &str, place: &Place) -> Result<Value, ProjectError> {
        let path = super::key::parse(key);
        let index = path.and_then(|path| self.index(path.iter().map(String::as_str)));
        let Some(index) = index else {
            let items = self.scope.items.iter().map(|item| item.key.as_str());
            let hint = nearest(key, items).map(|near| format!("did you mean `{}`?", printable(near)));
            let message = format!("there is no parameter `{}`", printable(key));
            return Err(ProjectError::config_hint(place.clone(), message, hint));
        };
        self.json(&self.scope.value(index), place)
    }

    /// The parameter of a key at the top, which is a name and no path; `place` is where it is written.
    pub(super) fn top(&self, key: &str, place: &Place) -> Result<Value, ProjectError> {
        let index = self.index([key]).unwrap_or_default();
        self.json(&self.scope.value(index), place)
    }

    /// The value at a path of keys, if there is one.
    pub(super) fn index<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> Option<usize> {
        path.into_iter().try_fold(0, |index, key| match &self.scope.items[index].data {
            ItemData::Table(entries) => entries.get(key).copied(),
            _ => None,
        })
    }

    /// An evaluated value as JSON; an expression inside that fails is the error.
    pub(super) fn json(&self, value: &minijinja::Value, place: &Place) -> Result<Value, ProjectError> {
        let json = strict::to_json(value);
        match (self.failure(), json) {
            (Some(failure), _) => Err(failure),
            (None, Ok(json)) => Ok(json),
            (None, Err(error)) => Err(ProjectError::config(place.clone(), strict::describe(&error))),
        }
    }
}
