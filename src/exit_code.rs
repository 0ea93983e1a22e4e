//! Every exit code of ours, in one table: what `--help`, the docs and the mapping of errors read.
//!
//! A tool's own code passes through unchanged; these are only for what lockstep itself decides.

/// Why lockstep itself ended a run; the number is what the shell sees.
///
/// ```
/// use lockstep::ExitCode;
/// assert_eq!(ExitCode::Held.code(), 75);
/// assert!(ExitCode::ALL.iter().all(|code| !code.meaning().is_empty()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitCode {
    /// Everything that was asked for was done.
    Success,
    /// A `--check` found something.
    Found,
    /// The command line makes no sense.
    Usage,
    /// A remote or a lock backend cannot be reached.
    Unreachable,
    /// A defect of lockstep.
    Internal,
    /// Reading or writing a file failed.
    Io,
    /// Somebody else holds the lock, or a rendered directory is in use.
    Held,
    /// The lock that this run took is no longer its own.
    Lost,
    /// The tree is not clean, not current, or older than what was last applied.
    Refused,
    /// The configuration is wrong.
    Config,
    /// The push was refused after the command had succeeded.
    PushRefused,
    /// A command ended well, but only after its limit of time.
    TimedOut,
    /// The program exists but cannot be executed.
    NotExecutable,
    /// The program does not exist.
    NotFound,
    /// Interrupted before a command ran.
    Interrupted,
}

impl ExitCode {
    /// All codes, in the order in which they are shown.
    pub const ALL: [ExitCode; 15] = [
        Self::Success,
        Self::Found,
        Self::Usage,
        Self::Unreachable,
        Self::Internal,
        Self::Io,
        Self::Held,
        Self::Lost,
        Self::Refused,
        Self::Config,
        Self::PushRefused,
        Self::TimedOut,
        Self::NotExecutable,
        Self::NotFound,
        Self::Interrupted,
    ];

    /// The number that the shell sees.
    pub const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Found => 1,
            Self::Usage => 64,
            Self::Unreachable => 69,
            Self::Internal => 70,
            Self::Io => 74,
            Self::Held => 75,
            Self::Lost => 76,
            Self::Refused => 77,
            Self::Config => 78,
            Self::PushRefused => 79,
            Self::TimedOut => 124,
            Self::NotExecutable => 126,
            Self::NotFound => 127,
            Self::Interrupted => 130,
        }
    }

    /// One line that says what the code means to its reader.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Success => "everything that was asked for was done",
            Self::Found => "a --check or doctor found something",
            Self::Usage => "the command line makes no sense",
            Self::Unreachable => "a remote or lock backend cannot be reached",
            Self::Internal => "a defect of lockstep",
            Self::Io => "reading or writing a file failed",
            Self::Held => "the lock is held by another, or the rendered directory is in use",
            Self::Lost => "the lock was lost: evicted or taken over by another",
            Self::Refused => "git-check refused: not clean, not current, or older than what was applied",
            Self::Config => "the configuration is wrong, or a generated file was edited",
            Self::PushRefused => "the push was refused after the command had succeeded; the lock is kept",
            Self::TimedOut => "the command ended well, but only after its limit of time; the lock is kept",
            Self::NotExecutable => "the program cannot be executed",
            Self::NotFound => "the program was not found",
            Self::Interrupted => "interrupted before a command ran",
        }
    }

    /// Whether the same request can succeed later without anyone changing it.
    pub const fn retryable(self) -> bool {
        matches!(self, Self::Unreachable | Self::Held | Self::Interrupted)
    }
}

#[cfg(test)]
mod tests {
    use super::ExitCode;

    #[test]
    fn codes_are_unique_and_leave_the_tool_its_own() {
        let mut codes: Vec<u8> = ExitCode::ALL.iter().map(|c| c.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), ExitCode::ALL.len());
        // 2 to 63 belong to tools: `tofu plan -detailed-exitcode`, `kubectl diff`, ...
        assert!(codes.iter().all(|c| *c < 2 || *c > 63));
    }
}
