//! A remote that is away once the command has run: it is tried again for a while, and what has succeeded
//! here is known to the next run, so that nothing is applied twice.

use rustix::process::Signal;
use serde_json::json;

use crate::harness::{ALIAS, Checkout, Cmd, EventGate, Output, World};

/// The usual alias with a commit to push, by a tool that ends with this code and takes the remote away.
fn takes_the_remote_away(world: &World, code: u8) -> (Checkout<'_>, String) {
    let a = world.clone("a");
    let away = json!({ "run": ["mv", world.origin(), world.path("away.git")] });
    world.tool("tofu").does(json!([away, { "exit": code }]));
    let commit = a.commit_file("notes", "x\n");
    (a, commit)
}

fn brings_it_back(world: &World) {
    std::fs::rename(world.path("away.git"), world.origin()).expect("the world is writable");
}

fn assert_applied(world: &World, commit: &str) {
    assert_eq!(world.origin_at("main"), commit);
    let record = world.lock("alpha/prod").expect("a record");
    assert_eq!((&record["state"], &record["applied"]), (&json!("free"), &json!(commit)));
    assert_eq!(world.called(), ["tofu"], "the tool is not run again");
}

/// The line that a hint offers to go on with, as a shell runs it.
fn offered<'w>(a: &Checkout<'w>, world: &'w World, out: &Output) -> Cmd<'w> {
    let commands = out.offered_commands();
    let line = commands.iter().find(|line| line.contains("git-check lock git-push unlock"));
    let line = line.unwrap_or_else(|| panic!("none offered\n{out}"));
    assert!(!line.contains("exec") && !line.contains("tofu"), "{line}");
    world.program("sh", a.dir()).args(["-c", line])
}

#[test]
fn a_remote_that_comes_back_in_time_is_told_and_nothing_is_left_to_do() {
    let world = World::new();
    let (a, commit) = takes_the_remote_away(&world, 0);
    let mut run = a.alias("tofu apply").env("LOCKSTEP_RETRY", "10m").start();
    run.wait_for_text("tried again for 10m");
    brings_it_back(&world);
    run.finish().code(0);
    assert_applied(&world, &commit);
}

#[test]
fn a_failure_is_recorded_when_the_remote_comes_back_in_time() {
    let world = World::new();
    let (a, _) = takes_the_remote_away(&world, 3);
    let mut run = a.alias("tofu apply").env("LOCKSTEP_RETRY", "10m").start();
    run.wait_for_text("tried again for 10m");
    brings_it_back(&world);
    run.finish().code(3);
    assert_eq!(world.lock_state("alpha/prod"), "failed");
}

#[test]
fn an_interrupt_ends_the_waiting_and_the_next_run_knows_of_the_success() {
    let world = World::new();
    let (a, commit) = takes_the_remote_away(&world, 0);
    let mut run = a.alias("tofu apply").env("LOCKSTEP_RETRY", "10m").start();
    run.wait_for_text("tried again for 10m");
    run.signal(Signal::INT);
    let out = run.finish();
    out.code(69).says("need not run again");
    brings_it_back(&world);
    offered(&a, &world, &out).run().code(0);
    assert_applied(&world, &commit);
}

#[test]
fn a_success_of_which_the_remote_never_heard_is_finished_without_another_apply() {
    let world = World::new();
    let (a, commit) = takes_the_remote_away(&world, 0);
    let out = a.alias("tofu apply").run();
    out.code(69);
    brings_it_back(&world);
    assert_eq!(world.lock_state("alpha/prod"), "held");
    // Only its owner, and only where it is written down.
    let b = world.clone("b");
    b.alias("tofu apply").owner("bob@host2").run().code(75);
    offered(&a, &world, &out).run().code(0);
    assert_applied(&world, &commit);
}

#[test]
fn a_failure_of_which_the_remote_never_heard_is_no_success() {
    let world = World::new();
    let (a, commit) = takes_the_remote_away(&world, 3);
    a.alias("tofu apply").run().code(3).never_says("need not run again");
    brings_it_back(&world);
    a.lockstep("build git-check lock git-push unlock -- alpha prod").run().code(0);
    assert_ne!(world.lock_state("alpha/prod"), "free");
    world.tool("tofu");
    a.alias("tofu apply").run().code(0);
    assert_eq!(world.origin_at("main"), commit);
}

/// The usual alias with a commit to push, at its first event.
fn at_its_first_event(world: &World) -> (Checkout<'_>, String, EventGate) {
    let a = world.clone("a");
    world.tool("tofu");
    let commit = a.commit_file("notes", "x\n");
    let gate = EventGate::start(|fd| a.lockstep(&format!("--events {fd} {ALIAS} tofu apply")));
    (a, commit, gate)
}

#[test]
fn killed_between_success_and_push_the_next_run_need_not_apply_again() {
    let world = World::new();
    let (_, events) = at_its_first_event(&world).2.finish();
    let finished = events.iter().position(|event| event["event"] == "command_finished").expect("it is told");
    let world = World::new();
    let (a, commit, mut gate) = at_its_first_event(&world);
    gate.hold_at(finished);
    assert_eq!(gate.kill().status.code(), None);
    assert_eq!((world.lock_state("alpha/prod"), world.called().len()), ("held".to_owned(), 1));
    a.lockstep("build git-check lock git-push unlock -- alpha prod").run().code(0);
    assert_applied(&world, &commit);
}

#[test]
fn of_two_commands_the_first_success_is_not_the_whole() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    let steps = "build git-check lock tofu:apply nothing-of-that-name:x git-push unlock -- alpha prod";
    world
        .tool("nothing-of-that-name")
        .does(json!([{ "run": ["mv", world.origin(), world.path("away.git")] }, { "exit": 1 }]));
    a.lockstep(steps).run().code(1);
    brings_it_back(&world);
    a.lockstep("build git-check lock git-push unlock -- alpha prod").run().code(0);
    assert_ne!(world.lock_state("alpha/prod"), "free");
}

#[test]
fn a_git_that_the_system_kills_after_the_command_is_no_interrupt_before_it() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    a.hook("pre-push", "kill -9 $PPID\n");
    let commit = a.commit_file("notes", "x\n");
    let out = a.alias("tofu apply").run();
    out.code(69).says("killed by signal 9");
    std::fs::remove_file(a.path(".git/hooks/pre-push")).expect("it was there");
    offered(&a, &world, &out).run().code(0);
    assert_applied(&world, &commit);
}

#[test]
fn before_a_command_nothing_is_tried_again() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    std::fs::rename(world.origin(), world.path("away.git")).expect("the world is writable");
    a.alias("tofu apply").env("LOCKSTEP_RETRY", "10m").run().code(69).never_says("tried again");
    assert!(world.called().is_empty());
}

#[test]
fn a_length_that_is_none_is_named_and_changes_nothing() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    a.alias("tofu apply")
        .env("LOCKSTEP_RETRY", "soon")
        .run()
        .code(0)
        .says("LOCKSTEP_RETRY is ignored: `soon`");
}
