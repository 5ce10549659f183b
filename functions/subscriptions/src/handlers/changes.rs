//! Upgrades and downgrades: another plan of the same listing, more seats or fewer.
//!
//! The rest of the period is counted to the second by Stripe: what costs more is charged at once, what costs less is credit for the next
//! payments, unless money of the period that runs has gone back: then it is nothing. A change whose payment is declined does not happen. Another plan brings its own terms: who has shown that they study pays
//! what they pay under it, and a trial goes on only where that plan has one that asks for no more.

use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use shared::auth::Principal;
use shared::auth::scope::{OrdersRead, OrdersWrite};
use shared::http::{Call, Json, Path, Problem, ProblemDocument};
use shared::ids::SubscriptionId;
use shared::processor::stripe::billing::{ChangeItem, Discount, Invoice, SubscriptionUpdate};
use shared::processor::subscription::named;
use shared::purchase::{OrderLine, OrderStatus};
use shared::store::{Versioned, commerce};
use shared::subscription::{Status, Subscription, rests_on};

use super::{ask, at_stripe, check_charge, declined, educational_percent, owned, plan_on_sale};
use crate::api::{ChangePreview, ChangeSubscription, SubscriptionView};
use crate::checkout;
use crate::context::Context;

/// Changes the plan, the seats, or both, at once. What costs less is credit for the next payments (`credit`), which is not refunded as well. After
/// money of the period that runs has gone back, it gives no credit.
#[utoipa::path(post, path = "/v1/subscriptions/{subscription_id}/changes", tag = "subscriptions", request_body = ChangeSubscription,
    params(("subscription_id" = SubscriptionId, Path)),
    responses((status = 201, body = SubscriptionView), (status = 402, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
pub(crate) async fn change(
    State(context): State<Context>,
    principal: Principal<OrdersWrite>,
    call: Call,
    Path(id): Path<SubscriptionId>,
    Json(request): Json<ChangeSubscription>,
) -> Result<(StatusCode, Json<SubscriptionView>), Problem> {
    let subscription = owned(&context, principal.user.id, id).await?;
    let wanted = wanted(&context, &subscription, &request, call.now).await?;
    let mut metadata = wanted.metadata();
    // What is not there any more is removed by name.
    metadata.entry(named::EDUCATIONAL.to_owned()).or_default();
    let (item, _) = uncredited(&context, &subscription, item(&context, &subscription, &wanted).await?).await?;
    if item.ends_trial {
        payable(&context, &at_stripe(&subscription)?.subscription).await?;
    }
    let change = SubscriptionUpdate::Change { item, metadata };
    let view = ask(&context, subscription, &change, &call).await?;
    Ok((StatusCode::CREATED, view))
}

/// What that change would cost at this moment.
#[utoipa::path(post, path = "/v1/subscriptions/{subscription_id}/change-previews", tag = "subscriptions",
    request_body = ChangeSubscription, params(("subscription_id" = SubscriptionId, Path)),
    responses((status = 200, body = ChangePreview), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument),
        (status = 422, body = ProblemDocument)))]
pub(crate) async fn preview(
    State(context): State<Context>,
    principal: Principal<OrdersRead>,
    call: Call,
    Path(id): Path<SubscriptionId>,
    Json(request): Json<ChangeSubscription>,
) -> Result<Json<ChangePreview>, Problem> {
    let subscription = owned(&context, principal.user.id, id).await?;
    let wanted = wanted(&context, &subscription, &request, call.now).await?;
    let (item, invoice) = uncredited(&context, &subscription, item(&context, &subscription, &wanted).await?).await?;
    let at = &at_stripe(&subscription)?.subscription;
    let invoice = match invoice {
        Some(invoice) => invoice,
        None => context.stripe.preview_change(at, &item).await.map_err(declined)?,
    };
    Ok(Json(ChangePreview::of(invoice, wanted.plan.price.currency())))
}

/// The subscription as it would be. Nothing of it is stored: what Stripe makes of the change is followed.
async fn wanted(
    context: &Context,
    subscription: &Versioned<Subscription>,
    request: &ChangeSubscription,
    now: Timestamp,
) -> Result<Subscription, Problem> {
    at_stripe(subscription)?;
    if !matches!(subscription.status, Status::Trialing | Status::Active) {
        let detail = format!(
            "This subscription is {}. Pay what is open, or resume it, then change it.",
            subscription.status
        );
        return Err(Problem::conflict("subscription_not_active", detail));
    }
    let plan = match request.plan_id {
        Some(plan) if plan != subscription.plan.id => plan_on_sale(context, subscription.plan.listing, plan).await?,
        _ => subscription.plan.clone(),
    };
    if plan.price.currency() != subscription.plan.price.currency() {
        let detail = "This plan is priced in another currency. Cancel the subscription, and begin one under this plan.";
        return Err(Problem::refused("other_currency", "/plan_id", detail));
    }
    let educational_percent = if plan.id == subscription.plan.id {
        subscription.educational_percent
    } else {
        educational_percent(context, subscription.customer, &plan, now).await?
    };
    let wanted = Subscription {
        plan,
        educational_percent,
        quantity: request.quantity.unwrap_or(subscription.quantity),
        ..subscription.value.clone()
    };
    if wanted.plan.id == subscription.plan.id && wanted.quantity == subscription.quantity {
        let detail = "The subscription is under this plan, with so many seats, already.";
        return Err(Problem::conflict("nothing_to_change", detail));
    }
    check_charge(&wanted)?;
    Ok(wanted)
}

/// The change without credit, where money that paid for the period that runs has gone back, or is on its way: what is unused of it would be given back
/// twice. With what it would cost, where that had to be asked.
async fn uncredited(
    context: &Context,
    subscription: &Subscription,
    item: ChangeItem,
) -> Result<(ChangeItem, Option<Invoice>), Problem> {
    let at = &at_stripe(subscription)?.subscription;
    if !went_back(context, subscription, at).await? {
        return Ok((item, None));
    }
    let invoice = context.stripe.preview_change(at, &item).await.map_err(declined)?;
    if invoice.total >= 0 {
        return Ok((item, Some(invoice)));
    }
    let prorates = false;
    Ok((ChangeItem { prorates, ..item }, None))
}

async fn went_back(context: &Context, subscription: &Subscription, at_stripe: &str) -> Result<bool, Problem> {
    let Some(paid_until) = subscription.paid_until.filter(|_| !subscription.is_trial()) else {
        return Ok(false);
    };
    let invoices = context.stripe.invoices(at_stripe).await.map_err(declined)?;
    let ids: Vec<_> = invoices.iter().filter_map(Invoice::order).collect();
    let orders = commerce::orders_of(&context.store, subscription.customer, &ids).await?;
    let drew_credit = invoices.iter().any(|invoice| invoice.drew_credit_for(paid_until));
    let is_lessened = |line: &OrderLine| line.unclaimed_minor() < line.price.minor();
    Ok(orders
        .iter()
        .filter(|order| order.status == OrderStatus::Paid && rests_on(paid_until, order, drew_credit))
        .any(|order| order.lines.iter().any(is_lessened)))
}

/// Refuses to end a trial that nothing was given to go on with: Stripe would end the subscription, or go on unpaid.
async fn payable(context: &Context, at_stripe: &str) -> Result<(), Problem> {
    let told = context.stripe.subscription(at_stripe).await.map_err(declined)?;
    if told.has_payment_method() {
        return Ok(());
    }
    let detail = "This plan has no trial that would go on, and nothing is there to pay it with: nothing has changed. Name a card first \
                  (`POST …/payment-method-sessions`), then try again.";
    Err(Problem::conflict("card_missing", detail))
}

/// Under another plan the price, what is taken off it, and the trial are that plan's.
async fn item(context: &Context, subscription: &Subscription, wanted: &Subscription) -> Result<ChangeItem, Problem> {
    let at = at_stripe(subscription)?;
    let same_plan = wanted.plan.id == subscription.plan.id;
    let discount = if same_plan {
        Discount::Kept
    } else {
        let coupon = checkout::coupon(context, wanted).await.map_err(checkout::refused)?;
        coupon.map_or(Discount::Ended, Discount::Begun)
    };
    let is_tried = subscription.status == Status::Trialing;
    Ok(ChangeItem {
        discount,
        ends_trial: is_tried && !same_plan && !subscription.trial_goes_on_under(&wanted.plan),
        item: at.item.clone(),
        product: at.product.clone(),
        unit_price: wanted.plan.price,
        every: wanted.plan.every,
        quantity: wanted.quantity,
        prorates: true,
    })
}
