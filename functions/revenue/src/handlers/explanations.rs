//! Why somebody got what they got of a line.

use axum::extract::State;
use serde::Deserialize;
use shared::auth::Principal;
use shared::auth::scope::EarningsRead;
use shared::http::{Json, Path, Problem, ProblemDocument};
use shared::ids::OrderId;
use shared::revenue::explain;
use shared::store::{accounts, commerce};

use crate::api::ExplanationView;
use crate::context::Context;

#[derive(Deserialize)]
pub(crate) struct LinePath {
    order_id: OrderId,
    index: usize,
}

/// How one line of an order was divided: for the team of the partner whose line it is, and for operators.
#[utoipa::path(get, path = "/v1/orders/{order_id}/lines/{index}/explanation", tag = "rules",
    params(("order_id" = OrderId, Path), ("index" = usize, Path, description = "The line's place in the order, from 0 on.")),
    responses((status = 200, body = ExplanationView), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument)))]
pub(crate) async fn show(
    State(context): State<Context>,
    principal: Principal<EarningsRead>,
    Path(path): Path<LinePath>,
) -> Result<Json<ExplanationView>, Problem> {
    let order = commerce::order_by_id(&context.store, path.order_id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let line = order.lines.get(path.index).ok_or_else(Problem::not_found)?;
    let user = &principal.user;
    if !user.operator && accounts::member(&context.store, line.partner, user.id).await?.is_none() {
        return Err(Problem::not_found());
    }
    let division = line.division.as_ref().ok_or_else(|| {
        let detail = "The order has not been paid. A price is divided when it has been.";
        Problem::conflict("not_divided_yet", detail)
    })?;
    let turnover_before = division.turnover_before_minor.unwrap_or(0);
    let explanation = explain(line.price, &line.terms, turnover_before).map_err(Problem::internal)?;
    let kept = line
        .withheld
        .kept_from(&explanation.legs())
        .map_err(Problem::internal)?;
    if kept != division.legs {
        let what = format!(
            "line {} of {} was divided otherwise than its terms say",
            path.index, order.id
        );
        return Err(Problem::internal(what));
    }
    Ok(Json(ExplanationView::of(&order, line.withheld, explanation)))
}
