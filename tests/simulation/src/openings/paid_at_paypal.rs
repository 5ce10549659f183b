//! A partner is paid at PayPal, and what was paid there is taken back, or never claimed: it is owed again, once.

use crate::chance::Chance;
use crate::openings::{Opening, UNTIL_DUE};
use crate::paypal::PAID;
use crate::plan::{Offer, Payee, Payment, Plan, Step};

pub(super) const OPENING: Opening = Opening {
    name: "paid-at-paypal",
    about: "A partner is paid at PayPal, and it is taken back, or nobody claims it.",
    weight: 1,
    open,
};

fn open(plan: &mut Plan, offer: Offer, chance: &mut Chance) {
    plan.paypal = true;
    plan.payee = Some(Payee {
        partner: plan.listings[offer.listing].partner,
        address: chance.pick(&[PAID, PAID, "unclaimed@example.com"]),
    });
    plan.steps = vec![
        offer.order(0, Payment::Card),
        UNTIL_DUE,
        Step::PayoutRun,
        Step::Wait { minutes: 90 },
        Step::ReversePayoutItem,
        Step::Wait { minutes: 26 * 60 },
        Step::Reconciliation,
        Step::PayoutRun,
    ];
}
