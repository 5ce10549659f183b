//! How much of each line a refund may give back.

use super::{RefundError, RefundOrigin, RefundRequest};
use crate::money::Money;
use crate::purchase::reversal::LineAmount;
use crate::purchase::{Order, OrderLine};

/// The amount of each line; refused where a line has less left.
pub(super) fn of(order: &Order, request: &RefundRequest, origin: RefundOrigin) -> Result<Vec<LineAmount>, RefundError> {
    let may = |line: usize| match origin {
        RefundOrigin::Partner { partner, .. } => order.lines.get(line).is_some_and(|line| line.partner == partner),
        _ => true,
    };
    let Some(wanted) = &request.lines else {
        let all: Vec<_> = (0..order.lines.len()).filter(|line| may(*line)).collect();
        let left: Vec<_> = all
            .iter()
            .copied()
            .map(|line| LineAmount {
                line,
                minor: order.lines[line].refundable_minor(),
            })
            .filter(|amount| amount.minor > 0)
            .collect();
        return if left.is_empty() {
            Err(nothing_left(order, all))
        } else {
            Ok(left)
        };
    };
    let mut amounts: Vec<LineAmount> = Vec::with_capacity(wanted.len());
    for (line, asked) in wanted {
        let line = *line;
        let found = order.lines.get(line).ok_or(RefundError::NoSuchLine { line })?;
        if !may(line) {
            return Err(RefundError::NotYours { line });
        }
        if amounts.iter().any(|amount| amount.line == line) {
            return Err(RefundError::Duplicate { line });
        }
        let currency = order.total.currency();
        let left = Money::new(found.refundable_minor(), currency);
        let asked = asked.unwrap_or(left);
        if asked.currency() != currency {
            return Err(RefundError::OtherCurrency {
                asked: asked.currency(),
                expected: currency,
            });
        }
        if asked.is_zero() && left.is_zero() {
            return Err(nothing_left(order, [line]));
        }
        if !asked.is_positive() {
            return Err(RefundError::NotPositive { line });
        }
        if asked.minor() > left.minor() && found.credited_minor > 0 {
            return Err(credit_unspent(found, line, asked));
        }
        if asked.minor() > left.minor() {
            return Err(RefundError::AboveRemainder { line, asked, left });
        }
        let step_minor = order.charge_step_minor();
        if asked != left && asked.minor() % step_minor != 0 {
            return Err(RefundError::NotInSteps {
                line,
                asked,
                step_minor,
            });
        }
        amounts.push(LineAmount {
            line,
            minor: asked.minor(),
        });
    }
    if amounts.is_empty() {
        Err(RefundError::NothingLeft)
    } else {
        Ok(amounts)
    }
}

/// Why nothing of these lines can be refunded.
pub(super) fn nothing_left(order: &Order, lines: impl IntoIterator<Item = usize>) -> RefundError {
    let mut lines = lines
        .into_iter()
        .filter_map(|line| Some((line, order.lines.get(line)?)));
    let credited = lines.find(|(_, found)| found.credited_minor > 0);
    credited.map_or(RefundError::NothingLeft, |(line, found)| {
        let asked = Money::new(found.unclaimed_minor(), found.price.currency());
        credit_unspent(found, line, asked)
    })
}

fn credit_unspent(found: &OrderLine, line: usize, asked: Money) -> RefundError {
    let money = |minor: i64| Money::new(minor, found.price.currency());
    RefundError::CreditUnspent {
        line,
        asked,
        left: money(found.refundable_minor()),
        paid: found.price,
        returned: money(found.price.minor() - found.unclaimed_minor()),
        credit: money(found.credited_minor),
    }
}
