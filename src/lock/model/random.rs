//! The same promises, asked of the real protocol over real files by random sequences of acts.
//!
//! Three runs at a time, of two owners, on one unit. Commits are numbers, and each contains those
//! before it. Whatever the order: one lease at most is current, and it is the only one that can
//! write; generation and `applied` never shrink; nothing unfinished is freed by reading.

use proptest::prelude::*;

use crate::git::{Ancestry, Oid};
use crate::lock::contract::fixture::{Actor, host, keys, request};
use crate::lock::{
    AcquireRequest, Effect, Freshness, Lease, LocalFiles, LockError, LockState, Proof, Record,
};
use std::sync::Arc;

#[derive(Clone, Copy, Debug)]
enum Act {
    /// From this commit, with a command that changes things or not; the others' ends are provable or not.
    Take(u8, bool, bool),
    Release(bool),
    Fail(bool),
    GiveBack,
    /// Ends without a word.
    Die,
    Evict,
}

fn acts() -> impl Strategy<Value = Vec<(usize, Act)>> {
    let act = prop_oneof![
        4 => (0..6_u8, any::<bool>(), any::<bool>()).prop_map(|(c, change, proof)| Act::Take(c, change, proof)),
        3 => any::<bool>().prop_map(Act::Release),
        2 => any::<bool>().prop_map(Act::Fail),
        1 => Just(Act::GiveBack),
        1 => Just(Act::Die),
        1 => Just(Act::Evict),
    ];
    prop::collection::vec((0..3_usize, act), 1..30)
}

fn commit(number: u8) -> Oid {
    Oid::new(number.to_string().repeat(40)).unwrap()
}

fn number(oid: &Oid) -> u8 {
    oid.as_str().as_bytes()[0] - b'0'
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn real_locks_keep_the_promises(acts in acts()) {
        let dir = tempfile::tempdir().unwrap();
        let set = keys(&["alpha/prod"]);
        let backend = Arc::new(LocalFiles::new(dir.path().join("locks")));
        let owners = ["ana", "ana", "ben"];
        let actor = |who: usize, run: usize| Actor {
            backend: backend.clone(),
            owner: owners[who].into(),
            run: format!("r{run}"),
            host: host(owners[who]),
        };
        let mut runs: [(usize, Option<Lease>); 3] = [(0, None), (1, None), (2, None)];
        let mut unfinished = false;
        for (step, (who, act)) in acts.into_iter().enumerate() {
            let last = || -> Option<Record> {
                let seen = crate::lock::LockBackend::read(backend.as_ref(), &set, Freshness::Now).unwrap();
                seen[0].last.clone().map(|(_, record)| record)
            };
            let before = last();
            let (run, lease) = runs[who].clone();
            let me = actor(who, run);
            let current = lease.as_ref().is_some_and(|lease| me.locks().verify(lease).is_ok());
            let wrote = match (act, lease) {
                (Act::Take(head, change, proof), None) => {
                    let contains = |applied: &Oid| {
                        Ok(if number(applied) <= head { Ancestry::Contains } else { Ancestry::Lacks })
                    };
                    // A proof is only ever given for a run that is over.
                    let others = runs.clone();
                    let ended = |holder: &Record| {
                        let is_holder = |run: &usize| format!("r{run}") == holder.run;
                        let lives = others.iter().any(|(run, lease)| lease.is_some() && is_holder(run));
                        if proof && !lives { Proof::Ended } else { Proof::Unknown }
                    };
                    runs[who].0 = step + 3;
                    let me = actor(who, step + 3);
                    let asked = AcquireRequest {
                        commit: Some(commit(head)), contains: &contains, ended: &ended, will_change: change,
                        ..request(&set)
                    };
                    let taken = me.locks().acquire(&asked);
                    if let Ok(lease) = taken {
                        let applied = before.as_ref().and_then(|r| r.applied.as_ref()).map_or(0, number);
                        prop_assert!(head >= applied, "an older tree");
                        runs[who].1 = Some(lease);
                    } else {
                        let refused = matches!(taken, Err(LockError::Held { .. } | LockError::Stale { .. }));
                        prop_assert!(refused);
                    }
                    None
                }
                (Act::Release(changed), Some(lease)) => {
                    let applied = lease.head.as_ref().filter(|_| changed).cloned();
                    let done = me.locks().release(&lease, applied.as_ref(), None);
                    unfinished &= !(changed && done.is_ok());
                    Some(done.map(|_| ()))
                }
                (Act::Fail(changed), Some(lease)) => {
                    let effect = if changed { Effect::Unfinished } else { Effect::None };
                    unfinished |= current && changed;
                    Some(me.locks().fail(&lease, effect, "failed"))
                }
                (Act::GiveBack, Some(lease)) => Some(me.locks().give_back(&lease, "nothing ran")),
                (Act::Die, Some(lease)) => {
                    // What its record says is all that is known.
                    unfinished |= current && lease.entries[0].record.effect == Effect::Unfinished;
                    runs[who].1 = None;
                    None
                }
                (Act::Evict, _) => {
                    if let Some(holder) = before.as_ref().filter(|r| r.state != LockState::Free) {
                        actor(2, 1000 + step).locks().evict(&set, &holder.run, Some("why")).unwrap();
                        unfinished = false;
                    }
                    None
                }
                _ => None,
            };
            if let Some(wrote) = wrote {
                prop_assert_eq!(wrote.is_ok(), current, "{:?} by one that holds: {}", act, current);
                runs[who].1 = None;
            }
            let after = last();
            if let (Some(before), Some(after)) = (&before, &after) {
                prop_assert!((before.generation..=before.generation + 1).contains(&after.generation));
                prop_assert!(after.applied.as_ref().map(number) >= before.applied.as_ref().map(number));
            }
            if after.is_some_and(|record| record.state == LockState::Free) {
                prop_assert!(!unfinished, "freed by one that changed nothing");
            }
            let holders = runs.iter().enumerate().filter(|(who, (run, lease))| {
                lease.as_ref().is_some_and(|lease| actor(*who, *run).locks().verify(lease).is_ok())
            });
            prop_assert!(holders.count() <= 1);
        }
    }
}
