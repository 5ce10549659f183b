//! Orders.
//!
//! The order is stored before its processor hears of it, under an id that a retry of the same request derives again; the order's id is
//! the idempotency key of its checkout. So a crash at any point, followed by the same request, ends with one order and one checkout. An order
//! whose request never comes again has no page to be paid on, and its customer can cancel it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use jiff::Timestamp;
use shared::auth::Principal;
use shared::auth::scope::{OrdersRead, OrdersWrite};
use shared::http::{Call, FieldError, Json, Page, Paging, PagingParams, Path, Problem};
use shared::ids::{ListingId, OrderId, UserId};
use shared::messages::{Envelope, Message};
use shared::processor::Processor;
use shared::purchase::{CancelError, Cart, ChargeError, Offer, Order, OrderStatus, PlaceError, place};
use shared::revenue::{Referrers, Terms};
use shared::store::offers::{self, OnSale};
use shared::store::{StoreError, Versioned, catalogue, commerce, licences, relations, subscriptions};

use crate::api::{OrderView, PlaceOrder};
use crate::checkout::{self, CheckoutError};
use crate::context::Context;

/// Places an order and opens its checkout. An order that costs nothing is settled without one. Whoever orders the cart empties it: of two
/// requests at once one does, the other is told (409). An order that its processor refuses is cancelled, and the cart as it was.
#[utoipa::path(post, path = "/v1/orders", tag = "orders", request_body = PlaceOrder,
    responses((status = 201, body = OrderView), (status = 409, body = shared::http::ProblemDocument),
        (status = 422, body = shared::http::ProblemDocument)))]
pub(crate) async fn create(
    State(context): State<Context>,
    principal: Principal<OrdersWrite>,
    call: Call,
    Json(request): Json<PlaceOrder>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<OrderView>), Problem> {
    let customer = principal.user.id;
    let stored: Option<Versioned<Order>> = commerce::order(&context.store, customer, call.seed.id("order")).await?;
    let order = match stored {
        // A retry after a crash: what was placed then is what is paid now, whatever prices have become.
        Some(order) => order,
        None => place_order(&context, customer, &request, &call).await?,
    };
    let checkout_url = match order.total.is_zero() || order.status != OrderStatus::Pending {
        true => None,
        false => Some(open_checkout(&context, &principal, &order, &request).await?),
    };
    let location = [(header::LOCATION, format!("/v1/orders/{}", order.id))];
    Ok((
        StatusCode::CREATED,
        location,
        Json(OrderView::of(order.value, checkout_url)),
    ))
}

/// The order is stored, and the cart that it orders is empty, in one transaction.
async fn place_order(
    context: &Context,
    customer: UserId,
    request: &PlaceOrder,
    call: &Call,
) -> Result<Versioned<Order>, Problem> {
    check_processor(context, request.processor).await?;
    let cart = match &request.lines {
        Some(_) => None,
        None => commerce::cart(&context.store, customer).await?,
    };
    let on_sale = on_sale(context, &wanted(request, cart.as_ref())).await?;
    let referrers = referrers(context, customer, request, call.now).await?;
    let offers = offers(context, on_sale, referrers, call.now).await?;
    let order = place(customer, &offers, referrers, call.seed, call.now).map_err(|error| refused(&error))?;
    let order = Order {
        processor: request.processor,
        ..order
    };
    order.check_charge().map_err(|error| not_chargeable(&order, &error))?;
    let messages = free_order_message(&order, call);
    match cart {
        None => Ok(commerce::create_order(&context.store, &order, &messages).await?),
        Some(cart) => match commerce::order_cart(&context.store, &order, &messages, &cart).await? {
            Some(order) => Ok(order),
            None => Err(cart_changed(context, customer).await?),
        },
    }
}

/// An order that its processor refuses for good does not wait to be paid.
async fn open_checkout(
    context: &Context,
    principal: &Principal<OrdersWrite>,
    order: &Versioned<Order>,
    request: &PlaceOrder,
) -> Result<String, Problem> {
    match checkout::open(context, principal, order, request).await {
        Ok(url) => Ok(url),
        Err(CheckoutError::Refused(problem)) => {
            commerce::cancel_refused(&context.store, order, request.lines.is_none()).await?;
            Err(problem)
        }
        Err(CheckoutError::Other(problem)) => Err(problem),
    }
}

/// Another request has been faster: what became of the cart.
async fn cart_changed(context: &Context, customer: UserId) -> Result<Problem, Problem> {
    let cart = commerce::cart(&context.store, customer).await?;
    if cart.is_some_and(|cart| !cart.lines.is_empty()) {
        let detail = "The cart was changed while it was being ordered. Look at it, then order it again.";
        return Ok(Problem::conflict("cart_changed", detail));
    }
    let latest = commerce::orders(&context.store, customer, None, 1).await?;
    let order = latest.items.first().map(|order| order.id.to_string());
    let detail = format!(
        "Another request has ordered the cart, which is empty now. GET /v1/orders/{} has what it ordered, and the page to pay on.",
        order.unwrap_or_default()
    );
    Ok(Problem::conflict("cart_ordered", detail))
}

/// Cancels an order that nobody has paid, and closes its payment page. Where somebody is just paying, the payment wins.
#[utoipa::path(post, path = "/v1/orders/{order_id}/cancellation", tag = "orders", params(("order_id" = OrderId, Path)),
    responses((status = 200, body = OrderView), (status = 404, body = shared::http::ProblemDocument),
        (status = 409, body = shared::http::ProblemDocument)))]
pub(crate) async fn cancel(
    State(context): State<Context>,
    principal: Principal<OrdersWrite>,
    Path(id): Path<OrderId>,
) -> Result<Json<OrderView>, Problem> {
    let order = owned(&context, principal.user.id, id).await?;
    let Some(cancelled) = order.cancel().map_err(|error| not_cancelled(&error))? else {
        return Ok(Json(OrderView::of(order.value, None)));
    };
    if let Some(session) = &order.session
        && !checkout::close(&context, &order, session).await?
    {
        return Err(not_cancelled(&CancelError::Paying));
    }
    match commerce::update_order(&context.store, &cancelled, order.revision).await {
        Ok(()) => Ok(Json(OrderView::of(cancelled, None))),
        // Its page was opened, closed or paid meanwhile.
        Err(StoreError::Conflict { .. }) => {
            let order = owned(&context, principal.user.id, id).await?;
            match order.cancel() {
                Ok(None) => Ok(Json(OrderView::of(order.value, None))),
                Ok(Some(_)) => Err(Problem::unavailable("the order changed while it was being cancelled")),
                Err(error) => Err(not_cancelled(&error)),
            }
        }
        Err(error) => Err(error.into()),
    }
}

fn not_cancelled(error: &CancelError) -> Problem {
    match error {
        CancelError::Paid => {
            let detail = "This order is paid. Ask for a refund with POST /v1/orders/{order_id}/refund-requests.";
            Problem::conflict("order_paid", detail)
        }
        CancelError::Paying => {
            let detail =
                "This order has just been paid, or its payment is on its way. Wait for it, then ask for a refund.";
            Problem::conflict("payment_under_way", detail)
        }
    }
}

async fn owned(context: &Context, customer: UserId, order: OrderId) -> Result<Versioned<Order>, Problem> {
    let found = commerce::order(&context.store, customer, order).await?;
    found.ok_or_else(Problem::not_found)
}

/// The caller's orders, newest first.
#[utoipa::path(get, path = "/v1/orders", tag = "orders", params(PagingParams),
    responses((status = 200, body = Page<OrderView>)))]
pub(crate) async fn list(
    State(context): State<Context>,
    principal: Principal<OrdersRead>,
    paging: Paging,
) -> Result<Json<Page<OrderView>>, Problem> {
    let orders = commerce::orders(&context.store, principal.user.id, paging.after(), paging.limit()).await?;
    Ok(Json(paging.page(orders, |order| OrderView::of(order, None))))
}

/// One order; while it waits to be paid, with its payment page.
#[utoipa::path(get, path = "/v1/orders/{order_id}", tag = "orders", params(("order_id" = OrderId, Path)),
    responses((status = 200, body = OrderView), (status = 404, body = shared::http::ProblemDocument)))]
pub(crate) async fn show(
    State(context): State<Context>,
    principal: Principal<OrdersRead>,
    Path(order): Path<OrderId>,
) -> Result<Json<OrderView>, Problem> {
    let order = owned(&context, principal.user.id, order).await?;
    let checkout_url = match (&order.session, order.status) {
        (Some(session), OrderStatus::Pending) => match checkout::page(&context, order.processor, session).await {
            Ok(page) => page,
            // The order itself is known; that its payment page is not must not hide it.
            Err(error) => {
                tracing::warn!(order.id = %order.id, error = &error as &dyn std::error::Error, "the checkout session could not be read");
                None
            }
        },
        _ => None,
    };
    Ok(Json(OrderView::of(order.value, checkout_url)))
}

/// Nothing is placed that nobody could take the money for.
async fn check_processor(context: &Context, processor: Processor) -> Result<(), Problem> {
    if processor == Processor::PayPal && !context.paypal.is_set_up().await? {
        return Err(Problem::conflict(
            "paypal_not_offered",
            "This marketplace does not take payments through PayPal. Order with \"processor\": \"stripe\", or leave it out.",
        ));
    }
    Ok(())
}

/// What the request names, or else the cart.
fn wanted(request: &PlaceOrder, cart: Option<&Versioned<Cart>>) -> Vec<ListingId> {
    match &request.lines {
        Some(lines) => lines.iter().map(|line| line.listing_id).collect(),
        None => cart.map(|cart| cart.lines.clone()).unwrap_or_default(),
    }
}

/// Today's listings, read from the items themselves; every line that cannot be sold is named.
async fn on_sale(context: &Context, listings: &[ListingId]) -> Result<Vec<OnSale>, Problem> {
    let published = catalogue::published_many(&context.store, listings).await?;
    let by_id: HashMap<_, _> = published
        .iter()
        .map(|published| (published.listing, published))
        .collect();
    let mut sellers = HashMap::new();
    let mut errors = Vec::new();
    let mut on_sale = Vec::new();
    for (index, listing) in listings.iter().enumerate() {
        let unavailable = || {
            let detail = format!("{listing} is not for sale at the moment; remove it from the order");
            FieldError::new(format!("/lines/{index}/listing_id"), detail)
        };
        let Some(published) = by_id.get(listing).copied() else {
            errors.push(unavailable());
            continue;
        };
        // A listing that is only subscribed to costs nothing otherwise.
        if published.content.price.is_zero() && subscriptions::has_plans(&context.store, *listing).await? {
            let detail =
                format!("{listing} is sold by subscription only; POST /v1/subscriptions with one of its plans");
            errors.push(FieldError::new(format!("/lines/{index}/listing_id"), detail));
            continue;
        }
        let seller = match sellers.entry(published.partner) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(offers::may_trade(&context.store, published.partner).await?),
        };
        match seller {
            Some(seller) => on_sale.push(OnSale {
                published: published.clone(),
                group: seller.group.clone(),
            }),
            None => errors.push(unavailable()),
        }
    }
    if errors.is_empty() {
        Ok(on_sale)
    } else {
        Err(Problem::invalid(errors))
    }
}

/// Who is to be paid for the customer: partners like those who sell.
async fn referrers(
    context: &Context,
    customer: UserId,
    request: &PlaceOrder,
    now: Timestamp,
) -> Result<Referrers, Problem> {
    let referrers = Referrers {
        affiliate: request.affiliate_id,
        reseller: request.reseller_id,
    };
    if let Some(pointer) = offers::unknown_referrer(&context.store, referrers).await? {
        let detail = "There is no partner of this id who can be paid a share. Leave it out.";
        return Err(Problem::refused("unknown_referrer", pointer, detail));
    }
    if let Some((pointer, reason)) = relations::own_referral(&context.store, customer, referrers, now).await? {
        let detail = format!("{} Leave it out.", reason.explanation());
        return Err(Problem::refused("own_referral", pointer, detail));
    }
    Ok(referrers)
}

/// What is on sale, with the terms by which each price would be divided: those of the rule that applies now.
async fn offers(
    context: &Context,
    on_sale: Vec<OnSale>,
    referrers: Referrers,
    now: Timestamp,
) -> Result<Vec<Offer>, Problem> {
    let terms = offers::terms(&context.store, &on_sale, referrers, context.commission, now).await?;
    let listings: Vec<_> = on_sale.iter().map(|on_sale| on_sale.published.listing).collect();
    let policies = licences::sale_policies(&context.store, &listings).await?;
    let policy = |listing| {
        let named = policies.iter().find(|policy| policy.listing == listing);
        named.map(|policy| policy.terms.clone())
    };
    let offer = |(on_sale, terms): (OnSale, Terms)| Offer {
        policy: policy(on_sale.published.listing),
        listing: on_sale.published.listing,
        partner: on_sale.published.partner,
        title: on_sale.published.content.title,
        price: on_sale.published.content.price,
        terms,
    };
    Ok(on_sale.into_iter().zip(terms).map(offer).collect())
}

fn refused(error: &PlaceError) -> Problem {
    match error {
        PlaceError::Empty => Problem::refused(
            "empty_order",
            "/lines",
            "The cart is empty: put a listing into it, or name lines.",
        ),
        PlaceError::TooManyLines => Problem::refused("too_many_lines", "/lines", format!("{error}.")),
        PlaceError::Duplicate { index } => Problem::refused(
            "duplicate_line",
            &format!("/lines/{index}/listing_id"),
            format!("{error}."),
        ),
        PlaceError::MixedCurrencies { index, .. } => Problem::refused(
            "mixed_currencies",
            &format!("/lines/{index}/listing_id"),
            format!("{error}."),
        ),
        PlaceError::Money(_) => Problem::refused("total_too_large", "/lines", format!("{error}.")),
    }
}

fn not_chargeable(order: &Order, error: &ChargeError) -> Problem {
    let detail = format!("{error}.");
    match error {
        ChargeError::Currency { .. } => Problem::refused("currency_not_taken", "/processor", detail),
        ChargeError::Amount(error) if error.amount.minor() > error.limits.most().minor() => {
            let detail = format!("{detail} Order fewer listings at once.");
            Problem::refused("total_too_large", "/lines", detail)
        }
        ChargeError::Amount(_) => {
            let detail = format!(
                "{detail} Leave that listing out, or choose another processor than {}.",
                order.processor
            );
            Problem::refused("not_chargeable", "/processor", detail)
        }
    }
}

/// No processor will tell that nothing was paid, so the order itself does.
fn free_order_message(order: &Order, call: &Call) -> Vec<Envelope> {
    let message = Message::FreeOrderPlaced {
        customer: order.customer,
        order: order.id,
    };
    if order.total.is_zero() {
        vec![Envelope::new(call.seed.id("free order"), message)]
    } else {
        Vec::new()
    }
}
