//! What is known of a tool: one file of data each, with the keys that `[tools.NAME]` of a project takes too.
//!
//! A pattern of a list is words (`state list`), an option (`-help`, `--dry-run=client`, `-m ping`), or both
//! (`state rm -dry-run`); `*` is everything.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::moves::MoveWay;
use super::pattern::Pattern;

/// What is known of a tool.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ToolData {
    /// File names of its programs.
    pub(super) programs: Vec<String>,
    /// An option has a name of many letters behind one dash (`-chdir=x`), not letters that may stand together.
    pub(super) one_dash: bool,
    /// Its words are commands, one after the other (`info migrate`).
    pub(super) several: bool,
    /// Commands that only read.
    pub(super) reads: Vec<Pattern>,
    /// Commands that only make ready: the world that the tool manages is as it was, whether they succeed or fail.
    pub(super) prepares: Vec<Pattern>,
    /// Its other commands, so that the lock record can name them. Where a group has members of another
    /// class (`state list`), the group itself is here.
    pub(super) changes: Vec<Pattern>,
    /// Options that make any command one that only reads.
    pub(super) dry: Vec<Pattern>,
    /// Options with which a command changes something, whatever it does without.
    pub(super) spoils: Vec<Pattern>,
    /// What takes things down.
    pub(super) down: Vec<Pattern>,
    /// Options that take the next argument as their value.
    pub(super) values: Vec<String>,
    /// Options that take none. What follows an option that is in neither list may be its value.
    pub(super) flags: Vec<String>,
    /// What follows `--` counts like the rest: it is options and words for another program.
    pub(super) passes_on: bool,
    /// Variables that hold further arguments; `{command}` stands for the subcommand, `{last}` for its last word.
    pub(super) environment: Vec<String>,
    /// Variables that decide what a command works on.
    pub(super) overrides: Vec<String>,
    /// What asks its user something.
    pub(super) asks: Vec<Pattern>,
    /// What may ask; it need not.
    pub(super) may_ask: Vec<Pattern>,
    /// What ends with 0 although its user has said no to its question.
    pub(super) unproved: Vec<Pattern>,
    /// With what none of `asks` does.
    pub(super) quiet: Vec<Pattern>,
    /// Exit codes other than 0 that are success with changes.
    pub(super) success: Vec<SuccessCode>,
    /// Its exit code tells of an interruption: after one, 0 is success all the same.
    pub(super) interrupted: bool,
    /// Commands that rewrite sources, which are not in the directory where commands run.
    pub(super) formats: Vec<Pattern>,
    /// Commands that write into a cache of plugins, where several modules share one.
    pub(super) caches: Vec<Pattern>,
    /// Endings of the files that it reads in its directory, whether somebody names them or not.
    pub(super) endings: Vec<String>,
    /// Names of directories of which it reads every file.
    pub(super) directories: Vec<String>,
    /// How it saves a plan, and applies it.
    pub(super) plans: Option<PlanWay>,
    /// Files that it writes beside its configuration, to be committed with that.
    pub(super) keeps: Vec<String>,
    /// How it is seen that a command has moved the state.
    pub(super) moves: Option<MoveWay>,
    /// How it is asked for its version.
    pub(super) version: Option<VersionWay>,
}

/// How a tool saves what it would do, to do exactly that later.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlanWay {
    /// The command that saves it.
    pub(super) save: String,
    /// The option of that, without dashes, that names the file.
    pub(super) option: String,
    /// The command that takes the file as its first word.
    pub(super) apply: String,
}

/// An exit code that says: it went well, and there are changes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SuccessCode {
    pub(super) code: u8,
    /// Of which command; of all if there is none.
    pub(super) of: Option<Pattern>,
}

/// How a tool is asked for its version.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VersionWay {
    /// The arguments.
    pub(super) ask: Vec<String>,
    /// The way into an answer of JSON; without it the answer is text.
    #[serde(default)]
    pub(super) at: Vec<String>,
}

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("data/", $name, ".toml")))),*]
    };
}

const FILES: [(&str, &str); 23] = files![
    "alembic",
    "ansible",
    "ansible-config",
    "ansible-console",
    "ansible-doc",
    "ansible-galaxy",
    "ansible-inventory",
    "ansible-lint",
    "ansible-playbook",
    "ansible-pull",
    "ansible-vault",
    "docker",
    "flyway",
    "helm",
    "helmfile",
    "kubectl",
    "kustomize",
    "packer",
    "psql",
    "pulumi",
    "sqitch",
    "terragrunt",
    "tofu",
];

type ByProgram = BTreeMap<String, usize>;

static KNOWN: LazyLock<(Vec<ToolData>, ByProgram)> = LazyLock::new(|| {
    // They are part of the program, and a test reads each: one that cannot be read is as if it were not there.
    let known: Vec<ToolData> = FILES.iter().filter_map(|(_, text)| toml::from_str(text).ok()).collect();
    let programs = known
        .iter()
        .enumerate()
        .flat_map(|(at, tool)| tool.programs.iter().map(move |program| (program.clone(), at)));
    let programs = programs.collect();
    (known, programs)
});

/// What is known of a program by its name; nothing of one that is in no file.
pub(super) fn known(name: &str) -> Option<&'static ToolData> {
    KNOWN.1.get(name).map(|at| &KNOWN.0[*at])
}

/// All tools that are known.
pub(super) fn all() -> &'static [ToolData] {
    &KNOWN.0
}

/// The variables in which known tools look for arguments.
pub(super) fn argument_variables() -> impl Iterator<Item = &'static String> {
    KNOWN.0.iter().flat_map(|tool| &tool.environment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_can_be_read_and_is_sound() {
        let mut programs = std::collections::BTreeSet::new();
        for (name, text) in FILES {
            let tool: ToolData = toml::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(!tool.programs.is_empty(), "{name}");
            for program in &tool.programs {
                assert!(programs.insert(program.clone()), "{program} twice");
                assert!(known(program).is_some());
            }
            let classes = [&tool.reads, &tool.prepares, &tool.changes];
            let mut seen = std::collections::BTreeSet::new();
            for pattern in classes.into_iter().flatten() {
                assert!(seen.insert(pattern.to_string()), "{name}: `{pattern}` is in two classes, or twice");
            }
            assert!(tool.moves.as_ref().is_none_or(MoveWay::is_sound), "{name}");
            for option in tool.values.iter().chain(&tool.flags) {
                assert!(option.starts_with('-') && !option.contains('='), "{name}: {option}");
            }
            for option in &tool.values {
                assert!(!tool.flags.contains(option), "{name}: {option} is both");
            }
        }
    }
}
