//! What clients send and get.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::http::{FieldError, Problem, Validate};
use shared::ids::{ListingId, OrderId, PartnerId, RefundId};
use shared::money::{Currency, Money};
use shared::purchase::dispute::{ClaimByHand, Dispute, DisputeStatus, Ruling};
use shared::purchase::promise::ReviewReason;
use shared::purchase::refund::{Refund, RefundOrigin, RefundReason, RefundRequest, RefundState};
use shared::purchase::{MAX_LINES, Order, OrderStatus};
use utoipa::{IntoParams, ToSchema};

/// The longest note; it may be shown to the customer and to the partner.
const MAX_NOTE_CHARS: usize = 1_000;
/// The longest reason of a dispute, and the longest id of the processor's.
const MAX_REASON_CHARS: usize = 100;

/// What to give back, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AskRefund {
    /// Without it: all lines (a partner: all of the partner's own), in full.
    pub lines: Option<Vec<AskLine>>,
    pub reason: RefundReason,
    pub note: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AskLine {
    /// The line's place in the order, from 0.
    pub line: usize,
    /// Without it: all that is left of the line.
    pub amount: Option<Money>,
}

impl Validate for AskRefund {
    fn validate(&self) -> Vec<FieldError> {
        let mut errors = note_errors(self.note.as_deref());
        if let Some(lines) = &self.lines
            && (lines.is_empty() || lines.len() > MAX_LINES)
        {
            errors.push(FieldError::new(
                "/lines",
                format!("must have between 1 and {MAX_LINES} lines"),
            ));
        }
        errors
    }
}

impl From<AskRefund> for RefundRequest {
    fn from(ask: AskRefund) -> Self {
        let lines = ask
            .lines
            .map(|lines| lines.into_iter().map(|line| (line.line, line.amount)).collect());
        Self {
            lines,
            reason: ask.reason,
            note: ask.note,
        }
    }
}

fn note_errors(note: Option<&str>) -> Vec<FieldError> {
    match note {
        Some(note) if note.trim().is_empty() || note.chars().count() > MAX_NOTE_CHARS => {
            vec![FieldError::new(
                "/note",
                format!("must have between 1 and {MAX_NOTE_CHARS} characters"),
            )]
        }
        _ => Vec::new(),
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decide {
    pub decision: DecisionKind,
    /// What the customer is told; needed to decline.
    pub note: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DecisionKind {
    Approve,
    Decline,
}

impl Validate for Decide {
    fn validate(&self) -> Vec<FieldError> {
        let mut errors = note_errors(self.note.as_deref());
        if self.decision == DecisionKind::Decline && self.note.is_none() {
            errors.push(FieldError::new("/note", "must say why the refund is declined"));
        }
        errors
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RefundView {
    pub id: RefundId,
    pub order_id: OrderId,
    pub amount: Money,
    pub lines: Vec<RefundLineView>,
    pub reason: RefundReason,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    pub requested_by: RequestedBy,
    pub status: RefundStatus,
    /// Why an operator decides, or has decided, what a partner wanted to refund.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review: Option<ReviewView>,
    /// Why it was declined, refused by the processor or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_detail: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When the status was reached, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub updated_at: Option<Timestamp>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReviewView {
    pub reason_code: ReviewReason,
    /// The reason in words.
    pub explanation: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RefundLineView {
    /// The line's place in the order, from 0.
    pub line: usize,
    pub amount: Money,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RequestedBy {
    Operator,
    Partner,
    Customer,
    /// What was paid for had left the shop.
    Marketplace,
    Processor,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RefundStatus {
    Requested,
    Declined,
    /// What was asked for has gone back by other ways.
    Superseded,
    Created,
    Sending,
    Pending,
    Succeeded,
    Refused,
    Failed,
}

impl From<Refund> for RefundView {
    fn from(refund: Refund) -> Self {
        let (status, updated_at, status_detail) = match refund.state {
            RefundState::Requested => (RefundStatus::Requested, None, None),
            RefundState::Declined { at, note } => (RefundStatus::Declined, Some(at), Some(note)),
            RefundState::Superseded { at } => (RefundStatus::Superseded, Some(at), None),
            RefundState::Created => (RefundStatus::Created, None, None),
            RefundState::Sending { since } => (RefundStatus::Sending, Some(since), None),
            RefundState::Pending { at } => (RefundStatus::Pending, Some(at), None),
            RefundState::Succeeded { at } => (RefundStatus::Succeeded, Some(at), None),
            RefundState::Refused { at, code } => (RefundStatus::Refused, Some(at), Some(code)),
            RefundState::Failed { at, reason } => (RefundStatus::Failed, Some(at), Some(reason)),
        };
        let currency = refund.amount.currency();
        let line = |amount: &shared::purchase::reversal::LineAmount| RefundLineView {
            line: amount.line,
            amount: Money::new(amount.minor, currency),
        };
        Self {
            id: refund.id,
            order_id: refund.order,
            amount: refund.amount,
            lines: refund.lines.iter().map(line).collect(),
            reason: refund.reason,
            note: refund.note,
            requested_by: match refund.origin {
                RefundOrigin::Operator { .. } => RequestedBy::Operator,
                RefundOrigin::Partner { .. } => RequestedBy::Partner,
                RefundOrigin::Customer => RequestedBy::Customer,
                RefundOrigin::Withdrawal => RequestedBy::Marketplace,
                RefundOrigin::Processor => RequestedBy::Processor,
            },
            status,
            review: refund.review.map(|reason_code| ReviewView {
                reason_code,
                explanation: match reason_code {
                    ReviewReason::BeyondOwed => {
                        "What this takes back has been paid out already. An operator of the marketplace decides it."
                    }
                },
            }),
            status_detail,
            created_at: refund.created_at,
            updated_at,
        }
    }
}

impl RefundView {
    /// Only the lines that the partner sold, and their sum.
    pub(crate) fn for_partner(refund: Refund, order: &Order, partner: PartnerId) -> Self {
        let mut view = Self::from(refund);
        view.lines
            .retain(|amount| order.lines.get(amount.line).is_some_and(|line| line.partner == partner));
        let minor = view.lines.iter().map(|line| line.amount.minor()).sum();
        view.amount = Money::new(minor, order.total.currency());
        view
    }
}

/// What one partner sold in an order.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SoldOrderView {
    pub id: OrderId,
    pub status: OrderStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub paid_at: Option<Timestamp>,
    pub lines: Vec<SoldLineView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SoldLineView {
    /// The line's place in the order, from 0.
    pub line: usize,
    pub listing_id: ListingId,
    pub title: String,
    pub price: Money,
    /// What can still be refunded: what was paid, less what has gone back and what the customer has as unspent credit.
    pub refundable: Money,
    /// What the customer has as credit that their subscription has not spent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credit: Option<Money>,
}

impl SoldOrderView {
    pub(crate) fn of(order: &Order, partner: PartnerId) -> Self {
        let currency = order.total.currency();
        let sold = order
            .lines
            .iter()
            .enumerate()
            .filter(|(_, line)| line.partner == partner);
        let lines = sold.map(|(index, line)| SoldLineView {
            line: index,
            listing_id: line.listing,
            title: line.title.clone(),
            price: line.price,
            refundable: Money::new(line.refundable_minor(), currency),
            credit: (line.credited_minor > 0).then(|| Money::new(line.credited_minor, currency)),
        });
        Self {
            id: order.id,
            status: order.status,
            paid_at: order.paid_at,
            lines: lines.collect(),
        }
    }
}

/// What the processor takes back, or may.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpenDispute {
    /// Without it: all that was paid.
    pub amount: Option<Money>,
    /// In the processor's words.
    pub reason: String,
    /// What was seen, and where; kept with the act.
    pub note: String,
}

impl Validate for OpenDispute {
    fn validate(&self) -> Vec<FieldError> {
        let mut errors = note_errors(Some(&self.note));
        if self.reason.trim().is_empty() || self.reason.chars().count() > MAX_REASON_CHARS {
            errors.push(FieldError::new(
                "/reason",
                format!("must have between 1 and {MAX_REASON_CHARS} characters"),
            ));
        }
        errors
    }
}

impl From<OpenDispute> for ClaimByHand {
    fn from(open: OpenDispute) -> Self {
        Self {
            amount: open.amount,
            reason: open.reason,
            note: open.note,
        }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CloseDispute {
    pub outcome: DisputeOutcome,
    /// What the processor has taken; needed where it is lost.
    pub amount: Option<Money>,
    /// What it charged for the trouble.
    pub fee: Option<Money>,
    /// The processor's id of the movement.
    pub transaction_id: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DisputeOutcome {
    Won,
    Lost,
}

impl Validate for CloseDispute {
    fn validate(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        if self.outcome == DisputeOutcome::Lost && self.amount.is_none() {
            errors.push(FieldError::new("/amount", "must say how much was taken"));
        }
        let is_odd = |id: &String| {
            id.is_empty()
                || id.len() > MAX_REASON_CHARS
                || !id
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        if self.transaction_id.as_ref().is_some_and(is_odd) {
            errors.push(FieldError::new(
                "/transaction_id",
                format!("must have between 1 and {MAX_REASON_CHARS} letters, digits, dots, dashes and underscores"),
            ));
        }
        errors
    }
}

impl CloseDispute {
    pub(crate) fn ruling(self, currency: Currency, at: Timestamp) -> Result<Ruling, Problem> {
        let minor = |amount: Option<Money>, pointer: &str| match amount {
            None => Ok(0),
            Some(amount) if amount.currency() == currency => Ok(amount.minor()),
            Some(_) => {
                let detail = format!("The order was paid in {currency}.");
                Err(Problem::refused("other_currency", pointer, detail))
            }
        };
        Ok(Ruling {
            is_won: self.outcome == DisputeOutcome::Won,
            taken_minor: minor(self.amount, "/amount")?,
            fee_minor: minor(self.fee, "/fee")?,
            transaction: self.transaction_id,
            at,
        })
    }
}

/// Which disputes to show.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DisputeParams {
    /// Open ones without it.
    pub status: Option<DisputeStatus>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DisputeView {
    /// The processor's id.
    pub id: String,
    pub order_id: OrderId,
    pub charge: String,
    pub amount: Money,
    /// The bank's reason, as the processor names it.
    pub reason: String,
    pub status: DisputeStatus,
    #[schema(value_type = String, format = DateTime)]
    pub opened_at: Timestamp,
    /// Until when the bank waits for evidence; it is handed in at the processor.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub evidence_due: Option<Timestamp>,
    /// What the processor has taken and not given back.
    pub withdrawn: Money,
}

impl From<Dispute> for DisputeView {
    fn from(dispute: Dispute) -> Self {
        let withdrawn = Money::new(dispute.withdrawn_minor, dispute.amount.currency());
        Self {
            id: dispute.id,
            order_id: dispute.order,
            charge: dispute.charge,
            amount: dispute.amount,
            reason: dispute.reason,
            status: dispute.status,
            opened_at: dispute.opened_at,
            evidence_due: dispute.evidence_due,
            withdrawn,
        }
    }
}
