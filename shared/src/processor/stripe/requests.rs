//! What Souk asks of Stripe. Names and values are those of Stripe's specification.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::form::Form;
use crate::money::Money;

/// Stripe keeps at most 50 entries, keys of 40 and values of 500 characters (docs.stripe.com/api/metadata).
pub type Metadata = BTreeMap<String, String>;

/// A connected account that is paid by transfers and managed in Stripe's Express dashboard. `type` is deprecated; the controller says
/// the same: Souk pays the fees and bears losses, Stripe collects what the law asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateAccount {
    /// ISO 3166-1, two letters.
    pub country: String,
    pub email: Option<String>,
    pub metadata: Metadata,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateAccountLink {
    pub account: String,
    /// Where Stripe sends the browser when the link has expired; that page makes a new link.
    pub refresh_url: String,
    /// Where Stripe sends the browser afterwards. It says nothing about what was done there.
    pub return_url: String,
}

/// A page to pay one order on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateCheckoutSession {
    pub lines: Vec<CheckoutLine>,
    /// The order's id; comes back in events.
    pub client_reference_id: String,
    pub customer_email: Option<String>,
    pub success_url: String,
    pub cancel_url: String,
    /// Between 30 minutes and 24 hours from now.
    pub expires_at: Option<Timestamp>,
    /// On the session *and* on its payment intent and charge, so that every event finds its order.
    pub metadata: Metadata,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckoutLine {
    pub name: String,
    pub unit_price: Money,
    pub quantity: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateTransfer {
    pub amount: Money,
    /// The connected account.
    pub destination: String,
    /// The payout's id: how the transfer is found again.
    pub transfer_group: String,
    pub metadata: Metadata,
}

/// Gives money of a charge back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateRefund {
    pub charge: String,
    pub amount: Money,
    /// One of the reasons that Stripe knows; others say nothing.
    pub reason: Option<&'static str>,
    pub metadata: Metadata,
}

/// One page of a list that is newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPage {
    pub created_from: Option<Timestamp>,
    pub created_before: Option<Timestamp>,
    /// The id of the last object of the page before.
    pub starting_after: Option<String>,
    /// At most 100.
    pub limit: u8,
}

impl Default for ListPage {
    fn default() -> Self {
        Self {
            created_from: None,
            created_before: None,
            starting_after: None,
            limit: 100,
        }
    }
}

pub(super) fn lower(money: Money) -> String {
    money.currency().code().to_ascii_lowercase()
}

impl CreateAccount {
    pub(super) fn form(&self) -> Form {
        Form::new()
            .with("country", &self.country)
            .with_some("email", self.email.as_ref())
            .with("controller[fees][payer]", "application")
            .with("controller[losses][payments]", "application")
            .with("controller[requirement_collection]", "stripe")
            .with("controller[stripe_dashboard][type]", "express")
            .with("capabilities[transfers][requested]", true)
            .with_map("metadata", &self.metadata)
    }
}

impl CreateAccountLink {
    pub(super) fn form(&self) -> Form {
        Form::new()
            .with("account", &self.account)
            .with("refresh_url", &self.refresh_url)
            .with("return_url", &self.return_url)
            .with("type", "account_onboarding")
    }
}

impl CreateCheckoutSession {
    pub(super) fn form(&self) -> Form {
        let form = Form::new()
            .with("mode", "payment")
            .with("client_reference_id", &self.client_reference_id)
            .with_some("customer_email", self.customer_email.as_ref())
            .with("success_url", &self.success_url)
            .with("cancel_url", &self.cancel_url)
            .with_some("expires_at", self.expires_at.map(Timestamp::as_second))
            // The customer pays the amount and currency that the order says.
            .with("adaptive_pricing[enabled]", false)
            .with_map("metadata", &self.metadata)
            .with_map("payment_intent_data[metadata]", &self.metadata);
        self.lines.iter().enumerate().fold(form, |form, (index, line)| {
            let at = |name: &str| format!("line_items[{index}]{name}");
            form.with(at("[price_data][currency]"), lower(line.unit_price))
                .with(at("[price_data][unit_amount]"), line.unit_price.minor())
                .with(at("[price_data][product_data][name]"), &line.name)
                .with(at("[quantity]"), line.quantity)
        })
    }
}

impl CreateTransfer {
    pub(super) fn form(&self) -> Form {
        Form::new()
            .with("amount", self.amount.minor())
            .with("currency", lower(self.amount))
            .with("destination", &self.destination)
            .with("transfer_group", &self.transfer_group)
            .with_map("metadata", &self.metadata)
    }
}

impl CreateRefund {
    pub(super) fn form(&self) -> Form {
        Form::new()
            .with("charge", &self.charge)
            .with("amount", self.amount.minor())
            .with_some("reason", self.reason)
            .with_map("metadata", &self.metadata)
    }
}

impl ListPage {
    pub(super) fn form(&self) -> Form {
        Form::new()
            .with("limit", self.limit)
            .with_some("created[gte]", self.created_from.map(Timestamp::as_second))
            .with_some("created[lt]", self.created_before.map(Timestamp::as_second))
            .with_some("starting_after", self.starting_after.as_ref())
    }
}
