//! Messages that cannot be done: operators see them at once, and they are done when their cause is mended.

use shared::ids::{MessageId, UserId};
use shared::licence::{Licence, LicenceStatus};
use shared::licensing::grant::{Fingerprint, Machine};
use shared::messages::{Envelope, Message, PaymentSubject, ReversalSubject};
use shared::purchase::{Order, OrderStatus};
use shared::reconciliation::{Difference, DifferenceKind};
use shared::runtime::Failure;
use shared::store::{Room, StoreError, commerce, leases, reconciliation};

use crate::refunds::{fetched, object};
use crate::till::{Till, session, till};

impl Till {
    async fn open_differences(&self) -> Vec<Difference> {
        let page = reconciliation::open_differences(&self.world.store, None, 10).await;
        page.expect("memory").items
    }

    /// As the reconciliation announces it.
    async fn hear_again(&self, rejected: Envelope) -> Result<(), Failure> {
        let rejected = Box::new(rejected);
        self.hear(Message::Reconsider { rejected }).await
    }
}

#[tokio::test]
async fn a_rejected_payment_is_an_open_difference_until_it_is_booked() {
    let till = till().await;
    let order = till.order(&[(till.anna, 1299)]).await;
    for _ in 0..2 {
        let heard = till.hear_session(&order, session("complete", "paid", 1298)).await;
        assert!(matches!(heard, Err(Failure::Reject(_))), "{heard:?}");
    }
    // Each is a message of its own here: what stands is about each once.
    let open = till.open_differences().await;
    assert_eq!(open.len(), 2);
    assert_eq!(open[0].kind, DifferenceKind::MessageRejected);
    let rejection = open[0].rejection.clone().expect("a message");
    assert!(
        rejection.reason.contains("a person must look at this"),
        "{}",
        rejection.reason
    );

    // Still wrong: no second dead letter, and the difference stays.
    till.stripe.answers(200, session("complete", "paid", 1298));
    till.hear_again(rejection.message.clone()).await.expect("known already");
    assert_eq!(till.open_differences().await.len(), 2);

    till.stripe.answers(200, session("complete", "paid", 1299));
    till.hear_again(rejection.message).await.expect("settled");
    assert_eq!(till.stored(&order).await.status, OrderStatus::Paid);
    let open_after = till.open_differences().await;
    assert_eq!(open_after.len(), 1, "{open_after:?}");
    till.check_books().await;
}

#[tokio::test]
async fn the_same_rejected_message_is_one_difference() {
    let till = till().await;
    let order = till.order(&[(till.anna, 1299)]).await;
    let message = Envelope::new(
        till.world.seed().id::<MessageId>("once"),
        Message::PaymentChanged {
            event_id: "evt_1".into(),
            subject: PaymentSubject::CheckoutSession,
            object_id: "cs_test_1".into(),
            customer: order.customer,
            order: order.id,
        },
    );
    for _ in 0..3 {
        till.stripe.answers(200, session("complete", "paid", 1));
        let heard = till.hear_envelope(message.clone()).await;
        assert!(matches!(heard, Err(Failure::Reject(_))), "{heard:?}");
    }
    assert_eq!(till.open_differences().await.len(), 1);
}

/// Fills a licence to the last byte that its holder can reach: machines with names as long as they may be.
async fn fill(till: &Till, order: &Order) -> usize {
    let long = |number: usize| Fingerprint::try_from(format!("{number:0>128}")).expect("visible characters");
    let mut machines = 0;
    for size in [200, 20, 1] {
        loop {
            let before = commerce::licence_revision(&till.world.store, order.lines[0].licence).await;
            let before = before.expect("memory").expect("issued");
            let mut grant = before.granted();
            for number in machines..machines + size {
                let seed = till.world.seed();
                let machine = Machine {
                    id: seed.id("machine"),
                    fingerprint: long(number),
                    components: [long(number)].into(),
                    name: Some("n".repeat(80)),
                    user: Some(seed.id::<UserId>("somebody")),
                    cores: 1,
                    memory_bytes: 1,
                    disk_bytes: 1,
                    activated_at: till.world.now(),
                    heartbeat_at: None,
                };
                grant.machines.insert(machine.id, machine);
            }
            let next: Licence = before.with(grant);
            match leases::save(&till.world.store, &before, &next, Room::Software, Vec::new()).await {
                Ok(()) => machines += size,
                Err(StoreError::TooLarge) => break,
                Err(error) => panic!("{error}"),
            }
        }
    }
    machines
}

#[tokio::test]
async fn a_licence_that_is_filled_to_the_last_byte_is_revoked_with_its_refund() {
    let till = till().await;
    let order = till.sold(&[(till.anna, 1299)]).await;
    assert!(fill(&till, &order).await > 300);
    let refund = till
        .begin_refund(&order, &[(0, None)])
        .await
        .expect("within what is left");
    till.stripe.answers(200, object(&refund, "succeeded"));
    till.hear_decided(&order, refund.id).await.expect("booked");
    assert_eq!(till.licence_status(&order, 0).await, LicenceStatus::Revoked);
    assert_eq!(till.owed(till.anna).await, 0);
    till.check_books().await;

    // It fails later: the money is the partner's again, and the licence its holder's.
    till.hear_reversal(ReversalSubject::Refund, &fetched(&order, &refund, "failed"))
        .await
        .expect("booked");
    assert_eq!(till.licence_status(&order, 0).await, LicenceStatus::Active);
    till.check_books().await;
}
