//! The place of a project's locks, as its configuration and its repository say.

use super::{Engine, trust};
use crate::Error;
use crate::git::{self, Repo};
use crate::lock::{self, BackendPlace, LockBackend, LockError, Moving};
use crate::project::{DynamodbLockConfig, Project, Trust};

impl Engine {
    /// The place of the locks; with the former one, while they are being moved.
    pub(super) fn open_backend(
        &self,
        project: &Project,
        repo: Option<&Repo>,
        trust: &Trust,
    ) -> Result<Box<dyn LockBackend>, Error> {
        let config = &project.config().lock;
        if trust::names_credentials(config) {
            trust.is_given()?;
        }
        type Refs<'a> = (&'a str, Option<&'a str>);
        let open = |backend: Option<&str>, (prefix, remote): Refs<'_>, dynamodb: &DynamodbLockConfig| {
            let remote = self.lock_remote(repo, remote)?;
            let place = BackendPlace {
                repo,
                remote: remote.as_deref(),
                prefix,
                records: &config.git,
                former_prefix: config.former_prefix(),
                dynamodb,
                root: project.root(),
                env: &self.env,
                interrupts: &self.interrupts,
            };
            Ok::<_, Error>(lock::open_backend(backend, &place)?)
        };
        lock::check_backend(config.backend.as_deref(), config.backend_place.as_ref())?;
        if let Some(former) = &config.former {
            lock::check_backend(former.backend.as_deref(), former.backend_place.as_ref())?;
        }
        let now = open(config.backend.as_deref(), config.git.place(), &config.dynamodb)?;
        let Some(former) = config.former.as_ref().filter(|_| config.former_prefix().is_none()) else {
            return Ok(now);
        };
        if !config.has_moved() {
            return Ok(now);
        }
        let former = open(former.backend.as_deref(), former.git.place(), &former.dynamodb)?;
        // One remote that is said in two ways: its refs would be looked for under one name here.
        let shared = now.branch_remote().filter(|remote| former.branch_remote() == Some(*remote));
        let place = now.place();
        if let Some(what) = shared.or((former.place() == place).then_some(place.as_str())) {
            let message = format!(
                "[lock.former] and [lock] both mean {what}: say `backend` and `remote` the same way in both"
            );
            return Err(LockError::Config(message).into());
        }
        Ok(Box::new(Moving::new(now, former)))
    }

    fn lock_remote(&self, repo: Option<&Repo>, configured: Option<&str>) -> Result<Option<String>, Error> {
        Ok(match repo {
            Some(repo) => {
                let upstream = match repo.head()?.branch {
                    Some(branch) => repo.upstream_of(&branch)?,
                    None => None,
                };
                let upstream = upstream.as_ref().map(|(remote, _)| remote.as_str());
                git::lock_remote(repo, configured, upstream)?
            }
            None => None,
        })
    }
}
