//! Which files make a difference: each changed file that a unit looks at is put back alone, and what
//! then is no longer as it is now, it has made.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::side::{Side, State};
use super::{AffectedUnit, Touched, UnitFate, Work, compare, earlier, parallel};
use crate::project::Project;

/// A unit by its number, the parts of it that a path has made, and the path; no parts where without it
/// nothing would come of the unit.
type Cause = (usize, Option<Vec<usize>>, PathBuf);

/// Finds the reasons of all units; `touched` are the changed files that each looks at.
pub(super) fn find(work: &Work<'_>, now: &Side<'_>, units: &mut [AffectedUnit], touched: &[Touched]) {
    let mut by_path: BTreeMap<&Path, Vec<usize>> = BTreeMap::new();
    for (index, (unit, paths)) in units.iter_mut().zip(touched).enumerate() {
        if unit.fate != UnitFate::Changed {
            unit.because = shown(paths.iter());
            continue;
        }
        paths.iter().for_each(|path| by_path.entry(path).or_default().push(index));
    }
    let causes: Mutex<Vec<Cause>> = Mutex::default();
    for (path, users) in by_path {
        let single: BTreeMap<_, _> = work
            .earlier
            .changed
            .get_key_value(path)
            .into_iter()
            .map(|(p, was)| (p.clone(), was.clone()))
            .collect();
        let files = work.request.project.files().before(earlier(work.request.repo, single));
        let put_back = Project::of(files);
        let modules: BTreeSet<_> = users.iter().map(|index| units[*index].unit.module.clone()).collect();
        let profiles = users.iter().map(|index| units[*index].unit.profile.clone()).collect();
        let side = match &put_back {
            Ok(Some(project)) => Some(Side::new(
                project,
                work.request.repo,
                (&modules, &profiles),
                &modules,
                work.request.threads,
            )),
            _ => None,
        };
        parallel(users.len(), work.request.threads, |at| {
            let unit = &units[users[at]];
            let parts = match (side.as_ref().map(|side| side.unit(&unit.unit).0), now.unit(&unit.unit).0) {
                (Some(State::Made(was)), State::Made(made)) => {
                    let found = compare::differences(&was, &made);
                    let made_by = |(at, difference): (usize, &compare::Difference)| {
                        found.iter().any(|other| other.what == difference.what).then_some(at)
                    };
                    Some(unit.differences.iter().enumerate().filter_map(made_by).collect())
                }
                _ => None,
            };
            let mut causes = causes.lock().unwrap_or_else(PoisonError::into_inner);
            causes.push((users[at], parts, path.to_owned()));
        });
    }
    let causes = causes.into_inner().unwrap_or_else(PoisonError::into_inner);
    for (index, parts, path) in &causes {
        for part in parts.iter().flatten() {
            units[*index].differences[*part].because.extend(shown(std::iter::once(path)));
        }
    }
    for (index, (unit, paths)) in units.iter_mut().zip(touched).enumerate() {
        let needed = || causes.iter().filter(|(of, parts, _)| *of == index && parts.is_none());
        for difference in &mut unit.differences {
            if difference.because.is_empty() {
                difference.because = shown(needed().map(|(.., path)| path));
            }
            // None of them alone: then all of them together.
            if difference.because.is_empty() {
                difference.because = shown(paths.iter());
            }
            difference.because.sort();
        }
    }
}

pub(super) fn shown<'p>(paths: impl Iterator<Item = &'p PathBuf>) -> Vec<String> {
    paths.map(|path| path.to_string_lossy().escape_debug().to_string()).collect()
}
