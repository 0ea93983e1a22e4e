//! What only a remote can do to a lock: die around a write, refuse, move a branch, be raced late.

use std::sync::Arc;

use super::fixture::{Actor, Place, keys, request};
use super::git::{PREFIX, place_in};
use crate::git::testing::World;
use crate::git::{CommitStyle, Oid};
use crate::lock::{
    AcquireRequest, Act, BranchChange, BranchRefusal, Effect, GitRefs, LockError, LockState, Written,
};
use crate::process::{Interrupts, Signal};

const LOCK: &str = "refs/lockstep/locks/alpha/prod";
const MAIN: &str = "refs/heads/main";

/// An origin with one commit on main, and its name.
fn world() -> (Arc<World>, Place, Oid) {
    let (world, repo) = World::new();
    let head = repo.head().unwrap().oid.unwrap();
    let world = Arc::new(world);
    (Arc::clone(&world), place_in(Arc::clone(&world)), head)
}

/// A hook of the origin that acts once and is gone. That of a transaction acts when it is committed.
fn once(world: &World, name: &str, script: &str) {
    let file = world.origin().join("hooks").join(name);
    let wait = if name == "reference-transaction" { "[ $1 = committed ] || exit 0" } else { "" };
    world.hook(&world.origin(), name, &format!("{wait}\nrm '{}'\n{script}", file.display()));
}

fn was_run(world: &World, name: &str) -> bool {
    !world.origin().join("hooks").join(name).exists()
}

fn guarded<'a>(keys: &'a crate::lock::KeySet, seen: &Oid) -> AcquireRequest<'a> {
    let branch = Some(BranchChange::Unmoved { name: MAIN.into(), seen: seen.clone() });
    AcquireRequest { branch, commit: Some(seen.clone()), ..request(keys) }
}

#[test]
fn a_server_that_dies_around_the_write_leaves_no_doubt() {
    for (hook, script) in [
        ("pre-receive", "kill -9 $PPID"),
        ("post-receive", "kill -9 $PPID"),
        ("reference-transaction", "kill -9 $PPID"),
    ] {
        let (world, place, _) = world();
        once(&world, hook, script);
        let ana = place.run("ana", "r1");
        let lease = ana.take(&["alpha/prod", "beta/prod"]).unwrap();
        assert!(was_run(&world, hook), "{hook}");
        ana.locks().verify(&lease).unwrap();
        assert!(matches!(place.run("bob", "r2").take(&["beta/prod"]), Err(LockError::Held { .. })), "{hook}");
        once(&world, hook, script);
        ana.locks().release(&lease, None, None).unwrap();
        assert_eq!(ana.last("alpha/prod").state, LockState::Free);
        let chain = ana.chain("alpha/prod", 9);
        assert_eq!(chain.len(), 2, "{hook}: said twice, written once");
    }
}

#[test]
fn a_fused_push_that_was_answered_by_silence_has_moved_both() {
    let (world, place, head) = world();
    let a = world.path().join("a");
    let next = world.commit(&a, "file", "two");
    let backend = GitRefs::new(world.open(&a), "origin", PREFIX, Interrupts::new()).unwrap();
    let ana = Actor { backend: Arc::new(backend), ..place.run("ana", "r1") };
    let lease = ana.locks().acquire(&guarded(&keys(&["alpha/prod"]), &head)).unwrap();
    once(&world, "post-receive", "kill -9 $PPID");
    let forward = BranchChange::Forward { name: MAIN.into(), to: next.clone() };
    assert_eq!(ana.locks().release(&lease, Some(&next), Some(forward)).unwrap(), Written::Done);
    assert_eq!(world.oid(&world.origin(), MAIN), next);
    assert_eq!(ana.last("alpha/prod").applied, Some(next));
}

#[test]
fn our_record_is_looked_for_in_the_chain_and_not_only_at_its_tip() {
    let (world, place, _) = world();
    let ana = place.run("ana", "r1");
    let lease = ana.take(&["alpha/prod"]).unwrap();
    // The release arrives, its answer does not, and before it is said again somebody has the lock.
    let git = format!("env -i PATH=\"$PATH\" GIT_DIR='{}' git", world.origin().display());
    let script = format!(
        "next=$({git} -c user.name=x -c user.email=x commit-tree -p {LOCK} -m somebody \
         4b825dc642cb6eb9a060e54bf8d69288fbee4904)\n{git} update-ref {LOCK} $next; kill -9 $PPID",
    );
    world.git(&world.origin(), &["hash-object", "-w", "-t", "tree", "/dev/null"]);
    once(&world, "post-receive", &script);
    assert_eq!(ana.locks().release(&lease, None, None).unwrap(), Written::Done, "it had arrived");
    let subjects = world.git(&world.origin(), &["log", "--format=%s", LOCK]);
    assert!(subjects.starts_with("somebody\nreleased alpha/prod by ana"), "{subjects}");
    // The same for a lock that is taken: it was won, and is lost already.
    once(&world, "post-receive", &script.replace(LOCK, "refs/lockstep/locks/beta/prod"));
    assert!(
        matches!(ana.take(&["beta/prod"]), Err(LockError::Record { .. })),
        "nobody holds what another has"
    );
}

#[test]
fn a_remote_that_stays_silent_leaves_it_open_and_says_so() {
    let (world, place, _) = world();
    world.hook(&world.origin(), "pre-receive", "kill -9 $PPID");
    let ana = place.run("ana", "r1");
    let error = ana.take(&["alpha/prod"]).unwrap_err();
    assert!(matches!(error, LockError::Ambiguous { .. }), "{error:?}");
    // A run that is to end tries once only.
    let interrupts = Interrupts::new();
    interrupts.deliver(Signal::Term, false);
    let log = world.path().join("log");
    world.hook(&world.origin(), "pre-receive", &format!("echo x >>'{}'; kill -9 $PPID", log.display()));
    let dir = world.clone_as("hasty");
    let backend = GitRefs::new(world.open(&dir), "origin", PREFIX, interrupts).unwrap();
    let hasty = Actor { backend: Arc::new(backend), ..place.run("ana", "r2") };
    assert!(matches!(hasty.take(&["alpha/prod"]), Err(LockError::Ambiguous { .. })));
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "x\n");
}

#[test]
fn an_interrupt_within_the_push_leaves_one_more_to_find_out() {
    let (world, place, _) = world();
    let interrupts = Interrupts::new();
    let dir = world.clone_as("interrupted");
    let backend = GitRefs::new(world.open(&dir), "origin", PREFIX, interrupts.clone()).unwrap();
    let ana = Actor { backend: Arc::new(backend), ..place.run("ana", "r1") };
    let pipe = |name: &str| {
        let path = world.path().join(name);
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        path
    };
    let (there, go) = (pipe("there"), pipe("go"));
    let script = format!("echo >'{}'; cat '{}'; kill -9 $PPID", there.display(), go.display());
    once(&world, "post-receive", &script);
    let lease = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::fs::read(&there).unwrap();
            interrupts.deliver(Signal::Int, true);
            std::fs::write(&go, "").unwrap();
        });
        ana.take(&["alpha/prod"]).unwrap()
    });
    ana.locks().give_back(&lease, "interrupted").unwrap();
    assert_eq!(ana.last("alpha/prod").act, Act::GivenBack);
}

#[test]
fn a_push_that_was_never_heard_of_is_not_somebody_elses() {
    let (world, place, head) = world();
    let a = world.path().join("a");
    let next = world.commit(&a, "file", "two");
    let interrupts = Interrupts::new();
    let backend = GitRefs::new(world.open(&a), "origin", PREFIX, interrupts.clone()).unwrap();
    let ana = Actor { backend: Arc::new(backend), ..place.run("ana", "r1") };
    let mut lease = ana.locks().acquire(&guarded(&keys(&["alpha/prod"]), &head)).unwrap();
    // Who was asked to end pushes once, and the answer does not come.
    interrupts.deliver(Signal::Term, false);
    once(&world, "post-receive", "kill -9 $PPID");
    let forward = BranchChange::Forward { name: MAIN.into(), to: next.clone() };
    let error = ana.locks().pushed(&mut lease, forward).unwrap_err();
    assert!(matches!(error, LockError::Ambiguous { .. }), "{error:?}");
    assert_eq!(ana.last("alpha/prod").act, Act::Pushed);
    // The lock is kept, and its record says so.
    ana.locks().verify(&lease).unwrap();
    ana.locks().fail(&lease, Effect::Applied, "unheard").unwrap();
    let last = ana.last("alpha/prod");
    assert_eq!((last.act, last.generation, last.effect), (Act::Failed, 1, Effect::Applied));
    // An eviction is still one.
    let lease = ana.again("r2").take(&["alpha/prod"]).unwrap();
    let bob = place.run("bob", "r3");
    bob.locks().evict(&keys(&["alpha/prod"]), "r2", Some("why")).unwrap();
    let error = ana.again("r2").locks().fail(&lease, Effect::Applied, "late").unwrap_err();
    assert!(matches!(error, LockError::Lost { .. }), "{error:?}");
}

#[test]
fn a_moved_branch_a_lost_race_and_a_denied_ref_are_told_apart() {
    let (world, place, head) = world();
    let set = keys(&["alpha/prod"]);
    let ana = place.run("ana", "r1");
    world.hook(
        &world.origin(),
        "update",
        "case $1 in refs/lockstep/*) echo no locks here >&2; exit 1;; esac",
    );
    let error = ana.locks().acquire(&guarded(&set, &head)).unwrap_err();
    assert!(
        matches!(&error, LockError::Denied { message, .. } if message.contains("no locks here")),
        "{error:?}"
    );
    std::fs::remove_file(world.origin().join("hooks/update")).unwrap();
    world.git(&world.origin(), &["config", "receive.hideRefs", "refs/lockstep"]);
    assert!(matches!(ana.locks().acquire(&guarded(&set, &head)), Err(LockError::Denied { .. })));
    world.git(&world.origin(), &["config", "--unset", "receive.hideRefs"]);

    let a = world.path().join("a");
    let next = world.commit(&a, "file", "two");
    world.git(&a, &["push", "-q", "origin", "main"]);
    let error = ana.locks().acquire(&guarded(&set, &head)).unwrap_err();
    assert!(matches!(error, LockError::BranchMoved { .. }), "{error:?}");
    // Both at once: the lock is what counts, for it says with whom to speak.
    let bob = place.run("bob", "r2");
    bob.take(&["alpha/prod"]).unwrap();
    let known = AcquireRequest { freshness: crate::lock::Freshness::Known, ..guarded(&set, &head) };
    assert!(matches!(ana.locks().acquire(&known), Err(LockError::Held { .. })));
    assert_eq!(world.oid(&world.origin(), MAIN), next);
    // A branch that is gone has moved.
    let carl = place.run("carl", "r3");
    world.git(&world.origin(), &["update-ref", "-d", MAIN]);
    let gone = keys(&["gone/prod"]);
    assert!(matches!(carl.locks().acquire(&guarded(&gone, &next)), Err(LockError::BranchMoved { .. })));
}

#[test]
fn a_race_that_is_lost_on_the_server_is_a_lost_race() {
    let (world, place, _) = world();
    let bob = place.run("bob", "r2");
    bob.take(&["beta/prod"]).unwrap();
    // Bob's record of alpha is on the server already and becomes the lock while ana's push is on its way.
    let spare = place.run("bob", "r3");
    spare.take(&["alpha/prod"]).unwrap();
    let record = world.oid(&world.origin(), LOCK);
    world.git(&world.origin(), &["update-ref", "refs/other/keep", record.as_str()]);
    world.git(&world.origin(), &["update-ref", "-d", LOCK]);
    once(&world, "pre-receive", &format!("env -u GIT_QUARANTINE_PATH git update-ref {LOCK} {record}"));
    let error = place.run("ana", "r1").take(&["alpha/prod"]).unwrap_err();
    assert!(matches!(&error, LockError::Held { holder, .. } if holder.run == "r3"), "{error:?}");
}

#[test]
fn a_branch_that_the_server_protects_keeps_the_lock() {
    let (world, place, head) = world();
    let a = world.path().join("a");
    let next = world.commit(&a, "file", "two");
    let backend = GitRefs::new(world.open(&a), "origin", PREFIX, Interrupts::new()).unwrap();
    let ana = Actor { backend: Arc::new(backend), ..place.run("ana", "r1") };
    let mut lease = ana.locks().acquire(&guarded(&keys(&["alpha/prod"]), &head)).unwrap();
    world.hook(&world.origin(), "update", &format!("[ $1 != {MAIN} ] || {{ echo protected >&2; exit 1; }}"));
    let forward = BranchChange::Forward { name: MAIN.into(), to: next };
    for written in [
        ana.locks().release(&lease, None, Some(forward.clone())).unwrap(),
        ana.locks().pushed(&mut lease, forward).unwrap(),
    ] {
        assert!(
            matches!(&written, Written::Branch(BranchRefusal::Denied(m)) if m.contains("protected")),
            "{written:?}"
        );
    }
    ana.locks().verify(&lease).unwrap();
    ana.locks().fail(&lease, Effect::Unfinished, "push refused").unwrap();
    assert_eq!(ana.last("alpha/prod").act, Act::Failed);
}

#[test]
fn refs_that_hold_something_else_are_refused() {
    let (world, place, head) = world();
    let tagged = world.path().join("a");
    let blob = world.git(&tagged, &["hash-object", "-w", "file"]);
    // A commit with files, a blob, a commit without a record.
    let empty = world
        .open(&tagged)
        .write_commit("no record", None, crate::env::Clock::System.now(), &CommitStyle::default())
        .unwrap();
    for target in [head.as_str(), &blob, empty.as_str()] {
        world.git(&tagged, &["push", "-q", "--force", "origin", &format!("{target}:{LOCK}")]);
        let error = place.run("ana", "r1").take(&["alpha/prod"]).unwrap_err();
        assert!(matches!(error, LockError::Record { .. }), "{error:?}");
        assert_eq!(world.git(&world.origin(), &["rev-parse", LOCK]), target);
    }
}

#[test]
fn a_lock_that_was_deleted_or_wound_back_is_lost() {
    let (world, place, _) = world();
    let ana = place.run("ana", "r1");
    ana.take(&["alpha/prod"]).map(|lease| ana.locks().fail(&lease, Effect::Unfinished, "").unwrap()).unwrap();
    let ana = ana.again("r2");
    let lease = ana.take(&["alpha/prod"]).unwrap();
    // To an ancestor of ours: a push that only moves forward would go through.
    world.git(&world.origin(), &["update-ref", LOCK, &format!("{LOCK}~1")]);
    let error = ana.locks().release(&lease, None, None).unwrap_err();
    assert!(matches!(&error, LockError::Lost { now: Some(now), .. } if now.run == "r1"), "{error:?}");
    world.git(&world.origin(), &["update-ref", "-d", LOCK]);
    let error = ana.locks().release(&lease, None, None).unwrap_err();
    assert!(error.to_string().contains("its record is gone"), "{error}");
    assert_ne!(world.try_git(&world.origin(), &["rev-parse", "--verify", LOCK]).0, Some(0));
}
