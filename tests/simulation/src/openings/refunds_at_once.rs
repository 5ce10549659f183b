//! Two refunds of one partner and a payout reach for the same money; it is there once.

use crate::chance::Chance;
use crate::deed::{Act, Part};
use crate::openings::{Opening, UNTIL_DUE};
use crate::plan::{Offer, Payment, Plan, Step};

pub(super) const OPENING: Opening = Opening {
    name: "refunds-at-once",
    about: "A partner is paid for one of two sales and refunds both at once, while another payout is due.",
    weight: 1,
    open,
};

fn open(plan: &mut Plan, offer: Offer, _: &mut Chance) {
    let reverse = |order: usize| Step::Reverse {
        order,
        acts: vec![
            Act::RefundAsPartner(Part::All),
            Act::Wait { hours: 1 },
            Act::Decide { approves: false },
        ],
    };
    plan.steps = vec![
        offer.order(0, Payment::Card),
        UNTIL_DUE,
        Step::PayoutRun,
        Step::Wait { minutes: 90 },
        offer.order(1, Payment::Card),
        UNTIL_DUE,
        reverse(0),
        reverse(1),
        Step::PayoutRun,
    ];
}
