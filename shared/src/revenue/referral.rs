//! Referral shares that nobody earns: a share is for bringing somebody else.

use serde::{Deserialize, Serialize};

use super::{Leg, Legs};
use crate::money::MoneyError;

/// Why a referrer is not paid for a sale; those who are shown the line read these codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum WithheldReason {
    /// The buyer works for the referrer.
    BuyerInTeam,
    /// The buyer works for a partner that somebody owns who owns the referrer as well.
    BuyersOrganisation,
    /// What the referrer earns goes to where the buyer, or a partner the buyer works for, is paid.
    SamePayoutAccount,
    /// Somebody of the referrer's team has paid with the same card, or from the same account at PayPal.
    SameCard,
    /// The referrer and the seller have an owner in common, or are paid to the same account.
    SellersOwn,
}

impl WithheldReason {
    pub fn explanation(self) -> &'static str {
        match self {
            Self::BuyerInTeam => "The buyer works for the referrer, and nobody is paid for bringing themselves.",
            Self::BuyersOrganisation => "The buyer works for another partner of the referrer's owners.",
            Self::SamePayoutAccount => "The referrer's share would be paid to the buyer's own account.",
            Self::SameCard => "Somebody of the referrer's team has paid with the same means before.",
            Self::SellersOwn => "The referrer and the seller have the same owner or are paid to the same account.",
        }
    }
}

/// Which referral shares of one line are withheld: they stay with the platform.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withheld {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affiliate: Option<WithheldReason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reseller: Option<WithheldReason>,
}

impl Withheld {
    /// The legs of a division by the terms, with the platform keeping what is withheld.
    pub fn kept_from(&self, legs: &Legs) -> Result<Legs, MoneyError> {
        let mut kept = *legs;
        let withheld = [
            (self.affiliate, &mut kept.affiliate),
            (self.reseller, &mut kept.reseller),
        ];
        let mut platform = legs.platform;
        for (reason, leg) in withheld {
            if reason.is_some() {
                platform = platform.checked_add(*leg).ok_or(MoneyError::Overflow)?;
                *leg = 0;
            }
        }
        kept.platform = platform;
        Ok(kept)
    }

    pub fn reason(&self, leg: Leg) -> Option<WithheldReason> {
        match leg {
            Leg::Affiliate => self.affiliate,
            Leg::Reseller => self.reseller,
            Leg::Partner | Leg::Platform => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_withheld_stays_with_the_platform() {
        let legs = Legs {
            partner: 700,
            platform: 150,
            affiliate: 100,
            reseller: 50,
        };
        let both = Withheld {
            affiliate: Some(WithheldReason::BuyerInTeam),
            reseller: Some(WithheldReason::SameCard),
        };
        let affiliate = Withheld { reseller: None, ..both };
        assert_eq!(Withheld::default().kept_from(&legs), Ok(legs));
        let expected = Legs {
            partner: 700,
            platform: 250,
            affiliate: 0,
            reseller: 50,
        };
        assert_eq!(affiliate.kept_from(&legs), Ok(expected));
        let expected = Legs {
            partner: 700,
            platform: 300,
            affiliate: 0,
            reseller: 0,
        };
        assert_eq!(both.kept_from(&legs), Ok(expected));
    }
}
