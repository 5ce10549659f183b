//! Files that a licence is checked by where there is no connection.

use axum::extract::State;
use axum::http::StatusCode;
use jiff::SignedDuration;
use shared::http::{FieldError, Json, Problem, ProblemDocument};
use shared::ids::LicenceId;
use shared::licence;
use shared::licensing::{Scope, term, validate};
use souk_client::issue::{Draft, Terms};

use super::begun;
use crate::api::{CreateFile, FileView};
use crate::context::Context;
use crate::file;
use crate::holder::{Holder, denied, refused};
use crate::problems;

/// A signed file about the licence or, with a fingerprint, about one of its machines: it validates without a connection until it ends. Verified
/// with the key of `/v1/signing-keys` that it names, by Souk's client or by any that reads Keygen's files.
#[utoipa::path(post, path = "/v1/licences/{licence_id}/files", tag = "licences", request_body = CreateFile,
    params(("licence_id" = LicenceId, Path)),
    responses((status = 201, body = FileView), (status = 401, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument), (status = 422, body = ProblemDocument), (status = 429, body = ProblemDocument)))]
pub(crate) async fn create(
    State(context): State<Context>,
    Holder { licence, call }: Holder,
    Json(request): Json<CreateFile>,
) -> Result<(StatusCode, Json<FileView>), Problem> {
    let (policy, grant) = (licence.policy(), licence.granted());
    if grant.trial && request.fingerprint.is_none() {
        let detail = "A trial's file is for one machine. Activate it, and name its fingerprint.";
        return Err(refused(
            Problem::refused("fingerprint_required", "/fingerprint", detail),
            licence.id,
        ));
    }
    let scope = Scope {
        fingerprint: request.fingerprint.clone(),
        ..Scope::default()
    };
    let is_on_machines = grant.holding(&policy, call.now).next().is_some();
    let needs_no_machine = shared::licensing::Policy {
        strict: policy.strict && (request.fingerprint.is_some() || is_on_machines),
        required: std::collections::BTreeSet::new(),
        ..policy.clone()
    };
    let outcome = validate(&needs_no_machine, &grant, &scope, call.now);
    if !outcome.valid {
        denied(outcome.code, licence.id);
        return Err(problems::not_valid(&outcome));
    }
    let grant = match begun(&context.store, &licence, call.now).await? {
        Some(begun) => begun,
        None => grant,
    };
    let key_id = context.signer.key_id().await.map_err(Problem::unavailable)?;
    let ends = [term::usable_until(&policy, &grant), term::check_in_due(&policy, &grant)];
    let until = ends.into_iter().flatten().min();
    let terms = Terms {
        issued: call.now,
        ttl: SignedDuration::from_secs(request.ttl_seconds.into()),
        until,
        key_id: Some(key_id.clone()),
        nonce: request.encrypt.then(licence::nonce),
    };
    let described = file::licence(&licence, &grant, &policy, call.now);
    let machine = request
        .fingerprint
        .as_deref()
        .and_then(|fingerprint| grant.by_fingerprint(fingerprint));
    let draft = match machine {
        Some(machine) => Draft::machine(&file::machine(machine, &policy, call.now), &described, &terms),
        None => Draft::licence(&described, &terms),
    };
    let draft = draft.map_err(|error| Problem::invalid(vec![FieldError::new("/ttl_seconds", error.to_string())]))?;
    let signature = context
        .signer
        .sign_bytes(draft.message())
        .await
        .map_err(Problem::unavailable)?;
    let end = call.now.saturating_add(terms.ttl).unwrap_or(call.now);
    let view = FileView {
        expires_at: until.map_or(end, |until| until.min(end)),
        file: draft.signed(&signature).map_err(Problem::internal)?,
        key_id,
    };
    Ok((StatusCode::CREATED, Json(view)))
}
