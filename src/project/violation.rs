//! Where parameters do not fit the module's schema: every place at once, in our own words.
//!
//! A message names keys, places and what the schema says; never a value, for it may be a secret.

use std::fmt;

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use serde_json::Value;

use super::error::printable;
use super::module_schema::{ModuleSchema, deepest, segments};
use super::{Params, Place, ProjectError, UnitId, nearest};

/// One parameter that is not as the schema wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Where the value is written; for a missing one, where the schema asks for it.
    pub place: Place,
    /// The keys that lead to it, with dots between them, safe to print; empty for all parameters.
    pub key: String,
    /// What is wrong with it, safe to print.
    pub message: String,
    /// Where the schema says so; none for a value that cannot be evaluated.
    pub schema: Option<Place>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)?;
        match &self.schema {
            Some(place) if *place != self.place => write!(f, " ({place})"),
            _ => Ok(()),
        }
    }
}

impl ModuleSchema {
    /// Checks a unit's parameters. Only what the schema has a say in is evaluated.
    ///
    /// # Errors
    /// [`ProjectError::Invalid`] with everything that does not fit, or what is wrong with the schema.
    pub fn check(&self, unit: &UnitId, params: &Params) -> Result<(), ProjectError> {
        let violations = violations(self, params)?;
        if violations.is_empty() {
            return Ok(());
        }
        Err(ProjectError::Invalid { unit: unit.clone(), violations })
    }
}

fn violations(schema: &ModuleSchema, params: &Params) -> Result<Vec<Violation>, ProjectError> {
    let validator = schema.validator()?;
    let (mut instance, mut found) = (serde_json::Map::new(), Vec::new());
    let mut failed: Vec<&str> = Vec::new();
    for (key, node) in params.tree().entries().into_iter().flatten() {
        if !schema.concerns(key) {
            continue;
        }
        match params.top(key, &node.place) {
            Ok(value) => drop(instance.insert(key.clone(), value)),
            Err(ProjectError::Config { place, message, .. }) => {
                failed.push(key);
                found.push(Violation { place, key: printable(key), message, schema: None });
            }
            Err(other) => return Err(other),
        }
    }
    let instance = Value::Object(instance);
    for error in validator.iter_errors(&instance) {
        // What cannot be evaluated is there, and has been told.
        let absent = matches!(error.kind(), Kind::Required { property }
            if error.instance_path().is_empty() && failed.iter().any(|key| property == key));
        if !absent {
            found.extend(told(&error, schema, params));
        }
    }
    found.sort_by(|a, b| (&a.place, &a.key, &a.message).cmp(&(&b.place, &b.key, &b.message)));
    found.dedup();
    Ok(found)
}

/// One error of the validator as violations: a schema that allows no further keys has one for each.
fn told(error: &ValidationError<'_>, schema: &ModuleSchema, params: &Params) -> Vec<Violation> {
    let path = error.instance_path().as_str();
    let says = schema.place(error.schema_path().as_str());
    let node = deepest(params.tree(), path);
    match error.kind() {
        Kind::Required { property } => {
            let key = below(&dotted(path), property.as_str().unwrap_or_default());
            let message =
                format!("`{key}` is missing: add it to the `[params]` of a profile or of the module");
            vec![Violation { place: says, key, message, schema: None }]
        }
        // Where the schema names no keys at all, the validator does not say which it met.
        Kind::FalseSchema if error.schema_path().as_str().ends_with("/additionalProperties") => {
            let names: Vec<&String> = node.entries().into_iter().flat_map(|entries| entries.keys()).collect();
            if names.is_empty() {
                let key = dotted(path);
                let message = format!("`{key}` may have no keys");
                return vec![Violation { place: node.place.clone(), key, message, schema: Some(says) }];
            }
            let told = |name: &&String| {
                let key = below(&dotted(path), name);
                let place =
                    node.entries().and_then(|entries| entries.get(*name)).unwrap_or(node).place.clone();
                let message = format!("the schema knows no `{key}`");
                Violation { place, key, message, schema: Some(says.clone()) }
            };
            names.iter().map(told).collect()
        }
        Kind::AdditionalProperties { unexpected } => {
            let parent = error.schema_path().as_str().rsplit_once('/').map_or("", |(parent, _)| parent);
            let known = schema.json().pointer(&format!("{parent}/properties")).and_then(Value::as_object);
            let told = |name: &String| {
                let near = nearest(name, known.into_iter().flatten().map(|(key, _)| key.as_str()));
                let near =
                    near.map_or_else(String::new, |near| format!("; did you mean `{}`?", printable(near)));
                let key = below(&dotted(path), name);
                let message = format!("the schema knows no `{key}`{near}");
                let place =
                    node.entries().and_then(|entries| entries.get(name)).unwrap_or(node).place.clone();
                Violation { place, key, message, schema: Some(says.clone()) }
            };
            unexpected.iter().map(told).collect()
        }
        _ => {
            let message = expectation(error, "the table of parameters");
            vec![Violation { place: node.place.clone(), key: dotted(path), message, schema: Some(says) }]
        }
    }
}

/// A JSON pointer as people write keys: `db.ports[0]`; safe to print.
pub(super) fn dotted(pointer: &str) -> String {
    segments(pointer).fold(String::new(), |key, part| {
        if part.parse::<usize>().is_ok() { format!("{key}[{part}]") } else { below(&key, &part) }
    })
}

fn below(key: &str, name: &str) -> String {
    let name = printable(name);
    if key.is_empty() { name } else { format!("{key}.{name}") }
}

/// What a schema wants of something that does not have it, as a sentence; `whole` is what the place
/// without any key is called.
pub(super) fn expectation(error: &ValidationError<'_>, whole: &str) -> String {
    let key = dotted(error.instance_path().as_str());
    let what = if key.is_empty() { whole.to_owned() } else { format!("`{key}`") };
    format!("{what} {}", demand(error))
}

fn demand(error: &ValidationError<'_>) -> String {
    match error.kind() {
        Kind::Type { kind } => {
            let wanted = match kind {
                TypeKind::Single(one) => article(&one.to_string()),
                TypeKind::Multiple(several) => {
                    several.iter().map(|one| article(&one.to_string())).collect::<Vec<_>>().join(" or ")
                }
            };
            format!("must be {wanted}, not {}", article(type_of(error.instance())))
        }
        Kind::Enum { options } => {
            let options: Vec<String> = options.as_array().into_iter().flatten().map(shown).collect();
            format!("must be one of {}", options.join(", "))
        }
        Kind::Constant { expected_value } => format!("must be {}", shown(expected_value)),
        Kind::Minimum { limit } => format!("must be at least {limit}"),
        Kind::Maximum { limit } => format!("must be at most {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("must be more than {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("must be less than {limit}"),
        Kind::MultipleOf { multiple_of } => format!("must be a multiple of {multiple_of}"),
        Kind::MinLength { limit } => format!("must have at least {}", count(*limit, "character")),
        Kind::MaxLength { limit } => format!("must have at most {}", count(*limit, "character")),
        Kind::MinItems { limit } => format!("must have at least {}", count(*limit, "item")),
        Kind::MaxItems { limit } => format!("must have at most {}", count(*limit, "item")),
        Kind::MinProperties { limit } => format!("must have at least {}", count(*limit, "key")),
        Kind::MaxProperties { limit } => format!("must have at most {}", count(*limit, "key")),
        Kind::Pattern { pattern } => format!("must match `{}`", printable(pattern)),
        Kind::Format { format } => format!("must be a valid `{}`", printable(format)),
        Kind::ContentEncoding { content_encoding: form }
        | Kind::ContentMediaType { content_media_type: form } => {
            format!("must hold `{}`", printable(form))
        }
        Kind::FromUtf8 { .. } => "must hold encoded UTF-8".to_owned(),
        Kind::UniqueItems => "must not hold the same item twice".to_owned(),
        Kind::Contains => "lacks an item that `contains` asks for, or has too many of them".to_owned(),
        Kind::FalseSchema => "is not allowed here".to_owned(),
        Kind::Not { .. } => "is what `not` forbids".to_owned(),
        Kind::AnyOf { context } => none_of("anyOf", error, context),
        Kind::OneOfNotValid { context } => none_of("oneOf", error, context),
        Kind::OneOfMultipleValid { .. } => {
            "fits several alternatives of `oneOf`, and exactly one must fit".to_owned()
        }
        Kind::Required { property } => {
            format!("lacks `{}`", printable(property.as_str().unwrap_or_default()))
        }
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            let keys: Vec<String> = unexpected.iter().map(|key| printable(key)).collect();
            format!("has keys that the schema does not know: {}", keys.join(", "))
        }
        Kind::AdditionalItems { .. } | Kind::UnevaluatedItems { .. } => {
            "has more items than the schema knows".to_owned()
        }
        Kind::PropertyNames { error } => format!("has a key that {}", demand(error)),
        Kind::BacktrackLimitExceeded { .. } | Kind::RegexEngineFailure { .. } => {
            "cannot be checked: its pattern takes too long".to_owned()
        }
        Kind::Custom { keyword, .. } => format!("does not satisfy `{}`", printable(keyword)),
        Kind::Referencing(_) => "cannot be checked: a reference leads nowhere".to_owned(),
    }
}

/// The alternatives, each with the first thing that speaks against it.
fn none_of(keyword: &str, of: &ValidationError<'_>, context: &[Vec<ValidationError<'static>>]) -> String {
    let mut reasons: Vec<String> = Vec::new();
    for error in context.iter().filter_map(|errors| errors.first()) {
        let same = error.instance_path().as_str() == of.instance_path().as_str();
        let reason = if same { demand(error) } else { expectation(error, "it") };
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    let reasons = reasons.join("; or ");
    if reasons.is_empty() { format!("fits no alternative of `{keyword}`") } else { reasons }
}

/// A value of the schema.
fn shown(value: &Value) -> String {
    value.to_string().escape_debug().to_string().replace("\\\"", "\"")
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn article(kind: &str) -> String {
    match kind {
        "null" => "null".to_owned(),
        "integer" | "array" | "object" => format!("an {kind}"),
        _ => format!("a {kind}"),
    }
}

fn count(number: u64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
