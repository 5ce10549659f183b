//! The partner's team.

use axum::extract::State;
use axum::http::StatusCode;
use shared::auth::scope::{PartnersRead, SignIn};
use shared::auth::{Fresh, PartnerMember, PartnerOwner, Standing};
use shared::http::{Call, Json, Page, Paging, PagingParams, Path, Problem, ProblemDocument};
use shared::ids::{PartnerId, UserId};
use shared::partner::team::{self, MAX_TEAM, TeamError};
use shared::store::accounts::{self, MemberItem, Role};
use shared::store::partners;

use crate::api::{AddMember, MemberView};
use crate::context::{Context, act};

/// The team, for its members and for operators.
#[utoipa::path(get, path = "/v1/partners/{partner_id}/members", tag = "partners",
    params(("partner_id" = PartnerId, Path), PagingParams),
    responses((status = 200, body = Page<MemberView>), (status = 404, body = ProblemDocument)))]
pub(crate) async fn list(
    State(context): State<Context>,
    member: PartnerMember<PartnersRead>,
    paging: Paging,
) -> Result<Json<Page<MemberView>>, Problem> {
    let partner = context.partner(member.partner).await?.id;
    let page = accounts::members(&context.store, partner, paging.limit(), paging.after()).await?;
    Ok(Json(paging.page(page, MemberView::from)))
}

/// Adds somebody who has signed in here before. Only owners may, with a fresh sign-in; all owners get a mail.
#[utoipa::path(post, path = "/v1/partners/{partner_id}/members", tag = "partners",
    params(("partner_id" = PartnerId, Path)), request_body = AddMember,
    responses((status = 201, body = MemberView), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument),
        (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument),
        (status = 422, body = ProblemDocument)))]
pub(crate) async fn add(
    State(context): State<Context>,
    Fresh(owner): Fresh<PartnerOwner<SignIn>>,
    call: Call,
    Json(request): Json<AddMember>,
) -> Result<(StatusCode, Json<MemberView>), Problem> {
    let (user, role, act) = (request.user_id, request.role, act(&owner.user, &call));
    if let Some(known) = accounts::member(&context.store, owner.partner, user).await? {
        return if context.done(owner.partner, &act).await?.is_some() {
            Ok((StatusCode::CREATED, Json(known.value.into())))
        } else {
            Err(Problem::conflict(
                "already_member",
                "This user is in the team. To change the role, remove and add them.",
            ))
        };
    }
    if accounts::user(&context.store, user).await?.is_none() {
        let detail = "There is no such user. They must sign in once, and give you the id that GET /v1/me shows them.";
        return Err(Problem::refused("unknown_user", "/user_id", detail));
    }
    let partner = context.partner(owner.partner).await?;
    let change = team::add(&partner, user, role == Role::Owner, act).map_err(refusal)?;
    let member = MemberItem {
        partner: owner.partner,
        user,
        role,
        since: call.now,
    };
    partners::save(
        &context.store,
        &change,
        partner.revision,
        accounts::add_member(&member)?,
    )
    .await?;
    Ok((StatusCode::CREATED, Json(member.into())))
}

/// Takes somebody out of the team. Owners may remove anybody, everybody may leave, all with a fresh sign-in; the last owner stays.
/// All owners get a mail. An owner who leaves answers for what the partner owes for another 180 days.
#[utoipa::path(delete, path = "/v1/partners/{partner_id}/members/{user_id}", tag = "partners",
    params(("partner_id" = PartnerId, Path), ("user_id" = UserId, Path)),
    responses((status = 204), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument)))]
pub(crate) async fn remove(
    State(context): State<Context>,
    Fresh(member): Fresh<PartnerMember<SignIn>>,
    call: Call,
    path: Path<(PartnerId, UserId)>,
) -> Result<StatusCode, Problem> {
    let Path((_, user)) = path;
    if member.standing != Standing::Owner && user != member.user.id {
        return Err(Problem::forbidden(
            "owner_required",
            "Only an owner may remove others. You may remove yourself.",
        ));
    }
    accounts::member(&context.store, member.partner, user)
        .await?
        .ok_or_else(Problem::not_found)?;
    let partner = context.partner(member.partner).await?;
    let change = team::remove(&partner, user, act(&member.user, &call)).map_err(refusal)?;
    let mut writes = accounts::remove_member(member.partner, user).to_vec();
    if partner.is_owner(user) {
        writes.push(accounts::remember_former_owner(member.partner, user, call.now));
    }
    partners::save(&context.store, &change, partner.revision, writes).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn refusal(error: TeamError) -> Problem {
    match error {
        TeamError::Full => Problem::conflict(
            "team_full",
            format!("A team has at most {MAX_TEAM} members. Remove one first."),
        ),
        TeamError::LastOwner => Problem::conflict(
            "last_owner",
            "A partner needs an owner. Add another one first, then remove this one.",
        ),
    }
}
