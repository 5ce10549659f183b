//! What a partner sees of the books.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use shared::ids::{JournalId, PayoutId};
use shared::ledger::JournalEntry;
use shared::money::{Money, MoneyError};
use shared::payout::{Balance, CancelReason, Payout, PayoutState};
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
    /// What the next payout run may pay, if it reaches the minimum and no hold stands.
    pub payable: Money,
    /// What becomes payable later, by the day (UTC).
    #[schema(value_type = BTreeMap<String, Money>)]
    pub held_until: BTreeMap<Date, Money>,
}

impl BalanceView {
    pub(crate) fn of(balance: Balance, now: Timestamp) -> Result<Self, MoneyError> {
        let payable = balance.payable(now)?;
        let matured: Vec<_> = balance.matured(now).collect();
        let mut held_until = balance.held_until;
        held_until.retain(|day, amount| !matured.contains(day) && !amount.is_zero());
        Ok(Self {
            owed: balance.owed,
            payable,
            held_until,
        })
    }
}

/// One business fact with all of its legs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JournalEntryView {
    pub id: JournalId,
    /// `sale`, `payout`, `transfer`, `payout_cancelled`.
    pub fact: String,
    /// What the fact is about: the order, the payout.
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

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PayoutView {
    pub id: PayoutId,
    pub amount: Money,
    pub status: PayoutStatus,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// The processor's transfer, once sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transfer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub sent_at: Option<Timestamp>,
    /// Why it was cancelled; the amount is back on the balance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason_code: Option<CancelReason>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PayoutStatus {
    Created,
    Sending,
    Sent,
    Cancelled,
}

impl From<Payout> for PayoutView {
    fn from(payout: Payout) -> Self {
        let (status, transfer, sent_at, reason_code) = match payout.state {
            PayoutState::Created => (PayoutStatus::Created, None, None, None),
            PayoutState::Sending { .. } => (PayoutStatus::Sending, None, None, None),
            PayoutState::Sent { transfer, at } => (PayoutStatus::Sent, Some(transfer), Some(at), None),
            PayoutState::Cancelled { reason, .. } => (PayoutStatus::Cancelled, None, None, Some(reason)),
        };
        Self {
            id: payout.id,
            amount: payout.amount,
            status,
            created_at: payout.created_at,
            transfer,
            sent_at,
            reason_code,
        }
    }
}
