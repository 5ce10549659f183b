//! Published titles under their names, for those that can be taken for one another.
//!
//! Derived from what is published, like the shelves, and written with it. Under one name stand a few titles and no more: it takes one of
//! somebody else's to remark on another.

use serde::{Deserialize, Serialize};

use crate::listing::Published;
use crate::listing::lookalike::{NamedTitle, name};
use crate::store::keys::{self, Key};
use crate::store::table::{Condition, Store, StoreError, Versioned, Write};

/// Titles of one name that are kept.
const MAX_TITLES: usize = 8;

#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Titles {
    titles: Vec<NamedTitle>,
}

/// What is published under these names, in their order.
pub async fn titled(store: &Store, names: &[String]) -> Result<Vec<NamedTitle>, StoreError> {
    let keys: Vec<_> = names.iter().map(|name| keys::titles(name)).collect();
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let found = store.get_many::<Titles>(&keys).await?;
    Ok(found.into_iter().flat_map(|under| under.titles).collect())
}

/// What takes the names from what the public saw to what it sees now: at most two items. What was published before there were names gets
/// its own with the next change.
pub(crate) async fn renamed(
    store: &Store,
    before: Option<&Published>,
    after: Option<&Published>,
) -> Result<Vec<Write>, StoreError> {
    let titled = |published: Option<&Published>| published.map(|published| NamedTitle::of(&published.card()));
    let (before, after) = (titled(before), titled(after));
    let named = |titled: &Option<NamedTitle>| titled.as_ref().and_then(|titled| name(&titled.title));
    let (old, new) = (named(&before), named(&after));
    let mut writes = Vec::new();
    if let (Some(before), Some(old)) = (&before, old.filter(|old| Some(old) != new.as_ref())) {
        writes.extend(changed(store, keys::titles(&old), before, false).await?);
    }
    if let (Some(after), Some(new)) = (&after, new) {
        writes.extend(changed(store, keys::titles(&new), after, true).await?);
    }
    Ok(writes)
}

/// The titles under a name with this one, or without it; nothing where that is what they are.
async fn changed(store: &Store, key: Key, titled: &NamedTitle, stays: bool) -> Result<Option<Write>, StoreError> {
    let known: Option<Versioned<Titles>> = store.get(&key).await?;
    let before = known.as_ref().map(|known| known.titles.as_slice()).unwrap_or_default();
    if stays && before.contains(titled) {
        return Ok(None);
    }
    let mut titles: Vec<_> = before
        .iter()
        .filter(|other| other.listing != titled.listing)
        .cloned()
        .collect();
    if stays && titles.len() < MAX_TITLES {
        titles.push(titled.clone());
    }
    if titles == before {
        return Ok(None);
    }
    Ok(Some(match known {
        None => Write::create(key, &Titles { titles })?,
        Some(known) if titles.is_empty() => Write::delete(key, Condition::Revision(known.revision)),
        Some(known) => Write::replace(key, &Titles { titles }, known.revision)?,
    }))
}
