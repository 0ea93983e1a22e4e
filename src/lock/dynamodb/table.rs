//! The requests that lockstep makes of a table, and how often a reading one is repeated.
//!
//! Reads are strongly consistent. Writing ones are made once here; `swap` knows when to repeat them.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, KeysAndAttributes, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};

use super::item::{self, Attributes, ID, Item, NONCE, PREFIX};
use super::trouble::{self, Asked, Trouble};
use super::{DynamoTable, Session};
use crate::lock::{DynamoError, KeySet, LockBackend as _, LockError, LockKey, Version};

/// Before a read is repeated. A table that is throttled has forgiven by then, or will not soon.
const PAUSES: [u64; 4] = [0, 100, 400, 1500];
/// A `BatchGetItem` takes so many keys.
const BATCH: usize = 100;

/// What a conditional write came to.
pub(super) enum Write {
    Done,
    /// A condition did not hold; what is there instead, where the answer shows it.
    Lost(Option<Item>),
    Failed(Trouble),
}

/// One item to be written, and what must be there until then.
pub(super) struct Row {
    pub(super) attributes: Attributes,
    pub(super) expect: Option<Version>,
}

impl DynamoTable {
    /// The items of the keys as they are now, in the set's order.
    pub(super) fn fetch(&self, keys: &KeySet) -> Result<Vec<(LockKey, Option<Item>)>, LockError> {
        let session = self.session()?;
        let all: Vec<LockKey> = keys.iter().cloned().collect();
        if let [key] = all.as_slice() {
            let id = AttributeValue::S(item::id(key));
            let get = |client: Client| {
                client
                    .get_item()
                    .table_name(&self.settings.table)
                    .key(ID, id.clone())
                    .consistent_read(true)
                    .send()
            };
            let answer = self.read_again(&session, "dynamodb:GetItem", get)?;
            return Ok(vec![(key.clone(), answer.item().map(Item::from_attributes))]);
        }
        let mut found = HashMap::new();
        for some in all.chunks(BATCH) {
            self.fetch_batch(&session, some, &mut found)?;
        }
        let with_item = |key: LockKey| {
            let item = found.remove(&item::id(&key));
            (key, item)
        };
        Ok(all.into_iter().map(with_item).collect())
    }

    fn fetch_batch(
        &self,
        session: &Session,
        keys: &[LockKey],
        found: &mut HashMap<String, Item>,
    ) -> Result<(), LockError> {
        let table = &self.settings.table;
        let id = |key: &LockKey| HashMap::from([(ID.to_owned(), AttributeValue::S(item::id(key)))]);
        let mut left: Vec<_> = keys.iter().map(id).collect();
        for pause in PAUSES {
            self.interrupts.wait(Duration::from_millis(pause));
            let asked = KeysAndAttributes::builder().set_keys(Some(left)).consistent_read(true).build();
            let asked = asked.map_err(|error| LockError::Config(trouble::chain(&error)))?;
            let get = |client: Client| client.batch_get_item().request_items(table, asked.clone()).send();
            let answer = self.read_again(session, "dynamodb:BatchGetItem", get)?;
            for attributes in answer.responses().into_iter().flat_map(|tables| tables.values()).flatten() {
                if let Some(id) = attributes.get(ID).and_then(|id| id.as_s().ok()) {
                    found.insert(id.clone(), Item::from_attributes(attributes));
                }
            }
            let unprocessed = answer.unprocessed_keys().and_then(|tables| tables.get(table));
            match unprocessed {
                Some(more) if !more.keys().is_empty() => left = more.keys().to_vec(),
                _ => return Ok(()),
            }
        }
        Err(DynamoError::Throttled { table: table.clone(), code: "UnprocessedKeys".to_owned() }.into())
    }

    /// Every item of ours, with its identifier.
    pub(super) fn scan(&self) -> Result<Vec<(String, Item)>, LockError> {
        let session = self.session()?;
        let mut found = Vec::new();
        let mut from: Option<Attributes> = None;
        loop {
            let scan = |client: Client| {
                client
                    .scan()
                    .table_name(&self.settings.table)
                    .consistent_read(true)
                    .filter_expression("begins_with(#id, :prefix)")
                    .expression_attribute_names("#id", ID)
                    .expression_attribute_values(":prefix", AttributeValue::S(PREFIX.to_owned()))
                    .set_exclusive_start_key(from.clone())
                    .send()
            };
            let page = self.read_again(&session, "dynamodb:Scan", scan)?;
            for attributes in page.items() {
                if let Some(id) = attributes.get(ID).and_then(|id| id.as_s().ok()) {
                    found.push((id.clone(), Item::from_attributes(attributes)));
                }
            }
            match page.last_evaluated_key() {
                Some(last) if !last.is_empty() => from = Some(last.clone()),
                _ => return Ok(found),
            }
        }
    }

    /// Makes a reading request until it is answered, a few times, or until somebody wants to end.
    fn read_again<O: Send, E, F>(
        &self,
        session: &Session,
        action: &'static str,
        request: impl Fn(Client) -> F,
    ) -> Result<O, LockError>
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
        F: Future<Output = Result<O, SdkError<E, HttpResponse>>> + Send,
    {
        let mut last = Trouble::Busy;
        for (before, pause) in PAUSES.into_iter().enumerate() {
            self.interrupts.wait(Duration::from_millis(pause));
            let client = session.client(&self.interrupts)?;
            last = match session.wait(Some(&self.interrupts), request(client))? {
                Ok(answer) => return Ok(answer),
                Err(error) => trouble::of(&error, self.asked(session, action)),
            };
            if !last.passes(before + 1) || self.interrupts.requested().is_some() {
                break;
            }
        }
        Err(self.error(last))
    }

    /// Writes all rows or none, once.
    pub(super) fn write_once(&self, session: &Session, rows: &[Row]) -> Write {
        let client = match session.client(&self.interrupts) {
            Ok(client) => client,
            Err(error) => return Write::Failed(Trouble::Refused(error)),
        };
        let written = match rows {
            [row] => session.wait(None, async {
                let put = client.put_item().table_name(&self.settings.table);
                let put = put.set_item(Some(row.attributes.clone()));
                let put = put.condition_expression(condition(row)).set_expression_attribute_names(names(row));
                put.set_expression_attribute_values(values(row))
                    .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                    .send()
                    .await
                    .map_or_else(|error| self.put_failed(session, &error), |_| Write::Done)
            }),
            rows => session.wait(None, async {
                let puts = match rows.iter().map(|row| self.transact_put(row)).collect::<Result<Vec<_>, _>>()
                {
                    Ok(puts) => puts,
                    Err(message) => return Write::Failed(Trouble::NotSent(message)),
                };
                let sent = client.transact_write_items().set_transact_items(Some(puts)).send().await;
                sent.map_or_else(|error| self.transaction_failed(session, &error), |_| Write::Done)
            }),
        };
        written.unwrap_or_else(|error| Write::Failed(Trouble::Refused(error)))
    }

    fn transact_put(&self, row: &Row) -> Result<TransactWriteItem, String> {
        let put = Put::builder()
            .table_name(&self.settings.table)
            .set_item(Some(row.attributes.clone()))
            .condition_expression(condition(row))
            .set_expression_attribute_names(names(row))
            .set_expression_attribute_values(values(row))
            .build();
        Ok(TransactWriteItem::builder().put(put.map_err(|error| trouble::chain(&error))?).build())
    }

    fn put_failed(&self, session: &Session, error: &SdkError<PutItemError, HttpResponse>) -> Write {
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(refusal)) => {
                Write::Lost(refusal.item().map(Item::from_attributes))
            }
            _ => Write::Failed(trouble::of(error, self.asked(session, "dynamodb:PutItem"))),
        }
    }

    /// A transaction is refused with one reason for each row; one that will not pass decides.
    fn transaction_failed(
        &self,
        session: &Session,
        error: &SdkError<TransactWriteItemsError, HttpResponse>,
    ) -> Write {
        let asked = self.asked(session, "dynamodb:PutItem");
        let Some(TransactWriteItemsError::TransactionCanceledException(refusal)) = error.as_service_error()
        else {
            return Write::Failed(trouble::of(error, asked));
        };
        let reasons =
            || refusal.cancellation_reasons().iter().filter(|r| r.code().is_some_and(|c| c != "None"));
        if reasons().any(|reason| reason.code() == Some("ConditionalCheckFailed")) {
            return Write::Lost(None);
        }
        let first = reasons().next();
        let code = first.and_then(|reason| reason.code());
        let message = first.and_then(|reason| reason.message()).unwrap_or_default();
        Write::Failed(trouble::of_answer(400, code, message, asked))
    }

    fn asked<'a>(&'a self, session: &'a Session, action: &'static str) -> Asked<'a> {
        Asked {
            action,
            table: &self.settings.table,
            region: session.region(),
            profile: self.settings.project_profile(),
        }
    }

    /// What is said of trouble that does not pass, where nothing was changed.
    pub(super) fn error(&self, trouble: Trouble) -> LockError {
        let table = || self.settings.table.clone();
        match trouble {
            Trouble::Refused(error) => error.into(),
            Trouble::Throttled(code) => DynamoError::Throttled { table: table(), code }.into(),
            Trouble::Busy => {
                DynamoError::Throttled { table: table(), code: "TransactionConflict".into() }.into()
            }
            Trouble::NotSent(message) | Trouble::Open(message) => {
                LockError::Unreachable { place: self.place(), message }
            }
        }
    }
}

fn condition(row: &Row) -> &'static str {
    if row.expect.is_some() { "#nonce = :expected" } else { "attribute_not_exists(#id)" }
}

fn names(row: &Row) -> Option<HashMap<String, String>> {
    let (short, name) = if row.expect.is_some() { ("#nonce", NONCE) } else { ("#id", ID) };
    Some(HashMap::from([(short.to_owned(), name.to_owned())]))
}

fn values(row: &Row) -> Option<HashMap<String, AttributeValue>> {
    let expected = row.expect.as_ref()?;
    Some(HashMap::from([(":expected".to_owned(), AttributeValue::S(expected.0.clone()))]))
}
