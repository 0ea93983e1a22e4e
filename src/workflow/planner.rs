//! Makes a plan: every word, name, program and order is checked here, before the first effect.

mod all;
mod expressions;
mod formats;
mod gone;
mod needed;
mod saved;
mod staged;

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};

use super::parse::{self, ParseError, Vocabulary, Word};
use super::{Argv, Call, Options, Plan, PlanError, Request, Role, StageError, Step, UnitPlan, order};
use crate::Error;
use crate::env::Environment;
use crate::lock::UnitKeys;
use crate::process::{find_program, tools};
use crate::project::{Configs, Name, Place, Project, ReadOnly, Turn, UnitId, selects_many};

pub use gone::plan_of_gone;

/// Resolves and checks a request. Reads the project's files, changes nothing. A project as a stage sees it
/// is for looking at that stage's unit. With `affected` only those
/// of the selected units are in the plan that are in it, and these may be none.
///
/// # Errors
/// The first thing that is wrong, in the order: words, order of steps, unit, programs.
pub fn plan(
    project: &Project,
    request: &Request,
    affected: Option<&BTreeSet<UnitId>>,
    env: &Environment,
    steps: &'static [&'static dyn Step],
) -> Result<Plan, Error> {
    let (workflows, modules, profiles) = (project.workflows()?, project.modules()?, project.profiles()?);
    project.check_names(
        steps.iter().flat_map(|step| std::iter::once(step.name()).chain(step.aliases().iter().copied())),
    )?;
    let vocabulary = Vocabulary { steps, workflows: &workflows, modules: &modules, profiles: &profiles };
    let planner = Planner { project, vocabulary };

    let (mut calls, mut finally) =
        planner.calls(&request.words, &request.args, &request.module, &request.profile)?;
    staged::only_looks_at(&planner, &calls, &finally, request, env)?;
    if let Some(plan) = staged::plan(&planner, &calls, &finally, request, env)? {
        return Ok(plan);
    }
    give_arguments(&mut calls, request)?;
    for call in calls.iter_mut().chain(&mut finally) {
        planner.label(call);
    }
    order::check(&calls, &finally)?;
    check_options(&calls, &request.options)?;
    build_alone(&calls, &finally, &request.options)?;
    let configs = Configs::new(project);
    let (mut units, nothing) = planner.units(request, affected, &calls, (&configs, env))?;
    if let Some(unit) = units.first() {
        planner.find_programs(&calls, &finally, unit, env)?;
    }
    // Who only builds asks for no lock, and need not read which keys that would take.
    if !only_builds(&calls, &finally) || units.len() == 1 {
        for unit in &mut units {
            unit.keys = UnitKeys::of_many(&configs, &unit.id)?;
        }
    }
    given_back(&calls, &units)?;
    planner.formats(&calls, &units)?;
    for unit in &mut units {
        planner.evaluate((&calls, &finally), unit, request, env)?;
    }

    let left_out = nothing.or(planner.leave_out(&mut calls, &units, &configs, request.options.read));
    // With `finally` the lock is given back after it.
    if finally.is_empty() {
        order::fuse(&mut calls);
    }
    let builds_all = all::builds_all(&calls, &finally, request);
    let options = request.options.clone();
    Ok(Plan { units, calls, finally, left_out, builds_all, options, staged: None })
}

struct Planner<'a> {
    project: &'a Project,
    vocabulary: Vocabulary<'a>,
}

impl Planner<'_> {
    fn calls(
        &self,
        words: &[OsString],
        args: &[OsString],
        module: &str,
        profile: &str,
    ) -> Result<(Vec<Call>, Vec<Call>), Error> {
        if words.is_empty() {
            return Err(ParseError::NoWords.into());
        }
        let (mut calls, mut finally) = (Vec::new(), Vec::new());
        for text in words {
            let word = parse::word(text, self.vocabulary, None).map_err(|error| match error {
                ParseError::Misplaced { word, kind, .. } => {
                    let rest: Vec<OsString> =
                        [module.into(), profile.into()].into_iter().chain(args.iter().cloned()).collect();
                    ParseError::Misplaced {
                        word,
                        kind,
                        better: parse::with_separator(words, &rest, self.vocabulary),
                    }
                }
                other => other,
            })?;
            match word {
                Word::Step(step) => calls.push(step_call(step)),
                Word::Command(argv) => calls.push(self.command_call(argv)?),
                Word::Workflow(name) => {
                    let file = self.project.workflow(&name)?;
                    if file.is_staged() {
                        return Err(StageError::AsStep { workflow: name.to_string() }.into());
                    }
                    calls.append(&mut self.inner(&file.steps, &file.step_places)?);
                    finally.append(&mut self.inner(&file.finally, &file.finally_places)?);
                }
            }
        }
        Ok((calls, finally))
    }

    /// The words of a workflow file, and the place of each.
    fn inner(&self, words: &[String], places: &[Place]) -> Result<Vec<Call>, Error> {
        let call = |(at, text): (usize, &String)| {
            let place = places.get(at).map(Place::to_string);
            match parse::word(OsStr::new(text), self.vocabulary, place.as_deref())? {
                Word::Step(step) => Ok(step_call(step)),
                Word::Command(argv) => {
                    expressions::check_program(&argv, places.get(at))?;
                    Ok(Call { written: places.get(at).cloned(), ..self.command_call(argv)? })
                }
                Word::Workflow(name) => Err(ParseError::Nested { word: name.to_string(), place }.into()),
            }
        };
        words.iter().enumerate().map(call).collect()
    }

    fn command_call(&self, argv: Argv) -> Result<Call, Error> {
        let exec = self.vocabulary.steps.iter().copied().find(|step| step.role() == Role::Command);
        // A registry without a command step is a program that embeds lockstep and allows no commands.
        let step = exec.ok_or_else(|| ParseError::Unknown {
            word: argv.program.to_string_lossy().into_owned(),
            nearest: None,
            place: None,
        })?;
        Ok(Call { argv: Some(argv), ..step_call(step) })
    }

    /// The units in the order of their turns; and why there are none, where that is no error.
    fn units(
        &self,
        request: &Request,
        affected: Option<&BTreeSet<UnitId>>,
        calls: &[Call],
        (configs, env): (&Configs<'_>, &Environment),
    ) -> Result<(Vec<UnitPlan>, Option<String>), Error> {
        let (project, Request { module, profile, options, .. }) = (self.project, request);
        let mut ids = match options.print {
            // One file of one unit.
            Some(_) => vec![project.unit(module, profile, env)?],
            None if selects_many(module) || selects_many(profile) => configs.select(module, profile, env)?,
            None => vec![project.unit(module, profile, env)?],
        };
        let selected = ids.len();
        if let Some(affected) = affected {
            ids.retain(|id| affected.contains(id));
        }
        if options.with_needs && options.print.is_none() {
            ids = needed::with_needs(configs, ids, calls)?;
        }
        let nothing = ids.is_empty().then(|| match selected {
            1 => format!("nothing to do: `{module}/{profile}` is not affected"),
            count => format!("nothing to do: none of the {count} selected units is affected"),
        });
        if let Some(limit) = options.max_units.filter(|limit| ids.len() > *limit) {
            return Err(PlanError::TooMany { count: ids.len(), limit }.into());
        }
        // A single unit waits for nobody, and what it needs is not looked up.
        let turns = match ids.as_slice() {
            [_] => ids.into_iter().map(|unit| Turn { unit, needs: Vec::new() }).collect(),
            _ => {
                let down = self.takes_down(calls, &ids, configs, env);
                configs.in_order(ids, down != options.reverse)?
            }
        };
        let unit = |Turn { unit, needs }: Turn| UnitPlan {
            words: Vec::new(),
            keys: UnitKeys::default(),
            directory: project.unit_directory(&unit),
            id: unit,
            needs,
        };
        Ok((turns.into_iter().map(unit).collect(), nothing))
    }

    /// Whether a command takes things down: then what needs others goes before them.
    fn takes_down(&self, calls: &[Call], units: &[UnitId], configs: &Configs<'_>, env: &Environment) -> bool {
        let mut commands = calls.iter().filter_map(|call| call.argv.as_ref());
        commands.any(|argv| {
            units.iter().any(|unit| {
                let rules = configs.rules_for(unit, &argv.program);
                rules.takes_down(&argv.args)
                    || saved::takes_down(self.project, unit, &rules.applies_plan(&argv.args), env)
            })
        })
    }

    /// Programs named without a path must be there now. One that is named by a path relative to the
    /// rendered directory may be what the build is about to make: `exec` looks it up again.
    fn find_programs(
        &self,
        calls: &[Call],
        finally: &[Call],
        unit: &UnitPlan,
        env: &Environment,
    ) -> Result<(), Error> {
        for argv in calls.iter().chain(finally).filter_map(|call| call.argv.as_ref()) {
            let path = std::path::Path::new(&argv.program);
            if path.is_absolute() || path.components().count() == 1 && !has_slash(&argv.program) {
                find_program(&argv.program, &unit.directory, env)?;
            }
        }
        Ok(())
    }

    /// With `[exec] read_only = "skip"`, a pipeline whose only command reads needs neither proof
    /// nor lock nor push; with `--read` none does.
    fn leave_out(
        &self,
        calls: &mut Vec<Call>,
        units: &[UnitPlan],
        configs: &Configs<'_>,
        read: bool,
    ) -> Option<String> {
        if !read && self.project.config().exec.read_only != ReadOnly::Skip {
            return None;
        }
        let mut commands = calls.iter().filter_map(|call| call.argv.as_ref());
        let argv = commands.next()?;
        let reads = |unit: &UnitPlan| configs.rules_for(&unit.id, &argv.program).only_reads(&argv.args);
        if !read && (commands.next().is_some() || !units.iter().all(reads)) {
            return None;
        }
        let command = self.name_of(argv);
        let protects =
            |role| matches!(role, Role::Check | Role::Lock | Role::Push | Role::Unlock | Role::UnlockAny);
        let (out, kept): (Vec<Call>, Vec<Call>) =
            calls.drain(..).partition(|call| protects(call.step.role()));
        *calls = kept;
        let names: Vec<&str> = out.iter().map(|call| call.step.name()).collect();
        let why = if read { "is to read (--read)" } else { "only reads" };
        (!names.is_empty()).then(|| format!("`{command}` {why}: left out {}", names.join(", ")))
    }

    /// Commands are known to people, events and records by program and known subcommand only.
    fn label(&self, call: &mut Call) {
        if let Some(argv) = &call.argv {
            call.label = self.name_of(argv);
        }
    }

    fn name_of(&self, argv: &Argv) -> String {
        let program = tools::tool_name(&argv.program).unwrap_or("command");
        match self.project.config().rules_for(&argv.program).subcommand(&argv.args) {
            Some(subcommand) => format!("{program} {subcommand}"),
            None => program.to_owned(),
        }
    }
}

/// An option that changes what is safe must not be passed over in silence.
fn check_options(calls: &[Call], options: &super::Options) -> Result<(), PlanError> {
    let before_lock = calls.iter().take_while(|call| call.step.role() != Role::Lock);
    let evicts = before_lock.into_iter().any(|call| call.step.role() == Role::UnlockAny);
    if options.expect.is_some() && !evicts {
        let needs = "only an `unlock-any` without `lock` before it takes a lock away";
        return Err(PlanError::Option { option: "--expect", needs });
    }
    if options.wait.is_some() && !calls.iter().any(|call| call.step.role() == Role::Lock) {
        let needs = "only `lock` waits for a lock";
        return Err(PlanError::Option { option: "--wait", needs });
    }
    let stages = calls.iter().any(|call| matches!(call.step.role(), Role::Stages(_)));
    for (option, given) in [("--resume", options.resume), ("--from", options.from.is_some())] {
        if given && !stages {
            let needs = "only `create` and `delete` have stages";
            return Err(PlanError::Option { option, needs });
        }
    }
    if options.json && !calls.iter().any(|call| call.step.speaks_json()) {
        return Err(PlanError::Option {
            option: "--json",
            needs: "of the steps only `describe` prints JSON",
        });
    }
    Ok(())
}

/// Nothing of another unit depends on it, and nothing follows.
fn only_builds(calls: &[Call], finally: &[Call]) -> bool {
    matches!(calls, [call] if call.step.role() == Role::Build) && finally.is_empty()
}

/// Units that take one lock have their turns one after the other; so each must give it back.
fn given_back(calls: &[Call], units: &[UnitPlan]) -> Result<(), PlanError> {
    let is = |roles: &[Role]| calls.iter().any(|call| roles.contains(&call.step.role()));
    if !is(&[Role::Lock]) || is(&[Role::Unlock, Role::UnlockAny]) {
        return Ok(());
    }
    let mut taken = std::collections::BTreeMap::new();
    for unit in units {
        for key in unit.keys.take.iter() {
            if let Some(first) = taken.insert(key, &unit.id) {
                let (first, second, key) = (first.to_string(), unit.id.to_string(), key.to_string());
                return Err(PlanError::SharedLock { first, second, key });
            }
        }
    }
    Ok(())
}

fn step_call(step: &'static dyn Step) -> Call {
    Call { written: None, step, argv: None, releases: false, label: step.name().to_owned() }
}

fn has_slash(program: &OsStr) -> bool {
    use std::os::unix::ffi::OsStrExt as _;
    program.as_bytes().contains(&b'/')
}

/// `--check` and `--print` write nothing, so nothing can run in what they would have written.
fn build_alone(calls: &[Call], finally: &[Call], options: &Options) -> Result<(), PlanError> {
    let option = match (options.check, &options.print) {
        (_, Some(_)) => "--print",
        (true, None) => "--check",
        (false, None) => return Ok(()),
    };
    match (calls, finally) {
        ([call], []) if call.step.role() == Role::Build => Ok(()),
        _ => Err(PlanError::BuildAlone { option }),
    }
}

/// What stands after module and profile goes to `exec`, else to the one command that is there.
fn give_arguments(calls: &mut [Call], request: &Request) -> Result<(), PlanError> {
    let args = &request.args;
    let quoted = || args.iter().map(|arg| parse::quote(arg)).collect::<Vec<_>>().join(" ");
    let is_exec = |call: &Call| call.step.role() == Role::Command && call.argv.is_none();
    if calls.iter().filter(|call| is_exec(call)).count() > 1 {
        return Err(PlanError::ExecTwice);
    }
    if let Some(exec) = calls.iter_mut().find(|call| is_exec(call)) {
        let (program, rest) =
            args.split_first().filter(|(program, _)| !program.is_empty()).ok_or_else(|| {
                PlanError::NothingToRun { module: request.module.clone(), profile: request.profile.clone() }
            })?;
        exec.argv = Some(Argv { program: program.clone(), args: rest.to_vec() });
        return Ok(());
    }
    if args.is_empty() {
        return Ok(());
    }
    let mut commands: Vec<&mut Argv> = calls.iter_mut().filter_map(|call| call.argv.as_mut()).collect();
    match commands.as_mut_slice() {
        [] => Err(PlanError::NobodyTakes { args: quoted() }),
        [only] => {
            only.args.extend(args.iter().cloned());
            Ok(())
        }
        several => {
            let commands = several.iter().map(|argv| format!("`{}`", parse::print(argv).display())).collect();
            Err(PlanError::SeveralTake { args: quoted(), commands })
        }
    }
}

/// The names that the command line may use, for messages made before there is a plan.
///
/// # Errors
/// When the project's directories cannot be read.
pub fn names(project: &Project) -> Result<[Vec<Name>; 3], Error> {
    Ok([project.workflows()?, project.modules()?, project.profiles()?])
}

#[cfg(test)]
#[path = "planner_tests.rs"]
mod tests;
