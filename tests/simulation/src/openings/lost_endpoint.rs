//! Guards that partners can be paid though nothing comes to the endpoint for connected accounts.

use crate::chance::Chance;
use crate::openings::{Opening, UNTIL_DUE};
use crate::plan::{Offer, Payment, Plan, Step};

pub(super) const OPENING: Opening = Opening {
    name: "lost-endpoint",
    about: "Stripe stops a partner's account and lets it go on, and no event tells of either.",
    weight: 1,
    open,
};

/// Shorter than Stripe lists events, and longer.
const SOON_OR_LATE: [i64; 2] = [120, 31 * 24 * 60];

fn open(plan: &mut Plan, offer: Offer, chance: &mut Chance) {
    let partner = plan.listings[offer.listing].partner;
    plan.steps = vec![
        Step::LoseConnectEvents,
        Step::Account { partner, works: false },
        offer.order(0, Payment::Card),
        Step::Wait { minutes: 120 },
        Step::Reconciliation,
        UNTIL_DUE,
        Step::PayoutRun,
        Step::Account { partner, works: true },
        Step::Wait {
            minutes: chance.pick(&SOON_OR_LATE),
        },
        Step::Reconciliation,
    ];
}
