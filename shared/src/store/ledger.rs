//! Journal entries and balances.
//!
//! Journal keys are only ever written by [`post`], which creates and never replaces; the functions' policies say the same.

use std::collections::{BTreeMap, HashMap};

use jiff::civil::Date;
use serde::Deserialize;

use super::keys::{self, Key};
use super::table::{Condition, Item, Page, PageKey, Store, StoreError, Update, Versioned, Write, versioned};
use crate::clock::day;
use crate::ids::PartnerId;
use crate::ledger::{BalanceChange, Fact, JournalEntry};
use crate::money::{Currency, Money};
use crate::payout::{Balance, Payout};
use crate::purchase::promise::Promise;

/// Posts an entry; refused where its fact has been posted. What changes what a partner is owed is findable by the month in which it was
/// posted (`now`), and there by when it happened: see [`journals`](super::journals).
pub fn post(entry: &JournalEntry, now: jiff::Timestamp) -> Result<Write, StoreError> {
    let write = Write::create(journal_key(entry), entry)?;
    let owed = entry
        .partner()
        .filter(|partner| entry.owed_to(*partner).next().is_some());
    Ok(match owed {
        Some(partner) => write.indexed(keys::journal_by_month(partner, day(now), entry)),
        None => write,
    })
}

pub fn journal_key(entry: &JournalEntry) -> Key {
    fact_key(entry.partner(), entry.fact())
}

/// Where the entry of a fact is, if it has been posted; `partner` is whose journal it belongs to.
pub fn fact_key(partner: Option<PartnerId>, fact: &Fact) -> Key {
    let (name, reference) = (fact.name(), fact.reference());
    match partner {
        Some(partner) => keys::partner_journal(partner, name, &reference),
        None => keys::platform_journal(name, &reference),
    }
}

/// Those of the entries that have been posted.
pub async fn entries(store: &Store, keys: &[Key]) -> Result<Vec<JournalEntry>, StoreError> {
    store.get_many(keys).await
}

/// A partner's journal in the order of its keys: by kind of fact, and within a kind by time.
pub async fn journal(
    store: &Store,
    partner: PartnerId,
    after: Option<PageKey>,
    limit: usize,
) -> Result<Page<JournalEntry>, StoreError> {
    store
        .query(keys::partner_journals(partner).after(after).limit(limit))
        .await
}

/// Shows `see` every entry of a partner's journal, in the order of its keys.
pub async fn read_journal<E: From<StoreError>>(
    store: &Store,
    partner: PartnerId,
    mut see: impl FnMut(&JournalEntry) -> Result<(), E>,
) -> Result<(), E> {
    let mut after = None;
    loop {
        let page = journal(store, partner, after, JOURNAL_PAGE).await?;
        page.items.iter().try_for_each(&mut see)?;
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}

/// As many entries as DynamoDB gives in one answer: it ends a page at 1 MB.
const JOURNAL_PAGE: usize = 2_000;

/// The attribute of a balance that holds what is available from `day` on: `d20261129`.
fn held_attribute(day: Date) -> String {
    format!("d{}", day.strftime("%Y%m%d"))
}

const OWED: &str = "owed";
/// What open disputes may yet take back; missing where there never was one.
const DISPUTED: &str = "disputed";
/// What refunds that the partner has begun will take back; missing where there never was one.
const PROMISED: &str = "promised";

/// Changes a balance along with the journal. Sales never wait for each other: the item is added to, not replaced.
pub fn change_balance(change: &BalanceChange) -> Write {
    balance_write(change, balance_update(change))
}

fn balance_write(change: &BalanceChange, update: Update) -> Write {
    let currency = change.owed.currency();
    Write::update(keys::balance(change.partner, currency), update)
        .indexed(keys::balance_by_shard(change.partner, currency))
}

fn balance_update(change: &BalanceChange) -> Update {
    let (amount, currency) = (change.owed.minor(), change.owed.currency());
    let update = Update::new()
        .set_text("partner", change.partner.to_string())
        .set_text("currency", currency.code())
        .add(OWED, amount);
    let update = match change.maturing {
        Some(day) => update.add(held_attribute(day), amount),
        None => update,
    };
    match change.disputed_minor {
        0 => update,
        disputed => update.add(DISPUTED, disputed),
    }
}

/// Takes a payout off the balance it was decided on: refused when the balance has changed since it was read.
pub fn debit(balance: &Versioned<Balance>, payout: &Payout, now: jiff::Timestamp) -> Write {
    let update = Update::new().add(OWED, -payout.amount.minor());
    let update = balance
        .matured(now)
        .fold(update, |update, day| update.remove(held_attribute(day)));
    Write::update(keys::balance(payout.partner, payout.amount.currency()), update)
        .when(Condition::Revision(balance.revision))
}

/// Keeps on a balance, as it was read, what a refund that is on its way will take back.
pub fn promise(balance: &Versioned<Balance>, minor: i64) -> Write {
    let unchanged = Condition::Revision(balance.revision);
    let update = Update::new().add(PROMISED, minor);
    Write::update(keys::balance(balance.partner, balance.currency()), update).when(unchanged)
}

/// What was promised is not to come any more. Where the balance changes as well, that is one update with it.
pub fn release(promise: Promise, currency: Currency, change: Option<&BalanceChange>) -> Write {
    match change {
        Some(change) => balance_write(change, balance_update(change).add(PROMISED, -promise.minor)),
        None => {
            let update = Update::new().add(PROMISED, -promise.minor);
            Write::update(keys::balance(promise.partner, currency), update)
        }
    }
}

/// Gives money that was paid out, or was about to be, back to the balance; it may be paid out at once.
pub fn give_back(partner: PartnerId, amount: Money) -> Write {
    let update = Update::new().add(OWED, amount.minor());
    Write::update(keys::balance(partner, amount.currency()), update)
}

/// A balance as it is stored: a total, and one attribute for each day on which something becomes available.
#[derive(Deserialize)]
#[serde(transparent)]
struct StoredBalance(HashMap<String, serde_json::Value>);

/// A balance, as it comes out of a whole table.
pub(super) fn balance_of(item: Item) -> Result<Balance, StoreError> {
    versioned::<StoredBalance>(item)?.value.read()
}

impl StoredBalance {
    fn read(self) -> Result<Balance, StoreError> {
        let text = |name: &str| self.0.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
        let corrupt = |what: String| StoreError::Corrupt(what.into());
        let partner: PartnerId = text("partner")
            .parse()
            .map_err(|e| corrupt(format!("a balance's partner: {e}")))?;
        let currency: Currency = text("currency")
            .parse()
            .map_err(|e| corrupt(format!("a balance's currency: {e}")))?;
        let number = |name: &str| self.0.get(name).and_then(serde_json::Value::as_i64);
        let owed = number(OWED).ok_or_else(|| corrupt(format!("the balance of {partner} has no total")))?;
        let held = |(name, value): (&String, &serde_json::Value)| {
            let day = Date::strptime("d%Y%m%d", name).ok()?;
            Some((day, Money::new(value.as_i64()?, currency)))
        };
        let held_until: BTreeMap<_, _> = self.0.iter().filter_map(held).collect();
        Ok(Balance {
            partner,
            owed: Money::new(owed, currency),
            held_until,
            disputed: Money::new(number(DISPUTED).unwrap_or(0), currency),
            promised: Money::new(number(PROMISED).unwrap_or(0), currency),
        })
    }
}

pub async fn balance(store: &Store, key: &Key) -> Result<Option<Versioned<Balance>>, StoreError> {
    let Some(stored) = store.get::<StoredBalance>(key).await? else {
        return Ok(None);
    };
    Ok(Some(Versioned {
        value: stored.value.read()?,
        revision: stored.revision,
    }))
}

/// A partner's balances, one for each currency in which anything was ever earned.
pub async fn balances(store: &Store, partner: PartnerId) -> Result<Vec<Balance>, StoreError> {
    let page = store.query::<StoredBalance>(keys::balances(partner)).await?;
    page.items.into_iter().map(StoredBalance::read).collect()
}

/// Where balances stand, a shard at a time, for the payout run. The index may lag: read each balance before deciding.
pub async fn balance_keys(
    store: &Store,
    shard: u8,
    after: Option<PageKey>,
    limit: usize,
) -> Result<Page<Key>, StoreError> {
    store
        .query_keys(keys::balances_by_shard(shard).after(after).limit(limit))
        .await
}
