//! API tokens of the caller. Only somebody who has signed in may touch them: a token cannot make or end tokens.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use shared::auth::scope::SignIn;
use shared::auth::{ApiToken, Principal};
use shared::http::{Call, Json, Page, Paging, PagingParams, Path, Problem, ProblemDocument, ShownOnce};
use shared::ids::TokenId;
use shared::partner::profile;
use shared::store::accounts::{self, ApiTokenItem};

use crate::api::{ApiTokenView, CreateApiToken, NewApiToken};
use crate::context::Context;

/// Makes an API token. The secret is shown in this answer and nowhere else.
#[utoipa::path(post, path = "/v1/api-tokens", tag = "people", request_body = CreateApiToken,
    responses((status = 201, body = NewApiToken), (status = 403, body = ProblemDocument),
        (status = 409, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
pub(crate) async fn create(
    State(context): State<Context>,
    principal: Principal<SignIn>,
    call: Call,
    Json(request): Json<CreateApiToken>,
) -> Result<impl IntoResponse, Problem> {
    let token = ApiToken::generate();
    let item = ApiTokenItem {
        id: call.seed.id("token"),
        user: principal.user.id,
        label: profile::label(&request.label).map_err(Problem::internal)?,
        hint: token.hint(),
        valid_until: call
            .now
            .saturating_add(request.valid_for())
            .map_err(Problem::internal)?,
        scopes: request.scopes,
        secret_sha256: token.sha256(),
        created_at: call.now,
        revoked_at: None,
    };
    let place = format!("/v1/api-tokens/{}", item.id);
    let created = context.store.transact(accounts::create_api_token(&item)?.into()).await;
    // The same request was cut off before it could answer: its token is there, but nobody has its secret.
    created.map_err(|error| {
        if error.is_conflict() {
            unseen(&place)
        } else {
            error.into()
        }
    })?;
    let body = NewApiToken {
        token: item.into(),
        secret: token.reveal().to_owned(),
    };
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], ShownOnce, Json(body)))
}

fn unseen(place: &str) -> Problem {
    let detail = format!(
        "The first request made {place}, but its secret was never shown. Delete it and make another with a new key."
    );
    Problem::conflict("secret_shown_once", detail)
}

/// The caller's tokens, without their secrets.
#[utoipa::path(get, path = "/v1/api-tokens", tag = "people", params(PagingParams),
    responses((status = 200, body = Page<ApiTokenView>), (status = 403, body = ProblemDocument)))]
pub(crate) async fn list(
    State(context): State<Context>,
    principal: Principal<SignIn>,
    paging: Paging,
) -> Result<Json<Page<ApiTokenView>>, Problem> {
    let page = accounts::user_api_tokens(&context.store, principal.user.id, paging.limit(), paging.after()).await?;
    Ok(Json(paging.page(page, ApiTokenView::from)))
}

/// Ends a token at once. Ending it again changes nothing.
#[utoipa::path(delete, path = "/v1/api-tokens/{token_id}", tag = "people", params(("token_id" = TokenId, Path)),
    responses((status = 204), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument)))]
pub(crate) async fn revoke(
    State(context): State<Context>,
    principal: Principal<SignIn>,
    call: Call,
    Path(token): Path<TokenId>,
) -> Result<StatusCode, Problem> {
    let item = accounts::user_api_token(&context.store, principal.user.id, token).await?;
    let item = item.ok_or_else(Problem::not_found)?;
    if item.revoked_at.is_none() {
        context
            .store
            .transact(accounts::revoke_api_token(&item, call.now).into())
            .await?;
    }
    Ok(StatusCode::NO_CONTENT)
}
