//! A command in a workflow's file: one word in which colons part the arguments, or the arguments one by one,
//! each as it is. Both are kept as the word, in which a backslash stands before what would be taken apart.

use std::fmt;

use schemars::{JsonSchema, json_schema};
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Writes arguments as one word, which is parted at colons again.
pub(crate) fn join(arguments: &[&[u8]]) -> Vec<u8> {
    let mut word = Vec::new();
    for (index, part) in arguments.iter().enumerate() {
        if index > 0 {
            word.push(b':');
        }
        for byte in *part {
            if matches!(byte, b':' | b'\\') {
                word.push(b'\\');
            }
            word.push(*byte);
        }
    }
    // A colon at the very end ends the command; without any it would be no command at all.
    if arguments.len() == 1 || arguments.last().is_some_and(|last| last.is_empty()) {
        word.push(b':');
    }
    word
}

/// The words of a list of the file.
pub(super) fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Vec::<Word>::deserialize(deserializer)?.into_iter().map(|word| word.0).collect())
}

/// A word, however it is written.
pub(super) struct Word(String);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Word;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a word, or a program and its arguments as a list of texts")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Word, E> {
                Ok(Word(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Word, A::Error> {
                let mut arguments: Vec<String> = Vec::new();
                while let Some(argument) = items.next_element()? {
                    arguments.push(argument);
                }
                if arguments.first().is_none_or(String::is_empty) {
                    return Err(A::Error::custom("this command names no program"));
                }
                let parts: Vec<&[u8]> = arguments.iter().map(String::as_bytes).collect();
                // All that was added are colons and backslashes.
                String::from_utf8(join(&parts)).map(Word).map_err(A::Error::custom)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for Word {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Word".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        json_schema!({
            "description": "A word as on the command line, or a program and its arguments one by one.",
            "anyOf": [
                { "type": "string" },
                { "type": "array", "items": { "type": "string" }, "minItems": 1 },
            ],
        })
    }
}
