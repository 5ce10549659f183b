//! Credit that subscriptions have not spent, laid on what was paid for them.
//!
//! A change that costs less gives credit for the rest of the period, which pays the next invoices first. While it is there it is money that the
//! customer has back already, so it is not refunded as well: of all payments of a subscription together, what was paid less the credit can
//! be. Which payment it lies on follows from how credit is spent: an invoice takes all of it before a card is charged, so whatever is left came
//! after the newest payment, and lies on the newest first.

use std::cmp::Reverse;

use super::{Order, OrderStatus};
use crate::money::Money;

/// How unspent credit lies on the payments of a subscription.
#[derive(Debug, Clone, PartialEq)]
pub struct CreditSpread {
    /// Those on which another amount lies than before.
    pub changed: Vec<Order>,
    /// What is more than all that is left of them.
    pub beyond_minor: i64,
}

/// Lays what a subscription has as credit on its payments. What is on its way back to the customer has no room for it.
pub fn spread(orders: &[Order], credit: Option<Money>) -> CreditSpread {
    let mut newest: Vec<&Order> = orders
        .iter()
        .filter(|order| order.status == OrderStatus::Paid)
        .collect();
    newest.sort_by_key(|order| Reverse((order.placed_at, order.id)));
    let mut left = credit.map_or(0, |credit| credit.minor());
    let mut changed = Vec::new();
    for order in newest {
        let is_same_currency = credit.is_some_and(|credit| credit.currency() == order.total.currency());
        let mut next = order.clone();
        for line in &mut next.lines {
            let room = if is_same_currency { line.unclaimed_minor() } else { 0 };
            line.credited_minor = room.min(left);
            left -= line.credited_minor;
        }
        if next != *order {
            changed.push(next);
        }
    }
    CreditSpread {
        changed,
        beyond_minor: left,
    }
}
