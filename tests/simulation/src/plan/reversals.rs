//! How money goes back: which of the orders before it is about, and who does what about it.

use super::{Approval, Listing, Payment, Step};
use crate::chance::Chance;
use crate::deed::{Act, Part};
use crate::paypal;

/// Money of an earlier order goes back, if there is one that costs something and may be paid.
pub(super) fn reversal(listings: &[Listing], before: &[Step], chance: &mut Chance) -> Option<Step> {
    let costs = |cart: &[usize]| cart.iter().any(|index| listings[*index].price_minor > 0);
    let is_paid = |payment: Payment| {
        !matches!(
            payment,
            Payment::DebitFails | Payment::Never | Payment::PayPal(Approval::Denied)
        )
    };
    // PayPal gives what it takes back by a dispute no id. Two such movements of one payment, of the same amount and within the hour, cannot be
    // told apart: those are for a person to look at.
    let is_told_apart = |order: usize, payment: Payment| {
        let mut reversed = before.iter().filter_map(Step::reverses);
        !payment.is_at_paypal() || reversed.all(|reversed| reversed != order)
    };
    let paid: Vec<_> = before
        .iter()
        .flat_map(Step::orders)
        .enumerate()
        .filter(|(_, planned)| costs(planned.listings) && is_paid(planned.payment))
        .filter(|(order, planned)| is_told_apart(*order, planned.payment))
        .map(|(order, planned)| (order, planned.listings, planned.payment))
        .collect();
    if paid.is_empty() {
        return None;
    }
    let (order, cart, payment) = chance.pick(&paid);
    let lines: Vec<_> = cart
        .iter()
        .map(|index| listings[*index].price_minor)
        .enumerate()
        .collect();
    // Of three decimals the last one is zero.
    let in_dinars = cart.iter().any(|index| listings[*index].currency == "KWD");
    let step_minor = if in_dinars { 10 } else { 1 };
    let acts = if payment.is_at_paypal() {
        paypal::acts(part(&lines, step_minor, chance), chance)
    } else {
        acts(&lines, step_minor, chance)
    };
    Some(Step::Reverse { order, acts })
}

fn acts(lines: &[(usize, i64)], step_minor: i64, chance: &mut Chance) -> Vec<Act> {
    let part = part(lines, step_minor, chance);
    let mut acts = match chance
        .weighted(vec![(4, 0), (2, 1), (3, 2), (4, 3), (1, 4)])
        .unwrap_or_default()
    {
        0 => vec![Act::Refund(part)],
        1 => vec![
            Act::AskForRefund(part),
            Act::Decide {
                approves: chance.percent(75),
            },
        ],
        2 => vec![Act::RefundAtStripe(part)],
        3 => return dispute(chance),
        _ => return vec![Act::Cancel],
    };
    if chance.percent(25) {
        acts.push(Act::Fail);
    }
    acts
}

fn part(lines: &[(usize, i64)], step_minor: i64, chance: &mut Chance) -> Part {
    if chance.percent(50) {
        return Part::All;
    }
    let priced: Vec<_> = lines.iter().copied().filter(|(_, minor)| *minor > 0).collect();
    let (line, price) = chance.pick(&priced);
    let minor = chance.pick(&[1, price / 3, price - price / 3, price]);
    let minor = (minor / step_minor * step_minor).max(step_minor);
    Part::Line { line, minor }
}

fn dispute(chance: &mut Chance) -> Vec<Act> {
    let inquiry = chance.percent(30);
    let mut acts = vec![Act::Dispute { inquiry }];
    if inquiry && chance.percent(60) {
        acts.push(Act::Escalate);
    }
    if chance.percent(40) {
        acts.push(Act::Counter);
    }
    let won = chance.percent(50);
    acts.push(Act::Close { won });
    // Only what was decided can be decided otherwise, and what is taken once more is decided once more.
    let is_decided = !inquiry || acts.contains(&Act::Escalate);
    if is_decided && chance.percent(20) {
        acts.push(Act::Overturn);
        if won {
            acts.push(Act::Close { won: false });
        }
    }
    acts
}
