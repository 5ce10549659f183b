//! Orders: what a customer buys, what each partner will get of it, and what a payment makes of it.
//!
//! ```text
//!            completed, unpaid
//!  pending ───────────────────▶ awaiting_payment
//!    │  │                         │      │
//!    │  └── expired, cancelled    │      └── cancelled (payment failed)
//!    ▼                            ▼
//!   paid ◀────────────────────────┘
//! ```
//!
//! Money decides: a payment settles an order even when an earlier event had called it cancelled or expired, because events arrive in any
//! order and the customer has paid. `paid` is final here. Prices, the terms of their division and the licence's id are frozen on the line
//! when the order is placed; settling adds nothing that was not agreed then.

pub mod credit;
pub mod dispute;
pub mod fee;
pub mod promise;
pub mod refund;
pub mod reversal;
mod settle;

pub use settle::{Moved, Payment, SettleError, Settlement, settle};

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::ids::{LicenceId, ListingId, OrderId, PartnerId, RefundId, SubscriptionId, UserId};
use crate::ledger::Processor;
use crate::licence::Terms as LicenceTerms;
use crate::money::{ChargeLimits, Currency, Money, MoneyError, NotChargeable};
use crate::revenue::{Base, Counter, Division, Legs, Referrers, Terms, Withheld};
use crate::seed::Seed;

/// One DynamoDB transaction settles an order: two items a partner or referrer, one a line, one a counter, one for the order, of at
/// most 100.
pub const MAX_LINES: usize = 20;

/// What a customer is about to buy: at most [`MAX_LINES`] listings, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cart {
    pub lines: Vec<ListingId>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a cart has room for {MAX_LINES} listings; check out first, or remove one")]
pub struct CartFull;

impl Cart {
    /// Adding what is there changes nothing.
    pub fn add(&mut self, listing: ListingId) -> Result<(), CartFull> {
        if self.lines.contains(&listing) {
            return Ok(());
        }
        if self.lines.len() == MAX_LINES {
            return Err(CartFull);
        }
        self.lines.push(listing);
        Ok(())
    }

    pub fn remove(&mut self, listing: ListingId) {
        self.lines.retain(|line| *line != listing);
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    pub id: OrderId,
    pub customer: UserId,
    pub status: OrderStatus,
    pub total: Money,
    pub lines: Vec<OrderLine>,
    #[serde(skip_serializing_if = "is_default", default)]
    pub referrers: Referrers,
    pub placed_at: Timestamp,
    #[serde(skip_serializing_if = "is_default", default)]
    pub processor: Processor,
    /// Stripe's checkout session or PayPal's order; a free order has none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub session: Option<String>,
    /// What a subscription paid, where the order is that: it was paid before it was placed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub renewal: Option<Renewal>,
    /// By the processor's clock.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub paid_at: Option<Timestamp>,
    /// Stripe's charge or PayPal's capture.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub charge: Option<String>,
    /// What it was paid with, as the processor recognises it again: a card's fingerprint, an account at PayPal.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub paid_with: Option<String>,
    /// From which day the shares of a paid order may be paid out.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub available_on: Option<Date>,
    /// What went back beyond all that its legs had: the platform's loss.
    #[serde(skip_serializing_if = "is_default", default)]
    pub excess_minor: i64,
}

/// Which invoice of which subscription an order is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renewal {
    pub subscription: SubscriptionId,
    pub invoice: String,
    /// The end of the period that it paid for.
    pub until: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum OrderStatus {
    Pending,
    AwaitingPayment,
    Paid,
    Cancelled,
    Expired,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine {
    pub listing: ListingId,
    pub partner: PartnerId,
    pub title: String,
    pub price: Money,
    /// How the price is divided: frozen when the order is placed.
    pub terms: Terms,
    /// Which referrers are not paid for it, found when it was paid.
    #[serde(skip_serializing_if = "is_default", default)]
    pub withheld: Withheld,
    /// How it was divided when the order was paid.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub division: Option<Division>,
    /// What refunds have promised back to the customer, posted or not.
    #[serde(skip_serializing_if = "is_default", default)]
    pub claimed_minor: i64,
    /// What lost disputes have taken: of this line's price no refund can give it back once more.
    #[serde(skip_serializing_if = "is_default", default)]
    pub lost_minor: i64,
    /// What the customer has as credit that their subscription has not spent ([`credit`]): it is not refunded as well.
    #[serde(skip_serializing_if = "is_default", default)]
    pub credited_minor: i64,
    /// The customer's request for a refund that waits to be decided. A line has one at a time.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub requested: Option<RefundId>,
    /// What has been posted back, leg by leg.
    #[serde(skip_serializing_if = "is_default", default)]
    pub returned: Legs,
    /// Given when the order is placed, issued when it is paid.
    pub licence: LicenceId,
    /// What it allows: frozen when the order is placed. Nothing: what Individual allows.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub policy: Option<LicenceTerms>,
    /// It had left the shop when the payment came: nobody earns by it, no licence was issued, and the price goes back.
    #[serde(skip_serializing_if = "is_default", default)]
    pub withdrawn: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What is on offer at the moment of ordering, as far as an order cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    pub listing: ListingId,
    pub partner: PartnerId,
    pub title: String,
    pub price: Money,
    /// How a sale of it would be divided.
    pub terms: Terms,
    /// What its licence would allow.
    pub policy: Option<LicenceTerms>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    #[error("an order needs at least one line")]
    Empty,
    #[error("an order has at most {MAX_LINES} lines")]
    TooManyLines,
    #[error("the listing of line {index} is already in this order")]
    Duplicate { index: usize },
    #[error("line {index} is priced in {found}, the others in {expected}: order each currency by itself")]
    MixedCurrencies {
        index: usize,
        expected: Currency,
        found: Currency,
    },
    #[error("the order's total is too large")]
    Money(#[from] MoneyError),
}

/// Why a processor cannot charge an order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChargeError {
    #[error("{processor} takes no payments in {currency}")]
    Currency { processor: Processor, currency: Currency },
    #[error(transparent)]
    Amount(#[from] NotChargeable),
}

/// Why an order cannot be cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CancelError {
    #[error("the order is paid")]
    Paid,
    #[error("the payment of the order is on its way")]
    Paying,
}

/// Places an order: freezes prices and terms, gives ids to the order and to each licence that it will issue.
pub fn place(
    customer: UserId,
    offers: &[Offer],
    referrers: Referrers,
    seed: Seed,
    now: Timestamp,
) -> Result<Order, PlaceError> {
    let first = offers.first().ok_or(PlaceError::Empty)?;
    if offers.len() > MAX_LINES {
        return Err(PlaceError::TooManyLines);
    }
    let currency = first.price.currency();
    let mut seen = BTreeSet::new();
    let mut lines = Vec::with_capacity(offers.len());
    for (index, offer) in offers.iter().enumerate() {
        if !seen.insert(offer.listing) {
            return Err(PlaceError::Duplicate { index });
        }
        if offer.price.currency() != currency {
            return Err(PlaceError::MixedCurrencies {
                index,
                expected: currency,
                found: offer.price.currency(),
            });
        }
        lines.push(OrderLine {
            listing: offer.listing,
            partner: offer.partner,
            title: offer.title.clone(),
            price: offer.price,
            terms: offer.terms.clone(),
            withheld: Withheld::default(),
            division: None,
            claimed_minor: 0,
            lost_minor: 0,
            credited_minor: 0,
            requested: None,
            returned: Legs::default(),
            licence: seed.id(&format!("licence {index}")),
            policy: offer.policy.clone(),
            withdrawn: false,
        });
    }
    let total = Money::sum(currency, lines.iter().map(|line| line.price))?;
    Ok(Order {
        id: seed.id("order"),
        customer,
        status: OrderStatus::Pending,
        total,
        lines,
        referrers,
        placed_at: now,
        processor: Processor::default(),
        session: None,
        renewal: None,
        excess_minor: 0,
        paid_at: None,
        charge: None,
        paid_with: None,
        available_on: None,
    })
}

impl OrderLine {
    /// Who got how much of the price; nothing before the order is paid.
    pub fn legs(&self) -> Legs {
        self.division.as_ref().map(|division| division.legs).unwrap_or_default()
    }

    /// In whose journal its sale stands; in the platform's own, where nobody has sold it.
    pub fn journal(&self) -> Option<PartnerId> {
        (!self.withdrawn).then_some(self.partner)
    }

    fn counter(&self, at: Timestamp) -> Option<Counter> {
        self.journal()
            .and_then(|partner| self.terms.counter(partner, self.listing, at))
    }
}

impl Order {
    /// The partners whose listings are in the order, each once, in a fixed order.
    pub fn partners(&self) -> BTreeSet<PartnerId> {
        self.lines.iter().map(|line| line.partner).collect()
    }

    /// The counters that dividing the order reads, when it is paid at this moment.
    pub fn counters(&self, at: Timestamp) -> BTreeSet<Counter> {
        self.lines.iter().filter_map(|line| line.counter(at)).collect()
    }

    /// The licences that come with it. Of a renewal there are none: that licence follows its subscription.
    pub fn licences(&self) -> impl Iterator<Item = LicenceId> {
        let sold = self
            .lines
            .iter()
            .filter(|line| self.renewal.is_none() && !line.withdrawn);
        sold.map(|line| line.licence)
    }

    /// Whether its processor can charge it. What costs nothing is not charged.
    pub fn check_charge(&self) -> Result<(), ChargeError> {
        if self.total.is_zero() {
            return Ok(());
        }
        let limits = self.charge_limits().ok_or(ChargeError::Currency {
            processor: self.processor,
            currency: self.total.currency(),
        })?;
        for line in self.lines.iter().filter(|line| !line.price.is_zero()) {
            limits.check(line.price)?;
        }
        Ok(limits.check(self.total)?)
    }

    /// What every amount that its processor moves is a multiple of.
    pub fn charge_step_minor(&self) -> i64 {
        self.charge_limits().map_or(1, |limits| limits.step_minor())
    }

    /// `None` where its processor does not take the currency.
    fn charge_limits(&self) -> Option<ChargeLimits> {
        let currency = self.total.currency();
        match self.processor {
            Processor::Stripe => Some(ChargeLimits::at_stripe(currency)),
            Processor::PayPal => ChargeLimits::at_paypal(currency),
        }
    }

    /// The order as it is paid when these listings have left the shop.
    #[must_use]
    pub fn without(&self, withdrawn: &BTreeSet<ListingId>) -> Self {
        let mut order = self.clone();
        for line in &mut order.lines {
            line.withdrawn = withdrawn.contains(&line.listing);
        }
        order
    }

    /// Whether everything that was paid has been given back, but for what the customer has as credit.
    pub fn is_given_back(&self) -> bool {
        self.refunded().is_positive() && !self.pays()
    }

    /// Whether anything of what was paid still pays for what was bought: it has not been given back, and is not kept as credit for later.
    pub fn pays(&self) -> bool {
        let credited: i64 = self.lines.iter().map(|line| line.credited_minor).sum();
        self.refunded().minor().saturating_add(credited) < self.total.minor()
    }

    /// Whether a partner bears a part of the processor's fee.
    pub fn shares_fee(&self) -> bool {
        self.lines.iter().any(|line| line.terms.figures.base == Base::Net)
    }

    /// Whether it has ended without a payment.
    pub fn has_ended(&self) -> bool {
        matches!(self.status, OrderStatus::Cancelled | OrderStatus::Expired)
    }

    /// The checkout ended and the money is still on its way. `None` where that is no news.
    #[must_use]
    pub fn await_payment(&self) -> Option<Self> {
        (self.status == OrderStatus::Pending).then(|| Self {
            status: OrderStatus::AwaitingPayment,
            ..self.clone()
        })
    }

    /// As its customer wants it. `None` where it has ended without a payment already.
    pub fn cancel(&self) -> Result<Option<Self>, CancelError> {
        match self.status {
            // What costs nothing is as good as paid when it is placed.
            OrderStatus::Pending if self.total.is_zero() => Err(CancelError::Paid),
            OrderStatus::Pending => Ok(self.end_unpaid(OrderStatus::Cancelled)),
            OrderStatus::AwaitingPayment => Err(CancelError::Paying),
            OrderStatus::Paid => Err(CancelError::Paid),
            OrderStatus::Cancelled | OrderStatus::Expired => Ok(None),
        }
    }

    /// The payment failed, or the customer let the checkout lapse. `None` where that is no news: a paid order stays paid.
    #[must_use]
    pub fn end_unpaid(&self, status: OrderStatus) -> Option<Self> {
        let open = matches!(self.status, OrderStatus::Pending | OrderStatus::AwaitingPayment);
        open.then(|| Self { status, ..self.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::BasisPoints;

    fn seed() -> Seed {
        "019a0000-0000-7000-8000-000000000000".parse().expect("a uuid")
    }

    fn offer(label: &str, price: Money) -> Offer {
        Offer {
            listing: seed().id(label),
            partner: seed().id("p"),
            title: label.to_owned(),
            price,
            terms: Terms::default_rule(BasisPoints::try_from(2000).expect("a rate")),
            policy: None,
        }
    }

    fn placed(offers: &[Offer]) -> Result<Order, PlaceError> {
        place(
            seed().id("customer"),
            offers,
            Referrers::default(),
            seed(),
            "2026-11-22T09:00:00Z".parse().expect("a time"),
        )
    }

    fn eur(amount: i64) -> Money {
        Money::new(amount, Currency::EUR)
    }

    #[test]
    fn an_order_freezes_prices_terms_and_licence_ids() {
        let order = placed(&[offer("a", eur(1299)), offer("b", eur(1))]).expect("two lines");
        assert_eq!(order.total, eur(1300));
        assert_eq!(order.lines[1].terms, offer("b", eur(1)).terms);
        assert_ne!(order.lines[0].licence, order.lines[1].licence);
        assert_eq!(
            order,
            placed(&[offer("a", eur(1299)), offer("b", eur(1))]).expect("again"),
            "a retry places the same order"
        );
    }

    #[test]
    fn what_cannot_be_ordered_together_is_refused() {
        assert_eq!(placed(&[]), Err(PlaceError::Empty));
        assert_eq!(
            placed(&[offer("a", eur(1)), offer("a", eur(1))]),
            Err(PlaceError::Duplicate { index: 1 })
        );
        let mixed = placed(&[offer("a", eur(1)), offer("b", Money::new(1, Currency::USD))]);
        assert!(matches!(mixed, Err(PlaceError::MixedCurrencies { index: 1, .. })));
        let many: Vec<_> = (0..=MAX_LINES).map(|i| offer(&i.to_string(), eur(1))).collect();
        assert_eq!(placed(&many), Err(PlaceError::TooManyLines));
        let huge = placed(&[offer("a", eur(i64::MAX)), offer("b", eur(1))]);
        assert_eq!(huge, Err(PlaceError::Money(MoneyError::Overflow)));
    }

    #[test]
    fn a_cart_holds_each_listing_once_and_has_an_end() {
        let mut cart = Cart::default();
        for i in 0..MAX_LINES {
            cart.add(seed().id(&i.to_string())).expect("room");
        }
        assert_eq!(cart.add(seed().id("0")), Ok(()));
        assert_eq!(cart.add(seed().id("one more")), Err(CartFull));
        cart.remove(seed().id("0"));
        assert_eq!(cart.lines.len(), MAX_LINES - 1);
    }

    #[test]
    fn a_paid_order_does_not_listen_to_late_news() {
        let order = placed(&[offer("a", eur(1))]).expect("one line");
        assert!(order.await_payment().is_some());
        assert!(order.end_unpaid(OrderStatus::Expired).is_some());
        let paid = Order {
            status: OrderStatus::Paid,
            ..order
        };
        assert!(paid.await_payment().is_none());
        assert!(paid.end_unpaid(OrderStatus::Cancelled).is_none());
    }
}
