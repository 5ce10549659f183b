//! A bank debit is earned when its money comes, so that no month changes that is over.

use crate::chance::Chance;
use crate::openings::{Opening, UNTIL_DUE};
use crate::plan::{Offer, Payment, Plan, Step};

pub(super) const OPENING: Opening = Opening {
    name: "debit-over-month",
    about: "A bank debit begins in one month and arrives in the next.",
    weight: 1,
    open,
};

/// From the day on which every run begins to the last but one of its month.
const TO_THE_END: Step = Step::Wait { minutes: 7 * 24 * 60 };

fn open(plan: &mut Plan, offer: Offer, _: &mut Chance) {
    plan.debit_takes_s = 3 * 86_400;
    plan.steps = vec![
        TO_THE_END,
        offer.order(0, Payment::Debit),
        Step::Wait { minutes: 26 * 60 },
        Step::PayoutRun,
        UNTIL_DUE,
        Step::PayoutRun,
    ];
}
