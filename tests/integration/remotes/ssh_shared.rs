//! One ssh connection for a whole run, where the user has not said otherwise.

use serde_json::json;

use super::assert_applied;
use crate::harness::{ALIAS, SshServer, Terminal, World, wait_for_file, wait_until};

/// The sockets of shared connections that are there now.
fn sockets(world: &World) -> Vec<String> {
    let dirs = std::fs::read_dir(world.path("tmp")).expect("the world is readable").flatten();
    let ours = dirs.filter(|dir| dir.file_name().to_string_lossy().starts_with("lockstep-"));
    let files = ours.flat_map(|dir| std::fs::read_dir(dir.path()).expect("ours").flatten());
    files.map(|file| file.file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn a_run_is_one_connection_which_ends_with_it_and_which_the_tool_never_hears_of() {
    let world = World::new();
    let Some(server) = SshServer::start(&world) else { return };
    let a = world.clone("a");
    server.by_plain_ssh("");
    world.tool("tofu");
    let commit = a.commit_file("notes", "x\n");
    let before = server.connections();
    a.alias("tofu apply").run().code(0).prints("");
    assert_eq!(server.connections() - before, 1, "{:#?}", server.calls());
    assert_applied(&world, &commit);
    assert_eq!(world.calls()[0].env("GIT_SSH_COMMAND"), None);
    wait_until("the connection to end", || sockets(&world).is_empty());
}

#[test]
fn what_the_user_decided_is_left_alone() {
    let world = World::new();
    let Some(server) = SshServer::start(&world) else { return };
    let a = world.clone("a");
    world.tool("tofu");
    let own = world.path("tmp/own");
    server.by_plain_ssh(&format!("-o ControlMaster=no -o ControlPath='{}'", own.display()));
    let before = server.connections();
    a.alias("tofu apply").run().code(0);
    assert_eq!(server.connections() - before, 3);
    assert!(!server.calls().iter().any(|call| call.contains("ControlPersist")), "{:#?}", server.calls());
    // git's own settings are not even looked beyond.
    server.by_plain_ssh("");
    let asked = server.calls().len();
    a.git("config core.sshCommand ssh");
    a.alias("tofu plan").run().code(0);
    let calls = server.calls().split_off(asked);
    assert!(!calls.iter().any(|call| call.contains("Control") || call.contains("-G")), "{calls:#?}");
}

#[test]
fn ctrl_c_reaches_the_tool_and_not_the_connection() {
    let world = World::new();
    let Some(server) = SshServer::start(&world) else { return };
    let a = world.clone("a");
    server.by_plain_ssh("");
    let tool = world.tool("tofu");
    tool.does(json!([{ "trap": ["SIGINT"] }, { "touch": tool.started() }, { "await_signal": "SIGINT" }, { "exit": 1 }]));
    let before = server.connections();
    let words: Vec<String> = format!("{ALIAS} tofu apply").split_whitespace().map(str::to_owned).collect();
    let mut terminal =
        Terminal::lockstep(&world, a.dir(), &words.iter().map(String::as_str).collect::<Vec<_>>());
    wait_for_file(tool.started());
    assert_eq!(sockets(&world).len(), 1);
    terminal.ctrl_c();
    let (status, screen) = terminal.finish();
    assert_eq!(status, "exit 1", "{screen}");
    assert_eq!(world.lock_state("alpha/prod"), "failed");
    assert_eq!(server.connections() - before, 1, "the failure was written over the same one");
    assert!(!screen.to_lowercase().contains("shared connection"), "{screen}");
}

#[test]
fn after_kill_9_it_ends_by_itself() {
    let world = World::new();
    let Some(server) = SshServer::start(&world) else { return };
    let a = world.clone("a");
    server.by_plain_ssh("");
    let tool = world.tool("tofu");
    tool.waits();
    let mut run = a.alias("tofu apply").start();
    run.wait_for(tool.started());
    assert_eq!(sockets(&world).len(), 1);
    assert_eq!(run.kill().status.code(), None);
    tool.let_go();
    wait_until("the connection to end", || sockets(&world).is_empty());
    // Nothing that was left behind is in the way.
    world.tool("tofu");
    wait_until("the tool to end", || a.alias("tofu apply").run().status.success());
    assert_eq!(world.lock_state("alpha/prod"), "free");
}
