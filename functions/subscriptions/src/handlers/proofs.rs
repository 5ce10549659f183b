//! Who studies or teaches: shown by customers, decided by operators.

use std::convert::identity;

use axum::extract::State;
use axum::http::StatusCode;
use shared::audit::AuditEvent;
use shared::auth::scope::{OrdersRead, OrdersWrite};
use shared::auth::{Operator, Principal};
use shared::http::{Call, Json, Page, Paging, PagingParams, Path, Problem, ProblemDocument};
use shared::ids::EducationalProofId;
use shared::store::audit::{self, Audited};
use shared::store::subscriptions;
use shared::subscription::EducationalProof;
use shared::subscription::education::ProofState;

use super::act;
use crate::api::{DecideProof, ProofDecision, ProofView, ShowProof};
use crate::context::Context;

/// Shows that the caller studies or teaches. Once it is accepted, plans with an educational discount cost less for a year.
#[utoipa::path(post, path = "/v1/educational-proofs", tag = "subscriptions", request_body = ShowProof,
    responses((status = 201, body = ProofView), (status = 409, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
pub(crate) async fn create(
    State(context): State<Context>,
    principal: Principal<OrdersWrite>,
    call: Call,
    Json(request): Json<ShowProof>,
) -> Result<(StatusCode, Json<ProofView>), Problem> {
    let (store, customer) = (&context.store, principal.user.id);
    let id: EducationalProofId = call.seed.id("proof");
    let earlier = subscriptions::proofs(store, customer, None, 100).await?.items;
    let waits = |proof: &&EducationalProof| proof.id != id && proof.state == ProofState::Pending;
    if let Some(waiting) = earlier.iter().find(waits) {
        let detail = format!("{} waits to be decided. You will get a mail.", waiting.id);
        return Err(Problem::conflict("proof_pending", detail));
    }
    let proof = EducationalProof {
        id,
        customer,
        institution: request.institution.trim().to_owned(),
        evidence: Some(request.evidence.trim().to_owned()),
        created_at: call.now,
        state: ProofState::Pending,
    };
    let proof = subscriptions::create_proof(store, &proof).await?;
    Ok((StatusCode::CREATED, Json(ProofView::from(proof))))
}

/// What the caller has shown, newest first.
#[utoipa::path(get, path = "/v1/educational-proofs", tag = "subscriptions", params(PagingParams),
    responses((status = 200, body = Page<ProofView>)))]
pub(crate) async fn list(
    State(context): State<Context>,
    principal: Principal<OrdersRead>,
    paging: Paging,
) -> Result<Json<Page<ProofView>>, Problem> {
    let page = subscriptions::proofs(&context.store, principal.user.id, paging.after(), paging.limit()).await?;
    Ok(Json(paging.page(page, ProofView::from)))
}

/// What waits for an operator, oldest first.
#[utoipa::path(get, path = "/v1/educational-proofs/pending", tag = "subscriptions", params(PagingParams),
    responses((status = 200, body = Page<ProofView>), (status = 403, body = ProblemDocument)))]
pub(crate) async fn pending(
    State(context): State<Context>,
    _operator: Operator,
    paging: Paging,
) -> Result<Json<Page<ProofView>>, Problem> {
    let page = subscriptions::pending_proofs(&context.store, paging.after(), paging.limit()).await?;
    Ok(Json(paging.page(page, ProofView::from)))
}

/// Accepts a proof for a year, or refuses it. The customer gets a mail; what was shown is erased.
#[utoipa::path(post, path = "/v1/educational-proofs/{proof_id}/decisions", tag = "subscriptions", request_body = DecideProof,
    params(("proof_id" = EducationalProofId, Path)),
    responses((status = 200, body = ProofView), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
pub(crate) async fn decide(
    State(context): State<Context>,
    operator: Operator,
    call: Call,
    Path(id): Path<EducationalProofId>,
    Json(request): Json<DecideProof>,
) -> Result<Json<ProofView>, Problem> {
    let store = &context.store;
    let proof = subscriptions::proof_by_id(store, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let (action, decided) = match request.decision {
        ProofDecision::Accept => ("educational_proof.accept", proof.accept(call.now)),
        ProofDecision::Refuse => {
            let note = request.note.as_deref().unwrap_or_default();
            ("educational_proof.refuse", proof.refuse(note.trim(), call.now))
        }
    };
    let act = AuditEvent {
        evidence: request.note.clone(),
        ..act(&call, operator.user.id, action, id)
    };
    if audit::event(store, Audited::Proof(id), act.id).await?.is_some() {
        // The same request was made before, and did not get to its answer.
        return Ok(Json(ProofView::from(proof.value)));
    }
    let decided = decided.map_err(|error| Problem::conflict("proof_decided", format!("{error}.")))?;
    subscriptions::decide_proof(store, &decided, proof.revision, &act).await?;
    Ok(Json(ProofView::from(decided)))
}

/// Who decided a proof, and how, newest first.
#[utoipa::path(get, path = "/v1/educational-proofs/{proof_id}/audit-events", tag = "subscriptions",
    params(("proof_id" = EducationalProofId, Path), PagingParams),
    responses((status = 200, body = Page<AuditEvent>), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument)))]
pub(crate) async fn audit_events(
    State(context): State<Context>,
    _operator: Operator,
    Path(id): Path<EducationalProofId>,
    paging: Paging,
) -> Result<Json<Page<AuditEvent>>, Problem> {
    let proof = subscriptions::proof_by_id(&context.store, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let page = audit::events(&context.store, Audited::Proof(proof.id), paging.after(), paging.limit()).await?;
    Ok(Json(paging.page(page, identity)))
}
