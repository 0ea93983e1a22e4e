//! Locks of several units: each change that was begun is finished by its own unit, or by a person's word.

use super::fixture::{Actor, Place, ended, keys, oid, request, with_proof};
use crate::lock::{AcquireRequest, Act, Effect, Lease, LockError, LockState, Outcome, Prior, Proof, Record};

const ALL: &str = "@all/prod";

fn take(who: &Actor, unit: &str, texts: &[&str]) -> Result<Lease, LockError> {
    let keys = keys(texts);
    who.locks().acquire(&AcquireRequest { unit: unit.into(), ..request(&keys) })
}

fn fail(who: &Actor, unit: &str, texts: &[&str]) {
    let lease = take(who, unit, texts).unwrap();
    who.locks().fail(&lease, Effect::Unfinished, "x").unwrap();
}

fn succeed(who: &Actor, unit: &str, texts: &[&str], commit: char) -> Lease {
    let lease = take(who, unit, texts).unwrap();
    who.locks().release(&lease, Some(&oid(commit)), None).unwrap();
    assert!(who.locks().already_released(&lease).unwrap());
    lease
}

pub(super) fn a_unit_is_finished_by_its_own_success_only(place: &Place) {
    let ana = place.run("ana", "r1");
    fail(&ana, "alpha/prod", &[ALL]);
    let lease = succeed(&ana.again("r2"), "beta/prod", &[ALL], '2');
    assert_eq!(lease.kept_by_others().unwrap().1, ["alpha/prod"]);
    let record = ana.last(ALL);
    assert_eq!((record.state, record.effect), (LockState::Failed, Effect::Unfinished));
    assert_eq!((record.unfinished_units(), record.applied), (vec!["alpha/prod".to_owned()], Some(oid('2'))));
    assert!(matches!(take(&place.run("bob", "r3"), "alpha/prod", &[ALL]), Err(LockError::Held { .. })));
    // Only reading, under either unit's name, finishes nothing.
    for unit in ["alpha/prod", "beta/prod"] {
        let reader = ana.again("r4");
        let all = keys(&[ALL]);
        let asked = AcquireRequest { unit: unit.into(), will_change: false, ..request(&all) };
        let lease = reader.locks().acquire(&asked).unwrap();
        reader.locks().release(&lease, Outcome::Unchanged, None).unwrap();
        assert_eq!(ana.last(ALL).unfinished_units(), ["alpha/prod"], "{unit}");
    }
    succeed(&ana.again("r5"), "alpha/prod", &[ALL], '3');
    assert_eq!((ana.last(ALL).state, ana.last(ALL).unfinished), (LockState::Free, Vec::new()));
}

pub(super) fn another_units_failure_hides_none(place: &Place) {
    let ana = place.run("ana", "r1");
    for (run, unit) in [("r1", "alpha/prod"), ("r2", "beta/prod"), ("r3", "alpha/prod")] {
        fail(&ana.again(run), unit, &[ALL]);
    }
    let mut unfinished = ana.last(ALL).unfinished_units();
    unfinished.sort();
    assert_eq!(unfinished, ["alpha/prod", "beta/prod"]);
    succeed(&ana.again("r4"), "alpha/prod", &[ALL], '2');
    assert_eq!(ana.last(ALL).unfinished_units(), ["beta/prod"]);
    // A person's word ends all of it.
    ana.again("r5").locks().evict(&keys(&[ALL]), "r4", Some("x")).unwrap();
    assert_eq!((ana.last(ALL).state, ana.last(ALL).unfinished), (LockState::Free, Vec::new()));
    succeed(&place.run("bob", "r6"), "beta/prod", &[ALL], '3');
    assert_eq!(ana.last(ALL).state, LockState::Free);
}

pub(super) fn a_key_that_units_share_stays_failed_alone(place: &Place) {
    let ana = place.run("ana", "r1");
    fail(&ana, "alpha/prod", &["alpha/prod", "net"]);
    let lease = succeed(&ana.again("r2"), "beta/prod", &["beta/prod", "net"], '2');
    let (kept, units) = lease.kept_by_others().unwrap();
    assert_eq!((kept[0].as_str(), kept.len(), units), ("net", 1, vec!["alpha/prod".to_owned()]));
    let states = |keys: [&str; 3]| keys.map(|key| ana.last(key).state);
    let all = ["alpha/prod", "beta/prod", "net"];
    assert_eq!(states(all), [LockState::Failed, LockState::Free, LockState::Failed]);
    succeed(&ana.again("r3"), "alpha/prod", &["alpha/prod", "net"], '3');
    assert_eq!(states(all), [LockState::Free; 3]);
}

pub(super) fn a_run_whose_tool_lives_on_is_not_over(place: &Place) {
    let ana = place.run("ana", "r1");
    let lease = ana.take(&["alpha/prod"]).unwrap();
    ana.locks().outlived(&lease, Effect::Unfinished, "still running: `tofu` (process 7)").unwrap();
    let record = ana.last("alpha/prod");
    assert_eq!((record.state, record.act, record.effect), (LockState::Held, Act::Failed, Effect::Unfinished));
    let keys = keys(&["alpha/prod"]);
    let lives = |_: &Record| Proof::Lives("`tofu` (process 7)".to_owned());
    let refused = ana.again("r2").locks().acquire(&with_proof(&keys, &lives)).unwrap_err();
    assert!(refused.to_string().contains("`tofu` (process 7)"), "{refused}");
    let second = ana.again("r2");
    let lease = second.locks().acquire(&with_proof(&keys, &ended)).unwrap();
    assert_eq!(lease.entries[0].prior, Prior::Failed { effect: Effect::Unfinished });
    // Nor is one whose recorded failure is refuted on the very same host.
    second.locks().fail(&lease, Effect::Unfinished, "x").unwrap();
    let refused = ana.again("r3").locks().acquire(&with_proof(&keys, &lives)).unwrap_err();
    assert!(matches!(&refused, LockError::Held { why, .. } if why.contains("process 7")), "{refused}");
    ana.again("r3").locks().acquire(&with_proof(&keys, &ended)).unwrap();
}
