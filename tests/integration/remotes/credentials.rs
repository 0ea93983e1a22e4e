//! Who may enter: a password in a URL stays there, and without one nobody is asked for it.

use std::path::Path;

use serde_json::json;

use super::assert_applied;
use crate::harness::{Checkout, Cmd, HttpServer, Output, World, write_script};

const USER: &str = "ana:hunter2-s3cret";
const PASSWORD: &str = "hunter2";

/// A run that says as much as it can, to streams and files.
fn loud<'w>(a: &Checkout<'w>, world: &World, number: u32) -> Cmd<'w> {
    let events = world.path(format!("tmp/events{number}"));
    a.lockstep("-v --events").arg(events).words(crate::harness::ALIAS).words("tofu apply")
}

/// Nothing that lockstep said or wrote holds the password.
#[track_caller]
fn assert_kept(world: &World, a: &Checkout<'_>, out: &Output) {
    assert!(!format!("{out}").contains(PASSWORD), "{out}");
    let mut files = Vec::new();
    for dir in [a.path(".git/lockstep"), a.path(".dist"), world.path("tmp"), world.path("home")] {
        below(&dir, &mut files);
    }
    assert!(files.iter().any(|f| f.extension().is_some_and(|e| e == "jsonl")), "the journals: {files:?}");
    for file in files {
        let text = String::from_utf8_lossy(&std::fs::read(&file).expect("readable")).into_owned();
        assert!(!text.contains(PASSWORD), "{}:\n{text}", file.display());
    }
    let records = format!("{:?}", world.lock_history("alpha/prod"));
    assert!(!records.contains(PASSWORD), "{records}");
}

fn below(dir: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type().expect("readable") {
            kind if kind.is_dir() => below(&path, files),
            kind if kind.is_file() => files.push(path),
            _ => {}
        }
    }
}

#[test]
fn a_password_in_the_url_is_never_shown_nor_written() {
    let world = World::new();
    let server = HttpServer::for_user(&world, USER);
    let (a, b) = (world.clone("a"), world.clone("b"));
    assert!(a.git("remote get-url origin").contains(PASSWORD));
    world.tool("tofu");
    let commit = a.commit_file("notes", "x\n");
    let out = loud(&a, &world, 1).run();
    out.code(0);
    assert_applied(&world, &commit);
    assert_kept(&world, &a, &out);
    assert!(server.requests().iter().any(|r| r.password), "it was used");

    // What goes wrong, in turn.
    let mut number = 1;
    let mut ends_with = |who: &Checkout<'_>, code: i32| {
        number += 1;
        let out = loud(who, &world, number).run();
        out.code(code);
        assert_kept(&world, who, &out);
    };
    ends_with(&b, 77);
    let faults =
        [("any", json!(401)), ("any", json!(403)), ("push-refs", json!(401)), ("push", json!("before"))];
    for (at, fault) in faults {
        server.faults(&[json!({ "at": at, "do": fault })]);
        ends_with(&a, 69);
    }
    server.faults(&[]);
    world.tool("tofu").exits(1);
    a.commit_file("notes", "y\n");
    ends_with(&a, 1);
    world.tool("tofu");
    world.origin_hook("update", "echo \"no: $1\" >&2\n[ $1 != refs/heads/main ]\n");
    ends_with(&a, 79);
    world.git_args(a.dir(), &["remote", "set-url", "origin", &server.url(Some("ana:hunter2-wrong"))]);
    ends_with(&a, 69);
    server.stop();
    ends_with(&a, 69);
}

#[test]
fn a_push_url_with_a_password_is_compared_and_shown_without_it() {
    let world = World::new();
    let server = HttpServer::for_user(&world, USER);
    let a = world.clone("a");
    world.tool("tofu");
    world.git_args(
        a.dir(),
        &["remote", "set-url", "--push", "origin", "http://bob:hunter2@127.0.0.1:1/x.git"],
    );
    let out = loud(&a, &world, 1).run();
    out.code(78).says("both must be one repository");
    assert!(!format!("{out}").contains(PASSWORD), "{out}");
    world.git_args(a.dir(), &["remote", "set-url", "origin", &server.url(None)]);
    world.git_args(a.dir(), &["remote", "set-url", "--push", "origin", &server.url(Some(USER))]);
    loud(&a, &world, 2).run().code(69);
}

#[test]
fn without_a_password_the_run_ends_and_nobody_is_asked() {
    let world = World::new();
    let server = HttpServer::for_user(&world, USER);
    let a = world.clone("a");
    world.tool("tofu");
    world.git_args(a.dir(), &["remote", "set-url", "origin", &server.url(None)]);
    let out = a.alias("tofu apply").open_stdin().run();
    out.code(69).says("origin");
    assert!(world.called().is_empty());
    assert_eq!(world.lock_state("alpha/prod"), "none");
}

#[test]
fn a_credential_helper_lets_the_run_in() {
    let world = World::new();
    let server = HttpServer::for_user(&world, USER);
    let a = world.clone("a");
    world.tool("tofu");
    world.git_args(a.dir(), &["remote", "set-url", "origin", &server.url(None)]);
    let (name, password) = USER.split_once(':').expect("two parts");
    let answer = format!("[ \"$1\" = get ] || exit 0\necho username={name}\necho password={password}\n");
    write_script(&world.path("bin"), "git-credential-test", &answer);
    a.git("config credential.helper test");
    let commit = a.commit_file("notes", "x\n");
    let out = a.alias("tofu apply").run();
    out.code(0);
    assert_applied(&world, &commit);
    assert!(!format!("{out}").contains(PASSWORD), "{out}");
}

#[test]
fn who_may_read_and_not_write_is_told_before_the_tool_runs() {
    let world = World::new();
    let server = HttpServer::start(&world);
    let a = world.clone("a");
    world.tool("tofu");
    a.commit_file("notes", "x\n");
    server.faults(&[json!({ "at": "push-refs", "do": 403 })]);
    a.alias("tofu apply").run().code(69).says("403");
    assert!(world.called().is_empty());
}
