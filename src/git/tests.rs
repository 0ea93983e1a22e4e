//! The repository handle against real repositories, through libgit2 and through git alone.

use std::path::Path;

use super::testing::World;
use super::*;
use crate::env::Environment;
use crate::process::Interrupts;

fn time() -> jiff::Timestamp {
    jiff::Timestamp::from_second(1_800_000_000).unwrap()
}

/// The same questions have the same answers, whoever gives them.
fn answers(world: &World, repo: &Repo) {
    let dir = repo.work_dir().to_owned();
    let one = world.oid(&dir, "HEAD");
    let two = world.commit(&dir, "file", "two");
    assert_eq!(repo.head().unwrap(), Head { oid: Some(two.clone()), branch: Some("main".into()) });
    assert_eq!(repo.resolve("refs/heads/main").unwrap(), Some(two.clone()));
    assert_eq!(repo.resolve("refs/heads/none").unwrap(), None);
    assert_eq!(repo.resolve("main").unwrap(), None);
    assert_eq!(repo.ancestry(&two, &one).unwrap(), Ancestry::Contains);
    assert_eq!(repo.ancestry(&two, &two).unwrap(), Ancestry::Contains);
    assert_eq!(repo.ancestry(&one, &two).unwrap(), Ancestry::Lacks);
    assert_eq!(repo.ahead_behind(&two, &one).unwrap(), (1, 0));
    assert_eq!(repo.ahead_behind(&one, &two).unwrap(), (0, 1));

    let text = "{\"a\": 1}\n\nsecond part\n";
    let first = repo.write_commit(text, None, time(), &CommitStyle::default()).unwrap();
    let second = repo.write_commit("b\n", Some(&first), time(), &CommitStyle::default()).unwrap();
    assert_ne!(first, second);
    let read = repo.commit(&second).unwrap().unwrap();
    assert_eq!(read, CommitText { message: b"b\n".to_vec(), parents: vec![first.clone()], empty_tree: true });
    assert_eq!(repo.commit(&first).unwrap().unwrap().message, text.as_bytes());
    assert!(!repo.commit(&two).unwrap().unwrap().empty_tree);
    // Of a message that is too long enough is kept to tell.
    std::fs::write(dir.join("../long"), "x".repeat(2 * CommitText::LONGEST)).unwrap();
    let long = ["commit-tree", "-p", first.as_str(), "-F", "../long", "HEAD^{tree}"];
    let read = repo.commit(&Oid::new(world.git(&dir, &long)).unwrap()).unwrap().unwrap();
    assert_eq!((read.message.len(), read.parents), (CommitText::LONGEST, vec![first.clone()]));
    let author = world.git(&dir, &["log", "-1", "--format=%an %ae %cn %ct", second.as_str()]);
    assert_eq!(author, "Ana ana@localhost Ana 1800000000");
    let absent = Oid::new("1".repeat(one.as_str().len())).unwrap();
    assert_eq!(repo.commit(&absent).unwrap(), None);
    assert_eq!(repo.ancestry(&two, &absent).unwrap(), Ancestry::Absent);
    assert_eq!(repo.ancestry(&two, &first).unwrap(), Ancestry::Lacks);

    let place = "refs/lockstep/remotes/origin/locks";
    repo.set_ref(&format!("{place}/a/b"), Some(&first)).unwrap();
    repo.set_ref(&format!("{place}/c"), Some(&first)).unwrap();
    repo.set_ref(&format!("{place}/c"), Some(&second)).unwrap();
    repo.set_ref(&format!("{place}s"), Some(&second)).unwrap();
    let expected = vec![(format!("{place}/a/b"), first), (format!("{place}/c"), second)];
    assert_eq!(repo.refs(place).unwrap(), expected);
    assert_eq!(repo.refs(&format!("{place}/")).unwrap(), expected);
    repo.set_ref(&format!("{place}/c"), None).unwrap();
    repo.set_ref(&format!("{place}/c"), None).unwrap();
    assert_eq!(repo.refs(place).unwrap().len(), 1);
    assert!(repo.set_ref("refs/heads/main", None).is_err());
    world.git(&dir, &["fsck", "--strict"]);

    world.git(&dir, &["checkout", "-q", "--detach"]);
    assert_eq!(repo.head().unwrap(), Head { oid: Some(two), branch: None });
    world.git(&dir, &["checkout", "-q", "--orphan", "fresh/branch"]);
    assert_eq!(repo.head().unwrap(), Head { oid: None, branch: Some("fresh/branch".into()) });
    world.git(&dir, &["checkout", "-q", "-f", "main"]);
    assert!(!repo.is_shallow());
}

#[test]
fn libgit2_answers() {
    let (world, repo) = World::new();
    answers(&world, &repo);
}

#[test]
fn git_answers_where_libgit2_cannot() {
    for (name, option) in [("sha256", "--object-format=sha256"), ("reftable", "--ref-format=reftable")] {
        let world = World::empty();
        if !world.can_init(option) {
            continue;
        }
        world.git(world.path(), &["init", "-q", "-b", "main", option, name]);
        let dir = world.path().join(name);
        world.commit(&dir, "file", "one");
        let below = dir.join("some dir");
        std::fs::create_dir(&below).unwrap();
        let repo = world.open(&below);
        assert_eq!(repo.work_dir(), std::fs::canonicalize(&dir).unwrap());
        assert_eq!(repo.git_dir(), repo.work_dir().join(".git"));
        assert_eq!(repo.common_dir(), repo.git_dir());
        answers(&world, &repo);
    }
}

#[test]
fn discovery_goes_upwards_and_ends() {
    let (world, repo) = World::new();
    let below = repo.work_dir().join("x/y");
    std::fs::create_dir_all(&below).unwrap();
    assert_eq!(world.open(&below).work_dir(), repo.work_dir());
    let env = world.env(world.path(), &[]);
    assert!(Repo::discover(world.path(), &env, &Interrupts::new()).unwrap().is_none());
    let bare = Repo::discover(&world.origin(), &env, &Interrupts::new());
    assert!(matches!(bare, Err(GitError::Config(_))));
}

#[test]
fn a_worktree_has_its_own_head() {
    let (world, repo) = World::new();
    world.git(repo.work_dir(), &["worktree", "add", "-q", "-b", "other", "../wt"]);
    let tree = world.open(&world.path().join("wt"));
    assert_eq!(tree.head().unwrap().branch.as_deref(), Some("other"));
    assert_ne!(tree.git_dir(), tree.common_dir());
    assert_eq!(tree.common_dir(), repo.common_dir());
    let oid = tree.write_commit("x", None, time(), &CommitStyle::default()).unwrap();
    tree.set_ref("refs/lockstep/x/y", Some(&oid)).unwrap();
    assert_eq!(repo.resolve("refs/lockstep/x/y").unwrap(), Some(oid));
}

#[test]
fn surroundings_of_a_hook_do_not_lead_astray() {
    let (world, repo) = World::new();
    let dir = repo.work_dir();
    let env = world.env(
        dir,
        &[
            ("GIT_DIR", "/nonexistent"),
            ("GIT_INDEX_FILE", "/nonexistent/index"),
            ("GIT_WORK_TREE", "/"),
            ("GIT_PREFIX", "x/"),
            ("GIT_QUARANTINE_PATH", "/x"),
            ("GIT_OBJECT_DIRECTORY", "/x"),
            ("LC_ALL", "de_DE.UTF-8"),
            ("LANGUAGE", "de"),
        ],
    );
    let repo = Repo::discover(dir, &env, &Interrupts::new()).unwrap().unwrap();
    assert!(repo.status().unwrap().is_clean());
    let spec = "+refs/heads/main:refs/lockstep/remotes/origin/heads/main".to_owned();
    assert_eq!(repo.fetch("origin", &[spec]).unwrap(), Fetched::Done);
}

#[test]
fn a_shallow_clone_does_not_know() {
    let (world, repo) = World::new();
    let one = world.oid(repo.work_dir(), "HEAD");
    world.commit(repo.work_dir(), "file", "two");
    let three = world.commit(repo.work_dir(), "file", "three");
    world.git(repo.work_dir(), &["push", "-q"]);
    let url = format!("file://{}", world.origin().display());
    world.git(world.path(), &["clone", "-q", "--depth=1", &url, "shallow"]);
    let shallow = world.open(&world.path().join("shallow"));
    assert!(shallow.is_shallow());
    assert_eq!(shallow.ancestry(&three, &one).unwrap(), Ancestry::Unknown);
    assert_eq!(shallow.ancestry(&three, &three).unwrap(), Ancestry::Contains);
    world.git(shallow.work_dir(), &["fetch", "-q", "--unshallow"]);
    assert_eq!(shallow.ancestry(&three, &one).unwrap(), Ancestry::Contains);
}

#[test]
fn remotes_and_upstreams_come_from_every_level() {
    let (world, repo) = World::new();
    assert_eq!(repo.remotes().unwrap(), ["origin"]);
    assert_eq!(repo.upstream_of("main").unwrap(), Some(("origin".into(), "refs/heads/main".into())));
    assert_eq!(repo.upstream_of("other").unwrap(), None);
    repo.check_remote("origin").unwrap();
    let extra = [
        ("GIT_CONFIG_COUNT", "1"),
        ("GIT_CONFIG_KEY_0", "remote.origin.pushurl"),
        ("GIT_CONFIG_VALUE_0", "/other"),
    ];
    let env = world.env(repo.work_dir(), &extra);
    let other = Repo::discover(repo.work_dir(), &env, &Interrupts::new()).unwrap().unwrap();
    assert!(matches!(other.check_remote("origin"), Err(GitError::Config(_))));
    assert!(matches!(repo.check_remote("--upload-pack=x"), Err(GitError::Config(_))));
}

#[test]
fn fetching() {
    let (world, a) = World::new();
    let b = world.open(&world.clone_as("b"));
    let before = world.git(b.work_dir(), &["for-each-ref", "refs/heads", "refs/remotes"]);
    let new = world.commit(a.work_dir(), "file", "two");
    let lock = a.write_commit("lock", None, time(), &CommitStyle::default()).unwrap();
    world.git(a.work_dir(), &["push", "-q", "origin", "main", &format!("{lock}:refs/lockstep/locks/x/y")]);

    let ours = "refs/lockstep/remotes/origin";
    let specs =
        [format!("+refs/heads/main:{ours}/heads/main"), format!("+refs/lockstep/locks/*:{ours}/locks/*")];
    assert_eq!(b.fetch("origin", &specs).unwrap(), Fetched::Done);
    assert_eq!(
        b.refs(ours).unwrap(),
        [(format!("{ours}/heads/main"), new), (format!("{ours}/locks/x/y"), lock)]
    );
    assert_eq!(world.git(b.work_dir(), &["for-each-ref", "refs/heads", "refs/remotes"]), before);
    assert!(!b.git_dir().join("FETCH_HEAD").exists());

    world.git(a.work_dir(), &["push", "-q", "origin", ":refs/lockstep/locks/x/y"]);
    assert_eq!(b.fetch("origin", &specs).unwrap(), Fetched::Done);
    assert_eq!(b.refs(&format!("{ours}/locks")).unwrap(), []);

    let missing = [format!("+refs/heads/gone:{ours}/heads/gone"), specs[1].clone()];
    assert_eq!(b.fetch("origin", &missing).unwrap(), Fetched::MissingRef);

    std::fs::rename(world.origin(), world.path().join("moved")).unwrap();
    match b.fetch("origin", &specs) {
        Err(GitError::Unreachable { remote, message }) => {
            assert_eq!(remote, "origin");
            assert!(message.contains("does not appear to be a git repository"), "{message}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_program_that_is_not_there() {
    let (_world, repo) = World::new();
    let env = Environment::new(repo.work_dir(), [("PATH", "/nonexistent")]);
    let repo = Repo::discover(repo.work_dir(), &env, &Interrupts::new()).unwrap().unwrap();
    assert!(repo.head().unwrap().oid.is_some());
    assert!(matches!(repo.status(), Err(GitError::Program(_))));
}

#[test]
fn a_reading_command_that_is_killed_was_not_interrupted() {
    let (world, repo) = World::new();
    world.git(repo.work_dir(), &["config", "remote.origin.uploadpack", "kill -9 $PPID; git-upload-pack"]);
    let spec = "+refs/heads/main:refs/lockstep/remotes/origin/heads/main".to_owned();
    match repo.fetch("origin", &[spec]) {
        Err(GitError::Unreachable { message, .. }) => assert_eq!(message, "git was killed by signal 9"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn discovery_heeds_its_ceiling() {
    let (world, repo) = World::new();
    let below = repo.work_dir().join("x/y");
    std::fs::create_dir_all(&below).unwrap();
    let ceiling = repo.work_dir().join("x").display().to_string();
    let env = world.env(&below, &[("GIT_CEILING_DIRECTORIES", &format!("/other:{ceiling}"))]);
    assert!(Repo::discover(&below, &env, &Interrupts::new()).unwrap().is_none());
}

#[test]
fn what_the_index_lists_below_a_directory_is_the_same_from_library_and_git() {
    let (world, repo) = World::new();
    let a = world.path().join("a");
    std::fs::create_dir_all(a.join("d/two")).unwrap();
    std::fs::create_dir_all(a.join("dd")).unwrap();
    for path in ["d/one", "d/two/three", "dd/four", "d.five"] {
        world.commit(&a, path, "x");
    }
    let git = super::spawn::Git::new(&world.env(&a, &[]), &a, &Interrupts::new());
    for (directory, expected) in [
        ("d", &["d/one", "d/two/three"][..]),
        ("dd", &["dd/four"]),
        ("nothing", &[]),
        ("d/two", &["d/two/three"]),
    ] {
        let text = |paths: Vec<Vec<u8>>| -> Vec<String> {
            paths.into_iter().map(|path| String::from_utf8(path).unwrap()).collect()
        };
        let directory = Path::new(directory);
        assert_eq!(text(repo.tracked_below(directory).unwrap()), expected);
        assert_eq!(text(super::fallback::tracked_below(&git, directory).unwrap()), expected);
    }
    assert!(repo.tracked_below(Path::new("")).unwrap().len() >= 5);
}
