//! Which parameters are secrets, and what has come into touch with one.
//!
//! A parameter is marked by its key. Whatever is computed while a marked one is read counts as
//! secret too, however it was changed on the way: what is watched is the reading, not the value.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ThreadId};

use toml::de::{DeTable, DeValue};

use super::error::printable;
use super::explain::is_at_or_below;
use super::profile::Profile;
use super::toml_file::TomlFile;
use super::{Configs, ModuleConfig, Overrides, Params, Place, Project, ProjectError, UnitId, key};
use crate::env::Environment;

/// A key in `sensitive`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// Where it is written.
    pub place: Place,
    /// As it is written.
    pub written: String,
    /// Its names, with dots between them.
    key: String,
}

impl Mark {
    /// The marks of a file, with their places.
    ///
    /// # Errors
    /// When one of them cannot be a key.
    pub(super) fn read(table: &DeTable<'_>, file: &TomlFile) -> Result<Vec<Self>, ProjectError> {
        let Some(DeValue::Array(keys)) = table.get("sensitive").map(|value| value.get_ref()) else {
            // What is no list is told with the other types.
            return Ok(Vec::new());
        };
        let mut marks = Vec::new();
        for value in keys.iter() {
            let Some(written) = value.get_ref().as_str() else { continue };
            let place = file.place(value.span().start);
            let Some(names) = key::parse_strictly(written) else {
                let message = format!("`{}` in `sensitive` is not a key", printable(written));
                let hint =
                    "names with dots between them, `db.password`; other signs stand in quotes: `'\"a b\".c'`";
                return Err(ProjectError::config_hint(place, message, Some(hint.to_owned())));
            };
            marks.push(Self { place, written: written.to_owned(), key: names.join(".") });
        }
        Ok(marks)
    }

    fn covers(&self, key: &str) -> bool {
        is_at_or_below(key, &self.key)
    }
}

/// The keys that are marked, each with everything below it.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks(pub(super) Vec<Mark>);

impl Marks {
    /// Those of a unit.
    pub(super) fn of(project: &Project, module: &ModuleConfig, chain: &[Profile]) -> Self {
        let profiles = chain.iter().flat_map(|profile| &profile.sensitive);
        Self(module.marks.iter().chain(&project.config().marks).chain(profiles).cloned().collect())
    }

    pub(super) fn cover(&self, key: &str) -> bool {
        self.0.iter().any(|mark| mark.covers(key))
    }

    /// Those that cover no parameter.
    fn idle(self, params: &Params) -> Vec<Mark> {
        let covers = |mark: &Mark| params.scope.items.iter().any(|item| mark.covers(&item.key));
        self.0.into_iter().filter(|mark| !covers(mark)).collect()
    }
}

impl Project {
    /// The marks that cover no parameter of a unit.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(crate) fn idle_marks_of(&self, unit: &UnitId, params: &Params) -> Result<Vec<Mark>, ProjectError> {
        let module = self.module_config(self.source_of(&unit.module))?;
        Ok(Marks::of(self, &module, &self.chain(&unit.profile)?).idle(params))
    }

    /// Of these marks those that cover no parameter of any unit; none if that cannot be told.
    pub fn idle_marks(&self, marks: Vec<Mark>) -> Vec<Mark> {
        // The view of a stage knows the units of the others not by their parameters.
        if marks.is_empty() || self.is_staged() {
            return Vec::new();
        }
        let (configs, env) =
            (Configs::new(self), Environment::new(self.root(), std::iter::empty::<(&str, &str)>()));
        let overrides = Overrides { set: &[], files: &[], env: &env };
        let mut idle = Marks(marks);
        for unit in self.units().unwrap_or_default() {
            match configs.params(&unit, &overrides) {
                Ok(params) => idle = Marks(idle.idle(&params)),
                Err(_) => return Vec::new(),
            }
        }
        idle.0
    }
}

/// Shorter secrets may stand in any text by chance.
const TELLING: usize = 4;

/// What has come into touch with a secret.
#[derive(Default)]
pub(super) struct Watch {
    /// The threads that have read one since they were asked last.
    threads: Mutex<Vec<ThreadId>>,
    /// The secrets that were read, as texts.
    revealed: Mutex<BTreeSet<String>>,
}

impl Watch {
    /// A marked parameter is read here.
    pub(super) fn touch(&self) {
        let (mut threads, this) = (self.lock(), thread::current().id());
        if !threads.contains(&this) {
            threads.push(this);
        }
    }

    /// Whether this thread has read one, and forgets it.
    pub(super) fn take(&self) -> bool {
        let (mut threads, this) = (self.lock(), thread::current().id());
        let before = threads.len();
        threads.retain(|thread| *thread != this);
        threads.len() < before
    }

    /// A secret is known from here on.
    pub(super) fn reveal(&self, secret: &str) {
        let mut revealed = self.revealed.lock().unwrap_or_else(PoisonError::into_inner);
        if !secret.is_empty() && !revealed.contains(secret) {
            revealed.insert(secret.to_owned());
        }
    }

    /// Whether a text shows one of the secrets that were read.
    pub(super) fn is_revealed(&self, text: &str) -> bool {
        let revealed = self.revealed.lock().unwrap_or_else(PoisonError::into_inner);
        revealed.contains(text)
            || revealed.iter().any(|secret| secret.len() >= TELLING && text.contains(secret.as_str()))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<ThreadId>> {
        // The list is whole at every moment.
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Params {
    /// Does something, and tells whether a sensitive parameter was read meanwhile.
    pub(crate) fn watch<T>(&self, work: impl FnOnce() -> T) -> (T, bool) {
        self.scope.watch.take();
        let done = work();
        (done, self.scope.watch.take())
    }
}
