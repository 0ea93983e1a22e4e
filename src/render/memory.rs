//! What builds of many units found to be as it should be, so that the next one need not render it again.
//!
//! A unit is passed over if nothing that it was made of, and nothing of what was made, has changed by
//! its stamp ([`Stamp`]), and if it was made of the project's own files alone: what asked for a
//! variable, a file, the repository, a secret, data or outputs is rendered every time. So is everything
//! with parameters from outside the repository, with `--force`, for `--check`, and before any command:
//! only a build that nothing follows asks here. The memory is one file in the git directory, which may
//! go at any time; what cannot be read there is as good as none.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::guard::notes;
use super::manifest::{digest, manifest_path};
use super::stamp::{Ground, Paths, Stamp};
use super::tree::Existing;
use super::{RenderError, Rendered};
use crate::env;
use crate::git::Repo;
use crate::project::{DIST, MARKER, Project, UnitId};

/// The file.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Book {
    /// The program that wrote it, and the project: another one may render otherwise.
    made_by: String,
    /// What several units are made of.
    groups: Vec<Group>,
    units: BTreeMap<String, Entry>,
}

/// Paths that have a name, and their stamp.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Group {
    name: String,
    paths: Paths,
    stamp: String,
}

/// A unit that was as it should be.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    /// The numbers of the groups that it is made of.
    of: Vec<usize>,
    /// Short for the stamps that they had: they may have been remembered anew since.
    with: String,
    /// Its own directory and manifest.
    own: Paths,
    stamp: String,
    files: usize,
    foreign: Vec<String>,
}

/// What a unit was made of: the names of groups, each with its paths.
pub(super) type Sources = Vec<(String, Paths)>;

/// The memory of one project, for the time of one build.
pub(super) struct Memory<'a> {
    project: &'a Project,
    repo: &'a Repo,
    ground: Ground,
    name: String,
    book: Book,
    /// The second in which the project was read first.
    begun: i64,
    /// The present stamps of the groups.
    present: Vec<OnceLock<Option<String>>>,
}

impl<'a> Memory<'a> {
    /// The memory of a project that was first read at `read_at`; none if there can be none.
    pub(super) fn open(project: &'a Project, repo: &'a Repo, read_at: Timestamp) -> Option<Self> {
        let begun = read_at.as_second();
        let root = project.root().to_str()?;
        let name = format!("built-{}", &digest(root.as_bytes())[..16]);
        let made_by = made_by(root)?;
        let read = || {
            let mut tree = notes(project.root(), Some(repo.git_dir()), &[], false).ok()??;
            let Ok(Existing::File { bytes, .. }) = tree.look(&name) else { return None };
            postcard::from_bytes::<Book>(&bytes).ok().filter(|book| book.made_by == made_by)
        };
        let book = read().unwrap_or_else(|| Book { made_by: made_by.clone(), ..Book::default() });
        let present = book.groups.iter().map(|_| OnceLock::new()).collect();
        Some(Self { project, repo, ground: Ground::open(project.root())?, name, book, begun, present })
    }

    /// A unit that is as it was left; none if it has to be rendered.
    pub(super) fn recall(&self, unit: &UnitId) -> Option<Rendered<()>> {
        let entry = self.book.units.get(&unit.to_string())?;
        let mut stamps = String::new();
        for number in &entry.of {
            let (group, present) = (self.book.groups.get(*number)?, self.present.get(*number)?);
            let take = || Stamp::take(&self.ground, &group.paths).map(|stamp| stamp.digest);
            stamps.push_str(present.get_or_init(take).as_ref()?);
        }
        if digest(stamps.as_bytes()) != entry.with
            || Stamp::take(&self.ground, &entry.own)?.digest != entry.stamp
        {
            return None;
        }
        Some(Rendered {
            directory: self.project.unit_directory(unit),
            guard: (),
            written: 0,
            made: Vec::new(),
            removed: 0,
            unchanged: entry.files,
            foreign: entry.foreign.clone(),
            searched: Vec::new(),
            undecoded: Vec::new(),
            secrets: Vec::new(),
            override_keys: Vec::new(),
            kept: Vec::new(),
            digest: None,
            inputs: Vec::new(),
        })
    }

    /// Keeps what was found as it should be: units, each with its outputs and what it was made of; and
    /// forgets what is known of `others`. Nothing is lost if this fails.
    pub(super) fn keep<'u>(
        mut self,
        found: impl IntoIterator<Item = (&'u UnitId, &'u Rendered<()>, Vec<String>, &'u Sources)>,
        others: impl IntoIterator<Item = &'u UnitId>,
    ) -> Result<(), RenderError> {
        let mut is_new = false;
        for unit in others {
            is_new |= self.book.units.remove(&unit.to_string()).is_some();
        }
        let known = self.book.groups.iter().enumerate().map(|(number, group)| (group.name.clone(), number));
        let mut numbers: HashMap<String, usize> = known.collect();
        // By name: the number of a group that was stamped just now; none if it cannot be remembered.
        let mut stamped: HashMap<String, Option<usize>> = HashMap::new();
        for (unit, rendered, outputs, sources) in found {
            let (mut of, mut stamps) = (Vec::new(), String::new());
            for (name, paths) in sources {
                let number = stamped.entry(name.clone()).or_insert_with(|| {
                    let stamp = self.settled(paths)?;
                    let group = Group { name: name.clone(), paths: paths.clone(), stamp };
                    let groups = &mut self.book.groups;
                    let number = *numbers.entry(name.clone()).or_insert(groups.len());
                    match groups.get_mut(number) {
                        Some(former) => *former = group,
                        None => groups.push(group),
                    }
                    Some(number)
                });
                if let Some(number) = *number {
                    of.push(number);
                    stamps.push_str(&self.book.groups[number].stamp);
                }
            }
            let own = own_paths(unit, &outputs, &rendered.searched);
            // Of what is warned of it is told each time.
            if of.len() == sources.len()
                && rendered.undecoded.is_empty()
                && let Some(stamp) = self.settled(&own)
            {
                let (with, files) = (digest(stamps.as_bytes()), outputs.len());
                let entry = Entry { of, with, own, stamp, files, foreign: rendered.foreign.clone() };
                self.book.units.insert(unit.to_string(), entry);
                is_new = true;
            }
        }
        if !is_new {
            return Ok(());
        }
        self.book.forget_unused();
        let Ok(bytes) = postcard::to_stdvec(&self.book) else { return Ok(()) };
        match notes(self.project.root(), Some(self.repo.git_dir()), &[], true)? {
            Some(mut tree) => tree.write(&self.name, &bytes, 0o600),
            None => Ok(()),
        }
    }

    /// The stamp of paths that did not change since well before this build.
    fn settled(&self, paths: &Paths) -> Option<String> {
        let stamp = Stamp::take(&self.ground, paths)?;
        stamp.was_settled_at(self.begun).then_some(stamp.digest)
    }
}

impl Book {
    /// Drops the groups that no unit is made of.
    fn forget_unused(&mut self) {
        let used: BTreeSet<usize> = self.units.values().flat_map(|entry| &entry.of).copied().collect();
        let renumbered: HashMap<usize, usize> = used.iter().copied().zip(0..).collect();
        for entry in self.units.values_mut() {
            entry.of.iter_mut().for_each(|number| *number = renumbered[number]);
        }
        let mut number = 0..;
        self.groups.retain(|_| number.next().is_some_and(|number| used.contains(&number)));
    }
}

/// Version and file of this program, and the project's directory.
fn made_by(root: &str) -> Option<String> {
    let program = env::program_path().ok()?;
    let paths = Paths { exact: vec![program.to_str()?.to_owned()], ..Paths::default() };
    let stamp = Stamp::take(&Ground::open(Path::new("/"))?, &paths)?.digest;
    Some(format!("lockstep {} {stamp} {root}", env!("CARGO_PKG_VERSION")))
}

/// A unit's directory, what lockstep made there and other directories that were searched, and its manifest.
fn own_paths(unit: &UnitId, outputs: &[String], searched: &[String]) -> Paths {
    let (module, profile) = (&unit.module, &unit.profile);
    let base = format!("{DIST}/{module}/{profile}");
    let mut names: BTreeSet<&str> = searched.iter().map(String::as_str).collect();
    names.insert("");
    for output in outputs {
        names.insert(output);
        names.extend(output.match_indices('/').map(|(end, _)| &output[..end]));
    }
    let names = names.into_iter().map(str::to_owned).collect();
    Paths { base, names, exact: vec![manifest_path(unit)], above: Vec::new() }
}

/// What all units have in common: the project's file, the files of ignore patterns that hold for all of
/// it, and the directories of what is made.
pub(super) fn common_paths(project: &Project, repo: &Repo, excludes: &[PathBuf]) -> Option<Paths> {
    let mut exact: BTreeSet<PathBuf> = excludes.iter().cloned().collect();
    exact.insert(repo.git_dir().join("info/exclude"));
    exact.insert(repo.common_dir().join("info/exclude"));
    let top = repo.work_dir().canonicalize().ok()?;
    let above = project.root().ancestors().skip(1).take_while(|directory| directory.starts_with(&top));
    exact.extend(above.map(|directory| directory.join(".gitignore")));
    let exact: Option<Vec<String>> = exact.iter().map(|path| path.to_str().map(str::to_owned)).collect();
    let own = [".gitignore", MARKER].map(str::to_owned);
    let above = vec![DIST.to_owned(), format!("{DIST}/.lockstep")];
    Some(Paths { exact: exact?.into_iter().chain(own).collect(), above, ..Paths::default() })
}
