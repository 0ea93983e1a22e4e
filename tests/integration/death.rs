//! Death and orders to end at every event of the usual alias: whatever it was, the next run sees the
//! truth, is told how to go on, and ends what was begun.

use std::collections::BTreeMap;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::harness::{Checkout, EventGate, World, wait_until};

/// The usual alias by `ana`, with a commit to push, as far as its first event.
fn begin(world: &World) -> (Checkout<'_>, String, EventGate) {
    let a = world.clone("a");
    world.tool("tofu");
    let commit = a.commit_file("notes", "x\n");
    let words = "build git-check lock exec git-push unlock-any -- alpha prod tofu apply";
    let gate = EventGate::start(|events| a.lockstep(&format!("--events {events} {words}")));
    (a, commit, gate)
}

/// What an event is, for people.
fn label(event: &Value) -> String {
    let text = |key: &str| event[key].as_str().unwrap_or_default();
    format!("{} {}", text("event"), text("step")).trim().to_owned()
}

/// All events of a run that nothing happens to.
fn labels() -> Vec<String> {
    let world = World::new();
    let (_, _, gate) = begin(&world);
    let (out, events) = gate.finish();
    out.code(0);
    events.iter().map(label).collect()
}

/// Each generation is one run's, and there is no gap: nobody ever held the lock beside another.
fn assert_one_holder_a_generation(world: &World, at: &str) {
    let mut runs: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for record in world.lock_history("alpha/prod") {
        let run = record["run"].as_str().expect("a text").to_owned();
        runs.entry(record["generation"].as_u64().expect("a number")).or_default().push(run);
    }
    for (number, (generation, mut runs)) in runs.into_iter().enumerate() {
        assert_eq!(generation, number as u64 + 1, "{at}");
        runs.dedup();
        assert_eq!(runs.len(), 1, "{at}: {runs:?}");
    }
}

/// What others see of a run that ended somehow, and that its owner goes on from there.
fn the_next_runs_see_the_truth(world: &World, a: &Checkout<'_>, commit: &str, at: &str) {
    let b = world.clone("b");
    let (held, pushed) = (world.lock_state("alpha/prod") == "held", world.origin_at("main") == commit);
    let calls = world.calls().len();
    // Somebody else: refused while the lock is held, with the holder's name and the way on.
    let theirs = b.alias("tofu apply").owner("bob@host2").run();
    if held {
        assert!(!pushed, "{at}: the branch moves with the lock's release only");
        theirs.code(75).says("ana@host1");
        assert!(theirs.offered_commands().iter().any(|c| c.contains("unlock-any")), "{at}\n{theirs}");
        assert_eq!(world.calls().len(), calls, "{at}");
    } else {
        theirs.code(0);
    }
    // Whoever it was: his own next run takes over, and nothing of it is lost.
    let own = a.alias("tofu apply").run();
    assert_eq!(own.status.code(), Some(0), "{at}\n{own}");
    assert_eq!(world.origin_at("main"), commit, "{at}");
    let record = world.lock("alpha/prod").expect("a record");
    assert_eq!((&record["state"], &record["applied"]), (&json!("free"), &json!(commit)), "{at}");
    assert_one_holder_a_generation(world, at);
}

/// Kills a run at those events whose number leaves `part` when divided by two.
fn killed_at_each_event(part: usize) {
    let labels = labels();
    let number_of = |name: &str| labels.iter().position(|label| label == name).expect("it is an event");
    let held = number_of("lock_taken")..number_of("lock_released");
    for (number, label) in labels.iter().enumerate().filter(|(number, _)| number % 2 == part) {
        let at = format!("kill -9 at event {number}, {label}");
        let world = World::new();
        let (a, commit, mut gate) = begin(&world);
        gate.hold_at(number);
        assert_eq!(gate.kill().status.code(), None, "{at}");
        // It stood exactly there.
        assert_eq!(world.lock_state("alpha/prod") == "held", held.contains(&number), "{at}");
        assert_eq!(world.origin_at("main") == commit, number >= held.end, "{at}");
        the_next_runs_see_the_truth(&world, &a, &commit, &at);
    }
}

#[test]
fn killed_at_any_even_event_the_next_run_sees_the_truth() {
    killed_at_each_event(0);
}

#[test]
fn killed_at_any_odd_event_the_next_run_sees_the_truth() {
    killed_at_each_event(1);
}

#[test]
fn told_to_end_at_any_event_it_ends_orderly() {
    let labels = labels();
    let started = labels.iter().position(|label| label == "command_started").expect("it is an event");
    for (number, label) in labels.iter().enumerate() {
        let at = format!("SIGTERM at event {number}, {label}");
        let world = World::new();
        let (_, commit, mut gate) = begin(&world);
        gate.hold_at(number);
        gate.signal(Signal::TERM);
        let (out, events) = gate.finish();
        let told = events.last().expect("the end is told")["code"].as_u64();
        assert_eq!(told, out.status.code().map(|code| code as u64), "{at}");
        if number <= started {
            // Nothing ran, so nothing stays.
            assert_eq!(out.status.code(), Some(130), "{at}\n{out}");
            assert!(world.called().is_empty(), "{at}");
            assert_ne!(world.origin_at("main"), commit, "{at}");
        } else {
            // The change is made: pushing it and giving back the lock is the quickest clean end.
            assert_eq!(out.status.code(), Some(0), "{at}\n{out}");
            assert_eq!(world.origin_at("main"), commit, "{at}");
        }
        assert!(["none", "free"].contains(&world.lock_state("alpha/prod").as_str()), "{at}\n{out}");
        assert_one_holder_a_generation(&world, &at);
    }
}

/// `kill -9` does not reach the git that lockstep has started: its push may still arrive.
fn a_push_that_outlives_its_run(at_release: bool) {
    let world = World::new();
    let a = world.clone("a");
    let hold = world.sign("hold");
    // The first push after `hold` is there waits before anything is moved, and tells its process.
    world.origin_hook(
        "pre-receive",
        "mv \"$WORLD/tmp/hold\" \"$WORLD/tmp/held\" 2> /dev/null || exit 0\necho $PPID > \"$WORLD/tmp/pid.new\"\n\
         mv \"$WORLD/tmp/pid.new\" \"$WORLD/tmp/pid\"\nwhile [ ! -e \"$WORLD/tmp/go\" ]; do sleep 0.01; done\n",
    );
    let commit = a.commit_file("notes", "x\n");
    if at_release {
        world.tool("tofu").does(json!([{ "touch": hold }]));
    } else {
        world.tool("tofu");
        std::fs::write(&hold, "").expect("the world is writable");
    }
    let mut run = a.alias("tofu apply").start();
    run.wait_for(world.sign("pid"));
    assert_eq!(run.kill().status.code(), None);
    assert_eq!(world.lock_state("alpha/prod"), if at_release { "held" } else { "none" });
    // The owner goes on while it is still under way.
    world.tool("tofu");
    a.alias("tofu apply").run().code(0);
    let history = world.lock_history("alpha/prod");
    let pid = std::fs::read_to_string(world.sign("pid")).expect("just seen").trim().to_owned();
    std::fs::write(world.sign("go"), "").expect("the world is writable");
    wait_until("the late push to end", || !std::path::Path::new(&format!("/proc/{pid}")).exists());
    // It comes too late, and changes nothing.
    assert_eq!(world.lock_history("alpha/prod"), history);
    assert_eq!(world.origin_at("main"), commit);
    let record = world.lock("alpha/prod").expect("a record");
    assert_eq!((&record["state"], &record["applied"]), (&json!("free"), &json!(commit)));
    assert_one_holder_a_generation(&world, "a late push");
    a.alias("tofu apply").run().code(0);
}

#[test]
fn an_acquire_that_outlives_its_run_comes_too_late() {
    a_push_that_outlives_its_run(false);
}

#[test]
fn a_release_that_outlives_its_run_comes_too_late() {
    a_push_that_outlives_its_run(true);
}
