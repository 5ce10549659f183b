//! What customers do: begin a subscription and look at those they have. Changing and ending one is in [`changes`] and [`standing`].

pub(crate) mod changes;
pub(crate) mod plans;
pub(crate) mod proofs;
pub(crate) mod standing;

use std::fmt::Display;

use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use jiff::Timestamp;
use shared::audit::AuditEvent;
use shared::auth::Principal;
use shared::auth::scope::{OrdersRead, OrdersWrite};
use shared::http::{Call, Json, Page, Paging, PagingParams, Path, Problem, ProblemDocument};
use shared::ids::{ListingId, PlanId, SubscriptionId, UserId};
use shared::money::ChargeLimits;
use shared::processor::ProcessorError;
use shared::processor::stripe::billing::{self, SubscriptionUpdate};
use shared::revenue::Referrers;
use shared::store::offers;
use shared::store::{StoreError, Versioned, licences, relations, subscriptions};
use shared::subscription::{AtStripe, Plan, Report, Status, Subscription};

use crate::api::{Subscribe, SubscriptionView};
use crate::checkout;
use crate::context::Context;

/// How often a subscription that others change at the same time is followed.
const INSISTENCE: usize = 3;

type Created = (StatusCode, [(HeaderName, String); 1], Json<SubscriptionView>);

/// Makes a subscription and opens its payment page. It begins when that is done; the listing's licence comes with it. A payment page that
/// was opened before for the same listing is closed. A trial is given once for each customer and listing.
#[utoipa::path(post, path = "/v1/subscriptions", tag = "subscriptions", request_body = Subscribe,
    responses((status = 201, body = SubscriptionView), (status = 409, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
pub(crate) async fn create(
    State(context): State<Context>,
    principal: Principal<OrdersWrite>,
    call: Call,
    Json(request): Json<Subscribe>,
) -> Result<Created, Problem> {
    let (store, customer) = (&context.store, principal.user.id);
    let known = subscriptions::subscription(store, customer, call.seed.id("subscription")).await?;
    let subscription = match known {
        // A retry after a crash: what was begun then is what is paid now.
        Some(subscription) => subscription,
        None => begin(&context, customer, &request, &call).await?,
    };
    let page = match subscription.status {
        Status::Pending => Some(checkout::open(&context, &principal, &subscription, &request).await?),
        _ => None,
    };
    let location = [(header::LOCATION, format!("/v1/subscriptions/{}", subscription.id))];
    let view = SubscriptionView::of(subscription.value, page);
    Ok((StatusCode::CREATED, location, Json(view)))
}

/// A new subscription, when nobody has another one to this listing that runs.
async fn begin(
    context: &Context,
    customer: UserId,
    request: &Subscribe,
    call: &Call,
) -> Result<Versioned<Subscription>, Problem> {
    let (store, listing) = (&context.store, request.listing_id);
    let Some(on_sale) = offers::on_sale(store, listing).await? else {
        let detail = format!("{listing} is not for sale at the moment.");
        return Err(Problem::refused("not_on_sale", "/listing_id", detail));
    };
    let plan = plan_on_sale(context, listing, request.plan_id).await?;
    let latest = subscriptions::latest(store, customer, listing).await?;
    let earlier = match &latest {
        Some(latest) => subscriptions::subscription(store, customer, latest.subscription).await?,
        None => None,
    };
    if let Some(running) = earlier.as_ref().filter(|earlier| earlier.status.is_running()) {
        let detail = format!(
            "You have a subscription to this listing: {}. Change its plan or its seats, or cancel it first.",
            running.id
        );
        return Err(Problem::conflict("already_subscribed", detail));
    }
    let referrers = Referrers {
        affiliate: request.affiliate_id,
        reseller: request.reseller_id,
    };
    if let Some(pointer) = offers::unknown_referrer(store, referrers).await? {
        let detail = "There is no partner of this id who can be paid a share. Leave it out.";
        return Err(Problem::refused("unknown_referrer", pointer, detail));
    }
    if let Some((pointer, reason)) = relations::own_referral(store, customer, referrers, call.now).await? {
        let detail = format!("{} Leave it out.", reason.explanation());
        return Err(Problem::refused("own_referral", pointer, detail));
    }
    let title = on_sale.published.content.title.clone();
    let terms = offers::terms(store, &[on_sale], referrers, context.commission, call.now).await?;
    let terms = terms
        .into_iter()
        .next()
        .ok_or_else(|| Problem::internal("one offer has one set of terms"))?;
    let tries = plan.trial.is_some() && licences::trials(store, listing, customer, None).await?.is_empty();
    let educational_percent = educational_percent(context, customer, &plan, call.now).await?;
    let subscription = Subscription {
        id: call.seed.id("subscription"),
        customer,
        title,
        plan,
        quantity: request.quantity,
        status: Status::Pending,
        licence: call.seed.id("licence"),
        terms,
        referrers,
        tries,
        educational_percent,
        created_at: call.now,
        session: None,
        at_stripe: None,
        paid_until: None,
        trial_end: None,
        period_end: None,
        cancel_at: None,
        ended_at: None,
        end_reason: None,
        open_invoice: None,
        credit: None,
        told_of_trial_end: false,
    };
    check_charge(&subscription)?;
    // One payment page at a time: nobody pays for a listing twice, or tries it twice.
    if let Some(waiting) = earlier.filter(|earlier| earlier.status == Status::Pending) {
        standing::lapse(context, waiting).await?;
    }
    let made = subscriptions::create(store, &subscription, latest.as_ref()).await;
    made.map_err(|error| match error {
        StoreError::Conflict { .. } => {
            let detail =
                "Another request to subscribe to this listing was faster. GET /v1/subscriptions has what it began.";
            Problem::conflict("already_subscribed", detail)
        }
        error => error.into(),
    })
}

/// So many seats must be an amount that can be charged.
fn check_charge(subscription: &Subscription) -> Result<(), Problem> {
    let amount = subscription.amount().ok().map(|amount| amount.check_charge());
    if amount == Some(Ok(())) {
        return Ok(());
    }
    let most = ChargeLimits::at_stripe(subscription.plan.price.currency()).most();
    let detail =
        format!("So many seats cost more than {most}, which is the most that can be charged at once. Ask for fewer.");
    Err(Problem::refused("total_too_large", "/quantity", detail))
}

/// What is taken off the price for those who have shown that they study or teach.
async fn educational_percent(
    context: &Context,
    customer: UserId,
    plan: &Plan,
    now: Timestamp,
) -> Result<Option<u8>, StoreError> {
    match plan.discount_percent() {
        Some(percent) if subscriptions::is_educational(&context.store, customer, now).await? => Ok(Some(percent)),
        _ => Ok(None),
    }
}

/// A plan of the listing that is still sold.
async fn plan_on_sale(context: &Context, listing: ListingId, plan: PlanId) -> Result<Plan, Problem> {
    let plan = subscriptions::plan(&context.store, listing, plan).await?;
    let plan = plan.map(|plan| plan.value).filter(Plan::is_on_sale);
    plan.ok_or_else(|| {
        let detail = format!("There is no such plan of {listing}, or it is not sold any more. GET /v1/listings/{listing}/plans has those that are.");
        Problem::refused("unknown_plan", "/plan_id", detail)
    })
}

/// The caller's subscriptions, newest first.
#[utoipa::path(get, path = "/v1/subscriptions", tag = "subscriptions", params(PagingParams),
    responses((status = 200, body = Page<SubscriptionView>)))]
pub(crate) async fn list(
    State(context): State<Context>,
    principal: Principal<OrdersRead>,
    paging: Paging,
) -> Result<Json<Page<SubscriptionView>>, Problem> {
    let page = subscriptions::subscriptions(&context.store, principal.user.id, paging.after(), paging.limit()).await?;
    Ok(Json(
        paging.page(page, |subscription| SubscriptionView::of(subscription, None)),
    ))
}

/// One subscription; while it waits to be begun, with its payment page.
#[utoipa::path(get, path = "/v1/subscriptions/{subscription_id}", tag = "subscriptions",
    params(("subscription_id" = SubscriptionId, Path)),
    responses((status = 200, body = SubscriptionView), (status = 404, body = ProblemDocument)))]
pub(crate) async fn show(
    State(context): State<Context>,
    principal: Principal<OrdersRead>,
    Path(id): Path<SubscriptionId>,
) -> Result<Json<SubscriptionView>, Problem> {
    let subscription = owned(&context, principal.user.id, id).await?;
    let page = match (&subscription.session, subscription.status) {
        (Some(session), Status::Pending) => match context.stripe.checkout_session(session).await {
            Ok(session) => session.url,
            // The subscription itself is known; that its page is not must not hide it.
            Err(error) => {
                tracing::warn!(subscription.id = %id, error = &error as &dyn std::error::Error, "the checkout session could not be read");
                None
            }
        },
        _ => None,
    };
    Ok(Json(SubscriptionView::of(subscription.value, page)))
}

/// The subscription, if it is the caller's; other people's do not exist.
async fn owned(context: &Context, customer: UserId, id: SubscriptionId) -> Result<Versioned<Subscription>, Problem> {
    let found = subscriptions::subscription(&context.store, customer, id).await?;
    found.ok_or_else(Problem::not_found)
}

/// What it is at Stripe; refused where there is nothing there that could be changed.
fn at_stripe(subscription: &Subscription) -> Result<&AtStripe, Problem> {
    if subscription.status.is_over() {
        let detail = "This subscription has ended. Begin another one.";
        return Err(Problem::conflict("subscription_ended", detail));
    }
    subscription
        .at_stripe
        .as_ref()
        .filter(|_| subscription.status.is_running())
        .ok_or_else(|| {
            let detail =
                "This subscription has not begun. Finish its checkout first; after that it takes a few seconds.";
            Problem::conflict("subscription_not_begun", detail)
        })
}

/// Asks Stripe for a change and follows what it answers, so that the caller sees what has become of it.
async fn ask(
    context: &Context,
    subscription: Versioned<Subscription>,
    update: &SubscriptionUpdate,
    call: &Call,
) -> Result<Json<SubscriptionView>, Problem> {
    let id = at_stripe(&subscription)?.subscription.clone();
    let told = context
        .stripe
        .update_subscription(&id, update, &call.seed.to_string())
        .await;
    follow(context, subscription, &told.map_err(declined)?, call).await
}

/// Where Stripe says something else once that is written, another request has changed it meanwhile: then that is followed.
async fn follow(
    context: &Context,
    mut before: Versioned<Subscription>,
    told: &billing::Subscription,
    call: &Call,
) -> Result<Json<SubscriptionView>, Problem> {
    let mut told = told.clone();
    for _ in 0..INSISTENCE {
        let report = report(context, &told).await?;
        let followed = subscriptions::follow(&context.store, &before, (&report, told.plan()), call.now, call.now).await;
        match followed {
            Ok(subscription) if subscription == before.value => break,
            Ok(_) => {}
            // The webhook was faster, or the licence was used meanwhile; in the end the settlement follows it.
            Err(StoreError::Conflict { .. }) => {
                before = owned(context, before.customer, before.id).await?;
                break;
            }
            Err(error) => return Err(error.into()),
        }
        before = owned(context, before.customer, before.id).await?;
        let again = context.stripe.subscription(&told.id).await.map_err(declined)?;
        if again == told {
            break;
        }
        told = again;
    }
    Ok(Json(SubscriptionView::of(before.value, None)))
}

/// What Stripe says of it, with its invoices.
async fn report(context: &Context, told: &billing::Subscription) -> Result<Report, Problem> {
    let invoices = context.stripe.invoices(&told.id).await.map_err(declined)?;
    told.report(&invoices).map_err(Problem::internal)
}

/// What a processor's refusal of a change means to the caller.
fn declined(error: ProcessorError) -> Problem {
    match &error {
        ProcessorError::Refused { status: 402, code, .. } if code.ends_with("requires_action") => {
            let detail = "Your bank wants you to confirm the payment, and a change cannot wait for that: nothing has changed. Name a card \
                          that needs no confirmation, then try again.";
            Problem::new(StatusCode::PAYMENT_REQUIRED, "payment_needs_confirmation", detail).caused_by(error)
        }
        ProcessorError::Refused {
            status: 402, message, ..
        } => {
            let detail = format!(
                "The payment was declined, and nothing has changed: {message} Name another card, then try again."
            );
            Problem::new(StatusCode::PAYMENT_REQUIRED, "payment_declined", detail).caused_by(error)
        }
        ProcessorError::Refused { message, .. } => {
            let detail = format!("The payment processor refuses this change: {message}");
            Problem::conflict("change_refused", detail).caused_by(error)
        }
        _ => Problem::unavailable(error),
    }
}

/// Who did what to something, for its audit log.
fn act(call: &Call, actor: UserId, action: &str, subject: impl Display) -> AuditEvent {
    AuditEvent {
        id: call.seed.id("audit"),
        at: call.now,
        actor,
        action: action.to_owned(),
        subject: subject.to_string(),
        reason_code: None,
        evidence: None,
    }
}
