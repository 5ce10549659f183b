//! When a listing's releases were published. That never changes, also when one is yanked or stopped, so each warm function remembers it: software
//! that says of which release it is costs one read like any other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use shared::ids::ListingId;
use shared::licensing::Release;
use shared::listing::Version;
use shared::store::{Store, StoreError, catalogue};

/// Some megabytes. More than that, and what was remembered is looked up once more.
const MOST_REMEMBERED: usize = 20_000;

#[derive(Debug, Clone, Default)]
pub struct Releases(Arc<Mutex<HashMap<(ListingId, Named), Timestamp>>>);

/// By what software says which release it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Named {
    Number(String),
    /// In lower case.
    Checksum(String),
}

impl Releases {
    /// The release of this name, where one is named. A number is looked up; a checksum is looked for among all.
    pub(crate) async fn find(
        &self,
        store: &Store,
        listing: ListingId,
        named: Option<Named>,
    ) -> Result<Option<Release>, StoreError> {
        let Some(named) = named else {
            return Ok(None);
        };
        if let Some(known) = self.known(listing, &named) {
            return Ok(Some(known));
        }
        let versions = match &named {
            Named::Number(number) => {
                let version = catalogue::version_by_number(store, listing, number).await?;
                version.into_iter().collect()
            }
            Named::Checksum(_) => catalogue::all_versions(store, listing).await?,
        };
        self.remember(listing, &versions);
        Ok(Some(self.known(listing, &named).unwrap_or(Release::Unknown)))
    }

    fn known(&self, listing: ListingId, named: &Named) -> Option<Release> {
        let releases = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let released_at = releases.get(&(listing, named.clone())).copied();
        released_at.map(|released_at| Release::Known { released_at })
    }

    /// Those that have been published: what is to come may still change.
    fn remember(&self, listing: ListingId, versions: &[Version]) {
        let mut releases = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if releases.len() + 2 * versions.len() > MOST_REMEMBERED {
            releases.clear();
        }
        for version in versions {
            let Some(released_at) = version.published_at() else {
                continue;
            };
            releases.insert((listing, Named::Number(version.number.to_string())), released_at);
            if let Some(artifact) = version.artifact() {
                releases.insert((listing, Named::Checksum(artifact.sha256.clone())), released_at);
            }
        }
    }
}
