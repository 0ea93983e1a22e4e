//! Many units at once: what they share is read once, and a bounded number of threads renders them.
//!
//! Each unit comes out as it would alone. One that fails keeps no other back. A module is held in
//! memory only from its first unit to its last.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::directory::Directory;
use super::module::Module;
use super::outputs::Output;
use super::source::{Listing, Reader, SourceFile};
use super::{BuildRequest, Holder, RenderError, Rendered, preview, update_outputs};
use crate::git::Repo;
use crate::project::{Configs, Name, Overrides, Params, Project, UnitId};

/// What to render.
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
    each(request, update_outputs)
}

/// Fails for each unit that a build would change; writes nothing.
pub fn check_all(request: &BatchRequest<'_>) -> Results<()> {
    each(request, preview::check_outputs)
}

fn each<T: Send>(
    request: &BatchRequest<'_>,
    work: impl Fn(&BuildRequest<'_>, Vec<Output>) -> Result<T, RenderError> + Sync,
) -> Results<T> {
    let shared = Shared::new(request);
    let results: Vec<Mutex<Option<Result<T, RenderError>>>> =
        request.units.iter().map(|_| Mutex::new(None)).collect();
    let next = AtomicUsize::new(0);
    let worker = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(unit) = request.units.get(index).filter(|_| !(request.stop)()) else { return };
            let result = shared.unit(index, unit, &work);
            *lock(&results[index]) = Some(result);
        }
    };
    let threads = request.threads.clamp(1, request.units.len().max(1));
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(worker);
        }
        worker();
    });
    results.into_iter().map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
}

/// What the units have in common.
struct Shared<'a> {
    request: &'a BatchRequest<'a>,
    configs: Configs<'a>,
    reader: Reader<'a>,
    /// What stands in the sources, by their directories.
    listings: HashMap<PathBuf, Listing>,
    /// The directories that make up a module, of each that has none which is wrong.
    sources: HashMap<&'a Name, Vec<Directory>>,
    partials: OnceLock<Arc<Vec<SourceFile>>>,
    modules: BTreeMap<&'a Name, Slot>,
}

/// A module, from its first unit to its last.
#[derive(Default)]
struct Slot {
    module: Mutex<Option<Arc<Module>>>,
    /// How many of its units are still to be rendered.
    left: AtomicUsize,
}

impl<'a> Shared<'a> {
    fn new(request: &'a BatchRequest<'a>) -> Self {
        let mut modules: BTreeMap<&Name, Slot> = BTreeMap::new();
        for unit in request.units {
            *modules.entry(&unit.module).or_default().left.get_mut() += 1;
        }
        let configs = Configs::new(request.project);
        let reader = Reader::new(request.project.files(), request.repo, request.excludes);
        let mut directories: BTreeMap<PathBuf, Directory> = BTreeMap::new();
        let mut sources = HashMap::new();
        for module in modules.keys() {
            // What is wrong with one module is found again, and told, when its units are rendered.
            let Ok(config) = configs.module(module) else { continue };
            let Ok(found) = Directory::sources(request.project, module, &config.build) else { continue };
            directories.extend(found.iter().map(|source| (source.real.clone(), source.clone())));
            sources.insert(*module, found);
        }
        // The same goes for a directory that cannot be listed: then each module lists its own.
        let listings = reader.list(&directories.values().collect::<Vec<_>>()).unwrap_or_default();
        let listings = directories.into_keys().zip(listings).collect();
        Self { request, configs, reader, listings, sources, partials: OnceLock::new(), modules }
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
            Module::read(project, name, &config, &self.reader, (&sources, known), || self.partials())
                .map(Arc::new)
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

    fn partials(&self) -> Result<Arc<Vec<SourceFile>>, RenderError> {
        if let Some(partials) = self.partials.get() {
            return Ok(Arc::clone(partials));
        }
        let read = super::partials(self.request.project, &self.reader)?;
        Ok(Arc::clone(self.partials.get_or_init(|| read)))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What it holds is whole at every moment.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
