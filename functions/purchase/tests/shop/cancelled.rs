//! Orders that nobody pays: of two that order one cart, of those that the processor refuses, and those that their customers cancel.

use serde_json::{Value, json};
use shared::ids::OrderId;
use shared::money::{Currency, Money};
use shared::purchase::{Cart, Order, OrderStatus};
use shared::store::commerce;
use shared::testing::{Answer, TestApp};

use super::{Shop, eur, lines, session, shop};

async fn put_into_cart(app: &TestApp, token: &str, listings: &[shared::ids::ListingId]) {
    for listing in listings {
        let put = app.put(format!("/v1/cart/lines/{listing}"), &json!({})).bearer(token);
        put.send().await.expect(200);
    }
}

async fn in_cart(app: &TestApp, token: &str) -> usize {
    let cart = app.get("/v1/cart").bearer(token).send().await.expect(200).json();
    cart["lines"].as_array().expect("lines").len()
}

async fn orders(app: &TestApp, token: &str) -> Vec<Value> {
    let orders = app.get("/v1/orders").bearer(token).send().await.expect(200).json();
    orders["items"].as_array().expect("orders").clone()
}

async fn cancel(app: &TestApp, token: &str, order: &Value) -> Answer {
    let id = order["id"].as_str().expect("an id");
    app.post(format!("/v1/orders/{id}/cancellation"), &json!({}))
        .bearer(token)
        .send()
        .await
}

#[tokio::test]
async fn two_clicks_make_one_order_of_a_cart() {
    let Shop { app, stripe, .. } = shop().await;
    let pads = app.on_sale(app.seller("anna").await, "Warm Pads", eur(1299)).await;
    let token = app.sign_in("carla");
    put_into_cart(&app, &token, &[pads]).await;
    stripe
        .answers(200, session("cs_test_1"))
        .answers(200, session("cs_test_2"));
    let click = || async { app.post("/v1/orders", &json!({})).bearer(&token).send().await };
    let (first, second) = tokio::join!(click(), click());
    let mut statuses = [first.status.as_u16(), second.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses[0], 201);
    assert!([409, 422].contains(&statuses[1]), "{statuses:?}");
    assert_eq!(orders(&app, &token).await.len(), 1);
    assert_eq!(in_cart(&app, &token).await, 0);
}

#[tokio::test]
async fn a_cart_is_ordered_once_however_requests_interleave() {
    let Shop { app, .. } = shop().await;
    let customer = app.customer("carla").await;
    let cart = Cart {
        lines: vec![app.seed().id("pads")],
    };
    commerce::save_cart(&app.store, customer, None, &cart)
        .await
        .expect("a new cart");
    let read = commerce::cart(&app.store, customer)
        .await
        .expect("memory")
        .expect("a cart");
    let place = |label: &str| {
        let seed = app.seed();
        let offer = shared::purchase::Offer {
            listing: cart.lines[0],
            partner: seed.id(label),
            title: "Warm Pads".into(),
            price: eur(1299),
            terms: shared::revenue::Terms::default_rule(Default::default()),
            policy: None,
        };
        shared::purchase::place(customer, &[offer], Default::default(), seed, app.now()).expect("one line")
    };
    let (first, second) = (place("first"), place("second"));
    // Both have read the cart before either orders it.
    let ordered = |order: Order| {
        let (store, read) = (&app.store, &read);
        async move { commerce::order_cart(store, &order, &[], read).await.expect("memory") }
    };
    assert!(ordered(first.clone()).await.is_some());
    assert!(ordered(second.clone()).await.is_none(), "the cart has been ordered");
    assert!(ordered(first).await.is_some(), "a retry finds its order");
    let lost = commerce::order(&app.store, customer, second.id).await.expect("memory");
    assert!(lost.is_none());
}

#[tokio::test]
async fn an_order_that_the_processor_refuses_does_not_wait_to_be_paid() {
    let Shop { app, stripe, .. } = shop().await;
    let pads = app.on_sale(app.seller("anna").await, "Warm Pads", eur(1299)).await;
    let token = app.sign_in("carla");
    put_into_cart(&app, &token, &[pads]).await;
    let refusal =
        json!({"error": {"type": "invalid_request_error", "code": "account_invalid", "message": "Not this account."}});
    stripe.answers(400, refusal);
    let order = app.post("/v1/orders", &json!({})).bearer(&token).send().await;
    order.expect_problem(422, "checkout_refused");
    assert_eq!(orders(&app, &token).await[0]["status"], "cancelled");
    assert_eq!(in_cart(&app, &token).await, 1, "what was in the cart is there again");
    stripe.answers(200, session("cs_test_1"));
    app.post("/v1/orders", &json!({}))
        .bearer(&token)
        .send()
        .await
        .expect(201);
}

#[tokio::test]
async fn what_no_processor_can_charge_is_refused_before_it_is_asked() {
    let Shop { app, stripe, paypal } = shop().await;
    let anna = app.seller("anna").await;
    let (dear, pads) = (
        app.on_sale(anna, "Dear Pads", eur(99_999_999)).await,
        app.on_sale(anna, "Warm Pads", eur(50)).await,
    );
    let forint: Currency = "HUF".parse().expect("a currency");
    let dinar: Currency = "KWD".parse().expect("a currency");
    let halves = app.on_sale(anna, "Half Pads", Money::new(129_950, forint)).await;
    let gulf = app.on_sale(anna, "Gulf Pads", Money::new(1_290, dinar)).await;
    let odd = app.on_sale(anna, "Odd Pads", Money::new(1_299, dinar)).await;
    let token = app.sign_in("carla");
    put_into_cart(&app, &token, &[dear, pads]).await;
    let order = |body: Value| app.post("/v1/orders", &body).bearer(&token).send();
    let refused = order(json!({})).await.expect_problem(422, "total_too_large");
    assert!(refused.text().contains("999999.99 EUR"), "{}", refused.text());
    let at_paypal = |listing| {
        let mut body = lines(&[listing]);
        body["processor"] = json!("paypal");
        body
    };
    order(at_paypal(halves)).await.expect_problem(422, "not_chargeable");
    order(at_paypal(gulf)).await.expect_problem(422, "currency_not_taken");
    order(lines(&[odd])).await.expect_problem(422, "not_chargeable");
    assert!(stripe.take_asked().is_empty() && paypal.take_asked().is_empty());
    assert_eq!(orders(&app, &token).await, Vec::<Value>::new());
    assert_eq!(in_cart(&app, &token).await, 2);
}

#[tokio::test]
async fn an_unpaid_order_is_cancelled_with_its_page() {
    let Shop { app, stripe, .. } = shop().await;
    let pads = app.on_sale(app.seller("anna").await, "Warm Pads", eur(1299)).await;
    let (token, mallory) = (app.sign_in("carla"), app.sign_in("mallory"));
    stripe.answers(200, session("cs_test_1"));
    let order = app
        .post("/v1/orders", &lines(&[pads]))
        .bearer(&token)
        .send()
        .await
        .expect(201)
        .json();
    cancel(&app, &mallory, &order).await.expect_problem(404, "not_found");
    stripe.take_asked();
    let mut expired = session("cs_test_1");
    expired["status"] = json!("expired");
    stripe.answers(200, expired);
    let cancelled = cancel(&app, &token, &order).await.expect(200).json();
    assert_eq!(cancelled["status"], "cancelled");
    assert!(stripe.take_asked()[0].path.ends_with("/cs_test_1/expire"));
    assert_eq!(
        cancel(&app, &token, &order).await.expect(200).json()["status"],
        "cancelled"
    );
    assert!(stripe.take_asked().is_empty(), "it has ended already");
}

#[tokio::test]
async fn a_payment_wins_over_a_cancellation() {
    let Shop { app, stripe, .. } = shop().await;
    let pads = app.on_sale(app.seller("anna").await, "Warm Pads", eur(1299)).await;
    let token = app.sign_in("carla");
    let not_open = json!({"error": {"type": "invalid_request_error", "message": "Only open sessions can be expired."}});
    for (status, expected) in [("complete", 409), ("expired", 200)] {
        stripe.answers(200, session("cs_test_1"));
        let order = app
            .post("/v1/orders", &lines(&[pads]))
            .bearer(&token)
            .send()
            .await
            .expect(201)
            .json();
        let mut told = session("cs_test_1");
        told["status"] = json!(status);
        stripe.answers(400, not_open.clone()).answers(200, told);
        let answer = cancel(&app, &token, &order).await;
        match expected {
            409 => drop(answer.expect_problem(409, "payment_under_way")),
            _ => assert_eq!(answer.expect(200).json()["status"], "cancelled"),
        }
        // What is paid is paid.
        let id: OrderId = order["id"].as_str().expect("an id").parse().expect("an order");
        let stored = commerce::order_by_id(&app.store, id)
            .await
            .expect("memory")
            .expect("the order");
        let paid = Order {
            status: OrderStatus::Paid,
            ..stored.value.clone()
        };
        commerce::update_order(&app.store, &paid, stored.revision)
            .await
            .expect("nobody else writes");
        cancel(&app, &token, &order).await.expect_problem(409, "order_paid");
    }
}

#[tokio::test]
async fn an_order_without_a_page_can_be_cancelled() {
    let Shop { app, stripe, .. } = shop().await;
    let pads = app.on_sale(app.seller("anna").await, "Warm Pads", eur(1299)).await;
    let token = app.sign_in("carla");
    stripe.answers(500, json!({"error": {"type": "api_error", "message": "down"}}));
    let order = app.post("/v1/orders", &lines(&[pads])).bearer(&token).send().await;
    order.expect_problem(503, "unavailable");
    let order = orders(&app, &token).await.remove(0);
    assert_eq!(order["status"], "pending");
    assert_eq!(
        cancel(&app, &token, &order).await.expect(200).json()["status"],
        "cancelled"
    );
}
