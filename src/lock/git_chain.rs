//! Chains of lock refs as a whole: where our commits stand in them, and those that the remote has lost.

use super::git_answer::Standing;
use super::{GitRefs, LockError, LockKey, LostChain, Record, RefMend, Swap, git_record};
use crate::git::{CommitText, LostRef, Oid};

/// How far back in a chain our own commits are looked for.
const LOOK_BACK: usize = 10_000;

impl GitRefs {
    /// Where our commits stand in the chains as they were fetched last.
    pub(super) fn standing(&self, swap: &Swap, new: &[Oid]) -> Result<Standing, LockError> {
        let mut all: Option<Standing> = None;
        for (change, ours) in swap.changes.iter().zip(new) {
            let tip = self.tip(&change.key)?;
            let one = if tip.as_ref() == Some(ours) {
                Standing::Tips
            } else if tip == self.expected(change)? {
                Standing::Untouched
            } else if self.in_chain(&change.key, tip, ours)? {
                Standing::Buried
            } else {
                Standing::Gone
            };
            all = Some(all.map_or(one, |all| all.and(one)));
        }
        Ok(all.unwrap_or(Standing::Gone))
    }

    fn in_chain(&self, key: &LockKey, tip: Option<Oid>, ours: &Oid) -> Result<bool, LockError> {
        let mut next = tip;
        for _ in 0..LOOK_BACK {
            match next {
                None => return Ok(false),
                Some(oid) if oid == *ours => return Ok(true),
                Some(oid) => next = self.past(key, &oid)?.1,
            }
        }
        Ok(false)
    }

    /// What this clone knows of a chain that the remote has lost; nothing once what is there knows as much.
    pub(super) fn lost_chain(&self, key: &LockKey, now: Option<&Record>) -> Option<LostChain> {
        let name = self.names.tracking(key);
        let lost = self.repo.lost_ref(&name)?;
        let record =
            record_of(&lost, key).filter(|record| now.is_none_or(|now| now.generation < record.generation));
        let Some(record) = record else {
            self.repo.forget_lost(&name);
            return None;
        };
        let (remote, name) = (self.names.remote.clone(), self.names.target(key));
        let at = RefMend { remote, name, tip: lost.tip, good: None };
        Some(LostChain { record, shown: lost.shown, at })
    }

    /// A swap that was made has put chains in the place of lost ones.
    pub(super) fn regained(&self, swap: &Swap) {
        for change in &swap.changes {
            // Looking is all that it takes.
            let _ = self.lost_chain(&change.key, Some(&change.record));
        }
    }
}

fn record_of(lost: &LostRef, key: &LockKey) -> Option<Record> {
    let commit = CommitText { message: lost.message.clone(), parents: Vec::new(), empty_tree: true };
    git_record::read(&commit, key).ok()
}
