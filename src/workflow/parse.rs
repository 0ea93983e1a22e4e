//! From words to calls, as pure functions: nothing is looked up on disk and nothing is run.
//!
//! A word is a step, a workflow, or a command written with colons. Anything else is an error with
//! the nearest match, so that a typo never runs. Order is kept as it was written.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use super::{Argv, Role, Step};
use crate::project::{self, Name, join_command};
use crate::text::shell_shown;

/// The words that mean something in this project.
#[derive(Clone, Copy)]
pub struct Vocabulary<'a> {
    /// The registered steps.
    pub steps: &'static [&'static dyn Step],
    /// The project's workflows.
    pub workflows: &'a [Name],
    /// The project's modules: only to tell someone who put one in the wrong place.
    pub modules: &'a [Name],
    /// The project's profiles: likewise.
    pub profiles: &'a [Name],
}

/// What one word means.
#[derive(Clone, Debug)]
pub enum Word {
    /// A step.
    Step(&'static dyn Step),
    /// A workflow, to be expanded.
    Workflow(Name),
    /// A command with the arguments that the word itself holds.
    Command(Argv),
}

/// Why words make no pipeline.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Neither step, workflow nor command.
    #[error("unknown step `{word}`{}", in_place(.place))]
    Unknown {
        /// The word, escaped.
        word: String,
        /// The nearest known word.
        nearest: Option<String>,
        /// Where it stands if not on the command line: `workflows/deploy.toml`.
        place: Option<String>,
    },
    /// A module or profile among the steps: `--` is missing or misplaced.
    #[error("`{word}` is a {kind}, not a step; module and profile come after `--`")]
    Misplaced {
        /// The word.
        word: String,
        /// `module` or `profile`.
        kind: &'static str,
        /// The command line with `--` where it belongs, as far as it can be told.
        better: String,
    },
    /// There is no `--`.
    #[error("no `--` between the steps and the module")]
    NoSeparator {
        /// The command line with `--` where it belongs, as far as it can be told.
        better: String,
    },
    /// Nothing before `--`.
    #[error("no steps before `--`")]
    NoWords,
    /// Words that shall stand for a tool, and do not run it.
    #[error("`{words}` never runs the tool: there is no `exec` in it")]
    NoExec {
        /// The words.
        words: String,
    },
    /// Module or profile is missing after `--`.
    #[error("{what} is missing after `--`")]
    NoUnit {
        /// `the module` or `the profile`.
        what: &'static str,
        /// Module and profile as they were probably meant, for a command to copy.
        better: String,
    },
    /// Module or profile is not text.
    #[error("the {what} `{shown}` is not valid UTF-8")]
    NotText {
        /// `module` or `profile`.
        what: &'static str,
        /// As well as it can be shown.
        shown: String,
    },
    /// A command word without a program.
    #[error("`{word}` names no program before its colon{}", in_place(.place))]
    NoProgram {
        /// The word, escaped.
        word: String,
        /// Where it stands if not on the command line.
        place: Option<String>,
    },
    /// A workflow that names a workflow.
    #[error("`{word}` is a workflow, and a workflow cannot name another{}", in_place(.place))]
    Nested {
        /// The inner workflow.
        word: String,
        /// The file of the outer one.
        place: Option<String>,
    },
}

fn in_place(place: &Option<String>) -> String {
    place.as_ref().map(|place| format!(" in {place}")).unwrap_or_default()
}

/// What one word means. `place` is the file it stands in, for messages; none for the command line.
///
/// # Errors
/// [`ParseError::Unknown`], [`ParseError::Misplaced`] or [`ParseError::NoProgram`].
pub fn word(text: &OsStr, vocabulary: Vocabulary<'_>, place: Option<&str>) -> Result<Word, ParseError> {
    let place = place.map(str::to_owned);
    if let Some(argv) = command(text) {
        return argv.map(Word::Command).ok_or_else(|| ParseError::NoProgram { word: show(text), place });
    }
    let known = text.to_str();
    if let Some(step) = known.and_then(|text| find_step(vocabulary.steps, text)) {
        return Ok(Word::Step(step));
    }
    if let Some(name) = vocabulary.workflows.iter().find(|name| Some(name.as_str()) == known) {
        return Ok(Word::Workflow(name.clone()));
    }
    if place.is_none() {
        for (kind, names) in [("module", vocabulary.modules), ("profile", vocabulary.profiles)] {
            if names.iter().any(|name| Some(name.as_str()) == known) {
                return Err(ParseError::Misplaced { word: show(text), kind, better: String::new() });
            }
        }
    }
    let nearest = known.and_then(|text| nearest(text, vocabulary));
    Err(ParseError::Unknown { word: show(text), nearest, place })
}

/// The step with this name or alias.
pub fn find_step(steps: &[&'static dyn Step], text: &str) -> Option<&'static dyn Step> {
    steps.iter().copied().find(|step| step.name() == text || step.aliases().contains(&text))
}

/// Reads a command word: split at every colon, `\:` is a colon and `\\` a backslash; a colon at the
/// very end ends the command and adds no argument, so `true:` is `true` and `echo::` is `echo ""`.
///
/// None: the word holds no unescaped colon and is no command. `Some(None)`: it names no program.
///
/// ```
/// use lockstep::workflow::parse::command;
/// let argv = command("tofu:plan:-out:x".as_ref()).flatten().unwrap();
/// assert_eq!(argv.args, ["plan", "-out", "x"]);
/// assert!(command("build".as_ref()).is_none());
/// ```
pub fn command(text: &OsStr) -> Option<Option<Argv>> {
    let mut parts = vec![Vec::new()];
    let mut bytes = text.as_bytes().iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b':' => parts.push(Vec::new()),
            b'\\' if matches!(bytes.peek(), Some(b':' | b'\\')) => {
                // Peeked just now, so there is one.
                let escaped = bytes.next().unwrap_or(b'\\');
                last(&mut parts).push(escaped);
            }
            other => last(&mut parts).push(other),
        }
    }
    if parts.len() == 1 {
        return None;
    }
    if last(&mut parts).is_empty() {
        parts.pop();
    }
    let mut parts = parts.into_iter().map(OsString::from_vec);
    let program = parts.next().filter(|program| !program.is_empty());
    Some(program.map(|program| Argv { program, args: parts.collect() }))
}

fn last(parts: &mut [Vec<u8>]) -> &mut Vec<u8> {
    let at = parts.len() - 1;
    &mut parts[at] // `command` starts with one part and only drops one when there are two.
}

/// Writes a command as one word; [`command`] reads it back.
pub fn print(argv: &Argv) -> OsString {
    let all = std::iter::once(&argv.program).chain(&argv.args);
    let word = join_command(&all.map(|part| part.as_bytes()).collect::<Vec<_>>());
    OsString::from_vec(word)
}

/// Splits what stands after `--` into module, profile and the arguments, which are kept byte for byte.
///
/// # Errors
/// [`ParseError::NoUnit`] or [`ParseError::NotText`].
pub fn after_separator(rest: &[OsString]) -> Result<(String, String, &[OsString]), ParseError> {
    let text = |what, value: &OsString| {
        value.to_str().map(str::to_owned).ok_or_else(|| ParseError::NotText { what, shown: show(value) })
    };
    match rest {
        [] => Err(ParseError::NoUnit { what: "the module", better: "MODULE PROFILE".to_owned() }),
        [unit] => {
            let mut words = unit_words(unit);
            words.resize_with(2, || "PROFILE".to_owned());
            Err(ParseError::NoUnit { what: "the profile", better: words.join(" ") })
        }
        [module, profile, args @ ..] => Ok((text("module", module)?, text("profile", profile)?, args)),
    }
}

/// A word after `--` as a shell needs it; a unit written `alpha/prod`, as subcommands have it, as the two
/// words that a pipeline has.
fn unit_words(word: &OsStr) -> Vec<String> {
    match word.to_str().and_then(|text| text.split_once('/')) {
        Some((module, profile)) if !module.is_empty() && !profile.is_empty() && !profile.contains('/') => {
            [module, profile].map(|name| quote(name.as_ref())).to_vec()
        }
        _ => vec![quote(word)],
    }
}

/// The command line as it was probably meant when `--` is missing or misplaced: it goes before the
/// first word that is no step.
pub fn with_separator(words: &[OsString], rest: &[OsString], vocabulary: Vocabulary<'_>) -> String {
    let mut of_stages = false;
    let is_step = |text: &&OsString| match word(text, vocabulary, None) {
        Ok(Word::Step(step)) => {
            of_stages |= matches!(step.role(), Role::Stages(_));
            true
        }
        // `create` is told the workflow where others are told the module.
        Ok(Word::Workflow(_)) => !of_stages,
        Ok(Word::Command(_)) => true,
        Err(_) => false,
    };
    let steps = words.iter().take_while(is_step).count();
    let (steps, unit) = words.split_at(steps);
    let all = steps.iter().map(|text| quote(text));
    let mut line: Vec<String> = std::iter::once("lockstep".to_owned()).chain(all).collect();
    line.push("--".to_owned());
    let mut after = unit.iter().chain(rest);
    let mut names = after.next().map(|text| unit_words(text)).unwrap_or_default();
    names.extend(after.map(|text| quote(text)));
    let placeholders = ["MODULE", "PROFILE"].iter().skip(names.len()).map(|name| (*name).to_owned());
    names.extend(placeholders.collect::<Vec<_>>());
    line.extend(names);
    line.join(" ")
}

/// A word as a shell would need it, for messages that are copied.
pub fn quote(text: &OsStr) -> String {
    shell_shown(&text.to_string_lossy())
}

fn show(text: &OsStr) -> String {
    crate::text::short(&text.to_string_lossy(), 80)
}

fn nearest(text: &str, vocabulary: Vocabulary<'_>) -> Option<String> {
    let names = |step: &&'static dyn Step| std::iter::once(step.name()).chain(step.aliases().iter().copied());
    let steps = vocabulary.steps.iter().flat_map(names);
    project::nearest(text, steps.chain(vocabulary.workflows.iter().map(Name::as_str))).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(argv: &Argv) -> Vec<&str> {
        std::iter::once(&argv.program).chain(&argv.args).map(|part| part.to_str().unwrap()).collect()
    }

    #[test]
    fn colons_separate_and_escape() {
        for (text, expected) in [
            ("tofu:plan:-out:x", vec!["tofu", "plan", "-out", "x"]),
            ("true:", vec!["true"]),
            ("echo::", vec!["echo", ""]),
            ("echo::x", vec!["echo", "", "x"]),
            (r"curl:http\://localhost\:80/", vec!["curl", "http://localhost:80/"]),
            (r"a:\\", vec!["a", r"\"]),
            (r"a:\n", vec!["a", r"\n"]),
            ("echo:{{ x }}", vec!["echo", "{{ x }}"]),
            ("echo:two words", vec!["echo", "two words"]),
        ] {
            assert_eq!(words(&command(OsStr::new(text)).unwrap().unwrap()), expected, "{text}");
        }
        assert!(command(OsStr::new("build")).is_none());
        assert!(command(OsStr::new(r"not\:a\:command")).is_none());
        assert_eq!(command(OsStr::new(":x")), Some(None));
        assert_eq!(command(OsStr::new(":")), Some(None));
    }

    proptest! {
        #[test]
        fn parse_and_print_agree(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..6), 1..5)) {
            let mut parts = parts.into_iter().map(OsString::from_vec);
            let program = parts.next().unwrap();
            prop_assume!(!program.is_empty());
            let argv = Argv { program, args: parts.collect() };
            prop_assert_eq!(command(&print(&argv)), Some(Some(argv)));
        }

        #[test]
        fn every_word_with_a_bare_colon_is_a_command(text in "[a-z:]{0,8}") {
            prop_assert_eq!(command(OsStr::new(&text)).is_some(), text.contains(':'));
        }
    }

    #[test]
    fn after_the_separator_nothing_is_touched() {
        let rest: Vec<OsString> =
            ["alpha", "prod", "tofu", "-var", "a:b", "two words", "--", ""].map(Into::into).to_vec();
        let (module, profile, args) = after_separator(&rest).unwrap();
        assert_eq!((module.as_str(), profile.as_str()), ("alpha", "prod"));
        assert_eq!(args, &rest[2..]);
        assert!(matches!(after_separator(&rest[..1]), Err(ParseError::NoUnit { what: "the profile", .. })));
    }

    #[test]
    fn quoting_is_what_a_shell_needs() {
        assert_eq!(quote(OsStr::new("a b")), "'a b'");
        assert_eq!(quote(OsStr::new("it's")), r"'it'\''s'");
        assert_eq!(quote(OsStr::new("")), "''");
        assert_eq!(quote(OsStr::new("-var=a:b")), "-var=a:b");
        assert!(!quote(OsStr::new("a\u{1b}[2J")).contains('\u{1b}'));
    }
}
