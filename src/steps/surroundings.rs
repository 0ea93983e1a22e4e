//! The environment of a unit's commands: of those of a pipeline, and of those that parameters ask.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::rendering::with_request;
use crate::Error;
use crate::env::Environment;
use crate::process;
use crate::project::{Asker, OwnVariables, Params, Project, ProjectError, UnitId};
use crate::workflow::{Run, State};

/// Evaluates what the project says of the environment of the unit's commands, once in a run: before a lock is
/// taken, so that what cannot be evaluated stops nothing halfway. Of the values nothing is told.
pub(super) fn settle(run: &Run<'_>, state: &mut State) -> Result<OwnVariables, Error> {
    if let Some(own) = &state.variables {
        return Ok(own.clone());
    }
    let own = run.project.command_env(run.id(), Asker::Module)?;
    let own = match own.is_computed() {
        true => with_request(run, |request| Ok(own.evaluate(request.params)?))?,
        false => own.as_written(),
    };
    Ok(state.variables.insert(own).clone())
}

/// The same by parameters that are there already.
pub(super) fn settle_by(params: &Params, run: &Run<'_>, state: &mut State) -> Result<(), Error> {
    if run.plan.runs_commands() {
        state.variables = Some(run.project.command_env(run.id(), Asker::Module)?.evaluate(params)?);
    }
    Ok(())
}

/// What the environment of a unit's commands is made of, whatever the command.
pub(super) struct Setting<'a> {
    /// The project.
    pub(super) project: &'a Project,
    /// The unit; none for commands that are the same for all.
    pub(super) unit: Option<&'a UnitId>,
    /// The user's environment.
    pub(super) env: &'a Environment,
    /// The invocation's identifier.
    pub(super) run_id: &'a str,
}

impl<'a> Setting<'a> {
    /// That of a run.
    pub(super) fn of(run: &'a Run<'a>) -> Self {
        let services = run.services;
        Self { project: run.project, unit: Some(run.id()), env: &services.env, run_id: &services.run_id }
    }

    /// What the project changes in the environment of commands that parameters ask: without what is made of
    /// secrets, data and outputs, for these may ask such commands themselves.
    pub(super) fn known(
        project: &Project,
        unit: &UnitId,
        asker: Asker,
        params: impl FnOnce() -> Result<Params, ProjectError>,
    ) -> Result<OwnVariables, ProjectError> {
        let own = project.command_env(unit, asker)?;
        if own.is_computed() { own.evaluate_known(&params()?) } else { Ok(own.as_written()) }
    }

    /// The environment of what parameters ask by commands, for which there is no file of the module to read
    /// where they are written elsewhere.
    pub(super) fn of_asker(&self, own: &OwnVariables, asker: Asker) -> Vec<(OsString, OsString)> {
        let unit = self.unit.filter(|_| asker == Asker::Module);
        Setting { unit, ..*self }.environment(own, None, self.project.root())
    }

    /// The user's variables, then the project's own, and what lockstep says itself. `result` is the exit
    /// code so far, in `finally`.
    pub(super) fn environment(
        &self,
        own: &OwnVariables,
        result: Option<u8>,
        directory: &Path,
    ) -> Vec<(OsString, OsString)> {
        let env = self.env;
        let mut vars = own.over(env);
        // What a calling git hook has set; what the project says itself stays.
        vars.retain(|name, value| {
            !process::is_foreign_to_git(name)
                || name.to_str().and_then(|name| env.var_os(name)) != Some(value)
        });
        if let Some(unit) = self.unit {
            let of_unit =
                [("LOCKSTEP_MODULE", unit.module.as_str()), ("LOCKSTEP_PROFILE", unit.profile.as_str())];
            vars.extend(of_unit.map(|(name, value)| (name.into(), value.into())));
        } else {
            // Of a run around this one, or the user's choice of a profile: neither is for all units.
            vars.remove(OsStr::new("LOCKSTEP_MODULE"));
            vars.remove(OsStr::new("LOCKSTEP_PROFILE"));
        }
        let ours: [(&str, &OsStr); 3] = [
            ("LOCKSTEP_RUN_ID", self.run_id.as_ref()),
            ("LOCKSTEP_INVOCATION_DIR", env.cwd().as_os_str()),
            ("PWD", directory.as_os_str()),
        ];
        vars.extend(ours.map(|(name, value)| (name.into(), value.to_owned())));
        vars.insert(process::DEPTH_VAR.into(), (process::depth(env) + 1).to_string().into());
        // What the command runs itself belongs to it, and asks for no lock of its own.
        if let Some(path) = vars.get_mut(OsStr::new("PATH"))
            && let Some(without) = process::path_without_shims(path, env.cwd())
        {
            *path = without;
        }
        if let Some(code) = result {
            vars.insert("LOCKSTEP_EXIT_CODE".into(), code.to_string().into());
        }
        vars.into_iter().collect()
    }
}
