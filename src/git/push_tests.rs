//! What git really reports, and what becomes of a push that breaks off.

use super::*;
use crate::git::CommitStyle;
use crate::git::Repo;
use crate::git::testing::World;

fn time() -> jiff::Timestamp {
    jiff::Timestamp::from_second(1_800_000_000).unwrap()
}

fn update(source: &Oid, target: &str, lease: Option<Expect>) -> RefUpdate {
    RefUpdate { source: source.clone(), target: target.to_owned(), lease }
}

fn record(repo: &Repo, text: &str, parent: Option<&Oid>) -> Oid {
    repo.write_commit(text, parent, time(), &CommitStyle::default()).unwrap()
}

fn push_of(updates: Vec<RefUpdate>) -> Push {
    Push { remote: "origin".to_owned(), updates, hook: false }
}

/// How it ended as a whole, and the flags.
fn end(pushed: &Pushed) -> (Vec<(&str, PushFlag)>, &PushEnd) {
    (flags(pushed), &pushed.end)
}

fn flags(pushed: &Pushed) -> Vec<(&str, PushFlag)> {
    let mut flags: Vec<_> = pushed.results.iter().map(|r| (r.target.as_str(), r.flag)).collect();
    flags.sort_by_key(|(name, _)| *name);
    flags
}

const LOCK: &str = "refs/lockstep/locks/a/b";
const MAIN: &str = "refs/heads/main";

fn at(oid: &Oid) -> Option<Expect> {
    Some(Expect::At(oid.clone()))
}

#[test]
fn the_command_line() {
    let oid = Oid::new("1".repeat(40)).unwrap();
    let push = push_of(vec![
        update(&oid, MAIN, at(&oid)),
        update(&oid, LOCK, Some(Expect::Absent)),
        update(&oid, "refs/x", None),
    ]);
    let args = arguments(&push).join(" ");
    assert_eq!(
        args,
        "-c push.pushOption= push --atomic --porcelain --no-verify --no-follow-tags --no-signed --recurse-submodules=no \
         --force-with-lease=refs/heads/main:1111111111111111111111111111111111111111 \
         --force-with-lease=refs/lockstep/locks/a/b: -- origin \
         1111111111111111111111111111111111111111:refs/heads/main \
         1111111111111111111111111111111111111111:refs/lockstep/locks/a/b \
         1111111111111111111111111111111111111111:refs/x"
    );
    let branch = arguments(&push_of(vec![update(&oid, MAIN, None)]));
    assert!(!branch.iter().any(|arg| arg == "--atomic"));
    let with_hook = arguments(&Push { hook: true, ..push });
    assert!(!with_hook.iter().any(|arg| arg == "--no-verify" || arg == "push.pushOption="));
}

#[test]
fn new_forward_and_again() {
    let (world, repo) = World::new();
    let head = world.oid(repo.work_dir(), "HEAD");
    let one = record(&repo, "one", None);
    let two = record(&repo, "two", Some(&one));
    let first = push_of(vec![update(&head, MAIN, at(&head)), update(&one, LOCK, Some(Expect::Absent))]);
    let pushed = repo.push(&first).unwrap();
    assert_eq!(pushed.end, PushEnd::Complete);
    assert_eq!(flags(&pushed), [(MAIN, PushFlag::UpToDate), (LOCK, PushFlag::New)]);
    let pushed = repo.push(&push_of(vec![update(&two, LOCK, at(&one))])).unwrap();
    assert_eq!(flags(&pushed), [(LOCK, PushFlag::FastForward)]);
    let pushed = repo.push(&push_of(vec![update(&two, LOCK, at(&two))])).unwrap();
    assert_eq!(end(&pushed), (vec![(LOCK, PushFlag::UpToDate)], &PushEnd::Complete));
    // A lease lets a ref move in any direction.
    let pushed = repo.push(&push_of(vec![update(&one, LOCK, at(&two))])).unwrap();
    assert_eq!(flags(&pushed), [(LOCK, PushFlag::Forced)]);
    // The file of the trace does not stay.
    assert_eq!(std::fs::read_dir(repo.common_dir().join("lockstep")).unwrap().count(), 0);
}

#[test]
fn the_same_commit_again_is_up_to_date_under_the_old_lease() {
    let (_world, repo) = World::new();
    let one = record(&repo, "one", None);
    let two = record(&repo, "two", Some(&one));
    for (oid, lease) in [(&one, Some(Expect::Absent)), (&two, at(&one))] {
        repo.push(&push_of(vec![update(oid, LOCK, lease.clone())])).unwrap();
        // An ambiguous outcome is resolved by saying the same again.
        let again = repo.push(&push_of(vec![update(oid, LOCK, lease)])).unwrap();
        assert_eq!(end(&again), (vec![(LOCK, PushFlag::UpToDate)], &PushEnd::Complete));
    }
}

#[test]
fn lost_before_anything_was_sent() {
    let (world, repo) = World::new();
    let head = world.oid(repo.work_dir(), "HEAD");
    let (one, other) = (record(&repo, "one", None), record(&repo, "other", None));
    repo.push(&push_of(vec![update(&one, LOCK, Some(Expect::Absent))])).unwrap();
    let next = world.commit(repo.work_dir(), "file", "two");
    let pushed = repo
        .push(&push_of(vec![update(&next, MAIN, at(&head)), update(&other, LOCK, Some(Expect::Absent))]))
        .unwrap();
    assert_eq!(pushed.end, PushEnd::Refused);
    assert_eq!(flags(&pushed), [(MAIN, PushFlag::RejectedLocally), (LOCK, PushFlag::RejectedLocally)]);
    let lock = pushed.results.iter().find(|r| r.target == LOCK).unwrap();
    assert_eq!(lock.message, "stale info");
    assert_eq!(world.oid(&world.origin(), MAIN), head);
    // Without a lease only forward.
    let pushed = repo.push(&push_of(vec![update(&other, LOCK, None)])).unwrap();
    assert_eq!(end(&pushed), (vec![(LOCK, PushFlag::RejectedLocally)], &PushEnd::Refused));
}

#[test]
fn lost_between_advertisement_and_command() {
    let (world, repo) = World::new();
    let head = world.oid(repo.work_dir(), "HEAD");
    let next = world.commit(repo.work_dir(), "file", "two");
    let moved = record(&repo, "somebody else", None);
    world.git(repo.work_dir(), &["push", "-q", "origin", &format!("{moved}:refs/other/x")]);
    let one = record(&repo, "one", None);
    // Somebody is faster while the server works.
    world.hook(
        &world.origin(),
        "pre-receive",
        &format!("env -u GIT_QUARANTINE_PATH git update-ref {LOCK} {moved}"),
    );
    let pushed = repo
        .push(&push_of(vec![update(&next, MAIN, at(&head)), update(&one, LOCK, Some(Expect::Absent))]))
        .unwrap();
    assert_eq!(pushed.end, PushEnd::Refused, "{pushed:?}");
    assert_eq!(flags(&pushed), [(MAIN, PushFlag::RejectedRemotely), (LOCK, PushFlag::RejectedRemotely)]);
    assert_eq!(world.oid(&world.origin(), MAIN), head);
    assert_eq!(world.oid(&world.origin(), LOCK), moved);
}

#[test]
fn denied_by_the_server() {
    let (world, repo) = World::new();
    let head = world.oid(repo.work_dir(), "HEAD");
    let next = world.commit(repo.work_dir(), "file", "two");
    let one = record(&repo, "one", None);
    world.hook(
        &world.origin(),
        "update",
        &format!("[ $1 = {MAIN} ] || {{ printf '\\033[31mno' >&2; exit 1; }}"),
    );
    let both = push_of(vec![update(&next, MAIN, at(&head)), update(&one, LOCK, Some(Expect::Absent))]);
    let pushed = repo.push(&both).unwrap();
    assert_eq!(
        end(&pushed),
        (vec![(MAIN, PushFlag::RejectedRemotely), (LOCK, PushFlag::RejectedRemotely)], &PushEnd::Refused)
    );
    assert!(pushed.said.contains("remote: \\u{1b}[31mno"), "{}", pushed.said);
    assert_eq!(world.oid(&world.origin(), MAIN), head);

    std::fs::remove_file(world.origin().join("hooks/update")).unwrap();
    world.git(&world.origin(), &["config", "receive.denyNonFastForwards", "true"]);
    let sideways = push_of(vec![update(&one, MAIN, at(&head))]);
    assert_eq!(
        end(&repo.push(&sideways).unwrap()),
        (vec![(MAIN, PushFlag::RejectedRemotely)], &PushEnd::Refused)
    );
}

#[test]
fn a_hidden_ref_is_refused_alone() {
    let (world, repo) = World::new();
    let head = world.oid(repo.work_dir(), "HEAD");
    let next = world.commit(repo.work_dir(), "file", "two");
    let one = record(&repo, "one", None);
    world.git(&world.origin(), &["config", "receive.hideRefs", "refs/lockstep"]);
    let both = push_of(vec![update(&next, MAIN, at(&head)), update(&one, LOCK, Some(Expect::Absent))]);
    let pushed = repo.push(&both).unwrap();
    assert_eq!(pushed.end, PushEnd::Refused);
    // receive-pack does not count it among the refs of the atomic push: the report must say so.
    assert_eq!(flags(&pushed), [(MAIN, PushFlag::FastForward), (LOCK, PushFlag::RejectedRemotely)]);
    assert_eq!(world.oid(&world.origin(), MAIN), next);
}

#[test]
fn the_users_hook() {
    let (world, repo) = World::new();
    let head = world.oid(repo.work_dir(), "HEAD");
    let next = world.commit(repo.work_dir(), "file", "two");
    world.hook(repo.git_dir(), "pre-push", "echo tests failed >&2; exit 3");
    let push = Push { hook: true, ..push_of(vec![update(&next, MAIN, at(&head))]) };
    let pushed = repo.push(&push).unwrap();
    assert_eq!((&pushed.results[..], &pushed.end), (&[][..], &PushEnd::HookRefused));
    assert!(pushed.said.contains("tests failed"));
    assert_eq!(world.oid(&world.origin(), MAIN), head);
    let pushed = repo.push(&Push { hook: false, ..push }).unwrap();
    assert_eq!(pushed.end, PushEnd::Complete);
}

#[test]
fn nothing_was_sent() {
    let (world, repo) = World::new();
    let one = record(&repo, "one", None);
    let push = push_of(vec![update(&one, LOCK, Some(Expect::Absent))]);
    std::fs::rename(world.origin(), world.path().join("moved")).unwrap();
    let error = repo.push(&push).unwrap_err();
    assert!(matches!(&error, GitError::Unreachable { remote, .. } if remote == "origin"), "{error:?}");
    // Nobody listens on the discard port of the loopback.
    world.git(repo.work_dir(), &["remote", "set-url", "origin", "http://me:secret@127.0.0.1:9/x"]);
    let error = world.open(repo.work_dir()).push(&push).unwrap_err();
    assert!(
        matches!(&error, GitError::Unreachable { message, .. } if !message.contains("secret")),
        "{error:?}"
    );
}

#[test]
fn the_remote_dies_in_the_middle() {
    // Before and after the refs were moved, git says exactly the same: nothing, with 128.
    for (hook, script, changed) in [
        ("pre-receive", "kill -9 $PPID", false),
        ("reference-transaction", "[ $1 != committed ] || kill -9 $PPID", true),
        ("post-receive", "kill -9 $PPID", true),
    ] {
        let (world, repo) = World::new();
        let one = record(&repo, "one", None);
        world.hook(&world.origin(), hook, script);
        let push = push_of(vec![update(&one, LOCK, Some(Expect::Absent))]);
        let pushed = repo.push(&push).unwrap();
        assert!(matches!(pushed.end, PushEnd::Broken { .. }), "{hook}: {pushed:?}");
        std::fs::remove_file(world.origin().join("hooks").join(hook)).unwrap();
        assert_eq!(
            repo.push(&push).unwrap().results[0].flag,
            if changed { PushFlag::UpToDate } else { PushFlag::New }
        );
    }
}

#[test]
fn git_is_killed() {
    let (world, repo) = World::new();
    let head = world.oid(repo.work_dir(), "HEAD");
    let next = world.commit(repo.work_dir(), "file", "two");
    let push = Push { hook: true, ..push_of(vec![update(&next, MAIN, at(&head))]) };
    // Before anything was sent: for certain nothing happened.
    world.hook(repo.git_dir(), "pre-push", "kill -9 $PPID");
    assert!(matches!(repo.push(&push), Err(GitError::Unreachable { .. })));
    // While the remote works on it: it is not known.
    let pid = world.path().join("pid");
    world.hook(repo.git_dir(), "pre-push", &format!("echo $PPID >{}", pid.display()));
    world.hook(&world.origin(), "pre-receive", &format!("kill -9 $(cat {})", pid.display()));
    let pushed = repo.push(&push);
    assert!(matches!(&pushed, Ok(Pushed { end: PushEnd::Broken { .. }, .. })), "{pushed:?}");
}

#[test]
fn one_of_many_wins() {
    let (world, _) = World::new();
    let clones: Vec<Repo> = (0..6).map(|n| world.open(&world.clone_as(&format!("c{n}")))).collect();
    let mut tip: Option<Oid> = None;
    for round in 0..4 {
        let lease = tip.clone().map_or(Expect::Absent, Expect::At);
        if let Some(tip) = &tip {
            for clone in &clones {
                world.git(clone.work_dir(), &["fetch", "-q", "origin", tip.as_str()]);
            }
        }
        let contender = |n: usize, clone: &Repo| {
            let mine = record(clone, &format!("{round} {n}"), tip.as_ref());
            let pushed = clone.push(&push_of(vec![update(&mine, LOCK, Some(lease.clone()))])).unwrap();
            match pushed.end {
                PushEnd::Complete => Some(mine),
                PushEnd::Refused => None,
                other => panic!("{other:?}"),
            }
        };
        let contender = &contender;
        let won: Vec<Oid> = std::thread::scope(|scope| {
            let threads =
                clones.iter().enumerate().map(|(n, clone)| scope.spawn(move || contender(n, clone)));
            let threads: Vec<_> = threads.collect();
            threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(won, [world.oid(&world.origin(), LOCK)], "round {round}");
        tip = won.into_iter().next();
    }
}

#[test]
fn push_options_are_for_the_users_branches() {
    let (world, repo) = World::new();
    let one = record(&repo, "one", None);
    world.git(repo.work_dir(), &["config", "push.pushOption", "ci.skip"]);
    let push = push_of(vec![update(&one, LOCK, Some(Expect::Absent))]);
    // The server takes none, so the push with them is refused as a whole, before it sends anything.
    let with = Push { hook: true, ..push.clone() };
    assert!(matches!(repo.push(&with), Err(GitError::NoPushOptions { .. })));
    assert_eq!(repo.push(&push).unwrap().end, PushEnd::Complete);
}

#[test]
fn lines_that_git_prints() {
    let report = Report::parse(
        b"To /x\n*\taa:refs/a\t[new reference]\n \taa:refs/b\tab..cd\n=\taa:refs/c\t[up to date]\n\
          +\taa:refs/d\tab...cd (forced update)\n-\t:refs/e\t[deleted]\n\
          !\taa:refs/f\t[rejected] (stale info)\n!\taa:refs/g\t[remote rejected] (a (b) https://u:p@h)\nDone\n",
    );
    let flags: Vec<_> = report.results.iter().map(|r| r.flag).collect();
    use PushFlag::*;
    assert_eq!(flags, [New, FastForward, UpToDate, Forced, Deleted, RejectedLocally, RejectedRemotely]);
    assert_eq!(report.results[6].message, "a (b) https://h");
    assert!(report.refused && !report.open);
    let broken = Report::parse(b"!\taa:refs/f\t[remote failure] (remote failed to report status)\nDone\n");
    assert!(broken.open && broken.results.is_empty());
}

proptest::proptest! {
    #[test]
    fn any_output_is_survived(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
        let _ = Report::parse(&bytes);
    }
}
