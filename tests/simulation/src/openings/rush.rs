//! Guards the counters of tiers against sales that meet.

use crate::chance::Chance;
use crate::openings::Opening;
use crate::plan::{Offer, Payment, Plan, tier_rule};

pub(super) const OPENING: Opening = Opening {
    name: "rush",
    about: "Several buy the same at the same time, so that sales meet at whatever counts them.",
    weight: 4,
    open,
};

/// How many buy at the same time.
const BUYERS: usize = 3;

fn open(plan: &mut Plan, offer: Offer, chance: &mut Chance) {
    plan.steps = (0..BUYERS).map(|number| offer.order(number, Payment::Card)).collect();
    plan.tiers = Some(tier_rule(chance));
}
