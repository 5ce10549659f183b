//! Appeals against refusals: lodged by the team, decided by an operator who is neither of the team nor the one who refused.

use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use shared::auth::scope::{ListingsRead, ListingsWrite};
use shared::auth::{PartnerMember, PartnerOperator};
use shared::http::{Call, Json, Page, Paging, PagingParams, Path, Problem, ProblemDocument};
use shared::ids::{AppealId, DecisionId, ListingId, PartnerId, VersionId};
use shared::listing::{self, AppealError, Grounds, Sitting, Stage};
use shared::store::catalogue::{self, AppealBasis, Moderation, PublicationBasis};

use super::review::reviewer;
use super::{AppealPath, VersionPath};
use crate::api::{AppealView, DecideAppeal, LodgeAppeal};
use crate::context::Context;
use crate::{problems, standing};

/// Lodges an appeal against the version's rejection, or against its being taken down: once, within 184 days. While it waits, the version takes
/// no other package.
#[utoipa::path(post, path = "/v1/partners/{partner_id}/listings/{listing_id}/versions/{version_id}/appeals", tag = "appeals",
    request_body = LodgeAppeal,
    params(("partner_id" = PartnerId, Path), ("listing_id" = ListingId, Path), ("version_id" = VersionId, Path)),
    responses((status = 201, body = AppealView), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument),
        (status = 422, body = ProblemDocument)))]
pub(crate) async fn create(
    State(context): State<Context>,
    member: PartnerMember<ListingsWrite>,
    call: Call,
    Path(path): Path<VersionPath>,
    Json(request): Json<LodgeAppeal>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<AppealView>), Problem> {
    let store = &context.store;
    let (listing, version) = super::version(store, member.partner, &path).await?;
    let lodged = listing::lodge(&listing, &version, &request.text, member.user.id, call.now, &call.seed);
    let appeal = match lodged {
        Ok(lodged) => {
            catalogue::lodge_appeal(store, &lodged, version.revision).await?;
            lodged.appeal
        }
        // The same request was made before, and did not get to its answer.
        Err(AppealError::Already(id)) if id == call.seed.id("appeal") => {
            super::appeal(store, member.partner, id).await?.value
        }
        Err(error) => return Err(problems::appeal(error)),
    };
    let place = format!("/v1/partners/{}/appeals/{}", appeal.partner, appeal.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], Json(appeal.into())))
}

/// The partner's appeals, newest first.
#[utoipa::path(get, path = "/v1/partners/{partner_id}/appeals", tag = "appeals",
    params(("partner_id" = PartnerId, Path), PagingParams),
    responses((status = 200, body = Page<AppealView>), (status = 404, body = ProblemDocument)))]
pub(crate) async fn list(
    State(context): State<Context>,
    member: PartnerMember<ListingsRead>,
    paging: Paging,
) -> Result<Json<Page<AppealView>>, Problem> {
    let page = catalogue::appeals(&context.store, member.partner, paging.after(), paging.limit()).await?;
    Ok(Json(paging.page(page, AppealView::from)))
}

/// One appeal, with its decision once there is one.
#[utoipa::path(get, path = "/v1/partners/{partner_id}/appeals/{appeal_id}", tag = "appeals",
    params(("partner_id" = PartnerId, Path), ("appeal_id" = AppealId, Path)),
    responses((status = 200, body = AppealView), (status = 404, body = ProblemDocument)))]
pub(crate) async fn show(
    State(context): State<Context>,
    member: PartnerMember<ListingsRead>,
    Path(path): Path<AppealPath>,
) -> Result<Json<AppealView>, Problem> {
    let appeal = super::appeal(&context.store, member.partner, path.appeal_id).await?;
    Ok(Json(appeal.value.into()))
}

/// Decides about an appeal, once. If it is upheld, what was refused goes on: a package is scanned again without the rules that refused it,
/// which count for nothing about this listing any more; a submission is approved; what was taken down is listed as it was. The partner's owner
/// gets a mail.
#[utoipa::path(post, path = "/v1/partners/{partner_id}/appeals/{appeal_id}/decisions", tag = "review",
    request_body = DecideAppeal, params(("partner_id" = PartnerId, Path), ("appeal_id" = AppealId, Path)),
    responses((status = 201, body = AppealView), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
pub(crate) async fn decide(
    State(context): State<Context>,
    operator: PartnerOperator<ListingsRead>,
    call: Call,
    Path(path): Path<AppealPath>,
    Json(request): Json<DecideAppeal>,
) -> Result<(StatusCode, Json<AppealView>), Problem> {
    let (store, partner) = (&context.store, operator.partner);
    let appeal = super::appeal(store, partner, path.appeal_id).await?;
    if let Some(decision) = appeal.decision() {
        return if decision.id == call.seed.id::<DecisionId>("decision") {
            // The same request was made before, and did not get to its answer.
            Ok((StatusCode::CREATED, Json(appeal.value.into())))
        } else {
            Err(problems::appeal(AppealError::AlreadyDecided(decision.act)))
        };
    }
    let place = VersionPath {
        listing_id: appeal.listing,
        version_id: appeal.version,
    };
    let (listing, version) = super::version(store, partner, &place).await?;
    let owner = standing::load(store, partner).await?;
    let sitting = Sitting {
        reviewer: reviewer(store, &operator).await?,
        owner: owner.owner,
        now: call.now,
        seed: &call.seed,
    };
    let case = super::case(store, partner, appeal.case).await?;
    let (seller, request) = (standing::seller(&owner), request.into());
    let scenery = catalogue::scenery(store, &version).await?;
    let upload = super::upload(store, version.id, appeal.upload).await?;
    let unseen = PublicationBasis::of(listing.revision, version.revision);
    let (grounds, subject_revision, publication) = match (&version.stage, &scenery) {
        (Stage::TakenDown { .. }, Some(scenery)) => {
            let basis = scenery.basis(listing.revision, version.revision);
            (Grounds::TakenDown(scenery.scene(&seller)), upload.revision, basis)
        }
        (_, Some(scenery)) => (
            Grounds::Submission(&scenery.submission),
            scenery.submission.revision,
            unseen,
        ),
        (_, None) => (Grounds::Scan(&upload), upload.revision, unseen),
    };
    let settled = listing::settle(&appeal, (&listing, &version), grounds, &case, &request, &sitting);
    let settled = settled.map_err(problems::appeal)?;
    let basis = AppealBasis {
        appeal_revision: appeal.revision,
        subject_revision,
        publication,
        moderation: Moderation {
            ends: Some(&case),
            reviewer: operator.user.id,
            at: call.now,
        },
    };
    catalogue::settle_appeal(store, &settled, basis).await?;
    Ok((StatusCode::CREATED, Json(settled.appeal.into())))
}
