//! The figures of a rule: what the price of a sale is divided by.

use std::ops::Deref;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::clock::day;
use crate::money::{BasisPoints, Currency, Money, NotCountable};

/// More steps than this are a table nobody can explain to a partner.
const MAX_TIERS: usize = 10;

/// Figures as somebody wrote them down. [`Figures`] proves that they make sense.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FiguresDraft {
    /// The platform's part of the price; where there are tiers, up to the first of them.
    pub commission_bps: BasisPoints,
    /// What the platform takes of each line on top; never more than there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed: Option<Money>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tiers: Option<Tiers>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub base: Base,
    /// What of the price goes to the partner who referred the customer, if somebody did.
    #[serde(default, skip_serializing_if = "is_default")]
    pub affiliate_bps: BasisPoints,
    /// What of the price goes to the partner through whom the customer bought, if there was one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub reseller_bps: BasisPoints,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What the rates are rates of, and so who bears what others take of the price.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, strum::Display, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Base {
    /// The price. Referral shares and the processor's fee come out of the platform's part.
    #[default]
    Gross,
    /// What is left when referral shares have come off the price. The processor's fee is borne by partner and platform in the ratio
    /// of their parts.
    Net,
}

/// Rates that change with what has been sold before. Marginal: each rate applies to what lies in its tier, so that one cent more
/// never costs more than a cent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tiers {
    pub per: Counted,
    pub count: Count,
    pub above: Vec<Tier>,
}

/// Whose sales under the rule are added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    Partner,
    Listing,
}

/// Which sales are added up: prices, by the processor's clock, in UTC. A refund does not take its sale out of the count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case", tag = "reset", deny_unknown_fields)]
pub enum Count {
    /// All of them; those before the date at the lowest tier, and uncounted.
    Never {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<String>, format = Date)]
        since: Option<Date>,
    },
    /// Those of the calendar year.
    Yearly,
}

impl Count {
    /// What the counter of a sale at this moment is called; `None` where the sale does not count.
    pub fn period(self, at: Timestamp) -> Option<String> {
        let date = day(at);
        match self {
            Self::Never { since } => since.is_none_or(|since| date >= since).then(|| "lifetime".to_owned()),
            Self::Yearly => Some(date.year().to_string()),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// Where the tier begins.
    pub above: Money,
    pub commission_bps: BasisPoints,
}

/// Why figures make no sense. Each names the field that does not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FiguresError {
    #[error("must be more than zero")]
    FixedNotPositive,
    #[error("must have between 1 and {MAX_TIERS} tiers")]
    TierCount,
    #[error("must begin above zero and above the tier before it")]
    TierOrder { index: usize },
    #[error("is in {found}, other amounts of the rule are in {expected}: make a rule for each currency")]
    TierCurrency {
        index: usize,
        expected: Currency,
        found: Currency,
    },
    #[error(
        "affiliate and reseller together would get more than the platform takes at its lowest rate, out of which they are paid"
    )]
    ReferralsAboveCommission,
    #[error("affiliate and reseller together would get more than the price")]
    ReferralsAbovePrice,
}

impl FiguresError {
    /// A JSON pointer from the figures' own root.
    pub fn pointer(&self) -> String {
        match self {
            Self::FixedNotPositive => "/fixed/amount".to_owned(),
            Self::TierCount => "/tiers/above".to_owned(),
            Self::TierOrder { index } => format!("/tiers/above/{index}/above/amount"),
            Self::TierCurrency { index, .. } => format!("/tiers/above/{index}/above/currency"),
            Self::ReferralsAboveCommission | Self::ReferralsAbovePrice => "/affiliate_bps".to_owned(),
        }
    }
}

impl FiguresDraft {
    /// The first amount that there cannot be in its currency, with the pointer of its field. Asked of what somebody writes down, not of what
    /// has been stored.
    pub fn uncountable(&self) -> Option<(String, NotCountable)> {
        let fixed = self.fixed.map(|fixed| ("/fixed/amount".to_owned(), fixed));
        let tiers = self.tiers.iter().flat_map(|tiers| tiers.above.iter().enumerate());
        let above = tiers.map(|(index, tier)| (format!("/tiers/above/{index}/above/amount"), tier.above));
        fixed
            .into_iter()
            .chain(above)
            .find_map(|(pointer, amount)| Some((pointer, amount.check_countable().err()?)))
    }
}

/// Figures by which every price can be divided: no leg below zero, amounts in one currency, tiers in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "FiguresDraft", into = "FiguresDraft")]
pub struct Figures(FiguresDraft);

impl Figures {
    pub fn flat(commission: BasisPoints) -> Self {
        Self(FiguresDraft {
            commission_bps: commission,
            fixed: None,
            tiers: None,
            base: Base::Gross,
            affiliate_bps: BasisPoints::default(),
            reseller_bps: BasisPoints::default(),
        })
    }

    /// The one currency whose sales the figures fit; `None` where no amount ties them to one.
    pub fn currency(&self) -> Option<Currency> {
        currency(self)
    }

    /// The figures of a sale that has these referrers only.
    #[must_use]
    pub fn with_referrers(&self, affiliate: bool, reseller: bool) -> Self {
        let share = |has_referrer, rate| if has_referrer { rate } else { BasisPoints::default() };
        Self(FiguresDraft {
            affiliate_bps: share(affiliate, self.affiliate_bps),
            reseller_bps: share(reseller, self.reseller_bps),
            ..self.0.clone()
        })
    }
}

impl Deref for Figures {
    type Target = FiguresDraft;
    fn deref(&self) -> &FiguresDraft {
        &self.0
    }
}

impl From<Figures> for FiguresDraft {
    fn from(figures: Figures) -> Self {
        figures.0
    }
}

impl TryFrom<FiguresDraft> for Figures {
    type Error = FiguresError;

    fn try_from(draft: FiguresDraft) -> Result<Self, FiguresError> {
        if draft.fixed.is_some_and(|fixed| !fixed.is_positive()) {
            return Err(FiguresError::FixedNotPositive);
        }
        if let Some(tiers) = &draft.tiers {
            check_tiers(&tiers.above, currency(&draft))?;
        }
        let referrals = u32::from(draft.affiliate_bps) + u32::from(draft.reseller_bps);
        let lowest = rates(&draft).map(u32::from).min().unwrap_or(0);
        match draft.base {
            Base::Gross if referrals > lowest => Err(FiguresError::ReferralsAboveCommission),
            Base::Net if referrals > 10_000 => Err(FiguresError::ReferralsAbovePrice),
            Base::Gross | Base::Net => Ok(Self(draft)),
        }
    }
}

fn currency(draft: &FiguresDraft) -> Option<Currency> {
    let first_tier = || draft.tiers.as_ref()?.above.first().map(|tier| tier.above.currency());
    draft.fixed.map(|fixed| fixed.currency()).or_else(first_tier)
}

fn rates(draft: &FiguresDraft) -> impl Iterator<Item = BasisPoints> {
    let tiers = draft.tiers.iter().flat_map(|tiers| &tiers.above);
    std::iter::once(draft.commission_bps).chain(tiers.map(|tier| tier.commission_bps))
}

fn check_tiers(tiers: &[Tier], currency: Option<Currency>) -> Result<(), FiguresError> {
    if tiers.is_empty() || tiers.len() > MAX_TIERS {
        return Err(FiguresError::TierCount);
    }
    let mut before = 0;
    for (index, tier) in tiers.iter().enumerate() {
        let (found, minor) = (tier.above.currency(), tier.above.minor());
        if let Some(expected) = currency.filter(|expected| *expected != found) {
            return Err(FiguresError::TierCurrency { index, expected, found });
        }
        if minor <= before {
            return Err(FiguresError::TierOrder { index });
        }
        before = minor;
    }
    Ok(())
}
