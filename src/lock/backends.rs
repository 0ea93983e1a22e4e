//! The backends by name: what `[lock] backend` may say, and the one that is used when it says nothing.
//!
//! A new backend is one file and one line in [`BACKENDS`].

use std::path::Path;

use super::{GitRefs, LocalFiles, LockBackend, LockError};
use crate::env::Environment;
use crate::git::Repo;
use crate::process::Interrupts;
use crate::project::{DynamodbLockConfig, GitLockConfig, Place, ProjectError, nearest};

/// Where a project's locks may be: what the configuration and the repository say.
#[derive(Clone, Copy)]
pub struct BackendPlace<'a> {
    /// The repository, where there is one.
    pub repo: Option<&'a Repo>,
    /// The remote that holds the lock refs, already chosen; none without any remote.
    pub remote: Option<&'a str>,
    /// `[lock.git] prefix`.
    pub prefix: &'a str,
    /// `[lock.git]`: how the commits of records are made.
    pub records: &'a GitLockConfig,
    /// The former prefix on the same remote.
    pub former_prefix: Option<&'a str>,
    /// `[lock.dynamodb]`.
    pub dynamodb: &'a DynamodbLockConfig,
    /// The project's root.
    pub root: &'a Path,
    /// What says where AWS is and who asks.
    pub env: &'a Environment,
    /// A request to end makes a broken connection be tried once only.
    pub interrupts: &'a Interrupts,
}

/// A backend that can be chosen.
pub struct BackendEntry {
    /// Its name in `[lock] backend`.
    pub name: &'static str,
    /// One line for people.
    pub summary: &'static str,
    /// Makes it; touches no network.
    pub open: fn(&BackendPlace<'_>) -> Result<Box<dyn LockBackend>, LockError>,
}

/// All backends.
pub const BACKENDS: &[BackendEntry] = &[
    BackendEntry {
        name: "git",
        summary: "refs on the project's git remote (default where there is one)",
        open: git,
    },
    BackendEntry {
        name: "local",
        summary: "files on this machine, for a project without a remote",
        open: local,
    },
    BackendEntry {
        name: "dynamodb",
        summary: "items of a DynamoDB table, such as one for Terraform's locks",
        open: dynamodb,
    },
];

/// Refuses a name that no backend has, which stands at this place.
///
/// # Errors
/// With the nearest name.
pub fn check_backend(name: Option<&str>, place: Option<&Place>) -> Result<(), ProjectError> {
    let (Some(name), Some(place)) = (name, place) else { return Ok(()) };
    let known: Vec<&str> = BACKENDS.iter().map(|entry| entry.name).collect();
    if known.contains(&name) {
        return Ok(());
    }
    let hint = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", known.join(", ")),
    };
    let message = format!("unknown lock backend `{}`", super::record::escape(name));
    Err(ProjectError::Config { place: place.clone(), message, hint: Some(hint) })
}

/// The named backend, or without a name git where a remote exists, else local.
///
/// # Errors
/// [`LockError::Config`] for an unknown name, or a place that the backend cannot use.
pub fn open_backend(name: Option<&str>, place: &BackendPlace<'_>) -> Result<Box<dyn LockBackend>, LockError> {
    let name = name.unwrap_or(if place.repo.is_some() && place.remote.is_some() { "git" } else { "local" });
    match BACKENDS.iter().find(|entry| entry.name == name) {
        Some(entry) => (entry.open)(place),
        None => {
            let known: Vec<String> = BACKENDS.iter().map(|entry| format!("`{}`", entry.name)).collect();
            let name = super::record::escape(name);
            Err(LockError::Config(format!("unknown lock backend `{name}`; there are {}", known.join(", "))))
        }
    }
}

fn git(place: &BackendPlace<'_>) -> Result<Box<dyn LockBackend>, LockError> {
    let (Some(repo), Some(remote)) = (place.repo, place.remote) else {
        let what = if place.repo.is_some() { "this repository has none" } else { "this is no repository" };
        return Err(LockError::Config(format!("lock backend `git` needs a remote, and {what}")));
    };
    let refs = GitRefs::new(repo.clone(), remote, place.prefix, place.interrupts.clone())?;
    let refs = refs.with_records(place.records);
    Ok(Box::new(match place.former_prefix {
        Some(former) => refs.with_former(former)?,
        None => refs,
    }))
}

fn local(place: &BackendPlace<'_>) -> Result<Box<dyn LockBackend>, LockError> {
    let directory = match place.repo {
        // Shared by all worktrees of the repository.
        Some(repo) => repo.common_dir().join("lockstep/locks"),
        None => place.root.join(".dist/.lockstep/locks"),
    };
    Ok(Box::new(LocalFiles::new(directory)))
}

#[cfg(feature = "dynamodb")]
fn dynamodb(place: &BackendPlace<'_>) -> Result<Box<dyn LockBackend>, LockError> {
    Ok(Box::new(super::DynamoTable::new(place.dynamodb, place.env, place.interrupts.clone())?))
}

#[cfg(not(feature = "dynamodb"))]
fn dynamodb(_: &BackendPlace<'_>) -> Result<Box<dyn LockBackend>, LockError> {
    Err(LockError::Config(
        "this lockstep was built without the lock backend `dynamodb`; install one that has it (cargo feature `dynamodb`), or set another `backend` under [lock]".to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place<'a>(
        root: &'a Path,
        interrupts: &'a Interrupts,
        (dynamodb, records): (&'a DynamodbLockConfig, &'a GitLockConfig),
        env: &'a Environment,
    ) -> BackendPlace<'a> {
        let prefix = &records.prefix;
        let (repo, remote, former_prefix) = (None, None, None);
        BackendPlace { repo, remote, prefix, records, former_prefix, dynamodb, root, env, interrupts }
    }

    #[test]
    fn names_are_unique_and_unknown_ones_are_told_the_known() {
        let interrupts = Interrupts::new();
        let (config, env) = (DynamodbLockConfig::default(), Environment::new("/p", [("", ""); 0]));
        let git = GitLockConfig::default();
        let place = place(Path::new("/p"), &interrupts, (&config, &git), &env);
        assert_eq!(open_backend(None, &place).unwrap().name(), "local");
        assert_eq!(open_backend(Some("local"), &place).unwrap().place(), "/p/.dist/.lockstep/locks");
        let error = open_backend(Some("git\u{1b}"), &place).err().unwrap().to_string();
        assert!(error.contains("`git`, `local`") && !error.contains('\u{1b}'), "{error}");
        assert!(matches!(open_backend(Some("git"), &place), Err(LockError::Config(_))));
        // Without a table, or without the backend itself: either way it is a matter of configuration.
        let error = open_backend(Some("dynamodb"), &place).err().unwrap();
        let word = if cfg!(feature = "dynamodb") { "[lock.dynamodb]" } else { "built without" };
        assert!(matches!(&error, LockError::Config(text) if text.contains(word)), "{error}");
        let mut names: Vec<_> = BACKENDS.iter().map(|entry| entry.name).collect();
        names.dedup();
        assert_eq!(names.len(), BACKENDS.len());
    }
}
