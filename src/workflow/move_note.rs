//! What this clone knew of a unit's state before a command that may move it: written before the command starts,
//! gone when it has been judged. One that is left tells of a run that did not live to judge it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::success::{place, write};
use crate::git::Repo;
use crate::project::UnitId;

/// The form of the file.
const VERSION: u32 = 1;
/// No note of ours is longer.
const LONGEST: u64 = 1 << 20;

/// The note of one unit.
#[derive(Debug)]
pub struct MoveNote {
    path: PathBuf,
    note: Note,
}

#[derive(Debug, Serialize, Deserialize)]
struct Note {
    version: u32,
    unit: UnitId,
    seen: BTreeMap<PathBuf, Vec<String>>,
}

impl MoveNote {
    /// A note of what was there, by absolute paths; nothing is written yet.
    pub fn new(
        unit: &UnitId,
        root: &Path,
        repo: Option<&Repo>,
        seen: BTreeMap<PathBuf, Vec<String>>,
    ) -> Self {
        let note = Note { version: VERSION, unit: unit.clone(), seen };
        Self { path: place("moving", unit, root, repo), note }
    }

    /// The note that a run has left; none if there is none that can be understood.
    pub fn left(unit: &UnitId, root: &Path, repo: Option<&Repo>) -> Option<Self> {
        let path = place("moving", unit, root, repo);
        let file = File::open(&path).ok()?;
        let meta = file.metadata().ok()?;
        let note: Note =
            (meta.is_file() && meta.len() <= LONGEST).then(|| serde_json::from_reader(file).ok())??;
        (note.version == VERSION && note.unit == *unit).then_some(Self { path, note })
    }

    /// What was there: each place with what it held.
    pub fn seen(&self) -> &BTreeMap<PathBuf, Vec<String>> {
        &self.note.seen
    }

    /// Writes it.
    ///
    /// # Errors
    /// When that cannot be done.
    pub fn write(&self) -> io::Result<()> {
        // Where nothing was there nothing can move.
        match self.note.seen.is_empty() {
            true => Ok(()),
            false => write(&self.path, &serde_json::to_vec(&self.note)?),
        }
    }

    /// What it was written for is over.
    pub fn forget(&self) {
        let _ = fs::remove_file(&self.path);
    }
}
