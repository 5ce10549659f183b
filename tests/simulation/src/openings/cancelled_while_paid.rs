//! An order is cancelled or paid, never both.

use crate::chance::Chance;
use crate::deed::Act;
use crate::openings::Opening;
use crate::plan::{Offer, Payment, Plan, Step};

pub(super) const OPENING: Opening = Opening {
    name: "cancelled-while-paid",
    about: "Customers cancel their orders while they pay them, by card and by bank debit, or leave the page open.",
    weight: 1,
    open,
};

fn open(plan: &mut Plan, offer: Offer, _: &mut Chance) {
    let ways = [Payment::Card, Payment::Late, Payment::Debit];
    plan.steps = ways.into_iter().enumerate().map(|(number, way)| offer.order(number, way)).collect();
    plan.steps.extend((0..ways.len()).map(|order| Step::Reverse {
        order,
        acts: vec![Act::Cancel],
    }));
}
