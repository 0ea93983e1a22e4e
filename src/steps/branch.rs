//! The branch, looked at once more where the lock is kept elsewhere than on the branch's own remote: no
//! write can then name both. What comes between this look and the next act is not seen; the docs say so.

use crate::Error;
use crate::git::Fetched;
use crate::lock::{Lease, LockError};
use crate::workflow::{Run, State, Upstream, locks};

/// Makes sure, once the lock is taken, that the branch is still where git-check saw it and that the lock
/// is still this run's. Where taking the lock has guarded the branch, or nothing was checked, there is
/// nothing to do.
///
/// # Errors
/// [`LockError::BranchMoved`], [`LockError::Lost`], or whatever keeps the remote or the backend from
/// answering.
pub(super) fn still_as_checked(run: &Run<'_>, state: &State, lease: &Lease) -> Result<(), Error> {
    let locks = locks(run)?;
    let turn = run.services.shared.remote();
    let upstream = state.checked.as_ref().and_then(|checked| turn.upstream(checked));
    let Some(upstream) =
        upstream.filter(|upstream| locks.backend.branch_remote() != Some(upstream.remote.as_str()))
    else {
        return Ok(());
    };
    if !is_where_it_was(run, &upstream)? {
        return Err(LockError::BranchMoved { branch: upstream.name.clone() }.into());
    }
    // Asked last: if it is ours now, it was when the branch was looked at.
    Ok(locks.verify(lease)?)
}

fn is_where_it_was(run: &Run<'_>, upstream: &Upstream) -> Result<bool, Error> {
    let Some(repo) = &run.services.repo else { return Ok(true) };
    let short = upstream.name.strip_prefix("refs/heads/").unwrap_or(&upstream.name);
    let tracking = format!("refs/lockstep/remotes/{}/heads/{short}", upstream.remote);
    let fetched = repo.fetch(&upstream.remote, &[format!("+{}:{tracking}", upstream.name)])?;
    Ok(match fetched {
        Fetched::Done => repo.resolve(&tracking)? == upstream.seen,
        Fetched::MissingRef => upstream.seen.is_none(),
    })
}
