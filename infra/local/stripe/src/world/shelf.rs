//! The shelf every Stripe object lies on, as the JSON document the API answers with.
//!
//! A stand-in's state *is* its documents: there is no second model behind them that could disagree. Owns lookup by id and
//! order of creation; knows nothing of what the documents mean.

use std::collections::HashMap;

use serde_json::Value;

/// The kinds of object served, each with its id prefix and the name Stripe's messages use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Account,
    BalanceTransaction,
    Charge,
    Collection,
    Coupon,
    Customer,
    CustomerBalance,
    Discount,
    Dispute,
    Endpoint,
    Event,
    Invoice,
    InvoiceItem,
    InvoicePayment,
    PaymentIntent,
    PaymentMethod,
    Payout,
    PortalSession,
    Price,
    Product,
    Refund,
    Reversal,
    Session,
    Subscription,
    Transfer,
}

impl Kind {
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::Account => "acct",
            Self::BalanceTransaction => "txn",
            Self::Charge => "ch",
            Self::Collection => "connct",
            Self::Coupon => "coupon",
            Self::Customer => "cus",
            Self::CustomerBalance => "cbtxn",
            Self::Discount => "di",
            Self::Dispute => "dp",
            Self::Endpoint => "we",
            Self::Event => "evt",
            Self::Invoice => "in",
            Self::InvoiceItem => "ii",
            Self::InvoicePayment => "inpay",
            Self::PaymentIntent => "pi",
            Self::PaymentMethod => "pm",
            Self::Payout => "po",
            Self::PortalSession => "bps",
            Self::Price => "price",
            Self::Product => "prod",
            Self::Refund => "re",
            Self::Reversal => "trr",
            Self::Session => "cs_test",
            Self::Subscription => "sub",
            Self::Transfer => "tr",
        }
    }

    /// As in "No such payment_intent: 'pi_…'".
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::BalanceTransaction => "balance transaction",
            Self::Charge => "charge",
            Self::Collection => "connect_collection_transfer",
            Self::Coupon => "coupon",
            Self::Customer => "customer",
            Self::CustomerBalance => "customer balance transaction",
            Self::Discount => "discount",
            Self::Dispute => "dispute",
            Self::Endpoint => "webhook endpoint",
            Self::Event => "event",
            Self::Invoice => "invoice",
            Self::InvoiceItem => "invoiceitem",
            Self::InvoicePayment => "invoice_payment",
            Self::PaymentIntent => "payment_intent",
            Self::PaymentMethod => "PaymentMethod",
            Self::Payout => "payout",
            Self::PortalSession => "billing_portal.session",
            Self::Price => "price",
            Self::Product => "product",
            Self::Refund => "refund",
            Self::Reversal => "transfer reversal",
            Self::Session => "checkout.session",
            Self::Subscription => "subscription",
            Self::Transfer => "transfer",
        }
    }
}

/// One document and the connected account it belongs to (`None`: the platform).
#[derive(Debug)]
pub(crate) struct Entry {
    pub kind: Kind,
    pub owner: Option<String>,
    pub body: Value,
}

#[derive(Debug, Default)]
pub(crate) struct Shelf {
    entries: HashMap<String, Entry>,
    order: HashMap<Kind, Vec<String>>,
}

impl Shelf {
    /// Puts a new document down; its id is the one it carries.
    pub(crate) fn put(&mut self, kind: Kind, owner: Option<&str>, body: Value) {
        let id = body["id"].as_str().unwrap_or_default().to_owned();
        self.order.entry(kind).or_default().push(id.clone());
        self.entries.insert(
            id,
            Entry {
                kind,
                owner: owner.map(str::to_owned),
                body,
            },
        );
    }

    pub(crate) fn entry(&self, id: &str) -> Option<&Entry> {
        self.entries.get(id)
    }

    pub(crate) fn get(&self, kind: Kind, id: &str) -> Option<&Value> {
        self.entries
            .get(id)
            .filter(|entry| entry.kind == kind)
            .map(|entry| &entry.body)
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut Value> {
        self.entries.get_mut(id).map(|entry| &mut entry.body)
    }

    pub(crate) fn remove(&mut self, id: &str) -> Option<Value> {
        let entry = self.entries.remove(id)?;
        if let Some(ids) = self.order.get_mut(&entry.kind) {
            ids.retain(|each| each != id);
        }
        Some(entry.body)
    }

    /// All documents of a kind, the newest first, as Stripe lists them.
    pub(crate) fn newest_first(&self, kind: Kind) -> impl Iterator<Item = &Entry> {
        self.order
            .get(&kind)
            .into_iter()
            .flat_map(|ids| ids.iter().rev())
            .filter_map(|id| self.entries.get(id))
    }

    pub(crate) fn count(&self, kind: Kind) -> usize {
        self.order.get(&kind).map_or(0, Vec::len)
    }
}

/// The text of a field, empty if absent or of another type.
pub(crate) fn text<'a>(body: &'a Value, field: &str) -> &'a str {
    body[field].as_str().unwrap_or_default()
}

/// The number of a field, zero if absent or of another type.
pub(crate) fn int(body: &Value, field: &str) -> i64 {
    body[field].as_i64().unwrap_or_default()
}
