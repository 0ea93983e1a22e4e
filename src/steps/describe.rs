//! `describe`: a unit as it is now, on standard output. What cannot be found out is said, and keeps
//! nothing else back.

mod facts;
mod text;

use self::facts::{Command, Facts, FileFact, LockFact, NeedFact, VariableFact};
use super::rendering::with_unknowns;
use crate::Error;
use crate::lock::{Freshness, LockState, Observed, Record, escape};
use crate::project::{Asker, Explained, ExplainedJson, Overrides, UnitId, toml_text};
use crate::render::{git_facts, survey};
use crate::workflow::journal::Journal;
use crate::workflow::{Call, Done, LastRun, Role, Run, State, Step};

/// The form of what `describe --json` prints, as JSON Schema.
pub use facts::schema as describe_schema;

/// The step.
#[derive(Debug)]
pub struct Describe;

impl Step for Describe {
    fn name(&self) -> &'static str {
        "describe"
    }

    fn summary(&self) -> &'static str {
        "show the unit: parameters, needs, files, lock and last run"
    }

    fn details(&self) -> &'static str {
        "Writes to standard output what the unit is made of and in which state it is: the profiles that \
         it extends, its tags, what it needs and who needs it, its parameters and where each is written (secrets are masked), its files and what \
         `build` would do to them, its lock, and how its last run from this repository ended. The remote is \
         asked once; if it cannot be reached that is said, and the rest is shown. Nothing is written. With \
         --json for programs."
    }

    fn role(&self) -> Role {
        Role::Inspect
    }

    fn looks_at_lock(&self) -> bool {
        true
    }

    fn speaks_json(&self) -> bool {
        true
    }

    fn run(&self, _call: &Call, run: &Run<'_>, state: &mut State) -> Result<Done, Error> {
        let (services, options) = (run.services, &run.plan.options);
        let overrides = Overrides { set: &options.set, files: &options.params, env: &services.env };
        let repo = services.repo.clone();
        let params = run.project.params(run.id(), &overrides)?.with_git(git_facts(
            &services.env,
            options.branch.as_deref(),
            move || Ok(repo.clone()),
        ));
        let explained = params.explain(None)?;
        let overridden = params.override_keys();
        let facts = gather(run, &explained, &overridden)?;
        let out = match options.json {
            true => crate::text::json(&facts.json()),
            false => crate::text::for_log(&text::show(&facts, &explained)).into_owned(),
        };
        run.print(state, out.as_bytes())?;
        Ok(Done::quietly())
    }
}

fn gather<'a>(
    run: &Run<'_>,
    explained: &'a [Explained],
    overrides: &'a [String],
) -> Result<Facts<'a>, Error> {
    let (project, services, unit) = (run.project, run.services, run.id());
    let relative = |path: &std::path::Path| {
        toml_text::escaped(&path.strip_prefix(project.root()).unwrap_or(path).display().to_string())
    };
    let chain = project.chain(&unit.profile)?;
    let module = project.module_config(&unit.module)?;
    let variables: Vec<VariableFact> =
        project.command_env(unit, Asker::Module)?.names().map(VariableFact::new).collect();
    let (files, cannot_render) = match with_request_quietly(run) {
        Ok(files) => (files, None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    let ((needs, needs_error), (needed_by, needed_by_error)) = (needs(run), needed_by(run));
    let commands = run.plan.calls.iter().filter_map(|call| Some((call, call.argv.as_ref()?)));
    let journals = Journal::directory(project.root(), services.repo.as_ref());
    Ok(Facts {
        unit: unit.clone(),
        module: relative(&project.module_directory(&unit.module)),
        profiles: chain.iter().map(|profile| profile.place.file().to_owned()).collect(),
        directory: relative(&run.unit.directory),
        // What is wrong with it is said by what cannot be rendered.
        schema: project.module_schema(&unit.module).ok().flatten().map(|schema| schema.file()),
        tags: module.tags.clone(),
        needs,
        needs_error,
        needed_by,
        needed_by_error,
        environment: variables.iter().map(|variable| variable.name.clone()).collect(),
        variables,
        commands: commands
            .map(|(call, argv)| Command {
                command: call.label.clone(),
                only_reads: run.plan.options.read || run.rules_for(argv).only_reads(&argv.args),
            })
            .collect(),
        overrides,
        parameters: explained.iter().map(ExplainedJson::new).collect(),
        files,
        cannot_render,
        lock: lock(run),
        last_run: LastRun::of(unit, &journals, &services.run_id),
    })
}

/// What the unit needs, or why that cannot be told.
fn needs(run: &Run<'_>) -> (Vec<NeedFact>, Option<String>) {
    match run.project.needs_of(run.id()) {
        Ok(needs) => (needs.into_iter().map(NeedFact::new).collect(), None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    }
}

/// Who needs the unit, and why that may not be all.
fn needed_by(run: &Run<'_>) -> (Vec<UnitId>, Option<String>) {
    match run.project.dependants_of_stage(run.id()) {
        Some(stages) => (stages, None),
        None => {
            let all = run.services.shared.dependants(run.project);
            (all.of(run.id()).to_vec(), all.trouble.as_ref().map(ToString::to_string))
        }
    }
}

fn with_request_quietly(run: &Run<'_>) -> Result<Vec<FileFact>, Error> {
    let survey = with_unknowns(run, |request| Ok(survey(request)?))?;
    Ok(survey.files.into_iter().map(|(path, state)| FileFact { path, state }).collect())
}

fn lock(run: &Run<'_>) -> LockFact {
    let Some(backend) = &run.services.backend else { return LockFact::unknown(None, None) };
    let place = backend.place();
    let keys = &run.unit.keys;
    let _turn = run.services.shared.remote();
    match backend.read(&keys.take.and(&keys.watch), Freshness::Now) {
        Ok(observed) => {
            // What keeps a run of the unit out, whichever lock it is; else the unit's own.
            let of = |seen: Observed| seen.last.map(|(_, record)| (keys.take.contains(&seen.key), record));
            let records: Vec<(bool, Record)> = observed.into_iter().filter_map(of).collect();
            let in_the_way = |(own, record): &&(bool, Record)| match record.state {
                LockState::Free => false,
                LockState::Frozen => true,
                LockState::Held | LockState::Failed => *own,
            };
            let told = records.iter().find(in_the_way).or_else(|| records.iter().find(|(own, _)| *own));
            let record = told.map(|(_, record)| record.clone());
            let (now, limit) = (run.services.clock.now(), run.project.config().lock.stale_after);
            LockFact::of(record.as_ref(), place, now, limit)
        }
        Err(error) => LockFact::unknown(Some(place), Some(escape(&error.to_string()))),
    }
}
