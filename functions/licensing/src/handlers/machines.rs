//! Machines that hold a licence's leases.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use shared::http::{Json, Path, Problem, ProblemDocument};
use shared::ids::{LicenceId, MachineId};
use shared::licensing::{Elsewhere, Machine, Resource, machine};

use super::change;
use crate::api::{Activate, MachineView, MachinesView};
use crate::context::Context;
use crate::holder::Holder;

#[derive(Deserialize)]
pub(crate) struct MachinePath {
    pub machine_id: MachineId,
}

/// Takes a lease for a machine. One that has a lease already keeps it (200).
#[utoipa::path(post, path = "/v1/licences/{licence_id}/machines", tag = "licences", request_body = Activate,
    params(("licence_id" = LicenceId, Path)),
    responses((status = 201, body = MachineView), (status = 200, body = MachineView), (status = 401, body = ProblemDocument),
        (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument),
        (status = 422, body = ProblemDocument), (status = 429, body = ProblemDocument)))]
pub(crate) async fn activate(
    State(context): State<Context>,
    Holder { licence, call }: Holder,
    Json(request): Json<Activate>,
) -> Result<(StatusCode, Json<MachineView>), Problem> {
    let activation = request.checked().map_err(Problem::invalid)?;
    let policy = licence.policy();
    // A policy that ships keeps fingerprints apart within each licence, and no trial is begun here: there is nothing to look up elsewhere.
    let activated = change(&context.store, licence, |_, grant| {
        let elsewhere = Elsewhere::default();
        let done = machine::activate(&policy, grant, &activation, elsewhere, call.now, &call.seed)?;
        Ok((done.grant, (done.machine, done.is_new)))
    });
    let (machine, is_new) = activated.await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(MachineView::of(&machine, &policy, call.now))))
}

/// The machines that hold a lease.
#[utoipa::path(get, path = "/v1/licences/{licence_id}/machines", tag = "licences", params(("licence_id" = LicenceId, Path)),
    responses((status = 200, body = MachinesView), (status = 401, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 429, body = ProblemDocument)))]
pub(crate) async fn list(Holder { licence, call }: Holder) -> Json<MachinesView> {
    let (policy, grant) = (licence.policy(), licence.granted());
    let holding: Vec<&Machine> = grant.holding(&policy, call.now).collect();
    Json(MachinesView {
        items: holding
            .into_iter()
            .map(|machine| MachineView::of(machine, &policy, call.now))
            .collect(),
        allowed: grant.allowed(&policy, Resource::Machines),
    })
}

/// Says that the machine is still at work. Of a policy without heartbeats nothing is asked, and nothing is wrong with sending one.
#[utoipa::path(post, path = "/v1/licences/{licence_id}/machines/{machine_id}/heartbeats", tag = "licences",
    params(("licence_id" = LicenceId, Path), ("machine_id" = MachineId, Path)),
    responses((status = 200, body = MachineView), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument),
        (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument), (status = 429, body = ProblemDocument)))]
pub(crate) async fn heartbeat(
    State(context): State<Context>,
    Holder { licence, call }: Holder,
    Path(path): Path<MachinePath>,
) -> Result<Json<MachineView>, Problem> {
    let policy = licence.policy();
    let heard = change(&context.store, licence, |_, grant| {
        let done = machine::heartbeat(&policy, grant, path.machine_id, call.now)?;
        Ok((done.grant, done.machine))
    });
    let machine = heard.await?;
    Ok(Json(MachineView::of(&machine, &policy, call.now)))
}

/// Gives the machine's lease back. Where it has none, nothing is to be done.
#[utoipa::path(delete, path = "/v1/licences/{licence_id}/machines/{machine_id}", tag = "licences",
    params(("licence_id" = LicenceId, Path), ("machine_id" = MachineId, Path)),
    responses((status = 204), (status = 401, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 429, body = ProblemDocument)))]
pub(crate) async fn deactivate(
    State(context): State<Context>,
    Holder { licence, call }: Holder,
    Path(path): Path<MachinePath>,
) -> Result<StatusCode, Problem> {
    let policy = licence.policy();
    if !licence.granted().machines.contains_key(&path.machine_id) {
        return Ok(StatusCode::NO_CONTENT);
    }
    let freed = change(&context.store, licence, |_, grant| {
        let done = machine::deactivate(&policy, grant, path.machine_id, call.now)?;
        Ok((done.grant, ()))
    });
    freed.await?;
    Ok(StatusCode::NO_CONTENT)
}
