//! A push in CI is compared with what the branch was before it, as the service tells it.

use std::fs;

use serde_json::json;

use crate::harness::{Checkout, Cmd, World};

fn world() -> World {
    World::with_project(&[
        ("lockstep.toml", ""),
        ("profiles/prod.toml", ""),
        ("modules/alpha/main.tf", "one\n"),
        ("modules/beta/main.tf", "one\n"),
        ("modules/gamma/main.tf", "one\n"),
    ])
}

/// `affected` in a job of GitHub that this push started.
fn pushed<'w>(world: &'w World, at: &Checkout<'w>, branch: &str, before: &str) -> Cmd<'w> {
    in_job(world, at, "affected", branch, before)
}

fn in_job<'w>(world: &'w World, at: &Checkout<'w>, words: &str, branch: &str, before: &str) -> Cmd<'w> {
    let event = json!({
        "ref": format!("refs/heads/{branch}"), "before": before, "after": at.git("rev-parse HEAD").trim(),
        "repository": { "default_branch": "main" }, "commits": [],
    });
    let file = world.path("out/event.json");
    fs::write(&file, event.to_string()).expect("the world is writable");
    let cmd = at.lockstep(words).env("CI", "true").env("GITHUB_ACTIONS", "true");
    cmd.env("GITHUB_EVENT_NAME", "push").env("GITHUB_EVENT_PATH", file)
}

#[test]
fn all_commits_of_a_push_count() {
    let world = world();
    let a = world.clone("a");
    let before = world.origin_at("main");
    a.commit_file("modules/alpha/main.tf", "two\n");
    a.publish("modules/beta/main.tf", "two\n");
    let job = world.clone("job");
    let out = pushed(&world, &job, "main", &before).run();
    let said = format!("compared with {}, before the push", &before[..10]);
    out.code(0).prints("alpha/prod\nbeta/prod\n").says(&said).says("2 commits since)");
    let gitlab = job.lockstep("affected").env("CI", "true").env("GITLAB_CI", "true");
    let gitlab = gitlab.env("CI_PIPELINE_SOURCE", "push").env("CI_COMMIT_BRANCH", "main");
    let gitlab = gitlab.env("CI_COMMIT_BEFORE_SHA", &before).env("CI_COMMIT_SHA", world.origin_at("main"));
    gitlab.run().code(0).prints("alpha/prod\nbeta/prod\n");
    // In a pipeline too.
    in_job(&world, &job, "--affected build -- * prod", "main", &before)
        .run()
        .code(0)
        .never_says("gamma/prod");
    assert!(job.has(".dist/beta/prod/main.tf") && !job.has(".dist/gamma/prod"));
}

#[test]
fn a_force_push_is_compared_with_what_was_thrown_away() {
    let world = world();
    let a = world.clone("a");
    a.publish("modules/alpha/main.tf", "two\n");
    let before = world.origin_at("main");
    let early = world.clone("early");
    a.git("reset -q --hard HEAD^");
    a.commit_file("modules/beta/main.tf", "two\n");
    a.git("push -q --force");
    early.git("fetch -q");
    early.git("reset -q --hard origin/main");
    // alpha is what it was before the commit that is gone.
    pushed(&world, &early, "main", &before).run().code(0).prints("alpha/prod\nbeta/prod\n");
    let late = world.clone("late");
    let out = pushed(&world, &late, "main", &before).run();
    out.code(78)
        .prints("")
        .says(&format!("the push began at commit {}, which is not in this clone", &before[..10]))
        .says("`fetch-depth: 0`")
        .says(&format!("git fetch origin {before}"));
}

#[test]
fn a_new_branch_is_compared_with_the_default_branch() {
    let world = world();
    let a = world.clone("a");
    a.git("checkout -q -b side");
    a.commit_file("modules/alpha/main.tf", "two\n");
    a.commit_file("modules/beta/main.tf", "two\n");
    a.git("push -q -u origin side");
    let zeros = "0".repeat(40);
    let out = pushed(&world, &a, "side", &zeros).run();
    out.code(0).prints("alpha/prod\nbeta/prod\n").says("compared with origin/main");
    a.git("checkout -q main");
    let out = pushed(&world, &a, "main", &zeros).run();
    out.code(0).prints("alpha/prod  new\nbeta/prod  new\ngamma/prod  new\n").says("branch main is new");
}
