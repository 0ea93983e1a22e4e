//! Which units differ between an earlier commit and the working tree.
//!
//! Both states are rendered in memory, and a unit is affected if anything that a run would get is not
//! what it was. What only a run reads or asks for is compared by its definition; nothing is run, and no
//! variable, secret or file outside of the project is read. Only units that have looked at something
//! that changed are rendered twice: rendering is a function of what it looks at, so that for all others
//! nothing can differ.

mod compare;
mod hcl;
mod reads;
mod reasons;
mod side;

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

pub use compare::{Change, Difference, Part};

use self::side::{Side, State};
use super::{RenderError, threads};
use crate::git::{Oid, Repo, WasThere};
use crate::project::{Earlier, Former, Name, Project, ProjectError, Seen, UnitId};

/// What to compare.
pub struct AffectedRequest<'a> {
    /// The project as it is in the working tree.
    pub project: &'a Project,
    /// Its repository.
    pub repo: &'a Repo,
    /// The commit to compare with; without one everything is new.
    pub base: Option<&'a Oid>,
    /// Asked for each unit that there is or was: false leaves it out.
    pub select: &'a (dyn Fn(&UnitId) -> bool + Sync),
    /// Also find out which files make the differences.
    pub reasons: bool,
    /// How many threads may work at once; at least one does.
    pub threads: usize,
}

/// What differs.
#[derive(Debug, Default)]
pub struct Affected {
    /// The units, sorted.
    pub units: Vec<AffectedUnit>,
    /// Why units that there are now cannot be told; each reason once.
    pub errors: Vec<RenderError>,
}

/// A unit that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AffectedUnit {
    /// Which.
    pub unit: UnitId,
    /// In what way.
    pub fate: UnitFate,
    /// What of it differs; empty for a unit that is new or deleted.
    pub differences: Vec<Difference>,
    /// For a unit that is new, deleted or could not be rendered: the changed files that it looks at,
    /// relative to the project; empty if nobody asked.
    pub because: Vec<String>,
}

/// In what way a unit differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnitFate {
    /// It is not what it was.
    Changed,
    /// It was not there.
    New,
    /// It is not there any more.
    Deleted,
    /// It could not be rendered before, for this reason.
    WasBroken(String),
}

/// Finds the units that differ.
///
/// # Errors
/// When the repository cannot be compared, or the project cannot be read as a whole.
pub fn affected(request: &AffectedRequest<'_>) -> Result<Affected, RenderError> {
    let changed = changes(request)?;
    if changed.is_empty() {
        return Ok(Affected::default());
    }
    let work = Work::new(request, changed)?;
    Ok(work.run())
}

/// What changed below the project, by paths relative to it.
fn changes(request: &AffectedRequest<'_>) -> Result<BTreeMap<PathBuf, Former>, RenderError> {
    let (root, repo) = (request.project.root(), request.repo);
    let top = repo.work_dir().canonicalize().unwrap_or_else(|_| repo.work_dir().to_owned());
    let below = root.strip_prefix(&top).unwrap_or(Path::new(""));
    let changed = repo.changed_since(request.base, below)?;
    let own = changed.into_iter().filter_map(|change| {
        let path = Path::new(std::ffi::OsStr::from_bytes(&change.path)).strip_prefix(below).ok()?;
        let former = match change.was {
            WasThere::Nothing => Former::Absent,
            WasThere::File { executable, blob } => Former::File { executable, id: blob.to_string() },
            WasThere::Link { blob } => Former::Link { id: blob.to_string() },
            WasThere::Submodule => Former::Unreadable("lies in a submodule that has changed"),
            WasThere::Conflict => Former::Unreadable("is in conflict: finish the merge"),
        };
        (path.iter().next().is_some_and(|first| first != crate::project::DIST))
            .then(|| (path.to_owned(), former))
    });
    Ok(own.collect())
}

/// Reads a former file of the repository.
fn earlier(repo: &Repo, changed: BTreeMap<PathBuf, Former>) -> Earlier {
    let repo = repo.clone();
    let read = move |id: &str| {
        let oid = Oid::new(id).map_err(std::io::Error::other)?;
        repo.blob(&oid).map_err(std::io::Error::other)
    };
    Earlier { changed: Arc::new(changed), read: Arc::new(read) }
}

/// Everything that is known before units are looked at.
struct Work<'a> {
    request: &'a AffectedRequest<'a>,
    /// The state now, with the earlier one beside it; none where there was no project.
    now: Project,
    before: Option<Project>,
    earlier: Earlier,
    /// What was looked at for lockstep.toml, in either state.
    own: Seen,
    modules: BTreeSet<Name>,
    profiles: BTreeSet<Name>,
    errors: Vec<RenderError>,
    was_broken: Option<String>,
}

/// What a unit that may differ looked at that has changed.
type Touched = BTreeSet<PathBuf>;

impl<'a> Work<'a> {
    fn new(
        request: &'a AffectedRequest<'a>,
        changed: BTreeMap<PathBuf, Former>,
    ) -> Result<Self, RenderError> {
        let earlier = earlier(request.repo, changed);
        let watched = request.project.files().watched();
        let now = Project::of(watched.clone())?;
        let now =
            now.ok_or_else(|| ProjectError::NoProject { start: watched.root().display().to_string() })?;
        let mut own = watched.seen();
        let files = request.project.files().before(earlier.clone()).watched();
        let (before, was_broken) = match Project::of(files.clone()) {
            Ok(before) => (before, None),
            Err(error) => (None, Some(told(&error))),
        };
        own.add(&files.seen());
        let mut errors = Vec::new();
        let (modules, profiles) = names(&now, before.as_ref(), &mut errors);
        Ok(Self { request, now, before, earlier, own, modules, profiles, errors, was_broken })
    }

    fn run(self) -> Affected {
        let files = self.request.project.files().before(self.earlier.clone());
        let all = (&self.modules, &self.profiles);
        let threads = self.request.threads;
        let now = Side::new(&self.now, self.request.repo, all, &self.modules, threads);
        let own = self.own.touched(&files);
        let modules = each(&self.modules, threads, |name| {
            let seen = now.seen_of_module(name);
            (seen.touched(&files), seen.may_read_files)
        });
        let profiles = each(&self.profiles, threads, |name| {
            let seen = now.seen_of_profile(name);
            (seen.touched(&files), seen.may_read_files)
        });
        let everything = !own.is_empty() || profiles.values().any(|(touched, _)| !touched.is_empty());
        let early = self.modules.iter().filter(|name| everything || !modules[*name].0.is_empty());
        let before = self
            .before
            .as_ref()
            .map(|before| Side::new(before, self.request.repo, all, &early.cloned().collect(), threads));
        let units: Vec<UnitId> = self
            .modules
            .iter()
            .flat_map(|module| {
                self.profiles.iter().map(|profile| UnitId::new(module.clone(), profile.clone()))
            })
            .filter(|unit| {
                let touched = |(touched, reads): &(Touched, bool)| !touched.is_empty() || *reads;
                !own.is_empty()
                    || self.own.may_read_files
                    || touched(&modules[&unit.module])
                    || touched(&profiles[&unit.profile])
                    || now.may_read_changed(unit, &self.earlier)
            })
            .filter(|unit| (self.request.select)(unit))
            .collect();
        let found: Vec<Mutex<Option<Found>>> = units.iter().map(|_| Mutex::default()).collect();
        parallel(units.len(), threads, |index| {
            let unit = &units[index];
            let mut touched = own.clone();
            touched.extend(modules[&unit.module].0.iter().cloned());
            touched.extend(profiles[&unit.profile].0.iter().cloned());
            let result = self.unit(unit, touched, &now, before.as_ref(), &files);
            *found[index].lock().unwrap_or_else(PoisonError::into_inner) = result;
        });
        let mut told = Affected { units: Vec::new(), errors: Vec::new() };
        let mut touched = Vec::new();
        let found = found.into_iter().map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner));
        let mut reasons: Vec<(String, Vec<UnitId>, RenderError)> = Vec::new();
        for (unit, found) in units.into_iter().zip(found) {
            match found {
                Some(Found::Differs(unit, paths)) => {
                    told.units.push(unit);
                    touched.push(paths);
                }
                Some(Found::Broken(error)) => {
                    let text = error.to_string();
                    match reasons.iter_mut().find(|(known, ..)| *known == text) {
                        Some((_, units, _)) => units.push(unit),
                        None => reasons.push((text, vec![unit], error)),
                    }
                }
                None => {}
            }
        }
        if self.request.reasons {
            reasons::find(&self, &now, &mut told.units, &touched);
        }
        // What is wrong with a name is wrong with all of its units.
        let general: Vec<String> = self.errors.iter().map(ToString::to_string).collect();
        for (text, units, source) in reasons {
            if !general.contains(&text) {
                told.errors.push(RenderError::Unrenderable { units, source: Box::new(source) });
            }
        }
        told.errors.extend(self.errors);
        told
    }

    /// Whether a unit differs, and in what.
    fn unit(
        &self,
        unit: &UnitId,
        mut touched: Touched,
        now: &Side<'_>,
        before: Option<&Side<'_>>,
        files: &crate::project::Files,
    ) -> Option<Found> {
        let (state, seen) = now.unit(unit);
        touched.extend(seen.touched(files));
        let decided = matches!(&state, State::Made(made) if made.decided);
        if touched.is_empty() {
            let mut differences = match &state {
                State::Made(made) => reads::differences(self, &[&made.reads]),
                _ => Vec::new(),
            };
            // A branch that only a run takes may read what no module and no configuration is.
            let loose = reads::loose(&self.earlier);
            if decided && !loose.is_empty() {
                touched = loose;
                let what = Part::Unknown;
                differences.push(Difference { what, change: Change::Changed, because: Vec::new() });
            }
            return (!differences.is_empty())
                .then(|| Found::differs(unit, UnitFate::Changed, differences, touched));
        }
        let (was, seen) = match (before, &self.was_broken) {
            (Some(before), _) => before.unit(unit),
            (None, None) => (State::Nothing, Seen::default()),
            (None, Some(why)) => {
                return Some(Found::differs(unit, UnitFate::WasBroken(why.clone()), Vec::new(), touched));
            }
        };
        touched.extend(seen.touched(files));
        Some(match (was, state) {
            (_, State::Broken(error)) => Found::Broken(error),
            (State::Nothing, State::Nothing) => return None,
            (State::Nothing, State::Made(_)) => Found::differs(unit, UnitFate::New, Vec::new(), touched),
            (_, State::Nothing) => Found::differs(unit, UnitFate::Deleted, Vec::new(), touched),
            (State::Broken(error), State::Made(_)) => {
                Found::differs(unit, UnitFate::WasBroken(told(&error)), Vec::new(), touched)
            }
            (State::Made(was), State::Made(made)) => {
                let mut found = compare::differences(&was, &made);
                found.extend(reads::differences(self, &[&was.reads, &made.reads]));
                if found.is_empty() {
                    return None;
                }
                Found::differs(unit, UnitFate::Changed, found, touched)
            }
        })
    }
}

/// What is found out about a unit.
enum Found {
    Differs(AffectedUnit, Touched),
    Broken(RenderError),
}

impl Found {
    fn differs(unit: &UnitId, fate: UnitFate, differences: Vec<Difference>, touched: Touched) -> Self {
        let unit = AffectedUnit { unit: unit.clone(), fate, differences, because: Vec::new() };
        Self::Differs(unit, touched)
    }
}

/// An error with its causes, in one line.
fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |mut text, cause| {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text.push_str(&format!(": {cause}"));
        }
        text
    })
}

/// Names, and what is wrong with those that cannot be used.
type Entries = Vec<Result<Name, ProjectError>>;

/// The names of modules and profiles in either state.
fn names(
    now: &Project,
    before: Option<&Project>,
    errors: &mut Vec<RenderError>,
) -> (BTreeSet<Name>, BTreeSet<Name>) {
    let mut list = |of: fn(&Project) -> Result<Entries, ProjectError>| {
        let mut names = BTreeSet::new();
        for name in of(now).unwrap_or_else(|error| vec![Err(error)]) {
            match name {
                Ok(name) => drop(names.insert(name)),
                Err(error) => errors.push(error.into()),
            }
        }
        // What could not be used before made no units then.
        names.extend(before.and_then(|before| of(before).ok()).into_iter().flatten().flatten());
        names
    };
    (list(Project::module_entries), list(Project::profile_entries))
}

/// Does something for each name, and keeps what comes of it.
fn each<T: Send>(
    names: &BTreeSet<Name>,
    threads: usize,
    work: impl Fn(&Name) -> T + Sync,
) -> BTreeMap<Name, T> {
    let list: Vec<&Name> = names.iter().collect();
    let done = Mutex::new(BTreeMap::new());
    parallel(list.len(), threads, |index| {
        let made = work(list[index]);
        done.lock().unwrap_or_else(PoisonError::into_inner).insert(list[index].clone(), made);
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Does something for each number below a count, on several threads.
fn parallel(count: usize, threads: usize, work: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    let worker = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return;
            }
            work(index);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.clamp(1, count.max(1)) {
            threads::begin(scope, worker);
        }
        worker();
    });
}
