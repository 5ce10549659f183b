//! What was taken back of a payout that had been sent is owed again.

use shared::ids::JournalId;
use shared::ledger::{Fact, JournalEntry};
use shared::money::Money;
use shared::payout::{Payout, Reversal, reverse};
use shared::runtime::Failure;
use shared::store::{Versioned, ledger, payouts};

use crate::sending::Desk;

/// Posts one reversal, unless it has been.
pub(crate) async fn post(
    desk: Desk<'_>,
    payout: Versioned<Payout>,
    reversal: &Reversal,
) -> Result<Versioned<Payout>, Failure> {
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
        ledger::post(&entry, desk.now)?,
        ledger::give_back(payout.partner, reversal.amount),
    ];
    store.transact(writes).await?;
    tracing::warn!(payout.id = %payout.id, reversal.id = reversal.id, amount = %reversal.amount, "payout taken back and owed again");
    Ok(Versioned {
        value: after,
        revision: payout.revision + 1,
    })
}
