//! Money of a transfer that the processor took back, by hand in its dashboard or by a call: in part, in whole, several times.

use jiff::Timestamp;
use shared::ids::JournalId;
use shared::ledger::{Fact, JournalEntry};
use shared::money::{Currency, Money};
use shared::payout::{Payout, PayoutState, Reversal, reverse};
use shared::processor::stripe::objects::TransferReversal;
use shared::processor::stripe::requests::ListPage;
use shared::runtime::Failure;
use shared::store::{Versioned, ledger, payouts};

use crate::sending::Desk;

/// Owes the partner what was taken back: each reversal once, under its id, whatever the event that told of it said.
pub(crate) async fn take_back(desk: Desk<'_>, mut payout: Versioned<Payout>, transfer: &str) -> Result<(), Failure> {
    match &payout.state {
        PayoutState::Sent { transfer: known, .. } if known == transfer => {}
        // The answer that the transfer was made is still on its way.
        PayoutState::Created | PayoutState::Sending { .. } => {
            return Err(Failure::retry(format!(
                "payout {} is not recorded as sent yet",
                payout.id
            )));
        }
        PayoutState::Sent { .. } | PayoutState::Cancelled { .. } => {
            return Err(Failure::reject(format!(
                "{transfer} is not the transfer of {}",
                payout.id
            )));
        }
    }
    for found in all(desk, transfer).await? {
        payout = one(desk, payout, &reversal(&found)?).await?;
    }
    Ok(())
}

/// All reversals of a transfer, oldest first.
async fn all(desk: Desk<'_>, transfer: &str) -> Result<Vec<TransferReversal>, Failure> {
    let (mut found, mut page) = (Vec::new(), ListPage::default());
    loop {
        let list = desk.context.stripe.transfer_reversals(transfer, &page).await?;
        page.starting_after = list.data.last().map(|last| last.id.clone());
        found.extend(list.data);
        if !list.has_more {
            found.reverse();
            return Ok(found);
        }
    }
}

fn reversal(found: &TransferReversal) -> Result<Reversal, Failure> {
    let currency: Currency = found.currency.parse().map_err(Failure::reject)?;
    Ok(Reversal {
        id: found.id.clone(),
        amount: Money::new(found.amount, currency),
        at: Timestamp::from_second(found.created).map_err(Failure::reject)?,
    })
}

/// Posts one reversal, unless it has been.
async fn one(desk: Desk<'_>, payout: Versioned<Payout>, reversal: &Reversal) -> Result<Versioned<Payout>, Failure> {
    let store = &desk.context.store;
    let fact = Fact::TransferReversed(reversal.id.clone());
    let key = ledger::fact_key(Some(payout.partner), &fact);
    if let Some(posted) = store.get::<JournalEntry>(&key).await? {
        let gave_back: Vec<Money> = posted.owed_to(payout.partner).collect();
        return if gave_back == [reversal.amount] {
            Ok(payout)
        } else {
            Err(Failure::reject(format!(
                "{} was posted with another amount",
                reversal.id
            )))
        };
    }
    let (after, entry) =
        reverse(desk.seed.id::<JournalId>(&reversal.id), &payout, reversal).map_err(Failure::reject)?;
    let writes = vec![
        payouts::update(&after, payout.revision)?,
        ledger::post(&entry)?,
        ledger::give_back(payout.partner, reversal.amount),
    ];
    store.transact(writes).await?;
    tracing::warn!(payout.id = %payout.id, reversal.id = reversal.id, amount = %reversal.amount, "transfer reversed and owed again");
    Ok(Versioned {
        value: after,
        revision: payout.revision + 1,
    })
}
