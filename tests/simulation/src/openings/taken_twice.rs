//! A dispute is won, the money is taken once more, and then it is lost: it is clawed back once.

use crate::chance::Chance;
use crate::deed::Act;
use crate::openings::{Opening, UNTIL_DUE};
use crate::plan::{Offer, Payment, Plan, Step};

pub(super) const OPENING: Opening = Opening {
    name: "taken-twice",
    about: "A dispute is won, the money is taken once more, and then it is lost.",
    weight: 1,
    open,
};

fn open(plan: &mut Plan, offer: Offer, _: &mut Chance) {
    let acts = vec![
        Act::Dispute { inquiry: true },
        Act::Escalate,
        Act::Close { won: true },
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
