//! What well-known tools mean: which commands only read, which words are subcommands, which exit codes are
//! success. Data (`data/*.toml`), what a project says instead or in addition, and the reading of both.
//!
//! Everything errs on one side. A command counts as reading only if that is certain however its arguments can
//! be read; an argument never passes as a subcommand (it may be a secret, and is then recorded where others
//! read it); an exit code that is not known to be success is failure.

mod beside;
mod data;
mod demands;
mod environment;
mod grammar;
mod moves;
mod pattern;
mod plans;
mod settings;
pub mod version;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;

pub(crate) use self::beside::ReadBeside;
use self::data::ToolData;
pub use self::demands::{TimeLimit, TimeLimitError, VersionRule, VersionRuleError};
use self::grammar::{Reading, Sure};
use self::pattern::Pattern;
pub use self::settings::{BadSetting, ToolSettings};
use super::ToolStatus;

/// What a command does to the world that its tool manages. The order is that of what it may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// It certainly changes nothing.
    Reads,
    /// It writes files of its directory, settings of its user, or frees the tool's own lock.
    Prepares,
    /// It may change things.
    Changes,
}

/// What a tool's end means for the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It succeeded.
    Success,
    /// It succeeded and reports changes by this exit code: the run goes on and ends with it.
    Changes(u8),
    /// It failed.
    Failure,
}

impl Verdict {
    /// Whether the run may go on.
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Success | Self::Changes(_))
    }
}

/// Whether a command may ask its user something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Asks {
    /// It does not, or does without an answer where there is nobody to ask.
    No,
    /// It is known to.
    Yes,
    /// It may.
    Unknown,
}

/// The rules for one tool: the built-in ones, where the configuration does not say otherwise.
///
/// ```
/// use lockstep::process::tools::{Class, ToolRules};
/// let rules = ToolRules::of("/usr/bin/tofu".as_ref(), None);
/// assert_eq!(rules.class(&["-chdir=sub".into(), "plan".into()]), Class::Reads);
/// assert_eq!(rules.class(&["apply".into()]), Class::Changes);
/// assert_eq!(rules.subcommand(&["apply".into(), "secret".into()]).as_deref(), Some("apply"));
/// ```
#[derive(Clone, Debug)]
pub struct ToolRules {
    tool: ToolData,
    /// What lockstep knows of it, whatever the project says.
    known: Option<&'static ToolData>,
    /// Variables of the command's environment that may hold arguments; nothing where that is not known.
    variables: BTreeMap<String, Option<String>>,
}

/// The name by which a program is known: the last component of its path.
pub fn tool_name(program: &OsStr) -> Option<&str> {
    Path::new(program).file_name().and_then(OsStr::to_str)
}

/// Whether some tool takes arguments from a variable: one that is known, or one of the project's.
pub fn holds_arguments<'a>(variable: &str, mut own: impl Iterator<Item = &'a ToolSettings>) -> bool {
    data::argument_variables().any(|pattern| environment::is_of(variable, pattern))
        || own.any(|tool| tool.variables().any(|pattern| environment::is_of(variable, pattern)))
}

/// The variables that hold arguments of a known tool or decide what it works on.
pub fn variables_of<'a>(program: &OsStr, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let known = tool_name(program).and_then(data::known);
    known.map_or_else(Vec::new, |tool| environment::named(tool, names))
}

impl ToolRules {
    /// The rules for a program, with what a project says of it.
    pub fn of(program: &OsStr, settings: Option<&ToolSettings>) -> Self {
        let known = tool_name(program).and_then(data::known);
        let tool = match (settings, known) {
            (Some(settings), known) => settings.over(known.unwrap_or(&ToolData::default())),
            (None, known) => known.cloned().unwrap_or_default(),
        };
        Self { tool, known, variables: BTreeMap::new() }
    }

    /// Takes arguments from variables too, as the tool does; of one without a value it is not known.
    #[must_use]
    pub fn with_variables(mut self, variables: BTreeMap<String, Option<String>>) -> Self {
        if self.reads_variables() {
            self.variables = variables;
        }
        self
    }

    /// What a call does, at worst.
    pub fn class(&self, args: &[OsString]) -> Class {
        self.read(args, |reading, ways| {
            let Some(mut ways) = ways else { return Class::Changes };
            if self.tool.several {
                // Each word is a command, and so may be what is thought to be a value.
                ways = ways.concat().into_iter().map(|word| vec![word]).collect();
            }
            let any = |list: &[Pattern], sure| {
                ways.iter().any(|way| list.iter().any(|pattern| pattern.matches(reading, way, sure)))
            };
            if any(&self.tool.spoils, Sure::Possibly) {
                return Class::Changes;
            }
            let is_dry = |way: &Vec<&str>| {
                self.tool.dry.iter().any(|pattern| pattern.matches(reading, way, Sure::Certainly))
            };
            ways.iter()
                .map(|way| if is_dry(way) { Class::Reads } else { self.class_of(reading, way) })
                .max()
                .unwrap_or(Class::Changes)
        })
    }

    /// By the longest pattern of all classes that is certainly meant.
    fn class_of(&self, reading: &Reading<'_>, way: &[&str]) -> Class {
        let tool = &self.tool;
        if tool.reads.iter().any(Pattern::is_all) {
            return Class::Reads;
        }
        let classes =
            [(Class::Reads, &tool.reads), (Class::Prepares, &tool.prepares), (Class::Changes, &tool.changes)];
        let patterns = classes.into_iter().flat_map(|(class, list)| list.iter().map(move |one| (class, one)));
        let meant = patterns.filter(|(_, pattern)| pattern.matches(reading, way, Sure::Certainly));
        let longest =
            meant.max_by_key(|(class, pattern)| (pattern.words.len(), pattern.option.is_some(), *class));
        longest.map_or(Class::Changes, |(class, _)| class)
    }

    /// Whether a call certainly changes nothing.
    pub fn only_reads(&self, args: &[OsString]) -> bool {
        self.class(args) == Class::Reads
    }

    /// Whether a call may change the world that the tool manages, and not only its own directory. A
    /// change that was begun is finished by one of these, and by nothing less.
    pub fn changes(&self, args: &[OsString]) -> bool {
        self.class(args) == Class::Changes
    }

    /// Whether it takes arguments from variables.
    pub fn reads_variables(&self) -> bool {
        !self.tool.environment.is_empty()
    }

    /// The subcommand, if it is a known one: never an argument.
    pub fn subcommand(&self, args: &[OsString]) -> Option<String> {
        let reading = Reading::of(&self.tool, &[], args);
        let found: Vec<Option<String>> = reading.ways()?.iter().map(|way| self.longest(way)).collect();
        // Where it is not certain which it is, it is none.
        let first = found.first()?.clone()?;
        found.iter().all(|other| other.as_ref() == Some(&first)).then_some(first)
    }

    /// The longest known subcommand that a command's words begin with.
    fn longest(&self, way: &[&str]) -> Option<String> {
        let tool = &self.tool;
        let known = [&tool.reads, &tool.prepares, &tool.changes].into_iter().flatten();
        let meant = known.filter(|pattern| pattern.is_words() && pattern.begins(way));
        meant.max_by_key(|pattern| pattern.words.len()).map(ToString::to_string)
    }

    /// Whether a call may ask its user something: for approval, a password, a value.
    ///
    /// ```
    /// use lockstep::process::tools::{Asks, ToolRules};
    /// let rules = ToolRules::of("tofu".as_ref(), None);
    /// assert_eq!(rules.asks(&["apply".into()]), Asks::Yes);
    /// assert_eq!(rules.asks(&["apply".into(), "-auto-approve".into()]), Asks::No);
    /// assert_eq!(ToolRules::of("deploy.sh".as_ref(), None).asks(&[]), Asks::Unknown);
    /// ```
    pub fn asks(&self, args: &[OsString]) -> Asks {
        let class = self.class(args);
        let has_commands = !(self.tool.reads.is_empty() && self.tool.changes.is_empty());
        self.read(args, |reading, ways| {
            let Some(ways) = ways else { return Asks::Unknown };
            let any = |list: &[Pattern], sure| {
                let mut meant = list.iter().filter(|pattern| !pattern.is_all());
                meant.any(|pattern| ways.iter().any(|way| pattern.matches(reading, way, sure)))
            };
            // Who asks because of an option asks whatever the others say.
            let by_option = self.tool.asks.iter().filter(|pattern| pattern.words.is_empty());
            if any(&by_option.cloned().collect::<Vec<_>>(), Sure::Possibly) {
                return Asks::Yes;
            }
            let is_quiet = || {
                ways.iter().all(|way| {
                    self.tool.quiet.iter().any(|pattern| pattern.matches(reading, way, Sure::Certainly))
                })
            };
            if is_quiet() {
                return Asks::No;
            }
            if any(&self.tool.asks, Sure::Possibly)
                || class != Class::Reads && self.tool.asks.iter().any(Pattern::is_all)
            {
                return Asks::Yes;
            }
            if any(&self.tool.may_ask, Sure::Possibly) {
                return Asks::Unknown;
            }
            if class == Class::Reads {
                return Asks::No;
            }
            if self.tool.may_ask.iter().any(Pattern::is_all) {
                return Asks::Unknown;
            }
            let names_one = || ways.iter().all(|way| self.longest(way).is_some());
            // Of a tool without commands all that asks is known.
            let is_clear = self.known.is_some() && (!has_commands || names_one());
            if is_clear { Asks::No } else { Asks::Unknown }
        })
    }

    /// Whether a call takes things down: what needs others is then to go before them.
    pub fn takes_down(&self, args: &[OsString]) -> bool {
        self.is_among(&self.tool.down, args)
    }

    /// Whether a call writes into the tool's cache of plugins, where one is set up: that breaks if two
    /// do it at the same time.
    pub fn fills_plugin_cache(&self, args: &[OsString]) -> bool {
        self.is_among(&self.tool.caches, args)
    }

    /// Files that the tool writes beside its configuration, to be committed with that.
    pub fn kept_files(&self) -> &'static [String] {
        self.known.map_or(&[], |known| &known.keeps)
    }

    /// Whether a call rewrites sources: those of a rendered directory are elsewhere.
    pub fn formats_sources(&self, args: &[OsString]) -> bool {
        !self.only_reads(args) && self.is_among(&self.tool.formats, args)
    }

    /// Whether a call is known to need an answer that `quiet` options give beforehand.
    pub fn needs_an_answer(&self, args: &[OsString]) -> bool {
        !self.tool.quiet.is_empty() && self.changes(args) && self.asks(args) == Asks::Yes
    }

    /// Whether 0 is no proof of a change where somebody may have said no to the tool's question.
    pub fn may_be_declined(&self, args: &[OsString]) -> bool {
        self.is_among(&self.tool.unproved, args) && self.asks(args) == Asks::Yes
    }

    /// Whether 0 is success although the command was interrupted.
    pub fn tells_interruption(&self) -> bool {
        self.tool.interrupted
    }

    fn is_among(&self, list: &[Pattern], args: &[OsString]) -> bool {
        self.read(args, |reading, ways| {
            let ways = ways.unwrap_or_default();
            ways.iter().any(|way| list.iter().any(|pattern| pattern.matches(reading, way, Sure::Possibly)))
        })
    }

    /// What an end means: by the configured codes, else by the built-in rule; 0 is success, and a
    /// killed tool has failed whatever is configured.
    pub fn judge(&self, status: ToolStatus, args: &[OsString]) -> Verdict {
        let code = match status {
            ToolStatus::Signal(_) => return Verdict::Failure,
            ToolStatus::Code(0) => return Verdict::Success,
            ToolStatus::Code(code) => code,
        };
        let changes = self.read(args, |reading, ways| {
            let ways = ways.unwrap_or_default();
            let of = |pattern: &Pattern| {
                !ways.is_empty() && ways.iter().all(|way| pattern.matches(reading, way, Sure::Certainly))
            };
            self.tool.success.iter().any(|rule| rule.code == code && rule.of.as_ref().is_none_or(of))
        });
        if changes { Verdict::Changes(code) } else { Verdict::Failure }
    }

    /// Reads a call's arguments, with those that the environment adds, in all ways.
    fn read<T>(&self, args: &[OsString], then: impl FnOnce(&Reading<'_>, Option<Vec<Vec<&str>>>) -> T) -> T {
        let subcommand = if self.variables.is_empty() { None } else { self.subcommand(args) };
        let mut unknown = false;
        let mut lookup = |name: &str| {
            let value = self.variables.get(name)?;
            unknown |= value.is_none();
            value.as_ref().map(OsString::from)
        };
        let added = environment::arguments(&self.tool, subcommand.as_deref(), &mut lookup);
        let reading = Reading::of(&self.tool, &added, args);
        let ways = reading.ways().filter(|_| !unknown);
        then(&reading, ways)
    }
}

#[cfg(test)]
mod tests;
