//! What becomes of the partner's money behind its account: the processor pays it out to a bank, and banks send money back.
//!
//! Money that a bank returns is the partner's at the processor again. Nothing of ours moves, but nothing more should be sent after it
//! until the partner has mended what the bank objected to.

use jiff::Timestamp;

use super::hold::{Hold, HoldReason, Origin};
use super::{Change, Partner};
use crate::messages::PartnerNews;
use crate::seed::Seed;

/// What the processor says about one payout to the partner's bank, fetched when it told that it changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BankReport {
    /// The processor's id of the payout.
    pub payout: String,
    pub begun_at: Timestamp,
    pub outcome: BankOutcome,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BankOutcome {
    Paid,
    /// With the processor's code of the reason, such as `account_closed`.
    Failed(String),
    /// Not decided yet, or not known here.
    Open,
}

/// The partner as it is after the report; `None` where it says nothing new.
///
/// Reports come late, twice and in any order. A failure opens one hold, ever; a payout that was begun after the hold was opened and has
/// reached the bank ends it. Who is paid at PayPal meanwhile is not held by it, and is once Stripe is to pay again.
pub fn update(partner: &Partner, report: &BankReport, now: Timestamp, seed: Seed) -> Option<Change> {
    let mut after = partner.clone();
    let news = match &report.outcome {
        BankOutcome::Failed(code) => {
            let evidence = format!("{} {code}", report.payout);
            let is_known = partner
                .holds
                .iter()
                .any(|hold| is_about_bank(hold) && hold.evidence == evidence);
            if is_known {
                return None;
            }
            after.open(Hold::opened(HoldReason::BankPayoutFailed, evidence, now, seed));
            PartnerNews::BankPayoutFailed
        }
        BankOutcome::Paid => {
            after.resolve(now, |hold| is_about_bank(hold) && hold.opened_at <= report.begun_at);
            PartnerNews::BankPayoutPaid
        }
        BankOutcome::Open => return None,
    };
    if after == *partner {
        return None;
    }
    let messages = vec![after.notice(seed, news)];
    Some(Change {
        partner: after,
        audit: None,
        messages,
    })
}

fn is_about_bank(hold: &Hold) -> bool {
    hold.reason_code.origin() == Origin::Bank
}
