//! Data as JSON, YAML and TOML text, as generated files and filters write it.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::strict;
use super::strict::budget::{self, Bounded};

/// A format of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// JSON, indented by two spaces.
    Json,
    /// YAML; what YAML 1.1 would misread (`no`, `1e3`) is quoted.
    Yaml,
    /// TOML; only a table without null can be written.
    Toml,
}

impl Format {
    /// The format that a file's ending stands for.
    pub fn of_ending(path: &str) -> Option<Self> {
        match path.rsplit_once('.')?.1 {
            "json" => Some(Self::Json),
            "yaml" | "yml" => Some(Self::Yaml),
            "toml" => Some(Self::Toml),
            _ => None,
        }
    }

    /// The value as a text that ends with a newline; the error says why it cannot be.
    pub(crate) fn write(self, value: &Value) -> Result<String, &'static str> {
        let mut text = match self {
            Self::Json => strict::json_text(value, 2)?,
            Self::Yaml => {
                let mut text = Bounded::default();
                let written = serde_saphyr::to_fmt_writer(&mut text, value);
                text.end(written.is_ok(), "this cannot be written as YAML")?
            }
            Self::Toml if !value.is_object() => return Err("TOML needs a table"),
            Self::Toml if holds_null(value) => return Err("TOML has no null"),
            Self::Toml if headers(value, 0) > budget::TEXT => {
                return Err("this makes a text of more than 32 MiB");
            }
            Self::Toml => toml::to_string_pretty(value).map_err(|_| "this cannot be written as TOML")?,
        };
        if !text.ends_with('\n') {
            text.push('\n');
        }
        Ok(text)
    }
}

/// More than TOML's headers have, of which each names the whole way to a table.
fn headers(value: &Value, way: usize) -> usize {
    let all = |sum: usize, more: usize| sum.saturating_add(more);
    match value {
        Value::Object(entries) => {
            let each = |(key, value): (&String, &Value)| headers(value, way + 6 * key.len() + 3);
            entries.iter().map(each).fold(way, all)
        }
        Value::Array(items) => items.iter().map(|item| headers(item, way)).fold(0, all),
        _ => 0,
    }
}

fn holds_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(holds_null),
        Value::Object(entries) => entries.values().any(holds_null),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::Format;

    #[test]
    fn yaml_quotes_what_other_readers_would_take_for_something_else() {
        let words =
            ["no", "on", "1e3", "012", "null", "~", "2026-01-02", "12:30:00", "", " a", "a: b", "- a", "<<"];
        let text = Format::Yaml.write(&json!(words)).unwrap();
        let expected: String = words.iter().map(|word| format!("- \"{word}\"\n")).collect();
        assert_eq!(text, expected);
        let value = json!({"b": [{"c": null, "d": true}], "a": 1.5, "e": {}, "f": "x\ny\n"});
        assert_eq!(
            Format::Yaml.write(&value).unwrap(),
            "b:\n- c: null\n  d: true\na: 1.5\ne: {}\nf: |\n  x\n  y\n"
        );
    }

    #[test]
    fn toml_refuses_what_it_cannot_hold() {
        assert_eq!(Format::Toml.write(&json!([1])), Err("TOML needs a table"));
        assert_eq!(Format::Toml.write(&json!({"a": [null]})), Err("TOML has no null"));
        assert_eq!(Format::Toml.write(&json!({"b": {"c": 1}, "a": 2})).unwrap(), "a = 2\n\n[b]\nc = 1\n");
    }

    proptest! {
        #[test]
        fn toml_and_json_read_back_what_was_written(key: String, text: String, number: i64) {
            let value = json!({ key: { "text": text, "list": [number, text] } });
            let toml: serde_json::Value = toml::from_str(&Format::Toml.write(&value).unwrap()).unwrap();
            prop_assert_eq!(&toml, &value);
            let json: serde_json::Value = serde_json::from_str(&Format::Json.write(&value).unwrap()).unwrap();
            prop_assert_eq!(&json, &value);
        }
    }
}
