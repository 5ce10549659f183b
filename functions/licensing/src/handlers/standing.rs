//! What operators decide about a licence.

use std::convert::identity;

use axum::extract::State;
use axum::http::StatusCode;
use shared::audit::AuditEvent;
use shared::auth::Operator;
use shared::http::{Call, Json, Page, Paging, PagingParams, Path, Problem, ProblemDocument};
use shared::ids::LicenceId;
use shared::licence::Licence;
use shared::licensing::{Grant, lifecycle};
use shared::messages::{Envelope, Message};
use shared::store::audit::{self, Audited};
use shared::store::{StoreError, leases};

use super::{INSISTENCE, again, kept};
use crate::api::{DecideLicence, StandingView};
use crate::context::Context;
use crate::problems;

/// Suspends, reinstates, bans or revokes a licence. Its software is told with the next validation.
#[utoipa::path(post, path = "/v1/licences/{licence_id}/decisions", tag = "licences", request_body = DecideLicence,
    params(("licence_id" = LicenceId, Path)),
    responses((status = 201, body = StandingView), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
pub(crate) async fn decide(
    State(context): State<Context>,
    operator: Operator,
    call: Call,
    Path(id): Path<LicenceId>,
    Json(request): Json<DecideLicence>,
) -> Result<(StatusCode, Json<StandingView>), Problem> {
    let store = &context.store;
    let view = |grant: &Grant| StandingView {
        licence_id: id,
        status: grant.status(call.now),
        machines: grant.machines.len(),
    };
    for _ in 0..INSISTENCE {
        let licence = again(store, id).await?;
        let grant = licence.granted();
        let done = audit::event(store, Audited::Licence(id), call.seed.id("audit")).await?;
        if done.is_some() {
            // The same request was made before, and did not get to its answer.
            return Ok((StatusCode::CREATED, Json(view(&grant))));
        }
        let (why, by) = ((request.reason_code, request.note.trim()), operator.user.id);
        let ruled = lifecycle::rule(&grant, request.decision, why, by, call.now, &call.seed);
        let ruled = ruled.map_err(problems::standing)?;
        let mut also = leases::release(store, &licence.policy(), &grant, &ruled.gone).await?;
        let ended = ruled
            .grant
            .standing
            .is_withdrawn()
            .then(|| unpaid(&licence, &call))
            .flatten();
        also.push(audit::entry(Audited::Licence(id), &ruled.audit)?.outbox(ended.as_slice())?);
        if kept(store, &licence, &licence.with(ruled.grant.clone()), also).await? {
            return Ok((StatusCode::CREATED, Json(view(&ruled.grant))));
        }
    }
    Err(StoreError::Busy.into())
}

/// Nobody goes on paying for what they may not use: the subscription hears of it, if one pays for the licence.
fn unpaid(licence: &Licence, call: &Call) -> Option<Envelope> {
    let by = licence.subscription?;
    let news = Message::SubscriptionChanged {
        event_id: call.seed.to_string(),
        customer: by.customer,
        subscription: by.subscription,
        at: call.now,
    };
    Some(Envelope::new(call.seed.id("subscription"), news))
}

/// What was done to the licence, newest first: decisions, keys that were changed, owners. For operators.
#[utoipa::path(get, path = "/v1/licences/{licence_id}/audit-events", tag = "licences",
    params(("licence_id" = LicenceId, Path), PagingParams),
    responses((status = 200, body = Page<AuditEvent>), (status = 403, body = ProblemDocument)))]
pub(crate) async fn audit_events(
    State(context): State<Context>,
    _operator: Operator,
    Path(id): Path<LicenceId>,
    paging: Paging,
) -> Result<Json<Page<AuditEvent>>, Problem> {
    let page = audit::events(&context.store, Audited::Licence(id), paging.after(), paging.limit()).await?;
    Ok(Json(paging.page(page, identity)))
}
