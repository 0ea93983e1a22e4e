//! Errors as a CI service shows them outside of the log: at the job, and at the file and line.

use std::path::PathBuf;

use super::diagnose;
use super::terminal::Terminal;
use crate::Error;
use crate::env::Environment;
use crate::project::Project;
use crate::report::CiService;
use crate::workflow::Report;

/// Where errors are shown, if anywhere.
pub(super) struct Annotations {
    service: Option<CiService>,
    cwd: PathBuf,
    /// The checkout, to which the service wants paths relative.
    workspace: Option<PathBuf>,
}

impl Annotations {
    /// By what the environment says.
    pub(super) fn new(env: &Environment) -> Self {
        Self {
            service: CiService::detect(env),
            cwd: env.cwd().to_owned(),
            workspace: env.var_os("GITHUB_WORKSPACE").map(PathBuf::from),
        }
    }

    /// The first error of each unit.
    pub(super) fn report(&self, report: &Report, terminal: Terminal) {
        for unit in &report.units {
            if let Some(error) = &unit.error {
                self.error(&format!("lockstep {}", unit.unit), error, terminal);
            }
        }
    }

    /// An error.
    pub(super) fn error(&self, title: &str, error: &Error, terminal: Terminal) {
        let Some(service) = self.service else { return };
        let place = error.place().and_then(|place| Some((self.path(place.file()), place.line()?)));
        let place = place.as_ref().map(|(file, line)| (file.as_str(), *line));
        if let Some(line) = service.annotation(title, &diagnose::chain(error), place) {
            terminal.say(&line);
        }
    }

    /// A project's file as the service knows it.
    fn path(&self, file: &str) -> String {
        let relative = || {
            let path = Project::find_root(&self.cwd).ok()?.join(file);
            Some(path.strip_prefix(self.workspace.as_ref()?).ok()?.to_str()?.to_owned())
        };
        relative().unwrap_or_else(|| file.to_owned())
    }
}
