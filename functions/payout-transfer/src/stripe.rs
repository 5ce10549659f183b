//! Payouts to accounts at Stripe: a transfer each. Stripe has moved the money when it answers, and may take parts of it back later.

use jiff::Timestamp;
use shared::money::{Currency, Money};
use shared::payout::{CancelReason, Payout, PayoutState, Reversal, Transfer};
use shared::processor::ProcessorError;
use shared::processor::stripe::objects::{self, TransferReversal};
use shared::processor::stripe::requests::{CreateTransfer, ListPage, Metadata};
use shared::runtime::Failure;
use shared::store::Versioned;

use crate::reversals;
use crate::sending::{Desk, Outcome, Sent};

pub(crate) fn request(payout: &Payout, account: &str) -> CreateTransfer {
    CreateTransfer {
        amount: payout.amount,
        destination: account.to_owned(),
        transfer_group: payout.id.to_string(),
        // By these the event of a reversal finds the payout.
        metadata: Metadata::from([
            ("partner_id".into(), payout.partner.to_string()),
            ("payout_id".into(), payout.id.to_string()),
        ]),
    }
}

pub(crate) async fn ask(desk: Desk<'_>, payout: &Payout, request: &CreateTransfer) -> Result<Outcome, Failure> {
    let stripe = &desk.context.stripe;
    match stripe.create_transfer(request, &payout.id.to_string()).await {
        Ok(transfer) => Ok(Outcome::Sent(sent(&transfer)?)),
        Err(ProcessorError::Refused { code, message, .. }) => {
            tracing::warn!(payout.id = %payout.id, stripe.code = code, stripe.message = message, "transfer refused");
            Ok(Outcome::NotSent(match code.as_str() {
                "balance_insufficient" => CancelReason::PlatformBalanceShort,
                _ => CancelReason::ProcessorRefused,
            }))
        }
        Err(error) => Err(error.into()),
    }
}

/// The transfer that an earlier attempt made, if it did.
pub(crate) async fn find(desk: Desk<'_>, payout: &Payout) -> Result<Option<Sent>, Failure> {
    let transfers = desk.context.stripe.transfers_of(&payout.id.to_string()).await?.data;
    if transfers.len() > 1 {
        let ids: Vec<_> = transfers.iter().map(|transfer| transfer.id.as_str()).collect();
        return Err(Failure::reject(format!(
            "payout {} has more than one transfer: {}",
            payout.id,
            ids.join(", ")
        )));
    }
    transfers.first().map(sent).transpose()
}

fn sent(transfer: &objects::Transfer) -> Result<Sent, Failure> {
    let amount = money(transfer.amount, &transfer.currency)?;
    Ok(Sent {
        id: transfer.id.clone(),
        amount,
        transfer: Transfer {
            reference: transfer.id.clone(),
            // Stripe bills for transfers by the month.
            fee: Money::zero(amount.currency()),
            at: Timestamp::from_second(transfer.created).map_err(Failure::reject)?,
        },
    })
}

/// Owes the partner what was taken back, by hand in Stripe's dashboard or by a call: in part, in whole, several times; each reversal once,
/// under its id, whatever the event that told of it said.
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
        PayoutState::Accepted { .. } | PayoutState::Sent { .. } | PayoutState::Cancelled { .. } => {
            return Err(Failure::reject(format!(
                "{transfer} is not the transfer of {}",
                payout.id
            )));
        }
    }
    for found in all(desk, transfer).await? {
        payout = reversals::post(desk, payout, &reversal(&found)?).await?;
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
    Ok(Reversal {
        id: found.id.clone(),
        reference: found.id.clone(),
        amount: money(found.amount, &found.currency)?,
        at: Timestamp::from_second(found.created).map_err(Failure::reject)?,
    })
}

fn money(minor: i64, currency: &str) -> Result<Money, Failure> {
    let currency: Currency = currency.parse().map_err(Failure::reject)?;
    Ok(Money::new(minor, currency))
}
