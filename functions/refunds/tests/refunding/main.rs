//! Refunds in-process: asked for, decided and refused, by each of those who may.

mod credit;
mod promises;

use serde_json::{Value, json};
use shared::ids::{OrderId, PartnerId};
use shared::messages::{Envelope, Message};
use shared::money::{BasisPoints, Currency, Money};
use shared::purchase::refund::RefundPolicy;
use shared::purchase::{Offer, Order, Payment, place, settle};
use shared::revenue::{Referrers, Terms, Turnovers};
use shared::store::commerce;
use shared::testing::TestApp;

fn app() -> TestApp {
    TestApp::new(|world| {
        let context = refunds::Context {
            edge: world.edge.clone(),
            store: world.store.clone(),
            policy: RefundPolicy { window_days: 30 },
        };
        shared::http::router(refunds::routes(), context)
    })
}

struct Sale {
    order: OrderId,
    anna: PartnerId,
    bert: PartnerId,
}

/// Carla has paid 12.99 to anna's partner and 5.00 to bert's.
async fn sale(app: &TestApp) -> Sale {
    sale_in(app, Currency::EUR).await
}

async fn sale_in(app: &TestApp, currency: Currency) -> Sale {
    let (anna, bert) = (app.seller("anna").await, app.seller("bert").await);
    let customer = app.customer("carla").await;
    let offer = |label: &str, partner: PartnerId, minor: i64| Offer {
        listing: app.seed().id(label),
        partner,
        title: label.to_owned(),
        price: Money::new(minor, currency),
        terms: Terms::default_rule(BasisPoints::try_from(2000).expect("a rate")),
        policy: None,
    };
    let offers = [offer("pads", anna, 1299), offer("keys", bert, 500)];
    let placed = place(customer, &offers, Referrers::default(), app.seed(), app.now()).expect("an order");
    let stored = commerce::create_order(&app.store, &placed, &[])
        .await
        .expect("a new order");
    let payment = Payment {
        amount: placed.total,
        charge: Some("ch_1".into()),
        at: app.now(),
    };
    let settled = settle(&placed, &payment, &Turnovers::new(), 7, app.seed(), || [7; 16]).expect("paid in full");
    let writes = commerce::settlement_writes(&settled, stored.revision, app.now()).expect("items");
    app.store.transact(writes).await.expect("nobody else writes");
    app.take_messages();
    Sale {
        order: placed.id,
        anna,
        bert,
    }
}

impl Sale {
    fn path(&self, rest: &str) -> String {
        format!("/v1/orders/{}{rest}", self.order)
    }

    fn partners(&self, partner: PartnerId, rest: &str) -> String {
        format!("/v1/partners/{partner}/orders/{}{rest}", self.order)
    }

    async fn stored(&self, app: &TestApp) -> Order {
        commerce::order_by_id(&app.store, self.order)
            .await
            .expect("memory")
            .expect("the order")
            .value
    }
}

/// Status and body of an answer.
#[derive(Debug)]
struct Got {
    status: u16,
    body: Value,
}

async fn post(app: &TestApp, token: &str, path: &str, body: &Value) -> Got {
    let answer = app.post(path, body).bearer(token).send().await;
    Got {
        status: answer.status.as_u16(),
        body: answer.json(),
    }
}

async fn get(app: &TestApp, token: &str, path: &str) -> Got {
    let answer = app.get(path).bearer(token).send().await;
    Got {
        status: answer.status.as_u16(),
        body: answer.json(),
    }
}

fn eur(minor: i64) -> Value {
    json!({"amount": minor, "currency": "EUR"})
}

fn sent(messages: &[Envelope]) -> usize {
    messages
        .iter()
        .filter(|sent| matches!(sent.message, Message::RefundDecided { .. }))
        .count()
}

#[tokio::test]
async fn an_amount_that_the_processor_cannot_move_is_refused() {
    let app = app();
    let sale = sale_in(&app, "KWD".parse().expect("a currency")).await;
    let operator = app.sign_in_operator("olga");
    let refund = |line: usize, minor: i64| {
        let amount = json!({"amount": minor, "currency": "KWD"});
        json!({"lines": [{"line": line, "amount": amount}], "reason": "duplicate"})
    };
    let refused = post(&app, &operator, &sale.path("/refunds"), &refund(0, 1005)).await;
    assert_eq!(
        (refused.status, &refused.body["code"]),
        (422, &json!("amount_not_refundable"))
    );
    let made = post(&app, &operator, &sale.path("/refunds"), &refund(0, 1000)).await;
    assert_eq!(made.status, 201, "{made:?}");
    let rest = post(&app, &operator, &sale.path("/refunds"), &refund(0, 299)).await;
    assert_eq!(rest.status, 201, "what is left can always be given back: {rest:?}");
    assert_eq!(sent(&app.take_messages()), 2);
}

#[tokio::test]
async fn an_operator_refunds_any_line_and_what_is_promised_is_set_aside() {
    let app = app();
    let sale = sale(&app).await;
    let operator = app.sign_in_operator("olga");
    let body = json!({"lines": [{"line": 0, "amount": eur(1000)}, {"line": 1}], "reason": "duplicate"});
    let made = post(&app, &operator, &sale.path("/refunds"), &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.body["amount"], eur(1500));
    assert_eq!(made.body["status"], "created");
    let order = sale.stored(&app).await;
    assert_eq!(
        (order.lines[0].refundable_minor(), order.lines[1].refundable_minor()),
        (299, 0)
    );
    assert_eq!(sent(&app.take_messages()), 1);
    let above = json!({"lines": [{"line": 0, "amount": eur(300)}], "reason": "duplicate"});
    let refused = post(&app, &operator, &sale.path("/refunds"), &above).await;
    assert_eq!(
        (refused.status, refused.body["code"].as_str()),
        (422, Some("refund_above_remainder"))
    );
    assert_eq!(refused.body["errors"][0]["pointer"], "/lines/0/amount");
    assert_eq!(sale.stored(&app).await, order, "nothing was written");
    assert_eq!(sent(&app.take_messages()), 0);
    let acts = get(&app, &operator, &sale.path("/audit-events")).await;
    assert_eq!(acts.status, 200, "{acts:?}");
    let [act] = acts.body["items"].as_array().expect("entries").as_slice() else {
        panic!("one act: {acts:?}")
    };
    assert_eq!(
        (&act["action"], &act["subject"], &act["actor"]),
        (
            &json!("refund.create"),
            &made.body["id"],
            &json!(app.user("olga").await)
        )
    );
}

#[tokio::test]
async fn a_partner_refunds_its_own_lines_and_no_others() {
    let app = app();
    let sale = sale(&app).await;
    let anna = app.sign_in("anna");
    let seen = get(&app, &anna, &sale.partners(sale.anna, "")).await;
    assert_eq!(seen.body["lines"].as_array().map(Vec::len), Some(1));
    assert_eq!(seen.body["lines"][0]["refundable"], eur(1299));
    assert!(
        !seen.body.to_string().contains("usr_"),
        "who bought it is not told: {}",
        seen.body
    );
    let berts = json!({"lines": [{"line": 1}], "reason": "other"});
    let refused = post(&app, &anna, &sale.partners(sale.anna, "/refunds"), &berts).await;
    assert_eq!(
        (refused.status, refused.body["code"].as_str()),
        (422, Some("unknown_line"))
    );
    let all = post(
        &app,
        &anna,
        &sale.partners(sale.anna, "/refunds"),
        &json!({"reason": "other"}),
    )
    .await;
    assert_eq!((all.status, &all.body["amount"]), (201, &eur(1299)));
    let strange = app.seller("cleo").await;
    let elsewhere = post(
        &app,
        &app.sign_in("cleo"),
        &sale.partners(strange, "/refunds"),
        &json!({"reason": "other"}),
    )
    .await;
    assert_eq!(elsewhere.status, 404, "not an order of theirs");
}

#[tokio::test]
async fn after_the_window_only_an_operator_refunds() {
    let app = app();
    let sale = sale(&app).await;
    app.clock.advance(jiff::SignedDuration::from_hours(24 * 31));
    let ask = json!({"reason": "requested_by_customer"});
    let carla = post(&app, &app.sign_in("carla"), &sale.path("/refund-requests"), &ask).await;
    assert_eq!(
        (carla.status, carla.body["code"].as_str()),
        (409, Some("refund_window_closed"))
    );
    let anna = post(&app, &app.sign_in("anna"), &sale.partners(sale.anna, "/refunds"), &ask).await;
    assert_eq!(
        (anna.status, anna.body["code"].as_str()),
        (409, Some("refund_window_closed"))
    );
    let olga = post(&app, &app.sign_in_operator("olga"), &sale.path("/refunds"), &ask).await;
    assert_eq!(olga.status, 201);
    assert_eq!(sent(&app.take_messages()), 1);
}

#[tokio::test]
async fn a_customer_asks_and_the_partner_decides() {
    let app = app();
    let sale = sale(&app).await;
    let carla = app.sign_in("carla");
    let ask = json!({"lines": [{"line": 0}], "reason": "does_not_work", "note": "It does not start."});
    let asked = post(&app, &carla, &sale.path("/refund-requests"), &ask).await;
    assert_eq!((asked.status, asked.body["status"].as_str()), (201, Some("requested")));
    assert_eq!(
        sale.stored(&app).await.lines[0].refundable_minor(),
        1299,
        "nothing is set aside yet"
    );
    assert_eq!(sent(&app.take_messages()), 0);
    let waiting = get(&app, &app.sign_in_operator("olga"), "/v1/refunds").await;
    assert_eq!(waiting.body["items"][0]["id"], asked.body["id"]);
    let id = asked.body["id"].as_str().expect("an id");
    let decisions = sale.partners(sale.anna, &format!("/refunds/{id}/decisions"));
    let mute = post(&app, &app.sign_in("anna"), &decisions, &json!({"decision": "decline"})).await;
    assert_eq!(
        (mute.status, mute.body["errors"][0]["pointer"].as_str()),
        (422, Some("/note"))
    );
    let approved = post(&app, &app.sign_in("anna"), &decisions, &json!({"decision": "approve"})).await;
    assert_eq!(
        (approved.status, approved.body["status"].as_str()),
        (200, Some("created"))
    );
    assert_eq!(sent(&app.take_messages()), 1);
    let again = post(
        &app,
        &app.sign_in("anna"),
        &decisions,
        &json!({"decision": "decline", "note": "No."}),
    )
    .await;
    assert_eq!(
        (again.status, again.body["code"].as_str()),
        (409, Some("already_decided"))
    );
    let waiting = get(&app, &app.sign_in_operator("olga"), "/v1/refunds").await;
    assert_eq!(waiting.body["items"], json!([]));
    let mine = get(&app, &carla, &sale.path("/refunds")).await;
    assert_eq!(mine.body["items"][0]["status"], "created");
}

#[tokio::test]
async fn a_request_over_several_partners_is_the_operators_to_decide() {
    let app = app();
    let sale = sale(&app).await;
    let asked = post(
        &app,
        &app.sign_in("carla"),
        &sale.path("/refund-requests"),
        &json!({"reason": "other"}),
    )
    .await;
    let id = asked.body["id"].as_str().expect("an id");
    let decline = json!({"decision": "decline", "note": "You have used it for a month."});
    let berts = sale.partners(sale.bert, &format!("/refunds/{id}/decisions"));
    let refused = post(&app, &app.sign_in("bert"), &berts, &decline).await;
    assert_eq!(
        (refused.status, refused.body["code"].as_str()),
        (403, Some("not_only_yours"))
    );
    let seen = get(&app, &app.sign_in("bert"), &sale.partners(sale.bert, "/refunds")).await;
    assert_eq!(
        seen.body["items"][0]["amount"],
        eur(500),
        "of another's lines a partner sees nothing"
    );
    let declined = post(
        &app,
        &app.sign_in_operator("olga"),
        &sale.path(&format!("/refunds/{id}/decisions")),
        &decline,
    )
    .await;
    assert_eq!(
        (declined.status, declined.body["status"].as_str()),
        (200, Some("declined"))
    );
    assert_eq!(declined.body["status_detail"], "You have used it for a month.");
    let told = app.take_messages();
    assert!(
        matches!(told.as_slice(), [Envelope { message: Message::RefundRequestEnded { refund, .. }, .. }] if refund.to_string() == id),
        "the customer hears of it: {told:?}"
    );
}

#[tokio::test]
async fn a_line_has_one_open_request_at_a_time() {
    let app = app();
    let sale = sale(&app).await;
    let (carla, path) = (app.sign_in("carla"), sale.path("/refund-requests"));
    let ask = |line: usize| json!({"lines": [{"line": line}], "reason": "other"});
    let first = post(&app, &carla, &path, &ask(0)).await;
    assert_eq!(first.status, 201, "{first:?}");
    let id = first.body["id"].as_str().expect("an id").to_owned();
    for body in [ask(0), json!({"reason": "other"})] {
        let again = post(&app, &carla, &path, &body).await;
        assert_eq!(
            (again.status, again.body["code"].as_str()),
            (409, Some("refund_request_open")),
            "{body}"
        );
        let detail = again.body["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(&id), "it names the one that is open: {detail}");
    }
    assert_eq!(post(&app, &carla, &path, &ask(1)).await.status, 201, "another line");
    let decline = json!({"decision": "decline", "note": "No."});
    let decisions = sale.partners(sale.anna, &format!("/refunds/{id}/decisions"));
    let declined = post(&app, &app.sign_in("anna"), &decisions, &decline).await;
    assert_eq!(declined.status, 200);
    assert_eq!(
        post(&app, &carla, &path, &ask(0)).await.status,
        201,
        "it has been decided"
    );
    app.take_messages();
}

#[tokio::test]
async fn what_is_left_of_a_request_is_approved() {
    let app = app();
    let sale = sale(&app).await;
    let operator = app.sign_in_operator("olga");
    let ask = json!({"reason": "other"});
    let asked = post(&app, &app.sign_in("carla"), &sale.path("/refund-requests"), &ask).await;
    let id = asked.body["id"].as_str().expect("an id");
    let by_hand = json!({"lines": [{"line": 0}, {"line": 1, "amount": eur(100)}], "reason": "duplicate"});
    assert_eq!(
        post(&app, &operator, &sale.path("/refunds"), &by_hand).await.status,
        201
    );
    let decisions = sale.path(&format!("/refunds/{id}/decisions"));
    let approved = post(&app, &operator, &decisions, &json!({"decision": "approve"})).await;
    assert_eq!((approved.status, &approved.body["amount"]), (200, &eur(400)));
    let order = sale.stored(&app).await;
    let left: Vec<_> = order
        .lines
        .iter()
        .map(|line| (line.refundable_minor(), line.requested))
        .collect();
    assert_eq!(left, [(0, None), (0, None)]);
    app.take_messages();
}

#[tokio::test]
async fn bad_input_says_what_to_do_and_writes_nothing() {
    let app = app();
    let sale = sale(&app).await;
    let operator = app.sign_in_operator("olga");
    let before = sale.stored(&app).await;
    let cases = [
        (
            json!({"lines": [{"line": 0, "amount": eur(-5)}], "reason": "other"}),
            "amount_not_positive",
        ),
        (
            json!({"lines": [{"line": 0, "amount": eur(0)}], "reason": "other"}),
            "amount_not_positive",
        ),
        (json!({"lines": [{"line": 7}], "reason": "other"}), "unknown_line"),
        (
            json!({"lines": [{"line": 0}, {"line": 0}], "reason": "other"}),
            "duplicate_line",
        ),
        (
            json!({"lines": [{"line": 0, "amount": {"amount": 1, "currency": "USD"}}], "reason": "other"}),
            "other_currency",
        ),
        (
            json!({"lines": [{"line": 0, "amount": eur(i64::MAX)}], "reason": "other"}),
            "refund_above_remainder",
        ),
    ];
    for (body, code) in cases {
        let refused = post(&app, &operator, &sale.path("/refunds"), &body).await;
        assert_eq!(
            (refused.status, refused.body["code"].as_str()),
            (422, Some(code)),
            "{body}"
        );
    }
    for body in [
        json!({"lines": [{"line": 0, "amount": {"amount": 1, "currency": "XXX"}}], "reason": "other"}),
        json!({"lines": [], "reason": "other"}),
        json!({"reason": "because"}),
        json!({}),
    ] {
        let refused = post(&app, &operator, &sale.path("/refunds"), &body).await;
        assert_eq!(refused.status, 422, "{body}: {refused:?}");
    }
    assert_eq!(sale.stored(&app).await, before);
    assert!(app.take_messages().is_empty());
}

#[tokio::test]
async fn an_operator_makes_a_dispute_by_hand_and_closes_it() {
    let app = app();
    let sale = sale(&app).await;
    let operator = app.sign_in_operator("olga");
    let path = sale.path("/disputes");
    let body = json!({"amount": eur(1000), "reason": "unknown", "note": "T1999 in the dashboard."});
    for who in ["carla", "anna"] {
        assert_eq!(post(&app, &app.sign_in(who), &path, &body).await.status, 403, "{who}");
    }
    let opened = post(&app, &operator, &path, &body).await;
    assert_eq!(
        (opened.status, &opened.body["status"]),
        (201, &json!("open")),
        "{opened:?}"
    );
    let id = opened.body["id"].as_str().expect("an id").to_owned();
    let made = app.take_messages();
    assert!(
        matches!(made.as_slice(), [Envelope { message: Message::DisputeMadeByHand { dispute, .. }, .. }] if *dispute == id),
        "{made:?}"
    );
    let closure = sale.path(&format!("/disputes/{id}/closure"));
    for (wrong, code) in [
        (json!({"outcome": "lost"}), "invalid_request"),
        (json!({"outcome": "lost", "amount": eur(0)}), "amount_out_of_range"),
        (json!({"outcome": "lost", "amount": eur(1800)}), "amount_out_of_range"),
        (json!({"outcome": "won", "amount": eur(1)}), "won_takes_nothing"),
        (
            json!({"outcome": "lost", "amount": {"amount": 1, "currency": "USD"}}),
            "other_currency",
        ),
    ] {
        let refused = post(&app, &operator, &closure, &wrong).await;
        assert_eq!(refused.status, 422, "{wrong}: {refused:?}");
        if code != "invalid_request" {
            assert_eq!(refused.body["code"], code, "{wrong}");
        }
    }
    let lost = json!({"outcome": "lost", "amount": eur(1000), "fee": eur(15), "transaction_id": "8XY"});
    let closed = post(&app, &operator, &closure, &lost).await;
    assert_eq!(
        (closed.status, &closed.body["status"]),
        (200, &json!("lost")),
        "{closed:?}"
    );
    assert_eq!(app.take_messages().len(), 1);
    let again = post(&app, &operator, &closure, &json!({"outcome": "won"})).await;
    assert_eq!(
        (again.status, again.body["code"].as_str()),
        (409, Some("dispute_not_open"))
    );
    let acts = get(&app, &operator, &sale.path("/audit-events")).await;
    let acts: Vec<_> = acts.body["items"]
        .as_array()
        .expect("entries")
        .iter()
        .map(|act| act["action"].clone())
        .collect();
    assert_eq!(acts.len(), 2, "{acts:?}");
    for above in [
        json!({"amount": eur(1800), "reason": "r", "note": "n"}),
        json!({"amount": eur(0), "reason": "r", "note": "n"}),
    ] {
        let refused = post(&app, &operator, &path, &above).await;
        assert_eq!(
            (refused.status, refused.body["code"].as_str()),
            (422, Some("amount_out_of_range"))
        );
    }
}

#[tokio::test]
async fn nobody_makes_a_dispute_about_what_is_their_own() {
    let app = app();
    let sale = sale(&app).await;
    let body = json!({"reason": "unknown", "note": "Mine."});
    for who in ["anna", "bert", "carla"] {
        let refused = post(&app, &app.sign_in_operator(who), &sale.path("/disputes"), &body).await;
        assert_eq!(
            (refused.status, refused.body["code"].as_str()),
            (403, Some("own_order")),
            "{who}"
        );
    }
    assert!(app.take_messages().is_empty());
}
