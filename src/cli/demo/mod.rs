//! `lockstep demo`: the main job, a refusal, a failure and its recovery, in a throwaway repository
//! with a bare origin and two clones. Everything is real: git, the tool, this program.
//!
//! Each act says what it expects; if something else happens the demo stops and says so, with the
//! repository left in place.

mod project;
mod stage;

use clap::Args;
use stage::{Actor, Stage};

use super::terminal::Terminal;
use crate::env::Environment;
use crate::process::find_program;

/// What `demo` takes.
#[derive(Args, Debug)]
pub(super) struct DemoArgs {
    /// Use this program instead of the tofu or terraform that is installed; `none` for a plain command
    #[arg(long, value_name = "PROGRAM")]
    pub tool: Option<String>,
    /// Leave the repository in place and say where it is
    #[arg(long)]
    pub keep: bool,
}

/// Plays the demo; 0 if everything went as it was announced.
pub(super) fn run(args: &DemoArgs, env: &Environment, terminal: Terminal) -> anyhow::Result<u8> {
    let tool = choose(args.tool.as_deref(), env)?;
    let stage = Stage::set(env, terminal, &tool)?;
    let result = play(&stage, &tool);
    stage.clear(args.keep || result.is_err())?;
    result.map(|()| 0)
}

/// The tool that the demo runs: the one that was named, else what is installed.
fn choose(wanted: Option<&str>, env: &Environment) -> anyhow::Result<Tool> {
    let found = |name: &str| find_program(name.as_ref(), env.cwd(), env);
    match wanted {
        Some("none") => Ok(Tool::Plain),
        Some(name) => {
            found(name).map_err(crate::Error::from)?;
            Ok(Tool::Tofu(name.to_owned()))
        }
        None => Ok(["tofu", "terraform"]
            .into_iter()
            .find(|name| found(name).is_ok())
            .map_or(Tool::Plain, |name| Tool::Tofu(name.to_owned()))),
    }
}

/// What the demo changes the world with.
enum Tool {
    /// tofu, or something with its command line.
    Tofu(String),
    /// A script of the module, where neither is installed.
    Plain,
}

impl Tool {
    fn apply(&self, color: bool) -> Vec<&str> {
        match self {
            Self::Tofu(program) => {
                let mut words = vec![program.as_str(), "apply", "-auto-approve", "-input=false"];
                if !color {
                    words.push("-no-color");
                }
                words
            }
            Self::Plain => vec!["./apply"],
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Tofu(program) => program,
            Self::Plain => "./apply",
        }
    }
}

const STEPS: [&str; 6] = ["build", "git-check", "lock", "exec", "git-push", "unlock-any"];

fn play(stage: &Stage<'_>, tool: &Tool) -> anyhow::Result<()> {
    let (ana, ben) = (stage.actor("ana"), stage.actor("ben"));
    stage.act(
        "The job",
        &format!(
            "Ana changes the greeting, commits, and applies. In daily use an alias hides the long line:
    alias {0}=\"lockstep {1} -- alpha prod {0}\"
What each step protects from:
    build       a rendered file that is not what the commit says
    git-check   applying what nobody else can see, or what is not the newest
    lock        two people changing the same thing at once
    exec        (the tool, with the terminal to itself)
    git-push    infrastructure that is changed and a branch that does not say so
    unlock-any  a lock that is forgotten",
            tool.name(),
            STEPS.join(" "),
        ),
    );
    if let Tool::Tofu(program) = tool {
        ana.quietly(&["build", "exec"], &[program, "init", "-input=false", "-no-color"])?;
    }
    ana.commit("profiles/prod.toml", &project::profile("hello, world", true), "Greet the world")?;
    pipeline(&ana, tool, 0, "Applied, pushed, and the lock is free again.")?;

    stage.act("A stale tree", "Ben has not pulled. Applying his tree would undo what Ana did.");
    pipeline(
        &ben,
        tool,
        77,
        "Refused before anything ran, with the command that mends it. Ben does as he is told.",
    )?;
    ben.git(&["pull", "--quiet", "--rebase"])?;

    stage.act("A failure", "Ana's next change is broken: the tool fails half-way.");
    ana.commit("profiles/prod.toml", &project::profile("good morning", false), "Greet the morning")?;
    pipeline(
        &ana,
        tool,
        1,
        "The tool's exit code came through, nothing was pushed, and the lock stays with Ana.",
    )?;

    stage.act("A second contender", "Ben, whose tree is clean and current, tries to apply meanwhile.");
    pipeline(
        &ben,
        tool,
        75,
        "Refused with the holder's name: half-changed infrastructure is Ana's to mend.",
    )?;

    stage.act(
        "The fix",
        "Ana commits the fix and runs the same command again. The lock is hers, so she goes on.",
    );
    ana.commit("profiles/prod.toml", &project::profile("good morning", true), "Mend the greeting")?;
    pipeline(&ana, tool, 0, "Applied; both commits are pushed and the lock is free.")?;

    stage.act("And on", "Ben pulls, and his run goes through.");
    ben.git(&["pull", "--quiet", "--rebase"])?;
    if let Tool::Tofu(program) = tool {
        ben.quietly(&["build", "exec"], &[program, "init", "-input=false", "-no-color"])?;
    }
    pipeline(&ben, tool, 0, "Nothing new to push; the lock was taken and given back.")?;
    ben.git(&["ls-remote", "origin"])?;
    stage.remark("The lock is a ref on the remote, neither branch nor tag; its commits are the journal.");
    Ok(())
}

fn pipeline(actor: &Actor<'_>, tool: &Tool, expected: u8, remark: &str) -> anyhow::Result<()> {
    actor.lockstep(&STEPS, &tool.apply(actor.stage().color()), expected)?;
    actor.stage().remark(remark);
    Ok(())
}
