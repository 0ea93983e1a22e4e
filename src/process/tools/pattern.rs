//! One entry of a tool's lists: words, an option, or both.

use std::fmt;

use serde::{Deserialize, Deserializer};

use super::grammar::{Reading, Sure};

/// `state list`, `-help`, `--dry-run=client`, `-m ping`, `state rm -dry-run`, or `*`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pattern {
    /// The words that a command begins with.
    pub(super) words: Vec<String>,
    /// An option without its dashes, and its value if it must have that one.
    pub(super) option: Option<(String, Option<String>)>,
    /// As it is written, with one blank between its parts.
    text: String,
}

impl Pattern {
    /// Reads a pattern; none if there is nothing in it or something beyond its option.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split_whitespace().collect();
        let at = parts.iter().position(|part| part.starts_with('-') && part.len() > 1);
        let (words, rest) = parts.split_at(at.unwrap_or(parts.len()));
        let option = match rest {
            [] => None,
            [option] => Some(match option.split_once('=') {
                Some((name, value)) => (bare(name), Some(value.to_owned())),
                None => (bare(option), None),
            }),
            [name, value] if !name.contains('=') => Some((bare(name), Some((*value).to_owned()))),
            _ => return None,
        };
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        (!words.is_empty() || option.is_some()).then(|| Self { words, option, text: parts.join(" ") })
    }

    /// Whether everything is meant.
    pub(super) fn is_all(&self) -> bool {
        self.text == "*"
    }

    /// Whether it is words alone.
    pub(super) fn is_words(&self) -> bool {
        self.option.is_none() && !self.words.iter().any(|word| word == "*")
    }

    /// Whether a command is meant, as certainly as is asked for.
    pub(super) fn matches(&self, reading: &Reading<'_>, words: &[&str], sure: Sure) -> bool {
        self.is_all() || self.begins(words) && self.has_option(reading, sure)
    }

    /// Whether the words of a command begin with these.
    pub(super) fn begins(&self, words: &[&str]) -> bool {
        words.len() >= self.words.len()
            && self.words.iter().zip(words).all(|(own, word)| own == "*" || own == word)
    }

    fn has_option(&self, reading: &Reading<'_>, sure: Sure) -> bool {
        match &self.option {
            None => true,
            Some((name, value)) => reading.has(name, value.as_deref(), sure),
        }
    }
}

fn bare(option: &str) -> String {
    option.trim_start_matches('-').to_owned()
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "`{}` is no pattern: words, and an option with its value at most",
                text.escape_debug()
            ))
        })
    }
}
