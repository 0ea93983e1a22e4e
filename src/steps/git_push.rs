//! `git-push`: moves the branch on the remote to HEAD, under the lock if the run holds one.
//!
//! What is pushed is what git-check saw or builds on it, and it only ever moves forward. With a
//! lease branch and lock move in one atomic push, so that a run whose lock was taken from it cannot
//! push; without one it is a plain push.

use super::push_error::PushError;
use super::unlock::{done_by_run, let_go};
use super::{applied, head};
use crate::Error;
use crate::git::{
    Ancestry, GitError, Head, Oid, Push, PushEnd, PushFlag, Pushed, RefUpdate, Repo, unpushed_submodule,
};
use crate::lock::{BranchChange, BranchRefusal, Effect, Lease, LeaseEntry, LockError, Written};
use crate::project::UnitId;
use crate::workflow::{Call, Done, Event, Role, Run, State, Step, Upstream, locks, with_locks, with_remote};

/// Pushes the branch.
pub struct GitPush;

impl Step for GitPush {
    fn name(&self) -> &'static str {
        "git-push"
    }

    fn summary(&self) -> &'static str {
        "push the branch to its upstream"
    }

    fn details(&self) -> &'static str {
        "Pushes HEAD to the branch's upstream if it is ahead; never forces. Your pre-push hook runs.\n\
         What is pushed is what git-check saw, or builds on it; under the lock only the commit that was\n\
         checked out when it was taken, for what was committed since has not run. Under the lock the branch moves only if\n\
         the lock is still this run's; directly before `unlock` the same push gives the lock back.\n\
         Refused after a successful command: the run ends with 79 and the lock is kept."
    }

    fn role(&self) -> Role {
        Role::Push
    }

    fn run(&self, call: &Call, run: &Run<'_>, state: &mut State) -> Result<Done, Error> {
        let repo =
            run.services.repo.as_ref().ok_or_else(|| GitError::NoRepository {
                path: run.services.env.cwd().display().to_string(),
            })?;
        if state.lease.is_none() {
            head::may_act(run)?;
        }
        let mut turn = run.services.shared.remote();
        if let Some(checked) = &mut state.checked {
            // Another unit of this run may have pushed the same commit meanwhile.
            checked.upstream = turn.upstream(checked);
        }
        let head = repo.head()?;
        let (upstream, to) = destination(run, state, repo, &head)?;
        if upstream.seen.as_ref() == Some(&to) {
            return Ok(Done { skipped: true, ..Done::says(format!("{} is not ahead", shown(&upstream))) });
        }
        // The push itself speaks of the lock too, and of no submodule.
        if repo.guards_submodules()?
            && let Some(refusal) = unpushed_submodule(repo)?
        {
            return Err(PushError::Submodule { refusal }.into());
        }
        if let Some(lease) = &state.lease
            && state.effect == Effect::None
            && lease.resumed
            && !applied::is_settled(run, state, lease)?
        {
            let why = "not pushed: this run has not finished the change that an earlier one has left";
            return Ok(Done::says(why));
        }
        if state.lease.is_some() {
            not_taken_from_others(run)?;
        }
        let mut released = Done::quietly();
        repo.take_said();
        if fused(run, state, &upstream)? {
            released = push_under_lock(call, run, state, &upstream, &to)?;
        } else {
            // The lock is elsewhere: between this look and the push there is a gap, and docs say so. The
            // branch is looked at by the push itself, which only ever moves it forward.
            if let Some(lease) = &state.lease {
                with_locks(run, state.command_started, |locks| locks.verify(lease))?;
            }
            let is_away = |error: &Error| match error {
                Error::Git(GitError::Unreachable { .. }) => Some(error.to_string()),
                _ => None,
            };
            with_remote(run, state, is_away, || push_plainly(repo, &upstream, &to))?;
        }
        let lines = repo.take_said();
        if !lines.is_empty() {
            run.emit(&Event::PushSaid { unit: run.id().clone(), lines });
        }
        turn.pushed(&upstream, &to);
        let pushed = format!("pushed {} to {}", to.short(), shown(&upstream));
        let said: Vec<String> =
            [pushed, released.summary].into_iter().filter(|text| !text.is_empty()).collect();
        let done = Done::says(said.join("; "));
        if let Some(known) = state.checked.as_mut().and_then(|checked| checked.upstream.as_mut()) {
            known.seen = Some(to.clone());
        }
        state.pushed = Some(to);
        Ok(done)
    }
}

fn shown(upstream: &Upstream) -> String {
    let short = upstream.name.strip_prefix("refs/heads/").unwrap_or(&upstream.name);
    format!("{}/{short}", upstream.remote)
}

/// What goes where, once it is certain that it may. Under the lock it is the commit that was checked out
/// when the lock was taken: what was committed since has not run.
fn destination(run: &Run<'_>, state: &State, repo: &Repo, head: &Head) -> Result<(Upstream, Oid), Error> {
    let under_lock = state.lease.as_ref().and_then(|lease| lease.head.clone());
    let head = state.head.as_ref().filter(|_| under_lock.is_some()).unwrap_or(head);
    let now = under_lock.clone().or_else(|| head.oid.clone()).ok_or(PushError::NoCommit)?;
    let Some(checked) = &state.checked else {
        return Ok((unchecked_upstream(run, repo, head)?, now));
    };
    if under_lock.is_some() {
        return Ok((checked.upstream.clone().ok_or(PushError::NoRemote)?, now));
    }
    if checked.branch != head.branch {
        let name = |branch: &Option<String>| {
            branch.as_ref().map_or_else(|| "a detached HEAD".to_owned(), |name| format!("branch `{name}`"))
        };
        let error = PushError::BranchSwitched { checked: name(&checked.branch), now: name(&head.branch) };
        return Err(error.into());
    }
    if now != checked.head && repo.ancestry(&now, &checked.head)? != Ancestry::Contains {
        return Err(PushError::NotChecked { checked: checked.head.clone(), now }.into());
    }
    let upstream = checked.upstream.clone().ok_or(PushError::NoRemote)?;
    Ok((upstream, now))
}

/// One commit is that of all units of a run: if the lock of one was taken away, so was its commit, and no
/// other unit brings it to the branch. What is taken away between this look and the push is not seen.
fn not_taken_from_others(run: &Run<'_>) -> Result<(), Error> {
    let evicted = |unit: UnitId| Error::from(PushError::Evicted { unit });
    let others = run.services.shared.held_by_others(run.id()).map_err(evicted)?;
    let mut entries: Vec<LeaseEntry> = others.iter().flat_map(|(_, lease)| lease.entries.clone()).collect();
    if entries.is_empty() {
        return Ok(());
    }
    entries.sort_by(|a, b| a.key.cmp(&b.key));
    let locks = locks(run)?;
    match locks.verify(&Lease { entries, resumed: false, head: None }) {
        Err(LockError::Lost { key, .. }) => {
            let losers = others.into_iter().filter(|(_, lease)| lease.keys().any(|held| *held == key));
            for (unit, lease) in losers {
                // It may have given it back a moment ago.
                if !locks.already_released(&lease)? {
                    return Err(evicted(unit));
                }
            }
            Ok(())
        }
        verified => Ok(verified?),
    }
}

/// Without git-check nobody has asked the remote: the push itself finds out.
fn unchecked_upstream(run: &Run<'_>, repo: &Repo, head: &Head) -> Result<Upstream, Error> {
    let Some(any) = repo.remotes()?.into_iter().next() else { return Err(PushError::NoRemote.into()) };
    let (remote, name) = match (&run.plan.options.branch, &head.branch) {
        (_, Some(branch)) => repo
            .upstream_of(branch)?
            .ok_or_else(|| PushError::NoUpstream { branch: crate::git::printable(branch.as_bytes()) })?,
        (Some(branch), None) => {
            let remote =
                crate::git::lock_remote(repo, run.project.config().lock.git.remote.as_deref(), None)?;
            (remote.unwrap_or(any), format!("refs/heads/{branch}"))
        }
        (None, None) => return Err(PushError::Detached.into()),
    };
    repo.check_remote(&remote)?;
    Ok(Upstream { remote, name, seen: None })
}

/// Whether branch and lock can move in one atomic push.
fn fused(run: &Run<'_>, state: &State, upstream: &Upstream) -> Result<bool, Error> {
    Ok(state.lease.is_some() && locks(run)?.backend.branch_remote() == Some(upstream.remote.as_str()))
}

fn push_under_lock(
    call: &Call,
    run: &Run<'_>,
    state: &mut State,
    upstream: &Upstream,
    to: &Oid,
) -> Result<Done, Error> {
    let Some(mut lease) = state.lease.take() else { return Ok(Done::quietly()) };
    applied::mark_untouched(run, state, &mut lease);
    let branch = BranchChange::Forward { name: upstream.name.clone(), to: to.clone() };
    let written = done_by_run(run, state, &lease).and_then(|outcome| {
        let written = with_locks(run, state.command_started, |locks| match call.releases {
            true => locks.release(&lease, outcome.clone(), Some(branch.clone())),
            false => locks.pushed(&mut lease, branch.clone()),
        })?;
        Ok((written, outcome))
    });
    let mut done = Done::quietly();
    match &written {
        Ok((Written::Done, outcome)) if call.releases => done = let_go(run, state, &lease, outcome),
        _ => state.lease = Some(lease),
    }
    match written?.0 {
        Written::Done => Ok(done),
        Written::Branch(refusal) => Err(refused(&upstream.name, refusal).into()),
    }
}

fn push_plainly(repo: &Repo, upstream: &Upstream, to: &Oid) -> Result<(), Error> {
    let update = RefUpdate { source: to.clone(), target: upstream.name.clone(), lease: None };
    let mut push = Push { remote: upstream.remote.clone(), updates: vec![update], hook: true };
    let mut pushed = repo.push(&push)?;
    let by_remote = pushed.results.iter().any(|result| result.flag == PushFlag::RejectedRemotely);
    if by_remote || matches!(pushed.end, PushEnd::Broken { .. }) {
        // The same again: if it had arrived, it is up to date now. A "no" of the remote itself may be
        // to what the http library has said twice. The hook has said yes.
        push.hook = false;
        pushed = repo.push(&push)?;
    }
    match outcome(&pushed) {
        Ok(None) => Ok(()),
        Ok(Some(refusal)) => Err(refused(&upstream.name, refusal).into()),
        Err(message) => Err(GitError::Unreachable { remote: upstream.remote.clone(), message }.into()),
    }
}

/// What became of a push of one branch: done, refused, or broken off with these words.
fn outcome(pushed: &Pushed) -> Result<Option<BranchRefusal>, String> {
    match &pushed.end {
        PushEnd::Complete => Ok(None),
        PushEnd::HookRefused => Ok(Some(BranchRefusal::Hook(pushed.said.clone()))),
        PushEnd::Broken { message } => Err(message.clone()),
        PushEnd::Refused => {
            let remotely = pushed.results.iter().any(|result| result.flag == PushFlag::RejectedRemotely);
            Ok(Some(if remotely { BranchRefusal::Denied(pushed.said.clone()) } else { BranchRefusal::Moved }))
        }
    }
}

fn refused(branch: &str, refusal: BranchRefusal) -> PushError {
    let branch = crate::git::printable(branch.as_bytes());
    match refusal {
        BranchRefusal::Moved => PushError::Moved { branch },
        BranchRefusal::Denied(message) => PushError::Denied { branch, message },
        BranchRefusal::Hook(message) => PushError::Hook { branch, message },
    }
}
