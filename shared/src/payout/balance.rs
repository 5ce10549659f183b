//! What is owed to a partner, what of it is held back and why, and what is due.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use crate::clock::day;
use crate::ids::PartnerId;
use crate::money::{Currency, Money, MoneyError};
use crate::partner::HoldReason;

/// What is owed to a partner in one currency, and how much of it is still held back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    pub partner: PartnerId,
    pub owed: Money,
    /// Amounts by the first day (UTC) on which they may be paid out. Days that have come may still be listed; they no longer hold anything.
    pub held_until: BTreeMap<Date, Money>,
    /// What open disputes may yet take back.
    pub disputed: Money,
    /// What refunds that the partner has begun will take back, once the processor has accepted them.
    pub promised: Money,
}

/// What holds for payouts of one balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Less than this stays owed until there is more.
    pub minimum: Money,
    /// This much always stays owed.
    pub reserve: Money,
    /// What other partners of the same owners owe: it stays owed here for as long.
    pub owner_debt: Money,
}

/// What of a balance may be paid out, and what keeps the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Available {
    /// Between nothing and what is owed; a multiple of what the processor pays out.
    pub payable: Money,
    pub kept: Vec<Kept>,
}

/// An amount that is owed and not paid out now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    pub reason: KeptBy,
    pub amount: Money,
}

/// Why an amount is kept; partners read these codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "snake_case")]
pub enum KeptBy {
    /// Earned so recently that it may still have to be given back; until this day.
    Maturing(Date),
    DisputeOpen,
    RefundBegun,
    OwnerInDebt,
    Reserve,
    /// The processor pays this currency out in larger units.
    BelowPayoutUnit,
    BelowMinimum,
}

impl KeptBy {
    /// What the partner should know.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::Maturing(_) => {
                "Earned so recently that it may still have to be given back. It is payable from its due date on."
            }
            Self::DisputeOpen => "A customer disputes a payment. It is payable once that is decided for you.",
            Self::RefundBegun => "A refund of yours is on its way to the customer and takes this back.",
            Self::OwnerInDebt => {
                "Another partner of the same owner owes this much. It is payable once that partner's later sales have made it good."
            }
            Self::Reserve => "Kept as the reserve that was agreed with you.",
            Self::BelowPayoutUnit => {
                "This currency is paid out in larger units. It is paid out with what you earn next."
            }
            Self::BelowMinimum => "Less than the smallest payout. It is paid out with what you earn next.",
        }
    }

    pub fn until(self) -> Option<Date> {
        match self {
            Self::Maturing(until) => Some(until),
            _ => None,
        }
    }
}

impl Terms {
    /// Pays everything.
    pub fn none(currency: Currency) -> Self {
        let nothing = Money::zero(currency);
        Self {
            minimum: nothing,
            reserve: nothing,
            owner_debt: nothing,
        }
    }
}

impl Balance {
    pub fn empty(partner: PartnerId, currency: Currency) -> Self {
        Self {
            partner,
            owed: Money::zero(currency),
            held_until: BTreeMap::new(),
            disputed: Money::zero(currency),
            promised: Money::zero(currency),
        }
    }

    /// What is owed and nothing takes back yet, matured or not; below zero, what the partner owes.
    pub fn uncommitted(&self) -> Result<Money, MoneyError> {
        self.owed.checked_sub(self.disputed)?.checked_sub(self.promised)
    }

    /// What the partner owes, or will if its customers win their disputes; zero where it owes nothing.
    pub fn debt(&self) -> Result<Money, MoneyError> {
        let nothing = Money::zero(self.currency());
        nothing.checked_sub(self.uncommitted()?.at_most(nothing)?)
    }

    pub fn currency(&self) -> Currency {
        self.owed.currency()
    }

    /// What may be paid out at `now` under these terms. A balance below zero pays nothing: it carries to what is earned next.
    pub fn available(&self, terms: &Terms, now: Timestamp) -> Result<Available, MoneyError> {
        let (currency, today) = (self.currency(), day(now));
        let maturing = self.held_until.iter().filter(|(until, _)| **until > today);
        let mut kept: Vec<Kept> = maturing
            .map(|(until, amount)| (KeptBy::Maturing(*until), *amount))
            .filter(|(_, amount)| !amount.is_zero())
            .map(|(reason, amount)| Kept { reason, amount })
            .collect();
        let maturing = Money::sum(currency, kept.iter().map(|kept| kept.amount))?;
        // What later days take back makes nothing more payable today: never above what is owed.
        let mut left = self.owed.checked_sub(maturing)?.at_most(self.owed)?;
        keep(&mut kept, &mut left, KeptBy::DisputeOpen, self.disputed)?;
        keep(&mut kept, &mut left, KeptBy::RefundBegun, self.promised)?;
        keep(&mut kept, &mut left, KeptBy::OwnerInDebt, terms.owner_debt)?;
        keep(&mut kept, &mut left, KeptBy::Reserve, terms.reserve)?;
        let residue = left.beyond(currency.payout_unit_minor());
        keep(&mut kept, &mut left, KeptBy::BelowPayoutUnit, residue)?;
        let payable = if left.is_positive() {
            left
        } else {
            Money::zero(currency)
        };
        if payable.is_positive() && payable.minor() < terms.minimum.minor() {
            kept.push(Kept {
                reason: KeptBy::BelowMinimum,
                amount: payable,
            });
        }
        Ok(Available { payable, kept })
    }

    /// The days that have come: a payout takes them off the books.
    pub fn matured(&self, now: Timestamp) -> impl Iterator<Item = Date> {
        let today = day(now);
        self.held_until.keys().copied().filter(move |until| *until <= today)
    }
}

/// Keeps an amount for this reason, as far as there still is so much.
fn keep(kept: &mut Vec<Kept>, left: &mut Money, reason: KeptBy, amount: Money) -> Result<(), MoneyError> {
    let amount = amount.at_most(*left)?;
    if amount.is_positive() {
        *left = left.checked_sub(amount)?;
        kept.push(Kept { reason, amount });
    }
    Ok(())
}

/// The day from which money earned at `occurred_at` may be paid out. Counted from the processor's clock, not from ours.
pub fn available_on(occurred_at: Timestamp, hold_days: u32) -> Date {
    let day = day(occurred_at);
    day.checked_add(i64::from(hold_days).days()).unwrap_or(Date::MAX)
}

/// Whether a balance is paid out now, and how much of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    Pay(Money),
    NotYet(NotDue),
}

/// Why nothing is paid out; partners read these codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "snake_case")]
pub enum NotDue {
    NothingPayable,
    BelowMinimum {
        payable: Money,
        minimum: Money,
    },
    PartnerHeld(HoldReason),
    /// The partner is to be paid at PayPal, which this deployment has nothing to do with.
    #[strum(serialize = "paypal_not_offered")]
    PayPalNotOffered,
}

/// The pure decision about one balance. `hold` is what keeps the partner from being paid.
pub fn due(balance: &Balance, terms: &Terms, hold: Option<HoldReason>, now: Timestamp) -> Result<Due, MoneyError> {
    let payable = balance.available(terms, now)?.payable;
    let minimum = terms.minimum;
    Ok(match hold {
        _ if payable.is_zero() => Due::NotYet(NotDue::NothingPayable),
        _ if payable.minor() < minimum.minor() => Due::NotYet(NotDue::BelowMinimum { payable, minimum }),
        Some(reason) => Due::NotYet(NotDue::PartnerHeld(reason)),
        None => Due::Pay(payable),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::seed::Seed;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn eur(amount: i64) -> Money {
        Money::new(amount, Currency::EUR)
    }

    fn partner() -> PartnerId {
        let seed: Seed = "019a0000-0000-7000-8000-000000000000".parse().expect("a uuid");
        seed.id("p")
    }

    fn balance(owed: i64, held: &[(&str, i64)]) -> Balance {
        let held = held
            .iter()
            .map(|(day, amount)| (day.parse().expect("a date"), eur(*amount)));
        Balance {
            owed: eur(owed),
            held_until: held.collect(),
            ..Balance::empty(partner(), Currency::EUR)
        }
    }

    const NOW: &str = "2026-11-22T23:59:59Z";
    const TERMS: Terms = Terms {
        minimum: Money::new(1000, Currency::EUR),
        reserve: Money::zero(Currency::EUR),
        owner_debt: Money::zero(Currency::EUR),
    };

    #[track_caller]
    fn check_due(balance: &Balance, hold: Option<HoldReason>, expected: Due) {
        let decision = due(balance, &TERMS, hold, at(NOW)).expect("small amounts");
        assert_eq!(decision, expected);
    }

    fn below(payable: i64) -> Due {
        Due::NotYet(NotDue::BelowMinimum {
            payable: eur(payable),
            minimum: eur(1000),
        })
    }

    #[test]
    fn only_what_is_no_longer_held_is_due() {
        let nothing = Due::NotYet(NotDue::NothingPayable);
        let due_in_part = balance(5000, &[("2026-11-23", 2000), ("2026-11-22", 1000)]);
        check_due(&due_in_part, None, Due::Pay(eur(3000)));
        check_due(&balance(5000, &[("2026-11-23", 4001)]), None, below(999));
        check_due(&balance(1000, &[]), None, Due::Pay(eur(1000)));
        check_due(&balance(0, &[]), None, nothing);
        check_due(&balance(1500, &[("2026-11-23", 2000)]), None, nothing);
        let missing = HoldReason::PayoutAccountMissing;
        let held = Due::NotYet(NotDue::PartnerHeld(missing));
        check_due(&balance(1000, &[]), Some(missing), held);
        check_due(&balance(999, &[]), Some(missing), below(999));
    }

    #[test]
    fn a_negative_balance_pays_nothing_and_carries() {
        check_due(&balance(-500, &[]), None, Due::NotYet(NotDue::NothingPayable));
        check_due(&balance(700, &[]), None, below(700));
    }

    #[track_caller]
    fn check_kept(balance: &Balance, terms: &Terms, payable: i64, expected: &[(&str, i64)]) {
        let available = balance.available(terms, at(NOW)).expect("small amounts");
        let kept = available
            .kept
            .iter()
            .map(|kept| (kept.reason.to_string(), kept.amount.minor()));
        let expected: Vec<_> = expected
            .iter()
            .map(|(reason, amount)| ((*reason).to_owned(), *amount))
            .collect();
        assert_eq!(
            (available.payable.minor(), kept.collect::<Vec<_>>()),
            (payable, expected)
        );
    }

    #[test]
    fn every_amount_that_is_kept_says_why() {
        let disputed = Balance {
            disputed: eur(700),
            ..balance(5000, &[("2026-11-22", 100), ("2026-11-24", 2000)])
        };
        let reserved = Terms {
            reserve: eur(1500),
            ..TERMS
        };
        check_kept(
            &disputed,
            &reserved,
            800,
            &[
                ("maturing", 2000),
                ("dispute_open", 700),
                ("reserve", 1500),
                ("below_minimum", 800),
            ],
        );
        let indebted = Terms {
            owner_debt: eur(600),
            ..TERMS
        };
        let refunding = Balance {
            promised: eur(300),
            ..balance(2000, &[])
        };
        check_kept(
            &refunding,
            &indebted,
            1100,
            &[("refund_begun", 300), ("owner_in_debt", 600)],
        );
        let deeply = Balance {
            disputed: eur(4000),
            ..disputed
        };
        check_kept(&deeply, &reserved, 0, &[("maturing", 2000), ("dispute_open", 3000)]);
        // A sale of today taken back tomorrow's way: the later day's minus does not free anybody's money.
        let returned = balance(1000, &[("2026-11-24", -600)]);
        check_kept(&returned, &TERMS, 1000, &[("maturing", -600)]);
    }

    /// Scenario 41 of the facts: what the processor cannot pay out stays owed.
    #[test]
    fn scenario_41_what_rounding_leaves_stays_owed() {
        for (currency, owed, paid, residue) in [
            ("HUF", 1045, 1000, 45),
            ("ISK", 199, 100, 99),
            ("TWD", 80_000, 80_000, 0),
            ("UGX", 99, 0, 99),
            ("KWD", 5124, 5120, 4),
            ("JPY", 1045, 1045, 0),
        ] {
            let currency: Currency = currency.parse().expect("a currency");
            let balance = Balance {
                owed: Money::new(owed, currency),
                ..Balance::empty(partner(), currency)
            };
            let available = balance
                .available(&Terms::none(currency), at(NOW))
                .expect("small amounts");
            let kept: i64 = available.kept.iter().map(|kept| kept.amount.minor()).sum();
            assert_eq!((available.payable.minor(), kept), (paid, residue), "{currency}");
            assert!(available.kept.iter().all(|kept| kept.reason == KeptBy::BelowPayoutUnit));
        }
    }

    /// Scenario 39: the hold ends by the processor's clock, wherever ours stands.
    #[test]
    fn scenario_39_the_hold_is_counted_in_whole_days_of_the_processors_clock() {
        assert_eq!(available_on(at("2026-11-22T23:59:59Z"), 0).to_string(), "2026-11-22");
        assert_eq!(available_on(at("2026-11-22T23:59:59Z"), 7).to_string(), "2026-11-29");
        assert_eq!(available_on(at("2026-12-28T00:00:00Z"), 7).to_string(), "2027-01-04");
    }

    proptest! {
        #[test]
        fn payable_lies_between_nothing_and_what_is_owed(
            owed in -10_000_i64..10_000, held in prop::collection::vec((20_i8..28, -5_000_i64..5_000), 0..5),
            disputed in 0_i64..5_000, promised in 0_i64..5_000, reserve in 0_i64..5_000, owner_debt in 0_i64..5_000,
        ) {
            let held_until = held
                .into_iter()
                .map(|(day, amount)| (jiff::civil::date(2026, 11, day), eur(amount)))
                .collect();
            let balance = Balance { partner: partner(), owed: eur(owed), held_until, disputed: eur(disputed), promised: eur(promised) };
            let terms = Terms { reserve: eur(reserve), owner_debt: eur(owner_debt), ..TERMS };
            let available = balance.available(&terms, at(NOW)).expect("small amounts");
            let payable = available.payable.minor();
            prop_assert!(payable >= 0 && payable <= owed.max(0), "{payable} of {owed}");
            prop_assert!(payable == 0 || owed - payable >= disputed + promised + owner_debt + reserve, "{available:?}");
        }
    }
}
