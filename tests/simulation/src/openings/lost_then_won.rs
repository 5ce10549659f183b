//! A dispute is lost, and the bank changes its mind: everything that was clawed back comes back.

use crate::chance::Chance;
use crate::deed::Act;
use crate::openings::{Opening, UNTIL_DUE};
use crate::plan::{Offer, Payment, Plan, Step};

pub(super) const OPENING: Opening = Opening {
    name: "lost-then-won",
    about: "A dispute is lost, and the bank changes its mind.",
    weight: 1,
    open,
};

fn open(plan: &mut Plan, offer: Offer, _: &mut Chance) {
    let acts = vec![
        Act::Dispute { inquiry: false },
        Act::Wait { hours: 30 },
        Act::Close { won: false },
        Act::Wait { hours: 30 },
        Act::Overturn,
    ];
    plan.steps = vec![
        offer.order(0, Payment::Card),
        UNTIL_DUE,
        Step::Reverse { order: 0, acts },
        Step::PayoutRun,
    ];
}
