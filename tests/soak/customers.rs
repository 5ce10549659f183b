//! Customers: a visit is one sale, from looking around to whatever becomes of it.

use std::time::Duration;

use serde_json::{Value, json};
use support::{Listing, Order, Person, eventually_within, unique};
use tokio::time::{Instant, sleep};

use crate::MAX_VISITS_EACH;
use crate::client;
use crate::sellers::Market;

/// A message may have lost its function a few times on the way.
pub(crate) const PATIENCE: Duration = Duration::from_secs(240);

/// What becomes of a sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    Kept,
    Refunded,
    DisputeWon,
    DisputeLost,
}

#[derive(Debug)]
pub(crate) struct Sale {
    pub(crate) order: Order,
    pub(crate) fate: Fate,
    pub(crate) price_minor: i64,
}

/// A customer, and everything that was bought.
#[derive(Debug)]
pub(crate) struct Customer {
    pub(crate) person: Person,
    pub(crate) sales: Vec<Sale>,
    pub(crate) validations: usize,
}

pub(crate) async fn visit_until(market: Market, number: usize, until: Instant) -> Customer {
    let person = market.stack().somebody(&format!("Customer {number}")).await;
    let mut customer = Customer {
        person,
        sales: Vec::new(),
        validations: 0,
    };
    while Instant::now() < until && customer.sales.len() < MAX_VISITS_EACH {
        let fate = match rand::random_range(0..10) {
            0..6 => Fate::Kept,
            6..8 => Fate::Refunded,
            8 => Fate::DisputeWon,
            _ => Fate::DisputeLost,
        };
        let listing = market.listing(fate == Fate::Kept);
        browse(&market, listing).await;
        let order = place(&customer.person, listing).await;
        market.stack().stripe().pay(&order.session(), "fee_at_once").await;
        let sale = Sale {
            order,
            fate,
            price_minor: listing.price_minor,
        };
        let paid = paid(&customer.person, &sale.order).await;
        validate(&market, &customer.person, &paid).await;
        customer.validations += 1;
        take_back(&market, &sale).await;
        customer.sales.push(sale);
        sleep(Duration::from_millis(rand::random_range(50..400))).await;
    }
    customer
}

async fn browse(market: &Market, listing: &Listing) {
    let public = market.stack().public();
    client::get(&public, "/listings?limit=20").await.is(200);
    let found = client::get(&public, &format!("/listings?q={}", listing.word))
        .await
        .is(200);
    assert_eq!(found["items"][0]["id"], listing.id.as_str(), "{found}");
    client::get(&public, &format!("/listings/{}", listing.id)).await.is(200);
}

/// Every third order is sent twice at once, by somebody impatient: it is one order all the same.
async fn place(person: &Person, listing: &Listing) -> Order {
    let (key, body) = (unique(), json!({"lines": [{"listing_id": listing.id}]}));
    let order = async || client::post(&person.api, "/orders", &key, &body).await.is(201);
    if rand::random_range(0..3) > 0 {
        return Order::of(order().await);
    }
    let (first, second) = tokio::join!(order(), order());
    assert_eq!(first["id"], second["id"], "one key, one order");
    Order::of(first)
}

async fn paid(person: &Person, order: &Order) -> Value {
    eventually_within(PATIENCE, &format!("order {} being paid", order.id), async || {
        let found = client::get(&person.api, &format!("/orders/{}", order.id)).await;
        match found.json() {
            paid if paid["status"] == "paid" => Ok(paid),
            _ => Err(found.text()),
        }
    })
    .await
}

async fn validate(market: &Market, person: &Person, paid: &Value) {
    let path = format!("/licences/{}", paid["lines"][0]["licence_id"].as_str().unwrap());
    let licence = client::get(&person.api, &path).await.is(200);
    let software = market.stack().with_licence_key(licence["key"].as_str().unwrap());
    let machine = json!({"fingerprint": "studio"});
    client::post(&software, &format!("{path}/machines"), &unique(), &machine)
        .await
        .ok();
    let validation = client::post(&software, &format!("{path}/validations"), &unique(), &machine).await;
    assert_eq!(validation.is(200)["valid"], true, "{}", validation.text());
}

/// Begins what the dice say; how it ends is seen when everything has come to rest.
async fn take_back(market: &Market, sale: &Sale) {
    let stack = market.stack();
    match sale.fate {
        Fate::Kept => {}
        Fate::Refunded => {
            let path = format!("/orders/{}/refunds", sale.order.id);
            client::post(&stack.operator(), &path, &unique(), &json!({"reason": "other"}))
                .await
                .is(201);
        }
        Fate::DisputeWon | Fate::DisputeLost => {
            let dispute = stack
                .stripe()
                .control(&format!("charges/{}/dispute", charge(market, sale).await), json!({}))
                .await;
            let outcome = if sale.fate == Fate::DisputeWon { "won" } else { "lost" };
            // The money is gone first; the bank takes its time.
            sleep(Duration::from_millis(rand::random_range(100..3_000))).await;
            let close = format!("disputes/{}/close", dispute["id"].as_str().unwrap());
            stack.stripe().control(&close, json!({"outcome": outcome})).await;
        }
    }
}

async fn charge(market: &Market, sale: &Sale) -> String {
    let stripe = market.stack().stripe();
    let session = stripe.object(&sale.order.session()).await;
    let intent = stripe.object(session["payment_intent"].as_str().unwrap()).await;
    intent["latest_charge"].as_str().unwrap().to_owned()
}
