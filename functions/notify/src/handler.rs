//! One message, one mail; or one page of those who are to get one.

use jiff::Timestamp;
use shared::http::problem::chain;
use shared::ids::{EducationalProofId, ListingId, OrderId, PartnerId, RefundId, SubscriptionId, UserId};
use shared::licence::LicenceStatus;
use shared::mail::MailError;
use shared::messages::{Envelope, ListedNews, Message, Notice, SubscriptionNews};
use shared::page::PageKey;
use shared::purchase::OrderStatus;
use shared::runtime::{Delivery, Failure};
use shared::seed::Seed;
use shared::store::mails::{self, Claim};
use shared::store::{accounts, commerce, licences, partners, reversals, subscriptions};

use crate::context::Context;
use crate::letter::Draft;
use crate::{notices, receipt, subscribers};

/// As many as are told well within the function's time.
const BUYERS_PAGE: usize = 50;

#[derive(Debug, thiserror::Error)]
enum Unfit {
    #[error("a message that does not belong into this queue")]
    OtherMessage,
    #[error("there is no order {0}, or it is not paid")]
    NoPaidOrder(OrderId),
    #[error("there is no order {0}")]
    NoOrder(OrderId),
    #[error("there is no refund {0}, or not of this order")]
    NoRefund(RefundId),
    #[error("there is no subscription {0}")]
    NoSubscription(SubscriptionId),
    #[error("there is no proof {0}, or it is not decided")]
    NoProof(EducationalProofId),
    #[error("there is no partner {0}")]
    NoPartner(PartnerId),
    #[error("another delivery of this message is being sent")]
    BeingSent,
}

/// Idempotency key: the message's id, in the item that says whether it has become a mail.
pub async fn handle(context: &Context, delivery: Delivery<Envelope>) -> Result<(), Failure> {
    context.store.until_uncontended(|| notify(context, &delivery)).await
}

async fn notify(context: &Context, delivery: &Delivery<Envelope>) -> Result<(), Failure> {
    let (addressee, draft) = match &delivery.message.message {
        Message::OrderPaid { customer, order } => (*customer, write_receipt(context, *customer, *order).await?),
        Message::OrderWithdrawn { customer, order } => (*customer, write_withdrawn(context, *customer, *order).await?),
        Message::OrderRefunded {
            customer,
            order,
            refund,
        } => (*customer, write_refund(context, *customer, *order, *refund).await?),
        Message::RefundRequestEnded {
            customer,
            order,
            refund,
        } => (*customer, write_request(context, *order, *refund).await?),
        Message::SubscriptionNotice {
            customer,
            subscription,
            news,
        } => (*customer, write_news(context, *customer, *subscription, *news).await?),
        Message::EducationalProofDecided { customer, proof } => {
            (*customer, write_proof(context, *customer, *proof).await?)
        }
        Message::PartnerNotice { partner, user, notice } => {
            (*user, write_notice(context, *partner, notice, delivery.now).await?)
        }
        Message::BuyerNotice { customer, order, news } => {
            let order = format!("{}/orders/{order}", context.public_url);
            (*customer, receipt::write_news(news, ("See your order", order)))
        }
        Message::HolderNotice { holder, licence, news } => {
            let licence = format!("{}/licences/{licence}", context.public_url);
            (*holder, receipt::write_news(news, ("See your licence", licence)))
        }
        Message::TellBuyers { listing, news, after } => {
            return tell_buyers(context, *listing, news, after.clone(), delivery.seed).await;
        }
        _ => return Err(Failure::reject(Unfit::OtherMessage)),
    };
    let user = accounts::user(&context.store, addressee).await?;
    let Some(address) = user.and_then(|user| user.value.email) else {
        tracing::warn!(user.id = %addressee, message.id = %delivery.message.id, "nobody to write to: the person is gone or has no verified address");
        return Ok(());
    };
    let lease = match mails::claim(&context.store, delivery.message.id, delivery.now).await? {
        Claim::Leased(lease) => lease,
        Claim::Sent => return Ok(()),
        Claim::Busy => return Err(Failure::retry(Unfit::BeingSent)),
    };
    match context.mail.send(&draft.to(address)).await {
        Ok(()) => {
            tracing::info!(message.id = %delivery.message.id, "mail sent");
            Ok(lease.sent(&context.store, delivery.now).await?)
        }
        Err(error) => {
            if let Err(error) = lease.give_back(&context.store, delivery.now).await {
                tracing::warn!(error = %chain(&error), "the lease was not given back; it runs out by itself");
            }
            Err(match error {
                MailError::Refused(_) => Failure::reject(error),
                MailError::Unavailable(_) => Failure::retry(error),
            })
        }
    }
}

/// One message for each licence of the page that somebody still holds; the next page goes off first.
async fn tell_buyers(
    context: &Context,
    listing: ListingId,
    news: &ListedNews,
    after: Option<PageKey>,
    seed: Seed,
) -> Result<(), Failure> {
    let store = &context.store;
    let held = licences::licences_held(store, listing, after, BUYERS_PAGE).await?;
    if let Some(next) = held.next {
        let next = Message::TellBuyers {
            listing,
            news: news.clone(),
            after: Some(next),
        };
        context.queues.send(&Envelope::new(seed.id("next"), next)).await?;
    }
    let active = held.items.iter();
    for licence in active.filter(|licence| licence.status == LicenceStatus::Active) {
        let news = news.clone();
        let (of, notice) = match licence.order {
            Some(order) => {
                let customer = licence.owner;
                (order.to_string(), Message::BuyerNotice { customer, order, news })
            }
            None => {
                let (holder, licence) = (licence.owner, licence.id);
                let notice = Message::HolderNotice { holder, licence, news };
                (licence.to_string(), notice)
            }
        };
        let id = seed.id(&of);
        context.queues.send(&Envelope::new(id, notice)).await?;
    }
    Ok(())
}

async fn write_receipt(context: &Context, customer: UserId, id: OrderId) -> Result<Draft, Failure> {
    let order = commerce::order(&context.store, customer, id).await?;
    let order = order.filter(|order| order.status == OrderStatus::Paid);
    let order = order.ok_or_else(|| Failure::reject(Unfit::NoPaidOrder(id)))?;
    let ids: Vec<_> = order.lines.iter().map(|line| line.licence).collect();
    let mut licences = commerce::licences(&context.store, &ids).await?;
    // The key of a licence that was handed on is its new owner's.
    licences.retain(|licence| licence.owner == customer);
    Ok(receipt::write(&order, &licences, &context.public_url))
}

async fn write_withdrawn(context: &Context, customer: UserId, id: OrderId) -> Result<Draft, Failure> {
    let order = commerce::order(&context.store, customer, id).await?;
    let order = order.ok_or_else(|| Failure::reject(Unfit::NoOrder(id)))?;
    Ok(receipt::write_withdrawn(&order, &context.public_url))
}

async fn write_refund(context: &Context, customer: UserId, order: OrderId, refund: RefundId) -> Result<Draft, Failure> {
    let missing = || Failure::reject(Unfit::NoRefund(refund));
    let order = commerce::order(&context.store, customer, order)
        .await?
        .ok_or_else(missing)?;
    let refund = reversals::refund(&context.store, order.id, refund)
        .await?
        .ok_or_else(missing)?;
    Ok(receipt::write_refund(&order, &refund, &context.public_url))
}

async fn write_request(context: &Context, order: OrderId, refund: RefundId) -> Result<Draft, Failure> {
    let missing = || Failure::reject(Unfit::NoRefund(refund));
    let refund = reversals::refund(&context.store, order, refund)
        .await?
        .ok_or_else(missing)?;
    receipt::write_request(&refund, &context.public_url).ok_or_else(missing)
}

async fn write_news(
    context: &Context,
    customer: UserId,
    id: SubscriptionId,
    news: SubscriptionNews,
) -> Result<Draft, Failure> {
    let found = subscriptions::subscription(&context.store, customer, id).await?;
    let subscription = found.ok_or_else(|| Failure::reject(Unfit::NoSubscription(id)))?;
    let licence = commerce::licence(&context.store, subscription.licence).await?;
    // The key of a licence that was handed on is its new owner's.
    let licence = licence.filter(|licence| licence.owner == customer);
    Ok(subscribers::news(
        &subscription,
        licence.as_ref(),
        news,
        &context.public_url,
    ))
}

async fn write_proof(context: &Context, customer: UserId, id: EducationalProofId) -> Result<Draft, Failure> {
    let missing = || Failure::reject(Unfit::NoProof(id));
    let proof = subscriptions::proof(&context.store, customer, id)
        .await?
        .ok_or_else(missing)?;
    subscribers::proof(&proof, &context.public_url).ok_or_else(missing)
}

async fn write_notice(context: &Context, id: PartnerId, notice: &Notice, now: Timestamp) -> Result<Draft, Failure> {
    let partner = partners::load(&context.store, id).await?;
    let partner = partner.ok_or_else(|| Failure::reject(Unfit::NoPartner(id)))?;
    Ok(match notice {
        Notice::Partner { news } => notices::partner(&partner, *news, &context.public_url, now),
        Notice::Submission {
            listing_title,
            version,
            decision,
            reason_code,
            rejects_at,
        } => notices::submission(
            &partner,
            (listing_title, version),
            (*decision, *rejects_at),
            reason_code,
            &context.public_url,
        ),
        Notice::Reply {
            listing_title,
            version,
            text,
        } => notices::reply(&partner, (listing_title, version), text, &context.public_url),
        Notice::Listed { news } => notices::listed(&partner, news, &context.public_url),
        Notice::Appeal {
            listing_title,
            version,
            decision,
            reason_code,
        } => notices::appeal(
            &partner,
            listing_title,
            version,
            *decision,
            reason_code,
            &context.public_url,
        ),
        Notice::HeldScan {
            listing_title,
            version,
            decision,
            reason_code,
        } => notices::held_scan(
            &partner,
            listing_title,
            version,
            *decision,
            reason_code,
            &context.public_url,
        ),
    })
}
