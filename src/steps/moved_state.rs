//! Whether a command that only makes ready has moved the state: judged by what it did, whoever answered its
//! question. What was there before is written down first, so that the next run finds out too, if this one
//! does not live to see it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::plugin_cache::value;
use crate::lock::Effect;
use crate::process::CommandSpec;
use crate::process::tools::ToolRules;
use crate::workflow::{Argv, MoveNote, Run, State, digest_of};

/// More files than workspaces have: what is beyond them is not looked at.
const MOST: usize = 1_000;

/// What a command is watched by.
pub(super) struct Watch {
    note: MoveNote,
}

/// Looks at where the state is before a command that may move it; without a lock nobody records what it did.
pub(super) fn watch(
    argv: &Argv,
    rules: &ToolRules,
    spec: &CommandSpec,
    (run, state): (&Run<'_>, &State),
) -> Option<Watch> {
    state.lease.as_ref()?;
    let variable = |name: &str| value(spec, name).map(OsStr::to_owned);
    let places: Vec<PathBuf> =
        rules.shows_move(&argv.args, variable).into_iter().map(|place| spec.cwd.join(place)).collect();
    if places.is_empty() || run.plan.options.read {
        return None;
    }
    let note = MoveNote::new(run.id(), run.project.root(), run.services.repo.as_ref(), seen(&places));
    if let Err(error) = note.write() {
        run.warn(format!("where the state of `{}` is could not be written down: {error}", run.id()));
    }
    Some(Watch { note })
}

impl Watch {
    /// The command has ended: whether it has moved the state.
    pub(super) fn ended(self) -> bool {
        let moved = has_moved(&self.note);
        self.note.forget();
        moved
    }
}

/// Counts what an earlier run has moved that did not live to tell: as if this one had done it. To be asked
/// before the first command under a lock.
pub(super) fn count_left(run: &Run<'_>, state: &mut State) {
    let Some(lease) = state.lease.as_ref().filter(|_| state.effect == Effect::None) else { return };
    let Some(note) = MoveNote::left(run.id(), run.project.root(), run.services.repo.as_ref()) else { return };
    if !has_moved(&note) {
        note.forget();
    } else if !lease.found_unfinished() {
        run.warn(format!(
            "the state of `{}` is not where it was before a command whose run did not end: that counts as a change",
            run.id()
        ));
        state.effect = Effect::Applied;
        state.changed.insert(run.id().clone());
        note.forget();
    }
}

fn has_moved(note: &MoveNote) -> bool {
    note.seen().iter().any(|(place, before)| contents(place) != *before)
}

/// What holds anything, with the digests of all of it.
fn seen(places: &[PathBuf]) -> BTreeMap<PathBuf, Vec<String>> {
    let held = places.iter().map(|place| (place.clone(), contents(place)));
    held.filter(|(_, contents)| !contents.is_empty()).collect()
}

/// The digest of a file, or of all files below a directory with their names; nothing of what is empty.
fn contents(place: &Path) -> Vec<String> {
    let (mut open, mut found) = (vec![place.to_owned()], Vec::new());
    while let Some(path) = open.pop().filter(|_| found.len() < MOST) {
        let Ok(meta) = path.symlink_metadata() else { continue };
        if meta.is_dir() {
            let entries = std::fs::read_dir(&path).into_iter().flatten().flatten();
            open.extend(entries.map(|entry| entry.path()));
        } else if meta.len() > 0
            && let Ok(digest) = digest_of(&path)
        {
            found.push(format!("{digest} {}", path.strip_prefix(place).unwrap_or(&path).display()));
        }
    }
    found.sort();
    found
}
