//! Machines that hold a licence's leases.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use shared::http::{Call, Json, Path, Problem, ProblemDocument};
use shared::ids::{LicenceId, MachineId};
use shared::licence::Licence;
use shared::licensing::machine::{self, Activated};
use shared::licensing::{Activation, Device, Elsewhere, Grant, Machine, Policy, Resource};
use shared::store::{Room, Store, StoreError, Write, leases, licences};

use super::{Decided, again, change};
use crate::api::{Activate, MachineView, MachinesView};
use crate::context::Context;
use crate::holder::{Holder, refused};
use crate::problems;

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
    let (store, mut licence) = (&context.store, licence);
    let mut tries = store.tries();
    loop {
        let policy = licence.policy();
        let (activated, also) = activated(store, &licence, &activation, &call).await?;
        match leases::save(store, &licence, &licence.with(activated.grant), Room::Software, also).await {
            Ok(()) => {
                let status = if activated.is_new {
                    StatusCode::CREATED
                } else {
                    StatusCode::OK
                };
                let view = MachineView::of(&activated.machine, &policy, call.now);
                return Ok((status, Json(view)));
            }
            Err(error) if tries.again(&error).await => licence = again(store, licence.id).await?,
            Err(StoreError::Conflict { .. }) => return Err(StoreError::Busy.into()),
            Err(error) => return Err(problems::unkept(error)),
        }
    }
}

/// The licence with the machine, and what is written with it. Most policies tell fingerprints apart within each licence, and most licences are
/// no trials: then there is nothing to look up elsewhere.
async fn activated(
    store: &Store,
    licence: &Licence,
    activation: &Activation,
    call: &Call,
) -> Result<(Activated, Vec<Write>), Problem> {
    let (policy, grant) = (licence.policy(), licence.granted());
    let contest = leases::contest(store, &policy, &grant, &activation.fingerprint, call.now).await?;
    let device = Device {
        fingerprint: &activation.fingerprint,
        components: &activation.components,
    };
    let trials = if grant.trial {
        licences::trials(store, grant.product, grant.owner, Some(device)).await?
    } else {
        Vec::new()
    };
    let holdings: Vec<_> = contest.holding.into_iter().collect();
    let elsewhere = Elsewhere {
        holdings: &holdings,
        trials: &trials,
    };
    let done = machine::activate(&policy, &grant, activation, elsewhere, call.now, &call.seed)
        .map_err(|error| refused(problems::machine(&error), licence.id))?;
    // One that has left by the clock and comes back keeps its claim: it is written anew.
    let gone: Vec<_> = done
        .gone
        .iter()
        .filter(|machine| machine.fingerprint != activation.fingerprint)
        .cloned()
        .collect();
    let mut also = leases::release(store, &policy, &grant, &gone).await?;
    if done.is_new {
        also.extend(contest.claimed());
    }
    if let Some(record) = &done.trial {
        also.extend(licences::record_trial(record, &trials)?);
    }
    Ok((done, also))
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
    let heard = |policy: &Policy, grant: &Grant| {
        let done = machine::heartbeat(policy, grant, path.machine_id, call.now)?;
        Ok(Decided {
            gone: done.gone,
            ..Decided::of(done.grant, MachineView::of(&done.machine, policy, call.now))
        })
    };
    let machine = change(&context.store, licence, heard, problems::machine).await?;
    Ok(Json(machine))
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
    if !licence.granted().machines.contains_key(&path.machine_id) {
        return Ok(StatusCode::NO_CONTENT);
    }
    let freed = |policy: &Policy, grant: &Grant| {
        let done = machine::deactivate(policy, grant, path.machine_id, call.now)?;
        Ok(Decided {
            gone: done.gone,
            ..Decided::of(done.grant, ())
        })
    };
    change(&context.store, licence, freed, problems::machine).await?;
    Ok(StatusCode::NO_CONTENT)
}
