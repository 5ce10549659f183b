//! Guards that a refund and a lost dispute do not take the same money twice.

use crate::chance::Chance;
use crate::deed::Act;
use crate::openings::Opening;
use crate::plan::{Offer, Payment, Plan, Step};

pub(super) const OPENING: Opening = Opening {
    name: "refunded-inquiry",
    about: "A bank asks, is answered by a refund, and takes all of the money nevertheless.",
    weight: 1,
    open,
};

fn open(plan: &mut Plan, offer: Offer, _: &mut Chance) {
    let acts = vec![
        Act::Dispute { inquiry: true },
        Act::Wait { hours: 30 },
        Act::Escalate,
        Act::Close { won: false },
    ];
    let refund = Act::RefundAtStripe(Offer::part(offer.price_minor - offer.price_minor / 3));
    plan.steps = vec![
        offer.order(0, Payment::Card),
        Step::Reverse { order: 0, acts },
        Step::Reverse {
            order: 0,
            acts: vec![refund],
        },
    ];
}
