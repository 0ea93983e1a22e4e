//! What a project demands of a tool: how long its commands may run, and in which version.

use std::fmt;

use serde::Deserialize;

use crate::env::{Span, SpanError};

/// How long a command may run, counted from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum TimeLimit {
    /// So long.
    After(Span),
    /// As long as it takes.
    Never,
}

/// Why a text is no limit of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeLimitError {
    /// It is no length of time.
    #[error(transparent)]
    Span(#[from] SpanError),
    /// No command ends before it starts.
    #[error("a limit of no time at all lets nothing run; for no limit write \"never\"")]
    Nothing,
}

impl TryFrom<String> for TimeLimit {
    type Error = TimeLimitError;
    fn try_from(text: String) -> Result<Self, TimeLimitError> {
        match text.as_str() {
            "never" => Ok(Self::Never),
            text => match text.parse::<Span>()? {
                span if span.seconds() == 0 => Err(TimeLimitError::Nothing),
                span => Ok(Self::After(span)),
            },
        }
    }
}

/// Which versions of a tool may be used, as cargo writes it: `>=1.8`, `>=1.6, <2`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct VersionRule {
    rule: semver::VersionReq,
    text: String,
}

/// Why a text is no rule for versions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a version requirement, such as \">=1.8\" or \">=1.6, <2\": {0}")]
pub struct VersionRuleError(String);

impl VersionRule {
    /// Whether a version satisfies it. A suffix by which a vendor marks his build (`1.29.3-eks-a1`) is
    /// no pre-release and does not count.
    pub fn allows(&self, version: &semver::Version) -> bool {
        let early = ["alpha", "beta", "rc", "dev", "pre", "snapshot", "nightly"];
        let plain = semver::Version::new(version.major, version.minor, version.patch);
        let is_early = early.iter().any(|word| version.pre.as_str().starts_with(word));
        self.rule.matches(version) || !is_early && self.rule.matches(&plain)
    }
}

impl TryFrom<String> for VersionRule {
    type Error = VersionRuleError;
    fn try_from(text: String) -> Result<Self, VersionRuleError> {
        let rule = text.parse().map_err(|error: semver::Error| VersionRuleError(error.to_string()))?;
        Ok(Self { rule, text })
    }
}

impl fmt::Display for VersionRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
