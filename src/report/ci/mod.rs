//! What a CI service shows of a run beside its log: foldable groups around commands, a summary, and
//! outputs for later steps.
//!
//! It sees events only. What it cannot write is left unwritten: the result of a run is the same with
//! and without it. Everything from outside is escaped for where it goes.

mod github;
mod gitlab;
mod summary;

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use self::summary::Summary;
use crate::env::{Clock, Environment};
use crate::workflow::{Event, Reporter};

/// A CI service whose log and files lockstep knows how to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CiService {
    /// GitHub Actions, and what speaks its workflow commands (Gitea, Forgejo).
    GitHub,
    /// GitLab CI.
    GitLab,
}

impl CiService {
    /// The service that this process runs under, by the variables that it sets.
    ///
    /// ```
    /// use lockstep::env::Environment;
    /// use lockstep::report::CiService;
    /// let env = Environment::new("/", [("GITHUB_ACTIONS", "true")]);
    /// assert_eq!(CiService::detect(&env), Some(CiService::GitHub));
    /// ```
    pub fn detect(env: &Environment) -> Option<Self> {
        let is_set = |name: &str| env.var(name).is_some_and(|value| !value.is_empty());
        [("GITHUB_ACTIONS", Self::GitHub), ("GITLAB_CI", Self::GitLab)]
            .into_iter()
            .find_map(|(mark, service)| is_set(mark).then_some(service))
    }

    /// The line by which an error is shown outside of the log, at its file and line where they are
    /// known; none where the service has nothing of the kind.
    pub fn annotation(self, title: &str, message: &str, place: Option<(&str, usize)>) -> Option<String> {
        match self {
            Self::GitHub => Some(github::annotation(title, message, place)),
            Self::GitLab => None,
        }
    }

    fn open_group(self, number: usize, title: &str, clock: Clock) -> String {
        match self {
            Self::GitHub => github::open_group(title),
            Self::GitLab => gitlab::open_section(number, title, clock.now()),
        }
    }

    fn close_group(self, number: usize, clock: Clock) -> String {
        match self {
            Self::GitHub => github::close_group(),
            Self::GitLab => gitlab::close_section(number, clock.now()),
        }
    }
}

/// Tells a CI service about a run.
pub struct Ci {
    service: CiService,
    clock: Clock,
    /// Gets the summary as Markdown.
    summary: Option<PathBuf>,
    /// Gets `name=value` lines.
    outputs: Option<PathBuf>,
    progress: Mutex<Progress>,
}

struct Progress {
    log: Box<dyn Write + Send>,
    /// A run of one command is not folded away: its output is what people came to see.
    groups: bool,
    opened: usize,
    open: usize,
    seen: Summary,
}

impl Ci {
    /// For this service; `log` is where the service reads, as a rule standard error. The files are
    /// the ones that the environment names: `GITHUB_STEP_SUMMARY` and `GITHUB_OUTPUT`, for GitLab
    /// `LOCKSTEP_DOTENV`.
    pub fn new(
        service: CiService,
        env: &Environment,
        clock: Clock,
        log: impl Write + Send + 'static,
    ) -> Self {
        let file =
            |name: &str| env.var(name).filter(|path| !path.is_empty()).map(|path| env.cwd().join(path));
        let (summary, outputs) = match service {
            CiService::GitHub => (file("GITHUB_STEP_SUMMARY"), file("GITHUB_OUTPUT")),
            CiService::GitLab => (None, file("LOCKSTEP_DOTENV")),
        };
        let progress =
            Progress { log: Box::new(log), groups: false, opened: 0, open: 0, seen: Summary::default() };
        Self { service, clock, summary, outputs, progress: Mutex::new(progress) }
    }

    fn finish(&self, seen: &Summary) {
        if let Some(path) = &self.summary {
            append(path, &seen.markdown());
        }
        if let Some(path) = &self.outputs {
            append(path, &seen.outputs(self.service == CiService::GitLab));
        }
    }
}

impl Reporter for Ci {
    fn emit(&self, event: &Event) {
        let progress = &mut *self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.seen.add(event);
        match event {
            Event::RunStarted { commands, units, .. } => progress.groups = *commands > 1 || units.len() > 1,
            // The lines of what runs beside others have their unit before them, and make no groups.
            Event::CommandStarted { unit, program, terminal: true, .. } if progress.groups => {
                progress.opened += 1;
                progress.open = progress.opened;
                let line = self.service.open_group(progress.open, &format!("{unit}: {program}"), self.clock);
                progress.write(&line);
            }
            Event::CommandFinished { .. } if progress.open > 0 => {
                let line = self.service.close_group(progress.open, self.clock);
                progress.open = 0;
                progress.write(&line);
            }
            Event::RunFinished { .. } => self.finish(&progress.seen),
            _ => {}
        }
    }
}

impl Progress {
    fn write(&mut self, line: &str) {
        let _ = self.log.write_all(line.as_bytes()).and_then(|()| self.log.flush());
    }
}

/// The services give files to append to, shared by the steps of a job.
fn append(path: &Path, text: &str) {
    let file = OpenOptions::new().append(true).create(true).open(path);
    let _ = file.and_then(|mut file| file.write_all(text.as_bytes()));
}

#[cfg(test)]
mod tests;
