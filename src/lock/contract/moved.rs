//! Locks that move to another place: on one remote in one push, between two backends in two writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::fixture::{Actor, contains, host, keys, oid, request};
use super::git::PREFIX;
use crate::git::testing::World;
use crate::lock::{
    AcquireRequest, Act, BranchChange, ByKnown, Effect, Freshness, GitRefs, KeySet, Lease, Listed,
    LocalFiles, LockBackend, LockError, LockKey, LockState, Moving, Observed, Past, Swap, Swapped, Written,
};
use crate::process::Interrupts;

/// Somewhere that both configurations can be used.
struct Both {
    /// A client of the configuration as it was.
    old: Box<dyn Fn() -> Arc<dyn LockBackend> + Sync>,
    /// A client of the new one, former place and all.
    new: Box<dyn Fn() -> Arc<dyn LockBackend> + Sync>,
}

fn actor(backend: Arc<dyn LockBackend>, owner: &str, run: &str) -> Actor {
    Actor { backend, owner: owner.into(), run: run.into(), host: host(owner) }
}

impl Both {
    fn as_before(&self, owner: &str, run: &str) -> Actor {
        actor((self.old)(), owner, run)
    }

    fn moved(&self, owner: &str, run: &str) -> Actor {
        actor((self.new)(), owner, run)
    }
}

fn one_remote() -> Both {
    let world = Arc::new(World::empty());
    let count = Arc::new(AtomicUsize::new(0));
    let open = move |prefix: &str| {
        let dir = world.clone_as(&format!("client{}", count.fetch_add(1, Ordering::Relaxed)));
        GitRefs::new(world.open(&dir), "origin", prefix, Interrupts::new()).unwrap()
    };
    let other = open.clone();
    Both {
        old: Box::new(move || Arc::new(open(PREFIX))),
        new: Box::new(move || Arc::new(other("refs/other/locks").with_former(PREFIX).unwrap())),
    }
}

fn two_backends() -> Both {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let world = Arc::new(World::empty());
    let count = AtomicUsize::new(0);
    let local = move || LocalFiles::new(dir.path().join("locks"));
    let same = local.clone();
    Both {
        old: Box::new(move || Arc::new(local())),
        new: Box::new(move || {
            let dir = world.clone_as(&format!("client{}", count.fetch_add(1, Ordering::Relaxed)));
            let git = GitRefs::new(world.open(&dir), "origin", PREFIX, Interrupts::new()).unwrap();
            Arc::new(Moving::new(Box::new(git), Box::new(same())))
        }),
    }
}

const BOTH: [&str; 2] = ["@former:alpha/prod", "alpha/prod"];

fn take(who: &Actor) -> Result<Lease, LockError> {
    let carry = [(LockKey::new(BOTH[1]).unwrap(), LockKey::new(BOTH[0]).unwrap())];
    let both = keys(&BOTH);
    who.locks().acquire(&AcquireRequest { carry: &carry, contains: &contains, ..request(&both) })
}

fn states(who: &Actor) -> [LockState; 2] {
    BOTH.map(|key| who.last(key).state)
}

#[test]
fn whoever_has_the_old_configuration_and_the_new_exclude_each_other() {
    for place in [one_remote(), two_backends()] {
        let (old, new) = (place.as_before("ana", "r1"), place.moved("bob", "r2"));
        let lease = old.take(&["alpha/prod"]).unwrap();
        let error = take(&new).unwrap_err();
        assert!(error.to_string().contains("lock `@former:alpha/prod` is held by `ana`"), "{error}");
        old.locks().release(&lease, Some(&oid('7')), None).unwrap();
        let lease = take(&new).unwrap();
        assert_eq!(lease.keys().map(LockKey::as_str).collect::<Vec<_>>(), BOTH);
        assert!(
            matches!(old.again("r3").take(&["alpha/prod"]), Err(LockError::Held { holder, .. }) if holder.run == "r2")
        );
        new.locks().verify(&lease).unwrap();
        assert_eq!(new.locks().release(&lease, Some(&oid('8')), None).unwrap(), Written::Done);
        assert_eq!(states(&new), [LockState::Free, LockState::Free]);
        for key in BOTH {
            let last = new.last(key);
            assert_eq!((last.key.as_str(), last.generation, last.applied), (key, 2, Some(oid('8'))));
        }
        assert_eq!(old.last("alpha/prod").applied, Some(oid('8')), "the old configuration is told as well");
        let listed = new.backend.list(Freshness::Now).unwrap();
        assert_eq!(listed.iter().map(|l| l.name.as_str()).collect::<Vec<_>>(), BOTH);
        let chain = |key: &str| new.chain(key, 9);
        assert_eq!((chain(BOTH[0]).len(), chain(BOTH[1]).len()), (4, 2));
        assert!(chain(BOTH[0]).iter().all(|record| record.key.as_str() == BOTH[0]));
    }
}

#[test]
fn a_freeze_in_either_configuration_is_honoured_by_the_other() {
    for place in [one_remote(), two_backends()] {
        let (old, new) = (place.as_before("ana", "r1"), place.moved("bob", "r2"));
        old.locks().freeze(&keys(&["alpha/prod"]), "alpha/prod", "why").unwrap();
        assert!(
            matches!(take(&new), Err(LockError::Held { holder, .. }) if holder.state == LockState::Frozen)
        );
        // One who freezes both cannot while one is frozen already.
        assert!(new.locks().freeze_many(&keys(&BOTH), "alpha/prod", "again").is_err());
        new.locks().thaw(&keys(&BOTH), None).unwrap();
        assert_eq!(new.locks().freeze_many(&keys(&BOTH), "alpha/prod", "why").unwrap().len(), 2);
        assert!(old.again("r3").take(&["alpha/prod"]).is_err());
        assert_eq!(new.locks().thaw(&keys(&BOTH), None).unwrap().len(), 2);
        take(&new.again("r4")).unwrap();
    }
}

#[test]
fn failures_evictions_and_takeovers_go_for_both() {
    for place in [one_remote(), two_backends()] {
        let (old, new) = (place.as_before("ana", "r1"), place.moved("bob", "r2"));
        let lease = take(&new).unwrap();
        new.locks().fail(&lease, Effect::Unfinished, "x").unwrap();
        assert_eq!(states(&new), [LockState::Failed; 2]);
        assert!(take(&new.again("r3")).unwrap().resumed);
        let held = new.locks().holders(&keys(&BOTH)).unwrap();
        assert_eq!(held.len(), 2);
        old.locks().evict(&keys(&["alpha/prod"]), "r3", Some("x")).unwrap();
        let third = new.again("r4");
        assert!(take(&third).unwrap_err().to_string().contains("`alpha/prod` is held"));
        assert_eq!(third.locks().evict(&keys(&BOTH), "r3", Some("x")).unwrap().freed.len(), 1);
        assert_eq!(states(&new), [LockState::Free; 2]);
    }
}

#[test]
fn old_and_new_race_with_one_winner() {
    for place in [one_remote(), two_backends()] {
        let old: Vec<_> = (0..3).map(|n| place.as_before(&format!("o{n}"), &format!("ro{n}"))).collect();
        let new: Vec<_> = (0..3).map(|n| place.moved(&format!("n{n}"), &format!("rn{n}"))).collect();
        for _ in 0..3 {
            let wins: Vec<(&Actor, Lease)> = std::thread::scope(|scope| {
                let as_before = old.iter().map(|who| scope.spawn(move || (who, who.take(&["alpha/prod"]))));
                let mut racing: Vec<_> = as_before.collect();
                racing.extend(new.iter().map(|who| scope.spawn(move || (who, take(who)))));
                let ended = racing.into_iter().map(|thread| thread.join().unwrap());
                ended.filter_map(|(who, lease)| Some((who, lease.ok()?))).collect()
            });
            assert!(wins.len() <= 1, "{}", wins.len());
            for (who, lease) in &wins {
                who.locks().release(lease, None, None).unwrap();
            }
            // Whoever lost in the middle has left nothing behind.
            assert_eq!(old[0].last("alpha/prod").state, LockState::Free);
        }
        let lease = take(&new[0]).unwrap();
        new[0].locks().release(&lease, None, None).unwrap();
    }
}

/// A place that is out of reach, once it is told so.
struct Flaky {
    inner: LocalFiles,
    gone: Arc<AtomicBool>,
}

impl LockBackend for Flaky {
    fn name(&self) -> &'static str {
        "flaky"
    }

    fn place(&self) -> String {
        "there".into()
    }

    fn read(&self, keys: &KeySet, freshness: Freshness) -> Result<Vec<Observed>, LockError> {
        self.inner.read(keys, freshness)
    }

    fn list(&self, freshness: Freshness) -> Result<Vec<Listed>, LockError> {
        self.inner.list(freshness)
    }

    fn swap(&self, swap: &Swap) -> Result<Swapped, LockError> {
        if self.gone.load(Ordering::Relaxed) {
            return Err(LockError::Unreachable { place: self.place(), message: "gone".into() });
        }
        self.inner.swap(swap)
    }

    fn history(&self, key: &LockKey, limit: usize) -> Result<Vec<Past>, LockError> {
        self.inner.history(key, limit)
    }
}

#[test]
fn half_a_lock_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let gone = [Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false))];
    let half = |n: usize, name: &str| {
        Box::new(Flaky { inner: LocalFiles::new(dir.path().join(name)), gone: Arc::clone(&gone[n]) })
    };
    let ana = actor(Arc::new(Moving::new(half(0, "now"), half(1, "former"))), "ana", "r1");
    let set = |n: usize, value: bool| gone[n].store(value, Ordering::Relaxed);
    // The new place cannot be reached: the former half is given back.
    set(0, true);
    assert!(matches!(take(&ana), Err(LockError::Unreachable { .. })));
    let given = ana.last(BOTH[0]);
    assert_eq!((given.state, given.act, given.effect), (LockState::Free, Act::GivenBack, Effect::None));
    set(0, false);
    let lease = take(&ana).unwrap();
    // Released in the new place, and the former one cannot be told: it goes on excluding.
    set(1, true);
    let error = ana.locks().release(&lease, Some(&oid('1')), None).unwrap_err();
    assert!(matches!(&error, LockError::Ambiguous { key, .. } if key.as_str() == BOTH[0]), "{error}");
    assert_eq!(states(&ana), [LockState::Held, LockState::Free]);
    set(1, false);
    assert!(take(&actor(Arc::clone(&ana.backend), "bob", "r2")).is_err());
    ana.again("r3").locks().evict(&keys(&BOTH), "r1", None).unwrap();
    assert_eq!(states(&ana), [LockState::Free; 2]);
}

/// Takes by what an earlier look has seen, guarding `main`.
fn by_known(who: &Actor, seen: &crate::git::Oid) -> ByKnown {
    let carry = [(LockKey::new(BOTH[1]).unwrap(), LockKey::new(BOTH[0]).unwrap())];
    let (both, freshness) = (keys(&BOTH), Freshness::Known);
    let branch = Some(BranchChange::Unmoved { name: "refs/heads/main".into(), seen: seen.clone() });
    let request = AcquireRequest { carry: &carry, contains: &contains, branch, freshness, ..request(&both) };
    who.locks().acquire_by_known(&request).unwrap()
}

#[test]
fn a_refusal_of_the_former_place_tells_nothing_of_the_branch() {
    let (world, repo) = World::new();
    let head = repo.head().unwrap().oid.unwrap();
    let clone = |name: &str| world.open(&world.clone_as(name));
    let git = |name: &str| Box::new(GitRefs::new(clone(name), "origin", PREFIX, Interrupts::new()).unwrap());
    // The former place is another remote, of which something was known as well.
    let other = World::empty();
    let elsewhere = |name: &str| {
        GitRefs::new(other.open(&other.clone_as(name)), "origin", PREFIX, Interrupts::new()).unwrap()
    };
    let old = actor(Arc::new(elsewhere("old")), "ana", "r1");
    let new = actor(Arc::new(Moving::new(git("new"), Box::new(elsewhere("new")))), "bob", "r2");
    let ByKnown::Taken(lease) = by_known(&new, &head) else { panic!() };
    new.locks().release(&lease, None, None).unwrap();
    let lease = old.take(&["alpha/prod"]).unwrap();
    old.locks().release(&lease, None, None).unwrap();
    let a = world.path().join("a");
    world.commit(&a, "file", "two");
    world.git(&a, &["push", "-q", "origin", "HEAD:main"]);
    assert!(matches!(by_known(&new.again("r3"), &head), ByKnown::NotSo { looked: false }));
    assert_eq!(states(&new), [LockState::Free; 2]);
}

#[test]
fn prefixes_that_would_hold_each_other_are_refused() {
    let world = World::empty();
    let open = |prefix: &str| {
        GitRefs::new(
            world.open(&world.clone_as(&prefix.replace('/', "_"))),
            "origin",
            prefix,
            Interrupts::new(),
        )
    };
    for (now, former) in [(PREFIX, PREFIX), ("refs/x/y", "refs/x/y/z"), ("refs/x/y/w", "refs/x/y")] {
        assert!(
            matches!(open(now).unwrap().with_former(former), Err(LockError::Config(_))),
            "{now} {former}"
        );
    }
    assert!(open("refs/x/a").unwrap().with_former("refs/x/ab").is_ok());
}
