//! What a module says its parameters must be: a JSON Schema in `modules/NAME/schema.json`, or in
//! `[schema]` of module.toml.
//!
//! A schema is data of the project and untrusted: nothing that it refers to is fetched or read, only
//! `#/…` within it is followed.

use std::collections::BTreeMap;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{ReferencingError, ValidationError, Validator};
use serde_json::Value;
use serde_json::value::RawValue;
use toml::de::DeTable;

use super::toml_file::TomlFile;
use super::value::{Data, Node};
use super::violation::expectation;
use super::{ModuleConfig, Name, Place, Project, ProjectError};

/// The file of that name in a module's directory is its schema, and makes no output.
pub const SCHEMA_FILE: &str = "schema.json";

/// Keywords at the top of a schema that concern no parameter but those named under `properties` and
/// `required`. Any other may concern every parameter.
const NAMED_ONLY: &[&str] = &[
    "$schema",
    "$id",
    "$comment",
    "$defs",
    "definitions",
    "title",
    "description",
    "type",
    "properties",
    "required",
    "default",
    "examples",
];

/// A module's schema, and where everything in it is written.
pub struct ModuleSchema {
    json: Value,
    source: Source,
}

enum Source {
    /// `schema.json`: its text.
    Json(TomlFile),
    /// `[schema]`.
    Toml(Node),
}

impl Project {
    /// A module's schema, if it has one.
    ///
    /// # Errors
    /// When it is no table of JSON or TOML, or stands in both places.
    pub fn module_schema(&self, module: &Name) -> Result<Option<ModuleSchema>, ProjectError> {
        self.schema_of(module, &self.module_config(module)?)
    }

    /// The schema of a module whose module.toml says this.
    pub(crate) fn schema_of(
        &self,
        module: &Name,
        config: &ModuleConfig,
    ) -> Result<Option<ModuleSchema>, ProjectError> {
        let path = format!("modules/{}/{SCHEMA_FILE}", self.source_of(module));
        let file = TomlFile::read(self.files(), &path)?;
        match (file, config.schema.clone()) {
            (None, None) => Ok(None),
            (None, Some(node)) => ModuleSchema::of_table(node).map(Some),
            (Some(file), None) => ModuleSchema::of_file(file).map(Some),
            (Some(_), Some(node)) => Err(ProjectError::config_hint(
                node.place,
                format!("this module has a `[schema]` and `{path}`"),
                Some("keep one of them".into()),
            )),
        }
    }
}

impl ModuleSchema {
    /// Takes `[schema]` out of the tree of module.toml.
    pub(super) fn take(table: &mut DeTable<'_>, file: &TomlFile) -> Result<Option<Node>, ProjectError> {
        table.remove("schema").map(|value| Node::read_plain(&value, file)).transpose()
    }

    fn of_table(node: Node) -> Result<Self, ProjectError> {
        let schema = Self { json: plain(&node)?, source: Source::Toml(node) };
        schema.checked()
    }

    fn of_file(file: TomlFile) -> Result<Self, ProjectError> {
        let json = serde_json::from_str(&file.text).map_err(|error| {
            let place = Place::new(file.name.clone(), error.line().max(1));
            ProjectError::config(place, "this is not valid JSON")
        })?;
        Self { json, source: Source::Json(file) }.checked()
    }

    fn checked(self) -> Result<Self, ProjectError> {
        if self.json.is_object() {
            return Ok(self);
        }
        Err(ProjectError::config(self.place(""), "a schema of parameters is a table"))
    }

    /// The file that it stands in, relative to the project.
    pub fn file(&self) -> String {
        self.place("").file().to_owned()
    }

    /// The schema as JSON.
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// Whether the schema says anything about the parameter of that name at the top.
    pub(super) fn concerns(&self, key: &str) -> bool {
        let Some(table) = self.json.as_object() else { return true };
        let named = || {
            self.json["properties"].get(key).is_some()
                || self.json["required"].as_array().is_some_and(|keys| keys.iter().any(|k| k == key))
        };
        !table.keys().all(|keyword| NAMED_ONLY.contains(&keyword.as_str())) || named()
    }

    /// What the schema demands, ready to be asked.
    pub(super) fn validator(&self) -> Result<Validator, ProjectError> {
        let options = jsonschema::options().offline().should_validate_formats(true);
        options.build(&self.json).map_err(|error| self.invalid(&error))
    }

    fn invalid(&self, error: &ValidationError<'_>) -> ProjectError {
        let ValidationErrorKind::Referencing(broken) = error.kind() else {
            let path = error.instance_path().as_str();
            let message = format!("this schema is not valid: {}", expectation(error, "it"));
            return ProjectError::config(self.place(path), message);
        };
        let (wanted, why): (&dyn Fn(&str) -> bool, _) = match broken {
            ReferencingError::PointerToNowhere { pointer } => {
                (&move |to: &str| to.ends_with(pointer.as_str()), "leads to nothing in this schema")
            }
            ReferencingError::NoSuchAnchor { anchor } => {
                (&move |to: &str| to.ends_with(anchor.as_str()), "leads to nothing in this schema")
            }
            _ => (
                &|to: &str| !to.starts_with('#'),
                "leads out of this schema, and only `#/…` within it is followed",
            ),
        };
        let (path, to) = reference(&self.json, "", wanted).unwrap_or_default();
        let why =
            if path.ends_with("/$schema") { "is no draft of JSON Schema that lockstep knows" } else { why };
        let to: String = to.escape_debug().take(80).collect();
        ProjectError::config(self.place(&path), format!("`{to}` {why}"))
    }

    /// Where a part of the schema is written, by its JSON pointer.
    pub(super) fn place(&self, pointer: &str) -> Place {
        match &self.source {
            Source::Toml(node) => deepest(node, pointer).place.clone(),
            Source::Json(file) => file.place(offset(&file.text, pointer)),
        }
    }
}

/// The keys of a JSON pointer.
pub(super) fn segments(pointer: &str) -> impl Iterator<Item = String> {
    pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~"))
}

/// The node that a JSON pointer leads to, or the last one on the way to it.
pub(super) fn deepest<'a>(node: &'a Node, pointer: &str) -> &'a Node {
    let mut at = node;
    for key in segments(pointer) {
        let next = match &at.data {
            Data::Table { entries, .. } => entries.get(&key),
            Data::List(items) => key.parse().ok().and_then(|index: usize| items.get(index)),
            _ => None,
        };
        let Some(next) = next else { break };
        at = next;
    }
    at
}

/// Where in the text of a JSON document the value begins that a pointer leads to, or the last one on
/// the way to it.
fn offset(text: &str, pointer: &str) -> usize {
    let Ok(mut at) = serde_json::from_str::<&RawValue>(text) else { return 0 };
    for key in segments(pointer) {
        let next = if at.get().starts_with('[') {
            let items: Vec<&RawValue> = serde_json::from_str(at.get()).unwrap_or_default();
            key.parse().ok().and_then(|index: usize| items.get(index).copied())
        } else {
            let entries: BTreeMap<String, &RawValue> = serde_json::from_str(at.get()).unwrap_or_default();
            entries.get(&key).copied()
        };
        let Some(next) = next else { break };
        at = next;
    }
    // Raw values are slices of the text.
    (at.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize)
}

/// The first reference whose target is wanted: the pointer to it, and the target.
fn reference(at: &Value, pointer: &str, wanted: &dyn Fn(&str) -> bool) -> Option<(String, String)> {
    match at {
        Value::Object(entries) => entries.iter().find_map(|(key, value)| {
            let pointer = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
            match value.as_str() {
                Some(to) if ["$ref", "$dynamicRef", "$schema"].contains(&key.as_str()) && wanted(to) => {
                    Some((pointer, to.to_owned()))
                }
                _ => reference(value, &pointer, wanted),
            }
        }),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(index, item)| reference(item, &format!("{pointer}/{index}"), wanted)),
        _ => None,
    }
}

/// Data as it is written: expressions mean nothing in a schema.
fn plain(node: &Node) -> Result<Value, ProjectError> {
    Ok(match &node.data {
        Data::Null | Data::Unset | Data::Misplaced(_) => Value::Null,
        Data::Bool(truth) => Value::Bool(*truth),
        Data::Int(number) => (*number).into(),
        Data::Float(number) => serde_json::Number::from_f64(*number).map(Value::Number).ok_or_else(|| {
            ProjectError::config(node.place.clone(), "this number cannot stand in a schema")
        })?,
        Data::Text(text) | Data::Datetime(text) => Value::String(text.clone()),
        Data::List(items) | Data::Append(items) => items.iter().map(plain).collect::<Result<_, _>>()?,
        Data::Table { entries, .. } => entries
            .iter()
            .map(|(key, node)| Ok((key.clone(), plain(node)?)))
            .collect::<Result<_, ProjectError>>()?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i32>().prop_map(Value::from),
            "\\PC{0,9}".prop_map(Value::from)
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-z/~\"\\\\.]{0,4}", inner, 0..4)
                    .prop_map(|entries| entries.into_iter().collect()),
            ]
        })
    }

    /// All pointers into a value, with what they lead to.
    fn pointers<'a>(at: &'a Value, pointer: String, found: &mut Vec<(String, &'a Value)>) {
        found.push((pointer.clone(), at));
        match at {
            Value::Object(entries) => entries.iter().for_each(|(key, value)| {
                let key = key.replace('~', "~0").replace('/', "~1");
                pointers(value, format!("{pointer}/{key}"), found);
            }),
            Value::Array(items) => items
                .iter()
                .enumerate()
                .for_each(|(index, item)| pointers(item, format!("{pointer}/{index}"), found)),
            _ => {}
        }
    }

    proptest! {
        #[test]
        fn a_pointer_leads_to_where_its_value_is_written(json in json(), pretty: bool) {
            let text = if pretty { format!("\n {json:#}") } else { json.to_string() };
            let mut all = Vec::new();
            pointers(&json, String::new(), &mut all);
            for (pointer, value) in all {
                let rest = &text[offset(&text, &pointer)..];
                let read = serde_json::Deserializer::from_str(rest).into_iter::<Value>().next();
                prop_assert_eq!(&read.unwrap().unwrap(), value, "{}", pointer);
            }
        }
    }
}
