//! Whether a run begins with the push that takes the lock or asks first, by what its clone knows of who
//! else runs here.

use std::time::{Duration, SystemTime};

use serde_json::json;

use crate::connections::{ANA, BOB, alias, known, words};
use crate::harness::{Checkout, World, connections};

/// What the usual alias in this clone asked of the remote; it must succeed.
#[track_caller]
fn asked(world: &World, clone: &Checkout<'_>, owner: &str) -> Vec<String> {
    let (out, calls) = alias(world, clone, owner);
    out.code(0);
    words(&calls).into_iter().map(str::to_owned).collect()
}

/// The file by whose time a clone knows when it has last fetched the locks.
const ASKED: &str = ".git/lockstep/asked/origin";

/// Moves the time of that file by so many hours.
fn fetched_hours_from_now(clone: &Checkout<'_>, hours: i32) {
    let distance = Duration::from_secs(3600 * u64::from(hours.unsigned_abs()));
    let now = SystemTime::now();
    let then = if hours < 0 { now - distance } else { now + distance };
    let file = std::fs::File::options().write(true).open(clone.path(ASKED)).expect("it has fetched");
    file.set_modified(then).expect("our own file");
}

/// Makes everything that the clone knows so many hours older than it is (or younger): when it has
/// fetched, and the last record, which is exchanged on `origin` as well.
fn known_hours_from_now(world: &World, clone: &Checkout<'_>, hours: i32) {
    fetched_hours_from_now(clone, hours);
    let tracked = "refs/lockstep/remotes/origin/locks/alpha/prod";
    let message = clone.git(&format!("log -1 --format=%B {tracked}"));
    let time = world.lock("alpha/prod").expect("a record")["time"].as_str().expect("a time").to_owned();
    let then: jiff::Timestamp = time.parse().expect("a time");
    let message =
        message.replace(&time, &(then + jiff::SignedDuration::from_hours(hours.into())).to_string());
    let empty = clone.git(&format!("rev-parse {tracked}^{{tree}}"));
    let (empty, parent) = (empty.trim(), format!("{tracked}^"));
    let commit = world.git_args(clone.dir(), &["commit-tree", empty, "-p", &parent, "-m", &message]);
    clone.git(&format!("push -q -f origin {}:refs/lockstep/locks/alpha/prod", commit.trim()));
    clone.git(&format!("update-ref {tracked} {}", commit.trim()));
}

#[test]
fn people_who_alternate_ask_first_and_then_not_again_while_they_work() {
    let world = World::new();
    let (a, b) = (known(&world), world.clone("b"));
    known_hours_from_now(&world, &a, -1);
    assert_eq!(asked(&world, &b, BOB), ["fetch", "push", "push"]);
    assert_eq!(asked(&world, &b, BOB), ["push", "push"]);
    known_hours_from_now(&world, &b, -1);
    // That anybody else is here is not known before the first time.
    assert_eq!(asked(&world, &a, ANA), ["push", "fetch", "push", "push"]);
    known_hours_from_now(&world, &a, -1);
    for (clone, owner) in [(&b, BOB), (&a, ANA), (&b, BOB), (&a, ANA)] {
        assert_eq!(asked(&world, clone, owner), ["fetch", "push", "push"]);
        assert_eq!(asked(&world, clone, owner), ["push", "push"]);
        clone.commit_file("notes", owner);
        assert_eq!(asked(&world, clone, owner), ["fetch", "push", "push"]);
        known_hours_from_now(&world, clone, -1);
        a.git("pull -q");
        b.git("pull -q");
    }
    assert_eq!(world.lock("alpha/prod").expect("a record")["generation"], json!(16));
}

#[test]
fn who_runs_alone_asks_nobody_however_long_ago_it_was() {
    let world = World::new();
    let a = known(&world);
    known_hours_from_now(&world, &a, -1000);
    assert_eq!(asked(&world, &a, ANA), ["push", "push"]);
    known_hours_from_now(&world, &a, 1000);
    std::fs::remove_file(a.path(ASKED)).expect("it has fetched");
    assert_eq!(asked(&world, &a, ANA), ["push", "push"]);
}

#[test]
fn who_was_seen_here_long_ago_is_forgotten_after_some_runs() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    world.clone("b").alias("tofu apply").owner(BOB).run().code(0);
    let run = || {
        a.lockstep("git-check lock unlock -- alpha prod").run().code(0);
        known_hours_from_now(&world, &a, -1);
    };
    run();
    assert_eq!(asked(&world, &a, ANA), ["fetch", "push", "push"]);
    (0..9).for_each(|_| run());
    assert_eq!(asked(&world, &a, ANA), ["push", "push"]);
}

#[test]
fn where_others_run_a_time_that_cannot_be_right_or_is_missing_is_no_reason_not_to_ask() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    world.clone("b").alias("tofu apply").owner(BOB).run().code(0);
    let first = ["fetch", "push", "push"];
    assert_eq!(asked(&world, &a, ANA), first);
    // The clock was set back since: all that is known is of a time that is yet to come.
    known_hours_from_now(&world, &a, 2);
    assert_eq!(asked(&world, &a, ANA), first);
    known_hours_from_now(&world, &a, -1);
    std::fs::remove_file(a.path(ASKED)).expect("it has fetched");
    assert_eq!(asked(&world, &a, ANA), first);
    // What this run itself has done is known without the file.
    fetched_hours_from_now(&a, -1);
    assert_eq!(asked(&world, &a, ANA), ["push", "push"]);
}

#[test]
fn who_has_just_looked_asks_no_second_time() {
    let world = World::new();
    let a = known(&world);
    let b = world.clone("b");
    b.commit_file("notes", "x\n");
    b.alias("tofu apply").owner(BOB).run().code(0);
    alias(&world, &a, ANA).0.code(77);
    a.git("pull -q");
    assert_eq!(asked(&world, &a, ANA), ["push", "push"]);
    b.alias("tofu apply").owner(BOB).run().code(0);
    fetched_hours_from_now(&a, -1);
    a.lockstep("locks").run().code(0);
    assert_eq!(asked(&world, &a, ANA), ["push", "push"]);
}

#[test]
fn a_unit_that_nobody_has_run_is_asked_about_where_others_run() {
    let world = World::new();
    let a = known(&world);
    let b = world.clone("b");
    let first_of = |unit: &str| {
        fetched_hours_from_now(&a, -1);
        let run = || a.lockstep(&format!("git-check lock unlock -- {unit}")).run();
        let (out, calls) = connections(&world, run);
        out.code(0);
        words(&calls).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(first_of("beta prod"), ["push", "push"]);
    b.lockstep("git-check lock unlock -- alpha dev").owner(BOB).run().code(0);
    a.lockstep("locks").run().code(0);
    assert_eq!(first_of("beta dev"), ["fetch", "push", "push"]);
}

#[test]
fn lock_without_git_check_asks_first_only_where_others_run() {
    let world = World::new();
    let a = known(&world);
    let b = world.clone("b");
    let lock_alone = || {
        let (out, calls) = connections(&world, || a.lockstep("lock unlock -- alpha prod").run());
        out.code(0);
        words(&calls).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    known_hours_from_now(&world, &a, -1);
    assert_eq!(lock_alone(), ["push", "push"]);
    b.lockstep("lock unlock -- alpha prod").owner(BOB).run().code(0);
    assert_eq!(lock_alone(), ["push", "fetch", "push", "push"]);
    known_hours_from_now(&world, &a, -1);
    assert_eq!(lock_alone(), ["fetch", "push", "push"]);
    // Whatever is known, it refuses nobody: neither what somebody held, nor what cannot be read.
    world.link("fails", &world.path("bin/false"));
    b.lockstep("build lock fails: unlock -- alpha prod").owner(BOB).run().code(1);
    a.lockstep("lock unlock -- alpha prod").run().code(75).says(BOB);
    b.lockstep("unlock-any -- alpha prod").owner(BOB).run().code(0);
    assert_eq!(lock_alone(), ["fetch", "push", "push"]);
    // A lock that is known here and gone there is looked for once more.
    a.git("update-ref refs/lockstep/remotes/origin/locks/@all/prod HEAD");
    assert_eq!(lock_alone(), ["fetch", "fetch", "push", "push"]);
}
