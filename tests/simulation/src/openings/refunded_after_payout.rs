//! What a partner has been paid for it cannot refund by itself: an operator is asked, and declines.

use crate::chance::Chance;
use crate::deed::{Act, Part};
use crate::openings::{Opening, UNTIL_DUE};
use crate::plan::{Offer, Payment, Plan, Step};

pub(super) const OPENING: Opening = Opening {
    name: "refunded-after-payout",
    about: "A partner refunds what it has just been paid for.",
    weight: 1,
    open,
};

fn open(plan: &mut Plan, offer: Offer, _: &mut Chance) {
    let acts = vec![
        Act::RefundAsPartner(Part::All),
        Act::Wait { hours: 1 },
        Act::Decide { approves: false },
    ];
    plan.steps = vec![
        offer.order(0, Payment::Card),
        UNTIL_DUE,
        Step::PayoutRun,
        Step::Wait { minutes: 90 },
        Step::Reverse { order: 0, acts },
    ];
}
