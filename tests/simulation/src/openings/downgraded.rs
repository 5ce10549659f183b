//! Who gives seats back has credit for them, and is given back no more than what is left.

use crate::chance::Chance;
use crate::openings::{Opening, UNTIL_DUE};
use crate::plan::{Offer, Plan, Step};
use crate::subscriber::{Move, Undo};

pub(super) const OPENING: Opening = Opening {
    name: "downgraded",
    about: "Nine of ten seats are given back for credit, and then the payment is refunded.",
    weight: 1,
    open,
};

fn open(plan: &mut Plan, offer: Offer, _: &mut Chance) {
    let down = Move::Change { tariff: 0, seats: 1 };
    let wait = Move::Wait { days: 1 };
    let undone = |undo| vec![down, wait, Move::Undo(undo)];
    plan.steps = vec![
        offer.subscription(0, 10, undone(Undo::Refund)),
        offer.subscription(0, 10, undone(Undo::RefundHalf)),
        offer.subscription(0, 10, undone(Undo::RefundAtStripe)),
        UNTIL_DUE,
        Step::PayoutRun,
    ];
}
