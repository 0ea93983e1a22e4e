//! What well-known tools mean: which commands only read, which words are subcommands, which exit
//! codes are success. A table (`known.rs`) and the reading of it.
//!
//! Everything errs on one side. A command counts as reading only if that is certain from its first
//! words; an argument never passes as a subcommand (it may be a secret, and is then recorded where
//! others read it); an exit code that is not known to be success is failure.

mod known;
mod manners;
pub mod version;
mod words;

use std::ffi::{OsStr, OsString};
use std::path::Path;

use self::known::{KNOWN, Known};
pub use self::manners::Asks;
use super::ToolStatus;

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

/// The rules for one tool: the built-in ones, where the configuration does not say otherwise.
///
/// ```
/// use lockstep::process::tools::rules_for;
/// let rules = rules_for("/usr/bin/tofu".as_ref(), None, None);
/// assert!(rules.only_reads(&["-chdir=sub".into(), "plan".into()]));
/// assert!(!rules.only_reads(&["apply".into()]));
/// assert_eq!(rules.subcommand(&["apply".into(), "secret".into()]).as_deref(), Some("apply"));
/// ```
#[derive(Clone, Debug)]
pub struct ToolRules {
    known: &'static Known,
    reads: Vec<String>,
    success: Option<Vec<u8>>,
}

/// The name by which a program is known: the last component of its path.
pub fn tool_name(program: &OsStr) -> Option<&str> {
    Path::new(program).file_name().and_then(OsStr::to_str)
}

/// The rules for a program. `configured_reads` (`[tools.NAME] reads`) replaces the built-in list:
/// words as the tool is called with them (`plan`, `state list`), an option that must come first
/// (`--check`; with tools that take options anywhere, anywhere), or `*` for everything.
/// `configured_success` replaces the built-in rule; 0 is always success.
pub fn rules_for(
    program: &OsStr,
    configured_reads: Option<&[String]>,
    configured_success: Option<&[u8]>,
) -> ToolRules {
    let known = tool_name(program)
        .and_then(|name| KNOWN.iter().find(|known| known.names.contains(&name)))
        .unwrap_or(&Known::NONE);
    let reads = match configured_reads {
        // One blank between words, whatever was written.
        Some(reads) => {
            reads.iter().map(|entry| entry.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
        }
        None => known.reads.iter().map(|entry| (*entry).to_owned()).collect(),
    };
    ToolRules { known, reads, success: configured_success.map(<[u8]>::to_vec) }
}

/// The subcommand of a known tool's arguments, as the lock record may show it.
pub fn subcommand(program: &OsStr, args: &[OsString]) -> Option<String> {
    rules_for(program, None, None).subcommand(args)
}

impl ToolRules {
    /// Whether a call certainly changes nothing.
    pub fn only_reads(&self, args: &[OsString]) -> bool {
        if self.known.spoilers.iter().any(|option| words::has_option(args, option)) {
            return false;
        }
        if let [only] = args
            && self.known.harmless_alone.iter().any(|option| only == option)
        {
            return true;
        }
        let (options, entries): (Vec<_>, Vec<_>) =
            self.reads.iter().partition(|entry| entry.starts_with('-'));
        if entries.iter().any(|entry| *entry == "*") {
            return true;
        }
        let by_option = options.iter().any(|option| match self.known.options_anywhere {
            true => words::has_option(args, option),
            false => args.first().is_some_and(|first| first == option.as_str()),
        });
        if by_option {
            return true;
        }
        // `state` may be listed as reading and `state rm` be known to change: the longer one decides.
        let read = entries.into_iter().map(String::as_str);
        let decides =
            longest(self.after_options(args), read.clone().chain(self.known.changes.iter().copied()));
        decides.is_some_and(|found| read.clone().any(|entry| entry == found))
    }

    /// Whether a call may change the world that the tool manages, and not only its own directory. A
    /// change that was begun is finished by one of these, and by nothing less.
    pub fn changes(&self, args: &[OsString]) -> bool {
        if self.only_reads(args) {
            return false;
        }
        let spoiled = self.known.spoilers.iter().any(|option| words::has_option(args, option));
        let prepares = self.longest(args).is_some_and(|found| self.known.prepares.contains(&found));
        spoiled || !prepares
    }

    /// The subcommand, if it is a known one: never an argument.
    pub fn subcommand(&self, args: &[OsString]) -> Option<String> {
        self.longest(args).map(str::to_owned)
    }

    /// What an end means: by the configured codes, else by the built-in rule; 0 is success, and a
    /// killed tool has failed whatever is configured.
    pub fn judge(&self, status: ToolStatus, args: &[OsString]) -> Verdict {
        let code = match status {
            ToolStatus::Signal(_) => return Verdict::Failure,
            ToolStatus::Code(0) => return Verdict::Success,
            ToolStatus::Code(code) => code,
        };
        let changes = match &self.success {
            Some(codes) => codes.contains(&code),
            None => self.known.changes_code.iter().any(|rule| {
                rule.code == code
                    && self.longest(args) == Some(rule.subcommand)
                    && rule.option.is_none_or(|option| words::has_option(args, option))
            }),
        };
        if changes { Verdict::Changes(code) } else { Verdict::Failure }
    }

    /// The longest known subcommand that the arguments begin with, reading or not.
    fn longest(&self, args: &[OsString]) -> Option<&str> {
        let listed = self.reads.iter().map(String::as_str).chain(self.known.reads.iter().copied());
        let words = listed.filter(|entry| !entry.starts_with('-') && *entry != "*");
        longest(self.after_options(args), words.chain(self.known.changes.iter().copied()))
    }

    fn after_options<'a>(&self, args: &'a [OsString]) -> &'a [OsString] {
        words::after_options(args, self.known.valued)
    }
}

fn longest<'a>(args: &[OsString], entries: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    entries.filter(|entry| words::begins_with(args, entry)).max_by_key(|entry| entry.split(' ').count())
}

#[cfg(test)]
mod tests;
