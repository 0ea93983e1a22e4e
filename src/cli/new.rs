//! `lockstep new module|profile|workflow NAME`: the first files of something, and what to type next.

use clap::{Args, Subcommand};

use super::next::{self, Next, Place};
use super::terminal::Terminal;
use crate::Error;
use crate::env::Environment;
use crate::process::{Interrupts, find_program};
use crate::project::{Name, Project};
use crate::report::Level;
use crate::scaffold::{self, Made, ScaffoldError, Tool};
use crate::steps::STEPS;

/// What `new` takes.
#[derive(Args, Debug)]
pub(super) struct NewArgs {
    /// What to make.
    #[command(subcommand)]
    pub what: NewSub,
}

/// What can be made.
#[derive(Subcommand, Debug)]
pub(super) enum NewSub {
    /// Make a module that works: modules/NAME
    Module {
        /// Its name
        name: String,
        /// tofu, terraform, ansible, kubectl or none; by default the tofu or terraform that is installed
        #[arg(long, value_parser = tool)]
        tool: Option<Tool>,
    },
    /// Make a profile: profiles/NAME.toml
    Profile {
        /// Its name
        name: String,
        /// A profile below it; may be repeated, lowest first
        #[arg(long, value_name = "PROFILE")]
        extends: Vec<String>,
        /// Only to be extended by others
        #[arg(long = "abstract")]
        is_abstract: bool,
    },
    /// Make a workflow, a named list of steps: workflows/NAME.toml
    Workflow {
        /// Its name
        name: String,
    },
}

/// Reads `--tool`.
pub(super) fn tool(text: &str) -> Result<Tool, String> {
    Tool::named(text).ok_or_else(|| format!("there are {}", tool_names()))
}

/// `tofu, terraform, ansible, kubectl, none`
pub(super) fn tool_names() -> String {
    Tool::ALL.map(Tool::name).join(", ")
}

/// The tofu or terraform that is installed, else none.
pub(super) fn default_tool(env: &Environment) -> Tool {
    let installed = |tool: &Tool| find_program(tool.program().as_ref(), env.cwd(), env).is_ok();
    [Tool::Tofu, Tool::Terraform].into_iter().find(installed).unwrap_or(Tool::None)
}

/// The names that nothing may have, beside those that are reserved.
pub(super) fn steps() -> impl Iterator<Item = &'static str> {
    STEPS.iter().flat_map(|step| std::iter::once(step.name()).chain(step.aliases().iter().copied()))
}

/// Makes it, and says what was made.
pub(super) fn run(args: &NewArgs, env: &Environment, terminal: Terminal) -> anyhow::Result<u8> {
    make(args, env, terminal)?;
    Ok(0)
}

fn make(args: &NewArgs, env: &Environment, terminal: Terminal) -> Result<(), Error> {
    let project = Project::discover(env.cwd(), env)?;
    let interrupts = Interrupts::new();
    let place = Place::of(project.root(), env, &interrupts)?;
    let (made, next) = match &args.what {
        NewSub::Module { name, tool } => {
            let tool = tool.unwrap_or_else(|| default_tool(env));
            let made = scaffold::module(&project, name, tool, steps(), (env, &interrupts))?;
            let next = after_module(&project, name, tool, &made, &place);
            (made, next)
        }
        NewSub::Profile { name, extends, is_abstract } => {
            let made = scaffold::profile(&project, name, extends, *is_abstract)?;
            (made, after_profile(&project, name, *is_abstract))
        }
        NewSub::Workflow { name } => {
            let made = scaffold::workflow(&project, name, place.has_remote(), steps())?;
            let next = after_workflow(&project, name)?;
            (made, next)
        }
    };
    if terminal.level != Level::Quiet {
        next::say_made(&made, terminal);
        place.say(&next, env, terminal);
    }
    Ok(())
}

/// Renders and looks, then commits and changes.
fn after_module(project: &Project, name: &str, tool: Tool, made: &Made, place: &Place) -> Next {
    let mut next = Next::default();
    let profile = profile_for(project, name).unwrap_or_else(|| {
        next.command("lockstep new profile prod");
        "prod".to_owned()
    });
    let (looks, changes) = tool.calls().split_at(tool.looks());
    for call in looks {
        next.command(format!("lockstep build exec -- {name} {profile} {} {call}", tool.program()));
    }
    place.commit(made, &format!("Add module {name}"), &mut next);
    for call in changes {
        let words = place.words();
        next.command(format!("lockstep {words} -- {name} {profile} {} {call}", tool.program()));
    }
    next.needs(tool);
    next
}

/// The profile in which a new module is tried.
fn profile_for(project: &Project, module: &str) -> Option<String> {
    let inventory = project.inventory(steps());
    let own = inventory.modules.into_iter().find(|entry| entry.name.as_str() == module)?.profiles;
    let default = project.config().default_profile.as_ref();
    default.filter(|name| own.contains(name)).or(own.first()).map(Name::to_string)
}

fn after_profile(project: &Project, name: &str, is_abstract: bool) -> Next {
    let mut next = Next::default();
    if is_abstract {
        next.command(format!("lockstep new profile NAME --extends {name}"));
        return next;
    }
    let inventory = project.inventory(steps());
    match inventory.units.iter().find(|unit| unit.profile.as_str() == name) {
        Some(unit) => {
            next.command(format!("lockstep why {unit}"));
            next.command(format!("lockstep diff -- {} {name}", unit.module));
        }
        None => next.command("lockstep new module alpha"),
    }
    next
}

fn after_workflow(project: &Project, name: &str) -> Result<Next, ScaffoldError> {
    let mut next = Next::default();
    match project.inventory(steps()).units.first() {
        Some(unit) => {
            next.command(format!("lockstep --dry-run {name} -- {} {} true", unit.module, unit.profile))
        }
        None => next.command("lockstep list workflows"),
    }
    Ok(next)
}
