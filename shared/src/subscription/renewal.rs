//! A paid invoice as an order: what follows from a sale follows from a renewal.

use jiff::Timestamp;

use super::Subscription;
use crate::clock::day;
use crate::ids::OrderId;
use crate::ledger::Processor;
use crate::money::Money;
use crate::purchase::{Order, OrderLine, OrderStatus, Renewal};
use crate::revenue::{Legs, Withheld};
use crate::seed::Seed;

/// An invoice that Stripe says is paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaidInvoice {
    pub id: String,
    pub created: Timestamp,
    /// A draft waits before it is charged, and is tried again when that fails.
    pub paid_at: Option<Timestamp>,
    /// What was charged; credit that the customer had is not in it.
    pub amount: Money,
    /// The end of the latest period on it.
    pub until: Timestamp,
}

impl PaidInvoice {
    /// What everything that follows from this invoice gets its ids from.
    pub fn seed(&self) -> Seed {
        invoice_seed(&self.id, self.created)
    }
}

/// The order that an invoice becomes: always the same one.
pub fn renewal_order(invoice: &str, created: Timestamp) -> OrderId {
    invoice_seed(invoice, created).id("order")
}

fn invoice_seed(invoice: &str, created: Timestamp) -> Seed {
    Seed::named(created, invoice)
}

/// Whether a period that is paid for until then rests on this payment: it paid for the period itself, or it may have given the credit that did.
pub fn rests_on(paid_until: Timestamp, order: &Order, drew_credit: bool) -> bool {
    let renewal = order.renewal.as_ref();
    renewal.is_some_and(|renewal| drew_credit || renewal.until >= paid_until)
}

/// An order that is about to be settled, under the terms that were frozen when the subscription was made. It issues no licence: that one
/// follows the subscription.
pub fn renewal(subscription: &Subscription, invoice: &PaidInvoice) -> Order {
    let line = OrderLine {
        listing: subscription.plan.listing,
        partner: subscription.plan.partner,
        title: format!(
            "{}: {}, until {}",
            subscription.title,
            subscription.plan.name,
            day(invoice.until)
        ),
        price: invoice.amount,
        terms: subscription.terms.clone(),
        withheld: Withheld::default(),
        division: None,
        claimed_minor: 0,
        lost_minor: 0,
        credited_minor: 0,
        requested: None,
        returned: Legs::default(),
        licence: subscription.licence,
        policy: None,
        withdrawn: false,
    };
    Order {
        id: renewal_order(&invoice.id, invoice.created),
        customer: subscription.customer,
        status: OrderStatus::Pending,
        total: invoice.amount,
        lines: vec![line],
        referrers: subscription.referrers,
        placed_at: invoice.created,
        processor: Processor::Stripe,
        session: None,
        renewal: Some(Renewal {
            subscription: subscription.id,
            invoice: invoice.id.clone(),
            until: invoice.until,
        }),
        paid_at: None,
        charge: None,
        paid_with: None,
        available_on: None,
        excess_minor: 0,
    }
}
