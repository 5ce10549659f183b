//! What both backends of the table promise, as one suite. Run on memory beside the code, and on the local stack by the journeys.
//!
//! Every case works under keys of its own, so the suite can run on tables that are in use.

use serde::{Deserialize, Serialize};

use crate::ids::{OrderId, PartnerId, UserId};
use crate::messages::{Envelope, Message};
use crate::money::Currency;
use crate::seed::Seed;
use crate::store::keys::{self, Key, TableName};
use crate::store::table::Segment;
use crate::store::{Condition, PageKey, Store, StoreError, Update, Write};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Thing {
    name: String,
    count: i64,
    note: Option<String>,
}

fn thing(name: &str, count: i64) -> Thing {
    Thing {
        name: name.to_owned(),
        count,
        note: None,
    }
}

/// Runs every case; panics at the first promise that is not kept.
pub async fn run(store: &Store, seed: Seed) {
    get_and_create(store, seed).await;
    replace_demands_the_revision(store, seed).await;
    updates_add_set_and_remove(store, seed).await;
    conditions(store, seed).await;
    deletes(store, seed).await;
    transactions_are_all_or_nothing(store, seed).await;
    a_transaction_names_what_failed(store, seed).await;
    queries_page_in_order(store, seed).await;
    pages_begin_in_their_query(store, seed).await;
    the_index_is_sparse_and_keys_only(store, seed).await;
    get_many_keeps_the_order(store, seed).await;
    segments_have_every_item_once(store, seed).await;
    write_units(store, seed).await;
    too_large(store, seed).await;
    what_is_never_taken(store, seed).await;
}

fn order_key(seed: Seed, label: &str) -> Key {
    keys::order(seed.id::<UserId>("contract"), seed.id::<OrderId>(label))
}

#[track_caller]
fn assert_conflict(outcome: Result<(), StoreError>, expected: &[usize]) {
    match outcome {
        Err(StoreError::Conflict { failed }) => assert_eq!(failed, expected),
        other => panic!("expected a conflict at {expected:?}, got {other:?}"),
    }
}

async fn read(store: &Store, key: &Key) -> Option<(Thing, u64)> {
    let found = store.get::<Thing>(key).await.expect("a readable item");
    found.map(|found| (found.value, found.revision))
}

fn create(key: &Key, thing: &Thing) -> Write {
    Write::create(key.clone(), thing).expect("a storable thing")
}

async fn get_and_create(store: &Store, seed: Seed) {
    let key = order_key(seed, "create");
    assert_eq!(read(store, &key).await, None);
    let first = Thing {
        note: Some("ünïcode \u{1F3B9}".into()),
        ..thing("first", i64::MAX)
    };
    store.write(create(&key, &first)).await.expect("an absent key");
    assert_conflict(store.write(create(&key, &thing("second", 2))).await, &[0]);
    assert_eq!(read(store, &key).await, Some((first, 1)));
}

async fn replace_demands_the_revision(store: &Store, seed: Seed) {
    let key = order_key(seed, "replace");
    let replace = |count, revision| Write::replace(key.clone(), &thing("r", count), revision).expect("storable");
    assert_conflict(store.write(replace(1, 1)).await, &[0]);
    store.write(create(&key, &thing("r", 0))).await.expect("an absent key");
    store.write(replace(1, 1)).await.expect("the revision it has");
    assert_conflict(store.write(replace(2, 1)).await, &[0]);
    assert_eq!(read(store, &key).await, Some((thing("r", 1), 2)));
}

async fn updates_add_set_and_remove(store: &Store, seed: Seed) {
    let key = order_key(seed, "update");
    let update = Update::new()
        .set_text("name", "counter")
        .add("count", 40)
        .set_number("extra", 7);
    store
        .write(Write::update(key.clone(), update))
        .await
        .expect("creates what is not there");
    let update = Update::new()
        .add("count", 5)
        .add("count", -3)
        .remove("extra")
        .remove("never there");
    store
        .write(Write::update(key.clone(), update))
        .await
        .expect("adds to what is there");
    assert_eq!(read(store, &key).await, Some((thing("counter", 42), 2)));
}

async fn conditions(store: &Store, seed: Seed) {
    let key = order_key(seed, "conditions");
    store.write(create(&key, &thing("c", 10))).await.expect("an absent key");
    let holds = async |condition: Condition| {
        let write = Write::update(key.clone(), Update::new().set_text("note", "touched")).when(condition);
        match store.write(write).await {
            Ok(()) => true,
            Err(StoreError::Conflict { .. }) => false,
            Err(error) => panic!("{error}"),
        }
    };
    let (yes, no) = (Condition::AtLeast("count", 10), Condition::AtLeast("count", 11));
    assert!(holds(yes.clone()).await && !holds(no.clone()).await);
    assert!(holds(Condition::Below("count", 11)).await && !holds(Condition::Below("count", 10)).await);
    assert!(!holds(Condition::AtLeast("missing", 0)).await && !holds(Condition::Below("missing", 9)).await);
    assert!(holds(Condition::text("name", "c")).await && !holds(Condition::text("name", "d")).await);
    assert!(!holds(Condition::text("missing", "c")).await);
    assert!(holds(Condition::Present).await && !holds(Condition::Absent).await);
    assert!(holds(Condition::All(vec![yes.clone(), yes.clone()])).await);
    assert!(!holds(Condition::All(vec![yes.clone(), no.clone()])).await);
    assert!(holds(Condition::Any(vec![no.clone(), yes])).await && !holds(Condition::Any(vec![no.clone(), no])).await);
}

async fn deletes(store: &Store, seed: Seed) {
    let key = order_key(seed, "delete");
    store.write(create(&key, &thing("d", 1))).await.expect("an absent key");
    assert_conflict(
        store.write(Write::delete(key.clone(), Condition::Revision(9))).await,
        &[0],
    );
    store
        .write(Write::delete(key.clone(), Condition::Revision(1)))
        .await
        .expect("the revision it has");
    assert_eq!(read(store, &key).await, None);
}

async fn transactions_are_all_or_nothing(store: &Store, seed: Seed) {
    let (a, b) = (
        order_key(seed, "both a"),
        keys::balance(seed.id::<PartnerId>("contract"), Currency::EUR),
    );
    let writes = vec![create(&a, &thing("a", 1)), create(&b, &thing("b", 1))];
    store.transact(writes).await.expect("two tables, one transaction");
    let update = Write::update(a.clone(), Update::new().add("count", 1));
    let outcome = store
        .transact(vec![update.clone(), Write::check(b.clone(), Condition::Absent)])
        .await;
    assert_conflict(outcome, &[1]);
    assert_eq!(
        read(store, &a).await,
        Some((thing("a", 1), 1)),
        "nothing of a refused transaction is written"
    );
    store
        .transact(vec![update, Write::check(b, Condition::Present)])
        .await
        .expect("the check holds");
    assert_eq!(read(store, &a).await, Some((thing("a", 2), 2)));
}

async fn a_transaction_names_what_failed(store: &Store, seed: Seed) {
    let (a, b, c) = (order_key(seed, "n a"), order_key(seed, "n b"), order_key(seed, "n c"));
    store.write(create(&b, &thing("b", 1))).await.expect("an absent key");
    let writes = vec![
        create(&a, &thing("a", 1)),
        create(&b, &thing("b", 2)),
        Write::check(c, Condition::Present),
    ];
    assert_conflict(store.transact(writes).await, &[1, 2]);
    let same_twice = vec![
        create(&a, &thing("a", 1)),
        Write::update(a, Update::new().add("count", 1)),
    ];
    assert!(matches!(store.transact(same_twice).await, Err(StoreError::Invalid(_))));
    let many = (0..101)
        .map(|i| create(&order_key(seed, &format!("many {i}")), &thing("m", i)))
        .collect();
    assert!(matches!(store.transact(many).await, Err(StoreError::TooLarge)));
}

/// Page keys go out to clients and come back: whatever they have become, a query answers from its own partition alone.
async fn pages_begin_in_their_query(store: &Store, seed: Seed) {
    let orders = || keys::orders(seed.id::<UserId>("pages")).limit(3);
    let by_status = || keys::partners_by_status("none").limit(2);
    let (own, prefixed) = (orders(), orders().sk_prefix.unwrap_or_default());
    let after = |key: &[(&str, &str)]| {
        let texts = key.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        Some(PageKey(texts.collect()))
    };
    let elsewhere = keys::orders(seed.id::<UserId>("somebody else")).pk;
    for key in [
        after(&[]),
        after(&[("pk", &own.pk)]),
        after(&[("pk", &own.pk), ("sk", "")]),
        after(&[("pk", &own.pk), ("sk", "A")]),
        after(&[("pk", &elsewhere), ("sk", &prefixed)]),
        after(&[("pk", &own.pk), ("sk", &prefixed), ("more", "x")]),
        after(&[("kind_pk", &own.pk), ("kind_sk", &prefixed), ("pk", "x"), ("sk", "x")]),
    ] {
        for query in [orders(), by_status()] {
            let answer = store.query_keys(query.after(key.clone())).await;
            assert!(matches!(answer, Err(StoreError::ForeignPage)), "{key:?}: {answer:?}");
        }
    }
    let key = after(&[("pk", &own.pk), ("sk", &format!("{prefixed}0"))]);
    let page = store.query_keys(orders().after(key)).await.expect("a page of our own");
    assert!(page.items.iter().all(|key| key.pk == own.pk));
}

async fn queries_page_in_order(store: &Store, seed: Seed) {
    let customer = seed.id::<UserId>("pages");
    let mut ids: Vec<OrderId> = (0..7).map(|i| seed.id(&format!("page {i}"))).collect();
    ids.sort();
    for (count, id) in (0..).zip(&ids) {
        store
            .write(create(&keys::order(customer, *id), &thing("o", count)))
            .await
            .expect("an absent key");
    }
    store
        .write(create(&keys::cart(customer), &thing("not an order", -1)))
        .await
        .expect("an absent key");
    for descending in [false, true] {
        let (mut after, mut seen) = (None, Vec::new());
        loop {
            let query = keys::orders(customer).limit(3).after(after);
            let query = if descending { query.descending() } else { query };
            let page = store.query::<Thing>(query).await.expect("a page");
            assert!(page.items.len() <= 3);
            seen.extend(page.items.into_iter().map(|thing| thing.count));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let mut expected: Vec<i64> = (0..7).collect();
        if descending {
            expected.reverse();
        }
        assert_eq!(seen, expected);
    }
}

async fn the_index_is_sparse_and_keys_only(store: &Store, seed: Seed) {
    // A status nobody else uses: the case may run beside others.
    let status = format!("contract {seed}");
    let partners: Vec<PartnerId> = (0..3).map(|i| seed.id(&format!("indexed {i}"))).collect();
    for partner in &partners {
        let write =
            create(&keys::partner(*partner), &thing("p", 1)).indexed(keys::partner_by_status(&status, *partner));
        store.write(write).await.expect("an absent key");
    }
    let unlisted = seed.id::<PartnerId>("not indexed");
    store
        .write(create(&keys::partner(unlisted), &thing("p", 1)))
        .await
        .expect("an absent key");
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let query = keys::partners_by_status(&status).limit(2).after(after);
        let page = store.query_keys(query).await.expect("a page of keys");
        found.extend(page.items);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let mut expected: Vec<Key> = partners.iter().map(|partner| keys::partner(*partner)).collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
}

async fn get_many_keeps_the_order(store: &Store, seed: Seed) {
    let all: Vec<Key> = (0..105).map(|i| order_key(seed, &format!("gm {i}"))).collect();
    for (count, key) in (0..).zip(&all) {
        if count % 2 == 0 {
            store
                .write(create(key, &thing("g", count)))
                .await
                .expect("an absent key");
        }
    }
    let found: Vec<Thing> = store.get_many(&all).await.expect("all that are there");
    assert_eq!(
        found.iter().map(|thing| thing.count).collect::<Vec<_>>(),
        (0..105).step_by(2).collect::<Vec<_>>()
    );
}

async fn segments_have_every_item_once(store: &Store, seed: Seed) {
    let mut expected: Vec<Key> = (0..12).map(|i| keys::cart(seed.id(&format!("segments {i}")))).collect();
    for key in &expected {
        store.write(create(key, &thing("s", 1))).await.expect("an absent key");
    }
    let mut found = Vec::new();
    for index in 0..3 {
        let (segment, mut after) = (Segment { index, of: 3 }, None);
        loop {
            let page = store
                .scan(TableName::Commerce, segment, after, 100)
                .await
                .expect("a page");
            assert!(page.items.len() <= 100);
            found.extend(
                page.items
                    .into_iter()
                    .map(|(key, _)| key)
                    .filter(|key| expected.contains(key)),
            );
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

async fn write_units(store: &Store, seed: Seed) {
    let units = async |work: &[Write], transaction: bool| {
        let before = store.meter().read();
        if transaction {
            store.transact(work.to_vec()).await.expect("fresh keys");
        } else {
            store.write(work[0].clone()).await.expect("a fresh key");
        }
        let after = store.meter().read();
        assert_eq!(after.requests - before.requests, 1);
        after.write_units() - before.write_units()
    };
    let message = Message::OrderPaid {
        customer: seed.id("contract"),
        order: seed.id("u"),
    };
    let envelope = Envelope::new(seed.id("message"), message);
    let small = |label: &str| create(&order_key(seed, label), &thing("s", 1));
    assert_eq!(units(&[small("u 1")], false).await, 1);
    let announced = small("u 2").outbox(&[envelope]).expect("a storable message");
    assert_eq!(units(&[announced], false).await, 1, "a message rides for free");
    let long = Thing {
        note: Some("x".repeat(1500)),
        ..thing("l", 1)
    };
    assert_eq!(units(&[create(&order_key(seed, "u 3"), &long)], false).await, 2);
    assert_eq!(
        units(&[small("u 4"), small("u 5")], true).await,
        4,
        "a transaction costs double"
    );
}

async fn too_large(store: &Store, seed: Seed) {
    let key = order_key(seed, "too large");
    let huge = Thing {
        note: Some("x".repeat(401 * 1024)),
        ..thing("h", 1)
    };
    assert!(matches!(
        store.write(create(&key, &huge)).await,
        Err(StoreError::TooLarge)
    ));
    assert_eq!(read(store, &key).await, None);
}

/// Refused however often it is tried, so never worth another try.
async fn what_is_never_taken(store: &Store, seed: Seed) {
    let fits = order_key(seed, "never");
    let key = |pk: &str, sk: &str| Key {
        table: TableName::Commerce,
        pk: pk.to_owned(),
        sk: sk.to_owned(),
    };
    for nothing in [key("", "x"), key("x", "")] {
        let refused = store.write(create(&nothing, &thing("n", 1))).await;
        assert!(
            matches!(refused, Err(StoreError::Invalid(_))),
            "{nothing:?}: {refused:?}"
        );
    }
    for long in [key(&"x".repeat(2049), "x"), key("x", &"x".repeat(1025))] {
        let refused = store.write(create(&long, &thing("n", 1))).await;
        assert!(matches!(refused, Err(StoreError::TooLarge)), "{refused:?}");
    }
    let nothing = store.transact(Vec::new()).await;
    assert!(matches!(nothing, Err(StoreError::Invalid(_))), "{nothing:?}");
    let no_items = store
        .query_keys(keys::orders(seed.id::<UserId>("contract")).limit(0))
        .await;
    assert!(matches!(no_items, Err(StoreError::Invalid(_))), "{no_items:?}");
    // An item that grows too large inside of a transaction: neither a conflict nor a reason to wait.
    store.write(create(&fits, &thing("n", 1))).await.expect("an absent key");
    let grows = Update::new().set_text("note", "x".repeat(401 * 1024));
    let other = order_key(seed, "never, too");
    let writes = vec![create(&other, &thing("n", 1)), Write::update(fits.clone(), grows)];
    let grown = store.transact(writes).await;
    assert!(matches!(grown, Err(StoreError::TooLarge)), "{grown:?}");
    assert_eq!(read(store, &other).await, None);
    // A batch may name a key as often as it likes: the store asks once.
    let twice: Vec<Thing> = store
        .get_many(&[fits.clone(), other, fits])
        .await
        .expect("one of the two is there");
    assert_eq!(twice, [thing("n", 1)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn memory_keeps_the_contract() {
        let now = "2026-11-22T09:00:00Z".parse().expect("a time");
        run(&Store::memory(), Seed::fresh(now)).await;
    }
}
