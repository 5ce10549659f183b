//! Guards that what the tables' streams have forgotten is announced again.

use crate::chance::Chance;
use crate::deed::{Act, Part};
use crate::openings::{Opening, UNTIL_DUE};
use crate::plan::{Offer, Payment, Plan, Step};

pub(super) const OPENING: Opening = Opening {
    name: "lost-messages",
    about: "The queues are out for two days, and the streams keep one: customers pay and get money back, and no message tells of it.",
    weight: 1,
    open,
};

const TWO_DAYS: i64 = 2 * 24 * 60;

fn open(plan: &mut Plan, offer: Offer, _: &mut Chance) {
    plan.steps = vec![
        offer.order(0, Payment::Card),
        UNTIL_DUE,
        Step::PayoutRun,
        Step::QueuesOut { minutes: TWO_DAYS },
        offer.order(1, Payment::Card),
        offer.order(2, Payment::Debit),
        Step::Reverse {
            order: 0,
            acts: vec![Act::Refund(Part::All)],
        },
        Step::Sweep,
        Step::Wait { minutes: TWO_DAYS },
    ];
}
