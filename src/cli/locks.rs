//! `lockstep locks`: what is held now, and everything about one lock.
//!
//! One connection, however many locks there are. A record that cannot be understood is named, and
//! the command ends with 78; the others are shown all the same.

use clap::{Args, Subcommand};

use super::terminal::Terminal;
use super::{lock_json, lock_text};
use crate::env::Environment;
use crate::lock::{Listed, LockError, LockKey, LockState};
use crate::report::Level;
use crate::{Engine, Error, ExitCode, ProjectLocks};

/// What `locks` takes.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct LocksArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Those of other projects in the same place too
    #[arg(long)]
    pub all_projects: bool,
    /// One lock instead of all.
    #[command(subcommand)]
    pub what: Option<LocksSub>,
}

/// What `locks` can do beside listing.
#[derive(Subcommand, Debug)]
pub(super) enum LocksSub {
    /// Show everything that is recorded about one lock
    Show {
        /// The lock: MODULE/PROFILE, @all/PROFILE, MODULE/@all, or a further key
        #[arg(value_name = "LOCK", value_parser = key_text)]
        unit: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(args: LocksArgs, env: Environment, terminal: Terminal) -> anyhow::Result<u8> {
    let directory = env.cwd().to_owned();
    let locks = Engine::new(env).locks(&directory)?;
    match args.what {
        None => list(&locks, args.json, args.all_projects, terminal),
        Some(LocksSub::Show { unit, json }) => show(&locks, &key(&locks, &unit)?, json, terminal),
    }
}

/// A key of the user's own project, or with the name of another one, or with `:` of none.
pub(super) fn key_text(text: &str) -> Result<String, crate::project::NameError> {
    LockKey::new(text.strip_prefix(':').unwrap_or(text)).map(|_| text.to_owned())
}

/// The key that a checked text means in this project.
pub(super) fn key(locks: &ProjectLocks, text: &str) -> Result<LockKey, Error> {
    locks.naming().key(text).map_err(|error| LockError::Config(error.to_string()).into())
}

fn list(locks: &ProjectLocks, json: bool, everyone: bool, terminal: Terminal) -> anyhow::Result<u8> {
    let free = |listed: &Listed| listed.last.as_ref().is_ok_and(|record| record.state == LockState::Free);
    let all = if everyone { locks.list_all() } else { locks.list() }.map_err(Error::from)?;
    let behind: Vec<String> = locks.left_behind(&all)?.iter().map(ToString::to_string).collect();
    let mut taken = all;
    taken.retain(|listed| !free(listed));
    let short = |listed: &Listed| locks.naming().short(&listed.name) != listed.name;
    if !everyone && !json && taken.iter().all(short) {
        for listed in &mut taken {
            listed.name = locks.naming().short(&listed.name).to_owned();
        }
    }
    let ages = lock_text::Ages { now: locks.now(), stale_after: locks.stale_after() };
    if json {
        terminal.data(&lock_json::list(&taken, ages))?;
    } else if !taken.is_empty() {
        terminal.page(&lock_text::table(&taken, ages))?;
    }
    if taken.is_empty() && terminal.level != Level::Quiet {
        terminal.say(&format!("nothing is locked in {}", locks.place()));
    }
    if !behind.is_empty() && terminal.level != Level::Quiet {
        let units = behind.join(", ");
        terminal.say(&format!("[lock.former] is still needed: no run has taken both locks since of {units}"));
    }
    let bad: Vec<(&str, &str)> = taken
        .iter()
        .filter_map(|listed| Some((listed.name.as_str(), listed.last.as_ref().err()?.as_str())))
        .collect();
    let code = unreadable(bad.iter().copied(), &locks.place(), terminal);
    if let Some((name, _)) = bad.iter().find(|(name, _)| LockKey::new(name).is_ok()) {
        terminal.hint(&format!("how to mend one: lockstep locks show {name}"));
    }
    Ok(code)
}

fn show(locks: &ProjectLocks, key: &LockKey, json: bool, terminal: Terminal) -> anyhow::Result<u8> {
    let last = locks.last(key).map_err(Error::from)?;
    if last.is_empty() {
        locks.check_never_taken(key)?;
    }
    let ages = lock_text::Ages { now: locks.now(), stale_after: locks.stale_after() };
    if json {
        terminal.data(&lock_json::one(last.first(), ages))?;
    } else if !last.is_empty() {
        let details: Vec<String> = last.iter().map(|record| lock_text::detail(record, ages)).collect();
        terminal.page(&details.join("\n"))?;
    }
    if last.is_empty() && terminal.level != Level::Quiet {
        terminal.say(&format!("lock `{}` was never taken in {}", locks.called(key), locks.place()));
    }
    Ok(ExitCode::Success.code())
}

/// Names the locks that cannot be understood; the exit code that follows.
pub(super) fn unreadable<'a>(
    bad: impl Iterator<Item = (&'a str, &'a str)>,
    place: &str,
    terminal: Terminal,
) -> u8 {
    let mut code = ExitCode::Success;
    for (name, why) in bad {
        terminal.error(&format!("the record of lock `{name}` in {place} cannot be understood: {why}"));
        code = ExitCode::Config;
    }
    code.code()
}
