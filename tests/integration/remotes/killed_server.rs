//! The server's git killed in the middle of a push, before, between and after the refs move: the run
//! finds out what became of it where that can be found out, and the next run sees the truth.

use std::path::PathBuf;

use serde_json::json;

use super::assert_applied;
use crate::harness::{Checkout, Output, SshServer, World};

/// A hook of `origin` that kills the git which runs it, once, when the file `tmp/kill` is there.
fn killing_hook(world: &World, hook: &str, when: &str) {
    let body =
        format!("[ -e \"$WORLD/tmp/kill\" ] || exit 0\n{when}\nrm \"$WORLD/tmp/kill\"\nkill -9 $PPID\n");
    world.origin_hook(hook, &body);
}

/// A run of the usual alias with a commit to push; the server dies while it takes the lock, or while
/// it takes the push that gives the lock back.
fn run(world: &World, hook: &str, when: &str, at_release: bool) -> (String, Output) {
    let a = Checkout::at(world, "a");
    killing_hook(world, hook, when);
    let kill = world.sign("kill");
    if at_release {
        world.tool("tofu").does(json!([{ "touch": kill }]));
    } else {
        world.tool("tofu");
        std::fs::write(&kill, "").expect("the world is writable");
    }
    let commit = a.commit_file("notes", &format!("{hook} {at_release}\n"));
    let out = a.alias("tofu apply").run();
    assert!(!kill.exists(), "nothing was killed\n{out}");
    (commit, out)
}

/// Deaths after which the same push, said again, tells what became of it.
fn nothing_is_lost(world: &World) {
    let _ = world.clone("a");
    let hooks = [
        ("pre-receive", ""),
        ("update", "[ \"$1\" = refs/lockstep/locks/alpha/prod ] || exit 0"),
        ("reference-transaction", "[ \"$1\" = committed ] || exit 0"),
        ("post-receive", ""),
    ];
    let mut runs = 0;
    for (hook, when) in hooks {
        for at_release in [false, true] {
            let (commit, out) = run(world, hook, when, at_release);
            runs += 1;
            assert_eq!(out.status.code(), Some(0), "{hook}, {at_release}\n{out}");
            assert_applied(world, &commit);
            assert_eq!(world.called().len(), runs, "the tool runs once: {hook}, {at_release}");
        }
        std::fs::remove_file(world.origin().join("hooks").join(hook)).expect("it was there");
    }
}

const LOCKED: (&str, &str) = ("reference-transaction", "[ \"$1\" = prepared ] || exit 0");

/// The files by which the dead git still locks refs.
fn left_locked(world: &World) -> Vec<PathBuf> {
    let locks = ["alpha/prod", "@all/@all"].map(|key| format!("refs/lockstep/locks/{key}.lock"));
    let files = ["HEAD.lock", "refs/heads/main.lock"].map(str::to_owned).into_iter().chain(locks);
    files.map(|file| world.origin().join(file)).filter(|file| file.exists()).collect()
}

/// As the server's owner does it who has read the message.
fn unlock_refs(world: &World) {
    left_locked(world).iter().for_each(|file| std::fs::remove_file(file).expect("just seen"));
    world.tool("tofu");
}

/// Dies with the refs locked and not yet moved, while the lock is taken.
fn refs_left_locked_by_the_acquire(world: &World) {
    let a = world.clone("a");
    let (commit, out) = run(world, LOCKED.0, LOCKED.1, false);
    out.code(69);
    assert!(world.called().is_empty());
    assert_eq!(world.lock_state("alpha/prod"), "none");
    assert!(!left_locked(world).is_empty());
    // Until somebody mends the server, everybody reads what is wrong there.
    let again = a.alias("tofu apply").run();
    again
        .code(78)
        .says("refs/lockstep/locks/@all/@all.lock': File exists")
        .says("hint: a git process died on the server");
    assert!(world.called().is_empty());
    unlock_refs(world);
    a.alias("tofu apply").run().code(0);
    assert_applied(world, &commit);
}

/// Dies with the refs locked while branch and lock are to be moved; `moved`: the branch was moved
/// already, and the lock not yet.
fn refs_left_locked_by_the_release(world: &World, moved: bool) {
    let (a, b) = (world.clone("a"), world.clone("b"));
    let before = world.origin_at("main");
    let (commit, out) = run(world, LOCKED.0, LOCKED.1, true);
    out.code(69);
    assert_eq!((world.origin_at("main"), world.lock_state("alpha/prod")), (before, "held".to_owned()));
    if moved {
        // As git does it: one file after the other is given its name.
        let main = world.origin().join("refs/heads/main");
        std::fs::rename(main.with_extension("lock"), main).expect("the dead git has made it");
        assert_eq!(world.origin_at("main"), commit);
    }
    let theirs = b.alias("tofu apply").owner("bob@host2").run();
    if moved {
        theirs.code(77).says("behind");
        b.git("pull -q");
        b.alias("tofu apply").owner("bob@host2").run().code(75).says("ana@host1");
    } else {
        theirs.code(75).says("ana@host1");
    }
    a.alias("tofu apply").run().says("prod.lock");
    assert_eq!(world.called().len(), 1);
    assert_eq!(world.lock_state("alpha/prod"), "held");
    unlock_refs(world);
    a.alias("tofu apply").run().code(0);
    assert_applied(world, &commit);
    assert_eq!(world.called().len(), 2, "nobody could know that the change was whole");
}

#[test]
fn by_file_nothing_is_lost() {
    nothing_is_lost(&World::new());
}

#[test]
fn by_ssh_nothing_is_lost() {
    let world = World::new();
    let Some(_server) = SshServer::start(&world) else { return };
    nothing_is_lost(&world);
}

#[test]
fn by_file_refs_are_left_locked() {
    refs_left_locked_by_the_acquire(&World::new());
    refs_left_locked_by_the_release(&World::new(), false);
    refs_left_locked_by_the_release(&World::new(), true);
}

#[test]
fn by_ssh_refs_are_left_locked() {
    for act in [
        refs_left_locked_by_the_acquire,
        |world: &World| refs_left_locked_by_the_release(world, false),
        |world: &World| refs_left_locked_by_the_release(world, true),
    ] {
        let world = World::new();
        let Some(_server) = SshServer::start(&world) else { return };
        act(&world);
    }
}
