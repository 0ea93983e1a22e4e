//! The promises: exclusive, causal, owner and run, fenced, kept, never lost.

use super::fixture::{Place, ended, host, keys, lacks, oid, request};
use crate::env::Host;
use crate::git::Ancestry;
use crate::lock::{
    Act, Change, Effect, Freshness, LockError, LockKey, LockState, LostTo, Proof, Swap, Swapped, Written,
};

pub(super) fn acquire_and_release(place: &Place) {
    let ana = place.run("ana", "r1");
    let lease = ana.take(&["alpha/prod"]).unwrap();
    assert_eq!((lease.generation(), lease.resumed), (1, false));
    let held = ana.last("alpha/prod");
    assert_eq!(
        (held.state, held.act, held.owner.as_str(), held.run.as_str()),
        (LockState::Held, Act::Acquired, "ana", "r1")
    );
    assert_eq!((held.program.as_deref(), held.commit, held.applied), (Some("tofu"), Some(oid('1')), None));
    ana.locks().verify(&lease).unwrap();
    assert_eq!(ana.locks().release(&lease, Some(&oid('1')), None).unwrap(), Written::Done);
    let free = ana.last("alpha/prod");
    assert_eq!((free.state, free.generation, free.applied), (LockState::Free, 1, Some(oid('1'))));
    assert!(
        matches!(ana.locks().verify(&lease), Err(LockError::Lost { .. })),
        "what was released is not held"
    );
}

pub(super) fn a_second_owner_is_told_the_holder(place: &Place) {
    place.run("ana", "r1").take(&["alpha/prod"]).unwrap();
    let error = place.run("bob", "r2").take(&["alpha/prod"]).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, LockError::Held { .. }), "{text}");
    for part in ["`alpha/prod`", "`ana`", "2026-11-21 12:04:07 UTC", "tofu apply", "run r1"] {
        assert!(text.contains(part), "{text}");
    }
    place.run("bob", "r2").take(&["beta/prod"]).unwrap();
}

pub(super) fn a_set_is_taken_all_or_nothing(place: &Place) {
    let ana = place.run("ana", "r1");
    ana.take(&["b/prod"]).unwrap();
    let bob = place.run("bob", "r2");
    assert!(
        matches!(bob.take(&["a/prod", "b/prod", "c/prod"]), Err(LockError::Held { key, .. }) if key.as_str() == "b/prod")
    );
    let carl = place.run("carl", "r3");
    let lease = carl.take(&["c/prod", "a/prod"]).unwrap();
    assert_eq!(lease.keys().map(|k| k.as_str().to_owned()).collect::<Vec<_>>(), ["a/prod", "c/prod"]);
    assert_eq!(carl.last("a/prod").keys, keys(&["a/prod", "c/prod"]));
    carl.locks().release(&lease, None, None).unwrap();
    assert_eq!(carl.last("a/prod").state, LockState::Free);
    assert_eq!(carl.last("c/prod").state, LockState::Free);
}

pub(super) fn a_failed_run_is_taken_over_by_its_owner_only(place: &Place) {
    let ana = place.run("ana", "r1");
    let first = ana.take(&["alpha/prod"]).unwrap();
    ana.locks().fail(&first, Effect::Unfinished, "tofu ended with 1\u{1b}[2J").unwrap();
    let failed = ana.last("alpha/prod");
    assert_eq!((failed.state, failed.effect, failed.generation), (LockState::Failed, Effect::Unfinished, 1));
    assert_eq!(failed.reason.as_deref(), Some("tofu ended with 1 [2J"));
    assert!(matches!(place.run("bob", "r2").take(&["alpha/prod"]), Err(LockError::Held { .. })));
    // From another clone on another machine: the record is the proof.
    let later = super::fixture::Actor { host: host("elsewhere"), ..place.run("ana", "r3") };
    let lease = later.take(&["alpha/prod"]).unwrap();
    assert!(lease.resumed);
    let taken = later.last("alpha/prod");
    assert_eq!((taken.act, taken.generation, taken.run.as_str()), (Act::TakenOver, 2, "r3"));
    // The run that failed has nothing left to release.
    assert!(matches!(ana.locks().release(&first, None, None), Err(LockError::Lost { .. })));
}

pub(super) fn a_live_run_is_not_taken_over(place: &Place) {
    let ana = place.run("ana", "r1");
    ana.take(&["alpha/prod"]).unwrap();
    for proof in [Proof::Lives(String::new()), Proof::Unknown] {
        let keys = keys(&["alpha/prod"]);
        let ask = |_: &crate::lock::Record| proof.clone();
        let error = ana.again("r2").locks().acquire(&super::fixture::with_proof(&keys, &ask)).unwrap_err();
        assert!(matches!(&error, LockError::Held { why, .. } if !why.is_empty()), "{error}");
    }
    let error = ana.locks().acquire(&super::fixture::with_proof(&keys(&["alpha/prod"]), &ended)).unwrap_err();
    assert!(error.to_string().contains("this very run"), "{error}");
}

pub(super) fn another_host_is_no_proof(place: &Place) {
    let ana = place.run("ana", "r1");
    ana.take(&["alpha/prod"]).unwrap();
    let same_name = |boot: &str, pid_namespace: &str| Host {
        name: "ana".into(),
        boot: boot.into(),
        pid_namespace: pid_namespace.into(),
    };
    // Another machine; another container with the same host name; nothing known.
    for other in [same_name("boot-other", "pid:[1]"), same_name("boot-ana", "pid:[2]"), same_name("", "")] {
        let run = super::fixture::Actor { host: other, ..ana.again("r2") };
        let error =
            run.locks().acquire(&super::fixture::with_proof(&keys(&["alpha/prod"]), &ended)).unwrap_err();
        assert!(matches!(error, LockError::Held { .. }), "{error}");
    }
}

pub(super) fn a_dead_run_on_the_same_host_is_taken_over(place: &Place) {
    let ana = place.run("ana", "r1");
    ana.take(&["alpha/prod"]).unwrap();
    let bob = super::fixture::Actor { owner: "bob".into(), ..ana.again("r2") };
    let keys = keys(&["alpha/prod"]);
    let request = super::fixture::with_proof(&keys, &ended);
    assert!(
        matches!(bob.locks().acquire(&request), Err(LockError::Held { .. })),
        "proof is not enough for another owner"
    );
    let later = ana.again("r3");
    let lease = later.locks().acquire(&request).unwrap();
    assert!(lease.resumed, "its command may have run");
    assert_eq!(lease.generation(), 2);
}

pub(super) fn given_back_is_as_it_was_found(place: &Place) {
    let ana = place.run("ana", "r1");
    let lease = ana.take(&["alpha/prod"]).unwrap();
    ana.locks().give_back(&lease, "the build failed").unwrap();
    let free = ana.last("alpha/prod");
    assert_eq!((free.state, free.act, free.effect), (LockState::Free, Act::GivenBack, Effect::None));
    let lease = ana.again("r2").take(&["alpha/prod"]).unwrap();
    ana.again("r2").locks().fail(&lease, Effect::Unfinished, "").unwrap();
    let third = ana.again("r3");
    let lease = third.take(&["alpha/prod"]).unwrap();
    third.locks().give_back(&lease, "the program was not found").unwrap();
    let failed = ana.last("alpha/prod");
    assert_eq!(
        (failed.state, failed.act, failed.effect),
        (LockState::Failed, Act::GivenBack, Effect::Unfinished)
    );
    assert!(matches!(place.run("bob", "r4").take(&["alpha/prod"]), Err(LockError::Held { .. })));
    assert!(ana.again("r5").take(&["alpha/prod"]).unwrap().resumed);
}

pub(super) fn a_wrong_generation_is_not_released(place: &Place) {
    let ana = place.run("ana", "r1");
    let old = ana.take(&["alpha/prod"]).unwrap();
    ana.locks().fail(&old, Effect::None, "").unwrap();
    let new = ana.again("r2").take(&["alpha/prod"]).unwrap();
    for result in [
        ana.locks().release(&old, Some(&oid('9')), None).map(drop),
        ana.locks().fail(&old, Effect::Unfinished, ""),
        ana.locks().give_back(&old, ""),
        ana.locks().verify(&old),
    ] {
        let error = result.unwrap_err();
        assert!(matches!(&error, LockError::Lost { now: Some(now), .. } if now.run == "r2"), "{error}");
    }
    assert_eq!(ana.last("alpha/prod").state, LockState::Held);
    ana.again("r2").locks().verify(&new).unwrap();
}

pub(super) fn releasing_twice_is_releasing_once(place: &Place) {
    let ana = place.run("ana", "r1");
    let lease = ana.take(&["alpha/prod"]).unwrap();
    ana.locks().release(&lease, Some(&oid('1')), None).unwrap();
    let nonce = ana.last("alpha/prod").nonce;
    ana.locks().release(&lease, Some(&oid('1')), None).unwrap();
    assert_eq!(ana.last("alpha/prod").nonce, nonce, "nothing was written");
    let bob = place.run("bob", "r2");
    let theirs = bob.take(&["alpha/prod"]).unwrap();
    ana.locks().release(&lease, Some(&oid('1')), None).unwrap();
    bob.locks().verify(&theirs).unwrap();
    bob.locks().release(&theirs, None, None).unwrap();
    // Only the release of this very generation counts: the same run took it again and lost it.
    let second = ana.take(&["alpha/prod"]).unwrap();
    bob.locks().evict(&keys(&["alpha/prod"]), "r1", None).unwrap();
    assert!(matches!(ana.locks().release(&second, None, None), Err(LockError::Lost { .. })));
}

pub(super) fn only_the_named_run_is_evicted(place: &Place) {
    let ana = place.run("ana", "r1");
    let bob = place.run("bob", "r2");
    let set = keys(&["alpha/prod"]);
    assert!(bob.locks().holders(&set).unwrap().is_empty());
    assert!(bob.locks().evict(&set, "r1", None).unwrap().freed.is_empty(), "never locked");
    let lease = ana.take(&["alpha/prod"]).unwrap();
    let holders = bob.locks().holders(&set).unwrap();
    assert_eq!((holders.len(), holders[0].run.as_str()), (1, "r1"));
    // Meanwhile the named run has gone and another one holds the lock.
    ana.locks().release(&lease, None, None).unwrap();
    let again = ana.again("r3").take(&["alpha/prod"]).unwrap();
    let error = bob.locks().evict(&set, "r1", Some("it hangs")).unwrap_err();
    assert!(matches!(&error, LockError::Held { holder, .. } if holder.run == "r3"), "{error}");
    ana.again("r3").locks().verify(&again).unwrap();
    let evicted = bob.locks().evict(&set, "r3", Some("it hangs")).unwrap();
    assert_eq!((evicted.freed.len(), evicted.freed[0].run.as_str()), (1, "r3"));
    let record = bob.last("alpha/prod");
    assert_eq!((record.state, record.act, record.generation), (LockState::Free, Act::Evicted, 3));
    assert_eq!((record.owner.as_str(), record.reason.as_deref()), ("bob", Some("it hangs")));
    let twice = bob.locks().evict(&set, "r3", Some("it hangs")).unwrap();
    assert!(twice.freed.is_empty(), "idempotent");
    assert_eq!(bob.last("alpha/prod").nonce, record.nonce);
}

pub(super) fn an_evicted_run_cannot_release(place: &Place) {
    let ana = place.run("ana", "r1");
    let lease = ana.take(&["alpha/prod"]).unwrap();
    let bob = place.run("bob", "r2");
    bob.locks().evict(&keys(&["alpha/prod"]), "r1", Some("why")).unwrap();
    let error = ana.locks().release(&lease, Some(&oid('1')), None).unwrap_err();
    assert!(error.to_string().contains("evicted by `bob`"), "{error}");
    assert_eq!(ana.last("alpha/prod").applied, None);
    bob.take(&["alpha/prod"]).unwrap();
    assert!(matches!(ana.locks().release(&lease, Some(&oid('1')), None), Err(LockError::Lost { .. })));
    assert!(matches!(ana.locks().fail(&lease, Effect::Unfinished, ""), Err(LockError::Lost { .. })));
    assert_eq!(ana.last("alpha/prod").run, "r2");
}

pub(super) fn a_partly_evicted_set_names_what_is_left(place: &Place) {
    let ana = place.run("ana", "r1");
    let lease = ana.take(&["a/prod", "b/prod"]).unwrap();
    place.run("bob", "r2").locks().evict(&keys(&["a/prod"]), "r1", Some("why")).unwrap();
    let error = ana.locks().release(&lease, None, None).unwrap_err();
    let LockError::Lost { key, held, .. } = &error else { panic!("{error}") };
    assert_eq!((key.as_str(), held.len(), held[0].as_str()), ("a/prod", 1, "b/prod"));
    assert!(error.to_string().contains("still holds `b/prod`"), "{error}");
    assert_eq!(ana.last("b/prod").state, LockState::Held, "all or nothing");
}

pub(super) fn applied_and_generation_are_never_lost(place: &Place) {
    let ana = place.run("ana", "r1");
    let lease = ana.take(&["alpha/prod"]).unwrap();
    ana.locks().release(&lease, Some(&oid('1')), None).unwrap();
    // A run that only reads.
    let lease = ana.again("r2").take(&["alpha/prod"]).unwrap();
    ana.again("r2").locks().release(&lease, None, None).unwrap();
    // One that is evicted after it failed.
    let lease = ana.again("r3").take(&["alpha/prod"]).unwrap();
    ana.again("r3").locks().fail(&lease, Effect::Unfinished, "").unwrap();
    let bob = place.run("bob", "r4");
    bob.locks().evict(&keys(&["alpha/prod"]), "r3", Some("why")).unwrap();
    // One that is given back, from another clone.
    let lease = bob.take(&["alpha/prod"]).unwrap();
    bob.locks().give_back(&lease, "").unwrap();
    let record = place.run("carl", "r5").last("alpha/prod");
    assert_eq!((record.generation, record.applied), (5, Some(oid('1'))));
    let chain = bob.chain("alpha/prod", 100);
    assert!(chain.windows(2).all(|two| two[0].generation >= two[1].generation));
    assert!(chain.iter().take(chain.len() - 1).all(|r| r.applied == Some(oid('1'))));
}

pub(super) fn a_tree_without_what_was_applied_is_refused(place: &Place) {
    let ana = place.run("ana", "r1");
    let lease = ana.take(&["alpha/prod"]).unwrap();
    ana.locks().release(&lease, Some(&oid('1')), None).unwrap();
    let bob = place.run("bob", "r2");
    let set = keys(&["alpha/prod"]);
    let unknown = |_: &crate::git::Oid| Ok(Ancestry::Unknown);
    let with = |contains: &dyn Fn(&crate::git::Oid) -> Result<Ancestry, crate::git::GitError>,
                accept_rewrite| {
        let request =
            crate::lock::AcquireRequest { contains, accept_rewrite, commit: Some(oid('3')), ..request(&set) };
        bob.locks().acquire(&request)
    };
    assert!(
        matches!(with(&lacks, false), Err(LockError::Stale { shallow: false, applied, .. }) if applied == oid('1'))
    );
    for accept_rewrite in [false, true] {
        assert!(matches!(with(&unknown, accept_rewrite), Err(LockError::Stale { shallow: true, .. })));
    }
    assert_eq!(bob.last("alpha/prod").state, LockState::Free, "nothing was taken");
    let lease = with(&lacks, true).unwrap();
    let record = bob.last("alpha/prod");
    assert!(record.reason.unwrap().contains(oid('1').as_str()), "the exception is recorded");
    assert_eq!(record.applied, Some(oid('1')), "until the new one has been applied");
    bob.locks().release(&lease, Some(&oid('3')), None).unwrap();
    assert_eq!(bob.last("alpha/prod").applied, Some(oid('3')));
}

pub(super) fn a_resumed_run_keeps_that_things_were_changed(place: &Place) {
    let ana = place.run("ana", "r1");
    let lease = ana.take(&["alpha/prod"]).unwrap();
    ana.locks().fail(&lease, Effect::Unfinished, "").unwrap();
    let set = keys(&["alpha/prod"]);
    let reading = crate::lock::AcquireRequest { will_change: false, ..request(&set) };
    let lease = ana.again("r2").locks().acquire(&reading).unwrap();
    assert!(lease.resumed);
    ana.again("r2").locks().fail(&lease, Effect::None, "").unwrap();
    let lease = ana.again("r3").locks().acquire(&reading).unwrap();
    assert!(lease.resumed, "a failed reader does not make it forgotten");
    ana.again("r3").locks().fail(&lease, Effect::None, "").unwrap();
    // Nor does one that dies without a word.
    ana.again("r4").locks().acquire(&reading).unwrap();
    let dead = crate::lock::AcquireRequest { ended: &ended, ..reading };
    let lease = ana.again("r5").locks().acquire(&dead).unwrap();
    assert!(lease.resumed);
    ana.again("r5").locks().release(&lease, Some(&oid('1')), None).unwrap();
    let reading = crate::lock::AcquireRequest { will_change: false, ..request(&set) };
    assert!(!ana.again("r6").locks().acquire(&reading).unwrap().resumed);
}

pub(super) fn an_unfinished_change_is_finished_by_a_change_only(place: &Place) {
    let ana = place.run("ana", "r1");
    let lease = ana.take(&["alpha/prod"]).unwrap();
    ana.locks().fail(&lease, Effect::Unfinished, "").unwrap();
    let set = keys(&["alpha/prod"]);
    let reading = crate::lock::AcquireRequest { will_change: false, ..request(&set) };
    let lease = ana.again("r2").locks().acquire(&reading).unwrap();
    assert!(lease.found_unfinished());
    assert_eq!(ana.again("r2").locks().release(&lease, None, None).unwrap(), Written::Done);
    let kept = ana.last("alpha/prod");
    assert_eq!((kept.state, kept.act, kept.effect), (LockState::Failed, Act::GivenBack, Effect::Unfinished));
    // Letting go twice is letting go once.
    assert_eq!(ana.again("r2").locks().release(&lease, None, None).unwrap(), Written::Done);
    assert!(matches!(place.run("bob", "r3").take(&["alpha/prod"]), Err(LockError::Held { .. })));
    // A change that succeeded, and whose push was refused: going on needs no further command.
    let lease = ana.again("r4").take(&["alpha/prod"]).unwrap();
    ana.again("r4").locks().fail(&lease, Effect::Applied, "").unwrap();
    let lease = ana.again("r5").locks().acquire(&reading).unwrap();
    assert!(lease.resumed && !lease.found_unfinished());
    ana.again("r5").locks().release(&lease, Some(&oid('1')), None).unwrap();
    let free = ana.last("alpha/prod");
    assert_eq!((free.state, free.applied), (LockState::Free, Some(oid('1'))));
}

pub(super) fn stale_knowledge_does_not_decide(place: &Place) {
    let ana = place.run("ana", "r1");
    let bob = place.run("bob", "r2");
    let set = keys(&["alpha/prod"]);
    let known = crate::lock::AcquireRequest { freshness: Freshness::Known, ..request(&set) };
    // Bob knows nothing of the lock.
    let lease = ana.take(&["alpha/prod"]).unwrap();
    assert!(matches!(bob.locks().acquire(&known), Err(LockError::Held { holder, .. }) if holder.run == "r1"));
    // Now he knows it held; it was released since.
    ana.locks().release(&lease, Some(&oid('1')), None).unwrap();
    let lease = bob.locks().acquire(&known).unwrap();
    assert_eq!(lease.generation(), 2);
    // Ana knows it free; it was taken since.
    assert!(
        matches!(ana.again("r3").locks().acquire(&known), Err(LockError::Held { holder, .. }) if holder.run == "r2")
    );
    // What he does not contain was applied since he looked.
    bob.locks().release(&lease, Some(&oid('4')), None).unwrap();
    let lacking =
        crate::lock::AcquireRequest { freshness: Freshness::Known, contains: &lacks, ..request(&set) };
    assert!(
        matches!(ana.again("r3").locks().acquire(&lacking), Err(LockError::Stale { applied, .. }) if applied == oid('4'))
    );
}

pub(super) fn history_is_the_whole_chain(place: &Place) {
    let ana = place.run("ana", "r1");
    let lease = ana.take(&["alpha/prod"]).unwrap();
    ana.locks().fail(&lease, Effect::Unfinished, "x").unwrap();
    let lease = ana.again("r2").take(&["alpha/prod"]).unwrap();
    ana.again("r2").locks().release(&lease, Some(&oid('1')), None).unwrap();
    let acts = |limit| ana.chain("alpha/prod", limit).iter().map(|r| r.act).collect::<Vec<_>>();
    assert_eq!(acts(100), [Act::Released, Act::TakenOver, Act::Failed, Act::Acquired]);
    assert_eq!(acts(2), [Act::Released, Act::TakenOver]);
}

pub(super) fn one_and_the_same_record_has_one_winner(place: &Place) {
    let change = Change {
        key: LockKey::new("alpha/prod").unwrap(),
        expect: None,
        record: super::fixture::record("alpha/prod"),
    };
    let swap = Swap { changes: vec![change], branch: None };
    let (ana, bob) = (place.run("ana", "r1"), place.run("bob", "r2"));
    assert!(matches!(ana.backend.swap(&swap).unwrap(), Swapped::Done(_)));
    assert_eq!(bob.backend.swap(&swap).unwrap(), Swapped::Lost(LostTo::Lock));
    assert_eq!(ana.backend.swap(&swap).unwrap(), Swapped::Lost(LostTo::Lock), "not even for the same one");
}
