//! What balances promise to refunds that partners decide, and which of them wait for an operator instead.
//!
//! A partner decides with its own money only. What a refund takes back is kept on the balances of those who bear it from the moment it is
//! decided until it is posted, so that neither a payout nor another refund takes it meanwhile.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::refund::{Begun, Refund};
use super::{Order, reversal};
use crate::ids::PartnerId;
use crate::money::{Money, MoneyError};

/// What one partner gives back of a refund that is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    pub partner: PartnerId,
    pub minor: i64,
}

/// Why a refund waits for an operator though a partner wants it; partners read these codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ReviewReason {
    /// The shares that it takes back have been paid out: the marketplace would pay it.
    BeyondOwed,
}

/// What each partner would give back, sellers and those who brought the customer alike.
pub fn shares(order: &Order, refund: &Refund) -> Result<BTreeMap<PartnerId, Money>, MoneyError> {
    let returned = reversal::take(order, &refund.lines)?;
    let shares = reversal::burden(order, &returned)?.into_iter();
    let currency = order.total.currency();
    Ok(shares
        .map(|(partner, minor)| (partner, Money::new(minor, currency)))
        .collect())
}

/// A refund that a partner decides goes ahead as far as those who bear it are still owed what it takes back; it is then promised on their
/// balances. `None` where it is beyond that: the customer would be paid with the marketplace's money, so an operator decides.
///
/// `funds` is what each partner is owed and nothing else takes back, less the debts of its owners elsewhere.
pub fn promised(order: &Order, begun: Begun, funds: &BTreeMap<PartnerId, Money>) -> Result<Option<Begun>, MoneyError> {
    let shares = shares(order, &begun.refund)?;
    let covers = |(partner, share): (&PartnerId, &Money)| {
        let funds = funds.get(partner).map_or(0, Money::minor);
        share.minor() <= funds
    };
    if !shares.iter().all(covers) {
        return Ok(None);
    }
    let promise = |(partner, share): (PartnerId, Money)| Promise {
        partner,
        minor: share.minor(),
    };
    Ok(Some(Begun {
        refund: Refund {
            promised: shares.into_iter().map(promise).collect(),
            ..begun.refund
        },
        ..begun
    }))
}
