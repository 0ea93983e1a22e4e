//! Locks as items of a DynamoDB table whose key is the string `LockID`, such as one for Terraform's locks.
//!
//! A swap is one conditional `PutItem`, or one transaction for several keys: the item must still have the
//! nonce that was read, or not exist. What became of a write that nobody answered is found out by saying
//! the same again: it is refused once it has been done, and the item, or the history in it, shows whose
//! nonce is there. Items are never deleted, so a write that arrives late finds another nonce.
//!
//! What an answer has shown is remembered, as git remembers what it fetched: the swap decides anyway.

mod credentials;
mod item;
mod profiles;
mod session;
mod settings;
mod swap;
mod table;
mod trouble;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use self::item::Item;
#[cfg(test)]
pub(super) use self::item::id as item_id;
use self::session::Session;
use self::settings::Settings;
use super::dynamo_error::PLACE;
use super::{
    Freshness, ItemMend, KeySet, Listed, LockBackend, LockError, LockKey, Mend, Observed, Past, Swap,
    Swapped, Unreadable,
};
use crate::env::Environment;
use crate::process::Interrupts;
use crate::project::DynamodbLockConfig;

/// Lock records in one DynamoDB table.
pub struct DynamoTable {
    settings: Settings,
    interrupts: Interrupts,
    /// Made when AWS is asked for the first time.
    session: Mutex<Option<Arc<Session>>>,
    /// What was seen last of each key; none where there is no item.
    seen: Mutex<BTreeMap<LockKey, Option<Item>>>,
}

impl DynamoTable {
    /// Lock records in the table that the configuration names. Asks nobody and starts nothing.
    ///
    /// # Errors
    /// [`LockError::Config`] where no table is named.
    pub fn new(
        config: &DynamodbLockConfig,
        env: &Environment,
        interrupts: Interrupts,
    ) -> Result<Self, LockError> {
        let settings = Settings::new(config, env)?;
        Ok(Self { settings, interrupts, session: Mutex::default(), seen: Mutex::default() })
    }

    fn session(&self) -> Result<Arc<Session>, LockError> {
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = &*session {
            return Ok(Arc::clone(session));
        }
        let made = Arc::new(Session::new(&self.settings)?);
        *session = Some(Arc::clone(&made));
        Ok(made)
    }

    fn remember(&self, items: impl IntoIterator<Item = (LockKey, Option<Item>)>) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).extend(items);
    }

    /// What is remembered of a key: nothing, that there was no item, or the item.
    fn remembered(&self, key: &LockKey) -> Option<Option<Item>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// The items of the keys, in the set's order.
    fn items(&self, keys: &KeySet, freshness: Freshness) -> Result<Vec<(LockKey, Option<Item>)>, LockError> {
        let known = || keys.iter().map(|key| Some((key.clone(), self.remembered(key)?))).collect();
        if freshness == Freshness::Known
            && let Some(known) = known()
        {
            return Ok(known);
        }
        let found = self.fetch(keys)?;
        self.remember(found.iter().cloned());
        Ok(found)
    }

    fn bad(&self, key: &LockKey, bad: &Unreadable, item: &Item) -> LockError {
        let mend = if bad.newer {
            Mend::Upgrade
        } else {
            let (nonce, good) = item.mend(key);
            let (table, id) = (self.settings.table.clone(), item::id(key));
            Mend::Item(Box::new(ItemMend { table, options: self.settings.options(), id, nonce, good }))
        };
        LockError::Record { key: key.clone(), place: self.place(), why: bad.to_string(), mend }
    }
}

impl LockBackend for DynamoTable {
    fn name(&self) -> &'static str {
        "dynamodb"
    }

    fn place(&self) -> String {
        format!("{PLACE}`{}`", self.settings.table)
    }

    fn read(&self, keys: &KeySet, freshness: Freshness) -> Result<Vec<Observed>, LockError> {
        let observe = |(key, item): (LockKey, Option<Item>)| {
            let last = match item {
                Some(item) => Some(item.last(&key).map_err(|bad| self.bad(&key, &bad, &item))?),
                None => None,
            };
            Ok(Observed { key, last })
        };
        self.items(keys, freshness)?.into_iter().map(observe).collect()
    }

    fn list(&self, freshness: Freshness) -> Result<Vec<Listed>, LockError> {
        // What is remembered are single keys: only the table knows all.
        let _ = freshness;
        let mut all = Vec::new();
        for (id, item) in self.scan()? {
            let listed = match item::key_of(&id) {
                None => continue,
                Some(Err(name)) => Listed {
                    name: super::record::escape(name),
                    last: Err("its identifier is no lock's".to_owned()),
                },
                Some(Ok(key)) => {
                    let last = item.last(&key).map(|(_, record)| record).map_err(|bad| bad.to_string());
                    let name = key.to_string();
                    self.remember([(key, Some(item))]);
                    Listed { name, last }
                }
            };
            all.push(listed);
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }

    fn swap(&self, swap: &Swap) -> Result<Swapped, LockError> {
        self.swap_items(swap)
    }

    fn history(&self, key: &LockKey, limit: usize) -> Result<Vec<Past>, LockError> {
        let found = self.items(&KeySet::one(key.clone()), Freshness::Known)?;
        let item = found.into_iter().find_map(|(_, item)| item);
        Ok(item.map_or_else(Vec::new, |item| item.chain(key, limit)))
    }
}
