//! Whose event it is, at which endpoint it came, and whether it can be read.

use serde_json::{Value, json};
use shared::ids::{OrderId, PartnerId, PayoutId};
use shared::messages::Message;
use shared::processor::Processor;
use shared::processor::deployment::DEPLOYMENT;
use shared::processor::paypal::reference::{PaidFor, marked};
use shared::runtime::secrets::PayPalSecretSource;
use shared::store::commerce::Disposition;
use shared::testing::TestApp;

use super::{
    CONNECT_SECRET, PayPal, SECRETS, app, app_of, deliver, deliver_at, deliver_connect, deployment, event, inbox,
    inbox_of, ours, paypals,
};

const ELSEWHERE: &str = "999999999999/us-east-1/elsewhere";

/// A sample request: where it goes, and what it says.
fn sample(text: &str) -> (String, String) {
    let request: Value = serde_json::from_str(text).expect("a request");
    let text = |field: &str| request[field].as_str().expect("a text").to_owned();
    (text("rawPath"), text("body"))
}

fn with_account(body: &str) -> String {
    body.replacen("\"livemode\"", "\"account\":\"acct_1\",\"livemode\"", 1)
}

async fn is_quarantined(app: &TestApp, id: &str) -> bool {
    let stored = inbox(app, id).await.expect("taken in");
    matches!(stored.disposition, Disposition::Quarantined(_))
}

#[tokio::test]
async fn an_account_that_changed_is_queued_once() {
    let app = app();
    for text in [
        include_str!("../../../../events/purchase-webhook/connect.json"),
        include_str!("../../../../events/purchase-webhook/connect-duplicate.json"),
    ] {
        let (path, body) = sample(text);
        deliver_at(&app, &path, &body, CONNECT_SECRET).await.expect(200);
    }
    let messages = app.take_messages();
    assert_eq!(messages.len(), 1);
    assert!(
        matches!(&messages[0].message, Message::AccountChanged { account, .. } if account == "acct_1SVpaulaK2eZvKYl")
    );
}

#[tokio::test]
async fn each_endpoint_has_a_secret_of_its_own() {
    let app = app();
    let own = event("evt_1", "charge.updated", &json!({"id": "ch_1"}));
    let connect = with_account(&event("evt_2", "account.updated", &json!({"id": "acct_1"})));
    for (path, body, secret) in [
        ("/v1/webhooks/stripe", &own, CONNECT_SECRET),
        ("/v1/webhooks/stripe/connect", &connect, SECRETS[0]),
    ] {
        let answer = deliver_at(&app, path, body, secret).await;
        answer.expect_problem(400, "invalid_signature");
    }
    assert_eq!((inbox(&app, "evt_1").await, inbox(&app, "evt_2").await), (None, None));
}

#[tokio::test]
async fn what_comes_to_the_wrong_endpoint_is_kept_and_never_acted_upon() {
    let app = app();
    let (.., object) = ours(&app);
    let own = event("evt_1", "checkout.session.completed", &object);
    deliver_connect(&app, &own).await.expect(200);
    let connect = with_account(&event("evt_2", "account.updated", &json!({"id": "acct_1"})));
    deliver(&app, &connect, SECRETS[0]).await.expect(200);
    assert!(is_quarantined(&app, "evt_1").await && is_quarantined(&app, "evt_2").await);
    assert!(app.take_messages().is_empty());
}

#[tokio::test]
async fn a_live_marketplace_forgets_tests_of_connected_accounts_alone() {
    let app = app_of("https://api-m.paypal.com", true, PayPalSecretSource::fixed("", "", ""));
    let test = with_account(&event("evt_1", "account.updated", &json!({"id": "acct_1"})));
    deliver_connect(&app, &test).await.expect(200);
    assert_eq!(inbox(&app, "evt_1").await, None);
    let own = event("evt_2", "charge.updated", &json!({"id": "ch_1"}));
    deliver(&app, &own, SECRETS[0]).await.expect(200);
    assert!(is_quarantined(&app, "evt_2").await);
    let live = test
        .replace("evt_1", "evt_3")
        .replace("\"livemode\":false", "\"livemode\":true");
    deliver_connect(&app, &live).await.expect(200);
    assert_eq!(app.take_messages().len(), 1);
}

#[tokio::test]
async fn what_another_deployment_has_made_is_forgotten() {
    let app = app();
    let (customer, order, mut session) = ours(&app);
    let (path, body) = sample(include_str!("../../../../events/purchase-webhook/foreign.json"));
    deliver_at(&app, &path, &body, SECRETS[0]).await.expect(200);
    let bearing = |name: &str| json!({"customer_id": customer, "order_id": order, DEPLOYMENT: name});
    let invoice = json!({"id": "in_1", "parent": {"subscription_details": {"metadata": {DEPLOYMENT: ELSEWHERE}}}});
    for (id, kind, object) in [
        (
            "evt_1",
            "charge.succeeded",
            json!({"id": "ch_1", "metadata": bearing(ELSEWHERE)}),
        ),
        (
            "evt_2",
            "refund.created",
            json!({"id": "re_1", "charge": "ch_1", "metadata": {DEPLOYMENT: ELSEWHERE}}),
        ),
        (
            "evt_3",
            "transfer.reversed",
            json!({"id": "tr_1", "metadata": {DEPLOYMENT: ELSEWHERE}}),
        ),
        (
            "evt_4",
            "customer.subscription.updated",
            json!({"id": "sub_1", "metadata": {DEPLOYMENT: ELSEWHERE}}),
        ),
        ("evt_5", "invoice.paid", invoice),
    ] {
        deliver(&app, &event(id, kind, &object), SECRETS[0]).await.expect(200);
        assert_eq!(inbox(&app, id).await, None, "{kind}");
    }
    let account = json!({"id": "acct_1", "metadata": {DEPLOYMENT: ELSEWHERE}});
    deliver_connect(&app, &with_account(&event("evt_6", "account.updated", &account)))
        .await
        .expect(200);
    assert_eq!(inbox(&app, "evt_6").await, None);
    assert!(app.take_messages().is_empty());
    // Our own name, and none at all, as it was before there were names.
    session["metadata"] = bearing(deployment().name());
    deliver(
        &app,
        &event("evt_7", "checkout.session.completed", &session),
        SECRETS[0],
    )
    .await
    .expect(200);
    assert_eq!(app.take_messages().len(), 1);
}

#[tokio::test]
async fn what_another_deployment_has_made_at_paypal_is_forgotten() {
    let paypal = PayPal::start().await;
    let seed = paypal.app.seed();
    let (order, elsewhere) = (seed.id::<OrderId>("o").to_string(), ELSEWHERE.parse().expect("a name"));
    let paid_for = PaidFor {
        partner: seed.id::<PartnerId>("p"),
        payout: seed.id::<PayoutId>("y"),
    };
    let told = |ours: bool| {
        let (elsewhere, deployment) = (&elsewhere, deployment());
        let maker = if ours { &deployment } else { elsewhere };
        let custom = marked(&order, Some(maker));
        let item = json!({"payout_item_id": "8AE", "payout_item": {"sender_item_id": paid_for.marked(Some(maker))}});
        [
            (
                "CHECKOUT.ORDER.APPROVED",
                json!({"id": "5O1", "purchase_units": [{"custom_id": custom}]}),
            ),
            ("PAYMENT.CAPTURE.COMPLETED", json!({"id": "3C6", "custom_id": custom})),
            ("PAYMENT.PAYOUTS-ITEM.SUCCEEDED", item),
        ]
    };
    for (ours, expected) in [(false, 0), (true, 3)] {
        for (number, (kind, resource)) in told(ours).iter().enumerate() {
            let id = format!("WH-{ours}-{number}");
            paypal.deliver(&paypals(&id, kind, resource)).await.expect(200);
            let stored = inbox_of(&paypal.app, Processor::PayPal, &id).await;
            assert_eq!(stored.is_some(), ours, "{kind}");
        }
        assert_eq!(paypal.app.take_messages().len(), expected);
    }
}

#[tokio::test]
async fn an_event_of_another_version_is_kept_for_a_person() {
    let app = app();
    let (path, body) = sample(include_str!("../../../../events/purchase-webhook/other-version.json"));
    deliver_at(&app, &path, &body, SECRETS[0]).await.expect(200);
    assert!(is_quarantined(&app, "evt_1SVoldvK2eZvKYlo2C0000001").await);
    let (.., object) = ours(&app);
    for (id, version) in [("evt_1", "\"2026-06-24.dahlia\""), ("evt_2", "null")] {
        let body = event(id, "checkout.session.completed", &object);
        let body = body.replace("\"2026-05-27.dahlia\"", version);
        deliver(&app, &body, SECRETS[0]).await.expect(200);
        assert!(is_quarantined(&app, id).await, "{version}");
        let kept = inbox(&app, id).await.expect("kept").body.expect("whole");
        assert_eq!(
            serde_json::from_str::<Value>(&kept).expect("JSON"),
            serde_json::from_str::<Value>(&body).expect("JSON")
        );
    }
    assert!(app.take_messages().is_empty());
}

#[tokio::test]
async fn what_is_no_event_is_kept_and_not_sent_again() {
    let app = app();
    let (path, thin) = sample(include_str!("../../../../events/purchase-webhook/thin.json"));
    for _ in 0..2 {
        let answer = deliver_at(&app, &path, &thin, SECRETS[0]).await.expect(202).json();
        assert_eq!(answer["code"], "thin_event");
    }
    let kept = inbox(&app, "evt_65S1thinK2eZvKYlo2C0000").await.expect("kept");
    assert_eq!(
        (kept.kind.as_str(), kept.body.as_deref()),
        ("v2.core.account.updated", Some(thin.as_str()))
    );
    assert!(matches!(kept.disposition, Disposition::Quarantined(_)));
    let (path, other) = sample(include_str!("../../../../events/purchase-webhook/not-an-event.json"));
    let (_, form) = sample(include_str!("../../../../events/purchase-webhook/malformed.json"));
    let without_id = event("", "charge.updated", &json!({"id": "ch_1"}));
    for body in [
        other.as_str(),
        form.as_str(),
        "",
        "[]",
        "\u{0}",
        r#"{"id": "evt_9", "object": "event"}"#,
    ] {
        let answer = deliver_at(&app, &path, body, SECRETS[0]).await.expect(202).json();
        assert_eq!(answer["code"], "not_an_event", "{body:?}");
    }
    deliver(&app, &without_id, SECRETS[0]).await.expect(200);
    assert!(is_quarantined(&app, "evt_9").await);
    let (path, form) = sample(include_str!(
        "../../../../events/purchase-webhook/connect-malformed.json"
    ));
    let answer = deliver_at(&app, &path, &form, CONNECT_SECRET).await.expect(202).json();
    assert_eq!(answer["code"], "not_an_event");
    assert!(app.take_messages().is_empty());
    // What nobody has signed leaves nothing, whatever it is.
    let answer = deliver_at(&app, &path, &thin, "whsec_wrong").await;
    answer.expect_problem(400, "invalid_signature");
}

#[tokio::test]
async fn each_of_paypals_samples_goes_where_it_belongs_once() {
    let capture = "3C679366HH908993F";
    for (text, expected) in [
        (
            include_str!("../../../../events/purchase-webhook/paypal-capture.json"),
            Message::PayPalOrderChanged {
                event_id: "WH-8AB68412PE120431D-C1TESTSAMPLE".into(),
                order: "ord_01kaf8wcw0ee2v9sp5d7xw1n2r".parse().expect("an id"),
            },
        ),
        (
            include_str!("../../../../events/purchase-webhook/paypal-refund.json"),
            Message::PayPalRefundMade {
                event_id: "WH-8AB68412PE120431D-R1TESTSAMPLE".into(),
                refund: "1JU08902781691411".into(),
                capture: capture.into(),
            },
        ),
        (
            include_str!("../../../../events/purchase-webhook/paypal-reversal.json"),
            Message::PayPalCaptureReversed {
                event_id: "WH-8AB68412PE120431D-V1TESTSAMPLE".into(),
                reversal: "9RV77777XX777777X".into(),
                capture: capture.into(),
            },
        ),
        (
            include_str!("../../../../events/purchase-webhook/paypal-dispute.json"),
            Message::PayPalDisputeChanged {
                event_id: "WH-8AB68412PE120431D-D1TESTSAMPLE".into(),
                dispute: "PP-D-27803".into(),
                capture: capture.into(),
            },
        ),
    ] {
        let paypal = PayPal::start().await;
        let (path, body) = sample(text);
        assert_eq!(path, "/v1/webhooks/paypal");
        let event: Value = serde_json::from_str(&body).expect("an event");
        for _ in 0..2 {
            paypal.deliver(&event).await.expect(200);
        }
        let sent = paypal.app.take_messages();
        assert_eq!((sent.len(), &sent[0].message), (1, &expected));
    }
    let dispute = sample(include_str!("../../../../events/purchase-webhook/paypal-dispute.json"));
    let duplicate = sample(include_str!(
        "../../../../events/purchase-webhook/paypal-duplicate.json"
    ));
    assert_eq!(dispute, duplicate, "the same once more");
    let (_, malformed) = sample(include_str!(
        "../../../../events/purchase-webhook/paypal-malformed.json"
    ));
    assert!(serde_json::from_str::<Value>(&malformed).is_err());
}
