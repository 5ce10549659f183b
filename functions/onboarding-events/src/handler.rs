//! One message: fetch the account or its payout, decide, write.

use shared::messages::{Envelope, Message};
use shared::partner::{account, bank};
use shared::processor::ProcessorError;
use shared::runtime::{Delivery, Failure};
use shared::store::partners;

use crate::context::Context;

/// At which delivery an unknown account is given up: the one before the last.
const PATIENCE: u32 = 4;

#[derive(Debug, thiserror::Error)]
enum Unfit {
    #[error("a message that does not belong into this queue")]
    OtherMessage,
    /// Stripe may tell of an account before the onboarding function has recorded it.
    #[error("the account {0} is no partner's, or not yet")]
    UnknownAccount(String),
    #[error("the account {0} leads to a partner that is not there")]
    NoPartner(String),
    #[error("the account {0} leads to a partner that has another one")]
    OtherAccount(String),
}

/// Idempotency key: the partner's revision, with what the message is about fetched anew at every delivery.
pub async fn handle(context: &Context, delivery: Delivery<Envelope>) -> Result<(), Failure> {
    context.store.until_uncontended(|| follow(context, &delivery)).await
}

async fn follow(context: &Context, delivery: &Delivery<Envelope>) -> Result<(), Failure> {
    let (account, bank_payout) = match delivery.message.message.clone() {
        Message::AccountChanged { account, .. } => (account, None),
        Message::BankPayoutChanged { account, payout, .. } => (account, Some(payout)),
        _ => return Err(Failure::reject(Unfit::OtherMessage)),
    };
    let Some(id) = partners::of_processor_account(&context.store, &account).await? else {
        return unknown(context, account, delivery.receives).await;
    };
    // Read before Stripe is asked, so that an answer is never laid over a partner that a newer answer has changed.
    let Some(partner) = partners::load(&context.store, id).await? else {
        return Err(Failure::reject(Unfit::NoPartner(account)));
    };
    let change = match bank_payout {
        None => {
            let report = context.stripe.account_report(&account).await?;
            account::update(&partner, &report, delivery.now, delivery.seed)
                .map_err(|_| Failure::reject(Unfit::OtherAccount(account)))?
        }
        Some(payout) => {
            let report = context.stripe.bank_payout(&account, &payout).await?.report();
            bank::update(&partner, &report, delivery.now, delivery.seed)
        }
    };
    let Some(change) = change else {
        tracing::info!(partner.id = %id, "the account says nothing new");
        return Ok(());
    };
    partners::save(&context.store, &change, partner.revision, []).await?;
    tracing::info!(partner.id = %id, holds.open = change.partner.open_holds(delivery.now).count(), "the partner follows its account");
    Ok(())
}

/// An account that is no partner's. One of ours may be about to be recorded, within a moment; whatever it has become by then is found out
/// when it changes next, and when a payout is sent to it. So what stays unknown is nobody's, and no fault.
async fn unknown(context: &Context, account: String, receives: u32) -> Result<(), Failure> {
    let is_foreign = match context.stripe.account(&account).await {
        Ok(found) => context.stripe.is_foreign(&found.metadata),
        Err(ProcessorError::Refused { .. }) => true,
        Err(error) if receives < PATIENCE => return Err(error.into()),
        Err(_) => false,
    };
    if !is_foreign && receives < PATIENCE {
        return Err(Failure::retry(Unfit::UnknownAccount(account)));
    }
    tracing::warn!(
        processor.account = account,
        is_foreign,
        receives,
        "an account that is no partner's is forgotten"
    );
    Ok(())
}
