//! What a tool leaves behind: wrappers that end before their tool does, tools that close descriptors.

use serde_json::json;

use crate::harness::{Checkout, Running, Tool, World, python, wait_until, write_script};

/// A wrapper script around a tool, which is its child.
fn wrapped(world: &World) -> Tool {
    let tool = world.tool("holder");
    tool.waits();
    write_script(&world.path("bin"), "wrap", "holder \"$@\"\nexit $?");
    tool
}

fn started(repo: &Checkout<'_>, world: &World, command: &str, tool: &Tool) -> (Running, u32, u32) {
    let mut run = repo.alias(command).start();
    run.wait_for(tool.started());
    let call = world.calls().pop().expect("it was called");
    let parent = u32::try_from(call.log["parent"].as_u64().expect("a number")).expect("a pid");
    (run, call.pid(), parent)
}

fn kill(pid: u32) {
    let raw = rustix::process::Pid::from_raw(pid.cast_signed()).expect("a pid");
    rustix::process::kill_process(raw, rustix::process::Signal::KILL).expect("it lives until now");
}

fn wait_for_end(pid: u32) {
    wait_until("the end of the tool", || !std::path::Path::new(&format!("/proc/{pid}")).exists());
}

/// The owner is refused while the process lives, and goes on once it has ended.
fn is_refused_until(repo: &Checkout<'_>, world: &World, tool: &Tool, pid: u32, named: bool) {
    world.tool("tofu");
    let out = repo.lockstep("build lock exec unlock -- alpha prod tofu apply").run();
    out.code(75).says("hint: once it has ended, run the same again: the lock is still yours\n");
    if named {
        out.says(&format!("`holder` (process {pid})"));
    }
    assert!(!world.called().contains(&"tofu".to_owned()));
    tool.let_go();
    wait_for_end(pid);
    repo.alias("tofu apply").run().code(0).says("taken over from your earlier run");
    assert_eq!(world.lock_state("alpha/prod"), "free");
}

#[test]
fn what_a_killed_wrapper_leaves_keeps_the_lock_held_and_is_named() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    let tool = wrapped(&world);
    let (run, pid, wrapper) = started(&a, &world, "wrap apply", &tool);
    kill(wrapper);
    let out = run.finish();
    out.code(137).says(&format!("`holder` (process {pid})")).says(&format!("kill {pid}"));
    let record = world.lock("alpha/prod").expect("there is a record");
    assert_eq!((record["state"].as_str(), record["act"].as_str()), (Some("held"), Some("failed")));
    assert!(record["reason"].as_str().is_some_and(|why| why.contains(&format!("process {pid}"))), "{record}");
    // From another clone of the same host as well.
    is_refused_until(&b, &world, &tool, pid, true);
}

#[test]
fn a_signal_to_lockstep_reaches_the_tool_behind_a_wrapper() {
    let world = World::new();
    let a = world.clone("a");
    let tool = wrapped(&world);
    let (run, pid, _) = started(&a, &world, "wrap apply", &tool);
    run.signal(rustix::process::Signal::TERM);
    run.finish().code(143);
    wait_for_end(pid);
    assert_eq!(world.lock_state("alpha/prod"), "failed");
    world.tool("tofu");
    a.alias("tofu apply").run().code(0);
}

#[test]
fn a_wrapper_that_passes_a_signal_on_is_the_only_one_to_do_so() {
    let world = World::new();
    let a = world.clone("a");
    let tool = world.tool("holder");
    tool.does(json!([{ "trap": ["SIGTERM"] }, { "touch": tool.started() }, { "await_signal": "SIGTERM" },
                     { "await": tool.go() }]));
    let script = "holder \"$@\" & child=$!\ntrap 'kill -TERM $child' TERM\nwait $child\nwait $child\nexit 3";
    write_script(&world.path("bin"), "wrap", script);
    let (run, ..) = started(&a, &world, "wrap apply", &tool);
    run.signal(rustix::process::Signal::TERM);
    tool.wait_for_signal("SIGTERM");
    tool.let_go();
    run.finish().code(3);
    assert_eq!(tool.signals(), ["SIGTERM"]);
}

#[test]
fn a_tool_whose_time_is_over_is_ended_behind_its_wrapper() {
    let world = World::new();
    let a = world.clone("a");
    a.publish("lockstep.toml", "[exec]\ntimeout = \"1s\"\n");
    let tool = wrapped(&world);
    let (run, pid, _) = started(&a, &world, "wrap apply", &tool);
    run.finish().code(143);
    wait_for_end(pid);
    assert_eq!(world.lock_state("alpha/prod"), "failed");
}

#[test]
fn a_tool_that_closes_its_descriptors_lives_all_the_same() {
    let world = World::new();
    let a = world.clone("a");
    let tool = wrapped(&world);
    let python = python().display().to_string();
    let close = "import os,sys;os.closerange(3,1024);os.execvp(\"holder\",[\"holder\"]+sys.argv[1:])";
    write_script(&world.path("bin"), "closer", &format!("exec {python} -c '{close}' \"$@\""));
    let (run, pid, _) = started(&a, &world, "closer apply", &tool);
    assert_eq!(run.kill().status.code(), None);
    is_refused_until(&a, &world, &tool, pid, true);
}

#[test]
fn a_tool_whose_descriptors_its_wrapper_closed_outlives_both_and_is_found() {
    let world = World::new();
    let a = world.clone("a");
    let tool = wrapped(&world);
    let python = python().display().to_string();
    let close = "import subprocess,sys;subprocess.Popen([\"holder\"]+sys.argv[1:],close_fds=True).wait()";
    write_script(&world.path("bin"), "closer", &format!("exec {python} -c '{close}' \"$@\""));
    let (run, pid, wrapper) = started(&a, &world, "closer apply", &tool);
    assert_eq!(run.kill().status.code(), None);
    kill(wrapper);
    wait_for_end(wrapper);
    is_refused_until(&a, &world, &tool, pid, true);
}

#[test]
fn what_a_successful_tool_leaves_running_is_named_and_stops_nothing() {
    let world = World::new();
    let a = world.clone("a");
    let until = world.sign("until");
    world.tool("holder").does(json!([{ "live_on": until }]));
    let commit = a.commit_file("notes", "x\n");
    let out = a.alias("holder apply").run();
    out.code(0).says("that it started still runs");
    assert_eq!((world.origin_at("main"), world.lock_state("alpha/prod")), (commit, "free".to_owned()));
    // The directory is still in use, and the message names by what.
    a.publish("modules/alpha/new.txt", "x\n");
    world.tool("tofu");
    a.alias("tofu apply").run().code(75).says("in use by `holder` (process ");
    std::fs::write(&until, "").expect("the world is writable");
    wait_until("its child to end", || a.alias("tofu apply").run().status.code() == Some(0));
}
