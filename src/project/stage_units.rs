//! The units that only stages make, found by their names: `cluster.workers/prod` is stage `workers` of
//! workflow `cluster`. For those who look at one of them beside any run of the whole.
//!
//! What must hold: a unit found here is the one that `create` renders, from the same files with the same
//! parameters, and a name that a module has is never a stage's.

use super::error::printable;
use super::staging::{Staging, Whole};
use super::{Name, Project, ProjectError, Stage, StageAction, UnitId, WorkflowFile};
use crate::env::Environment;

/// A stage that has a unit of its own.
struct Found {
    workflow: Name,
    file: WorkflowFile,
    action: StageAction,
    stage: Stage,
}

impl Project {
    /// The project as a stage sees it, and the stage's unit, if that is what two words of the command line
    /// name; `.` is the unit that the user stands in. What [`Project::unit`] takes is no stage's.
    ///
    /// # Errors
    /// When there is such a stage, and it makes no unit in that profile, or its workflow cannot be read.
    pub fn of_stage(
        &self,
        module: &str,
        profile: &str,
        env: &Environment,
    ) -> Result<Option<(Self, UnitId)>, ProjectError> {
        let module = match module {
            // Who stands nowhere is told by who asks for a module.
            "." => self.module_here(env).unwrap_or_default(),
            word => word.to_owned(),
        };
        let Some(found) = self.stage_called(&module)? else { return Ok(None) };
        let profile = self.profile_named(&module, profile, env)?;
        let Found { workflow, file, action, stage } = found;
        let unit = UnitId::new(Name::new(&module).unwrap_or_else(|_| workflow.clone()), profile);
        let Some(own) = &stage.profile else {
            return Ok(Some((self.staged(&workflow, &file, action, &unit.profile)?, unit)));
        };
        if *own != unit.profile {
            let why = format!("stage `{}` is for profile `{own}` ({})", stage.name, stage.place);
            return Err(ProjectError::NotAUnit { unit: unit.to_string(), why });
        }
        // It is part of the whole in every profile, and the others may not all be units in its own.
        let mut whole = self.staged(&workflow, &file, action, own);
        for other in self.profiles()? {
            if whole.is_ok() {
                break;
            }
            whole = self.staged(&workflow, &file, action, &other).or(whole);
        }
        Ok(Some((whole?, unit)))
    }

    /// One unit to look at, of a module or of a stage, and the project as it sees it.
    ///
    /// # Errors
    /// As for [`Project::unit`].
    pub fn to_look_at(
        &self,
        module: &str,
        profile: &str,
        env: &Environment,
    ) -> Result<(Self, UnitId), ProjectError> {
        match self.of_stage(module, profile, env)? {
            Some(found) => Ok(found),
            None => Ok((self.clone(), self.unit(module, profile, env)?)),
        }
    }

    /// The profiles in which a stage of this name is a unit; none if there is no such stage.
    ///
    /// # Errors
    /// When its workflow cannot be read.
    pub(crate) fn profiles_of_stage(&self, module: &str) -> Result<Option<Vec<Name>>, ProjectError> {
        let Some(Found { stage, .. }) = self.stage_called(module)? else { return Ok(None) };
        let mut profiles = match &stage.profile {
            Some(own) => vec![own.clone()],
            None => self.profiles()?,
        };
        let is_unit = |profile: &Name| self.excluded(&UnitId::new(stage.source().clone(), profile.clone()));
        profiles.retain(|profile| !matches!(is_unit(profile), Ok(Some(_))));
        Ok(Some(profiles))
    }

    /// What stands in the place of a module in the names of all units that only stages make, sorted. A
    /// workflow that cannot be read is passed over.
    pub(crate) fn stage_modules(&self) -> Vec<String> {
        let workflows = self.workflows().unwrap_or_default();
        let files = workflows.iter().filter_map(|name| Some((name, self.workflow(name).ok()?)));
        let mut names: Vec<String> = files.flat_map(|(name, file)| units_of(name, &file)).collect();
        names.retain(|name| name.contains('.') && !self.is_module(name));
        names.sort();
        names.dedup();
        names
    }

    /// The units of all stages of a workflow in a profile, whichever action they belong to, each with the
    /// project as it sees it; none if the word names no workflow of stages.
    ///
    /// # Errors
    /// When there is no such profile, the workflow cannot be read, or a stage makes no unit.
    pub fn units_of_workflow(
        &self,
        word: &str,
        profile: &str,
    ) -> Result<Option<Vec<(Self, UnitId)>>, ProjectError> {
        let Some((workflow, file)) = self.workflow_of_stages(word)? else { return Ok(None) };
        let known = Name::new(profile).ok().filter(|name| self.has_profile(name));
        let profile = &known.ok_or_else(|| self.unknown("profile", profile))?;
        let mut units: Vec<(Self, UnitId)> = Vec::new();
        for action in [StageAction::Create, StageAction::Delete] {
            let project = self.staged(&workflow, &file, action, profile)?;
            for unit in project.staging().into_iter().flat_map(Staging::units) {
                if !units.iter().any(|(_, known)| known == unit) {
                    units.push((project.clone(), unit.clone()));
                }
            }
        }
        Ok(Some(units))
    }

    /// What to type, without the program, so that a unit is rendered anew.
    pub(crate) fn line_to_build(&self, unit: &UnitId) -> String {
        match self.whole_of(unit) {
            Some(Whole { stage, workflow, profile, action }) => {
                let profile = profile.map_or_else(|| "PROFILE".to_owned(), |profile| profile.to_string());
                format!("{} --from {stage} -- {workflow} {profile}", action.word())
            }
            None => format!("build -- {} {}", unit.module, unit.profile),
        }
    }

    /// What is to be said of a word that stands where a module should, and names a stage or a workflow of
    /// stages; none if it does not.
    pub(super) fn no_module(&self, word: &str) -> Option<ProjectError> {
        let told = |what: String, hint: String| ProjectError::Staged { word: printable(word), what, hint };
        if let Ok(Some(Found { workflow, action, stage, .. })) = self.stage_called(word) {
            let (name, action) = (stage.name, action.word());
            let what = format!("stage `{name}` of workflow `{workflow}`, and no module");
            let whole = format!("lockstep {action} --from {name} -- {workflow} PROFILE");
            let hint = format!(
                "as a part of the whole: {whole}; to look at it: lockstep describe -- {word} PROFILE"
            );
            return Some(told(what, hint));
        }
        let (workflow, file) = self.workflow_of_stages(word).ok().flatten()?;
        let mut units = units_of(&workflow, &file);
        units.dedup();
        let what = "a workflow of stages, and no module".to_owned();
        Some(told(what, format!("its units: {}", units.join("/PROFILE, ") + "/PROFILE")))
    }

    fn is_module(&self, name: &str) -> bool {
        Name::new(name).is_ok_and(|name| self.has_module(&name))
    }

    fn workflow_of_stages(&self, word: &str) -> Result<Option<(Name, WorkflowFile)>, ProjectError> {
        let Ok(name) = Name::new(word) else { return Ok(None) };
        if self.has_module(&name) || !self.workflows()?.contains(&name) {
            return Ok(None);
        }
        let file = self.workflow(&name)?;
        Ok(file.is_staged().then_some((name, file)))
    }

    /// The stage that has this name in the place of a module. One that makes the thing comes before one
    /// that takes it away.
    fn stage_called(&self, module: &str) -> Result<Option<Found>, ProjectError> {
        if !module.contains('.') || self.is_module(module) {
            return Ok(None);
        }
        for workflow in self.workflows()? {
            let rest = module.strip_prefix(workflow.as_str()).and_then(|rest| rest.strip_prefix('.'));
            let Some(name) = rest else { continue };
            let file = self.workflow(&workflow)?;
            for action in [StageAction::Create, StageAction::Delete] {
                let named = |stage: &&Stage| stage.name.as_str() == name && stage.name != *stage.source();
                if let Some(stage) = file.stages(action).iter().find(named).cloned() {
                    return Ok(Some(Found { workflow, file, action, stage }));
                }
            }
        }
        Ok(None)
    }
}

/// What stands in the place of a module in the names of a workflow's units, in the order of the stages.
fn units_of(workflow: &Name, file: &WorkflowFile) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for stage in file.create.iter().chain(&file.delete) {
        let name = match stage.name == *stage.source() {
            true => stage.name.to_string(),
            false => format!("{workflow}.{}", stage.name),
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}
