//! Disputes: a customer's bank, or PayPal for a buyer, asks for the money back.
//!
//! ```text
//!  inquiry ◀──────▶ open ◀──▶ won         any status may follow any other, and the processor's latest word counts:
//!     ▲               ▲ ▲      ▲          a lost dispute is won later, a won one is taken up again, an inquiry
//!     ▼               │ ▼      ▼          becomes a dispute twice.
//!   closed ◀──────────┘ lost ◀─┘
//! ```
//!
//! Two things are known of a dispute, and each decides something else:
//!
//! - its **movements**, the balance transactions with which the processor takes the money, gives it back and charges for the trouble. They
//!   alone post money, each once, whatever the status: what is taken stands in `disputes_pending` ([`Dispute::withdrawn_minor`]).
//! - its **status**, which decides who bears what has been taken so far:
//!
//! | status | what was taken | what is at stake and not taken |
//! |---|---|---|
//! | `open` | is held on the partners' balances | is held as well |
//! | `inquiry`, `won`, `closed` | is held until it is given back | |
//! | `lost` | is clawed back: each share of what is left bears its part, and what was bought is revoked | is held while nothing was taken yet |
//!
//! All of it is in the order's currency, also where the processor settles in another and converts ([`moved`]).
//!
//! What is held and what is clawed back follow from these two alone ([`advance`]), so that movements and statuses may come in any order, late
//! and twice, and end in the same books. The dispute's fee stays a cost of the platform.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::reversal::{self, Cause, Direction, Retaken, Returned, TurnoverChange};
use super::{Order, OrderStatus};
use crate::clock::day;
use crate::ids::{DisputeId, LicenceId, OrderId, PartnerId, UserId};
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
    /// What is clawed back.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub returned: Vec<Returned>,
    /// How often more or less has been clawed back since the first time: each has an entry of its own in the journal.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub restatements: u32,
    #[serde(skip_serializing_if = "Origin::is_processor", default)]
    pub origin: Origin,
}

/// Who says how a dispute stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Origin {
    #[default]
    Processor,
    /// The processor has taken the money back without a dispute that could be asked for.
    Reversal,
    /// An operator has opened it by hand, for something that no code understands, and closes it.
    Operator {
        user: UserId,
        note: String,
        /// How it has ended, once it has.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        ruling: Option<Ruling>,
    },
}

impl Origin {
    fn is_processor(&self) -> bool {
        *self == Self::Processor
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(number: &u32) -> bool {
    *number == 0
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
    /// What the processor's books know it by, where that is not its id.
    pub reference: Option<String>,
    /// Below zero when the processor takes money.
    pub amount: Money,
    /// What it charges for the trouble.
    pub fee: Money,
    pub at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DisputeError {
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
    pub turnovers: Vec<TurnoverChange>,
    pub revoked: Vec<LicenceId>,
    pub reinstated: Vec<LicenceId>,
}

/// What follows from the processor's word. `None` where it is no news.
pub fn advance(
    order: &Order,
    known: Option<&Dispute>,
    report: &DisputeReport,
    seed: Seed,
    now: Timestamp,
) -> Result<Option<DisputeAdvance>, DisputeError> {
    advance_from(order, known, report, Origin::Processor, seed, now)
}

/// What follows where the processor has taken the money of a payment back, without a dispute that could be asked for.
pub fn reversed(
    order: &Order,
    known: Option<&Dispute>,
    report: &DisputeReport,
    seed: Seed,
    now: Timestamp,
) -> Result<Option<DisputeAdvance>, DisputeError> {
    advance_from(order, known, report, Origin::Reversal, seed, now)
}

fn advance_from(
    order: &Order,
    known: Option<&Dispute>,
    report: &DisputeReport,
    origin: Origin,
    seed: Seed,
    now: Timestamp,
) -> Result<Option<DisputeAdvance>, DisputeError> {
    let before = known.cloned().unwrap_or_else(|| opened(order, report, origin));
    let advance = DisputeAdvance::of(order, &before, report, seed, now)?;
    let is_news = known.is_none() || advance.dispute != before;
    Ok(is_news.then_some(advance))
}

/// An operator opens a dispute by hand. What follows from it, [`follow_by_hand`] says.
pub fn open_by_hand(
    order: &Order,
    claim: &ClaimByHand,
    user: UserId,
    seed: Seed,
    now: Timestamp,
) -> Result<Dispute, ByHandError> {
    let charge = order.charge.clone().filter(|_| order.status == OrderStatus::Paid);
    let amount = claim.amount.unwrap_or(order.total);
    let expected = order.total.currency();
    if amount.currency() != expected {
        return Err(ByHandError::OtherCurrency { expected });
    }
    if !amount.is_positive() || amount.minor() > order.total.minor() {
        return Err(ByHandError::Amount { paid: order.total });
    }
    let report = DisputeReport {
        id: seed.id::<DisputeId>("dispute").to_string(),
        charge: charge.ok_or(ByHandError::NotPaid)?,
        amount,
        reason: claim.reason.clone(),
        status: DisputeStatus::Open,
        opened_at: now,
        evidence_due: None,
        movements: Vec::new(),
    };
    let note = claim.note.clone();
    let ruling = None;
    Ok(opened(order, &report, Origin::Operator { user, note, ruling }))
}

/// What an operator says when opening a dispute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimByHand {
    /// `None`: all that was paid.
    pub amount: Option<Money>,
    pub reason: String,
    pub note: String,
}

/// How a dispute that was opened by hand has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruling {
    pub is_won: bool,
    /// What the processor has taken; nothing where it is won.
    pub taken_minor: i64,
    pub fee_minor: i64,
    /// The processor's id of the movement, so that its books and ours are held against each other.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub transaction: Option<String>,
    pub at: Timestamp,
}

/// Closes a dispute that was opened by hand.
pub fn close_by_hand(order: &Order, dispute: &Dispute, ruling: Ruling) -> Result<Dispute, ByHandError> {
    let Origin::Operator { user, note, .. } = &dispute.origin else {
        return Err(ByHandError::Followed);
    };
    if dispute.status != DisputeStatus::Open {
        return Err(ByHandError::Closed(dispute.status));
    }
    let (taken, fee) = (ruling.taken_minor, ruling.fee_minor);
    match ruling.is_won {
        true if taken != 0 => return Err(ByHandError::WonTakesNothing),
        false if taken <= 0 || taken > order.total.minor() => return Err(ByHandError::Amount { paid: order.total }),
        _ if fee < 0 || fee > order.total.minor() => return Err(ByHandError::Amount { paid: order.total }),
        _ => {}
    }
    Ok(Dispute {
        status: if ruling.is_won {
            DisputeStatus::Won
        } else {
            DisputeStatus::Lost
        },
        origin: Origin::Operator {
            user: *user,
            note: note.clone(),
            ruling: Some(ruling),
        },
        ..dispute.clone()
    })
}

/// What follows from a dispute as operators have left it. `None` where everything has.
pub fn follow_by_hand(
    order: &Order,
    dispute: &Dispute,
    seed: Seed,
    now: Timestamp,
) -> Result<Option<DisputeAdvance>, DisputeError> {
    let Origin::Operator { ruling, .. } = &dispute.origin else {
        return Ok(None);
    };
    let currency = order.total.currency();
    let moved = ruling
        .iter()
        .filter(|ruling| ruling.taken_minor != 0 || ruling.fee_minor != 0);
    let movement = |ruling: &Ruling| Movement {
        id: ruling.transaction.clone().unwrap_or_else(|| dispute.id.clone()),
        reference: None,
        amount: Money::new(-ruling.taken_minor, currency),
        fee: Money::new(ruling.fee_minor, currency),
        at: ruling.at,
    };
    let report = DisputeReport {
        id: dispute.id.clone(),
        charge: dispute.charge.clone(),
        amount: dispute.amount,
        reason: dispute.reason.clone(),
        status: dispute.status,
        opened_at: dispute.opened_at,
        evidence_due: dispute.evidence_due,
        movements: moved.map(movement).collect(),
    };
    advance(order, Some(dispute), &report, seed, now)
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ByHandError {
    #[error("only what was paid can be disputed")]
    NotPaid,
    #[error("the amount must be more than nothing, and at most the {paid} that were paid")]
    Amount { paid: Money },
    #[error("the order was paid in {expected}")]
    OtherCurrency { expected: crate::money::Currency },
    #[error("the processor tells how this dispute stands, so nobody closes it here")]
    Followed,
    #[error("the dispute is {0} already")]
    Closed(DisputeStatus),
    #[error("a won dispute has taken nothing in the end, or its fee at most")]
    WonTakesNothing,
}

fn opened(order: &Order, report: &DisputeReport, origin: Origin) -> Dispute {
    Dispute {
        id: report.id.clone(),
        order: order.id,
        customer: order.customer,
        charge: report.charge.clone(),
        amount: report.amount,
        reason: report.reason.clone(),
        status: report.status,
        opened_at: report.opened_at,
        evidence_due: report.evidence_due,
        movements: Vec::new(),
        withdrawn_minor: 0,
        held: BTreeMap::new(),
        returned: Vec::new(),
        restatements: 0,
        origin,
    }
}

impl Dispute {
    /// What is to be clawed back.
    fn lost_minor(&self) -> i64 {
        match self.status {
            DisputeStatus::Lost => self.withdrawn_minor.max(0),
            DisputeStatus::Inquiry | DisputeStatus::Open | DisputeStatus::Won | DisputeStatus::Closed => 0,
        }
    }

    /// What is to be held.
    fn held_minor(&self) -> i64 {
        let withdrawn = self.withdrawn_minor.max(0);
        match self.status {
            DisputeStatus::Open => withdrawn.max(self.amount.minor()),
            // It ends when the processor shows the movement, which it does with its next news at the latest.
            DisputeStatus::Lost if withdrawn == 0 => self.amount.minor(),
            DisputeStatus::Lost => 0,
            DisputeStatus::Inquiry | DisputeStatus::Won | DisputeStatus::Closed => withdrawn,
        }
    }

    /// What an operator wrote when opening it by hand.
    pub fn note(&self) -> Option<&str> {
        match &self.origin {
            Origin::Operator { note, .. } => Some(note),
            Origin::Processor | Origin::Reversal => None,
        }
    }

    /// What the journal calls the next change of what is clawed back.
    fn restatement(&self) -> String {
        match self.restatements {
            0 => self.id.clone(),
            number => format!("{}.{number}", self.id),
        }
    }
}

impl DisputeAdvance {
    fn of(
        order: &Order,
        before: &Dispute,
        report: &DisputeReport,
        seed: Seed,
        now: Timestamp,
    ) -> Result<Self, DisputeError> {
        let mut advance = Self {
            order: order.clone(),
            dispute: Dispute {
                status: report.status,
                amount: report.amount,
                evidence_due: report.evidence_due,
                ..before.clone()
            },
            entries: Vec::new(),
            balances: Vec::new(),
            turnovers: Vec::new(),
            revoked: Vec::new(),
            reinstated: Vec::new(),
        };
        advance.post_movements(report, seed)?;
        advance.claw_back(seed, now)?;
        advance.hold(before)?;
        Ok(advance)
    }

    fn post_movements(&mut self, report: &DisputeReport, seed: Seed) -> Result<(), DisputeError> {
        for movement in &report.movements {
            if self.dispute.movements.contains(&movement.id) {
                continue;
            }
            self.entries.push(funds_entry(&self.order, movement, seed)?);
            self.dispute.movements.push(movement.id.clone());
            let withdrawn = self.dispute.withdrawn_minor.checked_sub(movement.amount.minor());
            self.dispute.withdrawn_minor = withdrawn.ok_or(MoneyError::Overflow)?;
        }
        Ok(())
    }

    /// Brings what is clawed back to what the status and the movements say: more, less or nothing.
    fn claw_back(&mut self, seed: Seed, now: Timestamp) -> Result<(), DisputeError> {
        let lost = self.dispute.lost_minor();
        let taken: i64 = self.dispute.returned.iter().map(|part| part.minor).sum();
        if lost == taken {
            return Ok(());
        }
        let Retaken {
            order,
            returned,
            difference,
        } = reversal::retake(&self.order, &self.dispute.returned, lost)?;
        let cause = Cause {
            fact: Fact::DisputeLost(self.dispute.restatement()),
            account: Account::DisputesPending,
            processor_ref: None,
            at: now,
            label: "dispute lost",
        };
        let entries = reversal::entries(&self.order, &difference, &cause, Direction::Back, seed)?;
        self.entries.extend(entries);
        let balances = reversal::balance_changes(&self.order, &difference, Direction::Back, day(now))?;
        self.balances.extend(balances);
        self.turnovers = reversal::turnover_changes(&self.order, &difference, Direction::Back)?;
        let (gone_before, gone) = (
            reversal::spent(&self.order, &difference)?,
            reversal::spent(&order, &difference)?,
        );
        self.revoked = gone.iter().filter(|one| !gone_before.contains(one)).copied().collect();
        self.reinstated = gone_before.iter().filter(|one| !gone.contains(one)).copied().collect();
        self.order = order;
        for part in &difference {
            let line = self.order.lines.get_mut(part.line).ok_or(MoneyError::NoWeight)?;
            let lost = line.lost_minor.checked_add(part.minor).ok_or(MoneyError::Overflow)?;
            // What was lost before lines remembered it is not there to come back.
            line.lost_minor = lost.max(0);
        }
        self.dispute.returned = returned;
        self.dispute.restatements += 1;
        Ok(())
    }

    /// Holds the partners' shares of what may still be clawed back, and no more.
    fn hold(&mut self, before: &Dispute) -> Result<(), DisputeError> {
        let amounts = reversal::spread(&self.order, self.dispute.held_minor())?;
        let at_stake = reversal::take(&self.order, &amounts)?;
        self.dispute.held = reversal::burden(&self.order, &at_stake)?;
        let mut changes = self.dispute.held.clone();
        for (partner, minor) in &before.held {
            *changes.entry(*partner).or_default() -= minor;
        }
        for (partner, minor) in changes.into_iter().filter(|(_, minor)| *minor != 0) {
            // A transaction has no item twice: what is released and what is taken are one change.
            match self.balances.iter_mut().find(|known| known.partner == partner) {
                Some(known) => known.disputed_minor = minor,
                None => self.balances.push(BalanceChange {
                    partner,
                    owed: Money::zero(self.order.total.currency()),
                    maturing: None,
                    disputed_minor: minor,
                }),
            }
        }
        Ok(())
    }
}

/// What a dispute is about, in the order's currency. A bank may speak of another one: then it is about all that was paid.
pub fn disputed(order: &Order, told: Money) -> Money {
    if told.currency() == order.total.currency() {
        told
    } else {
        order.total
    }
}

/// What a movement takes or gives back of an order, in the order's currency. One that the processor has converted moves all that the dispute is
/// about, at the rate of that day: a share is held and clawed back by what was paid for, whatever the rate.
pub fn moved(order: &Order, disputed: Money, told: Money) -> Money {
    if told.currency() == order.total.currency() {
        told
    } else {
        Money::new(disputed.minor() * told.minor().signum(), order.total.currency())
    }
}

/// What the processor took or gave back, and what it charged. A fact of the platform alone: the shares follow with the outcome.
fn funds_entry(order: &Order, movement: &Movement, seed: Seed) -> Result<JournalEntry, LedgerError> {
    let posting = |account, amount| Posting { account, amount };
    let clearing = Account::clearing(order.processor);
    let mut postings = vec![
        posting(Account::DisputesPending, movement.amount.checked_neg()?),
        posting(Account::ProcessorFees, movement.fee),
    ];
    if movement.fee.currency() == movement.amount.currency() {
        postings.push(posting(clearing, movement.amount.checked_sub(movement.fee)?));
    } else {
        // The processor charges in the currency that it settles in.
        postings.push(posting(clearing, movement.amount));
        postings.push(posting(clearing, movement.fee.checked_neg()?));
    }
    let id = seed.id(&format!("dispute funds {}", movement.id));
    let entry = JournalEntry::new(id, Fact::DisputeFunds(movement.id.clone()), None, movement.at, postings)?;
    Ok(entry.with_processor_ref(movement.reference.as_ref().unwrap_or(&movement.id)))
}
