//! The five primitives that all state goes through: get, query, write-if, transact, and get-many.
//!
//! Every item has `pk`, `sk` and a revision `rev`. A read hands the revision out, [`Write::replace`] demands it back: what was
//! decided on a stale reading is refused with [`StoreError::Conflict`] and nothing is written. Reads are strongly consistent,
//! except through an index, which answers with keys only: whoever decides must read the item itself.
//!
//! Both backends ([`super::dynamo`], [`super::memory`]) pass the same contract suite.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Deref;
use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::contention::{NoPauses, Pauses};
use super::dynamo::DynamoBackend;
use super::keys::{Key, TableName};
use super::memory::{FatedPauses, Fates, MemoryBackend};
use super::meter::Meter;
use super::outbox;
use crate::messages::Envelope;
pub use crate::page::{Page, PageKey};
use crate::runtime::{Clients, FullJitter};

pub type Item = HashMap<String, AttributeValue>;

/// DynamoDB refuses a transaction of more items than this.
pub const MAX_TRANSACTION_ITEMS: usize = 100;

/// DynamoDB refuses a batch of more keys than this.
pub(super) const MAX_BATCH_KEYS: usize = 100;

pub(crate) const REVISION: &str = "rev";
pub(crate) const EXPIRES_AT: &str = "expires_at";
/// The one secondary index shape that all tables share: sparse, keys only.
pub(crate) const INDEX: &str = "by-kind";
pub(crate) const INDEX_PK: &str = "kind_pk";
pub(crate) const INDEX_SK: &str = "kind_sk";

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A condition did not hold; nothing was written. The indexes say which writes of a transaction were refused.
    #[error("a condition did not hold")]
    Conflict { failed: Vec<usize> },
    /// Throttled, or another transaction was at the same items: nothing was written, the same call may be made again.
    #[error("the table is busy")]
    Busy,
    /// No answer, or none that says what happened.
    #[error("the table is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// An item that this code cannot read, or a value that it cannot write.
    #[error("an item does not have the expected shape")]
    Corrupt(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// More than DynamoDB takes in one item or one transaction. However often it is tried, it will not fit.
    #[error("too large to be stored")]
    TooLarge,
    /// A request that DynamoDB does not take as it is: a key that is empty, an item named twice. It never will.
    #[error("the table does not take the request")]
    Invalid(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A page that is to begin where this query has nothing: the page key is of another query, or made up.
    #[error("the page key is not of this query")]
    ForeignPage,
}

impl StoreError {
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict { .. })
    }
}

/// A stored value with the revision it was read at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned<T> {
    pub value: T,
    pub revision: u64,
}

impl<T> Deref for Versioned<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

/// What must hold for a write to happen.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// No item has this key.
    Absent,
    Present,
    Revision(u64),
    /// The attribute exists and equals the value.
    Equals(&'static str, AttributeValue),
    /// The attribute is a number of at least this much.
    AtLeast(&'static str, i64),
    /// The attribute is a number below this.
    Below(&'static str, i64),
    All(Vec<Condition>),
    Any(Vec<Condition>),
}

impl Condition {
    /// The attribute exists and equals this text.
    pub fn text(attribute: &'static str, value: impl Into<String>) -> Self {
        Self::Equals(attribute, AttributeValue::S(value.into()))
    }

    /// The attribute exists and equals this number.
    pub fn number(attribute: &'static str, value: i64) -> Self {
        Self::Equals(attribute, AttributeValue::N(value.to_string()))
    }
}

/// A change of single attributes, for counters that many writers add to. Creates the item where there is none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Update {
    pub(crate) set: BTreeMap<String, AttributeValue>,
    pub(crate) add: BTreeMap<String, i64>,
    pub(crate) remove: Vec<String>,
}

impl Update {
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn set_text(mut self, attribute: impl Into<String>, value: impl Into<String>) -> Self {
        self.set.insert(attribute.into(), AttributeValue::S(value.into()));
        self
    }

    #[must_use]
    pub fn set_number(mut self, attribute: impl Into<String>, value: i64) -> Self {
        self.set.insert(attribute.into(), AttributeValue::N(value.to_string()));
        self
    }

    /// Adds to a number; a missing one counts as zero.
    #[must_use]
    pub fn add(mut self, attribute: impl Into<String>, by: i64) -> Self {
        *self.add.entry(attribute.into()).or_default() += by;
        self
    }

    #[must_use]
    pub fn remove(mut self, attribute: impl Into<String>) -> Self {
        self.remove.push(attribute.into());
        self
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    Put(Item),
    Update(Update),
    Delete,
    Check,
}

/// One conditional write. Alone through [`Store::write`], with others through [`Store::transact`].
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a write does nothing until it is handed to the store"]
pub struct Write {
    pub(crate) key: Key,
    pub(crate) action: Action,
    pub(crate) condition: Option<Condition>,
}

impl Write {
    /// A new item; refused where the key is taken.
    pub fn create<T: Serialize>(key: Key, value: &T) -> Result<Self, StoreError> {
        Self::put(key, value, 1, Condition::Absent)
    }

    /// The item as it now is; refused unless it still has the revision it was read at.
    pub fn replace<T: Serialize>(key: Key, value: &T, revision: u64) -> Result<Self, StoreError> {
        Self::put(key, value, revision + 1, Condition::Revision(revision))
    }

    /// The item, whatever was there. Only for what is derived from another item of the same transaction, whose condition guards both.
    pub fn overwrite<T: Serialize>(key: Key, value: &T) -> Result<Self, StoreError> {
        Ok(Self {
            condition: None,
            ..Self::put(key, value, 1, Condition::Absent)?
        })
    }

    /// Single attributes of an item, created where there is none.
    pub fn update(key: Key, update: Update) -> Self {
        Self {
            key,
            action: Action::Update(update.add(REVISION, 1)),
            condition: None,
        }
    }

    pub fn delete(key: Key, condition: Condition) -> Self {
        Self {
            key,
            action: Action::Delete,
            condition: Some(condition),
        }
    }

    /// Writes nothing; the transaction happens only if the condition holds.
    pub fn check(key: Key, condition: Condition) -> Self {
        Self {
            key,
            action: Action::Check,
            condition: Some(condition),
        }
    }

    fn put<T: Serialize>(key: Key, value: &T, revision: u64, condition: Condition) -> Result<Self, StoreError> {
        let mut item: Item = serde_dynamo::to_item(value).map_err(|e| StoreError::Corrupt(Box::new(e)))?;
        item.insert(REVISION.to_owned(), AttributeValue::N(revision.to_string()));
        Ok(Self {
            key,
            action: Action::Put(item),
            condition: Some(condition),
        })
    }

    /// A further condition, on top of those that the write already has.
    pub fn when(mut self, condition: Condition) -> Self {
        self.condition = Some(match self.condition.take() {
            None => condition,
            Some(first) => Condition::All(vec![first, condition]),
        });
        self
    }

    /// Messages that announce this change. They are part of the item, so they exist exactly if the change does.
    pub fn outbox(self, envelopes: &[Envelope]) -> Result<Self, StoreError> {
        if envelopes.is_empty() {
            Ok(self)
        } else {
            Ok(self
                .attribute(outbox::ATTRIBUTE, outbox::encode(envelopes)?)
                .attribute(outbox::MARKER, AttributeValue::N(envelopes.len().to_string())))
        }
    }

    /// Makes the item findable through the table's index.
    pub fn indexed(self, (pk, sk): (String, String)) -> Self {
        self.attribute(INDEX_PK, AttributeValue::S(pk))
            .attribute(INDEX_SK, AttributeValue::S(sk))
    }

    /// Lets DynamoDB delete the item some time after this moment. Nothing may depend on it happening.
    pub fn expires_at(self, at: Timestamp) -> Self {
        self.attribute(EXPIRES_AT, AttributeValue::N(at.as_second().to_string()))
    }

    fn attribute(mut self, name: &str, value: AttributeValue) -> Self {
        match &mut self.action {
            Action::Put(item) => drop(item.insert(name.to_owned(), value)),
            Action::Update(update) => drop(update.set.insert(name.to_owned(), value)),
            Action::Delete | Action::Check => {}
        }
        self
    }
}

/// The items of one partition, in the order of their sort keys.
#[derive(Debug, Clone)]
pub struct Query {
    pub(crate) table: TableName,
    pub(crate) indexed: bool,
    pub(crate) pk: String,
    pub(crate) sk_prefix: Option<String>,
    pub(crate) after: Option<PageKey>,
    pub(crate) limit: usize,
    pub(crate) descending: bool,
}

impl Query {
    pub(crate) fn partition(table: TableName, pk: String) -> Self {
        Self {
            table,
            indexed: false,
            pk,
            sk_prefix: None,
            after: None,
            limit: 100,
            descending: false,
        }
    }

    pub(crate) fn index(table: TableName, pk: String) -> Self {
        Self {
            indexed: true,
            ..Self::partition(table, pk)
        }
    }

    /// Whether a page of this query may begin there. Page keys come back from outside, and may have been made up there.
    pub(super) fn has(&self, PageKey(after): &PageKey) -> bool {
        let (names, [pk, sk]): (&[_], _) = if self.indexed {
            (&[INDEX_PK, INDEX_SK, "pk", "sk"], [INDEX_PK, INDEX_SK])
        } else {
            (&["pk", "sk"], ["pk", "sk"])
        };
        let prefix = self.sk_prefix.as_deref().unwrap_or_default();
        after.len() == names.len()
            && names
                .iter()
                .all(|name| after.get(*name).is_some_and(|text| !text.is_empty()))
            && after.get(pk) == Some(&self.pk)
            && after.get(sk).is_some_and(|sk| sk.starts_with(prefix))
    }

    #[must_use]
    pub(crate) fn prefix(self, prefix: String) -> Self {
        Self {
            sk_prefix: Some(prefix),
            ..self
        }
    }

    #[must_use]
    pub fn after(self, key: Option<PageKey>) -> Self {
        Self { after: key, ..self }
    }

    #[must_use]
    pub fn limit(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    #[must_use]
    pub fn descending(self) -> Self {
        Self {
            descending: true,
            ..self
        }
    }
}

/// One of the parts of a table, so that several readers can read all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// From 0.
    pub index: u32,
    pub of: u32,
}

/// The physical table behind each name.
#[derive(Debug, Clone, Default)]
pub struct TableNames(BTreeMap<TableName, String>);

impl TableNames {
    pub fn new(names: impl IntoIterator<Item = (TableName, String)>) -> Self {
        Self(names.into_iter().collect())
    }

    /// A function that was not given a table must not touch it.
    pub(crate) fn get(&self, table: TableName) -> Result<&str, StoreError> {
        let missing = || StoreError::Unavailable(format!("this function was not given the table {table}").into());
        self.0.get(&table).map(String::as_str).ok_or_else(missing)
    }
}

#[derive(Debug, Clone)]
enum Backend {
    Dynamo(DynamoBackend),
    Memory(MemoryBackend),
}

#[derive(Debug, Clone)]
pub struct Store {
    backend: Backend,
    meter: Meter,
    pauses: Arc<dyn Pauses>,
}

impl Store {
    pub fn dynamo(clients: Clients, names: TableNames) -> Self {
        let meter = Meter::default();
        Self {
            backend: Backend::Dynamo(DynamoBackend::new(clients, names, meter.clone())),
            meter,
            pauses: Arc::new(FullJitter),
        }
    }

    pub fn memory() -> Self {
        Self::in_memory(None)
    }

    /// In memory, with somebody who decides what becomes of each request.
    pub fn fated(fates: Arc<dyn Fates>) -> Self {
        Self::in_memory(Some(fates))
    }

    fn in_memory(fates: Option<Arc<dyn Fates>>) -> Self {
        let meter = Meter::default();
        let pauses: Arc<dyn Pauses> = match &fates {
            Some(fates) => Arc::new(FatedPauses(Arc::clone(fates))),
            None => Arc::new(NoPauses),
        };
        Self {
            backend: Backend::Memory(MemoryBackend::new(meter.clone(), fates)),
            meter,
            pauses,
        }
    }

    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    pub(super) fn pauses(&self) -> &dyn Pauses {
        self.pauses.as_ref()
    }

    /// The in-memory backend, to read its change stream. `None` on DynamoDB.
    pub fn as_memory(&self) -> Option<&MemoryBackend> {
        match &self.backend {
            Backend::Memory(memory) => Some(memory),
            Backend::Dynamo(_) => None,
        }
    }

    pub async fn get<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<Versioned<T>>, StoreError> {
        let read = || async {
            match &self.backend {
                Backend::Dynamo(backend) => backend.get(key).await,
                Backend::Memory(backend) => backend.get(key).await,
            }
        };
        let item = self.until_not_busy(read).await?;
        item.map(versioned).transpose()
    }

    /// The items that exist among these keys, in the order of the keys; each once, however often its key is named.
    pub async fn get_many<T: DeserializeOwned>(&self, keys: &[Key]) -> Result<Vec<T>, StoreError> {
        let mut named = HashSet::new();
        // DynamoDB refuses a batch that names a key twice.
        let keys: Vec<Key> = keys.iter().filter(|key| named.insert(*key)).cloned().collect();
        let mut items = Vec::with_capacity(keys.len());
        for batch in keys.chunks(MAX_BATCH_KEYS) {
            let read = || async {
                match &self.backend {
                    Backend::Dynamo(backend) => backend.get_many(batch, self.pauses()).await,
                    Backend::Memory(backend) => backend.get_many(batch).await,
                }
            };
            items.extend(self.until_not_busy(read).await?);
        }
        let mut by_key: HashMap<(String, String), Item> = items
            .into_iter()
            .map(|item| ((text(&item, "pk"), text(&item, "sk")), item))
            .collect();
        let found = keys
            .iter()
            .filter_map(|key| by_key.remove(&(key.pk.clone(), key.sk.clone())));
        found
            .map(|item| versioned(item).map(|versioned| versioned.value))
            .collect()
    }

    pub async fn query<T: DeserializeOwned>(&self, query: Query) -> Result<Page<T>, StoreError> {
        let page = self.query_items(query).await?;
        let items = page
            .items
            .into_iter()
            .map(|item| versioned(item).map(|versioned| versioned.value));
        Ok(Page {
            items: items.collect::<Result<_, _>>()?,
            next: page.next,
        })
    }

    /// For queries through the index, which answers with keys only.
    pub async fn query_keys(&self, query: Query) -> Result<Page<Key>, StoreError> {
        let table = query.table;
        let page = self.query_items(query).await?;
        Ok(page.map(|item| Key {
            table,
            pk: text(&item, "pk"),
            sk: text(&item, "sk"),
        }))
    }

    async fn query_items(&self, query: Query) -> Result<Page<Item>, StoreError> {
        if query.after.as_ref().is_some_and(|after| !query.has(after)) {
            return Err(StoreError::ForeignPage);
        }
        let read = || async {
            match &self.backend {
                Backend::Dynamo(backend) => backend.query(query.clone()).await,
                Backend::Memory(backend) => backend.query(&query).await,
            }
        };
        self.until_not_busy(read).await
    }

    /// The items of a part of a table, in no order. For tools that read all of it; no function may.
    pub(crate) async fn scan(
        &self,
        table: TableName,
        segment: Segment,
        after: Option<PageKey>,
        limit: usize,
    ) -> Result<Page<(Key, Item)>, StoreError> {
        let read = || async {
            match &self.backend {
                Backend::Dynamo(backend) => backend.scan(table, segment, after.clone(), limit).await,
                Backend::Memory(backend) => backend.segment(table, segment, after.as_ref(), limit).await,
            }
        };
        let page = self.until_not_busy(read).await?;
        let keyed = |item: Item| {
            let (pk, sk) = (text(&item, "pk"), text(&item, "sk"));
            (Key { table, pk, sk }, item)
        };
        Ok(page.map(keyed))
    }

    pub async fn write(&self, write: Write) -> Result<(), StoreError> {
        let call = || async {
            match &self.backend {
                Backend::Dynamo(backend) => backend.write(write.clone()).await,
                Backend::Memory(backend) => backend.write(std::slice::from_ref(&write), false).await,
            }
        };
        self.until_not_busy(call).await
    }

    /// All of the writes or none.
    pub async fn transact(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        if writes.len() > MAX_TRANSACTION_ITEMS {
            return Err(StoreError::TooLarge);
        }
        let call = || async {
            match &self.backend {
                Backend::Dynamo(backend) => backend.transact(writes.clone()).await,
                Backend::Memory(backend) => backend.write(&writes, true).await,
            }
        };
        self.until_not_busy(call).await
    }
}

pub(crate) fn versioned<T: DeserializeOwned>(item: Item) -> Result<Versioned<T>, StoreError> {
    let corrupt = |e: Box<dyn std::error::Error + Send + Sync>| StoreError::Corrupt(e);
    let revision = match item.get(REVISION) {
        Some(AttributeValue::N(revision)) => revision.parse().map_err(|e| corrupt(Box::new(e)))?,
        _ => return Err(corrupt("an item without a revision".into())),
    };
    let value = serde_dynamo::from_item(item).map_err(|e| corrupt(Box::new(e)))?;
    Ok(Versioned { value, revision })
}

pub(crate) fn text(item: &Item, attribute: &str) -> String {
    item.get(attribute)
        .and_then(|value| value.as_s().ok())
        .cloned()
        .unwrap_or_default()
}
