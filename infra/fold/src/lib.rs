//! Folds the whole journal and holds what is cached against it. Reads, and writes nothing.
//!
//! | cached | folded from |
//! |---|---|
//! | what a partner is owed | every posting to the partner's account |
//! | what becomes payable on a day to come | what is left of the shares of the orders that mature then, less shared fees |
//! | what open disputes hold | the disputes |
//!
//! Beside that, every entry must sum to zero and lie under the key of its fact; and every entry that says that money moved at the
//! processor must explain a movement there, as far back as reconciliation has come.
//!
//! A table that is in use is not read at one moment: a sale may be in its first half and not in its second. So what differs is read once
//! more, and only what differs by the same amount each time is told.

mod books;

use std::collections::HashMap;
use std::fmt;

use anyhow::Result;
use jiff::Timestamp;
use shared::processor::Processor;
use shared::reconciliation::Walk;
use shared::store::whole::{self, Segment};
use shared::store::{Store, TableName, reconciliation};
use tokio::task::JoinSet;

use crate::books::Books;
pub use crate::books::Difference;

/// How many readers each table has.
const SEGMENTS: u32 = 8;
/// How often a difference must be found.
const READINGS: usize = 3;

/// What one reading of the books says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub entries: usize,
    pub balances: usize,
    pub differences: Vec<Difference>,
}

impl Verdict {
    /// The last line of the report.
    pub fn summary(&self) -> impl fmt::Display + '_ {
        let (entries, balances, differences) = (self.entries, self.balances, self.differences.len());
        format!("{entries} entries, {balances} balances, {differences} differences")
    }
}

/// Reads the books, and again as long as they differ from themselves.
pub async fn check(store: &Store, now: Timestamp) -> Result<Verdict> {
    let mut verdict = read(store, now).await?;
    for _ in 1..READINGS {
        if verdict.differences.is_empty() {
            break;
        }
        let again = read(store, now).await?;
        let lasts = |difference: &Difference| again.differences.iter().any(|other| other.is_same_as(difference));
        verdict.differences.retain(lasts);
    }
    Ok(verdict)
}

async fn read(store: &Store, now: Timestamp) -> Result<Verdict> {
    // Before anything else: what is matched later than this must not be missed.
    let mut reconciled = HashMap::new();
    for processor in [Processor::Stripe, Processor::PayPal] {
        if let Some(until) = reconciliation::cursor(store, Walk::Movements(processor)).await? {
            reconciled.insert(processor, until);
        }
    }
    let mut readers = JoinSet::new();
    for table in [TableName::Ledger, TableName::Commerce] {
        for index in 0..SEGMENTS {
            let segment = Segment { index, of: SEGMENTS };
            readers.spawn(read_segment(store.clone(), table, segment));
        }
    }
    let mut books = Books::default();
    while let Some(part) = readers.join_next().await {
        books.merge(part??)?;
    }
    books.verdict(now, &reconciled)
}

async fn read_segment(store: Store, table: TableName, segment: Segment) -> Result<Books> {
    let mut books = Books::default();
    let mut after = None;
    loop {
        let page = whole::records(&store, table, segment, after).await?;
        for record in page.items {
            books.add(record)?;
        }
        after = page.next;
        if after.is_none() {
            return Ok(books);
        }
    }
}
