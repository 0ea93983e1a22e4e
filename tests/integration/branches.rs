//! From which branches changes are applied, and where git-push goes.

use crate::harness::World;

#[test]
fn commands_that_change_things_run_from_the_branches_that_may() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    a.publish("lockstep.toml", "[git]\napply_from = [\"main\", \"release/*\"]\n");
    a.alias("tofu apply").run().code(0);
    a.git("switch -q -c feature/x");
    a.git("push -q -u origin feature/x");
    let before = world.lock_history("alpha/prod").len();
    for words in [
        "build git-check lock exec git-push unlock-any",
        "build exec",
        "lock exec unlock",
        "git-check build exec",
    ] {
        let out = a.lockstep(words).words("-- alpha prod tofu apply").run();
        out.code(77)
            .says("commands that change things run from `main`, `release/*` only")
            .says("git switch main");
    }
    assert_eq!(
        (world.called().len(), world.lock_history("alpha/prod").len()),
        (1, before),
        "nothing was done"
    );
    a.alias("tofu plan").run().code(0);
    a.lockstep("build exec -- alpha prod tofu plan").run().code(0);
    a.git("switch -q -c release/1");
    a.git("push -q -u origin release/1");
    a.alias("tofu apply").run().code(0);
    // In CI a detached HEAD is the branch that the service, or the option, names.
    a.git("switch -q --detach");
    let github = |name: &str| a.alias("tofu apply").env("GITHUB_ACTIONS", "true").env("GITHUB_REF", name);
    github("refs/heads/feature/x").run().code(77).says("this is branch `feature/x`");
    github("refs/heads/release/1").run().code(0);
    a.alias("tofu apply").run().code(77).says("a detached HEAD").says("--branch BRANCH");
    let words = "--branch release/1 build git-check lock exec git-push unlock-any -- alpha prod tofu apply";
    a.lockstep(words).run().code(0);
    a.write("lockstep.toml", "[git]\napply_from = [\"a[\"]\n");
    a.lockstep("build -- alpha prod").run().code(78).says("lockstep.toml:2");
}

#[test]
fn a_branch_that_follows_another_name_is_not_pushed_there() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    let before = world.origin_at("main");
    a.git("switch -q -c feature/x origin/main");
    let commit = a.commit_file("modules/alpha/wip.tf", "wip\n");
    for words in [
        "build git-check lock exec git-push unlock-any",
        "build lock exec git-push unlock",
        "build exec git-push",
    ] {
        let out = a.lockstep(words).words("-- alpha prod tofu apply").run();
        out.code(77).says("branch `feature/x` follows `origin/main`, which has another name");
        out.says("git push -u origin feature/x").says("git config push.default upstream");
    }
    let alias = "build git-check lock exec git-push unlock-any -- alpha prod tofu apply";
    a.lockstep("--dry-run").words(alias).run().code(0).says("refused: branch `feature/x` follows");
    assert!(world.called().is_empty() && world.lock("alpha/prod").is_none());
    assert!(a.lockstep("doctor --offline").run().stdout().contains("which has another name"));
    // Without a push nothing goes anywhere.
    a.lockstep("build git-check lock exec unlock -- alpha prod tofu plan").run().code(0);
    assert_eq!(world.origin_at("main"), before);
    a.git("config push.default upstream");
    a.lockstep("--dry-run").words(alias).run().code(0).says("git-push    to origin/main");
    a.lockstep(alias).run().code(0);
    assert_eq!(world.origin_at("main"), commit);
}

#[test]
fn where_git_pushes_elsewhere_nothing_is_pushed() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    world.git_args(&world.path("."), &["clone", "-q", "--bare", &world.url(), "fork.git"]);
    world.git_args(
        a.dir(),
        &["remote", "add", "fork", &format!("file://{}", world.path("fork.git").display())],
    );
    a.commit_file("modules/alpha/v1.tf", "v1\n");
    let elsewhere = [
        ("branch.main.pushRemote", "fork"),
        ("remote.pushDefault", "fork"),
        ("remote.origin.push", "HEAD:refs/for/main"),
    ];
    for (key, value) in elsewhere {
        world.git_args(a.dir(), &["config", key, value]);
        let out = a.alias("tofu apply").run();
        out.code(78)
            .says(if value == "fork" { "sends pushes to `fork`" } else { "refs/for/main" })
            .says("--unset");
        world.git_args(a.dir(), &["config", "--unset", key]);
    }
    assert!(world.called().is_empty() && world.lock("alpha/prod").is_none());
    world.git_args(a.dir(), &["config", "remote.pushDefault", "origin"]);
    a.alias("tofu apply").run().code(0);
    assert_eq!(world.origin_at("main"), a.head());
}
