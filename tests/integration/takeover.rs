//! Taking over one's own lock: only with proof that run and tool have ended.

use serde_json::json;

use crate::harness::{Checkout, World, snap, wait_until};

/// Ends a process that this test started through lockstep, and waits until it is gone.
fn end(pid: u32) {
    let raw = rustix::process::Pid::from_raw(pid.cast_signed()).expect("a pid");
    rustix::process::kill_process(raw, rustix::process::Signal::KILL).expect("it lives until now");
    wait_for_end(pid);
}

fn wait_for_end(pid: u32) {
    wait_until("the end of the orphaned tool", || !std::path::Path::new(&format!("/proc/{pid}")).exists());
}

/// A run in `repo` that holds the lock while its tool waits.
fn holding<'w>(repo: &Checkout<'w>, world: &World) -> (crate::harness::Running, crate::harness::Tool) {
    let tool = world.tool("holder");
    tool.waits();
    let mut run = repo.alias("holder apply").start();
    run.wait_for(tool.started());
    (run, tool)
}

#[test]
fn a_killed_run_holds_its_lock_while_its_tool_lives() {
    let world = World::new();
    let a = world.clone("a");
    let (run, tool) = holding(&a, &world);
    let killed = run.kill();
    assert_eq!(killed.status.code(), None);
    world.tool("tofu");
    let out = a.lockstep("lock exec unlock -- alpha prod tofu apply").run();
    out.code(75);
    assert!(!world.called().contains(&"tofu".to_owned()));
    tool.let_go();
    wait_for_end(world.calls()[0].pid());
    // Now both have ended, which the same owner on the same host can tell.
    let out = a.alias("tofu apply").run();
    out.code(0);
    snap!(out);
    assert_eq!(world.called().last().map(String::as_str), Some("tofu"));
    assert_eq!(world.lock_state("alpha/prod"), "free");
}

#[test]
fn a_killed_run_of_another_owner_is_never_taken_over() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    world.tool("holder").does(json!([{ "touch": world.sign("started") }, { "await": world.sign("never") }]));
    let mut run = a.alias("holder apply").start();
    run.wait_for(world.sign("started"));
    let tool = world.calls()[0].pid();
    assert_eq!(run.kill().status.code(), None);
    end(tool);
    b.lockstep("build lock true: unlock -- alpha prod").owner("bob@host2").run().code(75).says("ana@host1");
}

#[test]
fn what_the_tool_left_running_counts_as_the_tool() {
    let world = World::new();
    let a = world.clone("a");
    let until = world.sign("until");
    world.tool("holder").does(
        json!([{ "live_on": until }, { "touch": world.sign("started") }, { "await": world.sign("never") }]),
    );
    let mut run = a.alias("holder apply").start();
    run.wait_for(world.sign("started"));
    assert_eq!(run.kill().status.code(), None);
    end(world.calls()[0].pid());
    world.tool("tofu");
    let take = || a.lockstep("lock true: unlock -- alpha prod").run();
    take().code(75);
    std::fs::write(&until, "").expect("the world is writable");
    wait_until("its child to end", || take().status.code() == Some(0));
}

#[test]
fn without_a_record_of_the_run_on_this_host_nothing_is_proved() {
    let world = World::new();
    let a = world.clone("a");
    let (run, tool) = holding(&a, &world);
    assert_eq!(run.kill().status.code(), None);
    tool.let_go();
    wait_for_end(world.calls()[0].pid());
    // As on another machine of the same name: another home.
    std::fs::create_dir(world.path("home2")).expect("the world is writable");
    let out = a.lockstep("lock true: unlock -- alpha prod").env("HOME", world.path("home2")).run();
    out.code(75).says("ana@host1");
    snap!(out);
}
