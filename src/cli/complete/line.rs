//! How far a line has come: what the word under the cursor is.
//!
//! The line is unfinished, so nothing of it may be wrong: what is not understood is passed over.

use clap::{Arg, ArgAction, Command};

use super::names::Names;
use crate::steps::STEPS;
use crate::workflow::Role;

/// What the word under the cursor is.
#[derive(Debug)]
pub(super) enum Expects<'a> {
    /// An option of this command.
    Option {
        /// The command.
        of: &'a Command,
    },
    /// The value of an option, or an argument of a subcommand.
    Value {
        /// Of which.
        arg: &'a Arg,
        /// What of the word is not the value: `--color=`.
        prefix: String,
    },
    /// A subcommand of this subcommand.
    Subcommand {
        /// The command.
        of: &'a Command,
    },
    /// A step or workflow, or before any other a subcommand.
    Word {
        /// Whether it is before any other.
        first: bool,
    },
    /// A module.
    Module,
    /// A profile for this module.
    Profile {
        /// The module as it was written.
        module: String,
    },
    /// A tool, which begins at this word, or its arguments.
    Tool {
        /// Counted from the program, which is 0.
        at: usize,
    },
    /// Something that nobody can guess.
    Nothing,
}

/// A line up to the cursor.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    /// What the word under the cursor is.
    pub expects: Expects<'a>,
    /// No subcommand was named.
    pub in_pipeline: bool,
    /// The pipeline's words before the cursor.
    pub words: Vec<String>,
    /// The directory of `-C`.
    pub directory: Option<String>,
}

impl Asked<'_> {
    /// Whether its words only look, so that they may be about one stage.
    pub(super) fn only_looks(&self) -> bool {
        let looks =
            |word: &String| STEPS.iter().any(|step| step.name() == *word && step.role() == Role::Inspect);
        self.words.iter().all(looks)
    }

    /// Whether what follows module and profile is a command of its own: `exec`, or a workflow that may
    /// hold it.
    pub(super) fn runs_a_tool(&self, names: &Names) -> bool {
        self.words.iter().any(|word| word == "exec" || names.workflows().any(|(name, _)| name == *word))
    }
}

/// Reads the words before the cursor, without the program, and the one under it.
pub(super) fn read<'a>(top: &'a Command, before: &[String], current: &str) -> Asked<'a> {
    let mut asked =
        Asked { expects: Expects::Nothing, in_pipeline: true, words: Vec::new(), directory: None };
    let (mut command, mut arguments) = (top, 0);
    let mut before = before.iter().enumerate();
    while let Some((at, word)) = before.next() {
        if word == "--" && asked.in_pipeline {
            asked.expects = match before.len() {
                0 => Expects::Module,
                1 => Expects::Profile {
                    module: before.next().map(|(_, word)| word.clone()).unwrap_or_default(),
                },
                // Program, words, separator, module, profile.
                _ => Expects::Tool { at: at + 4 },
            };
            return asked;
        }
        if let Some(arg) = option(command, top, word) {
            if takes_value(arg) && !word.contains('=') {
                match before.next() {
                    None => {
                        asked.expects = Expects::Value { arg, prefix: String::new() };
                        return asked;
                    }
                    Some((_, value)) if arg.get_id() == "directory" => asked.directory = Some(value.clone()),
                    Some(_) => {}
                }
            }
        } else if word.starts_with('-') && word.len() > 1 {
            // Unknown, or several short ones in one: nothing to learn from it.
        } else if let Some(sub) = command.find_subcommand(word).filter(|_| asked.words.is_empty()) {
            (command, arguments, asked.in_pipeline) = (sub, 0, false);
        } else if asked.in_pipeline {
            asked.words.push(word.clone());
        } else {
            arguments += 1;
        }
    }
    asked.expects = under_cursor(command, top, current, &asked, arguments);
    asked
}

fn under_cursor<'a>(
    command: &'a Command,
    top: &'a Command,
    current: &str,
    asked: &Asked<'a>,
    arguments: usize,
) -> Expects<'a> {
    if let Some((name, _)) = current.split_once('=')
        && let Some(arg) = option(command, top, name).filter(|arg| takes_value(arg))
    {
        return Expects::Value { arg, prefix: format!("{name}=") };
    }
    if current.starts_with('-') && current != "--" {
        return Expects::Option { of: command };
    }
    if asked.in_pipeline {
        return Expects::Word { first: asked.words.is_empty() };
    }
    if command.has_subcommands() && arguments == 0 {
        return Expects::Subcommand { of: command };
    }
    let last = command.get_positionals().last();
    let repeated = last.filter(|arg| matches!(arg.get_action(), ArgAction::Append));
    match command.get_positionals().nth(arguments).or(repeated) {
        Some(arg) => Expects::Value { arg, prefix: String::new() },
        None => Expects::Nothing,
    }
}

/// The option that a word is, of the command or of all.
fn option<'a>(command: &'a Command, top: &'a Command, word: &str) -> Option<&'a Arg> {
    let matches = |arg: &&Arg| match word.strip_prefix("--") {
        Some(long) => arg.get_long() == Some(long.split('=').next().unwrap_or(long)),
        None => match word.strip_prefix('-') {
            Some(short) => short.chars().eq(arg.get_short()),
            None => false,
        },
    };
    command.get_arguments().chain(top.get_arguments()).find(matches)
}

fn takes_value(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Set | ArgAction::Append)
}
