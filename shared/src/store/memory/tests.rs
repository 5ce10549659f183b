//! Fates, flights, and pages.

use super::*;
use crate::ids::PartnerId;
use crate::ledger::BalanceChange;
use crate::money::{Currency, Money};
use crate::seed::Seed;
use crate::store::{Store, keys, ledger};
use crate::testing::TestWorld;

/// The answer of the first request is lost.
#[derive(Debug, Default)]
struct Once(Mutex<bool>);

impl Fates for Once {
    fn next(&self, _: &dyn fmt::Display) -> Pin<Box<dyn Future<Output = Fate> + Send + '_>> {
        let mut lost = self.0.lock().expect("no panic holds it");
        let fate = if *lost { Fate::Done } else { Fate::AnswerLost };
        *lost = true;
        Box::pin(std::future::ready(fate))
    }
}

#[tokio::test]
async fn scenario_44_a_transaction_whose_answer_was_lost_is_met_by_its_own_condition() {
    let store = Store::fated(Arc::new(Once::default()));
    let partner: PartnerId = Seed::named(TestWorld::new().now(), "a partner").id("p");
    let change = BalanceChange {
        partner,
        owed: Money::new(1039, Currency::EUR),
        maturing: None,
        disputed_minor: 0,
    };
    let writes = || {
        let fact = Write::create(
            keys::partner_journal(partner, "sale", "1"),
            &BTreeMap::from([("what", "a fact")]),
        );
        vec![fact.expect("an item"), ledger::change_balance(&change)]
    };
    assert!(matches!(
        store.transact(writes()).await,
        Err(StoreError::Unavailable(_))
    ));
    assert!(matches!(
        store.transact(writes()).await,
        Err(StoreError::Conflict { .. })
    ));
    let balances = ledger::balances(&store, partner).await.expect("memory");
    assert_eq!(balances.iter().map(|balance| balance.owed.minor()).sum::<i64>(), 1039);
}

/// Decides what becomes of the requests that a test holds.
#[derive(Debug, Default)]
struct Held {
    ends_alone: bool,
    ends: Mutex<Vec<Fate>>,
    pauses: Mutex<Vec<Duration>>,
}

impl Fates for Held {
    fn next(&self, _: &dyn fmt::Display) -> Pin<Box<dyn Future<Output = Fate> + Send + '_>> {
        Box::pin(std::future::ready(Fate::Done))
    }

    /// The last of the ends; a transaction for which there is none stays on its way.
    fn end(&self, _: &dyn fmt::Display) -> Pin<Box<dyn Future<Output = Fate> + Send + '_>> {
        match self.ends.lock().expect("no panic holds it").pop() {
            Some(fate) => Box::pin(std::future::ready(fate)),
            None => Box::pin(std::future::pending()),
        }
    }

    fn ends_alone(&self) -> bool {
        self.ends_alone
    }

    fn pause(&self, most: Duration) -> Pause<'_> {
        self.pauses.lock().expect("no panic holds it").push(most);
        Box::pin(std::future::ready(()))
    }
}

fn order(label: &str) -> Key {
    let seed = Seed::named(TestWorld::new().now(), label);
    keys::order(seed.id("customer"), seed.id("order"))
}

fn add(key: &Key) -> Write {
    Write::update(key.clone(), Update::new().add("count", 1))
}

#[derive(serde::Deserialize)]
struct Counted {
    count: u64,
}

async fn count(store: &Store, key: &Key) -> u64 {
    let read = store.get::<Counted>(key).await.expect("memory");
    read.map_or(0, |item| item.count)
}

/// Begins a transaction that does not end by itself.
fn begun<'a>(store: &'a Store, key: &Key) -> Pin<Box<dyn Future<Output = Result<(), StoreError>> + 'a>> {
    let mut transaction: Pin<Box<dyn Future<Output = _>>> = Box::pin(store.transact(vec![add(key)]));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(transaction.as_mut().poll(&mut context).is_pending());
    transaction
}

#[tokio::test]
async fn a_transaction_on_its_way_keeps_all_writers_from_its_items() {
    let held = Arc::new(Held::default());
    let (store, key, other) = (Store::fated(held.clone()), order("one"), order("other"));
    let transaction = begun(&store, &key);
    for refused in [
        store.transact(vec![add(&other), add(&key)]).await,
        store
            .transact(vec![add(&other), Write::check(key.clone(), Condition::Absent)])
            .await,
        store.write(add(&key)).await,
    ] {
        assert!(matches!(refused, Err(StoreError::Busy)), "{refused:?}");
    }
    let failed = Write::check(other.clone(), Condition::Present);
    let conflict = store.transact(vec![add(&key), failed]).await;
    assert!(matches!(conflict, Err(StoreError::Conflict { failed }) if failed == [1]));
    store.write(add(&other)).await.expect("nobody is there");
    assert_eq!(
        (count(&store, &key).await, count(&store, &other).await),
        (0, 1),
        "readers wait for nobody"
    );
    drop(transaction);
    store.write(add(&key)).await.expect("nobody is there any more");
    assert_eq!(count(&store, &key).await, 1);
}

#[tokio::test]
async fn what_a_dead_caller_has_begun_the_table_ends_or_drops() {
    for ends_alone in [true, false] {
        let ends = Mutex::default();
        let pauses = Mutex::default();
        let (store, key) = (
            Store::fated(Arc::new(Held {
                ends_alone,
                ends,
                pauses,
            })),
            order("one"),
        );
        drop(begun(&store, &key));
        assert_eq!(count(&store, &key).await, u64::from(ends_alone));
    }
}

#[tokio::test]
async fn the_store_repeats_what_was_refused_and_never_what_was_not_answered() {
    let held = Arc::new(Held::default());
    let (store, key) = (Store::fated(held.clone()), order("one"));
    let ends = |fates: &[Fate]| *held.ends.lock().expect("no panic holds it") = fates.to_vec();
    ends(&[Fate::Done, Fate::Refused, Fate::Refused]);
    store.transact(vec![add(&key)]).await.expect("at the third try");
    assert_eq!((count(&store, &key).await, store.meter().read().retries), (1, 2));
    let pauses = std::mem::take(&mut *held.pauses.lock().expect("no panic holds it"));
    assert_eq!(pauses, [Duration::from_millis(20), Duration::from_millis(40)]);
    for (fate, counted) in [(Fate::Lost, 1), (Fate::AnswerLost, 2)] {
        ends(&[Fate::Done, fate]);
        let unknown = store.transact(vec![add(&key)]).await;
        assert!(matches!(unknown, Err(StoreError::Unavailable(_))), "{unknown:?}");
        assert_eq!(count(&store, &key).await, counted);
    }
    ends(&[Fate::Refused; 20]);
    let busy = store.transact(vec![add(&key)]).await;
    assert!(matches!(busy, Err(StoreError::Busy)));
    assert_eq!(held.ends.lock().expect("no panic holds it").len(), 12, "eight calls");
    let pauses = std::mem::take(&mut *held.pauses.lock().expect("no panic holds it"));
    assert_eq!(pauses.last(), Some(&Duration::from_millis(1280)), "the bound doubles");
}

#[tokio::test]
async fn a_page_goes_on_behind_a_key_whose_item_is_gone_and_ends_at_a_megabyte() {
    let (store, customer) = (Store::memory(), Seed::named(TestWorld::new().now(), "x").id("customer"));
    let place = |label: &str| keys::order(customer, Seed::named(TestWorld::new().now(), label).id("order"));
    let large = BTreeMap::from([("note", "x".repeat(300 * 1024))]);
    for label in ["a", "b", "c", "d", "e"] {
        store
            .write(Write::create(place(label), &large).expect("an item"))
            .await
            .expect("absent");
    }
    let page = store.query_keys(keys::orders(customer)).await.expect("memory");
    assert_eq!(page.items.len(), 4, "1 MB");
    let last = page.items.last().expect("four");
    store
        .write(Write::delete(last.clone(), Condition::Present))
        .await
        .expect("present");
    let rest = store
        .query_keys(keys::orders(customer).after(page.next))
        .await
        .expect("memory");
    assert_eq!((rest.items.len(), rest.next), (1, None));
}
