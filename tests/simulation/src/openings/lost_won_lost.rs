//! A dispute is lost, won, and lost again: what comes back each time is clawed back each time.

use crate::chance::Chance;
use crate::deed::Act;
use crate::openings::{Opening, UNTIL_DUE};
use crate::plan::{Offer, Payment, Plan, Step};

pub(super) const OPENING: Opening = Opening {
    name: "lost-won-lost",
    about: "A dispute is lost, the bank changes its mind, takes the money once more, and it is lost again.",
    weight: 1,
    open,
};

fn open(plan: &mut Plan, offer: Offer, _: &mut Chance) {
    let acts = vec![
        Act::Dispute { inquiry: false },
        Act::Close { won: false },
        Act::Wait { hours: 30 },
        Act::Overturn,
        Act::Wait { hours: 30 },
        Act::Overturn,
        Act::Close { won: false },
    ];
    plan.steps = vec![
        offer.order(0, Payment::Card),
        UNTIL_DUE,
        Step::Reverse { order: 0, acts },
        Step::PayoutRun,
    ];
}
