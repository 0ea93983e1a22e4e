//! What became of a taking that was not simply made: won and no longer the last, or won and taken away.

use super::lease::{Found, lease};
use super::{Change, Freshness, Lease, LockError, Locks};

/// How far back in a chain a run looks for what it has tried to write.
const LOOK_BACK: usize = 20;

impl Locks<'_> {
    /// The lease of a swap that was made and of which something was changed again since, if that is only
    /// what was moved along with the locks. The backend has looked in order to say so.
    pub(super) fn won_before(
        &self,
        changes: &[Change],
        priors: &[Option<Found>],
    ) -> Result<Option<Lease>, LockError> {
        let keys = changes.iter().map(|change| change.key.clone()).collect();
        let observed = self.backend.read(&keys, Freshness::Known)?;
        let mut versions = Vec::with_capacity(changes.len());
        for ((change, prior), seen) in changes.iter().zip(priors).zip(observed) {
            let Some((version, record)) = seen.last else { return Ok(None) };
            if prior.is_some() && record.nonce != change.record.nonce {
                return Ok(None);
            }
            versions.push(version);
        }
        Ok(Some(lease(changes.to_vec(), versions, priors)))
    }

    /// Refuses if a try of this run had succeeded, unheard of, and somebody has taken the lock from it since:
    /// who was evicted does not come back. Every try has nonces of its own.
    pub(super) fn still_to_be_had(
        &self,
        changes: &[Change],
        priors: &[Option<Found>],
        tried: &[String],
    ) -> Result<(), LockError> {
        let taken = changes.iter().zip(priors).filter(|(_, prior)| prior.is_some());
        for (Change { key, .. }, _) in taken {
            let chain = self.backend.history(key, LOOK_BACK)?;
            if chain.iter().flatten().any(|record| tried.contains(&record.nonce)) {
                let now = chain.into_iter().flatten().next().map(Box::new);
                return Err(LockError::Lost { key: key.clone(), now, held: Vec::new() });
            }
        }
        Ok(())
    }
}
