//! Data with whole numbers of any size. The readers make a fraction of one beyond 64 bits, which is not quite
//! the same: here it keeps its value up to 128 bits, or the text is refused.

use std::fmt;

use minijinja::value::Value;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value as Json;
use serde_json::value::RawValue;

use super::strict;

/// Why a text of JSON is no data.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// It is no JSON.
    Syntax(serde_json::Error),
    /// It holds a whole number that nothing here can hold.
    TooLarge,
}

impl From<serde_json::Error> for Unreadable {
    fn from(error: serde_json::Error) -> Self {
        Self::Syntax(error)
    }
}

/// What is said of a number that cannot be held.
pub(super) const TOO_LARGE: &str = "a whole number has more than 128 bits";

/// Reads a text of JSON.
pub(super) fn json(text: &[u8]) -> Result<Value, Unreadable> {
    let json: Json = serde_json::from_slice(text)?;
    match holds_large(text) {
        false => Ok(strict::from_json(json)),
        true => value(serde_json::from_slice(text)?),
    }
}

/// Whether a text of JSON holds a whole number beyond 64 bits.
pub(super) fn holds_large(text: &[u8]) -> bool {
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b'"' => {
                at += 1;
                while at < text.len() && text[at] != b'"' {
                    at += 1 + usize::from(text[at] == b'\\');
                }
                at += 1;
            }
            b'-' | b'0'..=b'9' => {
                let is_part = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
                let length = text[at..].iter().take_while(is_part).count();
                if is_large(&text[at..at + length]) {
                    return true;
                }
                at += length;
            }
            _ => at += 1,
        }
    }
    false
}

fn is_large(number: &[u8]) -> bool {
    let text = std::str::from_utf8(number).unwrap_or_default();
    let is_whole = !text.contains(['.', 'e', 'E']);
    is_whole && text.len() > 18 && text.parse::<i64>().is_err() && text.parse::<u64>().is_err()
}

fn value(raw: &RawValue) -> Result<Value, Unreadable> {
    let text = raw.get();
    Ok(match text.as_bytes().first() {
        Some(b'{') => {
            let Entries(entries) = serde_json::from_str(text)?;
            let pairs = entries.into_iter().map(|(key, raw)| Ok((key, value(&raw)?)));
            Value::from_pairs(pairs.collect::<Result<Vec<_>, Unreadable>>()?)
        }
        Some(b'[') => {
            let items: Vec<Box<RawValue>> = serde_json::from_str(text)?;
            items.iter().map(|raw| value(raw)).collect::<Result<Value, _>>()?
        }
        Some(b'-' | b'0'..=b'9') if is_large(text.as_bytes()) => {
            text.parse::<i128>().map(Value::from).map_err(|_| Unreadable::TooLarge)?
        }
        _ => strict::from_json(serde_json::from_str(text)?),
    })
}

/// A table, in its order.
struct Entries(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

/// Whether what was read of a text of YAML is not what is written there: a number without a fraction beyond
/// 64 bits, where a whole one of so many digits is in the text.
pub(super) fn is_rounded(text: &str, read: &Json) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_.+-".contains(c);
    let is_whole = |word: &str| {
        let digits = word.trim_start_matches(['+', '-']);
        digits.len() > 18 && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
    };
    has_huge(read) && text.split(|c| !is_part(c)).any(is_whole)
}

fn has_huge(value: &Json) -> bool {
    match value {
        Json::Number(number) => number.is_f64() && number.as_f64().is_some_and(|float| float.abs() >= BEYOND),
        Json::Array(items) => items.iter().any(has_huge),
        Json::Object(entries) => entries.values().any(has_huge),
        _ => false,
    }
}

/// The way to the first number that was read of a whole one beyond 64 bits.
pub(super) fn way_to_large(value: &Json) -> Option<String> {
    match value {
        Json::Number(_) if has_huge(value) => Some(String::new()),
        Json::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(at, item)| way_to_large(item).map(|rest| format!("[{at}]{rest}"))),
        Json::Object(entries) => {
            entries.iter().find_map(|(key, value)| way_to_large(value).map(|rest| format!(".{key}{rest}")))
        }
        _ => None,
    }
}

/// 2^63: from here on a fraction may stand for a whole number.
const BEYOND: f64 = 9_223_372_036_854_775_808.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, Unreadable> {
        json(text.as_bytes()).map(|value| value.to_string())
    }

    #[test]
    fn whole_numbers_keep_their_value_or_the_text_is_refused() {
        for (text, expected) in [
            ("12345678901234567890123", "12345678901234567890123"),
            ("-18446744073709551616", "-18446744073709551616"),
            ("18446744073709551615", "18446744073709551615"),
            ("170141183460469231731687303715884105727", "170141183460469231731687303715884105727"),
            ("[1e30, 1.5, \"18446744073709551616\"]", "[1e30, 1.5, '18446744073709551616']"),
            ("{\"b\": [18446744073709551616], \"a\": null}", "{'b': [18446744073709551616], 'a': none}"),
            ("[\"\\\"99999999999999999999\", 1]", "['\"99999999999999999999', 1]"),
        ] {
            let value = json(text.as_bytes()).unwrap();
            let shown = format!("{value:?}").replace("None", "none");
            assert_eq!(shown, expected, "{text}");
        }
        assert!(matches!(read("170141183460469231731687303715884105728"), Err(Unreadable::TooLarge)));
        assert!(matches!(read("[1, 99999999999999999999, }"), Err(Unreadable::Syntax(_))));
    }
}
