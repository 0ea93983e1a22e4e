//! A project as the stages of one workflow see it: which unit each stage is, what it is rendered
//! from, and whose outputs it may read.
//!
//! A stage that is called like its module is that module's unit. Any other is a unit of its own,
//! `WORKFLOW.STAGE/PROFILE`, rendered from the files of the stage's module: two stages of one module
//! share neither directory, nor lock, nor what templates make of `module`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::output_names::WORD;
use super::unit::first;
use super::value::Node;
use super::{
    Because, Configs, Name, Place, Project, ProjectError, Stage, StageAction, UnitId, WorkflowFile, nearest,
};
use crate::env::Environment;

/// What a project is for the stages of one action.
#[derive(Debug)]
pub(super) struct Staging {
    workflow: Name,
    /// What the command line calls the profile.
    profile: Name,
    action: StageAction,
    stages: Vec<Staged>,
}

#[derive(Debug)]
struct Staged {
    stage: Stage,
    unit: UnitId,
    /// The stages whose outputs it may read.
    readable: Vec<Name>,
}

/// The whole that the unit of a stage is a part of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Whole {
    /// The stage.
    pub(crate) stage: Name,
    /// The workflow.
    pub(crate) workflow: Name,
    /// Its profile; none where that cannot be told, because the stage has its own.
    pub(crate) profile: Option<Name>,
    /// What it belongs to.
    pub(crate) action: StageAction,
}

impl Staging {
    /// The units of its stages, in their order.
    pub(super) fn units(&self) -> impl Iterator<Item = &UnitId> {
        self.stages.iter().map(|staged| &staged.unit)
    }
}

impl Project {
    /// The project as the stages of an action see it.
    ///
    /// # Errors
    /// When a stage makes no unit.
    pub fn staged(
        &self,
        workflow: &Name,
        file: &WorkflowFile,
        action: StageAction,
        profile: &Name,
    ) -> Result<Self, ProjectError> {
        let (modules, profiles) = (self.modules()?, self.profiles()?);
        let stages = file.stages(action);
        let mut all = Vec::with_capacity(stages.len());
        for stage in stages {
            let source = known("module", stage.source(), &modules, &stage.place)?;
            let own_profile = stage.profile.as_ref().unwrap_or(profile);
            let own_profile = known("profile", own_profile, &profiles, &stage.place)?;
            let refuse = |message: String| Err(ProjectError::config(stage.place.clone(), message));
            let of_module = UnitId::new(source.clone(), own_profile.clone());
            if let Some(why) = self.excluded(&of_module)? {
                return refuse(format!("stage `{}`: `{of_module}` is not a unit: {why}", stage.name));
            }
            let unit = if stage.name == source {
                of_module
            } else {
                match Name::new(format!("{workflow}.{}", stage.name)) {
                    Ok(name) if modules.contains(&name) => {
                        return refuse(format!(
                            "stage `{}` would be rendered as `{name}`, which is a module",
                            stage.name
                        ));
                    }
                    Ok(name) => UnitId::new(name, own_profile),
                    Err(error) => return refuse(format!("stage `{}`: {error}", stage.name)),
                }
            };
            let readable = match action {
                StageAction::Create => before(stages, &stage.name),
                // What is taken away later still has its outputs.
                StageAction::Delete => after(stages, &stage.name),
            };
            all.push(Staged { stage: stage.clone(), unit, readable });
        }
        let (workflow, profile) = (workflow.clone(), profile.clone());
        Ok(self.clone().with_staging(Arc::new(Staging { workflow, profile, action, stages: all })))
    }

    /// The unit of a stage.
    pub(crate) fn unit_of_stage(&self, name: &Name) -> Option<UnitId> {
        let staged = self.staging()?.stages.iter().find(|staged| staged.stage.name == *name)?;
        Some(staged.unit.clone())
    }

    /// Whether this is a project as stages see it.
    pub(crate) fn is_staged(&self) -> bool {
        self.staging().is_some()
    }

    /// What the unit of a stage is a part of; none for any other unit.
    pub(crate) fn whole_of(&self, unit: &UnitId) -> Option<Whole> {
        let (staging, staged) = (self.staging()?, self.stage_of(unit)?);
        let profile = staged.stage.profile.is_none().then(|| staging.profile.clone());
        let (stage, workflow) = (staged.stage.name.clone(), staging.workflow.clone());
        Some(Whole { stage, workflow, profile, action: staging.action })
    }

    /// The units of the stages that the stage of a unit needs; none for the unit of no stage.
    pub(super) fn needs_of_stage(&self, unit: &UnitId) -> Option<Vec<(UnitId, Because)>> {
        let stage = &self.stage_of(unit)?.stage;
        let needs = stage.needs.iter().enumerate().filter_map(|(at, need)| {
            Some((self.unit_of_stage(need)?, Because::Needs(stage.place_of_need(at).clone())))
        });
        Some(needs.collect())
    }

    /// The units of the stages that need the stage of a unit; none for the unit of no stage.
    pub(crate) fn dependants_of_stage(&self, unit: &UnitId) -> Option<Vec<UnitId>> {
        let (staging, own) = (self.staging()?, &self.stage_of(unit)?.stage.name);
        let needs_it = |staged: &&Staged| staged.stage.needs.contains(own);
        Some(staging.stages.iter().filter(needs_it).map(|staged| staged.unit.clone()).collect())
    }

    /// Whether a stage has a unit of that name in the place of the module.
    pub(super) fn has_stage_of(&self, module: &Name) -> bool {
        self.staging().is_some_and(|staging| staging.units().any(|unit| unit.module == *module))
    }

    /// The module whose files a unit of that module name is rendered from.
    pub(crate) fn source_of<'a>(&'a self, module: &'a Name) -> &'a Name {
        let stages = self.staging().map(|staging| staging.stages.as_slice()).unwrap_or_default();
        stages
            .iter()
            .find(|staged| staged.unit.module == *module)
            .map_or(module, |staged| staged.stage.source())
    }

    /// What the names of stages mean in the parameters of a unit; nothing for the unit of no stage.
    pub(super) fn stages_seen_by(&self, unit: &UnitId) -> BTreeMap<String, UnitId> {
        let staging = self.staging().filter(|_| self.stage_of(unit).is_some());
        let stages = staging.into_iter().flat_map(|staging| &staging.stages);
        stages.map(|staged| (staged.stage.name.to_string(), staged.unit.clone())).collect()
    }

    /// The parameters that a stage adds to its unit's.
    pub(super) fn params_of_stage(&self, unit: &UnitId) -> Option<&Node> {
        self.stage_of(unit).map(|staged| &staged.stage.params)
    }

    /// What the stage of a unit runs; nothing for the unit of no stage.
    pub(crate) fn words_of_stage(&self, unit: &UnitId) -> &[String] {
        self.stage_of(unit).map(|staged| staged.stage.run.as_slice()).unwrap_or_default()
    }

    /// Who asks for outputs, where an answer to another unit is not good enough: what one stage has
    /// read may have changed when the next one reads it.
    pub(crate) fn asker_of_outputs(&self, user: &UnitId) -> String {
        if self.staging().is_some() { user.to_string() } else { String::new() }
    }

    /// What to type so that a stage has outputs.
    pub(crate) fn cure_of_stage(&self, unit: &UnitId) -> Option<String> {
        let (staging, staged) = (self.staging()?, self.stage_of(unit)?);
        let Staging { workflow, profile, .. } = staging;
        Some(match staging.action {
            StageAction::Create => {
                format!("lockstep create --from {} -- {workflow} {profile}", staged.stage.name)
            }
            StageAction::Delete => {
                format!(
                    "what is gone already can be left out: lockstep delete --from STAGE -- {workflow} {profile}"
                )
            }
        })
    }

    /// The unit of the stage that a name in the parameters of `user` means; none if it means no stage.
    pub(super) fn output_stage(
        &self,
        user: &UnitId,
        name: &str,
        place: &Place,
    ) -> Option<Result<UnitId, ProjectError>> {
        let (staging, own) = (self.staging()?, self.stage_of(user)?);
        let names = || staging.stages.iter().map(|staged| staged.stage.name.as_str());
        let Some(staged) = staging.stages.iter().find(|staged| staged.stage.name.as_str() == name) else {
            let in_workflow = own.stage.place.file() == place.file() && !name.contains('/');
            let hint = match nearest(name, names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("a unit outside of the workflow is `{WORD}[\"MODULE/PROFILE\"]`"),
            };
            let message = format!("there is no stage `{}` whose {WORD} could be used", name.escape_debug());
            return in_workflow.then(|| Err(ProjectError::config_hint(place.clone(), message, Some(hint))));
        };
        if own.stage.name == staged.stage.name || own.readable.contains(&staged.stage.name) {
            return Some(Ok(staged.unit.clone()));
        }
        let (user, used) = (&own.stage.name, &staged.stage.name);
        let (message, hint) = match staging.action {
            StageAction::Create => (
                format!("stage `{user}` uses outputs of stage `{used}`, which it does not need"),
                format!("let it come first: needs = [\"{used}\"] at {}", own.stage.place),
            ),
            StageAction::Delete => (
                format!("stage `{user}` uses outputs of stage `{used}`, which may be gone by then"),
                format!("let `{used}` be deleted after it: needs = [\"{user}\"] at {}", staged.stage.place),
            ),
        };
        Some(Err(ProjectError::config_hint(place.clone(), message, Some(hint))))
    }

    /// Checks the outputs that a stage uses, as far as they are written for its module: a profile may
    /// name for all modules what only some may read.
    ///
    /// # Errors
    /// The first use of what the stage may not read.
    pub(crate) fn check_outputs_of_stage(&self, unit: &UnitId) -> Result<(), ProjectError> {
        let configs = Configs::new(self);
        let mut own = Vec::new();
        for profile in configs.chain(&unit.profile)?.iter() {
            if let Some(module) = profile.modules.get(self.source_of(&unit.module)) {
                super::outputs::collect(&module.params, &mut own)?;
            }
        }
        for (name, place) in configs.output_uses(unit)? {
            let written_for_it = ["workflows/", "modules/"].iter().any(|dir| place.file().starts_with(dir));
            if written_for_it || own.contains(&(name.clone(), place.clone())) {
                self.output_unit(unit, &name, &place)?;
            }
        }
        Ok(())
    }

    /// The profile that a word of the command line means beside that of a workflow or one of its stages.
    ///
    /// # Errors
    /// When it means none, or several.
    pub fn profile_named(&self, whole: &str, word: &str, env: &Environment) -> Result<Name, ProjectError> {
        if super::selects_many(word) {
            let one = [first(whole, "MODULE"), first(word, "PROFILE")].join(" ");
            return Err(ProjectError::NotOne { word: super::error::printable(word), one });
        }
        let word = if word == "." { self.profile_here(env)? } else { word.to_owned() };
        let name = Name::new(&word).ok().filter(|name| self.has_profile(name));
        name.ok_or_else(|| self.unknown("profile", &word))
    }

    fn stage_of(&self, unit: &UnitId) -> Option<&Staged> {
        self.staging()?.stages.iter().find(|staged| staged.unit == *unit)
    }
}

fn known(what: &str, name: &Name, known: &[Name], place: &Place) -> Result<Name, ProjectError> {
    if known.contains(name) {
        return Ok(name.clone());
    }
    let hint =
        nearest(name.as_str(), known.iter().map(Name::as_str)).map(|near| format!("did you mean `{near}`?"));
    Err(ProjectError::config_hint(place.clone(), format!("there is no {what} `{name}`"), hint))
}

/// All that a stage needs, also at a distance.
fn before(stages: &[Stage], name: &Name) -> Vec<Name> {
    let mut found: Vec<Name> = Vec::new();
    let mut waiting = vec![name.clone()];
    while let Some(name) = waiting.pop() {
        let needs = stages.iter().find(|stage| stage.name == name).map(|stage| &stage.needs);
        for need in needs.into_iter().flatten() {
            if !found.contains(need) {
                found.push(need.clone());
                waiting.push(need.clone());
            }
        }
    }
    found
}

/// All that need a stage, also at a distance.
fn after(stages: &[Stage], name: &Name) -> Vec<Name> {
    let needs_it = |stage: &&Stage| before(stages, &stage.name).contains(name);
    stages.iter().filter(needs_it).map(|stage| stage.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Overrides;
    use crate::project::tests::{Sample, message};

    const CREATE: &str = "[[create]]\nname = 'net'\nrun = ['true:']\n\
        [[create]]\nname = 'blue'\nmodule = 'net'\nprofile = 'dev'\nparams = { size = 3, colour = 'blue' }\n\
        needs = ['net']\nrun = ['true:']\n";

    fn sample(workflow: &str) -> Sample {
        Sample::new(&[
            ("modules/net/module.toml", "[params]\nsize = 1\ncolour = 'none'\n[lock]\nkeys = ['account']\n"),
            ("modules/other/x", ""),
            ("profiles/dev.toml", "[modules.net.params]\nsize = 2\nzone = 'dev'\n"),
            ("profiles/prod.toml", "[modules.other]\nenabled = false\n"),
            ("workflows/go.toml", workflow),
        ])
    }

    fn staged(sample: &Sample) -> Result<Project, ProjectError> {
        let (project, name) = (sample.project(), |text: &str| Name::new(text).unwrap());
        let file = project.workflow(&name("go"))?;
        project.staged(&name("go"), &file, StageAction::Create, &name("prod"))
    }

    #[test]
    fn a_stage_of_another_name_is_a_unit_of_its_own_made_of_its_module() {
        let sample = sample(CREATE);
        let project = staged(&sample).unwrap();
        let unit = |stage: &str| project.unit_of_stage(&Name::new(stage).unwrap()).unwrap();
        assert_eq!(
            (unit("net").to_string(), unit("blue").to_string()),
            ("net/prod".into(), "go.blue/dev".into())
        );
        let blue = unit("blue");
        assert_eq!(project.source_of(&blue.module).as_str(), "net");
        assert_eq!(project.module_directory(&blue.module), sample.path("modules/net"));
        assert_eq!(project.unit_directory(&blue), sample.path(".dist/go.blue/dev"));
        assert_eq!(project.further_keys(&blue).unwrap().len(), 1);
        let env = sample.env(&[]);
        let overrides = Overrides { set: &["colour=red".to_owned()], files: &[], env: &env };
        let params = project.params(&blue, &overrides).unwrap();
        let json = params.to_json().unwrap();
        assert_eq!(json, serde_json::json!({ "size": 3, "colour": "red", "zone": "dev" }));
        let place = Place::whole("t");
        assert_eq!(params.expand("{{ module }}", &place).unwrap(), "go.blue");
        assert_eq!(project.asker_of_outputs(&blue), "go.blue/dev");
        assert_eq!(sample.project().asker_of_outputs(&blue), "");
    }

    #[test]
    fn a_stage_that_makes_no_unit_is_told_where_it_stands() {
        let stage = |rest: &str| format!("[[create]]\nrun = ['true:']\n{rest}\n");
        for (text, said) in [
            (stage("name = 'nte'"), "there is no module `nte`"),
            (stage("name = 'net'\nprofile = 'prd'"), "there is no profile `prd`"),
            (stage("name = 'other'"), "stage `other`: `other/prod` is not a unit: `enabled = false`"),
            (stage(&format!("name = '{}'\nmodule = 'net'", "x".repeat(64))), "stage `xxx"),
        ] {
            let (message, ..) = message(staged(&sample(&text)));
            assert!(message.starts_with(&format!("workflows/go.toml:1: {said}")), "{message}");
        }
        let taken = sample(CREATE);
        taken.write("modules/go.blue/x", "");
        assert!(message(staged(&taken)).0.contains("would be rendered as `go.blue`, which is a module"));
    }

    #[test]
    fn who_may_read_whose_outputs_follows_from_the_needs() {
        let stage = |name: &str, needs: &str| {
            format!("[[create]]\nname = '{name}'\nmodule = 'net'\nneeds = [{needs}]\nrun = ['x:']\n")
        };
        let text = [stage("a", ""), stage("b", "'a'"), stage("c", "'b'"), stage("d", "'a'")].concat();
        let sample = sample(&text);
        let file = sample.project().workflow(&Name::new("go").unwrap()).unwrap();
        let names = |found: Vec<Name>| {
            let mut names: Vec<String> = found.iter().map(Name::to_string).collect();
            names.sort();
            names.concat()
        };
        let of = |name: &str| Name::new(name).unwrap();
        assert_eq!(names(before(&file.create, &of("c"))), "ab");
        assert_eq!(names(before(&file.create, &of("a"))), "");
        assert_eq!(names(after(&file.create, &of("a"))), "bcd");
        assert_eq!(names(after(&file.create, &of("b"))), "c");
    }
}
