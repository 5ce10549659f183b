//! What another deployment does in the same account at Stripe is forgotten, and no alarm.

use crate::chance::Chance;
use crate::openings::Opening;
use crate::plan::{Offer, Payment, Plan, Step};
use crate::strangers::Stranger;

pub(super) const OPENING: Opening = Opening {
    name: "strangers",
    about: "Another deployment sells, refunds and loses disputes in the same account at Stripe, and accounts change that are no partner's.",
    weight: 1,
    open,
};

fn open(plan: &mut Plan, offer: Offer, _: &mut Chance) {
    plan.steps = vec![offer.order(0, Payment::Card)];
    plan.steps.extend(Stranger::ALL.map(Step::Stranger));
    plan.steps.extend([Step::Wait { minutes: 90 }, Step::Reconciliation]);
}
