//! The locks of a project beside any pipeline: looking at them and at their history, freezing them.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::Timestamp;

use super::Engine;
use crate::Error;
use crate::env::{Clock, Environment, Host};
use crate::git::Repo;
use crate::lock::{
    Act, Effect, Extent, Freshness, KeySet, Listed, LockBackend, LockError, LockKey, LockState, Locks,
    Naming, Record, UnitKeys,
};
use crate::project::{Project, ProjectError, StaleAfter, UnitId, nearest};

/// The locks of one project. Made by [`Engine::locks`].
pub struct ProjectLocks {
    pub(super) project: Project,
    pub(super) naming: Naming,
    pub(super) backend: Box<dyn LockBackend>,
    clock: Clock,
    env: Environment,
    host: Host,
    owner: String,
    run: String,
}

impl Engine {
    /// The locks of the project that `directory` lies in. Nothing is asked yet.
    ///
    /// # Errors
    /// When there is no project, or its configuration makes no lock backend.
    pub fn locks(&self, directory: &Path) -> Result<ProjectLocks, Error> {
        let project = super::open_project(directory, &self.env, &self.interrupts)?;
        let repo = Repo::discover(project.root(), &self.env, &self.interrupts)?;
        if let Some(repo) = &repo {
            repo.share(None);
        }
        let backend = self.open_backend(&project, repo.as_ref(), &self.trust_of(&project, repo.as_ref()))?;
        let host = self.host.clone().unwrap_or_else(Host::current);
        let owner = self.owner_of(&host);
        let run = super::run_id()?;
        let naming = Naming::of(&project.config().lock);
        Ok(ProjectLocks {
            project,
            naming,
            backend,
            clock: self.clock,
            env: self.env.clone(),
            host,
            owner,
            run,
        })
    }
}

impl ProjectLocks {
    /// Where the records are, for people.
    pub fn place(&self) -> String {
        self.backend.place()
    }

    /// Who takes locks here.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Whether the records are elsewhere, so that others see them and a network is needed.
    pub fn is_shared(&self) -> bool {
        self.backend.name() != "local"
    }

    /// The remote that holds the records, where it is a git remote.
    pub fn remote(&self) -> Option<&str> {
        self.backend.branch_remote()
    }

    /// The time by which ages are told.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// From what age on the project calls a lock stale.
    pub fn stale_after(&self) -> StaleAfter {
        self.project.config().lock.stale_after
    }

    /// How the project calls its locks.
    pub fn naming(&self) -> &Naming {
        &self.naming
    }

    /// Every lock of the project that was ever taken, those in the former place too, sorted by name,
    /// asked for in one connection. What has no lock's name is nobody's, and shown to all.
    ///
    /// # Errors
    /// When the backend cannot be reached or read.
    pub fn list(&self) -> Result<Vec<Listed>, LockError> {
        let mut all = self.list_all()?;
        all.retain(|listed| LockKey::new(&listed.name).map_or(true, |key| self.naming.owns(&key)));
        Ok(all)
    }

    /// The units whose former locks know something that the new ones do not: no run has taken both
    /// since, or, where several former locks went into one, none that changed anything. Empty where
    /// nothing moves. `listed` is what [`ProjectLocks::list`] told.
    ///
    /// # Errors
    /// When a file of the project cannot be read or understood.
    pub fn left_behind(&self, listed: &[Listed]) -> Result<Vec<UnitId>, Error> {
        let config = &self.project.config().lock;
        let Some(before) = &config.former else { return Ok(Vec::new()) };
        let one_to_one = before.scope == config.scope;
        let last = |key: &LockKey| {
            let found = listed.iter().find(|listed| listed.name == key.as_str());
            found.map(|listed| listed.last.as_ref().ok())
        };
        let is_behind = |(now, former): &(LockKey, LockKey)| match (last(former), last(now)) {
            (None, _) => false,
            // What cannot be understood may know anything.
            (Some(None), _) | (_, Some(None)) => true,
            (Some(Some(former)), None) => former.applied.is_some() || former.state != LockState::Free,
            (Some(Some(former)), Some(Some(_))) if former.applied.is_none() => false,
            (Some(Some(former)), Some(Some(now))) if one_to_one => former.generation > now.generation,
            (Some(Some(former)), Some(Some(now))) => {
                let completed = former.act == Act::Released && former.effect == Effect::Applied;
                let both = former.keys.contains(&now.key.in_its_place());
                !(both && (completed || former.applied == now.applied))
            }
        };
        let mut behind = Vec::new();
        for unit in self.project.units()? {
            if UnitKeys::of(&self.project, &unit)?.carry.iter().any(is_behind) {
                behind.push(unit);
            }
        }
        Ok(behind)
    }

    /// Every lock that was ever taken in the same place, whosever it is.
    ///
    /// # Errors
    /// As for [`ProjectLocks::list`].
    pub fn list_all(&self) -> Result<Vec<Listed>, LockError> {
        self.backend.list(Freshness::Now)
    }

    /// The last record of what a key means, in one connection: of that lock; and where it is called after a
    /// unit whose runs take another one, of that, with its own if that says something too. What is not free
    /// comes first; none if nothing was ever taken.
    ///
    /// # Errors
    /// As for [`ProjectLocks::list`], and when a record cannot be understood.
    pub fn last(&self, key: &LockKey) -> Result<Vec<Record>, LockError> {
        let observed = self.backend.read(&self.meant(key), Freshness::Now)?;
        let mut found: Vec<Record> =
            observed.into_iter().filter_map(|seen| seen.last).map(|(_, record)| record).collect();
        if !self.is_unit(key) && found.iter().all(|record| record.unit != key.path()) {
            found.retain(|record| record.key == *key);
        }
        if found.len() > 1 {
            found.retain(|record| record.key != *key || record.state != LockState::Free);
        }
        found.sort_by_key(|record| (record.state == LockState::Free, record.key == *key));
        Ok(found)
    }

    /// The lock that a key names, and the one that runs of the unit take that it is called after.
    pub(super) fn meant(&self, key: &LockKey) -> KeySet {
        self.naming.lock_of(key).into_iter().chain([key.clone()]).collect()
    }

    /// Whether a key is called after a unit that exists.
    pub(super) fn is_unit(&self, key: &LockKey) -> bool {
        let extent = Extent::of_key(&key.in_its_place());
        extent.is_some_and(|extent| {
            extent.module.is_some() && extent.profile.is_some() && self.check_extent(&extent).is_ok()
        })
    }

    /// The lock to name where nothing is found of what a key means.
    pub fn called(&self, key: &LockKey) -> LockKey {
        self.naming.lock_of(key).filter(|_| self.is_unit(key)).unwrap_or_else(|| key.clone())
    }

    /// Freezes a unit, a module, a profile or everything: no run of it takes its lock until somebody
    /// thaws it, nor one of a unit that does not exist yet. The records that were written.
    ///
    /// # Errors
    /// When there is no such unit, or a lock that its runs take is not free.
    pub fn freeze(&self, extent: &Extent, reason: &str) -> Result<Vec<Record>, Error> {
        self.check_extent(extent)?;
        let what = LockKey::of(None, extent.module.as_ref(), extent.profile.as_ref()).to_string();
        let keys = self.naming.frozen(extent);
        Ok(if self.naming.frozen_is_taken(extent) {
            self.locks().freeze(&keys, &what, reason)?
        } else {
            self.locks().freeze_many(&keys, &what, reason)?
        })
    }

    /// Ends a freeze of exactly this extent, whoever began it; the records of the freezes that ended,
    /// none if it was not frozen.
    ///
    /// # Errors
    /// [`LockError::Held`] if a run holds its lock; when there is neither such a unit nor a lock of it.
    /// What is gone may have left a lock behind.
    pub fn thaw(&self, extent: &Extent, reason: Option<&str>) -> Result<Vec<Record>, Error> {
        let keys = self.naming.frozen(extent);
        let ended = self.locks().thaw(&keys, reason)?;
        if ended.is_empty()
            && let Err(error) = self.check_extent(extent)
            && !self
                .backend
                .list(Freshness::Known)?
                .iter()
                .any(|listed| keys.iter().any(|key| key.as_str() == listed.name))
        {
            return Err(error);
        }
        Ok(ended)
    }

    /// Refuses a key that was never taken and that no run of the project would take: what the user wrote
    /// is most likely wrong. Of the locks of other projects nothing is known.
    ///
    /// # Errors
    /// What is missing, or a file of the project that cannot be read.
    pub fn check_never_taken(&self, key: &LockKey) -> Result<(), Error> {
        if !self.naming.owns(key) {
            return Ok(());
        }
        let here = key.in_its_place();
        if let Some(keys) = self.keys_of_workflow(key)? {
            let keys = keys.iter().map(|key| self.naming.short(key.as_str()).to_owned()).collect::<Vec<_>>();
            let word = self.naming.short(key.as_str()).to_owned();
            let hint = format!("its locks: {}; all of them: lockstep log {word}", keys.join(", "));
            let what = "a workflow of stages, and has no lock of its own".to_owned();
            return Err(ProjectError::Staged { word, what, hint }.into());
        }
        let unknown = match Extent::of_key(&here).map(|extent| self.check_extent(&extent)) {
            Some(Ok(())) => return Ok(()),
            Some(Err(error)) => Some(error),
            None => None,
        };
        let further = self.further_keys()?;
        if further.iter().any(|known| known == here.path()) {
            return Ok(());
        }
        let word = here.path().to_owned();
        Err(match unknown {
            Some(error) => error,
            None if further.is_empty() => ProjectError::NotWritten { unit: word }.into(),
            None => {
                let nearest = nearest(&word, further.iter().map(String::as_str)).map(str::to_owned);
                ProjectError::Unknown {
                    what: "lock",
                    word,
                    nearest,
                    known: further.into_iter().collect(),
                    ignored: false,
                }
                .into()
            }
        })
    }

    /// All further keys of the project.
    fn further_keys(&self) -> Result<BTreeSet<String>, Error> {
        let mut keys = BTreeSet::new();
        for unit in self.project.units()? {
            keys.extend(self.project.further_keys(&unit)?.iter().map(|key| key.as_str().to_owned()));
        }
        Ok(keys)
    }

    fn check_extent(&self, extent: &Extent) -> Result<(), Error> {
        match (&extent.module, &extent.profile) {
            (Some(module), Some(profile)) => {
                drop(self.project.to_look_at(module.as_str(), profile.as_str(), &self.env)?);
            }
            (module, profile) => self.project.check_extent(module.as_ref(), profile.as_ref())?,
        }
        Ok(())
    }

    /// The freezes, as far as this run has heard of them, by which all of an extent or a part of it is
    /// frozen: other ones than its own.
    ///
    /// # Errors
    /// As for [`ProjectLocks::list`].
    pub fn frozen_with(&self, extent: &Extent) -> Result<Vec<(Extent, Record)>, LockError> {
        let own = self.naming.frozen(extent);
        let mut found: Vec<(Extent, Record)> = Vec::new();
        for record in self.backend.list(Freshness::Known)?.into_iter().filter_map(|listed| listed.last.ok()) {
            let other = Extent::of_key(&record.key).filter(|other| *other != *extent);
            if let Some(other) = other
                && record.state == LockState::Frozen
                && own.iter().any(|key| key.overlaps(&record.key))
                && found.iter().all(|(known, _)| *known != other)
            {
                found.push((other, record));
            }
        }
        Ok(found)
    }

    pub(super) fn locks(&self) -> Locks<'_> {
        Locks {
            backend: self.backend.as_ref(),
            clock: self.clock,
            host: &self.host,
            owner: &self.owner,
            run: &self.run,
            patience: None,
        }
    }
}
