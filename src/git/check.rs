//! git-check: the tree is that of HEAD, and HEAD is current with its branch on the remote.
//!
//! One connection brings branch and lock refs, into names of ours; `git status` runs meanwhile.
//! Neither index nor working tree is written. That the remote cannot be reached is never reported
//! as a refusal. What an earlier fetch has brought can be looked at without a connection; it may be
//! old, and whoever does so has to prove it in another way.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::refusal::Submodule;
use super::{CheckRefusal, Fetched, FileList, GitError, Head, Oid, Repo, Status, lock_remote, unseen};

/// What the configuration and the command line say.
#[derive(Clone, Copy, Debug)]
pub struct CheckRequest<'a> {
    /// The remote that is to be used, if one is configured.
    pub remote: Option<&'a str>,
    /// Where the lock refs are on the remote: they are fetched along.
    pub prefix: &'a str,
    /// Where they were on the remote before, in a project that moves them.
    pub former_prefix: Option<&'a str>,
    /// The branch that a detached HEAD stands for, by its short name.
    pub branch: Option<&'a str>,
    /// The directory below which output is rendered.
    pub rendered: Option<&'a Path>,
    /// The paths at and below which the tree must be clean, from the top of the working tree; without any
    /// all of it must.
    pub within: Option<&'a [PathBuf]>,
}

impl CheckRequest<'_> {
    /// Whether a path, which ends with a slash if it is an untracked directory, must be clean.
    pub(super) fn counts(&self, path: &[u8]) -> bool {
        let Some(within) = self.within else { return true };
        let path = Path::new(std::ffi::OsStr::from_bytes(path));
        // Attributes change the content of all that is beside them and below.
        let reach = match path.file_name() {
            Some(name) if name == ".gitattributes" => path.parent().unwrap_or(path),
            _ => path,
        };
        within.iter().any(|wanted| path.starts_with(wanted) || wanted.starts_with(reach))
    }
}

/// Where HEAD stands. How far it may be ahead is for the caller to decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// HEAD.
    pub head: Oid,
    /// The local branch; none in a detached HEAD.
    pub branch: Option<String>,
    /// The branch on the remote; none in a repository without any remote.
    pub upstream: Option<Tracked>,
    /// How many commits HEAD has that the upstream has not.
    pub ahead: usize,
}

/// A branch on a remote, as it was fetched last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracked {
    /// The remote.
    pub remote: String,
    /// Full name there.
    pub name: String,
    /// What it points to.
    pub seen: Oid,
}

impl Standing {
    /// The refusal for being further ahead than `max`; the caller knows whether the limit holds.
    pub fn too_far_ahead(&self, max: u32) -> Option<CheckRefusal> {
        let upstream = self.upstream.as_ref()?;
        let over = self.ahead > usize::try_from(max).unwrap_or(usize::MAX);
        over.then(|| CheckRefusal::TooFarAhead {
            branch: self.branch.clone().unwrap_or_else(|| "HEAD".to_owned()),
            remote: upstream.remote.clone(),
            upstream: short(&upstream.name).to_owned(),
            ahead: self.ahead,
            max,
        })
    }
}

/// Why git-check did not pass.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// It says no.
    #[error(transparent)]
    Refused(#[from] CheckRefusal),
    /// It could not be done.
    #[error(transparent)]
    Git(#[from] GitError),
}

/// Checks.
///
/// # Errors
/// [`CheckError::Refused`], first for what is wrong here, then for what is wrong with regard to
/// the remote; [`CheckError::Git`] if that cannot be told.
pub fn check(repo: &Repo, request: &CheckRequest<'_>) -> Result<Standing, CheckError> {
    check_with(repo, request, Source::Remote)
}

/// Checks against what is known from the last fetch, be it long ago: touches no network. Both what
/// passes and what is refused may be otherwise on the remote. A branch that was never fetched is
/// [`CheckRefusal::UpstreamGone`].
///
/// # Errors
/// As for [`check`].
pub fn check_known(repo: &Repo, request: &CheckRequest<'_>) -> Result<Standing, CheckError> {
    check_with(repo, request, Source::Known)
}

/// Where the remote's side comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Remote,
    Known,
}

fn check_with(repo: &Repo, request: &CheckRequest<'_>, source: Source) -> Result<Standing, CheckError> {
    let head = repo.head()?;
    let Some(oid) = head.oid.clone() else {
        return Err(CheckRefusal::Unborn { branch: head.branch.unwrap_or_default() }.into());
    };
    let (status, remote_side) = std::thread::scope(|scope| {
        let status = scope.spawn(|| {
            let status = repo.status()?.within(&|path| request.counts(path));
            let unseen =
                if status.is_clean() { unseen::refusal(repo, &|path| request.counts(path))? } else { None };
            Ok::<_, GitError>((status, unseen))
        });
        let remote_side = compare(repo, &head, &oid, request, source);
        (status.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), remote_side)
    });
    let rendered = request.rendered.and_then(|dir| below(dir, repo.work_dir()));
    let (status, unseen) = status?;
    if let Some(refusal) = unclean(&status, repo.unfinished_operation(), rendered.as_deref()).or(unseen) {
        let project = request.rendered.and_then(Path::parent).and_then(|dir| below(dir, repo.work_dir()));
        return Err(match project.filter(|dir| request.within.is_none() && status.is_outside(dir)) {
            Some(project) => CheckRefusal::Outside { refusal: Box::new(refusal), project },
            None => refusal,
        }
        .into());
    }
    let (upstream, ahead) = remote_side?;
    Ok(Standing { head: oid, branch: head.branch, upstream, ahead })
}

/// What differs from HEAD, the hardest to mend first. Pure.
fn unclean(
    status: &Status,
    unfinished: Option<&'static str>,
    rendered: Option<&str>,
) -> Option<CheckRefusal> {
    let conflicts = FileList::new(&status.conflicts);
    if let Some(operation) = unfinished {
        return Some(CheckRefusal::Unfinished { operation, conflicts });
    }
    if !status.conflicts.is_empty() {
        return Some(CheckRefusal::Conflicts { files: conflicts });
    }
    if !status.staged.is_empty() {
        return Some(CheckRefusal::Staged { files: FileList::new(&status.staged) });
    }
    if !status.unstaged.is_empty() {
        let first = |paths: &[Vec<u8>], moved| {
            paths.first().map(|path| Submodule { path: super::printable(path), moved })
        };
        let submodule = first(&status.submodules, false).or_else(|| first(&status.moved, true));
        return Some(CheckRefusal::Unstaged { files: FileList::new(&status.unstaged), submodule });
    }
    if status.untracked.is_empty() {
        return None;
    }
    // Only where nothing else is untracked does ignoring the directory mend it.
    let rendered = rendered.filter(|dir| {
        let inside = |name: &Vec<u8>| {
            name.strip_prefix(dir.as_bytes()).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
        };
        status.untracked.iter().all(inside)
    });
    let files = FileList::new(&status.untracked);
    Some(CheckRefusal::Untracked { files, rendered: rendered.map(str::to_owned) })
}

/// A directory's path from the top of the working tree, as git writes it.
fn below(dir: &Path, work_dir: &Path) -> Option<String> {
    let dir = std::fs::canonicalize(dir).ok()?;
    let top = std::fs::canonicalize(work_dir).ok()?;
    let path = dir.strip_prefix(top).ok()?.to_str()?;
    (!path.is_empty()).then(|| path.to_owned())
}

/// Compares HEAD with the branch on the remote.
fn compare(
    repo: &Repo,
    head: &Head,
    oid: &Oid,
    request: &CheckRequest<'_>,
    source: Source,
) -> Result<(Option<Tracked>, usize), CheckError> {
    let configured = match &head.branch {
        Some(branch) => repo.upstream_of(branch)?,
        None => None,
    };
    let remote = lock_remote(repo, request.remote, configured.as_ref().map(|(remote, _)| remote.as_str()))?;
    let Some(remote) = remote else { return Ok((None, 0)) };
    let name = upstream_name(head, oid, &remote, configured, request.branch)?;
    repo.check_remote(&remote)?;

    let tracking = format!("refs/lockstep/remotes/{remote}");
    let local = format!("{tracking}/heads/{}", short(&name));
    let mut specs = vec![format!("+{name}:{local}")];
    specs.extend(lock_refspecs(&remote, request.prefix, request.former_prefix)?);
    let gone = |repo_branch: &Head| CheckRefusal::UpstreamGone {
        branch: repo_branch.branch.clone(),
        remote: remote.clone(),
        upstream: short(&name).to_owned(),
    };
    if source == Source::Remote {
        make_room(repo, &tracking, &local)?;
        if repo.fetch_locks(&remote, &specs)? == Fetched::MissingRef {
            return Err(gone(head).into());
        }
    }
    let Some(seen) = repo.resolve(&local)? else { return Err(gone(head).into()) };

    let upstream = short(&name).to_owned();
    let tracked = |remote: String| Some(Tracked { remote, name: name.clone(), seen: seen.clone() });
    if *oid == seen {
        return Ok((tracked(remote), 0));
    }
    let Some(branch) = head.branch.clone() else {
        return Err(CheckRefusal::NotTip { head: oid.clone(), remote, upstream, tip: seen }.into());
    };
    let shallow =
        || CheckRefusal::Shallow { head: oid.clone(), remote: remote.clone(), upstream: upstream.clone() };
    let counts = match repo.ahead_behind(oid, &seen) {
        // The walk left what a shallow clone has.
        Err(GitError::Repository { .. }) if repo.is_shallow() => return Err(shallow().into()),
        counts => counts?,
    };
    match counts {
        (ahead, 0) => Ok((tracked(remote), ahead)),
        (0, behind) => Err(CheckRefusal::Behind { branch, remote, upstream, behind }.into()),
        // Where history is cut off, the common part may lie beyond the edge.
        _ if repo.is_shallow() => Err(shallow().into()),
        (ahead, behind) => Err(CheckRefusal::Diverged { branch, remote, upstream, ahead, behind }.into()),
    }
}

/// A branch that was looked at before may be a directory of this one's name or the other way round
/// (`fix` and `fix/a`); it is gone from the remote, or will be fetched again when it is asked for.
fn make_room(repo: &Repo, tracking: &str, local: &str) -> Result<(), GitError> {
    let within =
        |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'));
    for (name, _) in repo.refs(&format!("{tracking}/heads"))? {
        if within(&name, local) || within(local, &name) {
            repo.set_ref(&name, None)?;
        }
    }
    Ok(())
}

/// The full name on the remote of the branch that HEAD is compared with.
fn upstream_name(
    head: &Head,
    oid: &Oid,
    remote: &str,
    configured: Option<(String, String)>,
    stands_for: Option<&str>,
) -> Result<String, CheckError> {
    let name = match (&head.branch, configured) {
        (None, _) => match stands_for {
            Some(branch) => format!("refs/heads/{}", short(branch)),
            None => return Err(CheckRefusal::Detached { head: oid.clone() }.into()),
        },
        (Some(branch), None) => {
            return Err(CheckRefusal::NoUpstream { branch: branch.clone(), remote: remote.to_owned() }.into());
        }
        (Some(branch), Some((on, name))) => {
            if on != remote {
                return Err(GitError::Config(format!(
                    "branch `{branch}` follows a branch on `{}`, but the lock is on remote `{remote}`; they must be on one: `git branch --set-upstream-to={remote}/BRANCH {branch}`, or `[lock.git] remote` in lockstep.toml",
                    super::printable(on.as_bytes())
                ))
                .into());
            }
            name
        }
    };
    // Untrusted: it becomes part of a refspec, in which `*` and `:` mean something.
    if name.starts_with("refs/heads/") && git2::Reference::is_valid_name(&name) {
        Ok(name)
    } else {
        Err(GitError::Config(format!("`{}` is not the name of a branch", super::printable(name.as_bytes())))
            .into())
    }
}

/// What brings the lock refs of a remote along: those below `prefix`, and those below the former one,
/// to names of ours.
///
/// # Errors
/// When a prefix is no place for refs.
pub fn lock_refspecs(remote: &str, prefix: &str, former: Option<&str>) -> Result<Vec<String>, GitError> {
    let former = former.map(|former| lock_refspec(remote, former, "former"));
    std::iter::once(lock_refspec(remote, prefix, "locks")).chain(former).collect()
}

fn lock_refspec(remote: &str, prefix: &str, name: &str) -> Result<String, GitError> {
    let prefix = prefix.trim_end_matches('/');
    if prefix.starts_with("refs/") && git2::Reference::is_valid_name(&format!("{prefix}/x")) {
        Ok(format!("+{prefix}/*:refs/lockstep/remotes/{remote}/{name}/*"))
    } else {
        Err(GitError::Config(format!(
            "`{}` cannot hold lock refs: it must be like `refs/lockstep/locks`",
            super::printable(prefix.as_bytes())
        )))
    }
}

/// A branch's name without `refs/heads/`.
fn short(name: &str) -> &str {
    name.strip_prefix("refs/heads/").unwrap_or(name)
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
