//! `lockstep trust`: lets the project that the user stands in start the programs that it names and set the
//! variables that it sets, until these words change.

use clap::Args;

use super::terminal::Terminal;
use crate::env::Environment;
use crate::git::Repo;
use crate::process::Interrupts;
use crate::project::Trust;
use crate::report::Level;
use crate::{Error, ExitCode};

/// What `trust` takes.
#[derive(Args, Debug)]
pub(super) struct TrustArgs {
    /// Take it back
    #[arg(long, conflicts_with = "list")]
    pub revoke: bool,
    /// List the projects that are trusted
    #[arg(long)]
    pub list: bool,
    /// With --list: print JSON
    #[arg(long, requires = "list")]
    pub json: bool,
}

/// Says what is trusted from now on, or is no more.
pub(super) fn run(args: &TrustArgs, env: &Environment, terminal: Terminal) -> anyhow::Result<u8> {
    if args.list {
        let roots: Vec<String> = Trust::all(env).iter().map(|root| root.display().to_string()).collect();
        return match args.json {
            true => terminal.json(&format!("{:#}", serde_json::to_value(&roots)?)),
            false if roots.is_empty() => {
                terminal.say("no project is trusted");
                Ok(ExitCode::Success.code())
            }
            false => terminal.page(
                &roots.iter().map(|root| root.escape_debug().to_string()).collect::<Vec<_>>().join("\n"),
            ),
        };
    }
    let project = crate::engine::open_project(env.cwd(), env, &crate::process::Interrupts::new())?;
    let root = project.root().display().to_string().escape_debug().to_string();
    if args.revoke {
        let was = Trust::revoke(project.root(), env).map_err(Error::from)?;
        terminal.say(&format!("`{root}` is {}", if was { "trusted no more" } else { "not trusted anyway" }));
        return Ok(ExitCode::Success.code());
    }
    let repo = Repo::discover(project.root(), env, &Interrupts::new()).map_err(Error::from)?;
    let words = Trust::give(&project, repo.as_ref(), env).map_err(Error::from)?;
    if terminal.level == Level::Quiet {
        return Ok(ExitCode::Success.code());
    }
    if words.is_empty() {
        terminal.say(&format!("`{root}` starts no programs and sets no variables by itself"));
    } else {
        terminal.say(&format!("`{root}` is trusted; with your rights it"));
        words.iter().for_each(|word| terminal.say(&format!("    {}", word.says)));
        terminal.hint("you are asked again when this changes; to take it back: lockstep trust --revoke");
    }
    Ok(ExitCode::Success.code())
}
