//! Payouts as stored, and the one way in which they come to be: decided on a balance and taken off it in one transaction.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::keys::{self, Key};
use super::table::{Page, PageKey, Store, StoreError, Versioned, Write};
use super::{accounts, ledger, partners};
use crate::ids::{JournalId, MessageId, PartnerId, PayoutId};
use crate::messages::{Envelope, Message};
use crate::money::{Currency, Money};
use crate::partner::{Destination, HoldReason, Partner};
use crate::payout::{Balance, Due, NotDue, Payout, Terms, due, payout_entry};
use crate::seed::Seed;

/// What holds for all payouts of a deployment.
#[derive(Debug, Clone, Copy)]
pub struct PayoutRules {
    /// Less than this stays owed until there is more, unless the partner's terms say otherwise.
    pub minimum: Money,
    /// Whether there is an account at PayPal to pay from.
    pub paypal_offered: bool,
}

/// What was decided about one balance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decided {
    Payout(Payout),
    NotDue(NotDue),
    /// The balance changed at every attempt: it can be decided again.
    Contended,
}

/// Decides about one balance and, where it is due, writes the payout, its entry and the balance, with the message that sends it, in one
/// transaction. `more` is written with them.
///
/// Idempotency: the balance's revision; of several deciders at once, or of one beside a sale, one wins and the others read again. What
/// one seed decides about one balance is one payout ([`id`]).
pub async fn decide(
    store: &Store,
    balance: &Key,
    rules: PayoutRules,
    now: Timestamp,
    seed: Seed,
    more: &[Write],
) -> Result<Decided, StoreError> {
    let mut tries = store.tries();
    loop {
        let Some(balance) = ledger::balance(store, balance).await? else {
            return Ok(Decided::NotDue(NotDue::NothingPayable));
        };
        let payout = match plan(store, &balance, rules, now, seed).await? {
            Ok(payout) => payout,
            Err(not_due) => return Ok(Decided::NotDue(not_due)),
        };
        let mut writes = taken_off(&balance, &payout, now, seed)?;
        writes.extend_from_slice(more);
        match store.transact(writes).await {
            Ok(()) => {
                tracing::info!(payout.id = %payout.id, partner.id = %payout.partner, amount = %payout.amount, "payout decided");
                return Ok(Decided::Payout(payout));
            }
            Err(error) if tries.again(&error).await => {}
            // A balance that keeps changing under us has sales coming in: it waits for the next run.
            Err(StoreError::Conflict { .. } | StoreError::Busy) => return Ok(Decided::Contended),
            Err(error) => return Err(error),
        }
    }
}

/// The id of the payout that a seed decides for this balance.
pub fn id(seed: Seed, partner: PartnerId, currency: Currency) -> PayoutId {
    seed.id(&label(partner, currency))
}

fn label(partner: PartnerId, currency: Currency) -> String {
    format!("{partner} {currency}")
}

/// What other partners owe whose owners are this partner's: debts are netted over all that the same people own, however they share it
/// out. Read from the items themselves, and only where there is something to pay. What comes to be owed a moment later is kept at the
/// next payout.
pub async fn owed_elsewhere(
    store: &Store,
    partner: &Partner,
    currency: Currency,
    now: Timestamp,
) -> Result<Money, StoreError> {
    let mut others = BTreeSet::new();
    for owner in partner.answering(now) {
        others.extend(accounts::answered_for(store, owner, now).await?);
    }
    others.remove(&partner.id);
    let mut debt = Money::zero(currency);
    for other in others {
        if let Some(balance) = ledger::balance(store, &keys::balance(other, currency)).await? {
            debt = balance
                .debt()
                .and_then(|owes| debt.checked_add(owes))
                .map_err(corrupt)?;
        }
    }
    Ok(debt)
}

/// What holds for this partner's payouts in a currency, but for debts elsewhere. A default minimum in another currency says nothing about this one.
pub fn terms(partner: &Partner, currency: Currency, default_minimum: Money) -> Terms {
    let default = Some(default_minimum).filter(|minimum| minimum.currency() == currency);
    let nothing = Money::zero(currency);
    Terms {
        minimum: partner.payout_terms.minimum(currency).or(default).unwrap_or(nothing),
        reserve: partner.payout_terms.reserve(currency).unwrap_or(nothing),
        owner_debt: nothing,
    }
}

/// The payout that is due, if one is.
async fn plan(
    store: &Store,
    balance: &Balance,
    rules: PayoutRules,
    now: Timestamp,
    seed: Seed,
) -> Result<Result<Payout, NotDue>, StoreError> {
    let currency = balance.currency();
    let nothing = || Ok(Err(NotDue::NothingPayable));
    // The partner is read only where there is something to pay: most balances have nothing.
    let most = balance.available(&Terms::none(currency), now).map_err(corrupt)?;
    if most.payable.is_zero() {
        return nothing();
    }
    let Some(partner) = partners::load(store, balance.partner).await? else {
        return Err(corrupt(format!("{} has a balance and does not exist", balance.partner)));
    };
    let hold = partner.payout_hold(now).map(|hold| hold.reason_code);
    let terms = Terms {
        owner_debt: owed_elsewhere(store, &partner, currency, now).await?,
        ..terms(&partner, currency, rules.minimum)
    };
    let due = due(balance, &terms, hold, now).map_err(corrupt)?;
    Ok(match (due, partner.destination()) {
        (Due::NotYet(not_due), _) => Err(not_due),
        (Due::Pay(_), Some(Destination::PayPal { .. })) if !rules.paypal_offered => Err(NotDue::PayPalNotOffered),
        (Due::Pay(_), None) => Err(NotDue::PartnerHeld(HoldReason::PayoutAccountMissing)),
        (Due::Pay(amount), Some(destination)) => {
            let id = id(seed, balance.partner, currency);
            Ok(Payout::new(id, balance.partner, amount, destination, now))
        }
    })
}

fn taken_off(
    balance: &Versioned<Balance>,
    payout: &Payout,
    now: Timestamp,
    seed: Seed,
) -> Result<Vec<Write>, StoreError> {
    let label = label(payout.partner, payout.amount.currency());
    let entry = payout_entry(seed.id::<JournalId>(&label), payout).map_err(corrupt)?;
    let announcement = announcement(payout, seed.id(&label));
    Ok(vec![
        create(payout, &announcement)?,
        ledger::post(&entry, now)?,
        ledger::debit(balance, payout, now),
    ])
}

/// The message that has a payout sent.
fn announcement(payout: &Payout, id: MessageId) -> Envelope {
    let message = Message::PayoutDecided {
        partner: payout.partner,
        payout: payout.id,
    };
    Envelope::new(id, message)
}

/// A new payout, with the message that sends it.
pub fn create(payout: &Payout, announcement: &Envelope) -> Result<Write, StoreError> {
    let key = keys::payout(payout.partner, payout.id);
    findable(Write::create(key, payout)?, payout).outbox(std::slice::from_ref(announcement))
}

pub fn update(payout: &Payout, revision: u64) -> Result<Write, StoreError> {
    let key = keys::payout(payout.partner, payout.id);
    Ok(findable(Write::replace(key, payout, revision)?, payout))
}

/// The payout as it is, with its message once more.
pub fn announce_again(payout: &Versioned<Payout>, id: MessageId) -> Result<Write, StoreError> {
    update(payout, payout.revision)?.outbox(&[announcement(payout, id)])
}

/// As long as it is open, a payout is in the index of those that are.
fn findable(write: Write, payout: &Payout) -> Write {
    if payout.is_open() {
        write.indexed(keys::open_payout_by_shard(payout.partner, payout.id))
    } else {
        write
    }
}

pub async fn load(
    store: &Store,
    partner: PartnerId,
    payout: PayoutId,
) -> Result<Option<Versioned<Payout>>, StoreError> {
    at(store, &keys::payout(partner, payout)).await
}

/// The payout at a place that the index named.
pub async fn at(store: &Store, key: &Key) -> Result<Option<Versioned<Payout>>, StoreError> {
    store.get(key).await
}

/// A partner's payouts, newest first.
pub async fn list(
    store: &Store,
    partner: PartnerId,
    after: Option<PageKey>,
    limit: usize,
) -> Result<Page<Payout>, StoreError> {
    let query = keys::payouts(partner).descending();
    store.query(query.after(after).limit(limit)).await
}

/// A partner's payouts that are neither sent nor cancelled. The index may lag: for showing, not for deciding.
pub async fn open_of(store: &Store, partner: PartnerId) -> Result<Vec<Payout>, StoreError> {
    let found = store.query_keys(keys::open_payouts(partner)).await?;
    if found.items.is_empty() {
        return Ok(Vec::new());
    }
    let mut payouts: Vec<Payout> = store.get_many(&found.items).await?;
    payouts.retain(Payout::is_open);
    Ok(payouts)
}

/// Where open payouts stand, a shard at a time. The index may lag: read each payout before deciding.
pub async fn open_keys(
    store: &Store,
    shard: u8,
    after: Option<PageKey>,
    limit: usize,
) -> Result<Page<Key>, StoreError> {
    let query = keys::open_payouts_by_shard(shard);
    store.query_keys(query.after(after).limit(limit)).await
}

fn corrupt(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Corrupt(why.into())
}
