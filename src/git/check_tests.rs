//! git-check against real repositories.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;

use super::*;
use crate::git::CommitStyle;
use crate::git::testing::World;

fn request<'a>() -> CheckRequest<'a> {
    CheckRequest {
        remote: None,
        prefix: "refs/lockstep/locks",
        former_prefix: None,
        branch: None,
        rendered: None,
        within: None,
    }
}

fn refused(repo: &Repo) -> CheckRefusal {
    refused_with(repo, &request())
}

fn refused_with(repo: &Repo, request: &CheckRequest<'_>) -> CheckRefusal {
    match check(repo, request) {
        Err(CheckError::Refused(refusal)) => {
            assert!(!refusal.cure().is_empty());
            refusal
        }
        other => panic!("not refused: {other:?}"),
    }
}

/// What it refused for, and with which files.
fn shown(refusal: &CheckRefusal) -> (&'static str, Vec<&str>) {
    let (kind, files) = match refusal {
        CheckRefusal::Staged { files } => ("staged", files),
        CheckRefusal::Unstaged { files, .. } => ("unstaged", files),
        CheckRefusal::Untracked { files, .. } => ("untracked", files),
        CheckRefusal::Conflicts { files } => ("conflicts", files),
        CheckRefusal::Unfinished { operation, conflicts } => (*operation, conflicts),
        other => panic!("{other}"),
    };
    (kind, files.shown.iter().map(String::as_str).collect())
}

/// Index, tree and the user's refs are as they were.
fn untouched<T>(world: &World, repo: &Repo, act: impl FnOnce() -> T) -> T {
    let picture = || {
        let refs = world.git(repo.work_dir(), &["for-each-ref", "refs/heads", "refs/remotes", "refs/tags"]);
        let index = repo.git_dir().join("index");
        let time = fs::metadata(&index).map(|m| m.modified().unwrap()).ok();
        (refs, fs::read(&index).ok(), time, repo.git_dir().join("FETCH_HEAD").exists())
    };
    let before = picture();
    let result = act();
    assert_eq!(picture(), before);
    result
}

#[test]
fn one_commit_level_with_its_upstream() {
    let (world, repo) = World::new();
    let head = world.oid(repo.work_dir(), "HEAD");
    // Stale times in the index are not written back.
    let file = fs::File::options().write(true).open(repo.work_dir().join("file")).unwrap();
    file.set_modified(std::time::UNIX_EPOCH).unwrap();
    let standing = untouched(&world, &repo, || check(&repo, &request())).unwrap();
    let upstream = Tracked { remote: "origin".into(), name: "refs/heads/main".into(), seen: head.clone() };
    assert_eq!(standing, Standing { head, branch: Some("main".into()), upstream: Some(upstream), ahead: 0 });
}

#[test]
fn each_kind_of_uncleanliness() {
    let (world, repo) = World::new();
    let dir = repo.work_dir();
    fs::write(dir.join("new"), "x").unwrap();
    assert_eq!(shown(&refused(&repo)), ("untracked", vec!["new"]));
    fs::write(dir.join("file"), "changed").unwrap();
    assert_eq!(shown(&refused(&repo)), ("unstaged", vec!["file"]));
    world.git(dir, &["add", "new"]);
    assert_eq!(shown(&untouched(&world, &repo, || refused(&repo))), ("staged", vec!["new"]));
}

#[test]
fn twelve_untracked_files_and_settings_that_hide_them() {
    let (world, repo) = World::new();
    world.git(repo.work_dir(), &["config", "status.showUntrackedFiles", "no"]);
    for n in 0..12 {
        fs::write(repo.work_dir().join(format!("new{n:02}")), "").unwrap();
    }
    let refusal = refused(&repo);
    assert_eq!(shown(&refusal).1.len(), 10);
    assert!(refusal.to_string().starts_with("12 files not tracked"), "{refusal}");
    assert!(refusal.to_string().ends_with("and 2 more"), "{refusal}");
}

#[test]
fn odd_names() {
    let (_world, repo) = World::new();
    for name in [&b"a b"[..], b"c\nd", b"e\"f'", b"\xff\xfe", "ü".as_bytes(), b"-x", b"\x1b[31m"] {
        fs::write(repo.work_dir().join(std::ffi::OsStr::from_bytes(name)), "").unwrap();
    }
    let refusal = refused(&repo);
    let mut names = shown(&refusal).1;
    names.sort_unstable();
    assert_eq!(names, ["-x", "\\u{1b}[31m", "\\xff\\xfe", "a b", "c\\nd", "e\"f'", "ü"]);
}

#[test]
fn conflicts_and_unfinished_operations() {
    let (world, repo) = World::new();
    let dir = repo.work_dir();
    world.git(dir, &["checkout", "-q", "-b", "other"]);
    world.commit(dir, "file", "theirs");
    world.git(dir, &["checkout", "-q", "main"]);
    world.commit(dir, "file", "ours");
    for (command, name) in [("merge", "merge"), ("cherry-pick", "cherry-pick"), ("rebase", "rebase")] {
        assert_ne!(world.try_git(dir, &[command, "other"]).0, Some(0));
        assert_eq!(shown(&refused(&repo)), (name, vec!["file"]), "{command}");
        world.git(dir, &[command, "--abort"]);
    }
    // Conflicts alone: the mark of the merge is gone, the index still has its stages.
    world.try_git(dir, &["merge", "other"]);
    fs::remove_file(repo.git_dir().join("MERGE_HEAD")).unwrap();
    assert_eq!(shown(&refused(&repo)), ("conflicts", vec!["file"]));
    world.git(dir, &["reset", "-q", "--hard"]);
    world.git(dir, &["bisect", "start"]);
    assert_eq!(shown(&refused(&repo)), ("bisect", vec![]));
}

#[test]
fn behind_ahead_diverged() {
    let (world, repo) = World::new();
    let dir = repo.work_dir();
    world.commit(dir, "file", "two");
    let one = check(&repo, &request()).unwrap();
    assert_eq!((one.ahead, one.too_far_ahead(1)), (1, None));
    assert!(one.too_far_ahead(0).is_some());
    world.commit(dir, "file", "three");
    let two = check(&repo, &request()).unwrap();
    let text = two.too_far_ahead(1).unwrap().to_string();
    assert!(text.starts_with("branch `main` is 2 commits ahead of `origin/main`"), "{text}");

    let b = world.clone_as("b");
    world.commit(&b, "other", "elsewhere");
    world.git(&b, &["push", "-q"]);
    let refusal = untouched(&world, &repo, || refused(&repo));
    assert!(matches!(refusal, CheckRefusal::Diverged { ahead: 2, behind: 1, .. }), "{refusal}");
    world.git(dir, &["reset", "-q", "--hard", "origin/main"]);
    assert!(matches!(refused(&repo), CheckRefusal::Behind { behind: 1, .. }));
}

#[test]
fn without_an_upstream() {
    let (world, repo) = World::new();
    let dir = repo.work_dir();
    world.git(dir, &["checkout", "-q", "-b", "mine"]);
    let refusal = refused(&repo);
    assert_eq!(refusal.cure(), "git push -u origin mine");
    world.git(dir, &["push", "-q", "-u", "origin", "mine"]);
    check(&repo_again(&world, &repo), &request()).unwrap();
    world.git(&world.origin(), &["branch", "-D", "mine"]);
    assert!(matches!(refused(&repo_again(&world, &repo)), CheckRefusal::UpstreamGone { .. }));
    world.git(dir, &["checkout", "-q", "--orphan", "fresh"]);
    assert!(matches!(refused(&repo), CheckRefusal::Unborn { branch } if branch == "fresh"));
}

/// A handle that has not read the configuration yet.
fn repo_again(world: &World, repo: &Repo) -> Repo {
    world.open(repo.work_dir())
}

#[test]
fn branches_that_are_each_others_directories() {
    let (world, repo) = World::new();
    for (name, last) in [("fix", None), ("fix/a", Some("fix")), ("fix", Some("fix/a"))] {
        world.git(repo.work_dir(), &["checkout", "-q", "--detach"]);
        if let Some(last) = last {
            world.git(repo.work_dir(), &["push", "-q", "origin", &format!(":refs/heads/{last}")]);
            world.git(repo.work_dir(), &["branch", "-q", "-D", last]);
        }
        world.git(repo.work_dir(), &["checkout", "-q", "-b", name]);
        world.git(repo.work_dir(), &["push", "-q", "-u", "origin", name]);
        check(&repo_again(&world, &repo), &request()).unwrap();
    }
}

#[test]
fn without_a_remote_only_cleanliness() {
    let (world, repo) = World::new();
    world.git(repo.work_dir(), &["remote", "remove", "origin"]);
    let standing = check(&repo, &request()).unwrap();
    assert_eq!((standing.upstream.clone(), standing.too_far_ahead(0)), (None, None));
    fs::write(repo.work_dir().join("new"), "").unwrap();
    refused(&repo);
}

#[test]
fn remotes_that_cannot_work() {
    let (world, repo) = World::new();
    let dir = repo.work_dir();
    let config = |repo: &Repo, request: &CheckRequest<'_>| match check(repo, request) {
        Err(CheckError::Git(GitError::Config(text))) => text,
        other => panic!("{other:?}"),
    };
    assert!(config(&repo, &CheckRequest { remote: Some("none"), ..request() }).contains("`none`"));
    assert!(config(&repo, &CheckRequest { prefix: "--x", ..request() }).contains("--x"));
    assert!(config(&repo, &CheckRequest { prefix: "refs/a:refs", ..request() }).contains("refs/a"));
    world.git(dir, &["remote", "add", "second", "../second.git"]);
    let other = config(&repo_again(&world, &repo), &CheckRequest { remote: Some("second"), ..request() });
    assert!(other.contains("follows a branch on `origin`"), "{other}");
    world.git(dir, &["config", "branch.main.merge", "refs/heads/*"]);
    assert!(config(&repo_again(&world, &repo), &request()).contains("not the name of a branch"));
    world.git(dir, &["config", "branch.main.merge", "refs/heads/main"]);

    fs::rename(world.origin(), world.path().join("moved")).unwrap();
    let error = check(&repo, &request());
    assert!(matches!(error, Err(CheckError::Git(GitError::Unreachable { .. }))), "{error:?}");
}

#[test]
fn a_detached_head_as_in_ci() {
    let (world, repo) = World::new();
    let dir = repo.work_dir();
    world.git(dir, &["checkout", "-q", "--detach"]);
    assert!(matches!(refused(&repo), CheckRefusal::Detached { .. }));
    for branch in ["main", "refs/heads/main"] {
        let standing = check(&repo, &CheckRequest { branch: Some(branch), ..request() }).unwrap();
        assert_eq!((standing.branch, standing.ahead), (None, 0));
    }
    let gone = refused_with(&repo, &CheckRequest { branch: Some("gone"), ..request() });
    assert!(matches!(gone, CheckRefusal::UpstreamGone { branch: None, .. }));
    let odd = check(&repo, &CheckRequest { branch: Some("a:b"), ..request() });
    assert!(matches!(odd, Err(CheckError::Git(GitError::Config(_)))));
    world.commit(dir, "file", "two");
    let not = refused_with(&repo, &CheckRequest { branch: Some("main"), ..request() });
    assert!(matches!(not, CheckRefusal::NotTip { .. }));
}

#[test]
fn rendered_output_that_is_not_ignored() {
    let (world, repo) = World::new();
    let dist = repo.work_dir().join("infra/.dist");
    fs::create_dir_all(dist.join("alpha/prod")).unwrap();
    fs::write(dist.join("alpha/prod/main.tf"), "").unwrap();
    let request = CheckRequest { rendered: Some(&dist), ..request() };
    // git shows the topmost directory that holds nothing else.
    assert_eq!(shown(&refused_with(&repo, &request)), ("untracked", vec!["infra/"]));
    fs::write(repo.work_dir().join("infra/lockstep.toml"), "").unwrap();
    world.git(repo.work_dir(), &["add", "infra/lockstep.toml"]);
    world.git(repo.work_dir(), &["commit", "-q", "-m", "infra"]);
    let refusal = refused_with(&repo, &request);
    assert_eq!(shown(&refusal), ("untracked", vec!["infra/.dist/"]));
    assert!(refusal.cure().contains("echo infra/.dist/ >> .gitignore"), "{}", refusal.cure());
    fs::write(repo.work_dir().join("new"), "").unwrap();
    assert!(!refused_with(&repo, &request).cure().contains("echo"));
}

#[test]
fn the_lock_refs_come_along() {
    let (world, repo) = World::new();
    let lock = repo.write_commit("lock", None, jiff::Timestamp::UNIX_EPOCH, &CommitStyle::default()).unwrap();
    world.git(repo.work_dir(), &["push", "-q", "origin", &format!("{lock}:refs/locks/a/b")]);
    check(&repo, &CheckRequest { prefix: "refs/locks/", ..request() }).unwrap();
    let place = "refs/lockstep/remotes/origin/locks";
    assert_eq!(repo.refs(place).unwrap(), [(format!("{place}/a/b"), lock)]);
}

#[test]
fn two_checks_at_once_in_one_clone() {
    let (world, repo) = World::new();
    let b = world.clone_as("b");
    for round in 0..5 {
        world.commit(&b, "other", &format!("{round}"));
        world.git(&b, &["push", "-q"]);
        world.git(repo.work_dir(), &["pull", "-q"]);
        std::thread::scope(|scope| {
            let checks: Vec<_> =
                (0..3).map(|_| scope.spawn(|| check(&repo, &request()).map(|s| s.ahead))).collect();
            for check in checks {
                assert_eq!(check.join().unwrap().unwrap(), 0);
            }
        });
    }
}

#[path = "check_layout_tests.rs"]
mod layouts;
