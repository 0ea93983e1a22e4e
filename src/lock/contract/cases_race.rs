//! Many at once: exactly one wins, whatever the order.

use std::sync::{Arc, Barrier};

use super::fixture::{Actor, Place, keys};
use crate::lock::{Effect, Lease, LockError, LockState};

const RUNS: usize = 8;
const ROUNDS: usize = 4;

/// Lets all actors act at the same moment and gathers what came of it.
fn at_once<T: Send>(actors: &[Actor], act: impl Fn(usize, &Actor) -> T + Sync) -> Vec<T> {
    let barrier = Arc::new(Barrier::new(actors.len()));
    std::thread::scope(|scope| {
        let act = &act;
        let handles: Vec<_> = actors
            .iter()
            .enumerate()
            .map(|(n, actor)| {
                let barrier = Arc::clone(&barrier);
                scope.spawn(move || {
                    barrier.wait();
                    act(n, actor)
                })
            })
            .collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).collect()
    })
}

fn actors(place: &Place) -> Vec<Actor> {
    (0..RUNS).map(|n| place.run(&format!("owner{n}"), &format!("run{n}"))).collect()
}

/// Exactly one has won, and every other one was refused for a reason of the lock.
fn the_winner(results: Vec<Result<Lease, LockError>>) -> (usize, Lease) {
    let mut won = None;
    for (n, result) in results.into_iter().enumerate() {
        match result {
            Ok(lease) => assert!(won.replace((n, lease)).is_none(), "two winners"),
            Err(LockError::Held { .. } | LockError::Contended { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    won.expect("somebody wins")
}

pub(super) fn threads_that_race_have_one_winner(place: &Place) {
    let actors = actors(place);
    for round in 1..=ROUNDS {
        let (n, lease) = the_winner(at_once(&actors, |_, actor| actor.take(&["alpha/prod"])));
        assert_eq!(lease.generation(), round as u64);
        actors[n].locks().release(&lease, None, None).unwrap();
    }
}

pub(super) fn sets_that_overlap_have_one_winner(place: &Place) {
    let actors = actors(place);
    for _ in 0..ROUNDS {
        // Every set holds b; its neighbours differ.
        let own: Vec<String> =
            (0..RUNS).map(|n| format!("{}/prod", if n % 2 == 0 { "a" } else { "c" })).collect();
        let results = at_once(&actors, |n, actor| actor.take(&["b/prod", &own[n]]));
        let (n, lease) = the_winner(results);
        let other = if n % 2 == 0 { "c/prod" } else { "a/prod" };
        let left = actors[n].backend.read(&keys(&[other]), crate::lock::Freshness::Now).unwrap();
        let free = left[0].last.as_ref().is_none_or(|(_, record)| record.state == LockState::Free);
        assert!(free, "a loser has kept half of its set");
        actors[n].locks().release(&lease, None, None).unwrap();
    }
}

pub(super) fn takeover_and_eviction_race(place: &Place) {
    let ana = place.run("ana", "r0");
    for round in 0..ROUNDS {
        let first = ana.again(&format!("first{round}"));
        let lease = first.take(&["alpha/prod"]).unwrap();
        first.locks().fail(&lease, Effect::Unfinished, "").unwrap();
        // Later runs of the same owner from their own clones, and evictions of the failed one.
        let many: Vec<Actor> =
            (0..RUNS).map(|n| Actor { run: format!("again{round}-{n}"), ..place.run("ana", "") }).collect();
        let results = at_once(&many, |n, actor| {
            if n % 2 == 0 {
                let evicted = actor.locks().evict(&keys(&["alpha/prod"]), &first.run, Some("race"));
                // It may have been taken over already: then nobody is evicted in its place.
                assert!(
                    matches!(evicted, Ok(_) | Err(LockError::Held { .. } | LockError::Contended { .. })),
                    "{evicted:?}"
                );
                None
            } else {
                Some(actor.take(&["alpha/prod"]))
            }
        });
        let (n, lease) = the_winner(results.into_iter().flatten().collect());
        let winner = &many[2 * n + 1];
        winner.locks().verify(&lease).unwrap();
        winner.locks().release(&lease, None, None).unwrap();
    }
}
