//! What changes in the shop while a subscription runs: who has brought the buyer, and what is on sale.

use shared::messages::Waiting;

use shared::purchase::refund::{RefundOrigin, RefundReason, RefundState};
use shared::revenue::{Figures, FiguresDraft, RuleRef, WithheldReason};
use shared::store::accounts::Role;
use shared::store::{Condition, Write, keys, reversals};

use super::*;

fn bps(rate: u32) -> BasisPoints {
    BasisPoints::try_from(rate).expect("a rate")
}

/// Bert has brought the customer, and earns a twentieth of each month.
async fn brought_by_bert() -> Sold {
    let sold = begun().await;
    let draft = FiguresDraft {
        affiliate_bps: bps(500),
        ..FiguresDraft::from(Figures::flat(bps(2000)))
    };
    let store = &sold.till.world.store;
    let stored = subscriptions::subscription(store, sold.subscription.customer, sold.subscription.id).await;
    let stored = stored.expect("memory").expect("begun");
    let brought = Subscription {
        terms: Terms {
            rule: RuleRef::Default,
            figures: draft.try_into().expect("figures"),
        },
        referrers: Referrers {
            affiliate: Some(sold.till.bert),
            reseller: None,
        },
        ..stored.value
    };
    subscriptions::update(store, &brought, stored.revision)
        .await
        .expect("nobody else writes");
    Sold {
        subscription: brought,
        ..sold
    }
}

#[tokio::test]
async fn a_referrer_earns_by_each_month_until_the_buyer_is_one_of_them() {
    let sold = brought_by_bert().await;
    sold.paid().await;
    let till = &sold.till;
    assert_eq!((till.owed(till.anna).await, till.owed(till.bert).await), (1600, 100));
    till.world.join(till.bert, "carla", Role::Member).await;
    sold.hear_of(told("active", 1), 2, &[1]).await.expect("heard");
    let withheld = sold.order(1).await.expect("a renewal").lines[0].withheld;
    assert_eq!(withheld.affiliate, Some(WithheldReason::BuyerInTeam));
    assert_eq!((till.owed(till.anna).await, till.owed(till.bert).await), (3200, 100));
    till.check_books().await;
    till.world.take_messages();
}

impl Sold {
    /// The listing has left the shop.
    async fn withdraw(&self) {
        let gone = Write::delete(keys::published(self.subscription.plan.listing), Condition::Present);
        self.till.world.store.write(gone).await.expect("it was on sale");
    }

    async fn hear_withdrawn(&self) {
        let message = Message::ListingWithdrawn {
            listing: self.subscription.plan.listing,
            waiting: Waiting::Subscriptions,
            after: None,
        };
        self.till.hear(message).await.expect("closed");
    }
}

#[tokio::test]
async fn nobody_begins_to_subscribe_to_what_has_left_the_shop() {
    let sold = begun().await;
    sold.hear_withdrawn().await;
    assert!(sold.till.stripe.take_asked().is_empty(), "it is on sale");
    sold.withdraw().await;
    sold.till.stripe.answers(200, session("expired", None));
    sold.hear_withdrawn().await;
    assert!(sold.till.stripe.take_asked()[0].path.ends_with("/cs_1/expire"));
    assert_eq!(sold.stored().await.status, Status::Lapsed);
    sold.hear_withdrawn().await;
    assert!(
        sold.till.stripe.take_asked().is_empty(),
        "there is nothing left to close"
    );
}

#[tokio::test]
async fn a_month_of_what_has_left_the_shop_goes_back_and_is_the_last() {
    let sold = begun().await;
    sold.paid().await;
    let till = &sold.till;
    sold.withdraw().await;
    till.world.take_messages();
    sold.hear_of(told("active", 1), 2, &[1]).await.expect("heard");
    let order = sold.order(1).await.expect("a renewal");
    assert!(order.lines[0].withdrawn);
    assert_eq!(till.owed(till.anna).await, 1600, "of the first month");
    let refunds = reversals::refunds(&till.world.store, order.id, None, 10).await;
    let refund = refunds.expect("memory").items.remove(0);
    assert_eq!(
        (refund.reason, refund.origin, refund.amount.minor()),
        (RefundReason::NoLongerOffered, RefundOrigin::Withdrawal, 2000)
    );

    let invoices = || {
        let months = [1, 0].map(|month| invoice(&sold.subscription, month, 2000));
        list(&months)
    };
    let metadata = json!({"refund_id": refund.id, "order_id": order.id, "customer_id": order.customer});
    // Whether a change has given credit since is looked at first.
    till.stripe.answers(200, told("active", 1)).answers(200, invoices());
    till.stripe.answers(
        200,
        json!({"id": "re_1", "object": "refund", "amount": 2000, "currency": "eur", "status": "succeeded", "charge": "ch_1",
            "balance_transaction": null, "created": BEGAN + MONTH, "metadata": metadata}),
    );
    let decided = Message::RefundDecided {
        customer: order.customer,
        order: order.id,
        refund: refund.id,
    };
    till.hear(decided).await.expect("sent");
    let refund = reversals::refund(&till.world.store, order.id, refund.id).await;
    let state = refund.expect("memory").expect("there").value.state;
    assert!(matches!(state, RefundState::Succeeded { .. }), "{state:?}");
    let returned = till
        .world
        .take_messages()
        .into_iter()
        .find_map(|sent| match sent.message {
            returned @ Message::RenewalReturned { .. } => Some(returned),
            _ => None,
        });

    // It is followed, cancelled, and what has become of it is followed.
    for answer in [
        told("active", 1),
        invoices(),
        told("canceled", 1),
        told("canceled", 1),
        invoices(),
        told("canceled", 1),
    ] {
        till.stripe.answers(200, answer);
    }
    till.stripe.take_asked();
    till.hear(returned.expect("it is told that a renewal went back"))
        .await
        .expect("ended");
    let asked = till.stripe.take_asked();
    assert!(asked.iter().any(|asked| asked.method == "DELETE"), "{asked:?}");
    assert!(sold.stored().await.status.is_over());
    assert_eq!(till.owed(till.anna).await, 1600);
    till.check_books().await;
    till.world.take_messages();
}
