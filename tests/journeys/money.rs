//! What one sale costs, counted where DynamoDB counts it.
//!
//! 1. Chiara buys one thing from one partner, and later Dev does.
//! 2. Each function tells in its log how many requests it made of DynamoDB and how many write units these were, as DynamoDB reported them.
//! 3. Taking the event in is one write; settling is one transaction of the order, the journal entry, the balance and the licence, with
//!    the entry's place in the index by months. The two together are the eleven write units that a sale may cost. A partner's very
//!    first sale also writes the balance's place in the index.
//! 4. A repetition writes nothing.
//!
//! A change that makes a sale dearer fails here, and has to say why.

use serde_json::json;
use shared::messages::{Envelope, Message, PaymentSubject};
use shared::seed::Seed;
use support::aws::Invocation;
use support::{Order, Partner, Stack, eventually, unique};

/// The inbox item, then one transaction of four items at two units each; one for the index by which statements find the entry; and the
/// order leaves the index of those that wait to be paid.
const SALE_WRITE_UNITS: u64 = 11;

#[tokio::test]
async fn a_sale_costs_eleven_write_units() {
    let stack = Stack::load();
    let paula = Partner::new(&stack).await;
    let kit = paula.published(&stack, 1299).await;
    for (customer, index_units) in [("Chiara Customer", 1), ("Dev Customer", 0)] {
        let customer = stack.somebody(customer).await;
        let order = Order::place(&customer, &[&kit]).await;
        order.pay(&stack, &customer).await;

        let settled = the_call(&stack, "settlement", &order.id, "order settled").await;
        assert_eq!(settled.number("sqs.messages"), 1, "{settled:#?}");
        let taken_in = taken_in(&stack, &order).await;
        // The order, its listings and who sells them are read, then everything is written; an event is written and not read.
        assert_eq!(
            (
                settled.number("dynamodb.requests"),
                taken_in.number("dynamodb.requests")
            ),
            (4, 1)
        );
        let units = (
            taken_in.number("dynamodb.write_units"),
            settled.number("dynamodb.write_units"),
        );
        assert_eq!(units, (1, SALE_WRITE_UNITS - 1 + index_units));
    }
}

/// The call of the webhook that took in the event of the completed checkout.
async fn taken_in(stack: &Stack, order: &Order) -> Invocation {
    let events = stack.stripe().events_about(&order.id).await;
    let completed = events
        .iter()
        .find(|event| event["type"] == "checkout.session.completed")
        .unwrap();
    the_call(
        stack,
        "purchase-webhook",
        completed["id"].as_str().unwrap(),
        "event taken in",
    )
    .await
}

/// The first call of a function that logged this message about this thing.
async fn the_call(stack: &Stack, function: &str, thing: &str, message: &str) -> Invocation {
    eventually(&format!("the log of {function}"), async || {
        let calls = stack.aws().invocations(function, thing).await;
        let is_it = |call: &&Invocation| has_usage(call) && call.lines.iter().any(|line| line["message"] == message);
        calls
            .iter()
            .find(is_it)
            .cloned()
            .ok_or_else(|| format!("{} calls, none of them it", calls.len()))
    })
    .await
}

#[tokio::test]
async fn a_repetition_writes_nothing() {
    let stack = Stack::load();
    let paula = Partner::new(&stack).await;
    let kit = paula.published(&stack, 1299).await;
    let chiara = stack.somebody("Chiara Customer").await;
    let order = Order::place(&chiara, &[&kit]).await;
    order.pay(&stack, &chiara).await;
    let message = Message::PaymentChanged {
        event_id: format!("evt_{}", unique()),
        subject: PaymentSubject::CheckoutSession,
        object_id: order.session(),
        customer: chiara.id().await.parse().unwrap(),
        order: order.id.parse().unwrap(),
    };
    let envelope = Envelope::new(Seed::fresh(support::now()).id("repetition"), message);
    // Called as the queue calls it: the answer to one message, and one call's log to read.
    let id = unique();
    let event = json!({"Records": [{
        "messageId": id, "receiptHandle": "none", "body": serde_json::to_string(&envelope).unwrap(), "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {}, "eventSource": "aws:sqs", "awsRegion": stack.description().region,
    }]});
    let before = stack.aws().invocations("settlement", "batch processed").await.len();
    let answer = stack.aws().invoke("settlement", &event).await;
    assert_eq!(answer["batchItemFailures"], json!([]), "{answer}");
    let calls = stack.aws().invocations("settlement", "batch processed").await;
    let idle = calls[before..]
        .iter()
        .filter(|call| call.number("dynamodb.requests") == 1 && call.number("dynamodb.write_units") == 0);
    assert!(
        idle.count() >= 1,
        "a repetition reads the order and nothing else: {:#?}",
        &calls[before..]
    );
    assert_eq!(stack.aws().items_about("ledger", &order.id).await.len(), 1);
}

fn has_usage(call: &Invocation) -> bool {
    call.lines.iter().any(|line| line["dynamodb.requests"].is_u64())
}
