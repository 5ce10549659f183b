//! Guards how the unit that cannot be divided moves among the shares of a refund.

use crate::chance::Chance;
use crate::deed::Act;
use crate::openings::Opening;
use crate::plan::{Offer, Payment, Plan, Step};

pub(super) const OPENING: Opening = Opening {
    name: "part-refunds",
    about: "About a third of each order goes back: a cent more each time, so that the unit left over falls to another share.",
    weight: 1,
    open,
};

/// How many orders come back in part.
const ORDERS: usize = 3;

fn open(plan: &mut Plan, offer: Offer, _: &mut Chance) {
    let third = offer.price_minor / 3;
    for (number, minor) in (third..).take(ORDERS).enumerate() {
        let acts = vec![Act::Refund(Offer::part(minor))];
        plan.steps.push(offer.order(number, Payment::Card));
        plan.steps.push(Step::Reverse { order: number, acts });
    }
}
