//! Policies of partners' own, and which policy a licence is under.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use shared::auth::scope::{ListingsRead, ListingsWrite};
use shared::auth::{OwnerOrOperator, PartnerMember};
use shared::http::{Call, FieldError, Json, Page, Paging, PagingParams, Path, Problem, ProblemDocument};
use shared::ids::{LicenceId, ListingId, PartnerId, PolicyId};
use shared::licence::Terms;
use shared::licence::policies::{OwnPolicy, SalePolicy, TrialOffer, put_under};
use shared::licensing::Preset;
use shared::store::audit::{self, Audited};
use shared::store::leases::{self, Move};
use shared::store::{Store, StoreError, catalogue, licences};
use strum::IntoEnumIterator;

use super::{INSISTENCE, act, kept, of_partner};
use crate::api::batches::IssuedView;
use crate::api::policies::{
    NamePolicy, OfferTrial, PolicyTerms, PolicyView, PresetsView, SalePolicyView, TrialOfferView,
};
use crate::context::Context;
use crate::problems;

#[derive(Deserialize)]
pub(crate) struct PolicyPath {
    pub policy_id: PolicyId,
}

#[derive(Deserialize)]
pub(crate) struct ListingPath {
    pub listing_id: ListingId,
}

#[derive(Deserialize)]
pub(crate) struct LicencePath {
    pub licence_id: LicenceId,
}

/// The policies that the marketplace ships; any partner may use them.
#[utoipa::path(get, path = "/v1/policy-presets", tag = "licences", responses((status = 200, body = PresetsView)))]
pub(crate) async fn presets() -> Json<PresetsView> {
    Json(PresetsView {
        items: Preset::iter()
            .map(|preset| PolicyView::of(preset.policy(), None))
            .collect(),
    })
}

/// Makes a policy. It is never changed: a licence carries the one that it was issued under, and can be put under another.
#[utoipa::path(post, path = "/v1/partners/{partner_id}/policies", tag = "licences", request_body = PolicyTerms,
    params(("partner_id" = PartnerId, Path)),
    responses((status = 201, body = PolicyView), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 422, body = ProblemDocument)))]
pub(crate) async fn create(
    State(context): State<Context>,
    owner: OwnerOrOperator<ListingsWrite>,
    call: Call,
    Json(request): Json<PolicyTerms>,
) -> Result<(StatusCode, Json<PolicyView>), Problem> {
    let policy = request.policy(call.seed.id("policy"));
    let flaws = policy.flaws().into_iter();
    let flaws: Vec<_> = flaws.map(|flaw| FieldError::new(flaw.pointer, flaw.detail)).collect();
    if !flaws.is_empty() {
        return Err(Problem::invalid(flaws));
    }
    let own = OwnPolicy {
        partner: owner.partner,
        policy,
        created_at: call.now,
    };
    let act = act(&call, owner.user.id, "policy.create", own.policy.id);
    match licences::create_policy(&context.store, &own, &act).await {
        // The same request was made before, and did not get to its answer.
        Ok(()) | Err(StoreError::Conflict { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let view = PolicyView::of(own.policy, Some(own.created_at));
    Ok((StatusCode::CREATED, Json(view)))
}

/// The partner's own policies, newest first.
#[utoipa::path(get, path = "/v1/partners/{partner_id}/policies", tag = "licences",
    params(("partner_id" = PartnerId, Path), PagingParams),
    responses((status = 200, body = Page<PolicyView>), (status = 404, body = ProblemDocument)))]
pub(crate) async fn list(
    State(context): State<Context>,
    member: PartnerMember<ListingsRead>,
    paging: Paging,
) -> Result<Json<Page<PolicyView>>, Problem> {
    let page = licences::policies(&context.store, member.partner, paging.after(), paging.limit()).await?;
    let view = |own: OwnPolicy| PolicyView::of(own.policy, Some(own.created_at));
    Ok(Json(paging.page(page, view)))
}

/// One of the partner's own policies.
#[utoipa::path(get, path = "/v1/partners/{partner_id}/policies/{policy_id}", tag = "licences",
    params(("partner_id" = PartnerId, Path), ("policy_id" = PolicyId, Path)),
    responses((status = 200, body = PolicyView), (status = 404, body = ProblemDocument)))]
pub(crate) async fn show(
    State(context): State<Context>,
    member: PartnerMember<ListingsRead>,
    Path(path): Path<PolicyPath>,
) -> Result<Json<PolicyView>, Problem> {
    let own = licences::policy(&context.store, member.partner, path.policy_id).await?;
    let own = own.ok_or_else(Problem::not_found)?;
    Ok(Json(PolicyView::of(own.policy, Some(own.created_at))))
}

/// Lets everybody try the listing, once each, under a policy with trial terms; or nobody any more.
#[utoipa::path(put, path = "/v1/partners/{partner_id}/listings/{listing_id}/trial-offer", tag = "licences", request_body = OfferTrial,
    params(("partner_id" = PartnerId, Path), ("listing_id" = ListingId, Path)),
    responses((status = 200, body = TrialOfferView), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 422, body = ProblemDocument)))]
pub(crate) async fn offer_trial(
    State(context): State<Context>,
    owner: OwnerOrOperator<ListingsWrite>,
    call: Call,
    Path(path): Path<ListingPath>,
    Json(request): Json<OfferTrial>,
) -> Result<Json<TrialOfferView>, Problem> {
    let (store, listing) = (&context.store, path.listing_id);
    if !sells(store, owner.partner, listing).await? {
        return Err(Problem::not_found());
    }
    if let Some(policy) = request.policy_id {
        let terms = named(store, owner.partner, policy).await?;
        if terms.policy().trial.is_none() {
            let detail = "This policy has no trial terms. Name one that has, or make one.";
            return Err(Problem::refused("no_trial_terms", "/policy_id", detail));
        }
    }
    let offer = TrialOffer {
        listing,
        partner: owner.partner,
        policy: request.policy_id,
    };
    let act = act(&call, owner.user.id, "listing.offer_trial", listing);
    licences::save_trial_offer(store, &offer, &act).await?;
    Ok(Json(TrialOfferView {
        listing_id: listing,
        policy_id: request.policy_id,
    }))
}

/// Says what the licences allow that sales of the listing issue from now on: a preset, or a policy of the partner's own. Until somebody says
/// so, that is Individual. Licences that are issued already, and orders that are placed, stay as they are.
#[utoipa::path(put, path = "/v1/partners/{partner_id}/listings/{listing_id}/sale-policy", tag = "licences", request_body = NamePolicy,
    params(("partner_id" = PartnerId, Path), ("listing_id" = ListingId, Path)),
    responses((status = 200, body = SalePolicyView), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 422, body = ProblemDocument)))]
pub(crate) async fn sell_under(
    State(context): State<Context>,
    owner: OwnerOrOperator<ListingsWrite>,
    call: Call,
    Path(path): Path<ListingPath>,
    Json(request): Json<NamePolicy>,
) -> Result<Json<SalePolicyView>, Problem> {
    let (store, listing) = (&context.store, path.listing_id);
    if !sells(store, owner.partner, listing).await? {
        return Err(Problem::not_found());
    }
    let policy = SalePolicy {
        listing,
        partner: owner.partner,
        terms: named(store, owner.partner, request.policy_id).await?,
    };
    let act = act(&call, owner.user.id, "listing.sell_under", listing);
    licences::save_sale_policy(store, &policy, &act).await?;
    Ok(Json(SalePolicyView {
        listing_id: listing,
        policy_id: request.policy_id,
        policy: policy.terms.policy().name,
    }))
}

/// Puts a licence under another policy. Its machines and users stay, and so does its term; where the new policy tells fingerprints apart in a
/// wider realm, its machines must not be active elsewhere in it.
#[utoipa::path(put, path = "/v1/partners/{partner_id}/licences/{licence_id}/policy", tag = "licences", request_body = NamePolicy,
    params(("partner_id" = PartnerId, Path), ("licence_id" = LicenceId, Path)),
    responses((status = 200, body = IssuedView), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
pub(crate) async fn assign(
    State(context): State<Context>,
    owner: OwnerOrOperator<ListingsWrite>,
    call: Call,
    Path(path): Path<LicencePath>,
    Json(request): Json<NamePolicy>,
) -> Result<Json<IssuedView>, Problem> {
    let store = &context.store;
    let mut licence = of_partner(store, owner.partner, path.licence_id).await?;
    let terms = named(store, owner.partner, request.policy_id).await?;
    let act = act(&call, owner.user.id, "licence.assign_policy", path.licence_id);
    for _ in 0..INSISTENCE {
        let next = put_under(&licence, &terms);
        let (from, to) = ((licence.policy(), licence.granted()), (next.policy(), next.granted()));
        let moved = leases::move_claims(store, (&from.0, &from.1), (&to.0, &to.1), call.now).await?;
        let mut also = match moved {
            Move::Claims(writes) => writes,
            Move::Taken(fingerprint) => return Err(problems::taken_elsewhere(&fingerprint)),
            Move::TooMany => return Err(problems::too_many_to_move()),
        };
        also.push(audit::entry(Audited::Licence(licence.id), &act)?);
        if kept(store, &licence, &next, also).await? {
            return Ok(Json(IssuedView::of(&next, call.now)));
        }
        licence = of_partner(store, owner.partner, path.licence_id).await?;
    }
    Err(StoreError::Busy.into())
}

/// The policy that a request names.
pub(super) async fn named(store: &Store, partner: PartnerId, policy: PolicyId) -> Result<Terms, Problem> {
    let terms = licences::terms(store, partner, policy).await?;
    terms.ok_or_else(|| {
        let detail =
            "There is no such policy. GET /v1/policy-presets and the partner's /policies have those that there are.";
        Problem::refused("unknown_policy", "/policy_id", detail)
    })
}

/// Whether the listing is published, by this partner.
pub(super) async fn sells(store: &Store, partner: PartnerId, listing: ListingId) -> Result<bool, Problem> {
    let published = catalogue::published(store, listing).await?;
    Ok(published.is_some_and(|published| published.partner == partner))
}
