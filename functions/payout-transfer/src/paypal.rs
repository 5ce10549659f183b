//! Payouts to receivers at PayPal: a batch of one item each. PayPal accepts the batch, and what becomes of the item is said by the item:
//! asked for when an event tells of it, and at every run for as long as it is open.
//!
//! | item | the payout |
//! |---|---|
//! | none yet, `PENDING`, `ONHOLD`, `UNCLAIMED` | stays accepted, its amount in transit |
//! | `SUCCESS` | is sent, and PayPal's fee is the platform's |
//! | `FAILED`, `BLOCKED`, `DENIED`, `RETURNED`, `REFUNDED`, `REVERSED` | is cancelled; if it had been sent, is taken back |
//! | another | waits for a person |

use shared::ids::ReceiverId;
use shared::money::Money;
use shared::partner::{Change, PayPalAddress, destination};
use shared::payout::{CancelReason, Payout, PayoutState, Reversal, Transfer};
use shared::processor::ProcessorError;
use shared::processor::paypal::Amount;
use shared::processor::paypal::objects::{BatchStatus, ItemStatus, PayoutBatch, PayoutItem};
use shared::processor::paypal::reference::PaidFor;
use shared::processor::paypal::requests::{CreatePayout, Receiver};
use shared::runtime::Failure;
use shared::store::{Versioned, partners};

use crate::reversals;
use crate::sending::{Desk, Outcome, Sent, conclude};

/// What receivers read in PayPal's mail.
const NOTE: &str = "Your earnings at Souk";
/// PayPal's code for a balance that does not cover the payout, of a call and of an item.
const SHORT: &str = "INSUFFICIENT_FUNDS";

/// PayPal must let us in, and the receiver be known, before it is asked for anything.
pub(crate) async fn request(desk: Desk<'_>, payout: &Payout, receiver: ReceiverId) -> Result<CreatePayout, Failure> {
    let request = CreatePayout {
        payout: payout.id.to_string(),
        item: paid_for(payout).marked(desk.context.paypal.deployment()),
        receiver: Receiver::Email(address(desk, payout, receiver).await?.into()),
        amount: Amount::try_from(payout.amount).map_err(Failure::reject)?,
        note: NOTE.to_owned(),
    };
    desk.context.paypal.connect().await?;
    Ok(request)
}

pub(crate) async fn ask(desk: Desk<'_>, payout: &Payout, request: &CreatePayout) -> Result<Outcome, Failure> {
    match desk.context.paypal.create_payout(request, &payout.id.to_string()).await {
        Ok(batch) => batch_outcome(payout, &batch),
        Err(ProcessorError::Refused { code, message, .. }) => {
            tracing::warn!(payout.id = %payout.id, paypal.code = code, paypal.message = message, "batch refused");
            Ok(Outcome::NotSent(if code == SHORT {
                CancelReason::PlatformBalanceShort
            } else {
                CancelReason::ProcessorRefused
            }))
        }
        Err(error) => Err(error.into()),
    }
}

/// The receiver's address, also where the partner has named another one since.
async fn address(desk: Desk<'_>, payout: &Payout, receiver: ReceiverId) -> Result<PayPalAddress, Failure> {
    let partner = partners::load(&desk.context.store, payout.partner).await?;
    let address = partner.as_ref().and_then(|partner| partner.address_of(receiver));
    let address = address.ok_or_else(|| Failure::reject(format!("{receiver} of payout {} is forgotten", payout.id)))?;
    Ok(address.clone())
}

/// What became of a batch that PayPal has accepted.
pub(crate) async fn look_up(desk: Desk<'_>, payout: &Payout, batch: &str) -> Result<Outcome, Failure> {
    let found = desk.context.paypal.payout(batch).await?;
    batch_outcome(payout, &found)
}

/// PayPal told something about the payout's item.
pub(crate) async fn hear(desk: Desk<'_>, payout: Versioned<Payout>, item: &str) -> Result<(), Failure> {
    let item = desk.context.paypal.payout_item(item).await?;
    let is_undone = item.transaction_status.is_some_and(ItemStatus::is_undone);
    match &payout.state {
        PayoutState::Sending { .. } | PayoutState::Accepted { .. } => {
            let batch = item.payout_batch_id.as_deref();
            let batch = batch.ok_or_else(|| missing(&item, "batch"))?;
            let outcome = item_outcome(&payout, batch, &item)?;
            conclude(desk, &payout, outcome).await
        }
        PayoutState::Sent { transfer, .. } if *transfer == item.payout_item_id => {
            if is_undone {
                let returned = returned(&payout, &item)?;
                reversals::post(desk, payout, &returned).await?;
            }
            Ok(())
        }
        PayoutState::Cancelled { .. } if is_undone => Ok(()),
        PayoutState::Created | PayoutState::Sent { .. } | PayoutState::Cancelled { .. } => {
            Err(Failure::reject(format!(
                "item {} is {:?} at PayPal, which does not fit payout {}",
                item.payout_item_id, item.transaction_status, payout.id
            )))
        }
    }
}

/// What it says about the partner that the receiver did not get the payout.
pub(crate) async fn not_received(
    desk: Desk<'_>,
    payout: &Payout,
    receiver: ReceiverId,
) -> Result<Option<Versioned<Change>>, Failure> {
    let Some(partner) = partners::load(&desk.context.store, payout.partner).await? else {
        return Ok(None);
    };
    let change = destination::not_received(&partner, receiver, payout.id, desk.now, desk.seed);
    Ok(change.map(|value| Versioned {
        value,
        revision: partner.revision,
    }))
}

fn batch_outcome(payout: &Payout, batch: &PayoutBatch) -> Result<Outcome, Failure> {
    let header = &batch.batch_header;
    if header.sender_batch_header.sender_batch_id.as_deref() != Some(payout.id.to_string().as_str()) {
        return Err(Failure::reject(format!(
            "batch {} is not of payout {}",
            header.payout_batch_id, payout.id
        )));
    }
    match (batch.item(), header.batch_status) {
        (Some(item), _) => item_outcome(payout, &header.payout_batch_id, item),
        (None, BatchStatus::Denied | BatchStatus::Canceled) => Ok(Outcome::NotSent(CancelReason::ProcessorRefused)),
        (None, _) => Ok(Outcome::Accepted(header.payout_batch_id.clone())),
    }
}

fn item_outcome(payout: &Payout, batch: &str, item: &PayoutItem) -> Result<Outcome, Failure> {
    check_is_of(payout, item)?;
    match item.transaction_status {
        None | Some(ItemStatus::Pending | ItemStatus::OnHold | ItemStatus::Unclaimed) => {
            Ok(Outcome::Accepted(batch.to_owned()))
        }
        Some(ItemStatus::Success) => Ok(Outcome::Sent(sent(item)?)),
        Some(undone) if undone.is_undone() => {
            let why = item.errors.as_ref().map(|error| error.name.as_str());
            tracing::warn!(payout.id = %payout.id, paypal.status = ?undone, paypal.code = why, "item not paid");
            Ok(Outcome::NotSent(if why == Some(SHORT) {
                CancelReason::PlatformBalanceShort
            } else {
                CancelReason::NotReceived
            }))
        }
        Some(_) => Err(Failure::reject(format!(
            "item {} has a status that is not known here",
            item.payout_item_id
        ))),
    }
}

fn sent(item: &PayoutItem) -> Result<Sent, Failure> {
    let amount = item.payout_item.amount.money();
    let fee = item
        .payout_item_fee
        .map_or(Money::zero(amount.currency()), Amount::money);
    Ok(Sent {
        id: item.payout_item_id.clone(),
        amount,
        transfer: Transfer {
            reference: movement(item)?,
            fee,
            at: item.time_processed.ok_or_else(|| missing(item, "time"))?,
        },
    })
}

/// An item comes back once and whole, so its own id says which return this is.
fn returned(payout: &Payout, item: &PayoutItem) -> Result<Reversal, Failure> {
    check_is_of(payout, item)?;
    Ok(Reversal {
        id: item.payout_item_id.clone(),
        reference: movement(item)?,
        amount: item.payout_item.amount.money(),
        at: item.time_processed.ok_or_else(|| missing(item, "time"))?,
    })
}

fn check_is_of(payout: &Payout, item: &PayoutItem) -> Result<(), Failure> {
    if item.paid_for() == Some(paid_for(payout)) && item.payout_item.amount.money() == payout.amount {
        Ok(())
    } else {
        Err(Failure::reject(format!(
            "item {} is not of payout {} or of another amount",
            item.payout_item_id, payout.id
        )))
    }
}

fn paid_for(payout: &Payout) -> PaidFor {
    PaidFor {
        partner: payout.partner,
        payout: payout.id,
    }
}

fn movement(item: &PayoutItem) -> Result<String, Failure> {
    item.transaction_id.clone().ok_or_else(|| missing(item, "transaction"))
}

fn missing(item: &PayoutItem, what: &str) -> Failure {
    Failure::reject(format!("item {} has no {what}", item.payout_item_id))
}
