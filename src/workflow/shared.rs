//! What the units of one run share beside the services: how they have their turns, and what only one of
//! them may do at a time.
//!
//! What one unit does to the branch on the remote the others must learn, for all of them compare with
//! where they have seen it. So one unit at a time speaks with the remote and moves refs of the
//! repository, and tells here what it has pushed. Commands of units run beside each other meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::{Checked, Committed, Patience, Upstream};
use crate::git::{Oid, Repo};
use crate::lock::Lease;
use crate::project::{Dependants, Mark, Project, UnitId};

/// One for each run.
#[derive(Debug, Default)]
pub struct Shared {
    jobs: usize,
    logs: Option<PathBuf>,
    note: Option<String>,
    pushed: Mutex<Vec<(String, String, Oid)>>,
    dependants: OnceLock<Dependants>,
    committed: OnceLock<Option<Committed>>,
    patience: Patience,
    /// What the units hold now, and the units that have lost what they held.
    leases: Mutex<Leases>,
    /// Marks that were looked at already.
    marks: Mutex<BTreeSet<Mark>>,
    /// What was told once for all units.
    told: Mutex<BTreeSet<String>>,
}

impl Shared {
    /// At most `jobs` units at a time; the output of commands that run beside others is kept below
    /// `logs`, if anywhere; `note` is told when the run begins.
    pub fn new(jobs: usize, logs: Option<PathBuf>, note: Option<String>) -> Self {
        Self { jobs, logs, note, ..Self::default() }
    }

    /// Has this patience with a remote that is away.
    #[must_use]
    pub fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    pub(super) fn patience(&self) -> &Patience {
        &self.patience
    }

    /// Whether something is still to be told; once it was it is not.
    pub fn tell_once(&self, what: &str) -> bool {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(what.to_owned())
    }

    /// How many units run at a time at most.
    pub fn jobs(&self) -> usize {
        self.jobs.max(1)
    }

    /// Where the output of commands is kept that run beside others.
    pub fn logs(&self) -> Option<&Path> {
        self.logs.as_deref()
    }

    /// What the user should know of how the units have their turns.
    pub(super) fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// For as long as what is returned lives no other unit speaks with the remote. Not to be asked for
    /// again by who has it.
    pub fn remote(&self) -> RemoteTurn<'_> {
        // What is in it was pushed, whatever panicked since.
        RemoteTurn(self.pushed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Who needs whom: found out once, by the first unit that asks.
    pub fn dependants(&self, project: &Project) -> &Dependants {
        self.dependants.get_or_init(|| project.dependants())
    }

    /// What of the rendered output git would commit: found out once, by the first unit that asks; none
    /// where that cannot be told.
    pub fn committed(&self, project: &Project, repo: Option<&Repo>) -> Option<&Committed> {
        self.committed.get_or_init(|| Committed::look(project, repo)).as_ref()
    }

    /// Of these marks those that mark no parameter of any unit, and of which no unit was told before.
    pub fn idle_marks(&self, project: &Project, marks: Vec<Mark>) -> Vec<Mark> {
        let mut seen = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        let new: Vec<Mark> = marks.into_iter().filter(|mark| !seen.contains(mark)).collect();
        seen.extend(new.iter().cloned());
        project.idle_marks(new)
    }
}

#[derive(Debug, Default)]
struct Leases {
    held: BTreeMap<UnitId, Lease>,
    lost: BTreeSet<UnitId>,
}

/// The locks of all units: what one of them has lost must not be pushed by another.
impl Shared {
    /// A unit has taken its lock.
    pub fn took(&self, unit: &UnitId, lease: &Lease) {
        self.leases().held.insert(unit.clone(), lease.clone());
    }

    /// A unit has let go of its lock, or it was taken away.
    pub fn let_go(&self, unit: &UnitId, was_lost: bool) {
        let mut leases = self.leases();
        leases.held.remove(unit);
        if was_lost {
            leases.lost.insert(unit.clone());
        }
    }

    /// The first unit whose lock was taken away; else what the other units hold.
    pub fn held_by_others(&self, unit: &UnitId) -> Result<Vec<(UnitId, Lease)>, UnitId> {
        let leases = self.leases();
        match leases.lost.iter().next() {
            Some(lost) => Err(lost.clone()),
            None => {
                let others = leases.held.iter().filter(|(other, _)| *other != unit);
                Ok(others.map(|(other, lease)| (other.clone(), lease.clone())).collect())
            }
        }
    }

    fn leases(&self) -> MutexGuard<'_, Leases> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to speak with the remote.
#[derive(Debug)]
#[must_use = "others speak with the remote as soon as it is dropped"]
pub struct RemoteTurn<'a>(MutexGuard<'a, Vec<(String, String, Oid)>>);

impl RemoteTurn<'_> {
    /// Takes note of a push of this run.
    pub fn pushed(&mut self, upstream: &Upstream, to: &Oid) {
        self.0.retain(|(remote, name, _)| (remote, name) != (&upstream.remote, &upstream.name));
        self.0.push((upstream.remote.clone(), upstream.name.clone(), to.clone()));
    }

    /// The branch of a unit that was checked, where it is now as far as this run knows: if another unit
    /// has pushed the very commit that was checked, it is there.
    pub fn upstream(&self, checked: &Checked) -> Option<Upstream> {
        let mut upstream = checked.upstream.clone()?;
        let ours = self.0.iter().any(|(remote, name, to)| {
            (remote, name) == (&upstream.remote, &upstream.name) && *to == checked.head
        });
        if ours {
            upstream.seen = Some(checked.head.clone());
        }
        Some(upstream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_is_where_another_unit_has_pushed_it_if_it_pushed_what_was_checked() {
        let oid = |letter: &str| Oid::new(letter.repeat(40)).unwrap();
        let upstream =
            Upstream { remote: "origin".into(), name: "refs/heads/main".into(), seen: Some(oid("a")) };
        let checked = |head: &str| Checked {
            head: oid(head),
            branch: Some("main".into()),
            upstream: Some(upstream.clone()),
            ahead: 1,
        };
        let shared = Shared::default();
        assert_eq!(shared.remote().upstream(&checked("b")), Some(upstream.clone()));
        shared.remote().pushed(&upstream, &oid("b"));
        let seen = |head: &str| shared.remote().upstream(&checked(head)).unwrap().seen;
        assert_eq!(seen("b"), Some(oid("b")));
        assert_eq!(seen("c"), Some(oid("a")), "what was checked is not what was pushed");
        let elsewhere = Upstream { name: "refs/heads/x".into(), ..upstream.clone() };
        shared.remote().pushed(&elsewhere, &oid("c"));
        assert_eq!(seen("c"), Some(oid("a")), "another branch");
        shared.remote().pushed(&upstream, &oid("c"));
        assert_eq!((seen("b"), seen("c")), (Some(oid("a")), Some(oid("c"))));
    }
}
