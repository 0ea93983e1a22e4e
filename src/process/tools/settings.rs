//! What a project says of a tool: the keys of the data files, each replacing what is known, or adding to it
//! with a `+` behind it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::data::{SuccessCode, ToolData};
use super::demands::{TimeLimit, VersionRule};
use super::pattern::Pattern;

/// What `[tools.NAME]` says of its commands. A pattern is words as the tool is called with them (`state list`),
/// an option (`--check`, `-m ping`), or both (`state rm -dry-run`); `*` is everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ToolSettings {
    /// Commands that only read; replaces the built-in list.
    pub reads: Option<Vec<String>>,
    /// The same, in addition to the built-in list.
    #[serde(rename = "reads+")]
    pub more_reads: Vec<String>,
    /// Commands that only make the working directory ready; replaces the built-in list.
    pub prepares: Option<Vec<String>>,
    /// The same, in addition.
    #[serde(rename = "prepares+")]
    pub more_prepares: Vec<String>,
    /// Commands and options that take things down; replaces the built-in list.
    pub down: Option<Vec<String>>,
    /// The same, in addition.
    #[serde(rename = "down+")]
    pub more_down: Vec<String>,
    /// Options that make any command one that only reads; replaces the built-in list.
    pub dry: Option<Vec<String>>,
    /// The same, in addition.
    #[serde(rename = "dry+")]
    pub more_dry: Vec<String>,
    /// Options that take the next argument as their value; replaces the built-in list.
    pub values: Option<Vec<String>>,
    /// The same, in addition.
    #[serde(rename = "values+")]
    pub more_values: Vec<String>,
    /// Variables that hold further arguments, `{command}` for the subcommand, `{last}` for its last word; replaces the built-in list.
    pub environment: Option<Vec<String>>,
    /// The same, in addition.
    #[serde(rename = "environment+")]
    pub more_environment: Vec<String>,
    /// Commands and options that ask their user something; replaces the built-in list.
    pub asks: Option<Vec<String>>,
    /// The same, in addition.
    #[serde(rename = "asks+")]
    pub more_asks: Vec<String>,
    /// Exit codes that count as success; replaces the built-in rule.
    pub success: Option<Vec<u8>>,
    /// Whether its exit code tells of an interruption: if not, 0 after a Ctrl-C proves nothing.
    pub interrupted: Option<bool>,
    /// Which versions of it may be used.
    pub version: Option<VersionRule>,
    /// How long each of its commands may run.
    pub timeout: Option<TimeLimit>,
}

/// What is wrong in a project's settings of a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadSetting {
    /// The key.
    pub key: &'static str,
    /// Why.
    pub why: String,
}

type List<'a> = (&'static str, &'a [String]);

impl ToolSettings {
    /// Every list of patterns with its key.
    fn patterns(&self) -> [List<'_>; 10] {
        let or_none = Option::as_deref;
        [
            ("reads", or_none(&self.reads).unwrap_or_default()),
            ("reads+", &self.more_reads),
            ("prepares", or_none(&self.prepares).unwrap_or_default()),
            ("prepares+", &self.more_prepares),
            ("down", or_none(&self.down).unwrap_or_default()),
            ("down+", &self.more_down),
            ("dry", or_none(&self.dry).unwrap_or_default()),
            ("dry+", &self.more_dry),
            ("asks", or_none(&self.asks).unwrap_or_default()),
            ("asks+", &self.more_asks),
        ]
    }

    /// The first thing that cannot be meant.
    pub fn check(&self) -> Option<BadSetting> {
        let mut classes: BTreeMap<String, &'static str> = BTreeMap::new();
        for (key, list) in self.patterns() {
            for text in list {
                let bad = |why: String| Some(BadSetting { key, why });
                let Some(pattern) = Pattern::parse(text) else {
                    return bad(format!(
                        "`{}` is no pattern: words, and an option with its value at most",
                        text.escape_debug()
                    ));
                };
                if key.starts_with("dry") && pattern.option.is_none() {
                    return bad(format!("`{text}` is no option"));
                }
                let class = key.trim_end_matches('+');
                if !matches!(class, "reads" | "prepares") {
                    continue;
                }
                if let Some(other) =
                    classes.insert(pattern.to_string(), class).filter(|other| *other != class)
                {
                    return bad(format!("`{pattern}` is in `{other}` too"));
                }
            }
        }
        let values = [
            ("values", self.values.as_deref().unwrap_or_default()),
            ("values+", self.more_values.as_slice()),
        ];
        let is_option = |text: &String| text.starts_with('-') && text.len() > 1 && !text.contains(['=', ' ']);
        for (key, list) in values {
            if let Some(text) = list.iter().find(|text| !is_option(text)) {
                return Some(BadSetting { key, why: format!("`{}` is no option", text.escape_debug()) });
            }
        }
        let variables = [
            ("environment", self.environment.as_deref().unwrap_or_default()),
            ("environment+", self.more_environment.as_slice()),
        ];
        for (key, list) in variables {
            if let Some(text) = list.iter().find(|text| !is_variable(text)) {
                return Some(BadSetting { key, why: format!("`{}` is no variable", text.escape_debug()) });
            }
        }
        None
    }

    /// The variables that it names.
    pub(super) fn variables(&self) -> impl Iterator<Item = &String> {
        self.environment.iter().flatten().chain(&self.more_environment)
    }

    /// What is known of a tool, with this in its place or in addition.
    pub(super) fn over(&self, known: &ToolData) -> ToolData {
        let mut tool = known.clone();
        let patterns =
            |list: &[String]| list.iter().filter_map(|text| Pattern::parse(text)).collect::<Vec<_>>();
        // A command that the project puts into one class is in no other.
        let own = [
            self.reads.as_deref().unwrap_or_default(),
            &self.more_reads,
            self.prepares.as_deref().unwrap_or_default(),
            &self.more_prepares,
        ];
        let own: Vec<Pattern> = own.into_iter().flat_map(patterns).collect();
        for class in [&mut tool.reads, &mut tool.prepares, &mut tool.changes] {
            class.retain(|pattern| !own.contains(pattern));
        }
        let lists = [
            (&mut tool.reads, &self.reads, &self.more_reads),
            (&mut tool.prepares, &self.prepares, &self.more_prepares),
            (&mut tool.down, &self.down, &self.more_down),
            (&mut tool.dry, &self.dry, &self.more_dry),
            (&mut tool.asks, &self.asks, &self.more_asks),
        ];
        // What is replaced is known to be a command all the same.
        let mut replaced = Vec::new();
        for (at, (list, instead, more)) in lists.into_iter().enumerate() {
            if let Some(instead) = instead {
                let before = std::mem::replace(list, patterns(instead));
                if at < 2 {
                    replaced.extend(before.into_iter().filter(Pattern::is_words));
                }
            }
            list.extend(patterns(more));
        }
        // An option that reads does so whatever the command is.
        let own_reads = self.reads.iter().flatten().chain(&self.more_reads);
        let options = own_reads.filter_map(|text| Pattern::parse(text)).filter(|one| one.words.is_empty());
        tool.dry.extend(options.filter(|one| one.option.is_some()));
        tool.changes.extend(replaced);
        let words = [
            (&mut tool.values, &self.values, &self.more_values),
            (&mut tool.environment, &self.environment, &self.more_environment),
        ];
        for (list, instead, more) in words {
            if let Some(instead) = instead {
                list.clone_from(instead);
            }
            list.extend(more.iter().cloned());
        }
        if let Some(codes) = &self.success {
            tool.success = codes.iter().map(|code| SuccessCode { code: *code, of: None }).collect();
        }
        tool.interrupted = self.interrupted.unwrap_or(tool.interrupted);
        tool
    }
}

fn is_variable(text: &str) -> bool {
    let bare = text.replace("{command}", "").replace("{last}", "");
    let starts = bare.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    starts && bare.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
