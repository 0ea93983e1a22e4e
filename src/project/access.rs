//! What expressions may do beyond reading the project: read secrets and run commands.
//!
//! Only a run that renders has it. Everything else (`why`, `list`, `affected`, completion,
//! `--dry-run`) goes without, and what would need it stays [`Opaque`](super::Opaque).

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::params::Scope;
use super::{Params, ProjectError, Trust};
use crate::process::{CommandRunner, Interrupts, Stdio};

/// The right to read secrets and to run commands, with all that is needed for it.
#[derive(Clone)]
pub struct Access {
    /// Runs the commands.
    pub runner: Arc<dyn CommandRunner>,
    /// Reaches them.
    pub interrupts: Interrupts,
    /// Makes their whole environment. It is asked for when a command runs: most units have none.
    pub env: Surroundings,
    /// Where the streams of tools lead. Of these commands it decides where their standard error
    /// goes: their input is empty, and their output is what they are asked for.
    pub stdio: Stdio,
    /// What was answered so far.
    pub answers: Answers,
    /// Whether the project may start them.
    pub trust: Trust,
}

/// Where a command is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// In the module: it gets what the unit's other commands get.
    Module,
    /// In `lockstep.toml`, a profile or outside: its environment tells nothing of the unit, so that one
    /// answer is right for all.
    Project,
}

/// Makes the environment of commands.
pub type Surroundings = Arc<dyn Fn(Asker) -> Result<Vec<(OsString, OsString)>, ProjectError> + Send + Sync>;

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("stdio", &self.stdio).finish_non_exhaustive()
    }
}

impl Params {
    /// Lets expressions read secrets and run `data` commands.
    #[must_use]
    pub fn with_access(self, access: Access) -> Self {
        // Whoever says it first is right: nobody says it twice.
        let _ = self.scope.outside.access.set(access);
        self
    }

    /// Fails if the run was asked to end: to be said between two pieces of work, of which `what`, safe to
    /// print, is the next one.
    pub(crate) fn go_on_with(&self, what: &str) -> Result<(), ProjectError> {
        match self.scope.outside.access.get().and_then(|access| access.interrupts.requested()) {
            Some(signal) => Err(ProjectError::Interrupted { program: what.to_owned(), signal }),
            None => Ok(()),
        }
    }
}

/// What a secret or a command said.
pub(super) type Answer = Arc<Vec<u8>>;

/// What can be asked.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Question {
    File(PathBuf),
    Command { argv: Vec<String>, env: Vec<(OsString, OsString)> },
    Outputs { directory: PathBuf, argv: Vec<String>, asker: String },
}

/// One question; whoever holds it is the one that asks.
type Slot = Arc<Mutex<Option<Answer>>>;

/// What was answered during a run, so that nothing is asked twice. In memory only. Cloning shares.
#[derive(Clone, Default)]
pub struct Answers(Arc<Mutex<HashMap<Question, Slot>>>);

impl fmt::Debug for Answers {
    /// Nothing: they are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answers")
    }
}

impl Answers {
    /// The answer of before, or a new one. Another thread that asks the same waits for it; after a
    /// failure the next one asks again.
    pub(super) fn get<E>(
        &self,
        question: Question,
        ask: impl FnOnce() -> Result<Answer, E>,
    ) -> Result<Answer, E> {
        // Both are whole at every moment, whoever panics.
        let slot = {
            let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(slots.entry(question).or_default())
        };
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        match &*slot {
            Some(answer) => Ok(Arc::clone(answer)),
            None => Ok(Arc::clone(slot.insert(ask()?))),
        }
    }
}

impl Scope {
    /// Reads a file, once in a run.
    pub(super) fn read_once<E>(
        &self,
        path: &Path,
        read: impl FnOnce() -> Result<Answer, E>,
    ) -> Result<Answer, E> {
        match self.outside.access.get() {
            Some(access) => access.answers.get(Question::File(path.to_owned()), read),
            None => read(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_kept_and_a_failure_is_not() {
        let answers = Answers::default();
        let question = || Question::File("x".into());
        assert_eq!(answers.get(question(), || Err("no")), Err("no"));
        assert_eq!(answers.get(question(), || Ok::<_, ()>(Arc::new(vec![1]))), Ok(Arc::new(vec![1])));
        let other = answers.clone();
        assert_eq!(other.get(question(), || Err("asked again")), Ok(Arc::new(vec![1])));
        assert_eq!(format!("{answers:?}"), "Answers");
    }
}
