//! Licences that are issued without a sale: one, or many for an organisation or a university.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use shared::auth::scope::{ListingsRead, ListingsWrite};
use shared::auth::{OwnerOrOperator, PartnerMember};
use shared::http::{Call, Json, Page, Paging, PagingParams, Path, Problem, ProblemDocument, ShownOnce};
use shared::ids::{LicenceBatchId, PartnerId};
use shared::licence::{self, Batch};
use shared::store::{accounts, licences};

use super::act;
use super::policies::{named, sells};
use crate::api::batches::{BatchView, IssueLicences, IssuedBatch, IssuedKey, IssuedView};
use crate::context::Context;

#[derive(Deserialize)]
pub(crate) struct BatchPath {
    pub batch_id: LicenceBatchId,
}

/// Issues licences. Their keys are in this answer and in the owner's account, nowhere else. An owner of the partner may do this for what the
/// partner has published, and operators for them.
#[utoipa::path(post, path = "/v1/partners/{partner_id}/licence-batches", tag = "licences", request_body = IssueLicences,
    params(("partner_id" = PartnerId, Path)),
    responses((status = 201, body = IssuedBatch), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
pub(crate) async fn issue(
    State(context): State<Context>,
    issuer: OwnerOrOperator<ListingsWrite>,
    call: Call,
    Json(request): Json<IssueLicences>,
) -> Result<(StatusCode, ShownOnce, Json<IssuedBatch>), Problem> {
    let (store, partner) = (&context.store, issuer.partner);
    if !sells(store, partner, request.listing_id).await? {
        let detail = "The partner has not published a listing with this id. Publish it first.";
        return Err(Problem::refused("unknown_listing", "/listing_id", detail));
    }
    if accounts::user(store, request.owner_id).await?.is_none() {
        let detail = "There is no such user. They must sign in once, and give you the id that GET /v1/me shows them.";
        return Err(Problem::refused("unknown_user", "/owner_id", detail));
    }
    if request.expires_at.is_some_and(|at| at <= call.now) {
        let detail = "must be in the future";
        return Err(Problem::refused("already_expired", "/expires_at", detail));
    }
    let terms = named(store, partner, request.policy_id).await?;
    let batch = Batch {
        id: call.seed.id("batch"),
        partner,
        listing: request.listing_id,
        policy: request.policy_id,
        policy_name: terms.policy().name,
        owner: request.owner_id,
        organisation: request.organisation.map(|name| name.trim().to_owned()),
        count: request.count,
        seats: request.seats,
        expires_at: request.expires_at,
        issued_at: call.now,
        issued_by: issuer.user.id,
    };
    let made = batch.licences(&terms, &call.seed, licence::secret);
    let act = act(&call, issuer.user.id, "licence.issue", batch.id);
    let issued = licences::issue(store, &batch, made, &act).await?;
    let answer = IssuedBatch {
        batch: BatchView::from(batch),
        licences: issued.iter().map(IssuedKey::of).collect(),
    };
    Ok((StatusCode::CREATED, ShownOnce, Json(answer)))
}

/// What the partner has had issued, newest first.
#[utoipa::path(get, path = "/v1/partners/{partner_id}/licence-batches", tag = "licences",
    params(("partner_id" = PartnerId, Path), PagingParams),
    responses((status = 200, body = Page<BatchView>), (status = 404, body = ProblemDocument)))]
pub(crate) async fn list(
    State(context): State<Context>,
    member: PartnerMember<ListingsRead>,
    paging: Paging,
) -> Result<Json<Page<BatchView>>, Problem> {
    let page = licences::batches(&context.store, member.partner, paging.after(), paging.limit()).await?;
    Ok(Json(paging.page(page, BatchView::from)))
}

/// The licences of a batch, without their keys: who holds each, and how it stands.
#[utoipa::path(get, path = "/v1/partners/{partner_id}/licence-batches/{batch_id}/licences", tag = "licences",
    params(("partner_id" = PartnerId, Path), ("batch_id" = LicenceBatchId, Path), PagingParams),
    responses((status = 200, body = Page<IssuedView>), (status = 404, body = ProblemDocument)))]
pub(crate) async fn licences(
    State(context): State<Context>,
    member: PartnerMember<ListingsRead>,
    call: Call,
    Path(path): Path<BatchPath>,
    paging: Paging,
) -> Result<Json<Page<IssuedView>>, Problem> {
    let batch = licences::batch(&context.store, member.partner, path.batch_id).await?;
    let batch = batch.ok_or_else(Problem::not_found)?;
    let page = licences::licences_of_batch(&context.store, batch.id, paging.after(), paging.limit()).await?;
    Ok(Json(paging.page(page, |licence| IssuedView::of(&licence, call.now))))
}
