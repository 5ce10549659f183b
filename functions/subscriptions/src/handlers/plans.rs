//! Plans: made and retired by partners, read by everybody.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use shared::auth::scope::{ListingsRead, ListingsWrite};
use shared::auth::{OwnerOrOperator, PartnerMember};
use shared::http::{Call, FieldError, Json, Page, Paging, PagingParams, Path, Problem, ProblemDocument};
use shared::ids::{ListingId, PartnerId, PlanId};
use shared::licensing::Preset;
use shared::store::{StoreError, catalogue, licences, subscriptions};
use shared::subscription::Plan;
use shared::subscription::plan::PlanTrial;

use super::act;
use crate::api::{CreatePlan, PlanView};
use crate::context::Context;

#[derive(Deserialize)]
pub(crate) struct ListingPath {
    listing_id: ListingId,
}

#[derive(Deserialize)]
pub(crate) struct PlanPath {
    listing_id: ListingId,
    plan_id: PlanId,
}

/// Makes a plan for a listing; it is sold once the listing is published. A listing without a price that has a plan is sold by subscription
/// only, so plans are made before it is published. Who has a licence under it gets what its policy allows for each seat.
#[utoipa::path(post, path = "/v1/partners/{partner_id}/listings/{listing_id}/plans", tag = "subscriptions", request_body = CreatePlan,
    params(("partner_id" = PartnerId, Path), ("listing_id" = ListingId, Path)),
    responses((status = 201, body = PlanView), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 422, body = ProblemDocument)))]
pub(crate) async fn create(
    State(context): State<Context>,
    owner: OwnerOrOperator<ListingsWrite>,
    call: Call,
    Path(path): Path<ListingPath>,
    Json(request): Json<CreatePlan>,
) -> Result<(StatusCode, Json<PlanView>), Problem> {
    let (store, listing) = (&context.store, path.listing_id);
    if !has(&context, owner.partner, listing).await? {
        return Err(Problem::not_found());
    }
    if request.price.currency() != context.currency {
        let detail = format!("this marketplace sells in {}", context.currency);
        return Err(Problem::invalid(vec![FieldError::new("/price/currency", detail)]));
    }
    let policy = request.policy_id.unwrap_or_else(|| Preset::default().id());
    let Some(terms) = licences::terms(store, owner.partner, policy).await? else {
        let detail =
            "There is no such policy. GET /v1/policy-presets and the partner's /policies have those that there are.";
        return Err(Problem::refused("unknown_policy", "/policy_id", detail));
    };
    let plan = Plan {
        id: call.seed.id("plan"),
        listing,
        partner: owner.partner,
        name: request.name.trim().to_owned(),
        every: request.every,
        price: request.price,
        trial: request.trial.map(|trial| PlanTrial {
            days: trial.days,
            card_required: trial.card_required,
        }),
        grace_days: request.grace_days,
        educational_percent: request.educational_percent,
        terms,
        created_at: call.now,
        retired_at: None,
    };
    let act = act(&call, owner.user.id, "plan.create", plan.id);
    match subscriptions::create_plan(store, &plan, &act).await {
        // The same request was made before, and did not get to its answer.
        Ok(()) | Err(StoreError::Conflict { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    Ok((StatusCode::CREATED, Json(PlanView::from(plan))))
}

/// The listing's plans, oldest first, also those that are retired.
#[utoipa::path(get, path = "/v1/partners/{partner_id}/listings/{listing_id}/plans", tag = "subscriptions",
    params(("partner_id" = PartnerId, Path), ("listing_id" = ListingId, Path), PagingParams),
    responses((status = 200, body = Page<PlanView>), (status = 404, body = ProblemDocument)))]
pub(crate) async fn list(
    State(context): State<Context>,
    member: PartnerMember<ListingsRead>,
    Path(path): Path<ListingPath>,
    paging: Paging,
) -> Result<Json<Page<PlanView>>, Problem> {
    if !has(&context, member.partner, path.listing_id).await? {
        return Err(Problem::not_found());
    }
    let page = subscriptions::plans(&context.store, path.listing_id, paging.after(), paging.limit()).await?;
    Ok(Json(paging.page(page, PlanView::from)))
}

/// Takes a plan off sale. Subscriptions under it go on, and a listing without a price is not given away when its last plan goes.
#[utoipa::path(delete, path = "/v1/partners/{partner_id}/listings/{listing_id}/plans/{plan_id}", tag = "subscriptions",
    params(("partner_id" = PartnerId, Path), ("listing_id" = ListingId, Path), ("plan_id" = PlanId, Path)),
    responses((status = 200, body = PlanView), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument)))]
pub(crate) async fn retire(
    State(context): State<Context>,
    owner: OwnerOrOperator<ListingsWrite>,
    call: Call,
    Path(path): Path<PlanPath>,
) -> Result<Json<PlanView>, Problem> {
    let plan = subscriptions::plan(&context.store, path.listing_id, path.plan_id).await?;
    let plan = plan.filter(|plan| plan.partner == owner.partner);
    let plan = plan.ok_or_else(Problem::not_found)?;
    if !plan.is_on_sale() {
        return Ok(Json(PlanView::from(plan.value)));
    }
    let retired = Plan {
        retired_at: Some(call.now),
        ..plan.value.clone()
    };
    let act = act(&call, owner.user.id, "plan.retire", retired.id);
    subscriptions::replace_plan(&context.store, &retired, plan.revision, &act).await?;
    Ok(Json(PlanView::from(retired)))
}

/// The plans by which a listing can be subscribed to, oldest first.
#[utoipa::path(get, path = "/v1/listings/{listing_id}/plans", tag = "subscriptions",
    params(("listing_id" = ListingId, Path), PagingParams),
    responses((status = 200, body = Page<PlanView>), (status = 404, body = ProblemDocument)))]
pub(crate) async fn on_sale(
    State(context): State<Context>,
    Path(path): Path<ListingPath>,
    paging: Paging,
) -> Result<Json<Page<PlanView>>, Problem> {
    let published = catalogue::published(&context.store, path.listing_id).await?;
    let listing = published.ok_or_else(Problem::not_found)?.listing;
    let mut page = subscriptions::plans(&context.store, listing, paging.after(), paging.limit()).await?;
    page.items.retain(Plan::is_on_sale);
    Ok(Json(paging.page(page, PlanView::from)))
}

/// Whether the listing is this partner's.
async fn has(context: &Context, partner: PartnerId, listing: ListingId) -> Result<bool, Problem> {
    match catalogue::published(&context.store, listing).await? {
        Some(published) => Ok(published.partner == partner),
        None => Ok(catalogue::listing(&context.store, partner, listing).await?.is_some()),
    }
}
