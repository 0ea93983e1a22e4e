//! Any error that can end a run: the sum of the modules' own, and the one mapping onto exit codes.
//!
//! The match is exhaustive on purpose: a new error cannot be added without deciding what the shell,
//! a script and a service make of it. Hints are the command line's business (`cli::diagnose`).

use crate::ExitCode;
use crate::env::Span;
use crate::git::{BaseError, CheckRefusal, GitError};
use crate::lock::{DynamoError, LockError};
use crate::process::{ProcessError, Signal, ToolStatus};
use crate::project::{Place, ProjectError};
use crate::render::RenderError;
use crate::scaffold::ScaffoldError;
use crate::steps::PushError;
use crate::workflow::{OrderError, ParseError, PlanError, SavedPlanError, StageError, VersionError};

/// Why a request was refused or a run ended. Each variant is a module's own error, unchanged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The words make no pipeline.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// The steps cannot run in this order.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// The request makes no plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A staged workflow cannot be run like that.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// A tool is not of the version that the project wants.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// The project or its configuration.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// Rendering the unit.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// Making the first files of something.
    #[error(transparent)]
    Scaffold(#[from] ScaffoldError),
    /// git-check refused.
    #[error(transparent)]
    Check(#[from] CheckRefusal),
    /// A saved plan is of something else than what would be applied.
    #[error(transparent)]
    SavedPlan(#[from] SavedPlanError),
    /// The repository or its remote.
    #[error(transparent)]
    Git(#[from] GitError),
    /// There is no commit to compare with.
    #[error(transparent)]
    Base(#[from] BaseError),
    /// The lock.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The branch was not pushed.
    #[error(transparent)]
    Push(#[from] PushError),
    /// A tool could not be run.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A tool ran and failed; its own code is the run's.
    #[error("`{program}` {}", ended(*.status))]
    CommandFailed {
        /// Its name and known subcommand.
        program: String,
        /// How it ended.
        status: ToolStatus,
    },
    /// A tool had to be asked to end because its limit of time was over. If it failed, its own code
    /// is the run's.
    #[error("`{program}` ran longer than its limit of {limit} and {}", ended(*.status))]
    TimedOut {
        /// Its name and known subcommand.
        program: String,
        /// The limit.
        limit: Span,
        /// How it ended.
        status: ToolStatus,
        /// Whether that would have been success in time.
        ok: bool,
    },
    /// Whoever was asked whether the plan may be run did not say yes.
    #[error("nothing was done")]
    Declined,
    /// Asked to end before any command had started.
    #[error("interrupted before a command ran")]
    Interrupted(Signal),
    /// A command ended as after success, and its tool does so too when it was interrupted or declined.
    #[error("`{program}` ended with 0, as it does {why}: that does not say whether it has finished")]
    Unproven {
        /// The command.
        program: String,
        /// When else it ends so.
        why: String,
    },
    /// Asked to end between commands.
    #[error("stopped by {0} after a command had run")]
    Stopped(Signal),
    /// Reading or writing something of ours failed.
    #[error("cannot {what}")]
    Io {
        /// What was being done, and to which file.
        what: String,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
}

fn ended(status: ToolStatus) -> String {
    match status {
        ToolStatus::Code(code) => format!("ended with exit code {code}"),
        ToolStatus::Signal(number) => format!("was killed by signal {number}"),
    }
}

impl Error {
    /// Which of our reasons this is. For a tool's failure the shell sees another number: see
    /// [`Error::exit_code`].
    pub fn kind(&self) -> ExitCode {
        match self {
            Self::Stage(
                StageError::Word { .. } | StageError::NoStages { .. } | StageError::Unreadable { .. },
            ) => ExitCode::Config,
            Self::Parse(_) | Self::Order(_) | Self::Plan(_) | Self::Stage(_) => ExitCode::Usage,
            Self::Version(_) => ExitCode::Config,
            Self::Project(error) => project(error),
            Self::Render(error) => render(error),
            Self::Scaffold(error) => scaffold(error),
            Self::Check(_) | Self::SavedPlan(_) => ExitCode::Refused,
            Self::Git(error) => git(error),
            Self::Base(BaseError::Unknown { .. } | BaseError::Apart { shallow: false, .. }) => {
                ExitCode::Usage
            }
            Self::Base(BaseError::Apart { shallow: true, .. } | BaseError::BeforePush { .. }) => {
                ExitCode::Config
            }
            Self::Base(BaseError::Git(error)) => git(error),
            Self::Lock(error) => lock(error),
            Self::Push(_) => ExitCode::PushRefused,
            Self::Process(ProcessError::NotFound { .. }) => ExitCode::NotFound,
            Self::Process(ProcessError::NotExecutable { .. } | ProcessError::TooLarge { .. }) => {
                ExitCode::NotExecutable
            }
            Self::Process(ProcessError::Directory { .. } | ProcessError::Loop { .. }) => ExitCode::Config,
            Self::Process(ProcessError::Interrupted { .. }) => ExitCode::Interrupted,
            Self::Process(ProcessError::Io { .. }) | Self::Io { .. } => ExitCode::Io,
            Self::CommandFailed { .. } => ExitCode::Found,
            Self::TimedOut { .. } => ExitCode::TimedOut,
            Self::Declined | Self::Interrupted(_) => ExitCode::Interrupted,
            Self::Stopped(_) | Self::Unproven { .. } => ExitCode::Stopped,
        }
    }

    /// What the shell sees when this ends a run.
    pub fn exit_code(&self) -> u8 {
        match self {
            // Code 0 fails only where `[tools.X] success` leaves it out; it must not look like success.
            Self::CommandFailed { status, .. } | Self::TimedOut { status, ok: false, .. } => {
                status.exit_code().max(1)
            }
            other => other.kind().code(),
        }
    }

    /// The file and line of the user's that this is about, where it is about one.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Project(error) => project_place(error),
            Self::Render(error) => render_place(error),
            Self::Stage(StageError::Word { place, .. }) => Some(place),
            _ => None,
        }
    }

    /// Whether the same request can succeed later without anyone changing it.
    pub fn retryable(&self) -> bool {
        match self {
            Self::CommandFailed { .. } | Self::TimedOut { .. } => false,
            // Another run moved the branch: fetching again is all that is needed.
            Self::Lock(LockError::BranchMoved { .. }) => true,
            other => other.kind().retryable(),
        }
    }
}

fn render_place(error: &RenderError) -> Option<&Place> {
    match error {
        RenderError::Project(error) | RenderError::Parameter { source: error, .. } => project_place(error),
        RenderError::Unrenderable { source, .. } => render_place(source),
        RenderError::Template { place, .. } => Some(place),
        _ => None,
    }
}

fn project_place(error: &ProjectError) -> Option<&Place> {
    match error {
        ProjectError::Config { place, .. } | ProjectError::Version { place, .. } => Some(place),
        _ => None,
    }
}

fn project(error: &ProjectError) -> ExitCode {
    match error {
        ProjectError::NoProject { .. }
        | ProjectError::Foreign { .. }
        | ProjectError::Elsewhere { .. }
        | ProjectError::Untrusted { .. }
        | ProjectError::Config { .. }
        | ProjectError::Invalid { .. }
        | ProjectError::Version { .. }
        | ProjectError::BadName { .. }
        | ProjectError::NotHere(_)
        | ProjectError::Opaque(_) => ExitCode::Config,
        ProjectError::Interrupted { .. } => ExitCode::Interrupted,
        ProjectError::Read { .. } | ProjectError::NotKept { .. } => ExitCode::Io,
        ProjectError::Unknown { .. }
        | ProjectError::Staged { .. }
        | ProjectError::NotOne { .. }
        | ProjectError::NothingSelected { .. }
        | ProjectError::Pattern { .. }
        | ProjectError::NotAUnit { .. }
        | ProjectError::NotWritten { .. }
        | ProjectError::NoneHere { .. }
        | ProjectError::Override { .. } => ExitCode::Usage,
    }
}

fn render(error: &RenderError) -> ExitCode {
    match error {
        RenderError::Project(error) | RenderError::Parameter { source: error, .. } => project(error),
        RenderError::Unrenderable { source, .. } => render(source),
        RenderError::Template { .. }
        | RenderError::Faults { .. }
        | RenderError::Source { .. }
        | RenderError::Undelivered { .. }
        | RenderError::Leftover { .. }
        | RenderError::Output { .. }
        | RenderError::Edited { .. }
        | RenderError::Obstructed { .. } => ExitCode::Config,
        RenderError::Busy { .. } => ExitCode::Held,
        RenderError::WouldChange { .. } | RenderError::Gone { .. } => ExitCode::Found,
        RenderError::NoSuchOutput { .. }
        | RenderError::Sensitive { .. }
        | RenderError::CannotSave { .. }
        | RenderError::SaveIgnored { .. } => ExitCode::Usage,
        RenderError::Git(error) => git(error),
        RenderError::Io { .. } => ExitCode::Io,
    }
}

fn scaffold(error: &ScaffoldError) -> ExitCode {
    match error {
        ScaffoldError::Taken { .. }
        | ScaffoldError::Reserved { .. }
        | ScaffoldError::Name(_)
        | ScaffoldError::Unanswered { .. } => ExitCode::Usage,
        ScaffoldError::AlreadyProject { .. } | ScaffoldError::NoRepository { .. } => ExitCode::Config,
        ScaffoldError::NoAnswer => ExitCode::Interrupted,
        ScaffoldError::Git(error) => git(error),
        ScaffoldError::InProject(error) => project(error),
        ScaffoldError::Write(error) => render(error),
    }
}

fn git(error: &GitError) -> ExitCode {
    match error {
        GitError::Unreachable { .. } => ExitCode::Unreachable,
        GitError::NoRepository { .. }
        | GitError::NotAtomic { .. }
        | GitError::NoPushOptions { .. }
        | GitError::Owner { .. }
        | GitError::Config(_) => ExitCode::Config,
        GitError::Program(_) => ExitCode::NotFound,
        GitError::Failed { .. } | GitError::Locked { .. } | GitError::Repository { .. } => ExitCode::Io,
        GitError::Interrupted { .. } => ExitCode::Interrupted,
    }
}

fn lock(error: &LockError) -> ExitCode {
    match error {
        LockError::Held { .. } | LockError::Generation { .. } | LockError::Contended { .. } => ExitCode::Held,
        LockError::Lost { .. } => ExitCode::Lost,
        LockError::BranchMoved { .. } | LockError::Stale { .. } | LockError::NotInEffect { .. } => {
            ExitCode::Refused
        }
        LockError::ReasonMissing { .. } => ExitCode::Usage,
        LockError::Unreachable { .. } | LockError::Ambiguous { .. } => ExitCode::Unreachable,
        // The server will say the same again until somebody gives it other settings or another prefix.
        LockError::Denied { .. } | LockError::Hidden { .. } => ExitCode::Config,
        LockError::Record { .. }
        | LockError::Damaged { .. }
        | LockError::Gone { .. }
        | LockError::Config(_) => ExitCode::Config,
        LockError::Dynamo(error) => dynamo(error),
        LockError::Git(error) => git(error),
        LockError::Io { .. } => ExitCode::Io,
    }
}

fn dynamo(error: &DynamoError) -> ExitCode {
    match error {
        DynamoError::Throttled { .. } => ExitCode::Unreachable,
        DynamoError::Interrupted { .. } => ExitCode::Interrupted,
        DynamoError::TooManyKeys { .. } => ExitCode::Usage,
        DynamoError::NoRegion { .. }
        | DynamoError::BadRegion { .. }
        | DynamoError::NoCredentials { .. }
        | DynamoError::NoProfile { .. }
        | DynamoError::BadFile { .. }
        | DynamoError::BadSource { .. }
        | DynamoError::HalfKeys { .. }
        | DynamoError::SingleSignOn { .. }
        | DynamoError::NoRoots
        | DynamoError::CredentialsFailed { .. }
        | DynamoError::BadCredentials { .. }
        | DynamoError::NoTable { .. }
        | DynamoError::OtherKey { .. }
        | DynamoError::AccessDenied { .. }
        | DynamoError::Rejected { .. } => ExitCode::Config,
    }
}
