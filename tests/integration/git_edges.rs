//! The edges of git: what a killed git has left, what servers and hooks say, whose repository it is, and
//! what of git's surroundings reaches a tool.

use crate::harness::{ALIAS, Checkout, World};

/// A clone that knows the lock of `alpha/prod` from an earlier run, which another has moved since.
fn knows_an_older_lock(world: &World) -> Checkout<'_> {
    let (a, b) = (world.clone("a"), world.clone("b"));
    world.tool("tofu");
    a.alias("tofu apply").run().code(0);
    b.commit_file("notes", "x\n");
    b.alias("tofu apply").owner("bob@host2").run().code(0);
    a.git("pull -q");
    a
}

#[test]
fn what_a_killed_git_left_locked_beside_refs_of_ours_stops_nobody() {
    let world = World::new();
    let a = knows_an_older_lock(&world);
    let lock = ".git/refs/lockstep/remotes/origin/locks/alpha/prod.lock";
    a.write(lock, "");
    a.lockstep("locks").run().code(0);
    assert!(!a.has(lock));
    for words in ["freeze --reason x alpha/prod", "thaw alpha/prod"] {
        a.write(lock, "");
        a.lockstep(words).run().code(0);
    }
    world.clone("c").alias("tofu apply").owner("bob@host2").run().code(0);
    a.write(lock, "");
    a.alias("tofu apply").run().code(0);
    assert_eq!(world.lock("alpha/prod").expect("a record")["owner"], "ana@host1");
}

#[test]
fn a_file_of_gits_own_that_is_in_the_way_is_named_with_the_command_that_removes_it() {
    let world = World::new();
    let a = knows_an_older_lock(&world);
    // Pruning what the remote no longer has needs the packed refs.
    a.git("pack-refs --all");
    world.git(&world.origin(), "update-ref -d refs/lockstep/locks/alpha/prod");
    a.write(".git/packed-refs.lock", "");
    let out = a.lockstep("locks").run();
    out.code(74).says("packed-refs.lock").says("if no git runs in this clone any more: rm ");
    let said = out.stderr();
    let rm = said.lines().find_map(|line| line.split_once("any more: ")).expect("offered").1;
    world.program("sh", a.dir()).args(["-c", rm]).run().code(0);
    a.lockstep("locks").run().code(0);
}

#[test]
fn what_hook_and_server_say_to_a_push_is_shown_as_git_shows_it() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    a.hook("pre-push", "echo depth $LOCKSTEP_DEPTH >&2\n");
    world.origin_hook(
        "post-receive",
        "while read old new ref; do [ $ref != refs/heads/main ] || echo 'To create a merge request, visit x'; done\n",
    );
    a.commit_file("notes", "x\n");
    let out = a.alias("tofu apply").run();
    out.code(0).says("\nremote: To create a merge request, visit x\n").says("depth 1\n");
    // Nothing was pushed.
    a.alias("tofu apply").run().code(0).never_says("remote:").never_says("depth");
    a.commit_file("notes", "y\n");
    a.lockstep(&format!("-q {} tofu apply", ALIAS)).run().code(0).never_says("remote:");
}

#[test]
fn a_repository_of_another_user_is_told_with_the_line_that_trusts_it() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can give a repository to another user");
        return;
    }
    for path in ["", ".git"] {
        std::os::unix::fs::chown(a.path(path), Some(65_534), None).expect("root may");
    }
    let out = a.alias("tofu apply").run();
    out.code(78).says("belongs to another user").says("git config --global --add safe.directory ");
    assert!(world.called().is_empty());
}

#[test]
fn variables_of_a_calling_hook_reach_neither_git_nor_the_tool() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    let vars = ["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_QUARANTINE_PATH"];
    let run = vars.iter().fold(a.alias("tofu apply"), |run, name| run.env(name, "/nowhere"));
    run.env("GIT_SSH_COMMAND", "ssh -v").run().code(0);
    let call = &world.calls()[0];
    assert!(vars.iter().all(|name| call.env(name).is_none()));
    assert_eq!(call.env("GIT_SSH_COMMAND").as_deref(), Some("ssh -v".as_ref()));
    // What the project says itself is meant.
    a.write("modules/alpha/module.toml", "[env]\nGIT_DIR = \"/own\"\n");
    a.commit("env");
    a.alias("tofu apply").env("GIT_DIR", "/nowhere").run().code(0);
    assert_eq!(world.calls()[1].env("GIT_DIR").as_deref(), Some("/own".as_ref()));
}

#[test]
fn a_trace_is_not_taken_for_the_reason_of_a_failure() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    std::fs::rename(world.origin(), world.path("away.git")).expect("the world is writable");
    let out = a.alias("tofu apply").env("GIT_TRACE", "1").env("GIT_TRACE_PACKET", "true").run();
    out.code(69).says("does not appear to be a git repository").never_says("trace:");
}

#[test]
fn push_options_that_the_server_does_not_take_are_refused_before_the_tool_runs() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    a.git("config push.pushOption ci.skip");
    a.alias("tofu apply").run().code(0);
    let commit = a.commit_file("notes", "x\n");
    let out = a.alias("tofu apply").run();
    out.code(78).says("takes no push options").says("git config push.pushOption ''");
    assert_eq!(world.called().len(), 1, "nothing was pushed the first time");
    assert_eq!(world.lock_state("alpha/prod"), "free");
    world.git(&world.origin(), "config receive.advertisePushOptions true");
    a.alias("tofu apply").run().code(0);
    assert_eq!(world.origin_at("main"), commit);
}

#[test]
fn a_server_that_cannot_store_is_not_told_to_set_another_prefix() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    world.git(&world.origin(), "config receive.maxInputSize 1");
    let out = a.alias("tofu apply").run();
    out.code(78).says("could not store what was sent").never_says("prefix");
}

#[test]
fn what_is_too_large_to_hand_on_is_named() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    a.write("modules/alpha/module.toml", format!("[env]\nBIG = \"{}\"\n", "x".repeat(200_000)));
    a.commit("big");
    let out = a.alias("tofu apply").run();
    out.code(126).says("environment variable `BIG` is too large").says("hand it over in a file");
    assert!(world.called().is_empty());
}

#[test]
fn help_that_cannot_be_written_is_no_success() {
    let world = World::new();
    let a = world.clone("a");
    for words in ["--help", "--version", "locks --help"] {
        let line = format!("exec \"$0\" {words} > /dev/full");
        let out = world.program("sh", a.dir()).args(["-c", &line, env!("CARGO_BIN_EXE_lockstep")]).run();
        out.code(74).says("write to standard output");
    }
}

#[test]
fn a_hook_that_keeps_tracking_refs_from_moving_does_not_hide_what_the_remote_did() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    let commit = a.commit_file("notes", "x\n");
    a.hook("reference-transaction", "exit 1\n");
    a.alias("tofu apply").run().code(0);
    assert_eq!((world.origin_at("main"), world.lock_state("alpha/prod")), (commit, "free".to_owned()));
}
