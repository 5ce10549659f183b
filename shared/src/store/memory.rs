//! The backend in memory: the same keys, conditions, transactions, paging and capacity counts, without a server.
//!
//! It also keeps the change stream (old image, new image) so that a test can run the outbox relay against it, lets a test decide what becomes
//! of each request ([`Fates`]), and can show an index that lags.
//!
//! Where requests have fates, a transaction takes time: from its arrival to its end it holds its items, as DynamoDB's two phases do. Whoever
//! would write one of them meanwhile is refused ([`StoreError::Busy`]), in a transaction or alone; whoever reads finds them as they were.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;

use super::contention::{Pause, Pauses};
use super::keys::{Key, TableName};
use super::limits::{self, size};
use super::meter::Meter;
use super::table::{
    Action, Condition, INDEX_PK, INDEX_SK, Item, Page, PageKey, Query, REVISION, Segment, StoreError, Update, Write,
    text,
};

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

    /// The same of a transaction that has begun and holds its items.
    fn end(&self, _transaction: &dyn fmt::Display) -> Pin<Box<dyn Future<Output = Fate> + Send + '_>> {
        Box::pin(std::future::ready(Fate::Done))
    }

    /// Whether a transaction is done whose caller has died waiting for its end.
    fn ends_alone(&self) -> bool {
        true
    }

    /// A pause of somebody who was refused.
    fn pause(&self, _most: Duration) -> Pause<'_> {
        Box::pin(std::future::ready(()))
    }
}

/// Pauses end when those who decide say so.
#[derive(Debug)]
pub(super) struct FatedPauses(pub(super) Arc<dyn Fates>);

impl Pauses for FatedPauses {
    fn pause(&self, most: Duration) -> Pause<'_> {
        self.0.pause(most)
    }
}

#[derive(Debug, Default)]
struct State {
    items: Items,
    /// What transactions hold that have begun and not ended.
    held: BTreeSet<Place>,
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
        limits::check_scan(after, limit)?;
        let name = format!("scan {table}");
        self.fated(&name, || self.part(table, segment, after, limit)).await
    }

    pub(crate) async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        limits::check_key(key)?;
        let read = || {
            let item = self.lock().items.get(&place(key)).cloned();
            self.meter.count(10 * blocks(item.as_ref(), 4096), 0);
            item
        };
        self.fated(&fmt::from_fn(|f| write!(f, "get {key}")), read).await
    }

    pub(crate) async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        limits::check_batch(keys)?;
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
        limits::check_query(query)?;
        self.fated(&fmt::from_fn(|f| write!(f, "query {}", query.pk)), || self.page(query))
            .await
    }

    pub(crate) async fn write(&self, writes: &[Write], transaction: bool) -> Result<(), StoreError> {
        limits::check_writes(writes)?;
        let name = fmt::from_fn(|f| writes.iter().try_for_each(|write| write!(f, "write {}; ", write.key)));
        // DynamoDB has no check outside of a transaction.
        let transaction = transaction || writes.iter().any(|write| write.action == Action::Check);
        let at_once = || {
            let mut state = self.lock();
            let news = state.judge(writes)?;
            self.meter.count(0, state.put(writes, news, transaction));
            Ok(())
        };
        let Some(fates) = self.fates.as_ref().filter(|_| transaction) else {
            return self.fated(&name, at_once).await?;
        };
        let begun = self.fated(&name, || Flight::begin(self, fates, writes)).await??;
        begun.end(fates.end(&name).await)
    }

    /// Does the work, or whatever else becomes of the request called `name`.
    async fn fated<T>(&self, name: &(dyn fmt::Display + Sync), work: impl FnOnce() -> T) -> Result<T, StoreError> {
        let Some(fates) = &self.fates else { return Ok(work()) };
        match fates.next(name).await {
            Fate::Done => Ok(work()),
            Fate::Refused => Err(StoreError::Busy),
            Fate::Lost => Err(unknown()),
            Fate::AnswerLost => {
                drop(work());
                Err(unknown())
            }
        }
    }

    fn part(&self, table: TableName, segment: Segment, after: Option<&PageKey>, limit: usize) -> Page<Item> {
        let is_in = |pk: &str| pk.bytes().map(u32::from).sum::<u32>() % segment.of == segment.index;
        let after = after.and_then(|PageKey(after)| Some((after.get("pk")?.as_str(), after.get("sk")?.as_str())));
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
        let order = |item: &Item| [text(item, sk), text(item, "pk"), text(item, "sk")];
        found.sort_by_key(|item| order(item));
        if query.descending {
            found.reverse();
        }
        // After this place in the order, whether or not an item is still there.
        let is_behind = |item: &Item| {
            let Some(PageKey(after)) = &query.after else {
                return true;
            };
            let place = [sk, "pk", "sk"].map(|name| after.get(name).cloned().unwrap_or_default());
            if query.descending {
                order(item) < place
            } else {
                order(item) > place
            }
        };
        let rest = found.iter().filter(|item| is_behind(item)).take(query.limit);
        let (mut page, mut bytes) = (Vec::new(), 0);
        for item in rest {
            page.push((*item).clone());
            bytes += size(item);
            if bytes >= limits::MAX_PAGE_BYTES {
                break;
            }
        }
        let is_full = page.len() == query.limit || bytes >= limits::MAX_PAGE_BYTES;
        // As DynamoDB: a page that is full names a next one, even if that will be empty.
        let next = is_full.then(|| page.last()).flatten().map(|item| {
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

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl State {
    /// The items as the writes would leave them, in the order of the writes, or why none of them is done.
    fn judge(&self, writes: &[Write]) -> Result<Vec<Option<Item>>, StoreError> {
        let is_held = |write: &&Write| self.held.contains(&place(&write.key));
        let is_refused = |write: &Write| {
            let condition = write.condition.as_ref();
            condition.is_some_and(|condition| !holds(condition, self.items.get(&place(&write.key))))
        };
        let failed = writes.iter().enumerate();
        let failed: Vec<_> = failed
            .filter(|(_, write)| !is_held(write) && is_refused(write))
            .map(|(index, _)| index)
            .collect();
        if !failed.is_empty() {
            return Err(StoreError::Conflict { failed });
        }
        let mut news = Vec::with_capacity(writes.len());
        for write in writes {
            let old = self.items.get(&place(&write.key));
            if let Action::Update(update) = &write.action {
                limits::check_sums(update, old)?;
            }
            news.push(applied(write, old));
        }
        limits::check_sizes(news.iter().flatten())?;
        if writes.iter().any(|write| is_held(&write)) {
            return Err(StoreError::Busy);
        }
        Ok(news)
    }

    /// Writes what was judged; returns the tenths of units that it took.
    fn put(&mut self, writes: &[Write], news: Vec<Option<Item>>, transaction: bool) -> u64 {
        let mut units = 0;
        for (write, new) in writes.iter().zip(news) {
            let place = place(&write.key);
            let old = self.items.remove(&place);
            let blocks = blocks(old.as_ref(), 1024).max(blocks(new.as_ref(), 1024));
            units += (if transaction { 2 } else { 1 }) * blocks + index_writes(old.as_ref(), new.as_ref());
            if let Some(new) = &new {
                self.items.insert(place, new.clone());
            }
            if old != new && write.key.table != TableName::Requests {
                self.changes.push(Change {
                    table: write.key.table,
                    old,
                    new,
                });
            }
        }
        10 * units
    }
}

/// A transaction that has begun: it holds its items until it ends. Where nobody waits for its end any more, the table ends it alone.
struct Flight<'a> {
    backend: &'a MemoryBackend,
    fates: &'a Arc<dyn Fates>,
    writes: &'a [Write],
    news: Option<Vec<Option<Item>>>,
}

impl<'a> Flight<'a> {
    fn begin(backend: &'a MemoryBackend, fates: &'a Arc<dyn Fates>, writes: &'a [Write]) -> Result<Self, StoreError> {
        let mut state = backend.lock();
        let news = state.judge(writes)?;
        state.held.extend(writes.iter().map(|write| place(&write.key)));
        Ok(Self {
            backend,
            fates,
            writes,
            news: Some(news),
        })
    }

    fn end(mut self, fate: Fate) -> Result<(), StoreError> {
        let (is_done, outcome) = match fate {
            Fate::Done => (true, Ok(())),
            Fate::Refused => (false, Err(StoreError::Busy)),
            Fate::Lost => (false, Err(unknown())),
            Fate::AnswerLost => (true, Err(unknown())),
        };
        self.let_go(is_done);
        outcome
    }

    fn let_go(&mut self, is_done: bool) {
        let Some(news) = self.news.take() else { return };
        let mut state = self.backend.lock();
        for write in self.writes {
            state.held.remove(&place(&write.key));
        }
        if is_done {
            let units = state.put(self.writes, news, true);
            self.backend.meter.count(0, units);
        }
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        if self.news.is_some() {
            self.let_go(self.fates.ends_alone());
        }
    }
}

fn unknown() -> StoreError {
    StoreError::Unavailable("no answer".into())
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

#[cfg(test)]
mod tests;
