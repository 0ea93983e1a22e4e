//! How often a run speaks to the remote, and that asking less often proves no less.

use serde_json::json;

use crate::harness::{Checkout, HttpServer, Output, SshServer, World, connections};

/// What git was called for, in order: `fetch`, `push`.
pub(crate) fn words(calls: &[String]) -> Vec<&str> {
    let word = |line: &'_ String| {
        ["fetch", "push", "ls-remote"].into_iter().find(|w| line.split(' ').any(|x| x == *w))
    };
    calls.iter().filter_map(word).collect()
}

/// Runs the usual alias; the way it ended and what it asked of the remote.
pub(crate) fn alias(world: &World, clone: &Checkout<'_>, owner: &str) -> (Output, Vec<String>) {
    connections(world, || clone.alias("tofu apply").owner(owner).run())
}

/// A world in which `a` has run before, so that it knows branch and locks.
pub(crate) fn known(world: &World) -> Checkout<'_> {
    let a = world.clone("a");
    world.tool("tofu");
    a.alias("tofu apply").run().code(0);
    a
}

pub(crate) const ANA: &str = "ana@host1";
pub(crate) const BOB: &str = "bob@host2";

#[test]
fn a_clone_that_never_fetched_asks_first() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    a.commit_file("notes", "x\n");
    let (out, calls) = alias(&world, &a, ANA);
    out.code(0);
    assert_eq!(words(&calls), ["fetch", "push", "push"]);
    assert_eq!(world.origin_at("main"), a.head());
}

#[test]
fn where_nothing_has_changed_a_run_costs_two_connections_and_three_with_a_commit_to_push() {
    let world = World::new();
    let a = known(&world);
    let (out, calls) = alias(&world, &a, ANA);
    out.code(0);
    assert_eq!(words(&calls), ["push", "push"]);
    let commit = a.commit_file("notes", "x\n");
    // What does not push is not counted with it.
    let words_of = "git-check lock true: unlock -- alpha prod";
    let (out, calls) = connections(&world, || a.lockstep(words_of).owner(ANA).run());
    out.code(0);
    assert_eq!(words(&calls), ["push", "push"]);
    let (out, calls) = alias(&world, &a, ANA);
    out.code(0);
    assert_eq!(words(&calls), ["fetch", "push", "push"]);
    assert_eq!(world.origin_at("main"), commit);
    assert_eq!(world.lock("alpha/prod").expect("a record")["applied"], json!(commit));
}

#[test]
fn over_http_too() {
    let world = World::new();
    let server = HttpServer::start(&world);
    let a = known(&world);
    let before = server.connections();
    a.alias("tofu plan").run().code(0);
    assert_eq!(server.connections() - before, 2, "{:#?}", server.requests());
}

#[test]
fn over_ssh_too() {
    let world = World::new();
    let Some(server) = SshServer::start(&world) else { return };
    let a = known(&world);
    let before = server.connections();
    a.alias("tofu plan").run().code(0);
    assert_eq!(server.connections() - before, 2);
}

#[test]
fn a_branch_that_moved_elsewhere_is_refused_as_after_a_fetch() {
    let world = World::new();
    let a = known(&world);
    world.clone("b").publish("notes", "x\n");
    let (out, calls) = alias(&world, &a, ANA);
    out.code(77).says("is 1 commit behind `origin/main`").says("git pull");
    assert_eq!(words(&calls), ["push", "fetch"], "one more than to ask first");
    assert_eq!(world.called().len(), 1);
    assert_eq!(world.lock_state("alpha/prod"), "free");
    assert_eq!(world.lock("alpha/prod").expect("a record")["generation"], json!(1));
    // What was fetched is known now, so that the second refusal asks first and says the same.
    let (again, calls) = alias(&world, &a, ANA);
    assert_eq!(again.code(77).stderr(), out.stderr());
    assert_eq!(words(&calls), ["fetch"]);
}

#[test]
fn a_branch_that_diverged_elsewhere_is_refused_as_after_a_fetch() {
    let world = World::new();
    let a = known(&world);
    a.commit_file("mine", "x\n");
    world.clone("b").publish("theirs", "x\n");
    let (out, calls) = alias(&world, &a, ANA);
    out.code(77).says("diverged");
    assert_eq!(words(&calls), ["fetch"]);
}

#[test]
fn a_branch_that_is_gone_is_refused_as_after_a_fetch() {
    let world = World::new();
    let a = known(&world);
    a.git("switch -q -c topic");
    a.git("push -q -u origin topic");
    a.alias("tofu plan").run().code(0);
    world.git(&world.origin(), "branch -q -D topic");
    let (out, _) = alias(&world, &a, ANA);
    out.code(77).says("`topic` does not exist");
    let (again, calls) = alias(&world, &a, ANA);
    assert_eq!(again.code(77).stderr(), out.stderr());
    assert_eq!(words(&calls), ["fetch", "ls-remote"]);
}

#[test]
fn a_branch_that_was_set_back_is_refused_unless_the_tree_is_current_with_it() {
    let world = World::new();
    let a = known(&world);
    let old = a.head();
    a.publish("notes", "x\n");
    a.lockstep("git-check lock true: unlock -- alpha prod").run().code(0);
    world.git_args(&world.origin(), &["update-ref", "refs/heads/main", &old]);
    let (out, calls) = alias(&world, &a, ANA);
    // Level with what was known, and one commit ahead of what is there: pushed again, as after a fetch.
    out.code(0);
    assert_eq!(words(&calls), ["push", "fetch", "push", "push"]);
    assert_eq!(world.origin_at("main"), a.head());
}

#[test]
fn a_lock_that_somebody_took_is_told_with_his_name() {
    let world = World::new();
    let a = known(&world);
    let b = world.clone("b");
    world.tool("tofu").exits(1);
    b.alias("tofu apply").owner(BOB).run().code(1);
    world.tool("tofu");
    let (out, calls) = alias(&world, &a, ANA);
    out.code(75).says(BOB);
    assert_eq!(words(&calls), ["push", "fetch", "fetch"], "one more than to ask first");
    // Known to be his by now: asked first, and asked again before anybody is refused.
    let (again, calls) = alias(&world, &a, ANA);
    again.code(75).says(BOB);
    assert_eq!(words(&calls), ["fetch", "fetch"]);
}

#[test]
fn what_others_did_to_lock_alone_costs_two_connections_more_than_knowing_it() {
    let world = World::new();
    let a = known(&world);
    world.clone("b").alias("tofu apply").owner(BOB).run().code(0);
    let (out, calls) = alias(&world, &a, ANA);
    out.code(0);
    assert_eq!(words(&calls), ["push", "fetch", "push", "push"]);
    assert_eq!(world.lock("alpha/prod").expect("a record")["generation"], json!(3));
}

#[test]
fn with_a_commit_to_push_it_is_never_more_than_three_whatever_others_did() {
    let world = World::new();
    let a = known(&world);
    let b = world.clone("b");
    let change = |n: u32| a.commit_file("notes", &format!("{n}\n"));
    let run = || {
        let (out, calls) = alias(&world, &a, ANA);
        out.code(0);
        calls
    };
    // Somebody ran and pushed nothing; for the first time, and again.
    for n in 0..2 {
        b.git("pull -q");
        b.alias("tofu plan").owner(BOB).run().code(0);
        change(n);
        assert_eq!(words(&run()), ["fetch", "push", "push"]);
    }
    // Somebody failed, and the lock was taken away from him.
    b.git("pull -q");
    world.tool("tofu").exits(1);
    b.alias("tofu apply").owner(BOB).run().code(1);
    world.tool("tofu");
    b.lockstep("unlock-any -- alpha prod").owner(BOB).run().code(0);
    let commit = change(2);
    assert_eq!(words(&run()), ["fetch", "push", "push"]);
    assert_eq!(world.origin_at("main"), commit);
}

#[test]
fn who_has_pulled_what_others_did_pays_no_refusal() {
    let world = World::new();
    let a = known(&world);
    let b = world.clone("b");
    b.commit_file("notes", "x\n");
    b.alias("tofu apply").owner(BOB).run().code(0);
    a.git("pull -q");
    a.commit_file("more", "x\n");
    let (out, calls) = alias(&world, &a, ANA);
    out.code(0);
    assert_eq!(words(&calls), ["fetch", "push", "push"]);
}

#[test]
fn what_a_freeze_of_many_has_moved_is_looked_at_once_more() {
    let world = World::new();
    let (a, b) = (known(&world), world.clone("b"));
    let frozen = || {
        b.lockstep("freeze --reason x prod").run().code(0);
        b.lockstep("thaw prod").run().code(0);
    };
    // Not known here: found out by the push that is lost.
    frozen();
    let (out, calls) = alias(&world, &a, ANA);
    out.code(0);
    assert_eq!(words(&calls), ["push", "fetch", "fetch", "push", "push"]);
    // Known here, and once a run has been, everything is as usual.
    frozen();
    a.lockstep("locks").run().code(0);
    for expected in [["fetch", "fetch", "push", "push"].as_slice(), &["push", "push"]] {
        let (out, calls) = alias(&world, &a, ANA);
        out.code(0);
        assert_eq!(words(&calls), expected);
    }
}

#[test]
fn a_tree_older_than_what_was_applied_is_refused_from_an_old_clone_too() {
    let world = World::new();
    let a = known(&world);
    a.git("switch -q -c topic");
    a.git("push -q -u origin topic");
    a.alias("tofu plan").run().code(0);
    // Applied on another branch, of which this clone knows nothing; its own branch has not moved.
    let b = world.clone("b");
    b.commit_file("notes", "x\n");
    b.alias("tofu apply").owner(BOB).run().code(0);
    let (out, calls) = alias(&world, &a, ANA);
    out.code(77).says("which this tree does not contain");
    assert_eq!(words(&calls)[..2], ["push", "fetch"]);
    assert_eq!(world.lock_state("alpha/prod"), "free");
}

#[test]
fn too_many_commits_are_refused_by_a_fetch_only() {
    let world = World::new();
    let a = known(&world);
    a.commit_file("one", "1\n");
    a.commit_file("two", "2\n");
    let (out, calls) = alias(&world, &a, ANA);
    out.code(77).says("2 commits ahead");
    assert_eq!(words(&calls), ["fetch"]);
    // Pushed by hand from here, and so not known to us: nothing is ahead any more.
    a.git("push -q");
    let (out, calls) = alias(&world, &a, ANA);
    out.code(0);
    assert_eq!(words(&calls), ["fetch", "push", "push"]);
}

#[test]
fn without_lock_directly_after_it_git_check_asks() {
    let world = World::new();
    let a = known(&world);
    let run = |words: &str| connections(&world, || a.lockstep(words).run()).1;
    assert_eq!(words(&run("git-check -- alpha prod")), ["fetch"]);
    assert_eq!(words(&run("git-check build lock true: unlock -- alpha prod")), ["fetch", "push", "push"]);
}

#[test]
fn a_detached_head_in_ci_is_proved_by_the_push_too() {
    let world = World::new();
    let a = known(&world);
    a.git("checkout -q --detach");
    let run = || {
        connections(&world, || a.lockstep("--branch main git-check lock true: unlock -- alpha prod").run())
    };
    let (out, calls) = run();
    out.code(0);
    assert_eq!(words(&calls), ["push", "push"]);
    world.clone("b").publish("notes", "x\n");
    let (out, calls) = run();
    out.code(77).says("origin/main");
    assert_eq!(words(&calls), ["push", "fetch"]);
}

#[test]
fn a_worktree_knows_what_its_clone_knows() {
    let world = World::new();
    let a = known(&world);
    a.git("worktree add -q --detach ../tree");
    let tree = Checkout::at(&world, "tree");
    let words_of = "--branch main build git-check lock true: unlock -- alpha prod";
    let (out, calls) = connections(&world, || tree.lockstep(words_of).run());
    out.code(0);
    assert_eq!(words(&calls), ["push", "push"]);
}
