//! What the tool itself reads of a project when it runs in a unit: local modules, transitively, the
//! paths that their configuration names, and what `[build] watch` declares.
//!
//! Only the present state has to be followed to know whether a unit differs: as long as a unit's own
//! files are the same, what is read is the same up to the first file that has changed, and that file
//! counts.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use globset::GlobSet;

use super::Work;
use super::compare::{Change, Difference, Part};
use super::hcl::{Base, References, is_configuration, references};
use super::reasons::shown;
use crate::project::{BuildConfig, Earlier, Files, Kind, MARKER, Project, UnitId};

/// More directories than a person writes.
const MOST_DIRECTORIES: usize = 1_000;

/// What was found in files, by their paths in the project or the digests of what was rendered: each is
/// read and parsed once.
#[derive(Default)]
pub(super) struct Cache(Mutex<HashMap<String, Arc<References>>>);

/// A file of a unit: its path there, what its content is known by, and the content.
pub(super) type File<'a> = (&'a str, &'a str, &'a [u8]);

impl Cache {
    fn get(&self, key: String, find: impl FnOnce() -> References) -> Arc<References> {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(&key) {
            return Arc::clone(known);
        }
        let found = Arc::new(find());
        Arc::clone(lock().entry(key).or_insert(found))
    }
}

/// What is read for a unit, relative to the project.
#[derive(Default)]
pub(super) struct Reads {
    /// The directories of modules: their configuration files count.
    modules: BTreeSet<PathBuf>,
    /// Files, and directories of which everything counts.
    paths: BTreeSet<PathBuf>,
    watch: GlobSet,
    /// Why more may be read; none where `watch` says what is.
    pub(super) unknown: Option<String>,
}

impl Reads {
    /// What is read for a unit that is made of these files.
    pub(super) fn of<'f>(
        project: &Project,
        unit: &UnitId,
        build: &BuildConfig,
        files: impl IntoIterator<Item = File<'f>>,
        cache: &Cache,
    ) -> Self {
        let own = project.unit_directory(unit);
        let own = own.strip_prefix(project.root()).unwrap_or(&own).to_owned();
        let watch = build.watched(unit.module.as_str());
        let mut reads = Self { watch, ..Self::default() };
        let mut open = Vec::new();
        for (path, key, bytes) in files {
            let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
            if is_configuration(name) {
                // The same text can stand in a file of JSON and in another.
                let key = format!("{key} {}", name.ends_with(".json"));
                let found = cache.get(key, || references(name, bytes));
                reads.take(&found, &own, &own.join(directory), path, &mut open);
            }
        }
        while let Some(directory) = open.pop() {
            reads.module(project.files(), &own, &directory, cache, &mut open);
        }
        if !build.watch.is_empty() {
            reads.unknown = None;
        }
        reads
    }

    /// Takes what a file in a module's directory names; modules that are new are opened.
    fn take(
        &mut self,
        found: &References,
        own: &Path,
        directory: &Path,
        file: &str,
        open: &mut Vec<PathBuf>,
    ) {
        if let Some(why) = &found.unknown {
            self.cannot_know(file, why);
        }
        for source in &found.modules {
            match plain(directory, source) {
                None => self.cannot_know(file, &format!("`{source}` lies outside of the project")),
                Some(path) if path.starts_with(own) => {}
                Some(path) if self.modules.len() >= MOST_DIRECTORIES => {
                    self.cannot_know(file, &format!("with `{}` there are too many modules", path.display()));
                }
                Some(path) => {
                    if self.modules.insert(path.clone()) {
                        open.push(path);
                    }
                }
            }
        }
        for (base, path) in &found.paths {
            let from = match base {
                Base::Module => directory,
                Base::Unit => own,
            };
            match plain(from, path) {
                None => self.cannot_know(file, &format!("`{path}` lies outside of the project")),
                Some(path) if path.starts_with(own) => {}
                Some(path) => drop(self.paths.insert(path)),
            }
        }
    }

    /// Reads the configuration of a module. One that is not there has nothing: that it comes counts.
    fn module(
        &mut self,
        files: &Files,
        own: &Path,
        directory: &Path,
        cache: &Cache,
        open: &mut Vec<PathBuf>,
    ) {
        let Some(shown) = directory.to_str() else {
            return self.cannot_know("a module", "its path is not UTF-8");
        };
        match files.real(shown) {
            Ok((real, Kind::Directory)) => {
                self.modules.extend(real.strip_prefix(files.root()).map(Path::to_owned));
            }
            Ok((_, Kind::Other)) => return self.cannot_know(shown, "it leads out of the project"),
            _ => return,
        }
        for (name, _) in files.names(shown).unwrap_or_default() {
            let Some(name) = name.to_str().filter(|name| is_configuration(name)) else { continue };
            let path = format!("{shown}/{name}");
            let found = cache.get(path.clone(), || match files.read(&path) {
                Ok(bytes) => references(name, &bytes),
                Err(error) => References { unknown: Some(error.to_string()), ..References::default() },
            });
            self.take(&found, own, directory, &path, open);
        }
    }

    fn cannot_know(&mut self, file: &str, why: &str) {
        self.unknown.get_or_insert_with(|| format!("{file}: {why}"));
    }

    /// Whether any of it has changed, or may have.
    pub(super) fn may_differ(&self, earlier: &Earlier) -> bool {
        self.unknown.is_some() || !self.changed(earlier).is_empty()
    }

    /// What of it has changed. A link or a submodule on the way counts as what it leads to.
    pub(super) fn changed(&self, earlier: &Earlier) -> BTreeSet<PathBuf> {
        let mut changed = BTreeSet::new();
        for path in self.modules.iter().chain(&self.paths) {
            let ways = path.ancestors().filter(|way| earlier.changed.contains_key(*way));
            changed.extend(ways.map(Path::to_owned));
        }
        for directory in &self.modules {
            let of_module = |path: &Path| {
                path.parent() == Some(directory.as_path())
                    && path.file_name().and_then(|name| name.to_str()).is_some_and(is_configuration)
            };
            let below = earlier.below(directory).map(|(path, _)| path);
            changed.extend(below.filter(|path| of_module(path)).map(Path::to_owned));
        }
        for path in &self.paths {
            changed.extend(earlier.below(path).map(|(path, _)| path.to_owned()));
        }
        if !self.watch.is_empty() {
            changed.extend(earlier.changed.keys().filter(|path| self.watch.is_match(path)).cloned());
        }
        changed
    }
}

/// A path from a directory of the project, without `.` and `..`; none if it leads out.
fn plain(from: &Path, path: &str) -> Option<PathBuf> {
    let mut plain = from.to_owned();
    if path.starts_with('/') {
        return None;
    }
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(plain.pop().then_some(())?),
            part => plain.push(part),
        }
    }
    Some(plain)
}

/// What differs of what the tool reads, before and now.
pub(super) fn differences(work: &Work<'_>, reads: &[&Reads]) -> Vec<Difference> {
    let difference = |what, paths: &BTreeSet<PathBuf>| {
        let because = if work.request.reasons { shown(paths.iter()) } else { Vec::new() };
        Difference { what, change: Change::Changed, because }
    };
    let changed: BTreeSet<_> = reads.iter().flat_map(|reads| reads.changed(&work.earlier)).collect();
    let mut found = Vec::new();
    if !changed.is_empty() {
        found.push(difference(Part::Reads, &changed));
    }
    if let Some(why) = reads.iter().find_map(|reads| reads.unknown.clone()) {
        let others: BTreeSet<_> = loose(&work.earlier).difference(&changed).cloned().collect();
        if !others.is_empty() {
            found.push(difference(Part::MayRead(why), &others));
        }
    }
    found
}

/// The changed paths that belong to no module and no configuration.
pub(super) fn loose(earlier: &Earlier) -> BTreeSet<PathBuf> {
    let own = ["modules", "profiles", "workflows", MARKER];
    let is_loose =
        |path: &&PathBuf| path.iter().next().is_some_and(|first| !own.iter().any(|own| first == *own));
    earlier.changed.keys().filter(is_loose).cloned().collect()
}
