//! Four views of one partner's money.

use axum::extract::State;
use serde::Deserialize;
use shared::auth::PartnerMember;
use shared::auth::scope::EarningsRead;
use shared::http::{Call, Json, Page, Paging, PagingParams, Path, Problem};
use shared::ids::{PartnerId, PayoutId};
use shared::partner::Partner;
use shared::payout::Terms;
use shared::store::{ledger, partners, payouts};

use crate::api::{BalanceView, Balances, JournalEntryView, PayoutView};
use crate::context::Context;

/// What is owed to the partner, what of it may be paid out, and what keeps the rest: each with its reason and, where there is one, its
/// due date.
#[utoipa::path(get, path = "/v1/partners/{partner_id}/balances", tag = "earnings",
    params(("partner_id" = PartnerId, Path)),
    responses((status = 200, body = Balances), (status = 404, body = shared::http::ProblemDocument)))]
pub(crate) async fn balances(
    State(context): State<Context>,
    member: PartnerMember<EarningsRead>,
    call: Call,
) -> Result<Json<Balances>, Problem> {
    let store = &context.store;
    let partner = partner(&context, &member).await?;
    let balances = ledger::balances(store, member.partner).await?;
    let in_transit = payouts::open_of(store, member.partner).await?;
    let mut items = Vec::with_capacity(balances.len());
    for balance in &balances {
        let currency = balance.currency();
        let terms = Terms {
            owner_debt: payouts::owed_elsewhere(store, &partner, currency, call.now).await?,
            ..payouts::terms(&partner, currency, context.rules.minimum)
        };
        let view = BalanceView::of(balance, &terms, &partner, &in_transit, call.now);
        items.push(view.map_err(Problem::internal)?);
    }
    Ok(Json(Balances { items }))
}

/// The partner's journal, by kind of fact and within a kind by time.
#[utoipa::path(get, path = "/v1/partners/{partner_id}/journal-entries", tag = "earnings",
    params(("partner_id" = PartnerId, Path), PagingParams),
    responses((status = 200, body = Page<JournalEntryView>), (status = 404, body = shared::http::ProblemDocument)))]
pub(crate) async fn journal_entries(
    State(context): State<Context>,
    member: PartnerMember<EarningsRead>,
    paging: Paging,
) -> Result<Json<Page<JournalEntryView>>, Problem> {
    let page = ledger::journal(&context.store, member.partner, paging.after(), paging.limit()).await?;
    Ok(Json(paging.page(page, JournalEntryView::from)))
}

/// The partner's payouts, newest first.
#[utoipa::path(get, path = "/v1/partners/{partner_id}/payouts", tag = "earnings",
    params(("partner_id" = PartnerId, Path), PagingParams),
    responses((status = 200, body = Page<PayoutView>), (status = 404, body = shared::http::ProblemDocument)))]
pub(crate) async fn list_payouts(
    State(context): State<Context>,
    member: PartnerMember<EarningsRead>,
    paging: Paging,
) -> Result<Json<Page<PayoutView>>, Problem> {
    let partner = partner(&context, &member).await?;
    let page = payouts::list(&context.store, partner.id, paging.after(), paging.limit()).await?;
    Ok(Json(paging.page(page, |payout| PayoutView::of(payout, &partner))))
}

#[derive(Deserialize)]
pub(crate) struct PayoutPath {
    payout_id: PayoutId,
}

/// One payout.
#[utoipa::path(get, path = "/v1/partners/{partner_id}/payouts/{payout_id}", tag = "earnings",
    params(("partner_id" = PartnerId, Path), ("payout_id" = PayoutId, Path)),
    responses((status = 200, body = PayoutView), (status = 404, body = shared::http::ProblemDocument)))]
pub(crate) async fn payout(
    State(context): State<Context>,
    member: PartnerMember<EarningsRead>,
    Path(path): Path<PayoutPath>,
) -> Result<Json<PayoutView>, Problem> {
    let partner = partner(&context, &member).await?;
    let payout = payouts::load(&context.store, partner.id, path.payout_id).await?;
    let payout = payout.ok_or_else(Problem::not_found)?.value;
    Ok(Json(PayoutView::of(payout, &partner)))
}

/// A proof of membership may be an operator's, who can name partners that are not there.
async fn partner(context: &Context, member: &PartnerMember<EarningsRead>) -> Result<Partner, Problem> {
    let partner = partners::load(&context.store, member.partner).await?;
    Ok(partner.ok_or_else(Problem::not_found)?.value)
}
