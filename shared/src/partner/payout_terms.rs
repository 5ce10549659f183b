//! What the operator has agreed with a partner about payouts, where it is not what holds for all.

use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Act, Change, Partner};
use crate::money::{Currency, Money, NotCountable};

/// At most one amount for each currency in either list: less than its minimum is not paid out, its reserve always stays owed. Where a
/// list does not name a currency, the marketplace's own minimum holds and nothing is reserved.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutTerms {
    minimums: Vec<Money>,
    reserves: Vec<Money>,
}

/// What is wrong with one amount of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnfitAmount {
    #[error("must not be below zero")]
    Negative,
    #[error(transparent)]
    NotCountable(#[from] NotCountable),
    #[error("is the second amount in {0}; each currency is named once")]
    Repeated(Currency),
}

impl PayoutTerms {
    pub fn new(minimums: Vec<Money>, reserves: Vec<Money>) -> Result<Self, UnfitAmount> {
        match unfit(&minimums).or_else(|| unfit(&reserves)) {
            Some((_, why)) => Err(why),
            None => Ok(Self { minimums, reserves }),
        }
    }

    pub fn minimums(&self) -> &[Money] {
        &self.minimums
    }

    pub fn reserves(&self) -> &[Money] {
        &self.reserves
    }

    pub fn minimum(&self, currency: Currency) -> Option<Money> {
        in_currency(&self.minimums, currency)
    }

    pub fn reserve(&self, currency: Currency) -> Option<Money> {
        in_currency(&self.reserves, currency)
    }
}

/// For the audit entry.
impl fmt::Display for PayoutTerms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |amounts: &[Money]| {
            let texts: Vec<_> = amounts.iter().map(Money::to_string).collect();
            if texts.is_empty() {
                "none".to_owned()
            } else {
                texts.join(", ")
            }
        };
        write!(
            f,
            "minimums {}; reserves {}",
            list(&self.minimums),
            list(&self.reserves)
        )
    }
}

/// The first amount that does not belong into a list, by its place.
pub fn unfit(amounts: &[Money]) -> Option<(usize, UnfitAmount)> {
    let mut named = HashSet::new();
    amounts.iter().enumerate().find_map(|(place, amount)| {
        let currency = amount.currency();
        if amount.is_negative() {
            Some((place, UnfitAmount::Negative))
        } else if let Err(error) = amount.check_countable() {
            Some((place, error.into()))
        } else if named.insert(currency) {
            None
        } else {
            Some((place, UnfitAmount::Repeated(currency)))
        }
    })
}

fn in_currency(amounts: &[Money], currency: Currency) -> Option<Money> {
    amounts.iter().copied().find(|amount| amount.currency() == currency)
}

/// The operator sets the terms anew; `None` where they are these already.
pub fn agree(partner: &Partner, terms: PayoutTerms, act: Act) -> Option<Change> {
    if partner.payout_terms == terms {
        return None;
    }
    let mut audit = act.audit("partner.set_payout_terms", &partner.id);
    audit.evidence = Some(format!("{terms}. Before: {}.", partner.payout_terms));
    let partner = Partner {
        payout_terms: terms,
        ..partner.clone()
    };
    Some(Change {
        partner,
        audit: Some(audit),
        messages: Vec::new(),
    })
}
