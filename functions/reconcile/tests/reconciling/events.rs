//! Events that were lost, for a while or for good.

use jiff::SignedDuration;
use shared::messages::{Message, PaymentSubject};
use shared::processor::Processor;
use shared::processor::stripe::intake;
use shared::processor::stripe::requests::ListPage;
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

    /// The ids of all events that the processor has of a type.
    async fn events(&self, kind: &str) -> Vec<String> {
        let events = self
            .context
            .stripe
            .events(&ListPage::default())
            .await
            .expect("a list")
            .data;
        let wanted = events.into_iter().filter(|event| event.kind == kind);
        wanted.map(|event| event.id).collect()
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
    desk.context.livemode = true;
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
        .events(&ListPage::default())
        .await
        .expect("a list")
        .data;
    for event in events {
        let (store, now) = (&desk.world.store, desk.world.now());
        assert!(
            intake::take_in(store, event, false, desk.world.seed(), now)
                .await
                .expect("memory")
        );
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
