//! Keys that an earlier run took and the next one of the unit does not ask for any more.

use super::fixture::{Actor, Place, contains, keys, oid, request, unknown, with_proof};
use crate::lock::{AcquireRequest, Act, Effect, LockError, LockState};

/// Takes the keys and fails.
fn fail(who: &Actor, texts: &[&str]) {
    let lease = who.take(texts).unwrap();
    who.locks().fail(&lease, Effect::Unfinished, "").unwrap();
}

pub(super) fn what_a_failed_run_took_beside_goes_with_it(place: &Place) {
    let ana = place.run("ana", "r1");
    fail(&ana, &["alpha/prod", "net", "zone"]);
    // It fails once more, and still holds all of it.
    let again = ana.again("r2");
    fail(&again, &["alpha/prod", "zone"]);
    for key in ["alpha/prod", "net", "zone"] {
        let record = ana.last(key);
        assert_eq!((record.state, record.run.as_str(), record.generation), (LockState::Failed, "r2", 2));
        assert_eq!(record.keys, keys(&["alpha/prod", "net", "zone"]));
    }
    assert!(matches!(place.run("bob", "r3").take(&["net"]), Err(LockError::Held { .. })));
    let last = place.run("ana", "r4");
    let lease = last.take(&["alpha/prod"]).unwrap();
    assert!(lease.entries.iter().all(|entry| entry.record.act == Act::TakenOver), "one proof for each");
    last.locks().release(&lease, Some(&oid('2')), None).unwrap();
    for key in ["alpha/prod", "net", "zone"] {
        let record = ana.last(key);
        assert_eq!((record.state, record.applied), (LockState::Free, Some(oid('2'))), "{key}");
    }
    let lease = last.again("r5").take(&["alpha/prod"]).unwrap();
    assert_eq!(lease.keys().count(), 1, "what is free is not taken along");
}

pub(super) fn only_what_that_run_left_goes_with_it(place: &Place) {
    let (ana, bob) = (place.run("ana", "r1"), place.run("bob", "r2"));
    fail(&ana, &["alpha/prod", "dns", "net", "zone"]);
    // One is somebody else's by now, one was taken over for another unit, one was evicted.
    bob.locks().evict(&keys(&["dns", "zone"]), "r1", Some("x")).unwrap();
    bob.take(&["zone"]).unwrap();
    let (net, other) = (keys(&["net"]), ana.again("r3"));
    let taken = other.locks().acquire(&AcquireRequest { unit: "beta/prod".into(), ..request(&net) }).unwrap();
    let lease = ana.again("r4").take(&["alpha/prod"]).unwrap();
    assert_eq!(lease.keys().map(ToString::to_string).collect::<Vec<_>>(), ["alpha/prod"]);
    assert_eq!((ana.last("zone").run.as_str(), ana.last("dns").state), ("r2", LockState::Free));
    other.locks().verify(&taken).unwrap();
    // Without proof that the run has ended nothing of it is taken.
    let dev = ana.again("r5");
    dev.take(&["alpha/dev", "vpc"]).unwrap();
    let alone = keys(&["alpha/dev"]);
    let asked = AcquireRequest { contains: &contains, ..with_proof(&alone, &unknown) };
    assert!(matches!(ana.again("r6").locks().acquire(&asked), Err(LockError::Held { .. })));
    assert_eq!((ana.last("alpha/dev").run, ana.last("vpc").run), ("r5".to_owned(), "r5".to_owned()));
}
