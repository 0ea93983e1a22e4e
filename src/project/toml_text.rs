//! A value as TOML on one line, safe for a terminal: what controls it, or hides or turns text, is
//! written as an escape that TOML reads back.

use std::fmt::Write as _;

use serde_json::Value;

use crate::text::is_harmless;

/// The value. TOML has no null: it is written as `null`, which is no TOML.
pub(crate) fn value(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => string(text),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(self::value).collect::<Vec<_>>().join(", "))
        }
        Value::Object(entries) if entries.is_empty() => "{}".to_owned(),
        Value::Object(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|(name, value)| format!("{} = {}", key(name), self::value(value)))
                .collect();
            format!("{{ {} }}", entries.join(", "))
        }
    }
}

/// Whether TOML can hold a value: it has no null, and no integers beyond those of 64 bits with a sign.
pub(crate) fn can_hold(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Number(number) => number.is_i64() || !number.is_u64(),
        Value::Array(items) => items.iter().all(can_hold),
        Value::Object(entries) => entries.values().all(can_hold),
        Value::Bool(_) | Value::String(_) => true,
    }
}

/// A key: bare if it can be.
pub(crate) fn key(key: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !key.is_empty() && key.bytes().all(bare) { key.to_owned() } else { string(key) }
}

/// A quoted text.
pub(crate) fn string(text: &str) -> String {
    format!("\"{}\"", escaped(&text.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// A text without anything that acts on a terminal, for a comment.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if is_harmless(c) => out.push(c),
            // Writing to a string cannot fail.
            c => drop(write!(out, "\\U{:08X}", u32::from(c))),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn values_are_written_on_one_line() {
        let value = json!({"a": [1, 1.5, true, "x\n\"y\""], "b c": {}, "d": {"": "\u{1b}[2J\u{202e}"}});
        assert_eq!(
            super::value(&value),
            r#"{ a = [1, 1.5, true, "x\n\"y\""], "b c" = {}, d = { "" = "\U0000001B[2J\U0000202E" } }"#
        );
    }

    proptest! {
        #[test]
        fn toml_reads_back_what_was_written(text: String, name: String) {
            let line = format!("{} = {}", super::key(&name), super::value(&json!([text, {"k": text}])));
            prop_assert!(!line.chars().any(char::is_control));
            let table: toml::Table = toml::from_str(&line).unwrap();
            prop_assert_eq!(table[&name][0].as_str(), Some(text.as_str()));
            prop_assert_eq!(table[&name][1]["k"].as_str(), Some(text.as_str()));
        }
    }
}
