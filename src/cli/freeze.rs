//! `lockstep freeze` and `lockstep thaw`: a lock that a person takes on purpose, and its end.

use anyhow::Context as _;
use clap::Args;

use super::signals;
use super::terminal::Terminal;
use crate::env::Environment;
use crate::lock::LockKey;
use crate::process::Interrupts;
use crate::project::UnitId;
use crate::report::Level;
use crate::{Engine, Error, ExitCode};

/// What `freeze` takes.
#[derive(Args, Debug)]
pub(super) struct FreezeArgs {
    /// The unit: MODULE/PROFILE
    #[arg(value_parser = |text: &str| text.parse::<UnitId>())]
    pub unit: UnitId,
    /// Why; everybody who is refused will read it
    #[arg(long, value_name = "TEXT", value_parser = some_text)]
    pub reason: String,
}

/// What `thaw` takes.
#[derive(Args, Debug)]
pub(super) struct ThawArgs {
    /// The frozen lock: MODULE/PROFILE
    #[arg(value_parser = LockKey::new)]
    pub unit: LockKey,
    /// Why, for the log
    #[arg(long, value_name = "TEXT", value_parser = some_text)]
    pub reason: Option<String>,
}

fn some_text(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() { Err("it says nothing") } else { Ok(text.to_owned()) }
}

/// Takes the lock of a unit for as long as nobody thaws it.
pub(super) fn freeze(args: &FreezeArgs, env: Environment, terminal: Terminal) -> anyhow::Result<u8> {
    let (engine, directory, _handlers) = engine(env)?;
    for record in engine.locks(&directory)?.freeze(&args.unit, &args.reason)? {
        say(terminal, &format!("`{}` is frozen; to end that: lockstep thaw {0}", record.key));
    }
    Ok(ExitCode::Success.code())
}

/// Ends a freeze, whoever began it.
pub(super) fn thaw(args: &ThawArgs, env: Environment, terminal: Terminal) -> anyhow::Result<u8> {
    let (engine, directory, _handlers) = engine(env)?;
    let ended = engine.locks(&directory)?.thaw(&args.unit, args.reason.as_deref()).map_err(Error::from)?;
    for freeze in &ended {
        say(terminal, &format!("`{}` is free again; it was frozen by {}", freeze.key, freeze.describe()));
    }
    if ended.is_empty() {
        say(terminal, &format!("`{}` is not frozen", args.unit));
    }
    Ok(ExitCode::Success.code())
}

/// An engine that a signal does not end in the middle of a write.
fn engine(env: Environment) -> anyhow::Result<(Engine, std::path::PathBuf, signals::Handlers)> {
    let interrupts = Interrupts::new();
    let handlers = signals::install(&interrupts).context("cannot handle signals")?;
    let directory = env.cwd().to_owned();
    Ok((Engine::new(env).interrupts(interrupts), directory, handlers))
}

fn say(terminal: Terminal, text: &str) {
    if terminal.level != Level::Quiet {
        terminal.say(&format!("lockstep: {text}"));
    }
}
