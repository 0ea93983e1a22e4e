//! Repositories and configurations of git of every kind: the usual pipeline works in them, or says
//! why not.

use serde_json::json;

use crate::harness::{Checkout, World, snap};

/// The usual pipeline with a commit to push, which must leave everything as it should be.
fn works(world: &World, a: &Checkout<'_>) {
    world.tool("tofu");
    let commit = a.commit_file("notes", "a commit to push\n");
    a.alias("tofu apply").run().code(0);
    assert_eq!(world.origin_at("main"), commit);
    let record = world.lock("alpha/prod").expect("a record");
    assert_eq!((&record["state"], &record["applied"]), (&json!("free"), &json!(commit)));
}

/// Makes `origin` and the clone `a` anew with these options of `git init`.
fn remade(world: &World, option: &str) {
    std::fs::remove_dir_all(world.origin()).expect("it was there");
    world.git_args(&world.path(""), &["init", "-q", "--bare", option, "origin.git"]);
    world.git_args(&world.path(""), &["init", "-q", option, "a"]);
    let (seed, a) = (world.path("seed"), Checkout::at(world, "a"));
    for part in ["lockstep.toml", ".gitignore", "profiles", "modules"] {
        let (from, to) = (seed.join(part), a.path(part));
        let copied =
            std::process::Command::new("cp").arg("-r").args([from, to]).status().expect("cp can be run");
        assert!(copied.success());
    }
    world.git_args(a.dir(), &["remote", "add", "origin", &world.url()]);
    a.commit("The project");
    a.git("push -q -u origin main");
}

#[test]
fn sha256() {
    let world = World::new();
    remade(&world, "--object-format=sha256");
    works(&world, &Checkout::at(&world, "a"));
}

#[test]
fn reftable() {
    let world = World::new();
    if !world.can_init("--ref-format=reftable") {
        return;
    }
    remade(&world, "--ref-format=reftable");
    works(&world, &Checkout::at(&world, "a"));
}

#[test]
fn a_linked_worktree() {
    let world = World::new();
    let a = world.clone("a");
    a.git("checkout -q --detach");
    a.git("worktree add -q ../tree main");
    works(&world, &Checkout::at(&world, "tree"));
}

#[test]
fn a_project_below_the_top_in_a_path_with_spaces() {
    let world = World::new();
    let a = world.clone("a clone of mine");
    std::fs::create_dir(a.path("in fra")).expect("the world is writable");
    for part in ["lockstep.toml", "profiles", "modules"] {
        world.git_args(a.dir(), &["mv", part, "in fra/"]);
    }
    a.write(".gitignore", ".dist/\n");
    a.commit("Move");
    a.git("push -q");
    world.tool("tofu");
    a.write("elsewhere", "the whole repository must be clean\n");
    a.alias("tofu apply").cwd("in fra").run().code(77).says("elsewhere");
    let commit = a.commit("Clean");
    a.alias("tofu apply").cwd("in fra/modules").run().code(0);
    assert_eq!(world.calls()[0].cwd, a.path("in fra/.dist/alpha/prod"));
    assert_eq!(world.origin_at("main"), commit);
}

#[test]
fn a_submodule() {
    let world = World::new();
    world.git(&world.path(""), "init -q outer");
    let outer = world.path("outer");
    world.git_args(&outer, &["clone", "-q", &world.url(), "inner"]);
    world.git_args(&outer, &["submodule", "--quiet", "add", &world.url(), "inner"]);
    world.git(&outer, "submodule --quiet absorbgitdirs");
    let inner = Checkout::at(&world, "outer/inner");
    assert!(inner.path(".git").is_file());
    works(&world, &inner);
}

#[test]
fn a_remote_of_another_name_and_a_branch_of_another_name() {
    let world = World::new();
    let a = world.clone("a");
    a.git("remote rename origin company");
    a.git("branch -m main mine");
    // As for git: a branch of another name is pushed where the user says so.
    a.git("config push.default upstream");
    works(&world, &a);
}

#[test]
fn a_url_that_git_rewrites() {
    let world = World::new();
    let a = world.clone("a");
    let key = format!("url.{}.insteadOf", world.url());
    world.git_args(a.dir(), &["config", &key, "company:infra"]);
    a.git("remote set-url origin company:infra");
    works(&world, &a);
    let other = format!("url.file://{}.pushInsteadOf", world.path("other.git").display());
    world.git_args(a.dir(), &["config", &other, "company:infra"]);
    let out = a.alias("tofu apply").run();
    out.code(78);
    snap!(out);
}

#[test]
fn settings_of_the_user_that_would_mislead() {
    let world = World::new();
    let a = world.clone("a");
    for setting in [
        "color.ui always",
        "push.followTags true",
        "push.default nothing",
        "commit.gpgSign true",
        "push.gpgSign if-asked",
        "status.showUntrackedFiles no",
        "status.short true",
        "fetch.all true",
        "core.quotePath false",
        "core.pager nope",
        "submodule.recurse true",
        "remote.origin.tagOpt --tags",
        "log.showSignature true",
    ] {
        a.git(&format!("config {setting}"));
    }
    a.write("untracked", "");
    a.lockstep("git-check -- alpha prod").run().code(77).says("untracked");
    a.git("add untracked");
    a.git("-c commit.gpgSign=false commit -q -m here");
    a.git("-c tag.gpgSign=false tag -a -m note note");
    world.tool("tofu");
    a.alias("tofu apply").run().code(0);
    assert_eq!(world.origin_at("main"), a.head());
    assert_eq!(world.lock_state("alpha/prod"), "free");
    assert!(world.origin_refs("refs/tags").is_empty(), "tags stay where they are");
}

#[test]
fn a_remote_that_hides_the_refs_of_the_lock() {
    let world = World::new();
    let a = world.clone("a");
    world.git(&world.origin(), "config transfer.hideRefs refs/lockstep");
    world.tool("tofu");
    let out = a.alias("tofu apply").run();
    assert!(out.status.code().is_some_and(|c| ![0, 75].contains(&c)), "{out}");
    assert!(world.called().is_empty());
    snap!(out);
}

#[test]
fn locks_can_be_kept_elsewhere_but_not_anywhere() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    a.publish("lockstep.toml", "[lock.git]\nprefix = \"refs/zz/locks\"\n");
    a.alias("tofu apply").run().code(0);
    assert_eq!(world.origin_refs("refs/zz"), ["refs/zz/locks/@all/@all", "refs/zz/locks/alpha/prod"]);
    for prefix in
        ["refs/heads/locks", "refs/tags/locks", "refs/a/locks", "locks", "refs/zz/../x", "refs/zz locks"]
    {
        a.write("lockstep.toml", format!("[lock.git]\nprefix = \"{prefix}\"\n"));
        let out = a.lockstep("lock true: unlock -- alpha prod").run();
        out.code(78).says("prefix");
    }
    assert_eq!(world.called().len(), 1);
}

#[test]
fn a_branch_that_follows_a_local_one() {
    let world = World::new();
    let a = world.clone("a");
    a.git("checkout -q -b mine --track main");
    let out = a.lockstep("git-check -- alpha prod").run();
    assert!(matches!(out.status.code(), Some(77 | 78)), "{out}");
    snap!(out);
}

#[test]
fn a_clone_too_shallow_for_what_was_applied() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    a.commit_file("notes", "applied\n");
    a.alias("tofu apply").run().code(0);
    for number in 0..4 {
        a.publish("notes", &format!("{number}\n"));
    }
    world.git_args(&world.path(""), &["clone", "-q", "--depth=1", &world.url(), "shallow"]);
    let shallow = Checkout::at(&world, "shallow");
    let out = shallow.alias("tofu apply").run();
    // Deepened, or told so: never a wrong answer.
    if out.status.code() != Some(0) {
        out.code(77).says("shallow");
        world.git(shallow.dir(), "fetch -q --unshallow");
        shallow.alias("tofu apply").run().code(0);
    }
    assert_eq!(world.lock("alpha/prod").expect("a record")["applied"], json!(shallow.head()));
    snap!(out);
}
