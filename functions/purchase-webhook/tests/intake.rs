//! The webhook in-process: what is let in, what is stored, what is queued.

use serde_json::{Value, json};
use shared::http::Edge;
use shared::ids::{OrderId, PartnerId, PayoutId, UserId};
use shared::messages::{Message, PaymentSubject};
use shared::processor::stripe::webhook::sign;
use shared::runtime::secrets::StripeSecretSource;
use shared::store::commerce::{Disposition, InboxEvent};
use shared::store::keys;
use shared::testing::TestApp;

const SECRETS: [&str; 2] = ["whsec_new", "whsec_old"];

fn app() -> TestApp {
    TestApp::new(|world| {
        let context = purchase_webhook::Context {
            edge: Edge::open(world.clock.clone()),
            store: world.store.clone(),
            secrets: StripeSecretSource::fixed("sk_test", &SECRETS),
            livemode: false,
        };
        shared::http::router(purchase_webhook::routes(), context)
    })
}

fn event(id: &str, kind: &str, object: &Value) -> String {
    json!({"id": id, "object": "event", "type": kind, "created": 1_763_800_000, "livemode": false, "api_version": "2026-05-27.dahlia",
        "data": {"object": object}})
    .to_string()
}

async fn deliver(app: &TestApp, body: &str, secret: &str) -> shared::testing::Answer {
    let signature = sign(body.as_bytes(), &secret.to_owned().into(), app.now());
    app.request(axum::http::Method::POST, "/v1/webhooks/stripe")
        .header("stripe-signature", &signature)
        .body(body.as_bytes().to_vec())
        .send()
        .await
}

async fn inbox(app: &TestApp, id: &str) -> Option<InboxEvent> {
    app.store
        .get(&keys::processor_event(id))
        .await
        .expect("memory")
        .map(|found| found.value)
}

fn ours(app: &TestApp) -> (UserId, OrderId, Value) {
    let (customer, order) = (app.seed().id::<UserId>("u"), app.seed().id::<OrderId>("o"));
    (
        customer,
        order,
        json!({"id": "cs_test_1", "metadata": {"customer_id": customer, "order_id": order}}),
    )
}

#[tokio::test]
async fn an_event_about_an_order_is_queued_once() {
    let app = app();
    let (customer, order, object) = ours(&app);
    let body = event("evt_1", "checkout.session.completed", &object);
    for secret in [SECRETS[0], SECRETS[1], SECRETS[0]] {
        deliver(&app, &body, secret).await.expect(200);
    }
    let messages = app.take_messages();
    let expected = Message::PaymentChanged {
        event_id: "evt_1".into(),
        subject: PaymentSubject::CheckoutSession,
        object_id: "cs_test_1".into(),
        customer,
        order,
    };
    assert_eq!(
        messages.iter().map(|envelope| &envelope.message).collect::<Vec<_>>(),
        [&expected]
    );
    let stored = inbox(&app, "evt_1").await.expect("taken in");
    assert_eq!((stored.disposition, stored.body), (Disposition::Queued, None));
}

#[tokio::test]
async fn taking_in_an_event_costs_one_write_unit() {
    let app = app();
    let (.., object) = ours(&app);
    deliver(&app, &event("evt_1", "checkout.session.completed", &object), SECRETS[0])
        .await
        .expect(200);
    let usage = app.store.meter().read();
    assert_eq!((usage.requests, usage.write_units()), (1, 1));
    app.take_messages();
}

#[tokio::test]
async fn scenario_9_forgeries_are_refused_and_leave_nothing() {
    let app = app();
    let (.., object) = ours(&app);
    let body = event("evt_1", "checkout.session.completed", &object);
    deliver(&app, &body, "whsec_wrong")
        .await
        .expect_problem(400, "invalid_signature");
    let signature = sign(body.as_bytes(), &SECRETS[0].to_owned().into(), app.now());
    let post = |signature: &str, body: &str| {
        let request = app.request(axum::http::Method::POST, "/v1/webhooks/stripe");
        request
            .header("stripe-signature", signature)
            .body(body.as_bytes().to_vec())
    };
    post(&signature, &body.replace("evt_1", "evt_2"))
        .send()
        .await
        .expect_problem(400, "invalid_signature");
    for minutes in [-6, 6] {
        let at = app.now() + jiff::SignedDuration::from_mins(minutes);
        let signature = sign(body.as_bytes(), &SECRETS[0].to_owned().into(), at);
        post(&signature, &body)
            .send()
            .await
            .expect_problem(400, "invalid_signature");
    }
    let missing = app
        .request(axum::http::Method::POST, "/v1/webhooks/stripe")
        .body(body.clone().into_bytes());
    missing.send().await.expect_problem(400, "invalid_signature");
    assert_eq!((inbox(&app, "evt_1").await, inbox(&app, "evt_2").await), (None, None));
}

#[tokio::test]
async fn events_about_payouts_go_to_who_can_act() {
    let app = app();
    let (partner, payout) = (app.seed().id::<PartnerId>("p"), app.seed().id::<PayoutId>("y"));
    let transfer = json!({"id": "tr_1", "metadata": {"partner_id": partner, "payout_id": payout}});
    let reversed = event("evt_1", "transfer.reversed", &transfer);
    let failed = event("evt_2", "payout.failed", &json!({"id": "po_1", "status": "failed"}));
    let theirs = failed.replacen("\"livemode\"", "\"account\":\"acct_1\",\"livemode\"", 1);
    for body in [&reversed, &theirs] {
        deliver(&app, body, SECRETS[0]).await.expect(200);
    }
    let messages: Vec<_> = app
        .take_messages()
        .into_iter()
        .map(|envelope| envelope.message)
        .collect();
    let event_id = "evt_1".to_owned();
    let expected = Message::TransferReversed {
        event_id,
        transfer: "tr_1".into(),
        partner,
        payout,
    };
    let bank = Message::BankPayoutChanged {
        event_id: "evt_2".into(),
        account: "acct_1".into(),
        payout: "po_1".into(),
    };
    assert_eq!(messages, [expected, bank]);

    // A transfer made by hand, and the platform's own payout to its bank.
    let by_hand = event("evt_3", "transfer.reversed", &json!({"id": "tr_2", "metadata": {}}));
    let own = failed.replace("evt_2", "evt_4");
    for (id, body) in [("evt_3", &by_hand), ("evt_4", &own)] {
        deliver(&app, body, SECRETS[0]).await.expect(200);
        let stored = inbox(&app, id).await.expect("taken in");
        assert_eq!(stored.disposition, Disposition::Stored, "{id}");
    }
}

#[tokio::test]
async fn everything_else_is_stored_or_set_aside() {
    let app = app();
    let (.., object) = ours(&app);
    let disposition = async |id: &str, body: String| {
        deliver(&app, &body, SECRETS[0]).await.expect(200);
        let stored = inbox(&app, id).await.expect("taken in");
        let kept = stored
            .body
            .map(|body| serde_json::from_str::<Value>(&body).expect("JSON"));
        let delivered = serde_json::from_str(&body).expect("JSON");
        assert!(
            stored.disposition == Disposition::Queued || kept == Some(delivered),
            "what nobody fetches is kept whole"
        );
        stored.disposition
    };
    let unknown = event("evt_1", "gift_card.melted", &json!({"id": "gc_1"}));
    assert_eq!(disposition("evt_1", unknown).await, Disposition::Stored);
    let foreign = event("evt_2", "charge.updated", &json!({"id": "ch_1", "metadata": {}}));
    assert_eq!(disposition("evt_2", foreign).await, Disposition::Stored);
    let live = event("evt_3", "charge.updated", &object).replace("\"livemode\":false", "\"livemode\":true");
    assert!(matches!(disposition("evt_3", live).await, Disposition::Quarantined(_)));
    let connected = event("evt_4", "charge.updated", &object).replace("\"object\":\"event\"", "\"account\":\"acct_1\"");
    assert!(matches!(
        disposition("evt_4", connected).await,
        Disposition::Quarantined(_)
    ));
    assert!(app.take_messages().is_empty());
    let account = event("evt_5", "account.updated", &json!({"id": "acct_1"}));
    assert_eq!(disposition("evt_5", account).await, Disposition::Queued);
    let messages = app.take_messages();
    assert!(matches!(&messages[0].message, Message::AccountChanged { account, .. } if account == "acct_1"));
}
