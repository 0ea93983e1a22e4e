//! A lock as an item of a table, and back.
//!
//! `record` is the record as every backend writes it and `nonce` is its version: what a change is
//! conditional on. `history` holds the records before it, newest first, within bounds. The other
//! attributes repeat what people look for in the AWS console; nothing reads them.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::lock::record_json::is_identifier;
use crate::lock::{LockKey, Past, Record, Unreadable, Version};

/// The attribute that is the key of a table for Terraform's locks.
pub(super) const ID: &str = "LockID";
/// The attribute that a change is conditional on.
pub(super) const NONCE: &str = "nonce";
/// What the identifiers of our items begin with. Terraform's begin with the name of a bucket, in which
/// there is no colon.
pub(super) const PREFIX: &str = "lockstep:";

const RECORD: &str = "record";
const HISTORY: &str = "history";
/// So many earlier records are kept with the last one, and no more bytes of them than that: a write
/// costs by the kilobyte.
const MAX_HISTORY: usize = 20;
const MAX_HISTORY_BYTES: usize = 16 * 1024;

/// An item as the SDK has it.
pub(super) type Attributes = HashMap<String, AttributeValue>;

/// The identifier of a lock's item. The only place that says so.
pub(in crate::lock) fn id(key: &LockKey) -> String {
    format!("{PREFIX}{key}")
}

/// The lock of an identifier; none if it is no lock's. `Err` is the name of one that is no key.
pub(super) fn key_of(id: &str) -> Option<Result<LockKey, &str>> {
    let name = id.strip_prefix(PREFIX)?;
    Some(LockKey::new(name).map_err(|_| name))
}

/// What a lock's item held when it was read or written last. Untrusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Item {
    record: Option<String>,
    nonce: Option<String>,
    history: Vec<String>,
}

impl Item {
    /// Takes from an item what belongs to us; what is missing is noticed when it is needed.
    pub(super) fn from_attributes(attributes: &Attributes) -> Self {
        let text = |name: &str| attributes.get(name).and_then(|value| value.as_s().ok()).cloned();
        let history = attributes.get(HISTORY).and_then(|value| value.as_l().ok());
        let texts = history.into_iter().flatten().filter_map(|value| value.as_s().ok()).cloned();
        Self { record: text(RECORD), nonce: text(NONCE), history: texts.collect() }
    }

    /// The item that follows this one, with `record` as the last.
    ///
    /// # Errors
    /// When the record would be too large for a reader.
    pub(super) fn followed_by(before: Option<&Self>, record: &Record) -> Result<Self, String> {
        let older = before.into_iter().flat_map(|item| item.record.iter().chain(&item.history));
        let mut bytes = 0;
        let within = |json: &&String| {
            bytes += json.len();
            bytes <= MAX_HISTORY_BYTES
        };
        let history = older.take(MAX_HISTORY).take_while(within).cloned().collect();
        Ok(Self { record: Some(record.to_json()?), nonce: Some(record.nonce.clone()), history })
    }

    /// As attributes, with `record` told once more for people.
    pub(super) fn to_attributes(&self, record: &Record) -> Attributes {
        let text = |value: &str| AttributeValue::S(value.to_owned());
        let mut attributes = Attributes::from([
            (ID.to_owned(), text(&id(&record.key))),
            ("state".to_owned(), text(record.state.word())),
            ("owner".to_owned(), text(&record.owner)),
            ("run".to_owned(), text(&record.run)),
            ("act".to_owned(), text(record.act.word())),
            ("time".to_owned(), text(&record.time.to_string())),
            ("generation".to_owned(), AttributeValue::N(record.generation.to_string())),
            (
                HISTORY.to_owned(),
                AttributeValue::L(self.history.iter().cloned().map(AttributeValue::S).collect()),
            ),
        ]);
        let own = [(NONCE, &self.nonce), (RECORD, &self.record)];
        attributes.extend(own.into_iter().filter_map(|(name, v)| Some((name.to_owned(), text(v.as_ref()?)))));
        attributes
    }

    /// The version, whatever else is wrong with the item.
    pub(super) fn version(&self) -> Option<Version> {
        self.nonce.clone().map(Version)
    }

    /// The last record.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn last(&self, key: &LockKey) -> Result<(Version, Record), Unreadable> {
        let json = self.record.as_ref().ok_or_else(|| Unreadable::new("it holds no text `record`"))?;
        let record = Record::from_json(json.as_bytes(), key)?;
        match self.version() {
            Some(version) if version.0 == record.nonce => Ok((version, record)),
            _ => Err(Unreadable::new("its `nonce` is not that of its record")),
        }
    }

    /// The last record and those before it, newest first: so many that can be understood, and what is
    /// in front of and between them.
    pub(super) fn chain(&self, key: &LockKey, limit: usize) -> Vec<Past> {
        let last = self.last(key).map(|(_, record)| record);
        let older = self.history.iter().enumerate().map(|(at, json)| {
            let named = |bad: Unreadable| bad.named(format!("entry {at} of its `{HISTORY}`"));
            Record::from_json(json.as_bytes(), key).map_err(named)
        });
        let mut left = limit;
        let is_wanted = |past: &Past| {
            let wanted = left > 0;
            left -= usize::from(wanted && past.is_ok());
            wanted
        };
        std::iter::once(last).chain(older).take_while(is_wanted).collect()
    }

    /// What can be set back by hand: the nonce that is there, where it is a word, and the newest entry of
    /// the history that is a record, with its nonce.
    pub(super) fn mend(&self, key: &LockKey) -> (Option<String>, Option<(usize, String)>) {
        let nonce = self.nonce.clone().filter(|nonce| is_identifier(nonce));
        let good = self
            .history
            .iter()
            .enumerate()
            .find_map(|(at, json)| Some((at, Record::from_json(json.as_bytes(), key).ok()?.nonce)));
        (nonce, good)
    }

    /// Whether a version is among the records before the last one.
    pub(super) fn has_passed(&self, key: &LockKey, version: &Version) -> bool {
        let older = self.history.iter().filter_map(|json| Record::from_json(json.as_bytes(), key).ok());
        older.into_iter().any(|record| record.nonce == version.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::contract::fixture::record;
    use proptest::prelude::*;

    fn numbered(n: u64) -> Record {
        Record { nonce: format!("n{n}"), generation: n, ..record("alpha/prod") }
    }

    #[test]
    fn an_item_is_read_back_and_follows_the_one_before() {
        let key = LockKey::new("alpha/prod").unwrap();
        let first = Item::followed_by(None, &numbered(1)).unwrap();
        let second = Item::followed_by(Some(&first), &numbered(2)).unwrap();
        let attributes = second.to_attributes(&numbered(2));
        assert_eq!(attributes[ID], AttributeValue::S("lockstep:alpha/prod".into()));
        assert_eq!(attributes["generation"], AttributeValue::N("2".into()));
        let read = Item::from_attributes(&attributes);
        assert_eq!(read, second);
        assert_eq!(read.last(&key).unwrap(), (Version("n2".into()), numbered(2)));
        assert_eq!(read.chain(&key, 9), [Ok(numbered(2)), Ok(numbered(1))]);
        assert_eq!(read.chain(&key, 1), [Ok(numbered(2))]);
        assert!(
            read.has_passed(&key, &Version("n1".into())) && !read.has_passed(&key, &Version("n2".into()))
        );
    }

    #[test]
    fn history_is_bounded_by_number_and_by_bytes() {
        let key = LockKey::new("alpha/prod").unwrap();
        let long = "x".repeat(900);
        for reason in [None, Some(long)] {
            let mut item = None;
            for n in 1..60 {
                let record = Record { reason: reason.clone(), ..numbered(n) };
                item = Some(Item::followed_by(item.as_ref(), &record).unwrap());
            }
            let item = item.unwrap();
            assert!(item.history.len() <= MAX_HISTORY && item.history.len() > 5, "{}", item.history.len());
            assert!(item.history.iter().map(String::len).sum::<usize>() <= MAX_HISTORY_BYTES);
            assert_eq!(item.chain(&key, 2)[1].as_ref().unwrap().generation, 58);
        }
    }

    #[test]
    fn a_record_under_a_nonce_of_its_own_is_not_believed() {
        let key = LockKey::new("alpha/prod").unwrap();
        let mut attributes = Item::followed_by(None, &numbered(1)).unwrap().to_attributes(&numbered(1));
        attributes.insert(NONCE.into(), AttributeValue::S("n2".into()));
        assert!(Item::from_attributes(&attributes).last(&key).unwrap_err().why.contains("nonce"));
        attributes.insert(RECORD.into(), AttributeValue::N("1".into()));
        assert!(Item::from_attributes(&attributes).last(&key).unwrap_err().why.contains("no text `record`"));
    }

    #[test]
    fn what_cannot_be_understood_hides_no_other() {
        let key = LockKey::new("alpha/prod").unwrap();
        let texts = ["{", &numbered(3).to_json().unwrap(), "x", &numbered(1).to_json().unwrap()];
        let history = texts[1..].iter().map(|text| (*text).to_owned()).collect();
        let item = Item { record: Some(texts[0].to_owned()), nonce: None, history };
        let told = |limit| {
            let one = |past: Past| past.map(|record| record.generation).map_err(|bad| bad.name);
            item.chain(&key, limit).into_iter().map(one).collect::<Vec<_>>()
        };
        let bad = Err(Some("entry 1 of its `history`".to_owned()));
        assert_eq!(told(9), [Err(None), Ok(3), bad, Ok(1)]);
        assert_eq!(told(1), [Err(None), Ok(3)]);
    }

    #[test]
    fn identifiers_are_told_from_terraforms() {
        assert_eq!(key_of("bucket/path/terraform.tfstate"), None);
        assert_eq!(key_of("bucket/path/terraform.tfstate-md5"), None);
        assert_eq!(key_of("lockstep:a\u{1b}b"), Some(Err("a\u{1b}b")));
        let key = LockKey::new("a.lock/prod.").unwrap();
        assert_eq!(key_of(&id(&key)), Some(Ok(key)));
    }

    proptest! {
        #[test]
        fn no_two_keys_share_an_item(a in "[a-z._-]{1,5}(/[a-z._-]{1,5}){0,3}", b in "[a-z._-]{1,5}(/[a-z._-]{1,5}){0,3}") {
            if let (Ok(a), Ok(b)) = (LockKey::new(&a), LockKey::new(&b)) {
                prop_assert_eq!(id(&a) == id(&b), a == b);
            }
        }
    }
}
