//! Onboarding links: the partner's account at Stripe, made when the first link is asked for.

use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use shared::auth::scope::SignIn;
use shared::auth::{Fresh, PartnerOwner};
use shared::http::{Call, Json, Problem, ProblemDocument};
use shared::ids::PartnerId;
use shared::partner::account::{self, ConnectError};
use shared::partner::{Act, Partner};
use shared::processor::stripe::requests::{CreateAccount, CreateAccountLink};
use shared::store::{Versioned, partners};

use crate::api::{CreateOnboardingLink, OnboardingLinkView};
use crate::context::{Context, act};

/// A page at Stripe on which an owner sets up how the partner is paid. It is for one visit and expires within minutes.
/// It takes a fresh sign-in; all owners get a mail when the account is made.
#[utoipa::path(post, path = "/v1/partners/{partner_id}/onboarding-links", tag = "partners",
    params(("partner_id" = PartnerId, Path)), request_body = CreateOnboardingLink,
    responses((status = 201, body = OnboardingLinkView), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument),
        (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument),
        (status = 422, body = ProblemDocument), (status = 502, body = ProblemDocument),
        (status = 503, body = ProblemDocument)))]
pub(crate) async fn create(
    State(context): State<Context>,
    Fresh(owner): Fresh<PartnerOwner<SignIn>>,
    call: Call,
    Json(request): Json<CreateOnboardingLink>,
) -> Result<(StatusCode, Json<OnboardingLinkView>), Problem> {
    let partner = context.partner(owner.partner).await?;
    let account = match account::may_connect(&partner) {
        Ok(()) => connect(&context, &partner, act(&owner.user, &call)).await?,
        Err(ConnectError::AlreadyConnected { account }) => account,
        Err(ConnectError::Rejected) => {
            return Err(Problem::conflict(
                "partner_rejected",
                "The application was rejected; see its holds for the reason.",
            ));
        }
    };
    let home = || format!("{}/partners/{}", context.public_url, owner.partner);
    let return_url = request.return_url.unwrap_or_else(home);
    let refresh_url = request.refresh_url.unwrap_or_else(|| return_url.clone());
    let link = CreateAccountLink {
        account,
        refresh_url,
        return_url,
    };
    let key = format!("onboarding-link-{}", call.seed);
    let link = context.stripe.create_account_link(&link, &key).await?;
    let expires_at = Timestamp::from_second(link.expires_at).map_err(Problem::internal)?;
    Ok((
        StatusCode::CREATED,
        Json(OnboardingLinkView {
            url: link.url,
            expires_at,
        }),
    ))
}

/// Makes the partner's account and records it. A crash between the two leaves an account without a record; asking again within
/// Stripe's 24 hours gets the same one, later another, and the first stays empty.
async fn connect(context: &Context, partner: &Versioned<Partner>, act: Act) -> Result<String, Problem> {
    let request = CreateAccount {
        country: partner.country.to_string(),
        email: Some(partner.support_email.to_string()),
        metadata: [("partner".to_owned(), partner.id.to_string())].into(),
    };
    let key = format!("account-{}", partner.id);
    let made = context.stripe.create_account(&request, &key).await?;
    let report = made.report();
    let change = account::connect(partner, &report, act).map_err(Problem::internal)?;
    let claim = partners::claim_processor_account(partner.id, &report.account)?;
    partners::save(&context.store, &change, partner.revision, [claim]).await?;
    Ok(report.account)
}
