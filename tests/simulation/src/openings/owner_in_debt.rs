//! A partner owes after a dispute, and the same person's other partner is to be paid.

use crate::chance::Chance;
use crate::deed::Act;
use crate::openings::{Opening, UNTIL_DUE};
use crate::plan::{Offer, Payment, Plan, Step};

pub(super) const OPENING: Opening = Opening {
    name: "owner-in-debt",
    about: "One partner of an owner owes what it was paid, and the other's sales are due.",
    weight: 1,
    open,
};

fn open(plan: &mut Plan, offer: Offer, _: &mut Chance) {
    let seller = plan.listings[offer.listing].partner;
    let mut others = plan.listings.iter();
    let other = others.position(|other| other.partner != seller && other.currency == "EUR" && other.price_minor > 0);
    let Some(other) = other else { return };
    let lost = vec![
        Act::Dispute { inquiry: false },
        Act::Wait { hours: 30 },
        Act::Close { won: false },
    ];
    plan.one_owner = true;
    plan.steps = vec![
        offer.order(0, Payment::Card),
        UNTIL_DUE,
        Step::PayoutRun,
        Step::Wait { minutes: 90 },
        Step::Reverse { order: 0, acts: lost },
        Step::Order {
            customer: 0,
            listings: vec![other],
            payment: Payment::Card,
        },
        UNTIL_DUE,
        Step::PayoutRun,
    ];
}
