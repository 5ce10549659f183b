//! A payout that somebody asks for.

use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use jiff::Timestamp;
use shared::audit::AuditEvent;
use shared::auth::OwnerOrOperator;
use shared::auth::scope::EarningsWrite;
use shared::http::{Call, Json, Problem, ProblemDocument};
use shared::ids::PartnerId;
use shared::money::Currency;
use shared::partner::Partner;
use shared::payout::NotDue;
use shared::store::audit::{self, Audited};
use shared::store::payouts::{self, Decided};
use shared::store::{keys, partners};

use crate::api::{AskForPayout, PayoutView};
use crate::context::Context;

/// Pays out now what is payable in one currency, under the rules of a payout run: whatever holds money back does so here too, and is
/// named in the refusal. Owners may ask, and operators for them.
#[utoipa::path(post, path = "/v1/partners/{partner_id}/payouts", tag = "earnings",
    params(("partner_id" = PartnerId, Path)), request_body = AskForPayout,
    responses((status = 201, body = PayoutView), (status = 403, body = ProblemDocument),
        (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument),
        (status = 422, body = ProblemDocument)))]
pub(crate) async fn pay(
    State(context): State<Context>,
    asker: OwnerOrOperator<EarningsWrite>,
    call: Call,
    Json(request): Json<AskForPayout>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<PayoutView>), Problem> {
    let (store, id, currency) = (&context.store, asker.partner, request.currency);
    let partner = partners::load(store, id).await?.ok_or_else(Problem::not_found)?;
    let payout = payouts::id(call.seed, id, currency);
    let asked = AuditEvent {
        id: call.seed.id("audit"),
        at: call.now,
        actor: asker.user.id,
        action: "payout.request".to_owned(),
        subject: payout.to_string(),
        reason_code: None,
        evidence: None,
    };
    let audit = audit::entry(Audited::Partner(id), &asked)?;
    let balance = keys::balance(id, currency);
    let made = match payouts::decide(store, &balance, context.rules, call.now, call.seed, &[audit]).await? {
        Decided::Payout(made) => made,
        // Perhaps by this very request, which was cut off after its write.
        refused => match payouts::load(store, id, payout).await? {
            Some(made) => made.value,
            None => return Err(refusal(&refused, &partner, currency, call.now)),
        },
    };
    let place = format!("/v1/partners/{id}/payouts/{}", made.id);
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, place)],
        Json(PayoutView::of(made, &partner)),
    ))
}

fn refusal(refused: &Decided, partner: &Partner, currency: Currency, now: Timestamp) -> Problem {
    match refused {
        Decided::NotDue(NotDue::NothingPayable) => {
            let detail =
                format!("Nothing is payable in {currency} now. The balances tell what is kept, why, and until when.");
            Problem::conflict("nothing_payable", detail)
        }
        Decided::NotDue(NotDue::BelowMinimum { payable, minimum }) => {
            let detail = format!("{payable} is payable, and less than {minimum} is not paid out.");
            Problem::conflict("below_minimum", detail)
        }
        Decided::NotDue(NotDue::PartnerHeld(reason)) => {
            let until = partner.payout_hold(now).map(|hold| hold.due_at.to_string());
            let until = until.map_or_else(String::new, |due| format!(" Due by {due}."));
            let detail = format!("{}{until}", reason.explanation());
            Problem::new(StatusCode::CONFLICT, reason.to_string(), detail)
        }
        Decided::NotDue(NotDue::PayPalNotOffered) => Problem::conflict(
            "paypal_not_offered",
            "This marketplace does not pay through PayPal. Connect an account at Stripe; what is due stays owed until then.",
        ),
        Decided::Contended | Decided::Payout(_) => Problem::changed_meanwhile(),
    }
}
