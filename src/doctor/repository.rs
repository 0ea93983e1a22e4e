//! git itself, the repository, and whether its remote answers and takes what a run sends.

use super::scene::Scene;
use super::{Finding, said};
use crate::env;
use crate::git::{self, CheckError, GitError, ProbeEnd, Repo, arguments};
use crate::lock;

pub(super) fn version(id: &'static str, scene: &Scene<'_>) -> Vec<Finding> {
    let finding = match git::installed(scene.env, &scene.interrupts) {
        Ok(git) if git.enough => Finding::ok(id, format!("{} ({} or newer is needed)", git.says, git.needed)),
        Ok(git) => Finding::problem(id, format!("{} is too old", git.says))
            .cure(format!("install git {} or newer", git.needed)),
        Err(error) => Finding::problem(id, said(&error)),
    };
    vec![finding]
}

pub(super) fn repository(id: &'static str, scene: &Scene<'_>) -> Vec<Finding> {
    let finding = match &scene.repo {
        Ok(Some(repo)) => Finding::ok(id, git::printable(repo.work_dir().as_os_str().as_encoded_bytes())),
        Ok(None) => {
            Finding::warning(id, "no git repository: there is nothing to check and nothing to push to")
                .cure("git init")
        }
        Err(error) => Finding::problem(id, said(error)),
    };
    vec![finding]
}

pub(super) fn history(id: &'static str, scene: &Scene<'_>) -> Vec<Finding> {
    let finding = match scene.repo() {
        None => Finding::skipped(id, "no repository"),
        Some(repo) if repo.is_shallow() => {
            Finding::warning(id, "this clone is shallow: it may not tell which commit is newer")
                .cure("git fetch --unshallow (in CI: `fetch-depth: 0`)")
        }
        Some(_) => Finding::ok(id, "whole"),
    };
    vec![finding]
}

pub(super) fn upstream(id: &'static str, scene: &Scene<'_>) -> Vec<Finding> {
    let Some(repo) = scene.repo() else { return vec![Finding::skipped(id, "no repository")] };
    let finding = match upstream_of(repo) {
        Err(error) => Finding::problem(id, said(&error)),
        Ok((None, _)) if scene.env.var("CI").is_some() => Finding::ok(id, "HEAD is detached, as in CI"),
        Ok((None, _)) => Finding::warning(id, "HEAD is detached: git-check asks which branch it stands for")
            .cure("git switch BRANCH, or say --branch BRANCH"),
        Ok((Some(branch), Some(Ok(place)))) => Finding::ok(id, format!("{branch} follows {place}")),
        Ok((Some(_), Some(Err(CheckError::Refused(refusal))))) => {
            Finding::problem(id, refusal.to_string()).cure(refusal.cure())
        }
        Ok((Some(_), Some(Err(CheckError::Git(error))))) => Finding::problem(id, said(&error)),
        Ok((Some(_), None)) if repo.remotes().is_ok_and(|remotes| remotes.is_empty()) => {
            Finding::skipped(id, "no remote")
        }
        Ok((Some(branch), None)) => {
            let remote = scene.remote().ok().flatten().unwrap_or_else(|| "REMOTE".to_owned());
            Finding::warning(
                id,
                format!("branch {branch} follows none: git-check has nothing to compare it with"),
            )
            .cure(format!("git push -u {}", arguments(&remote, [branch.as_str()])))
        }
    };
    vec![finding]
}

/// The branch, for people, and where it is pushed, or why it is not.
#[expect(clippy::type_complexity, reason = "used once, right above")]
fn upstream_of(
    repo: &Repo,
) -> Result<(Option<String>, Option<Result<git::PushPlace, CheckError>>), GitError> {
    let Some(branch) = repo.head()?.branch else { return Ok((None, None)) };
    Ok((Some(git::printable(branch.as_bytes())), repo.push_place(&branch).transpose()))
}

pub(super) fn remote(id: &'static str, scene: &Scene<'_>) -> Vec<Finding> {
    let Some(repo) = scene.repo() else { return vec![Finding::skipped(id, "no repository")] };
    let finding = match scene.remote() {
        Err(error) => Finding::problem(id, said(&error)),
        Ok(None) => Finding::ok(id, "none: locks are kept on this machine, and nothing is pushed"),
        Ok(Some(remote)) => match repo.check_remote(&remote) {
            Err(error) => Finding::problem(id, said(&error)).cure("git remote -v"),
            Ok(url) if scene.options.offline => {
                Finding::skipped(id, format!("{remote}, {}: not asked (--offline)", url.display))
            }
            Ok(url) => match scene.reached(repo, &remote) {
                Ok(()) => Finding::ok(id, format!("{remote}, {}", url.display)),
                Err(error) => Finding::problem(id, said(error))
                    .cure(format!("git ls-remote {}", arguments(&remote, ["HEAD"]))),
            },
        },
    };
    vec![finding]
}

pub(super) fn push(id: &'static str, scene: &Scene<'_>) -> Vec<Finding> {
    let usable = match (scene.repo(), scene.remote()) {
        (None, _) => Err("no repository"),
        (_, Ok(None)) => Err("no remote"),
        (_, Err(_)) => Err("no remote that could be asked"),
        _ if scene.options.offline => Err("not asked (--offline)"),
        (Some(repo), Ok(Some(remote))) => match repo.check_remote(&remote) {
            Ok(_) if scene.reached(repo, &remote).is_err() => Err("the remote does not answer"),
            Ok(_) => Ok((repo, remote)),
            Err(_) => Err("no remote that could be asked"),
        },
    };
    let (repo, remote) = match usable {
        Ok(usable) => usable,
        Err(why) => return vec![Finding::skipped(id, why)],
    };
    let name = match probe_ref(scene, &remote) {
        Ok(name) => name,
        Err(why) => return vec![Finding::problem(id, why)],
    };
    let commit = match scene.options.probe {
        // Like a lock's record: what is here and not pushed yet stays here.
        true => {
            let git = scene.project().map(|project| &project.config().lock.git);
            let prefix = git.map_or("", |git| git.message_prefix.as_str());
            let style = git.map(lock::record_style).unwrap_or_default();
            repo.write_commit(&format!("{prefix}lockstep doctor"), None, scene.clock.now(), &style).map(Some)
        }
        false => repo.head().map(|head| head.oid),
    };
    let end = match commit {
        Err(error) => return vec![Finding::problem(id, said(&error))],
        Ok(None) => return vec![Finding::skipped(id, "there is no commit yet")],
        Ok(Some(commit)) if scene.options.probe => repo.probe_push(&remote, &name, &commit),
        Ok(Some(commit)) => repo.rehearse_push(&remote, &name, &commit),
    };
    let finding = match end {
        Ok(ProbeEnd::Taken) if scene.options.probe => {
            Finding::ok(id, format!("{name} was made on {remote}, seen there and deleted again"))
        }
        Ok(ProbeEnd::Taken) => {
            Finding::ok(id, format!("{remote} can be pushed to; its rules for lock refs are seen only by doing it"))
                .cure("lockstep doctor --probe")
        }
        Ok(ProbeEnd::Hidden) => {
            Finding::problem(id, format!("{remote} takes {name} and does not show it: nobody sees the others' locks"))
                .cure("let the server show refs/lockstep/* to who fetches (git's `uploadpack.hideRefs`), or keep the locks elsewhere: see docs/locks.md")
        }
        Ok(ProbeEnd::Refused(why)) => Finding::problem(id, format!("{remote} refuses {name}: {why}"))
            .cure("allow refs/lockstep/* on the server, or set another `prefix` under [lock.git]; if its hook judges commits: `committer`, `message_prefix` or `sign` there; see docs/locks.md"),
        Ok(ProbeEnd::Left(name, why)) => {
            Finding::warning(id, format!("{name} may have been left on {remote}: {why}"))
                .cure(format!("git push {}", arguments(&remote, [format!(":{name}").as_str()])))
        }
        Err(error @ GitError::NotAtomic { .. }) => Finding::problem(id, said(&error))
            .cure("allow it on the server (git's `receive.advertiseAtomic`), or keep the locks elsewhere: see docs/locks.md"),
        Err(error) => Finding::problem(id, said(&error)).cure(format!("git push --dry-run {}", arguments(&remote, []))),
    };
    vec![finding]
}

/// A name beside the lock refs that nobody else has, or why there can be none.
fn probe_ref(scene: &Scene<'_>, remote: &str) -> Result<String, String> {
    let prefix = scene.project().map(|project| project.config().lock.git.prefix.clone());
    let prefix = prefix.unwrap_or_else(|| "refs/lockstep/locks".to_owned());
    // It comes from a file, and goes on git's command line.
    git::lock_refspecs(remote, &prefix, None).map_err(|error| said(&error))?;
    let beside = prefix.trim_end_matches('/').rsplit_once('/').map_or("refs/lockstep", |(above, _)| above);
    let nonce = env::nonce().map_err(|error| format!("no random name can be made: {error}"))?;
    Ok(format!("{beside}/probe/{nonce}"))
}
