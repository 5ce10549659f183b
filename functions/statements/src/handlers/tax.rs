//! The operator's yearly tax report.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use shared::auth::Operator;
use shared::http::{Json, Page, Paging, PagingParams, Path, Problem, ProblemDocument};
use shared::partner::Partner;
use shared::statement::tax::TaxYear;
use shared::store::{self, accounts, ledger, partners};

use crate::api::TaxReportView;
use crate::context::Context;
use crate::format::{File, Format, choose};
use crate::tax;

#[derive(Deserialize)]
pub(crate) struct TaxPath {
    year: i16,
}

/// What each partner sold in a year, in the form that 1099-K and DAC7 reporting needs; partner by partner, those who sold nothing left
/// out, so a page may be empty and yet name a next one. `Accept` says in which form: JSON, or a table whose next page is in `Link`.
#[utoipa::path(get, path = "/v1/tax-reports/{year}", tag = "statements",
    params(("year" = i16, Path, example = 2026), PagingParams),
    responses((status = 200, content((Page<TaxReportView> = "application/json"), (String = "text/csv"))),
        (status = 403, body = ProblemDocument), (status = 406, body = ProblemDocument)))]
pub(crate) async fn report(
    State(context): State<Context>,
    _operator: Operator,
    Path(TaxPath { year }): Path<TaxPath>,
    paging: Paging,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let format = choose(&headers, &[Format::Json, Format::Csv])?;
    let partners = partners::all(&context.store, paging.limit(), paging.after()).await?;
    let mut reports = Vec::new();
    for partner in &partners.items {
        reports.extend(of_partner(&context, partner, year).await?);
    }
    let page = paging.page(
        store::Page {
            items: reports,
            next: partners.next,
        },
        |report| report,
    );
    if format == Format::Json {
        return Ok(Json(page).into_response());
    }
    let body = tax::table(&page.items).map_err(Problem::internal)?;
    let mut response = File {
        format,
        name: format!("tax-report-{year}"),
        body,
    }
    .into_response();
    if let Some(next) = page.next {
        let link = format!(
            "</v1/tax-reports/{year}?limit={}&cursor={next}>; rel=\"next\"",
            paging.limit()
        );
        response
            .headers_mut()
            .insert(header::LINK, HeaderValue::from_str(&link).map_err(Problem::internal)?);
    }
    Ok(response)
}

/// `None` for a partner who sold nothing in the year.
async fn of_partner(context: &Context, partner: &Partner, year: i16) -> Result<Option<TaxReportView>, Problem> {
    let mut drafted = TaxYear::new(partner.id, year);
    let add = |entry: &_| drafted.add(entry).map_err(Problem::internal);
    ledger::read_journal(&context.store, partner.id, add).await?;
    if drafted.totals().next().is_none() {
        return Ok(None);
    }
    let contact = accounts::user(&context.store, partner.owner)
        .await?
        .map(|user| user.value);
    TaxReportView::of(partner, contact, &drafted)
        .map(Some)
        .map_err(Problem::internal)
}
