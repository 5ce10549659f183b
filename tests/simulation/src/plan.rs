//! What happens in a run, before anything goes wrong: who sells what, who buys and pays how, what goes back and why, when payouts are due, what Stripe
//! makes of an account.
//!
//! Made from the seed alone. The same plan is played twice, through a storm of faults and through calm, and must end in the same books.

mod reversals;

use reversals::reversal;

use crate::chance::Chance;
use crate::deed::{Act, Part};
use crate::openings::{self, Opening};
use crate::paypal;
use crate::strangers::Stranger;
use crate::subscriber::{self, Move, Subscription};

/// Prices in minor units by currency: two, no and three decimals; something free, something as small as can be charged.
const PRICES: [(&str, &[i64]); 3] = [
    ("EUR", &[1299, 999, 5001, 333, 60, 51, 0]),
    ("JPY", &[1500, 99, 51, 0]),
    ("KWD", &[12_340, 1_010, 500]),
];

/// What the partners of an opening's own plans sell, two each, in cents.
const OFFERS: [i64; 4] = [1299, 999, 5001, 60];

#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) partners: usize,
    pub(crate) customers: usize,
    pub(crate) listings: Vec<Listing>,
    pub(crate) steps: Vec<Step>,
    pub(crate) hold_days: u32,
    pub(crate) commission_bps: u32,
    /// Instead of the commission, for sales in euros.
    pub(crate) tiers: Option<TierRule>,
    /// Less than this is not paid out, in cents.
    pub(crate) minimum_minor: i64,
    /// How long a payment's funds stay pending at Stripe.
    pub(crate) funds_pending_s: i64,
    /// How long the invoice of a renewal stays a draft.
    pub(crate) draft_s: i64,
    /// How long a bank debit takes.
    pub(crate) debit_takes_s: i64,
    /// Whether all partners are one person's.
    pub(crate) one_owner: bool,
    /// Whether the marketplace has an account at PayPal.
    pub(crate) paypal: bool,
    /// Who is paid there, and not at Stripe.
    pub(crate) payee: Option<Payee>,
}

/// A partner with a receiver at PayPal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Payee {
    pub(crate) partner: usize,
    /// How the stand-in pays whom.
    pub(crate) address: &'static str,
}

/// A rule for the whole marketplace whose rate falls with what was sold before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TierRule {
    /// Where each tier begins, in cents, and the platform's rate in it. The first begins at nothing.
    pub(crate) bands: Vec<(i64, u32)>,
    /// Whether each listing's sales are counted by themselves; otherwise each partner's.
    pub(crate) per_listing: bool,
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
    /// Money of an order goes back: of the one with this number, if it is ever paid.
    Reverse {
        order: usize,
        acts: Vec<Act>,
    },
    PayoutRun,
    /// The books are held against Stripe's.
    Reconciliation,
    /// What still stands at its first state is announced again.
    Sweep,
    /// Part of the newest transfer is taken back by hand, in Stripe's dashboard.
    ReverseTransfer {
        percent: i64,
    },
    /// PayPal takes back what the newest receiver there has got.
    ReversePayoutItem,
    /// Stripe makes the next transfer, and its answers are lost until the message that asks for it is set aside.
    LoseTransferAnswers,
    /// What Stripe tells from now on arrives so much later.
    DelayEvents {
        minutes: i64,
    },
    /// What Stripe tells of the partners' accounts from now on never arrives: their endpoint is not there.
    LoseConnectEvents,
    /// No queue takes or gives a message for so long.
    QueuesOut {
        minutes: i64,
    },
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
    /// A listing is yanked or a partner suspended, or what was is on sale again.
    Sell {
        what: Goods,
        may: bool,
    },
    /// Somebody who has nothing else to do here puts listings into their cart, and clicks on "order" twice.
    Clicks {
        listings: Vec<usize>,
    },
    Subscribe(Subscription),
    /// Another deployment, or nobody, does something in the same account at Stripe.
    Stranger(Stranger),
}

/// What can leave the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goods {
    Listing(usize),
    /// All that the partner sells.
    Partner(usize),
}

/// An order that a plan leads to, by its number.
struct Planned<'a> {
    listings: &'a [usize],
    payment: Payment,
    /// Whether another order is placed of the same cart.
    is_clicked: bool,
}

impl Step {
    /// Whether what has happened is told later.
    pub(crate) fn delays(&self) -> bool {
        matches!(self, Self::DelayEvents { .. } | Self::QueuesOut { .. })
    }

    /// The order of which money goes back.
    fn reverses(&self) -> Option<usize> {
        match self {
            Self::Reverse { order, .. } => Some(*order),
            _ => None,
        }
    }

    /// The orders it leads to.
    fn orders(&self) -> impl Iterator<Item = Planned<'_>> {
        let (count, listings, payment) = match self {
            Self::Order { listings, payment, .. } => (1, listings.as_slice(), *payment),
            Self::Clicks { listings } => (2, listings.as_slice(), Payment::Card),
            _ => (0, [].as_slice(), Payment::Never),
        };
        std::iter::repeat_n((), count).map(move |()| Planned {
            listings,
            payment,
            is_clicked: count > 1,
        })
    }
}

/// How a customer pays, as the stand-in names its test cards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Payment {
    Card,
    /// The first card is declined.
    SecondCard,
    /// The page is left open for hours before a card is tried.
    Late,
    Debit,
    DebitFails,
    /// The page is left; the session expires.
    Never,
    /// Approved at PayPal.
    PayPal(Approval),
}

/// What becomes of the money of an order that is approved at PayPal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Approval {
    Success,
    /// The bank declines at first, and the customer approves again.
    SecondTry,
    /// It is pending for a while.
    Pending,
    /// It is pending for a while, and never comes.
    Denied,
}

impl Payment {
    /// The test cards to try, in this order.
    pub(crate) fn cards(self) -> &'static [&'static str] {
        match self {
            Self::Card | Self::Late => &["success"],
            Self::SecondCard => &["declined", "success"],
            Self::Debit => &["async_success"],
            Self::DebitFails => &["async_failure"],
            Self::Never => &[],
            Self::PayPal(Approval::Success) => &["success"],
            Self::PayPal(Approval::SecondTry) => &["declined", "success"],
            Self::PayPal(Approval::Pending) => &["pending"],
            Self::PayPal(Approval::Denied) => &["denied"],
        }
    }

    pub(crate) fn is_at_paypal(self) -> bool {
        matches!(self, Self::PayPal(_))
    }
}

impl Plan {
    /// A plan as it may come: sometimes with an opening, and always with steps that nobody has thought of.
    pub(crate) fn random(chance: &mut Chance) -> Self {
        let (partners, customers) = (chance.pick(&[1, 2, 2, 3]), 1 + chance.below(2));
        let listings = (0..partners * 2).map(|index| listing(index / 2, chance)).collect();
        let opening = openings::pick(chance);
        let mut plan = Self::of(partners, customers, listings, chance);
        if plan.paypal && chance.percent(40) {
            plan.payee = paypal::payee(&plan, chance);
        }
        if let Some(opening) = opening {
            plan.open(opening, chance);
        }
        for _ in 0..3 + chance.below(4) {
            let step = step(&plan, chance);
            plan.steps.push(step);
        }
        plan
    }

    /// The opening and nothing else, among the same partners with the same offers each time: what it is a proof of does not depend on what
    /// chance makes of a seed.
    pub(crate) fn of_opening(opening: &Opening, chance: &mut Chance) -> Self {
        let offer = |(index, price_minor)| Listing {
            partner: index / 2,
            currency: "EUR",
            price_minor,
        };
        let listings = OFFERS.into_iter().enumerate().map(offer).collect();
        let mut plan = Self::of(OFFERS.len() / 2, 2, listings, chance);
        plan.open(opening, chance);
        plan
    }

    fn of(partners: usize, customers: usize, listings: Vec<Listing>, chance: &mut Chance) -> Self {
        Self {
            partners,
            customers,
            listings,
            steps: Vec::new(),
            hold_days: chance.pick(&[0, 0, 1, 7]),
            commission_bps: chance.pick(&[0, 1_500, 2_000, 3_333]),
            tiers: chance.percent(20).then(|| tier_rule(chance)),
            minimum_minor: chance.pick(&[1, 1, 500]),
            funds_pending_s: chance.pick(&[0, 0, 3 * 86_400]),
            draft_s: chance.pick(&[0, 3_600]),
            debit_takes_s: chance.pick(&[1, 1, 3 * 86_400]),
            one_owner: false,
            paypal: chance.percent(35),
            payee: None,
        }
    }

    /// About what costs most in euros; nothing where nothing does.
    fn open(&mut self, opening: &Opening, chance: &mut Chance) {
        let offers = self.listings.iter().enumerate();
        let in_euros = offers.filter(|(_, listing)| listing.currency == "EUR" && listing.price_minor > 0);
        let dearest = in_euros.max_by_key(|(_, listing)| listing.price_minor);
        if let Some(offer) = dearest.map(|(listing, offer)| Offer {
            listing,
            price_minor: offer.price_minor,
            customers: self.customers,
        }) {
            (opening.open)(self, offer, chance);
        }
    }

    fn order(&self, number: usize) -> Option<Planned<'_>> {
        self.steps.iter().flat_map(Step::orders).nth(number)
    }

    /// How many of the steps are somebody's who does nothing else.
    pub(crate) fn clickers(&self) -> usize {
        let clicks = |step: &&Step| matches!(step, Step::Clicks { .. });
        self.steps.iter().filter(clicks).count()
    }

    /// Everybody who does something here.
    pub(crate) fn people(&self) -> usize {
        let subscribes = |step: &&Step| matches!(step, Step::Subscribe(_));
        self.customers + self.clickers() + self.steps.iter().filter(subscribes).count()
    }

    /// Whether something leaves the shop.
    pub(crate) fn sells_less(&self) -> bool {
        let mut steps = self.steps.iter();
        steps.any(|step| matches!(step, Step::Sell { may: false, .. }))
    }

    fn acts_on(&self, order: usize) -> impl Iterator<Item = &[Act]> {
        self.steps.iter().filter_map(move |step| match step {
            Step::Reverse { order: of, acts } if *of == order => Some(acts.as_slice()),
            _ => None,
        })
    }

    /// Whether what becomes of an order depends on who is faster.
    pub(crate) fn is_raced(&self, order: usize) -> bool {
        let Some(planned) = self.order(order) else {
            return false;
        };
        let is_of = |what: Goods| {
            planned.listings.iter().any(|index| match what {
                Goods::Listing(listing) => listing == *index,
                Goods::Partner(partner) => self.listings[*index].partner == partner,
            })
        };
        let leaves = |step: &Step| matches!(step, Step::Sell { what, .. } if is_of(*what));
        let is_cancelled = self.acts_on(order).any(|acts| acts.contains(&Act::Cancel));
        planned.is_clicked || is_cancelled || self.steps.iter().any(leaves)
    }

    /// Whether an order's books end the same in whatever order things happen: each cent that goes back twice over, or that a tier counts
    /// first, makes them depend on it.
    pub(crate) fn is_settled_alike(&self, order: usize) -> bool {
        let in_euros = |planned: &Planned<'_>| {
            planned
                .listings
                .iter()
                .any(|index| self.listings[*index].currency == "EUR")
        };
        let is_counted = self.tiers.is_some() && self.order(order).as_ref().is_some_and(in_euros);
        // What partners may refund depends on what they have been paid by then.
        let is_partners = |act: &Act| matches!(act, Act::RefundAsPartner(_));
        let by_partner = self.acts_on(order).flatten().any(is_partners);
        self.acts_on(order).count() <= 1 && !by_partner && !is_counted
    }
}

impl Listing {
    /// Whether each tariff of it is an amount that can be charged.
    pub(crate) fn has_plans(&self) -> bool {
        self.currency == "EUR" && self.price_minor >= 50
    }
}

/// What an opening is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offer {
    pub(crate) listing: usize,
    pub(crate) price_minor: i64,
    customers: usize,
}

impl Offer {
    /// The customers buy it in turn.
    pub(crate) fn order(self, number: usize, payment: Payment) -> Step {
        Step::Order {
            customer: number % self.customers,
            listings: vec![self.listing],
            payment,
        }
    }

    pub(crate) fn subscription(self, tariff: usize, seats: u32, moves: Vec<Move>) -> Step {
        Step::Subscribe(Subscription {
            listing: self.listing,
            tariff,
            seats,
            moves,
        })
    }

    pub(crate) fn leaves(self) -> Step {
        Step::Sell {
            what: Goods::Listing(self.listing),
            may: false,
        }
    }

    pub(crate) fn part(minor: i64) -> Part {
        Part::Line { line: 0, minor }
    }
}

pub(crate) fn tier_rule(chance: &mut Chance) -> TierRule {
    let first = chance.pick(&[500, 1_300, 2_000]);
    let rates = chance.pick(&[[3_000, 2_500, 2_000], [0, 1_500, 1_500], [1_777, 333, 0]]);
    TierRule {
        bands: vec![(0, rates[0]), (first, rates[1]), (3 * first, rates[2])],
        per_listing: chance.percent(50),
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

fn step(plan: &Plan, chance: &mut Chance) -> Step {
    let (partners, listings) = (plan.partners, plan.listings.as_slice());
    let at_paypal = usize::from(plan.payee.is_some());
    let kinds = vec![
        (6, 0),
        (4, 1),
        (2, 2),
        (2, 3),
        (1, 4),
        (1, 5),
        (1, 6),
        (1, 7),
        (1, 8),
        (1, 9),
        (1, 10),
        (1, 11),
        (1, 12),
        (at_paypal, 13),
    ];
    match chance.weighted(kinds).unwrap_or_default() {
        0 => order(plan, chance),
        1 => reversal(listings, &plan.steps, chance).unwrap_or_else(|| order(plan, chance)),
        2 => Step::PayoutRun,
        3 => Step::Wait {
            minutes: chance.pick(&[5, 90, 26 * 60, 9 * 24 * 60]),
        },
        4 => Step::Account {
            partner: chance.below(partners),
            works: chance.percent(50),
        },
        5 => Step::MoveAccount {
            partner: chance.below(partners),
        },
        6 => Step::Reconciliation,
        7 => Step::Sweep,
        8 => Step::ReverseTransfer {
            percent: chance.pick(&[1, 50, 100]),
        },
        9 => Step::Stranger(chance.pick(&Stranger::ALL)),
        10 => sell(partners, listings, &plan.steps, chance),
        11 => match order(plan, chance) {
            Step::Order { listings, .. } => Step::Clicks { listings },
            other => other,
        },
        12 => subscriber::step(listings, chance).unwrap_or(Step::PayoutRun),
        _ => Step::ReversePayoutItem,
    }
}

/// What has left the shop comes back as likely as something else leaves it.
fn sell(partners: usize, listings: &[Listing], before: &[Step], chance: &mut Chance) -> Step {
    let gone = before.iter().rev().find_map(|step| match step {
        Step::Sell { what, may } => Some((*what, *may)),
        _ => None,
    });
    match gone {
        Some((what, false)) if chance.percent(50) => Step::Sell { what, may: true },
        _ if chance.percent(30) => Step::Sell {
            what: Goods::Partner(chance.below(partners)),
            may: false,
        },
        _ => Step::Sell {
            what: Goods::Listing(chance.below(listings.len())),
            may: false,
        },
    }
}

/// A cart of listings in one currency, of as many partners as have such.
fn order(plan: &Plan, chance: &mut Chance) -> Step {
    let (customers, listings) = (plan.customers, plan.listings.as_slice());
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
            Payment::Late,
            Payment::Debit,
            Payment::DebitFails,
            Payment::Never,
        ]
    } else {
        &[
            Payment::Card,
            Payment::Card,
            Payment::SecondCard,
            Payment::Late,
            Payment::Never,
        ]
    };
    let payment = if euros && plan.paypal && chance.percent(50) {
        paypal::approval(chance)
    } else {
        chance.pick(ways)
    };
    Step::Order {
        customer: chance.below(customers),
        listings: cart,
        payment,
    }
}
