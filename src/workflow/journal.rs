//! The run journal: a file for each run, a line for each event, so that what happened can be looked
//! up when it matters.
//!
//! Lines are appended with one write each, or one for all that happened at once, and never rewritten, so
//! that a run that is killed leaves all lines but at most a torn last one. The file is locked while the
//! run lives, and pruning never removes a locked one. Trouble with it is told once and never ends a run.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use rustix::fs::{FlockOperation, flock};
use schemars::{JsonSchema, generate::SchemaSettings, json_schema};
use serde::Serialize;

use super::{Event, Reporter};
use crate::env::Stopwatch;
use crate::git::{self, Repo};
use crate::read;

/// Writes one run's events to its file.
pub struct Journal {
    logs: Option<PathBuf>,
    since: Stopwatch,
    out: Mutex<Out>,
    warn: Vec<Arc<dyn Reporter>>,
}

struct Out {
    /// None where nothing is kept.
    file: Option<File>,
    /// The last line may have no end.
    torn: bool,
    warned: bool,
}

/// The first line of each file.
#[derive(Serialize, JsonSchema)]
struct Head<'a> {
    /// The version of this form of journals.
    lockstep_journal: u32,
    /// The version of lockstep.
    version: &'a str,
    /// The invocation's identifier.
    run: &'a str,
    /// When it began.
    #[schemars(with = "String", extend("format" = "date-time"))]
    time: Timestamp,
}

/// Every other line.
#[derive(Serialize, JsonSchema)]
struct Line<'a> {
    /// Milliseconds since the run began.
    at: u64,
    #[serde(flatten)]
    event: &'a Event,
}

impl Journal {
    /// The version of the format, in the first line.
    pub const VERSION: u32 = 1;

    /// Begins the file of a run in `directory`, and removes the oldest of others so that `keep` are
    /// left with it; with 0 nothing is written.
    ///
    /// # Errors
    /// When the directory or the file cannot be made.
    pub fn open(directory: &Path, run: &str, now: Timestamp, keep: usize) -> io::Result<Self> {
        let (file, logs) = match keep {
            0 => (None, None),
            _ => {
                git::make_directories(directory, 0o777)?;
                prune(directory, keep - 1);
                let path = directory.join(name(run, now));
                (Some(begin(&path, run, now)?), Some(path.with_extension("")))
            }
        };
        let out = Mutex::new(Out { file, torn: false, warned: false });
        Ok(Self { logs, since: Stopwatch::start(), out, warn: Vec::new() })
    }

    /// Who is told, once, if it cannot be written any more.
    #[must_use]
    pub fn warning(mut self, reporters: Vec<Arc<dyn Reporter>>) -> Self {
        self.warn = reporters;
        self
    }

    /// A directory for what else is kept of the run; it is not made here, and goes with the journal.
    /// None where nothing is kept.
    pub fn logs(&self) -> Option<&Path> {
        self.logs.as_deref()
    }

    /// The form of one line as JSON Schema.
    pub fn schema() -> serde_json::Value {
        let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
        let lines = [generator.subschema_for::<Head<'_>>(), generator.subschema_for::<Line<'_>>()];
        let definitions = generator.take_definitions(true);
        let schema = json_schema!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "anyOf": lines,
            "$defs": definitions,
        });
        schema.into()
    }

    /// Where the journals of a project are.
    pub fn directory(root: &Path, repo: Option<&Repo>) -> PathBuf {
        match repo {
            Some(repo) => repo.common_dir().join("lockstep/runs"),
            None => root.join(".dist/.lockstep/runs"),
        }
    }

    /// The lines of a journal, the first one first. A line that cannot be understood (torn by a
    /// sudden end) is left out.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(path: &Path) -> io::Result<Vec<serde_json::Value>> {
        let bytes = read::regular(path, read::NOTE)?;
        Ok(bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect())
    }
}

impl Reporter for Journal {
    fn emit(&self, event: &Event) {
        self.emit_all(std::slice::from_ref(event));
    }

    fn emit_all(&self, events: &[Event]) {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let at = self.since.milliseconds();
        let Err(error) = out.append_events(at, events) else { return };
        if std::mem::replace(&mut out.warned, true) {
            return;
        }
        drop(out);
        let message = format!("the journal of this run is not complete: {error}");
        for reporter in &self.warn {
            reporter.emit(&Event::Warning { unit: None, message: message.clone() });
        }
    }
}

impl Out {
    fn append(&mut self, line: &impl Serialize) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        self.write(&bytes)
    }

    fn append_events(&mut self, at: u64, events: &[Event]) -> io::Result<()> {
        if self.file.is_none() {
            return Ok(());
        }
        let (mut bytes, at) = (Vec::new(), format!("\"at\":{at},"));
        for event in events {
            // As a `Line`, which takes several times as long: what is flattened is made into a map first.
            let begin = bytes.len() + 1;
            serde_json::to_writer(&mut bytes, event)?;
            bytes.splice(begin..begin, at.bytes());
            bytes.push(b'\n');
        }
        self.write(&bytes)
    }

    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let written = match self.torn {
            true => file.write_all(&[b"\n", lines].concat()),
            false => file.write_all(lines),
        };
        self.torn = written.is_err();
        written
    }
}

fn name(run: &str, now: Timestamp) -> String {
    // Names sort by time; a run id is hexadecimal, but whoever embeds us may choose another.
    let run_part: String =
        run.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).take(64).collect();
    format!("{}-{run_part}.jsonl", now.strftime("%Y%m%dT%H%M%SZ"))
}

fn begin(path: &Path, run: &str, now: Timestamp) -> io::Result<File> {
    let file = File::options().append(true).create(true).mode(0o600).open(path)?;
    if let Some(directory) = path.parent() {
        git::hand_down_in(&file, directory);
    }
    // Tells pruning that the run lives; a file system without locks only makes pruning bolder.
    let _ = flock(&file, FlockOperation::NonBlockingLockShared);
    let mut out = Out { file: Some(file), torn: false, warned: false };
    out.append(&Head {
        lockstep_journal: Journal::VERSION,
        version: env!("CARGO_PKG_VERSION"),
        run,
        time: now,
    })?;
    out.file.ok_or_else(|| io::ErrorKind::Other.into())
}

/// Removes the oldest journals until `keep` are left, but none of a run that lives. What cannot be
/// read or removed stays: the next run tries again.
fn prune(directory: &Path, keep: usize) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| is_journal(name)).collect();
    names.sort_unstable();
    for name in &names[..names.len().saturating_sub(keep)] {
        let path = directory.join(name);
        let Ok(file) = File::open(&path) else { continue };
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            // First what belongs to it: once the journal is gone nobody knows of the rest.
            let _ = fs::remove_dir_all(path.with_extension(""));
            let _ = fs::remove_file(&path);
        }
    }
}

/// Whether a file is one of ours: `20261121T120407Z-….jsonl`.
pub(super) fn is_journal(name: &str) -> bool {
    let Some((time, rest)) = name.split_once('-') else { return false };
    let shape = |(at, byte): (usize, u8)| match at {
        8 => byte == b'T',
        15 => byte == b'Z',
        _ => byte.is_ascii_digit(),
    };
    time.len() == 16 && time.bytes().enumerate().all(shape) && rest.ends_with(".jsonl")
}

#[cfg(test)]
mod tests;
