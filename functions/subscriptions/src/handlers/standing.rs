//! Pausing, cancelling, and the card that is charged.

use axum::extract::State;
use axum::http::StatusCode;
use shared::auth::Principal;
use shared::auth::scope::OrdersWrite;
use shared::http::{Call, Json, Path, Problem, ProblemDocument};
use shared::ids::SubscriptionId;
use shared::processor::ProcessorError;
use shared::processor::stripe::billing::{Invoice, InvoiceStatus, SubscriptionUpdate};
use shared::store::{Versioned, subscriptions};
use shared::subscription::{Status, Subscription};

use super::{ask, at_stripe, declined, follow, owned};
use crate::api::{Cancel, CancelWhen, MendPayment, PaymentMethodSession, SubscriptionView};
use crate::context::Context;

/// Pauses it: nothing is charged until it is resumed, and the licence lasts for what is paid for.
#[utoipa::path(put, path = "/v1/subscriptions/{subscription_id}/pause", tag = "subscriptions",
    params(("subscription_id" = SubscriptionId, Path)),
    responses((status = 200, body = SubscriptionView), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument)))]
pub(crate) async fn pause(
    State(context): State<Context>,
    principal: Principal<OrdersWrite>,
    call: Call,
    Path(id): Path<SubscriptionId>,
) -> Result<Json<SubscriptionView>, Problem> {
    let subscription = owned(&context, principal.user.id, id).await?;
    at_stripe(&subscription)?;
    match subscription.status {
        Status::Paused => Ok(Json(SubscriptionView::of(subscription.value, None))),
        Status::Trialing | Status::Active => ask(&context, subscription, &SubscriptionUpdate::Pause, &call).await,
        status => {
            let detail = format!("This subscription is {status}. Pay what is open first, or cancel it.");
            Err(Problem::conflict("subscription_not_active", detail))
        }
    }
}

/// Resumes it. Within the period that was paid for it goes on as it was; after that a new period begins, and is charged, now.
#[utoipa::path(delete, path = "/v1/subscriptions/{subscription_id}/pause", tag = "subscriptions",
    params(("subscription_id" = SubscriptionId, Path)),
    responses((status = 200, body = SubscriptionView), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument)))]
pub(crate) async fn resume(
    State(context): State<Context>,
    principal: Principal<OrdersWrite>,
    call: Call,
    Path(id): Path<SubscriptionId>,
) -> Result<Json<SubscriptionView>, Problem> {
    let subscription = owned(&context, principal.user.id, id).await?;
    let at = at_stripe(&subscription)?.subscription.clone();
    if subscription.status != Status::Paused {
        return Ok(Json(SubscriptionView::of(subscription.value, None)));
    }
    let told = context.stripe.subscription(&at).await.map_err(declined)?;
    let invoices = context.stripe.invoices(&at).await.map_err(declined)?;
    let report = told.report(&invoices).map_err(Problem::internal)?;
    // An invoice that has just been drafted is charged for the period that runs, unless that is paused.
    let is_drafted = |invoice: &Invoice| invoice.status == Some(InvoiceStatus::Draft);
    let paid = report
        .paid_through
        .max(report.trial_end)
        .is_some_and(|until| call.now < until);
    let anew = !paid && !invoices.first().is_some_and(is_drafted);
    ask(&context, subscription, &SubscriptionUpdate::Resume { anew }, &call).await
}

/// Cancels it, now or at the end of what is paid for. One that has not begun is ended, and its payment page with it.
#[utoipa::path(put, path = "/v1/subscriptions/{subscription_id}/cancellation", tag = "subscriptions", request_body = Cancel,
    params(("subscription_id" = SubscriptionId, Path)),
    responses((status = 200, body = SubscriptionView), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument),
        (status = 422, body = ProblemDocument)))]
pub(crate) async fn cancel(
    State(context): State<Context>,
    principal: Principal<OrdersWrite>,
    call: Call,
    Path(id): Path<SubscriptionId>,
    Json(request): Json<Cancel>,
) -> Result<Json<SubscriptionView>, Problem> {
    let subscription = owned(&context, principal.user.id, id).await?;
    if subscription.status == Status::Pending {
        let lapsed = lapse(&context, subscription).await?;
        return Ok(Json(SubscriptionView::of(lapsed, None)));
    }
    let at = at_stripe(&subscription)?.subscription.clone();
    match request.when {
        CancelWhen::PeriodEnd => {
            ask(
                &context,
                subscription,
                &SubscriptionUpdate::CancelAtPeriodEnd(true),
                &call,
            )
            .await
        }
        CancelWhen::Now => {
            let told = match context.stripe.cancel_subscription(&at).await {
                Ok(told) => told,
                // It has ended meanwhile: what it says now is followed.
                Err(ProcessorError::Refused { code, .. }) if code == "resource_missing" => {
                    context.stripe.subscription(&at).await.map_err(declined)?
                }
                Err(error) => return Err(declined(error)),
            };
            follow(&context, subscription, &told, &call).await
        }
    }
}

/// Nobody can begin it any more. Where somebody just has, it is running, and can be cancelled as such.
pub(super) async fn lapse(context: &Context, subscription: Versioned<Subscription>) -> Result<Subscription, Problem> {
    if let Some(session) = &subscription.session {
        let key = format!("{} expire", subscription.id);
        if let Err(error) = context.stripe.expire_checkout_session(session, &key).await {
            let ProcessorError::Refused { .. } = error else {
                return Err(Problem::unavailable(error));
            };
            let told = context.stripe.checkout_session(session).await.map_err(declined)?;
            if told.subscription.is_some() {
                let detail = "Your checkout has just been finished, and its subscription begins. Wait a few seconds, then try again.";
                return Err(Problem::conflict("subscription_not_begun", detail).caused_by(error));
            }
        }
    }
    let lapsed = Subscription {
        status: Status::Lapsed,
        ..subscription.value.clone()
    };
    subscriptions::update(&context.store, &lapsed, subscription.revision).await?;
    Ok(lapsed)
}

/// Takes a cancellation at the end of the period back.
#[utoipa::path(delete, path = "/v1/subscriptions/{subscription_id}/cancellation", tag = "subscriptions",
    params(("subscription_id" = SubscriptionId, Path)),
    responses((status = 200, body = SubscriptionView), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument)))]
pub(crate) async fn keep(
    State(context): State<Context>,
    principal: Principal<OrdersWrite>,
    call: Call,
    Path(id): Path<SubscriptionId>,
) -> Result<Json<SubscriptionView>, Problem> {
    let subscription = owned(&context, principal.user.id, id).await?;
    at_stripe(&subscription)?;
    if subscription.cancel_at.is_none() {
        return Ok(Json(SubscriptionView::of(subscription.value, None)));
    }
    ask(
        &context,
        subscription,
        &SubscriptionUpdate::CancelAtPeriodEnd(false),
        &call,
    )
    .await
}

/// Opens a page on which the customer names the card that is charged from then on: to go on after a trial without one, or when the old one
/// is declined.
#[utoipa::path(post, path = "/v1/subscriptions/{subscription_id}/payment-method-sessions", tag = "subscriptions",
    request_body = MendPayment, params(("subscription_id" = SubscriptionId, Path)),
    responses((status = 201, body = PaymentMethodSession), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument),
        (status = 422, body = ProblemDocument)))]
pub(crate) async fn mend_payment(
    State(context): State<Context>,
    principal: Principal<OrdersWrite>,
    call: Call,
    Path(id): Path<SubscriptionId>,
    Json(request): Json<MendPayment>,
) -> Result<(StatusCode, Json<PaymentMethodSession>), Problem> {
    let subscription = owned(&context, principal.user.id, id).await?;
    let customer = &at_stripe(&subscription)?.customer;
    let default = format!("{}/subscriptions/{id}", context.public_url);
    let return_url = request.return_url.unwrap_or(default);
    let session = context
        .stripe
        .create_portal_session(customer, &return_url, &call.seed.to_string())
        .await
        .map_err(declined)?;
    Ok((StatusCode::CREATED, Json(PaymentMethodSession { url: session.url })))
}
