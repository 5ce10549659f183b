//! Refunds: money that goes back to a customer, in part or in whole.
//!
//! ```text
//!  requested ──approved──▶ created ──▶ sending ──accepted──▶ pending ──▶ succeeded
//!   │  │                      │           │                     │            │
//!   │  └─▶ declined           │           └─▶ refused           └──▶ failed ◀┘
//!   └─▶ superseded            └ by the operator or the partner at once; the processor's own refunds begin at `sending`
//! ```
//!
//! Of each line one request is open at a time ([`OrderLine::requested`](super::OrderLine::requested)). When all that it asks for has gone back
//! by other ways, by a refund that nobody asked for or by a lost dispute, there is nothing left to decide: it is superseded ([`supersede`]).
//!
//! The amount is set aside on the order's lines (`claimed_minor`) before the processor hears of the refund, so two refunds together
//! never promise more than was paid. It is posted when the processor has accepted it, taken from what is left of each line
//! ([`super::reversal`]), and posted back when it fails later. The refund's id is the processor's idempotency key: an unknown outcome
//! is asked again or looked up, never assumed.

mod amounts;
mod request;
mod withdrawal;

pub use request::{approve, ask_operator, decline, supersede};
pub(super) use withdrawal::refund_withdrawn;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::promise::{Promise, ReviewReason};
use super::reversal::{self, Cause, Direction, LineAmount, Returned, TurnoverChange};
use super::{Order, OrderStatus};
use crate::clock::day;
use crate::ids::{LicenceId, OrderId, PartnerId, RefundId, UserId};
use crate::ledger::{Account, BalanceChange, Fact, JournalEntry, LedgerError};
use crate::money::{Money, MoneyError};
use crate::seed::Seed;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    pub id: RefundId,
    pub order: OrderId,
    pub customer: UserId,
    pub amount: Money,
    /// How the amount is spread over the order's lines.
    pub lines: Vec<LineAmount>,
    pub reason: RefundReason,
    pub origin: RefundOrigin,
    /// What the person who asked for it wrote.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub note: Option<String>,
    pub created_at: Timestamp,
    pub state: RefundState,
    /// The processor's refund, once it is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub processor_ref: Option<String>,
    /// What was posted, so that exactly this can be posted back.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub returned: Vec<Returned>,
    /// Why an operator has to decide what a partner wanted to refund.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub review: Option<ReviewReason>,
    /// What is kept on the balances of those who bear it, until it is posted.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub promised: Vec<Promise>,
}

/// Who began it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum RefundOrigin {
    Operator {
        user: UserId,
    },
    Partner {
        user: UserId,
        partner: PartnerId,
    },
    Customer,
    /// What was paid for had left the shop.
    Withdrawal,
    /// Made in the processor's own dashboard.
    Processor,
}

/// Why; customers and partners read these codes.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display, strum::EnumIter, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum RefundReason {
    /// The customer changed their mind.
    RequestedByCustomer,
    Duplicate,
    Fraudulent,
    NotAsDescribed,
    DoesNotWork,
    /// It had left the shop when it was paid.
    NoLongerOffered,
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum RefundState {
    Requested,
    Declined {
        at: Timestamp,
        note: String,
    },
    /// What was asked for has gone back by other ways.
    Superseded {
        at: Timestamp,
    },
    Created,
    /// The processor may have been asked, first at this moment.
    Sending {
        since: Timestamp,
    },
    /// Accepted and posted; not yet with the customer.
    Pending {
        at: Timestamp,
    },
    Succeeded {
        at: Timestamp,
    },
    /// The processor did not take it; nothing was posted.
    Refused {
        at: Timestamp,
        code: String,
    },
    /// It did not reach the customer; what was posted has been posted back.
    Failed {
        at: Timestamp,
        reason: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefundError {
    #[error("only a paid order can be refunded")]
    NotPaid,
    #[error("the order cost nothing, so there is nothing to give back")]
    NothingPaid,
    #[error("the order has no line {line}")]
    NoSuchLine { line: usize },
    #[error("line {line} is named twice")]
    Duplicate { line: usize },
    #[error("line {line} is another partner's")]
    NotYours { line: usize },
    #[error("the amount of line {line} must be more than zero")]
    NotPositive { line: usize },
    #[error("line {line} can be refunded in steps of {step_minor} minor units, or in full, not by {asked}")]
    NotInSteps { line: usize, asked: Money, step_minor: i64 },
    #[error("line {line} has {left} left to refund, which is less than {asked}")]
    AboveRemainder { line: usize, asked: Money, left: Money },
    #[error("nothing of the order is left to refund")]
    NothingLeft,
    #[error(
        "line {line} can be refunded by {left}, not by {asked}: of {paid} that were paid, {returned} have gone back or are on their way, and \
         {credit} are credit that the subscription has not spent"
    )]
    CreditUnspent {
        line: usize,
        asked: Money,
        left: Money,
        paid: Money,
        returned: Money,
        credit: Money,
    },
    #[error("a refund of line {line} has been asked for and not been decided: {refund}")]
    RequestOpen { line: usize, refund: RefundId },
    #[error("the order was paid more than {days} days ago")]
    TooLate { days: u32 },
    #[error("the amount is in {asked}, the order in {expected}")]
    OtherCurrency {
        asked: crate::money::Currency,
        expected: crate::money::Currency,
    },
    #[error("the refund is not waiting for a decision")]
    NotRequested,
    #[error(transparent)]
    Money(#[from] MoneyError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// What somebody asks for: certain amounts of certain lines, or everything that is left of the lines they may refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundRequest {
    /// `None`: all lines in full. Within a line, `None`: all that is left of it.
    pub lines: Option<Vec<(usize, Option<Money>)>>,
    pub reason: RefundReason,
    pub note: Option<String>,
}

/// How long after the payment partners may refund and customers may ask; operators always may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefundPolicy {
    pub window_days: u32,
}

/// An order and one of its refunds, both as they now are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    pub order: Order,
    pub refund: Refund,
}

/// Begins a refund. An operator's or partner's sets the amount aside at once; a customer's waits for one of them.
pub fn begin(
    order: &Order,
    request: &RefundRequest,
    origin: RefundOrigin,
    policy: RefundPolicy,
    seed: Seed,
    now: Timestamp,
) -> Result<Begun, RefundError> {
    if order.status != OrderStatus::Paid {
        return Err(RefundError::NotPaid);
    }
    if order.total.is_zero() {
        return Err(RefundError::NothingPaid);
    }
    if matches!(origin, RefundOrigin::Partner { .. } | RefundOrigin::Customer) {
        check_window(order, policy, now)?;
    }
    let lines = amounts::of(order, request, origin)?;
    let minor = lines
        .iter()
        .try_fold(0_i64, |sum, line| sum.checked_add(line.minor))
        .ok_or(MoneyError::Overflow)?;
    let refund = Refund {
        id: seed.id("refund"),
        order: order.id,
        customer: order.customer,
        amount: Money::new(minor, order.total.currency()),
        lines,
        reason: request.reason,
        origin,
        note: request.note.clone(),
        created_at: now,
        state: RefundState::Requested,
        processor_ref: None,
        returned: Vec::new(),
        review: None,
        promised: Vec::new(),
    };
    if origin == RefundOrigin::Customer {
        return request::open(order, refund);
    }
    approve(order, &refund)
}

fn check_window(order: &Order, policy: RefundPolicy, now: Timestamp) -> Result<(), RefundError> {
    let window = SignedDuration::from_hours(24 * i64::from(policy.window_days));
    match order.paid_at {
        Some(paid_at) if now.duration_since(paid_at) <= window => Ok(()),
        _ => Err(RefundError::TooLate {
            days: policy.window_days,
        }),
    }
}

/// The id of a refund that was made at the processor and has none of ours: always the same one, so that it is found again by what the
/// processor tells of it.
pub fn adopted_id(created: Timestamp, reference: &str) -> RefundId {
    Seed::named(created, reference).id("refund")
}

/// A refund that somebody made at the processor: what it gave back is spread over what is left.
pub fn adopt(order: &Order, report: &RefundReport, id: RefundId, now: Timestamp) -> Result<Begun, RefundError> {
    let lines = reversal::spread(order, report.amount.minor())?;
    let mut order = order.clone();
    for amount in &lines {
        if let Some(line) = order.lines.get_mut(amount.line) {
            line.claimed_minor = line
                .claimed_minor
                .checked_add(amount.minor)
                .ok_or(MoneyError::Overflow)?;
        }
    }
    let refund = Refund {
        id,
        order: order.id,
        customer: order.customer,
        amount: report.amount,
        lines,
        reason: RefundReason::Other,
        origin: RefundOrigin::Processor,
        note: None,
        created_at: report.created,
        state: RefundState::Sending { since: now },
        processor_ref: Some(report.reference.clone()),
        returned: Vec::new(),
        review: None,
        promised: Vec::new(),
    };
    Ok(Begun { order, refund })
}

/// What the processor says about a refund (fetched, not taken from an event).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundReport {
    pub reference: String,
    pub amount: Money,
    pub status: ReportedStatus,
    /// Whether money has left the platform's balance.
    pub moved: bool,
    pub failure: Option<String>,
    pub created: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportedStatus {
    /// The processor waits for the customer; no money has moved.
    RequiresAction,
    Pending,
    Succeeded,
    /// Failed or cancelled.
    Failed,
}

/// Everything that one piece of news about a refund writes, in one transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Advance {
    pub order: Order,
    pub refund: Refund,
    pub entries: Vec<JournalEntry>,
    pub balances: Vec<BalanceChange>,
    pub turnovers: Vec<TurnoverChange>,
    pub revoked: Vec<LicenceId>,
    pub reinstated: Vec<LicenceId>,
    /// What balances had promised, and do not any more.
    pub released: Vec<Promise>,
    /// Whether the customer has not been told yet.
    pub accepted: bool,
}

/// What follows from the processor's word. `None` where it is no news.
pub fn advance(
    order: &Order,
    refund: &Refund,
    report: &RefundReport,
    seed: Seed,
    now: Timestamp,
) -> Result<Option<Advance>, RefundError> {
    let posted = match refund.state {
        RefundState::Created | RefundState::Sending { .. } => false,
        RefundState::Pending { .. } | RefundState::Succeeded { .. } => true,
        RefundState::Requested
        | RefundState::Declined { .. }
        | RefundState::Superseded { .. }
        | RefundState::Refused { .. }
        | RefundState::Failed { .. } => return Ok(None),
    };
    let mut advance = Advance {
        order: order.clone(),
        refund: Refund {
            processor_ref: Some(report.reference.clone()),
            ..refund.clone()
        },
        entries: Vec::new(),
        balances: Vec::new(),
        turnovers: Vec::new(),
        revoked: Vec::new(),
        reinstated: Vec::new(),
        released: Vec::new(),
        accepted: false,
    };
    match report.status {
        ReportedStatus::RequiresAction => return Ok(None),
        ReportedStatus::Pending if posted => return Ok(None),
        ReportedStatus::Succeeded if matches!(refund.state, RefundState::Succeeded { .. }) => return Ok(None),
        ReportedStatus::Pending => {
            advance.post(seed, now, report)?;
            advance.refund.state = RefundState::Pending { at: now };
        }
        ReportedStatus::Succeeded => {
            if !posted {
                advance.post(seed, now, report)?;
            }
            advance.refund.state = RefundState::Succeeded { at: now };
        }
        ReportedStatus::Failed => {
            // What moved and came back leaves both movements at the processor, so it leaves both entries here.
            if !posted && report.moved {
                advance.post(seed, now, report)?;
            }
            advance.post_back(seed, now, report)?;
            advance.accepted = false;
            let reason = report.failure.clone().unwrap_or_else(|| "unknown".to_owned());
            advance.refund.state = RefundState::Failed { at: now, reason };
        }
    }
    // Posted or proven not to be: either way nothing is to come any more.
    advance.released = std::mem::take(&mut advance.refund.promised);
    Ok(Some(advance))
}

/// The processor did not take the refund: what was set aside is free again.
pub fn refuse(order: &Order, refund: &Refund, code: &str, now: Timestamp) -> Begun {
    let refund = Refund {
        state: RefundState::Refused {
            at: now,
            code: code.to_owned(),
        },
        promised: Vec::new(),
        ..refund.clone()
    };
    Begun {
        order: unclaimed(order, &refund),
        refund,
    }
}

fn unclaimed(order: &Order, refund: &Refund) -> Order {
    let mut order = order.clone();
    for amount in &refund.lines {
        if let Some(line) = order.lines.get_mut(amount.line) {
            line.claimed_minor -= amount.minor;
        }
    }
    order
}

impl Advance {
    fn post(&mut self, seed: Seed, now: Timestamp, report: &RefundReport) -> Result<(), RefundError> {
        let returned = reversal::take(&self.order, &self.refund.lines)?;
        let cause = self.cause(Fact::Refund(self.refund.id), "refund", report.created, report);
        self.entries.extend(reversal::entries(
            &self.order,
            &returned,
            &cause,
            Direction::Back,
            seed,
        )?);
        self.balances.extend(reversal::balance_changes(
            &self.order,
            &returned,
            Direction::Back,
            day(now),
        )?);
        self.turnovers
            .extend(reversal::turnover_changes(&self.order, &returned, Direction::Back)?);
        self.order = reversal::apply(&self.order, &returned, Direction::Back)?;
        self.revoked = reversal::spent(&self.order, &returned)?;
        self.refund.returned = returned;
        self.accepted = true;
        Ok(())
    }

    fn post_back(&mut self, seed: Seed, now: Timestamp, report: &RefundReport) -> Result<(), RefundError> {
        let returned = reversal::undone(&self.order, &std::mem::take(&mut self.refund.returned))?;
        let cause = self.cause(Fact::RefundFailed(self.refund.id), "refund failed", now, report);
        self.entries.extend(reversal::entries(
            &self.order,
            &returned,
            &cause,
            Direction::Forth,
            seed,
        )?);
        self.balances.extend(reversal::balance_changes(
            &self.order,
            &returned,
            Direction::Forth,
            day(now),
        )?);
        self.turnovers
            .extend(reversal::turnover_changes(&self.order, &returned, Direction::Forth)?);
        let after = reversal::apply(&self.order, &returned, Direction::Forth)?;
        let still = reversal::spent(&after, &returned)?;
        self.reinstated = reversal::spent(&self.order, &returned)?;
        self.reinstated
            .retain(|licence| !self.revoked.contains(licence) && !still.contains(licence));
        self.revoked.clear();
        self.order = unclaimed(&after, &self.refund);
        self.balances = netted(std::mem::take(&mut self.balances))?;
        self.turnovers = reversal::netted_turnovers(std::mem::take(&mut self.turnovers))?;
        Ok(())
    }

    fn cause(&self, fact: Fact, label: &'static str, at: Timestamp, report: &RefundReport) -> Cause {
        Cause {
            fact,
            account: Account::clearing(self.order.processor),
            processor_ref: Some(report.reference.clone()),
            at,
            label,
        }
    }
}

/// One change for each balance: a transaction has no item twice.
fn netted(changes: Vec<BalanceChange>) -> Result<Vec<BalanceChange>, MoneyError> {
    let mut netted: Vec<BalanceChange> = Vec::new();
    for change in changes {
        match netted.iter_mut().find(|known| known.partner == change.partner) {
            Some(known) => known.owed = known.owed.checked_add(change.owed)?,
            None => netted.push(change),
        }
    }
    netted.retain(|change| !change.owed.is_zero());
    Ok(netted)
}

/// The processor forgets an idempotency key after 24 hours at the earliest; an hour is left for clocks that disagree.
const KEY_LIFETIME: SignedDuration = SignedDuration::from_hours(23);

/// What to do next about a refund that has been decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundStep {
    /// Ask for it; the same key makes a second request harmless.
    Send,
    /// The key may have been forgotten: look for the refund first, ask only if there is none.
    LookUpThenSend,
    /// Accepted: ask what became of it. Stripe tells, PayPal leaves one to ask.
    LookUp,
    /// Ended, or not decided.
    Nothing,
}

pub fn next_step(refund: &Refund, now: Timestamp) -> RefundStep {
    match refund.state {
        RefundState::Created => RefundStep::Send,
        RefundState::Sending { since } if now.duration_since(since) < KEY_LIFETIME => RefundStep::Send,
        RefundState::Sending { .. } => RefundStep::LookUpThenSend,
        RefundState::Pending { .. } => RefundStep::LookUp,
        RefundState::Requested
        | RefundState::Declined { .. }
        | RefundState::Superseded { .. }
        | RefundState::Succeeded { .. }
        | RefundState::Refused { .. }
        | RefundState::Failed { .. } => RefundStep::Nothing,
    }
}
