//! What a journal keeps, what it removes, and what it survives.

use std::os::unix::fs::FileTypeExt as _;

use super::*;

fn time(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn note(message: &str) -> Event {
    Event::Note { unit: None, message: message.into() }
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_run_can_be_read_back() {
    let directory = tempfile::tempdir().unwrap();
    let runs = directory.path().join("lockstep/runs");
    let journal = Journal::open(&runs, "00ff/../x", time(0), 5).unwrap();
    journal.emit(&note("one\ntwo"));
    journal.emit(&note("three"));
    assert_eq!(names(&runs), ["20270115T080000Z-00ffx.jsonl"]);
    let lines = Journal::read(&runs.join(&names(&runs)[0])).unwrap();
    assert_eq!(lines[0]["lockstep_journal"], 1);
    assert_eq!(lines[0]["run"], "00ff/../x");
    assert_eq!(lines[1]["event"], "note");
    assert_eq!(lines[1]["message"], "one\ntwo");
    assert!(lines[1]["at"].is_u64());
    assert_eq!(lines.len(), 3);
}

#[test]
fn the_newest_are_kept_and_nothing_else_is_touched() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    for other in ["README", "20270101T000000Z-x.txt", "2027-x.jsonl", "notes.jsonl"] {
        fs::write(path.join(other), "mine").unwrap();
    }
    for second in 0..6 {
        drop(Journal::open(path, &format!("r{second}"), time(second), 3).unwrap());
    }
    // A child that another test starts at this very moment may hold a copy of a descriptor until it
    // has become its program; what could not be pruned for that reason goes with the next run.
    let journals = || names(path).into_iter().filter(|name| is_journal(name)).collect::<Vec<String>>();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while journals().len() > 3 && std::time::Instant::now() < deadline {
        prune(path, 3);
    }
    let journals = journals();
    assert_eq!(journals.iter().map(|name| &name[17..19]).collect::<Vec<_>>(), ["r3", "r4", "r5"]);
    assert_eq!(names(path).len(), 3 + 4);
}

#[test]
fn a_run_that_lives_keeps_its_journal() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let old = Journal::open(path, "old", time(0), 1).unwrap();
    drop(Journal::open(path, "new", time(1), 1).unwrap());
    old.emit(&note("still here"));
    assert_eq!(Journal::read(&path.join("20270115T080000Z-old.jsonl")).unwrap().len(), 2);
    drop(old);
    drop(Journal::open(path, "newest", time(2), 1).unwrap());
    assert_eq!(names(path), ["20270115T080002Z-newest.jsonl"]);
}

#[test]
fn none_is_kept_if_none_is_wanted() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(&directory.path().join("runs"), "x", time(0), 0).unwrap();
    journal.emit(&note("x"));
    assert!(names(directory.path()).is_empty());
}

#[test]
fn a_torn_line_costs_only_itself() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("torn");
    fs::write(&path, b"{\"a\":1}\n{\"b\":\xff\n{\"c\":3}\n{\"event\":\"no").unwrap();
    assert_eq!(Journal::read(&path).unwrap(), [serde_json::json!({"a": 1}), serde_json::json!({"c": 3})]);
}

struct Told(Mutex<Vec<Event>>);

impl Reporter for Told {
    fn emit(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}

#[test]
fn a_full_disk_is_told_once_and_ends_nothing() {
    let full = File::options().append(true).open("/dev/full");
    let Ok(full) = full else { return };
    assert!(full.metadata().unwrap().file_type().is_char_device());
    let told = Arc::new(Told(Mutex::new(Vec::new())));
    let out = Mutex::new(Out { file: Some(full), torn: false, warned: false });
    let journal =
        Journal { logs: None, since: Stopwatch::start(), out, warn: Vec::new() }.warning(vec![told.clone()]);
    journal.emit(&note("x"));
    journal.emit(&note("y"));
    let told = told.0.lock().unwrap();
    assert!(
        matches!(told.as_slice(), [Event::Warning { message, .. }] if message.contains("not complete")),
        "{told:?}"
    );
}

#[test]
fn a_line_after_a_torn_one_stands_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x");
    fs::write(&path, "{\"half").unwrap();
    let mut out =
        Out { file: Some(File::options().append(true).open(&path).unwrap()), torn: true, warned: true };
    let events = [note("whole"), Event::UnitStarted { unit: "alpha/prod".parse().unwrap() }];
    out.append_events(7, &events).unwrap();
    assert_eq!(Journal::read(&path).unwrap()[0]["message"], "whole");
    // As the schema has it.
    let lines: Vec<String> =
        events.iter().map(|event| serde_json::to_string(&Line { at: 7, event }).unwrap()).collect();
    assert_eq!(fs::read_to_string(&path).unwrap(), format!("{{\"half\n{}\n", lines.join("\n")));
}
