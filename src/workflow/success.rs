//! What this clone knows of a change that has succeeded and of which the lock's record cannot tell yet.
//!
//! Written before anything is said to the remote, whole, synced and renamed, one small file for each unit.
//! Whatever happens then (a remote that is away, `kill -9`), the owner's next run in this clone need not
//! apply again what is applied. A note speaks of one run only: of any other it says nothing.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::journal::Journal;
use crate::git::Repo;
use crate::lock::Record;
use crate::project::UnitId;

/// The form of the file.
const VERSION: u32 = 1;
/// No note of ours is longer.
const LONGEST: u64 = 4096;

/// The file of one unit.
#[derive(Debug)]
pub struct SuccessNote {
    path: PathBuf,
    unit: UnitId,
}

#[derive(Debug, Serialize, Deserialize)]
struct Note {
    version: u32,
    unit: UnitId,
    run: String,
}

impl SuccessNote {
    /// That of a unit of the project. Nothing is read or written.
    pub fn of(unit: &UnitId, root: &Path, repo: Option<&Repo>) -> Self {
        Self { path: place("succeeded", unit, root, repo), unit: unit.clone() }
    }

    /// The changes of this run have succeeded.
    ///
    /// # Errors
    /// When that cannot be written.
    pub fn write(&self, run: &str) -> io::Result<()> {
        let note = Note { version: VERSION, unit: self.unit.clone(), run: run.to_owned() };
        write(&self.path, &serde_json::to_vec(&note)?)
    }

    /// Whether the run that wrote a record has written here that its change succeeded.
    pub fn tells_of(&self, record: &Record) -> bool {
        let read = || -> Option<Note> {
            let file = File::open(&self.path).ok()?;
            let meta = file.metadata().ok()?;
            (meta.is_file() && meta.len() <= LONGEST).then(|| serde_json::from_reader(file).ok())?
        };
        record.unit == self.unit.to_string()
            && read().is_some_and(|note| {
                note.version == VERSION && note.unit == self.unit && note.run == record.run
            })
    }

    /// The lock's record tells now what there is to know.
    pub fn forget(&self) {
        // One that stays speaks of a run of which no record does any more.
        let _ = fs::remove_file(&self.path);
    }
}

/// Where notes of a kind about a unit are.
pub(super) fn place(kind: &str, unit: &UnitId, root: &Path, repo: Option<&Repo>) -> PathBuf {
    let journals = Journal::directory(root, repo);
    let below = journals.parent().unwrap_or(root).join(kind);
    below.join(unit.module.as_str()).join(format!("{}.json", unit.profile))
}

/// Writes a note: whole, synced and renamed.
pub(super) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().ok_or(io::ErrorKind::NotFound)?;
    crate::git::make_directories(directory, 0o777)?;
    let temporary = path.with_extension("new");
    let mut file = File::create(&temporary)?;
    crate::git::hand_down_in(&file, directory);
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::contract::fixture::record;

    #[test]
    fn a_note_speaks_of_one_run_of_one_unit() {
        let root = tempfile::tempdir().unwrap();
        let note = SuccessNote::of(&"alpha/prod".parse().unwrap(), root.path(), None);
        let by =
            |run: &str, unit: &str| Record { run: run.into(), unit: unit.into(), ..record("alpha/prod") };
        assert!(!note.tells_of(&by("r1", "alpha/prod")));
        note.write("r1").unwrap();
        assert!(note.tells_of(&by("r1", "alpha/prod")));
        assert!(!note.tells_of(&by("r2", "alpha/prod")));
        assert!(!note.tells_of(&by("r1", "beta/prod")));
        note.write("r2").unwrap();
        assert!(!note.tells_of(&by("r1", "alpha/prod")), "the last one counts");
        note.forget();
        assert!(!note.tells_of(&by("r2", "alpha/prod")));
    }

    #[test]
    fn what_is_no_note_says_nothing() {
        let root = tempfile::tempdir().unwrap();
        let note = SuccessNote::of(&"alpha/prod".parse().unwrap(), root.path(), None);
        note.write("r1").unwrap();
        let record = Record { run: "r1".into(), unit: "alpha/prod".into(), ..record("alpha/prod") };
        for text in ["", "{\"version\":2,\"unit\":\"alpha/prod\",\"run\":\"r1\"}", "{\"run\":\"r1\"}"] {
            fs::write(&note.path, text).unwrap();
            assert!(!note.tells_of(&record), "{text}");
        }
    }
}
