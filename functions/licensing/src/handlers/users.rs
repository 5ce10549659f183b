//! Seats: who belongs to a licence.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use shared::http::{Json, Path, Problem, ProblemDocument};
use shared::ids::{LicenceId, UserId};
use shared::licensing::{Grant, Policy, Resource, seat};

use super::{Decided, change};
use crate::api::leases::UsersView;
use crate::context::Context;
use crate::holder::Holder;
use crate::problems;

#[derive(Deserialize)]
pub(crate) struct UserPath {
    pub user_id: UserId,
}

/// Who has a seat. The owner belongs to the licence with or without one.
#[utoipa::path(get, path = "/v1/licences/{licence_id}/users", tag = "licences", params(("licence_id" = LicenceId, Path)),
    responses((status = 200, body = UsersView), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument), (status = 429, body = ProblemDocument)))]
pub(crate) async fn list(Holder { licence, .. }: Holder) -> Json<UsersView> {
    Json(view(&licence.policy(), &licence.granted()))
}

/// Gives somebody a seat. Who has one keeps it.
#[utoipa::path(put, path = "/v1/licences/{licence_id}/users/{user_id}", tag = "licences",
    params(("licence_id" = LicenceId, Path), ("user_id" = UserId, Path)),
    responses((status = 200, body = UsersView), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument), (status = 429, body = ProblemDocument)))]
pub(crate) async fn attach(
    State(context): State<Context>,
    Holder { licence, call }: Holder,
    Path(path): Path<UserPath>,
) -> Result<Json<UsersView>, Problem> {
    if licence.granted().users.contains(&path.user_id) {
        return Ok(Json(view(&licence.policy(), &licence.granted())));
    }
    let attached = |policy: &Policy, grant: &Grant| {
        let next = seat::attach(policy, grant, path.user_id, call.now)?;
        let users = view(policy, &next);
        Ok(Decided::of(next, users))
    };
    let users = change(&context.store, licence, attached, problems::seat).await?;
    Ok(Json(users))
}

/// Takes a seat back, and with it the machines of who had it. Where there is none, nothing is to be done.
#[utoipa::path(delete, path = "/v1/licences/{licence_id}/users/{user_id}", tag = "licences",
    params(("licence_id" = LicenceId, Path), ("user_id" = UserId, Path)),
    responses((status = 204), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument), (status = 429, body = ProblemDocument)))]
pub(crate) async fn detach(
    State(context): State<Context>,
    Holder { licence, call }: Holder,
    Path(path): Path<UserPath>,
) -> Result<StatusCode, Problem> {
    if !licence.granted().users.contains(&path.user_id) {
        return Ok(StatusCode::NO_CONTENT);
    }
    let detached = |policy: &Policy, grant: &Grant| {
        let left = seat::detach(policy, grant, path.user_id, call.now)?;
        Ok(Decided {
            gone: left.gone,
            ..Decided::of(left.grant, ())
        })
    };
    change(&context.store, licence, detached, problems::seat).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn view(policy: &Policy, grant: &Grant) -> UsersView {
    UsersView {
        items: grant.users.iter().copied().collect(),
        allowed: grant.allowed(policy, Resource::Users),
    }
}
