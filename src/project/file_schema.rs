//! JSON Schemas of the project's own files, for editors and for the reference, made from the very
//! types that read the files. What those types cannot say (free tables of parameters, patterns) is
//! said here.

use std::borrow::Cow;

use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema};
use serde_json::{Map, Value, json};

use super::config::Config;
use super::{
    Delimiters, ModuleConfig, Name, Need, PRESETS, StaleAfter, TimeLimit, UnitId, VersionRule, WorkflowFile,
    profile,
};
use crate::env::Span;

/// Lengths of time, largest unit first: `1h30m`.
const DURATION: &str = "([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?";

/// The schema of a file of that kind: `lockstep`, `module`, `profile` or `workflow`.
pub fn file_schema(kind: &str) -> Option<Value> {
    let (schema, title) = match kind {
        "lockstep" => (of::<Config>(), "lockstep.toml"),
        "module" => (of::<ModuleConfig>(), "modules/NAME/module.toml"),
        "profile" => (of::<profile::Raw>(), "profiles/NAME.toml"),
        "workflow" => (of::<WorkflowFile>(), "workflows/NAME.toml"),
        _ => return None,
    };
    let mut schema = schema;
    schema.insert("title".into(), title.into());
    Some(schema.into())
}

/// The schema of what a type reads.
fn of<T: JsonSchema>() -> Schema {
    let settings = SchemaSettings::draft2020_12();
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    Plain.transform(&mut schema);
    schema
}

/// Takes out what tells an editor nothing: empty defaults, and that a key may be absent as `null`,
/// which TOML cannot write; and says the rest so that editors understand it.
#[derive(Clone, Debug)]
struct Plain;

impl Transform for Plain {
    fn transform(&mut self, schema: &mut Schema) {
        let empty = |value: &Value| match value {
            Value::Null => true,
            Value::Array(items) => items.is_empty(),
            Value::Object(entries) => entries.is_empty(),
            Value::String(text) => text.is_empty(),
            _ => false,
        };
        if schema.get("default").is_some_and(empty) {
            schema.remove("default");
        }
        if let Some(Value::Array(kinds)) = schema.get_mut("type") {
            kinds.retain(|kind| kind != "null");
            if let [only] = kinds.as_slice() {
                let only = only.clone();
                schema.insert("type".into(), only);
            }
        }
        if let Some(Value::Array(choices)) = schema.get_mut("anyOf") {
            choices.retain(|choice| *choice != json!({ "type": "null" }));
            if let [Value::Object(only)] = choices.as_slice() {
                let only = only.clone();
                schema.remove("anyOf");
                schema.ensure_object().extend(only);
            }
        }
        if schema.get("format").and_then(Value::as_str).is_some_and(|format| format.starts_with("uint")) {
            schema.remove("format");
        }
        listed(schema);
        transform_subschemas(self, schema);
    }
}

/// Words to choose from as one `enum`: editors that read older drafts know no `const`, and take each
/// alternative of a `oneOf` for all of them.
fn listed(schema: &mut Schema) {
    let Some(Value::Array(each)) = schema.get("oneOf") else { return };
    let text =
        |key: &str| each.iter().map(|one| one[key].as_str().map(Value::from)).collect::<Option<Vec<_>>>();
    let (Some(words), said) = (text("const"), text("description")) else { return };
    schema.remove("oneOf");
    schema.insert("type".into(), "string".into());
    schema.insert("enum".into(), words.into());
    if let Some(said) = said {
        schema.insert("x-taplo".into(), json!({ "docs": { "enumValues": said } }));
    }
}

/// Adds `[params]`, which is read apart from the other keys to keep its places.
pub(super) fn with_params(schema: &mut Schema) {
    with(
        schema,
        "params",
        json!({
            "description": "Parameters: any keys and values. A text may hold {{ expressions }}; \"key+\" appends \
                            to the list of the layers below, \"key-\" = true takes the key away.",
            "type": "object",
            "patternProperties": { "\\+$": { "type": "array" }, "-$": { "enum": [true] } },
        }),
    );
}

/// Adds `[params]` and `[schema]`.
pub(super) fn of_module(schema: &mut Schema) {
    with_params(schema);
    with(
        schema,
        "schema",
        json!({
            "description": "What the parameters must be, as JSON Schema written in TOML; or beside this file in \
                            schema.json.",
            "type": "object",
        }),
    );
}

/// Adds `value`, and that it excludes `from`.
pub(super) fn of_build_file(schema: &mut Schema) {
    with(
        schema,
        "value",
        json!({ "description": "What it holds, if not a parameter; may hold expressions." }),
    );
    schema.insert("oneOf".into(), json!([{ "required": ["value"] }, { "required": ["from"] }]));
}

fn with(schema: &mut Schema, key: &str, value: Value) {
    let properties = schema.ensure_object().entry("properties").or_insert_with(|| Map::new().into());
    if let Value::Object(properties) = properties {
        properties.insert(key.to_owned(), value);
    }
}

macro_rules! schema_of {
    ($type:ty, $name:literal, $schema:expr) => {
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

schema_of!(
    Name,
    "Name",
    json_schema!({
        "type": "string",
        "pattern": "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$",
    })
);
schema_of!(
    Need,
    "Need",
    json_schema!({
        "type": "string",
        "pattern": "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}(/[A-Za-z0-9_][A-Za-z0-9_.-]{0,63})?$",
        "description": "A module, or a module in another profile: MODULE/PROFILE.",
    })
);
schema_of!(Delimiters, "Delimiters", {
    let pair = json!({ "type": "array", "items": { "type": "string" }, "minItems": 2, "maxItems": 2 });
    let names: Vec<&str> = PRESETS.iter().map(|(name, _)| *name).collect();
    json_schema!({
        "anyOf": [
            { "type": "string", "enum": names },
            {
                "type": "object",
                "properties": { "variable": pair, "block": pair, "comment": pair },
                "additionalProperties": false,
            },
        ]
    })
});
schema_of!(
    TimeLimit,
    "TimeLimit",
    json_schema!({ "type": "string", "minLength": 2, "pattern": format!("^(never|{DURATION})$") })
);
schema_of!(
    VersionRule,
    "VersionRule",
    json_schema!({ "type": "string", "minLength": 1, "description": "Versions, as in `>=1.8` or `>=1.6, <2`." })
);
schema_of!(
    StaleAfter,
    "StaleAfter",
    json_schema!({ "type": "string", "minLength": 2, "pattern": format!("^(never|{DURATION})$") })
);
schema_of!(
    Span,
    "Duration",
    json_schema!({ "type": "string", "minLength": 2, "pattern": format!("^{DURATION}$") })
);
schema_of!(
    UnitId,
    "Unit",
    json_schema!({ "type": "string", "pattern": "^[^/]+/[^/]+$", "description": "A unit: MODULE/PROFILE." })
);
