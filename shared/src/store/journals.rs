//! A partner's journal by months, so that a statement reads the entries of its period and no others.
//!
//! Entries lie under their facts. The index also has them by the month in which they were posted, and there by when they happened. Nothing can
//! be posted in a month that is over, so what its entries come to is added up once, when somebody asks, and kept: its *closing*. It knows
//! each day on which one of the entries happened, so an entry that was posted late still counts for its own day.
//!
//! Entries from before there was this index are added up once as well. They are few: whoever reads a period that has some reads the whole
//! journal.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use super::keys;
use super::table::{Page, PageKey, Query, Store, StoreError, Write};
use crate::clock::day;
use crate::ids::PartnerId;
use crate::ledger::JournalEntry;
use crate::money::MoneyError;
use crate::statement::{Period, Sums};

/// Keys in one answer of the index, and so the entries that are read at once.
const PAGE: usize = 500;
/// How many entries one request adds up for closings. As far as it has come is kept, so the next request goes on from there, however many
/// entries a month has; at a hundred entries in 10 ms this is well within a function's time.
const MAX_ADDED_UP: usize = 50_000;
/// How many of the oldest sales are looked at for whether the index has them. Their order is that of their orders, so where all of these
/// were posted with their place in the index, all later ones were.
const OLDEST: usize = 100;

/// What is kept of a finished month; without one, of all that the index does not have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Closing {
    month: Option<Date>,
    /// Where adding up stopped: what comes behind is not in the sums. `None` once the month is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<PageKey>,
    /// Without a month: the last day on which something happened that the index does not have. The sums are then by month.
    last: Option<Date>,
    sums: Sums,
}

/// A partner's journal at one moment.
#[derive(Debug)]
pub struct Journal<'s> {
    store: &'s Store,
    partner: PartnerId,
    unindexed: Closing,
    closed: BTreeMap<Date, Sums>,
    /// Months whose entries are only added up in part.
    begun: BTreeMap<Date, Closing>,
    /// Months in which something may still be posted.
    open: Vec<Date>,
    entries_read: usize,
}

impl<'s> Journal<'s> {
    /// Adds up what has been finished since somebody asked last. [`StoreError::Busy`] where that is more than one request can do: the next
    /// one goes on.
    ///
    /// `since`: when the partner began.
    pub async fn of(
        store: &'s Store,
        partner: PartnerId,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        Self::added_up(store, partner, since, now, MAX_ADDED_UP).await
    }

    /// The same, with at most about so many entries added up.
    async fn added_up(
        store: &'s Store,
        partner: PartnerId,
        since: Timestamp,
        now: Timestamp,
        most: usize,
    ) -> Result<Self, StoreError> {
        let (mut unindexed, mut closed, mut begun) = (None, BTreeMap::new(), BTreeMap::new());
        let mut after = None;
        loop {
            let page: Page<Closing> = store.query(keys::journal_closings(partner).after(after)).await?;
            for closing in page.items {
                match closing.month {
                    Some(month) if closing.after.is_some() => drop(begun.insert(month, closing)),
                    Some(month) => drop(closed.insert(month, closing.sums)),
                    None => unindexed = Some(closing),
                }
            }
            match page.next {
                None => break,
                next => after = next,
            }
        }
        let unindexed = match unindexed {
            Some(known) => known,
            None => add_up_unindexed(store, partner, now).await?,
        };
        let mut journal = Self {
            store,
            partner,
            unindexed,
            closed,
            begun,
            open: Vec::new(),
            entries_read: 0,
        };
        journal.close(since, now, most).await?;
        Ok(journal)
    }

    /// How many entries have been read so far: what this journal has cost.
    pub fn entries_read(&self) -> usize {
        self.entries_read
    }

    async fn close(&mut self, since: Timestamp, now: Timestamp, most: usize) -> Result<(), StoreError> {
        let (mut month, today) = (day(since).first_of_month(), day(now));
        while month <= today {
            let next = month
                .checked_add(1.month())
                .map_err(|error| StoreError::Corrupt(Box::new(error)))?;
            // A day more than the month has, for functions that began in it and the index, which lags.
            if next >= today {
                self.open.push(month);
            } else if !self.closed.contains_key(&month) {
                let sums = self.add_up(month, most).await?;
                self.closed.insert(month, sums);
            }
            month = next;
        }
        Ok(())
    }

    /// Goes on where somebody has begun.
    async fn add_up(&mut self, month: Date, most: usize) -> Result<Sums, StoreError> {
        let mut closing = self.begun.remove(&month).unwrap_or_default();
        closing.month = Some(month);
        loop {
            let query = keys::journal_month(self.partner, month);
            let page = self.store.query_keys(query.after(closing.after).limit(PAGE)).await?;
            for entry in self.store.get_many::<JournalEntry>(&page.items).await? {
                closing.sums.add(&entry, self.partner).map_err(corrupt)?;
            }
            self.entries_read += page.items.len();
            closing.after = page.next;
            let is_whole = closing.after.is_none();
            if is_whole || self.entries_read >= most {
                keep(self.store, self.partner, &closing).await?;
            }
            if is_whole {
                return Ok(closing.sums);
            }
            if self.entries_read >= most {
                return Err(StoreError::Busy);
            }
        }
    }

    /// What the entries come to that were posted in finished months, or before there were months.
    pub fn closed(&self) -> impl Iterator<Item = &Sums> {
        std::iter::once(&self.unindexed.sums).chain(self.closed.values())
    }

    /// Whether something of this period can only be found by reading the whole journal.
    pub fn needs_all(&self, period: &Period) -> bool {
        self.unindexed.last.is_some_and(|last| period.first() <= last)
    }

    /// Shows `see` the entries of the period that were posted in finished months.
    pub async fn closed_entries<E: From<StoreError>>(
        &mut self,
        period: &Period,
        mut see: impl FnMut(&JournalEntry) -> Result<(), E>,
    ) -> Result<(), E> {
        // The month before: a processor's clock may be ahead of ours.
        let first = period
            .first()
            .first_of_month()
            .checked_sub(1.month())
            .unwrap_or(Date::MIN);
        let happened = period.to_string();
        let months: Vec<Date> = self.closed.range(first..).map(|(month, _)| *month).collect();
        for month in months {
            let query = keys::journal_month_of(self.partner, month, &happened);
            self.entries_read += read(self.store, query, &mut |entry| see(entry).map(|()| Go::On)).await?;
        }
        Ok(())
    }

    /// Shows `see` the entries that have been posted in months that are not finished, as far as they happened until this day.
    pub async fn open_entries<E: From<StoreError>>(
        &mut self,
        until: Date,
        mut see: impl FnMut(&JournalEntry) -> Result<(), E>,
    ) -> Result<(), E> {
        for month in self.open.clone() {
            let query = keys::journal_month(self.partner, month);
            let mut see = |entry: &JournalEntry| {
                if day(entry.occurred_at()) > until {
                    return Ok(Go::NoFurther);
                }
                see(entry).map(|()| Go::On)
            };
            self.entries_read += read(self.store, query, &mut see).await?;
        }
        Ok(())
    }
}

enum Go {
    On,
    NoFurther,
}

/// In the order of the index; returns how many were read.
async fn read<E: From<StoreError>>(
    store: &Store,
    query: Query,
    see: &mut impl FnMut(&JournalEntry) -> Result<Go, E>,
) -> Result<usize, E> {
    let (mut after, mut entries): (Option<PageKey>, usize) = (None, 0);
    loop {
        let page = store.query_keys(query.clone().after(after).limit(PAGE)).await?;
        entries += page.items.len();
        for entry in store.get_many::<JournalEntry>(&page.items).await? {
            if let Go::NoFurther = see(&entry)? {
                return Ok(entries);
            }
        }
        match page.next {
            None => return Ok(entries),
            next => after = next,
        }
    }
}

/// An entry, and whether the index has it.
#[derive(Deserialize)]
struct Posted {
    #[serde(flatten)]
    entry: JournalEntry,
    #[serde(default)]
    kind_pk: Option<String>,
}

impl Posted {
    fn is_owed_and_unindexed(&self, partner: PartnerId) -> bool {
        self.kind_pk.is_none() && self.entry.owed_to(partner).next().is_some()
    }
}

async fn add_up_unindexed(store: &Store, partner: PartnerId, now: Timestamp) -> Result<Closing, StoreError> {
    let mut sums = Sums::default();
    let (mut is_old, mut is_new) = (false, false);
    for kind in ["sale", "referral"] {
        let oldest: Page<Posted> = store
            .query(keys::partner_journals_of(partner, kind).limit(OLDEST))
            .await?;
        is_new |= !oldest.items.is_empty();
        is_old |= oldest.items.iter().any(|posted| posted.is_owed_and_unindexed(partner));
    }
    if is_old {
        let mut after = None;
        loop {
            let page: Page<Posted> = store
                .query(keys::partner_journals(partner).after(after).limit(PAGE))
                .await?;
            for posted in page.items.iter().filter(|posted| posted.is_owed_and_unindexed(partner)) {
                sums.add(&posted.entry, partner).map_err(corrupt)?;
            }
            match page.next {
                None => break,
                next => after = next,
            }
        }
    }
    let closing = Closing {
        month: None,
        after: None,
        last: sums.last_day(),
        sums: sums
            .by_month()
            .ok_or_else(|| StoreError::Corrupt("a sum too large".into()))?,
    };
    // While the version changes, functions of the last one may still post. Without any sale there is nothing to tell by.
    let is_settled = closing
        .last
        .is_none_or(|last| last.checked_add(2.days()).is_ok_and(|then| then < day(now)));
    if (is_old || is_new) && is_settled {
        keep(store, partner, &closing).await?;
    }
    Ok(closing)
}

/// Whoever adds up the same comes to the same, and sums say how far they go: so it does not matter who is first or last.
async fn keep(store: &Store, partner: PartnerId, closing: &Closing) -> Result<(), StoreError> {
    let key = keys::journal_closing(partner, closing.month);
    store.write(Write::overwrite(key, closing)?).await
}

fn corrupt(error: MoneyError) -> StoreError {
    StoreError::Corrupt(Box::new(error))
}

#[cfg(test)]
#[path = "journals_tests.rs"]
mod tests;
