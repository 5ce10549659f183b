//! Whether the partner may be paid, asked of the processor right before the transfer: what is stored may be hours old.

use shared::partner::{Block, Change, account};
use shared::payout::Payout;
use shared::runtime::Failure;
use shared::store::{Versioned, partners};

use crate::sending::Desk;

/// What stands for or against a payout that nobody has asked the processor for yet.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// Where the partner may be paid at this moment, if anywhere.
    pub(crate) destination: Option<String>,
    /// The partner as the processor's answer makes it: with the hold that says why it cannot be paid.
    pub(crate) news: Option<Versioned<Change>>,
}

pub(crate) async fn check(desk: Desk<'_>, payout: &Payout) -> Result<Checked, Failure> {
    let Some(partner) = partners::load(&desk.context.store, payout.partner).await? else {
        return Ok(Checked::default());
    };
    let Some(known) = &partner.payout_account else {
        return Ok(Checked::default());
    };
    let report = desk.context.stripe.account_report(&known.account).await?;
    let change = account::update(&partner, &report, desk.now, desk.seed).map_err(Failure::reject)?;
    let partner_now = change.as_ref().map_or(&partner.value, |change| &change.partner);
    let may_be_paid = partner_now.hold_on(Block::Payout).is_none();
    Ok(Checked {
        destination: may_be_paid.then(|| known.account.clone()),
        news: change.map(|value| Versioned {
            value,
            revision: partner.revision,
        }),
    })
}
