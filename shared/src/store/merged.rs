//! One list out of several partitions that are sorted alike: a page has the first items of all of them.
//!
//! A page key names the first partition and the sort key of the last item, and each partition goes on behind that sort key. So it is the key of a
//! page of the first partition alone, and one from when that was all there was is good here too.

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use serde::de::DeserializeOwned;

use super::table::{Page, PageKey, Query, Store, StoreError};

/// Asked of each partition beyond its share: few pages need a second question.
const TO_SPARE: usize = 4;

struct Source<T> {
    query: Query,
    waiting: VecDeque<T>,
    is_read: bool,
}

/// At most `limit` items. `sort_key` names the one that an item has in its partition; no two items have the same.
pub(super) async fn page<T: DeserializeOwned>(
    store: &Store,
    queries: Vec<Query>,
    after: Option<PageKey>,
    limit: usize,
    sort_key: impl Fn(&T) -> String,
) -> Result<Page<T>, StoreError> {
    let Some(first) = queries.first().cloned() else {
        return Ok(Page {
            items: Vec::new(),
            next: None,
        });
    };
    if after.as_ref().is_some_and(|after| !first.has(after)) {
        return Err(StoreError::ForeignPage);
    }
    let share = limit.div_ceil(queries.len()) + TO_SPARE;
    let begun = |query: Query| Source {
        query: query
            .clone()
            .after(after.as_ref().map(|after| moved(after, &query)))
            .limit(share),
        waiting: VecDeque::new(),
        is_read: false,
    };
    let mut sources: Vec<Source<T>> = queries.into_iter().map(begun).collect();
    let mut items = Vec::new();
    while items.len() < limit {
        read(store, &mut sources).await?;
        let heads = sources.iter_mut().filter_map(|source| {
            let head = source.waiting.front().map(&sort_key)?;
            Some((head, source))
        });
        let Some((_, source)) = heads.min_by(|(a, _), (b, _)| a.cmp(b)) else {
            break;
        };
        items.extend(source.waiting.pop_front());
    }
    let is_more = sources
        .iter()
        .any(|source| !source.is_read || !source.waiting.is_empty());
    let last = items.last().filter(|_| is_more);
    let next = last.map(|last| {
        PageKey(BTreeMap::from([
            ("pk".to_owned(), first.pk.clone()),
            ("sk".to_owned(), sort_key(last)),
        ]))
    });
    Ok(Page { items, next })
}

fn moved(PageKey(after): &PageKey, query: &Query) -> PageKey {
    let mut after = after.clone();
    after.insert("pk".to_owned(), query.pk.clone());
    PageKey(after)
}

/// Asks every source that has nothing to offer and may have more, all at once.
async fn read<T: DeserializeOwned>(store: &Store, sources: &mut [Source<T>]) -> Result<(), StoreError> {
    let hungry = sources
        .iter_mut()
        .filter(|source| source.waiting.is_empty() && !source.is_read);
    let reads: Vec<_> = hungry
        .map(|source| async {
            let page: Page<T> = store.query(source.query.clone()).await?;
            source.is_read = page.next.is_none();
            source.query = source.query.clone().after(page.next);
            source.waiting = page.items.into();
            Ok(())
        })
        .collect();
    all(reads).await
}

/// Waits for all of them; the first error is the answer.
async fn all<F: Future<Output = Result<(), StoreError>>>(futures: Vec<F>) -> Result<(), StoreError> {
    let mut running: Vec<Pin<Box<F>>> = futures.into_iter().map(Box::pin).collect();
    let mut answer = Ok(());
    poll_fn(|context| {
        running.retain_mut(|future| match future.as_mut().poll(context) {
            Poll::Pending => true,
            Poll::Ready(Ok(())) => false,
            Poll::Ready(Err(error)) => {
                answer = Err(error);
                false
            }
        });
        if running.is_empty() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    answer
}
