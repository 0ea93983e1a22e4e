//! A remote that asks for a password: git asks on the terminal as it does without lockstep, and where nobody can be
//! asked the refusal says how git can remember it.

use crate::harness::{ALIAS, Checkout, HttpServer, Terminal, World};

/// A clone whose remote wants a password that nothing knows.
fn asked<'w>(world: &'w World, server: &HttpServer<'_>) -> Checkout<'w> {
    let a = world.clone("a");
    a.git(&format!("remote set-url origin {}", server.url(None)));
    world.tool("tofu");
    a
}

fn line(before: &str) -> String {
    format!("{before} exec lockstep {ALIAS} tofu apply")
}

#[test]
fn on_a_terminal_git_asks_for_the_password() {
    let world = World::new();
    let server = HttpServer::for_user(&world, "ana:s3cret");
    let a = asked(&world, &server);
    // So that it asks once, as people have it who type one.
    let store = format!("store --file={}", world.path("home/passwords").display());
    world.git_args(a.dir(), &["config", "credential.helper", &store]);
    let mut terminal = Terminal::program(&world, &world.path("bin/sh"), a.dir(), &["-c", &line("")]);
    terminal.wait_for("Username for 'http://127.0.0.1:");
    terminal.types("ana\n");
    terminal.wait_for("Password for 'http://ana@127.0.0.1:");
    terminal.types("s3cret\n");
    let (status, screen) = terminal.finish();
    assert_eq!(status, "exit 0", "{screen}");
    assert!(!screen.contains("s3cret"), "{screen}");
    assert_eq!(world.called(), ["tofu"]);
    assert_eq!(world.lock_state("alpha/prod"), "free");
}

#[test]
fn where_nobody_can_be_asked_the_refusal_says_what_to_type() {
    let world = World::new();
    let server = HttpServer::for_user(&world, "ana:s3cret");
    let a = asked(&world, &server);
    let hint = "hint: nobody can be asked for a password here; let git remember it: git config credential.helper cache";
    a.alias("tofu apply").run().code(69).says("could not read Username").says(hint);
    a.lockstep("freeze --reason why alpha/prod").run().code(69).says(hint);
    // In CI nobody is there, terminal or not.
    let terminal = Terminal::program(&world, &world.path("bin/sh"), a.dir(), &["-c", &line("CI=true")]);
    let (status, screen) = terminal.finish();
    assert_eq!(status, "exit 69", "{screen}");
    assert!(screen.contains("git config credential.helper cache"), "{screen}");
    assert!(world.called().is_empty());
}
