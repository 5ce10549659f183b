//! Guards that a transfer whose answer was lost is looked up before it is sent again.

use crate::chance::Chance;
use crate::openings::{Opening, UNTIL_DUE};
use crate::plan::{Offer, Payment, Plan, Step};

pub(super) const OPENING: Opening = Opening {
    name: "unheard-payout",
    about: "Nobody hears that a payout was made until Stripe has forgotten that it was asked to.",
    weight: 1,
    open,
};

/// Longer than Stripe remembers a key.
const PAST_THE_KEY: Step = Step::Wait { minutes: 26 * 60 };

fn open(plan: &mut Plan, offer: Offer, _: &mut Chance) {
    plan.steps = vec![
        offer.order(0, Payment::Card),
        UNTIL_DUE,
        Step::LoseTransferAnswers,
        Step::PayoutRun,
        PAST_THE_KEY,
    ];
}
