//! What the customer holds, and the way to its bytes.

use std::time::Duration;

use axum::extract::State;
use jiff::{SignedDuration, Timestamp};
use shared::auth::Principal;
use shared::auth::scope::LicencesRead;
use shared::http::{Call, Json, Page, Paging, PagingParams, Path, Problem};
use shared::ids::{LicenceId, UserId, VersionId};
use shared::licence::Licence;
use shared::licensing::policy::Basis;
use shared::licensing::{Standing, term};
use shared::listing::{Artifact, Published};
use shared::objects::{Bucket, ObjectRef};
use shared::store::{Room, Store, StoreError, Versioned, catalogue, commerce, leases, licences};

use crate::api::{DownloadLink, LicenceView, RequestDownload};
use crate::context::Context;

/// Long enough to begin a large download on a slow line, too short to be passed around.
const LINK_LIFETIME: Duration = Duration::from_secs(300);

/// The caller's licences: those bought, newest order first, then those given, tried or handed over. A page holds the licences of up to `limit`
/// orders, and the last of these pages goes on with the others.
#[utoipa::path(get, path = "/v1/licences", tag = "licences", params(PagingParams),
    responses((status = 200, body = Page<LicenceView>)))]
pub(crate) async fn list(
    State(context): State<Context>,
    principal: Principal<LicencesRead>,
    call: Call,
    paging: Paging,
) -> Result<Json<Page<LicenceView>>, Problem> {
    let page = licences::licences_of(&context.store, principal.user.id, paging.after(), paging.limit()).await?;
    Ok(Json(paging.page(page, |licence| LicenceView::of(&licence, call.now))))
}

/// One licence, with its key.
#[utoipa::path(get, path = "/v1/licences/{licence_id}", tag = "licences", params(("licence_id" = LicenceId, Path)),
    responses((status = 200, body = LicenceView), (status = 404, body = shared::http::ProblemDocument)))]
pub(crate) async fn show(
    State(context): State<Context>,
    principal: Principal<LicencesRead>,
    call: Call,
    Path(licence): Path<LicenceId>,
) -> Result<Json<LicenceView>, Problem> {
    let licence = held(&context.store, licence, principal.user.id).await?;
    Ok(Json(LicenceView::of(&licence, call.now)))
}

/// A short-lived link to the package that the licence is for. What an expired licence still downloads, its policy says.
#[utoipa::path(post, path = "/v1/licences/{licence_id}/downloads", tag = "licences",
    params(("licence_id" = LicenceId, Path)), request_body = RequestDownload,
    responses((status = 201, body = DownloadLink), (status = 404, body = shared::http::ProblemDocument),
        (status = 409, body = shared::http::ProblemDocument)))]
pub(crate) async fn download(
    State(context): State<Context>,
    principal: Principal<LicencesRead>,
    call: Call,
    Path(licence): Path<LicenceId>,
    Json(request): Json<RequestDownload>,
) -> Result<(axum::http::StatusCode, Json<DownloadLink>), Problem> {
    let licence = held(&context.store, licence, principal.user.id).await?;
    let (policy, granted) = (licence.policy(), licence.granted());
    if granted.standing != Standing::Good {
        let status = granted.status(call.now);
        let detail = format!("This licence is {status}, so nothing can be downloaded with it.");
        return Err(Problem::conflict("licence_not_active", detail));
    }
    let Wanted {
        version,
        artifact,
        released_at,
    } = wanted(&context.store, &licence, request.version_id).await?;
    if !term::may_download(&policy, &granted, released_at, call.now) {
        let detail = format!(
            "This licence has expired, and version {version} is not among what can still be downloaded with it. Renew it, or buy another."
        );
        return Err(Problem::conflict("licence_expired", detail));
    }
    start_clock(&context.store, &licence, call.now).await?;
    let file_name = format!("{}-{version}.zip", licence.listing);
    let object = ObjectRef {
        bucket: Bucket::Clean,
        key: artifact.object_key,
        version: Some(artifact.object_version),
    };
    let url = context
        .objects
        .presign_download(&object, &file_name, LINK_LIFETIME, call.now)
        .await;
    let lifetime = SignedDuration::try_from(LINK_LIFETIME).unwrap_or_default();
    let link = DownloadLink {
        url: url.map_err(Problem::unavailable)?,
        expires_at: call.now.saturating_add(lifetime).unwrap_or(call.now),
        version,
        sha256: artifact.sha256,
        size_bytes: artifact.size_bytes,
    };
    Ok((axum::http::StatusCode::CREATED, Json(link)))
}

/// The licence, if it is the caller's; other people's do not exist.
async fn held(store: &Store, licence: LicenceId, caller: UserId) -> Result<Versioned<Licence>, Problem> {
    let licence = commerce::licence_revision(store, licence).await?;
    licence
        .filter(|licence| licence.owner == caller)
        .ok_or_else(Problem::not_found)
}

/// Starts the term of a licence whose policy counts it from the first download. Where somebody else has changed the licence, the next one does.
async fn start_clock(store: &Store, licence: &Versioned<Licence>, now: Timestamp) -> Result<(), Problem> {
    let begun = term::begin(&licence.policy(), &licence.granted(), Basis::FirstDownload, now);
    let Some(begun) = begun else { return Ok(()) };
    match leases::save(store, licence, &licence.with(begun), Room::Software, Vec::new()).await {
        Ok(()) | Err(StoreError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

struct Wanted {
    /// Its number.
    version: String,
    artifact: Artifact,
    released_at: Timestamp,
}

/// The version with its bytes. What was bought stays downloadable after it has been yanked.
async fn wanted(store: &Store, licence: &Licence, version: Option<VersionId>) -> Result<Wanted, Problem> {
    let Some(version) = version else {
        let published: Option<Published> = catalogue::published(store, licence.listing).await?;
        let latest = published.map(|published| published.latest);
        let gone = "This listing has no version to download at the moment. Name a version_id to get an earlier one.";
        let latest = latest.ok_or_else(|| Problem::conflict("no_published_version", gone))?;
        return Ok(Wanted {
            version: latest.number.to_string(),
            artifact: latest.artifact,
            released_at: latest.published_at,
        });
    };
    let version = catalogue::version(store, licence.listing, version)
        .await?
        .ok_or_else(Problem::not_found)?;
    if let Some(stop) = version.stop() {
        let detail = format!(
            "Version {} was stopped ({}) and cannot be downloaded. Get another version of it.",
            version.number, stop.decision.reason_code
        );
        return Err(Problem::conflict("version_stopped", detail));
    }
    let artifact = version
        .artifact()
        .filter(|_| version.is_downloadable())
        .cloned()
        .ok_or_else(Problem::not_found)?;
    Ok(Wanted {
        released_at: version.published_at().ok_or_else(Problem::not_found)?,
        version: version.number.to_string(),
        artifact,
    })
}
