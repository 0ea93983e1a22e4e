//! Errors as a CI service shows them outside of the log: at the job, and at the file and line.

use std::path::PathBuf;

use super::diagnose;
use super::terminal::Terminal;
use crate::Error;
use crate::env::Environment;
use crate::project::Project;
use crate::report::CiService;
use crate::workflow::Report;

/// Of more errors than this of one step GitHub shows none.
const MOST: usize = 10;

/// Where errors are shown, if anywhere.
pub(super) struct Annotations {
    service: Option<CiService>,
    env: Environment,
    /// The checkout, to which the service wants paths relative.
    workspace: Option<PathBuf>,
}

impl Annotations {
    /// By what the environment says.
    pub(super) fn new(env: &Environment) -> Self {
        Self {
            service: CiService::detect(env),
            env: env.clone(),
            workspace: env.var_os("GITHUB_WORKSPACE").map(PathBuf::from),
        }
    }

    /// The first error of each unit, as many as the service shows.
    pub(super) fn report(&self, report: &Report, terminal: Terminal) {
        let failed: Vec<_> =
            report.units.iter().filter_map(|unit| Some((&unit.unit, unit.error.as_ref()?))).collect();
        let shown = if failed.len() > MOST { MOST - 1 } else { failed.len() };
        for (unit, error) in &failed[..shown] {
            self.error(&format!("lockstep {unit}"), error, terminal);
        }
        if shown < failed.len() {
            let text = format!("{} more units failed: see the log", failed.len() - shown);
            self.say("lockstep", &text, None, terminal);
        }
    }

    /// An error.
    pub(super) fn error(&self, title: &str, error: &Error, terminal: Terminal) {
        let place = error.place().and_then(|place| Some((self.path(place.file()), place.line()?)));
        let place = place.as_ref().map(|(file, line)| (file.as_str(), *line));
        self.say(title, &diagnose::chain(error), place, terminal);
    }

    fn say(&self, title: &str, text: &str, place: Option<(&str, usize)>, terminal: Terminal) {
        if let Some(line) = self.service.and_then(|service| service.annotation(title, text, place)) {
            terminal.command(&line);
        }
    }

    /// A project's file as the service knows it.
    fn path(&self, file: &str) -> String {
        let relative = || {
            let path = Project::find_root(self.env.cwd(), &self.env).ok()?.join(file);
            Some(path.strip_prefix(self.workspace.as_ref()?).ok()?.to_str()?.to_owned())
        };
        relative().unwrap_or_else(|| file.to_owned())
    }
}
