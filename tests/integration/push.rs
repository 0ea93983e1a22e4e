//! git-push through the binary: what is pushed, what is refused, and how one goes on after it.

use serde_json::json;

use crate::harness::{ALIAS, World, snap};

/// While the file `refuse` is in the world's `tmp`, `origin` takes no push to `main`.
fn origin_can_refuse(world: &World) {
    world.origin_hook(
        "update",
        "if [ \"$1\" = refs/heads/main ] && [ -e \"$WORLD/tmp/refuse\" ]; then echo 'not on a friday' >&2; exit 1; fi\n",
    );
}

#[test]
fn a_commit_is_pushed_after_success_and_with_the_lock_in_one_act() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    let commit = a.commit_file("modules/alpha/main.tf", "newer\n");
    world.origin_hook(
        "post-receive",
        "while read old new ref; do echo \"$ref\" >> \"$WORLD/tmp/moved\"; done\n\
                                       echo . >> \"$WORLD/tmp/moved\"\n",
    );
    let out = a.alias("tofu apply").run();
    out.code(0);
    assert_eq!(world.origin_at("main"), commit);
    assert_eq!(a.git("rev-parse origin/main").trim(), commit, "the clone knows what it pushed");
    let lock = "refs/lockstep/locks/alpha/prod";
    let moved = std::fs::read_to_string(world.sign("moved")).expect("pushed");
    // The first taking of a lock moves the key of everything with it.
    let first = "refs/lockstep/locks/@all/@all";
    assert_eq!(moved, format!("{first}\n{lock}\n.\nrefs/heads/main\n{lock}\n.\n"));
    snap!(out);
}

#[test]
fn nothing_is_pushed_after_a_failure() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu").exits(1);
    let before = world.origin_at("main");
    a.commit_file("modules/alpha/main.tf", "broken\n");
    let out = a.alias("tofu apply").run();
    out.code(1);
    assert_eq!(world.origin_at("main"), before);
    assert_eq!(world.lock_state("alpha/prod"), "failed");
    snap!(out);
}

#[test]
fn never_again_the_recovery_path_is_refused_by_the_check() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu").exits(1);
    a.commit_file("modules/alpha/main.tf", "broken\n");
    a.alias("tofu apply").run().code(1);
    a.commit_file("modules/alpha/main.tf", "mended a little\n");
    a.alias("tofu apply").run().code(1);
    let fix = a.commit_file("modules/alpha/main.tf", "mended\n");
    world.tool("tofu");
    // Three commits ahead now: another owner is refused, the one who holds the lock is not.
    a.alias("tofu apply").owner("bob@host2").run().code(77);
    let out = a.alias("tofu apply").run();
    out.code(0);
    assert_eq!(world.origin_at("main"), fix);
    let record = world.lock("alpha/prod").expect("a record");
    assert_eq!((&record["state"], &record["applied"]), (&json!("free"), &json!(fix)));
    snap!(out);
}

#[test]
fn a_revert_recovers_as_well() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu").exits(1);
    a.commit_file("modules/alpha/main.tf", "broken\n");
    a.alias("tofu apply").run().code(1);
    a.git("revert --no-edit HEAD");
    world.tool("tofu");
    a.alias("tofu apply").run().code(0);
    assert_eq!(world.origin_at("main"), a.head());
}

#[test]
fn a_refused_push_keeps_the_lock_and_the_printed_recovery_works_as_printed() {
    let world = World::new();
    origin_can_refuse(&world);
    let a = world.clone("a");
    world.tool("tofu");
    std::fs::write(world.sign("refuse"), "").expect("the world is writable");
    let commit = a.commit_file("modules/alpha/main.tf", "newer\n");
    let out = a.alias("tofu apply").run();
    out.code(79).says("not on a friday");
    assert_eq!(world.lock_state("alpha/prod"), "failed");
    snap!("refused", out);
    std::fs::remove_file(world.sign("refuse")).expect("it was there");
    let commands = out.offered_commands();
    let recovery =
        commands.iter().find(|c| c.contains("unlock")).unwrap_or_else(|| panic!("none offered\n{out}"));
    let again = world.program("sh", a.dir()).args(["-c", recovery]).run();
    again.code(0);
    assert_eq!(world.origin_at("main"), commit);
    let record = world.lock("alpha/prod").expect("a record");
    assert_eq!((&record["state"], &record["applied"]), (&json!("free"), &json!(commit)));
    assert_eq!(world.called().len(), 1, "the tool is not run again");
}

#[test]
fn a_branch_that_moved_meanwhile_refuses_the_push_and_the_printed_recovery_works() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    let tool = world.tool("tofu");
    tool.waits();
    a.commit_file("modules/alpha/main.tf", "newer\n");
    let mut run = a.alias("tofu apply").start();
    run.wait_for(tool.started());
    b.publish("unrelated", "from outside of lockstep\n");
    tool.let_go();
    let out = run.finish();
    out.code(79);
    assert_eq!(world.lock_state("alpha/prod"), "failed");
    snap!("moved", out);
    let commands = out.offered_commands();
    let recovery =
        commands.iter().find(|c| c.contains("unlock")).unwrap_or_else(|| panic!("none offered\n{out}"));
    assert!(recovery.starts_with("git pull --rebase"), "{recovery}");
    world.program("sh", a.dir()).args(["-c", recovery]).run().code(0);
    assert_eq!(world.origin_at("main"), a.head());
    assert_eq!(world.lock("alpha/prod").expect("a record")["applied"], json!(a.head()));
}

#[test]
fn the_users_pre_push_hook_decides() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    a.hook("pre-push", "echo 'hook says no' >&2\nexit 1\n");
    a.commit_file("modules/alpha/main.tf", "newer\n");
    let out = a.alias("tofu apply").run();
    out.code(79).says("hook says no");
    assert_eq!(world.lock_state("alpha/prod"), "failed");
    snap!(out);
    a.hook("pre-push", "exit 0\n");
    a.lockstep("build git-check lock git-push unlock -- alpha prod").run().code(0);
    assert_eq!(world.origin_at("main"), a.head());
    assert_eq!(world.lock_state("alpha/prod"), "free");
}

#[test]
fn nothing_to_push_moves_only_the_lock() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    a.hook("pre-push", "touch ran\nexit 1\n");
    a.alias("tofu apply").run().code(0);
    assert!(!a.has("ran"), "the hook is for pushes of the branch");
    assert_eq!(world.lock_state("alpha/prod"), "free");
}

#[test]
fn a_push_without_a_lock_is_a_plain_push() {
    let world = World::new();
    let a = world.clone("a");
    let commit = a.commit_file("notes", "x\n");
    a.lockstep("git-check git-push -- alpha prod").run().code(0);
    assert_eq!(world.origin_at("main"), commit);
    assert!(world.origin_refs("refs/lockstep").is_empty());
}

#[test]
fn a_push_between_commands_keeps_the_lock_for_the_next() {
    let world = World::new();
    let a = world.clone("a");
    for name in ["tofu", "tell"] {
        world.tool(name);
    }
    let commit = a.commit_file("notes", "x\n");
    a.lockstep("build git-check lock exec git-push tell: unlock -- alpha prod tofu apply").run().code(0);
    assert_eq!(world.origin_at("main"), commit);
    let acts: Vec<_> = world.lock_history("alpha/prod").into_iter().map(|r| r["act"].clone()).collect();
    assert_eq!(acts, [json!("released"), json!("pushed"), json!("acquired")]);
}

#[test]
fn a_commit_made_by_the_tool_is_not_pushed_as_if_it_had_run() {
    let world = World::new();
    let a = world.clone("a");
    let commit = ["git", "commit", "-q", "--allow-empty", "-m", "by the tool"];
    world.tool("release").does(json!([{ "run": commit, "cwd": a.dir() }]));
    let ran = a.commit_file("notes", "x\n");
    a.alias("release now").run().code(0).says("run again to apply it");
    assert_eq!(world.origin_at("main"), ran);
    assert_eq!(a.git("log -1 --format=%s").trim(), "by the tool");
    assert_eq!(world.lock_state("alpha/prod"), "free");
}

#[test]
fn a_remote_that_vanishes_after_the_apply() {
    let world = World::new();
    let a = world.clone("a");
    let (here, there) = (world.origin(), world.path("moved.git"));
    world.tool("tofu").does(json!([{ "run": ["mv", here, there] }]));
    a.commit_file("notes", "x\n");
    let out = a.alias("tofu apply").run();
    // The tool has run: the message must not say otherwise.
    out.code(69).never_says("nothing was done");
    snap!(out);
    std::fs::rename(&there, &here).expect("the world is writable");
    assert_eq!(world.lock_state("alpha/prod"), "held", "it could not be recorded");
    // The run has ended on this very host, which proves that the lock may be taken over.
    world.tool("tofu");
    a.alias("tofu apply").run().code(0);
    assert_eq!(world.origin_at("main"), a.head());
}

#[test]
fn several_push_urls_are_refused() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    let other = world.path("other.git");
    for url in [world.url(), other.display().to_string()] {
        world.git_args(a.dir(), &["remote", "set-url", "--add", "--push", "origin", &url]);
    }
    let out = a.lockstep(ALIAS).words("tofu apply").run();
    out.code(78);
    assert!(world.called().is_empty());
    snap!(out);
}

#[test]
fn a_hostile_remote_in_the_configuration_does_nothing() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    let planted = format!("--upload-pack=touch {}", world.sign("planted").display());
    for args in [["config", "branch.main.remote", &planted], ["config", "branch.main.merge", "--all"]] {
        world.git_args(a.dir(), &args);
        let out = a.alias("tofu apply").run();
        assert!(out.status.code().is_some_and(|c| [69, 77, 78].contains(&c)), "{out}");
        assert!(!world.sign("planted").exists());
    }
    assert!(world.called().is_empty());
}
