//! What was done to the locks of a project, newest first.

use super::locks::ProjectLocks;
use crate::Error;
use crate::lock::{Act, KeySet, LockError, LockKey, Past, Record, UnitKeys};

/// One entry of a lock's history.
#[derive(Clone, Debug)]
pub struct LogEntry {
    /// What was written.
    pub record: Record,
    /// What was there before; none for the first record, where the history was cut, or where that
    /// record cannot be understood.
    pub before: Option<Record>,
}

/// A part of the history of locks, newest first.
#[derive(Debug)]
pub struct LockLog {
    /// The entries.
    pub entries: Vec<LogEntry>,
    /// Whether there are older ones.
    pub more: bool,
    /// Locks of whose history something cannot be read, and what and why, newest first: both safe to
    /// print.
    pub unreadable: Vec<(String, String)>,
}

impl ProjectLocks {
    /// The locks that a run of a workflow of stages takes, if a key is written like one: `cluster/prod`.
    /// None if it names no such workflow of the project.
    ///
    /// # Errors
    /// When the workflow cannot be read, or a stage makes no unit in that profile.
    pub fn keys_of_workflow(&self, key: &LockKey) -> Result<Option<KeySet>, Error> {
        let Some((Some(word), Some(profile))) = key.pair().filter(|_| self.naming.owns(key)) else {
            return Ok(None);
        };
        let Some(units) = self.project.units_of_workflow(word, profile)? else { return Ok(None) };
        let mut keys = UnitKeys::default();
        for (project, unit) in &units {
            keys = keys.and(&UnitKeys::of(project, unit)?);
        }
        Ok(Some(keys.take))
    }

    /// The last `limit` things that were done to one lock, or to all, in one connection. A key that is
    /// called after a unit means the lock that its runs take as well.
    ///
    /// # Errors
    /// When the backend cannot be reached or read.
    pub fn log(&self, key: Option<&LockKey>, limit: usize) -> Result<LockLog, LockError> {
        let Some(key) = key else { return self.log_of(None, limit) };
        let mut log = self.log_of(Some(&self.meant(key)), limit)?;
        if !self.is_unit(key) && log.entries.iter().all(|entry| entry.record.unit != key.path()) {
            log.entries.retain(|entry| entry.record.key == *key);
        }
        Ok(log)
    }

    /// The same of any of several locks, or of all.
    ///
    /// # Errors
    /// As for [`ProjectLocks::log`].
    pub fn log_of(&self, keys: Option<&KeySet>, limit: usize) -> Result<LockLog, LockError> {
        let listed = if keys.is_some() { self.list_all()? } else { self.list()? };
        let mut names: Vec<String> = listed.into_iter().map(|listed| listed.name).collect();
        let is_asked = |name: &str| keys.is_none_or(|keys| keys.iter().any(|key| key.as_str() == name));
        names.retain(|name| is_asked(name));
        let mut unreadable = Vec::new();
        let mut chains = Vec::new();
        for name in names {
            // One more than is shown: what was there before the last one.
            let chain = LockKey::new(&name).map_err(|_| "its name is no lock's".to_owned()).and_then(|key| {
                self.backend.history(&key, limit.saturating_add(1)).map_err(LockError::only_why)
            });
            match chain {
                Ok(chain) => {
                    let bad = chain.iter().filter_map(|past| past.as_ref().err());
                    unreadable.extend(bad.map(|bad| (name.clone(), bad.to_string())));
                    chains.push(chain);
                }
                Err(why) => unreadable.push((name, why)),
            }
        }
        if keys.is_none() {
            // How a freeze holds is of interest to who asks about the one lock.
            let is_own = |record: &Record| !matches!(record.act, Act::Fenced | Act::Opened);
            chains.retain(|chain| chain.iter().flatten().any(is_own));
        }
        let (entries, more) = merge(chains, limit);
        Ok(LockLog { entries, more, unreadable })
    }
}

/// The newest entries of all chains. A chain's own order stands, whatever its times say; what cannot be
/// understood is passed over, and nobody knows what came before the next one.
fn merge(chains: Vec<Vec<Past>>, limit: usize) -> (Vec<LogEntry>, bool) {
    let mut chains: Vec<_> = chains.into_iter().map(|chain| chain.into_iter().peekable()).collect();
    let mut entries = Vec::new();
    loop {
        for chain in &mut chains {
            while chain.next_if(Result::is_err).is_some() {}
        }
        let times = chains.iter_mut().enumerate();
        let times = times.filter_map(|(at, chain)| Some((chain.peek()?.as_ref().ok()?.time, at)));
        // Of two at the same second the one of the first name comes first.
        let newest = times.max_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
        let Some((_, at)) = newest else { return (entries, false) };
        if entries.len() == limit {
            return (entries, true);
        }
        let Some(Ok(record)) = chains[at].next() else { return (entries, false) };
        entries.push(LogEntry { record, before: chains[at].peek().and_then(|past| past.clone().ok()) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    use crate::lock::contract::fixture::record;

    fn at(key: &str, second: i64, generation: u64) -> Past {
        Ok(Record { time: Timestamp::from_second(second).unwrap(), generation, ..record(key) })
    }

    #[test]
    fn chains_are_merged_by_time_and_keep_their_own_order() {
        // The second record of `a/p` was written by a host whose clock is behind.
        let a = vec![at("a/p", 30, 3), at("a/p", 5, 2), at("a/p", 10, 1)];
        let b = vec![at("b/p", 30, 9), at("b/p", 7, 8)];
        let told = |entries: &[LogEntry]| -> Vec<(String, u64, Option<u64>)> {
            let one = |e: &LogEntry| {
                (e.record.key.to_string(), e.record.generation, e.before.as_ref().map(|b| b.generation))
            };
            entries.iter().map(one).collect()
        };
        let (entries, more) = merge(vec![a.clone(), b.clone()], 9);
        let (ap, bp) = ("a/p".to_owned(), "b/p".to_owned());
        let all = [
            (ap.clone(), 3, Some(2)),
            (bp.clone(), 9, Some(8)),
            (bp, 8, None),
            (ap.clone(), 2, Some(1)),
            (ap, 1, None),
        ];
        assert_eq!(told(&entries), all);
        assert!(!more);
        let (entries, more) = merge(vec![a, b], 2);
        assert_eq!(told(&entries), all[..2]);
        assert!(more);
        assert!(!merge(Vec::new(), 0).1);
    }
    #[test]
    fn what_cannot_be_understood_is_passed_over_and_was_before_nothing() {
        let bad = || Err(crate::lock::Unreadable { name: None, why: "torn".into(), newer: false });
        let chain = vec![bad(), at("a/p", 30, 3), bad(), bad(), at("a/p", 10, 2), at("a/p", 5, 1), bad()];
        let (entries, more) = merge(vec![chain, vec![bad()]], 9);
        let told: Vec<_> =
            entries.iter().map(|e| (e.record.generation, e.before.as_ref().map(|b| b.generation))).collect();
        assert_eq!(told, [(3, None), (2, Some(1)), (1, None)]);
        assert!(!more);
    }
}
