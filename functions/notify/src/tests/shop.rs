//! What customers read about what has left the shop.

use shared::ids::ListingId;
use shared::store::reversals;

use super::*;

impl Story {
    /// An order of two lines; the first has left the shop before it is paid.
    async fn half_withdrawn(&self) -> Order {
        let seed = self.world.seed();
        let offers = [offer(seed, "Warm", 1299), offer(seed, "Cold", 500)];
        let order = self.ordered(self.user, &offers).await;
        let gone: BTreeSet<ListingId> = BTreeSet::from([order.lines[0].listing]);
        self.pay(&order.without(&gone)).await
    }
}

#[track_caller]
fn says(letter: &Letter, parts: &[&str]) {
    for part in parts {
        assert!(letter.text.contains(part), "{part:?} is missing in {}", letter.text);
    }
}

#[tokio::test]
async fn an_order_of_what_has_left_the_shop_is_cancelled_in_words() {
    let story = story().await;
    let offers = [offer(story.world.seed(), "Warm", 1299)];
    let order = story.ordered(story.user, &offers).await;
    let letter = story
        .letter(Message::OrderWithdrawn {
            customer: story.user,
            order: order.id,
        })
        .await;
    assert_eq!(letter.subject, "Your order of 12.99 EUR is cancelled");
    says(
        &letter,
        &[
            "left the shop before you paid for it",
            "you pay nothing",
            "Item: Warm <Pads>\nPrice: 12.99 EUR",
            &format!("https://souk.example/orders/{}", order.id),
        ],
    );
}

#[tokio::test]
async fn what_was_paid_for_and_gone_is_named_in_the_receipt_and_in_the_refund() {
    let story = story().await;
    let order = story.half_withdrawn().await;
    let receipt = story
        .letter(Message::OrderPaid {
            customer: story.user,
            order: order.id,
        })
        .await;
    says(
        &receipt,
        &[
            "Licence key: none: it had left the shop when your payment came, and its price goes back to you",
            "Total: 17.99 EUR",
        ],
    );
    let kept = commerce::licences(&story.world.store, &[order.lines[1].licence]).await;
    says(&receipt, &[&kept.expect("read")[0].key.to_string()]);

    let refunds = reversals::refunds(&story.world.store, order.id, None, 10).await;
    let refund = refunds.expect("read").items.remove(0);
    let letter = story
        .letter(Message::OrderRefunded {
            customer: story.user,
            order: order.id,
            refund: refund.id,
        })
        .await;
    assert_eq!(letter.subject, "Your refund: 12.99 EUR");
    says(&letter, &["Warm <Pads>", "none was issued: it had left the shop"]);
}
