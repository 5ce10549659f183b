//! Guards what a balance holds back while a payment is disputed.

use crate::chance::Chance;
use crate::deed::Act;
use crate::openings::{Opening, UNTIL_DUE};
use crate::plan::{Offer, Payment, Plan, Step};

pub(super) const OPENING: Opening = Opening {
    name: "due-in-dispute",
    about: "What a sale has earned is due while the payment is disputed, and the dispute is lost.",
    weight: 1,
    open,
};

fn open(plan: &mut Plan, offer: Offer, _: &mut Chance) {
    let acts = vec![
        Act::Dispute { inquiry: false },
        Act::Wait { hours: 30 },
        Act::Close { won: false },
    ];
    plan.steps = vec![
        offer.order(0, Payment::Card),
        UNTIL_DUE,
        Step::Reverse { order: 0, acts },
        Step::PayoutRun,
    ];
}
