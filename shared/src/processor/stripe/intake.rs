//! Takes an event in, however it came: pushed by a webhook, or found missing in Stripe's own list. What follows from it is a pure
//! decision (`dispose`); the event's id is the inbox item's key, so it is taken in once.
//!
//! | event | about | goes to |
//! |---|---|---|
//! | `checkout.session.completed`, `.async_payment_succeeded`, `.async_payment_failed`, `.expired` | an order of ours | settlement |
//! | `checkout.session.completed`, `.expired` | a subscription of ours | settlement |
//! | `customer.subscription.*`, `invoice.paid`, `.payment_failed`, `.payment_action_required`, `.voided`, `.marked_uncollectible` | such a subscription | settlement |
//! | `customer.updated` | another card, perhaps for such a subscription | settlement |
//! | `charge.succeeded`, `charge.updated` | the fee of such an order | settlement |
//! | the same without an order's id | perhaps an invoice of such a subscription | settlement |
//! | `refund.created`, `.updated`, `.failed` | money that goes back | settlement |
//! | `charge.dispute.created`, `.updated`, `.closed`, `.funds_withdrawn`, `.funds_reinstated` | a dispute | settlement |
//! | `account.updated`, `account.application.deauthorized` | a partner's account | onboarding |
//! | `payout.paid`, `payout.failed` | money from a partner's account to the partner's bank | onboarding |
//! | `transfer.reversed` | a payout of ours | payout-transfer |
//! | anything else | | is stored |
//!
//! Before that it is asked whose event it is, and whether it can be read: what another deployment has made is forgotten; what came to the
//! wrong endpoint, from the other mode, or in another version of the API than this code reads, is kept for a person.

use jiff::Timestamp;
use serde_json::Value;

use super::objects::Event;
use super::{API_VERSION, StripeClient};
use crate::ids::{OrderId, SubscriptionId, UserId};
use crate::messages::{Message, PaymentSubject, ReversalSubject};
use crate::processor::deployment::DEPLOYMENT;
use crate::processor::intake::{self, Head, Intake, Verdict};
use crate::processor::subscription::{named, told_at};
use crate::processor::{Deployment, Processor, ProcessorError};
use crate::seed::Seed;
use crate::store::{Store, StoreError};

/// How an event came. Stripe writes what it sends to an endpoint in the endpoint's version of the API, and what it lists in the account's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventSource {
    /// The endpoint for what happens in the platform's own account.
    PlatformEndpoint,
    /// The endpoint for what happens in connected accounts. That of a live deployment gets their test events as well
    /// (docs.stripe.com/connect/webhooks).
    ConnectEndpoint,
    /// The platform's list of its events.
    PlatformList,
    /// The list of a connected account's.
    ConnectList,
}

impl EventSource {
    fn is_of_connected_accounts(self) -> bool {
        matches!(self, Self::ConnectEndpoint | Self::ConnectList)
    }

    fn is_endpoint(self) -> bool {
        matches!(self, Self::PlatformEndpoint | Self::ConnectEndpoint)
    }
}

/// Which events are this deployment's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPolicy {
    pub livemode: bool,
    pub deployment: Deployment,
}

/// A signed body that is no event as they are subscribed to here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// It names its object and does not show it, as events of Stripe's API v2 do.
    Thin,
    NotAnEvent,
}

/// Stores the event with the messages that follow from it.
pub async fn take_in(
    store: &Store,
    event: Event,
    source: EventSource,
    policy: &EventPolicy,
    seed: Seed,
    now: Timestamp,
) -> Result<Intake, StoreError> {
    if event.id.is_empty() {
        let body = serde_json::to_vec(&event).map_err(|error| StoreError::Corrupt(Box::new(error)))?;
        return keep_unread(store, &body, now).await.map(|(_, intake)| intake);
    }
    let verdict = dispose(&event, source, policy, seed);
    let head = Head {
        processor: Processor::Stripe,
        id: event.id.clone(),
        kind: event.kind.clone(),
        created: event.created_at().unwrap_or(now),
        account: event.account.clone(),
    };
    intake::keep(store, head, &event, verdict, now).await
}

/// A listed event as an endpoint would have got it. What is read of an event stands where it stood in every version, except in an invoice:
/// that is fetched in ours. One that is gone leaves its event as it came.
pub async fn rewrite_listed(stripe: &StripeClient, event: Event) -> Result<Event, ProcessorError> {
    let invoice = event
        .object_id()
        .filter(|_| is_of_invoice(&event) && !is_current(&event));
    let Some(invoice) = invoice else {
        return Ok(event);
    };
    match stripe.invoice(invoice).await {
        Ok(object) => Ok(event.rewritten(object, API_VERSION)),
        Err(ProcessorError::Refused { .. }) => Ok(event),
        Err(error) => Err(error),
    }
}

fn is_readable(event: &Event, source: EventSource) -> bool {
    is_current(event) || !(source.is_endpoint() || is_of_invoice(event))
}

fn is_current(event: &Event) -> bool {
    event.api_version() == Some(API_VERSION)
}

fn is_of_invoice(event: &Event) -> bool {
    event.kind.starts_with("invoice.")
}

/// Stores a body that Stripe has signed, or listed, and that is no event, for a person to look at.
pub async fn keep_unread(store: &Store, body: &[u8], now: Timestamp) -> Result<(Unread, Intake), StoreError> {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let is_thin = value.get("object").and_then(Value::as_str) == Some("v2.core.event");
    let (unread, why) = if is_thin {
        (
            Unread::Thin,
            "a thin event, which shows nothing of its object: the endpoint must send snapshots",
        )
    } else {
        (Unread::NotAnEvent, "the body is not an event")
    };
    let intake = intake::keep_unread(store, Processor::Stripe, body, why, now).await?;
    Ok((unread, intake))
}

fn dispose(event: &Event, source: EventSource, policy: &EventPolicy, seed: Seed) -> Verdict {
    let object_id = event.object_id().map(str::to_owned);
    if policy.deployment.is_foreign_name(maker(event)) {
        return Verdict::forgotten("its object is another deployment's");
    }
    let is_connect = source.is_of_connected_accounts();
    if is_connect && policy.livemode && !event.livemode {
        return Verdict::forgotten("it is a test of a connected account's");
    }
    if event.livemode != policy.livemode {
        return Verdict::quarantined(
            object_id,
            "the event is of the other mode (live or test) than this deployment",
        );
    }
    if event.account.is_some() != is_connect {
        let why = if is_connect {
            "an event of the platform's own account at the endpoint of connected accounts"
        } else {
            "an event of a connected account at the endpoint of the platform's own"
        };
        return Verdict::quarantined(object_id, why);
    }
    if !is_readable(event, source) {
        let other = event.api_version().unwrap_or("no version");
        let why = format!("the event is written in {other}, and the endpoint's version must be {API_VERSION}");
        return Verdict::quarantined(object_id, &why);
    }
    if let Some((customer, subscription)) = subscription_of(event) {
        return subscription_changed(event, object_id, customer, subscription, seed);
    }
    let subject = match event.kind.as_str() {
        "checkout.session.completed"
        | "checkout.session.async_payment_succeeded"
        | "checkout.session.async_payment_failed"
        | "checkout.session.expired" => PaymentSubject::CheckoutSession,
        "charge.succeeded" | "charge.updated" => PaymentSubject::Charge,
        "refund.created" | "refund.updated" | "refund.failed" => {
            return reversal_changed(event, object_id, ReversalSubject::Refund, seed);
        }
        "charge.dispute.created"
        | "charge.dispute.updated"
        | "charge.dispute.closed"
        | "charge.dispute.funds_withdrawn"
        | "charge.dispute.funds_reinstated" => {
            return reversal_changed(event, object_id, ReversalSubject::Dispute, seed);
        }
        "customer.updated" => return payment_method_changed(event, object_id, seed),
        "account.updated" | "account.application.deauthorized" => return account_changed(event, object_id, seed),
        "payout.paid" | "payout.failed" => return bank_payout_changed(event, object_id, seed),
        "transfer.reversed" => return transfer_reversed(event, object_id, seed),
        _ => return Verdict::stored(object_id),
    };
    if event.account.is_some() {
        return Verdict::quarantined(
            object_id,
            "a payment on a connected account: orders are charged on the platform's own",
        );
    }
    let (Some(object_id), Some((customer, order))) = (object_id.clone(), ours(event)) else {
        // Somebody else's payment on the same Stripe account, or one made by hand; or an invoice's, which names its order nowhere.
        return match (subject, object_id, event.object_text("payment_intent")) {
            (PaymentSubject::Charge, Some(charge), Some(_)) => {
                let message = Message::UnnamedCharge {
                    event_id: event.id.clone(),
                    charge: charge.clone(),
                };
                Verdict::queued(charge, message, seed)
            }
            (_, object_id, _) => Verdict::stored(object_id),
        };
    };
    let message = Message::PaymentChanged {
        event_id: event.id.clone(),
        subject,
        object_id: object_id.clone(),
        customer,
        order,
    };
    Verdict::queued(object_id, message, seed)
}

/// The deployment that has made the object, as far as it says so. An invoice repeats what its subscription says.
fn maker(event: &Event) -> Option<&str> {
    let of_invoice = || {
        event
            .data
            .object
            .pointer("/parent/subscription_details/metadata")?
            .get(DEPLOYMENT)?
            .as_str()
    };
    event.metadata(DEPLOYMENT).or_else(of_invoice)
}

/// The subscription that an event is about. Both ids were put on session and subscription when the checkout was opened; an invoice repeats
/// those of its subscription.
fn subscription_of(event: &Event) -> Option<(UserId, SubscriptionId)> {
    let of_invoice = event.data.object.pointer("/parent/subscription_details/metadata");
    let metadata = match event.kind.as_str() {
        "checkout.session.completed" | "checkout.session.expired" => event.data.object.get("metadata"),
        "invoice.paid"
        | "invoice.payment_failed"
        | "invoice.payment_action_required"
        | "invoice.voided"
        | "invoice.marked_uncollectible" => of_invoice,
        kind if kind.starts_with("customer.subscription.") => event.data.object.get("metadata"),
        _ => None,
    }?;
    let id = |key: &str| metadata.get(key)?.as_str();
    Some((
        id(named::CUSTOMER)?.parse().ok()?,
        id(named::SUBSCRIPTION)?.parse().ok()?,
    ))
}

fn subscription_changed(
    event: &Event,
    object_id: Option<String>,
    customer: UserId,
    subscription: SubscriptionId,
    seed: Seed,
) -> Verdict {
    if event.account.is_some() {
        let why = "a subscription on a connected account: customers are charged on the platform's own";
        return Verdict::quarantined(object_id, why);
    }
    let message = Message::SubscriptionChanged {
        event_id: event.id.clone(),
        customer,
        subscription,
        at: told_at(event.created),
    };
    Verdict::queued(object_id.unwrap_or_default(), message, seed)
}

/// A customer names nobody of ours; their subscriptions do, and the settlement asks for them.
fn payment_method_changed(event: &Event, object_id: Option<String>, seed: Seed) -> Verdict {
    let may_be_ours = event.account.is_none() && event.changes("invoice_settings");
    let Some(customer) = object_id.clone().filter(|_| may_be_ours) else {
        return Verdict::stored(object_id);
    };
    let message = Message::PaymentMethodChanged {
        event_id: event.id.clone(),
        customer: customer.clone(),
    };
    Verdict::queued(customer, message, seed)
}

/// Whether the charge is of an order of ours, only the charge itself tells: the settlement fetches it.
fn reversal_changed(event: &Event, object_id: Option<String>, subject: ReversalSubject, seed: Seed) -> Verdict {
    if event.account.is_some() {
        return Verdict::stored(object_id);
    }
    let (Some(object_id), Some(charge)) = (object_id.clone(), event.object_text("charge")) else {
        return Verdict::stored(object_id);
    };
    let message = Message::ReversalChanged {
        event_id: event.id.clone(),
        subject,
        object_id: object_id.clone(),
        charge: charge.to_owned(),
    };
    Verdict::queued(object_id, message, seed)
}

/// Our own account is no partner's.
fn account_changed(event: &Event, object_id: Option<String>, seed: Seed) -> Verdict {
    let Some(account) = event.account.clone() else {
        return Verdict::stored(object_id);
    };
    let message = Message::AccountChanged {
        event_id: event.id.clone(),
        account: account.clone(),
    };
    Verdict::queued(account, message, seed)
}

/// On our own account a payout to the bank is ours: reconciliation meets it among the balance transactions.
fn bank_payout_changed(event: &Event, object_id: Option<String>, seed: Seed) -> Verdict {
    match (object_id, &event.account) {
        (Some(payout), Some(account)) => {
            let message = Message::BankPayoutChanged {
                event_id: event.id.clone(),
                account: account.clone(),
                payout: payout.clone(),
            };
            Verdict::queued(payout, message, seed)
        }
        (object_id, _) => Verdict::stored(object_id),
    }
}

/// A transfer that names no payout of ours was made by hand.
fn transfer_reversed(event: &Event, object_id: Option<String>, seed: Seed) -> Verdict {
    let payout = || {
        let (partner, payout) = (event.metadata("partner_id")?, event.metadata("payout_id")?);
        Some((partner.parse().ok()?, payout.parse().ok()?))
    };
    let (Some(transfer), Some((partner, payout))) = (object_id.clone(), payout()) else {
        return Verdict::stored(object_id);
    };
    let message = Message::TransferReversed {
        event_id: event.id.clone(),
        transfer: transfer.clone(),
        partner,
        payout,
    };
    Verdict::queued(transfer, message, seed)
}

/// Whose order the object says it is for. Both ids were put there when the checkout was opened.
fn ours(event: &Event) -> Option<(UserId, OrderId)> {
    Some((
        event.metadata("customer_id")?.parse().ok()?,
        event.metadata("order_id")?.parse().ok()?,
    ))
}
