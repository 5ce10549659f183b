//! Processes: how many copies of the software run at once.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use shared::http::{Json, Path, Problem, ProblemDocument};
use shared::ids::{LicenceId, MachineId, ProcessId};
use shared::licensing::process::{self, ProcessError};
use shared::licensing::{Grant, Policy, Resource};

use super::machines::MachinePath;
use super::{Decided, change};
use crate::api::leases::{ProcessView, ProcessesView, SpawnProcess};
use crate::context::Context;
use crate::holder::Holder;
use crate::problems;

#[derive(Deserialize)]
pub(crate) struct ProcessPath {
    pub process_id: ProcessId,
}

/// A copy of the software starts on a machine that holds a lease. One that runs there under this `pid` already stays the same process (200).
#[utoipa::path(post, path = "/v1/licences/{licence_id}/machines/{machine_id}/processes", tag = "licences", request_body = SpawnProcess,
    params(("licence_id" = LicenceId, Path), ("machine_id" = MachineId, Path)),
    responses((status = 201, body = ProcessView), (status = 200, body = ProcessView), (status = 422, body = ProblemDocument),
        (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument), (status = 429, body = ProblemDocument)))]
pub(crate) async fn spawn(
    State(context): State<Context>,
    Holder { licence, call }: Holder,
    Path(path): Path<MachinePath>,
    Json(request): Json<SpawnProcess>,
) -> Result<(StatusCode, Json<ProcessView>), Problem> {
    let spawned = |policy: &Policy, grant: &Grant| {
        let at = (path.machine_id, request.pid.as_str());
        let done = process::spawn(policy, grant, at, call.now, &call.seed)?;
        let is_new = !grant.processes.contains_key(&done.process.id);
        Ok(Decided {
            gone: done.gone,
            ..Decided::of(done.grant, (ProcessView::of(&done.process, policy), is_new))
        })
    };
    let (process, is_new) = change(&context.store, licence, spawned, problems::process).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(process)))
}

/// The processes that run.
#[utoipa::path(get, path = "/v1/licences/{licence_id}/processes", tag = "licences", params(("licence_id" = LicenceId, Path)),
    responses((status = 200, body = ProcessesView), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument), (status = 429, body = ProblemDocument)))]
pub(crate) async fn list(Holder { licence, call }: Holder) -> Json<ProcessesView> {
    let (policy, grant) = (licence.policy(), licence.granted());
    let running = grant.running(&policy, call.now);
    Json(ProcessesView {
        items: running.map(|process| ProcessView::of(process, &policy)).collect(),
        allowed: grant.allowed(&policy, Resource::Processes),
    })
}

/// The process still runs. One that was silent for too long has ended, and is to be started again.
#[utoipa::path(post, path = "/v1/licences/{licence_id}/processes/{process_id}/heartbeats", tag = "licences",
    params(("licence_id" = LicenceId, Path), ("process_id" = ProcessId, Path)),
    responses((status = 200, body = ProcessView), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument), (status = 429, body = ProblemDocument)))]
pub(crate) async fn heartbeat(
    State(context): State<Context>,
    Holder { licence, call }: Holder,
    Path(path): Path<ProcessPath>,
) -> Result<Json<ProcessView>, Problem> {
    let heard = |policy: &Policy, grant: &Grant| {
        let done = process::heartbeat(policy, grant, path.process_id, call.now)?;
        Ok(Decided {
            gone: done.gone,
            ..Decided::of(done.grant, ProcessView::of(&done.process, policy))
        })
    };
    let process = change(&context.store, licence, heard, problems::process).await?;
    Ok(Json(process))
}

/// The process ends. Where it does not run, nothing is to be done.
#[utoipa::path(delete, path = "/v1/licences/{licence_id}/processes/{process_id}", tag = "licences",
    params(("licence_id" = LicenceId, Path), ("process_id" = ProcessId, Path)),
    responses((status = 204), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument), (status = 429, body = ProblemDocument)))]
pub(crate) async fn end(
    State(context): State<Context>,
    Holder { licence, call }: Holder,
    Path(path): Path<ProcessPath>,
) -> Result<StatusCode, Problem> {
    let ended = process::end(&licence.policy(), &licence.granted(), path.process_id, call.now);
    if ended == Err(ProcessError::NotRunning) {
        return Ok(StatusCode::NO_CONTENT);
    }
    let end = |policy: &Policy, grant: &Grant| {
        let next = process::end(policy, grant, path.process_id, call.now)?;
        Ok(Decided::of(next, ()))
    };
    change(&context.store, licence, end, problems::process).await?;
    Ok(StatusCode::NO_CONTENT)
}
