//! Orders.
//!
//! The order is stored before its processor hears of it, under an id that a retry of the same request derives again; the order's id is
//! the idempotency key of its checkout. So a crash at any point, followed by the same request, ends with one order and one checkout.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use jiff::Timestamp;
use shared::auth::Principal;
use shared::auth::scope::{OrdersRead, OrdersWrite};
use shared::http::{Call, FieldError, Json, Page, Paging, PagingParams, Path, Problem};
use shared::ids::{ListingId, OrderId, PartnerId, UserId};
use shared::listing::Published;
use shared::messages::{Envelope, Message};
use shared::partner::{Block, Group, Partner};
use shared::purchase::{Offer, Order, OrderStatus, PlaceError, place};
use shared::revenue::{Referrers, Sale, Terms, applicable};
use shared::store::{Versioned, catalogue, commerce, partners, revenue};

use crate::api::{OrderView, PlaceOrder};
use crate::checkout;
use crate::context::Context;

/// Places an order and opens its checkout. An order that costs nothing is settled without one.
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
        None => {
            let on_sale = on_sale(&context, &wanted(&context, customer, &request).await?).await?;
            let referrers = referrers(&context, &request).await?;
            let offers = offers(&context, on_sale, referrers, call.now).await?;
            let order = place(customer, &offers, referrers, call.seed, call.now).map_err(|error| refused(&error))?;
            let order = Order {
                processor: request.processor,
                ..order
            };
            commerce::create_order(&context.store, &order, &free_order_message(&order, &call)).await?
        }
    };
    let checkout_url = match order.total.is_zero() {
        true => None,
        false => Some(checkout::open(&context, &principal, &order, &request).await?),
    };
    if request.lines.is_none() {
        commerce::empty_cart(&context.store, customer).await?;
    }
    let location = [(header::LOCATION, format!("/v1/orders/{}", order.id))];
    Ok((
        StatusCode::CREATED,
        location,
        Json(OrderView::of(order.value, checkout_url)),
    ))
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
    let order = commerce::order(&context.store, principal.user.id, order)
        .await?
        .ok_or_else(Problem::not_found)?;
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

/// What the request names, or else the cart.
async fn wanted(context: &Context, customer: UserId, request: &PlaceOrder) -> Result<Vec<ListingId>, Problem> {
    if let Some(lines) = &request.lines {
        return Ok(lines.iter().map(|line| line.listing_id).collect());
    }
    let cart = commerce::cart(&context.store, customer).await?;
    Ok(cart.map(|cart| cart.value.lines).unwrap_or_default())
}

/// What somebody sells at the moment, and what rules want to know of the seller.
struct OnSale {
    published: Published,
    group: Option<Group>,
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
        let seller = match sellers.entry(published.partner) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(may_trade(context, published.partner).await?),
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

/// The partner, if nothing keeps them from selling.
async fn may_trade(context: &Context, partner: PartnerId) -> Result<Option<Partner>, Problem> {
    let partner = partners::load(&context.store, partner).await?;
    Ok(partner
        .map(|partner| partner.value)
        .filter(|partner| partner.hold_on(Block::Sell).is_none()))
}

/// Who is to be paid for the customer: partners like those who sell.
async fn referrers(context: &Context, request: &PlaceOrder) -> Result<Referrers, Problem> {
    let named = [
        ("/affiliate_id", request.affiliate_id),
        ("/reseller_id", request.reseller_id),
    ];
    for (pointer, partner) in named {
        if let Some(partner) = partner
            && may_trade(context, partner).await?.is_none()
        {
            let detail = "There is no partner of this id who can be paid a share. Leave it out.";
            return Err(Problem::refused("unknown_referrer", pointer, detail));
        }
    }
    Ok(Referrers {
        affiliate: request.affiliate_id,
        reseller: request.reseller_id,
    })
}

/// What is on sale, with the terms by which each price would be divided: those of the rule that applies now.
async fn offers(
    context: &Context,
    on_sale: Vec<OnSale>,
    referrers: Referrers,
    now: Timestamp,
) -> Result<Vec<Offer>, Problem> {
    let sales: Vec<Sale> = on_sale.iter().map(OnSale::sale).collect();
    let rules = revenue::scheduled(&context.store, &sales).await?;
    let offer = |(on_sale, sale): (OnSale, Sale)| Offer {
        listing: sale.listing,
        partner: sale.partner,
        terms: applicable(&rules, &sale, now).map_or_else(
            || Terms::default_rule(context.commission),
            |rule| rule.terms(&sale, referrers),
        ),
        title: on_sale.published.content.title,
        price: on_sale.published.content.price,
    };
    Ok(on_sale.into_iter().zip(sales).map(offer).collect())
}

impl OnSale {
    fn sale(&self) -> Sale {
        Sale {
            listing: self.published.listing,
            partner: self.published.partner,
            group: self.group.clone(),
            content_type: self.published.content.content_type,
            currency: self.published.content.price.currency(),
        }
    }
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
