//! Where a run has the outputs of other units from: their output commands, each in the unit's
//! rendered directory, which is used as it stands and made if it is not there.
//!
//! What must hold: nothing but such a command says what an output is, and no directory is written by
//! a step that only looks.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;

use super::rendering::user_excludes;
use super::surroundings::Setting;
use crate::env::{self, Environment};
use crate::git::Repo;
use crate::process::{CommandRunner, Interrupts, Stdio, find_program, tools};
use crate::project::{
    Access, Answers, Asker, OutputCommand, OutputSource, Overrides, Params, Place, Project, ProjectError,
    Trust, UnitId,
};
use crate::render::{BuildRequest, Holder, RenderError, build, git_facts, hold};
use crate::workflow::parse::{command, quote};
use crate::workflow::{Event, Reporter, Run};

/// The tools of which everybody knows how they tell their outputs.
const TOOLS: [&str; 2] = ["tofu", "terraform"];

/// The outputs as the parameters of a run's unit see them. `project` is the run's own, to keep.
pub(super) fn source(run: &Run<'_>, project: &Arc<Project>) -> OutputSource {
    let services = run.services;
    let own = run.plan.calls.iter().filter_map(|call| tools::tool_name(&call.argv.as_ref()?.program));
    let reader = Reader {
        project: Arc::clone(project),
        env: services.env.clone(),
        run_id: services.run_id.clone(),
        runner: Arc::clone(&services.runner),
        interrupts: services.interrupts.clone(),
        stdio: services.stdio,
        answers: services.answers.clone(),
        trust: services.trust.clone(),
        reporter: Arc::clone(&services.reporter),
        repo: services.repo.clone(),
        branch: run.plan.options.branch.clone(),
        tool: own.into_iter().find_map(|own| TOOLS.into_iter().find(|tool| *tool == own)),
        may_render: !run.plan.only_looks(),
        takes_down: {
            let mut commands = run.plan.calls.iter().flat_map(|call| run.plan.commands_of(call));
            commands.any(|argv| run.rules_for(argv).takes_down(&argv.args))
        },
    };
    Arc::new(reader).source(vec![run.id().clone()])
}

/// All that it takes to ask a unit for its outputs, and to render it.
struct Reader {
    project: Arc<Project>,
    env: Environment,
    run_id: String,
    runner: Arc<dyn CommandRunner>,
    interrupts: Interrupts,
    stdio: Stdio,
    answers: Answers,
    trust: Trust,
    reporter: Arc<dyn Reporter>,
    repo: Option<Repo>,
    /// The branch of a detached HEAD, as the user names it.
    branch: Option<String>,
    /// The one of the known tools that the run itself uses.
    tool: Option<&'static str>,
    may_render: bool,
    /// The run takes down what it runs for.
    takes_down: bool,
}

/// Whether a directory has anything that tofu and terraform read.
fn holds_configuration(directory: &Path) -> bool {
    let is_one =
        |name: &str| [".tf", ".tofu", ".tf.json", ".tofu.json"].iter().any(|end| name.ends_with(end));
    let mut entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries.any(|entry| entry.file_name().to_str().is_some_and(is_one))
}

impl Reader {
    /// What the last of these units sees, which is rendered for the one before it, and so on.
    fn source(self: Arc<Self>, chain: Vec<UnitId>) -> OutputSource {
        Arc::new(move |name, place| self.prepare(&chain, name, place))
    }

    fn prepare(
        self: &Arc<Self>,
        chain: &[UnitId],
        name: &str,
        place: &Place,
    ) -> Result<OutputCommand, ProjectError> {
        let Some(user) = chain.last() else {
            return Err(ProjectError::config(place.clone(), "nobody asks for this output"));
        };
        let unit = self.project.output_unit(user, name, place)?;
        if let Some(first) = chain.iter().position(|other| *other == unit) {
            let circle: Vec<String> = chain[first..].iter().chain([&unit]).map(UnitId::to_string).collect();
            let message = format!("units use each other's outputs in a circle: {}", circle.join(" -> "));
            return Err(ProjectError::config(place.clone(), message));
        }
        let module = self.project.module_config(&unit.module)?;
        let command = match module.outputs.is_computed() {
            // What it needs must be known without running anything.
            true => module.outputs.command_of(&self.plain_params(&unit)?)?,
            false => module.outputs.command.clone(),
        };
        let is_own = command.is_some();
        let (argv, cure, cure_unreadable) = match command {
            Some(argv) => {
                let words: Vec<String> = argv.iter().map(|word| quote(word.as_ref())).collect();
                let run = format!("lockstep build exec -- {} {}", unit.module, unit.profile);
                let cure = format!("see what it says: {run} {}", words.join(" "));
                (argv, cure.clone(), cure)
            }
            None => {
                let tool = self.tool(&unit, place)?;
                let words = "build git-check lock exec git-push unlock-any";
                let cure = format!("lockstep {words} -- {} {} {tool} apply", unit.module, unit.profile);
                let init = format!(
                    "if its directory is a new one: lockstep build {tool}:init -- {} {}",
                    unit.module, unit.profile
                );
                ([tool, "output", "-json"].map(str::to_owned).to_vec(), cure, init)
            }
        };
        let directory = self.project.unit_directory(&unit);
        let rendered = if directory.is_dir() {
            Ok(())
        } else if self.may_render {
            self.render(chain, &unit)
        } else {
            let message = format!("`{unit}` has no outputs here: it is not rendered, and this only looks");
            let build = || format!("lockstep build -- {} {}", unit.module, unit.profile);
            let hint = self.project.cure_of_stage(&unit).unwrap_or_else(build);
            return Err(ProjectError::config_hint(place.clone(), message, Some(hint)));
        };
        let guard = rendered.and_then(|()| hold(&self.project, &unit, self.repo.as_ref()));
        let guard = guard.map_err(|error| match error {
            RenderError::Project(error @ ProjectError::Interrupted { .. }) => error,
            error => ProjectError::config_hint(
                place.clone(),
                format!("the outputs of `{unit}` cannot be read: {error}"),
                error.hint(),
            ),
        })?;
        let (cure, cure_unreadable) = match is_own || holds_configuration(&directory) {
            true => (cure, cure_unreadable),
            false => {
                let cure = format!(
                    "it has no files of tofu or terraform: say what prints its outputs, [outputs] command in modules/{}/module.toml",
                    unit.module
                );
                (cure.clone(), cure)
            }
        };
        let cure = match self.takes_down {
            // What it needs is gone, mostly, and is not to be built again for that.
            true => format!("to take `{user}` down without it, say what it was: --set PARAMETER=VALUE"),
            false => self.project.cure_of_stage(&unit).unwrap_or(cure),
        };
        let cure_unreadable = self.project.cure_of_stage(&unit).unwrap_or(cure_unreadable);
        let own = self.project.command_env(&unit, Asker::Module)?;
        let own = match own.is_computed() {
            true => own.evaluate(&self.params(chain, &unit)?)?,
            false => own.as_written(),
        };
        let env = self.setting(&unit).environment(&own, None, &directory);
        Ok(OutputCommand {
            argv,
            directory,
            env,
            timeout: module.outputs.timeout,
            sensitive: module.outputs.sensitive,
            guard: Some(Arc::new(guard)),
            asker: self.project.asker_of_outputs(user),
            is_own,
            cure,
            cure_unreadable,
            unit,
        })
    }

    /// The tool that the unit's own stage uses, else the run, else the first of those that are there.
    fn tool(&self, unit: &UnitId, place: &Place) -> Result<&'static str, ProjectError> {
        let there = |tool: &&str| find_program(OsStr::new(tool), self.project.root(), &self.env).is_ok();
        let words = self.project.words_of_stage(unit).iter().filter_map(|word| command(word.as_ref())?);
        let known = |name: &str| TOOLS.into_iter().find(|tool| *tool == name);
        let mut own = words.filter_map(|argv| known(tools::tool_name(&argv.program)?));
        own.next().or(self.tool).or_else(|| TOOLS.into_iter().find(there)).ok_or_else(|| {
            let message =
                format!("nothing tells the outputs of `{unit}`: neither `tofu` nor `terraform` was found");
            let hint =
                format!("say what does in modules/{}/module.toml: [outputs] command = [...]", unit.module);
            ProjectError::config_hint(place.clone(), message, Some(hint))
        })
    }

    fn setting<'a>(&'a self, unit: &'a UnitId) -> Setting<'a> {
        Setting { project: &self.project, unit: Some(unit), env: &self.env, run_id: &self.run_id }
    }

    /// A unit's parameters by what the project says, without what only a run reads or runs.
    fn plain_params(&self, unit: &UnitId) -> Result<Params, ProjectError> {
        let repo = self.repo.clone();
        let params = self.project.params(unit, &Overrides { set: &[], files: &[], env: &self.env })?;
        Ok(params.with_git(git_facts(&self.env, self.branch.as_deref(), move || Ok(repo.clone()))))
    }

    /// The same with all of it.
    fn params(self: &Arc<Self>, chain: &[UnitId], unit: &UnitId) -> Result<Params, ProjectError> {
        let (reader, id) = (Arc::clone(self), unit.clone());
        let surroundings = move |asker| {
            let own = Setting::known(&reader.project, &id, asker, || reader.plain_params(&id))?;
            Ok(reader.setting(&id).of_asker(&own, asker))
        };
        let chain = chain.iter().chain([unit]).cloned().collect();
        let params = self.plain_params(unit)?;
        Ok(params
            .with_access(Access {
                runner: Arc::clone(&self.runner),
                interrupts: self.interrupts.clone(),
                env: Arc::new(surroundings),
                stdio: self.stdio,
                answers: self.answers.clone(),
                trust: self.trust.clone(),
            })
            .with_outputs(Arc::clone(self).source(chain)))
    }

    /// Renders a unit that was never rendered here, by what the project says.
    fn render(self: &Arc<Self>, chain: &[UnitId], unit: &UnitId) -> Result<(), RenderError> {
        let params = self.params(chain, unit)?;
        build(&BuildRequest {
            project: &self.project,
            unit,
            params: &params,
            repo: self.repo.as_ref(),
            excludes: &user_excludes(&self.env),
            force: false,
            keep: false,
            holder: Holder { pid: env::pid(), run: self.run_id.clone(), program: "lockstep".to_owned() },
        })?;
        let message = format!("rendered `{unit}`, whose outputs are asked for");
        self.reporter.emit(&Event::Note { unit: Some(unit.clone()), message });
        Ok(())
    }
}
