//! `git-check`: proves that the working tree is that of HEAD and current with its branch on the
//! remote, and hands on what it saw, so that the lock can be taken against exactly that.
//!
//! Directly before `lock` it asks nobody where an earlier fetch says that all is well, nobody else is
//! likely to have run since and there is no commit to push: the push that takes the lock goes through only
//! if that is still so, which is the same proof in one connection less. With a commit to push it always
//! asks, so that such a run costs three connections and never a fourth. Nothing is ever refused by an
//! earlier fetch.

use std::path::Path;

use super::{head, inputs, turn};
use crate::Error;
use crate::env::ci_branch;
use crate::git::{CheckError, CheckRefusal, CheckRequest, GitError, Repo, Standing, check, check_known};
use crate::lock::{Alive, Freshness, LockKey, LockState, Observed, Proof, Record};
use crate::project::CheckScope;
use crate::workflow::{Call, Checked, Done, Role, Run, State, Step, Upstream, locks};

/// The step.
pub struct GitCheck;

impl Step for GitCheck {
    fn name(&self) -> &'static str {
        "git-check"
    }

    fn summary(&self) -> &'static str {
        "refuse unless the working tree is clean and current with its upstream"
    }

    fn details(&self) -> &'static str {
        "Fetches the upstream branch and the lock refs, into refs of lockstep's own, and looks at the working \
         tree meanwhile. Refuses (77) on staged, changed, untracked and conflicting files, also on changes that git was told not to \
         look at (skip-worktree, assume-unchanged), on a merge or rebase that is not finished, on a submodule at a \
         commit that was never pushed, on files of the unit that others would get otherwise (a filter or ends of \
         lines of this clone alone), and when the branch is behind its upstream, has diverged from it, or is more than \
         `[git] max_ahead` commits ahead (1 by default). That limit is lifted while you hold the unit's lock from \
         a failed run: the commits that mend it must be applied before they are pushed. In CI a detached HEAD \
         passes if it is the tip of the branch that the CI or --branch names. Directly before `lock`, if all was \
         well at the last fetch, nobody else is likely to have run since and there is no commit to push, nothing is \
         fetched: the push that takes the lock proves that branch and lock are still where they were seen, and if \
         they are not, git-check is done again, with a fetch. Without a remote only cleanliness is checked. Neither index nor working tree is written; a remote that cannot be reached ends with 69."
    }

    fn role(&self) -> Role {
        Role::Check
    }

    fn run(&self, _call: &Call, run: &Run<'_>, state: &mut State) -> Result<Done, Error> {
        head::may_act(run)?;
        let summary = match by_known(run, state)? {
            Some(summary) => summary,
            None => prove(run, state)?,
        };
        Ok(Done::as_usual(summary))
    }
}

/// Fetches, and proves that the tree is clean and current; what was seen goes into the state.
pub(super) fn prove(run: &Run<'_>, state: &mut State) -> Result<String, Error> {
    let standing = with_request(run, state, check)?.map_err(refused)?;
    accept(run, state, standing)
}

/// As [`prove`], after a push that was refused has looked at branch and locks: what it saw is new.
pub(super) fn prove_by_look(run: &Run<'_>, state: &mut State) -> Result<String, Error> {
    match with_request(run, state, check_known)? {
        // Not there now, or not there for a moment: another run in this clone may be making room.
        Err(CheckError::Refused(CheckRefusal::UpstreamGone { .. })) => prove(run, state),
        known => accept(run, state, known.map_err(refused)?),
    }
}

/// Lets the tree pass by what an earlier fetch saw, if the next step is the one that proves it.
fn by_known(run: &Run<'_>, state: &mut State) -> Result<Option<String>, Error> {
    let roles: Vec<Role> = run.plan.calls.iter().map(|call| call.step.role()).collect();
    let proved_next = roles.windows(2).any(|two| two == [Role::Check, Role::Lock]);
    let guarded = run.services.backend.as_ref().and_then(|backend| backend.branch_remote());
    let (true, Some(guarded), None) = (proved_next, guarded, &state.lease) else { return Ok(None) };
    if !locks_are_likely_as_known(run)? {
        return Ok(None);
    }
    let Ok(standing) = with_request(run, state, check_known)? else { return Ok(None) };
    let there = standing.upstream.as_ref().is_some_and(|upstream| upstream.remote == guarded);
    // A refusal would make it four connections.
    let will_push = standing.ahead > 0 && roles.contains(&Role::Push);
    if !there
        || will_push
        || standing.too_far_ahead(run.project.config().git.max_ahead).is_some()
        || was_fetched_since(run, &standing)?
    {
        return Ok(None);
    }
    head::is_at(state, &standing.head, standing.branch.as_deref())?;
    inputs::prove(run, &inputs::of_unit(run, state)?)?;
    let summary = format!("{} when it was last seen", summary(&standing));
    state.checked = Some(checked(standing));
    state.unproved = true;
    Ok(Some(summary))
}

/// Whether the locks that the run takes are known from an earlier fetch, and likely to be as they were then.
/// Where others run too, what was seen long ago is most likely not so any more.
pub(super) fn locks_are_likely_as_known(run: &Run<'_>) -> Result<bool, Error> {
    let locks = locks(run)?;
    let (Some(repo), Some(remote)) = (&run.services.repo, locks.backend.branch_remote()) else {
        return Ok(false);
    };
    let keys = &run.unit.keys.take;
    // A refusal would be a generation lost in one of the two places of locks that are being moved.
    let moves = keys.iter().any(LockKey::is_former);
    Ok(!moves && locks.likely_unchanged(keys, repo.locks_fetched_at(remote)))
}

/// Whether the user has fetched the branch himself since a run did: whoever moved it has most likely
/// moved locks too, and then asking first is one connection less than asking after a refusal.
fn was_fetched_since(run: &Run<'_>, standing: &Standing) -> Result<bool, Error> {
    let (Some(repo), Some(upstream)) = (&run.services.repo, &standing.upstream) else { return Ok(false) };
    let short = upstream.name.strip_prefix("refs/heads/").unwrap_or(&upstream.name);
    let theirs = repo.resolve(&format!("refs/remotes/{}/{short}", upstream.remote))?;
    Ok(theirs.is_some_and(|theirs| theirs != upstream.seen))
}

fn with_request<T>(
    run: &Run<'_>,
    state: &State,
    check: impl FnOnce(&Repo, &CheckRequest<'_>) -> T,
) -> Result<T, Error> {
    let Some(repo) = &run.services.repo else {
        let path = run.services.env.cwd().display().to_string();
        return Err(GitError::NoRepository { path }.into());
    };
    let config = run.project.config();
    let within = match config.git.scope {
        CheckScope::Repository => None,
        CheckScope::Project => Some(inputs::from_top(run, repo, &inputs::scope(run, state)?)?),
    };
    let from_ci = ci_branch(&run.services.env);
    let request = CheckRequest {
        remote: config.lock.git.remote.as_deref(),
        prefix: &config.lock.git.prefix,
        former_prefix: config.lock.former_prefix(),
        branch: run.plan.options.branch.as_deref().or(from_ci.as_deref()),
        // DIST/module/profile
        rendered: run.unit.directory.parent().and_then(Path::parent),
        within: within.as_deref(),
    };
    // Fetches of two units would get into each other's way.
    let _turn = turn::remote(run, state)?;
    Ok(check(repo, &request))
}

fn refused(error: CheckError) -> Error {
    match error {
        CheckError::Refused(refusal) => Error::Check(refusal),
        CheckError::Git(error) => Error::Git(error),
    }
}

/// Passes, unless the branch is too far ahead; what was seen goes into the state.
fn accept(run: &Run<'_>, state: &mut State, standing: Standing) -> Result<String, Error> {
    inputs::prove(run, &inputs::of_unit(run, state)?)?;
    if let Some(refusal) = standing.too_far_ahead(run.project.config().git.max_ahead) {
        let observed = match &run.services.backend {
            Some(backend) => backend.read(&run.unit.keys.take, Freshness::Known)?,
            None => Vec::new(),
        };
        if !recovering(&observed, &run.services.owner, |holder| has_ended(run, holder)) {
            return Err(refusal.into());
        }
        run.note("more commits ahead than usual: allowed while you hold the lock from a failed run");
    }
    if standing.upstream.is_none() {
        run.note("this repository has no remote: only that the working tree is clean was checked");
    }
    head::is_at(state, &standing.head, standing.branch.as_deref())?;
    let summary = summary(&standing);
    state.checked = Some(checked(standing));
    state.unproved = false;
    Ok(summary)
}

/// Whether this owner holds these locks from a run that recorded its failure, or that died before it
/// could: the same proof with which `lock` will take them over. Of a set some may be nobody's: a key
/// that was added since, or one that was taken away.
fn recovering(observed: &[Observed], owner: &str, ended: impl Fn(&Record) -> bool) -> bool {
    let failed = |record: &Record| match record.state {
        LockState::Failed => true,
        LockState::Held => ended(record),
        LockState::Free | LockState::Frozen => false,
    };
    let taken = observed.iter().filter_map(|lock| lock.last.as_ref().map(|(_, record)| record));
    let mut taken = taken.filter(|record| record.state != LockState::Free).peekable();
    taken.peek().is_some() && taken.all(|record| record.owner == owner && failed(record))
}

/// Whether it is proved that the run which wrote the record has ended on this very host, tool and all.
fn has_ended(run: &Run<'_>, holder: &Record) -> bool {
    let services = run.services;
    services.host.is_same_as(&holder.host)
        && Alive::of_user(&services.env).is_some_and(|alive| alive.ended(holder) == Proof::Ended)
}

fn summary(standing: &Standing) -> String {
    let head = standing.head.short();
    match &standing.upstream {
        None => format!("clean at {head}"),
        Some(upstream) => {
            let name = upstream.name.strip_prefix("refs/heads/").unwrap_or(&upstream.name);
            let place = format!("{}/{name}", upstream.remote);
            match standing.ahead {
                0 => format!("clean at {head}, level with {place}"),
                1 => format!("clean at {head}, 1 commit ahead of {place}"),
                n => format!("clean at {head}, {n} commits ahead of {place}"),
            }
        }
    }
}

fn checked(standing: Standing) -> Checked {
    let upstream = standing.upstream.map(|tracked| Upstream {
        remote: tracked.remote,
        name: tracked.name,
        seen: Some(tracked.seen),
    });
    Checked { head: standing.head, branch: standing.branch, upstream, ahead: standing.ahead }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::Host;
    use crate::git::Oid;
    use crate::lock::{Act, Effect, KeySet, LockKey, Record, Version};

    fn observed(state: Option<LockState>, owner: &str) -> Observed {
        let key = LockKey::new("alpha/prod").unwrap();
        let record = |state| Record {
            lockstep: Record::VERSION,
            key: key.clone(),
            unit: "alpha/prod".into(),
            keys: KeySet::one(key.clone()),
            generation: 1,
            state,
            act: Act::Failed,
            owner: owner.into(),
            run: "r".into(),
            nonce: "n".into(),
            host: Host { name: "h".into(), boot: String::new(), pid_namespace: String::new() },
            pid: 1,
            process_start: 0,
            program: None,
            subcommand: None,
            commit: None,
            output: None,
            applied: None,
            applied_output: None,
            effect: Effect::Unfinished,
            unfinished: Vec::new(),
            overrides: Vec::new(),
            time: jiff::Timestamp::UNIX_EPOCH,
            reason: None,
        };
        Observed { last: state.map(|state| (Version("v".into()), record(state))), key: key.clone() }
    }

    #[test]
    fn only_the_owner_of_a_failed_run_is_recovering() {
        let (lives, dead) = (|_: &Record| false, |_: &Record| true);
        let failed = observed(Some(LockState::Failed), "ana");
        assert!(recovering(&[failed.clone(), failed.clone()], "ana", lives));
        assert!(!recovering(std::slice::from_ref(&failed), "ben", dead));
        assert!(!recovering(&[], "ana", dead));
        assert!(!recovering(&[failed.clone(), observed(Some(LockState::Frozen), "ana")], "ana", dead));
        // A key that was added since, or that somebody took away, is nobody's.
        for other in [Some(LockState::Free), None] {
            assert!(recovering(&[failed.clone(), observed(other, "ben")], "ana", lives));
            assert!(!recovering(&[observed(other, "ana")], "ana", dead));
        }
        // A run that was killed wrote nothing; what counts is that it has ended.
        let held = [failed, observed(Some(LockState::Held), "ana")];
        assert!(!recovering(&held, "ana", lives));
        assert!(recovering(&held, "ana", dead));
        assert!(!recovering(&held, "ben", dead));
    }

    #[test]
    fn what_it_says() {
        let head = Oid::new("a".repeat(40)).unwrap();
        let mut standing = Standing { head: head.clone(), branch: None, upstream: None, ahead: 0 };
        assert_eq!(summary(&standing), "clean at aaaaaaaaaa");
        let name = "refs/heads/main".to_owned();
        standing.upstream = Some(crate::git::Tracked { remote: "origin".into(), name, seen: head });
        standing.ahead = 2;
        assert_eq!(summary(&standing), "clean at aaaaaaaaaa, 2 commits ahead of origin/main");
    }
}
