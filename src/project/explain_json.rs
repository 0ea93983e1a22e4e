//! A parameter with its place as JSON: what `why` and `describe` print. Fields are only ever added.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::{Explained, Place, Resolved};

/// One parameter. Of `value`, `sensitive`, `opaque` and `error` it has one.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Parameter")]
pub(crate) struct ExplainedJson<'a> {
    /// The keys that lead to it, with dots between them.
    key: String,
    /// The keys that lead to it, one by one.
    path: &'a [String],
    /// Where it is written.
    from: At<'a>,
    /// Where the values stand that it overrode, lowest layer first.
    overrides: Vec<At<'a>>,
    /// Where the lists stand that it was appended to, lowest layer first.
    appends_to: Vec<At<'a>>,
    /// What it is.
    #[serde(flatten)]
    #[schemars(with = "Is")]
    is: Is,
    /// The text that made the value, if that holds expressions.
    #[serde(skip_serializing_if = "Option::is_none")]
    expression: Option<&'a str>,
}

/// What a parameter is.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Is {
    /// This value; numbers that JSON does not have (`inf`, `nan`, more than 64 bits) are texts.
    Value(Value),
    /// A secret, or made of one.
    Sensitive(bool),
    /// Known only to a build: a secret, what a `data` command prints, a fact of git.
    Opaque(String),
    /// Its expression cannot be evaluated, for this reason.
    Error(String),
}

/// A place.
#[derive(Serialize, JsonSchema)]
struct At<'a> {
    /// The file, relative to the project, or the option or variable.
    file: &'a str,
    /// The line, counted from 1; null for an option or variable.
    line: Option<usize>,
}

impl<'a> At<'a> {
    fn new(place: &'a Place) -> Self {
        Self { file: place.file(), line: place.line() }
    }
}

impl<'a> ExplainedJson<'a> {
    pub(crate) fn new(one: &'a Explained) -> Self {
        Self {
            key: one.key(),
            path: &one.path,
            from: At::new(&one.place),
            overrides: one.overrode.iter().map(At::new).collect(),
            appends_to: one.appended_to.iter().map(At::new).collect(),
            is: match &one.value {
                Resolved::Value(value) => Is::Value(value.clone()),
                Resolved::Odd(odd) => Is::Value(odd.json.clone()),
                Resolved::Datetime(text) => Is::Value(text.as_str().into()),
                Resolved::Sensitive => Is::Sensitive(true),
                Resolved::Opaque(what) => Is::Opaque(what.in_short()),
                Resolved::Failed(error) => Is::Error(error.to_string()),
            },
            expression: one.expression.as_deref(),
        }
    }
}
