//! What a partner and the moderators say to each other about a version: moderators in a case, partners at the version.

use axum::extract::State;
use axum::http::StatusCode;
use shared::auth::scope::{ListingsRead, ListingsWrite};
use shared::auth::{PartnerMember, PartnerOperator};
use shared::http::{Call, Json, Path, Problem, ProblemDocument};
use shared::ids::{CaseId, ListingId, PartnerId, VersionId};
use shared::listing::{self, Appealed, Case, Reply, Stage, Version};
use shared::store::{Store, Versioned, catalogue};

use super::review::reviewer;
use super::{CasePath, VersionPath};
use crate::api::{CreateReply, RepliesView, ReplyView};
use crate::context::Context;
use crate::{problems, standing};

/// What partner and moderators have said about the version, the oldest first.
#[utoipa::path(get, path = "/v1/partners/{partner_id}/listings/{listing_id}/versions/{version_id}/replies", tag = "submissions",
    params(("partner_id" = PartnerId, Path), ("listing_id" = ListingId, Path), ("version_id" = VersionId, Path)),
    responses((status = 200, body = RepliesView), (status = 404, body = ProblemDocument)))]
pub(crate) async fn list(
    State(context): State<Context>,
    member: PartnerMember<ListingsRead>,
    Path(path): Path<VersionPath>,
) -> Result<Json<RepliesView>, Problem> {
    let (_, version) = super::version(&context.store, member.partner, &path).await?;
    let replies = catalogue::replies(&context.store, version.id).await?;
    Ok(Json(replies.into()))
}

/// Says something to the moderators about the version; where it waits for one, the case shows it.
#[utoipa::path(post, path = "/v1/partners/{partner_id}/listings/{listing_id}/versions/{version_id}/replies", tag = "submissions",
    request_body = CreateReply,
    params(("partner_id" = PartnerId, Path), ("listing_id" = ListingId, Path), ("version_id" = VersionId, Path)),
    responses((status = 201, body = ReplyView), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument),
        (status = 422, body = ProblemDocument)))]
pub(crate) async fn answer(
    State(context): State<Context>,
    member: PartnerMember<ListingsWrite>,
    call: Call,
    Path(path): Path<VersionPath>,
    Json(request): Json<CreateReply>,
) -> Result<(StatusCode, Json<ReplyView>), Problem> {
    let store = &context.store;
    let (_, version) = super::version(store, member.partner, &path).await?;
    if let Some(said) = said_before(store, version.id, &call).await? {
        return Ok((StatusCode::CREATED, Json(said.into())));
    }
    let case = waiting(store, &version).await?;
    let said = listing::answer(
        &version,
        case.as_ref().map(|case| &case.value),
        &request.text,
        (member.user.id, catalogue::replies(store, version.id).await?.len()),
        (call.now, &call.seed),
    );
    let said = said.map_err(problems::reply)?;
    catalogue::save_reply(store, &said, case.map(|case| case.revision)).await?;
    Ok((StatusCode::CREATED, Json(said.reply.into())))
}

/// Says something to the partner about the version that the case is about. The partner's owner gets it by mail.
#[utoipa::path(post, path = "/v1/partners/{partner_id}/review-cases/{case_id}/replies", tag = "review", request_body = CreateReply,
    params(("partner_id" = PartnerId, Path), ("case_id" = CaseId, Path)),
    responses((status = 201, body = ReplyView), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
pub(crate) async fn ask(
    State(context): State<Context>,
    operator: PartnerOperator<ListingsRead>,
    call: Call,
    Path(path): Path<CasePath>,
    Json(request): Json<CreateReply>,
) -> Result<(StatusCode, Json<ReplyView>), Problem> {
    let (store, partner) = (&context.store, operator.partner);
    let case = super::case(store, partner, path.case_id).await?;
    if let Some(said) = said_before(store, case.version, &call).await? {
        return Ok((StatusCode::CREATED, Json(said.into())));
    }
    let version = catalogue::version(store, case.listing, case.version).await?;
    let version = version.ok_or_else(Problem::not_found)?;
    let reviewer = reviewer(store, &operator).await?;
    let owner = standing::load(store, partner).await?.owner;
    let said = listing::ask(
        &version,
        &case,
        &request.text,
        (reviewer, catalogue::replies(store, version.id).await?.len()),
        owner,
        (call.now, &call.seed),
    );
    let said = said.map_err(problems::reply)?;
    catalogue::save_reply(store, &said, None).await?;
    Ok((StatusCode::CREATED, Json(said.reply.into())))
}

/// The same request was made before, and did not get to its answer.
async fn said_before(store: &Store, version: VersionId, call: &Call) -> Result<Option<Reply>, Problem> {
    Ok(catalogue::reply(store, version, call.seed.id("reply")).await?)
}

/// What waits for a moderator about the version, other than a report.
async fn waiting(store: &Store, version: &Version) -> Result<Option<Versioned<Case>>, Problem> {
    let partner = version.partner;
    let case = match &version.stage {
        Stage::Quarantined { case, .. } | Stage::Suspended { case, .. } => Some(*case),
        Stage::Submitted { submission, .. } => Some(super::submission(store, partner, *submission).await?.case),
        _ => match version.refusal().map(|refusal| refusal.appeal) {
            Some(Appealed::Open(appeal)) => Some(super::appeal(store, partner, appeal).await?.case),
            _ => None,
        },
    };
    match case {
        // It may have been decided since.
        Some(case) => Ok(catalogue::case(store, partner, case).await?),
        None => Ok(None),
    }
}
