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
/// What opens one must occur in no text that is not a template. `[[` is a test in bash and a list in YAML,
/// `<<` a heredoc and YAML's merge key, `<%` the beginning of a syslog priority (`<%PRI%>`), `<#` of a
/// comment of PowerShell, and `<{` stands in Python's f-strings: hence three characters for the tools
/// that have braces of their own.
pub const PRESETS: &[(&str, [[&str; 2]; 3])] = &[
    ("jinja", [["{{", "}}"], ["{%", "%}"], ["{#", "#}"]]),
    ("ansible", ANGLE),
    ("helm", ANGLE),
    ("erb", [["<%=", "%>"], ["<%", "%>"], ["<%#", "%>"]]),
];

const ANGLE: [[&str; 2]; 3] = [["<{=", "=}>"], ["<{?", "?}>"], ["<{*", "*}>"]];

impl Delimiters {
    /// The delimiters of a preset.
    ///
    /// ```
    /// use lockstep::project::Delimiters;
    /// assert_eq!(Delimiters::preset("ansible").unwrap().variable, ["<{=", "=}>"]);
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
                const NAMES: &[&str] = &["jinja", "ansible", "helm", "erb"];
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
    fn every_preset_is_known_by_its_name() {
        for (name, _) in PRESETS {
            let toml: toml::Table = toml::from_str(&format!("d = \"{name}\"")).unwrap();
            let read: Delimiters = toml["d"].clone().try_into().unwrap();
            assert_eq!(Some(read), Delimiters::preset(name));
        }
        assert_eq!(Delimiters::preset("none"), None);
    }

    #[test]
    fn marks_for_tools_with_braces_are_in_none_of_their_texts() {
        let preset = Delimiters::preset("ansible").unwrap();
        assert_eq!(Delimiters::preset("helm"), Some(preset.clone()));
        for text in [
            "if [[ $x =~ ^[[:alpha:]]+$ && ${#a[@]} -gt 0 ]]; then (( x <<= 2 )); fi",
            "cat <<EOF; cat <<-'E'; read x <<<\"$y\"; diff <(a) <(b); { a; }>log; echo ${x[*]} ${!x} ${x#y} ${x%%y}",
            "cat <{a,b}",
            "x: {<<: *base, y: [[1], [[2]]], z: !!str '<% %>'}",
            "format = <%(levelname)s> [%(name)s] {message}\n# [section]\n",
            "template(name=\"t\" string=\"<%PRI%>%TIMESTAMP% %HOSTNAME%\")",
            "{{- range $k, $v := .Values.x }}<{{ $v }}>{{/* c */}}{{ end }}",
            "<{{ mail }}> {% if a %}<{% b %}>{# c #}<{# d #}>",
            "f'<{self.name}> <{x!r}> <{x:>3}>' '<{}> <{0}> <{:x}> <{!r}>'.format(1)",
            "<?php echo 1 ?><?xml version='1.0'?><!-- c --><![CDATA[ x ]]><%= erb %><%# c %>",
            "<# .SYNOPSIS #> @{a=1} `${HOME}` Promise<{ a: string }> List<*>",
        ] {
            assert!(!preset.open_in(text), "{text}");
        }
    }
}
