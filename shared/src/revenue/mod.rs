//! Revenue share: how a price is divided, and by which rule.
//!
//! The figures of the rule that applies are frozen on the order line when the order is placed ([`Terms`]); the price is divided by
//! them when the order is paid ([`divide`]). What goes back to the customer is taken from what is left of each leg
//! ([`Legs::apportion`]), so no leg ever turns negative and a full refund ends at exactly zero.

use serde::{Deserialize, Serialize};

use crate::money::{BasisPoints, Currency, Money, MoneyError};

/// The figures of a rule as they were when the order was placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The rule's name and version.
    pub rule: String,
    /// The platform's part.
    pub commission_bps: BasisPoints,
}

/// The rule that applies where no other does: the platform's commission as configured.
pub const DEFAULT_RULE: &str = "default@1";

impl Terms {
    pub fn default_rule(commission: BasisPoints) -> Self {
        Self {
            rule: DEFAULT_RULE.to_owned(),
            commission_bps: commission,
        }
    }
}

/// Who gets how much of one price, in minor units of its currency. What the platform pays on to those who brought the customer is
/// theirs, not the platform's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Legs {
    pub partner: i64,
    pub platform: i64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub affiliate: i64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reseller: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(minor: &i64) -> bool {
    *minor == 0
}

impl Legs {
    pub fn total(&self) -> Result<i64, MoneyError> {
        self.parts()
            .into_iter()
            .try_fold(0_i64, i64::checked_add)
            .ok_or(MoneyError::Overflow)
    }

    pub fn checked_add(&self, other: &Self) -> Result<Self, MoneyError> {
        self.zip(other, i64::checked_add)
    }

    pub fn checked_sub(&self, other: &Self) -> Result<Self, MoneyError> {
        self.zip(other, i64::checked_sub)
    }

    /// Divides `minor` over these legs in proportion to them, by largest remainder. Never takes more from a leg than it has, as
    /// long as `minor` is not more than their total; what is more than that nobody's leg covers, so it is refused.
    pub fn apportion(&self, minor: i64) -> Result<Self, MoneyError> {
        if minor == 0 {
            return Ok(Self::default());
        }
        if minor < 0 || minor > self.total()? {
            return Err(MoneyError::Overflow);
        }
        let weights = self.parts().map(|part| u64::try_from(part).unwrap_or(0));
        // The currency decides nothing here: splitting is about whole units.
        let parts = Money::new(minor, Currency::EUR).split(&weights)?;
        Ok(Self::from_parts(
            [0, 1, 2, 3].map(|index: usize| parts.get(index).map_or(0, Money::minor)),
        ))
    }

    fn parts(&self) -> [i64; 4] {
        [self.partner, self.platform, self.affiliate, self.reseller]
    }

    fn from_parts([partner, platform, affiliate, reseller]: [i64; 4]) -> Self {
        Self {
            partner,
            platform,
            affiliate,
            reseller,
        }
    }

    fn zip(&self, other: &Self, combine: fn(i64, i64) -> Option<i64>) -> Result<Self, MoneyError> {
        let (left, right) = (self.parts(), other.parts());
        let mut combined = [0; 4];
        for (index, slot) in combined.iter_mut().enumerate() {
            *slot = combine(left[index], right[index]).ok_or(MoneyError::Overflow)?;
        }
        Ok(Self::from_parts(combined))
    }
}

/// How one paid line was divided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Division {
    #[serde(flatten)]
    pub legs: Legs,
}

/// Divides by largest remainder; the partner gets the unit where remainders tie.
pub fn divide(price: Money, terms: &Terms) -> Result<Division, MoneyError> {
    let platform = u64::from(u32::from(terms.commission_bps));
    let parts = price.split(&[10_000 - platform, platform])?;
    Ok(Division {
        legs: Legs {
            partner: parts[0].minor(),
            platform: parts[1].minor(),
            ..Legs::default()
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_tie_goes_to_the_partner() {
        let half = Terms::default_rule(BasisPoints::try_from(5000).expect("a rate"));
        let division = divide(Money::new(1, Currency::EUR), &half).expect("small");
        assert_eq!((division.legs.partner, division.legs.platform), (1, 0));
    }

    #[test]
    fn more_than_is_left_is_refused() {
        let legs = Legs::from_parts([8, 2, 0, 0]);
        assert!(legs.apportion(11).is_err());
        assert!(legs.apportion(-1).is_err());
        assert_eq!(legs.apportion(10), Ok(legs));
    }

    proptest! {
        #[test]
        fn partial_refunds_until_full_leave_every_leg_at_exactly_zero(
            legs in prop::array::uniform4(0_i64..1_000_000), cuts in prop::collection::vec(1_i64..500_000, 0..12),
        ) {
            let legs = Legs::from_parts(legs);
            let mut left = legs;
            for cut in cuts {
                let part = left.apportion(cut.min(left.total().expect("small"))).expect("within what is left");
                left = left.checked_sub(&part).expect("small");
                prop_assert!(left.parts().iter().all(|part| *part >= 0), "{left:?}");
            }
            let rest = left.apportion(left.total().expect("small")).expect("all of it");
            prop_assert_eq!(left.checked_sub(&rest), Ok(Legs::default()));
        }
    }
}
