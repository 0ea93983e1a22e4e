//! What `build` and `diff` share: from a run to a request of the renderer.

use std::path::PathBuf;
use std::sync::Arc;

use super::outputs;
use super::surroundings::Setting;
use crate::Error;
use crate::env::{self, Environment};
use crate::git::CheckRefusal;
use crate::project::{Access, Overrides, Params, Project, Surroundings, UnitId};
use crate::render::{BatchRequest, BuildRequest, Holder, RenderError, Results, git_facts, prove};
use crate::workflow::{Event, Role, Run, State};

/// Reads the unit's parameters and does something with the request. Overrides from outside the
/// repository are told.
pub(super) fn with_request<T>(
    run: &Run<'_>,
    work: impl FnOnce(&BuildRequest<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let project = Arc::new(run.project.watched());
    with_params(run, &project, |params| prepared(run, &project, params), work)
}

/// Makes sure that the rendered directory is what HEAD renders, and keeps it in use, for a command that
/// changes things under a lock and has no `build` before it.
///
/// # Errors
/// [`CheckRefusal::NotRendered`], and whatever keeps it from being rendered.
pub(super) fn proved(run: &Run<'_>, state: &mut State) -> Result<(), Error> {
    match with_request(run, |request| Ok(prove(request)?)) {
        Ok(rendered) => {
            state.overrides.clone_from(&rendered.override_keys);
            state.rendered = Some(rendered);
            Ok(())
        }
        Err(Error::Render(RenderError::WouldChange { unit, files })) => {
            Err(CheckRefusal::NotRendered { unit: unit.to_string(), files }.into())
        }
        Err(error) => Err(error),
    }
}

/// As [`with_request`], for who only looks: nothing is read or run for the parameters, and what depends on secrets,
/// data and outputs is not known.
pub(super) fn with_unknowns<T>(
    run: &Run<'_>,
    work: impl FnOnce(&BuildRequest<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let services = run.services;
    let repo = services.repo.clone();
    let facts = git_facts(&services.env, run.plan.options.branch.as_deref(), move || Ok(repo.clone()));
    with_params(run, run.project, |params| params.with_git(facts).with_unknowns(), work)
}

fn with_params<T>(
    run: &Run<'_>,
    project: &Project,
    prepare: impl FnOnce(Params) -> Params,
    work: impl FnOnce(&BuildRequest<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let (services, options) = (run.services, &run.plan.options);
    let overrides = Overrides { set: &options.set, files: &options.params, env: &services.env };
    let params = prepare(project.params(run.id(), &overrides)?);
    let excludes = user_excludes(&services.env);
    let done = work(&BuildRequest {
        project,
        unit: run.id(),
        params: &params,
        repo: services.repo.as_ref(),
        excludes: &excludes,
        force: options.force,
        keep: false,
        holder: Holder { pid: env::pid(), run: services.run_id.clone(), program: program(run) },
    })?;
    if !params.override_keys().is_empty() {
        run.warn(from_outside(&params.override_keys()));
    }
    Ok(done)
}

/// Parameters that may ask for what only a run that renders may know: they may read secrets and run
/// commands, which get what tools get. `project` is the run's own, to keep.
fn prepared(run: &Run<'_>, project: &Arc<Project>, params: Params) -> Params {
    let services = run.services;
    let repo = services.repo.clone();
    let facts = git_facts(&services.env, run.plan.options.branch.as_deref(), move || Ok(repo.clone()));
    let params = params.with_git(facts).with_outputs(outputs::source(run, project));
    params.with_access(Access {
        runner: Arc::clone(&services.runner),
        interrupts: services.interrupts.clone(),
        env: surroundings(run, project),
        stdio: services.stdio,
        answers: services.answers.clone(),
        trust: services.trust.clone(),
    })
}

/// The environment of commands that parameters ask, made when one runs: it takes a file to read and a look at
/// every directory of PATH.
fn surroundings(run: &Run<'_>, project: &Arc<Project>) -> Surroundings {
    let (project, unit) = (Arc::clone(project), run.id().clone());
    let (env, run_id) = (run.services.env.clone(), run.services.run_id.clone());
    let (repo, options) = (run.services.repo.clone(), run.plan.options.clone());
    Arc::new(move |asker| {
        let own = Setting::known(&project, &unit, asker, || {
            let overrides = Overrides { set: &options.set, files: &options.params, env: &env };
            let repo = repo.clone();
            let facts = git_facts(&env, options.branch.as_deref(), move || Ok(repo.clone()));
            Ok(project.params(&unit, &overrides)?.with_git(facts))
        })?;
        let setting = Setting { project: &project, unit: Some(&unit), env: &env, run_id: &run_id };
        Ok(setting.of_asker(&own, asker))
    })
}

/// Does something with a request for the units of several runs of one plan: none if there are none.
/// Overrides from outside the repository are told once.
pub(super) fn with_batch<T>(
    runs: &[Run<'_>],
    work: impl FnOnce(&BatchRequest<'_>) -> Results<T>,
) -> Results<T> {
    let Some(run) = runs.first() else { return Vec::new() };
    let (services, options) = (run.services, &run.plan.options);
    let units: Vec<UnitId> = runs.iter().map(|run| run.id().clone()).collect();
    let overrides = Overrides { set: &options.set, files: &options.params, env: &services.env };
    let keys = overrides.keys().unwrap_or_default();
    if !keys.is_empty() {
        run.emit(&Event::Warning { unit: None, message: from_outside(&keys) });
    }
    let project = Arc::new(run.project.clone());
    work(&BatchRequest {
        project: run.project,
        units: &units,
        overrides,
        repo: services.repo.as_ref(),
        excludes: &user_excludes(&services.env),
        force: options.force,
        holder: Holder { pid: env::pid(), run: services.run_id.clone(), program: program(run) },
        read_at: run.project.read_at(),
        threads: options.jobs.map_or_else(env::processors, std::num::NonZeroUsize::get),
        prepare: &|index, params| prepared(&runs[index], &project, params),
        stop: &|| services.interrupts.requested().is_some(),
    })
}

/// Warns of files that are copied although they seem to be templates.
pub(super) fn not_utf8(run: &Run<'_>, files: &[String]) {
    if !files.is_empty() {
        let files: Vec<String> = files.iter().map(|file| format!("`{}`", file.escape_debug())).collect();
        run.warn(format!(
            "copied as they are, for they are not UTF-8, although expressions stand in them: {}; write them in UTF-8, or \
             name them under `[build] raw`",
            files.join(", ")
        ));
    }
}

pub(super) fn from_outside(keys: &[String]) -> String {
    format!(
        "parameters from outside the repository: {}; what is rendered differs from the commit",
        keys.join(", ")
    )
}

/// What the run's commands are, for the message that a concurrent build gets.
fn program(run: &Run<'_>) -> String {
    let commands = run.plan.calls.iter().filter(|call| call.step.role() == Role::Command);
    let labels: Vec<&str> = commands.map(|call| call.label.as_str()).collect();
    if labels.is_empty() { "lockstep".into() } else { labels.join(", ") }
}

/// What the user's machine ignores on top of the repository, where git looks for it by default.
pub(super) fn user_excludes(env: &Environment) -> Vec<PathBuf> {
    let config = match (env.var_os("XDG_CONFIG_HOME"), env.var_os("HOME")) {
        (Some(config), _) if !config.is_empty() => PathBuf::from(config),
        (_, Some(home)) => PathBuf::from(home).join(".config"),
        _ => return Vec::new(),
    };
    vec![config.join("git/ignore")]
}
