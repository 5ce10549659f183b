//! Revenue share: how a price is divided, and by which rule.
//!
//! Of the rules that an operator has made ([`Rule`]) the one with the narrowest [`Scope`] applies; its figures are frozen on the order
//! line when the order is placed ([`Terms`]). The price is divided by them when the order is paid ([`divide`]): only then is it known
//! what the rule's tiers have counted before. What goes back to the customer is taken from what is left of each leg
//! ([`Legs::apportion`]), so no leg ever turns negative and a full refund ends at exactly zero.

mod divide;
mod figures;
mod preset;
mod referral;
mod rule;
mod scope;

pub use divide::{Exact, Explanation, Leg, Piece, Share, divide, explain};
pub use figures::{Base, Count, Counted, Figures, FiguresDraft, FiguresError, Tier, Tiers};
pub use preset::{Phase, Preset, PresetError};
pub use referral::{Withheld, WithheldReason};
pub use rule::{Rule, Schedule, ScheduleError, applicable};
pub use scope::{Sale, Scope};

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{ListingId, PartnerId, RuleId};
use crate::money::{BasisPoints, Currency, Money, MoneyError};

/// The figures of a rule as they were when the order was placed, without the shares of referrers that the order has not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    pub rule: RuleRef,
    #[serde(flatten)]
    pub figures: Figures,
}

impl Terms {
    /// Where no rule applies: the platform's commission as configured.
    pub fn default_rule(commission: BasisPoints) -> Self {
        Self {
            rule: RuleRef::Default,
            figures: Figures::flat(commission),
        }
    }

    /// The counter that the tiers of these terms read and move for a sale at this moment; `None` where nothing is counted.
    pub fn counter(&self, partner: PartnerId, listing: ListingId, at: Timestamp) -> Option<Counter> {
        let (RuleRef::Version(rule, _), Some(tiers)) = (self.rule, &self.figures.tiers) else {
            return None;
        };
        let subject = match tiers.per {
            Counted::Partner => partner.to_string(),
            Counted::Listing => listing.to_string(),
        };
        Some(Counter {
            rule,
            subject,
            period: tiers.count.period(at)?,
            currency: self.figures.currency()?,
        })
    }
}

/// Where a rule adds up what was sold under any of its versions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Counter {
    pub rule: RuleId,
    /// The id of the partner or the listing whose sales these are.
    pub subject: String,
    pub period: String,
    pub currency: Currency,
}

/// What each counter has counted, in minor units; one that is not there has counted nothing.
pub type Turnovers = BTreeMap<Counter, i64>;

/// One version of a rule: `rul_…@2`, or `default@1` for the commission as configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum RuleRef {
    Default,
    Version(RuleId, u32),
}

const DEFAULT_RULE: &str = "default@1";

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no version of a rule")]
pub struct UnknownRule(String);

impl fmt::Display for RuleRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str(DEFAULT_RULE),
            Self::Version(rule, version) => write!(f, "{rule}@{version}"),
        }
    }
}

impl FromStr for RuleRef {
    type Err = UnknownRule;
    fn from_str(text: &str) -> Result<Self, UnknownRule> {
        if text == DEFAULT_RULE {
            return Ok(Self::Default);
        }
        let unknown = || UnknownRule(text.to_owned());
        let (rule, version) = text.split_once('@').ok_or_else(unknown)?;
        match (rule.parse(), version.parse()) {
            (Ok(rule), Ok(version)) => Ok(Self::Version(rule, version)),
            _ => Err(unknown()),
        }
    }
}

impl TryFrom<String> for RuleRef {
    type Error = UnknownRule;
    fn try_from(text: String) -> Result<Self, UnknownRule> {
        text.parse()
    }
}

impl From<RuleRef> for String {
    fn from(rule: RuleRef) -> String {
        rule.to_string()
    }
}

/// Who brought the customer, to be paid a share where the rule has one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Referrers {
    /// Sent the customer here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affiliate: Option<PartnerId>,
    /// Sold to the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reseller: Option<PartnerId>,
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
    /// What the rule's tiers had counted before, in minor units of the price's currency: with the terms, all that it takes to explain
    /// the legs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turnover_before_minor: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_version_reads_back_what_it_shows() {
        let rule = "rul_01h455vb4pex5vsknk084sn02q".parse().expect("an id");
        for version in [RuleRef::Default, RuleRef::Version(rule, 12)] {
            assert_eq!(version.to_string().parse(), Ok(version));
        }
        assert!("default".parse::<RuleRef>().is_err());
        assert!("ord_01h455vb4pex5vsknk084sn02q@1".parse::<RuleRef>().is_err());
    }

    #[test]
    fn flat_terms_are_as_short_as_they_can_be() {
        let terms = Terms::default_rule(BasisPoints::try_from(2000).expect("a rate"));
        let json = serde_json::to_string(&terms).expect("plain data");
        assert_eq!(json, r#"{"rule":"default@1","commission_bps":2000}"#);
        assert_eq!(serde_json::from_str::<Terms>(&json).expect("what was written"), terms);
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
