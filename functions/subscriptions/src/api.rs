//! What clients send and get.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::http::{FieldError, Validate, check_return_address};
use shared::ids::{EducationalProofId, LicenceId, ListingId, PartnerId, PlanId, PolicyId, SubscriptionId, UserId};
use shared::money::{ChargeLimits, Currency, Money};
use shared::processor::stripe::billing::Invoice;
use shared::subscription::education::{EducationalProof, ProofState};
use shared::subscription::plan::{
    DEFAULT_GRACE_DAYS, MAX_GRACE_DAYS, MAX_NAME_CHARS, MAX_SEATS, MAX_TRIAL_DAYS, Plan, PlanTrial, largest_discount,
};
use shared::subscription::{Billing, EndReason, Status, Subscription};
use utoipa::ToSchema;

const MAX_TEXT_CHARS: usize = 500;
const MAX_DISCOUNT_PERCENT: u8 = 90;

/// A plan to be sold. It is never changed: retire it and make another.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreatePlan {
    #[schema(min_length = 1, max_length = 80, example = "Studio, yearly")]
    pub name: String,
    pub every: Billing,
    /// Of one seat for one period: in the currency of the shop, and an amount that can be charged.
    pub price: Money,
    /// What the licence allows for each seat: a preset or a policy of the partner's own. Individual without one.
    #[serde(default)]
    pub policy_id: Option<PolicyId>,
    #[serde(default)]
    pub trial: Option<TrialTerms>,
    /// For how long the licence is good after a period that nobody has paid for has begun.
    #[serde(default = "default_grace")]
    #[schema(maximum = 60)]
    pub grace_days: u32,
    /// What those pay less in their first year who have shown that they study or teach; what is left must be an amount that can be charged.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 90)]
    pub educational_percent: Option<u8>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrialTerms {
    #[schema(minimum = 1, maximum = 180)]
    pub days: u32,
    /// Whether a card must be given before it begins. Without one the trial simply ends.
    pub card_required: bool,
}

fn default_grace() -> u32 {
    DEFAULT_GRACE_DAYS
}

impl Validate for CreatePlan {
    fn validate(&self) -> Vec<FieldError> {
        let mut flaws = Vec::new();
        let mut must = |holds: bool, pointer: &str, detail: String| {
            if !holds {
                flaws.push(FieldError::new(pointer, detail));
            }
        };
        must(
            is_text(&self.name, MAX_NAME_CHARS),
            "/name",
            format!("must be 1 to {MAX_NAME_CHARS} characters long, without control characters"),
        );
        if let Err(error) = self.price.check_charge() {
            must(false, "/price/amount", error.to_string());
        } else if let Some(percent) = self.educational_percent {
            let largest = largest_discount(self.price, percent);
            let least = ChargeLimits::at_stripe(self.price.currency()).least();
            let detail = match largest {
                Some(largest) => format!(
                    "leaves an amount that cannot be charged, of which {least} is the least: give at most {largest}"
                ),
                None => format!("leaves an amount that cannot be charged, of which {least} is the least: leave it out"),
            };
            must(
                largest == Some(percent) || percent > MAX_DISCOUNT_PERCENT,
                "/educational_percent",
                detail,
            );
        }
        must(
            self.trial
                .is_none_or(|trial| (1..=MAX_TRIAL_DAYS).contains(&trial.days)),
            "/trial/days",
            format!("must be from 1 to {MAX_TRIAL_DAYS}"),
        );
        must(
            self.grace_days <= MAX_GRACE_DAYS,
            "/grace_days",
            format!("must be at most {MAX_GRACE_DAYS}"),
        );
        must(
            self.educational_percent
                .is_none_or(|percent| (1..=MAX_DISCOUNT_PERCENT).contains(&percent)),
            "/educational_percent",
            format!("must be from 1 to {MAX_DISCOUNT_PERCENT}"),
        );
        flaws
    }
}

fn is_text(text: &str, max_chars: usize) -> bool {
    (1..=max_chars).contains(&text.trim().chars().count()) && !text.chars().any(char::is_control)
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlanView {
    pub id: PlanId,
    pub listing_id: ListingId,
    pub name: String,
    pub every: Billing,
    /// Of one seat for one period.
    pub price: Money,
    /// The name of the policy that says what a licence allows.
    #[schema(example = "Individual")]
    pub policy: String,
    pub policy_id: PolicyId,
    #[schema(required)]
    pub trial: Option<TrialTerms>,
    pub grace_days: u32,
    #[schema(required)]
    pub educational_percent: Option<u8>,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// `null` while it is sold.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub retired_at: Option<Timestamp>,
}

impl From<Plan> for PlanView {
    fn from(plan: Plan) -> Self {
        let policy = plan.terms.policy();
        let trial = |trial: PlanTrial| TrialTerms {
            days: trial.days,
            card_required: trial.card_required,
        };
        Self {
            id: plan.id,
            listing_id: plan.listing,
            name: plan.name,
            every: plan.every,
            price: plan.price,
            policy: policy.name,
            policy_id: policy.id,
            trial: plan.trial.map(trial),
            grace_days: plan.grace_days,
            educational_percent: plan.educational_percent,
            created_at: plan.created_at,
            retired_at: plan.retired_at,
        }
    }
}

/// Begins a subscription: its page is in the answer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Subscribe {
    pub listing_id: ListingId,
    pub plan_id: PlanId,
    /// Seats.
    #[serde(default = "one")]
    #[schema(minimum = 1, maximum = 1_000)]
    pub quantity: u32,
    /// The partner who sent the customer here.
    pub affiliate_id: Option<PartnerId>,
    /// The partner who sold to the customer, if that was not the shop itself.
    pub reseller_id: Option<PartnerId>,
    /// Where the payment page sends the customer afterwards.
    pub success_url: Option<String>,
    /// Where it sends a customer who turns back.
    pub cancel_url: Option<String>,
}

fn one() -> u32 {
    1
}

fn seats(quantity: u32) -> Option<FieldError> {
    let detail = format!("must be from 1 to {MAX_SEATS}");
    (!(1..=MAX_SEATS).contains(&quantity)).then(|| FieldError::new("/quantity", detail))
}

impl Validate for Subscribe {
    fn validate(&self) -> Vec<FieldError> {
        let mut flaws: Vec<_> = seats(self.quantity).into_iter().collect();
        if self.affiliate_id.is_some() && self.affiliate_id == self.reseller_id {
            flaws.push(FieldError::new(
                "/reseller_id",
                "must be another partner than the affiliate",
            ));
        }
        flaws.extend(check_return_address("/success_url", self.success_url.as_deref()));
        flaws.extend(check_return_address("/cancel_url", self.cancel_url.as_deref()));
        flaws
    }
}

/// Another plan of the same listing, another number of seats, or both.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeSubscription {
    pub plan_id: Option<PlanId>,
    #[schema(minimum = 1, maximum = 1_000)]
    pub quantity: Option<u32>,
}

impl Validate for ChangeSubscription {
    fn validate(&self) -> Vec<FieldError> {
        let mut flaws: Vec<_> = self.quantity.and_then(seats).into_iter().collect();
        if self.plan_id.is_none() && self.quantity.is_none() {
            flaws.push(FieldError::new("", "name a plan_id, a quantity, or both"));
        }
        flaws
    }
}

/// What a change would be charged, or credited to the next payments. Nothing is done yet; the amounts are of this moment.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChangePreview {
    /// Charged at once.
    pub due_now: Money,
    /// Kept for the next payments, if the change costs less than what is unused.
    pub credit: Money,
    pub lines: Vec<ChangeLine>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChangeLine {
    pub description: String,
    /// Less than zero for what is unused.
    pub amount: Money,
}

impl ChangePreview {
    pub(crate) fn of(invoice: Invoice, currency: Currency) -> Self {
        let money = |minor: i64| Money::new(minor, currency);
        let line = |line: shared::processor::stripe::billing::InvoiceLine| ChangeLine {
            description: line.description.unwrap_or_default(),
            amount: money(line.amount),
        };
        Self {
            due_now: money(invoice.amount_due),
            credit: money((-invoice.total).max(0)),
            lines: invoice.lines.data.into_iter().map(line).collect(),
        }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cancel {
    pub when: CancelWhen,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CancelWhen {
    /// It goes on until what is paid for, or tried, is over. Can be taken back until then.
    PeriodEnd,
    /// It ends at once; nothing is given back by this.
    Now,
}

impl Validate for Cancel {}

/// Where the customer comes back to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MendPayment {
    pub return_url: Option<String>,
}

impl Validate for MendPayment {
    fn validate(&self) -> Vec<FieldError> {
        check_return_address("/return_url", self.return_url.as_deref())
            .into_iter()
            .collect()
    }
}

/// A page on which the customer names another card; whoever has the link can, until it expires.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PaymentMethodSession {
    pub url: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SubscriptionView {
    pub id: SubscriptionId,
    pub listing_id: ListingId,
    /// Of the listing.
    pub title: String,
    pub plan_id: PlanId,
    /// The name of the plan.
    pub plan: String,
    pub every: Billing,
    /// Of one seat for one period, before any discount.
    pub price: Money,
    /// Seats.
    pub quantity: u32,
    pub status: Status,
    /// Issued once the subscription has begun.
    #[schema(required)]
    pub licence_id: Option<LicenceId>,
    /// What was taken off at first for studying or teaching.
    #[schema(required)]
    pub educational_percent: Option<u8>,
    /// The end of the trial, also when it is over.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub trial_ends_at: Option<Timestamp>,
    /// Until when it is paid for, or tried.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub paid_until: Option<Timestamp>,
    /// When the licence expires if nothing happens: the grace is counted in.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub licensed_until: Option<Timestamp>,
    /// When it ends, because it was cancelled.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub cancels_at: Option<Timestamp>,
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    #[schema(required)]
    pub end_reason: Option<EndReason>,
    /// Where to pay what could not be collected.
    #[schema(required)]
    pub payment_url: Option<String>,
    /// When it is collected again.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub next_payment_attempt: Option<Timestamp>,
    /// What pays the next invoices first, because a change cost less than what was paid. It is not refunded as well; once the subscription has
    /// ended, it can be.
    #[schema(required)]
    pub credit: Option<Money>,
    /// The page on which it is begun, while it waits for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkout_url: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

impl SubscriptionView {
    pub(crate) fn of(subscription: Subscription, checkout_url: Option<String>) -> Self {
        let licensed_until = subscription.licensed_until();
        let (payment_url, next_payment_attempt) = subscription
            .open_invoice
            .map_or((None, None), |invoice| (invoice.page, invoice.next_attempt));
        Self {
            id: subscription.id,
            listing_id: subscription.plan.listing,
            title: subscription.title,
            plan_id: subscription.plan.id,
            plan: subscription.plan.name,
            every: subscription.plan.every,
            price: subscription.plan.price,
            quantity: subscription.quantity,
            status: subscription.status,
            licence_id: licensed_until.map(|_| subscription.licence),
            educational_percent: subscription.educational_percent,
            trial_ends_at: subscription.trial_end,
            paid_until: subscription.paid_until,
            licensed_until,
            cancels_at: subscription.cancel_at,
            ended_at: subscription.ended_at,
            end_reason: subscription.end_reason,
            payment_url,
            next_payment_attempt,
            credit: subscription.credit,
            checkout_url,
            created_at: subscription.created_at,
        }
    }
}

/// Shows that the caller studies or teaches. A person looks at it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShowProof {
    #[schema(min_length = 1, max_length = 500, example = "Universität Wien")]
    pub institution: String,
    /// An address of the institution, a matriculation number, a link to a certificate. Erased once it is decided.
    #[schema(min_length = 1, max_length = 500)]
    pub evidence: String,
}

impl Validate for ShowProof {
    fn validate(&self) -> Vec<FieldError> {
        let wrong = |(pointer, text): &(&str, &String)| (!is_text(text, MAX_TEXT_CHARS)).then(|| (*pointer).to_owned());
        let texts = [("/institution", &self.institution), ("/evidence", &self.evidence)];
        let detail = format!("must be 1 to {MAX_TEXT_CHARS} characters long, without control characters");
        let wrong = texts.iter().filter_map(wrong);
        wrong.map(|pointer| FieldError::new(pointer, detail.clone())).collect()
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecideProof {
    pub decision: ProofDecision,
    /// Needed for a refusal; the customer reads it.
    pub note: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ProofDecision {
    Accept,
    Refuse,
}

impl Validate for DecideProof {
    fn validate(&self) -> Vec<FieldError> {
        let good = match &self.note {
            None => self.decision == ProofDecision::Accept,
            Some(note) => is_text(note, MAX_TEXT_CHARS),
        };
        let detail = format!("say why, in 1 to {MAX_TEXT_CHARS} characters without control characters");
        (!good).then(|| FieldError::new("/note", detail)).into_iter().collect()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ProofStatus {
    Pending,
    Accepted,
    Refused,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProofView {
    pub id: EducationalProofId,
    pub customer_id: UserId,
    pub institution: String,
    /// `null` once it is decided.
    #[schema(required)]
    pub evidence: Option<String>,
    pub status: ProofStatus,
    /// Until when an accepted one counts.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub valid_until: Option<Timestamp>,
    /// Why it was refused.
    #[schema(required)]
    pub note: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

impl From<EducationalProof> for ProofView {
    fn from(proof: EducationalProof) -> Self {
        let (status, valid_until, note) = match proof.state {
            ProofState::Pending => (ProofStatus::Pending, None, None),
            ProofState::Accepted { until, .. } => (ProofStatus::Accepted, Some(until), None),
            ProofState::Refused { note, .. } => (ProofStatus::Refused, None, Some(note)),
        };
        Self {
            id: proof.id,
            customer_id: proof.customer,
            institution: proof.institution,
            evidence: proof.evidence,
            status,
            valid_until,
            note,
            created_at: proof.created_at,
        }
    }
}
