//! A payment at PayPal is disputed while its share is due, by a bank: held, lost, and sometimes won on appeal and lost once more.

use crate::chance::Chance;
use crate::deed::Act;
use crate::openings::{Opening, UNTIL_DUE};
use crate::plan::{Approval, Offer, Payment, Plan, Step};

pub(super) const OPENING: Opening = Opening {
    name: "disputed-at-paypal",
    about: "A payment at PayPal is disputed while its share is due, lost, and decided otherwise later.",
    weight: 1,
    open,
};

fn open(plan: &mut Plan, offer: Offer, chance: &mut Chance) {
    plan.paypal = true;
    let mut acts = vec![
        Act::Dispute {
            inquiry: chance.percent(50),
        },
        Act::Wait { hours: 30 },
        Act::Close {
            won: chance.percent(25),
        },
    ];
    for _ in 0..chance.below(3) {
        acts.push(Act::Wait { hours: 30 });
        acts.push(Act::Overturn);
    }
    plan.steps = vec![
        offer.order(0, Payment::PayPal(Approval::Success)),
        UNTIL_DUE,
        Step::Reverse { order: 0, acts },
        Step::PayoutRun,
        Step::Reconciliation,
        Step::Wait { minutes: 26 * 60 },
        Step::PayoutRun,
    ];
}
