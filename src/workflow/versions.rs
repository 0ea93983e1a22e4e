//! `[tools.NAME] version`: tools are asked for their version before anything is done, and only those of
//! which the project wants a certain one.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::Plan;
use crate::Error;
use crate::env::Environment;
use crate::process::tools;
use crate::process::tools::version::{self, NEUTRAL};
use crate::process::{
    CommandRunner, CommandSpec, Finished, Interrupts, Limit, Signal, Stdio, ToolStatus, find_program,
};
use crate::project::{Asker, Overrides, OwnVariables, Place, Project, ProjectError, Trust, UnitId};

/// Longer than any tool needs to say what it is.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a tool is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// It is of another version.
    #[error("`{program}` is {found}, and {} wants {wanted}", at(.place))]
    Mismatch {
        /// The tool.
        program: String,
        /// What it is, and where.
        found: String,
        /// What is wanted.
        wanted: String,
        /// Where that is written.
        place: Option<Place>,
    },
    /// It does not say what it is.
    #[error("the version of `{program}` cannot be told from `{question}`, and {} wants {wanted}", at(.place))]
    Unknown {
        /// The tool.
        program: String,
        /// How it was asked.
        question: String,
        /// What is wanted.
        wanted: String,
        /// Where that is written.
        place: Option<Place>,
    },
}

fn at(place: &Option<Place>) -> String {
    place.as_ref().map_or_else(|| "the configuration".to_owned(), Place::to_string)
}

impl VersionError {
    /// What helps.
    pub fn cure(&self) -> String {
        match self {
            Self::Mismatch { program, wanted, .. } => {
                format!("install a `{program}` that is {wanted}, or put one first on PATH")
            }
            Self::Unknown { question, .. } => format!("see what it says: {question}"),
        }
    }
}

/// The user asked to end meanwhile: lockstep itself, or by Ctrl-C the tool that was asked.
fn asked_to_end(finished: &Finished, interrupts: &Interrupts) -> Option<Signal> {
    let by = |signal: &Signal| !finished.expired && finished.status == ToolStatus::Signal(signal.number());
    interrupts.requested().or_else(|| Signal::ALL.into_iter().find(by))
}

/// Who asks for versions.
#[derive(Clone, Copy, Debug)]
pub enum Asking<'a> {
    /// A run: the tool is asked as it will be run, with its environment and in the rendered directory if
    /// there is one, for managers of versions go by the directory.
    Run(&'a Trust),
    /// Who only looks: nothing of the project's takes part, and its own programs are not asked.
    Look,
}

/// Whether a program, found for a unit's directory, is a file of the project.
pub fn is_own_program(project: &Project, program: &OsStr, directory: &Path, env: &Environment) -> bool {
    find_program(program, directory, env).is_ok_and(|path| project.holds_program(&path, env))
}

/// What the project changes in the tool's environment, as far as it is known before anything runs.
fn known_variables(
    project: &Project,
    plan: &Plan,
    unit: &UnitId,
    env: &Environment,
) -> Result<OwnVariables, ProjectError> {
    let own = project.command_env(unit, Asker::Module)?;
    if !own.is_computed() {
        return Ok(own.as_written());
    }
    let overrides = Overrides { set: &plan.options.set, files: &plan.options.params, env };
    own.evaluate_known(&project.params(unit, &overrides)?)
}

/// Asks the tools of a plan for their versions, each once, where the project wants certain ones.
///
/// # Errors
/// [`VersionError`], and when the tool cannot be run.
pub fn check_versions(
    project: &Project,
    plan: &Plan,
    asking: Asking<'_>,
    env: &Environment,
    (runner, interrupts): (&dyn CommandRunner, &Interrupts),
) -> Result<(), Error> {
    for stage in plan.staged.iter().flat_map(|staged| &staged.stages) {
        // The project as the stages see it knows their units.
        let of_stages = plan.staged.as_ref().map_or(project, |staged| &staged.project);
        check_versions(of_stages, &stage.plan(&plan.options), asking, env, (runner, interrupts))?;
    }
    let Some(unit) = plan.units.first() else { return Ok(()) };
    let mut asked = BTreeSet::new();
    for argv in plan.calls.iter().chain(&plan.finally).filter_map(|call| call.argv.as_ref()) {
        let Some(name) = tools::tool_name(&argv.program) else { continue };
        let Some(tool) = project.config().tools.get(name) else { continue };
        let Some(wanted) = &tool.version else { continue };
        if !asked.insert(&argv.program) {
            continue;
        }
        let question = version::question(&argv.program);
        match asking {
            _ if !is_own_program(project, &argv.program, &unit.directory, env) => {}
            Asking::Look => continue,
            Asking::Run(trust) => {
                let program = argv.program.to_string_lossy();
                let words = std::iter::once(&*program).chain(question.iter().copied());
                trust.need_for(&words.map(str::to_owned).collect::<Vec<_>>())?;
            }
        }
        let is_run = matches!(asking, Asking::Run(_));
        let cwd = if is_run && unit.directory.is_dir() { &unit.directory } else { Path::new(NEUTRAL) };
        let mut vars = match is_run {
            true => known_variables(project, plan, &unit.id, env)?.over(env),
            false => env.vars().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        };
        vars.extend(version::QUESTION_ENV.map(|(name, value)| (name.into(), value.into())));
        vars.insert("PWD".into(), cwd.as_os_str().to_owned());
        let spec = CommandSpec {
            program: find_program(&argv.program, &unit.directory, env)?,
            name: argv.program.clone(),
            args: question.iter().map(Into::into).collect(),
            cwd: cwd.to_owned(),
            env: vars.into_iter().collect(),
            stdio: Stdio::Capture,
            keep_open: Vec::new(),
            mark: None,
            lines: None,
            limit: Some(Limit {
                timeout: PATIENCE,
                kill_after: Some(Duration::ZERO),
                notice: Arc::new(|_| ()),
            }),
        };
        let finished = runner.run(&spec, interrupts)?;
        if let Some(signal) = asked_to_end(&finished, interrupts) {
            return Err(Error::Interrupted(signal));
        }
        let (program, wanted_text, place) =
            (name.to_owned(), wanted.to_string(), project.config().version_places.get(name).cloned());
        match version::answer(&argv.program, &finished.stdout, &finished.stderr) {
            Some(found) if wanted.allows(&found) => {}
            Some(found) => {
                let early = if found.pre.is_empty() { "" } else { ", a prerelease" };
                let found = format!("{found} ({}{early})", spec.program.display());
                return Err(VersionError::Mismatch { program, found, wanted: wanted_text, place }.into());
            }
            None => {
                let question = format!("{name} {}", question.join(" "));
                return Err(VersionError::Unknown { program, question, wanted: wanted_text, place }.into());
            }
        }
    }
    Ok(())
}
