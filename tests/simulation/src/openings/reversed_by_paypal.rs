//! What PayPal takes back by itself, beside what is refunded in its dashboard: no dispute tells of it.

use crate::chance::Chance;
use crate::deed::{Act, Part};
use crate::openings::Opening;
use crate::plan::{Approval, Offer, Payment, Plan, Step};

pub(super) const OPENING: Opening = Opening {
    name: "reversed-by-paypal",
    about: "A part is refunded in PayPal's dashboard, and PayPal takes the rest back by itself; another payment is pending for hours.",
    weight: 1,
    open,
};

fn open(plan: &mut Plan, offer: Offer, chance: &mut Chance) {
    plan.paypal = true;
    let refund = Act::RefundAtStripe(Offer::part(offer.price_minor / 3));
    let waits = Act::Wait {
        hours: chance.pick(&[0, 5]),
    };
    let pending = chance.pick(&[Approval::Pending, Approval::Denied, Approval::SecondTry]);
    plan.steps = vec![
        offer.order(0, Payment::PayPal(Approval::Success)),
        offer.order(1, Payment::PayPal(pending)),
        Step::Reverse {
            order: 0,
            acts: vec![refund, waits, Act::ReverseAtPayPal(Part::All)],
        },
        Step::Wait { minutes: 26 * 60 },
        Step::Reconciliation,
    ];
}
