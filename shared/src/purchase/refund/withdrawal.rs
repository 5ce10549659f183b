//! The refund of what had left the shop when it was paid: nobody asks for it, it begins with the payment.

use jiff::Timestamp;

use super::{Refund, RefundOrigin, RefundReason, RefundState};
use crate::money::{Money, MoneyError};
use crate::purchase::reversal::LineAmount;
use crate::purchase::{Order, OrderLine};
use crate::seed::Seed;

/// Sets aside what was paid for lines that had left the shop: nobody has to ask for it. Always the same refund of an order.
pub(in crate::purchase) fn refund_withdrawn(
    order: Order,
    paid_at: Timestamp,
) -> Result<(Order, Option<Refund>), MoneyError> {
    let withdrawn = order.lines.iter().enumerate().filter(|(_, line)| line.withdrawn);
    let amount = |(line, of): (usize, &OrderLine)| LineAmount {
        line,
        minor: of.price.minor(),
    };
    let lines: Vec<_> = withdrawn.map(amount).filter(|amount| amount.minor > 0).collect();
    if lines.is_empty() {
        return Ok((order, None));
    }
    let mut order = order;
    for amount in &lines {
        if let Some(line) = order.lines.get_mut(amount.line) {
            line.claimed_minor = amount.minor;
        }
    }
    let currency = order.total.currency();
    let refund = Refund {
        id: Seed::of(&order.id).id("refund of what was withdrawn"),
        order: order.id,
        customer: order.customer,
        amount: Money::sum(currency, lines.iter().map(|line| Money::new(line.minor, currency)))?,
        lines,
        reason: RefundReason::NoLongerOffered,
        origin: RefundOrigin::Withdrawal,
        note: None,
        created_at: paid_at,
        state: RefundState::Created,
        processor_ref: None,
        returned: Vec::new(),
        review: None,
        promised: Vec::new(),
    };
    Ok((order, Some(refund)))
}
