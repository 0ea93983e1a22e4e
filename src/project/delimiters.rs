//! What stands around an expression, a statement and a comment in a module's templates: a preset by
//! its name, or three pairs of one's own.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// `[build] delimiters`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delimiters {
    /// Around an expression.
    pub variable: [String; 2],
    /// Around a statement.
    pub block: [String; 2],
    /// Around a comment.
    pub comment: [String; 2],
}

/// The presets by name: the pairs around expressions, statements and comments.
///
/// None begins with `<<`, with which HCL and shells begin a heredoc.
pub const PRESETS: &[(&str, [[&str; 2]; 3])] = &[
    ("jinja", [["{{", "}}"], ["{%", "%}"], ["{#", "#}"]]),
    ("ansible", SQUARE),
    ("helm", SQUARE),
    ("angle", [["<{", "}>"], ["<%", "%>"], ["<#", "#>"]]),
    ("erb", [["<%=", "%>"], ["<%", "%>"], ["<%#", "%>"]]),
];

const SQUARE: [[&str; 2]; 3] = [["[[", "]]"], ["[%", "%]"], ["[#", "#]"]];

impl Delimiters {
    /// The delimiters of a preset.
    ///
    /// ```
    /// use lockstep::project::Delimiters;
    /// assert_eq!(Delimiters::preset("ansible").unwrap().variable, ["[[", "]]"]);
    /// assert_eq!(Delimiters::preset("jinja"), Some(Delimiters::default()));
    /// ```
    pub fn preset(name: &str) -> Option<Self> {
        let (_, pairs) = PRESETS.iter().find(|(preset, _)| *preset == name)?;
        let [variable, block, comment] = pairs.map(|pair| pair.map(str::to_owned));
        Some(Self { variable, block, comment })
    }

    /// Whether something in a text begins an expression, a statement or a comment.
    pub fn open_in(&self, text: &str) -> bool {
        [&self.variable, &self.block, &self.comment].iter().any(|pair| text.contains(pair[0].as_str()))
    }
}

impl Default for Delimiters {
    fn default() -> Self {
        let pair = |a: &str, b: &str| [a.to_owned(), b.to_owned()];
        Self { variable: pair("{{", "}}"), block: pair("{%", "%}"), comment: pair("{#", "#}") }
    }
}

/// Pairs of one's own; those that are left out are Jinja's.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Pairs {
    variable: [String; 2],
    block: [String; 2],
    comment: [String; 2],
}

impl Default for Pairs {
    fn default() -> Self {
        let Delimiters { variable, block, comment } = Delimiters::default();
        Self { variable, block, comment }
    }
}

impl<'de> Deserialize<'de> for Delimiters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Delimiters;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a preset or a table of `variable`, `block` and `comment`")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Delimiters, E> {
                const NAMES: &[&str] = &["jinja", "ansible", "helm", "angle", "erb"];
                Delimiters::preset(name).ok_or_else(|| E::unknown_variant(name, NAMES))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Delimiters, A::Error> {
                let Pairs { variable, block, comment } = Pairs::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Delimiters { variable, block, comment })
            }
        }

        deserializer.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_known_by_its_name_and_begins_no_heredoc() {
        for (name, pairs) in PRESETS {
            let toml: toml::Table = toml::from_str(&format!("d = \"{name}\"")).unwrap();
            let read: Delimiters = toml["d"].clone().try_into().unwrap();
            assert_eq!(Some(read), Delimiters::preset(name));
            for pair in pairs {
                assert!(!pair[0].starts_with("<<"), "{name}");
            }
        }
        assert_eq!(Delimiters::preset("none"), None);
    }
}
