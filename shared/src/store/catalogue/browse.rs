//! The shelves and the words: entries derived from what is published, written and removed with it.
//!
//! An entry holds a whole card, so a page of results is one query. Prices on cards are for show: an order reads the published item.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::listing::browse::{Terms, normalised, words};
use crate::listing::{Card, Published};
use crate::store::keys::{self, Key};
use crate::store::merged;
use crate::store::table::{Condition, Page, PageKey, Store, StoreError, Write};

/// How many pages of the index one search reads at most, looking for one answer.
const MAX_PAGES: usize = 5;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    /// The word under which it is found; none on a shelf.
    word: Option<String>,
    card: Card,
}

impl Entry {
    fn sort_key(&self) -> String {
        let card = &self.card;
        match &self.word {
            Some(word) => keys::word(None, word, card.listing).sk,
            None => keys::shelf(None, &normalised(&card.title), card.listing).sk,
        }
    }
}

/// Published listings by title, of one category or of all.
pub async fn shelf(
    store: &Store,
    category: Option<&str>,
    after: Option<PageKey>,
    limit: usize,
) -> Result<Page<Card>, StoreError> {
    let page: Page<Entry> = merged::page(store, keys::shelves(category), after, limit, Entry::sort_key).await?;
    Ok(page.map(|entry| entry.card))
}

/// Published listings whose title has the terms. A page may hold fewer than `limit`, and even none with more to come.
pub async fn find(
    store: &Store,
    category: Option<&str>,
    terms: &Terms,
    after: Option<PageKey>,
    limit: usize,
) -> Result<Page<Card>, StoreError> {
    let mut after = after;
    for page in 1.. {
        let words = keys::words(category, terms.key());
        let found: Page<Entry> = merged::page(store, words, after, limit, Entry::sort_key).await?;
        let accepted = |entry: &Entry| {
            entry
                .word
                .as_ref()
                .is_some_and(|word| terms.accept(&entry.card.title, word))
        };
        let items: Vec<Card> = found
            .items
            .into_iter()
            .filter(accepted)
            .map(|entry| entry.card)
            .collect();
        if !items.is_empty() || found.next.is_none() || page == MAX_PAGES {
            return Ok(Page {
                items,
                next: found.next,
            });
        }
        after = found.next;
    }
    Ok(Page {
        items: Vec::new(),
        next: None,
    })
}

/// What takes the index from what the public saw to what it sees now: at most 18 entries to write, 18 to remove, and as many that lie where
/// they did before shelves were spread.
pub(crate) fn reindex(before: Option<&Published>, after: Option<&Published>) -> Result<Vec<Write>, StoreError> {
    let (old, new) = (entries(before), entries(after));
    let gone = old.keys().filter(|key| !new.contains_key(key));
    // An entry that is missing already must not keep the rest from being written.
    let missing_or_not = || Condition::Any(vec![Condition::Absent, Condition::Present]);
    let mut writes: Vec<Write> = gone.map(|key| Write::delete(key.clone(), missing_or_not())).collect();
    writes.extend(
        before
            .map(whole_entries)
            .into_iter()
            .flatten()
            .map(|key| Write::delete(key, missing_or_not())),
    );
    for (key, entry) in &new {
        if old.get(key) != Some(entry) {
            writes.push(Write::overwrite(key.clone(), entry)?);
        }
    }
    Ok(writes)
}

/// Where the entries of a listing lay before shelves were spread.
fn whole_entries(published: &Published) -> Vec<Key> {
    let (card, listing) = (published.card(), published.listing);
    let title = normalised(&card.title);
    let of_category = |category: Option<&str>| {
        let words = words(&card.title).into_iter();
        let mut keys: Vec<Key> = words.map(|word| keys::whole_word(category, &word, listing)).collect();
        keys.push(keys::whole_shelf(category, &title, listing));
        keys
    };
    [None, Some(card.category.name())]
        .into_iter()
        .flat_map(of_category)
        .collect()
}

fn entries(published: Option<&Published>) -> BTreeMap<Key, Entry> {
    let Some(published) = published else {
        return BTreeMap::new();
    };
    let (card, listing) = (published.card(), published.listing);
    let title = normalised(&card.title);
    let mut entries = BTreeMap::new();
    for category in [None, Some(card.category.name())] {
        entries.insert(
            keys::shelf(category, &title, listing),
            Entry {
                word: None,
                card: card.clone(),
            },
        );
        for word in words(&card.title) {
            entries.insert(
                keys::word(category, &word, listing),
                Entry {
                    word: Some(word),
                    card: card.clone(),
                },
            );
        }
    }
    entries
}
