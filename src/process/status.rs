//! How a tool ended, and the exit code that stands for it.

use serde::{Deserialize, Serialize};

/// A tool's end: its exit code, or the signal that killed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolStatus {
    /// It ended by itself with this code.
    Code(u8),
    /// This signal killed it.
    Signal(u8),
}

impl ToolStatus {
    /// The code a shell would show: the tool's own, or 128 and the number of the signal.
    ///
    /// ```
    /// use lockstep::process::ToolStatus;
    /// assert_eq!(ToolStatus::Code(2).exit_code(), 2);
    /// assert_eq!(ToolStatus::Signal(15).exit_code(), 143);
    /// ```
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Code(code) => code,
            Self::Signal(number) => 128_u8.saturating_add(number),
        }
    }
}

/// What a wait for a child's end says. An end that is neither code nor signal (there is none on
/// the systems that we know) is a failure.
/// For an end that is neither code nor signal, which `wait` never reports: whatever it was, no success.
const UNKNOWN: u8 = 70;

impl From<std::process::ExitStatus> for ToolStatus {
    fn from(status: std::process::ExitStatus) -> Self {
        use std::os::unix::process::ExitStatusExt as _;
        match (status.code(), status.signal()) {
            // A Unix exit code has eight bits, a signal's number seven.
            (Some(code), _) => Self::Code((code & 0xff) as u8),
            (None, Some(signal)) => Self::Signal((signal & 0x7f) as u8),
            (None, None) => Self::Code(UNKNOWN),
        }
    }
}

impl std::fmt::Display for ToolStatus {
    /// ``` `exit code 2` ```, `signal 15 (SIGTERM)`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(number) => match signal_hook::low_level::signal_name(i32::from(number)) {
                Some(name) => write!(f, "signal {number} ({name})"),
                None => write!(f, "signal {number}"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::ExitStatus;

    use proptest::prelude::*;

    use super::ToolStatus;

    proptest! {
        #[test]
        fn an_exit_code_is_never_lost(code: u8) {
            let raw = ExitStatus::from_raw(i32::from(code) << 8);
            prop_assert_eq!(ToolStatus::from(raw), ToolStatus::Code(code));
            prop_assert_eq!(ToolStatus::from(raw).exit_code(), code);
        }

        #[test]
        fn a_signal_is_never_success(signal in 1_u8..=64, core in prop::bool::ANY) {
            let raw = ExitStatus::from_raw(i32::from(signal) | if core { 0x80 } else { 0 });
            prop_assert_eq!(ToolStatus::from(raw), ToolStatus::Signal(signal));
            prop_assert_eq!(ToolStatus::from(raw).exit_code(), 128 + signal);
        }
    }

    #[test]
    fn people_read_names() {
        assert_eq!(ToolStatus::Code(2).to_string(), "exit code 2");
        assert_eq!(ToolStatus::Signal(15).to_string(), "signal 15 (SIGTERM)");
    }
}
