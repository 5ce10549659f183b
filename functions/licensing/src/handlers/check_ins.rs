//! Check-ins: that the customer's software is heard of every now and then.

use axum::extract::State;
use shared::http::{Json, Problem, ProblemDocument};
use shared::ids::LicenceId;
use shared::licensing::{Grant, Policy, term};

use super::{Decided, change};
use crate::api::leases::CheckInView;
use crate::context::Context;
use crate::holder::Holder;
use crate::problems;

/// The software checks in. May be repeated.
#[utoipa::path(post, path = "/v1/licences/{licence_id}/check-ins", tag = "licences", params(("licence_id" = LicenceId, Path)),
    responses((status = 200, body = CheckInView), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument), (status = 429, body = ProblemDocument)))]
pub(crate) async fn check_in(
    State(context): State<Context>,
    Holder { licence, call }: Holder,
) -> Result<Json<CheckInView>, Problem> {
    let checked = |policy: &Policy, grant: &Grant| {
        let next = term::check_in(policy, grant, call.now)?;
        let view = CheckInView {
            checked_in_at: call.now,
            due_at: term::check_in_due(policy, &next),
        };
        Ok(Decided::of(next, view))
    };
    let view = change(&context.store, licence, checked, problems::check_in).await?;
    Ok(Json(view))
}
