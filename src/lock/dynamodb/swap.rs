//! A swap on items: one conditional write, repeated until it is certain what became of it.

use std::time::Duration;

use super::DynamoTable;
use super::item::Item;
use super::table::{Row, Write};
use super::trouble::Trouble;
use crate::lock::{
    Change, DynamoError, Freshness, KeySet, LockBackend as _, LockError, LockKey, LostTo, Mend, Swap,
    Swapped, Version,
};

/// Before the same write is said again.
const PAUSES: [u64; 5] = [0, 100, 300, 800, 2000];
/// DynamoDB's limit.
const MAX_KEYS: usize = 100;

/// Where our own records are, relative to the items as they are now.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// They are the last.
    Tips,
    /// They were, and others have come after.
    Buried,
    /// The items are what was expected before the write: nothing has changed.
    Untouched,
    /// Something else is there.
    Gone,
}

impl DynamoTable {
    pub(super) fn swap_items(&self, swap: &Swap) -> Result<Swapped, LockError> {
        let Some(first) = swap.changes.first() else { return Ok(Swapped::Done(Vec::new())) };
        if swap.branch.is_some() {
            // This backend names no remote whose branches it could guard.
            return Err(LockError::Config("a DynamoDB table guards no branch".to_owned()));
        }
        let count = swap.changes.len();
        if count > MAX_KEYS {
            return Err(DynamoError::TooManyKeys { count, limit: MAX_KEYS }.into());
        }
        let Some(items) = self.next_items(&swap.changes)? else { return Ok(Swapped::Lost(LostTo::Lock)) };
        let row = |(change, item): (&Change, &Item)| Row {
            attributes: item.to_attributes(&change.record),
            expect: change.expect.clone(),
        };
        let rows: Vec<Row> = swap.changes.iter().zip(&items).map(row).collect();
        let session = self.session()?;
        // Set once a write may have been done that nobody has confirmed.
        let mut open: Option<String> = None;
        let mut trouble = None;
        let mut after_request = 0;
        for (before, pause) in PAUSES.into_iter().enumerate() {
            if self.interrupts.requested().is_some() {
                // Who is asked to end says it once more, to know whether the lock is his, and goes.
                if after_request == 2 {
                    break;
                }
                after_request += 1;
            }
            self.pause(pause);
            match self.write_once(&session, &rows) {
                Write::Done => return Ok(self.done(&swap.changes, items)),
                Write::Lost(shown) if open.is_none() => {
                    self.look_again(&swap.changes, shown)?;
                    return Ok(Swapped::Lost(LostTo::Lock));
                }
                // Perhaps to what the first has done.
                Write::Lost(shown) => match self.standing(&swap.changes, shown) {
                    Ok(Standing::Tips) => return Ok(self.done(&swap.changes, items)),
                    Ok(Standing::Buried) => return Ok(Swapped::Superseded),
                    Ok(Standing::Gone) => return Ok(Swapped::Lost(LostTo::Lock)),
                    Ok(Standing::Untouched) => trouble = Some(Trouble::Busy),
                    Err(error) => {
                        open = Some(error.to_string());
                        break;
                    }
                },
                Write::Failed(met) => {
                    if let Trouble::Open(message) = &met {
                        open = Some(message.clone());
                    }
                    let again = met.passes(before + 1);
                    trouble = Some(met);
                    if !again {
                        break;
                    }
                }
            }
        }
        match (open, trouble) {
            (Some(message), _) => Err(LockError::Ambiguous { key: first.key.clone(), message }),
            // Somebody else's transaction holds one of the items: he has it, or he will have lost as well.
            (None, None | Some(Trouble::Busy)) => {
                self.look_again(&swap.changes, None)?;
                Ok(Swapped::Lost(LostTo::Lock))
            }
            (None, Some(trouble)) => Err(self.error(trouble)),
        }
    }

    /// The items that the changes make; none if one of them is not what was expected any more. The
    /// history of each comes from what was read before, or is read now.
    fn next_items(&self, changes: &[Change]) -> Result<Option<Vec<Item>>, LockError> {
        let expected = |change: &Change, item: &Option<Item>| {
            change.expect.is_none() || item.as_ref().and_then(Item::version) == change.expect
        };
        let keys: KeySet = changes.iter().map(|change| change.key.clone()).collect();
        let mut before = self.items(&keys, Freshness::Known)?;
        if !changes.iter().zip(&before).all(|(change, (_, item))| expected(change, item)) {
            before = self.items(&keys, Freshness::Now)?;
            if !changes.iter().zip(&before).all(|(change, (_, item))| expected(change, item)) {
                return Ok(None);
            }
        }
        let next = |(change, (_, item)): (&Change, &(LockKey, Option<Item>))| {
            let before = item.as_ref().filter(|_| change.expect.is_some());
            Item::followed_by(before, &change.record).map_err(|why| LockError::Record {
                key: change.key.clone(),
                place: self.place(),
                why,
                mend: Mend::Unknown,
            })
        };
        changes.iter().zip(&before).map(next).collect::<Result<_, _>>().map(Some)
    }

    fn done(&self, changes: &[Change], items: Vec<Item>) -> Swapped {
        self.remember(changes.iter().map(|change| change.key.clone()).zip(items.into_iter().map(Some)));
        Swapped::Done(changes.iter().map(|change| Version(change.record.nonce.clone())).collect())
    }

    /// Makes what is remembered as fresh as a refusal: of one key the refusal has shown it, unless the
    /// server leaves that out.
    fn look_again(&self, changes: &[Change], shown: Option<Item>) -> Result<Vec<Option<Item>>, LockError> {
        if let ([change], Some(item)) = (changes, shown) {
            self.remember([(change.key.clone(), Some(item.clone()))]);
            return Ok(vec![Some(item)]);
        }
        let keys: KeySet = changes.iter().map(|change| change.key.clone()).collect();
        Ok(self.items(&keys, Freshness::Now)?.into_iter().map(|(_, item)| item).collect())
    }

    fn standing(&self, changes: &[Change], shown: Option<Item>) -> Result<Standing, LockError> {
        Ok(standing(changes, &self.look_again(changes, shown)?))
    }

    fn pause(&self, milliseconds: u64) {
        self.interrupts.wait(Duration::from_millis(milliseconds));
    }
}

/// Where our records stand among the items as they are now. Pure.
fn standing(changes: &[Change], now: &[Option<Item>]) -> Standing {
    let one = |(change, item): (&Change, &Option<Item>)| {
        let ours = Version(change.record.nonce.clone());
        let version = item.as_ref().and_then(Item::version);
        if version.as_ref() == Some(&ours) {
            Standing::Tips
        } else if version == change.expect {
            Standing::Untouched
        } else if item.as_ref().is_some_and(|item| item.has_passed(&change.key, &ours)) {
            Standing::Buried
        } else {
            Standing::Gone
        }
    };
    let all: Vec<Standing> = changes.iter().zip(now).map(one).collect();
    let only = |some: &[Standing]| all.iter().all(|one| some.contains(one));
    if only(&[Standing::Tips]) {
        Standing::Tips
    } else if only(&[Standing::Tips, Standing::Buried]) {
        Standing::Buried
    } else if only(&[Standing::Untouched]) {
        Standing::Untouched
    } else {
        // One write is atomic: if one of our records is not there, none is.
        Standing::Gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::Record;
    use crate::lock::contract::fixture::record;

    fn change(key: &str, nonce: &str, expect: Option<&str>) -> Change {
        let record = Record { nonce: nonce.into(), ..record(key) };
        Change { key: record.key.clone(), expect: expect.map(|text| Version(text.into())), record }
    }

    /// An item of which these were the versions, the last one last.
    fn item(key: &str, nonces: &[&str]) -> Option<Item> {
        nonces.iter().fold(None, |before: Option<Item>, nonce| {
            let record = Record { nonce: (*nonce).into(), ..record(key) };
            Some(Item::followed_by(before.as_ref(), &record).unwrap())
        })
    }

    #[test]
    fn what_became_of_a_write_is_read_from_the_items() {
        let key = "alpha/prod";
        let one = |expect, nonces: &[&str]| standing(&[change(key, "ours", expect)], &[item(key, nonces)]);
        assert!(one(Some("a"), &["a", "ours"]) == Standing::Tips);
        assert!(one(Some("a"), &["a", "ours", "b", "c"]) == Standing::Buried);
        assert!(one(Some("a"), &["a"]) == Standing::Untouched);
        assert!(one(Some("a"), &["a", "b"]) == Standing::Gone);
        assert!(one(Some("a"), &[]) == Standing::Gone, "somebody has deleted it");
        assert!(one(None, &[]) == Standing::Untouched);
        assert!(one(None, &["ours"]) == Standing::Tips);
        assert!(one(None, &["b"]) == Standing::Gone);
    }

    #[test]
    fn of_several_keys_all_were_written_or_none() {
        let changes = [change("a", "x", Some("p")), change("b", "y", Some("q"))];
        let both = |a: &[&str], b: &[&str]| standing(&changes, &[item("a", a), item("b", b)]);
        assert!(both(&["p", "x"], &["q", "y"]) == Standing::Tips);
        assert!(both(&["p", "x", "z"], &["q", "y"]) == Standing::Buried);
        assert!(both(&["p"], &["q"]) == Standing::Untouched);
        assert!(both(&["p"], &["q", "z"]) == Standing::Gone);
        assert!(both(&["p", "z"], &["q", "z"]) == Standing::Gone);
    }
}
