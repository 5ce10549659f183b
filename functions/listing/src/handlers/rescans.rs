//! Scanning again what is listed: for operators. A rescan reports; enforcing it suspends what it found.

use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use shared::auth::Operator;
use shared::http::{Call, Json, Page, Paging, PagingParams, Path, Problem, ProblemDocument};
use shared::ids::RescanId;
use shared::listing::rescan::{self, Rescan};
use shared::store::audit::{self, Audited};
use shared::store::{Store, Versioned, catalogue};

use crate::api::{RescanFindingView, RescanView};
use crate::context::Context;
use crate::problems;

/// Begins to scan everything that is listed once more. Nothing happens to what is found until the rescan is enforced. When the rules have
/// changed, this happens by itself.
#[utoipa::path(post, path = "/v1/rescans", tag = "rescans",
    responses((status = 201, body = RescanView), (status = 403, body = ProblemDocument)))]
pub(crate) async fn create(
    State(context): State<Context>,
    operator: Operator,
    call: Call,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<RescanView>), Problem> {
    let begun = rescan::begin(operator.user.id, call.now, &call.seed);
    let rescan = catalogue::begin_rescan(&context.store, &begun).await?;
    let place = format!("/v1/rescans/{}", rescan.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], Json(rescan.into())))
}

/// Rescans, newest first.
#[utoipa::path(get, path = "/v1/rescans", tag = "rescans", params(PagingParams),
    responses((status = 200, body = Page<RescanView>), (status = 403, body = ProblemDocument)))]
pub(crate) async fn list(
    State(context): State<Context>,
    _operator: Operator,
    paging: Paging,
) -> Result<Json<Page<RescanView>>, Problem> {
    let page = catalogue::rescans(&context.store, paging.after(), paging.limit()).await?;
    Ok(Json(paging.page(page, RescanView::from)))
}

/// How far a rescan has come.
#[utoipa::path(get, path = "/v1/rescans/{rescan_id}", tag = "rescans", params(("rescan_id" = RescanId, Path)),
    responses((status = 200, body = RescanView), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument)))]
pub(crate) async fn show(
    State(context): State<Context>,
    _operator: Operator,
    Path(rescan): Path<RescanId>,
) -> Result<Json<RescanView>, Problem> {
    Ok(Json(found(&context.store, rescan).await?.value.into()))
}

/// What a rescan has found: the versions that do not pass.
#[utoipa::path(get, path = "/v1/rescans/{rescan_id}/findings", tag = "rescans",
    params(("rescan_id" = RescanId, Path), PagingParams),
    responses((status = 200, body = Page<RescanFindingView>), (status = 403, body = ProblemDocument),
        (status = 404, body = ProblemDocument)))]
pub(crate) async fn findings(
    State(context): State<Context>,
    _operator: Operator,
    Path(rescan): Path<RescanId>,
    paging: Paging,
) -> Result<Json<Page<RescanFindingView>>, Problem> {
    found(&context.store, rescan).await?;
    let page = catalogue::rescan_findings(&context.store, rescan, paging.after(), paging.limit()).await?;
    Ok(Json(paging.page(page, RescanFindingView::from)))
}

/// Suspends what the rescan has found, once it is complete: each version is scanned again first. Its customers and its partner are told, its
/// downloads stop, and it waits for a moderator.
#[utoipa::path(post, path = "/v1/rescans/{rescan_id}/enforcement", tag = "rescans", params(("rescan_id" = RescanId, Path)),
    responses((status = 201, body = RescanView), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument)))]
pub(crate) async fn enforce(
    State(context): State<Context>,
    operator: Operator,
    call: Call,
    Path(rescan): Path<RescanId>,
) -> Result<(StatusCode, Json<RescanView>), Problem> {
    let store = &context.store;
    let before = found(store, rescan).await?;
    if audit::event(store, Audited::Rescan(rescan), call.seed.id("audit"))
        .await?
        .is_some()
    {
        // The same request was made before, and did not get to its answer.
        return Ok((StatusCode::CREATED, Json(before.value.into())));
    }
    let enforcement = rescan::enforce(&before, operator.user.id, call.now, &call.seed).map_err(problems::enforce)?;
    catalogue::enforce_rescan(store, &enforcement, before.revision).await?;
    Ok((StatusCode::CREATED, Json(enforcement.rescan.into())))
}

async fn found(store: &Store, rescan: RescanId) -> Result<Versioned<Rescan>, Problem> {
    catalogue::rescan(store, rescan).await?.ok_or_else(Problem::not_found)
}
