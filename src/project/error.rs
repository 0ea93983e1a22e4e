//! Why a project, its configuration or one of its units cannot be used.
//!
//! Messages name the file and line; they never hold the value of a parameter.

use std::path::PathBuf;

use super::{NameError, NotHere, Place, UnitId, Violation};
use crate::process::Signal;

/// Why something about the project failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProjectError {
    /// There is no project here.
    #[error("no `lockstep.toml` in `{start}` or any directory above it")]
    NoProject {
        /// Where the search began.
        start: String,
    },
    /// The project belongs to another user, and nothing says that this one trusts them.
    #[error("`{}` belongs to another user (uid {uid}), and a project says which programs run", printable(&path.to_string_lossy()))]
    Foreign {
        /// The file or directory.
        path: PathBuf,
        /// Its owner.
        uid: u32,
        /// What git's `safe.directory` would have to name.
        directory: PathBuf,
    },
    /// A line that is for one project is used elsewhere.
    #[error("this line is for the project `{root}`, {}", match .found {
        Some(found) => format!("and not for `{found}`"),
        None => "and there is none here".to_owned(),
    })]
    Elsewhere {
        /// The project that it is for, safe to print.
        root: String,
        /// The project in which it is used.
        found: Option<String>,
        /// What to type.
        hint: String,
    },
    /// The user has not agreed to what the project's own words do.
    #[error("`{root}` is not trusted, and with your rights it{}", super::trust::lines(.words))]
    Untrusted {
        /// The project, safe to print.
        root: String,
        /// What they do, safe to print.
        words: Vec<String>,
    },
    /// What the user agreed to cannot be kept.
    #[error("cannot keep that you trust the project in `{path}`")]
    NotKept {
        /// The file.
        path: String,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// A file cannot be read.
    #[error("cannot read `{path}`")]
    Read {
        /// The file or directory.
        path: String,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// Git tracks a file that is not on the disk.
    #[error(transparent)]
    NotHere(NotHere),
    /// A configuration file says something that makes no sense.
    #[error("{place}: {message}")]
    Config {
        /// Where.
        place: Place,
        /// What is wrong.
        message: String,
        /// What may help.
        hint: Option<String>,
    },
    /// The project wants another version of lockstep.
    #[error("{place}: this project requires lockstep {required}; this is {ours}")]
    Version {
        /// Where it says so.
        place: Place,
        /// What it requires.
        required: String,
        /// The version of this program.
        ours: String,
    },
    /// A file or directory has a name that lockstep cannot use.
    #[error("{what} `{path}` cannot be used: {source}")]
    BadName {
        /// Module, profile or workflow.
        what: &'static str,
        /// Where it is.
        path: String,
        /// What is wrong with the name.
        #[source]
        source: NameError,
    },
    /// The command line names something that is not there.
    #[error("there is no {what} `{word}`{}", not_counted(ignored.then(|| place_of(what, word)).as_deref()))]
    Unknown {
        /// Module, profile or workflow.
        what: &'static str,
        /// The word, safe to print.
        word: String,
        /// The name that was probably meant.
        nearest: Option<String>,
        /// What there is.
        known: Box<[String]>,
        /// Something has the name and does not count, for git ignores it.
        ignored: bool,
    },
    /// The command line names a workflow of stages, or a stage, where a module should stand.
    #[error("`{word}` is {what}")]
    Staged {
        /// The word, safe to print.
        word: String,
        /// What it is.
        what: String,
        /// What to type instead.
        hint: String,
    },
    /// The command line names several units, or a pattern.
    #[error("`{word}` may name several units, and here only one will do")]
    NotOne {
        /// The word, safe to print.
        word: String,
        /// One of those that it names, as the two words of a line; safe to print.
        one: String,
    },
    /// A part of the command line's selection selects nothing.
    #[error("`{word}` selects no {what}")]
    NothingSelected {
        /// Module, profile or unit.
        what: &'static str,
        /// The part, safe to print.
        word: String,
        /// What there is to select from.
        known: Vec<String>,
    },
    /// A pattern that is none.
    #[error("`{word}` is not a pattern: {why}")]
    Pattern {
        /// The pattern, safe to print.
        word: String,
        /// What is wrong with it.
        why: String,
    },
    /// Module and profile exist, and make no unit.
    #[error("`{unit}` is not a unit: {why}")]
    NotAUnit {
        /// The unit.
        unit: String,
        /// Why.
        why: String,
    },
    /// A word that should be a unit and is not written like one.
    #[error("`{unit}` is not a unit: a unit is written MODULE/PROFILE, as in `alpha/prod`")]
    NotWritten {
        /// The word, safe to print.
        unit: String,
    },
    /// `.` stands for nothing here.
    #[error("`.` names no {what} here: {why}")]
    NoneHere {
        /// Module or profile.
        what: &'static str,
        /// Why.
        why: String,
    },
    /// Parameters are not as the module's schema wants them.
    #[error("the parameters of `{unit}` do not fit the schema of the module:{}", lines(.violations))]
    Invalid {
        /// The unit.
        unit: UnitId,
        /// Everything that does not fit, by place.
        violations: Vec<Violation>,
    },
    /// A parameter from outside the repository cannot be used.
    #[error("{place}: {message}")]
    Override {
        /// The option or variable.
        place: Place,
        /// What is wrong with it.
        message: String,
    },
    /// An expression needs what only a run that renders reads or runs.
    #[error("a value is made of {}, which only a build {}", .0, .0.known())]
    Opaque(Opaque),
    /// A command that an expression asked for, or the rendering of a file, was interrupted.
    #[error("`{program}` was interrupted by {signal}")]
    Interrupted {
        /// Its name, safe to print.
        program: String,
        /// What interrupted it.
        signal: Signal,
    },
}

/// What only a run that renders reads or runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opaque {
    /// A secret.
    Secret,
    /// The data of that name.
    Data(String),
    /// An output of that unit.
    Output(String),
    /// Facts of the repository.
    Git,
}

impl Opaque {
    /// What stands in the place of a value, in few words.
    pub fn in_short(&self) -> String {
        match self {
            Self::Secret => "secret".to_owned(),
            Self::Data(name) => format!("data {name}, not run"),
            Self::Output(unit) => format!("output of {unit}"),
            Self::Git => "git".to_owned(),
        }
    }

    fn known(&self) -> &'static str {
        match self {
            Self::Secret | Self::Output(_) | Self::Git => "reads",
            Self::Data(_) => "runs",
        }
    }
}

impl std::fmt::Display for Opaque {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Secret => f.write_str("a secret"),
            Self::Data(name) => write!(f, "data `{name}`"),
            Self::Output(unit) => write!(f, "an output of `{unit}`"),
            Self::Git => f.write_str("the repository's state"),
        }
    }
}

impl ProjectError {
    /// What gets the user further, as a line for people.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoProject { .. } => Some("start one with `lockstep init`, or use `-C DIR`".into()),
            Self::Foreign { directory, .. } => Some(format!(
                "if you trust its owner: git config --global --add safe.directory {}",
                crate::text::shell_shown(&directory.to_string_lossy())
            )),
            Self::Untrusted { .. } => Some("if you trust what is in this clone: lockstep trust".into()),
            Self::NotKept { .. } => {
                Some("see the directory, or trust one of yours: export LOCKSTEP_TRUSTED_PATHS=DIR".into())
            }
            Self::Elsewhere { hint, .. } => Some(hint.clone()),
            Self::NotHere(not_here) => Some(not_here.cure()),
            Self::Config { hint, .. } => hint.clone(),
            Self::Unknown { what, word, ignored: true, .. } => Some(which_ignores(&place_of(what, word))),
            Self::Unknown { nearest: Some(nearest), .. } => Some(format!("did you mean `{nearest}`?")),
            Self::Unknown { what, known, .. } => Some(if known.is_empty() {
                format!("this project has no {what}s yet")
            } else {
                format!("known {what}s: {}", known.join(", "))
            }),
            Self::Staged { hint, .. } => Some(hint.clone()),
            Self::NothingSelected { what, known, .. } => Some(if known.is_empty() {
                format!("this project has no {what}s yet")
            } else {
                let more = known.len().saturating_sub(20);
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                format!("known {what}s: {}{more}", known[..known.len().min(20)].join(", "))
            }),
            Self::Pattern { .. } => {
                Some("`*`, `?`, `[a-z]` and `{a,b}` are patterns; a comma separates, `!` excludes".into())
            }
            Self::NoneHere { what: "profile", .. } => {
                Some("name it, set `LOCKSTEP_PROFILE`, or set `default_profile` in lockstep.toml".into())
            }
            Self::NoneHere { .. } => Some("name it, or stand in `modules/NAME`".into()),
            Self::NotOne { one, .. } => Some(format!("name one module and one profile: `-- {one}`")),
            Self::Version { .. } => Some("install a version that fits, or change `requires`".into()),
            Self::BadName { .. } => Some(
                "rename it: letters, digits, `-`, `_` and `.`, beginning with none of `-` and `.`".into(),
            ),
            Self::NotAUnit { .. } => Some("name another profile, or change what excludes it".into()),
            Self::NotWritten { .. } => Some("to see all units: lockstep list".into()),
            Self::Invalid { unit, .. } => {
                Some(format!("see what they are and where they are written: lockstep why {unit}"))
            }
            Self::Read { .. } | Self::Override { .. } | Self::Opaque(_) | Self::Interrupted { .. } => None,
        }
    }

    /// A file or directory cannot be read.
    pub(crate) fn read(path: impl Into<String>, source: std::io::Error) -> Self {
        match NotHere::of(&source) {
            Some(not_here) => Self::NotHere(not_here.clone()),
            None => Self::Read { path: path.into(), source },
        }
    }

    pub(crate) fn config(place: Place, message: impl Into<String>) -> Self {
        Self::Config { place, message: message.into(), hint: None }
    }

    /// Something is called like a word of the command line.
    pub(crate) fn reserved(place: Place, name: &str) -> Self {
        let path = place.file().to_owned();
        let (directory, ending) =
            (path.split('/').next().unwrap_or_default(), if path.ends_with(".toml") { ".toml" } else { "" });
        let hint = format!("give it another name: git mv {path} {directory}/NAME{ending}");
        Self::config_hint(place, format!("`{name}` is a word of lockstep's own"), Some(hint))
    }

    pub(crate) fn config_hint(place: Place, message: impl Into<String>, hint: Option<String>) -> Self {
        Self::Config { place, message: message.into(), hint }
    }
}

/// Where something of a name is.
pub(super) fn place_of(what: &str, name: &str) -> String {
    format!("{what}s/{name}{}", if what == "module" { "" } else { ".toml" })
}

/// Why something of a name is not there.
pub(super) fn not_counted(ignored: Option<&str>) -> String {
    ignored.map_or_else(String::new, |path| format!(": git ignores `{path}`, so that nobody else has it"))
}

/// How to find out why git ignores a path.
pub(super) fn which_ignores(path: &str) -> String {
    format!("see which pattern does: git check-ignore -v {}", super::shell_word(path))
}

fn lines(violations: &[Violation]) -> String {
    violations.iter().map(|violation| format!("\n  {violation}")).collect()
}

/// A word from outside, safe to print, at most 80 characters of it.
pub(crate) fn printable(word: &str) -> String {
    crate::text::short(word, 80)
}
