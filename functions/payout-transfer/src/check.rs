//! Whether the partner may be paid, and where, right before the money is sent: what was decided may be hours old.

use shared::partner::{Change, Destination, account};
use shared::payout::Payout;
use shared::runtime::Failure;
use shared::store::{Versioned, partners};

use crate::sending::Desk;

/// What stands for or against a payout that nobody has asked the processor for yet.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// Where the partner may be paid at this moment, if anywhere.
    pub(crate) destination: Option<Destination>,
    /// The partner as Stripe's answer makes it: with the hold that says why it cannot be paid.
    pub(crate) news: Option<Versioned<Change>>,
}

pub(crate) async fn check(desk: Desk<'_>, payout: &Payout) -> Result<Checked, Failure> {
    let Some(partner) = partners::load(&desk.context.store, payout.partner).await? else {
        return Ok(Checked::default());
    };
    let Some(destination) = partner.destination() else {
        return Ok(Checked::default());
    };
    let change = match &destination {
        Destination::Stripe { account } => {
            let report = desk.context.stripe.account_report(account).await?;
            account::update(&partner, &report, desk.now, desk.seed).map_err(Failure::reject)?
        }
        // PayPal is not asked: it says of the payout itself whether the receiver can have it.
        Destination::PayPal { .. } => None,
    };
    let partner_now = change.as_ref().map_or(&partner.value, |change| &change.partner);
    let may_be_paid = partner_now.payout_hold(desk.now).is_none();
    Ok(Checked {
        destination: may_be_paid.then_some(destination),
        news: change.map(|value| Versioned {
            value,
            revision: partner.revision,
        }),
    })
}
