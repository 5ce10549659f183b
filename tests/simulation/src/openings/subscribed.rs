//! Subscriptions run for months: tried, renewed, changed up and down, paused, cancelled.

use crate::chance::Chance;
use crate::openings::{Opening, UNTIL_DUE};
use crate::plan::{Offer, Plan, Step};
use crate::subscriber::Move;

pub(super) const OPENING: Opening = Opening {
    name: "subscribed",
    about: "Some subscribe, with a trial and without, change plan and seats, pause and cancel, over some months.",
    weight: 1,
    open,
};

/// With [`UNTIL_DUE`], a month each.
const MONTHS: usize = 2;

fn open(plan: &mut Plan, offer: Offer, _: &mut Chance) {
    let change = |tariff, seats| Move::Change { tariff, seats };
    let wait = |days| Move::Wait { days };
    plan.steps = vec![
        offer.subscription(0, 10, vec![wait(3), change(0, 1), wait(9), change(1, 2), wait(30), Move::CancelAtEnd]),
        offer.subscription(2, 1, vec![wait(16), change(1, 3), wait(9), Move::CancelNow]),
        offer.subscription(3, 2, vec![]),
        offer.subscription(1, 1, vec![wait(2), Move::Pause, wait(35), Move::Resume]),
        offer.subscription(0, 1, vec![Move::CancelAtEnd, wait(1), Move::Keep]),
        offer.subscription(0, 2, vec![Move::CancelAtEnd]),
    ];
    for _ in 0..MONTHS {
        plan.steps.extend([UNTIL_DUE, UNTIL_DUE, UNTIL_DUE, Step::PayoutRun, UNTIL_DUE]);
        plan.steps.push(Step::Reconciliation);
    }
}
