//! What this run has rendered and checked out, beside what a lock's record says was applied.

use crate::Error;
use crate::git::{Ancestry, Fetched, GitError, Oid, Repo};
use crate::lock::{Effect, Lease, Record};
use crate::workflow::{Run, State};

/// The digest of what this run has rendered; none where it has rendered nothing, or the stages of a
/// workflow, of which each has its own.
pub(super) fn output(state: &State) -> Option<String> {
    state.rendered.as_ref().and_then(|rendered| rendered.digest.clone())
}

/// Of a staged workflow only those stages are applied that changed something: the others leave their locks as
/// they were. What `--resume` did not do again was done before.
pub(super) fn mark_untouched(run: &Run<'_>, state: &State, lease: &mut Lease) {
    let Some(staged) = &run.plan.staged else { return };
    if state.effect == Effect::None || run.plan.options.resume {
        return;
    }
    let changed = |key| {
        let of = staged.stages.iter().filter(|stage| stage.unit.keys.take.contains(key));
        let mut of = of.peekable();
        // A key of the whole has no stage of its own.
        of.peek().is_none() || of.any(|stage| state.changed.contains(&stage.unit.id))
    };
    for entry in &mut lease.entries {
        entry.untouched = !changed(&entry.key);
    }
}

/// Whether HEAD contains a commit that was applied, or its change under another name. One that is not here,
/// because its branch is gone since it was merged, the remote may still have.
pub(super) fn contains(
    repo: &Repo,
    remote: Option<&str>,
    head: &Oid,
    applied: &Oid,
) -> Result<Ancestry, GitError> {
    match (repo.contains_change(head, applied)?, remote) {
        (Ancestry::Absent, Some(remote)) => {
            let spec = format!("+{applied}:refs/lockstep/remotes/{remote}/applied");
            // Without it there is one way less to let the run pass.
            match repo.fetch(remote, &[spec]) {
                Ok(Fetched::Done) => repo.contains_change(head, applied),
                Ok(Fetched::MissingRef) | Err(_) => Ok(Ancestry::Absent),
            }
        }
        (ancestry, _) => Ok(ancestry),
    }
}

/// Whether what HEAD renders is what the change was made with that a record tells of: by the digests of
/// the output, else by the project's own tree, where nothing came from outside of it.
pub(super) fn in_effect(
    run: &Run<'_>,
    state: &State,
    head: Option<&Oid>,
    left: &Record,
) -> Result<bool, GitError> {
    if let (Some(ours), Some(theirs)) = (output(state), &left.output) {
        return Ok(ours == *theirs);
    }
    let (Some(repo), Some(head), Some(commit)) = (&run.services.repo, head, &left.commit) else {
        // Without commits there is nothing else to go by than that it is the same directory.
        return Ok(head.is_none() && left.commit.is_none());
    };
    if !left.overrides.is_empty() || !state.overrides.is_empty() {
        return Ok(false);
    }
    Ok(head == commit || repo.is_alike(head, commit, run.project.root())?)
}

/// Whether all that this run has found changed under its lock is what it has rendered, so that it may be
/// recorded as applied without another run of the command.
pub(super) fn is_settled(run: &Run<'_>, state: &State, lease: &Lease) -> Result<bool, Error> {
    if lease.found_unfinished() {
        return Ok(false);
    }
    for left in lease.found_applied() {
        if !in_effect(run, state, lease.head.as_ref(), left)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Why the lock stays after a run that has changed nothing, and what to do about it.
pub(super) fn unfinished(run: &Run<'_>, lease: &Lease) -> String {
    let why = match lease.found_unfinished() {
        true => "an earlier run's change is not finished, and this run changed nothing: the lock stays",
        false => "what this run has rendered is not what an earlier one applied: the lock stays",
    };
    let id = run.id();
    let how = match &run.plan.staged {
        Some(staged) => format!("lockstep {} -- {} {}", staged.action.word(), id.module, id.profile),
        None => format!(
            "lockstep build git-check lock exec git-push unlock-any -- {} {} PROGRAM [ARG]...",
            id.module, id.profile
        ),
    };
    format!("{why} until a change succeeds: {how}")
}

/// What to say if HEAD is no longer at the commit that ran.
pub(super) fn moved_on(run: &Run<'_>, state: &State, lease: &Lease) -> Option<String> {
    let ran = lease.head.as_ref().filter(|_| state.effect != Effect::None)?;
    let now = run.services.repo.as_ref()?.head().ok()?.oid?;
    (now != *ran).then(|| format!("HEAD has moved on to {} since; run again to apply it", now.short()))
}
