//! How a line was divided, as its partner and operators are shown it.

use serde::Serialize;
use shared::ids::PartnerId;
use shared::money::{BasisPoints, Money};
use shared::purchase::Order;
use shared::revenue::{Explanation, Leg, Piece, Share, Withheld, WithheldReason};
use utoipa::ToSchema;

use super::FiguresBody;

/// How the price of one line was divided: what went in, the rule, and each step. Exact amounts are decimal fractions of a minor unit.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExplanationView {
    pub price: Money,
    /// The rule and its version, as frozen when the order was placed.
    #[schema(example = "rul_01h455vb4pex5vsknk084sn02q@1")]
    pub rule: String,
    /// What the rule said then. The share of a referrer whom the order has not is zero.
    pub figures: FiguresBody,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub affiliate_id: Option<PartnerId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reseller_id: Option<PartnerId>,
    /// What the rule's tiers had counted before this line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turnover_before: Option<Money>,
    /// What of the price the rates are rates of, in minor units.
    #[schema(example = "1299")]
    pub base: String,
    /// The price, cut where a tier begins.
    pub pieces: Vec<PieceView>,
    /// What the platform takes on top, in minor units.
    #[schema(example = "0")]
    pub fixed: String,
    /// They sum to the price. Rounded in one step: down, and the units left over to the largest remainders.
    pub legs: Vec<LegView>,
    /// Which of these legs the platform has kept, because whoever referred the customer brought themselves.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub withheld: Vec<WithheldView>,
}

/// A share that went to the platform instead.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WithheldView {
    /// `affiliate`, `reseller`.
    pub leg: String,
    pub amount: Money,
    pub reason_code: WithheldReason,
    /// The reason in words.
    pub explanation: &'static str,
}

/// A part of the price within one tier.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PieceView {
    pub amount: Money,
    pub commission_bps: BasisPoints,
    #[schema(example = "259.8")]
    pub commission: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LegView {
    /// `partner`, `platform`, `affiliate`, `reseller`.
    pub leg: String,
    #[schema(example = "1039.2")]
    pub exact: String,
    /// What rounding added.
    #[schema(example = "-0.2")]
    pub rounding: String,
    pub amount: Money,
}

impl ExplanationView {
    pub(crate) fn of(order: &Order, withheld: Withheld, explanation: Explanation) -> Self {
        let is_paid = |leg: Leg| {
            let mut shares = explanation.shares.iter();
            shares.any(|share| share.leg == leg && share.amount.is_positive())
        };
        let withheld = explanation.shares.iter().filter_map(|share| {
            let reason_code = withheld.reason(share.leg).filter(|_| share.amount.is_positive())?;
            Some(WithheldView {
                leg: share.leg.to_string(),
                amount: share.amount,
                reason_code,
                explanation: reason_code.explanation(),
            })
        });
        Self {
            withheld: withheld.collect(),
            affiliate_id: order.referrers.affiliate.filter(|_| is_paid(Leg::Affiliate)),
            reseller_id: order.referrers.reseller.filter(|_| is_paid(Leg::Reseller)),
            price: explanation.price,
            rule: explanation.rule.to_string(),
            turnover_before: explanation.turnover_before,
            base: explanation.base.to_string(),
            pieces: explanation.pieces.iter().map(PieceView::from).collect(),
            fixed: explanation.fixed.to_string(),
            legs: explanation.shares.iter().map(LegView::from).collect(),
            figures: explanation.figures.into(),
        }
    }
}

impl From<&Piece> for PieceView {
    fn from(piece: &Piece) -> Self {
        Self {
            amount: piece.amount,
            commission_bps: piece.rate,
            commission: piece.commission.to_string(),
        }
    }
}

impl From<&Share> for LegView {
    fn from(share: &Share) -> Self {
        Self {
            leg: share.leg.to_string(),
            exact: share.exact.to_string(),
            rounding: share.rounding().to_string(),
            amount: share.amount,
        }
    }
}
