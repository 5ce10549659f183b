//! The cart: kept for the customer between visits, priced when it is looked at.

use std::collections::HashMap;

use axum::extract::State;
use shared::auth::Principal;
use shared::auth::scope::{OrdersRead, OrdersWrite};
use shared::http::{Json, Path, Problem};
use shared::ids::{ListingId, UserId};
use shared::purchase::{Cart, CartFull};
use shared::store::{Store, catalogue, commerce};

use crate::api::{CartLine, CartView};
use crate::context::Context;

/// What is in the cart.
#[utoipa::path(get, path = "/v1/cart", tag = "orders", responses((status = 200, body = CartView)))]
pub(crate) async fn show(
    State(context): State<Context>,
    principal: Principal<OrdersRead>,
) -> Result<Json<CartView>, Problem> {
    let cart = commerce::cart(&context.store, principal.user.id).await?;
    view(&context.store, cart.map(|cart| cart.value).unwrap_or_default()).await
}

/// Puts a listing into the cart; it is there once, however often this is asked.
#[utoipa::path(put, path = "/v1/cart/lines/{listing_id}", tag = "orders", params(("listing_id" = ListingId, Path)),
    responses((status = 200, body = CartView), (status = 404, body = shared::http::ProblemDocument),
        (status = 409, body = shared::http::ProblemDocument)))]
pub(crate) async fn put_line(
    State(context): State<Context>,
    principal: Principal<OrdersWrite>,
    Path(listing): Path<ListingId>,
) -> Result<Json<CartView>, Problem> {
    catalogue::published(&context.store, listing)
        .await?
        .ok_or_else(Problem::not_found)?;
    let cart = change(&context.store, principal.user.id, |cart| cart.add(listing)).await?;
    view(&context.store, cart).await
}

/// Takes a listing out of the cart.
#[utoipa::path(delete, path = "/v1/cart/lines/{listing_id}", tag = "orders", params(("listing_id" = ListingId, Path)),
    responses((status = 200, body = CartView)))]
pub(crate) async fn delete_line(
    State(context): State<Context>,
    principal: Principal<OrdersWrite>,
    Path(listing): Path<ListingId>,
) -> Result<Json<CartView>, Problem> {
    let remove = |cart: &mut Cart| {
        cart.remove(listing);
        Ok(())
    };
    let cart = change(&context.store, principal.user.id, remove).await?;
    view(&context.store, cart).await
}

async fn change(
    store: &Store,
    customer: UserId,
    change: impl FnOnce(&mut Cart) -> Result<(), CartFull>,
) -> Result<Cart, Problem> {
    let before = commerce::cart(store, customer).await?;
    let mut cart = before.as_ref().map(|cart| cart.value.clone()).unwrap_or_default();
    change(&mut cart).map_err(|full| Problem::conflict("cart_full", format!("{full}.")))?;
    if before.as_ref().is_none_or(|before| before.value != cart) {
        commerce::save_cart(store, customer, before.as_ref(), &cart).await?;
    }
    Ok(cart)
}

async fn view(store: &Store, cart: Cart) -> Result<Json<CartView>, Problem> {
    let published = catalogue::published_many(store, &cart.lines).await?;
    let by_id: HashMap<_, _> = published
        .into_iter()
        .map(|published| (published.listing, published.content))
        .collect();
    let line = |listing: ListingId| {
        let content = by_id.get(&listing);
        CartLine {
            listing_id: listing,
            title: content.map(|content| content.title.clone()),
            price: content.map(|content| content.price),
        }
    };
    Ok(Json(CartView {
        lines: cart.lines.into_iter().map(line).collect(),
    }))
}
