//! Reports from anybody about what is listed, and how they are closed.

use axum::extract::State;
use axum::http::StatusCode;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use shared::auth::scope::{ListingsRead, SignIn};
use shared::auth::{Operator, PartnerOperator, Principal};
use shared::http::{Call, Json, Path, Problem, ProblemDocument, Query};
use shared::ids::{CaseId, ListingId, PartnerId};
use shared::listing::{self, DecisionRequest, ListedAct, ReasonCode, Reviewer, Sitting, turnarounds};
use shared::store::catalogue::{self, Moderation};
use shared::store::{Store, accounts};

use super::review::{reviewer, rule_on};
use super::{CasePath, VersionPath};
use crate::api::{CloseReport, ClosedView, CreateReport, ReportView, TurnaroundParams, TurnaroundView};
use crate::context::Context;
use crate::{problems, standing};

/// Says what is wrong with a listing. Anybody may, signed in or not; the same report on the same day counts once. What trusted reporters
/// report is suspended at once.
#[utoipa::path(post, path = "/v1/listings/{listing_id}/reports", tag = "reports", request_body = CreateReport,
    params(("listing_id" = ListingId, Path)),
    responses((status = 202, body = ReportView), (status = 404, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
pub(crate) async fn create(
    State(context): State<Context>,
    principal: Option<Principal<SignIn>>,
    call: Call,
    Path(listing): Path<ListingId>,
    Json(request): Json<CreateReport>,
) -> Result<(StatusCode, Json<ReportView>), Problem> {
    let store = &context.store;
    let published = catalogue::published(store, listing)
        .await?
        .ok_or_else(Problem::not_found)?;
    let place = VersionPath {
        listing_id: listing,
        version_id: request.version_id.unwrap_or(published.latest.version),
    };
    let (listing, version) = super::version(store, published.partner, &place).await?;
    if !version.is_downloadable() {
        return Err(Problem::not_found());
    }
    let reporter = principal.map(|principal| principal.user);
    let request = request.into();
    let case = listing::report(
        &listing,
        &version,
        &request,
        reporter.as_ref().map(|user| user.id),
        call.now,
    );
    let case = case.map_err(problems::flawed)?;
    let view = |suspended| ReportView {
        version_id: version.id,
        kind: request.kind,
        suspended,
        due_at: case.due_at,
    };
    let of_the_team = match &reporter {
        Some(user) => is_member(store, published.partner, user).await?,
        None => false,
    };
    let trusted = reporter.filter(|user| user.trusted_reporter && !of_the_team);
    catalogue::report(store, &case).await?;
    let Some(trusted) = trusted else {
        return Ok((StatusCode::ACCEPTED, Json(view(false))));
    };
    let owner = standing::load(store, published.partner).await?;
    let sitting = Sitting {
        reviewer: Reviewer {
            user: trusted.id,
            of_the_team,
        },
        owner: owner.owner,
        now: call.now,
        seed: &call.seed,
    };
    let suspension = DecisionRequest {
        act: ListedAct::Suspend,
        reason_code: Some(ReasonCode::UnderInvestigation),
        note: format!(
            "Somebody whose reports we trust says: {}. We are looking into it.",
            request.kind
        ),
    };
    rule_on(
        store,
        (&listing, &version),
        &standing::seller(&owner),
        &suspension,
        &sitting,
    )
    .await?;
    Ok((StatusCode::ACCEPTED, Json(view(true))))
}

/// Closes a report when nothing is left to be done about it. What follows from it is decided about the version.
#[utoipa::path(post, path = "/v1/partners/{partner_id}/review-cases/{case_id}/closure", tag = "review", request_body = CloseReport,
    params(("partner_id" = PartnerId, Path), ("case_id" = CaseId, Path)),
    responses((status = 200, body = ClosedView), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
pub(crate) async fn close(
    State(context): State<Context>,
    operator: PartnerOperator<ListingsRead>,
    call: Call,
    Path(path): Path<CasePath>,
    Json(request): Json<CloseReport>,
) -> Result<Json<ClosedView>, Problem> {
    let (store, partner) = (&context.store, operator.partner);
    let closed = ClosedView {
        case_id: path.case_id,
        closed_at: call.now,
    };
    let case = super::case(store, partner, path.case_id).await?;
    let version = catalogue::version(store, case.listing, case.version).await?;
    let version = version.ok_or_else(Problem::not_found)?;
    let sitting = Sitting {
        reviewer: reviewer(store, &operator).await?,
        owner: standing::load(store, partner).await?.owner,
        now: call.now,
        seed: &call.seed,
    };
    let act = listing::close(&case, &version, &request.into(), &sitting).map_err(problems::close)?;
    let moderation = Moderation {
        ends: Some(&case),
        reviewer: operator.user.id,
        at: call.now,
    };
    catalogue::close_report(store, &act, moderation).await?;
    Ok(Json(closed))
}

/// How long those waited, in a month, who waited for a moderator: from the opening of each case to its first decision.
#[utoipa::path(get, path = "/v1/review-turnaround", tag = "review", params(TurnaroundParams),
    responses((status = 200, body = TurnaroundView), (status = 400, body = ProblemDocument), (status = 403, body = ProblemDocument)))]
pub(crate) async fn turnaround(
    State(context): State<Context>,
    _operator: Operator,
    call: Call,
    Query(params): Query<TurnaroundParams>,
) -> Result<Json<TurnaroundView>, Problem> {
    let month = match params.month {
        Some(month) => Date::strptime("%Y-%m-%d", format!("{month}-01")).map_err(|_| {
            Problem::bad_request(
                "bad_month",
                "A month is written as 2026-11: the year, a hyphen, two digits.",
            )
        })?,
        None => call.now.to_zoned(TimeZone::UTC).date(),
    };
    let closed = catalogue::closed_cases(&context.store, month).await?;
    Ok(Json(TurnaroundView {
        month: month.strftime("%Y-%m").to_string(),
        items: turnarounds(&closed).into_iter().map(Into::into).collect(),
    }))
}

async fn is_member(store: &Store, partner: PartnerId, user: &shared::auth::User) -> Result<bool, Problem> {
    Ok(accounts::member(store, partner, user.id).await?.is_some())
}
