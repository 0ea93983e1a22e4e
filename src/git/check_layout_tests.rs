//! git-check in repositories of unusual layout: shallow, partial, sparse, filtered, of other formats.

use super::*;

#[test]
fn shallow_clones() {
    let (world, repo) = World::new();
    world.commit(repo.work_dir(), "file", "two");
    world.git(repo.work_dir(), &["push", "-q"]);
    let url = format!("file://{}", world.origin().display());
    world.git(world.path(), &["clone", "-q", "--depth=1", &url, "shallow"]);
    let shallow = world.open(&world.path().join("shallow"));
    check(&shallow, &request()).unwrap();
    // Ahead and behind can be told as long as they meet above the edge.
    world.commit(shallow.work_dir(), "file", "here");
    assert_eq!(check(&shallow, &request()).unwrap().ahead, 1);
    world.git(shallow.work_dir(), &["reset", "-q", "--hard", "origin/main"]);
    world.commit(repo.work_dir(), "file", "three");
    world.git(repo.work_dir(), &["push", "-q"]);
    assert!(matches!(refused(&shallow), CheckRefusal::Behind { behind: 1, .. }));
    // A branch that left before the edge.
    world.git(repo.work_dir(), &["checkout", "-q", "-b", "old", "HEAD~2"]);
    world.commit(repo.work_dir(), "file", "old");
    world.git(repo.work_dir(), &["push", "-q", "origin", "old:main", "--force"]);
    let refusal = refused(&shallow);
    assert!(matches!(&refusal, CheckRefusal::Shallow { .. } | CheckRefusal::Diverged { .. }), "{refusal}");
    assert!(refusal.cure().contains("--unshallow") || !shallow.is_shallow());
}

#[test]
fn worktrees_and_submodules() {
    let (world, repo) = World::new();
    let dir = repo.work_dir();
    world.git(dir, &["worktree", "add", "-q", "-b", "wt", "../wt"]);
    let tree = world.open(&world.path().join("wt"));
    world.git(tree.work_dir(), &["push", "-q", "-u", "origin", "wt"]);
    check(&tree, &request()).unwrap();

    let library = World::new();
    let url = library.0.origin().display().to_string();
    world.git(dir, &["submodule", "--quiet", "add", &url, "sub"]);
    world.git(dir, &["config", "-f", ".gitmodules", "submodule.sub.ignore", "all"]);
    world.git(dir, &["add", "-A"]);
    world.git(dir, &["commit", "-q", "-m", "sub"]);
    check(&repo, &request()).unwrap();
    let sub = dir.join("sub");
    fs::write(sub.join("file"), "dirty").unwrap();
    let refusal = refused(&repo);
    assert_eq!(shown(&refusal), ("unstaged", vec!["sub"]));
    assert!(refusal.cure().starts_with("git -C sub add -A"), "{}", refusal.cure());
    world.git(&sub, &["commit", "-q", "-a", "-m", "new"]);
    let refusal = refused(&repo);
    assert_eq!(shown(&refusal), ("unstaged", vec!["sub"]));
    assert!(refusal.cure().starts_with("git commit -a"), "{}", refusal.cure());
    // Within the submodule it is a repository of its own.
    let inner = world.open(&sub);
    assert_eq!(check(&inner, &request()).unwrap().ahead, 1);
}

#[test]
fn filters_with_stale_times() {
    let (world, repo) = World::new();
    let dir = repo.work_dir();
    world.git(dir, &["config", "filter.upper.clean", "tr a-z A-Z"]);
    world.git(dir, &["config", "filter.upper.smudge", "tr A-Z a-z"]);
    fs::write(dir.join(".gitattributes"), "*.big filter=upper\n").unwrap();
    fs::write(dir.join("x.big"), "content\n").unwrap();
    world.git(dir, &["add", "-A"]);
    world.git(dir, &["commit", "-q", "-m", "filtered"]);
    assert_eq!(world.git(dir, &["cat-file", "blob", "HEAD:x.big"]), "CONTENT");
    let file = fs::File::options().write(true).open(dir.join("x.big")).unwrap();
    file.set_modified(std::time::UNIX_EPOCH).unwrap();
    untouched(&world, &repo, || check(&repo, &request())).unwrap();
    fs::write(dir.join("x.big"), "other\n").unwrap();
    assert_eq!(shown(&refused(&repo)), ("unstaged", vec!["x.big"]));
}

#[test]
fn sparse_checkouts_and_indexes() {
    let (world, repo) = World::new();
    let dir = repo.work_dir();
    for name in ["in", "out"] {
        fs::create_dir(dir.join(name)).unwrap();
        world.commit(dir, &format!("{name}/file"), name);
    }
    world.git(dir, &["push", "-q"]);
    world.git(dir, &["sparse-checkout", "set", "--sparse-index", "in"]);
    assert!(!dir.join("out").exists());
    untouched(&world, &repo, || check(&world.open(dir), &request())).unwrap();
    fs::write(dir.join("in/file"), "changed").unwrap();
    assert_eq!(shown(&refused(&world.open(dir))), ("unstaged", vec!["in/file"]));
}

#[test]
fn formats_that_libgit2_does_not_know() {
    for option in ["--object-format=sha256", "--ref-format=reftable"] {
        let world = World::empty();
        if !world.can_init(option) {
            continue;
        }
        world.git(world.path(), &["init", "-q", "-b", "main", option, "--bare", "up.git"]);
        world.git(world.path(), &["init", "-q", "-b", "main", option, "x"]);
        let dir = world.path().join("x");
        world.git(&dir, &["remote", "add", "origin", "../up.git"]);
        world.commit(&dir, "file", "one");
        world.git(&dir, &["push", "-q", "-u", "origin", "main"]);
        let repo = world.open(&dir);
        world.commit(&dir, "file", "two");
        assert_eq!(check(&repo, &request()).unwrap().ahead, 1);
        fs::write(dir.join("file"), "changed").unwrap();
        assert_eq!(shown(&refused(&repo)), ("unstaged", vec!["file"]));
        world.git(&dir, &["checkout", "-q", "file"]);
        world.git(&dir, &["checkout", "-q", "-b", "side", "HEAD~1"]);
        let side = world.commit(&dir, "file", "side");
        world.git(&dir, &["checkout", "-q", "main"]);
        world.try_git(&dir, &["cherry-pick", side.as_str()]);
        assert_eq!(shown(&refused(&repo)).0, "cherry-pick");
    }
}

#[test]
fn partial_clones() {
    let (world, repo) = World::new();
    world.commit(repo.work_dir(), "file", "two");
    world.git(repo.work_dir(), &["push", "-q"]);
    world.git(&world.origin(), &["config", "uploadpack.allowFilter", "true"]);
    let url = format!("file://{}", world.origin().display());
    for filter in ["blob:none", "tree:0"] {
        let name = filter.replace(':', "-");
        world.git(world.path(), &["clone", "-q", &format!("--filter={filter}"), &url, &name]);
        let partial = world.open(&world.path().join(name));
        check(&partial, &request()).unwrap();
        world.commit(partial.work_dir(), "file", "three");
        assert_eq!(check(&partial, &request()).unwrap().ahead, 1);
    }
}
