//! Where a partner is paid: at PayPal, or to the account at Stripe that onboarding links lead to.

use axum::extract::State;
use shared::auth::scope::SignIn;
use shared::auth::{Fresh, PartnerOwner};
use shared::http::{Call, Json, Problem, ProblemDocument};
use shared::ids::PartnerId;
use shared::partner::destination::{leave_paypal, name_receiver};
use shared::partner::{AccountReport, Act, Change, Partner, PayPalAddress};
use shared::store::accounts::Role;
use shared::store::partners;

use crate::api::{PartnerView, SetPayoutAccount};
use crate::context::{Context, act};

/// Names the receiver at PayPal to whom the partner is paid from the next payout on, or leaves PayPal. A payout that has been decided and
/// not yet sent goes back to the balance; one that has been sent stays where it went.
///
/// It takes a fresh sign-in. All owners get a mail, and nothing is sent for 72 hours (the deployment may say otherwise). What Stripe has
/// found holds the partner at PayPal as well.
#[utoipa::path(put, path = "/v1/partners/{partner_id}/payout-account", tag = "partners",
    params(("partner_id" = PartnerId, Path)), request_body = SetPayoutAccount,
    responses((status = 200, body = PartnerView), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument),
        (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument),
        (status = 422, body = ProblemDocument), (status = 502, body = ProblemDocument),
        (status = 503, body = ProblemDocument)))]
pub(crate) async fn set(
    State(context): State<Context>,
    Fresh(owner): Fresh<PartnerOwner<SignIn>>,
    call: Call,
    Json(request): Json<SetPayoutAccount>,
) -> Result<Json<PartnerView>, Problem> {
    let before = context.partner(owner.partner).await?;
    let act = act(&owner.user, &call);
    let change = match request.checked().map_err(Problem::invalid)? {
        Some(_) if !context.paypal_offered => return Err(paypal_not_offered()),
        Some(address) => name(&context, &before, address, act).await?,
        None => leave(&context, &before, act).await?,
    };
    let Some(change) = change else {
        return Ok(Json(PartnerView::of(before.value, Some(Role::Owner), call.now)));
    };
    partners::save(&context.store, &change, before.revision, []).await?;
    Ok(Json(PartnerView::of(change.partner, Some(Role::Owner), call.now)))
}

async fn name(
    context: &Context,
    partner: &Partner,
    address: PayPalAddress,
    act: Act,
) -> Result<Option<Change>, Problem> {
    let report = match &partner.payout_account {
        Some(known) if partner.paypal_address() != Some(&address) => Some(report(context, &known.account).await?),
        _ => None,
    };
    name_receiver(partner, address, report.as_ref(), context.cool_off, act).map_err(|_| {
        Problem::conflict(
            "partner_rejected",
            "The application was rejected; see its holds for the reason.",
        )
    })
}

/// Nobody has followed what Stripe wants of the account meanwhile.
async fn leave(context: &Context, partner: &Partner, act: Act) -> Result<Option<Change>, Problem> {
    let report = match &partner.payout_account {
        Some(known) if partner.paypal_receiver.is_some() => Some(report(context, &known.account).await?),
        _ => None,
    };
    Ok(leave_paypal(partner, report.as_ref(), context.cool_off, act))
}

/// What Stripe says about the account at this moment.
async fn report(context: &Context, account: &str) -> Result<AccountReport, Problem> {
    Ok(context.stripe.account_report(account).await?)
}

fn paypal_not_offered() -> Problem {
    Problem::conflict(
        "paypal_not_offered",
        "This marketplace does not pay through PayPal. Connect an account at Stripe: POST /v1/partners/{partner_id}/onboarding-links.",
    )
}
