//! Makes a plan: every word, name, program and order is checked here, before the first effect.

mod staged;

use std::ffi::{OsStr, OsString};

use super::parse::{self, ParseError, Vocabulary, Word};
use super::{Argv, Call, Options, Plan, Request, Role, StageError, Step, UnitPlan, order};
use crate::Error;
use crate::env::Environment;
use crate::lock::UnitKeys;
use crate::process::{find_program, tools};
use crate::project::{Name, Project, ReadOnly, UnitId, selects_many};

/// Why a request makes no plan, where the words and their order are right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// `exec` and nothing after module and profile.
    #[error("`exec` has nothing to run: no program after `-- {module} {profile}`")]
    NothingToRun {
        /// The module as it was written.
        module: String,
        /// The profile as it was written.
        profile: String,
    },
    /// `exec` more than once.
    #[error("`exec` stands twice, and there is one command after `--`")]
    ExecTwice,
    /// Arguments, and no command that could take them.
    #[error(
        "nothing takes the arguments {args} after module and profile: there is neither `exec` nor a command"
    )]
    NobodyTakes {
        /// The arguments, quoted.
        args: String,
    },
    /// Arguments, and several commands that could take them.
    #[error("the arguments {args} could go to {}: with several commands and no `exec` none takes them", .commands.join(" and "))]
    SeveralTake {
        /// The arguments, quoted.
        args: String,
        /// The commands.
        commands: Vec<String>,
    },
    /// An option that no step of the pipeline looks at.
    #[error("`{option}` means nothing here: {needs}")]
    Option {
        /// The option.
        option: &'static str,
        /// What would look at it.
        needs: &'static str,
    },
    /// An option of `build` alone, in a pipeline of more.
    #[error("`{option}` is for a pipeline of `build` alone")]
    BuildAlone {
        /// The option.
        option: &'static str,
    },
    /// The plan needs a repository or remote that is not there.
    #[error("`{step}` {needs}")]
    Needs {
        /// The step.
        step: String,
        /// What it needs.
        needs: &'static str,
    },
}

/// Resolves and checks a request. Reads the project's files, changes nothing.
///
/// # Errors
/// The first thing that is wrong, in the order: words, order of steps, unit, programs.
pub fn plan(
    project: &Project,
    request: &Request,
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
    let (module, profile) = (&request.module, &request.profile);
    // Nothing of another unit depends on it: the one step that may be done for many.
    let only_build = matches!(calls.as_slice(), [call] if call.step.role() == Role::Build)
        && finally.is_empty()
        && request.options.print.is_none();
    let ids = if only_build && (selects_many(module) || selects_many(profile)) {
        project.select(module, profile, env)?
    } else {
        vec![project.unit(module, profile, env)?]
    };
    // Who only builds asks for no lock, and need not read which keys that would take.
    let keys = |id: &UnitId| if only_build { Ok(UnitKeys::default()) } else { UnitKeys::of(project, id) };
    let mut units = Vec::with_capacity(ids.len());
    for id in ids {
        units.push(planner.unit(keys(&id)?, id));
    }
    for unit in &units {
        planner.find_programs(&calls, &finally, unit, env)?;
    }

    let left_out = planner.leave_out(&mut calls);
    order::fuse(&mut calls);
    Ok(Plan { units, calls, finally, left_out, options: request.options.clone(), staged: None })
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
                    let place = format!("workflows/{name}.toml");
                    calls.append(&mut self.inner(&file.steps, &place)?);
                    finally.append(&mut self.inner(&file.finally, &place)?);
                }
            }
        }
        Ok((calls, finally))
    }

    /// The words of a workflow file.
    fn inner(&self, words: &[String], place: &str) -> Result<Vec<Call>, Error> {
        let call = |text: &String| match parse::word(OsStr::new(text), self.vocabulary, Some(place))? {
            Word::Step(step) => Ok(step_call(step)),
            Word::Command(argv) => self.command_call(argv),
            Word::Workflow(name) => {
                Err(ParseError::Nested { word: name.to_string(), place: Some(place.to_owned()) }.into())
            }
        };
        words.iter().map(call).collect()
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

    fn unit(&self, keys: UnitKeys, id: UnitId) -> UnitPlan {
        let directory = self.project.unit_directory(&id);
        UnitPlan { keys, directory, id, needs: Vec::new() }
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
    /// nor lock nor push.
    fn leave_out(&self, calls: &mut Vec<Call>) -> Option<String> {
        if self.project.config().exec.read_only != ReadOnly::Skip {
            return None;
        }
        let mut commands = calls.iter().filter_map(|call| call.argv.as_ref());
        let (Some(argv), None) = (commands.next(), commands.next()) else { return None };
        if !self.project.config().rules_for(&argv.program).only_reads(&argv.args) {
            return None;
        }
        let command = self.name_of(argv);
        let protects =
            |role| matches!(role, Role::Check | Role::Lock | Role::Push | Role::Unlock | Role::UnlockAny);
        let (out, kept): (Vec<Call>, Vec<Call>) =
            calls.drain(..).partition(|call| protects(call.step.role()));
        *calls = kept;
        let names: Vec<&str> = out.iter().map(|call| call.step.name()).collect();
        (!names.is_empty()).then(|| format!("`{command}` only reads: left out {}", names.join(", ")))
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

fn step_call(step: &'static dyn Step) -> Call {
    Call { step, argv: None, releases: false, label: step.name().to_owned() }
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
