//! The page on which a subscription is begun.

use shared::auth::Principal;
use shared::auth::scope::OrdersWrite;
use shared::http::Problem;
use shared::processor::ProcessorError;
use shared::processor::stripe::billing::{CreateCoupon, CreateSubscriptionSession, RecurringItem, TrialAsked};
use shared::store::{Versioned, subscriptions};
use shared::subscription::{Status, Subscription};

use crate::api::Subscribe;
use crate::context::Context;

/// The page of a subscription that waits for its checkout: a new one, or the one that it has.
pub(crate) async fn open(
    context: &Context,
    principal: &Principal<OrdersWrite>,
    subscription: &Versioned<Subscription>,
    request: &Subscribe,
) -> Result<String, Problem> {
    let default = |page: &str| format!("{}/subscriptions/{}?{page}", context.public_url, subscription.id);
    let coupon = coupon(context, subscription).await.map_err(refused)?;
    let trial = subscription.plan.trial.filter(|_| subscription.tries);
    let session = CreateSubscriptionSession {
        item: RecurringItem {
            name: format!("{}: {}", subscription.title, subscription.plan.name),
            unit_price: subscription.plan.price,
            every: subscription.plan.every,
            quantity: subscription.quantity,
        },
        trial: trial.map(|trial| TrialAsked {
            days: trial.days,
            card_required: trial.card_required,
        }),
        coupon,
        client_reference_id: subscription.id.to_string(),
        customer_email: principal.user.email.clone(),
        success_url: request.success_url.clone().unwrap_or_else(|| default("paid")),
        cancel_url: request.cancel_url.clone().unwrap_or_else(|| default("cancelled")),
        metadata: subscription.metadata(),
    };
    let key = subscription.id.to_string();
    let session = context.stripe.create_subscription_session(&session, &key).await;
    let session = match session {
        Ok(session) => session,
        Err(error @ ProcessorError::Refused { .. }) => {
            // It waits for no checkout: there will be none.
            let lapsed = Subscription {
                status: Status::Lapsed,
                ..subscription.value.clone()
            };
            subscriptions::update(&context.store, &lapsed, subscription.revision).await?;
            return Err(refused(error));
        }
        Err(error) => return Err(refused(error)),
    };
    if subscription.session.as_deref() != Some(session.id.as_str()) {
        let with_session = Subscription {
            session: Some(session.id),
            ..subscription.value.clone()
        };
        subscriptions::update(&context.store, &with_session, subscription.revision).await?;
    }
    session
        .url
        .ok_or_else(|| Problem::unavailable("Stripe opened a checkout without a page"))
}

/// One coupon for each percentage; it is there from the first that needed it.
pub(crate) async fn coupon(context: &Context, subscription: &Subscription) -> Result<Option<String>, ProcessorError> {
    let Some(percent_off) = subscription.educational_percent else {
        return Ok(None);
    };
    let id = format!("souk-educational-{percent_off}");
    let coupon = CreateCoupon {
        id: id.clone(),
        percent_off,
    };
    context.stripe.ensure_coupon(&coupon).await?;
    Ok(Some(id))
}

pub(crate) fn refused(error: ProcessorError) -> Problem {
    match &error {
        ProcessorError::Refused { message, .. } => {
            let detail = format!("The payment processor does not take this subscription: {message}");
            Problem::refused("checkout_refused", "", detail).caused_by(error)
        }
        _ => Problem::unavailable(error),
    }
}
