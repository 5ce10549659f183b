//! The moderators' side: what waits, who is at it, and the decision about it.

use axum::extract::State;
use axum::http::StatusCode;
use shared::auth::scope::ListingsRead;
use shared::auth::{Operator, PartnerOperator};
use shared::http::{Call, Json, Page, Paging, PagingParams, Path, Problem, ProblemDocument};
use shared::ids::{CaseId, DecisionId, ListingId, PartnerId, SubmissionId, VersionId};
use shared::listing::{
    self, About, Case, CaseError, DecisionRequest, Handed, HeldAct, ListedAct, ListedError, Listing, Reviewer, Seller,
    Sitting, Version,
};
use shared::store::audit::{self, Audited};
use shared::store::catalogue::{self, CaseDecision, Moderation, PublicationBasis};
use shared::store::{Store, Versioned, accounts};

use super::{CasePath, SubmissionPath, VersionPath};
use crate::api::{
    CaseDetail, CaseView, Decide, DecideVersion, Evidence, ReasonsView, SubmissionView, VersionDecision, VersionView,
};
use crate::context::Context;
use crate::{problems, standing};

/// What waits for a moderator, the most urgent first: by age, and by risk, which counts as hours of age. A page may be shorter than asked for
/// while there is a next one.
#[utoipa::path(get, path = "/v1/review-cases", tag = "review", params(PagingParams),
    responses((status = 200, body = Page<CaseView>), (status = 403, body = ProblemDocument)))]
pub(crate) async fn queue(
    State(context): State<Context>,
    _: Operator,
    paging: Paging,
) -> Result<Json<Page<CaseView>>, Problem> {
    let page = catalogue::review_queue(&context.store, paging.after(), paging.limit()).await?;
    Ok(Json(paging.page(page, CaseView::from)))
}

/// The reasons that moderators give, and for which decisions.
#[utoipa::path(get, path = "/v1/review-reasons", tag = "review", responses((status = 200, body = ReasonsView)))]
pub(crate) async fn reasons() -> Json<ReasonsView> {
    Json(ReasonsView::all())
}

/// One case, with its evidence. What was decided is no longer a case.
#[utoipa::path(get, path = "/v1/partners/{partner_id}/review-cases/{case_id}", tag = "review",
    params(("partner_id" = PartnerId, Path), ("case_id" = CaseId, Path)),
    responses((status = 200, body = CaseDetail), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument)))]
pub(crate) async fn show(
    State(context): State<Context>,
    operator: PartnerOperator<ListingsRead>,
    Path(path): Path<CasePath>,
) -> Result<Json<CaseDetail>, Problem> {
    let (store, partner) = (&context.store, operator.partner);
    let case = super::case(store, partner, path.case_id).await?.value;
    let submission = match case.about {
        About::Submission { submission, .. } => Some(submission),
        About::HeldScan { .. } => None,
        About::Suspension { .. } | About::Appeal { .. } | About::Report { .. } => {
            let version = catalogue::version(store, case.listing, case.version).await?;
            version.and_then(|version| version.submission())
        }
    };
    let submission = match submission {
        Some(submission) => Some(super::submission(store, partner, submission).await?.value),
        None => None,
    };
    let appeal = match case.about {
        About::Appeal { appeal, .. } => Some(super::appeal(store, partner, appeal).await?.value),
        _ => None,
    };
    let evidence = Evidence {
        submission,
        appeal,
        checks: catalogue::checks(store, case.version, case.upload()).await?,
        replies: catalogue::replies(store, case.version).await?,
    };
    Ok(Json(CaseDetail::of(case, evidence)))
}

/// Takes a case for four hours, in which nobody else decides about it; again, for longer.
#[utoipa::path(post, path = "/v1/partners/{partner_id}/review-cases/{case_id}/claim", tag = "review",
    params(("partner_id" = PartnerId, Path), ("case_id" = CaseId, Path)),
    responses((status = 200, body = CaseView), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument)))]
pub(crate) async fn claim(
    State(context): State<Context>,
    operator: PartnerOperator<ListingsRead>,
    call: Call,
    Path(path): Path<CasePath>,
) -> Result<Json<CaseView>, Problem> {
    let case = super::case(&context.store, operator.partner, path.case_id).await?;
    let reviewer = reviewer(&context.store, &operator).await?;
    let claimed = listing::claim(&case, reviewer, call.now, &call.seed);
    hand(&context.store, &case, claimed).await
}

/// Gives a case back.
#[utoipa::path(post, path = "/v1/partners/{partner_id}/review-cases/{case_id}/release", tag = "review",
    params(("partner_id" = PartnerId, Path), ("case_id" = CaseId, Path)),
    responses((status = 200, body = CaseView), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument)))]
pub(crate) async fn release(
    State(context): State<Context>,
    operator: PartnerOperator<ListingsRead>,
    call: Call,
    Path(path): Path<CasePath>,
) -> Result<Json<CaseView>, Problem> {
    let case = super::case(&context.store, operator.partner, path.case_id).await?;
    let released = listing::release(&case, operator.user.id, call.now, &call.seed);
    hand(&context.store, &case, released).await
}

async fn hand(
    store: &Store,
    before: &Versioned<Case>,
    handed: Result<Handed, CaseError>,
) -> Result<Json<CaseView>, Problem> {
    let handed = handed.map_err(problems::case)?;
    catalogue::save_case(store, &handed, before.revision).await?;
    Ok(Json(handed.case.into()))
}

pub(super) async fn reviewer(store: &Store, operator: &PartnerOperator<ListingsRead>) -> Result<Reviewer, Problem> {
    let (partner, user) = (operator.partner, operator.user.id);
    Ok(Reviewer {
        user,
        of_the_team: accounts::member(store, partner, user).await?.is_some(),
    })
}

/// Decides about a submission, once. The partner's owner gets a mail. A delayed rejection asks for changes; until its day comes or another
/// package does, it can be decided about again.
#[utoipa::path(post, path = "/v1/partners/{partner_id}/submissions/{submission_id}/decisions", tag = "review",
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
    if let Some(decision) = submission.decision() {
        if decision.id == call.seed.id::<DecisionId>("decision") {
            // The same request was made before, and did not get to its answer.
            return Ok((StatusCode::CREATED, Json(submission.value.into())));
        }
        if submission.rejects_at().is_none() {
            return Err(problems::already_decided(decision.act));
        }
    }
    let version = catalogue::version(store, submission.listing, submission.version).await?;
    let version = version.ok_or_else(Problem::not_found)?;
    let case = match submission.decision() {
        None => Some(super::case(store, partner, submission.case).await?),
        Some(_) => None,
    };
    let sitting = Sitting {
        reviewer: reviewer(store, &operator).await?,
        owner: standing::load(store, partner).await?.owner,
        now: call.now,
        seed: &call.seed,
    };
    let (on, after_days) = (case.as_ref().map(|case| &case.value), request.after_days);
    let reviewed = listing::decide(&submission, &version, on, (&request.into(), after_days), &sitting);
    let reviewed = reviewed.map_err(problems::review)?;
    let basis = CaseDecision {
        case: case.as_ref(),
        version_revision: version.revision,
        subject_revision: submission.revision,
        reviewer: operator.user.id,
    };
    catalogue::decide(store, &reviewed, basis).await?;
    Ok((StatusCode::CREATED, Json(reviewed.submission.into())))
}

/// Decides about a version: whose package its scan holds, or which has been published. What is released is scanned again, and what held it
/// no longer does; what is suspended or taken down is neither offered nor downloaded. The partner's owner gets a mail, and so does everybody
/// who has bought what is stopped or goes on.
#[utoipa::path(post, path = "/v1/partners/{partner_id}/listings/{listing_id}/versions/{version_id}/decisions", tag = "review",
    request_body = DecideVersion,
    params(("partner_id" = PartnerId, Path), ("listing_id" = ListingId, Path), ("version_id" = VersionId, Path)),
    responses((status = 201, body = VersionView), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
pub(crate) async fn judge(
    State(context): State<Context>,
    operator: PartnerOperator<ListingsRead>,
    call: Call,
    Path(path): Path<VersionPath>,
    Json(request): Json<DecideVersion>,
) -> Result<(StatusCode, Json<VersionView>), Problem> {
    let (store, partner) = (&context.store, operator.partner);
    let (listing, version) = super::version(store, partner, &path).await?;
    if audit::event(store, Audited::Listing(listing.id), call.seed.id("audit"))
        .await?
        .is_some()
    {
        // The same request was made before, and did not get to its answer.
        return Ok((StatusCode::CREATED, Json(version.value.into())));
    }
    let owner = standing::load(store, partner).await?;
    let sitting = Sitting {
        reviewer: reviewer(store, &operator).await?,
        owner: owner.owner,
        now: call.now,
        seed: &call.seed,
    };
    let decided = match request.into() {
        VersionDecision::Held(request) => judge_held(store, &version, &request, &sitting).await?,
        VersionDecision::Listed(request) => {
            rule_on(
                store,
                (&listing, &version),
                &standing::seller(&owner),
                &request,
                &sitting,
            )
            .await?
        }
    };
    Ok((StatusCode::CREATED, Json(decided.into())))
}

async fn judge_held(
    store: &Store,
    version: &Versioned<Version>,
    request: &DecisionRequest<HeldAct>,
    sitting: &Sitting<'_>,
) -> Result<Version, Problem> {
    let not_held = || problems::not_held(version.status());
    let case = version.held_case().ok_or_else(not_held)?;
    let upload = version.upload().ok_or_else(not_held)?;
    let upload = super::upload(store, version.id, upload).await?;
    let case = super::case(store, version.partner, case).await?;
    let judged = listing::judge(version, &upload, &case, request, sitting).map_err(problems::review)?;
    let basis = CaseDecision {
        case: Some(&case),
        version_revision: version.revision,
        subject_revision: upload.revision,
        reviewer: sitting.reviewer.user,
    };
    catalogue::judge(store, &judged, basis).await?;
    Ok(judged.version)
}

pub(super) async fn rule_on(
    store: &Store,
    (listing, version): (&Versioned<Listing>, &Versioned<Version>),
    seller: &Seller,
    request: &DecisionRequest<ListedAct>,
    sitting: &Sitting<'_>,
) -> Result<Version, Problem> {
    let scenery = catalogue::scenery(store, version).await?;
    let Some(scenery) = scenery else {
        let (act, status) = (request.act, version.status());
        return Err(problems::listed(ListedError::NotNow { act, status }));
    };
    let case = match version.suspension_case() {
        Some(case) => Some(super::case(store, version.partner, case).await?),
        None => None,
    };
    let on = case.as_ref().map(|case| &case.value);
    let ruled = listing::rule_on(listing, version, scenery.scene(seller), on, (request, &[]), sitting);
    let change = ruled.map_err(problems::listed)?;
    let moderation = Moderation {
        ends: case.as_ref(),
        reviewer: sitting.reviewer.user,
        at: sitting.now,
    };
    let basis = PublicationBasis {
        moderation: Some(moderation),
        ..scenery.basis(listing.revision, version.revision)
    };
    catalogue::save_publication(store, &change, basis).await?;
    Ok(change.version)
}
