//! What must no longer be used: every version that is suspended or taken down, signed.
//!
//! Clients ask for it before they install or load something, verify `jws` with the key set, and read its payload: the fields beside it are
//! the same for people. A list is valid for a day, so that an old one cannot be passed off as today's.

use axum::extract::State;
use axum::http::{HeaderName, header};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use shared::http::{Call, Json, Problem};
use shared::ids::{ListingId, VersionId};
use shared::listing::{ReasonCode, Standing, Status, Version};
use shared::signing::KeySet;
use shared::store::catalogue;
use utoipa::ToSchema;

use crate::context::Context;

const VALID_FOR: SignedDuration = SignedDuration::from_hours(24);
const PAGE: usize = 100;
/// Clients and whatever is between may keep it for five minutes.
const CACHING: (HeaderName, &str) = (header::CACHE_CONTROL, "public, max-age=300");

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BlockList {
    #[serde(flatten)]
    pub list: Blocked,
    /// The other fields as a compact JSON Web Signature; see `/v1/signing-keys`.
    pub jws: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Blocked {
    #[schema(value_type = String, format = DateTime)]
    pub issued_at: Timestamp,
    /// After this it must be asked for again.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    pub items: Vec<BlockedVersion>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BlockedVersion {
    pub listing_id: ListingId,
    pub version_id: VersionId,
    #[schema(example = "1.2.0")]
    pub number: String,
    /// Of the package, in hexadecimal.
    pub sha256: String,
    /// `suspended` may change back, `taken_down` does not.
    pub status: Status,
    pub reason_code: ReasonCode,
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
}

fn blocked(version: &Version) -> Option<BlockedVersion> {
    let stop = version.stop()?;
    Some(BlockedVersion {
        listing_id: version.listing,
        version_id: version.id,
        number: version.number.to_string(),
        sha256: version.artifact()?.sha256.clone(),
        status: version.status(),
        reason_code: stop.decision.reason_code,
        since: stop.decision.at,
    })
}

/// Every version that is suspended or taken down, with the SHA-256 of its package: what clients must not install or load. Signed, and valid
/// for a day.
#[utoipa::path(get, path = "/v1/block-list", tag = "shop", responses((status = 200, body = BlockList)))]
pub(crate) async fn show(
    State(context): State<Context>,
    call: Call,
) -> Result<([(HeaderName, &'static str); 1], Json<BlockList>), Problem> {
    let (mut items, mut after) = (Vec::new(), None);
    loop {
        let page = catalogue::versions_by_standing(&context.store, Standing::Stopped, after, PAGE).await?;
        items.extend(page.items.iter().filter_map(blocked));
        match page.next {
            None => break,
            next => after = next,
        }
    }
    let list = Blocked {
        issued_at: call.now,
        expires_at: call.now.saturating_add(VALID_FOR).unwrap_or(call.now),
        items,
    };
    let jws = context.signer.sign("souk-block-list+jws", &list).await;
    let jws = jws.map_err(Problem::unavailable)?;
    Ok(([CACHING], Json(BlockList { list, jws })))
}

/// The public keys that Souk signs with, as a JSON Web Key Set.
#[utoipa::path(get, path = "/v1/signing-keys", tag = "shop", responses((status = 200, body = KeySet)))]
pub(crate) async fn keys(
    State(context): State<Context>,
) -> Result<([(HeaderName, &'static str); 1], Json<KeySet>), Problem> {
    let keys = context.signer.key_set().await.map_err(Problem::unavailable)?;
    Ok(([CACHING], Json(keys)))
}
