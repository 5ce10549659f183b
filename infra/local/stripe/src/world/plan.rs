//! What will happen later by itself: fees that arrive, debits that settle, sessions that expire, payouts that are paid.

use super::World;
use crate::{accounts, balance, billing, charges, checkout, transfers};

/// Something that happens at a time, each naming the object it happens to.
#[derive(Clone, Debug)]
pub(crate) enum Work {
    /// The balance transaction of a charge becomes known.
    FeeArrives {
        charge: String,
    },
    /// A balance transaction's funds become available.
    FundsAvailable {
        transaction: String,
    },
    /// A bank debit succeeds or fails.
    DebitSettles {
        intent: String,
        success: bool,
    },
    /// A customer's bank disputes a charge.
    DisputeOpens {
        charge: String,
        reason: String,
        inquiry: bool,
    },
    RefundSettles {
        refund: String,
    },
    RefundFails {
        refund: String,
    },
    PayoutPaid {
        payout: String,
    },
    SessionExpires {
        session: String,
    },
    /// A trial or a period of a subscription ends, or something else about it falls due.
    SubscriptionDue {
        subscription: String,
    },
    /// A draft is finalised, or an open invoice is tried again.
    InvoiceDue {
        invoice: String,
    },
    /// Requirements that were not met by their deadline become past due.
    DeadlinePasses {
        account: String,
    },
}

/// Does one piece of work; each is a no-op when its object has moved on meanwhile.
pub(super) fn run(world: &mut World, work: Work) {
    match work {
        Work::FeeArrives { charge } => charges::fee_arrives(world, &charge),
        Work::FundsAvailable { transaction } => balance::funds_available(world, &transaction),
        Work::DebitSettles { intent, success } => checkout::debit_settles(world, &intent, success),
        Work::DisputeOpens {
            charge,
            reason,
            inquiry,
        } => {
            // A charge can be refunded or disputed before its planned dispute opens; then there is nothing left to do.
            let _opened = charges::disputes::open(world, &charge, &reason, inquiry);
        }
        Work::RefundSettles { refund } => charges::refunds::settle(world, &refund),
        Work::RefundFails { refund } => {
            let _failed = charges::refunds::fail(world, &refund, "lost_or_stolen_card");
        }
        Work::PayoutPaid { payout } => transfers::payouts::paid(world, &payout),
        Work::SessionExpires { session } => checkout::session::expire_when_open(world, &session),
        Work::SubscriptionDue { subscription } => billing::cycle::due(world, &subscription),
        Work::InvoiceDue { invoice } => billing::invoices::collect::due(world, &invoice),
        Work::DeadlinePasses { account } => accounts::status::deadline_passes(world, &account),
    }
}
