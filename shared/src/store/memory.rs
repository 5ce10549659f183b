//! The backend in memory: the same keys, conditions, transactions, paging and capacity counts, without a server.
//!
//! It also keeps the change stream (old image, new image) so that a test can run the outbox relay against it, lets a test decide what becomes
//! of each request ([`Fates`]), and can show an index that lags.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};

use aws_sdk_dynamodb::types::AttributeValue;

use super::keys::{Key, TableName};
use super::meter::Meter;
use super::table::{
    Action, Condition, INDEX_PK, INDEX_SK, Item, Page, PageKey, Query, REVISION, Segment, StoreError, Update, Write,
    text,
};

/// DynamoDB's limit on one item.
const MAX_ITEM_BYTES: usize = 400 * 1024;

type Place = (TableName, String, String);
type Items = BTreeMap<Place, Item>;

/// One record of the change stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub table: TableName,
    pub old: Option<Item>,
    pub new: Option<Item>,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Done,
    /// Throttled: it is not done, and the caller is told.
    Refused,
    /// It is not done, and the caller learns nothing.
    Lost,
    /// It is done, and the caller learns nothing.
    AnswerLost,
}

/// Decides what becomes of each request. A decision that never comes is a caller whose machine has died.
pub trait Fates: fmt::Debug + Send + Sync {
    /// `request` names it, for a trace.
    fn next(&self, request: &dyn fmt::Display) -> Pin<Box<dyn Future<Output = Fate> + Send + '_>>;
}

#[derive(Debug, Default)]
struct State {
    items: Items,
    changes: Vec<Change>,
    /// What the indexes show, where they lag.
    indexed: Option<Items>,
}

#[derive(Debug, Clone)]
pub struct MemoryBackend {
    state: Arc<Mutex<State>>,
    meter: Meter,
    fates: Option<Arc<dyn Fates>>,
}

impl MemoryBackend {
    pub(crate) fn new(meter: Meter, fates: Option<Arc<dyn Fates>>) -> Self {
        Self {
            state: Arc::default(),
            meter,
            fates,
        }
    }

    /// From now on the indexes show what is there at this moment (`true`), or again what is there (`false`).
    pub fn set_index_lag(&self, lags: bool) {
        let mut state = self.lock();
        let is_indexed = |(_, item): &(&Place, &Item)| item.contains_key(INDEX_PK);
        let copied = |(place, item): (&Place, &Item)| (place.clone(), item.clone());
        state.indexed = lags.then(|| state.items.iter().filter(is_indexed).map(copied).collect());
    }

    /// The changes since the last call, oldest first.
    pub fn take_changes(&self) -> Vec<Change> {
        std::mem::take(&mut self.lock().changes)
    }

    /// All items of one table: for tests that fold the whole of it.
    pub fn scan(&self, table: TableName) -> Vec<Item> {
        self.lock()
            .items
            .iter()
            .filter(|((name, ..), _)| *name == table)
            .map(|(_, item)| item.clone())
            .collect()
    }

    pub(crate) async fn segment(
        &self,
        table: TableName,
        segment: Segment,
        after: Option<&PageKey>,
        limit: usize,
    ) -> Result<Page<Item>, StoreError> {
        let name = format!("scan {table}");
        self.fated(&name, || self.part(table, segment, after, limit)).await
    }

    pub(crate) async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        let read = || {
            let item = self.lock().items.get(&place(key)).cloned();
            self.meter.count(10 * blocks(item.as_ref(), 4096), 0);
            item
        };
        self.fated(&fmt::from_fn(|f| write!(f, "get {key}")), read).await
    }

    pub(crate) async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        let read = || {
            let state = self.lock();
            let found: Vec<_> = keys
                .iter()
                .filter_map(|key| state.items.get(&place(key)).cloned())
                .collect();
            self.meter
                .count(found.iter().map(|item| 10 * blocks(Some(item), 4096)).sum(), 0);
            found
        };
        self.fated(&fmt::from_fn(|f| write!(f, "get {} items", keys.len())), read)
            .await
    }

    pub(crate) async fn query(&self, query: &Query) -> Result<Page<Item>, StoreError> {
        self.fated(&fmt::from_fn(|f| write!(f, "query {}", query.pk)), || self.page(query))
            .await
    }

    pub(crate) async fn write(&self, writes: &[Write], transaction: bool) -> Result<(), StoreError> {
        let name = fmt::from_fn(|f| writes.iter().try_for_each(|write| write!(f, "write {}; ", write.key)));
        self.fated(&name, || self.apply(writes, transaction)).await?
    }

    /// Does the work, or whatever else becomes of the request called `name`.
    async fn fated<T>(&self, name: &(dyn fmt::Display + Sync), work: impl FnOnce() -> T) -> Result<T, StoreError> {
        let unknown = || StoreError::Unavailable("no answer".into());
        let Some(fates) = &self.fates else { return Ok(work()) };
        match fates.next(name).await {
            Fate::Done => Ok(work()),
            Fate::Refused => Err(StoreError::Busy),
            Fate::Lost => Err(unknown()),
            Fate::AnswerLost => {
                work();
                Err(unknown())
            }
        }
    }

    fn part(&self, table: TableName, segment: Segment, after: Option<&PageKey>, limit: usize) -> Page<Item> {
        let is_in = |pk: &str| pk.bytes().map(u32::from).sum::<u32>() % segment.of == segment.index;
        let after = after.map(|PageKey(after)| (after["pk"].as_str(), after["sk"].as_str()));
        let state = self.lock();
        let rest = state
            .items
            .iter()
            .filter(|((name, pk, sk), _)| *name == table && is_in(pk) && after < Some((pk, sk)));
        let items: Vec<Item> = rest.take(limit).map(|(_, item)| item.clone()).collect();
        self.meter.count(10 * blocks(items.first(), 4096), 0);
        let next = items.last().filter(|_| items.len() == limit).map(|last| {
            let name = |name: &str| (name.to_owned(), text(last, name));
            PageKey([name("pk"), name("sk")].into())
        });
        Page { items, next }
    }

    fn page(&self, query: &Query) -> Page<Item> {
        let (pk, sk) = if query.indexed {
            (INDEX_PK, INDEX_SK)
        } else {
            ("pk", "sk")
        };
        let prefix = query.sk_prefix.as_deref().unwrap_or_default();
        let state = self.lock();
        let items = match &state.indexed {
            Some(lagging) if query.indexed => lagging,
            _ => &state.items,
        };
        let first = if query.indexed { String::new() } else { query.pk.clone() };
        let mut found: Vec<&Item> = items
            .range((query.table, first, String::new())..)
            .take_while(|((table, partition, _), _)| *table == query.table && (query.indexed || *partition == query.pk))
            .map(|(_, item)| item)
            .filter(|item| item.contains_key(pk) && text(item, pk) == query.pk && text(item, sk).starts_with(prefix))
            .collect();
        found.sort_by_key(|item| (text(item, sk), text(item, "pk"), text(item, "sk")));
        if query.descending {
            found.reverse();
        }
        let start = match &query.after {
            None => 0,
            Some(PageKey(after)) => {
                let at = |item: &Item| after.iter().all(|(name, value)| text(item, name) == *value);
                found
                    .iter()
                    .position(|item| at(item))
                    .map_or(0, |position| position + 1)
            }
        };
        let page: Vec<Item> = found
            .iter()
            .skip(start)
            .take(query.limit)
            .map(|item| (*item).clone())
            .collect();
        // As DynamoDB: a page that is full names a next one, even if that will be empty.
        let next = (page.len() == query.limit).then(|| page.last()).flatten().map(|item| {
            let names = if query.indexed {
                vec!["pk", "sk", INDEX_PK, INDEX_SK]
            } else {
                vec!["pk", "sk"]
            };
            PageKey(
                names
                    .into_iter()
                    .map(|name| (name.to_owned(), text(item, name)))
                    .collect(),
            )
        });
        self.meter.count(10 * blocks(page.first(), 4096), 0);
        Page { items: page, next }
    }

    fn apply(&self, writes: &[Write], transaction: bool) -> Result<(), StoreError> {
        let mut state = self.lock();
        let mut places: Vec<_> = writes.iter().map(|write| place(&write.key)).collect();
        places.sort();
        places.dedup();
        if places.len() < writes.len() {
            return Err(StoreError::Unavailable("a transaction names one item twice".into()));
        }
        let refused = |write: &Write| {
            let item = state.items.get(&place(&write.key));
            write
                .condition
                .as_ref()
                .is_some_and(|condition| !holds(condition, item))
        };
        let failed: Vec<_> = writes
            .iter()
            .enumerate()
            .filter(|(_, write)| refused(write))
            .map(|(index, _)| index)
            .collect();
        if !failed.is_empty() {
            return Err(StoreError::Conflict { failed });
        }
        let news: Vec<_> = writes
            .iter()
            .map(|write| applied(write, state.items.get(&place(&write.key))))
            .collect();
        if news.iter().flatten().any(|item| size(item) > MAX_ITEM_BYTES) {
            return Err(StoreError::TooLarge);
        }
        let mut units = 0;
        for (write, new) in writes.iter().zip(news) {
            let place = place(&write.key);
            let old = state.items.remove(&place);
            let blocks = blocks(old.as_ref(), 1024).max(blocks(new.as_ref(), 1024));
            units += (if transaction { 2 } else { 1 }) * blocks + index_writes(old.as_ref(), new.as_ref());
            if let Some(new) = &new {
                state.items.insert(place, new.clone());
            }
            if old != new && write.key.table != TableName::Requests {
                state.changes.push(Change {
                    table: write.key.table,
                    old,
                    new,
                });
            }
        }
        self.meter.count(0, 10 * units);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn place(key: &Key) -> Place {
    (key.table, key.pk.clone(), key.sk.clone())
}

fn holds(condition: &Condition, item: Option<&Item>) -> bool {
    let attribute = |name: &str| item.and_then(|item| item.get(name));
    let number = |name: &str| {
        attribute(name)
            .and_then(|value| value.as_n().ok())
            .and_then(|n| n.parse::<i64>().ok())
    };
    match condition {
        Condition::Absent => item.is_none(),
        Condition::Present => item.is_some(),
        Condition::Revision(revision) => number(REVISION) == i64::try_from(*revision).ok(),
        Condition::Equals(name, value) => attribute(name) == Some(value),
        Condition::AtLeast(name, least) => number(name).is_some_and(|n| n >= *least),
        Condition::Below(name, bound) => number(name).is_some_and(|n| n < *bound),
        Condition::All(parts) => parts.iter().all(|part| holds(part, item)),
        Condition::Any(parts) => parts.iter().any(|part| holds(part, item)),
    }
}

/// The item after the write; `None` where there is none.
fn applied(write: &Write, old: Option<&Item>) -> Option<Item> {
    let keyed = |mut item: Item| {
        item.insert("pk".to_owned(), AttributeValue::S(write.key.pk.clone()));
        item.insert("sk".to_owned(), AttributeValue::S(write.key.sk.clone()));
        item
    };
    match &write.action {
        Action::Put(item) => Some(keyed(item.clone())),
        Action::Update(update) => Some(keyed(updated(update, old.cloned().unwrap_or_default()))),
        Action::Delete => None,
        Action::Check => old.cloned(),
    }
}

fn updated(update: &Update, mut item: Item) -> Item {
    item.extend(update.set.clone());
    for (name, by) in &update.add {
        let before = item
            .get(name)
            .and_then(|value| value.as_n().ok())
            .and_then(|n| n.parse::<i64>().ok())
            .unwrap_or(0);
        item.insert(name.clone(), AttributeValue::N((before + by).to_string()));
    }
    for name in &update.remove {
        item.remove(name);
    }
    item
}

/// A write to the index for an entry that comes or goes, two for one that moves, none for one that stays.
fn index_writes(old: Option<&Item>, new: Option<&Item>) -> u64 {
    let entry =
        |item: Option<&Item>| item.and_then(|item| Some((item.get(INDEX_PK)?.clone(), item.get(INDEX_SK)?.clone())));
    match (entry(old), entry(new)) {
        (None, None) => 0,
        (Some(old), Some(new)) if old == new => 0,
        (Some(_), Some(_)) => 2,
        _ => 1,
    }
}

fn blocks(item: Option<&Item>, block: usize) -> u64 {
    item.map_or(1, |item| size(item).div_ceil(block).max(1) as u64)
}

/// An item's size as DynamoDB documents it ("Item sizes and formats"): names and values in bytes.
fn size(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value_size(value)).sum()
}

fn value_size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(number) => number.trim_start_matches('-').len().div_ceil(2) + 1,
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::L(list) => 3 + list.iter().map(|value| 1 + value_size(value)).sum::<usize>(),
        AttributeValue::M(map) => {
            3 + map
                .iter()
                .map(|(name, value)| 1 + name.len() + value_size(value))
                .sum::<usize>()
        }
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::PartnerId;
    use crate::ledger::BalanceChange;
    use crate::money::{Currency, Money};
    use crate::seed::Seed;
    use crate::store::{Store, keys, ledger};
    use crate::testing::TestWorld;

    /// The answer of the first request is lost.
    #[derive(Debug, Default)]
    struct Once(Mutex<bool>);

    impl Fates for Once {
        fn next(&self, _: &dyn fmt::Display) -> Pin<Box<dyn Future<Output = Fate> + Send + '_>> {
            let mut lost = self.0.lock().expect("no panic holds it");
            let fate = if *lost { Fate::Done } else { Fate::AnswerLost };
            *lost = true;
            Box::pin(std::future::ready(fate))
        }
    }

    #[tokio::test]
    async fn scenario_44_a_transaction_whose_answer_was_lost_is_met_by_its_own_condition() {
        let store = Store::fated(Arc::new(Once::default()));
        let partner: PartnerId = Seed::named(TestWorld::new().now(), "a partner").id("p");
        let change = BalanceChange {
            partner,
            owed: Money::new(1039, Currency::EUR),
            maturing: None,
            disputed_minor: 0,
        };
        let writes = || {
            let fact = Write::create(
                keys::partner_journal(partner, "sale", "1"),
                &BTreeMap::from([("what", "a fact")]),
            );
            vec![fact.expect("an item"), ledger::change_balance(&change)]
        };
        assert!(matches!(
            store.transact(writes()).await,
            Err(StoreError::Unavailable(_))
        ));
        assert!(matches!(
            store.transact(writes()).await,
            Err(StoreError::Conflict { .. })
        ));
        let balances = ledger::balances(&store, partner).await.expect("memory");
        assert_eq!(balances.iter().map(|balance| balance.owed.minor()).sum::<i64>(), 1039);
    }
}
