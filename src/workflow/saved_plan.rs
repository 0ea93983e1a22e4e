//! What this clone knows of a plan that a tool has saved: of which tree it was made, and for which unit.
//!
//! A record is found by the digest of the plan's bytes and lies in git's directory, never in the plan. What
//! must hold: it is written whole, synced and renamed, so that a plan of which nothing can be read counts as
//! one of which nothing is known.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::journal::Journal;
use crate::git::Repo;
use crate::project::UnitId;

/// The form of a record.
const VERSION: u32 = 1;
/// No record of ours is longer.
const LONGEST: u64 = 16 * 1024;
/// So many are kept, the newest ones.
const KEPT: usize = 500;

/// A plan that was saved, and what made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedPlan {
    /// The form of the record.
    version: u32,
    /// Digest of the plan's bytes.
    pub plan: String,
    /// For which unit.
    pub unit: UnitId,
    /// HEAD at that time.
    pub commit: Option<String>,
    /// Whether the working tree was that of the commit.
    pub clean: bool,
    /// Digest of the rendered directory; none if the same run had not rendered it.
    pub rendered: Option<String>,
    /// Whether it takes down what there is.
    pub destroys: bool,
}

/// Why a saved plan is not applied.
#[derive(Debug, thiserror::Error)]
pub enum SavedPlanError {
    /// This clone has not seen it being made.
    #[error(
        "nothing is known of the saved plan: it was not made in this clone by a run of lockstep, or has changed since"
    )]
    Unknown {
        /// The unit.
        unit: UnitId,
    },
    /// It cannot be read, or what is known of it cannot.
    #[error("the saved plan cannot be read: {source}")]
    Unreadable {
        /// The unit.
        unit: UnitId,
        /// Why.
        source: io::Error,
    },
    /// Something is other than it was.
    #[error("the saved plan is not one of what would be applied: {why}")]
    Moved {
        /// The unit.
        unit: UnitId,
        /// What.
        why: String,
        /// Whether it takes things down.
        destroys: bool,
    },
}

impl SavedPlanError {
    /// The command that makes a plan that can be applied.
    pub fn cure(&self) -> String {
        let (Self::Unknown { unit } | Self::Unreadable { unit, .. } | Self::Moved { unit, .. }) = self;
        let destroy = if matches!(self, Self::Moved { destroys: true, .. }) { " -destroy" } else { "" };
        format!(
            "plan again: lockstep build exec -- {} {} tofu plan{destroy} -out=FILE (or terraform), look at it, and apply it",
            unit.module, unit.profile
        )
    }
}

impl SavedPlan {
    /// A record of what was just made.
    pub fn new(plan: String, unit: UnitId, destroys: bool) -> Self {
        Self { version: VERSION, plan, unit, commit: None, clean: false, rendered: None, destroys }
    }

    /// Whether it may be applied to a unit at a commit, as it is rendered now.
    ///
    /// # Errors
    /// The first thing that is other than it was.
    pub fn check(
        &self,
        unit: &UnitId,
        commit: Option<&str>,
        rendered: Option<&str>,
    ) -> Result<(), SavedPlanError> {
        let why = if self.unit != *unit {
            format!("it was made for {}", self.unit)
        } else if !self.clean {
            "the tree was not clean when it was made".to_owned()
        } else if self.commit.as_deref() != commit {
            let short =
                |commit: Option<&str>| commit.map_or("no commit", |c| c.get(..7).unwrap_or(c)).to_owned();
            format!("it was made at {}, and HEAD is {}", short(self.commit.as_deref()), short(commit))
        } else if self.rendered.is_none() {
            "there was no `build` in the run that made it, or files were left as something else had changed them"
                .to_owned()
        } else if self.rendered.as_deref() != rendered {
            "what is rendered now is not what it was made of (parameters from outside the repository?)"
                .to_owned()
        } else {
            return Ok(());
        };
        Err(SavedPlanError::Moved { unit: unit.clone(), why, destroys: self.destroys })
    }
}

/// The records of a clone.
#[derive(Debug)]
pub struct SavedPlans {
    directory: PathBuf,
}

impl SavedPlans {
    /// Those of a project. Nothing is read or written.
    pub fn of(root: &Path, repo: Option<&Repo>) -> Self {
        let journals = Journal::directory(root, repo);
        Self { directory: journals.parent().unwrap_or(root).join("plans") }
    }

    /// Writes a record; older ones make room.
    ///
    /// # Errors
    /// When that cannot be done.
    pub fn record(&self, plan: &SavedPlan) -> io::Result<()> {
        crate::git::make_directories(&self.directory, 0o777)?;
        let path = self.path(&plan.plan);
        let temporary = path.with_extension(format!("new-{}", crate::env::pid()));
        let mut file = File::create(&temporary)?;
        crate::git::hand_down_in(&file, &self.directory);
        file.write_all(&serde_json::to_vec(plan)?)?;
        file.sync_all()?;
        fs::rename(&temporary, &path)?;
        File::open(&self.directory)?.sync_all()?;
        self.make_room();
        Ok(())
    }

    /// What is known of the plan with this digest.
    ///
    /// # Errors
    /// When there is something that cannot be read or understood.
    pub fn find(&self, plan: &str) -> io::Result<Option<SavedPlan>> {
        let file = match File::open(self.path(plan)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let meta = file.metadata()?;
        if !meta.is_file() || meta.len() > LONGEST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let known: SavedPlan = serde_json::from_reader(file)?;
        if known.version != VERSION || known.plan != plan {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(Some(known))
    }

    fn path(&self, plan: &str) -> PathBuf {
        self.directory.join(format!("{plan}.json"))
    }

    fn make_room(&self) {
        let Ok(entries) = fs::read_dir(&self.directory) else { return };
        let written = |entry: &fs::DirEntry| {
            entry.metadata().and_then(|meta| meta.modified()).unwrap_or(SystemTime::UNIX_EPOCH)
        };
        let mut all: Vec<_> =
            entries.filter_map(Result::ok).map(|entry| (written(&entry), entry.path())).collect();
        all.sort();
        for (_, path) in all.iter().take(all.len().saturating_sub(KEPT)) {
            // What stays is in nobody's way.
            let _ = fs::remove_file(path);
        }
    }
}

/// The digest of a file's bytes.
///
/// # Errors
/// When it cannot be read, or is no regular file.
pub fn digest_of(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut hash = Sha256::new();
    let mut piece = vec![0; 64 * 1024];
    loop {
        match file.read(&mut piece)? {
            0 => break,
            length => hash.update(&piece[..length]),
        }
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_applied_only_to_what_it_was_made_of() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("plan");
        fs::write(&file, "bytes").unwrap();
        let plans = SavedPlans::of(root.path(), None);
        let unit: UnitId = "alpha/prod".parse().unwrap();
        let digest = digest_of(&file).unwrap();
        assert_eq!(plans.find(&digest).unwrap(), None);
        let plan = SavedPlan {
            commit: Some("c1".into()),
            clean: true,
            rendered: Some("r1".into()),
            ..SavedPlan::new(digest.clone(), unit.clone(), true)
        };
        plans.record(&plan).unwrap();
        assert_eq!(plans.find(&digest).unwrap().as_ref(), Some(&plan));
        plan.check(&unit, Some("c1"), Some("r1")).unwrap();
        let refused = |plan: &SavedPlan, unit: &str, commit, rendered, why: &str| {
            let error = plan.check(&unit.parse().unwrap(), Some(commit), Some(rendered)).unwrap_err();
            assert!(error.to_string().contains(why), "{error}");
            assert!(error.cure().contains("plan -destroy -out"), "{}", error.cure());
        };
        refused(&plan, "alpha/dev", "c1", "r1", "made for alpha/prod");
        refused(&plan, "alpha/prod", "c2", "r1", "made at c1, and HEAD is c2");
        refused(&plan, "alpha/prod", "c1", "r2", "what is rendered now");
        refused(&SavedPlan { clean: false, ..plan.clone() }, "alpha/prod", "c1", "r1", "not clean");
        refused(&SavedPlan { rendered: None, ..plan.clone() }, "alpha/prod", "c1", "r1", "no `build`");
        fs::write(plans.path(&digest), "{").unwrap();
        assert!(plans.find(&digest).is_err());
    }
}
