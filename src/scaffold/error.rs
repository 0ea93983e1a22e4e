//! Why nothing was made.

use crate::git::GitError;
use crate::project::{NameError, ProjectError};
use crate::render::RenderError;

/// Why a project, a module, a profile or a workflow was not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScaffoldError {
    /// Something else has the name.
    #[error("a {what} cannot be named `{name}`: there is `{by}` already")]
    Taken {
        /// Module, profile or workflow.
        what: &'static str,
        /// The name.
        name: String,
        /// What is there.
        by: String,
    },
    /// The name is a word of the command line.
    #[error("a {what} cannot be named `{name}`: that is a word of lockstep's own")]
    Reserved {
        /// Module or workflow.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// The text is no name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The directory is in a project already.
    #[error("`{root}` is a project already: it holds `lockstep.toml`")]
    AlreadyProject {
        /// Its root.
        root: String,
    },
    /// The directory is in no repository.
    #[error("`{path}` is not in a git repository")]
    NoRepository {
        /// The directory.
        path: String,
    },
    /// Somebody must answer, and nobody is there.
    #[error("nobody is there to answer; say {missing}, or take the defaults with --yes")]
    Unanswered {
        /// The options that are missing.
        missing: String,
    },
    /// The question was not answered.
    #[error("no answer")]
    NoAnswer,
    /// The repository.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The project.
    #[error(transparent)]
    InProject(#[from] ProjectError),
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] RenderError),
}

impl ScaffoldError {
    /// What gets the user further, as a line for people.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Taken { .. } | Self::Reserved { .. } => Some("choose another name".into()),
            Self::Name(_) => {
                Some("letters, digits, `-`, `_` and `.`, beginning with none of `-` and `.`".into())
            }
            Self::AlreadyProject { .. } => {
                Some("what is in it: lockstep list; one more module: lockstep new module NAME".into())
            }
            Self::NoRepository { .. } => Some("git init && lockstep init".into()),
            Self::Unanswered { .. } => Some("lockstep init --yes".into()),
            Self::InProject(error) => error.hint(),
            Self::Write(error) => error.hint(),
            Self::NoAnswer | Self::Git(_) => None,
        }
    }
}
