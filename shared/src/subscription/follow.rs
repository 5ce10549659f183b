//! From what Stripe says of a subscription at this moment to what it is here.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{AtStripe, EndReason, Plan, Status, Subscription};
use crate::messages::SubscriptionNews;
use crate::money::Money;

/// Stripe tells three days before a trial ends; events of the same hour are not older than that.
const TRIAL_NOTICE: SignedDuration = SignedDuration::from_hours(3 * 24 + 1);

/// A subscription as Stripe itself told it (fetched, not taken from an event).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub at_stripe: AtStripe,
    pub told: Told,
    /// Whether its invoices are made void instead of being collected.
    pub collection_paused: bool,
    pub quantity: u32,
    pub period_start: Timestamp,
    pub period_end: Timestamp,
    /// The end of the latest period that an invoice has been paid for.
    pub paid_through: Option<Timestamp>,
    pub trial_end: Option<Timestamp>,
    pub cancel_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub end_reason: Option<EndReason>,
    pub open_invoice: Option<OpenInvoice>,
    /// What pays the next invoices first.
    pub credit: Option<Money>,
    pub educational_percent: Option<u8>,
}

/// Stripe's words for the state (docs.stripe.com/api/subscriptions/object#subscription_object-status).
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumIter)]
pub enum Told {
    /// The first payment has not been made.
    Incomplete,
    /// And never will be.
    IncompleteExpired,
    Trialing,
    Active,
    PastDue,
    Unpaid,
    /// A trial ended without a means of payment.
    Paused,
    Canceled,
}

/// An invoice that could not be collected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenInvoice {
    pub id: String,
    /// Where the customer can pay it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
    /// When it will be tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt: Option<Timestamp>,
    /// Whether the customer's bank wants them to confirm the payment, on that page: nobody can try it again for them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub needs_confirmation: bool,
}

impl OpenInvoice {
    /// The same invoice after the same attempt still needs what it needed then, where nobody has asked its payment again.
    fn after(self, before: Option<&Self>) -> Self {
        let same = before.is_some_and(|before| before.id == self.id && before.attempts == self.attempts);
        let needed = same && before.is_some_and(|before| before.needs_confirmation);
        Self {
            needs_confirmation: self.needs_confirmation || needed,
            ..self
        }
    }
}

/// The subscription as it is now, under the plan that Stripe's names; and what the customer should hear. `at`: by the processor's clock.
pub fn follow(
    before: &Subscription,
    report: &Report,
    plan: &Plan,
    at: Timestamp,
) -> (Subscription, Option<SubscriptionNews>) {
    if before.status.is_over() {
        return (before.clone(), None);
    }
    let status = status(report);
    let next = Subscription {
        plan: plan.clone(),
        quantity: report.quantity,
        status,
        at_stripe: Some(report.at_stripe.clone()),
        paid_until: paid_until(report, status),
        educational_percent: report.educational_percent,
        trial_end: report.trial_end,
        period_end: Some(report.period_end),
        cancel_at: report.cancel_at.filter(|_| status.is_running()),
        ended_at: report.ended_at.filter(|_| status.is_over()),
        end_reason: report.end_reason.filter(|_| status == Status::Ended),
        open_invoice: report
            .open_invoice
            .clone()
            .filter(|_| matches!(status, Status::PastDue | Status::Unpaid))
            .map(|invoice| invoice.after(before.open_invoice.as_ref())),
        credit: report.credit.filter(|_| status.is_running()),
        ..before.clone()
    };
    let ends_soon = trial_ends_soon(&next, at);
    let news = news(before, &next, ends_soon);
    let next = Subscription {
        told_of_trial_end: next.told_of_trial_end || ends_soon,
        ..next
    };
    (next, news)
}

fn status(report: &Report) -> Status {
    match report.told {
        Told::Incomplete => Status::Pending,
        Told::IncompleteExpired => Status::Lapsed,
        Told::Canceled => Status::Ended,
        Told::Unpaid => Status::Unpaid,
        Told::Paused => Status::Paused,
        Told::Trialing | Told::Active | Told::PastDue if report.collection_paused => Status::Paused,
        Told::Trialing => Status::Trialing,
        Told::Active => Status::Active,
        Told::PastDue => Status::PastDue,
    }
}

/// Until when somebody has paid, or need not pay yet. Stripe begins a period first and collects then, so a period that runs is not one that is
/// paid for: only a paid invoice says so.
fn paid_until(report: &Report, status: Status) -> Option<Timestamp> {
    let paid = report.paid_through.max(report.trial_end).unwrap_or(report.period_start);
    match status {
        Status::Pending | Status::Lapsed => None,
        Status::Trialing | Status::Active | Status::PastDue | Status::Unpaid | Status::Paused => Some(paid),
        Status::Ended => Some(report.ended_at.map_or(paid, |ended_at| ended_at.min(paid))),
    }
}

fn trial_ends_soon(next: &Subscription, at: Timestamp) -> bool {
    // Who has cancelled knows that it ends.
    let goes_on = next.status == Status::Trialing && next.cancel_at.is_none();
    let Some(trial_end) = next.trial_end.filter(|_| goes_on) else {
        return false;
    };
    at.duration_until(trial_end) <= TRIAL_NOTICE
}

fn news(before: &Subscription, next: &Subscription, trial_ends_soon: bool) -> Option<SubscriptionNews> {
    let attempts = |subscription: &Subscription| {
        let invoice = subscription.open_invoice.as_ref();
        invoice.map(|invoice| (invoice.id.clone(), invoice.attempts))
    };
    match next.status {
        Status::Ended => Some(SubscriptionNews::Ended),
        Status::PastDue | Status::Unpaid if attempts(next).is_some() && attempts(next) != attempts(before) => {
            Some(SubscriptionNews::PaymentFailed)
        }
        Status::Trialing if before.status == Status::Pending => Some(SubscriptionNews::TrialBegan),
        Status::Trialing if trial_ends_soon && !before.told_of_trial_end => Some(SubscriptionNews::TrialEnds),
        _ => None,
    }
}
