//! What has left the shop is not sold: its page is closed, and what is paid all the same goes back and earns nothing.

use crate::chance::Chance;
use crate::openings::{Opening, UNTIL_DUE};
use crate::plan::{Goods, Offer, Payment, Plan, Step};

pub(super) const OPENING: Opening = Opening {
    name: "left-the-shop",
    about: "A listing is yanked, or its partner suspended, while one customer has the payment page open and another's bank debit is on its way.",
    weight: 2,
    open,
};

fn open(plan: &mut Plan, offer: Offer, chance: &mut Chance) {
    let seller = plan.listings[offer.listing].partner;
    plan.debit_takes_s = 3 * 86_400;
    plan.steps = vec![
        offer.order(0, Payment::Late),
        offer.order(1, Payment::Debit),
        offer.order(2, Payment::Card),
        if chance.percent(50) {
            offer.leaves()
        } else {
            Step::Sell {
                what: Goods::Partner(seller),
                may: false,
            }
        },
        UNTIL_DUE,
        Step::PayoutRun,
    ];
}
