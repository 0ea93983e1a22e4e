//! Many units at once: what they share is read once, and a bounded number of threads renders them.
//!
//! Each unit comes out as it would alone. One that fails keeps no other back. A module is held in
//! memory only from its first unit to its last. A build passes over what its [`Memory`] knows to be as
//! it should be; a check looks at everything.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use jiff::Timestamp;

use super::directory::{Directory, PARTIALS};
use super::listing::{Listing, paths_above};
use super::memory::{Memory, Sources, common_paths};
use super::module::Module;
use super::outputs::Output;
use super::source::{Reader, SourceFile};
use super::stamp::Paths;
use super::{BuildRequest, Holder, RenderError, Rendered, preview, threads, update_outputs};
use crate::git::Repo;
use crate::project::{Configs, Name, Overrides, Params, Project, SCHEMA_FILE, UnitId};

/// What to render.
#[derive(Clone)]
pub struct BatchRequest<'a> {
    /// The project.
    pub project: &'a Project,
    /// The units; each may be named once.
    pub units: &'a [UnitId],
    /// Parameters from outside the repository, the same for all.
    pub overrides: Overrides<'a>,
    /// The repository, as for a single build.
    pub repo: Option<&'a Repo>,
    /// The user's own files of ignore patterns, beside the repository's.
    pub excludes: &'a [PathBuf],
    /// Overwrite what someone edited.
    pub force: bool,
    /// Who builds.
    pub holder: Holder,
    /// When the project was read, or before: what changed about then or later is not remembered as it is
    /// now, for something else of it may have been read.
    pub read_at: Timestamp,
    /// How many threads may work at once; at least one does.
    pub threads: usize,
    /// Gives a unit's parameters what only this run can give them; the unit by its place in the list.
    pub prepare: &'a (dyn Fn(usize, Params) -> Params + Sync),
    /// Asked before each unit: true leaves out those that are not begun.
    pub stop: &'a (dyn Fn() -> bool + Sync),
}

/// One result for each unit, in their order; none for one that was left out.
pub type Results<T> = Vec<Option<Result<T, RenderError>>>;

/// Renders units. None of their directories stays in use: nothing follows in them.
pub fn build_all(request: &BatchRequest<'_>) -> Results<Rendered<()>> {
    let Some(memory) = memory(request) else { return each(request, &mut |_, _| {}, update_outputs) };
    let recalled = in_parallel(request.threads, request.stop, request.units.len(), |index| {
        memory.recall(&request.units[index])
    });
    let mut results: Results<Rendered<()>> = recalled.into_iter().map(|unit| unit?.map(Ok)).collect();
    let open: Vec<usize> = (0..results.len()).filter(|index| results[*index].is_none()).collect();
    if open.is_empty() {
        return results;
    }
    let units: Vec<UnitId> = open.iter().map(|index| request.units[*index].clone()).collect();
    let prepare = |index: usize, params| (request.prepare)(open[index], params);
    let rest = BatchRequest { units: &units, prepare: &prepare, ..request.clone() };
    let update = |single: &BuildRequest<'_>, outputs: Vec<Output>| {
        let paths: Vec<String> = outputs.iter().map(|output| output.path.clone()).collect();
        let rendered = update_outputs(single, outputs)?;
        let is_lasting = rendered.written == 0 && rendered.removed == 0 && !single.params.reached_outside();
        Ok((rendered, is_lasting.then_some(paths)))
    };
    let mut sources: HashMap<UnitId, Sources> = HashMap::new();
    let mut note = |shared: &Shared<'_>, results: &Results<(Rendered<()>, Option<Vec<String>>)>| {
        let lasting = |result: &Option<Result<(_, Option<_>), _>>| matches!(result, Some(Ok((_, Some(_)))));
        let units = units.iter().zip(results).filter(|(_, result)| lasting(result));
        sources = units.filter_map(|(unit, _)| Some((unit.clone(), shared.made_of(unit)?))).collect();
    };
    let rendered = each(&rest, &mut note, update);
    let (mut found, mut others) = (Vec::new(), Vec::new());
    for ((unit, result), index) in units.iter().zip(rendered).zip(&open) {
        let (result, paths) = match result {
            Some(Ok((rendered, paths))) => (Some(Ok(rendered)), paths),
            Some(Err(error)) => (Some(Err(error)), None),
            None => (None, None),
        };
        results[*index] = result;
        match (paths, sources.get(unit)) {
            (Some(paths), Some(sources)) => found.push((*index, unit, paths, sources)),
            _ => others.push(unit),
        }
    }
    let found = found.into_iter().filter_map(|(index, unit, paths, sources)| match &results[index] {
        Some(Ok(rendered)) => Some((unit, rendered, paths, sources)),
        _ => None,
    });
    // What cannot be remembered is rendered again the next time.
    let _ = memory.keep(found, others);
    results
}

/// What this build may pass over by: nothing, where more than the project's files counts.
pub(super) fn memory<'a>(request: &BatchRequest<'a>) -> Option<Memory<'a>> {
    let is_plain = request.overrides.keys().is_ok_and(|keys| keys.is_empty());
    if !is_plain || request.force || request.project.is_staged() {
        return None;
    }
    Memory::open(request.project, request.repo?, request.read_at)
}

/// Fails for each unit that a build would change; writes nothing.
pub fn check_all(request: &BatchRequest<'_>) -> Results<()> {
    each(request, &mut |_, _| {}, preview::check_outputs)
}

/// Renders each unit and does something with it; `after` sees what they had in common, and what became
/// of each.
fn each<T: Send>(
    request: &BatchRequest<'_>,
    after: &mut dyn FnMut(&Shared<'_>, &Results<T>),
    work: impl Fn(&BuildRequest<'_>, Vec<Output>) -> Result<T, RenderError> + Sync,
) -> Results<T> {
    let shared = Shared::new(request);
    let one = |index: usize| shared.unit(index, &request.units[index], &work);
    let results = in_parallel(request.threads, request.stop, request.units.len(), one);
    after(&shared, &results);
    results
}

/// One result for each number below `count`; none from where `stop` says so.
fn in_parallel<T: Send>(
    threads: usize,
    stop: &(dyn Fn() -> bool + Sync),
    count: usize,
    work: impl Fn(usize) -> T + Sync,
) -> Vec<Option<T>> {
    let results: Vec<Mutex<Option<T>>> = (0..count).map(|_| Mutex::new(None)).collect();
    let next = AtomicUsize::new(0);
    let worker = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count || stop() {
                return;
            }
            let result = work(index);
            *lock(&results[index]) = Some(result);
        }
    };
    let threads = threads.clamp(1, count.max(1));
    std::thread::scope(|scope| {
        for _ in 1..threads {
            threads::begin(scope, worker);
        }
        worker();
    });
    results.into_iter().map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
}

/// What the units have in common.
struct Shared<'a> {
    request: &'a BatchRequest<'a>,
    configs: Configs<'a>,
    reader: Reader,
    /// What stands in the sources, by their directories.
    listings: HashMap<PathBuf, Listing>,
    /// The directories that make up a module.
    sources: HashMap<&'a Name, Vec<Directory>>,
    partials: OnceLock<Arc<Vec<SourceFile>>>,
    modules: BTreeMap<&'a Name, Slot>,
    /// The modules that asked for partials.
    includers: Mutex<BTreeSet<Name>>,
    /// What all units have in common, and the partials.
    kept_paths: (OnceLock<Option<Paths>>, OnceLock<Option<Paths>>),
}

/// A module, from its first unit to its last.
#[derive(Default)]
struct Slot {
    module: Mutex<Option<Arc<Module>>>,
    /// How many of its units are still to be rendered.
    left: AtomicUsize,
}

/// So few modules are looked at faster than a thread is begun.
const MANY: usize = 16;

/// Where the files of modules are.
#[derive(Default)]
struct Found<'a> {
    listings: HashMap<PathBuf, Listing>,
    sources: HashMap<&'a Name, Vec<Directory>>,
}

impl<'a> Found<'a> {
    /// Looks for them, in one walk. What is wrong with a module is found again, and told, when its units
    /// are rendered; so is it if the walk fails, for then each module lists its own.
    fn look(project: &Project, configs: &Configs<'_>, reader: &Reader, modules: &[&'a Name]) -> Self {
        let mut directories: BTreeMap<PathBuf, Directory> = BTreeMap::new();
        let mut sources = HashMap::new();
        for module in modules {
            let Ok(config) = configs.module(module) else { continue };
            let Ok(found) = Directory::sources(project, module, &config.build) else { continue };
            directories.extend(found.iter().map(|source| (source.real.clone(), source.clone())));
            sources.insert(*module, found);
        }
        let listings = reader.list(&directories.values().collect::<Vec<_>>()).unwrap_or_default();
        Self { listings: directories.into_keys().zip(listings).collect(), sources }
    }

    fn and(mut self, other: Self) -> Self {
        self.listings.extend(other.listings);
        self.sources.extend(other.sources);
        self
    }
}

impl<'a> Shared<'a> {
    fn new(request: &'a BatchRequest<'a>) -> Self {
        let mut modules: BTreeMap<&Name, Slot> = BTreeMap::new();
        for unit in request.units {
            *modules.entry(&unit.module).or_default().left.get_mut() += 1;
        }
        let configs = Configs::new(request.project);
        let reader = Reader::new(request.project.files(), request.repo);
        let names: Vec<&Name> = modules.keys().copied().collect();
        let parts: Vec<&[&Name]> =
            names.chunks(names.len().div_ceil(request.threads.max(1)).max(MANY)).collect();
        let look = |part: usize| Found::look(request.project, &configs, &reader, parts[part]);
        let found = in_parallel(request.threads, &|| false, parts.len(), look);
        let Found { listings, sources } = found.into_iter().flatten().fold(Found::default(), Found::and);
        let (partials, includers) = (OnceLock::new(), Mutex::default());
        let kept_paths = Default::default();
        Self { request, configs, reader, listings, sources, partials, modules, includers, kept_paths }
    }

    fn unit<T>(
        &self,
        index: usize,
        unit: &UnitId,
        work: impl Fn(&BuildRequest<'_>, Vec<Output>) -> Result<T, RenderError>,
    ) -> Result<T, RenderError> {
        let request = self.request;
        let params = (request.prepare)(index, self.configs.params(unit, &request.overrides)?);
        let module = self.module(&unit.module)?;
        module.check(unit, &params)?;
        let outputs = module.render(&params)?;
        let single = BuildRequest {
            project: request.project,
            unit,
            params: &params,
            repo: request.repo,
            excludes: request.excludes,
            force: request.force,
            keep: false,
            holder: request.holder.clone(),
        };
        work(&single, outputs)
    }

    fn module(&self, name: &Name) -> Result<Arc<Module>, RenderError> {
        let read = || -> Result<Arc<Module>, RenderError> {
            let (project, config) = (self.request.project, self.configs.module(name)?);
            let sources = match self.sources.get(name) {
                Some(sources) => sources.clone(),
                None => Directory::sources(project, name, &config.build)?,
            };
            let known = |directory: &Directory| self.listings.get(&directory.real);
            let partials = || {
                lock(&self.includers).insert(name.clone());
                self.partials()
            };
            Module::read(project, name, &config, &self.reader, (&sources, known), partials).map(Arc::new)
        };
        // Every unit has its module in the map.
        let Some(slot) = self.modules.get(name) else { return read() };
        let mut ready = lock(&slot.module);
        let module = match ready.take() {
            Some(module) => module,
            None => read()?,
        };
        if slot.left.fetch_sub(1, Ordering::Relaxed) > 1 {
            *ready = Some(Arc::clone(&module));
        }
        Ok(module)
    }

    /// All files that a unit was made of; none if that cannot be told of each.
    fn made_of(&self, unit: &UnitId) -> Option<Sources> {
        let (project, module) = (self.request.project, &unit.module);
        let repo = self.request.repo?;
        let profiles = self.configs.profile_files(&unit.profile).ok()?;
        let mut sources = vec![
            ("project".to_owned(), self.common_paths(repo)?),
            (format!("profile {}", unit.profile), Paths { exact: profiles, ..Paths::default() }),
        ];
        let files = ["module.toml", SCHEMA_FILE].map(|file| format!("modules/{module}/{file}"));
        let directories = self.sources.get(module)?;
        let own = format!("modules/{module}");
        if !directories.iter().any(|directory| directory.shown == own) {
            sources.push((format!("module {module}"), Paths { exact: files.to_vec(), ..Paths::default() }));
        }
        for directory in directories {
            let listing = self.listings.get(&directory.real)?;
            let further = if directory.shown == own { files.as_slice() } else { &[] };
            let paths = listing.paths(project.root(), directory, repo, further)?;
            sources.push((directory.shown.clone(), paths));
            let above = format!("above {}", parent(&directory.shown));
            if !sources.iter().any(|(name, _)| *name == above) {
                sources.push((above, paths_above(directory)?));
            }
        }
        if lock(&self.includers).contains(module) {
            sources.push((PARTIALS.to_owned(), self.partial_paths(repo)?));
        }
        Some(sources)
    }

    fn common_paths(&self, repo: &Repo) -> Option<Paths> {
        let read = || common_paths(self.request.project, repo, self.request.excludes);
        self.kept_paths.0.get_or_init(read).clone()
    }

    fn partial_paths(&self, repo: &Repo) -> Option<Paths> {
        let project = self.request.project;
        let read = || {
            let Some(directory) = Directory::partials(project).ok()? else {
                return Some(Paths { exact: vec![format!("modules/{PARTIALS}")], ..Paths::default() });
            };
            let listing = self.reader.list(&[&directory]).ok()?;
            let mut paths = listing.first()?.paths(project.root(), &directory, repo, &[])?;
            let above = paths_above(&directory)?;
            paths.exact.extend(above.exact);
            paths.above.extend(above.above);
            Some(paths)
        };
        self.kept_paths.1.get_or_init(read).clone()
    }

    fn partials(&self) -> Result<Arc<Vec<SourceFile>>, RenderError> {
        if let Some(partials) = self.partials.get() {
            return Ok(Arc::clone(partials));
        }
        let read = super::partials(self.request.project, &self.reader)?;
        Ok(Arc::clone(self.partials.get_or_init(|| read)))
    }
}

/// The directory that a path lies in.
fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What it holds is whole at every moment.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
