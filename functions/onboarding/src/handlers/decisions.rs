//! Operators' decisions about partners.

use axum::extract::State;
use axum::http::StatusCode;
use shared::auth::ImpartialOperator;
use shared::auth::scope::PartnersRead;
use shared::http::{Call, Json, Problem, ProblemDocument};
use shared::ids::PartnerId;
use shared::partner::decide::{self, DecideError};
use shared::partner::hold::{HoldReason, Origin};
use shared::store::partners;
use strum::IntoEnumIterator;

use crate::api::{Decide, DecisionKind, DecisionView, PartnerView};
use crate::context::{Context, act};

/// Approves, rejects, suspends, reinstates or reopens. The partner's owner is told by mail, with reason and evidence.
#[utoipa::path(post, path = "/v1/partners/{partner_id}/decisions", tag = "partners",
    params(("partner_id" = PartnerId, Path)), request_body = Decide,
    responses((status = 201, body = DecisionView), (status = 403, body = ProblemDocument),
        (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument),
        (status = 422, body = ProblemDocument)))]
pub(crate) async fn create(
    State(context): State<Context>,
    operator: ImpartialOperator<PartnersRead>,
    call: Call,
    Json(request): Json<Decide>,
) -> Result<(StatusCode, Json<DecisionView>), Problem> {
    let decision = request.checked().map_err(Problem::invalid)?;
    let act = act(&operator.user, &call);
    let before = context.partner(operator.partner).await?;
    let (partner, decided_at) = match decide::decide(&before, &decision, act) {
        Ok(change) => {
            partners::save(&context.store, &change, before.revision, []).await?;
            (change.partner, call.now)
        }
        Err(DecideError::WrongReason { .. }) => return Err(wrong_reason(request.decision)),
        Err(DecideError::WrongStatus { status, decision: past }) => match context.done(operator.partner, &act).await? {
            Some(event) => (before.value, event.at),
            None => {
                let (needed, _) = decision.transition();
                let detail = format!("The partner is {status}; only one that is {needed} can be {past}.");
                return Err(Problem::conflict("wrong_status", detail));
            }
        },
    };
    let view = DecisionView {
        id: call.seed.id("decision"),
        decision: request.decision,
        reason_code: request.reason_code,
        evidence: request.evidence,
        decided_by: operator.user.id,
        decided_at,
        partner: PartnerView::of(partner, None, call.now),
    };
    Ok((StatusCode::CREATED, Json(view)))
}

fn wrong_reason(decision: DecisionKind) -> Problem {
    let origin = if decision == DecisionKind::Reject {
        Origin::Rejection
    } else {
        Origin::Suspension
    };
    let fitting: Vec<_> = HoldReason::iter()
        .filter(|reason| reason.origin() == origin)
        .map(|reason| reason.to_string())
        .collect();
    Problem::refused(
        "wrong_reason_code",
        "/reason_code",
        format!("must be one of {}", fitting.join(", ")),
    )
}
