//! What has left the shop is not paid for: its open payment pages are closed, page by page.
//!
//! Pages are open for a day at most, so only the orders of the last days are looked at, the newest first. What is paid before its page is
//! closed, or while a bank debit is on its way, is given back when it is settled.

use jiff::SignedDuration;
use shared::ids::{ListingId, PartnerId};
use shared::messages::{Envelope, Message, Waiting};
use shared::page::PageKey;
use shared::processor::Processor;
use shared::purchase::{Order, OrderStatus};
use shared::runtime::{Delivery, Failure};
use shared::store::{Versioned, catalogue, commerce, offers, subscriptions};
use shared::subscription::{Status, Subscription};

use crate::context::Context;

/// As many as are closed well within the function's time: each takes two calls to Stripe at most.
const PAGE: usize = 20;
/// Stripe's pages are open for a day, PayPal's for less; a retry may open one a day after the request.
const OPEN_FOR: SignedDuration = SignedDuration::from_hours(48);

/// All listings of a partner have left the shop.
pub(crate) async fn close_pages_of(
    context: &Context,
    delivery: &Delivery<Envelope>,
    partner: PartnerId,
    after: Option<PageKey>,
) -> Result<(), Failure> {
    let page = catalogue::listings(&context.store, partner, after, PAGE).await?;
    for listing in page.items.iter().filter(|listing| listing.live.is_some()) {
        let message = Message::ListingWithdrawn {
            listing: listing.id,
            waiting: Waiting::Orders,
            after: None,
        };
        let id = delivery.seed.id(&listing.id.to_string());
        context.queues.send(&Envelope::new(id, message)).await?;
    }
    match page.next {
        Some(next) => {
            let message = Message::PartnerWithdrawn {
                partner,
                after: Some(next),
            };
            send(context, delivery, message).await
        }
        None => Ok(()),
    }
}

/// What waits to be paid for a listing. Nothing is closed where it has come back meanwhile.
pub(crate) async fn close_pages(
    context: &Context,
    delivery: &Delivery<Envelope>,
    listing: ListingId,
    waiting: Waiting,
    after: Option<PageKey>,
) -> Result<(), Failure> {
    if offers::on_sale(&context.store, listing).await?.is_some() {
        return Ok(());
    }
    let next = match waiting {
        Waiting::Orders => match close_orders(context, delivery, listing, after).await? {
            Some(next) => (Waiting::Orders, Some(next)),
            None => (Waiting::Subscriptions, None),
        },
        Waiting::Subscriptions => match close_subscriptions(context, listing, after).await? {
            Some(next) => (Waiting::Subscriptions, Some(next)),
            None => return Ok(()),
        },
    };
    let (waiting, after) = next;
    let message = Message::ListingWithdrawn {
        listing,
        waiting,
        after,
    };
    send(context, delivery, message).await
}

async fn send(context: &Context, delivery: &Delivery<Envelope>, next: Message) -> Result<(), Failure> {
    let next = Envelope::new(delivery.seed.id("next"), next);
    Ok(context.queues.send(&next).await?)
}

/// Answers with the page that follows, where its orders may still have open pages.
async fn close_orders(
    context: &Context,
    delivery: &Delivery<Envelope>,
    listing: ListingId,
    after: Option<PageKey>,
) -> Result<Option<PageKey>, Failure> {
    let page = commerce::orders_of_listing(&context.store, listing, after, PAGE).await?;
    let is_recent = |order: &Order| delivery.now.duration_since(order.placed_at) < OPEN_FOR;
    for order in &page.items {
        if order.status == OrderStatus::Pending && is_recent(order) {
            close_order(context, order).await?;
        }
    }
    Ok(page.next.filter(|_| page.items.iter().all(is_recent)))
}

async fn close_order(context: &Context, order: &Order) -> Result<(), Failure> {
    // Of PayPal's orders nothing is taken once ours has ended.
    if let Some(session) = order.session.as_ref().filter(|_| order.processor == Processor::Stripe)
        && !context.stripe.close_checkout_session(session).await?
    {
        // Somebody has paid: it is given back when it is settled.
        return Ok(());
    }
    let Some(now) = commerce::order(&context.store, order.customer, order.id).await? else {
        return Ok(());
    };
    end(context, &now).await
}

/// Ends an order that waits to be paid, and tells its customer.
pub(crate) async fn end(context: &Context, order: &Versioned<Order>) -> Result<(), Failure> {
    let Some(ended) = order.end_unpaid(OrderStatus::Cancelled) else {
        return Ok(());
    };
    commerce::withdraw_order(&context.store, &ended, order.revision).await?;
    tracing::info!(order.id = %order.id, "what was ordered has left the shop: the order is cancelled");
    Ok(())
}

async fn close_subscriptions(
    context: &Context,
    listing: ListingId,
    after: Option<PageKey>,
) -> Result<Option<PageKey>, Failure> {
    let page = subscriptions::begun(&context.store, listing, after, PAGE).await?;
    for subscription in &page.items {
        if subscription.status == Status::Pending {
            close_subscription(context, subscription).await?;
        }
    }
    Ok(page.next)
}

async fn close_subscription(context: &Context, subscription: &Subscription) -> Result<(), Failure> {
    if let Some(session) = &subscription.session
        && !context.stripe.close_checkout_session(session).await?
    {
        // It has begun: its first payment is given back, and it ends with that.
        return Ok(());
    }
    let found = subscriptions::subscription(&context.store, subscription.customer, subscription.id).await?;
    let Some(now) = found.filter(|now| now.status == Status::Pending) else {
        return Ok(());
    };
    let lapsed = Subscription {
        status: Status::Lapsed,
        ..now.value.clone()
    };
    Ok(subscriptions::update(&context.store, &lapsed, now.revision).await?)
}
