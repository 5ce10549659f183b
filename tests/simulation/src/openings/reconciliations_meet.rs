//! Guards that a difference is closed though another run than the one that opened it has matched the movement.

use crate::chance::Chance;
use crate::openings::Opening;
use crate::plan::{Offer, Payment, Plan, Step};

pub(super) const OPENING: Opening = Opening {
    name: "reconciliations-meet",
    about: "Several runs of the reconciliation look at once at sales whose events are late, while one of them has them settled.",
    weight: 1,
    open,
};

const SALES: usize = 2;

fn open(plan: &mut Plan, offer: Offer, _: &mut Chance) {
    plan.steps = vec![Step::DelayEvents { minutes: 4 * 60 }];
    plan.steps.extend((0..SALES).map(|number| offer.order(number, Payment::Card)));
    // Older than what is left to the webhook.
    plan.steps.push(Step::Wait { minutes: 90 });
    plan.steps.extend([Step::Reconciliation, Step::Reconciliation, Step::DelayEvents { minutes: 0 }]);
}
