//! What must no longer be used: every version that is suspended or taken down, signed.
//!
//! Clients ask for it before they install or load something, verify `jws` with the key set, and read its payload: the fields beside it are
//! the same for people. A list is valid for a day, so that an old one cannot be passed off as today's. It comes in pages, each signed with
//! its place (`cursor`) and the next one's (`next`), so that none can be left out or given twice.
//!
//! Anybody may ask, and often: a page is bounded, and a function that has read one answers with it for a minute.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::{HeaderName, header};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use shared::http::{Call, Json, Paging, Problem, ProblemDocument};
use shared::ids::{ListingId, VersionId};
use shared::listing::{ReasonCode, Standing, Status, Version};
use shared::signing::KeySet;
use shared::store::catalogue;
use utoipa::ToSchema;

use crate::context::Context;

const VALID_FOR: SignedDuration = SignedDuration::from_hours(24);
/// Some 350 KB with the signature, of the 6 MB that a function may answer with.
const PAGE: usize = 500;
const KEPT_FOR: SignedDuration = SignedDuration::from_secs(60);
/// More pages than this are not kept: 50,000 versions.
const MAX_KEPT: usize = 100;
/// Clients and whatever is between may keep it for five minutes.
const CACHING: (HeaderName, &str) = (header::CACHE_CONTROL, "public, max-age=300");

/// Pages that were read less than a minute ago, by their cursors.
#[derive(Debug, Clone, Default)]
pub struct KeptPages(Arc<Mutex<BTreeMap<Option<String>, BlockList>>>);

impl KeptPages {
    fn get(&self, cursor: Option<&String>, now: Timestamp) -> Option<BlockList> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, page| now.duration_since(page.list.issued_at) < KEPT_FOR);
        kept.get(&cursor.cloned()).cloned()
    }

    fn keep(&self, page: &BlockList) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < MAX_KEPT {
            kept.insert(page.list.cursor.clone(), page.clone());
        }
    }
}

#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct BlockList {
    #[serde(flatten)]
    pub list: Blocked,
    /// The other fields as a compact JSON Web Signature; see `/v1/signing-keys`.
    pub jws: String,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Blocked {
    #[schema(value_type = String, format = DateTime)]
    pub issued_at: Timestamp,
    /// After this it must be asked for again.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// The one that this page was asked for with: null on the first.
    #[schema(required)]
    pub cursor: Option<String>,
    pub items: Vec<BlockedVersion>,
    /// The cursor of the next page; null on the last. Whoever has not read as far does not know the list.
    #[schema(required)]
    pub next: Option<String>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
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

/// Every version that is suspended or taken down, with the SHA-256 of its package: what clients must not install or load. In pages of 500,
/// each signed, and valid for a day.
#[utoipa::path(get, path = "/v1/block-list", tag = "shop", params(("cursor" = Option<String>, Query, description = "`next` of the page before.")),
    responses((status = 200, body = BlockList), (status = 400, body = ProblemDocument)))]
pub(crate) async fn show(
    State(context): State<Context>,
    paging: Paging,
    call: Call,
) -> Result<([(HeaderName, &'static str); 1], Json<BlockList>), Problem> {
    let cursor = paging.cursor();
    if let Some(kept) = context.block_list.get(cursor.as_ref(), call.now) {
        return Ok(([CACHING], Json(kept)));
    }
    let found = catalogue::versions_by_standing(&context.store, Standing::Stopped, paging.after(), PAGE).await?;
    let page = paging.page(found, |version| blocked(&version));
    let list = Blocked {
        issued_at: call.now,
        expires_at: call.now.saturating_add(VALID_FOR).unwrap_or(call.now),
        cursor,
        items: page.items.into_iter().flatten().collect(),
        next: page.next,
    };
    let jws = context.signer.sign("souk-block-list+jws", &list).await;
    let jws = jws.map_err(Problem::unavailable)?;
    let page = BlockList { list, jws };
    context.block_list.keep(&page);
    Ok(([CACHING], Json(page)))
}

/// The public keys that Souk signs with, as a JSON Web Key Set.
#[utoipa::path(get, path = "/v1/signing-keys", tag = "shop", responses((status = 200, body = KeySet)))]
pub(crate) async fn keys(
    State(context): State<Context>,
) -> Result<([(HeaderName, &'static str); 1], Json<KeySet>), Problem> {
    let keys = context.signer.key_set().await.map_err(Problem::unavailable)?;
    Ok(([CACHING], Json(keys)))
}
