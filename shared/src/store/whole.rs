//! Whole tables, item by item: for the command that folds the books. Nothing else reads so much.

use serde::de::DeserializeOwned;

pub use super::table::Segment;

use super::keys::{BookItem, Key, TableName, book_item};
use super::table::{self, Page, PageKey, Store, StoreError};
use crate::ledger::JournalEntry;
use crate::payout::Balance;
use crate::purchase::Order;
use crate::purchase::dispute::Dispute;
use crate::reconciliation::Match;

/// DynamoDB ends a page at 1 MB by itself, which is about as many items.
const PAGE: usize = 1000;

/// What the books are made of.
#[derive(Debug)]
pub enum Record {
    Entry(JournalEntry),
    Balance(Balance),
    Match(Match),
    Order(Box<Order>),
    Dispute(Box<Dispute>),
    /// Nothing of the books.
    Other,
}

#[derive(Debug)]
pub struct Item {
    pub key: Key,
    /// An item that cannot be read, such as an entry that does not balance, does not hide the others.
    pub record: Result<Record, StoreError>,
}

pub async fn records(
    store: &Store,
    table: TableName,
    segment: Segment,
    after: Option<PageKey>,
) -> Result<Page<Item>, StoreError> {
    let page = store.scan(table, segment, after, PAGE).await?;
    Ok(page.map(|(key, item)| Item {
        record: record(&key, item),
        key,
    }))
}

fn record(key: &Key, item: table::Item) -> Result<Record, StoreError> {
    Ok(match book_item(key) {
        Some(BookItem::Entry) => Record::Entry(read(item)?),
        Some(BookItem::Balance) => Record::Balance(super::ledger::balance_of(item)?),
        Some(BookItem::Match) => Record::Match(read(item)?),
        Some(BookItem::Order) => Record::Order(read(item)?),
        Some(BookItem::Dispute) => Record::Dispute(read(item)?),
        None => Record::Other,
    })
}

fn read<T: DeserializeOwned>(item: table::Item) -> Result<T, StoreError> {
    table::versioned(item).map(|versioned| versioned.value)
}
