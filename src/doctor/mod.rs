//! Looking over everything that a run stands on, before one is begun: git, the remote, the lock, the
//! tools, the project's files and what lies in `.dist`.
//!
//! Each check is one function in [`CHECKS`]. It gives findings and never an error: what it cannot tell
//! is a finding too, so that no check hides another. Nothing is changed, but for a ref on the remote
//! that is made and deleted where that was asked for ([`Options::probe`]). Messages hold no secrets and
//! nothing that acts on a terminal.

mod dist;
mod files;
mod inputs;
mod locks;
mod repository;
mod scene;
mod tools;

use std::path::Path;

use serde::Serialize;

pub use scene::Options;

use crate::env::Environment;
use scene::Scene;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// All is well.
    Ok,
    /// It works, and something may surprise.
    Warning,
    /// Something does not work.
    Problem,
    /// It was not looked at.
    Skipped,
}

impl Severity {
    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
            Self::Skipped => "skipped",
        }
    }
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which check: `git.version`. It stays the same from version to version.
    pub id: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What it is about where a check looks at several things: a program, a lock, a file with its line.
    pub subject: Option<String>,
    /// What was found, one line.
    pub message: String,
    /// A command to copy, or a few words around one.
    pub cure: Option<String>,
}

impl Finding {
    fn new(id: &'static str, severity: Severity, message: impl Into<String>) -> Self {
        let message: String = message.into();
        Self {
            id,
            severity,
            subject: None,
            message: message.lines().collect::<Vec<_>>().join(" "),
            cure: None,
        }
    }

    fn ok(id: &'static str, message: impl Into<String>) -> Self {
        Self::new(id, Severity::Ok, message)
    }

    fn warning(id: &'static str, message: impl Into<String>) -> Self {
        Self::new(id, Severity::Warning, message)
    }

    fn problem(id: &'static str, message: impl Into<String>) -> Self {
        Self::new(id, Severity::Problem, message)
    }

    fn skipped(id: &'static str, message: impl Into<String>) -> Self {
        Self::new(id, Severity::Skipped, message)
    }

    fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    fn cure(mut self, cure: impl Into<String>) -> Self {
        self.cure = Some(cure.into());
        self
    }
}

/// One thing that is looked at.
pub struct Check {
    /// The id of its findings.
    pub id: &'static str,
    run: fn(&'static str, &Scene<'_>) -> Vec<Finding>,
}

/// Every check, in the order of the report.
pub const CHECKS: &[Check] = &[
    Check { id: "git.version", run: repository::version },
    Check { id: "git.repository", run: repository::repository },
    Check { id: "git.history", run: repository::history },
    Check { id: "git.upstream", run: repository::upstream },
    Check { id: "git.remote", run: repository::remote },
    Check { id: "git.push", run: repository::push },
    Check { id: "project.found", run: files::found },
    Check { id: "project.files", run: files::readable },
    Check { id: "project.unused", run: files::unused },
    Check { id: "project.inputs", run: inputs::committed },
    Check { id: "dist.ignored", run: dist::ignored },
    Check { id: "dist.tracked", run: dist::tracked },
    Check { id: "dist.state", run: dist::state },
    Check { id: "dist.unsaved", run: dist::unsaved },
    Check { id: "dist.gone", run: dist::gone },
    Check { id: "lock.owner", run: locks::owner },
    Check { id: "lock.backend", run: locks::backend },
    Check { id: "lock.records", run: locks::records },
    Check { id: "lock.own", run: locks::own },
    Check { id: "lock.clock", run: locks::clock },
    Check { id: "lock.names", run: locks::names },
    Check { id: "tools.found", run: tools::found },
    Check { id: "tools.loop", run: tools::loops },
];

/// Runs every check for the directory in which the user stands. The findings are in the order of
/// [`CHECKS`], at least one for each.
pub fn examine(directory: &Path, env: &Environment, options: &Options) -> Vec<Finding> {
    let scene = Scene::set(directory, env, options);
    CHECKS.iter().flat_map(|check| (check.run)(check.id, &scene)).collect()
}

/// An error with its causes, on one line.
fn said(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// `1 lock`, `2 locks`.
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_every_check_finds_something_even_where_there_is_nothing() {
        let mut ids: Vec<_> = CHECKS.iter().map(|check| check.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), CHECKS.len());
        let directory = tempfile::tempdir().unwrap();
        let env = Environment::new(directory.path(), [("PATH", "/nonexistent")]);
        let findings = examine(directory.path(), &env, &Options::default());
        for check in CHECKS {
            assert!(findings.iter().any(|finding| finding.id == check.id), "{}", check.id);
        }
        assert_eq!(findings[0].severity, Severity::Problem, "{:?}", findings[0]);
        let problems: Vec<_> =
            findings.iter().filter(|f| f.severity == Severity::Problem).map(|f| f.id).collect();
        assert_eq!(problems, ["git.version", "project.found"]);
    }
}
