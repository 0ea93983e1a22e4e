//! `applied` is what ran: the commit that was rendered, checked and run, and none that was made or merged
//! meanwhile.

use serde_json::{Value, json};

use crate::harness::{Checkout, World};

const FINISH: &str = "build git-check lock git-push unlock -- alpha prod";

fn record(world: &World) -> Value {
    world.lock("alpha/prod").expect("a record")
}

/// A run whose push is refused, because somebody pushes `file` from outside meanwhile: applied, not recorded.
fn applied_and_not_pushed(world: &World, a: &Checkout<'_>, b: &Checkout<'_>, file: &str) -> String {
    let tool = world.tool("tofu");
    tool.waits();
    let commit = a.commit_file("modules/alpha/v1.tf", "v1\n");
    let mut run = a.alias("tofu apply").start();
    run.wait_for(tool.started());
    b.git("pull -q --rebase");
    b.publish(file, "from outside\n");
    tool.let_go();
    run.finish().code(79);
    world.tool("tofu");
    assert_eq!((&record(world)["state"], &record(world)["effect"]), (&json!("failed"), &json!("applied")));
    commit
}

#[test]
fn a_command_that_changes_things_does_not_run_in_what_another_commit_rendered() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    world.tool("tofu");
    a.alias("tofu apply").run().code(0);
    b.commit_file("modules/alpha/v1.tf", "v1\n");
    b.alias("tofu apply").owner("ben@host2").run().code(0);
    a.git("pull -q --rebase");
    let before = world.lock_history("alpha/prod").len();
    for words in [
        "git-check lock exec git-push unlock-any -- alpha prod tofu apply",
        "git-check lock tofu:apply git-push unlock-any -- alpha prod",
        "lock exec unlock -- alpha prod tofu apply",
    ] {
        let out = a.lockstep(words).run();
        out.code(77).says("not what HEAD renders").says("v1.tf (new)").says("lockstep build -- alpha prod");
    }
    assert_eq!(world.called().len(), 2, "nothing ran");
    assert_eq!(world.lock_history("alpha/prod").len(), before, "the lock was not touched");
    // What is HEAD's beyond doubt may be used.
    a.lockstep("build -- alpha prod").run().code(0);
    a.lockstep("git-check lock exec git-push unlock-any -- alpha prod tofu apply").run().code(0);
    assert_eq!(record(&world)["applied"], json!(a.head()));
}

#[test]
fn a_command_that_only_reads_may_look_into_an_older_directory_and_records_nothing() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    a.alias("tofu apply").run().code(0);
    let applied = record(&world)["applied"].clone();
    a.publish("modules/alpha/v1.tf", "v1\n");
    a.lockstep("git-check lock exec git-push unlock-any -- alpha prod tofu plan").run().code(0);
    assert_eq!((&record(&world)["state"], &record(&world)["applied"]), (&json!("free"), &applied));
}

#[test]
fn a_head_that_moves_between_build_and_lock_is_refused() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    let commit = ["git", "commit", "-q", "--allow-empty", "-m", "meanwhile"];
    world.tool("mover").does(json!([{ "run": commit, "cwd": a.dir() }]));
    for words in [
        "build mover: git-check lock exec git-push unlock -- alpha prod tofu apply",
        "build git-check mover: lock exec git-push unlock -- alpha prod tofu apply",
        "build mover: lock exec unlock -- alpha prod tofu apply",
    ] {
        let out = a.lockstep(words).run();
        out.code(77).says("HEAD moved from").says("run the same again");
        a.git("push -q");
        a.lockstep("unlock-any -- alpha prod").run().code(0);
    }
    assert!(!world.called().iter().any(|tool| tool == "tofu"));
}

#[test]
fn a_commit_made_while_the_tool_runs_is_neither_pushed_nor_recorded() {
    for words in [
        "build git-check lock exec git-push unlock-any -- alpha prod tofu apply",
        "build git-check lock exec git-push tell: unlock -- alpha prod tofu apply",
        "build lock exec git-push unlock -- alpha prod tofu apply",
        "build git-check lock exec unlock -- alpha prod tofu apply",
    ] {
        let world = World::new();
        let a = world.clone("a");
        world.tool("tell");
        let tool = world.tool("tofu");
        tool.waits();
        let before = world.origin_at("main");
        let ran = a.commit_file("modules/alpha/v1.tf", "v1\n");
        let mut run = a.lockstep(words).start();
        run.wait_for(tool.started());
        let later = a.commit_file("modules/alpha/v2.tf", "v2\n");
        tool.let_go();
        let out = run.finish();
        out.code(0).says(&format!("HEAD has moved on to {} since; run again to apply it", &later[..10]));
        let pushed = if words.contains("git-push") { &ran } else { &before };
        assert_eq!(world.origin_at("main"), *pushed, "{words}");
        assert_eq!((&record(&world)["commit"], &record(&world)["applied"]), (&json!(ran), &json!(ran)));
    }
}

#[test]
fn what_ran_is_pushed_to_its_own_branch_although_another_is_checked_out_since() {
    let world = World::new();
    let a = world.clone("a");
    let tool = world.tool("tofu");
    tool.waits();
    let ran = a.commit_file("modules/alpha/v1.tf", "v1\n");
    let mut run = a.alias("tofu apply").start();
    run.wait_for(tool.started());
    a.git("switch -q -c other");
    a.commit_file("modules/alpha/v2.tf", "v2\n");
    tool.let_go();
    run.finish().code(0);
    assert_eq!((world.origin_at("main"), record(&world)["applied"].clone()), (ran.clone(), json!(ran)));
}

#[test]
fn a_recovery_that_renders_something_else_asks_for_another_run_of_the_command() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    let commit = applied_and_not_pushed(&world, &a, &b, "modules/alpha/outside.tf");
    a.git("pull -q --rebase");
    let before = world.lock_history("alpha/prod").len();
    let out = a.lockstep(FINISH).run();
    out.code(77).says("must be applied again").says(&commit[..10]);
    out.says("lockstep build git-check lock exec git-push unlock-any -- alpha prod tofu apply");
    assert_eq!(world.lock_history("alpha/prod").len(), before, "the lock is as it was");
    let out = a.lockstep("git-check lock git-push unlock -- alpha prod").run();
    out.code(77).says("and this run has not rendered the same, for there is no `build` in it");
    out.says("hint: put `build` before it: lockstep build git-check lock git-push unlock -- alpha prod\n");
    // A plan may look, and changes nothing about that.
    let look = a.lockstep("build git-check lock exec git-push unlock -- alpha prod tofu plan").run();
    look.code(0).says("not pushed").says("the lock stays until a change succeeds");
    assert_ne!(world.origin_at("main"), a.head());
    assert_eq!((&record(&world)["state"], &record(&world)["commit"]), (&json!("failed"), &json!(commit)));
    a.alias("tofu apply").run().code(0);
    assert_eq!((record(&world)["applied"].clone(), world.origin_at("main")), (json!(a.head()), a.head()));
}

#[test]
fn a_recovery_that_renders_the_same_records_the_rebased_commit() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    let commit = applied_and_not_pushed(&world, &a, &b, "modules/beta/outside.tf");
    assert_eq!(record(&world)["output"].as_str().map(str::len), Some(64));
    a.git("pull -q --rebase");
    assert_ne!(a.head(), commit);
    a.lockstep(FINISH).run().code(0);
    assert_eq!((&record(&world)["state"], &record(&world)["applied"]), (&json!("free"), &json!(a.head())));
    assert_eq!(world.origin_at("main"), a.head());
    assert_eq!(world.called().len(), 1, "the tool did not run again");
}

#[test]
fn the_owner_cannot_finish_from_a_clone_that_lacks_the_commit() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    applied_and_not_pushed(&world, &a, &b, "modules/beta/outside.tf");
    let out = b.lockstep(FINISH).run();
    out.code(77).says("which this tree does not contain").never_says("must be applied again");
    let out = b.alias("tofu apply").run();
    out.code(77).says("which this tree does not contain").says("--accept-rewrite").says("ask who applied it");
    assert_eq!(world.called().len(), 1, "nothing was taken back");
    assert_eq!(record(&world)["state"], json!("failed"));
    a.git("pull -q --rebase");
    a.lockstep(FINISH).run().code(0);
}

#[test]
fn an_eviction_keeps_what_the_record_says_is_applied() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    let commit = applied_and_not_pushed(&world, &a, &b, "modules/beta/outside.tf");
    let ben = |words: &str| b.lockstep(words).owner("ben@host2");
    let out = ben("--reason away unlock-any -- alpha prod").run();
    out.code(0).says(&format!("its change from commit {} is applied", &commit[..10]));
    assert_eq!((&record(&world)["state"], &record(&world)["applied"]), (&json!("free"), &json!(commit)));
    let alias = "build git-check lock exec git-push unlock-any -- alpha prod tofu apply";
    let out = ben(alias).run();
    out.code(77).says("which this tree does not contain").says("--accept-rewrite").never_says("git rebase");
    assert_eq!(world.called().len(), 1, "v1 was not reverted");
    a.git("pull -q --rebase");
    a.git("push -q");
    b.git("pull -q --rebase");
    // It came as another commit: the same change is in it.
    a.alias("tofu apply").run().code(0);
    ben(alias).run().code(0);
    ben("--accept-rewrite build lock true: unlock -- alpha prod").run().code(0);
}

#[test]
fn a_change_that_is_applied_is_not_forgotten_by_the_next_one_that_is_evicted() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    let commit = applied_and_not_pushed(&world, &a, &b, "modules/beta/outside.tf");
    a.git("pull -q --rebase");
    let again = world.tool("tofu");
    again.waits();
    let mut run = a.alias("tofu apply").start();
    run.wait_for(again.started());
    assert_eq!(record(&world)["applied"], json!(commit), "from the moment that the lock is taken over");
    b.lockstep("--reason away unlock-any -- alpha prod").owner("ben@host2").run().code(0);
    again.let_go();
    run.finish().code(76);
    assert_eq!((&record(&world)["state"], &record(&world)["applied"]), (&json!("free"), &json!(commit)));
    b.git("pull -q --rebase");
    let out = b.alias("tofu apply").owner("ben@host2").run();
    out.code(77).says("which this tree does not contain").says("--accept-rewrite");
    world.tool("tofu");
    a.alias("tofu apply").run().code(0);
    assert_eq!(world.lock_state("alpha/prod"), "free");
}

#[test]
fn a_squash_merge_and_a_rebase_merge_of_what_was_applied_are_recognised() {
    for elsewhere in [false, true] {
        for how in [&["merge", "-q", "--squash", "fix"][..], &["cherry-pick", "fix~1", "fix"]] {
            let world = World::new();
            let (a, b) = (world.clone("a"), world.clone("b"));
            world.tool("tofu");
            a.git("switch -q -c fix");
            a.commit_file("modules/alpha/one.tf", "1\n");
            a.git("push -q -u origin fix");
            a.commit_file("modules/alpha/two.tf", "2\n");
            a.alias("tofu apply").run().code(0);
            if elsewhere {
                b.publish("modules/beta/other.tf", "other\n");
            }
            b.git("fetch -q");
            b.alias("tofu apply").owner("ben@host2").run().code(77).says("git rebase origin/fix");
            a.git("switch -q main");
            a.git("pull -q");
            world.git_args(a.dir(), how);
            if how[0] == "merge" {
                a.commit("squashed");
            }
            a.git("push -q");
            a.git("push -q origin --delete fix");
            a.publish("modules/alpha/later.tf", "3\n");
            // A clone that never had the branch: the remote still has the commit.
            let c = world.clone("c");
            c.alias("tofu apply").run().code(0);
            assert_eq!(record(&world)["applied"], json!(a.head()));
            a.alias("tofu apply").run().code(0);
        }
    }
}

#[test]
fn a_plan_over_a_failed_change_pushes_nothing() {
    let world = World::new();
    let a = world.clone("a");
    let before = world.origin_at("main");
    world.tool("tofu").exits(1);
    a.commit_file("modules/alpha/v1.tf", "broken\n");
    a.alias("tofu apply").run().code(1);
    world.tool("tofu");
    let out = a.alias("tofu plan").run();
    out.code(0).says("not pushed").says("the lock stays until a change succeeds");
    out.says("lockstep build git-check lock exec git-push unlock-any -- alpha prod PROGRAM");
    assert_eq!(world.origin_at("main"), before);
    assert_eq!(world.lock_state("alpha/prod"), "failed");
}

#[test]
fn the_same_output_at_another_commit_is_no_older_tree() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    world.tool("tofu");
    a.git("switch -q -c fix");
    a.git("push -q -u origin fix");
    a.commit_file("modules/alpha/one.tf", "1\n");
    a.alias("tofu apply").run().code(0);
    // The same came to main in another way, with a conflict that somebody resolved.
    b.publish("modules/alpha/one.tf", "0\n");
    b.alias("tofu apply").run().code(77);
    b.publish("modules/alpha/one.tf", "1\n");
    b.alias("tofu apply").run().code(0);
    assert_eq!(record(&world)["applied"], json!(b.head()));
}

#[test]
fn a_unit_that_lost_its_lock_keeps_the_commit_from_the_branch() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    let before = world.origin_at("main");
    a.commit_file("modules/alpha/z.tf", "z\n");
    let tool = world.tool("tofu");
    tool.waits();
    let mut run = a
        .lockstep("-y -j2 build git-check lock exec git-push unlock-any -- alpha,beta prod tofu apply -auto-approve")
        .start();
    run.wait_for(tool.started());
    crate::harness::wait_until("both to hold their locks", || {
        ["alpha/prod", "beta/prod"].into_iter().all(|unit| world.lock_state(unit) == "held")
    });
    b.lockstep("--reason x unlock-any -- alpha prod").owner("ben@host2").run().code(0);
    tool.let_go();
    let out = run.finish();
    out.says("the lock of `alpha/prod` was taken from this run").says("lockstep log alpha/prod");
    assert_eq!(world.origin_at("main"), before, "neither unit brought it to the branch");
    let beta = world.lock("beta/prod").expect("a record");
    assert_eq!((&beta["state"], &beta["effect"]), (&json!("failed"), &json!("applied")));
}
