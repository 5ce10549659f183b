//! Where a partner is paid: at PayPal, or to the account at Stripe that onboarding links lead to.

use axum::extract::State;
use shared::auth::PartnerOwner;
use shared::auth::scope::PartnersWrite;
use shared::http::{Call, Json, Problem, ProblemDocument};
use shared::ids::PartnerId;
use shared::partner::destination::{leave_paypal, name_receiver};
use shared::partner::{Act, Change, Partner, PayPalAddress};
use shared::store::accounts::Role;
use shared::store::partners;

use crate::api::{PartnerView, SetPayoutAccount};
use crate::context::{Context, act};

/// Names the receiver at PayPal to whom the partner is paid from the next payout on, or leaves PayPal. A payout that has been decided and
/// not yet sent goes back to the balance; one that has been sent stays where it went.
#[utoipa::path(put, path = "/v1/partners/{partner_id}/payout-account", tag = "partners",
    params(("partner_id" = PartnerId, Path)), request_body = SetPayoutAccount,
    responses((status = 200, body = PartnerView), (status = 403, body = ProblemDocument),
        (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument),
        (status = 422, body = ProblemDocument), (status = 502, body = ProblemDocument),
        (status = 503, body = ProblemDocument)))]
pub(crate) async fn set(
    State(context): State<Context>,
    owner: PartnerOwner<PartnersWrite>,
    call: Call,
    Json(request): Json<SetPayoutAccount>,
) -> Result<Json<PartnerView>, Problem> {
    let before = context.partner(owner.partner).await?;
    let act = act(&owner.user, &call);
    let change = match request.checked().map_err(Problem::invalid)? {
        Some(address) => name(&before, address, act)?,
        None => leave(&context, &before, act).await?,
    };
    let Some(change) = change else {
        return Ok(Json(PartnerView::of(before.value, Some(Role::Owner))));
    };
    partners::save(&context.store, &change, before.revision, []).await?;
    Ok(Json(PartnerView::of(change.partner, Some(Role::Owner))))
}

fn name(partner: &Partner, address: PayPalAddress, act: Act) -> Result<Option<Change>, Problem> {
    name_receiver(partner, address, act).map_err(|_| {
        Problem::conflict(
            "partner_rejected",
            "The application was rejected; see its holds for the reason.",
        )
    })
}

/// Stripe is asked what it thinks of the account now: nobody has followed its holds meanwhile.
async fn leave(context: &Context, partner: &Partner, act: Act) -> Result<Option<Change>, Problem> {
    let report = match &partner.payout_account {
        Some(known) if partner.paypal_receiver.is_some() => Some(context.stripe.account_report(&known.account).await?),
        _ => None,
    };
    Ok(leave_paypal(partner, report.as_ref(), act))
}
