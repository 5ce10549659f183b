//! What has left the shop: its payment pages are closed, and what is paid for it all the same goes back.

use serde_json::json;
use shared::ids::{ListingId, PartnerId};
use shared::ledger::{Account, Fact};
use shared::messages::{Message, PaymentSubject, ReversalSubject, Waiting};
use shared::money::BasisPoints;
use shared::purchase::refund::{RefundOrigin, RefundReason, RefundState};
use shared::purchase::{Order, OrderStatus};
use shared::revenue::{Base, Figures, FiguresDraft, Referrers, RuleRef, Terms};
use shared::store::{Condition, Write, commerce, keys, reversals};

use crate::till::{Till, charge, charge_of, session, till};

impl Till {
    /// Nothing of the listing is on sale any more.
    async fn withdraw(&self, listing: ListingId) {
        let gone = Write::delete(keys::published(listing), Condition::Present);
        self.world.store.write(gone).await.expect("it was on sale");
    }

    async fn hear_withdrawn(&self, listing: ListingId) {
        for waiting in [Waiting::Orders, Waiting::Subscriptions] {
            let message = Message::ListingWithdrawn {
                listing,
                waiting,
                after: None,
            };
            self.hear(message).await.expect("closed");
        }
    }

    /// The refund that began with the payment is sent and succeeds.
    async fn give_back(&self, order: &Order, minor: i64) {
        let refunds = reversals::refunds(&self.world.store, order.id, None, 10)
            .await
            .expect("memory")
            .items;
        let refund = refunds.first().expect("a refund");
        assert_eq!(
            (refund.reason, refund.origin),
            (RefundReason::NoLongerOffered, RefundOrigin::Withdrawal)
        );
        let told = json!({"id": "re_1", "object": "refund", "amount": minor, "currency": "eur", "status": "succeeded",
            "charge": charge_of(order), "balance_transaction": null, "created": 1_763_800_200,
            "metadata": {"refund_id": refund.id, "order_id": order.id, "customer_id": order.customer}});
        self.stripe.answers(200, told);
        let decided = Message::RefundDecided {
            customer: order.customer,
            order: order.id,
            refund: refund.id,
        };
        self.hear(decided).await.expect("sent");
        let refund = reversals::refund(&self.world.store, order.id, refund.id)
            .await
            .expect("memory")
            .expect("there");
        assert!(
            matches!(refund.state, RefundState::Succeeded { .. }),
            "{:?}",
            refund.state
        );
    }

    async fn earned(&self, partner: PartnerId) -> usize {
        let journal = self.world.journal();
        journal.iter().filter(|entry| entry.partner() == Some(partner)).count()
    }
}

#[tokio::test]
async fn what_is_paid_for_and_gone_earns_nothing_has_no_licence_and_goes_back() {
    let till = till().await;
    let order = till.order(&[(till.anna, 1799)]).await;
    till.withdraw(order.lines[0].listing).await;
    for _ in 0..2 {
        till.hear_session(&order, session("complete", "paid", 1799))
            .await
            .expect("settled");
    }
    let order = till.stored(&order).await;
    assert_eq!(order.status, OrderStatus::Paid);
    assert!(order.lines[0].withdrawn);
    let licence = commerce::licence(&till.world.store, order.lines[0].licence)
        .await
        .expect("memory");
    assert_eq!(licence, None);
    assert_eq!((till.owed(till.anna).await, till.earned(till.anna).await), (0, 0));
    assert_eq!(till.account(Account::ProcessorClearing), 1799);
    let messages = till.world.take_messages();
    let begun = messages
        .iter()
        .filter(|sent| matches!(sent.message, Message::RefundDecided { .. }));
    assert_eq!(begun.count(), 1, "{messages:?}");
    till.give_back(&order, 1799).await;
    for account in [
        Account::ProcessorClearing,
        Account::PlatformRevenue,
        Account::PlatformLosses,
    ] {
        assert_eq!(till.account(account), 0, "{account}");
    }
    let messages = till.world.take_messages();
    assert!(
        messages
            .iter()
            .any(|sent| matches!(sent.message, Message::OrderRefunded { .. })),
        "the customer is told"
    );
    assert_eq!(till.earned(till.anna).await, 0);
    till.check_books().await;
}

#[tokio::test]
async fn of_an_order_only_the_line_that_is_gone_goes_back() {
    let till = till().await;
    let order = till.order(&[(till.anna, 1299), (till.bert, 500)]).await;
    till.withdraw(order.lines[1].listing).await;
    till.hear_session(&order, session("complete", "paid", 1799))
        .await
        .expect("settled");
    let order = till.stored(&order).await;
    assert_eq!((till.owed(till.anna).await, till.owed(till.bert).await), (1039, 0));
    let ids: Vec<_> = order.lines.iter().map(|line| line.licence).collect();
    let licences = commerce::licences(&till.world.store, &ids).await.expect("memory");
    assert_eq!(licences.iter().map(|licence| licence.id).collect::<Vec<_>>(), ids[..1]);
    till.give_back(&order, 500).await;
    assert_eq!(till.account(Account::ProcessorClearing), 1299);
    assert_eq!(till.account(Account::PlatformRevenue), -260);
    assert_eq!(till.stored(&order).await.refunded().minor(), 500);
    till.check_books().await;
}

#[tokio::test]
async fn a_suspended_partner_sells_nothing() {
    let till = till().await;
    let order = till.order(&[(till.anna, 1799)]).await;
    till.world.suspend(till.anna).await;
    till.hear_session(&order, session("complete", "paid", 1799))
        .await
        .expect("settled");
    let order = till.stored(&order).await;
    assert!(order.lines[0].withdrawn);
    assert_eq!(till.owed(till.anna).await, 0);
    till.give_back(&order, 1799).await;
}

#[tokio::test]
async fn nobody_bears_a_fee_of_what_was_not_sold() {
    let till = till().await;
    let draft = FiguresDraft {
        base: Base::Net,
        ..FiguresDraft::from(Figures::flat(BasisPoints::try_from(2000).expect("a rate")))
    };
    let terms = Terms {
        rule: RuleRef::Default,
        figures: draft.try_into().expect("figures"),
    };
    let order = till
        .order_under(&[(till.anna, 1799)], &terms, Referrers::default())
        .await;
    till.withdraw(order.lines[0].listing).await;
    till.hear_session(&order, session("complete", "paid", 1799))
        .await
        .expect("settled");
    till.hear_of(&order, PaymentSubject::Charge, "ch_1", charge(Some(60)))
        .await
        .expect("posted");
    assert_eq!((till.owed(till.anna).await, till.earned(till.anna).await), (0, 0));
    assert_eq!(till.account(Account::ProcessorFees), 60);
}

#[tokio::test]
async fn pages_of_what_has_left_the_shop_are_closed() {
    let till = till().await;
    let (order, other) = (
        till.order(&[(till.anna, 1799)]).await,
        till.order(&[(till.anna, 500)]).await,
    );
    let listing = order.lines[0].listing;
    till.hear_withdrawn(listing).await;
    assert!(till.stripe.take_asked().is_empty(), "it is on sale");
    till.withdraw(listing).await;
    till.stripe.answers(200, session("expired", "unpaid", 1799));
    till.hear_withdrawn(listing).await;
    assert!(till.stripe.take_asked()[0].path.ends_with("/cs_test_1/expire"));
    assert_eq!(till.stored(&order).await.status, OrderStatus::Cancelled);
    assert_eq!(till.stored(&other).await.status, OrderStatus::Pending);
    let messages = till.world.take_messages();
    assert!(
        messages
            .iter()
            .any(|sent| matches!(sent.message, Message::OrderWithdrawn { .. })),
        "{messages:?}"
    );
    till.hear_withdrawn(listing).await;
    assert!(till.stripe.take_asked().is_empty(), "there is nothing left to close");
}

#[tokio::test]
async fn a_page_that_was_paid_first_is_left_to_the_settlement() {
    let till = till().await;
    let order = till.order(&[(till.anna, 1799)]).await;
    till.withdraw(order.lines[0].listing).await;
    let not_open = json!({"error": {"type": "invalid_request_error", "message": "Only open sessions can be expired."}});
    till.stripe
        .answers(400, not_open)
        .answers(200, session("complete", "paid", 1799));
    till.hear_withdrawn(order.lines[0].listing).await;
    assert_eq!(till.stored(&order).await.status, OrderStatus::Pending);
    till.hear_session(&order, session("complete", "paid", 1799))
        .await
        .expect("settled");
    assert!(till.stored(&order).await.lines[0].withdrawn);
    till.give_back(&order, 1799).await;
}

#[tokio::test]
async fn a_dispute_over_what_went_back_costs_no_partner_anything() {
    let till = till().await;
    let order = till.order(&[(till.anna, 1799)]).await;
    till.withdraw(order.lines[0].listing).await;
    till.hear_session(&order, session("complete", "paid", 1799))
        .await
        .expect("settled");
    let order = till.stored(&order).await;
    till.give_back(&order, 1799).await;
    let dispute = json!({"id": "dp_1", "object": "dispute", "amount": 1799, "currency": "eur", "status": "lost", "reason": "fraudulent",
        "charge": charge_of(&order), "created": 1_763_800_300, "livemode": false, "is_charge_refundable": false,
        "evidence_details": {"due_by": 1_764_800_300}, "metadata": {},
        "balance_transactions": [{"id": "txn_d1", "amount": -1799, "fee": 0, "net": -1799, "currency": "eur", "type": "adjustment",
            "status": "available", "available_on": 1_763_800_300, "created": 1_763_800_300, "source": "dp_1"}]});
    till.hear_reversal(ReversalSubject::Dispute, &dispute)
        .await
        .expect("heard");
    assert_eq!(till.owed(till.anna).await, 0);
    assert_eq!(till.account(Account::PlatformLosses), 1799);
    assert!(
        till.world
            .journal()
            .iter()
            .any(|entry| matches!(entry.fact(), Fact::DisputeFunds(_)))
    );
    till.check_books().await;
}
