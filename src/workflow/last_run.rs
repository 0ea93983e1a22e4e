//! The last run of a unit, as its journal tells it.

use std::fs::{self, File};
use std::path::Path;
use std::time::SystemTime;

use rustix::fs::{FlockOperation, flock};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::journal::{Journal, is_journal};
use crate::project::UnitId;

/// A run that is over, or is not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LastRun {
    /// The invocation's identifier.
    pub run: String,
    /// When it began.
    pub time: String,
    /// Who.
    pub owner: String,
    /// Its steps; commands by program and subcommand only.
    pub steps: Vec<String>,
    /// HEAD when it began; none if the journal does not say.
    pub commit: Option<String>,
    /// How it ended.
    pub end: RunEnd,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RunEnd {
    /// It said so itself.
    Ended {
        /// What the shell saw.
        code: u8,
        /// The error that ended it.
        error: Option<String>,
    },
    /// It is still running.
    Running,
    /// It ended without a word.
    Killed,
}

impl LastRun {
    /// The last run of a unit but `except`, from the journals in a directory. A journal that cannot
    /// be read or understood is passed over.
    pub fn of(unit: &UnitId, directory: &Path, except: &str) -> Option<Self> {
        let entries = fs::read_dir(directory).ok()?;
        let mut journals: Vec<(String, Option<SystemTime>)> = entries
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let name = entry.file_name().into_string().ok().filter(|name| is_journal(name))?;
                Some((name, entry.metadata().and_then(|meta| meta.modified()).ok()))
            })
            .collect();
        // A name tells the second in which a run began; within it the last one to be written to is the newest.
        let second = |name: &str| name.split_once('-').map_or_else(String::new, |(time, _)| time.to_owned());
        journals.sort_by_cached_key(|(name, written)| (second(name), *written));
        journals.iter().rev().find_map(|(name, _)| Self::read(unit, &directory.join(name), except))
    }

    fn read(unit: &UnitId, path: &Path, except: &str) -> Option<Self> {
        let lines = Journal::read(path).ok()?;
        let of = |kind: &str| lines.iter().find(|line| line["event"] == kind);
        let began = of("run_started")?;
        let text = |of: &Value| of.as_str().map(str::to_owned);
        let unit = unit.to_string();
        let run = text(&began["run"]).filter(|run| run != except)?;
        let units = began["units"].as_array()?;
        if !units.iter().any(|one| *one == unit) {
            // It may have been a stage of what ran.
            let end = stage_end(&lines, &unit, || is_open(path))?;
            return Self::told(began, run, end);
        }
        // In a run of several each unit has an end of its own, or was never begun: then it is no run of it.
        let of_unit = |kind: &str| lines.iter().find(|line| line["event"] == kind && line["unit"] == unit);
        let code = |end: &Value| u8::try_from(end["code"].as_u64()?).ok();
        let end = match (of_unit("unit_finished"), of("run_finished")) {
            (Some(end), _) if end["outcome"] == "skipped" => return None,
            (Some(end), _) => RunEnd::Ended { code: code(end)?, error: text(&end["reason"]) },
            (None, Some(end)) => RunEnd::Ended { code: code(end)?, error: text(&end["error"]) },
            (None, None) if is_open(path) => RunEnd::Running,
            (None, None) if units.len() > 1 && of_unit("unit_started").is_none() => return None,
            (None, None) => RunEnd::Killed,
        };
        Self::told(began, run, end)
    }

    fn told(began: &Value, run: String, end: RunEnd) -> Option<Self> {
        let text = |of: &Value| of.as_str().map(str::to_owned);
        let steps = began["steps"].as_array()?.iter().filter_map(text).collect();
        let (time, owner, commit) = (text(&began["time"])?, text(&began["owner"])?, text(&began["commit"]));
        Some(Self { run, time, owner, steps, commit, end })
    }
}

/// How the stage ended that renders a unit, in a run of the whole; none if it was never begun there.
fn stage_end(lines: &[Value], unit: &str, is_open: impl Fn() -> bool) -> Option<RunEnd> {
    let of = |kind: &str| lines.iter().find(|line| line["event"] == kind);
    let of_stage = |kind: &str| lines.iter().find(|line| line["event"] == kind && line["unit"] == unit);
    of_stage("stage_started")?;
    match (of_stage("stage_finished"), of("run_finished")) {
        (Some(end), _) if end["ok"] == true => Some(RunEnd::Ended { code: 0, error: None }),
        (_, Some(end)) => Some(RunEnd::Ended {
            code: u8::try_from(end["code"].as_u64()?).ok()?,
            error: end["error"].as_str().map(str::to_owned),
        }),
        (_, None) if is_open() => Some(RunEnd::Running),
        (_, None) => Some(RunEnd::Killed),
    }
}

/// A run keeps its journal locked while it lives.
fn is_open(path: &Path) -> bool {
    let busy = rustix::io::Errno::WOULDBLOCK;
    File::open(path).is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockExclusive) == Err(busy))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::{Event, Reporter as _};

    fn started(run: &str, unit: &str) -> Event {
        Event::RunStarted {
            version: Event::VERSION,
            run: run.into(),
            time: time(0),
            owner: "ana".into(),
            units: vec![unit.parse().unwrap()],
            steps: vec!["build".into()],
            commands: 0,
            commit: None,
        }
    }

    fn time(second: i64) -> jiff::Timestamp {
        jiff::Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn a_run_of_several_is_told_of_each_unit_as_it_went_there() {
        use crate::workflow::UnitOutcome;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let journal = Journal::open(path, "one", time(1), 9).unwrap();
        let unit = |name: &str| -> UnitId { name.parse().unwrap() };
        let mut begin = started("one", "a/prod");
        if let Event::RunStarted { units, .. } = &mut begin {
            units.extend(["b/prod", "c/prod", "d/prod"].map(unit));
        }
        journal.emit(&begin);
        let finished = |name: &str, outcome, code| Event::UnitFinished {
            unit: unit(name),
            outcome,
            code,
            reason: (code > 0).then(|| "no".to_owned()),
            log: None,
            milliseconds: 0,
        };
        journal.emit(&Event::UnitStarted { unit: unit("a/prod") });
        journal.emit(&finished("a/prod", UnitOutcome::Ok, 0));
        journal.emit(&finished("b/prod", UnitOutcome::Failed, 3));
        journal.emit(&finished("c/prod", UnitOutcome::Skipped, 0));
        let end = |name: &str| LastRun::of(&unit(name), path, "").map(|last| last.end);
        assert_eq!(end("a/prod"), Some(RunEnd::Ended { code: 0, error: None }));
        assert_eq!(end("b/prod"), Some(RunEnd::Ended { code: 3, error: Some("no".into()) }));
        assert_eq!(end("c/prod"), None, "it was never begun");
        assert_eq!(end("d/prod"), Some(RunEnd::Running));
        let error = Some("no".to_owned());
        journal.emit(&Event::RunFinished { run: "one".into(), time: time(2), code: 3, error });
        assert_eq!(end("a/prod"), Some(RunEnd::Ended { code: 0, error: None }));
    }

    #[test]
    fn a_run_of_the_whole_is_told_of_each_stage_as_it_went_there() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let journal = Journal::open(path, "one", time(1), 9).unwrap();
        let unit = |name: &str| -> UnitId { name.parse().unwrap() };
        let end = |name: &str| LastRun::of(&unit(name), path, "").map(|last| last.end);
        journal.emit(&started("one", "go/prod"));
        let whole = unit("go/prod");
        let begins = |name: &str, number| Event::StageStarted {
            unit: unit(name),
            whole: whole.clone(),
            stage: "x".into(),
            number,
            count: 3,
        };
        let ends = |name: &str, number, ok: bool| Event::StageFinished {
            unit: unit(name),
            whole: whole.clone(),
            stage: "x".into(),
            number,
            count: 3,
            ok,
            stopped_at: (!ok).then(|| "tofu apply".into()),
            milliseconds: 0,
        };
        journal.emit(&begins("net/prod", 1));
        journal.emit(&ends("net/prod", 1, true));
        journal.emit(&begins("go.a/prod", 2));
        assert_eq!(end("net/prod"), Some(RunEnd::Ended { code: 0, error: None }));
        assert_eq!(end("go.a/prod"), Some(RunEnd::Running));
        assert_eq!(end("go.b/prod"), None, "it was never begun");
        journal.emit(&ends("go.a/prod", 2, false));
        let error = Some("no".to_owned());
        journal.emit(&Event::RunFinished { run: "one".into(), time: time(2), code: 3, error });
        assert_eq!(end("go.a/prod"), Some(RunEnd::Ended { code: 3, error: Some("no".into()) }));
        assert_eq!(end("go/prod"), end("go.a/prod"));
        assert_eq!(end("net/prod"), Some(RunEnd::Ended { code: 0, error: None }));
    }

    #[test]
    fn the_newest_run_of_the_unit_is_told_with_its_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let unit: UnitId = "alpha/prod".parse().unwrap();
        assert_eq!(LastRun::of(&unit, &path.join("none"), ""), None);
        let write = |run: &str, unit: &str, second: i64, end: Option<u8>| {
            let journal = Journal::open(path, run, time(second), 9).unwrap();
            journal.emit(&started(run, unit));
            if let Some(code) = end {
                let error = Some("no".to_owned());
                journal.emit(&Event::RunFinished { run: run.into(), time: time(second), code, error });
            }
            journal
        };
        drop(write("one", "alpha/prod", 1, Some(3)));
        drop(write("two", "beta/prod", 2, Some(0)));
        let told = LastRun::of(&unit, path, "").unwrap();
        assert_eq!((told.run.as_str(), told.owner.as_str()), ("one", "ana"));
        assert_eq!(told.end, RunEnd::Ended { code: 3, error: Some("no".into()) });

        let journal = write("three", "alpha/prod", 3, None);
        assert_eq!(LastRun::of(&unit, path, "").unwrap().end, RunEnd::Running);
        assert_eq!(LastRun::of(&unit, path, "three").unwrap().run, "one");
        drop(journal);
        fs::write(path.join("20270115T080009Z-x.jsonl"), "torn {").unwrap();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        // A child that another test starts just now may hold a copy of the descriptor for a moment.
        while LastRun::of(&unit, path, "").unwrap().end != RunEnd::Killed {
            assert!(std::time::Instant::now() < deadline);
            std::thread::yield_now();
        }
    }
}
