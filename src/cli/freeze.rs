//! `lockstep freeze` and `lockstep thaw`: a lock that a person takes on purpose, and its end.

use anyhow::Context as _;
use clap::Args;

use super::signals;
use super::terminal::Terminal;
use crate::env::Environment;
use crate::lock::Extent;
use crate::process::Interrupts;
use crate::report::Level;
use crate::{Engine, Error, ExitCode};

/// What `freeze` takes.
#[derive(Args, Debug)]
pub(super) struct FreezeArgs {
    #[command(flatten)]
    pub what: What,
    /// Why; everybody who is refused will read it
    #[arg(long, value_name = "TEXT", value_parser = some_text)]
    pub reason: String,
}

/// What `thaw` takes.
#[derive(Args, Debug)]
pub(super) struct ThawArgs {
    #[command(flatten)]
    pub what: What,
    /// Why, for the log
    #[arg(long, value_name = "TEXT", value_parser = some_text)]
    pub reason: Option<String>,
}

/// One unit or many.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(super) struct What {
    /// A unit (MODULE/PROFILE), all of a profile (PROFILE), or all of a module (MODULE/@all)
    #[arg(value_name = "UNIT|PROFILE", value_parser = |text: &str| text.parse::<Extent>())]
    pub what: Option<Extent>,
    /// Every unit of the project
    #[arg(long)]
    pub all: bool,
}

const EVERYTHING: Extent = Extent { module: None, profile: None };

impl What {
    fn extent(&self) -> Extent {
        self.what.clone().unwrap_or(EVERYTHING)
    }
}

fn some_text(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() { Err("it says nothing") } else { Ok(text.to_owned()) }
}

/// Takes the lock of a unit, or of many, for as long as nobody thaws it.
pub(super) fn freeze(args: &FreezeArgs, env: Environment, terminal: Terminal) -> anyhow::Result<u8> {
    let (engine, directory, _handlers) = engine(env)?;
    let extent = args.what.extent();
    engine.locks(&directory)?.freeze(&extent, &args.reason)?;
    say(terminal, &format!("{} is frozen; to end that: lockstep thaw {extent}", called(&extent)));
    Ok(ExitCode::Success.code())
}

/// Ends a freeze, whoever began it.
pub(super) fn thaw(args: &ThawArgs, env: Environment, terminal: Terminal) -> anyhow::Result<u8> {
    let (engine, directory, _handlers) = engine(env)?;
    let (locks, extent) = (engine.locks(&directory)?, args.what.extent());
    let ended = locks.thaw(&extent, args.reason.as_deref())?;
    // Where the locks are being moved both places say the same.
    let told = match ended.first() {
        Some(freeze) => {
            format!("{} is free again; it was frozen by {}", called(&extent), freeze.describe())
        }
        None if extent == EVERYTHING => "there is no freeze of everything".to_owned(),
        None => format!("{} is not frozen", called(&extent)),
    };
    say(terminal, &told);
    for (other, freeze) in locks.frozen_with(&extent).map_err(Error::from)? {
        let by = freeze.describe();
        say(
            terminal,
            &format!("{} is still frozen by {by}; to end that: lockstep thaw {other}", called(&other)),
        );
    }
    Ok(ExitCode::Success.code())
}

fn called(extent: &Extent) -> String {
    match extent {
        all if *all == EVERYTHING => "everything".to_owned(),
        some => format!("`{some}`"),
    }
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
