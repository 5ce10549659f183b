//! Renewals that are not simply paid: declined, to be confirmed by the customer, given back, disputed.

use crate::chance::Chance;
use crate::openings::{Opening, UNTIL_DUE};
use crate::plan::{Offer, Plan, Step};
use crate::subscriber::{Move, Undo};

pub(super) const OPENING: Opening = Opening {
    name: "renewal-not-paid",
    about: "Renewals are declined, wait for the customer to confirm them, are refunded and disputed.",
    weight: 1,
    open,
};

fn open(plan: &mut Plan, offer: Offer, _: &mut Chance) {
    let wait = |days| Move::Wait { days };
    let card = |like, times| Move::Card { like, times };
    let confirm = |is_confirmed| Move::Confirm { is_confirmed };
    let undo = |undo| vec![wait(32), Move::Undo(undo)];
    plan.steps = vec![
        offer.subscription(0, 1, vec![card("declined", 1)]),
        offer.subscription(1, 2, vec![card("declined", 9)]),
        offer.subscription(0, 3, vec![card("three_d_secure", 1), wait(32), confirm(true)]),
        offer.subscription(0, 1, vec![card("three_d_secure", 9), wait(32), confirm(false), Move::CardPays]),
        offer.subscription(0, 2, undo(Undo::Refund)),
        offer.subscription(1, 1, undo(Undo::RefundAtStripe)),
        offer.subscription(0, 1, undo(Undo::Dispute { won: false })),
        offer.subscription(0, 4, undo(Undo::Dispute { won: true })),
    ];
    plan.steps.extend([UNTIL_DUE, UNTIL_DUE, UNTIL_DUE, UNTIL_DUE, Step::PayoutRun, UNTIL_DUE, Step::Reconciliation]);
}
