//! Three views of the reconciliation.

use axum::extract::State;
use serde::Deserialize;
use shared::auth::Operator;
use shared::http::{Json, Page, Paging, PagingParams, Path, Problem, ProblemDocument};
use shared::ids::ReconciliationId;
use shared::store::reconciliation as store;

use crate::api::{DifferenceView, ReconciliationView, ReportView};
use crate::context::Context;

/// The runs, newest first.
#[utoipa::path(get, path = "/v1/reconciliations", tag = "books", params(PagingParams),
    responses((status = 200, body = Page<ReconciliationView>), (status = 403, body = ProblemDocument)))]
pub(crate) async fn reconciliations(
    State(context): State<Context>,
    _: Operator,
    paging: Paging,
) -> Result<Json<Page<ReconciliationView>>, Problem> {
    let page = store::reports(&context.store, paging.after(), paging.limit()).await?;
    Ok(Json(paging.page(page, ReconciliationView::from)))
}

#[derive(Deserialize)]
pub(crate) struct ReportPath {
    reconciliation_id: ReconciliationId,
}

/// One run and, page by page, every difference that it has opened or closed.
#[utoipa::path(get, path = "/v1/reconciliations/{reconciliation_id}", tag = "books",
    params(("reconciliation_id" = ReconciliationId, Path), PagingParams),
    responses((status = 200, body = ReportView), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument)))]
pub(crate) async fn reconciliation(
    State(context): State<Context>,
    _: Operator,
    Path(path): Path<ReportPath>,
    paging: Paging,
) -> Result<Json<ReportView>, Problem> {
    let run = store::report(&context.store, path.reconciliation_id).await?;
    let run = run.ok_or_else(Problem::not_found)?.value;
    let page = store::differences_of(&context.store, run.id, paging.after(), paging.limit()).await?;
    Ok(Json(ReportView {
        run: run.into(),
        differences: paging.page(page, DifferenceView::from),
    }))
}

/// The differences that stand, whichever run has found them.
#[utoipa::path(get, path = "/v1/differences", tag = "books", params(PagingParams),
    responses((status = 200, body = Page<DifferenceView>), (status = 403, body = ProblemDocument)))]
pub(crate) async fn differences(
    State(context): State<Context>,
    _: Operator,
    paging: Paging,
) -> Result<Json<Page<DifferenceView>>, Problem> {
    let page = store::open_differences(&context.store, paging.after(), paging.limit()).await?;
    Ok(Json(paging.page(page, DifferenceView::from)))
}
