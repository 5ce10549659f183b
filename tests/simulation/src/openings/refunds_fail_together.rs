//! Guards that what one delivery posts of several refunds are entries of their own.

use crate::chance::Chance;
use crate::deed::Act;
use crate::openings::Opening;
use crate::plan::{Offer, Payment, Plan, Step};

pub(super) const OPENING: Opening = Opening {
    name: "refunds-fail-together",
    about: "Two refunds of one order fail, and a single message tells of both.",
    weight: 1,
    open,
};

fn open(plan: &mut Plan, offer: Offer, _: &mut Chance) {
    let third = offer.price_minor / 3;
    let fails = |refund| Step::Reverse {
        order: 0,
        acts: vec![refund, Act::Wait { hours: 30 }, Act::Fail],
    };
    let of_stripe = Act::RefundAtStripe(Offer::part(third));
    plan.steps = vec![
        offer.order(0, Payment::Card),
        Step::Wait { minutes: 90 },
        fails(Act::Refund(Offer::part(third))),
        fails(of_stripe),
        fails(of_stripe),
        // Both have failed when the first of them is told of.
        Step::Wait { minutes: 29 * 60 },
        Step::DelayEvents { minutes: 4 * 60 },
        Step::Wait { minutes: 2 * 60 },
        Step::DelayEvents { minutes: 0 },
    ];
}
