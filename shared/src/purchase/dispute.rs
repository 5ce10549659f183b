//! Disputes: a customer's bank asks for the money back.
//!
//! ```text
//!  inquiry ──────────▶ open ──▶ won
//!     │                  └────▶ lost
//!     └─▶ closed
//! ```
//!
//! Money moves only with the dispute's balance transactions, each of which is posted once: what the processor takes stands in
//! `disputes_pending` until the outcome, and the partners' shares of it are held on their balances. A lost dispute claws back what is
//! left of the shares and revokes what was bought; a won one releases the hold. The dispute's fee stays a cost of the platform.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Order;
use super::reversal::{self, Cause, Direction, Returned};
use crate::clock::day;
use crate::ids::{LicenceId, OrderId, PartnerId, UserId};
use crate::ledger::{Account, BalanceChange, Fact, JournalEntry, LedgerError, Posting};
use crate::money::{Money, MoneyError};
use crate::seed::Seed;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispute {
    /// The processor's id.
    pub id: String,
    pub order: OrderId,
    pub customer: UserId,
    pub charge: String,
    pub amount: Money,
    /// The bank's reason, as the processor names it.
    pub reason: String,
    pub status: DisputeStatus,
    pub opened_at: Timestamp,
    /// Until when the bank waits for evidence.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub evidence_due: Option<Timestamp>,
    /// The processor's movements that have been posted, by their ids.
    #[serde(default)]
    pub movements: Vec<String>,
    /// What the processor has taken and not given back.
    #[serde(default)]
    pub withdrawn_minor: i64,
    /// What is held on the partners' balances meanwhile.
    #[serde(default)]
    pub held: BTreeMap<PartnerId, i64>,
    /// What was clawed back when it was lost.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub returned: Vec<Returned>,
}

#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumIter,
    strum::EnumString,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DisputeStatus {
    /// The bank only asks; no money has moved.
    Inquiry,
    Open,
    Won,
    Lost,
    /// An inquiry that came to nothing, or a dispute that was prevented.
    Closed,
}

impl DisputeStatus {
    fn is_final(self) -> bool {
        matches!(self, Self::Won | Self::Lost | Self::Closed)
    }
}

/// What the processor says about a dispute (fetched, not taken from an event).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisputeReport {
    pub id: String,
    pub charge: String,
    pub amount: Money,
    pub reason: String,
    pub status: DisputeStatus,
    pub opened_at: Timestamp,
    pub evidence_due: Option<Timestamp>,
    pub movements: Vec<Movement>,
}

/// One balance transaction of a dispute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Movement {
    pub id: String,
    /// Below zero when the processor takes money.
    pub amount: Money,
    /// What it charges for the trouble.
    pub fee: Money,
    pub at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DisputeError {
    /// A person must look at it: the books of a closed dispute are not opened again by themselves.
    #[error("dispute {id} is {known} here, and now said to be {told}")]
    Contradiction {
        id: String,
        known: DisputeStatus,
        told: DisputeStatus,
    },
    #[error(transparent)]
    Money(#[from] MoneyError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Everything that one piece of news about a dispute writes, in one transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct DisputeAdvance {
    pub order: Order,
    pub dispute: Dispute,
    pub entries: Vec<JournalEntry>,
    pub balances: Vec<BalanceChange>,
    pub revoked: Vec<LicenceId>,
}

/// What follows from the processor's word. `None` where it is no news.
pub fn advance(
    order: &Order,
    known: Option<&Dispute>,
    report: &DisputeReport,
    seed: Seed,
    now: Timestamp,
) -> Result<Option<DisputeAdvance>, DisputeError> {
    let before = known.cloned().unwrap_or_else(|| opened(order, report));
    if before.status.is_final() && report.status != before.status {
        return Err(DisputeError::Contradiction {
            id: report.id.clone(),
            known: before.status,
            told: report.status,
        });
    }
    let mut advance = DisputeAdvance {
        order: order.clone(),
        dispute: Dispute {
            status: report.status,
            evidence_due: report.evidence_due,
            ..before.clone()
        },
        entries: Vec::new(),
        balances: Vec::new(),
        revoked: Vec::new(),
    };
    advance.post_movements(report, seed)?;
    if report.status.is_final() && !before.status.is_final() {
        advance.release();
        if report.status == DisputeStatus::Lost {
            advance.claw_back(report, seed, now)?;
        }
    } else if !report.status.is_final() && before.held.is_empty() && advance.dispute.withdrawn_minor > 0 {
        advance.hold()?;
    }
    let news = known.is_none() || advance.dispute != before;
    Ok(news.then_some(advance))
}

fn opened(order: &Order, report: &DisputeReport) -> Dispute {
    Dispute {
        id: report.id.clone(),
        order: order.id,
        customer: order.customer,
        charge: report.charge.clone(),
        amount: report.amount,
        reason: report.reason.clone(),
        status: DisputeStatus::Inquiry,
        opened_at: report.opened_at,
        evidence_due: report.evidence_due,
        movements: Vec::new(),
        withdrawn_minor: 0,
        held: BTreeMap::new(),
        returned: Vec::new(),
    }
}

impl DisputeAdvance {
    fn post_movements(&mut self, report: &DisputeReport, seed: Seed) -> Result<(), DisputeError> {
        for movement in &report.movements {
            if self.dispute.movements.contains(&movement.id) {
                continue;
            }
            self.entries.push(funds_entry(movement, seed)?);
            self.dispute.movements.push(movement.id.clone());
            let withdrawn = self.dispute.withdrawn_minor.checked_sub(movement.amount.minor());
            self.dispute.withdrawn_minor = withdrawn.ok_or(MoneyError::Overflow)?;
        }
        Ok(())
    }

    /// Holds the partners' shares of what was taken, until the outcome is known.
    fn hold(&mut self) -> Result<(), DisputeError> {
        let amounts = reversal::spread(&self.order, self.dispute.withdrawn_minor)?;
        let at_stake = reversal::take(&self.order, &amounts)?;
        self.dispute.held = reversal::burden(&self.order, &at_stake)?;
        self.hold_changes(1);
        Ok(())
    }

    fn release(&mut self) {
        self.hold_changes(-1);
        self.dispute.held.clear();
    }

    fn hold_changes(&mut self, sign: i64) {
        let currency = self.order.total.currency();
        let change = |(partner, minor): (&PartnerId, &i64)| BalanceChange {
            partner: *partner,
            owed: Money::zero(currency),
            maturing: None,
            disputed_minor: sign * minor,
        };
        self.balances.extend(self.dispute.held.iter().map(change));
    }

    /// The money is gone: each share of what is left bears its part, and what was bought is revoked.
    fn claw_back(&mut self, report: &DisputeReport, seed: Seed, now: Timestamp) -> Result<(), DisputeError> {
        if self.dispute.withdrawn_minor <= 0 {
            return Ok(());
        }
        let amounts = reversal::spread(&self.order, self.dispute.withdrawn_minor)?;
        let returned = reversal::take(&self.order, &amounts)?;
        let cause = Cause {
            fact: Fact::DisputeLost(report.id.clone()),
            account: Account::DisputesPending,
            processor_ref: None,
            at: now,
            label: "dispute lost",
        };
        self.entries.extend(reversal::entries(
            &self.order,
            &returned,
            &cause,
            Direction::Back,
            seed,
        )?);
        let today = day(now);
        for change in reversal::balance_changes(&self.order, &returned, Direction::Back, today)? {
            // A transaction has no item twice: what is released and what is taken are one change.
            match self.balances.iter_mut().find(|known| known.partner == change.partner) {
                Some(known) => (known.owed, known.maturing) = (change.owed, change.maturing),
                None => self.balances.push(change),
            }
        }
        self.order = reversal::apply(&self.order, &returned, Direction::Back)?;
        self.revoked = reversal::spent(&self.order, &returned)?;
        self.dispute.returned = returned;
        Ok(())
    }
}

/// What the processor took or gave back, and what it charged. A fact of the platform alone: the shares follow with the outcome.
fn funds_entry(movement: &Movement, seed: Seed) -> Result<JournalEntry, LedgerError> {
    let net = movement.amount.checked_sub(movement.fee)?;
    let postings = vec![
        Posting {
            account: Account::DisputesPending,
            amount: movement.amount.checked_neg()?,
        },
        Posting {
            account: Account::ProcessorFees,
            amount: movement.fee,
        },
        Posting {
            account: Account::ProcessorClearing,
            amount: net,
        },
    ];
    let id = seed.id(&format!("dispute funds {}", movement.id));
    let entry = JournalEntry::new(id, Fact::DisputeFunds(movement.id.clone()), None, movement.at, postings)?;
    Ok(entry.with_processor_ref(&movement.id))
}
