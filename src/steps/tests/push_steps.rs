//! `git-push`: fenced, never forced, and what its refusals leave behind.

use super::*;
use crate::lock::{Act, Effect, LockError, LockState};
use crate::steps::{GitPush, Lock, PushError, Unlock, UnlockAny};
use crate::workflow::Settled;

#[test]
fn the_usual_alias_takes_three_connections_and_leaves_the_commit_applied() {
    let world = world();
    // A git that counts.
    let log = world.path().join("log");
    let bin = world.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    #[expect(clippy::disallowed_methods, reason = "tests find git where the user has it")]
    let path = std::env::var("PATH").unwrap();
    let real = path.split(':').map(|dir| Path::new(dir).join("git")).find(|git| git.is_file()).unwrap();
    let script = format!(
        "for a; do case $a in fetch|push) echo $a >>'{}';; esac; done\nexec '{}' \"$@\"",
        log.display(),
        real.display()
    );
    world.hook(&world.path().join("hooks-are-programs"), "git", &script);
    std::fs::rename(world.path().join("hooks-are-programs/hooks/git"), bin.join("git")).unwrap();
    let path = format!("{}:{path}", bin.display());

    let mut ana = Session::with(&world, "ana", "ana", "r1", &[("PATH", &path)]);
    let head = ana.commit(&world, "one");
    std::fs::write(&log, "").unwrap();
    ana.check_and_lock().unwrap();
    ana.applies();
    ana.push_and_release().unwrap();
    assert_eq!(ana.step(&UnlockAny).unwrap(), Done::quietly());
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "fetch\npush\npush\n");
    assert_eq!(world.oid(&world.origin(), MAIN), head);
    let record = ana.record();
    assert_eq!((record.state, record.act, record.applied), (LockState::Free, Act::Released, Some(head)));
    let chain = ana.services.backend.as_ref().unwrap().history(&record.key, 9).unwrap();
    let chain: Vec<_> = chain.into_iter().map(Result::unwrap).collect();
    assert_eq!(chain.len(), 2);
    assert_eq!((chain[1].program.as_deref(), chain[1].subcommand.as_deref()), (Some("tofu"), Some("apply")));
    let messages = world.git(ana.dir(), &["log", "-p", "refs/lockstep/remotes/origin/locks/alpha/prod"]);
    assert!(!messages.contains("secret"));
    // Nothing to push: only the lock is moved.
    let mut ana = Session::with(&world, "ana", "ana", "r2", &[("PATH", &path)]);
    std::fs::write(&log, "").unwrap();
    ana.check_and_lock().unwrap();
    ana.applies();
    assert!(ana.push_and_release().unwrap().skipped);
    ana.step(&UnlockAny).unwrap();
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "fetch\npush\npush\n");
    assert_eq!(ana.record().state, LockState::Free);
}

#[test]
fn an_evicted_run_cannot_push() {
    for releases in [true, false] {
        let world = world();
        let mut ana = Session::new(&world, "ana", "ana", "r1");
        let before = world.oid(&world.origin(), MAIN);
        ana.commit(&world, "one");
        ana.check_and_lock().unwrap();
        ana.applies();
        let mut bob = Session::new(&world, "bob", "bob", "r2");
        bob.plan.options.reason = Some("it hangs".into());
        bob.step(&UnlockAny).unwrap();
        let error = ana.call(&call(&GitPush, releases)).unwrap_err();
        assert!(
            matches!(&error, Error::Lock(LockError::Lost { now: Some(now), .. }) if now.run == "r2"),
            "{error}"
        );
        assert_eq!(world.oid(&world.origin(), MAIN), before);
        assert!(matches!(ana.settle(&error), Settled::Lost));
        // Another one has it now; the evicted run still cannot do anything.
        let mut carl = Session::new(&world, "carl", "carl", "r3");
        carl.check_and_lock().unwrap();
        assert_eq!(world.oid(&world.origin(), MAIN), before);
    }
}

#[test]
fn a_push_in_the_middle_advances_the_lock() {
    let world = world();
    let mut ana = Session::new(&world, "ana", "ana", "r1");
    let first = ana.commit(&world, "one");
    ana.check_and_lock().unwrap();
    ana.step(&GitPush).unwrap();
    assert_eq!(world.oid(&world.origin(), MAIN), first);
    assert_eq!((ana.record().state, ana.record().act), (LockState::Held, Act::Pushed));
    assert!(ana.step(&GitPush).unwrap().skipped, "not ahead any more");
    ana.commit(&world, "two");
    ana.applies();
    assert!(ana.step(&GitPush).unwrap().skipped, "what was committed since has not run");
    assert!(ana.step(&Unlock).unwrap().summary.contains("run again to apply it"));
    assert_eq!((world.oid(&world.origin(), MAIN), ana.record().applied), (first.clone(), Some(first)));
}

#[test]
fn a_refused_push_keeps_the_lock_and_the_same_owner_recovers() {
    let world = world();
    let mut ana = Session::new(&world, "ana", "ana", "r1");
    ana.commit(&world, "one");
    ana.check_and_lock().unwrap();
    ana.applies();
    world.hook(&world.origin(), "update", &format!("[ $1 != {MAIN} ] || {{ echo not today >&2; exit 1; }}"));
    let error = ana.push_and_release().unwrap_err();
    assert!(
        matches!(&error, Error::Push(PushError::Denied { message, .. }) if message.contains("not today")),
        "{error}"
    );
    let settled = ana.settle(&error);
    assert!(matches!(settled, Settled::Kept { recorded: Ok(()), .. }), "{settled:?}");
    assert_eq!((ana.record().state, ana.record().effect), (LockState::Failed, Effect::Applied));

    // Meanwhile somebody else has pushed something: recovery as the message says.
    std::fs::remove_file(world.origin().join("hooks/update")).unwrap();
    let seed = world.path().join("seed");
    world.commit(&seed, "other", "x");
    world.git(&seed, &["push", "-q", "origin", "main"]);
    world.git(ana.dir(), &["pull", "-q", "--rebase"]);
    let mut again = Session::new(&world, "ana", "ana", "r2");
    again.plan.calls.truncate(2);
    again.check_and_lock().unwrap();
    again.push_and_release().unwrap();
    let head = world.oid(again.dir(), "HEAD");
    assert_eq!(world.oid(&world.origin(), MAIN), head);
    assert_eq!(again.record().applied, Some(head), "what the failed run did is in effect");
}

#[test]
fn a_branch_that_moved_stops_the_push_and_is_told_apart() {
    for releases in [true, false] {
        let world = world();
        let mut ana = Session::new(&world, "ana", "ana", "r1");
        ana.commit(&world, "one");
        ana.check_and_lock().unwrap();
        ana.applies();
        let seed = world.path().join("seed");
        let theirs = world.commit(&seed, "other", "x");
        world.git(&seed, &["push", "-q", "origin", "main"]);
        let error = ana.call(&call(&GitPush, releases)).unwrap_err();
        assert!(matches!(error, Error::Push(PushError::Moved { .. })), "{error}");
        assert_eq!(world.oid(&world.origin(), MAIN), theirs);
        assert!(matches!(ana.settle(&error), Settled::Kept { recorded: Ok(()), .. }));
    }
}

#[test]
fn the_users_hook_runs_for_the_branch_only() {
    let world = world();
    let mut ana = Session::new(&world, "ana", "ana", "r1");
    ana.commit(&world, "one");
    let log = world.path().join("hook-log");
    world.hook(&ana.dir().join(".git"), "pre-push", &format!("echo ran >>'{}'; exit 1", log.display()));
    ana.check_and_lock().unwrap();
    assert!(!log.exists(), "taking the lock is no push of the user's");
    ana.applies();
    let error = ana.push_and_release().unwrap_err();
    assert!(matches!(error, Error::Push(PushError::Hook { .. })), "{error}");
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "ran\n");
    ana.settle(&error);
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "ran\n");
    assert_eq!(ana.record().state, LockState::Failed);
    assert_ne!(world.oid(&world.origin(), MAIN), world.oid(ana.dir(), "HEAD"));
}

#[test]
fn only_what_was_checked_is_pushed() {
    let world = world();
    let before = world.oid(&world.origin(), MAIN);
    let mut ana = Session::new(&world, "ana", "ana", "r1");
    ana.commit(&world, "one");
    ana.step(&crate::steps::GitCheck).unwrap();
    world.git(ana.dir(), &["commit", "-q", "--amend", "-m", "another one"]);
    assert!(matches!(ana.step(&GitPush), Err(Error::Push(PushError::NotChecked { .. }))));
    world.git(ana.dir(), &["checkout", "-q", "-b", "side"]);
    assert!(matches!(ana.step(&GitPush), Err(Error::Push(PushError::BranchSwitched { .. }))));
    assert_eq!(world.oid(&world.origin(), MAIN), before);
}

#[test]
fn a_plain_push_without_lock_or_check() {
    let world = world();
    let mut ana = Session::new(&world, "ana", "ana", "r1");
    let head = ana.commit(&world, "one");
    ana.step(&GitPush).unwrap();
    assert_eq!(world.oid(&world.origin(), MAIN), head);
    ana.step(&GitPush).unwrap();
    // Diverged: refused, never forced.
    world.git(ana.dir(), &["commit", "-q", "--amend", "-m", "another one"]);
    assert!(matches!(ana.step(&GitPush), Err(Error::Push(PushError::Moved { .. }))));
    world.git(ana.dir(), &["checkout", "-q", "-b", "side"]);
    assert!(matches!(ana.step(&GitPush), Err(Error::Push(PushError::NoUpstream { .. }))));
    world.git(ana.dir(), &["checkout", "-q", "--detach", &head.to_string()]);
    assert!(matches!(ana.step(&GitPush), Err(Error::Push(PushError::Detached))));
    ana.plan.options.branch = Some("main".into());
    ana.step(&GitPush).unwrap();
    std::fs::rename(world.origin(), world.path().join("gone")).unwrap();
    let error = ana.step(&GitPush).unwrap_err();
    assert!(matches!(error, Error::Git(crate::git::GitError::Unreachable { .. })), "{error:?}");
}

#[test]
fn without_a_remote_there_is_nothing_to_push_to() {
    let world = world();
    let dir = clone(&world, "ana");
    world.git(&dir, &["remote", "remove", "origin"]);
    let mut ana = Session::new(&world, "ana", "ana", "r1");
    assert_eq!(ana.services.backend.as_ref().unwrap().name(), "local");
    ana.check_and_lock().unwrap();
    assert!(matches!(ana.step(&GitPush), Err(Error::Push(PushError::NoRemote))));
    let mut second = Session::new(&world, "ana", "bob", "r2");
    assert!(matches!(second.step(&Lock), Err(Error::Lock(LockError::Held { .. }))));
    ana.applies();
    ana.step(&Unlock).unwrap();
    assert_eq!(ana.record().applied, Some(world.oid(&dir, "HEAD")));
}
