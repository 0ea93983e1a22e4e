//! A freeze: nobody's run takes it, whoever froze it, and anyone's thaw ends it.

use super::fixture::{Place, ended, keys, oid, with_proof};
use crate::lock::{Act, Effect, LockError, LockState};

fn is_frozen(error: &LockError) -> bool {
    matches!(error, LockError::Held { holder, .. } if holder.state == LockState::Frozen)
}

pub(super) fn nobody_takes_what_is_frozen(place: &Place) {
    let set = keys(&["alpha/prod"]);
    let (ana, bob) = (place.run("ana", "r1"), place.run("bob", "r2"));
    let lease = ana.take(&["alpha/prod"]).unwrap();
    ana.locks().release(&lease, Some(&oid('1')), None).unwrap();
    let freezer = ana.again("r3");
    let written = freezer.locks().freeze(&set, "alpha/prod", "a migration").unwrap();
    assert_eq!((written[0].generation, written[0].applied.clone()), (2, Some(oid('1'))));
    assert!(is_frozen(&bob.take(&["alpha/prod"]).unwrap_err()));
    // Its own owner has no more right to it, whatever proof there is that the process has ended.
    let later = ana.again("r4");
    let error = later.locks().acquire(&with_proof(&set, &ended)).unwrap_err();
    assert!(is_frozen(&error), "{error:?}");
    assert!(error.to_string().contains("frozen by `ana`") && error.to_string().contains("a migration"));
    let before = bob.locks().thaw(&set, Some("it is over")).unwrap();
    assert_eq!(before[0].owner, "ana");
    let record = ana.last("alpha/prod");
    assert_eq!((record.state, record.act, record.owner.as_str()), (LockState::Free, Act::Thawed, "bob"));
    assert_eq!((record.generation, record.applied.clone()), (2, Some(oid('1'))));
    assert_eq!(record.reason.as_deref(), Some("it is over"));
    assert!(bob.locks().thaw(&set, None).unwrap().is_empty(), "thawing twice is thawing once");
    assert_eq!(bob.take(&["alpha/prod"]).unwrap().generation(), 3);
}

pub(super) fn only_what_is_free_is_frozen(place: &Place) {
    let set = keys(&["alpha/prod", "beta/prod"]);
    let (ana, bob) = (place.run("ana", "r1"), place.run("bob", "r2"));
    let lease = ana.take(&["beta/prod"]).unwrap();
    for who in [&bob, &ana.again("r3")] {
        let error = who.locks().freeze(&set, "x", "why").unwrap_err();
        assert!(matches!(error, LockError::Held { .. }), "{error:?}");
        assert!(matches!(who.locks().thaw(&set, None), Err(LockError::Held { .. })));
    }
    ana.locks().fail(&lease, Effect::Unfinished, "").unwrap();
    assert!(matches!(ana.again("r4").locks().freeze(&set, "x", "why"), Err(LockError::Held { .. })));
    assert_eq!(ana.last("beta/prod").act, Act::Failed);
    // All or nothing: the other one has not been touched.
    bob.take(&["alpha/prod"]).unwrap();
    let gamma = keys(&["gamma/prod"]);
    bob.locks().freeze(&gamma, "gamma/prod", "why").unwrap();
    assert!(is_frozen(&bob.again("r5").locks().freeze(&gamma, "gamma/prod", "again").unwrap_err()));
}

pub(super) fn an_eviction_of_a_freeze_names_it(place: &Place) {
    let set = keys(&["alpha/prod"]);
    let (ana, bob) = (place.run("ana", "r1"), place.run("bob", "r2"));
    ana.locks().freeze(&set, "alpha/prod", "why").unwrap();
    assert!(is_frozen(&bob.locks().evict(&set, "r9", Some("x")).unwrap_err()));
    bob.locks().evict(&set, "r1", Some("x")).unwrap();
    assert_eq!((ana.last("alpha/prod").act, ana.last("alpha/prod").generation), (Act::Thawed, 2));
}

pub(super) fn freezes_and_runs_that_race_have_one_winner(place: &Place) {
    let actors: Vec<_> = (0..6).map(|n| place.run(&format!("o{n}"), &format!("r{n}"))).collect();
    for round in 0..4 {
        let key = format!("alpha/p{round}");
        let set = keys(&[&key]);
        let wins = std::thread::scope(|scope| {
            let attempt = |(n, actor): (usize, &super::fixture::Actor)| {
                if n % 2 == 0 {
                    actor.locks().freeze(&set, &key, "why").map(drop)
                } else {
                    actor.take(&[&key]).map(drop)
                }
            };
            let racing: Vec<_> =
                actors.iter().enumerate().map(|one| scope.spawn(move || attempt(one))).collect();
            racing.into_iter().map(|t| t.join().unwrap()).filter(Result::is_ok).count()
        });
        assert_eq!(wins, 1);
    }
}
