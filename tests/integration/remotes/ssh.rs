//! ssh, with a real sshd. Where none can be run each test says that it is skipped.

use super::{assert_applied, races, refuses_a_contender};
use crate::harness::{SshServer, World, wait_for_file, wait_until};

#[test]
fn the_usual_alias_pushes_a_commit_in_three_connections() {
    let world = World::new();
    let Some(server) = SshServer::start(&world) else { return };
    let a = world.clone("a");
    world.tool("tofu");
    let commit = a.commit_file("modules/alpha/main.tf", "newer\n");
    let before = server.connections();
    a.alias("tofu apply").run().code(0);
    assert_applied(&world, &commit);
    assert_eq!(server.connections() - before, 3);
}

#[test]
fn a_contender_is_refused_and_told_who_holds_the_lock() {
    let world = World::new();
    let Some(_server) = SshServer::start(&world) else { return };
    refuses_a_contender(&world);
}

#[test]
fn eight_runs_race_and_one_wins_each_round() {
    let world = World::new();
    let Some(_server) = SshServer::start(&world) else { return };
    races(&world, 8, 2);
}

#[test]
fn a_server_that_is_gone_is_a_remote_that_cannot_be_reached() {
    let world = World::new();
    let Some(server) = SshServer::start(&world) else { return };
    let a = world.clone("a");
    let tool = world.tool("holder");
    tool.waits();
    let commit = a.commit_file("notes", "x\n");
    let mut run = a.alias("holder apply").start();
    run.wait_for(tool.started());
    server.stop();
    tool.let_go();
    run.finish().code(69).never_says("nothing was done");
    a.alias("holder apply").run().code(69);
    assert_eq!(world.lock_state("alpha/prod"), "held", "nobody could be told");
    assert_eq!(world.called(), ["holder"]);
    let _server = SshServer::start(&world).expect("it could be run before");
    a.alias("holder apply").run().code(0);
    assert_applied(&world, &commit);
}

/// The server dies when git has done its work and before its answer is sent, and does not come back.
fn dies_after_the_write(
    world: &World,
    server: SshServer<'_>,
    run: crate::harness::Running,
) -> crate::harness::Output {
    wait_for_file(world.sign("written"));
    let pid = server.pid();
    server.stop();
    assert!(!std::path::Path::new(&format!("/proc/{pid}/cmdline")).exists());
    std::fs::write(world.sign("go-on"), "").expect("the world is writable");
    run.finish()
}

/// A hook of `origin` that waits, when the lock is written for the `nth` time, until the test goes on.
fn wait_at_write(world: &World, nth: u32) {
    world.origin_hook(
        "post-receive",
        &format!(
            "echo . >> \"$WORLD/tmp/writes\"\n[ \"$(cat \"$WORLD/tmp/writes\")\" = \"$(printf '.\\n%.0s' {})\" ] || exit 0\n\
             touch \"$WORLD/tmp/written\"\nwhile [ ! -e \"$WORLD/tmp/go-on\" ]; do sleep 0.01; done\n",
            (1..=nth).map(|n| n.to_string()).collect::<Vec<_>>().join(" ")
        ),
    );
}

#[test]
fn a_server_that_dies_after_the_lock_was_written_leaves_it_open_and_the_next_run_sees_it() {
    let world = World::new();
    let Some(server) = SshServer::start(&world) else { return };
    let a = world.clone("a");
    world.tool("tofu");
    let commit = a.commit_file("notes", "x\n");
    wait_at_write(&world, 1);
    let out = dies_after_the_write(&world, server, a.alias("tofu apply").start());
    out.code(69).says("not known");
    assert!(world.called().is_empty());
    assert_eq!(world.lock_state("alpha/prod"), "held");
    let _server = SshServer::start(&world).expect("it could be run before");
    a.alias("tofu apply").run().code(0);
    assert_applied(&world, &commit);
}

#[test]
fn a_server_that_dies_after_branch_and_lock_were_written_leaves_it_open_and_the_next_run_sees_it() {
    let world = World::new();
    let Some(server) = SshServer::start(&world) else { return };
    let a = world.clone("a");
    world.tool("tofu");
    let commit = a.commit_file("notes", "x\n");
    wait_at_write(&world, 2);
    let out = dies_after_the_write(&world, server, a.alias("tofu apply").start());
    out.code(69).says("not known");
    assert_applied(&world, &commit);
    let _server = SshServer::start(&world).expect("it could be run before");
    a.alias("tofu apply").run().code(0);
    assert_applied(&world, &commit);
}

#[test]
fn the_server_ends_with_its_test() {
    let world = World::new();
    let Some(server) = SshServer::start(&world) else { return };
    let pid = server.pid();
    drop(server);
    wait_until("the server to end", || !std::path::Path::new(&format!("/proc/{pid}/cmdline")).exists());
}
