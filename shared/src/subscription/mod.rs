//! Subscriptions: a licence that is paid for month by month or year by year.
//!
//! ```text
//!  pending ──paid──────────────▶ active ◀──paid── past_due ──given up──▶ unpaid
//!     │  └──trial──▶ trialing ─────▲ │  └─not paid──▶ ▲ │                  │
//!     │                  │           │ └pause▶ paused ┘ │                  │
//!     └─lapsed─▶ lapsed  └──────────▶└───────▶ ended ◀──┴──────────────────┘
//! ```
//!
//! Stripe Billing keeps the calendar: it makes the invoices, charges the card, and tries again. What it tells is a hint; whoever hears it
//! fetches the subscription and [`follow`]s what it says now, so news may come twice, late, or in any order. The state here is what
//! Stripe's is at this moment; nothing leads away from `ended` and `lapsed`.
//!
//! What a subscription pays for is one licence, which lives until [`Subscription::paid_until`] and a grace, and is never suspended or
//! revoked from here: its standing is decided by people. Each invoice that was paid is an order ([`renewal`]), divided by the terms
//! that were frozen when the subscription was made.

pub mod education;
mod entitle;
mod follow;
pub mod plan;
mod renewal;

pub use education::EducationalProof;
pub use entitle::{entitle, first_licence};
pub use follow::{OpenInvoice, Report, Told, follow};
pub use plan::{Billing, Plan};
pub use renewal::{PaidInvoice, renewal, renewal_order, rests_on};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::ids::{LicenceId, SubscriptionId, UserId};
use crate::money::{Money, MoneyError};
use crate::revenue::{Referrers, Terms};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    pub id: SubscriptionId,
    pub customer: UserId,
    /// Of the listing.
    pub title: String,
    /// As it was when this subscription came under it.
    pub plan: Plan,
    /// Seats.
    pub quantity: u32,
    pub status: Status,
    /// Given when it is made, issued when it begins.
    pub licence: LicenceId,
    /// How each payment is divided.
    pub terms: Terms,
    #[serde(default, skip_serializing_if = "is_default")]
    pub referrers: Referrers,
    /// Whether it may begin with the plan's trial: each customer tries a listing once.
    pub tries: bool,
    /// What is taken off the price at first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub educational_percent: Option<u8>,
    pub created_at: Timestamp,
    /// The checkout session by which it was begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// What it is at Stripe, once it has begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_stripe: Option<AtStripe>,
    /// Until when it is paid for, or tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid_until: Option<Timestamp>,
    /// The end of the trial, also when it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial_end: Option<Timestamp>,
    /// When the period that runs now ends, paid for or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period_end: Option<Timestamp>,
    /// When it will end, because somebody has cancelled it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_reason: Option<EndReason>,
    /// What waits to be paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_invoice: Option<OpenInvoice>,
    /// What was paid and is not used, because a change cost less: it pays the next invoices first. Once it has ended there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credit: Option<Money>,
    /// Whether the customer has been told that the trial ends soon.
    #[serde(default, skip_serializing_if = "is_default")]
    pub told_of_trial_end: bool,
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display, strum::EnumIter, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Status {
    /// The checkout is open.
    Pending,
    /// The checkout ended without a payment.
    Lapsed,
    Trialing,
    Active,
    /// A period has begun that is not paid for; the card is tried again.
    PastDue,
    /// The card is not tried any more.
    Unpaid,
    /// Nothing is charged until it is resumed.
    Paused,
    Ended,
}

/// Why a subscription ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum EndReason {
    /// Somebody cancelled it.
    Cancelled,
    NotPaid,
    DisputedPayment,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AtStripe {
    pub subscription: String,
    /// A customer for each subscription, so that credit of one partner's never pays another's.
    pub customer: String,
    pub item: String,
    pub product: String,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Status {
    /// Whether there is something to change, pause or cancel.
    pub fn is_running(self) -> bool {
        matches!(
            self,
            Self::Trialing | Self::Active | Self::PastDue | Self::Unpaid | Self::Paused
        )
    }

    pub fn is_over(self) -> bool {
        matches!(self, Self::Lapsed | Self::Ended)
    }
}

impl Subscription {
    /// What a period costs, before any discount.
    pub fn amount(&self) -> Result<Money, MoneyError> {
        self.plan.price.checked_mul(self.quantity)
    }

    /// When the licence expires: at the end of what is paid for and, while the next payment is awaited, the plan's grace after it; never
    /// after the day for which somebody has cancelled it.
    pub fn licensed_until(&self) -> Option<Timestamp> {
        let paid_until = self.paid_until?;
        let awaits_payment = match self.status {
            Status::Active | Status::PastDue => true,
            // Without a card there is no payment to wait for.
            Status::Trialing => self.plan.trial.is_some_and(|trial| trial.card_required),
            Status::Pending | Status::Lapsed | Status::Unpaid | Status::Paused | Status::Ended => false,
        };
        if !awaits_payment {
            return Some(paid_until);
        }
        let grace = SignedDuration::from_hours(24 * i64::from(self.plan.grace_days));
        let until = paid_until.saturating_add(grace).unwrap_or(Timestamp::MAX);
        Some(
            self.cancel_at
                .map_or(until, |cancel_at| until.min(cancel_at.max(paid_until))),
        )
    }

    /// Whether nothing but a trial has been had so far.
    pub fn is_trial(&self) -> bool {
        let trial = self.trial_end.zip(self.paid_until);
        self.status == Status::Trialing || trial.is_some_and(|(trial_end, paid_until)| paid_until <= trial_end)
    }

    /// Under the same trial with this plan: only where its own trial asks for no more than the one that runs.
    pub fn trial_goes_on_under(&self, plan: &Plan) -> bool {
        let card_required = |plan: &Plan| plan.trial.map(|trial| trial.card_required);
        match card_required(plan) {
            None => false,
            Some(asked) => !asked || card_required(&self.plan) == Some(true),
        }
    }
}

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
