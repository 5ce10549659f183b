//! A message that cannot be processed.
//!
//! 1. A text that is no message goes into every queue: each ends among the dead letters of its queue, with its text.
//! 2. A message that keeps failing blocks its own group in a FIFO queue, and nobody else's; once it has died, its group goes on.
//! 3. What the outbox relay cannot read is parked, whole, and what was written after it is relayed.
//! 4. What the bucket says when it is connected is no upload, and no poison either.
//! 5. An event of a kind that nobody knows, or of the wrong mode, is stored and answered, and nothing follows from it.

use serde_json::{Value, json};
use shared::messages::{Envelope, Message, PaymentSubject};
use support::{Order, Partner, Stack, eventually, unique, webhook};

use crate::sale::{pay_out, sent_payout};

#[tokio::test]
async fn a_text_that_is_no_message_dies_in_every_queue() {
    let stack = Stack::load();
    let aws = stack.aws();
    let queues = [
        "settlement",
        "onboarding",
        "payout-decide",
        "payout-transfer",
        "notify",
        "scan",
    ];
    let poison: Vec<String> = queues
        .iter()
        .map(|queue| format!("{{\"poison\": \"{queue} {}\"}}", unique()))
        .collect();
    for (queue, text) in queues.iter().zip(&poison) {
        let group = unique();
        let is_fifo = stack.queue(queue).ends_with(".fifo");
        aws.push(queue, is_fifo.then_some(group.as_str()), text).await;
    }
    for (queue, text) in queues.iter().zip(&poison) {
        let dead = aws.dies(queue, text).await;
        assert_eq!(&dead.body, text);
        assert_eq!(dead.receives, 5, "{dead:?}");
    }
    for (queue, text) in queues.iter().zip(&poison) {
        assert!(aws.holds(queue, text).await.is_none(), "{queue} still has it");
    }
}

#[tokio::test]
async fn scenario_15_a_settlement_that_fails_holds_up_its_own_order_only() {
    let stack = Stack::load();
    let paula = Partner::new(&stack).await;
    let kit = paula.published(&stack, 1000).await;
    let (chiara, dev) = (
        stack.somebody("Chiara Customer").await,
        stack.somebody("Dev Customer").await,
    );
    let (held_up, free) = (Order::place(&chiara, &[&kit]).await, Order::place(&dev, &[&kit]).await);

    // An order that does not exist may still be on its way, so this is tried again and again.
    let message = Message::PaymentChanged {
        event_id: format!("evt_{}", unique()),
        subject: PaymentSubject::CheckoutSession,
        object_id: held_up.session(),
        customer: chiara.id().await.parse().unwrap(),
        order: "ord_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
    };
    let poison = envelope(message);
    let id = stack.aws().push("settlement", Some(&held_up.id), &poison).await;
    stack.stripe().pay(&held_up.session(), "success").await;
    free.pay(&stack, &dev).await;
    let waiting = stack.aws().holds("settlement", &id).await;
    assert!(
        waiting.is_some(),
        "the poison died before another order could pass it; nothing was shown"
    );
    let order = chiara.api.get(&format!("/orders/{}", held_up.id)).await.is(200);
    assert_eq!(
        order["status"], "pending",
        "a message overtook another one of its group"
    );

    let dead = stack.aws().dies("settlement", &id).await;
    assert_eq!(dead.group.as_deref(), Some(held_up.id.as_str()));
    held_up.becomes(&chiara, "paid").await;
    stack.aws().assert_no_dead_letter(&free.id).await;
    let others = stack.aws().waiting("settlement-dead-letters").await;
    let followers: Vec<_> = others
        .iter()
        .filter(|dead| dead.group.as_deref() == Some(held_up.id.as_str()) && dead.id != id)
        .collect();
    assert!(
        followers.is_empty(),
        "what waited behind the poison died with it: {followers:?}"
    );
}

#[tokio::test]
async fn an_account_that_is_nobodys_is_forgotten_and_keeps_nobody_from_being_connected() {
    let stack = Stack::load();
    let account = format!("acct_{}", unique());
    // Stripe does not know it either, so it will never be recorded.
    let poison = envelope(Message::AccountChanged {
        event_id: format!("evt_{}", unique()),
        account: account.clone(),
    });
    let id = stack.aws().push("onboarding", Some(&account), &poison).await;
    let paula = Partner::new(&stack).await;
    assert!(
        stack.aws().holds("onboarding", &id).await.is_none(),
        "it is still tried"
    );
    for account in [&account, &paula.account] {
        stack.aws().assert_no_dead_letter(account).await;
    }
}

#[tokio::test]
async fn a_payout_that_does_not_exist_keeps_nobody_from_being_paid() {
    let stack = Stack::load();
    let paula = Partner::new(&stack).await;
    let kit = paula.published(&stack, 1000).await;
    let chiara = stack.somebody("Chiara Customer").await;
    let _alone = stack.alone_with("payouts").await;
    Order::place(&chiara, &[&kit]).await.pay(&stack, &chiara).await;
    let partner = shared::ids::PartnerId::try_from(format!("ptn_{}", &kit.id[4..])).unwrap();
    let payout = "pay_01h455vb4pex5vsknk084sn02q".parse().unwrap();
    let poison = envelope(Message::PayoutDecided { partner, payout });
    let id = stack
        .aws()
        .push("payout-transfer", Some(&partner.to_string()), &poison)
        .await;
    pay_out(&stack).await;
    sent_payout(&paula).await;
    stack.aws().dies("payout-transfer", &id).await;
}

#[tokio::test]
async fn what_the_relay_cannot_read_is_parked_and_the_rest_goes_on() {
    let stack = Stack::load();
    let paula = Partner::approved(&stack).await;
    let kit = paula.published(&stack, 0).await;
    let chiara = stack.somebody("Chiara Customer").await;
    let mark = unique();
    for (number, outbox) in [json!({"L": [{"S": "no message"}]}), json!({"L": [{"N": "7"}]})]
        .into_iter()
        .enumerate()
    {
        let item = json!({"pk": {"S": format!("POISON {mark} {number}")}, "sk": {"S": "POISON"}, "outbox": outbox,
            "announces": {"N": "1"}});
        stack.aws().put_item("commerce", item).await;
    }
    let order = Order::place(&chiara, &[&kit]).await;
    order.becomes(&chiara, "paid").await;
    let parked = eventually("two parked records", async || {
        let parked = stack.aws().waiting("parked").await;
        let ours: Vec<_> = parked
            .into_iter()
            .filter(|message| message.body.contains(&mark))
            .collect();
        if ours.len() >= 2 {
            Ok(ours)
        } else {
            Err(format!("{ours:?}"))
        }
    })
    .await;
    assert_eq!(parked.len(), 2, "parked more than once: {parked:?}");
}

#[tokio::test]
async fn what_the_bucket_says_when_it_is_connected_is_no_poison() {
    let stack = Stack::load();
    let hello = json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2026-11-22T06:00:00.000Z", "Bucket": unique()});
    let id = stack.aws().push("scan", None, &hello.to_string()).await;
    stack.aws().consumed("scan", &id).await;
}

#[tokio::test]
async fn scenario_13_events_that_nobody_knows_are_stored_and_nothing_follows() {
    let stack = Stack::load();
    let paula = Partner::new(&stack).await;
    let kit = paula.published(&stack, 1000).await;
    let chiara = stack.somebody("Chiara Customer").await;
    let order = Order::place(&chiara, &[&kit]).await;
    let session = stack.stripe().object(&order.session()).await;
    let mut live = webhook::event("checkout.session.completed", &session);
    live["livemode"] = json!(true);
    let mut connected = webhook::event("checkout.session.completed", &session);
    connected["account"] = json!(paula.account);
    let unknown = webhook::event(
        "radar.early_fraud_warning.mystery",
        &json!({"id": "issfr_1", "object": "mystery"}),
    );
    for (event, disposition) in [
        (&live, "quarantined"),
        (&connected, "quarantined"),
        (&unknown, "stored"),
    ] {
        webhook::deliver(&stack, event).await.is(200);
        let inbox = stack.aws().items_about("commerce", event["id"].as_str().unwrap()).await;
        assert_eq!(inbox.len(), 1, "{inbox:?}");
        assert!(inbox[0]["disposition"].to_string().contains(disposition), "{inbox:?}");
        assert_eq!(inbox[0].get("outbox"), None, "something follows: {inbox:?}");
    }
    // A completed session by its event, an open one by the processor: who is asked decides.
    webhook::deliver(&stack, &webhook::event("checkout.session.completed", &paid(&session)))
        .await
        .is(200);
    eventually("the event being settled", async || {
        match stack.aws().holds("settlement", &order.id).await {
            Some(message) => Err(format!("{message:?}")),
            None => Ok(()),
        }
    })
    .await;
    let still = chiara.api.get(&format!("/orders/{}", order.id)).await.is(200);
    assert_eq!(still["status"], "pending", "an event was believed");
    assert_eq!(paula.journal().await, Vec::<Value>::new());
}

/// A session as somebody would like it to be.
fn paid(session: &Value) -> Value {
    let mut paid = session.clone();
    paid["status"] = json!("complete");
    paid["payment_status"] = json!("paid");
    paid
}

fn envelope(message: Message) -> String {
    let id = format!("msg_{}", &message_suffix());
    serde_json::to_string(&Envelope::new(id.parse().unwrap(), message)).unwrap()
}

/// The part of a TypeID after its prefix, of an id that nothing has.
fn message_suffix() -> String {
    let seed = shared::seed::Seed::fresh(support::now());
    seed.id::<shared::ids::MessageId>("poison").to_string().split_off(4)
}
