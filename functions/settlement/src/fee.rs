//! What the processor kept of a charge. Stripe tells so up to an hour after the charge, so the fee is a fact of its own.
//!
//! Where a rule divides the net, partners bear a part of it, which can be said once both the fee and the division are known. Either may
//! come first: each writes its own fact and then looks for the other, so the second of them finds both.

use jiff::Timestamp;
use shared::clock::day;
use shared::ids::{OrderId, UserId};
use shared::ledger::{Account, Fact, JournalEntry, Posting};
use shared::messages::Envelope;
use shared::money::{Currency, Money};
use shared::processor::Processor;
use shared::processor::stripe::objects::{BalanceTransaction, Charge};
use shared::purchase::Order;
use shared::purchase::fee::{Fee, fee_shares};
use shared::runtime::{Delivery, Failure};
use shared::store::{StoreError, keys, ledger};

use crate::context::Context;
use crate::origin;

pub(crate) async fn post_fee(
    context: &Context,
    delivery: &Delivery<Envelope>,
    charge_id: &str,
    customer: UserId,
    order: OrderId,
) -> Result<(), Failure> {
    let charge = context.stripe.charge(charge_id).await?;
    if movement_of(&charge).is_none() {
        // Not known yet: another event will come when it is.
        return Ok(());
    }
    let order = origin::load(context, customer, order).await?;
    post_of(context, delivery, &charge, &order).await
}

/// The fee of a charge that names no order: of an invoice, if that is ours.
pub(crate) async fn post_unnamed(
    context: &Context,
    delivery: &Delivery<Envelope>,
    charge_id: &str,
) -> Result<(), Failure> {
    let charge = context.stripe.charge(charge_id).await?;
    match origin::order_of(context, delivery, &charge).await? {
        Some(order) => post_of(context, delivery, &charge, &order).await,
        None => Ok(()),
    }
}

fn movement_of(charge: &Charge) -> Option<&BalanceTransaction> {
    charge.balance_transaction.as_ref()?.object()
}

/// Posts the fee of an order's charge, as far as it is known.
pub(crate) async fn post_of(
    context: &Context,
    delivery: &Delivery<Envelope>,
    charge: &Charge,
    order: &Order,
) -> Result<(), Failure> {
    let Some(movement) = movement_of(charge) else {
        return Ok(());
    };
    if movement.fee == 0 {
        return Ok(());
    }
    let currency: Currency = movement.currency.parse().map_err(Failure::reject)?;
    let fee = Fee {
        charge: charge.id.clone(),
        amount: Money::new(movement.fee, currency),
        at: Timestamp::from_second(movement.created).map_err(Failure::reject)?,
    };
    let entry = fee_entry(delivery, &fee, Processor::Stripe)?.with_processor_ref(&movement.id);
    post(context, &entry, fee.amount, delivery.now).await?;
    share_fee(context, delivery, order, &fee).await
}

/// The fee of a capture, which PayPal tells along with the payment: settling the order will find it.
pub(crate) async fn post_paypals(context: &Context, delivery: &Delivery<Envelope>, fee: &Fee) -> Result<(), Failure> {
    let entry = fee_entry(delivery, fee, Processor::PayPal)?.with_processor_ref(&fee.charge);
    post(context, &entry, fee.amount, delivery.now).await
}

async fn post(context: &Context, entry: &JournalEntry, fee: Money, now: Timestamp) -> Result<(), Failure> {
    match context.store.write(ledger::post(entry, now)?).await {
        Ok(()) => Ok(()),
        Err(StoreError::Conflict { .. }) => same_fee(context, entry, fee).await,
        Err(error) => Err(error.into()),
    }
}

fn fee_entry(delivery: &Delivery<Envelope>, fee: &Fee, processor: Processor) -> Result<JournalEntry, Failure> {
    let postings = vec![
        Posting {
            account: Account::ProcessorFees,
            amount: fee.amount,
        },
        Posting {
            account: Account::clearing(processor),
            amount: fee.amount.checked_neg().map_err(Failure::reject)?,
        },
    ];
    let fact = Fact::Fee(fee.charge.clone());
    let id = delivery.seed.id(&format!("fee {}", fee.charge));
    JournalEntry::new(id, fact, None, fee.at, postings).map_err(Failure::reject)
}

/// The fact is posted. With the same amount that is what a second delivery finds; with another it is an alarm, never an overwrite.
async fn same_fee(context: &Context, entry: &JournalEntry, fee: Money) -> Result<(), Failure> {
    let posted = context.store.get::<JournalEntry>(&ledger::journal_key(entry)).await?;
    let posted = posted.ok_or_else(|| Failure::retry("a journal entry was there and is gone"))?;
    if kept(&posted) == Some(fee) {
        Ok(())
    } else {
        Err(Failure::reject(format!(
            "the fee of {} was posted with another amount than {fee}",
            entry.fact().reference()
        )))
    }
}

fn kept(entry: &JournalEntry) -> Option<Money> {
    let mut postings = entry.postings().iter();
    let fee = postings.find(|posting| posting.account == Account::ProcessorFees)?;
    Some(fee.amount)
}

/// Shares the fee of an order that has been settled, where it is to be shared and known already.
pub(crate) async fn share_known_fee(
    context: &Context,
    delivery: &Delivery<Envelope>,
    order: &Order,
) -> Result<(), Failure> {
    let Some(charge) = order.charge.as_ref().filter(|_| order.shares_fee()) else {
        return Ok(());
    };
    let key = keys::platform_journal(Fact::Fee(charge.clone()).name(), charge);
    let Some(posted) = context.store.get::<JournalEntry>(&key).await? else {
        return Ok(());
    };
    let amount = kept(&posted).ok_or_else(|| Failure::reject(format!("the fee of {charge} is no fee")))?;
    let fee = Fee {
        charge: charge.clone(),
        amount,
        at: posted.occurred_at(),
    };
    share_fee(context, delivery, order, &fee).await
}

async fn share_fee(context: &Context, delivery: &Delivery<Envelope>, order: &Order, fee: &Fee) -> Result<(), Failure> {
    // Settling the order will find the fee.
    if !order.shares_fee() || order.charge.as_ref() != Some(&fee.charge) {
        return Ok(());
    }
    let today = day(delivery.now);
    let mut writes = Vec::new();
    for (entry, change) in fee_shares(order, fee, delivery.seed, today).map_err(Failure::reject)? {
        writes.push(ledger::post(&entry, delivery.now)?);
        writes.push(ledger::change_balance(&change));
    }
    if writes.is_empty() {
        return Ok(());
    }
    match context.store.transact(writes).await {
        // The shares are posted all at once, so one that is there says that all are.
        Ok(()) | Err(StoreError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
