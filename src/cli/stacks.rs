//! `create` and `delete` of several workflows of stages, or in several profiles: one after the other, each a run
//! of its own.

use std::ffi::OsString;

use super::args::PipelineArgs;
use super::confirm;
use super::terminal::Terminal;
use crate::Error;
use crate::engine::open_project;
use crate::env::Environment;
use crate::process::Interrupts;
use crate::project::{Name, StageAction, selects_many};
use crate::workflow::{PlanError, Role, parse};
use crate::{Engine, ExitCode, steps};

/// One of them: the workflow and the profile.
pub(super) type Stack = (Name, Name);

/// What the line selects, if it is for several; none if the line is for one, or for none at all.
pub(super) fn several(args: &PipelineArgs, env: &Environment) -> Result<Option<Vec<Stack>>, Error> {
    let Some(action) = args.words.iter().find_map(action) else { return Ok(None) };
    let [workflow, profile, ..] = args.rest.as_slice() else { return Ok(None) };
    let (Some(workflow), Some(profile)) = (workflow.to_str(), profile.to_str()) else { return Ok(None) };
    let affected = args.options.many.affected.as_deref();
    if !selects_many(workflow) && !selects_many(profile) && affected.is_none() {
        return Ok(None);
    }
    let project = open_project(env.cwd(), env, &Interrupts::new())?;
    let mut stacks = project.select_stacks(workflow, profile, action, env)?;
    if let Some(base) = affected {
        stacks = Engine::new(env.clone()).affected_stacks(&project, &stacks, (action, base))?;
    }
    let options = &args.options;
    let of_one = [
        ("--resume", options.stages.resume),
        ("--from", options.stages.from.is_some()),
        ("--events", options.events.is_some()),
        ("--report", options.many.report.is_some()),
    ];
    if let Some((option, _)) = of_one.into_iter().find(|(_, is_said)| *is_said) {
        let needs = "it is for one workflow in one profile";
        return Err(PlanError::Option { option, needs }.into());
    }
    Ok(Some(stacks))
}

fn action(word: &OsString) -> Option<StageAction> {
    match parse::find_step(steps::STEPS, word.to_str()?)?.role() {
        Role::Stages(action) => Some(action),
        _ => None,
    }
}

/// Runs them one after the other; after a failure no more are begun, unless that is said. The code is that of
/// the first failure. Ending the run that is under way ends all.
pub(super) fn run(
    args: &PipelineArgs,
    stacks: &[Stack],
    terminal: Terminal,
    one: impl Fn(PipelineArgs) -> u8,
) -> Result<u8, Error> {
    let named = |(workflow, profile): &Stack| format!("{workflow}/{profile}");
    if stacks.is_empty() {
        terminal.say("nothing to do: none of the selected workflows is affected");
    }
    let options = &args.options;
    if terminal.interactive && stacks.len() > 1 && !options.many.yes && !options.dry_run {
        let words: Vec<String> = args.words.iter().map(|word| parse::quote(word)).collect();
        let list: String = stacks.iter().map(|stack| format!("  {}\n", named(stack))).collect();
        let question = format!("{list}Run `{}` for these {}? [y/N]", words.join(" "), stacks.len());
        if !terminal.ask(&question, &Interrupts::new()).is_some_and(|answer| confirm::is_yes(&answer)) {
            return Err(Error::Declined);
        }
    }
    let mut first = ExitCode::Success.code();
    for (at, stack) in stacks.iter().enumerate() {
        terminal.say(&format!("{} ({} of {})", named(stack), at + 1, stacks.len()));
        let (workflow, profile) = stack;
        let mut args = args.clone();
        args.options.many.affected = None;
        args.rest.splice(..2, [workflow, profile].map(|name| OsString::from(name.as_str())));
        let code = one(args);
        if first == ExitCode::Success.code() {
            first = code;
        }
        let is_asked_to_end = code == ExitCode::Interrupted.code() || code == 128 + 15;
        if code != ExitCode::Success.code() && (!options.many.keep_going || is_asked_to_end) {
            let left: Vec<String> = stacks[at + 1..].iter().map(named).collect();
            if !left.is_empty() {
                terminal.warning(&format!("not begun after that failure: {}", left.join(", ")));
            }
            break;
        }
    }
    Ok(first)
}
