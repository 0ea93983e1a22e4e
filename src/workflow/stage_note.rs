//! How far the stages of a workflow are, in a small file that survives a sudden end at any point.
//!
//! What must hold: before a word of a stage runs, the file says so; what it says to be done is done. It
//! is written whole, synced and renamed.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::journal::Journal;
use super::{StageError, StagedPlan};
use crate::Error;
use crate::git::{self, Repo};
use crate::project::StageAction;
use crate::read;

/// The form of the file.
const VERSION: u32 = 1;

/// What the file holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    version: u32,
    action: StageAction,
    /// HEAD when it was begun.
    commit: Option<String>,
    /// Run that wrote this.
    run: String,
    stages: Vec<Known>,
    /// The stage that it is at, counted from 0; as many as there are when all are done.
    stage: usize,
    /// The word of that stage, counted from 0.
    word: usize,
    /// Whether that word has ended well.
    done: bool,
    /// Before this creation nobody had ever held a lock of any of the stages.
    #[serde(default)]
    fresh: bool,
    /// The units of stages that are left out: there is nothing of them to delete.
    #[serde(default)]
    left_out: BTreeSet<String>,
}

/// A stage as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    name: String,
    unit: String,
    module: String,
    words: Vec<String>,
}

/// Where to begin: a stage, and a word of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Start {
    /// Counted from 0; as many as there are stages if all are done.
    pub stage: usize,
    /// Counted from 0.
    pub word: usize,
}

/// The file of one workflow in one profile.
#[derive(Debug)]
pub struct StageNote {
    path: PathBuf,
    note: Note,
}

impl StageNote {
    /// The note of an action that is about to begin at its first stage, or to go on. Nothing is written.
    pub fn new(
        staged: &StagedPlan,
        root: &Path,
        repo: Option<&Repo>,
        run: &str,
        commit: Option<String>,
    ) -> Self {
        let stages = staged.stages.iter().map(|stage| Known {
            name: stage.name.to_string(),
            unit: stage.unit.id.to_string(),
            module: staged.project.source_of(&stage.unit.id.module).to_string(),
            words: stage.words.clone(),
        });
        let stages = stages.collect();
        let (action, run) = (staged.action, run.to_owned());
        let note = Note {
            version: VERSION,
            action,
            commit,
            run,
            stages,
            stage: 0,
            word: 0,
            done: false,
            fresh: false,
            left_out: BTreeSet::new(),
        };
        Self { path: path(staged, root, repo), note }
    }

    /// Takes over what an earlier note of the same action knows.
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn go_on(&mut self) -> Result<(), Error> {
        if let Some(before) = read(&self.path)?.filter(|before| before.action == self.note.action) {
            (self.note.fresh, self.note.left_out) = (before.fresh, before.left_out);
        }
        Ok(())
    }

    /// A creation begins, and before it nobody had ever held a lock of any of the stages.
    pub fn is_fresh(&mut self) {
        self.note.fresh = self.note.action == StageAction::Create;
    }

    /// A deletion begins: what a creation from nothing, which ended with run `last` and was the last to hold the
    /// locks, has not begun is left out. Of anything else nobody knows that there is nothing of it.
    ///
    /// # Errors
    /// When the note of that cannot be read.
    pub fn leave_out(&mut self, last: &str) -> Result<(), Error> {
        let Some(before) = read(&self.path)?.filter(|_| self.note.action == StageAction::Delete) else {
            return Ok(());
        };
        if before.action != StageAction::Create || !before.fresh || before.run != last {
            return Ok(());
        }
        // Its first word only renders.
        let begun = before.stage + usize::from(before.word > 0 || before.done);
        self.note.left_out = before.stages.into_iter().skip(begun).map(|stage| stage.unit).collect();
        Ok(())
    }

    /// Whether there is nothing of a stage's unit to delete.
    pub fn leaves_out(&self, unit: &str) -> bool {
        self.note.left_out.contains(unit)
    }

    /// Where an action goes on that was begun before and did not come to its end.
    ///
    /// # Errors
    /// When there is none, or it was one of other stages.
    pub fn resume(&self, staged: &StagedPlan) -> Result<Start, Error> {
        let unit = || format!("{}/{}", staged.workflow, staged.profile);
        let action = staged.action.word();
        let nothing = || StageError::NothingToResume { action, unit: unit() };
        let Some(before) = read(&self.path)? else { return Err(nothing().into()) };
        if before.action != staged.action {
            if before.stage >= before.stages.len() {
                return Err(nothing().into());
            }
            return Err(StageError::OtherAction { action, begun: before.action.word(), unit: unit() }.into());
        }
        if let Some(what) = difference(&before, &self.note.stages) {
            return Err(StageError::OtherStages { unit: unit(), action, what }.into());
        }
        Ok(next(&before))
    }

    /// A word begins, or has ended well.
    ///
    /// # Errors
    /// When that cannot be written.
    pub fn at(&mut self, stage: usize, word: usize, done: bool) -> Result<(), Error> {
        (self.note.stage, self.note.word, self.note.done) = (stage, word, done);
        let what = || format!("write down how far the stages are, in `{}`", self.path.display());
        self.write().map_err(|source| Error::Io { what: what(), source })
    }

    /// All stages are done.
    ///
    /// # Errors
    /// When that cannot be written.
    pub fn finished(&mut self) -> Result<(), Error> {
        self.at(self.note.stages.len(), 0, false)
    }

    fn write(&self) -> io::Result<()> {
        let directory = self.path.parent().ok_or(io::ErrorKind::NotFound)?;
        git::make_directories(directory, 0o777)?;
        let temporary = self.path.with_extension("new");
        let mut file = File::create(&temporary)?;
        git::hand_down_in(&file, directory);
        file.write_all(&serde_json::to_vec_pretty(&self.note)?)?;
        file.sync_all()?;
        fs::rename(&temporary, &self.path)?;
        File::open(directory)?.sync_all()
    }
}

/// Where the note is kept: with the journals, and like them a matter of this machine.
fn path(staged: &StagedPlan, root: &Path, repo: Option<&Repo>) -> PathBuf {
    let journals = Journal::directory(root, repo);
    let below = journals.parent().unwrap_or(root).join("stages");
    below.join(staged.workflow.as_str()).join(format!("{}.json", staged.profile))
}

fn read(path: &Path) -> Result<Option<Note>, Error> {
    let bytes = match read::regular(path, read::NOTE) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::Io { what: format!("read `{}`", path.display()), source }),
    };
    let note = serde_json::from_slice(&bytes).ok().filter(|note: &Note| note.version == VERSION);
    note.map(Some).ok_or_else(|| StageError::Unreadable { path: path.display().to_string() }.into())
}

/// The first word that has not ended well.
fn next(before: &Note) -> Start {
    let word = if before.done { before.word + 1 } else { before.word };
    match before.stages.get(before.stage) {
        Some(stage) if word >= stage.words.len() => Start { stage: before.stage + 1, word: 0 },
        _ => Start { stage: before.stage, word },
    }
}

/// What keeps the stages of now from going on where those of then stopped.
fn difference(before: &Note, now: &[Known]) -> Option<String> {
    let names =
        |stages: &[Known]| stages.iter().map(|stage| stage.name.clone()).collect::<Vec<_>>().join(", ");
    if names(&before.stages) != names(now) {
        return Some(format!("they were {}", names(&before.stages)));
    }
    for (then, now) in before.stages.iter().zip(now) {
        if (&then.unit, &then.module) != (&now.unit, &now.module) {
            return Some(format!("`{}` was module `{}` as `{}`", then.name, then.module, then.unit));
        }
    }
    // What comes after the word where it stopped may be mended.
    let (then, now) = (before.stages.get(before.stage)?, now.get(before.stage)?);
    let done = if before.done { before.word + 1 } else { before.word };
    let same = then.words.iter().take(done).eq(now.words.iter().take(done));
    (!same || now.words.len() < done)
        .then(|| format!("`{}` runs other words before the one where it stopped", then.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn known(name: &str, words: &[&str]) -> Known {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        Known { name: name.to_owned(), unit: format!("{name}/prod"), module: name.to_owned(), words }
    }

    fn note(stage: usize, word: usize, done: bool) -> Note {
        let stages = vec![known("a", &["build", "x:", "y:"]), known("b", &["build", "z:"])];
        let (commit, run) = (None, "r".to_owned());
        let (action, fresh, left_out) = (StageAction::Create, false, BTreeSet::new());
        Note { version: VERSION, action, commit, run, stages, stage, word, done, fresh, left_out }
    }

    #[test]
    fn what_was_begun_is_next_and_what_is_done_is_not() {
        let next = |stage, word, done| {
            let start = next(&note(stage, word, done));
            (start.stage, start.word)
        };
        assert_eq!(next(0, 0, false), (0, 0));
        assert_eq!(next(0, 1, false), (0, 1));
        assert_eq!(next(0, 1, true), (0, 2));
        assert_eq!(next(0, 2, true), (1, 0));
        assert_eq!(next(1, 1, true), (2, 0), "all are done, though nobody said so");
        assert_eq!(next(2, 0, false), (2, 0));
    }

    #[test]
    fn only_what_would_come_before_must_be_the_same() {
        let before = note(0, 1, true);
        let same = |stages: &[Known]| difference(&before, stages).is_none();
        assert!(same(&before.stages));
        assert!(same(&[known("a", &["build", "x:", "mended:", "more:"]), known("b", &["other:"])]));
        assert!(!same(&[known("a", &["build", "other:", "y:"]), known("b", &["build", "z:"])]));
        assert!(!same(&[known("a", &["build"]), known("b", &["build", "z:"])]));
        assert!(!same(&[known("b", &["build", "z:"]), known("a", &["build", "x:", "y:"])]));
        assert!(!same(&before.stages[..1]));
        let mut moved = before.stages.clone();
        moved[1].unit = "b/dev".to_owned();
        assert_eq!(difference(&before, &moved).as_deref(), Some("`b` was module `b` as `b/prod`"));
    }

    proptest! {
        #[test]
        fn to_go_on_never_goes_back_nor_leaves_out_what_was_not_done(stage in 0_usize..2, word in 0_usize..3, done: bool) {
            let note = note(stage, word.min([2, 1][stage]), done);
            let start = next(&note);
            let at = (note.stage, note.word);
            prop_assert!((start.stage, start.word) >= at);
            prop_assert_eq!((start.stage, start.word) == at, !done);
        }

        #[test]
        fn a_torn_file_is_never_taken_for_a_note(cut in 0_usize..200) {
            let bytes = serde_json::to_vec_pretty(&note(1, 0, false)).unwrap();
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("x.json");
            std::fs::write(&path, &bytes[..cut.min(bytes.len() - 1)]).unwrap();
            let is_refused = matches!(read(&path), Err(Error::Stage(StageError::Unreadable { .. })));
            prop_assert!(is_refused);
        }
    }
}
