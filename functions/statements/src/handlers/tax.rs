//! The operator's yearly tax report.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;
use shared::auth::Operator;
use shared::http::{Call, Json, Page, Paging, PagingParams, Path, Problem, ProblemDocument};
use shared::partner::Partner;
use shared::statement::tax::TaxYear;
use shared::store::journals::Journal;
use shared::store::{self, accounts, partners};

use crate::api::TaxReportView;
use crate::context::Context;
use crate::format::{File, Format, choose};
use crate::tax;

/// A page ends once so many journal entries have been read for it: with what the last partner needs, well within a function's time.
const MAX_ENTRIES: usize = 10_000;

#[derive(Deserialize)]
pub(crate) struct TaxPath {
    year: i16,
}

/// What each partner sold in a year, in the form that 1099-K and DAC7 reporting needs; partner by partner, those who sold nothing left
/// out, so a page may be empty and yet name a next one; it ends early where there is much to add up. `Accept` says in which form: JSON, or
/// a table whose next page is in `Link`.
#[utoipa::path(get, path = "/v1/tax-reports/{year}", tag = "statements",
    params(("year" = i16, Path, example = 2026), PagingParams),
    responses((status = 200, content((Page<TaxReportView> = "application/json"), (String = "text/csv"))),
        (status = 403, body = ProblemDocument), (status = 406, body = ProblemDocument)))]
pub(crate) async fn report(
    State(context): State<Context>,
    _operator: Operator,
    Path(TaxPath { year }): Path<TaxPath>,
    call: Call,
    paging: Paging,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let format = choose(&headers, &[Format::Json, Format::Csv])?;
    let reports = one_after_the_other(&context, &paging, year, call.now).await?;
    let page = paging.page(reports, |report| report);
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

/// Partners are read singly, so that a page can end behind any of them: as soon as enough has been read.
async fn one_after_the_other(
    context: &Context,
    paging: &Paging,
    year: i16,
    now: Timestamp,
) -> Result<store::Page<TaxReportView>, Problem> {
    let (mut reports, mut after, mut entries) = (Vec::new(), paging.after(), 0);
    for _ in 0..paging.limit() {
        let partners = partners::all(&context.store, 1, after).await?;
        for partner in &partners.items {
            let (report, entries_read) = of_partner(context, partner, year, now).await?;
            reports.extend(report);
            entries += entries_read;
        }
        after = partners.next;
        if after.is_none() || entries >= MAX_ENTRIES {
            break;
        }
    }
    Ok(store::Page {
        items: reports,
        next: after,
    })
}

/// The report, `None` for a partner who sold nothing in the year, and how many entries were read for it.
async fn of_partner(
    context: &Context,
    partner: &Partner,
    year: i16,
    now: Timestamp,
) -> Result<(Option<TaxReportView>, usize), Problem> {
    let mut journal = Journal::of(&context.store, partner.id, partner.created_at, now).await?;
    let mut drafted = TaxYear::new(partner.id, year);
    for sums in journal.closed() {
        drafted.add_sums(sums).map_err(Problem::internal)?;
    }
    let end = Date::new(year, 12, 31).map_err(|_| Problem::not_found())?;
    let add = |entry: &_| drafted.add(entry).map_err(Problem::internal);
    journal.open_entries(end, add).await?;
    let entries_read = journal.entries_read();
    if drafted.totals().next().is_none() {
        return Ok((None, entries_read));
    }
    let contact = accounts::user(&context.store, partner.owner)
        .await?
        .map(|user| user.value);
    let report = TaxReportView::of(partner, contact, &drafted).map_err(Problem::internal)?;
    Ok((Some(report), entries_read))
}
