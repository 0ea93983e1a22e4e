//! Taking a lock by what an earlier fetch saw: only a push can find that it is still so, and whatever
//! else is found changes nothing and refuses nobody.

use std::sync::Arc;

use proptest::prelude::*;

use super::fixture::{Actor, Place, contains, keys, lacks, oid, request};
use super::git::{PREFIX, place_in};
use crate::git::Oid;
use crate::git::testing::World;
use crate::lock::{AcquireRequest, BranchChange, ByKnown, Effect, Freshness, KeySet, LockError};

const MAIN: &str = "refs/heads/main";
const UNIT: &str = "alpha/prod";

/// An origin with one commit on main, a clone that is to move it, and the commit.
fn world() -> (Arc<World>, Place, Oid) {
    let (world, repo) = World::new();
    let head = repo.head().unwrap().oid.unwrap();
    let world = Arc::new(world);
    (Arc::clone(&world), place_in(Arc::clone(&world)), head)
}

fn guarded<'a>(keys: &'a KeySet, seen: &Oid) -> AcquireRequest<'a> {
    let branch = Some(BranchChange::Unmoved { name: MAIN.into(), seen: seen.clone() });
    AcquireRequest { branch, commit: Some(seen.clone()), freshness: Freshness::Known, ..request(keys) }
}

fn by_known(actor: &Actor, seen: &Oid) -> ByKnown {
    actor.locks().acquire_by_known(&guarded(&keys(&[UNIT]), seen)).unwrap()
}

fn chain(actor: &Actor) -> usize {
    actor.backend.read(&keys(&[UNIT]), Freshness::Now).unwrap();
    actor.backend.history(keys(&[UNIT]).iter().next().unwrap(), 99).unwrap().len()
}

#[test]
fn what_is_still_so_is_taken_and_no_other_can_have_it() {
    let (_, place, head) = world();
    let (ana, bob) = (place.run("ana", "r1"), place.run("bob", "r2"));
    // Nobody has fetched: that there is no lock is what both know.
    let ByKnown::Taken(lease) = by_known(&ana, &head) else { panic!() };
    assert!(matches!(by_known(&bob, &head), ByKnown::NotSo { looked: true }));
    assert!(matches!(bob.locks().acquire(&guarded(&keys(&[UNIT]), &head)), Err(LockError::Held { .. })));
    ana.locks().release(&lease, None, None).unwrap();
    let ByKnown::Taken(lease) = by_known(&ana.again("r3"), &head) else { panic!() };
    assert_eq!(lease.generation(), 2);
    assert_eq!(chain(&bob), 3);
}

#[test]
fn a_branch_that_moved_or_went_away_is_no_longer_so() {
    let (world, place, head) = world();
    let ana = place.run("ana", "r1");
    let a = world.path().join("a");
    world.commit(&a, "file", "two");
    world.git(&a, &["push", "-q", "origin", "HEAD:main"]);
    assert!(matches!(by_known(&ana, &head), ByKnown::NotSo { looked: true }));
    world.git(&world.origin(), &["update-ref", "-d", MAIN]);
    assert!(matches!(by_known(&ana, &head), ByKnown::NotSo { looked: true }));
    assert_eq!(chain(&ana), 0, "nothing was written");
}

#[test]
fn a_branch_that_is_gone_is_no_longer_known() {
    let (world, _, head) = world();
    let a = world.path().join("a");
    let repo = world.open(&a);
    let tracked = "refs/lockstep/remotes/origin/heads/main";
    repo.set_ref(tracked, Some(&head)).unwrap();
    let backend =
        crate::lock::GitRefs::new(repo.clone(), "origin", PREFIX, crate::process::Interrupts::new());
    let place = place_in(Arc::clone(&world));
    let ana = Actor { backend: Arc::new(backend.unwrap()), ..place.run("ana", "r1") };
    world.git(&world.origin(), &["update-ref", "-d", MAIN]);
    assert!(matches!(by_known(&ana, &head), ByKnown::NotSo { looked: true }));
    assert_eq!(repo.resolve(tracked).unwrap(), None);
}

#[test]
fn without_a_branch_there_would_be_no_proof() {
    let (_, place, head) = world();
    let ana = place.run("ana", "r1");
    let all = keys(&[UNIT]);
    for branch in [None, Some(BranchChange::Forward { name: MAIN.into(), to: head.clone() })] {
        let request = AcquireRequest { branch, ..guarded(&all, &head) };
        let ended = ana.locks().acquire_by_known(&request).unwrap();
        assert!(matches!(ended, ByKnown::NotSo { looked: false }));
    }
    assert_eq!(chain(&ana), 0);
}

#[test]
fn what_is_known_to_say_no_is_asked_about_first() {
    let (_, place, head) = world();
    let (ana, bob) = (place.run("ana", "r1"), place.run("bob", "r2"));
    let ByKnown::Taken(lease) = by_known(&ana, &head) else { panic!() };
    bob.backend.read(&keys(&[UNIT]), Freshness::Now).unwrap();
    // Held when he last looked; meanwhile it is free, which he shall find out by asking.
    ana.locks().release(&lease, Some(&head), None).unwrap();
    assert!(matches!(by_known(&bob, &head), ByKnown::NotSo { looked: false }));
    let all = keys(&[UNIT]);
    bob.locks().acquire(&guarded(&all, &head)).unwrap();
    // And a tree without what was applied.
    let old = AcquireRequest { contains: &lacks, commit: Some(oid('2')), ..guarded(&all, &head) };
    let ended = ana.again("r3").locks().acquire_by_known(&old).unwrap();
    assert!(matches!(ended, ByKnown::NotSo { looked: false }));
}

/// What happens elsewhere between two looks of a client.
#[derive(Clone, Debug)]
enum Elsewhere {
    Nothing,
    TakenAndGivenBack,
    Failed,
    BranchMoved,
}

fn elsewhere() -> impl Strategy<Value = Elsewhere> {
    use Elsewhere::{BranchMoved, Failed, Nothing, TakenAndGivenBack};
    prop_oneof![Just(Nothing), Just(TakenAndGivenBack), Just(Failed), Just(BranchMoved)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn it_is_taken_exactly_where_nothing_happened_elsewhere(acts in prop::collection::vec(elsewhere(), 1..4)) {
        let (world, place, head) = world();
        let (ana, bob) = (place.run("ana", "r0"), place.run("bob", "s"));
        let ByKnown::Taken(lease) = by_known(&ana, &head) else { panic!() };
        ana.locks().release(&lease, None, None).unwrap();
        let before = chain(&bob);
        let mut changed = false;
        for (number, act) in acts.iter().enumerate() {
            let bob = bob.again(&format!("s{number}"));
            let all = keys(&[UNIT]);
            let take = || bob.locks().acquire(&AcquireRequest { contains: &contains, ..request(&all) }).unwrap();
            match act {
                Elsewhere::Nothing => continue,
                Elsewhere::TakenAndGivenBack => drop(bob.locks().release(&take(), None, None).unwrap()),
                Elsewhere::Failed => bob.locks().fail(&take(), Effect::Unfinished, "x").unwrap(),
                Elsewhere::BranchMoved => {
                    let a = world.path().join("a");
                    world.commit(&a, "file", &format!("{number}"));
                    world.git(&a, &["push", "-q", "origin", "HEAD:main"]);
                }
            }
            changed = true;
        }
        let taken = matches!(by_known(&ana.again("r1"), &head), ByKnown::Taken(_));
        prop_assert_eq!(taken, !changed, "{:?}", acts);
        if !changed {
            prop_assert_eq!(chain(&bob), before + 1);
        }
    }
}
