//! What the processor kept of a charge. It tells so up to an hour after the charge, so the fee is a fact of its own.

use jiff::Timestamp;
use shared::ledger::{Account, Fact, JournalEntry, Posting};
use shared::messages::Envelope;
use shared::money::{Currency, Money};
use shared::runtime::{Delivery, Failure};
use shared::store::{StoreError, ledger};

use crate::context::Context;

pub(crate) async fn post_fee(context: &Context, delivery: &Delivery<Envelope>, charge_id: &str) -> Result<(), Failure> {
    let charge = context.stripe.charge(charge_id).await?;
    let Some(movement) = charge
        .balance_transaction
        .as_ref()
        .and_then(|movement| movement.object())
    else {
        // Not known yet: another event will come when it is.
        return Ok(());
    };
    if movement.fee == 0 {
        return Ok(());
    }
    let currency: Currency = movement.currency.parse().map_err(Failure::reject)?;
    let fee = Money::new(movement.fee, currency);
    let postings = vec![
        Posting {
            account: Account::ProcessorFees,
            amount: fee,
        },
        Posting {
            account: Account::ProcessorClearing,
            amount: fee.checked_neg().map_err(Failure::reject)?,
        },
    ];
    let occurred_at = Timestamp::from_second(charge.created).map_err(Failure::reject)?;
    let fact = Fact::Fee(charge.id.clone());
    let entry = JournalEntry::new(delivery.seed.id("fee"), fact, None, occurred_at, postings);
    let entry = entry.map_err(Failure::reject)?.with_processor_ref(&movement.id);
    match context.store.write(ledger::post(&entry)?).await {
        Ok(()) => Ok(()),
        Err(StoreError::Conflict { .. }) => same_fee(context, &entry, fee).await,
        Err(error) => Err(error.into()),
    }
}

/// The fact is posted. With the same amount that is what a second delivery finds; with another it is an alarm, never an overwrite.
async fn same_fee(context: &Context, entry: &JournalEntry, fee: Money) -> Result<(), Failure> {
    let posted = context.store.get::<JournalEntry>(&ledger::journal_key(entry)).await?;
    let posted = posted.ok_or_else(|| Failure::retry("a journal entry was there and is gone"))?;
    if posted
        .postings()
        .iter()
        .any(|posting| posting.account == Account::ProcessorFees && posting.amount == fee)
    {
        Ok(())
    } else {
        Err(Failure::reject(format!(
            "the fee of {} was posted with another amount than {fee}",
            entry.fact().reference()
        )))
    }
}
