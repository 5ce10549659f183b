//! Messages that were rejected are tried again at every run, until they are done.

use shared::ids::MessageId;
use shared::messages::{Envelope, Message};
use shared::reconciliation::Difference;
use shared::store::reconciliation;

use crate::desk::deaf_desk;

#[tokio::test]
async fn every_run_has_a_rejected_message_tried_again_until_it_is_done() {
    let desk = deaf_desk().await;
    let order = desk.order(1299).await;
    let message = Message::FreeOrderPlaced {
        customer: desk.customer,
        order: order.id,
    };
    let rejected = Envelope::new(desk.world.seed().id::<MessageId>("rejected"), message);
    let difference = Difference::of_rejected(rejected.clone(), "it costs something".into(), desk.world.now());
    for _ in 0..2 {
        reconciliation::reject_message(&desk.world.store, &difference)
            .await
            .expect("memory");
    }
    desk.world.take_messages();
    for _ in 0..2 {
        let run = desk.run().await;
        assert_eq!((run.counts.opened, run.counts.open), (0, 1));
        let again = Message::Reconsider {
            rejected: Box::new(rejected.clone()),
        };
        let told: Vec<_> = desk
            .world
            .take_messages()
            .into_iter()
            .map(|told| told.message)
            .collect();
        assert_eq!(told, [again]);
    }
    reconciliation::close_message(&desk.world.store, &difference.subject, desk.world.now())
        .await
        .expect("memory");
    let run = desk.run().await;
    assert_eq!((run.counts.open, desk.world.take_messages()), (0, Vec::new()));
    assert_eq!(desk.open().await, []);

    // What was done once and is rejected again stands again.
    reconciliation::reject_message(&desk.world.store, &difference)
        .await
        .expect("memory");
    assert_eq!(desk.run().await.counts.open, 1);
}
