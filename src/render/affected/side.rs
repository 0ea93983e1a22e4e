//! A project in one of the states that are compared: what its units come to, and what was looked at
//! for it. Each file is read once, each module compiled once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use super::super::directory::{Directory, PARTIALS};
use super::super::listing::Listing;
use super::super::module::Module;
use super::super::outputs::Output;
use super::super::source::{Reader, SourceFile};
use super::super::{RenderError, partials};
use super::hcl::is_configuration;
use super::parallel;
use super::reads::{Cache, Reads};
use crate::env::Environment;
use crate::git::Repo;
use crate::project::{Chain, Earlier, ModuleConfig, Name, Params, Project, Seen, UnitId};

/// One state of a project.
pub(super) struct Side<'a> {
    project: &'a Project,
    reader: Reader,
    modules: BTreeMap<Name, ModuleSide>,
    chains: BTreeMap<Name, OnceLock<Chain>>,
    /// What stands in the sources, by their directories.
    listings: HashMap<PathBuf, Listing>,
    partials: OnceLock<(Arc<Vec<SourceFile>>, Seen)>,
    shared: Cache,
}

#[derive(Default)]
struct ModuleSide {
    configured: OnceLock<Configured>,
    loaded: OnceLock<Loaded>,
}

/// What is known of a module before its files are read; none of what cannot be read.
struct Configured {
    config: Option<ModuleConfig>,
    sources: Option<Vec<Directory>>,
    seen: Seen,
}

/// A module with its files.
struct Loaded {
    module: Option<Arc<Module>>,
    seen: Seen,
}

/// What became of a unit.
pub(super) enum State {
    /// There is none.
    Nothing,
    /// It cannot be rendered.
    Broken(RenderError),
    /// This.
    Made(Box<Made>),
}

/// A unit, rendered in memory.
pub(super) struct Made {
    /// Sorted by path; none where what only a run knows is needed to make them.
    pub(super) outputs: Vec<Output>,
    /// The variables that its commands get from the project.
    pub(super) env: BTreeMap<OsString, OsString>,
    /// What else is said about how they run.
    pub(super) exec: Exec,
    /// The units that come before it by its module's `needs`.
    pub(super) needs: BTreeSet<UnitId>,
    /// Values that only a run knows decide what it is made of.
    pub(super) decided: bool,
    pub(super) module: Arc<Module>,
    pub(super) params: Params,
    /// What the tool reads of the project beside the outputs.
    pub(super) reads: Reads,
}

/// How a unit's commands run.
#[derive(PartialEq)]
pub(super) struct Exec {
    unset: BTreeSet<String>,
    limits: crate::project::ModuleExecConfig,
    /// How its outputs are asked for.
    outputs: crate::project::OutputsConfig,
}

impl<'a> Side<'a> {
    /// The state of these modules and profiles, whether they are there or not; those of `early` are
    /// listed in one walk.
    pub(super) fn new(
        project: &'a Project,
        repo: &'a Repo,
        (modules, profiles): (&BTreeSet<Name>, &BTreeSet<Name>),
        early: &BTreeSet<Name>,
        threads: usize,
    ) -> Self {
        let mut side = Self {
            project,
            reader: Reader::new(project.files(), Some(repo)),
            modules: modules.iter().map(|name| (name.clone(), ModuleSide::default())).collect(),
            chains: profiles.iter().map(|name| (name.clone(), OnceLock::new())).collect(),
            listings: HashMap::new(),
            partials: OnceLock::new(),
            shared: Cache::default(),
        };
        let early: Vec<&Name> = early.iter().collect();
        parallel(early.len(), threads, |index| {
            side.configured(early[index]);
        });
        let known = side.modules.values().filter_map(|module| module.configured.get()?.sources.as_ref());
        let directories: BTreeMap<PathBuf, Directory> =
            known.flatten().map(|directory| (directory.real.clone(), directory.clone())).collect();
        // What cannot be listed is found again, and told, when its units are rendered.
        let listings = side.reader.list(&directories.values().collect::<Vec<_>>()).unwrap_or_default();
        side.listings = directories.into_keys().zip(listings).collect();
        side
    }

    fn configured(&self, name: &Name) -> Option<&Configured> {
        let module = self.modules.get(name)?;
        Some(module.configured.get_or_init(|| {
            let watched = self.project.watched();
            let config = watched.module_config(name).ok();
            let sources = config.as_ref().map(|config| Directory::sources(&watched, name, &config.build));
            Configured { config, sources: sources.and_then(Result::ok), seen: watched.files().seen() }
        }))
    }

    fn loaded(&self, name: &Name) -> Option<&Loaded> {
        let configured = self.configured(name)?;
        Some(self.modules.get(name)?.loaded.get_or_init(|| {
            let watched = self.project.watched();
            let mut seen = configured.seen.clone();
            let module = configured.config.as_ref().zip(configured.sources.as_ref());
            let module = module
                .and_then(|(config, sources)| self.read(&watched, name, config, sources).ok().map(Arc::new));
            seen.add(&watched.files().seen());
            seen.may_read_files |= module.as_ref().is_some_and(|module| module.may_read_files());
            Loaded { module, seen }
        }))
    }

    fn read(
        &self,
        watched: &Project,
        name: &Name,
        config: &ModuleConfig,
        sources: &[Directory],
    ) -> Result<Module, RenderError> {
        let known = |directory: &Directory| self.listings.get(&directory.real);
        let reader = self.reader.watched_by(watched.files());
        Module::read(watched, name, config, &reader, (sources, known), || {
            let below = format!("modules/{PARTIALS}");
            watched.files().note(below.as_ref());
            if let Some((partials, seen)) = self.partials.get() {
                watched.files().note_all(seen);
                return Ok(Arc::clone(partials));
            }
            let own = self.project.watched();
            let read = partials(&own, &self.reader.watched_by(own.files()));
            let seen = own.files().seen();
            watched.files().note_all(&seen);
            let (partials, _) = self.partials.get_or_init({
                let read = read?;
                || (read, seen)
            });
            Ok(Arc::clone(partials))
        })
    }

    /// What was looked at for a module.
    pub(super) fn seen_of_module(&self, name: &Name) -> Seen {
        self.loaded(name).map_or_else(Seen::default, |loaded| loaded.seen.clone())
    }

    /// Whether the tool may read something of the project that has changed, in a unit whose files are
    /// as they were. Where they are not templates this is known without rendering.
    pub(super) fn may_read_changed(&self, unit: &UnitId, earlier: &Earlier) -> bool {
        let Some(configured) = self.configured(&unit.module) else { return false };
        let loaded = self.loaded(&unit.module).and_then(|loaded| loaded.module.as_ref());
        let (Some(config), Some(module)) = (&configured.config, loaded) else { return true };
        let Some(files) = module.configuration(is_configuration) else { return true };
        Reads::of(&self.project.watched(), unit, &config.build, files, &self.shared).may_differ(earlier)
    }

    /// What was looked at for a profile.
    pub(super) fn seen_of_profile(&self, name: &Name) -> Seen {
        self.chain(name).map_or_else(Seen::default, |chain| chain.seen.clone())
    }

    fn chain(&self, name: &Name) -> Option<&Chain> {
        Some(self.chains.get(name)?.get_or_init(|| Chain::look(self.project, name)))
    }

    /// Renders a unit. What its expressions look at is told as well.
    pub(super) fn unit(&self, unit: &UnitId) -> (State, Seen) {
        let watched = self.project.watched();
        let state = self.state(&watched, unit);
        (state.unwrap_or_else(State::Broken), watched.files().seen())
    }

    fn state(&self, watched: &Project, unit: &UnitId) -> Result<State, RenderError> {
        let (Some(configured), Some(chain)) = (self.configured(&unit.module), self.chain(&unit.profile))
        else {
            return Ok(State::Nothing);
        };
        if !watched.has_module(&unit.module) || !watched.has_profile(&unit.profile) {
            return Ok(State::Nothing);
        }
        if !chain.makes_any(watched, unit)? {
            return Ok(State::Nothing);
        }
        let again;
        let config = match &configured.config {
            Some(config) => config,
            None => {
                again = watched.module_config(&unit.module)?;
                &again
            }
        };
        if !chain.makes(watched, unit, config)? {
            return Ok(State::Nothing);
        }
        let params = chain.params(watched, unit, config)?;
        let module = match self.loaded(&unit.module).and_then(|loaded| loaded.module.as_ref()) {
            Some(module) => Arc::clone(module),
            None => {
                let sources = Directory::sources(watched, &unit.module, &config.build)?;
                Arc::new(self.read(watched, &unit.module, config, &sources)?)
            }
        };
        let fits = module.check(unit, &params);
        let stood_in = params.took_stand_in();
        let (outputs, decided) = match fits.and_then(|_| module.render(&params)) {
            Ok(outputs) => (outputs, params.decided_by_stand_in()),
            // It may well be possible with what the values really are.
            Err(_) if stood_in || params.took_stand_in() || params.decided_by_stand_in() => {
                (Vec::new(), true)
            }
            Err(error) => return Err(error),
        };
        let project = watched.config();
        let nothing = Environment::new(watched.root(), std::iter::empty::<(&str, &str)>());
        let unset = project.exec.unset.iter().chain(&config.exec.unset).cloned().collect();
        let mut limits = config.exec.clone();
        limits.unset.clear();
        let exec = Exec { unset, limits, outputs: config.outputs.evaluated(&params) };
        let env = chain.command_env(watched, unit, config)?.evaluate_known(&params)?.over(&nothing);
        let decided = decided || params.decided_by_stand_in();
        let needs = config.needs.iter().filter_map(|need| need.of(unit)).collect();
        let files = outputs.iter().map(|output| (output.path.as_str(), output.digest(), &output.bytes[..]));
        let reads = Reads::of(&self.project.watched(), unit, &config.build, files, &self.shared);
        Ok(State::Made(Box::new(Made { outputs, env, exec, needs, decided, module, params, reads })))
    }
}
