//! Applications and partners.

use std::collections::HashMap;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use shared::auth::scope::{PartnersRead, PartnersWrite};
use shared::auth::{PartnerMember, Principal, Standing, User};
use shared::http::{Call, Json, Page, Paging, PagingParams, Problem, ProblemDocument, Query};
use shared::ids::PartnerId;
use shared::partner::{Partner, Status, apply as application};
use shared::store::accounts::{self, Role};
use shared::store::{self, partners};

use crate::api::{Apply, PartnerFilter, PartnerView};
use crate::context::{Context, act};

/// Applies to become a partner. The caller becomes its owner; what is still missing, and who must do it by when, is in `holds`.
#[utoipa::path(post, path = "/v1/partners", tag = "partners", request_body = Apply,
    responses((status = 201, body = PartnerView), (status = 409, body = ProblemDocument),
        (status = 422, body = ProblemDocument)))]
pub(crate) async fn apply(
    State(context): State<Context>,
    principal: Principal<PartnersWrite>,
    call: Call,
    Json(request): Json<Apply>,
) -> Result<impl IntoResponse, Problem> {
    let change = application::apply(
        request.checked().map_err(Problem::invalid)?,
        act(&principal.user, &call),
    );
    let answers_for = accounts::answered_for(&context.store, principal.user.id, call.now).await?;
    let answers_for: Vec<_> = answers_for.into_iter().collect();
    let others = partners::load_many(&context.store, &answers_for).await?;
    let change = application::mention_held(change, &others);
    let created = partners::create(&context.store, &change).await;
    let partner = match created {
        Ok(()) => change.partner,
        Err(error) if error.is_conflict() => earlier(&context, &principal.user, &change.partner).await?,
        Err(error) => return Err(error.into()),
    };
    let place = format!("/v1/partners/{}", partner.id);
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, place)],
        Json(PartnerView::of(partner, Some(Role::Owner), call.now)),
    ))
}

/// What the same request made before it was cut off; a refusal where it was another request.
async fn earlier(context: &Context, user: &User, wanted: &Partner) -> Result<Partner, Problem> {
    match partners::applied_for(&context.store, user.id, &wanted.name.folded()).await? {
        Some(id) if id == wanted.id => Ok(context.partner(id).await?.value),
        Some(id) => {
            let detail = format!(
                "You have applied under this name before: see /v1/partners/{id}. A rejected application can be reopened."
            );
            Err(Problem::conflict("already_applied", detail))
        }
        None => Err(Problem::changed_meanwhile()),
    }
}

/// The partners that the caller works for; with `status`, for operators, all partners of that status.
#[utoipa::path(get, path = "/v1/partners", tag = "partners", params(PartnerFilter, PagingParams),
    responses((status = 200, body = Page<PartnerView>), (status = 403, body = ProblemDocument)))]
pub(crate) async fn list(
    State(context): State<Context>,
    principal: Principal<PartnersRead>,
    call: Call,
    Query(filter): Query<PartnerFilter>,
    paging: Paging,
) -> Result<Json<Page<PartnerView>>, Problem> {
    match filter.status {
        Some(status) => of_status(&context, &principal.user, status, &paging, &call).await,
        None => own(&context, &principal.user, &paging, &call).await,
    }
}

async fn of_status(
    context: &Context,
    user: &User,
    status: Status,
    paging: &Paging,
    call: &Call,
) -> Result<Json<Page<PartnerView>>, Problem> {
    if !user.operator {
        let detail = "Only operators may list all partners. Without \"status\" you get those that you work for.";
        return Err(Problem::forbidden("operator_required", detail));
    }
    let page = partners::with_status(&context.store, status, paging.limit(), paging.after()).await?;
    Ok(Json(
        paging.page(page, |partner| PartnerView::of(partner, None, call.now)),
    ))
}

async fn own(context: &Context, user: &User, paging: &Paging, call: &Call) -> Result<Json<Page<PartnerView>>, Problem> {
    let page = accounts::memberships(&context.store, user.id, paging.limit(), paging.after()).await?;
    let roles: HashMap<PartnerId, Role> = page.items.iter().map(|member| (member.partner, member.role)).collect();
    let ids: Vec<_> = page.items.iter().map(|member| member.partner).collect();
    let partners = partners::load_many(&context.store, &ids).await?;
    let page = store::Page {
        items: partners,
        next: page.next,
    };
    Ok(Json(paging.page(page, |partner| {
        let role = roles.get(&partner.id).copied();
        PartnerView::of(partner, role, call.now)
    })))
}

/// A partner, for its team and for operators.
#[utoipa::path(get, path = "/v1/partners/{partner_id}", tag = "partners", params(("partner_id" = PartnerId, Path)),
    responses((status = 200, body = PartnerView), (status = 404, body = ProblemDocument)))]
pub(crate) async fn show(
    State(context): State<Context>,
    member: PartnerMember<PartnersRead>,
    call: Call,
) -> Result<Json<PartnerView>, Problem> {
    let role = match member.standing {
        Standing::Owner => Some(Role::Owner),
        Standing::Member => Some(Role::Member),
        Standing::Operator => None,
    };
    Ok(Json(PartnerView::of(
        context.partner(member.partner).await?.value,
        role,
        call.now,
    )))
}
