//! Follows subscriptions: their state, their licence, and every invoice that was paid.
//!
//! Whatever the news was, the subscription is fetched with its invoices and followed whole: its state and licence in one transaction, then
//! each paid invoice that is no order yet as one. So a lost, late or repeated event changes nothing in the end.
//!
//! What follows at Stripe from how it is here is asked for each time anew, until it is so: see [`tidy`].

use jiff::Timestamp;
use shared::ids::{OrderId, SubscriptionId, UserId};
use shared::messages::Envelope;
use shared::processor::stripe::billing::{self, Invoice, InvoiceStatus, SubscriptionUpdate};
use shared::processor::stripe::objects::{Charge, Expandable, SessionStatus};
use shared::processor::{Processor, ProcessorError};
use shared::purchase::{Order, OrderStatus, Payment, Settlement, settle};
use shared::runtime::{Delivery, Failure};
use shared::store::{StoreError, Versioned, commerce, relations, revenue, subscriptions};
use shared::subscription::{PaidInvoice, Status, Subscription, renewal};

use crate::context::Context;
use crate::credit::{self, Credit};
use crate::{fee, origin, session};

/// At which delivery a page that is not known is waited for no more: the one before the last.
const PATIENCE: u32 = 4;

pub(crate) async fn hear(
    context: &Context,
    delivery: &Delivery<Envelope>,
    customer: UserId,
    subscription: SubscriptionId,
    at: Timestamp,
) -> Result<(), Failure> {
    let credit = follow(context, delivery, customer, subscription, at).await?;
    if credit.has_ended_it {
        follow(context, delivery, customer, subscription, at).await?;
    }
    Ok(())
}

/// Follows the subscription that an order paid, and says how much credit it has beyond all that is left of its payments: refunds that are not
/// sent yet have promised the same money.
pub(crate) async fn credit_beyond(
    context: &Context,
    delivery: &Delivery<Envelope>,
    order: &Order,
) -> Result<i64, Failure> {
    let Some(renewal) = &order.renewal else {
        return Ok(0);
    };
    let credit = follow(context, delivery, order.customer, renewal.subscription, delivery.now).await?;
    Ok(credit.beyond_minor)
}

async fn follow(
    context: &Context,
    delivery: &Delivery<Envelope>,
    customer: UserId,
    subscription: SubscriptionId,
    at: Timestamp,
) -> Result<Credit, Failure> {
    let before = load(context, customer, subscription).await?;
    let Some(told) = fetch(context, delivery, &before).await? else {
        return Ok(Credit::default());
    };
    let invoices = context.stripe.invoices(&told.id).await?;
    let mut report = told.report(&invoices).map_err(Failure::reject)?;
    if let Some(open) = &mut report.open_invoice {
        open.needs_confirmation = needs_confirmation(context, &invoices, &open.id).await?;
    }
    let followed = subscriptions::follow(&context.store, &before, (&report, told.plan()), at, delivery.now).await;
    // Refused where somebody else has heard it too, or the licence was used meanwhile: then what is stored now is to be followed from.
    let followed = followed?;
    // Who was told of something later, and read what was stored before this was, has found nothing to write.
    if followed != before.value && context.stripe.subscription(&told.id).await? != told {
        return Err(Failure::retry(format!(
            "subscription {subscription} has changed meanwhile"
        )));
    }
    tidy(context, delivery, &followed, &told, &invoices).await?;
    let orders = settle_invoices(context, delivery, at, &followed, &invoices).await?;
    credit::follow(context, &followed, report.credit, &invoices, &orders).await
}

/// Whether an open invoice waits for its customer to confirm the payment: only the payment itself says so.
async fn needs_confirmation(context: &Context, invoices: &[Invoice], open: &str) -> Result<bool, Failure> {
    let open = invoices.iter().find(|invoice| invoice.id == open);
    match open.and_then(Invoice::open_payment) {
        Some(payment) => Ok(context.stripe.payment_intent(payment).await?.needs_confirmation()),
        None => Ok(false),
    }
}

/// What Stripe is to do about it:
///
/// - the card that the customer has named last is charged, and not for ever the one that a checkout has left at the subscription;
/// - who may not use what it pays for any more does not go on paying;
/// - what was open when it ended cannot be paid any more: nothing would come of it.
async fn tidy(
    context: &Context,
    delivery: &Delivery<Envelope>,
    subscription: &Subscription,
    told: &billing::Subscription,
    invoices: &[Invoice],
) -> Result<(), Failure> {
    let stripe = &context.stripe;
    if subscription.status == Status::Ended {
        for invoice in invoices {
            if invoice.status == Some(InvoiceStatus::Open) {
                let voided = stripe.void_invoice(&invoice.id, &format!("{} void", invoice.id)).await;
                // Somebody may just have paid it: then it is settled.
                voided.map_err(Failure::retry)?;
            }
        }
        return Ok(());
    }
    if !subscription.status.is_running() {
        return Ok(());
    }
    let licence = commerce::licence(&context.store, subscription.licence).await?;
    if licence.is_some_and(|licence| licence.granted().standing.is_withdrawn()) {
        tracing::info!(subscription.id = %subscription.id, "the licence is revoked or banned: the subscription is cancelled");
        return cancel(context, &told.id).await;
    }
    if let Some(method) = told.newer_payment_method() {
        let update = SubscriptionUpdate::PaymentMethod(method.to_owned());
        // The same card may come back one day.
        let key = format!("{} {method}", delivery.message.id);
        stripe.update_subscription(&told.id, &update, &key).await?;
    }
    Ok(())
}

/// A customer of Stripe's has named another card. Whose it is, their subscriptions say.
pub(crate) async fn take_new_card(
    context: &Context,
    delivery: &Delivery<Envelope>,
    customer: &str,
) -> Result<(), Failure> {
    let subscriptions = context.stripe.subscriptions_of(customer).await?;
    let ours = subscriptions
        .iter()
        .filter(|one| !context.stripe.is_foreign(&one.metadata));
    for (customer, subscription) in ours.filter_map(billing::Subscription::named) {
        hear(context, delivery, customer, subscription, delivery.now).await?;
    }
    Ok(())
}

/// Ends it at Stripe, now.
pub(crate) async fn cancel(context: &Context, at_stripe: &str) -> Result<(), Failure> {
    match context.stripe.cancel_subscription(at_stripe).await {
        Ok(_) => Ok(()),
        // It has ended: following it says how.
        Err(ProcessorError::Refused { code, .. }) if code == "resource_missing" => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// What Stripe says of it now; nothing while its checkout has not begun it. A checkout that has ended without one is the end of it here.
async fn fetch(
    context: &Context,
    delivery: &Delivery<Envelope>,
    subscription: &Versioned<Subscription>,
) -> Result<Option<billing::Subscription>, Failure> {
    if let Some(known) = &subscription.at_stripe {
        return Ok(Some(context.stripe.subscription(&known.subscription).await?));
    }
    let Some(session) = &subscription.session else {
        if delivery.receives < PATIENCE {
            return Err(Failure::retry(format!(
                "subscription {} has no session yet",
                subscription.id
            )));
        }
        // The request that made it has never got as far as its page: nobody can have begun it, and the news is that it has lapsed.
        if subscription.status == Status::Pending {
            lapse(context, subscription).await?;
        }
        return Ok(None);
    };
    let session = context.stripe.checkout_session(session).await?;
    if let Some(begun) = session.subscription {
        return Ok(Some(context.stripe.subscription(&begun).await?));
    }
    if session.status == Some(SessionStatus::Expired) && subscription.status == Status::Pending {
        lapse(context, subscription).await?;
    }
    Ok(None)
}

async fn lapse(context: &Context, pending: &Versioned<Subscription>) -> Result<(), Failure> {
    let lapsed = Subscription {
        status: Status::Lapsed,
        ..pending.value.clone()
    };
    Ok(subscriptions::update(&context.store, &lapsed, pending.revision).await?)
}

/// Every invoice that was paid is an order. Those that are not are made, the oldest first. All of them, as they now are.
async fn settle_invoices(
    context: &Context,
    delivery: &Delivery<Envelope>,
    told_at: Timestamp,
    subscription: &Subscription,
    invoices: &[Invoice],
) -> Result<Vec<Order>, Failure> {
    let mut orders = orders_of(context, subscription.customer, invoices).await?;
    let is_new = |invoice: &&Invoice| {
        invoice
            .order()
            .is_some_and(|id| orders.iter().all(|order| order.id != id))
    };
    let missing: Vec<_> = invoices.iter().filter(is_new).collect();
    for invoice in missing.into_iter().rev() {
        if let Some(paid) = invoice.paid().map_err(Failure::reject)? {
            orders.extend(settle_invoice(context, delivery, told_at, subscription, invoice, &paid).await?);
        }
    }
    Ok(orders)
}

/// The orders that the paid ones of these are, as far as they have been made.
async fn orders_of(context: &Context, customer: UserId, invoices: &[Invoice]) -> Result<Vec<Order>, Failure> {
    let paid = invoices
        .iter()
        .filter(|invoice| invoice.status == Some(InvoiceStatus::Paid));
    let ids: Vec<OrderId> = paid.filter_map(Invoice::order).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    Ok(commerce::orders_of(&context.store, customer, &ids).await?)
}

async fn settle_invoice(
    context: &Context,
    delivery: &Delivery<Envelope>,
    told_at: Timestamp,
    subscription: &Subscription,
    invoice: &Invoice,
    paid: &PaidInvoice,
) -> Result<Option<Order>, Failure> {
    // Nobody pays for another period of what has left the shop: it is given back, and the subscription ends with that.
    let order = session::remaining(context, &renewal(subscription, paid)).await?;
    let charge = charge_of(context, invoice).await?;
    let paid_with = charge.as_ref().and_then(Charge::means);
    let order = relations::withhold_own_referrals(&context.store, &order, paid_with.as_deref(), delivery.now).await?;
    let arrived = match charge.as_ref().map(Charge::arrived_at) {
        Some(Some(at)) => Timestamp::from_second(at).map_err(Failure::reject)?,
        // Its movement is not known yet.
        Some(None) => paid.paid_at.unwrap_or(told_at),
        None => paid.paid_at.unwrap_or(paid.created),
    };
    let payment = Payment {
        amount: paid.amount,
        charge: charge.as_ref().map(|charge| charge.id.clone()),
        at: arrived,
    };
    let settled = context
        .store
        .until_uncontended(|| pay(context, delivery.now, &order, &payment, paid));
    let Some(settled) = settled.await? else {
        return Ok(None);
    };
    tracing::info!(order.id = %settled.order.id, subscription.id = %subscription.id, total = %settled.order.total, "renewal settled");
    if let Some(charge) = &charge {
        fee::post_of(context, delivery, charge, &settled.order).await?;
    }
    Ok(Some(settled.order))
}

/// Settles a renewal; `None` where somebody else has done so meanwhile. Refused with a conflict where that was just now, or something
/// else was sold under the same tiers.
async fn pay(
    context: &Context,
    now: Timestamp,
    order: &Order,
    payment: &Payment,
    paid: &PaidInvoice,
) -> Result<Option<Settlement>, Failure> {
    let turnovers = revenue::turnovers(&context.store, order.counters(payment.at)).await?;
    let settled = settle(
        order,
        payment,
        &turnovers,
        context.hold_days,
        paid.seed(),
        shared::licence::secret,
    );
    let settled = settled.map_err(Failure::reject)?;
    match context.store.transact(commerce::renewal_writes(&settled, now)?).await {
        Ok(()) => Ok(Some(settled)),
        Err(conflict @ StoreError::Conflict { .. }) => {
            match commerce::order(&context.store, order.customer, order.id).await? {
                Some(_) => Ok(None),
                None => Err(conflict.into()),
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// The charge that paid an invoice, with its fee as far as that is known; none where credit has paid it.
async fn charge_of(context: &Context, invoice: &Invoice) -> Result<Option<Charge>, Failure> {
    let Some(intent) = invoice.payment_intent() else {
        return Ok(None);
    };
    let intent = context.stripe.payment_intent(intent).await?;
    let charge = intent.latest_charge.as_ref().and_then(Expandable::object);
    Ok(charge.cloned())
}

/// The order of a charge that names none: of an invoice of ours, if it paid one. News of the charge may overtake the news of the invoice:
/// then the subscription is followed first.
pub(crate) async fn renewal_of(
    context: &Context,
    delivery: &Delivery<Envelope>,
    charge: &Charge,
) -> Result<Option<Versioned<Order>>, Failure> {
    let Some(intent) = charge.payment_intent.as_ref().map(Expandable::id) else {
        return Ok(None);
    };
    let invoice = context.stripe.invoice_of(intent).await?;
    let Some(invoice) = invoice.filter(|invoice| !context.stripe.is_foreign(invoice.metadata())) else {
        return Ok(None);
    };
    let (Some((customer, subscription)), Some(id)) = (invoice.named(), invoice.order()) else {
        return Ok(None);
    };
    if let Some(order) = commerce::order(&context.store, customer, id).await? {
        return Ok(Some(order));
    }
    let arrived = charge.arrived_at().and_then(|at| Timestamp::from_second(at).ok());
    let at = arrived.unwrap_or(delivery.now);
    hear(context, delivery, customer, subscription, at).await?;
    let order = commerce::order(&context.store, customer, id).await?;
    let waits = || {
        Failure::retry(format!(
            "invoice {} of charge {} is not paid yet",
            invoice.id, charge.id
        ))
    };
    order.ok_or_else(waits).map(Some)
}

/// The money of a renewal went back. A payment that has not been heard of may have begun another period, so the subscription is followed; where
/// nothing is left of what pays for the period that runs, that ends it.
pub(crate) async fn end_returned(
    context: &Context,
    delivery: &Delivery<Envelope>,
    customer: UserId,
    order: OrderId,
) -> Result<(), Failure> {
    let order = origin::load(context, customer, order).await?;
    let Some(renewal) = order.renewal.as_ref().filter(|_| order.status == OrderStatus::Paid) else {
        return Err(Failure::reject(format!(
            "order {} is no renewal that was paid",
            order.id
        )));
    };
    debug_assert_eq!(order.processor, Processor::Stripe, "only Stripe has subscriptions");
    hear(context, delivery, customer, renewal.subscription, delivery.now).await
}

async fn load(
    context: &Context,
    customer: UserId,
    subscription: SubscriptionId,
) -> Result<Versioned<Subscription>, Failure> {
    let found = subscriptions::subscription(&context.store, customer, subscription).await?;
    found.ok_or_else(|| Failure::retry(format!("subscription {subscription} of {customer} does not exist")))
}
