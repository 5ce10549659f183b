//! Everything arrives twice, and in any order.
//!
//! 1. Every webhook comes in several copies and shuffled, and then all of them once more, the last first.
//! 2. The same event comes eight times at once; what happened to an account is told the last first.
//! 3. Every message that any step of a sale sent comes again, long after, under another deduplication id.
//! 4. Two payout runs start at once, and a third follows; a transfer is made whose answer is lost.
//! 5. The bucket tells of an upload again; the same form brings other bytes later.
//! 6. After each of these everything is as it was: one entry for each fact, one licence key, one mail, one transfer.

use serde_json::{Value, json};
use shared::messages::Envelope;
use support::package::{grooves, sha256};
use support::scenes::{approval, of_fact};
use support::{Listing, Order, Partner, Person, Stack, eventually, webhook};

use crate::sale::{pay_out, sent_payout};

/// What a sale has led to, and what no repetition may change.
#[derive(Debug, PartialEq)]
struct Outcome {
    order: Value,
    licences: Vec<Value>,
    journal: Vec<Value>,
    ledger: Vec<Value>,
    balances: Value,
    payouts: Vec<Value>,
    mails: usize,
    partner: Value,
    version: Value,
    owners_mails: usize,
}

impl Outcome {
    async fn of(stack: &Stack, partner: &Partner, kit: &Listing, customer: &Person, order: &Order) -> Self {
        let mut ledger = stack.aws().items_about("ledger", &order.id).await;
        ledger.sort_by_key(Value::to_string);
        Self {
            order: customer.api.get(&format!("/orders/{}", order.id)).await.is(200),
            licences: customer.api.all("/licences").await,
            journal: partner.journal().await,
            ledger,
            balances: partner.api.get(&partner.path("/balances")).await.is(200),
            payouts: partner.payouts().await,
            mails: stack.aws().mails_to(&customer.email).await.len(),
            partner: partner.api.get(&partner.path("")).await.is(200),
            version: partner.api.get(&partner.version_path(kit, "")).await.is(200),
            owners_mails: stack.aws().mails_to(&partner.owner.email).await.len(),
        }
    }
}

#[tokio::test]
async fn scenario_2_webhooks_in_copies_and_out_of_order() {
    let stack = Stack::load();
    let paula = Partner::new(&stack).await;
    let kit = paula.published(&stack, 1000).await;
    let chiara = stack.somebody("Chiara Customer").await;
    let order = Order::place(&chiara, &[&kit]).await;
    // Another test's payout run would change what is compared.
    let _payouts = stack.alone_with("payouts").await;
    {
        let _alone = stack.alone_with("webhooks").await;
        let stripe = stack.stripe();
        // Held until the debit has come in, so that `completed`, `succeeded` and the charge's events are shuffled among each other.
        stripe
            .control(
                "webhooks",
                json!({"hold": true, "copies": 3, "order": "shuffle", "seed": rand::random::<u32>()}),
            )
            .await;
        stripe.pay(&order.session(), "async_pending").await;
        stripe.settle(&order.session(), true).await;
        stripe.control("webhooks", json!({"hold": false})).await;
        order.becomes(&chiara, "paid").await;
        stripe
            .control("webhooks", json!({"hold": false, "copies": 1, "order": "as_emitted"}))
            .await;
    }
    eventually("the receipt", async || {
        match stack.aws().mails_to(&chiara.email).await.len() {
            0 => Err("no mail".to_owned()),
            _ => Ok(()),
        }
    })
    .await;
    // A debit's movement, and with it the fee, comes with its money.
    let events = eventually("the event of the money's arrival", async || {
        let events = stack.stripe().events_about(&order.id).await;
        let kinds: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
        if kinds.contains(&"charge.succeeded") {
            Ok(events)
        } else {
            Err(format!("{kinds:?}"))
        }
    })
    .await;
    settled_deliveries(&stack, &events).await;
    let before = Outcome::of(&stack, &paula, &kit, &chiara, &order).await;
    assert_eq!(of_fact(&before.journal, "sale").len(), 1);
    assert_eq!((before.licences.len(), before.mails), (1, 1));

    for event in events.iter().rev() {
        stack.stripe().resend(event["id"].as_str().unwrap()).await;
    }
    settled_deliveries(&stack, &events).await;
    queues_are_silent(&stack, &order.id).await;
    assert_eq!(Outcome::of(&stack, &paula, &kit, &chiara, &order).await, before);
}

#[tokio::test]
async fn scenario_1_one_event_eight_times_at_once() {
    let stack = Stack::load();
    let paula = Partner::new(&stack).await;
    let kit = paula.published(&stack, 1000).await;
    let chiara = stack.somebody("Chiara Customer").await;
    let order = Order::place(&chiara, &[&kit]).await;
    order.pay(&stack, &chiara).await;
    let session = stack.stripe().object(&order.session()).await;
    // An event that Souk has not seen, about a payment that it has: it cannot know either.
    let event = webhook::event("checkout.session.completed", &session);
    let copies = (0..8).map(|_| {
        let (stack, event) = (stack.clone(), event.clone());
        tokio::spawn(async move { webhook::deliver(&stack, &event).await.status })
    });
    for copy in copies.collect::<Vec<_>>() {
        assert_eq!(copy.await.unwrap(), 200, "a copy is answered like the first");
    }
    let inbox = stack.aws().items_about("commerce", event["id"].as_str().unwrap()).await;
    assert_eq!(inbox.len(), 1, "{inbox:?}");
    queues_are_silent(&stack, &order.id).await;
    assert_eq!(of_fact(&paula.journal().await, "sale").len(), 1);
    assert_eq!(paula.owed_minor().await + paid_out(&paula).await, 800);
    assert_eq!(chiara.api.all("/licences").await.len(), 1);
}

#[tokio::test]
async fn what_happened_to_an_account_told_the_last_first() {
    let stack = Stack::load();
    let paula = Partner::new(&stack).await;
    {
        let _alone = stack.alone_with("webhooks").await;
        let stripe = stack.stripe();
        stripe
            .control("webhooks", json!({"hold": true, "copies": 2, "order": "reverse"}))
            .await;
        for outcome in ["document_due", "pending", "refused", "complete", "incomplete"] {
            stripe.visit(&paula.account, outcome).await;
        }
        stripe.control("webhooks", json!({"hold": false})).await;
        let open = eventually("the hold that the account now deserves", async || {
            let holds = open_holds(&paula).await;
            if holds == ["payout_account_incomplete"] {
                Ok(holds)
            } else {
                Err(format!("{holds:?}"))
            }
        })
        .await;
        queues_are_silent(&stack, &paula.account).await;
        assert_eq!(
            open_holds(&paula).await,
            open,
            "an older state of the account came through"
        );
        stripe
            .control("webhooks", json!({"hold": false, "copies": 1, "order": "as_emitted"}))
            .await;
    }
    stack.stripe().visit(&paula.account, "complete").await;
    eventually("the end of the hold", async || {
        let holds = open_holds(&paula).await;
        if holds.is_empty() {
            Ok(())
        } else {
            Err(format!("{holds:?}"))
        }
    })
    .await;
}

async fn open_holds(partner: &Partner) -> Vec<String> {
    let partner = partner.api.get(&partner.path("")).await.is(200);
    let open = partner["holds"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|hold| hold["resolved_at"].is_null());
    open.map(|hold| hold["reason_code"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn scenario_16_every_message_a_second_time() {
    let stack = Stack::load();
    let mut paula = Partner::approved(&stack).await;
    paula.connect(&stack).await;
    let kit = paula.published(&stack, 1299).await;
    let chiara = stack.somebody("Chiara Customer").await;
    let _alone = stack.alone_with("payouts").await;
    let order = Order::place(&chiara, &[&kit]).await;
    order.pay(&stack, &chiara).await;
    // Payouts carry their message until they are sent, so it is picked up on the way.
    pay_out(&stack).await;
    let payout = sent_payout(&paula).await;
    eventually("the receipt and the notices", async || {
        let (customers, owners) = (
            stack.aws().mails_to(&chiara.email).await.len(),
            stack.aws().mails_to(&paula.owner.email).await.len(),
        );
        if customers == 1 && owners >= 2 {
            Ok(())
        } else {
            Err(format!("{customers} mails to the customer, {owners} to the owner"))
        }
    })
    .await;

    let mut messages = Vec::new();
    for (table, text) in [
        ("accounts", &paula.id),
        ("catalogue", &paula.id),
        ("commerce", &order.id),
        ("commerce", &paula.account),
        ("ledger", &paula.id),
    ] {
        messages.extend(outbox(&stack, table, text).await);
    }
    let partner = paula.id.parse().unwrap();
    let decided = shared::messages::Message::PayoutDecided {
        partner,
        payout: payout["id"].as_str().unwrap().parse().unwrap(),
    };
    messages.push(Envelope::new(
        "msg_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
        decided,
    ));
    let queues: std::collections::BTreeSet<String> = messages
        .iter()
        .map(|message| message.message.queue().to_string())
        .collect();
    assert_eq!(
        queues.into_iter().collect::<Vec<_>>(),
        ["notify", "onboarding", "payout-transfer", "settlement"],
        "{messages:?}"
    );
    let before = Outcome::of(&stack, &paula, &kit, &chiara, &order).await;

    for message in messages.iter().chain(messages.iter().rev()) {
        let (queue, group) = (message.message.queue().to_string(), message.message.group());
        let sent = stack
            .aws()
            .push(&queue, group.as_deref(), &serde_json::to_string(message).unwrap())
            .await;
        stack.aws().consumed(&queue, &sent).await;
    }
    assert_eq!(Outcome::of(&stack, &paula, &kit, &chiara, &order).await, before);
    assert_eq!(
        stack.stripe().transfers_of(payout["id"].as_str().unwrap()).await.len(),
        1
    );
}

#[tokio::test]
async fn two_payout_runs_at_once_and_a_third() {
    let stack = Stack::load();
    let paula = Partner::new(&stack).await;
    let kit = paula.published(&stack, 1299).await;
    let chiara = stack.somebody("Chiara Customer").await;
    let _alone = stack.alone_with("payouts").await;
    Order::place(&chiara, &[&kit]).await.pay(&stack, &chiara).await;
    tokio::join!(pay_out(&stack), pay_out(&stack));
    let payout = sent_payout(&paula).await;
    pay_out(&stack).await;
    assert_eq!(sent_payout(&paula).await, payout, "a second payout");
    assert_eq!(
        stack.stripe().transfers_of(payout["id"].as_str().unwrap()).await.len(),
        1
    );
    let journal = paula.journal().await;
    assert_eq!(
        (of_fact(&journal, "payout").len(), of_fact(&journal, "transfer").len()),
        (1, 1),
        "{journal:?}"
    );
    assert_eq!(paula.owed_minor().await, 0);
}

#[tokio::test]
async fn a_transfer_whose_answer_is_lost_is_looked_up() {
    let stack = Stack::load();
    let paula = Partner::new(&stack).await;
    let kit = paula.published(&stack, 1299).await;
    let chiara = stack.somebody("Chiara Customer").await;
    let _alone = stack.alone_with("payouts").await;
    Order::place(&chiara, &[&kit]).await.pay(&stack, &chiara).await;
    let _outages = stack.alone_with("outages").await;
    let lost = json!({"how": "close", "when": "after", "requests": 1, "method": "POST", "path": "/v1/transfers"});
    stack.stripe().control("outages", lost).await;
    pay_out(&stack).await;
    let payout = sent_payout(&paula).await;
    assert_eq!(
        stack.stripe().transfers_of(payout["id"].as_str().unwrap()).await.len(),
        1
    );
    assert_eq!(paula.owed_minor().await, 0);
}

#[tokio::test]
async fn an_upload_that_is_told_twice_and_a_form_that_is_used_twice() {
    let stack = Stack::load();
    let paula = Partner::approved(&stack).await;
    let mut kit = paula.draft(0).await;
    kit.bytes = grooves("1.0.0");
    // Without a hash the form takes any bytes of the size, so the bytes could be exchanged.
    let upload = paula
        .api
        .post(
            &paula.version_path(&kit, "/uploads"),
            json!({"size_bytes": kit.bytes.len()}),
        )
        .await
        .is(201);
    support::scenes::send_form(&stack, &upload, &kit.bytes).await.ok();
    let passed = paula.scanned(&kit).await;
    assert_eq!(passed["status"], "passed", "{passed}");

    let key = upload["fields"]["key"].as_str().unwrap();
    let told = upload_event(&stack, &upload, key).await;
    for _ in 0..2 {
        let sent = stack.aws().push("scan", None, &told.to_string()).await;
        stack.aws().consumed("scan", &sent).await;
    }
    assert_eq!(paula.api.get(&paula.version_path(&kit, "")).await.is(200), passed);

    let other = grooves("1.0.0");
    assert_eq!(other.len(), kit.bytes.len());
    support::scenes::send_form(&stack, &upload, &other).await;
    queues_are_silent(&stack, key).await;
    let after = paula.api.get(&paula.version_path(&kit, "")).await.is(200);
    assert_eq!(after, passed, "the bytes were exchanged after the scan");
    assert_eq!(after["artifact"]["sha256"], sha256(&kit.bytes));

    let submission = paula
        .api
        .post(&paula.version_path(&kit, "/submissions"), json!({}))
        .await
        .is(201);
    kit.submission = submission["id"].as_str().unwrap().to_owned();
    paula.review(&stack, &kit, approval()).await.is(201);
    paula
        .api
        .post(&paula.version_path(&kit, "/publish"), json!({}))
        .await
        .is(200);
    let page = stack.public().get(&format!("/listings/{}", kit.id)).await.is(200);
    assert_eq!(page["latest"]["sha256"], sha256(&kit.bytes));
}

/// What the bucket tells the scan queue of this upload.
async fn upload_event(stack: &Stack, upload: &Value, key: &str) -> Value {
    let items = stack
        .aws()
        .items_about("catalogue", upload["id"].as_str().unwrap())
        .await;
    let object_version = items.iter().find_map(|item| item["outcome"]["object_version"].as_str());
    let object_version = object_version.unwrap_or_else(|| panic!("an upload without its outcome: {items:?}"));
    json!({"Records": [{
        "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": stack.description().region, "eventTime": support::now().to_string(),
        "eventName": "ObjectCreated:Post",
        "s3": {
            "s3SchemaVersion": "1.0", "configurationId": "uploads",
            "bucket": {"name": "quarantine", "arn": "arn:aws:s3:::quarantine", "ownerIdentity": {"principalId": "A"}},
            "object": {"key": key, "size": upload["size_bytes"], "eTag": "0", "versionId": object_version, "sequencer": "0"},
        },
    }]})
}

/// The messages that items with this text announced.
async fn outbox(stack: &Stack, table: &str, text: &str) -> Vec<Envelope> {
    let items = stack.aws().items_about(table, text).await;
    let texts = items
        .iter()
        .flat_map(|item| item["outbox"].as_array().cloned().unwrap_or_default());
    texts
        .map(|text| serde_json::from_str(text.as_str().unwrap()).unwrap())
        .collect()
}

/// Waits until every delivery of these events has been answered, each with success.
async fn settled_deliveries(stack: &Stack, events: &[Value]) {
    eventually("the end of all deliveries", async || {
        let deliveries = stack.stripe().deliveries().await;
        let ours: Vec<&Value> = deliveries
            .iter()
            .filter(|delivery| events.iter().any(|event| event["id"] == delivery["event"]))
            .collect();
        let open: Vec<&&Value> = ours
            .iter()
            .filter(|delivery| delivery["state"] != "delivered")
            .collect();
        if open.is_empty() {
            Ok(())
        } else {
            Err(format!("{open:?}"))
        }
    })
    .await;
}

/// Waits until no queue holds a message with this text, and the relay has had time to send what the last one led to.
async fn queues_are_silent(stack: &Stack, text: &str) {
    let mut quiet = 0;
    eventually("silent queues", async || {
        for queue in ["settlement", "notify", "scan", "payout-transfer", "onboarding"] {
            if let Some(message) = stack.aws().holds(queue, text).await {
                quiet = 0;
                return Err(format!("{queue}: {message:?}"));
            }
        }
        quiet += 1;
        if quiet < 10 {
            Err("quiet, but not for long".to_owned())
        } else {
            Ok(())
        }
    })
    .await;
}

/// What has been taken off the balance by payout runs of other tests.
async fn paid_out(partner: &Partner) -> i64 {
    partner
        .payouts()
        .await
        .iter()
        .map(|payout| payout["amount"]["amount"].as_i64().unwrap())
        .sum()
}
