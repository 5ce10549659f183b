//! What customers hear of a request for a refund that ends without one, and of an order that was cancelled for them.

use shared::purchase::refund::{RefundOrigin, RefundPolicy, RefundReason, RefundRequest, RefundState, begin};
use shared::store::reversals;

use super::*;

impl Story {
    /// Somebody has asked for 12.99 back; that is how it stands now.
    async fn asked(&self, order: &Order, state: impl Fn(jiff::Timestamp) -> RefundState) -> Message {
        let request = RefundRequest {
            lines: Some(vec![(0, None)]),
            reason: RefundReason::Other,
            note: None,
        };
        let policy = RefundPolicy { window_days: 14 };
        let (seed, now) = (self.world.seed(), self.world.now());
        let begun = begin(order, &request, RefundOrigin::Customer, policy, seed, now).expect("paid");
        let refund = shared::purchase::refund::Refund {
            state: state(now),
            ..begun.refund
        };
        let stored = commerce::order(&self.world.store, order.customer, order.id).await;
        let revision = stored.expect("memory").expect("the order").revision;
        let writes = reversals::begin_refund(order, revision, &refund, None, &[]).expect("items");
        self.world.store.transact(writes).await.expect("nobody else writes");
        Message::RefundRequestEnded {
            customer: order.customer,
            order: order.id,
            refund: refund.id,
        }
    }
}

#[tokio::test]
async fn who_has_asked_for_a_refund_hears_how_the_request_ended() {
    let story = story().await;
    let order = story.paid_order().await;
    let superseded = story.asked(&order, |at| RefundState::Superseded { at }).await;
    let letter = story.letter(superseded).await;
    assert_eq!(letter.subject, "Your request for a refund is closed");
    for part in [
        "12.99 EUR",
        &order.id.to_string(),
        "has gone back to you by another way",
        "You need not do anything",
    ] {
        assert!(letter.text.contains(part), "{part} in {}", letter.text);
    }

    let note = || "It was used for a month.".to_owned();
    let declined = story
        .asked(&order, |at| RefundState::Declined { at, note: note() })
        .await;
    let letter = story.letter(declined).await;
    assert_eq!(letter.subject, "Your request for a refund was declined");
    for part in ["12.99 EUR", "It is not refunded", &note()] {
        assert!(letter.text.contains(part), "{part} in {}", letter.text);
    }
}

#[tokio::test]
async fn who_has_not_paid_for_what_left_the_shop_hears_that_they_pay_nothing() {
    let story = story().await;
    let offers = [offer(story.world.seed(), "Warm", 1299)];
    let order = story.ordered(story.user, &offers).await;
    let letter = story
        .letter(Message::OrderWithdrawn {
            customer: order.customer,
            order: order.id,
        })
        .await;
    assert_eq!(letter.subject, "Your order of 12.99 EUR is cancelled");
    for part in ["has left the shop before you paid", "you pay nothing", "Warm"] {
        assert!(letter.text.contains(part), "{part} in {}", letter.text);
    }
}
