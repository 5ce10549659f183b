//! What PayPal answers, reduced to what Souk reads. Tolerant: unknown fields are ignored, unknown values have a place, and what
//! PayPal leaves out of some answers is optional.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::amount::Amount;
use super::reference::{self, PaidFor};
use super::requests::{EventsPage, TransactionsPage};
use crate::processor::Listed;

/// One order of a buyer; Souk's have one purchase unit and are captured once.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Order {
    pub id: String,
    pub status: OrderStatus,
    #[serde(default)]
    pub purchase_units: Vec<PurchaseUnit>,
    #[serde(default)]
    pub links: Vec<Link>,
    pub payer: Option<Payer>,
}

/// A value that this code does not know must stop money from moving: it is `Other`, never taken for one of the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderStatus {
    Created,
    PayerActionRequired,
    Approved,
    /// Captured; whether the money came is said by the capture.
    Completed,
    Voided,
    #[serde(other)]
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PurchaseUnit {
    pub amount: Option<Amount>,
    /// Our order's id.
    pub custom_id: Option<String>,
    pub payments: Option<Payments>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Payments {
    #[serde(default)]
    pub captures: Vec<Capture>,
    #[serde(default)]
    pub refunds: Vec<Refund>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Link {
    pub href: String,
    pub rel: String,
}

/// Who pays, once they have approved.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Payer {
    pub payer_id: Option<String>,
}

impl Order {
    /// What it is paid with: the same text for the same account at PayPal.
    pub fn means(&self) -> Option<String> {
        let payer = self.payer.as_ref()?.payer_id.as_ref()?;
        Some(format!("paypal:{payer}"))
    }

    /// Where the buyer approves it.
    pub fn approval_url(&self) -> Option<&str> {
        let link = self
            .links
            .iter()
            .find(|link| matches!(link.rel.as_str(), "payer-action" | "approve"));
        Some(link?.href.as_str())
    }

    /// Our order's id.
    pub fn custom_id(&self) -> Option<&str> {
        self.purchase_units.first()?.custom_id.as_deref()
    }

    pub fn capture(&self) -> Option<&Capture> {
        self.payments()?.captures.first()
    }

    /// The refund that was made under an id of ours: how an unknown outcome is looked up after PayPal has forgotten its key.
    pub fn refund(&self, id: &str) -> Option<&Refund> {
        let mut refunds = self.payments()?.refunds.iter();
        refunds.find(|refund| refund.custom_id.as_deref().map(reference::id) == Some(id))
    }

    fn payments(&self) -> Option<&Payments> {
        self.purchase_units.first()?.payments.as_ref()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Capture {
    pub id: String,
    pub status: CaptureStatus,
    pub amount: Amount,
    /// Our order's id.
    pub custom_id: Option<String>,
    /// Missing while the capture is pending.
    pub seller_receivable_breakdown: Option<Breakdown>,
    /// When it began. An eCheck is pending for days.
    pub create_time: Option<Timestamp>,
    /// When its status changed last.
    pub update_time: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CaptureStatus {
    Completed,
    Declined,
    PartiallyRefunded,
    Pending,
    Refunded,
    Failed,
    #[serde(other)]
    Other,
}

impl Capture {
    /// PayPal's fee, once it is known.
    pub fn fee(&self) -> Option<Amount> {
        self.seller_receivable_breakdown.as_ref()?.paypal_fee
    }
}

/// What becomes of an amount: to us (of a capture) or from us (of a refund).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Breakdown {
    pub gross_amount: Amount,
    pub paypal_fee: Option<Amount>,
    pub net_amount: Option<Amount>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Refund {
    pub id: String,
    pub status: RefundStatus,
    pub amount: Option<Amount>,
    /// Our refund's id.
    pub custom_id: Option<String>,
    pub seller_payable_breakdown: Option<Breakdown>,
    pub create_time: Option<Timestamp>,
    #[serde(default)]
    links: Vec<Link>,
}

impl Refund {
    pub fn capture(&self) -> Option<&str> {
        capture_of(&self.links)
    }
}

/// A refund names its capture by a link only; its last segment is the id.
pub(super) fn capture_of(links: &[Link]) -> Option<&str> {
    let up = links.iter().find(|link| link.rel == "up")?;
    let (_, capture) = up.href.rsplit_once("/captures/")?;
    Some(capture)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RefundStatus {
    Cancelled,
    Failed,
    Pending,
    Completed,
    #[serde(other)]
    Other,
}

/// A buyer, or a buyer's bank, asks for the money of a payment back (developer.paypal.com/docs/api/customer-disputes/v1).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Dispute {
    pub dispute_id: String,
    pub create_time: Timestamp,
    #[serde(default)]
    pub disputed_transactions: Vec<DisputedTransaction>,
    pub reason: Option<String>,
    pub status: DisputeStatus,
    pub dispute_amount: Option<Amount>,
    /// Once it is resolved.
    pub dispute_outcome: Option<DisputeOutcome>,
    #[serde(default)]
    pub money_movements: Vec<MoneyMovement>,
    pub seller_response_due_date: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DisputedTransaction {
    /// Our capture.
    pub seller_transaction_id: Option<String>,
}

impl Dispute {
    /// The capture whose money is asked for.
    pub fn capture(&self) -> Option<&str> {
        let mut transactions = self.disputed_transactions.iter();
        transactions.find_map(|transaction| transaction.seller_transaction_id.as_deref())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DisputeStatus {
    Open,
    WaitingForBuyerResponse,
    WaitingForSellerResponse,
    UnderReview,
    Resolved,
    #[serde(other)]
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DisputeOutcome {
    pub outcome_code: Option<OutcomeCode>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OutcomeCode {
    ResolvedBuyerFavour,
    ResolvedSellerFavour,
    /// PayPal pays the buyer from its own pocket.
    ResolvedWithPayout,
    CanceledByBuyer,
    /// PayPal has accepted the buyer's claim.
    Accepted,
    Denied,
    None,
    #[serde(other)]
    Other,
}

/// Money that a dispute moves. PayPal gives it no id.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MoneyMovement {
    pub affected_party: Option<String>,
    pub amount: Option<Amount>,
    pub initiated_time: Option<Timestamp>,
    #[serde(rename = "type")]
    pub direction: Option<MoneyDirection>,
    /// `DISPUTE_SETTLEMENT`, or one of the fees.
    pub reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum MoneyDirection {
    Debit,
    Credit,
    #[serde(other)]
    Other,
}

/// The disputes about a payment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Disputes {
    #[serde(default)]
    pub items: Vec<DisputeSummary>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DisputeSummary {
    pub dispute_id: String,
}

/// A batch of payouts; Souk's have one item each.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PayoutBatch {
    pub batch_header: BatchHeader,
    /// Missing in the answer to the creation, and until PayPal has looked at the batch.
    #[serde(default)]
    pub items: Vec<PayoutItem>,
}

impl PayoutBatch {
    pub fn item(&self) -> Option<&PayoutItem> {
        self.items.first()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BatchHeader {
    pub payout_batch_id: String,
    pub batch_status: BatchStatus,
    pub sender_batch_header: SenderBatchHeader,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SenderBatchHeader {
    /// Our payout's id.
    pub sender_batch_id: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BatchStatus {
    /// No item of it was or will be paid.
    Denied,
    Pending,
    Processing,
    /// Every item was looked at; how each ended is said by the item.
    Success,
    Canceled,
    #[serde(other)]
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PayoutItem {
    pub payout_item_id: String,
    pub payout_batch_id: Option<String>,
    /// Of the movement on the balance that brought the item to where it is; another one when the money comes back.
    pub transaction_id: Option<String>,
    pub transaction_status: Option<ItemStatus>,
    pub time_processed: Option<Timestamp>,
    pub payout_item_fee: Option<Amount>,
    pub payout_item: PayoutItemDetail,
    pub errors: Option<ItemError>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PayoutItemDetail {
    pub amount: Amount,
    pub receiver: String,
    pub sender_item_id: Option<String>,
}

impl PayoutItem {
    /// Our payout; `None` for an item that was made by hand.
    pub fn paid_for(&self) -> Option<PaidFor> {
        self.payout_item.sender_item_id.as_deref()?.parse().ok()
    }
}

/// Why an item was not paid, such as `RECEIVER_UNREGISTERED`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ItemError {
    pub name: String,
    #[serde(default)]
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ItemStatus {
    Success,
    Failed,
    Pending,
    /// The receiver has no account yet and 30 days to open one: the money has left, and may still arrive.
    Unclaimed,
    /// Nobody claimed it: the money is back.
    Returned,
    OnHold,
    Blocked,
    Denied,
    Refunded,
    Reversed,
    #[serde(other)]
    Other,
}

impl ItemStatus {
    /// Whether the money is back with us, or never left, and will not leave any more.
    pub fn is_undone(self) -> bool {
        matches!(
            self,
            Self::Failed | Self::Returned | Self::Blocked | Self::Denied | Self::Refunded | Self::Reversed
        )
    }
}

/// One page of the events that PayPal has.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Events {
    /// Each as it came, for one that cannot be read must not hide the others.
    #[serde(default)]
    pub events: Vec<Listed<Event>>,
    #[serde(default)]
    links: Vec<Link>,
}

impl Events {
    pub fn next_page(&self) -> Option<EventsPage> {
        let next = self.links.iter().find(|link| link.rel == "next")?;
        EventsPage::linked(&next.href)
    }
}

/// One page of the movements on the balance.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Transactions {
    #[serde(default)]
    transaction_details: Vec<TransactionDetails>,
    #[serde(default)]
    total_pages: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct TransactionDetails {
    transaction_info: Transaction,
}

impl Transactions {
    pub fn into_transactions(self) -> impl Iterator<Item = Transaction> {
        self.transaction_details
            .into_iter()
            .map(|details| details.transaction_info)
    }

    pub fn next_page(&self, this: &TransactionsPage) -> Option<TransactionsPage> {
        (this.number < self.total_pages).then(|| TransactionsPage {
            number: this.number + 1,
            ..this.clone()
        })
    }
}

/// A movement on the balance (developer.paypal.com/docs/api/transaction-search/v1/#definition-transaction_info).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Transaction {
    pub transaction_id: String,
    /// The movement that this one follows from, such as the capture that is refunded.
    pub paypal_reference_id: Option<String>,
    /// What kind it is, such as `T0006` (developer.paypal.com/docs/transaction-search/transaction-event-codes/).
    pub transaction_event_code: String,
    pub transaction_initiation_date: Timestamp,
    /// Below zero what leaves the balance.
    pub transaction_amount: Amount,
    /// Below zero what PayPal takes for it.
    pub fee_amount: Option<Amount>,
    pub transaction_status: TransactionStatus,
    /// Ours: of a payment the order's id, of a payout the item's.
    pub custom_field: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum TransactionStatus {
    #[serde(rename = "S")]
    Success,
    /// Not decided yet, and maybe on the balance already.
    #[serde(rename = "P")]
    Pending,
    #[serde(rename = "D")]
    Denied,
    /// Successful, and taken back by a movement of its own.
    #[serde(rename = "V")]
    Reversed,
    #[serde(other)]
    Other,
}

/// An event: an envelope around a resource that is left raw, since only the resource fetched anew is acted on. What is not read is
/// kept, so that an event which nobody acts on can be stored as it came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub id: String,
    pub event_type: String,
    pub create_time: Timestamp,
    pub resource: Value,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl Event {
    /// A text of the resource, by the JSON pointer to it, such as `/purchase_units/0/custom_id`.
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.resource.pointer(pointer)?.as_str()
    }
}
