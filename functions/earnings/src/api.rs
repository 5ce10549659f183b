//! What a partner sees of the books, and asks of them.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use shared::http::Validate;
use shared::ids::{JournalId, PayoutId};
use shared::ledger::JournalEntry;
use shared::money::{Currency, Money, MoneyError};
use shared::partner::{Hold, Partner};
use shared::payout::{Available, Balance, CancelReason, Kept, Payout, PayoutState, Terms};
use shared::processor::Processor;
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Balances {
    /// One for each currency in which anything was ever earned.
    pub items: Vec<BalanceView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BalanceView {
    /// Everything owed. Below zero: what the partner owes, to be taken off later sales.
    pub owed: Money,
    /// What the next payout run may pay, if it reaches the minimum and no hold on the partner stands.
    pub payable: Money,
    /// Everything that keeps money from being paid out.
    pub holds: Vec<BalanceHoldView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BalanceHoldView {
    /// `maturing`, `dispute_open`, `refund_begun`, `owner_in_debt`, `reserve`, `below_payout_unit`, `below_minimum`, `payout_in_transit`; or the code of a hold on the partner.
    #[schema(example = "maturing")]
    pub reason_code: String,
    /// The reason in words, and what to do.
    pub explanation: &'static str,
    /// How much it keeps. A payout in transit is no longer part of what is owed.
    pub amount: Money,
    /// When it ends, or by when somebody must have acted; null where that depends on what is earned next, or on others.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub due_at: Option<Timestamp>,
}

impl BalanceView {
    pub(crate) fn of(
        balance: &Balance,
        terms: &Terms,
        partner: &Partner,
        in_transit: &[Payout],
        now: Timestamp,
    ) -> Result<Self, MoneyError> {
        let Available { payable, kept } = balance.available(terms, now)?;
        let in_transit = in_transit
            .iter()
            .filter(|payout| payout.amount.currency() == balance.currency());
        let on_partner = partner.payout_holds(now);
        let holds = kept.iter().map(BalanceHoldView::kept);
        let holds = holds.chain(on_partner.map(|hold| BalanceHoldView::on_partner(hold, payable)));
        Ok(Self {
            owed: balance.owed,
            payable,
            holds: holds.chain(in_transit.map(BalanceHoldView::in_transit)).collect(),
        })
    }
}

impl BalanceHoldView {
    fn kept(kept: &Kept) -> Self {
        let begins = |day: Date| Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp());
        Self {
            reason_code: kept.reason.to_string(),
            explanation: kept.reason.explanation(),
            amount: kept.amount,
            due_at: kept.reason.until().and_then(begins),
        }
    }

    /// A hold on the partner keeps whatever else would be paid.
    fn on_partner(hold: &Hold, payable: Money) -> Self {
        Self {
            reason_code: hold.reason_code.to_string(),
            explanation: hold.reason_code.explanation(),
            amount: payable,
            due_at: Some(hold.due_at),
        }
    }

    fn in_transit(payout: &Payout) -> Self {
        let explanation = match payout.state {
            PayoutState::Accepted { .. } => {
                "PayPal has it and has not paid it yet. If you do not claim it within 30 days, it comes back."
            }
            _ => "Taken off the balance and being sent. What cannot be sent comes back.",
        };
        Self {
            reason_code: "payout_in_transit".to_owned(),
            explanation,
            amount: payout.amount,
            due_at: None,
        }
    }
}

/// One business fact with all of its legs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JournalEntryView {
    pub id: JournalId,
    /// `sale`, `payout`, `transfer`, `payout_cancelled`, `transfer_reversed`, ….
    pub fact: String,
    /// What the fact is about: the order, the payout, the processor's reversal.
    pub reference: String,
    #[schema(value_type = String, format = DateTime)]
    pub occurred_at: Timestamp,
    /// They sum to zero in each currency. Positive debits the account, negative credits it.
    pub postings: Vec<PostingView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PostingView {
    pub account: String,
    pub amount: Money,
}

impl From<JournalEntry> for JournalEntryView {
    fn from(entry: JournalEntry) -> Self {
        let posting = |posting: &shared::ledger::Posting| PostingView {
            account: posting.account.to_string(),
            amount: posting.amount,
        };
        Self {
            id: entry.id(),
            fact: entry.fact().name().to_owned(),
            reference: entry.fact().reference(),
            occurred_at: entry.occurred_at(),
            postings: entry.postings().iter().map(posting).collect(),
        }
    }
}

/// Asks for everything that is payable in a currency, now instead of at the next run.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AskForPayout {
    pub currency: Currency,
}

impl Validate for AskForPayout {}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PayoutView {
    pub id: PayoutId,
    pub amount: Money,
    /// Who pays it.
    pub processor: Processor,
    /// To which account at Stripe, or to which receiver at PayPal: by its address, or by our id of it where that is forgotten.
    pub destination: String,
    pub status: PayoutStatus,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// The processor's id of it, once sent: Stripe's transfer, PayPal's payout item.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transfer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub sent_at: Option<Timestamp>,
    /// What was taken back from the partner's account later and is owed again.
    pub reversed: Money,
    /// Why it was cancelled; the amount is back on the balance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason_code: Option<CancelReason>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PayoutStatus {
    Created,
    Sending,
    /// PayPal has it and has not paid it yet.
    Accepted,
    Sent,
    Cancelled,
}

impl PayoutView {
    pub(crate) fn of(payout: Payout, partner: &Partner) -> Self {
        let (status, transfer, sent_at, reason_code) = match payout.state {
            PayoutState::Created => (PayoutStatus::Created, None, None, None),
            PayoutState::Sending { .. } => (PayoutStatus::Sending, None, None, None),
            PayoutState::Accepted { .. } => (PayoutStatus::Accepted, None, None, None),
            PayoutState::Sent { transfer, at } => (PayoutStatus::Sent, Some(transfer), Some(at), None),
            PayoutState::Cancelled { reason, .. } => (PayoutStatus::Cancelled, None, None, Some(reason)),
        };
        Self {
            id: payout.id,
            amount: payout.amount,
            processor: payout.destination.processor(),
            destination: partner.shown(&payout.destination),
            status,
            created_at: payout.created_at,
            transfer,
            sent_at,
            reversed: payout.reversed,
            reason_code,
        }
    }
}
