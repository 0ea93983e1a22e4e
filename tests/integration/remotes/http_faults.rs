//! HTTP that breaks around a write: a run ends with the truth, and the next one sees it.
//!
//! The first push of the usual alias takes the lock, the second moves the branch and gives the lock
//! back. Where connections are kept alive the http library says a request again by itself when a
//! connection breaks, so that git is told "no" about what its own first try has done.

use serde_json::{Value, json};

use super::assert_applied;
use crate::harness::{Checkout, HttpRequest as Request, HttpServer, World};

/// A clone with a commit to push, and a tool.
fn ready(world: &World) -> (Checkout<'_>, String) {
    let a = world.clone("a");
    world.tool("tofu");
    let commit = a.commit_file("modules/alpha/main.tf", "newer\n");
    (a, commit)
}

/// A fault at the n-th push, counted from 0.
fn at_push(nth: u32, what: &str) -> Value {
    json!({ "at": "push", "skip": nth, "times": 1, "do": what })
}

const ACQUIRE: u32 = 0;
const FUSED: u32 = 1;

/// Everything that can happen once around either push of the alias.
fn breaks_once(keep_alive: bool) {
    let world = World::new();
    let server = HttpServer::with(&world, None, keep_alive);
    let a = world.clone("a");
    world.tool("tofu");
    for nth in [ACQUIRE, FUSED] {
        for what in ["before", "after", "torn"] {
            let case = format!("{what} at push {nth}");
            let commit = a.commit_file("modules/alpha/main.tf", &case);
            let past = (server.requests().len(), world.lock_history("alpha/prod").len());
            server.faults(&[at_push(nth, what)]);
            let out = a.alias("tofu apply").run();
            assert!(out.status.success(), "{case}: {out}");
            let unanswered = |r: &&Request| r.what == "push" && r.status.is_none();
            assert_eq!(server.requests()[past.0..].iter().filter(unanswered).count(), 1, "{case}");
            assert_applied(&world, &commit);
            let history = world.lock_history("alpha/prod");
            let acts: Vec<_> = history[..history.len() - past.1].iter().map(|r| &r["act"]).collect();
            assert_eq!(acts, [&json!("released"), &json!("acquired")], "{case}: each was written once");
        }
    }
    // The same for a push without a lock.
    for what in ["before", "after"] {
        let commit = a.commit_file("notes", what);
        server.faults(&[at_push(0, what)]);
        let out = a.lockstep("git-check git-push -- alpha prod").run();
        assert!(out.status.success(), "{what} at a plain push: {out}");
        assert_eq!(world.origin_at("main"), commit);
    }
}

#[test]
fn a_connection_that_breaks_once_around_a_write_changes_nothing() {
    breaks_once(false);
}

#[test]
fn a_request_that_is_said_twice_is_not_lost_to_itself() {
    breaks_once(true);
}

#[test]
fn an_acquire_that_never_arrives_leaves_it_open_and_changes_nothing() {
    let world = World::new();
    let server = HttpServer::start(&world);
    let (a, commit) = ready(&world);
    let before = world.origin_at("main");
    server.faults(&[json!({ "at": "push", "do": "before" })]);
    a.alias("tofu apply").run().code(69).says("not known");
    assert!(world.called().is_empty());
    assert_eq!((world.origin_at("main"), world.lock_state("alpha/prod")), (before, "none".to_owned()));
    server.faults(&[]);
    a.alias("tofu apply").run().code(0);
    assert_applied(&world, &commit);
}

#[test]
fn a_release_that_never_arrives_keeps_the_lock() {
    let world = World::new();
    let server = HttpServer::start(&world);
    let (a, commit) = ready(&world);
    let before = world.origin_at("main");
    server.faults(&[json!({ "at": "push", "skip": 1, "do": "before" })]);
    a.alias("tofu apply").run().code(69).says("not known");
    assert_eq!((world.origin_at("main"), world.lock_state("alpha/prod")), (before, "held".to_owned()));
    server.faults(&[]);
    a.alias("tofu apply").run().code(0);
    assert_applied(&world, &commit);
}

#[test]
fn a_server_that_vanishes_after_the_acquire_leaves_a_lock_that_the_next_run_sees() {
    let world = World::new();
    let server = HttpServer::start(&world);
    let (a, commit) = ready(&world);
    let b = world.clone("b");
    server.faults(&[at_push(ACQUIRE, "vanish")]);
    a.alias("tofu apply").run().code(69).says("not known");
    assert!(world.called().is_empty());
    assert_eq!(world.lock_state("alpha/prod"), "held");
    server.faults(&[]);
    b.alias("tofu apply").owner("bob@host2").run().code(75).says("ana@host1");
    // The same owner on the same host has the proof that that run has ended.
    a.alias("tofu apply").run().code(0);
    assert_applied(&world, &commit);
}

#[test]
fn a_server_that_vanishes_after_branch_and_release_has_moved_both() {
    let world = World::new();
    let server = HttpServer::start(&world);
    let (a, commit) = ready(&world);
    let b = world.clone("b");
    server.faults(&[at_push(FUSED, "vanish")]);
    a.alias("tofu apply").run().code(69).says("not known");
    assert_applied(&world, &commit);
    server.faults(&[]);
    b.git("pull -q");
    b.alias("tofu apply").owner("bob@host2").run().code(0);
    a.alias("tofu apply").run().code(0);
}

#[test]
fn an_answer_that_is_not_gits_is_a_remote_that_cannot_be_reached() {
    let world = World::new();
    let server = HttpServer::start(&world);
    let (a, commit) = ready(&world);
    for status in [403, 404, 500] {
        for at in ["any", "push-refs"] {
            server.faults(&[json!({ "at": at, "do": status })]);
            let out = a.alias("tofu apply").run();
            out.code(69);
            assert!(out.stderr().contains("origin"), "{out}");
            assert_eq!(world.lock_state("alpha/prod"), "none", "{status} at {at}");
        }
    }
    assert!(world.called().is_empty());
    // The right to push was taken away while the tool ran.
    server.faults(&[json!({ "at": "push-refs", "skip": 1, "do": 403 })]);
    a.alias("tofu apply").run().code(69).never_says("nothing was done");
    assert_eq!((world.called().len(), world.lock_state("alpha/prod")), (1, "held".to_owned()));
    server.faults(&[]);
    a.alias("tofu apply").run().code(0);
    assert_applied(&world, &commit);
}

#[test]
fn a_push_that_is_answered_with_an_error_is_said_again() {
    let world = World::new();
    let server = HttpServer::start(&world);
    let a = world.clone("a");
    world.tool("tofu");
    for (nth, status) in [(ACQUIRE, 500), (FUSED, 403)] {
        let commit = a.commit_file("notes", &status.to_string());
        server.faults(&[json!({ "at": "push", "skip": nth, "times": 1, "do": status })]);
        let out = a.alias("tofu apply").run();
        assert!(out.status.success(), "{status} at push {nth}: {out}");
        assert_applied(&world, &commit);
    }
}
