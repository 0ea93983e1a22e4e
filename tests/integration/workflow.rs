//! Workflows that name a list of steps, and what `finally` adds.

use crate::harness::{World, snap};

const DEPLOY: &str = "\
description = \"Apply, push, give the lock back\"
steps = [\"build\", \"git-check\", \"lock\", \"exec\", \"git-push\", \"unlock-any\"]
finally = [\"notify:now\"]
";

#[test]
fn a_workflow_runs_its_steps_and_what_comes_finally() {
    let world = World::new();
    let a = world.clone("a");
    a.publish("workflows/deploy.toml", DEPLOY);
    world.tool("tofu");
    world.tool("notify");
    let commit = a.commit_file("notes", "x\n");
    let out = a.lockstep("deploy -- alpha prod tofu apply").run();
    out.code(0);
    assert_eq!(world.called(), ["tofu", "notify"]);
    assert_eq!(world.calls()[1].argv, ["now"]);
    assert_eq!(world.origin_at("main"), commit);
    assert_eq!(world.lock_state("alpha/prod"), "free");
    snap!(out);
}

#[test]
fn finally_also_runs_after_a_failure_and_never_hides_it() {
    let world = World::new();
    let a = world.clone("a");
    a.publish("workflows/deploy.toml", DEPLOY);
    world.tool("tofu").exits(5);
    world.tool("notify").exits(6);
    let out = a.lockstep("deploy -- alpha prod tofu apply").run();
    out.code(5);
    assert_eq!(world.called(), ["tofu", "notify"]);
    assert_eq!(world.lock_state("alpha/prod"), "failed");
    snap!(out);
}

#[test]
fn finally_that_fails_after_success_is_a_failure() {
    let world = World::new();
    let a = world.clone("a");
    a.publish("workflows/deploy.toml", DEPLOY);
    world.tool("tofu");
    world.tool("notify").exits(6);
    a.lockstep("deploy -- alpha prod tofu apply").run().code(6);
    assert_eq!(world.lock_state("alpha/prod"), "free", "the change itself is done and released");
}

#[test]
fn finally_does_not_run_when_the_plan_is_refused() {
    let world = World::new();
    let a = world.clone("a");
    a.publish("workflows/deploy.toml", DEPLOY);
    world.tool("notify");
    a.lockstep("deploy -- alpha prod").run().code(64);
    assert!(world.called().is_empty());
}

#[test]
fn a_dry_run_shows_the_steps_of_a_workflow() {
    let world = World::new();
    let a = world.clone("a");
    a.publish("workflows/deploy.toml", DEPLOY);
    world.tool("tofu");
    world.tool("notify");
    let out = a.lockstep("--dry-run deploy -- alpha prod tofu apply").run();
    out.code(0);
    assert!(world.called().is_empty());
    snap!(out);
}

#[test]
fn names_that_are_taken_and_steps_that_do_not_exist_are_refused() {
    let world = World::new();
    let a = world.clone("a");
    let steps = "steps = [\"build\"]\n";
    for (name, file, text) in [
        ("module", "alpha", steps),
        ("step", "lock", steps),
        ("unknown_step", "odd", "steps = [\"build\", \"git-chek\"]\n"),
        ("empty", "none", "steps = []\n"),
    ] {
        let path = format!("workflows/{file}.toml");
        a.write(&path, text);
        let out = a.lockstep(file).words("-- alpha prod true").run();
        assert!(matches!(out.status.code(), Some(64 | 78)), "{name}: {out}");
        snap!(format!("workflow_{name}"), out);
        std::fs::remove_file(a.path(&path)).expect("just written");
    }
}

#[test]
fn finally_runs_under_the_lock_after_success_and_failure() {
    for code in [0, 5] {
        let world = World::new();
        let (a, b) = (world.clone("a"), world.clone("b"));
        a.publish("workflows/deploy.toml", DEPLOY);
        b.git("pull -q");
        world.tool("tofu").exits(code);
        let notify = world.tool("notify");
        notify.waits();
        let commit = a.commit_file("notes", "x\n");
        let mut run = a.lockstep("deploy -- alpha prod tofu apply").start();
        run.wait_for(notify.started());
        assert_eq!(world.origin_at("main") == commit, code == 0, "after success it is pushed by then");
        assert_eq!(world.lock_state("alpha/prod"), "held");
        for owner in ["ana@host1", "bob@host2"] {
            b.lockstep("build lock true: unlock -- alpha prod").owner(owner).run().code(75);
        }
        notify.let_go();
        run.finish().code(i32::from(code));
        assert_eq!(world.lock_state("alpha/prod"), if code == 0 { "free" } else { "failed" });
    }
}

#[test]
fn finally_does_not_run_without_the_lock_that_its_pipeline_takes() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    a.publish("workflows/deploy.toml", DEPLOY);
    b.git("pull -q");
    world.tool("tofu").exits(1);
    world.tool("notify");
    b.alias("tofu apply").owner("bob@host2").run().code(1);
    let out = a.lockstep("deploy -- alpha prod tofu apply").run();
    out.code(75).says("`finally` is left out: this run does not hold the lock");
    assert!(!world.called().contains(&"notify".to_owned()));
}
