//! Whether locks are likely to be still as they are known here, so that taking them can be tried without
//! asking first.
//!
//! A guess, made of what is in the clone alone: it decides which of two ways is gone first, and both
//! prove the same. Wrong in one direction it costs one connection, in the other two.

use jiff::Timestamp;

use super::record::clean;
use super::record_json::MAX_OWNER;
use super::{KeySet, LockKey, Locks, Record};

/// How many seconds what is known is taken for new. Within it somebody else's run is the exception, even where
/// several people share a unit; it is the pause between two commands of one piece of work.
const LATELY: i64 = 600;
/// How many records tell who else is about: some seven runs.
const RECORDS: usize = 20;

impl Locks<'_> {
    /// Whether each of the keys is likely to be as it is known from an earlier fetch. `asked` is when the
    /// backend has last told all of them. Asks nobody; what cannot be read makes it unlikely.
    pub fn likely_unchanged(&self, keys: &KeySet, asked: Option<Timestamp>) -> bool {
        let (now, owner) = (self.clock.now(), clean(self.owner, MAX_OWNER));
        if asked.is_some_and(|asked| lately(now, asked)) {
            return true;
        }
        let likely = |key: &LockKey| {
            let chain = self.backend.history(key, RECORDS).ok()?;
            let records = chain.into_iter().collect::<Result<Vec<_>, _>>().ok()?;
            Some((likely(&records, &owner, now), records.is_empty()))
        };
        keys.iter().all(|key| match likely(key) {
            // Taking it for the first time moves the key of everything, in which all first takings stand.
            Some((_, true)) if key.pair().is_some() => {
                likely(&key.everything()).is_some_and(|(likely, _)| likely)
            }
            Some((likely, _)) => likely,
            None => false,
        })
    }
}

/// By a lock's newest records, newest first: the owner wrote the last of them lately, or all.
fn likely(records: &[Record], owner: &str, now: Timestamp) -> bool {
    let own = |record: &Record| record.owner == owner;
    records.first().is_some_and(|last| own(last) && lately(now, last.time)) || records.iter().all(own)
}

/// What is yet to come tells that a clock was wrong. Our own clock tells whole seconds.
fn lately(now: Timestamp, then: Timestamp) -> bool {
    (0..=LATELY).contains(&(now.as_second() - then.as_second()))
}

#[cfg(test)]
mod tests {
    use super::super::contract::fixture::{keys, record, request};
    use super::super::{AcquireRequest, LocalFiles};
    use super::*;
    use crate::env::{Clock, Host};

    const NOW: i64 = 1_800_000_000;

    /// Records by these owners, the newest first, the last of them written so many seconds ago.
    fn chain(owners: &str, ago: i64) -> Vec<Record> {
        let one = |(at, owner): (usize, char)| Record {
            owner: owner.to_string(),
            time: Timestamp::from_second(NOW - ago - i64::try_from(at).unwrap()).unwrap(),
            ..record("alpha/prod")
        };
        owners.chars().enumerate().map(one).collect()
    }

    fn likely_for_ana(owners: &str, ago: i64) -> bool {
        likely(&chain(owners, ago), "a", Timestamp::from_second(NOW).unwrap())
    }

    #[test]
    fn who_is_alone_need_not_ask_however_old_it_is() {
        for ago in [0, 600, 601, 1_000_000, -1_000_000] {
            assert!(likely_for_ana("aaaa", ago), "{ago}");
            assert!(likely_for_ana("", ago), "{ago}");
        }
    }

    #[test]
    fn where_others_are_only_what_the_owner_did_lately_counts() {
        for (ago, expected) in [(0, true), (600, true), (601, false), (-1, false), (1_000_000, false)] {
            assert_eq!(likely_for_ana("ab", ago), expected, "{ago}");
            assert!(!likely_for_ana("ba", ago), "{ago}");
            assert!(!likely_for_ana("b", ago), "{ago}");
        }
    }

    #[test]
    fn times_that_are_far_apart_or_in_one_second_are_no_trouble() {
        for (now, then) in [(Timestamp::MAX, Timestamp::MIN), (Timestamp::MIN, Timestamp::MAX)] {
            assert!(!lately(now, then));
        }
        let within = Timestamp::new(NOW, 900_000_000).unwrap();
        assert!(lately(Timestamp::from_second(NOW).unwrap(), within));
    }

    #[test]
    fn of_several_locks_each_must_be_likely_and_a_new_one_asks_who_else_is_there() {
        let directory = tempfile::tempdir().unwrap();
        let backend = LocalFiles::new(directory.path().join("locks"));
        let host = Host { name: "h".into(), boot: String::new(), pid_namespace: String::new() };
        let by = |owner, time: &str| Locks {
            backend: &backend,
            clock: Clock::Fixed(time.parse().unwrap()),
            host: &host,
            owner,
            run: "r",
            patience: None,
        };
        let (then, later) = ("2026-11-21T12:00:00Z", "2026-11-21T13:00:00Z");
        let run = |owner, key: &str| {
            let (locks, keys, watch) = (by(owner, then), keys(&[key]), keys(&["@all/@all"]));
            let lease = locks.acquire(&AcquireRequest { watch: &watch, ..request(&keys) }).unwrap();
            locks.release(&lease, None, None).unwrap();
        };
        let unlikely = |owner, all: &[&str]| !by(owner, later).likely_unchanged(&keys(all), None);
        assert!(!unlikely("ana", &["alpha/prod"]), "nothing was ever taken");
        run("ana", "alpha/prod");
        assert!(!unlikely("ana", &["alpha/prod", "beta/prod", "vpc"]));
        assert!(unlikely("bob", &["alpha/prod"]));
        assert!(unlikely("bob", &["beta/prod"]), "somebody is there");
        let (soon, now) = (by("bob", then), then.parse().unwrap());
        assert!(soon.likely_unchanged(&keys(&["alpha/prod", "beta/prod"]), Some(now)));
        assert!(!by("bob", later).likely_unchanged(&keys(&["alpha/prod"]), Some(now)));
        run("bob", "vpc");
        assert!(!unlikely("ana", &["alpha/prod"]) && unlikely("ana", &["alpha/prod", "vpc"]));
        std::fs::write(directory.path().join("locks/state.json"), "unreadable").unwrap();
        assert!(unlikely("ana", &["alpha/prod"]));
    }
}
