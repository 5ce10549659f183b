//! Plans: at which price, how often and with which licence a listing can be subscribed to.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{ListingId, PartnerId, PlanId};
use crate::licence::Terms;
use crate::money::Money;

/// A licence is read whole, and its seats with it.
pub const MAX_SEATS: u32 = 1_000;
/// Half a year. Who does not know after that whether they want it, never will.
pub const MAX_TRIAL_DAYS: u32 = 180;
/// Longer than any schedule by which a processor tries a card again.
pub const MAX_GRACE_DAYS: u32 = 60;
/// Stripe gives up on the third try, on the fifteenth day.
pub const DEFAULT_GRACE_DAYS: u32 = 14;
pub const MAX_NAME_CHARS: usize = 80;

/// Made once and never changed: a subscription carries the plan that it was made under. A plan of which no more are to be sold is retired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub id: PlanId,
    pub listing: ListingId,
    pub partner: PartnerId,
    /// `Studio, yearly`.
    pub name: String,
    pub every: Billing,
    /// Of one seat for one period.
    pub price: Money,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<PlanTrial>,
    /// For how long the licence is good after a period that nobody has paid for has begun.
    pub grace_days: u32,
    /// What those pay less who have shown that they study or teach; 1 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub educational_percent: Option<u8>,
    /// What the licence allows for each seat.
    pub terms: Terms,
    pub created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Billing {
    Month,
    Year,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanTrial {
    pub days: u32,
    /// Whether a card must be given before it begins. Without one the trial simply ends.
    pub card_required: bool,
}

impl Plan {
    pub fn is_on_sale(&self) -> bool {
        self.retired_at.is_none()
    }

    /// What those pay less who study or teach: never so much that what is left cannot be charged. New plans have no such discount
    /// ([`largest_discount`]); for those that were made before, it is the largest with which one can still pay.
    pub fn discount_percent(&self) -> Option<u8> {
        largest_discount(self.price, self.educational_percent?)
    }
}

/// The largest discount, up to this one, that leaves an amount that can be charged. `None` where every discount leaves too little.
pub fn largest_discount(price: Money, percent: u8) -> Option<u8> {
    let chargeable = |percent: &u8| {
        let left = price.less_percent(*percent);
        left.is_ok_and(|left| left.check_charge().is_ok())
    };
    (1..=percent).rev().find(chargeable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_discount_leaves_what_can_be_charged() {
        let largest = |minor, currency: &str, percent| {
            let price = Money::new(minor, currency.parse().expect("a currency"));
            largest_discount(price, percent)
        };
        assert_eq!(largest(900, "EUR", 50), Some(50));
        assert_eq!(largest(300, "EUR", 90), Some(83));
        assert_eq!(largest(50, "EUR", 10), None);
        assert_eq!(largest(100_500, "ISK", 10), None);
        assert_eq!(largest(100_000, "ISK", 15), Some(15));
    }
}
