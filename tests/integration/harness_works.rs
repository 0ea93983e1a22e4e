//! The harness itself: a test that cannot fail proves nothing, so what it shows is checked here.

use serde_json::json;

use crate::harness::{Terminal, World, ansible_playbook, kubectl, tofu, wait_for_file};

#[test]
fn a_fake_tool_logs_its_arguments_byte_for_byte() {
    use std::os::unix::ffi::OsStrExt as _;
    let world = World::bare();
    world.tool("tofu").does(json!([{ "print": "planned\n" }, { "exit": 3 }]));
    let odd = std::ffi::OsStr::from_bytes(b"\xff\n{{ x }}");
    let out = world.program("tofu", &world.path("home")).arg(odd).arg("").run();
    out.code(3).prints("planned\n");
    let calls = world.calls();
    assert_eq!(calls[0].argv, [odd, std::ffi::OsStr::new("")]);
    assert_eq!(calls[0].cwd, world.path("home"));
    assert_eq!(calls[0].env("CI"), None);
}

#[test]
fn the_project_is_at_origin_and_in_every_clone() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    a.publish("modules/alpha/more.tf", "x\n");
    b.git("pull -q");
    assert_eq!(b.head(), world.origin_at("main"));
    assert_eq!(world.lock_state("alpha/prod"), "none");
}

#[test]
fn a_terminal_gives_ctrl_c_and_ctrl_z_to_the_program() {
    let world = World::bare();
    let tool = world.tool("tofu");
    tool.does(json!([{ "trap": ["SIGINT"] }, { "touch": tool.started() }, { "await_signal": "SIGINT" }, { "exit": 5 }]));
    let mut terminal = Terminal::program(&world, &world.path("bin/tofu"), &world.path("home"), &[]);
    wait_for_file(tool.started());
    terminal.ctrl_z();
    terminal.foreground();
    terminal.ctrl_c();
    assert_eq!(terminal.finish().0, "exit 5");
    assert_eq!(tool.signals(), ["SIGINT"]);
}

#[test]
fn the_real_tools_start_in_a_world() {
    let world = World::bare();
    let (name, path) = tofu();
    world.link(name, &path);
    world.link("kubectl", &kubectl());
    world.link("ansible-playbook", &ansible_playbook());
    for (program, words) in
        [(name, "version"), ("kubectl", "version --client"), ("ansible-playbook", "--version")]
    {
        // ansible insists on UTF-8.
        world.program(program, &world.path("home")).words(words).env("LC_ALL", "C.UTF-8").run().code(0);
    }
}
