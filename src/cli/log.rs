//! `lockstep log`: what was done to the locks, newest first, from the records themselves.

use clap::Args;

use super::terminal::Terminal;
use super::{lock_json, lock_text, locks};
use crate::env::Environment;
use crate::report::Level;
use crate::{Engine, Error};

/// What `log` takes.
#[derive(Args, Debug)]
pub(super) struct LogArgs {
    /// Only this lock: MODULE/PROFILE, @all/PROFILE, MODULE/@all, or a further key; or those of all stages:
    /// WORKFLOW/PROFILE
    #[arg(value_name = "LOCK", value_parser = locks::key_text)]
    pub lock: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// At most so many entries
    #[arg(short = 'n', value_name = "N", default_value_t = 50, value_parser = some)]
    pub limit: usize,
}

fn some(text: &str) -> Result<usize, &'static str> {
    text.parse().ok().filter(|number| *number > 0).ok_or("write how many entries, 1 or more: -n 20")
}

pub(super) fn run(args: &LogArgs, env: Environment, terminal: Terminal) -> anyhow::Result<u8> {
    let directory = env.cwd().to_owned();
    let project = Engine::new(env).locks(&directory)?;
    let key = args.lock.as_ref().map(|text| locks::key(&project, text)).transpose()?;
    let of_stages = key.as_ref().map(|key| project.keys_of_workflow(key)).transpose()?.flatten();
    let log = match &of_stages {
        Some(keys) => project.log_of(Some(keys), args.limit),
        None => project.log(key.as_ref(), args.limit),
    }
    .map_err(Error::from)?;
    if args.json {
        terminal.data(&lock_json::log(&log.entries))?;
    } else if !log.entries.is_empty() {
        terminal.page(&lock_text::log(&log.entries))?;
    }
    let readable = log.unreadable.is_empty();
    let empty = log.entries.is_empty() && !log.more && readable;
    if let Some(key) = key.as_ref().filter(|_| empty && of_stages.is_none()) {
        project.check_never_taken(key)?;
    }
    if terminal.level != Level::Quiet {
        if empty {
            let what = match (&args.lock, &of_stages, &key) {
                (Some(word), Some(_), _) => format!("no lock of a stage of `{word}` was ever"),
                (Some(_), None, Some(key)) => {
                    format!("lock `{}` was never", project.naming().short(project.called(key).as_str()))
                }
                _ => "no lock was ever".to_owned(),
            };
            terminal.say(&format!("{what} taken in {}", project.place()));
        }
        if log.more && !args.json {
            let unit = args.lock.as_ref().map_or_else(String::new, |key| format!("{key} "));
            terminal.say(&format!(
                "there is more: lockstep log {unit}-n {}",
                args.limit.saturating_mul(2).max(50)
            ));
        }
    }
    let bad = log.unreadable.iter().map(|(name, why)| (name.as_str(), why.as_str()));
    Ok(locks::unreadable(bad, &project.place(), terminal))
}
