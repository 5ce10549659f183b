//! What Stripe answers, reduced to what Souk reads. Tolerant: unknown fields are ignored, unknown values have a place, and what
//! Stripe's specification does not require is optional. Amounts are minor units; times are Unix seconds.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::processor::Listed;

/// An object, or just its id where it was not expanded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Expandable<T> {
    Id(String),
    Object(Box<T>),
}

impl<T> Expandable<T> {
    pub fn object(&self) -> Option<&T> {
        match self {
            Self::Object(object) => Some(object),
            Self::Id(_) => None,
        }
    }
}

/// Anything that has an id, to read the id of an [`Expandable`].
pub trait Identified {
    fn id(&self) -> &str;
}

impl<T: Identified> Expandable<T> {
    pub fn id(&self) -> &str {
        match self {
            Self::Id(id) => id,
            Self::Object(object) => object.id(),
        }
    }
}

macro_rules! identified {
    ($($object:ty),+) => { $(impl Identified for $object { fn id(&self) -> &str { &self.id } })+ };
}
identified!(
    Account,
    CheckoutSession,
    PaymentIntent,
    Charge,
    BalanceTransaction,
    Source,
    Transfer,
    Refund,
    Dispute,
    Event
);

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct List<T> {
    pub data: Vec<T>,
    #[serde(default)]
    pub has_more: bool,
}

impl<T: Identified> List<T> {
    /// What the next page starts after, if there is one.
    pub fn next_page(&self) -> Option<String> {
        let last = self.data.last().filter(|_| self.has_more)?.id();
        (!last.is_empty()).then(|| last.to_owned())
    }
}

impl<T: Identified> Identified for Listed<T> {
    fn id(&self) -> &str {
        Listed::id(self, Identified::id)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Account {
    pub id: String,
    #[serde(default)]
    pub charges_enabled: bool,
    #[serde(default)]
    pub payouts_enabled: bool,
    #[serde(default)]
    pub details_submitted: bool,
    pub capabilities: Option<Capabilities>,
    pub requirements: Option<Requirements>,
    pub country: Option<String>,
    pub default_currency: Option<String>,
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    pub created: Option<i64>,
}

impl Account {
    /// Whether transfers to it are possible.
    pub fn can_be_paid(&self) -> bool {
        let transfers = self
            .capabilities
            .as_ref()
            .and_then(|capabilities| capabilities.transfers);
        self.payouts_enabled && transfers == Some(CapabilityStatus::Active)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Capabilities {
    pub transfers: Option<CapabilityStatus>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapabilityStatus {
    Active,
    Inactive,
    Pending,
    #[serde(other)]
    Other,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Requirements {
    pub currently_due: Option<Vec<String>>,
    pub past_due: Option<Vec<String>>,
    pub eventually_due: Option<Vec<String>>,
    pub pending_verification: Option<Vec<String>>,
    pub disabled_reason: Option<String>,
    pub current_deadline: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AccountLink {
    pub url: String,
    pub expires_at: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CheckoutSession {
    pub id: String,
    /// `None` once it is complete or expired.
    pub url: Option<String>,
    pub status: Option<SessionStatus>,
    pub payment_status: PaymentStatus,
    pub amount_total: Option<i64>,
    pub currency: Option<String>,
    pub client_reference_id: Option<String>,
    pub payment_intent: Option<Expandable<PaymentIntent>>,
    /// What it has begun, in subscription mode, once it is complete.
    pub subscription: Option<String>,
    pub livemode: bool,
    pub created: i64,
    pub expires_at: i64,
    #[serde(default, deserialize_with = "null_as_default")]
    pub metadata: BTreeMap<String, String>,
}

impl CheckoutSession {
    /// The charge that paid it, where it was expanded.
    pub fn charge(&self) -> Option<&Charge> {
        self.payment_intent.as_ref()?.object()?.latest_charge.as_ref()?.object()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionStatus {
    Open,
    Complete,
    Expired,
    #[serde(other)]
    Other,
}

/// A value that this code does not know must stop money from moving: it is `Other`, never taken for one of the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    Paid,
    Unpaid,
    NoPaymentRequired,
    #[serde(other)]
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PaymentIntent {
    pub id: String,
    pub status: String,
    pub amount: Option<i64>,
    pub amount_received: Option<i64>,
    pub currency: Option<String>,
    pub latest_charge: Option<Expandable<Charge>>,
    pub livemode: bool,
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
}

impl PaymentIntent {
    /// Whether the customer's bank wants them to confirm it (3-D Secure).
    pub fn needs_confirmation(&self) -> bool {
        self.status == "requires_action"
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Charge {
    pub id: String,
    pub amount: i64,
    pub amount_captured: i64,
    pub amount_refunded: i64,
    pub currency: String,
    pub status: ChargeStatus,
    pub paid: bool,
    pub captured: bool,
    /// Null until the payment is captured, which with asynchronous capture is up to an hour later.
    pub balance_transaction: Option<Expandable<BalanceTransaction>>,
    pub payment_intent: Option<Expandable<PaymentIntent>>,
    pub transfer_group: Option<String>,
    #[serde(default)]
    pub payment_method_details: Option<PaymentMethodDetails>,
    pub livemode: bool,
    /// When it began. The money of a bank debit comes days later.
    pub created: i64,
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
}

/// What a charge was paid with, as far as Souk asks: its kind, and means that Stripe recognises again, whoever uses them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct PaymentMethodDetails {
    #[serde(rename = "type")]
    pub kind: String,
    pub card: Option<Fingerprinted>,
    pub sepa_debit: Option<Fingerprinted>,
    pub us_bank_account: Option<Fingerprinted>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Fingerprinted {
    pub fingerprint: Option<String>,
}

impl Charge {
    /// When its money arrived. A card is charged at once, and its movement is told later. Everything else may take days, while the charge
    /// is pending, and has arrived when it moves the balance: `None` while that is not known.
    pub fn arrived_at(&self) -> Option<i64> {
        let details = self.payment_method_details.as_ref();
        if details.is_none_or(|details| details.kind == "card") {
            return Some(self.created);
        }
        let movement = self.balance_transaction.as_ref().and_then(Expandable::object)?;
        Some(movement.created.max(self.created))
    }

    /// What it was paid with, the same text for the same card or bank account.
    pub fn means(&self) -> Option<String> {
        let details = self.payment_method_details.as_ref()?;
        let known = [&details.card, &details.sepa_debit, &details.us_bank_account];
        let mut known = known.into_iter().flatten();
        let fingerprint = known.find_map(|means| means.fingerprint.as_ref())?;
        Some(format!("stripe:{fingerprint}"))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargeStatus {
    Succeeded,
    Pending,
    Failed,
    #[serde(other)]
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BalanceTransaction {
    pub id: String,
    /// Before the fee.
    pub amount: i64,
    pub fee: i64,
    pub net: i64,
    /// Of our balance, which may not be the currency of the charge.
    pub currency: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub status: String,
    pub available_on: i64,
    pub created: i64,
    /// What it is about; the platform's own movements may have none.
    pub source: Option<Expandable<Source>>,
}

/// What a balance transaction is about: an object of any type, reduced to what leads to Souk's own records.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Source {
    pub id: String,
    /// Its type, such as `charge`.
    pub object: String,
    /// Of a charge.
    pub payment_intent: Option<Expandable<PaymentIntent>>,
    /// Of a refund or a dispute.
    pub charge: Option<Expandable<Charge>>,
    /// Of a reversal.
    pub transfer: Option<Expandable<Transfer>>,
    pub created: Option<i64>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub metadata: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Transfer {
    pub id: String,
    pub amount: i64,
    pub amount_reversed: i64,
    pub reversed: bool,
    pub currency: String,
    pub destination: Option<Expandable<Account>>,
    pub transfer_group: Option<String>,
    pub livemode: bool,
    pub created: i64,
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
}

/// Money of a transfer that went back, in part or in whole.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TransferReversal {
    pub id: String,
    pub amount: i64,
    pub currency: String,
    pub created: i64,
}

/// Money on its way from an account's balance to its owner's bank.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BankPayout {
    pub id: String,
    pub status: BankPayoutStatus,
    pub failure_code: Option<String>,
    pub created: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BankPayoutStatus {
    Paid,
    Failed,
    #[serde(other)]
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Refund {
    pub id: String,
    pub amount: i64,
    pub currency: String,
    pub charge: Option<Expandable<Charge>>,
    pub status: Option<RefundStatus>,
    pub balance_transaction: Option<Expandable<BalanceTransaction>>,
    /// The money that came back, once it has failed.
    pub failure_balance_transaction: Option<Expandable<BalanceTransaction>>,
    pub failure_reason: Option<String>,
    pub created: i64,
    #[serde(default, deserialize_with = "null_as_default")]
    pub metadata: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    Pending,
    RequiresAction,
    Succeeded,
    Failed,
    Canceled,
    #[serde(other)]
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Dispute {
    pub id: String,
    pub amount: i64,
    pub currency: String,
    pub charge: Expandable<Charge>,
    pub status: DisputeStatus,
    pub reason: String,
    /// Every movement of money that it caused; none while it is an inquiry.
    #[serde(default)]
    pub balance_transactions: Vec<BalanceTransaction>,
    pub evidence_details: Option<EvidenceDetails>,
    pub livemode: bool,
    pub created: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct EvidenceDetails {
    pub due_by: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisputeStatus {
    WarningNeedsResponse,
    WarningUnderReview,
    WarningClosed,
    NeedsResponse,
    UnderReview,
    Prevented,
    Won,
    Lost,
    #[serde(other)]
    Other,
}

/// An event: an envelope around an object that is left raw, since only the object fetched anew is acted on. What is not read is kept,
/// so that an event which nobody acts on can be stored as it came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub created: i64,
    pub livemode: bool,
    /// The connected account it happened in; `None` for our own.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub account: Option<String>,
    pub data: EventData,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventData {
    pub object: Value,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl Event {
    /// The id of the object that the event is about.
    pub fn object_id(&self) -> Option<&str> {
        self.data.object.get("id")?.as_str()
    }

    /// The version of Stripe's API that the object is written in.
    pub fn api_version(&self) -> Option<&str> {
        self.rest.get("api_version")?.as_str()
    }

    /// The same where a list leaves out what an endpoint is told: the account in which it happened.
    #[must_use]
    pub fn of_account(self, account: &str) -> Self {
        Self {
            account: self.account.or_else(|| Some(account.to_owned())),
            ..self
        }
    }

    /// The same about the object as this version of the API writes it.
    #[must_use]
    pub(super) fn rewritten(mut self, object: Value, api_version: &str) -> Self {
        self.data.object = object;
        self.rest.insert("api_version".to_owned(), Value::from(api_version));
        self
    }

    /// A text field of the object, such as `client_reference_id`.
    pub fn object_text(&self, field: &str) -> Option<&str> {
        self.data.object.get(field)?.as_str()
    }

    /// An entry of the object's metadata.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.data.object.get("metadata")?.get(key)?.as_str()
    }

    /// Whether this field of the object is what has changed.
    pub fn changes(&self, field: &str) -> bool {
        let previous = self.data.rest.get("previous_attributes");
        previous.is_some_and(|previous| previous.get(field).is_some())
    }

    pub fn created_at(&self) -> Option<Timestamp> {
        Timestamp::from_second(self.created).ok()
    }
}

pub(super) fn null_as_default<'de, D: serde::Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}
