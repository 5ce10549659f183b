//! A partner's statements.

use std::collections::HashMap;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use shared::auth::PartnerMember;
use shared::auth::scope::EarningsRead;
use shared::http::{Call, Json, Path, Problem, ProblemDocument};
use shared::ids::PartnerId;
use shared::statement::{Draft, Period, Sold, Statement, StatementError};
use shared::store::journals::Journal;
use shared::store::{commerce, ledger, partners};

use super::rendered;
use crate::api::{PeriodView, Periods, StatementPath, StatementView};
use crate::context::Context;
use crate::format::{File, Format, choose};
use crate::statement;

/// The periods for which there are statements.
#[utoipa::path(get, path = "/v1/partners/{partner_id}/statements", tag = "statements",
    params(("partner_id" = PartnerId, Path)),
    responses((status = 200, body = Periods), (status = 404, body = ProblemDocument)))]
pub(crate) async fn list(
    State(context): State<Context>,
    member: PartnerMember<EarningsRead>,
    call: Call,
) -> Result<Json<Periods>, Problem> {
    let partner = partners::load(&context.store, member.partner)
        .await?
        .ok_or_else(Problem::not_found)?;
    let periods = Period::between(partner.created_at, call.now);
    Ok(Json(Periods {
        items: periods
            .into_iter()
            .map(|period| PeriodView::of(period, call.now))
            .collect(),
    }))
}

/// One statement, for a year, a month or a day. `Accept` says in which form: JSON, a web page, a table for spreadsheets, or a PDF file.
#[utoipa::path(get, path = "/v1/partners/{partner_id}/statements/{period}", tag = "statements",
    params(("partner_id" = PartnerId, Path), ("period" = String, Path, example = "2026-11")),
    responses(
        (status = 200, content((StatementView = "application/json"), (String = "text/html"), (String = "text/csv"), (Vec<u8> = "application/pdf"))),
        (status = 404, body = ProblemDocument), (status = 406, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
pub(crate) async fn show(
    State(context): State<Context>,
    member: PartnerMember<EarningsRead>,
    Path(StatementPath { period }): Path<StatementPath>,
    call: Call,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let format = choose(&headers, &[Format::Json, Format::Html, Format::Csv, Format::Pdf])?;
    let partner = partners::load(&context.store, member.partner)
        .await?
        .ok_or_else(Problem::not_found)?;
    if !period.has_begun(call.now) {
        return Err(Problem::not_found());
    }
    let statement = draw_up(&context, (member.partner, partner.created_at), period, call.now).await?;
    let name = format!("statement-{period}");
    Ok(match format {
        Format::Json => Json(StatementView::of(statement, call.now)).into_response(),
        Format::Csv => {
            let body = statement::table(&statement).map_err(Problem::internal)?;
            File { format, name, body }.into_response()
        }
        Format::Html | Format::Pdf => {
            let addressee = vec![partner.name.as_str().to_owned(), partner.country.to_string()];
            let document = statement::document(&statement, addressee, &context.seller, call.now);
            rendered(&document.map_err(Problem::internal)?, format, name)?.into_response()
        }
    })
}

async fn draw_up(
    context: &Context,
    (partner, since): (PartnerId, Timestamp),
    period: Period,
    now: Timestamp,
) -> Result<Statement, Problem> {
    let mut journal = Journal::of(&context.store, partner, since, now).await?;
    let mut draft = Draft::new(partner, period);
    if journal.needs_all(&period) {
        ledger::read_journal(&context.store, partner, |entry| draft.add(entry).map_err(refused)).await?;
    } else {
        for sums in journal.closed() {
            draft.open(sums).map_err(Problem::internal)?;
        }
        journal
            .closed_entries(&period, |entry| draft.add(entry).map_err(refused))
            .await?;
        journal
            .open_entries(period.last(), |entry| draft.add(entry).map_err(refused))
            .await?;
    }
    let statement = draft.finish().map_err(Problem::internal)?;
    let orders: Vec<_> = statement.orders().into_iter().collect();
    let orders = commerce::orders_by_id(&context.store, &orders).await?;
    let sold: HashMap<_, _> = orders
        .iter()
        .map(|order| (order.id, Sold::of(order, partner)))
        .collect();
    Ok(statement.described(&sold))
}

fn refused(error: StatementError) -> Problem {
    match error {
        StatementError::TooLong => {
            let detail = format!(
                "{error}, which is more than fits into one answer. Ask for a month, or for a day such as 2026-11-22."
            );
            Problem::refused("statement_too_long", "", detail)
        }
        StatementError::Money(error) => Problem::internal(error),
    }
}
