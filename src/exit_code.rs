//! Every exit code of ours, in one table: what `--help`, the docs and the mapping of errors read.
//!
//! A tool's own code passes through unchanged; these are only for what lockstep itself decides.

/// Why lockstep itself ended a run; the number is what the shell sees.
///
/// ```
/// use lockstep::ExitCode;
/// assert_eq!(ExitCode::Held.code(), 75);
/// assert!(ExitCode::ALL.iter().all(|code| !code.meaning().is_empty() && !code.advice().is_empty()));
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
    /// Asked to end after a command had run.
    Stopped,
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
    pub const ALL: [ExitCode; 16] = [
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
        Self::Stopped,
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
            Self::Stopped => 80,
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
            Self::Stopped => "interrupted after a command had run; the lock is kept",
            Self::TimedOut => "the command ended well, but only after its limit of time; the lock is kept",
            Self::NotExecutable => "the program cannot be executed",
            Self::NotFound => "the program was not found",
            Self::Interrupted => "interrupted before a command ran",
        }
    }

    /// What its reader does next, in a sentence or two of Markdown for the documentation. It holds for
    /// every error of the code; an error's own hint is more exact and comes first.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Success => "Nothing: all of it is done.",
            Self::Found => {
                "Read what was found. After `build --check`: `lockstep diff` shows the difference. After \
                 `lockstep doctor`: each finding stands beside the command that mends it. Many tools end \
                 with 1 as well; then the tool has said why."
            }
            Self::Usage => {
                "Take the line that the hint offers, or see `lockstep --help`; `lockstep --dry-run …` shows what \
                 a line means and does nothing."
            }
            Self::Unreachable => {
                "See whether git reaches the remote (`git ls-remote`), or this machine AWS; then run the same \
                 again. If a command had run already, the lock is kept, and the hint says how to go on."
            }
            Self::Internal => "Report it, with the message. `lockstep locks` tells whether a lock is left.",
            Self::Io => {
                "The message names the file and what the operating system said: permissions, a full disk. \
                 Mend that and run the same again."
            }
            Self::Held => {
                "Wait with `--wait 10m`, or ask the holder whom the message names. If that run is dead: \
                 `lockstep unlock-any --reason TEXT -- MODULE PROFILE`. If the lock is frozen, the message has \
                 the `lockstep thaw …` that ends it. If a rendered directory is in use, wait for the process \
                 that is named."
            }
            Self::Lost => {
                "Stop and look: `lockstep log UNIT` says who took the lock and why. Where the lock is on \
                 the branch's remote, nothing was pushed after that; what the tool has changed, the tool knows."
            }
            Self::Refused => {
                "Bring the tree to where the message wants it: commit, `git pull --rebase`, `git push`. Then \
                 run the same again."
            }
            Self::Config => {
                "Mend the file and line that the message names. `lockstep validate -- MODULE PROFILE` finds the \
                 other faults of the unit at once, `lockstep doctor` those of git, remote and tools."
            }
            Self::PushRefused => {
                "The change is applied and the lock is kept. Type the line of the hint, most often `git pull \
                 --rebase && lockstep build git-check lock git-push unlock -- MODULE PROFILE`."
            }
            Self::Stopped => {
                "Look at what the command did. If it has succeeded, the hint has the line that goes on without \
                 running it again."
            }
            Self::TimedOut => {
                "Look whether the change is whole; run the same again, with a longer `timeout` under `[exec]` or \
                 `[tools.NAME]` if it needs one."
            }
            Self::NotExecutable => "See whether it is a program and may be run: `ls -l` and `chmod +x`.",
            Self::NotFound => {
                "Install the tool, or put its directory on `PATH`; the message says where it was looked for."
            }
            Self::Interrupted => {
                "No command was started, for an interrupt or because the question before a run of several units \
                 was not answered with yes. Run the same again."
            }
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
