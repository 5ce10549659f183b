//! Stripe Billing: subscriptions, their invoices, and the pages on which customers begin them and mend their cards
//! (docs.stripe.com/billing/subscriptions/overview).

use std::collections::BTreeMap;

use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;

use super::form::Form;
use super::objects::{CheckoutSession, Expandable, Identified, List, PaymentIntent, null_as_default};
use super::requests::Metadata;
use super::{StripeClient, lower, product_metadata};
use crate::money::Money;
use crate::processor::ProcessorError;
use crate::subscription::Billing;

// ---- what Souk asks

/// A page on which one subscription is begun. Stripe makes a customer for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateSubscriptionSession {
    pub item: RecurringItem,
    pub trial: Option<TrialAsked>,
    pub coupon: Option<String>,
    /// The subscription's id.
    pub client_reference_id: String,
    pub customer_email: Option<String>,
    pub success_url: String,
    pub cancel_url: String,
    /// On the session and on the subscription, so that events of both, and of its invoices, find it.
    pub metadata: Metadata,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecurringItem {
    pub name: String,
    pub unit_price: Money,
    pub every: Billing,
    pub quantity: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrialAsked {
    pub days: u32,
    pub card_required: bool,
}

/// Something off the price of every invoice of the first twelve months.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateCoupon {
    pub id: String,
    pub percent_off: u8,
}

/// Another price or quantity for the item of a subscription, charged or credited for the rest of the period at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeItem {
    pub item: String,
    pub product: String,
    pub unit_price: Money,
    pub every: Billing,
    pub quantity: u32,
    pub discount: Discount,
    /// Whether a trial that runs ends now, and the first period begins.
    pub ends_trial: bool,
    /// Whether the difference for the rest of the period is charged, or credited. Otherwise the change costs and gives nothing before the
    /// next period.
    pub prorates: bool,
}

/// What a change does to what is taken off the price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Discount {
    Kept,
    Ended,
    /// By this coupon, for its whole duration.
    Begun(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubscriptionUpdate {
    /// Refused, and nothing changed, where the card is declined.
    Change {
        item: ChangeItem,
        metadata: Metadata,
    },
    /// Invoices are made void until it is resumed.
    Pause,
    /// With `anew`, a period begins now and is charged.
    Resume {
        anew: bool,
    },
    CancelAtPeriodEnd(bool),
    /// From now on this is charged.
    PaymentMethod(String),
}

fn every(every: Billing) -> &'static str {
    match every {
        Billing::Month => "month",
        Billing::Year => "year",
    }
}

impl CreateSubscriptionSession {
    fn form(&self) -> Form {
        let item = &self.item;
        let price = |name: &str| format!("line_items[0][price_data]{name}");
        let form = Form::new()
            .with("mode", "subscription")
            .with("client_reference_id", &self.client_reference_id)
            .with_some("customer_email", self.customer_email.as_ref())
            .with("success_url", &self.success_url)
            .with("cancel_url", &self.cancel_url)
            .with(price("[currency]"), lower(item.unit_price))
            .with(price("[unit_amount]"), item.unit_price.minor())
            .with(price("[recurring][interval]"), every(item.every))
            .with(price("[product_data][name]"), &item.name)
            .with("line_items[0][quantity]", item.quantity)
            .with_some("discounts[0][coupon]", self.coupon.as_ref())
            .with_map("metadata", &self.metadata)
            .with_map("subscription_data[metadata]", &self.metadata);
        let Some(trial) = self.trial else { return form };
        let form = form.with("subscription_data[trial_period_days]", trial.days);
        if trial.card_required {
            return form.with("payment_method_collection", "always");
        }
        form.with("payment_method_collection", "if_required").with(
            "subscription_data[trial_settings][end_behavior][missing_payment_method]",
            "cancel",
        )
    }
}

impl CreateCoupon {
    fn form(&self) -> Form {
        Form::new()
            .with("id", &self.id)
            .with("percent_off", self.percent_off)
            .with("duration", "repeating")
            .with("duration_in_months", 12)
    }
}

impl ChangeItem {
    /// `at` is where the items and the trial stand in the request; discounts stand at its root.
    fn form(&self, form: Form, at: Option<&str>) -> Form {
        let named = |name: &str| at.map_or_else(|| name.to_owned(), |at| format!("{at}[{name}]"));
        let (items, trial_end) = (named("items"), named("trial_end"));
        let behavior = if self.prorates { "always_invoice" } else { "none" };
        let name = |name: &str| format!("{items}[0]{name}");
        let form = match &self.discount {
            Discount::Kept => form,
            Discount::Ended => form.with("discounts", ""),
            Discount::Begun(coupon) => form.with("discounts[0][coupon]", coupon),
        };
        form.with_some(trial_end, self.ends_trial.then_some("now"))
            .with(named("proration_behavior"), behavior)
            .with(name("[id]"), &self.item)
            .with(name("[price_data][currency]"), lower(self.unit_price))
            .with(name("[price_data][product]"), &self.product)
            .with(name("[price_data][unit_amount]"), self.unit_price.minor())
            .with(name("[price_data][recurring][interval]"), every(self.every))
            .with(name("[quantity]"), self.quantity)
    }
}

impl SubscriptionUpdate {
    fn form(&self) -> Form {
        match self {
            Self::Change { item, metadata } => item
                .form(Form::new(), None)
                .with("payment_behavior", "error_if_incomplete")
                .with_map("metadata", metadata),
            Self::Pause => Form::new().with("pause_collection[behavior]", "void"),
            Self::Resume { anew: false } => Form::new().with("pause_collection", ""),
            Self::Resume { anew: true } => Form::new()
                .with("pause_collection", "")
                .with("billing_cycle_anchor", "now")
                .with("proration_behavior", "none")
                .with("payment_behavior", "error_if_incomplete"),
            Self::CancelAtPeriodEnd(cancel) => Form::new().with("cancel_at_period_end", cancel),
            Self::PaymentMethod(method) => Form::new().with("default_payment_method", method),
        }
    }
}

// ---- what Stripe answers

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Subscription {
    pub id: String,
    pub status: SubscriptionStatus,
    pub customer: Expandable<Customer>,
    pub items: List<SubscriptionItem>,
    pub pause_collection: Option<PauseCollection>,
    pub trial_end: Option<i64>,
    pub cancel_at: Option<i64>,
    pub ended_at: Option<i64>,
    pub cancellation_details: Option<CancellationDetails>,
    /// The card that was named at the checkout, or on the page of an invoice. It is charged in place of the customer's.
    pub default_payment_method: Option<Expandable<PaymentMethod>>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub metadata: BTreeMap<String, String>,
}

/// A value that this code does not know changes nothing: it is `Other`, never taken for one of the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionStatus {
    Incomplete,
    IncompleteExpired,
    Trialing,
    Active,
    PastDue,
    Unpaid,
    Paused,
    Canceled,
    #[serde(other)]
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Customer {
    pub id: String,
    /// Less than zero: credit, which pays the next invoices first. Told where the customer was asked for.
    #[serde(default)]
    pub balance: i64,
    /// Of the balance.
    pub currency: Option<String>,
    pub invoice_settings: Option<InvoiceSettings>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct InvoiceSettings {
    /// The card that was named in the portal.
    pub default_payment_method: Option<Expandable<PaymentMethod>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PaymentMethod {
    pub id: String,
    pub created: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SubscriptionItem {
    pub id: String,
    pub quantity: Option<u32>,
    pub current_period_start: i64,
    pub current_period_end: i64,
    pub price: Price,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Price {
    pub product: Expandable<Product>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Product {
    pub id: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PauseCollection {
    pub behavior: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CancellationDetails {
    pub reason: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Invoice {
    pub id: String,
    pub status: Option<InvoiceStatus>,
    pub currency: String,
    pub amount_paid: i64,
    /// How much of that never came to Stripe: somebody has marked it as paid by other means.
    #[serde(default)]
    pub amount_paid_off_stripe: i64,
    pub total: i64,
    pub starting_balance: i64,
    pub ending_balance: Option<i64>,
    #[serde(default)]
    pub amount_due: i64,
    #[serde(default)]
    pub attempt_count: u32,
    pub next_payment_attempt: Option<i64>,
    pub hosted_invoice_url: Option<String>,
    pub created: i64,
    #[serde(default, deserialize_with = "null_as_default")]
    pub status_transitions: StatusTransitions,
    pub lines: List<InvoiceLine>,
    pub parent: Option<InvoiceParent>,
    /// By which payments it was paid, where that was asked for.
    pub payments: Option<List<InvoicePayment>>,
}

/// When an invoice became what it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct StatusTransitions {
    pub paid_at: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvoiceStatus {
    Draft,
    Open,
    Paid,
    Uncollectible,
    Void,
    #[serde(other)]
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct InvoiceLine {
    pub id: String,
    pub amount: i64,
    pub description: Option<String>,
    pub period: Period,
    pub parent: Option<LineParent>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LineParent {
    pub invoice_item_details: Option<LineOrigin>,
    pub subscription_item_details: Option<LineOrigin>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct LineOrigin {
    /// Whether it is the difference that a change makes to a period, and not the period itself.
    pub proration: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Period {
    pub start: i64,
    pub end: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct InvoiceParent {
    pub subscription_details: Option<InvoiceSubscription>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct InvoiceSubscription {
    /// As it was when the invoice was made final.
    #[serde(default, deserialize_with = "null_as_default")]
    pub metadata: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct InvoicePayment {
    pub id: String,
    pub invoice: Expandable<Invoice>,
    pub status: String,
    pub payment: PaymentOfInvoice,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PaymentOfInvoice {
    pub payment_intent: Option<Expandable<PaymentIntent>>,
}

/// One change of a customer's balance.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CustomerBalanceTransaction {
    pub id: String,
    /// What the balance is after it.
    pub ending_balance: i64,
    pub currency: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PortalSession {
    pub url: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Coupon {
    pub id: String,
}

macro_rules! identified {
    ($($object:ty),+) => { $(impl Identified for $object { fn id(&self) -> &str { &self.id } })+ };
}
identified!(
    Customer,
    PaymentMethod,
    Product,
    Subscription,
    SubscriptionItem,
    Invoice,
    InvoiceLine,
    InvoicePayment
);

// ---- the calls

fn with_cards(form: Form) -> Form {
    form.with("expand[0]", "default_payment_method")
        .with("expand[1]", "customer.invoice_settings.default_payment_method")
}

impl StripeClient {
    pub async fn create_subscription_session(
        &self,
        request: &CreateSubscriptionSession,
        idempotency_key: &str,
    ) -> Result<CheckoutSession, ProcessorError> {
        let own = ["metadata", "subscription_data[metadata]"].map(str::to_owned);
        let form = self.named(request.form(), own.into_iter().chain([product_metadata(0)]));
        self.post("/v1/checkout/sessions", form, idempotency_key).await
    }

    /// A coupon that is there already is as good as a new one.
    pub async fn ensure_coupon(&self, request: &CreateCoupon) -> Result<(), ProcessorError> {
        let made: Result<Coupon, _> = self.post("/v1/coupons", request.form(), &request.id).await;
        match made {
            Ok(_) => Ok(()),
            Err(ProcessorError::Refused { code, .. }) if code == "resource_already_exists" => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// With the cards that it and its customer name.
    pub async fn subscription(&self, subscription: &str) -> Result<Subscription, ProcessorError> {
        self.get(&["v1", "subscriptions", subscription], with_cards(Form::new()))
            .await
    }

    /// Those of a customer that have not ended.
    pub async fn subscriptions_of(&self, customer: &str) -> Result<Vec<Subscription>, ProcessorError> {
        self.get_all(&["v1", "subscriptions"], &Form::new().with("customer", customer))
            .await
    }

    /// Takes the credit that a customer has left. The state of the balance in which it was read names the request: however often it is
    /// sent, that credit is taken once.
    pub async fn take_credit(&self, customer: &str) -> Result<(), ProcessorError> {
        let path = ["v1", "customers", customer, "balance_transactions"];
        let latest: List<CustomerBalanceTransaction> = self.get(&path, Form::new().with("limit", 1)).await?;
        let Some(latest) = latest.data.first().filter(|latest| latest.ending_balance < 0) else {
            return Ok(());
        };
        let form = Form::new()
            .with("amount", -latest.ending_balance)
            .with("currency", &latest.currency)
            .with(
                "description",
                "The subscription has ended: its credit can be refunded with its payments",
            );
        let key = format!("{} taken", latest.id);
        let _: CustomerBalanceTransaction = self
            .send(Method::POST, &path, self.named(form, ["metadata"]), Some(&key))
            .await?;
        Ok(())
    }

    pub async fn update_subscription(
        &self,
        subscription: &str,
        update: &SubscriptionUpdate,
        idempotency_key: &str,
    ) -> Result<Subscription, ProcessorError> {
        let path = ["v1", "subscriptions", subscription];
        let form = with_cards(update.form());
        let form = match update {
            SubscriptionUpdate::Change { .. } => self.named(form, ["metadata"]),
            _ => form,
        };
        self.send(Method::POST, &path, form, Some(idempotency_key)).await
    }

    /// Nobody can pay it any more.
    pub async fn void_invoice(&self, invoice: &str, idempotency_key: &str) -> Result<Invoice, ProcessorError> {
        let path = ["v1", "invoices", invoice, "void"];
        self.send(Method::POST, &path, Form::new(), Some(idempotency_key)).await
    }

    /// Ends it at once; nothing is given back. One that has ended is a refusal, `resource_missing`.
    pub async fn cancel_subscription(&self, subscription: &str) -> Result<Subscription, ProcessorError> {
        let path = ["v1", "subscriptions", subscription];
        self.send(Method::DELETE, &path, with_cards(Form::new()), None).await
    }

    /// What a change would be charged or credited, and that nothing is done.
    pub async fn preview_change(&self, subscription: &str, item: &ChangeItem) -> Result<Invoice, ProcessorError> {
        let form = item.form(
            Form::new().with("subscription", subscription),
            Some("subscription_details"),
        );
        self.send(Method::POST, &["v1", "invoices", "create_preview"], form, None)
            .await
    }

    pub async fn invoice(&self, invoice: &str) -> Result<Value, ProcessorError> {
        self.get(&["v1", "invoices", invoice], Form::new()).await
    }

    /// All of a subscription, newest first, each with its payments and all of its lines.
    pub async fn invoices(&self, subscription: &str) -> Result<Vec<Invoice>, ProcessorError> {
        let query = Form::new()
            .with("subscription", subscription)
            .with("expand[0]", "data.payments");
        let mut invoices: Vec<Invoice> = self.get_all(&["v1", "invoices"], &query).await?;
        for invoice in &mut invoices {
            // An invoice comes with its first ten.
            if invoice.lines.has_more {
                let path = ["v1", "invoices", invoice.id.as_str(), "lines"];
                invoice.lines = List {
                    data: self.get_all(&path, &Form::new()).await?,
                    has_more: false,
                };
            }
        }
        Ok(invoices)
    }

    /// The invoice that a payment was for; nothing where it was for none.
    pub async fn invoice_of(&self, payment_intent: &str) -> Result<Option<Invoice>, ProcessorError> {
        let query = Form::new()
            .with("payment[type]", "payment_intent")
            .with("payment[payment_intent]", payment_intent)
            .with("expand[0]", "data.invoice");
        let payments: List<InvoicePayment> = self.get(&["v1", "invoice_payments"], query).await?;
        let invoice = |payment: InvoicePayment| match payment.invoice {
            Expandable::Object(invoice) => Some(*invoice),
            Expandable::Id(_) => None,
        };
        Ok(payments.data.into_iter().find_map(invoice))
    }

    /// With its latest charge, and the charge's balance transaction, as far as they exist.
    pub async fn payment_intent(&self, payment_intent: &str) -> Result<PaymentIntent, ProcessorError> {
        let expand = Form::new().with("expand[0]", "latest_charge.balance_transaction");
        self.get(&["v1", "payment_intents", payment_intent], expand).await
    }

    /// A page on which a customer names another card.
    pub async fn create_portal_session(
        &self,
        customer: &str,
        return_url: &str,
        idempotency_key: &str,
    ) -> Result<PortalSession, ProcessorError> {
        let form = Form::new()
            .with("customer", customer)
            .with("return_url", return_url)
            .with("flow_data[type]", "payment_method_update")
            .with("flow_data[after_completion][type]", "redirect")
            .with("flow_data[after_completion][redirect][return_url]", return_url);
        self.post("/v1/billing_portal/sessions", form, idempotency_key).await
    }
}

/// A time of Stripe's.
pub(crate) fn time(second: i64) -> Option<Timestamp> {
    Timestamp::from_second(second).ok()
}
