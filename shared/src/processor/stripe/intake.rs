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
//! | `account.updated` | a partner's account | onboarding |
//! | `payout.paid`, `payout.failed` | money from a partner's account to the partner's bank | onboarding |
//! | `transfer.reversed` | a payout of ours | payout-transfer |
//! | anything else | | is stored |

use jiff::Timestamp;

use super::objects::Event;
use crate::ids::{OrderId, SubscriptionId, UserId};
use crate::messages::{Message, PaymentSubject, ReversalSubject};
use crate::processor::Processor;
use crate::processor::intake::{self, Head, Verdict};
use crate::processor::subscription::{named, told_at};
use crate::seed::Seed;
use crate::store::{Store, StoreError};

/// Stores the event with the messages that follow from it; `false` when it had been taken in before.
pub async fn take_in(
    store: &Store,
    event: Event,
    livemode: bool,
    seed: Seed,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let verdict = dispose(&event, livemode, seed);
    let head = Head {
        processor: Processor::Stripe,
        id: event.id.clone(),
        kind: event.kind.clone(),
        created: event.created_at().unwrap_or(now),
        account: event.account.clone(),
    };
    intake::keep(store, head, &event, verdict, now).await
}

fn dispose(event: &Event, livemode: bool, seed: Seed) -> Verdict {
    let object_id = event.object_id().map(str::to_owned);
    if event.livemode != livemode {
        return Verdict::quarantined(
            object_id,
            "the event is of the other mode (live or test) than this deployment",
        );
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
        "account.updated" => return account_changed(event, object_id, seed),
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

fn account_changed(event: &Event, object_id: Option<String>, seed: Seed) -> Verdict {
    match object_id.or_else(|| event.account.clone()) {
        None => Verdict::quarantined(None, "an account event without an account"),
        Some(account) => {
            let message = Message::AccountChanged {
                event_id: event.id.clone(),
                account: account.clone(),
            };
            Verdict::queued(account, message, seed)
        }
    }
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
