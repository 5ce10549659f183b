//! Events that were lost, for a while or for good.

use jiff::SignedDuration;
use serde_json::json;
use shared::messages::{Message, PaymentSubject};
use shared::processor::intake::Intake;
use shared::processor::stripe::intake::{self, EventSource};
use shared::processor::stripe::objects::Event;
use shared::processor::stripe::requests::ListPage;
use shared::processor::{Listed, Processor};
use shared::reconciliation::{DifferenceKind, Subject, Walk};
use shared::store::commerce::{Disposition, InboxEvent};
use shared::store::{keys, reconciliation};

use crate::desk::{Desk, FEE_OF_1299, desk};

impl Desk {
    async fn inbox(&self, id: &str) -> Option<InboxEvent> {
        let found = self
            .world
            .store
            .get(&keys::processor_event(Processor::Stripe, id))
            .await
            .expect("memory");
        found.map(|found| found.value)
    }

    /// The ids of all events that the processor has of a type, the newest first, as far as they can be read.
    async fn events(&self, kind: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut page = Some(ListPage {
            limit: 10,
            ..ListPage::default()
        });
        while let Some(asked) = page {
            let list = self.context.stripe.events(None, &asked).await.expect("a list");
            let next = list.next_page();
            found.extend(list.data.into_iter().filter_map(|listed| match listed {
                Listed::Read(event) if event.kind == kind => Some(event.id),
                Listed::Read(_) | Listed::Unread(_) => None,
            }));
            page = next.map(|last| ListPage {
                starting_after: Some(last),
                ..asked
            });
        }
        found
    }
}

fn event(listed: Listed<Event>) -> Event {
    match listed {
        Listed::Read(event) => *event,
        Listed::Unread(value) => panic!("no event: {value}"),
    }
}

#[tokio::test]
async fn scenario_8_events_of_an_outage_are_taken_in_once() {
    let desk = desk().await;
    desk.run().await;
    let order = desk.order(1299).await;
    desk.pay(&order).await;
    desk.pass(20).await;
    let run = desk.run().await;
    assert!(run.counts.events_taken_in > 0);
    let session = order.session.clone().expect("a session");
    let said = desk.messages();
    let settles = said.iter().filter(|message| {
        matches!(message, Message::PaymentChanged { subject: PaymentSubject::CheckoutSession, object_id, event_id, .. }
            if *object_id == session && event_id.starts_with("evt_"))
    });
    assert_eq!(settles.count(), 1, "{said:?}");
    let id = &desk.events("checkout.session.completed").await[0];
    assert_eq!(desk.inbox(id).await.expect("taken in").disposition, Disposition::Queued);
    let again = desk.run().await;
    assert_eq!(again.counts.events_taken_in, 0);
}

#[tokio::test]
async fn scenario_8_what_is_older_than_the_list_is_told_and_found_by_its_movements() {
    let desk = desk().await;
    desk.run().await;
    let order = desk.order(1299).await;
    let charge = desk.pay(&order).await;
    desk.messages();
    desk.pass(40).await;
    let run = desk.run().await;
    assert_eq!(run.counts.events_taken_in, 0, "the list no longer has them");
    let open = desk.open().await;
    let kinds: Vec<_> = open.iter().map(|difference| difference.kind).collect();
    assert!(
        kinds.contains(&DifferenceKind::EventsGap) && kinds.contains(&DifferenceKind::EntryMissing),
        "{kinds:?}"
    );
    assert!(
        desk.messages()
            .iter()
            .any(|message| matches!(message, Message::PaymentChanged { order: of, .. } if *of == order.id)),
        "the movement says what the event would have said"
    );
    desk.settle(&order, &charge).await;
    desk.post_fee(&charge, FEE_OF_1299).await;
    let healed = desk.run().await;
    assert_eq!(healed.counts.open, 0, "{:?}", desk.open().await);
    let gap = desk
        .told_by(&run)
        .await
        .into_iter()
        .find(|one| one.kind == DifferenceKind::EventsGap);
    let gap = gap.expect("the gap stays in the report");
    assert!(!gap.is_open());
    assert!(
        matches!(gap.subject, Subject::Events { from, until, .. } if until.duration_since(from) > SignedDuration::from_hours(9 * 24))
    );
}

#[tokio::test]
async fn scenario_14_an_event_of_the_other_mode_is_quarantined_wherever_it_came_from() {
    let mut desk = desk().await;
    desk.context.policy.livemode = true;
    let order = desk.order(1299).await;
    desk.pay(&order).await;
    desk.run().await;
    let id = &desk.events("checkout.session.completed").await[0];
    let stored = desk.inbox(id).await.expect("taken in");
    assert!(matches!(stored.disposition, Disposition::Quarantined(_)), "{stored:?}");
    assert!(
        stored.body.is_some_and(|body| body.contains(&order.id.to_string())),
        "kept whole, for a person to look at"
    );
    let says_event =
        |message: &Message| matches!(message, Message::PaymentChanged { event_id, .. } if event_id.starts_with("evt_"));
    assert!(!desk.messages().iter().any(says_event));
}

#[tokio::test]
async fn scenario_1_what_the_webhook_has_taken_in_is_left_alone() {
    let desk = desk().await;
    let order = desk.order(1299).await;
    desk.pay(&order).await;
    let events = desk
        .context
        .stripe
        .events(None, &ListPage::default())
        .await
        .expect("a list")
        .data;
    for event in events.into_iter().map(event) {
        let (store, policy, now) = (&desk.world.store, &desk.context.policy, desk.world.now());
        let source = EventSource::PlatformEndpoint;
        let taken = intake::take_in(store, event, source, policy, desk.world.seed(), now).await;
        assert_eq!(taken.expect("memory"), Intake::New);
    }
    desk.messages();
    assert_eq!(desk.run().await.counts.events_taken_in, 0);
}

#[tokio::test]
async fn a_run_out_of_time_says_so_and_the_next_one_goes_on() {
    let desk = desk().await;
    let order = desk.order(1299).await;
    let charge = desk.pay(&order).await;
    desk.settle(&order, &charge).await;
    desk.post_fee(&charge, FEE_OF_1299).await;
    let broken_off = desk.run_at(desk.now().await, desk.world.now()).await;
    assert!(!broken_off.is_complete);
    assert_eq!(
        reconciliation::cursor(&desk.world.store, Walk::Movements(Processor::Stripe))
            .await
            .expect("memory"),
        None
    );
    let next = desk.run().await;
    assert!(next.is_complete);
    assert_eq!(next.counts.matched, 1);
    desk.messages();
}

#[tokio::test]
async fn what_is_younger_than_the_grace_is_left_to_the_webhook() {
    let mut desk = desk().await;
    desk.context.grace = SignedDuration::from_hours(1);
    let order = desk.order(1299).await;
    desk.pay(&order).await;
    let run = desk.run().await;
    assert_eq!((run.counts.opened, run.counts.events_taken_in), (0, 0));
    assert!(desk.messages().is_empty());
}

#[tokio::test]
async fn an_event_that_no_item_holds_stops_nothing() {
    let desk = desk().await;
    let large = json!({"type": "product.updated", "object": {"id": "prod_1", "description": "x".repeat(450 * 1024)}});
    for _ in 0..20 {
        desk.control("events", large.clone()).await;
    }
    let order = desk.order(1299).await;
    desk.pay(&order).await;
    let run = desk.run().await;
    assert!(run.is_complete);
    for id in desk.events("product.updated").await {
        let stored = desk.inbox(&id).await.expect("its envelope");
        assert_eq!((stored.disposition, stored.body), (Disposition::Stored, None));
        assert!(stored.omitted_bytes.is_some());
    }
    let paid = &desk.events("checkout.session.completed").await[0];
    assert_eq!(
        desk.inbox(paid).await.expect("taken in").disposition,
        Disposition::Queued
    );
    desk.messages();
    assert_eq!(desk.run().await.counts.events_taken_in, 0);
}

#[tokio::test]
async fn an_event_that_cannot_be_read_stops_nothing() {
    let desk = desk().await;
    let strange = json!({"type": "product.updated", "object": {"id": "prod_1"}, "envelope": {"created_by": 1, "livemode": "maybe"}});
    desk.control("events", strange).await;
    let order = desk.order(1299).await;
    desk.pay(&order).await;
    let run = desk.run().await;
    assert!(run.is_complete);
    let paid = &desk.events("checkout.session.completed").await[0];
    assert_eq!(
        desk.inbox(paid).await.expect("taken in").disposition,
        Disposition::Queued
    );
    desk.messages();
    assert_eq!(desk.run().await.counts.events_taken_in, 0, "it is known, too");
}

#[tokio::test]
async fn an_event_in_the_version_of_the_account_is_taken_in_and_an_invoice_is_not_stored_in_silence() {
    let desk = desk().await;
    let order = desk.order(1299).await;
    let metadata = json!({"customer_id": order.customer, "order_id": order.id});
    let older = |kind: &str, object: serde_json::Value| json!({"type": kind, "object": object, "envelope": {"api_version": "2024-06-20"}});
    let session = json!({"id": order.session, "object": "checkout.session", "metadata": metadata});
    desk.control("events", older("checkout.session.completed", session))
        .await;
    desk.control(
        "events",
        older("invoice.paid", json!({"id": "in_gone", "object": "invoice"})),
    )
    .await;
    desk.run().await;
    let of = async |kind: &str| {
        let id = &desk.events(kind).await[0];
        desk.inbox(id).await.expect("taken in").disposition
    };
    assert_eq!(of("checkout.session.completed").await, Disposition::Queued);
    assert!(matches!(of("invoice.paid").await, Disposition::Quarantined(_)));
    desk.messages();
}

#[tokio::test]
async fn what_another_deployment_sells_on_the_same_account_is_left_to_it() {
    let mut desk = desk().await;
    desk.run().await;
    desk.messages();
    let ours = desk.context.stripe.clone();
    desk.context.stripe = ours.clone().of("1/eu-central-1/elsewhere".parse().expect("a name"));
    let order = desk.order(1299).await;
    let charge = desk.pay(&order).await;
    let transfer = desk.transfer("pay_01kaf8wcw0ee2v9sp5d7xw1n2t", 500).await;
    desk.context.stripe = ours;
    // By hand, so that only the charge, or the transfer, says whose they are.
    desk.by_hand("refunds", &format!("charge={charge}&amount=500")).await;
    desk.by_hand(&format!("transfers/{transfer}/reversals"), "amount=100")
        .await;
    desk.pass(1).await;
    let run = desk.run().await;
    let open = desk.open().await;
    let ours_alone = open
        .iter()
        .all(|difference| matches!(&difference.subject, Subject::Movement { kind, .. } if kind == "adjustment"));
    assert!(run.is_complete && ours_alone, "{open:?}");
    let named = order.id.to_string();
    let said = desk.messages();
    assert!(
        said.iter().all(|message| !format!("{message:?}").contains(&named)),
        "{said:?}"
    );
    let id = &desk.events("checkout.session.completed").await[0];
    assert_eq!(desk.inbox(id).await, None, "forgotten");
}
