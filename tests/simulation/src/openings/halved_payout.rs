//! Guards that what is taken back of a transfer is owed again.

use crate::chance::Chance;
use crate::openings::{Opening, UNTIL_DUE};
use crate::plan::{Offer, Payment, Plan, Step};

pub(super) const OPENING: Opening = Opening {
    name: "halved-payout",
    about: "A payout is made and half of it taken back.",
    weight: 1,
    open,
};

fn open(plan: &mut Plan, offer: Offer, _: &mut Chance) {
    plan.steps = vec![
        offer.order(0, Payment::Card),
        UNTIL_DUE,
        Step::PayoutRun,
        Step::ReverseTransfer { percent: 50 },
    ];
}
