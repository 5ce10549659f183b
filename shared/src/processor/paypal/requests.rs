//! What Souk asks of PayPal. Names and values are those of PayPal's published specification.

use jiff::Timestamp;
use serde_json::{Value, json};
use url::Url;

use super::amount::Amount;
use super::reference;
use crate::processor::Deployment;

/// PayPal refuses longer names of items.
const MAX_NAME: usize = 127;
/// As many as one read of the inbox, or of the matches, asks for.
const PAGE_SIZE: u32 = 100;

/// An order that the buyer approves on PayPal's page and Souk captures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateOrder {
    /// Our order's id. As `custom_id` it comes back in events; as `invoice_id` it is paid once only.
    pub order: String,
    pub lines: Vec<OrderLine>,
    /// The sum of the lines; PayPal refuses another.
    pub total: Amount,
    /// Where PayPal sends the browser once the buyer has approved. It says nothing about money.
    pub return_url: String,
    pub cancel_url: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderLine {
    pub name: String,
    pub unit_price: Amount,
    pub quantity: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundCapture {
    /// Our refund's id: how the refund is found again.
    pub refund: String,
    /// `None`: all that is left.
    pub amount: Option<Amount>,
}

/// One page of the events of a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventsPage(Vec<(String, String)>);

/// One page of the movements of a time, which may be of 31 days at most; both ends are part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionsPage {
    pub from: Timestamp,
    pub until: Timestamp,
    /// Of this one alone.
    pub transaction: Option<String>,
    /// Of this kind alone.
    pub code: Option<&'static str>,
    /// Counted from 1.
    pub number: u32,
}

/// A batch of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatePayout {
    /// Our payout's id: PayPal pays it once.
    pub payout: String,
    /// What the item, its events and its movement carry: a [`PaidFor`](super::reference::PaidFor).
    pub item: String,
    pub receiver: Receiver,
    pub amount: Amount,
    /// What the receiver reads.
    pub note: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Receiver {
    Email(String),
    PayerId(String),
}

impl EventsPage {
    /// The first page of the events from `from` until `until`; both ends are part of it.
    pub fn first(from: Timestamp, until: Timestamp) -> Self {
        Self(vec![
            ("page_size".to_owned(), PAGE_SIZE.to_string()),
            ("start_time".to_owned(), seconds(from)),
            ("end_time".to_owned(), seconds(until)),
        ])
    }

    /// The page that PayPal's link leads to. Of the link only the question is taken: it is asked where all others are.
    pub(super) fn linked(href: &str) -> Option<Self> {
        let url: Url = href.parse().ok()?;
        Some(Self(url.query_pairs().into_owned().collect()))
    }

    pub(super) fn query(&self) -> &[(String, String)] {
        &self.0
    }
}

impl TransactionsPage {
    pub fn first(from: Timestamp, until: Timestamp) -> Self {
        Self {
            from,
            until,
            transaction: None,
            code: None,
            number: 1,
        }
    }

    pub(super) fn query(&self) -> Vec<(String, String)> {
        let transaction = self.transaction.as_ref();
        let transaction = transaction.map(|id| ("transaction_id".to_owned(), id.clone()));
        let code = self.code.map(|code| ("transaction_type".to_owned(), code.to_owned()));
        let query = [
            ("start_date".to_owned(), seconds(self.from)),
            ("end_date".to_owned(), seconds(self.until)),
            ("fields".to_owned(), "transaction_info".to_owned()),
            ("page_size".to_owned(), PAGE_SIZE.to_string()),
            ("page".to_owned(), self.number.to_string()),
        ];
        query.into_iter().chain(transaction).chain(code).collect()
    }
}

/// PayPal wants seconds, and takes no parts of them everywhere.
fn seconds(at: Timestamp) -> String {
    let whole = Timestamp::from_second(at.as_second());
    whole.unwrap_or(at).to_string()
}

impl CreateOrder {
    pub(super) fn body(&self, deployment: Option<&Deployment>) -> Value {
        let items: Vec<Value> = self.lines.iter().map(OrderLine::body).collect();
        let mut amount = self.total.to_json();
        amount["breakdown"] = json!({"item_total": self.total.to_json()});
        json!({
            "intent": "CAPTURE",
            "purchase_units": [{
                "custom_id": reference::marked(&self.order, deployment),
                "invoice_id": self.order,
                "amount": amount,
                "items": items,
            }],
            "payment_source": {"paypal": {"experience_context": {
                "return_url": self.return_url,
                "cancel_url": self.cancel_url,
                "user_action": "PAY_NOW",
                "shipping_preference": "NO_SHIPPING",
            }}},
        })
    }
}

impl OrderLine {
    fn body(&self) -> Value {
        json!({
            "name": self.name.chars().take(MAX_NAME).collect::<String>(),
            "unit_amount": self.unit_price.to_json(),
            "quantity": self.quantity.to_string(),
            "category": "DIGITAL_GOODS",
        })
    }
}

impl RefundCapture {
    pub(super) fn body(&self, deployment: Option<&Deployment>) -> Value {
        let mut body = json!({"custom_id": reference::marked(&self.refund, deployment), "invoice_id": self.refund});
        if let Some(amount) = self.amount {
            body["amount"] = amount.to_json();
        }
        body
    }
}

impl CreatePayout {
    pub(super) fn body(&self) -> Value {
        let (recipient_type, receiver) = match &self.receiver {
            Receiver::Email(address) => ("EMAIL", address),
            Receiver::PayerId(id) => ("PAYPAL_ID", id),
        };
        json!({
            "sender_batch_header": {"sender_batch_id": self.payout, "email_subject": self.note},
            "items": [{
                "recipient_type": recipient_type,
                "receiver": receiver,
                "amount": self.amount.to_payout_json(),
                "note": self.note,
                "sender_item_id": self.item,
            }],
        })
    }
}
