//! The webhook in-process: what is let in, what is stored, what is queued.

#[path = "intake/certificates.rs"]
mod certificates;
#[path = "intake/kinds.rs"]
mod kinds;
#[path = "intake/sizes.rs"]
mod sizes;

use serde_json::{Value, json};
use shared::http::Edge;
use shared::ids::{OrderId, PartnerId, PayoutId, UserId};
use shared::messages::{Message, PaymentSubject};
use shared::processor::paypal::certificate::Certificates;
use shared::processor::stripe::intake::EventPolicy;
use shared::processor::stripe::webhook::sign;
use shared::processor::{Deployment, Processor};
use shared::runtime::secrets::{PayPalSecretSource, StripeSecretSource};
use shared::store::commerce::{Disposition, InboxEvent};
use shared::store::keys;
use shared::testing::{Answer, PayPalSigner, ScriptedServer, TestApp};

const SECRETS: [&str; 2] = ["whsec_new", "whsec_old"];
/// Of the endpoint for connected accounts.
const CONNECT_SECRET: &str = "whsec_connect";
const WEBHOOK: &str = "8PT597110X687430LKGECATA";

/// Which marketplace this is.
fn deployment() -> Deployment {
    "123456789012/eu-central-1/souk".parse().expect("a name")
}

fn app() -> TestApp {
    app_of(
        "https://api-m.paypal.com",
        false,
        PayPalSecretSource::fixed("client", "secret", WEBHOOK),
    )
}

fn app_of(paypal: &str, livemode: bool, paypal_secret: PayPalSecretSource) -> TestApp {
    TestApp::new(|world| {
        let context = purchase_webhook::Context {
            edge: Edge::open(world.clock.clone()),
            store: world.store.clone(),
            secrets: StripeSecretSource::fixed_for_both("sk_test", &SECRETS, &[CONNECT_SECRET]),
            policy: EventPolicy {
                livemode,
                deployment: deployment(),
            },
            paypal_secret,
            paypal_certificates: Certificates::new(&paypal.parse().expect("an address")),
        };
        shared::http::router(purchase_webhook::routes(), context)
    })
}

fn event(id: &str, kind: &str, object: &Value) -> String {
    json!({"id": id, "object": "event", "type": kind, "created": 1_763_800_000, "livemode": false, "api_version": "2026-05-27.dahlia",
        "data": {"object": object}})
    .to_string()
}

async fn deliver(app: &TestApp, body: &str, secret: &str) -> Answer {
    deliver_at(app, "/v1/webhooks/stripe", body, secret).await
}

/// To the endpoint for connected accounts.
async fn deliver_connect(app: &TestApp, body: &str) -> Answer {
    deliver_at(app, "/v1/webhooks/stripe/connect", body, CONNECT_SECRET).await
}

async fn deliver_at(app: &TestApp, path: &str, body: &str, secret: &str) -> Answer {
    let signature = sign(body.as_bytes(), &secret.to_owned().into(), app.now());
    app.request(axum::http::Method::POST, path)
        .header("stripe-signature", &signature)
        .body(body.as_bytes().to_vec())
        .send()
        .await
}

async fn inbox(app: &TestApp, id: &str) -> Option<InboxEvent> {
    inbox_of(app, Processor::Stripe, id).await
}

async fn inbox_of(app: &TestApp, processor: Processor, id: &str) -> Option<InboxEvent> {
    app.store
        .get(&keys::processor_event(processor, id))
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
    deliver(&app, &reversed, SECRETS[0]).await.expect(200);
    deliver_connect(&app, &theirs).await.expect(200);
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
    let renamed = event("evt_6", "customer.updated", &json!({"id": "cus_1"}));
    assert_eq!(disposition("evt_6", renamed).await, Disposition::Stored);
    assert!(app.take_messages().is_empty());
    // The platform's own account is no partner's.
    let account = event("evt_5", "account.updated", &json!({"id": "acct_1"}));
    assert_eq!(disposition("evt_5", account).await, Disposition::Stored);
    assert!(app.take_messages().is_empty());
    let card = event("evt_7", "customer.updated", &json!({"id": "cus_1"}));
    let mut card: Value = serde_json::from_str(&card).expect("JSON");
    card["data"]["previous_attributes"] = json!({"invoice_settings": {"default_payment_method": null}});
    assert_eq!(disposition("evt_7", card.to_string()).await, Disposition::Queued);
    let messages = app.take_messages();
    assert!(matches!(&messages[0].message, Message::PaymentMethodChanged { customer, .. } if customer == "cus_1"));
}

/// PayPal, as far as webhooks need it: a key to sign with, and its certificate where one can ask for it.
struct PayPal {
    app: TestApp,
    server: ScriptedServer,
    signer: PayPalSigner,
}

impl PayPal {
    async fn start() -> Self {
        let (server, signer) = (ScriptedServer::start().await, PayPalSigner::new());
        let secret = PayPalSecretSource::fixed("client", "secret", WEBHOOK);
        let app = app_of(server.base().as_str(), false, secret);
        Self { app, server, signer }
    }

    async fn deliver(&self, event: &Value) -> Answer {
        self.deliver_for(event, WEBHOOK, self.server.base().as_str()).await
    }

    async fn deliver_for(&self, event: &Value, webhook: &str, host: &str) -> Answer {
        self.server.answers(200, json!(self.signer.certificate()));
        let body = event.to_string();
        let certificate = format!("{host}v1/notifications/certs/CERT-1");
        let headers = self
            .signer
            .headers(body.as_bytes(), webhook, &certificate, self.app.now());
        let request = self.app.request(axum::http::Method::POST, "/v1/webhooks/paypal");
        request.headers(headers).body(body.into_bytes()).send().await
    }
}

fn paypals(id: &str, kind: &str, resource: &Value) -> Value {
    json!({"id": id, "event_version": "1.0", "event_type": kind, "create_time": "2026-11-22T08:59:59Z", "resource": resource})
}

#[tokio::test]
async fn an_event_of_paypals_about_an_order_is_queued_once() {
    let paypal = PayPal::start().await;
    let order = paypal.app.seed().id::<OrderId>("o");
    let approved = json!({"id": "5O1", "purchase_units": [{"custom_id": order}]});
    let captured = json!({"id": "3C6", "custom_id": order});
    for (id, kind, resource) in [
        ("WH-1", "CHECKOUT.ORDER.APPROVED", &approved),
        ("WH-2", "PAYMENT.CAPTURE.COMPLETED", &captured),
    ] {
        for _ in 0..2 {
            paypal.deliver(&paypals(id, kind, resource)).await.expect(200);
        }
        let expected = Message::PayPalOrderChanged {
            event_id: id.into(),
            order,
        };
        let messages = paypal.app.take_messages();
        assert_eq!(
            messages.iter().map(|envelope| &envelope.message).collect::<Vec<_>>(),
            [&expected]
        );
    }
    assert_eq!(
        inbox(&paypal.app, "WH-1").await,
        None,
        "each processor has an inbox of its own"
    );
}

#[tokio::test]
async fn a_refund_at_paypal_is_queued_with_its_capture() {
    let paypal = PayPal::start().await;
    let up = json!({"rel": "up", "href": "https://api-m.paypal.com/v2/payments/captures/3C6"});
    let refund = json!({"id": "1JU", "links": [{"rel": "self", "href": "https://api-m.paypal.com/"}, up]});
    paypal
        .deliver(&paypals("WH-1", "PAYMENT.CAPTURE.REFUNDED", &refund))
        .await
        .expect(200);
    let expected = Message::PayPalRefundMade {
        event_id: "WH-1".into(),
        refund: "1JU".into(),
        capture: "3C6".into(),
    };
    assert_eq!(paypal.app.take_messages()[0].message, expected);
}

#[tokio::test]
async fn what_becomes_of_a_payout_at_paypal_is_queued_with_the_payout() {
    let paypal = PayPal::start().await;
    let request = include_str!("../../../events/purchase-webhook/paypal.json");
    let request: Value = serde_json::from_str(request).expect("a request");
    let body = request["body"].as_str().expect("a body");
    let unclaimed: Value = serde_json::from_str(body).expect("an event");
    for _ in 0..2 {
        paypal.deliver(&unclaimed).await.expect(200);
    }
    let expected = Message::PayPalPayoutItemChanged {
        event_id: unclaimed["id"].as_str().expect("an id").to_owned(),
        item: "8AELMXH8UB2P8".into(),
        partner: "ptn_01kaf8wcw0ee2v9sp5d7xw1n2p".parse().expect("an id"),
        payout: "pay_01kaf8wcw0ee2v9sp5d7xw1n2t".parse().expect("an id"),
    };
    let messages = paypal.app.take_messages();
    assert_eq!((messages.len(), &messages[0].message), (1, &expected));
    let item = json!({"payout_item_id": "8AE", "payout_item": {"sender_item_id": "invoice 7"}});
    let by_hand = paypals("WH-2", "PAYMENT.PAYOUTS-ITEM.SUCCEEDED", &item);
    paypal.deliver(&by_hand).await.expect(200);
    assert!(paypal.app.take_messages().is_empty());
}

#[tokio::test]
async fn forgeries_in_paypals_name_are_refused_and_leave_nothing() {
    let paypal = PayPal::start().await;
    let event = paypals("WH-1", "CHECKOUT.ORDER.APPROVED", &json!({"id": "5O1"}));
    let host = paypal.server.base().as_str();
    for (webhook, host) in [("1JE4291016473214C", host), (WEBHOOK, "https://paypal.example/")] {
        let answer = paypal.deliver_for(&event, webhook, host).await;
        answer.expect_problem(400, "invalid_signature");
    }
    let unsigned = paypal.app.request(axum::http::Method::POST, "/v1/webhooks/paypal");
    let answer = unsigned.body(event.to_string().into_bytes()).send().await;
    answer.expect_problem(400, "invalid_signature");
    assert_eq!(inbox_of(&paypal.app, Processor::PayPal, "WH-1").await, None);
}

#[tokio::test]
async fn what_names_no_payment_is_for_a_person_and_the_rest_is_stored() {
    let paypal = PayPal::start().await;
    let foreign = json!({"id": "3C6", "custom_id": "invoice 7"});
    for (id, kind, resource, is_stored) in [
        (
            "WH-2",
            "CUSTOMER.DISPUTE.CREATED",
            &json!({"dispute_id": "PP-D-1"}),
            false,
        ),
        ("WH-3", "PAYMENT.CAPTURE.COMPLETED", &foreign, true),
        ("WH-4", "BILLING.PLAN.CREATED", &json!({"id": "P-1"}), true),
    ] {
        let event = paypals(id, kind, resource);
        paypal.deliver(&event).await.expect(200);
        let stored = inbox_of(&paypal.app, Processor::PayPal, id).await.expect("taken in");
        assert_eq!(stored.disposition == Disposition::Stored, is_stored, "{kind}");
        let kept = stored
            .body
            .map(|body| serde_json::from_str::<Value>(&body).expect("JSON"));
        assert_eq!(kept, Some(event), "what nobody fetches is kept whole");
    }
    assert!(paypal.app.take_messages().is_empty());
}

#[tokio::test]
async fn what_paypal_takes_back_goes_to_the_settlement() {
    let paypal = PayPal::start().await;
    let order = paypal.app.seed().id::<OrderId>("o");
    let up = json!([{"rel": "up", "href": "https://api.paypal.com/v2/payments/captures/3C6"}]);
    let reversed = |event: &str, reversal: &str| Message::PayPalCaptureReversed {
        event_id: event.into(),
        reversal: reversal.into(),
        capture: "3C6".into(),
    };
    let disputed = |event: &str| Message::PayPalDisputeChanged {
        event_id: event.into(),
        dispute: "PP-D-1".into(),
        capture: "3C6".into(),
    };
    let dispute = json!({"dispute_id": "PP-D-1", "disputed_transactions": [{"seller_transaction_id": "3C6"}]});
    for (id, kind, resource, expected) in [
        (
            "WH-1",
            "PAYMENT.CAPTURE.REVERSED",
            json!({"id": "9RV", "links": up}),
            reversed("WH-1", "9RV"),
        ),
        (
            "WH-2",
            "PAYMENT.CAPTURE.REVERSED",
            json!({"id": "3C6", "custom_id": order}),
            reversed("WH-2", "3C6"),
        ),
        ("WH-3", "CUSTOMER.DISPUTE.CREATED", dispute.clone(), disputed("WH-3")),
        ("WH-4", "CUSTOMER.DISPUTE.UPDATED", dispute.clone(), disputed("WH-4")),
        ("WH-5", "CUSTOMER.DISPUTE.RESOLVED", dispute, disputed("WH-5")),
    ] {
        paypal.deliver(&paypals(id, kind, &resource)).await.expect(200);
        let sent: Vec<_> = paypal
            .app
            .take_messages()
            .into_iter()
            .map(|sent| sent.message)
            .collect();
        assert_eq!(sent, [expected], "{kind}");
    }
}
