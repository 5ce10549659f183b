//! The operators' side: what waits, and the decision about it.

use axum::extract::State;
use axum::http::StatusCode;
use shared::auth::scope::ListingsRead;
use shared::auth::{Operator, PartnerOperator};
use shared::http::{Call, Json, Page, Paging, PagingParams, Path, Problem, ProblemDocument};
use shared::ids::{DecisionId, PartnerId, SubmissionId};
use shared::listing::{Reviewer, decide as decided};
use shared::store::{accounts, catalogue};

use super::SubmissionPath;
use crate::api::{Decide, SubmissionView};
use crate::context::Context;
use crate::{problems, standing};

/// What waits for a decision, oldest first. A page may be shorter than asked for while there is a next one.
#[utoipa::path(get, path = "/v1/submissions", tag = "submissions", params(PagingParams),
    responses((status = 200, body = Page<SubmissionView>), (status = 403, body = ProblemDocument)))]
pub(crate) async fn queue(
    State(context): State<Context>,
    _: Operator,
    paging: Paging,
) -> Result<Json<Page<SubmissionView>>, Problem> {
    let page = catalogue::review_queue(&context.store, paging.after(), paging.limit()).await?;
    Ok(Json(paging.page(page, SubmissionView::from)))
}

/// Decides about a submission, once. The partner's owner gets a mail.
#[utoipa::path(post, path = "/v1/partners/{partner_id}/submissions/{submission_id}/decisions", tag = "submissions",
    request_body = Decide, params(("partner_id" = PartnerId, Path), ("submission_id" = SubmissionId, Path)),
    responses((status = 201, body = SubmissionView), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
pub(crate) async fn decide(
    State(context): State<Context>,
    operator: PartnerOperator<ListingsRead>,
    call: Call,
    Path(path): Path<SubmissionPath>,
    Json(request): Json<Decide>,
) -> Result<(StatusCode, Json<SubmissionView>), Problem> {
    let (store, partner) = (&context.store, operator.partner);
    let submission = super::submission(store, partner, path.submission_id).await?;
    let id: DecisionId = call.seed.id("decision");
    if submission.decision().is_some_and(|decision| decision.id == id) {
        // The same request was made before, and did not get to its answer.
        return Ok((StatusCode::CREATED, Json(submission.value.into())));
    }
    let version = catalogue::version(store, submission.listing, submission.version).await?;
    let version = version.ok_or_else(Problem::not_found)?;
    let owner = standing::load(store, partner).await?.owner;
    let user = operator.user.id;
    let reviewer = Reviewer {
        user,
        of_the_team: accounts::member(store, partner, user).await?.is_some(),
    };
    let reviewed = decided(
        &submission,
        &version,
        reviewer,
        owner,
        &request.into(),
        call.now,
        &call.seed,
    );
    let reviewed = reviewed.map_err(problems::review)?;
    catalogue::decide(store, &reviewed, submission.revision, version.revision, user).await?;
    Ok((StatusCode::CREATED, Json(reviewed.submission.into())))
}
