//! What customers ask for: opened, approved, declined, or ended because nothing of it is left.

use jiff::Timestamp;

use super::amounts::nothing_left;
use super::{Begun, Refund, RefundError, RefundState};
use crate::ids::RefundId;
use crate::money::{Money, MoneyError};
use crate::purchase::Order;
use crate::purchase::promise::ReviewReason;
use crate::purchase::reversal::LineAmount;

/// A line has one open request at a time: each is decided, or superseded, before there is another.
pub(super) fn open(order: &Order, refund: Refund) -> Result<Begun, RefundError> {
    let mut order = order.clone();
    for amount in &refund.lines {
        let index = amount.line;
        let line = order.lines.get_mut(index);
        let line = line.ok_or(RefundError::NoSuchLine { line: index })?;
        if let Some(open) = line.requested {
            let (line, refund) = (index, open);
            return Err(RefundError::RequestOpen { line, refund });
        }
        line.requested = Some(refund.id);
    }
    Ok(Begun { order, refund })
}

/// What a partner wanted to refund and is not owed enough for, as a request that waits for an operator.
pub fn ask_operator(order: &Order, refund: &Refund, review: ReviewReason) -> Result<Begun, RefundError> {
    let asked = Refund {
        state: RefundState::Requested,
        review: Some(review),
        ..refund.clone()
    };
    open(order, asked)
}

/// Sets the amount aside, to be asked of the processor. Where a part of it has gone back since it was asked for, the rest.
pub fn approve(order: &Order, refund: &Refund) -> Result<Begun, RefundError> {
    if refund.state != RefundState::Requested {
        return Err(RefundError::NotRequested);
    }
    let mut order = without_request(order, refund.id);
    let mut lines = Vec::with_capacity(refund.lines.len());
    let mut approved = 0_i64;
    for amount in &refund.lines {
        let line = order.lines.get_mut(amount.line);
        let line = line.ok_or(RefundError::NoSuchLine { line: amount.line })?;
        let minor = amount.minor.min(line.refundable_minor());
        if minor > 0 {
            line.claimed_minor += minor;
            approved = approved.checked_add(minor).ok_or(MoneyError::Overflow)?;
            lines.push(LineAmount { minor, ..*amount });
        }
    }
    if lines.is_empty() {
        let named = refund.lines.iter().map(|amount| amount.line);
        return Err(nothing_left(&order, named));
    }
    Ok(Begun {
        order,
        refund: Refund {
            state: RefundState::Created,
            amount: Money::new(approved, refund.amount.currency()),
            lines,
            ..refund.clone()
        },
    })
}

pub fn decline(order: &Order, refund: &Refund, note: &str, now: Timestamp) -> Result<Begun, RefundError> {
    if refund.state != RefundState::Requested {
        return Err(RefundError::NotRequested);
    }
    let note = note.to_owned();
    Ok(Begun {
        order: without_request(order, refund.id),
        refund: Refund {
            state: RefundState::Declined { at: now, note },
            ..refund.clone()
        },
    })
}

/// Ends a request of which nothing is left to be given back. `None` where something is, or it does not wait any more.
pub fn supersede(order: &Order, refund: &Refund, now: Timestamp) -> Option<Begun> {
    let is_left = |amount: &LineAmount| {
        let line = order.lines.get(amount.line);
        line.is_some_and(|line| line.unclaimed_minor() > 0)
    };
    if refund.state != RefundState::Requested || refund.lines.iter().any(is_left) {
        return None;
    }
    Some(Begun {
        order: without_request(order, refund.id),
        refund: Refund {
            state: RefundState::Superseded { at: now },
            ..refund.clone()
        },
    })
}

fn without_request(order: &Order, request: RefundId) -> Order {
    let mut order = order.clone();
    for line in &mut order.lines {
        line.requested = line.requested.filter(|open| *open != request);
    }
    order
}
