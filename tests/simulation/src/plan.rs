//! What happens in a run, before anything goes wrong: who sells what, who buys and pays how, when payouts are due, what Stripe makes of an account.
//!
//! Made from the seed alone. The same plan is played twice, through a storm of faults and through calm, and must end in the same books.

use crate::chance::Chance;

/// Prices in minor units by currency: two, no and three decimals; something free, something smaller than the processor's fee.
const PRICES: [(&str, &[i64]); 3] = [
    ("EUR", &[1299, 999, 5001, 333, 60, 51, 0]),
    ("JPY", &[1500, 99, 51, 0]),
    ("KWD", &[12_345, 1_001, 77]),
];

#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) partners: usize,
    pub(crate) customers: usize,
    pub(crate) listings: Vec<Listing>,
    pub(crate) steps: Vec<Step>,
    pub(crate) hold_days: u32,
    pub(crate) commission_bps: u32,
    /// Less than this is not paid out, in cents.
    pub(crate) minimum_minor: i64,
    /// How long a payment's funds stay pending at Stripe.
    pub(crate) funds_pending_s: i64,
}

#[derive(Debug)]
pub(crate) struct Listing {
    pub(crate) partner: usize,
    pub(crate) currency: &'static str,
    pub(crate) price_minor: i64,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    /// A customer orders and pays.
    Order {
        customer: usize,
        listings: Vec<usize>,
        payment: Payment,
    },
    PayoutRun,
    /// Time passes. Whoever is at the shop's counter ends first; messages may wait.
    Wait {
        minutes: i64,
    },
    /// Stripe stops transfers to the partner's account, or allows them again.
    Account {
        partner: usize,
        works: bool,
    },
    /// The partner is to be paid to another account from now on.
    MoveAccount {
        partner: usize,
    },
}

/// How a customer pays, as the stand-in names its test cards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Payment {
    Card,
    /// The first card is declined.
    SecondCard,
    Debit,
    DebitFails,
    /// The page is left; the session expires.
    Never,
}

impl Payment {
    /// The test cards to try, in this order.
    pub(crate) fn cards(self) -> &'static [&'static str] {
        match self {
            Self::Card => &["success"],
            Self::SecondCard => &["declined", "success"],
            Self::Debit => &["async_success"],
            Self::DebitFails => &["async_failure"],
            Self::Never => &[],
        }
    }
}

impl Plan {
    pub(crate) fn new(chance: &mut Chance) -> Self {
        let (partners, customers) = (chance.pick(&[1, 2, 2, 3]), 1 + chance.below(2));
        let listings: Vec<_> = (0..partners * 2).map(|index| listing(index / 2, chance)).collect();
        let mut steps = Vec::new();
        for _ in 0..4 + chance.below(6) {
            steps.push(step(partners, customers, &listings, chance));
        }
        Self {
            partners,
            customers,
            listings,
            steps,
            hold_days: chance.pick(&[0, 0, 1, 7]),
            commission_bps: chance.pick(&[0, 1_500, 2_000, 3_333]),
            minimum_minor: chance.pick(&[1, 1, 500]),
            funds_pending_s: chance.pick(&[0, 0, 3 * 86_400]),
        }
    }
}

fn listing(partner: usize, chance: &mut Chance) -> Listing {
    let weights = PRICES
        .into_iter()
        .zip([6, 1, 1])
        .map(|(prices, weight)| (weight, prices));
    let (currency, prices) = chance.weighted(weights.collect()).unwrap_or(PRICES[0]);
    Listing {
        partner,
        currency,
        price_minor: chance.pick(prices),
    }
}

fn step(partners: usize, customers: usize, listings: &[Listing], chance: &mut Chance) -> Step {
    let kinds = vec![(6, 0), (2, 1), (2, 2), (1, 3), (1, 4)];
    match chance.weighted(kinds).unwrap_or_default() {
        0 => order(customers, listings, chance),
        1 => Step::PayoutRun,
        2 => Step::Wait {
            minutes: chance.pick(&[5, 90, 26 * 60, 9 * 24 * 60]),
        },
        3 => Step::Account {
            partner: chance.below(partners),
            works: chance.percent(50),
        },
        _ => Step::MoveAccount {
            partner: chance.below(partners),
        },
    }
}

/// A cart of listings in one currency, of as many partners as have such.
fn order(customers: usize, listings: &[Listing], chance: &mut Chance) -> Step {
    let first = chance.below(listings.len());
    let mut cart = vec![first];
    for index in 0..listings.len() {
        if index != first && listings[index].currency == listings[first].currency && chance.percent(40) {
            cart.push(index);
        }
    }
    let euros = listings[first].currency == "EUR";
    let ways: &[_] = if euros {
        &[
            Payment::Card,
            Payment::Card,
            Payment::SecondCard,
            Payment::Debit,
            Payment::DebitFails,
            Payment::Never,
        ]
    } else {
        &[Payment::Card, Payment::Card, Payment::SecondCard, Payment::Never]
    };
    Step::Order {
        customer: chance.below(customers),
        listings: cart,
        payment: chance.pick(ways),
    }
}
