//! Locks as refs of a git remote: `<prefix>/<key>` points to a chain of commits on the empty tree,
//! one record a commit, each the child of the one before.
//!
//! A swap is one atomic push with a lease on the exact tip that was read, for every key, and with
//! it a guard on a branch or its move forward. What became of a push is told by flags, never by
//! what a server writes beside them: a refusal is explained by looking at the refs again, and a
//! connection that broke is resolved by pushing the very same commits once more. Our records carry
//! a nonce, so a commit that is in the chain is ours and nobody else's.

mod branch;

use std::time::Duration;

use super::git_answer::{Answer, Standing, denial, judge};
use super::git_names::Names;
use super::record::escape;
use super::{
    BranchChange, BranchRefusal, Change, Freshness, KeySet, Listed, LockBackend, LockError, LockKey,
    LostChain, LostTo, Mend, Observed, Past, Record, RefMend, Swap, Swapped, Unreadable, Version, git_record,
};
use crate::git::{CommitStyle, Expect, Fetched, GitError, Oid, Push, RefUpdate, Repo};
use crate::process::Interrupts;
use crate::project::GitLockConfig;

/// Pauses before the same push is said again after a connection broke or a refusal that nothing explains.
const PAUSES: [Duration; 3] = [Duration::ZERO, Duration::from_millis(100), Duration::from_millis(500)];
/// Where so many commits in a row are no records nobody looks below them: somebody has pointed the ref to
/// a history of his own.
const BAD_IN_A_ROW: usize = 10;

/// Lock refs on one remote of one repository.
#[derive(Clone)]
pub struct GitRefs {
    pub(super) repo: Repo,
    pub(super) names: Names,
    interrupts: Interrupts,
    style: CommitStyle,
    message_prefix: String,
}

impl GitRefs {
    /// Lock refs below `prefix` on `remote`. Touches no network.
    ///
    /// # Errors
    /// [`LockError::Config`] for a prefix that cannot hold locks.
    pub fn new(repo: Repo, remote: &str, prefix: &str, interrupts: Interrupts) -> Result<Self, LockError> {
        let names = Names::new(remote, prefix)?;
        Ok(Self { repo, names, interrupts, style: CommitStyle::default(), message_prefix: String::new() })
    }

    /// The same, with records whose commits are made as the configuration says.
    #[must_use]
    pub fn with_records(self, config: &GitLockConfig) -> Self {
        let message_prefix = config.message_prefix.as_str().to_owned();
        Self { style: git_record::style(config), message_prefix, ..self }
    }

    /// The same, with the keys of the former place below another prefix of the same remote: one
    /// atomic push moves both.
    ///
    /// # Errors
    /// As for [`GitRefs::new`], and for two prefixes of which one is below the other.
    pub fn with_former(self, prefix: &str) -> Result<Self, LockError> {
        Ok(Self { names: self.names.with_former(prefix)?, ..self })
    }

    /// Brings all lock refs, and the branch if there is one, in one connection. Returns whether the
    /// branch is there.
    fn fetch(&self, branch: Option<&str>) -> Result<bool, LockError> {
        let mut refspecs = self.names.refspecs()?;
        if let Some(name) = branch {
            refspecs.push(format!("+{name}:{}", self.names.tracked_branch(name)));
        }
        match self.fetch_refs(&refspecs)? {
            Fetched::MissingRef => {
                // Nobody shall take what is no longer there for what was just fetched.
                if let Some(name) = branch {
                    let _ = self.repo.set_ref(&self.names.tracked_branch(name), None);
                    self.fetch(None)?;
                }
                Ok(false)
            }
            Fetched::Done => Ok(true),
        }
    }

    fn fetch_refs(&self, refspecs: &[String]) -> Result<Fetched, LockError> {
        match self.repo.fetch_locks(&self.names.remote, refspecs) {
            // Another run in the same clone may move the same tracking refs at the same moment.
            Err(GitError::Failed { .. }) => self.repo.fetch_locks(&self.names.remote, refspecs),
            fetched => fetched,
        }
        .map_err(|error| self.error(error))
    }

    fn error(&self, error: GitError) -> LockError {
        match error {
            GitError::Unreachable { message, .. } => LockError::Unreachable { place: self.place(), message },
            other => LockError::Git(other),
        }
    }

    fn bad(&self, key: &LockKey, why: String, mend: Mend) -> LockError {
        LockError::Record { key: key.clone(), place: self.place(), why, mend }
    }

    pub(super) fn tip(&self, key: &LockKey) -> Result<Option<Oid>, LockError> {
        Ok(self.repo.resolve(&self.names.tracking(key))?)
    }

    /// What a commit of a key's chain says, and the commit before it.
    pub(super) fn past(&self, key: &LockKey, oid: &Oid) -> Result<(Past, Option<Oid>), LockError> {
        let Some(commit) = self.repo.commit(oid)? else {
            let bad = Unreadable::new("it is not a commit").named(format!("object {}", oid.short()));
            return Ok((Err(bad), None));
        };
        let named = |bad: Unreadable| bad.named(format!("commit {}", oid.short()));
        Ok((git_record::read(&commit, key).map_err(named), commit.parents.into_iter().next()))
    }

    /// How a tip that is no record can be mended: by the newest commit below it that is one.
    fn mend(&self, key: &LockKey, tip: Oid) -> Result<Mend, LockError> {
        let good = self.walk(key, Some(tip.clone()), 1)?.into_iter().find(|(_, past)| past.is_ok());
        let (remote, name) = (self.names.remote.clone(), self.names.target(key));
        Ok(Mend::Ref(Box::new(RefMend { remote, name, tip, good: good.map(|(oid, _)| oid) })))
    }

    /// The chain below a commit, itself included, as far as [`LockBackend::history`] tells it.
    fn walk(&self, key: &LockKey, from: Option<Oid>, limit: usize) -> Result<Vec<(Oid, Past)>, LockError> {
        let mut chain = Vec::new();
        let mut next = from;
        let (mut good, mut bad) = (0, 0);
        while let Some(oid) = next
            && good < limit
            && bad < BAD_IN_A_ROW
        {
            let (past, before) = self.past(key, &oid)?;
            (good, bad) = if past.is_ok() { (good + 1, 0) } else { (good, bad + 1) };
            chain.push((oid, past));
            next = before;
        }
        Ok(chain)
    }

    fn observe(&self, key: &LockKey) -> Result<Observed, LockError> {
        let last = match self.tip(key)? {
            None => None,
            Some(oid) => match self.past(key, &oid)?.0 {
                Ok(record) => Some((Version(oid.as_str().to_owned()), record)),
                Err(bad) => {
                    let mend = if bad.newer { Mend::Upgrade } else { self.mend(key, oid)? };
                    return Err(self.bad(key, bad.to_string(), mend));
                }
            },
        };
        Ok(Observed { key: key.clone(), last })
    }

    /// Writes the records as commits; nothing points to them yet.
    fn write(&self, changes: &[Change]) -> Result<Vec<Oid>, LockError> {
        let write = |change: &Change| {
            let message = git_record::message(&change.record, &self.message_prefix);
            let message = message.map_err(|why| self.bad(&change.key, why, Mend::Unknown))?;
            let parent = self.expected(change)?;
            Ok(self.repo.write_commit(&message, parent.as_ref(), change.record.time, &self.style)?)
        };
        changes.iter().map(write).collect()
    }

    pub(super) fn expected(&self, change: &Change) -> Result<Option<Oid>, LockError> {
        let oid = |version: &Version| {
            Oid::new(version.0.as_str())
                .map_err(|error| self.bad(&change.key, error.to_string(), Mend::Unknown))
        };
        change.expect.as_ref().map(oid).transpose()
    }

    fn push(&self, swap: &Swap, new: &[Oid], hook: bool) -> Result<Push, LockError> {
        let mut updates = Vec::with_capacity(new.len() + 1);
        match &swap.branch {
            Some(BranchChange::Unmoved { name, seen }) => updates.push(RefUpdate {
                source: seen.clone(),
                target: name.clone(),
                lease: Some(Expect::At(seen.clone())),
            }),
            // Without a lease git lets the branch move forward only: it is never forced.
            Some(BranchChange::Forward { name, to }) => {
                updates.push(RefUpdate { source: to.clone(), target: name.clone(), lease: None });
            }
            None => {}
        }
        for (change, oid) in swap.changes.iter().zip(new) {
            let lease = self.expected(change)?.map_or(Expect::Absent, Expect::At);
            updates.push(RefUpdate {
                source: oid.clone(),
                target: self.names.target(&change.key),
                lease: Some(lease),
            });
        }
        let hook = hook && matches!(swap.branch, Some(BranchChange::Forward { .. }));
        Ok(Push { remote: self.names.remote.clone(), updates, hook })
    }

    /// Remembers what a push that was won has made of the refs. It is a cache: failing to write it
    /// costs a fetch later.
    fn remember(&self, swap: &Swap, new: &[Oid]) {
        for (change, oid) in swap.changes.iter().zip(new) {
            let _ = self.repo.set_ref(&self.names.tracking(&change.key), Some(oid));
        }
        if let Some(BranchChange::Forward { name, to }) = &swap.branch {
            let _ = self.repo.set_ref(&self.names.tracked_branch(name), Some(to));
        }
    }

    fn done(&self, swap: &Swap, new: &[Oid]) -> Swapped {
        self.remember(swap, new);
        self.regained(swap);
        Swapped::Done(new.iter().map(|oid| Version(oid.as_str().to_owned())).collect())
    }
}

impl LockBackend for GitRefs {
    fn name(&self) -> &'static str {
        "git"
    }

    fn place(&self) -> String {
        self.names.place()
    }

    fn branch_remote(&self) -> Option<&str> {
        Some(&self.names.remote)
    }

    fn read(&self, keys: &KeySet, freshness: Freshness) -> Result<Vec<Observed>, LockError> {
        if freshness == Freshness::Now {
            self.fetch(None)?;
        }
        keys.iter().map(|key| self.observe(key)).collect()
    }

    fn list(&self, freshness: Freshness) -> Result<Vec<Listed>, LockError> {
        if freshness == Freshness::Now {
            self.fetch(None)?;
        }
        let listed = |(name, oid): (String, Oid)| {
            let Some(key) = self.names.key_of(&name) else {
                let path = name.splitn(6, '/').last().unwrap_or(&name);
                return Listed { name: escape(path), last: Err("its ref's name is no lock's".to_owned()) };
            };
            let last = self.past(&key, &oid).map_err(LockError::only_why);
            let last = last.and_then(|(past, _)| past.map_err(|bad| bad.to_string()));
            Listed { name: key.to_string(), last }
        };
        let mut all = Vec::new();
        for place in self.names.tracked_places() {
            all.extend(self.repo.refs(&place)?.into_iter().map(listed));
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }

    fn reads_all(&self) -> bool {
        true
    }

    fn swap(&self, swap: &Swap) -> Result<Swapped, LockError> {
        let new = self.write(&swap.changes)?;
        let locks: Vec<String> = swap.changes.iter().map(|change| self.names.target(&change.key)).collect();
        // Set once the outcome of a push could not be told.
        let mut open: Option<String> = None;
        // From then on, and once a remote has said no to something of ours, ours may be there already.
        let mut arrived = false;
        let mut denied: Option<String> = None;
        let mut refused = locks[0].clone();
        // A ref that is shown to who pushes and not to who fetches.
        let mut hidden = false;
        let mut last = false;
        for pause in PAUSES {
            if open.is_some() && last {
                break;
            }
            // Who is asked to end has one push left: the terminal's Ctrl-C ended git as well, and
            // without it nobody would know whether the lock is ours.
            last = self.interrupts.requested().is_some();
            std::thread::sleep(pause);
            // The user's hook has said yes to these commits when a push is said again.
            let again = open.is_some() || denied.is_some();
            let answer = match self.repo.push(&self.push(swap, &new, !again)?) {
                Ok(pushed) => judge(&pushed, &locks, arrived),
                Err(error) if arrived => Answer::Broken(error.to_string()),
                Err(error) => return Err(self.error(error)),
            };
            match answer {
                Answer::Won => return Ok(self.done(swap, &new)),
                Answer::Hook(said) => return Ok(Swapped::Lost(LostTo::Branch(BranchRefusal::Hook(said)))),
                Answer::Broken(message) => {
                    open = Some(message);
                    arrived = true;
                }
                Answer::Refused { words, by_remote, stale, lock } => {
                    refused = lock.unwrap_or(refused);
                    arrived |= by_remote;
                    hidden = stale;
                    let there = match self.fetch(swap.branch.as_ref().map(BranchChange::name)) {
                        Ok(there) => there,
                        Err(error) if !arrived => return Err(error),
                        Err(error) => {
                            open.get_or_insert_with(|| error.to_string());
                            continue;
                        }
                    };
                    match self.standing(swap, &new)? {
                        // Found there although nothing of ours can have arrived: another's twin.
                        Standing::Tips | Standing::Buried if !arrived => {
                            return Ok(Swapped::Lost(LostTo::Lock));
                        }
                        standing @ (Standing::Tips | Standing::Buried) => {
                            self.check_atomic(swap, there)?;
                            let tips = standing == Standing::Tips;
                            return Ok(if tips { self.done(swap, &new) } else { Swapped::Superseded });
                        }
                        Standing::Gone => return Ok(Swapped::Lost(LostTo::Lock)),
                        Standing::Untouched => {}
                    }
                    if open.is_none()
                        && let Some(branch) = &swap.branch
                        && self.branch_moved(branch, there)?
                    {
                        return Ok(Swapped::Lost(LostTo::Branch(BranchRefusal::Moved)));
                    }
                    denied = Some(words);
                }
            }
        }
        if let Some(message) = open {
            return Err(LockError::Ambiguous { key: swap.changes[0].key.clone(), message });
        }
        if hidden && !arrived {
            return Err(LockError::Hidden { place: self.place() });
        }
        let said = denied.unwrap_or_default();
        Ok(Swapped::Lost(denial(swap.branch.as_ref(), &refused, said)))
    }

    fn history(&self, key: &LockKey, limit: usize) -> Result<Vec<Past>, LockError> {
        let chain = self.walk(key, self.tip(key)?, limit)?;
        Ok(chain.into_iter().map(|(_, past)| past).collect())
    }
    fn lost(&self, key: &LockKey, now: Option<&Record>) -> Option<LostChain> {
        self.lost_chain(key, now)
    }

    fn show_lost(&self, key: &LockKey) -> Result<(), LockError> {
        let what = || "keep what was shown of a lost lock".to_owned();
        self.repo
            .show_lost(&self.names.tracking(key))
            .map_err(|source| LockError::Io { what: what(), source })
    }
}
