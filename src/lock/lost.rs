//! What this clone knows of a chain that its place has lost, or set back: it is refused once, whatever
//! wants to write there, and carried on by whatever is written then.

use super::cover::Carried;
use super::{KeySet, LockError, Locks, LostChain, Observed, Record};

impl Locks<'_> {
    /// The last record that this clone knows of a lost chain, once its user has been told.
    ///
    /// # Errors
    /// [`LockError::Gone`] until then.
    pub(super) fn known_of(&self, seen: &Observed) -> Result<Option<Record>, LockError> {
        let last = seen.last.as_ref().map(|(_, record)| record);
        match self.backend.lost(&seen.key, last) {
            Some(LostChain { shown: false, record, at }) => {
                let (place, last, at) = (self.backend.place(), Box::new(record), Box::new(at));
                Err(LockError::Gone { key: seen.key.clone(), place, last, at })
            }
            lost => Ok(lost.map(|lost| lost.record)),
        }
    }

    /// Refuses once what a person does with keys whose chains are lost: he may have to put them back first.
    ///
    /// # Errors
    /// [`LockError::Gone`], and whatever the backend says.
    pub(super) fn refuse_lost_once(&self, keys: &KeySet, observed: &[Observed]) -> Result<(), LockError> {
        let ours = observed.iter().filter(|seen| keys.contains(&seen.key));
        match ours.map(|seen| self.known_of(seen)).find_map(Result::err) {
            None => Ok(()),
            Some(gone) => {
                keys.iter().try_for_each(|key| self.backend.show_lost(key))?;
                Err(gone)
            }
        }
    }

    /// A new record with what is known of a lost chain in it.
    pub(super) fn carry_lost(&self, seen: &Observed, record: Record) -> Record {
        let last = seen.last.as_ref().map(|(_, record)| record);
        let Some(LostChain { record: lost, .. }) = self.backend.lost(&seen.key, last) else { return record };
        let Record { generation, applied, applied_output, .. } = &record;
        let mut carried = Carried {
            generation: generation - 1,
            applied: applied.clone(),
            applied_output: applied_output.clone(),
        };
        carried.heed(last, &lost);
        let Carried { generation, applied, applied_output } = carried;
        Record { generation: generation + 1, applied, applied_output, ..record }
    }
}

impl Carried {
    /// Goes on from a lost chain too: the generation from the higher one, and from the commit that was
    /// written down later, for it cannot be asked here which of two contains the other.
    pub(super) fn heed(&mut self, last: Option<&Record>, lost: &Record) {
        self.generation = self.generation.max(lost.generation);
        let is_later = last.is_none_or(|last| last.time < lost.time);
        if self.applied.is_none() || is_later && lost.applied.is_some() {
            (self.applied, self.applied_output) = (lost.applied.clone(), lost.applied_output.clone());
        }
    }
}
