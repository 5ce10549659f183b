//! Uses: how often a licence was used.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use shared::auth::Operator;
use shared::http::{Call, Json, Path, Problem, ProblemDocument};
use shared::ids::LicenceId;
use shared::licensing::{Grant, Policy, Resource, seat};
use shared::store::audit::{self, Audited};
use shared::store::licences::{self, UsesCounted};

use super::{Decided, act, again, change};
use crate::api::leases::{CorrectUses, CountUses, UsesView};
use crate::context::Context;
use crate::holder::Holder;
use crate::problems;

const MAX_KEY_CHARS: usize = 256;

/// Counts uses. With an `Idempotency-Key` they are counted once, however often the request arrives within a day.
#[utoipa::path(post, path = "/v1/licences/{licence_id}/uses", tag = "licences", request_body = CountUses,
    params(("licence_id" = LicenceId, Path)),
    responses((status = 200, body = UsesView), (status = 400, body = ProblemDocument), (status = 422, body = ProblemDocument),
        (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument), (status = 429, body = ProblemDocument)))]
pub(crate) async fn count(
    State(context): State<Context>,
    Holder { licence, call }: Holder,
    headers: HeaderMap,
    Json(request): Json<CountUses>,
) -> Result<Json<UsesView>, Problem> {
    let (id, counted) = (licence.id, UsesCounted { uses: request.uses });
    let mut also = Vec::new();
    if let Some(key) = idempotency_key(&headers)? {
        match licences::uses_counted(&context.store, id, key).await? {
            Some(before) if before == counted => return Ok(Json(view(&licence.policy(), &licence.granted()))),
            Some(_) => return Err(problems::other_uses()),
            None => also.push(licences::count_uses(id, key, &counted, call.now)?),
        }
    }
    let used = |policy: &Policy, grant: &Grant| {
        let next = seat::count_uses(policy, grant, request.uses, call.now)?;
        let uses = view(policy, &next);
        Ok(Decided {
            also: also.clone(),
            ..Decided::of(next, uses)
        })
    };
    let uses = change(&context.store, licence, used, problems::uses).await?;
    Ok(Json(uses))
}

/// Takes uses back that were counted by mistake, or all of them. For operators.
#[utoipa::path(post, path = "/v1/licences/{licence_id}/use-corrections", tag = "licences", request_body = CorrectUses,
    params(("licence_id" = LicenceId, Path)),
    responses((status = 201, body = UsesView), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
pub(crate) async fn correct(
    State(context): State<Context>,
    operator: Operator,
    call: Call,
    Path(id): Path<LicenceId>,
    Json(request): Json<CorrectUses>,
) -> Result<(StatusCode, Json<UsesView>), Problem> {
    let licence = again(&context.store, id).await?;
    let act = shared::audit::AuditEvent {
        evidence: Some(request.note.trim().to_owned()),
        ..act(&call, operator.user.id, "licence.return_uses", id)
    };
    if audit::event(&context.store, Audited::Licence(id), act.id)
        .await?
        .is_some()
    {
        // The same request was made before, and did not get to its answer.
        let uses = view(&licence.policy(), &licence.granted());
        return Ok((StatusCode::CREATED, Json(uses)));
    }
    let entry = audit::entry(Audited::Licence(id), &act)?;
    let returned = |policy: &Policy, grant: &Grant| {
        let next = seat::return_uses(grant, request.uses.unwrap_or(grant.uses))?;
        let uses = view(policy, &next);
        Ok(Decided {
            also: vec![entry.clone()],
            ..Decided::of(next, uses)
        })
    };
    let uses = change(&context.store, licence, returned, problems::uses).await?;
    Ok((StatusCode::CREATED, Json(uses)))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default();
    if text.is_empty() || text.len() > MAX_KEY_CHARS {
        let detail = format!("Send one Idempotency-Key of 1 to {MAX_KEY_CHARS} printable ASCII characters.");
        return Err(Problem::bad_request("invalid_idempotency_key", detail));
    }
    Ok(Some(text))
}

fn view(policy: &Policy, grant: &Grant) -> UsesView {
    UsesView {
        uses: grant.uses,
        allowed: grant.allowed(policy, Resource::Uses),
    }
}
