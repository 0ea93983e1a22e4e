//! Whether a run's tree has what was applied before it: nobody executes a tree that lacks it.

use super::record::clean;
use super::record_json::MAX_UNIT;
use super::{AcquireRequest, LockError, LockKey, Locks, Record};
use crate::git::{Ancestry, Oid};

impl Locks<'_> {
    /// Whether HEAD contains what was last applied; the exception to record if it need not.
    pub(super) fn check_applied(
        &self,
        request: &AcquireRequest<'_>,
        key: &LockKey,
        last: &Record,
    ) -> Result<Option<String>, LockError> {
        let Some(applied) = &last.applied else { return Ok(None) };
        self.check_contains(request, (key, last), applied, last.applied_output.as_deref())
    }

    /// Whether the run may go on from a change of its owner's that is applied and not recorded so: to
    /// change things again HEAD must contain it, and to record it as it is what this run has rendered must
    /// be what was applied.
    pub(super) fn check_left(
        &self,
        request: &AcquireRequest<'_>,
        left: &Record,
    ) -> Result<Option<String>, LockError> {
        let Some(commit) = &left.commit else { return Ok(None) };
        if request.will_change {
            self.check_contains(request, (&left.key, left), commit, left.output.as_deref())
        } else if request.only_finishes && !(request.in_effect)(left)? {
            // One that this clone has never seen must be brought in before anything is applied again.
            if request.commit.as_ref() != Some(commit) && (request.contains)(commit)? == Ancestry::Absent {
                self.check_contains(request, (&left.key, left), commit, left.output.as_deref())?;
            }
            let rendered = request.output.is_some();
            Err(LockError::NotInEffect { key: left.key.clone(), left: Box::new(left.clone()), rendered })
        } else {
            Ok(None)
        }
    }

    /// Whether HEAD contains a commit, or renders what was rendered from it without being behind it.
    fn check_contains(
        &self,
        request: &AcquireRequest<'_>,
        (key, last): (&LockKey, &Record),
        applied: &Oid,
        output: Option<&str>,
    ) -> Result<Option<String>, LockError> {
        let ancestry = match &request.commit {
            Some(head) if head == applied => Ancestry::Contains,
            Some(_) => (request.contains)(applied)?,
            None => Ancestry::Lacks,
        };
        // Of a lock that covers several units another one's output says nothing.
        let is_its = last.unit == clean(&request.unit, MAX_UNIT);
        let is_rendered = is_its && output.is_some() && output == request.output.as_deref();
        if let (Ancestry::Lacks, true, Some(head)) = (ancestry, is_rendered, &request.commit)
            && (request.ancestry)(applied, head)? == Ancestry::Lacks
        {
            return Ok(None);
        }
        match ancestry {
            Ancestry::Contains => Ok(None),
            // Of a clone that is too shallow to tell nobody can say that he has looked.
            Ancestry::Lacks | Ancestry::Absent if request.accept_rewrite => Ok(Some(format!(
                "--accept-rewrite: {applied} was applied, and this tree does not contain it"
            ))),
            other => Err(LockError::Stale {
                key: key.clone(),
                applied: applied.clone(),
                by: last.describe(),
                shallow: other == Ancestry::Unknown,
                absent: other == Ancestry::Absent,
                branch: None,
            }),
        }
    }
}
