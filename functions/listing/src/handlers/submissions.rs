//! Handing versions in, and following what becomes of them.

use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use shared::auth::PartnerMember;
use shared::auth::scope::{ListingsRead, ListingsWrite};
use shared::http::{Call, Json, Page, Paging, PagingParams, Path, Problem, ProblemDocument};
use shared::ids::{ListingId, PartnerId, SubmissionId, VersionId};
use shared::listing::lookalike::names_like;
use shared::listing::{Occasion, Submission, submit};
use shared::store::catalogue::{self, SubmissionBasis};

use super::{SubmissionPath, VersionPath, changes};
use crate::api::{SubmissionDetail, SubmissionView};
use crate::context::Context;
use crate::{problems, standing};

/// Hands the version in for review, with the listing's texts and price as they are now. A clean patch of what is published, by a partner that is
/// trusted, is approved at once.
#[utoipa::path(post, path = "/v1/partners/{partner_id}/listings/{listing_id}/versions/{version_id}/submissions", tag = "submissions",
    params(("partner_id" = PartnerId, Path), ("listing_id" = ListingId, Path), ("version_id" = VersionId, Path)),
    responses((status = 201, body = SubmissionView), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument)))]
pub(crate) async fn create(
    State(context): State<Context>,
    member: PartnerMember<ListingsWrite>,
    call: Call,
    Path(path): Path<VersionPath>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<SubmissionView>), Problem> {
    let free = standing::may_publish(&context.store, member.partner).await?;
    let (listing, version) = super::version(&context.store, member.partner, &path).await?;
    let id: SubmissionId = call.seed.id("submission");
    let submission = if version.submission() == Some(id) {
        // The same request was made before, and did not get to its answer.
        super::submission(&context.store, member.partner, id).await?.value
    } else {
        let occasion = Occasion {
            by: member.user.id,
            now: call.now,
            seed: &call.seed,
        };
        let names = names_like(&listing.content.title);
        let alike = catalogue::titled(&context.store, &names).await?;
        let made = submit(&listing, &version, &alike, context.currency, occasion);
        let handed_in = made.map_err(problems::submit)?;
        let basis = SubmissionBasis {
            version_revision: version.revision,
            listing_revision: listing.revision,
            partner_revision: free.partner.revision,
        };
        match changes::approved_patch(&context, (&free.partner, &listing), &handed_in, &call.seed).await? {
            Some(approved) => {
                catalogue::submit_approved(&context.store, &approved, basis).await?;
                approved.submission
            }
            None => {
                catalogue::submit(&context.store, &handed_in, basis).await?;
                handed_in.submission
            }
        }
    };
    let place = format!("/v1/partners/{}/submissions/{}", submission.partner, submission.id);
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, place)],
        Json(submission.into()),
    ))
}

/// What the partner has handed in, newest first.
#[utoipa::path(get, path = "/v1/partners/{partner_id}/submissions", tag = "submissions",
    params(("partner_id" = PartnerId, Path), PagingParams),
    responses((status = 200, body = Page<SubmissionView>), (status = 404, body = ProblemDocument)))]
pub(crate) async fn list(
    State(context): State<Context>,
    member: PartnerMember<ListingsRead>,
    paging: Paging,
) -> Result<Json<Page<SubmissionView>>, Problem> {
    let page = catalogue::submissions(&context.store, member.partner, paging.after(), paging.limit()).await?;
    Ok(Json(paging.page(page, SubmissionView::from)))
}

/// One submission, with the checks that are its evidence: for the team, and for operators who decide.
#[utoipa::path(get, path = "/v1/partners/{partner_id}/submissions/{submission_id}", tag = "submissions",
    params(("partner_id" = PartnerId, Path), ("submission_id" = SubmissionId, Path)),
    responses((status = 200, body = SubmissionDetail), (status = 404, body = ProblemDocument)))]
pub(crate) async fn show(
    State(context): State<Context>,
    member: PartnerMember<ListingsRead>,
    Path(path): Path<SubmissionPath>,
) -> Result<Json<SubmissionDetail>, Problem> {
    let submission: Submission = super::submission(&context.store, member.partner, path.submission_id)
        .await?
        .value;
    let checks = catalogue::checks(&context.store, submission.version, submission.upload).await?;
    Ok(Json(SubmissionDetail::of(submission, checks)))
}
