//! Why a unit cannot be rendered. Messages hold names and places, never values of parameters.

use std::fmt;
use std::path::Path;

use super::BuildRequest;
use super::guard::Holder;
use super::save::SAVED_BY_DEFAULT;
use crate::git::GitError;
use crate::process::{Living, listed};
use crate::project::{Place, ProjectError, UnitId, strict};
use crate::text::shell_shown;

/// Why a unit was not rendered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    /// A template cannot be read or evaluated.
    #[error("{place}: {message}{excerpt}")]
    Template {
        /// The template's file and line.
        place: Place,
        /// What is wrong.
        message: String,
        /// The line with a caret below it.
        excerpt: Excerpt,
    },
    /// Several things keep a unit from being rendered.
    #[error("`{unit}` has {} faults:{}", .faults.len(), faults.iter().map(|fault| format!("\n{fault}")).collect::<String>())]
    Faults {
        /// The unit.
        unit: UnitId,
        /// Each of them.
        faults: Vec<RenderError>,
    },
    /// A parameter that a template asked for cannot be evaluated.
    #[error("{source} (used in {used_in})")]
    Parameter {
        /// What is wrong with it, and where.
        source: ProjectError,
        /// The template.
        used_in: Place,
    },
    /// Units of which nobody can tell whether they are affected.
    #[error("{} cannot be rendered: {source}", few(.units))]
    Unrenderable {
        /// All that share the reason, sorted.
        units: Vec<UnitId>,
        /// The reason.
        source: Box<RenderError>,
    },
    /// The configuration.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// A file of the module cannot be used.
    #[error("`{path}` {why}")]
    Source {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// Files of the module are what a tool keeps for itself.
    #[error("what a tool keeps for itself is no source of a module: {}", some(.files.iter().map(|(path, what)| format!("`{path}` ({what})"))))]
    Leftover {
        /// The files and directories, relative to the project and safe to print, each with what it is.
        files: Vec<(String, &'static str)>,
        /// How to get rid of them.
        cure: String,
    },
    /// What the disk has is not what the commit has for others.
    #[error("`{path}` {why}")]
    Undelivered {
        /// The file.
        path: String,
        /// What it is instead.
        why: &'static str,
        /// The command that puts it right.
        cure: String,
    },
    /// A file's rendered name cannot be used.
    #[error("`{path}` makes an output that cannot be: {why}")]
    Output {
        /// The source file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// Something in the rendered directory is not what lockstep put there.
    #[error("{}", edited(.unit, .files, .foreign))]
    Edited {
        /// The unit.
        unit: UnitId,
        /// The files, relative to the unit's directory.
        files: Vec<String>,
        /// Those of them that lockstep never made.
        foreign: Box<[String]>,
        /// Where changes belong, and what makes the files anew.
        cure: String,
    },
    /// `build --check`: a build would change something.
    #[error("`{unit}` would change: {}", some(.files.iter().cloned()))]
    WouldChange {
        /// The unit.
        unit: UnitId,
        /// The files, relative to the unit's directory, each with what would happen to it.
        files: Vec<String>,
    },
    /// `build --check`: what was made for a unit that is gone would go.
    #[error("`{unit}` is no unit any more, and what was rendered for it is still there: {}", list(.files))]
    Gone {
        /// The unit.
        unit: UnitId,
        /// The files, relative to its directory.
        files: Vec<String>,
    },
    /// `build --print`: nothing makes such a file.
    #[error("`{unit}` has no file `{file}`")]
    NoSuchOutput {
        /// The unit.
        unit: UnitId,
        /// What was asked for, safe to print.
        file: String,
        /// The file that was probably meant.
        nearest: Option<String>,
        /// The files that there are, safe to print.
        known: Vec<String>,
    },
    /// `build --print`: the file holds secrets.
    #[error("`{}` holds sensitive parameters, and is not printed", .file.escape_debug())]
    Sensitive {
        /// The unit.
        unit: UnitId,
        /// The file, relative to the unit's directory.
        file: String,
        /// What writes it, without the program: `build -- alpha prod`.
        again: String,
    },
    /// `save`: a file must not become part of the module.
    #[error("cannot save `{path}`: {why}")]
    CannotSave {
        /// The file, relative to the project, safe to print.
        path: String,
        /// Why.
        why: String,
    },
    /// `save`: git ignores the file in the module.
    #[error(
        "cannot save `{path}`: git ignores `{to}`, so that it would not be committed, and no build read it"
    )]
    SaveIgnored {
        /// The file, relative to the project, safe to print.
        path: String,
        /// Where it would be saved, relative to the project, safe to print.
        to: String,
    },
    /// Something stands where a file or a directory has to be.
    #[error("`{path}` is in the way: {why}")]
    Obstructed {
        /// The path, relative to the project.
        path: String,
        /// What it is.
        why: String,
    },
    /// Another run uses the rendered directory, and this one would change it.
    #[error("`{unit}` would change, and its rendered directory is in use{}", used_by(.holders, .processes))]
    Busy {
        /// The unit.
        unit: UnitId,
        /// Who uses it, as far as it can be told.
        holders: Vec<Holder>,
        /// The processes that have the directory's lock open, where the system shows them.
        processes: Vec<Living>,
        /// That lock, a file.
        lock: Box<Path>,
    },
    /// The repository's index cannot be read.
    #[error(transparent)]
    Git(#[from] GitError),
    /// Reading or writing failed.
    #[error("cannot {what} `{path}`")]
    Io {
        /// What was being done.
        what: &'static str,
        /// To what.
        path: String,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
}

/// A line of a template with a caret below it; empty if there is none to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Excerpt(pub(super) String);

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl RenderError {
    /// Files of a unit were edited.
    pub(super) fn edited(
        request: &BuildRequest<'_>,
        files: Vec<String>,
        foreign: Vec<String>,
        newer: &[String],
    ) -> Self {
        let (project, unit) = (request.project, request.unit);
        let (module, again) = (project.source_of(&unit.module), project.line_to_build(unit));
        let holds = |files: &[String]| files.iter().any(|file| file == SAVED_BY_DEFAULT);
        let cure = match (holds(&files), holds(newer)) {
            // To save what lies here would undo somebody's commit.
            (true, true) => format!(
                "`modules/{module}` has another `{SAVED_BY_DEFAULT}` than was rendered here last, of a newer commit or another \
                 profile; to go on with that: lockstep --force {again}, and then the tool's init"
            ),
            (true, false) => {
                format!("a tool has renewed `{SAVED_BY_DEFAULT}`; to keep that: lockstep save {unit}")
            }
            (false, _) => format!(
                "move what you need into `modules/{module}` (what a tool rewrote: lockstep save {unit} FILE), then \
                 `lockstep --force {again}` overwrites them"
            ),
        };
        Self::Edited { unit: unit.clone(), files, foreign: foreign.into(), cure }
    }

    /// What gets the user further, as a line for people.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Edited { cure, .. } | Self::Undelivered { cure, .. } | Self::Leftover { cure, .. } => {
                Some(cure.clone())
            }
            Self::WouldChange { unit, .. } => {
                Some(format!("to see how: lockstep diff -- {} {}", unit.module, unit.profile))
            }
            Self::Gone { .. } => Some(format!("to remove it: {REMOVE_GONE}")),
            Self::Sensitive { unit, file, again } => Some(format!(
                "`lockstep {again}` writes it for you alone: .dist/{unit}/{}",
                file.escape_debug()
            )),
            Self::NoSuchOutput { nearest: Some(nearest), .. } => {
                Some(format!("did you mean `{}`?", nearest.escape_debug()))
            }
            Self::NoSuchOutput { known, .. } => Some(format!("its files: {}", some(known.iter().map(|file| format!("`{file}`"))))),
            Self::Busy { processes, lock, .. } if processes.is_empty() => Some(format!(
                "wait until that command has ended, then run this one again; to see which it is: lsof {}",
                lock.display()
            )),
            Self::Busy { .. } => Some("wait until that command has ended, then run this one again".into()),
            Self::Obstructed { path, .. } => Some(format!("look at `{path}`, then move it away")),
            Self::Project(error) | Self::Parameter { source: error, .. } => error.hint(),
            Self::Unrenderable { source, .. } => source.hint(),
            Self::Faults { faults, .. } => faults.iter().find_map(Self::hint),
            Self::Template { message, .. } if message.starts_with("`data") && is_undefined(message) => {
                Some("declare it: `[data.NAME]` with a `command`, in lockstep.toml or a profile".into())
            }
            Self::Template { message, .. } if is_undefined(message) && !message.starts_with("`loop.") => Some(
                "give it a value under [params] in the profile, or a default under [params] in module.toml"
                    .into(),
            ),
            Self::Template { message, .. } if message.starts_with(strict::NO_SUCH_FILE) => Some(
                "names are seen from the module, `./x` from the file itself, `_partials/x` is modules/_partials/x"
                    .into(),
            ),
            Self::SaveIgnored { to, .. } => {
                Some(format!("see which pattern does: git check-ignore -v {}", shell_shown(to)))
            }
            Self::Template { .. }
            | Self::Source { .. }
            | Self::Output { .. }
            | Self::CannotSave { .. }
            | Self::Git(_)
            | Self::Io { .. } => None,
        }
    }
}

/// What removes all that was made for units that are gone.
pub(crate) const REMOVE_GONE: &str = "lockstep build -- '*' '*'";

/// Whether somebody asked to end.
pub(super) fn is_interrupt(error: &RenderError) -> bool {
    match error {
        RenderError::Project(error) | RenderError::Parameter { source: error, .. } => {
            matches!(error, ProjectError::Interrupted { .. })
        }
        _ => false,
    }
}

/// What was changed, and what lockstep never made.
fn edited(unit: &UnitId, files: &[String], foreign: &[String]) -> String {
    let changed: Vec<String> = files.iter().filter(|file| !foreign.contains(file)).cloned().collect();
    let said = match changed.is_empty() {
        true => {
            return format!(
                "`{unit}` makes files where others stand, which lockstep did not make: {}",
                list(foreign)
            );
        }
        false => format!("generated files of `{unit}` were changed by something else: {}", list(&changed)),
    };
    match foreign.is_empty() {
        true => said,
        false => format!(
            "{said}; and lockstep did not make these, in whose place it makes files: {}",
            list(foreign)
        ),
    }
}

/// Whether a message says of a name that it has no value, not of what a filter gave.
fn is_undefined(message: &str) -> bool {
    (message.starts_with('`') || message.starts_with("in the name `")) && message.contains("` is undefined")
}

/// Files by name, the first ten.
pub(crate) fn list(files: &[String]) -> String {
    some(files.iter().map(|file| format!("`{}`", file.escape_debug())))
}

/// Units that have one thing in common: a profile's mistake may be that of hundreds.
fn few(units: &[UnitId]) -> String {
    first(3, units.iter().map(|unit| format!("`{unit}`")))
}

/// The first ten, and how many more there are.
fn some(items: impl ExactSizeIterator<Item = String>) -> String {
    first(10, items)
}

fn first(most: usize, items: impl ExactSizeIterator<Item = String>) -> String {
    let more = items.len().saturating_sub(most);
    let mut text = items.take(most).collect::<Vec<_>>().join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

fn used_by(holders: &[Holder], processes: &[Living]) -> String {
    if holders.is_empty() && !processes.is_empty() {
        return format!(" by {}, which an earlier run started", listed(processes));
    }
    if holders.is_empty() {
        return " by a command that an earlier run started".to_owned();
    }
    let one = |holder: &Holder| format!("{} (process {}, run {})", holder.program, holder.pid, holder.run);
    format!(" by {}", holders.iter().map(one).collect::<Vec<_>>().join(", "))
}
