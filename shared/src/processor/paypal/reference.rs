//! How PayPal's objects lead back to a payout: its items, their events, and the movements that they make carry a text of ours.

use std::fmt;
use std::str::FromStr;

use crate::ids::{PartnerId, PayoutId};

/// The payout of an item, written as its `sender_item_id`: both ids, since a payout is found through its partner. Two ids and a dot
/// are within PayPal's 63 characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaidFor {
    pub partner: PartnerId,
    pub payout: PayoutId,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("names no payout of ours")]
pub struct NotOurs;

impl fmt::Display for PaidFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.partner, self.payout)
    }
}

impl FromStr for PaidFor {
    type Err = NotOurs;
    fn from_str(text: &str) -> Result<Self, NotOurs> {
        let (partner, payout) = text.split_once('.').ok_or(NotOurs)?;
        Ok(Self {
            partner: partner.parse().map_err(|_| NotOurs)?,
            payout: payout.parse().map_err(|_| NotOurs)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn it_is_short_enough_for_paypal_and_read_again() {
        let seed: Seed = "019a0000-0000-7000-8000-000000000000".parse().expect("a uuid");
        let paid_for = PaidFor {
            partner: seed.id("partner"),
            payout: seed.id("payout"),
        };
        let text = paid_for.to_string();
        assert!(text.len() <= 63, "{text}");
        assert_eq!(text.parse(), Ok(paid_for));
        for foreign in ["", ".", "invoice 7", &text[1..], &format!("{text}x")] {
            assert_eq!(foreign.parse::<PaidFor>(), Err(NotOurs), "{foreign:?}");
        }
    }
}
