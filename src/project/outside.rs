//! What lies outside of a unit's parameters and expressions can reach: variables, files, the
//! repository, commands. It is reached only when an expression asks.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::ThreadId;

use super::access::{Access, Question};
use super::data::DataItem;
use super::functions::git::{GitFacts, GitSource};
use super::output_values::OutputSource;
use super::stand_in::StandIns;
use super::{Files, UnitId};
use crate::env::Environment;

/// What expressions can reach.
pub(super) struct Outside {
    /// The project's files.
    pub(super) files: Files,
    pub(super) env: Environment,
    /// The profile's file that denies overrides, if one does.
    pub(super) denied: Option<String>,
    pub(super) data: BTreeMap<String, DataItem>,
    /// Data whose commands are being worked out, by thread.
    pub(super) asking: Mutex<Vec<(ThreadId, String)>>,
    /// What only a run that renders may do.
    pub(super) access: OnceLock<Access>,
    pub(super) outputs: OnceLock<OutputSource>,
    /// The units that names of outputs mean where they do not mean modules: those of stages.
    pub(super) stages: BTreeMap<String, UnitId>,
    pub(super) git: OnceLock<GitSource>,
    pub(super) facts: OnceLock<Result<Option<GitFacts>, String>>,
    /// Overrides from outside the repository that were used.
    used: Mutex<BTreeSet<String>>,
    reached: AtomicBool,
    /// What was asked in vain, and why: it is not asked again for the same unit.
    vain: Mutex<HashMap<Question, String>>,
    pub(super) stand_ins: StandIns,
}

impl Outside {
    pub(super) fn new(
        files: Files,
        env: Environment,
        denied: Option<String>,
        data: BTreeMap<String, DataItem>,
        stages: BTreeMap<String, UnitId>,
    ) -> Self {
        Self {
            files,
            env,
            denied,
            data,
            asking: Mutex::default(),
            access: OnceLock::new(),
            outputs: OnceLock::new(),
            stages,
            git: OnceLock::new(),
            facts: OnceLock::new(),
            used: Mutex::default(),
            reached: AtomicBool::new(false),
            vain: Mutex::default(),
            stand_ins: StandIns::default(),
        }
    }

    /// An expression reaches for what lies outside of the parameters, whether or not it gets it.
    pub(super) fn reach(&self) {
        self.reached.store(true, Ordering::Relaxed);
    }

    /// Whether any expression did so far.
    pub(super) fn was_reached(&self) -> bool {
        self.reached.load(Ordering::Relaxed)
    }

    /// Why a question was asked in vain, if it was.
    pub(super) fn vain(&self, question: &Question) -> Option<String> {
        self.vain.lock().unwrap_or_else(PoisonError::into_inner).get(question).cloned()
    }

    /// A question was asked in vain.
    pub(super) fn note_vain(&self, question: Question, why: String) {
        self.vain.lock().unwrap_or_else(PoisonError::into_inner).insert(question, why);
    }

    /// A value from outside the repository is used.
    pub(super) fn note(&self, key: String) {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
    }

    /// The values from outside the repository that were used so far.
    pub(super) fn used(&self) -> BTreeSet<String> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
