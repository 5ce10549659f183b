//! What a plan can begin with: steps that chance seldom brings together, and that show what else hides.
//!
//! Each opening is a file of its own and a line here. Most plans begin with none; `simulate --opening NAME` plays one alone, through as many storms as
//! are asked for, which is how what was once found broken is kept mended.

use crate::chance::Chance;
use crate::plan::{Offer, Plan, Step};

/// Longer than every hold period, and than funds stay pending.
const UNTIL_DUE: Step = Step::Wait { minutes: 9 * 24 * 60 };
/// How often a plan has no opening, beside the weights of those that there are.
const NONE: usize = 16;

pub(crate) struct Opening {
    pub(crate) name: &'static str,
    /// What happens, in a sentence.
    pub(crate) about: &'static str,
    /// How often plans begin with it.
    weight: usize,
    /// Writes the first steps of the plan, and changes what else of it they need.
    pub(crate) open: fn(&mut Plan, Offer, &mut Chance),
}

macro_rules! openings {
    ($($file:ident,)*) => {
        $(mod $file;)*

        /// By their names, in order.
        pub(crate) const OPENINGS: &[Opening] = &[$($file::OPENING),*];
    };
}

openings! {
    cancelled_while_paid,
    debit_over_month,
    disputed_at_paypal,
    downgraded,
    due_in_dispute,
    halved_payout,
    left_the_shop,
    lost_endpoint,
    lost_messages,
    lost_then_won,
    lost_won_lost,
    owner_in_debt,
    paid_at_paypal,
    part_refunds,
    reconciliations_meet,
    refunded_after_payout,
    refunded_inquiry,
    refunds_at_once,
    refunds_fail_together,
    renewal_not_paid,
    reversed_by_paypal,
    rush,
    strangers,
    subscribed,
    taken_twice,
    two_clicks,
    unheard_payout,
}

/// One for a random plan, or none.
pub(crate) fn pick(chance: &mut Chance) -> Option<&'static Opening> {
    let openings = OPENINGS.iter().map(|opening| (opening.weight, Some(opening)));
    let choices = std::iter::once((NONE, None)).chain(openings);
    chance.weighted(choices.collect()).flatten()
}
