//! Running a command for what it prints: of `secret(command=…)` and of `[data.NAME]`.
//!
//! No shell: a list of words. The command runs in the project's directory with an empty input; what
//! it says on standard error goes where the run's tools have theirs, and never into an error.

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use super::access::{Access, Answer, Asker, Question};
use super::error::printable;
use super::output_values::AN_EXPRESSION;
use super::params::Scope;
use super::{Opaque, Place, ProjectError};
use crate::env::Span;
use crate::process::{CommandSpec, Limit, ProcessError, Signal, Stdio, ToolStatus, find_program};
use crate::read;

/// Why there is no answer.
#[derive(Debug)]
pub(super) struct Failure {
    /// A line for people.
    pub(super) message: String,
    /// What stops everything, and is not about what the user wrote.
    pub(super) error: Option<ProjectError>,
}

impl Failure {
    fn says(message: impl Into<String>) -> Self {
        Self { message: message.into(), error: None }
    }

    fn stops(error: ProjectError) -> Self {
        Self { message: error.to_string(), error: Some(error) }
    }
}

/// A command to run for what it prints.
pub(super) struct Asked<'a> {
    /// The program and its arguments.
    pub(super) argv: &'a [String],
    /// Its whole environment.
    pub(super) env: Vec<(OsString, OsString)>,
    /// Where it runs.
    pub(super) directory: &'a Path,
    /// How long it may take.
    pub(super) timeout: Option<Span>,
    /// What it keeps open for as long as it lives.
    pub(super) keep_open: Vec<Arc<OwnedFd>>,
    /// The user has typed it.
    pub(super) typed: bool,
}

impl Scope {
    /// Runs a command that is written at a place, once in a run for all units whose environment is the
    /// same. A secret among its words is refused: every user of the machine can read them.
    pub(super) fn run_once(
        &self,
        argv: &[String],
        timeout: Option<Span>,
        written: &Place,
    ) -> Result<Answer, Failure> {
        let Some(access) = self.outside.access.get() else {
            return Err(Failure::stops(ProjectError::Opaque(Opaque::Secret)));
        };
        if self.has_failed() {
            return Err(Failure::says("something else has failed before"));
        }
        if argv.iter().any(|word| word.contains('\0')) {
            return Err(Failure::says("an argument holds a NUL, which no program can be given"));
        }
        if argv.iter().any(|word| self.watch.is_revealed(word)) {
            return Err(Failure::says(
                "a secret stands among the arguments, where everybody on this machine can read it",
            ));
        }
        let env = (access.env)(asker(written)).map_err(Failure::stops)?;
        let question = Question::Command { argv: argv.to_vec(), env: env.clone() };
        let directory = self.outside.files.root();
        let typed = written.file() == "--set" || written.file().starts_with("LOCKSTEP_PARAM_");
        self.ask_once(question, || Asked { argv, env, directory, timeout, keep_open: Vec::new(), typed })
    }

    /// The answer of before, or what a command prints now.
    pub(super) fn ask_once<'a>(
        &self,
        question: Question,
        asked: impl FnOnce() -> Asked<'a>,
    ) -> Result<Answer, Failure> {
        let Some(access) = self.outside.access.get() else {
            return Err(Failure::stops(ProjectError::Opaque(Opaque::Secret)));
        };
        // Whoever looks for all faults of a unit comes here once for each file.
        if let Some(why) = self.outside.vain(&question) {
            return Err(Failure::says(why));
        }
        let answer = access.answers.get(question.clone(), || self.run(access, asked()));
        if let Err(Failure { message, error: None }) = &answer {
            self.outside.note_vain(question, message.clone());
        }
        answer
    }

    fn run(&self, access: &Access, asked: Asked<'_>) -> Result<Answer, Failure> {
        let Asked { argv, env, directory, timeout, keep_open, typed } = asked;
        let Some((program, args)) = argv.split_first() else {
            return Err(Failure::says("the command is empty"));
        };
        if !typed {
            access.trust.need_for(argv).map_err(Failure::stops)?;
        }
        let shown = printable(program);
        let fail = |error: &ProcessError| Failure::says(with_cause(error));
        let name = OsString::from(program);
        let spec = CommandSpec {
            program: find_program(&name, directory, &self.outside.env).map_err(|error| fail(&error))?,
            name,
            args: args.iter().map(OsString::from).collect(),
            cwd: directory.to_owned(),
            env,
            stdio: if access.stdio == Stdio::Inherit { Stdio::Answer } else { Stdio::Capture },
            keep_open,
            mark: None,
            lines: None,
            limit: timeout.map(|timeout| Limit {
                timeout: timeout.duration(),
                kill_after: None,
                // Why it was ended stands in the error.
                notice: Arc::new(|_| ()),
            }),
        };
        let stopped = |signal| Failure::stops(ProjectError::Interrupted { program: shown.clone(), signal });
        let finished = access.runner.run(&spec, &access.interrupts).map_err(|error| match error {
            ProcessError::Interrupted { signal, .. } => stopped(signal),
            error => fail(&error),
        })?;
        if let Some(signal) = access.interrupts.requested() {
            return Err(stopped(signal));
        }
        if let (Some(timeout), true) = (timeout, finished.expired) {
            return Err(Failure::says(format!("`{shown}` was ended after {timeout}")));
        }
        match finished.status {
            ToolStatus::Code(0) if finished.stdout.len() as u64 > read::ANSWER => {
                Err(Failure::says(format!("`{shown}` printed more than {}", read::size(read::ANSWER))))
            }
            ToolStatus::Code(0) => Ok(Arc::new(finished.stdout)),
            ToolStatus::Code(code) => Err(Failure::says(format!("`{shown}` ended with exit code {code}"))),
            // A terminal gives it to all, and of us only the tool reacts to it.
            ToolStatus::Signal(number) => match Signal::ALL.iter().find(|signal| signal.number() == number) {
                Some(signal) => Err(stopped(*signal)),
                None => Err(Failure::says(format!("`{shown}` was killed by signal {number}"))),
            },
        }
    }
}

/// What is no file of a module is the same for all units.
fn asker(written: &Place) -> Asker {
    match written.file().starts_with("modules/") || written.file() == AN_EXPRESSION {
        true => Asker::Module,
        false => Asker::Project,
    }
}

/// What the operating system said is all that there is to learn from some errors.
fn with_cause(error: &ProcessError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
