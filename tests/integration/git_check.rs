//! git-check through the binary: what is let through, what is refused, and with which words.

use crate::harness::{Checkout, Output, World, snap};

fn check(a: &Checkout<'_>) -> Output {
    a.lockstep("git-check -- alpha prod").run()
}

#[test]
fn a_clean_and_current_tree_passes() {
    let world = World::new();
    let a = world.clone("a");
    check(&a).code(0);
    a.commit_file("notes", "one commit ahead is what the apply is for\n");
    let out = check(&a);
    out.code(0).prints("");
    snap!(out);
}

#[test]
fn never_again_staged_and_untracked_files_are_let_through() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    a.write("modules/alpha/untracked.tf", "x\n");
    let untracked = a.alias("tofu apply").run();
    untracked.code(77).says("modules/alpha/untracked.tf");
    snap!("untracked", untracked);
    a.git("add modules/alpha/untracked.tf");
    let staged = a.alias("tofu apply").run();
    staged.code(77).says("modules/alpha/untracked.tf");
    snap!("staged", staged);
    a.git("reset -q --hard");
    a.write("profiles/prod.toml", "[params]\nregion = \"other\"\n");
    let unstaged = a.alias("tofu apply").run();
    unstaged.code(77).says("profiles/prod.toml");
    snap!("unstaged", unstaged);
    assert!(world.called().is_empty());
    assert!(world.origin_refs("refs/lockstep").is_empty());
}

#[test]
fn ten_files_are_named_and_the_others_counted() {
    let world = World::new();
    let a = world.clone("a");
    for number in 10..23 {
        a.write(format!("file-{number}"), "");
    }
    let out = check(&a);
    out.code(77).says("file-10").says("file-19").never_says("file-20").says("3");
    snap!(out);
}

#[test]
fn hostile_file_names_are_escaped() {
    let world = World::new();
    let a = world.clone("a");
    a.write("evil\u{1b}[2J\nfile `x`", "");
    let out = check(&a);
    out.code(77);
    assert!(!out.stderr().contains('\u{1b}'), "{out}");
    snap!(out);
}

#[test]
fn behind_diverged_and_too_far_ahead_are_refused_each_with_its_cure() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    b.publish("notes", "by another\n");
    let behind = check(&a);
    behind.code(77);
    snap!("behind", behind);
    a.commit_file("mine", "x\n");
    let diverged = check(&a);
    diverged.code(77);
    snap!("diverged", diverged);
    a.git("pull -q --rebase");
    a.commit_file("mine", "y\n");
    let ahead = check(&a);
    ahead.code(77);
    snap!("ahead", ahead);
}

#[test]
fn the_offered_cures_cure() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    b.publish("notes", "by another\n");
    a.commit_file("mine", "x\n");
    for _ in 0..3 {
        let out = check(&a);
        if out.status.code() == Some(0) {
            return;
        }
        let commands = out.offered_commands();
        let command = commands.first().unwrap_or_else(|| panic!("no command is offered\n{out}"));
        world.program("sh", a.dir()).args(["-c", command]).run().code(0);
    }
    check(&a).code(0);
}

#[test]
fn an_unfinished_operation_is_refused() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    b.publish("notes", "theirs\n");
    a.commit_file("notes", "mine\n");
    a.git("fetch -q");
    world.program("git", a.dir()).words("merge -q origin/main").run().code(1);
    let out = check(&a);
    out.code(77).says("merge");
    snap!(out);
}

#[test]
fn a_conflict_is_refused() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    b.publish("notes", "theirs\n");
    a.write("notes", "mine\n");
    a.git("add notes");
    a.git("stash -q");
    a.git("pull -q");
    world.program("git", a.dir()).words("stash pop -q").run().code(1);
    let out = check(&a);
    out.code(77).says("notes");
    snap!(out);
}

#[test]
fn a_branch_without_upstream_and_one_whose_upstream_is_gone() {
    let world = World::new();
    let a = world.clone("a");
    a.git("checkout -q -b feature");
    let none = check(&a);
    none.code(77);
    snap!("no_upstream", none);
    a.git("push -q -u origin feature");
    check(&a).code(0);
    a.git("push -q origin :feature");
    let gone = check(&a);
    gone.code(77);
    snap!("upstream_gone", gone);
}

#[test]
fn a_remote_that_cannot_be_reached_is_never_not_clean() {
    let world = World::new();
    let a = world.clone("a");
    world.tool("tofu");
    std::fs::rename(world.origin(), world.path("moved.git")).expect("the world is writable");
    let out = a.alias("tofu apply").run();
    out.code(69).never_says("clean");
    assert!(world.called().is_empty());
    snap!(out);
}

#[test]
fn without_any_remote_only_cleanliness_is_checked() {
    let world = World::new();
    let a = world.clone("a");
    a.git("remote remove origin");
    let out = check(&a);
    out.code(0);
    snap!(out);
    a.write("untracked", "");
    check(&a).code(77).says("untracked");
}

#[test]
fn outside_of_a_repository_it_is_refused() {
    let world = World::bare();
    let home = Checkout::at(&world, "home");
    home.write("lockstep.toml", "");
    home.write("profiles/prod.toml", "");
    home.write("modules/alpha/x", "");
    let out = check(&home);
    assert!(matches!(out.status.code(), Some(77 | 78)), "{out}");
    snap!(out);
}

#[test]
fn a_repository_without_a_commit_says_so() {
    let world = World::bare();
    world.git(&world.path(""), "init -q young");
    let young = Checkout::at(&world, "young");
    young.write("lockstep.toml", "");
    young.write("profiles/prod.toml", "");
    young.write("modules/alpha/x", "");
    let out = check(&young);
    out.code(77);
    snap!(out);
}

#[test]
fn a_detached_head_passes_in_ci_when_it_is_the_tip_of_its_branch() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    a.git("checkout -q --detach");
    let unknown = check(&a);
    unknown.code(77);
    snap!("detached", unknown);
    a.lockstep("--branch main git-check -- alpha prod").run().code(0);
    let github = [("GITHUB_ACTIONS", "true"), ("GITHUB_REF", "refs/heads/main"), ("GITHUB_REF_NAME", "main")];
    let in_ci = |a: &Checkout<'_>| {
        github
            .iter()
            .fold(a.lockstep("git-check -- alpha prod").env("CI", "true"), |c, (k, v)| c.env(k, v))
            .run()
    };
    in_ci(&a).code(0);
    b.publish("notes", "x\n");
    let old = in_ci(&a);
    old.code(77);
    snap!("detached_behind", old);
}

#[test]
fn a_shallow_clone_is_checked_like_any_other() {
    let world = World::new();
    let b = world.clone("b");
    for number in 0..5 {
        b.publish("notes", &format!("{number}\n"));
    }
    world.git_args(&world.path(""), &["clone", "-q", "--depth=1", &world.url(), "shallow"]);
    let shallow = Checkout::at(&world, "shallow");
    check(&shallow).code(0);
    b.publish("notes", "newer\n");
    let out = check(&shallow);
    out.code(77);
    snap!(out);
}

#[test]
fn it_writes_neither_to_the_tree_nor_to_the_index() {
    let world = World::new();
    let a = world.clone("a");
    let index = std::fs::read(a.path(".git/index")).expect("readable");
    // Stale times would tempt git to refresh its index.
    a.write("profiles/prod.toml", a.read("profiles/prod.toml"));
    check(&a).code(0);
    assert_eq!(std::fs::read(a.path(".git/index")).expect("readable"), index);
    assert!(!a.has(".git/FETCH_HEAD"));
}

#[test]
fn worktrees_submodules_and_sparse_checkouts_work() {
    let world = World::new();
    let a = world.clone("a");
    a.git("worktree add -q ../tree -b tree origin/main");
    let tree = Checkout::at(&world, "tree");
    check(&tree).code(0);
    tree.write("x", "");
    check(&tree).code(77);

    let sparse = world.clone("sparse");
    sparse.git("sparse-checkout set --no-cone /lockstep.toml /profiles /modules/alpha");
    assert!(!sparse.has("modules/beta"));
    check(&sparse).code(0);
}

#[test]
fn files_that_a_filter_changes_are_clean() {
    let world = World::new();
    let a = world.clone("a");
    // As LFS does: the repository holds something else than the tree.
    world.git_args(a.dir(), &["config", "filter.upper.clean", "tr a-z A-Z"]);
    world.git_args(a.dir(), &["config", "filter.upper.smudge", "tr A-Z a-z"]);
    a.write(".gitattributes", "*.bin filter=upper\n");
    a.publish("big.bin", "small letters\n");
    a.write("big.bin", "small letters\n");
    check(&a).code(0);
    a.write("big.bin", "other letters\n");
    check(&a).code(77).says("big.bin");
}

#[test]
fn rendered_output_that_git_does_not_ignore_is_explained() {
    let world = World::with_project(&[
        ("lockstep.toml", ""),
        ("profiles/prod.toml", ""),
        ("modules/alpha/main.tf", "x\n"),
    ]);
    let a = world.clone("a");
    let out = a.lockstep("build git-check -- alpha prod").run();
    out.code(77).says(".gitignore");
    snap!(out);
}

#[test]
fn what_a_hook_of_another_repository_sets_does_not_lead_astray() {
    let world = World::new();
    let (a, b) = (world.clone("a"), world.clone("b"));
    b.write("untracked", "");
    let inside = |a: &Checkout<'_>| {
        a.lockstep("git-check -- alpha prod")
            .env("GIT_DIR", b.path(".git"))
            .env("GIT_WORK_TREE", b.dir())
            .run()
    };
    inside(&a).code(0);
    a.write("mine", "");
    inside(&a).code(77).says("mine").never_says("untracked");
}
