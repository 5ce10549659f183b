//! Who clicks twice on one cart has one order.

use crate::chance::Chance;
use crate::openings::Opening;
use crate::plan::{Offer, Plan, Step};

pub(super) const OPENING: Opening = Opening {
    name: "two-clicks",
    about: "Customers click twice on the order of one cart.",
    weight: 1,
    open,
};

fn open(plan: &mut Plan, offer: Offer, _: &mut Chance) {
    let listings = vec![offer.listing];
    plan.steps = vec![Step::Clicks { listings: listings.clone() }, Step::Clicks { listings }];
}
