//! `[[build.file]]` in module.toml: a file that is made from data instead of a template.

use schemars::JsonSchema;
use serde::Deserialize;
use toml::de::{DeTable, DeValue};

use super::encode::Format;
use super::file_schema::of_build_file;
use super::strict::hcl;
use super::toml_file::TomlFile;
use super::value::{Data, Node};
use super::{Place, ProjectError};

/// One `[[build.file]]`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = of_build_file)]
pub struct BuildFile {
    /// Where it goes, relative to the unit's directory; may hold expressions.
    pub path: String,
    /// How it is written; without it the path's ending says.
    #[serde(default)]
    pub format: Option<Format>,
    /// The parameter that it holds.
    #[serde(default)]
    pub from: Option<String>,
    /// What it holds, if not a parameter.
    #[serde(skip)]
    pub value: Option<Node>,
    /// Where it is written.
    #[serde(skip, default = "nowhere")]
    pub place: Place,
}

fn nowhere() -> Place {
    Place::whole("module.toml")
}

impl BuildFile {
    /// Takes the values out of the tree, in which serde could not keep track of their places.
    pub(crate) fn take_values(
        table: &mut DeTable<'_>,
        file: &TomlFile,
    ) -> Result<Vec<(Option<Node>, Place)>, ProjectError> {
        let Some(DeValue::Table(build)) = table.get_mut("build").map(|value| value.get_mut()) else {
            return Ok(Vec::new());
        };
        let Some(DeValue::Array(files)) = build.get_mut("file").map(|value| value.get_mut()) else {
            return Ok(Vec::new());
        };
        let mut taken = Vec::new();
        for entry in files.iter_mut() {
            let place = file.place(entry.span().start);
            let value = match entry.get_mut() {
                DeValue::Table(entry) => entry.remove("value"),
                _ => None,
            };
            let value = value.map(|value| Node::read_plain(&value, file)).transpose()?;
            taken.push((value, place));
        }
        Ok(taken)
    }

    /// Puts the value back, and checks what serde cannot.
    pub(crate) fn complete(&mut self, (value, place): (Option<Node>, Place)) -> Result<(), ProjectError> {
        (self.value, self.place) = (value, place);
        let refuse = |message: &str, hint: &str| {
            Err(ProjectError::config_hint(self.place.clone(), message, Some(hint.to_owned())))
        };
        match (&self.value, &self.from) {
            (Some(_), Some(_)) => refuse("`value` and `from` exclude each other", "leave one of them out"),
            (None, None) => refuse(
                "this file has neither `value` nor `from`",
                "`value = { … }` is what it holds, `from = \"KEY\"` the parameter that it holds",
            ),
            _ if self.format().is_none() => refuse(
                "the path's ending does not say how this file is written",
                "add `format = \"json\"`, `\"yaml\"` or `\"toml\"`",
            ),
            _ => Ok(()),
        }
    }

    /// Where a text gets into the file by way of a parameter that HCL would compute. What is written out in
    /// `value` is meant so: that is how JSON refers to other things of tofu.
    pub(crate) fn computed_text(&self, value: &serde_json::Value) -> Option<Place> {
        match &self.value {
            Some(node) => computed(node, value),
            None => holds_template(value).then(|| self.place.clone()),
        }
    }

    /// How it is written.
    pub fn format(&self) -> Option<Format> {
        self.format.or_else(|| Format::of_ending(&self.path))
    }
}

fn computed(node: &Node, value: &serde_json::Value) -> Option<Place> {
    use serde_json::Value;
    match (&node.data, value) {
        (Data::Text(text), value) if text.contains("{{") => holds_template(value).then(|| node.place.clone()),
        (Data::List(nodes), Value::Array(items)) => {
            nodes.iter().zip(items).find_map(|(node, item)| computed(node, item))
        }
        (Data::Table { entries, .. }, Value::Object(values)) => {
            entries.iter().find_map(|(key, node)| computed(node, values.get(key)?))
        }
        _ => None,
    }
}

/// Whether HCL would compute a text in the data, names among them.
fn holds_template(value: &serde_json::Value) -> bool {
    use serde_json::Value;
    match value {
        Value::String(text) => hcl::evaluates(text),
        Value::Array(items) => items.iter().any(holds_template),
        Value::Object(entries) => {
            entries.iter().any(|(key, value)| hcl::evaluates(key) || holds_template(value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
