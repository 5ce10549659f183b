//! Refunds: asked for once, posted once, and exactly undone when they fail.

use serde_json::{Value, json};
use shared::ids::RefundId;
use shared::ledger::Account;
use shared::licence::LicenceStatus;
use shared::messages::{Message, ReversalSubject};
use shared::money::{BasisPoints, Currency, Money};
use shared::purchase::Order;
use shared::purchase::promise;
use shared::purchase::refund::{
    Refund, RefundError, RefundOrigin, RefundPolicy, RefundReason, RefundRequest, RefundState, begin,
};
use shared::revenue::{Figures, FiguresDraft, Referrers, RuleRef, Terms};
use shared::runtime::Failure;
use shared::store::{keys, ledger, reversals};

use crate::till::{Till, charge_of, session, till};

const POLICY: RefundPolicy = RefundPolicy { window_days: 30 };

fn request(lines: &[(usize, Option<i64>)]) -> RefundRequest {
    let amount = |minor: i64| Money::new(minor, Currency::EUR);
    RefundRequest {
        lines: Some(lines.iter().map(|(line, minor)| (*line, minor.map(amount))).collect()),
        reason: RefundReason::DoesNotWork,
        note: None,
    }
}

impl Till {
    /// An operator refunds; the message is not heard yet.
    pub(crate) async fn begin_refund(
        &self,
        order: &Order,
        lines: &[(usize, Option<i64>)],
    ) -> Result<Refund, RefundError> {
        let origin = RefundOrigin::Operator { user: self.customer };
        let stored = shared::store::commerce::order(&self.world.store, order.customer, order.id).await;
        let stored = stored.expect("memory").expect("the order");
        let begun = begin(
            &stored,
            &request(lines),
            origin,
            POLICY,
            self.world.seed(),
            self.world.now(),
        )?;
        let writes = reversals::begin_refund(&begun.order, stored.revision, &begun.refund, None, &[]);
        self.world
            .store
            .transact(writes.expect("items"))
            .await
            .expect("nobody else writes");
        Ok(begun.refund)
    }

    pub(crate) async fn hear_decided(&self, order: &Order, refund: RefundId) -> Result<(), Failure> {
        self.hear(Message::RefundDecided {
            customer: order.customer,
            order: order.id,
            refund,
        })
        .await
    }

    async fn refund(&self, order: &Order, lines: &[(usize, Option<i64>)]) -> Refund {
        let refund = self.begin_refund(order, lines).await.expect("within what is left");
        self.stripe.answers(200, object(&refund, "succeeded"));
        self.hear_decided(order, refund.id).await.expect("accepted");
        self.stored_refund(&refund).await
    }

    pub(crate) async fn stored_refund(&self, refund: &Refund) -> Refund {
        let found = reversals::refund(&self.world.store, refund.order, refund.id).await;
        found.expect("memory").expect("the refund").value
    }
}

pub(crate) fn object(refund: &Refund, status: &str) -> Value {
    json!({"id": "re_1", "object": "refund", "amount": refund.amount.minor(), "currency": "eur", "charge": "ch_1", "status": status,
        "balance_transaction": "txn_2", "failure_balance_transaction": null, "failure_reason": null, "created": 1_763_900_000,
        "metadata": {"refund_id": refund.id, "order_id": refund.order, "customer_id": refund.customer}})
}

/// As a fetch gives it: with its charge.
pub(crate) fn fetched(order: &Order, refund: &Refund, status: &str) -> Value {
    let mut object = object(refund, status);
    object["charge"] = charge_of(order);
    object
}

#[tokio::test]
async fn a_full_refund_claws_back_every_share_and_revokes_what_was_bought() {
    let till = till().await;
    let order = till.sold(&[(till.anna, 1299), (till.bert, 500)]).await;
    let refund = till.refund(&order, &[(0, None), (1, None)]).await;
    assert!(matches!(refund.state, RefundState::Succeeded { .. }));
    assert_eq!((till.owed(till.anna).await, till.owed(till.bert).await), (0, 0));
    for account in [
        Account::ProcessorClearing,
        Account::PlatformRevenue,
        Account::PlatformLosses,
    ] {
        assert_eq!(till.account(account), 0, "{account}");
    }
    for line in 0..2 {
        assert_eq!(till.licence_status(&order, line).await, LicenceStatus::Revoked);
    }
    let messages = till.world.take_messages();
    assert!(
        matches!(&messages[..], [told] if matches!(told.message, Message::OrderRefunded { .. })),
        "the customer is told once: {messages:?}"
    );
}

#[tokio::test]
async fn scenario_18_partial_refunds_until_full_leave_every_leg_at_exactly_zero() {
    let till = till().await;
    let order = till.sold(&[(till.anna, 1299)]).await;
    for minor in [1, 333, 500, 464] {
        till.refund(&order, &[(0, Some(minor))]).await;
        till.check_books().await;
        assert_eq!(till.licence_status(&order, 0).await, LicenceStatus::Active);
    }
    till.refund(&order, &[(0, None)]).await;
    assert_eq!(till.owed(till.anna).await, 0);
    assert_eq!(till.account(Account::PlatformRevenue), 0);
    assert_eq!(till.licence_status(&order, 0).await, LicenceStatus::Revoked);
}

#[tokio::test]
async fn scenario_17_a_refund_above_the_remainder_is_refused() {
    let till = till().await;
    let order = till.sold(&[(till.anna, 1299)]).await;
    till.begin_refund(&order, &[(0, Some(1000))]).await.expect("the first");
    // The first has not been sent yet, but its amount is set aside.
    let second = till.begin_refund(&order, &[(0, Some(300))]).await;
    assert!(
        matches!(second, Err(RefundError::AboveRemainder { line: 0, .. })),
        "{second:?}"
    );
    assert_eq!(
        till.owed(till.anna).await,
        1039,
        "nothing is posted before the processor has accepted"
    );
}

#[tokio::test]
async fn scenario_19_a_refund_that_fails_later_is_reversed() {
    let till = till().await;
    let order = till.sold(&[(till.anna, 1299)]).await;
    let refund = till.refund(&order, &[(0, None)]).await;
    let mut failed = fetched(&order, &refund, "failed");
    failed["failure_reason"] = json!("expired_or_canceled_card");
    failed["failure_balance_transaction"] = json!("txn_3");
    for _ in 0..2 {
        till.hear_reversal(ReversalSubject::Refund, &failed)
            .await
            .expect("understood");
    }
    assert_eq!(till.owed(till.anna).await, 1039);
    assert_eq!(till.account(Account::ProcessorClearing), 1299);
    assert_eq!(till.licence_status(&order, 0).await, LicenceStatus::Active);
    assert!(matches!(
        till.stored_refund(&refund).await.state,
        RefundState::Failed { .. }
    ));
    assert_eq!(
        till.stored(&order).await.lines[0].refundable_minor(),
        1299,
        "it may be refunded again"
    );
    // Late news of what it was before changes nothing.
    till.hear_reversal(ReversalSubject::Refund, &fetched(&order, &refund, "succeeded"))
        .await
        .expect("no news");
    assert_eq!(till.owed(till.anna).await, 1039);
}

#[tokio::test]
async fn a_refund_that_had_failed_when_it_was_first_heard_of_leaves_both_movements() {
    let till = till().await;
    let order = till.sold(&[(till.anna, 1299)]).await;
    let refund = till.begin_refund(&order, &[(0, None)]).await.expect("all of it");
    till.hear_reversal(ReversalSubject::Refund, &fetched(&order, &refund, "failed"))
        .await
        .expect("understood");
    let facts: Vec<_> = till.world.journal().iter().map(|entry| entry.fact().name()).collect();
    assert_eq!(facts, ["refund", "refund_failed", "sale"]);
    assert_eq!(till.owed(till.anna).await, 1039);
    assert_eq!(till.licence_status(&order, 0).await, LicenceStatus::Active);
}

#[tokio::test]
async fn the_news_and_the_answer_of_one_refund_post_it_once() {
    let till = till().await;
    let order = till.sold(&[(till.anna, 1299)]).await;
    let refund = till.begin_refund(&order, &[(0, Some(300))]).await.expect("a part");
    // The event overtakes our own recording of the answer.
    till.hear_reversal(ReversalSubject::Refund, &fetched(&order, &refund, "pending"))
        .await
        .expect("posted");
    let owed = till.owed(till.anna).await;
    till.stripe.answers(200, fetched(&order, &refund, "pending"));
    till.hear_decided(&order, refund.id).await.expect("no news");
    till.hear_reversal(ReversalSubject::Refund, &fetched(&order, &refund, "succeeded"))
        .await
        .expect("a state");
    assert_eq!(till.owed(till.anna).await, owed);
    assert_eq!(
        till.stripe
            .take_asked()
            .iter()
            .filter(|asked| asked.method == "POST")
            .count(),
        0
    );
    assert!(matches!(
        till.stored_refund(&refund).await.state,
        RefundState::Succeeded { .. }
    ));
}

#[tokio::test]
async fn a_refund_made_in_the_processors_dashboard_is_adopted_once() {
    let till = till().await;
    let order = till.sold(&[(till.anna, 1000), (till.bert, 500)]).await;
    let made = json!({"id": "re_9", "amount": 300, "currency": "eur", "charge": charge_of(&order), "status": "succeeded",
        "balance_transaction": "txn_9", "created": 1_763_900_000, "metadata": {}});
    for _ in 0..2 {
        till.hear_reversal(ReversalSubject::Refund, &made)
            .await
            .expect("adopted");
    }
    assert_eq!((till.owed(till.anna).await, till.owed(till.bert).await), (640, 320));
    let stored = till.stored(&order).await;
    assert_eq!(
        (stored.lines[0].claimed_minor, stored.lines[1].claimed_minor),
        (200, 100)
    );
    till.check_books().await;
}

#[tokio::test]
async fn scenario_19_a_refund_whose_failure_is_told_late_makes_room_for_the_next() {
    let till = till().await;
    let order = till.sold(&[(till.anna, 1000), (till.bert, 500)]).await;
    let made = |id: &str, amount: i64, status: &str| {
        json!({"id": id, "amount": amount, "currency": "eur", "charge": charge_of(&order), "status": status,
            "balance_transaction": "txn_9", "created": 1_763_900_000, "metadata": {}})
    };
    till.hear_reversal(ReversalSubject::Refund, &made("re_1", 300, "succeeded"))
        .await
        .expect("adopted");
    // It fails, so Stripe gives back everything once more; of this is heard first.
    let next = || Message::ReversalChanged {
        event_id: "evt_3".into(),
        subject: ReversalSubject::Refund,
        object_id: "re_2".into(),
        charge: "ch_1".into(),
    };
    till.stripe
        .answers(200, made("re_2", 1500, "succeeded"))
        .answers(200, made("re_1", 300, "failed"));
    assert!(matches!(till.hear(next()).await, Err(Failure::Retry(_))));
    assert_eq!((till.owed(till.anna).await, till.owed(till.bert).await), (800, 400));
    till.stripe.answers(200, made("re_2", 1500, "succeeded"));
    till.hear(next()).await.expect("adopted");
    assert_eq!((till.owed(till.anna).await, till.owed(till.bert).await), (0, 0));
    assert_eq!(till.account(Account::PlatformLosses), 0);
    till.hear_reversal(ReversalSubject::Refund, &made("re_1", 300, "failed"))
        .await
        .expect("known");
    till.check_books().await;
}

#[tokio::test]
async fn scenario_28_an_unknown_outcome_is_asked_again_with_the_same_key() {
    let till = till().await;
    let order = till.sold(&[(till.anna, 1299)]).await;
    let refund = till.begin_refund(&order, &[(0, None)]).await.expect("all of it");
    till.stripe.take_asked();
    till.stripe
        .answers(500, json!({"error": {"type": "api_error", "message": "down"}}));
    assert!(matches!(
        till.hear_decided(&order, refund.id).await,
        Err(Failure::Retry(_))
    ));
    assert!(matches!(
        till.stored_refund(&refund).await.state,
        RefundState::Sending { .. }
    ));
    till.stripe.answers(200, object(&refund, "succeeded"));
    till.hear_decided(&order, refund.id).await.expect("accepted");
    let asked = till.stripe.take_asked();
    let keys: Vec<_> = asked.iter().map(|asked| asked.header("idempotency-key")).collect();
    assert_eq!(keys, [Some(refund.id.to_string().as_str()); 2]);
}

#[tokio::test]
async fn scenario_29_after_a_day_the_refund_is_looked_up_before_it_is_asked_again() {
    let till = till().await;
    let order = till.sold(&[(till.anna, 1299)]).await;
    let refund = till.begin_refund(&order, &[(0, None)]).await.expect("all of it");
    till.stripe
        .answers(500, json!({"error": {"type": "api_error", "message": "down"}}));
    till.hear_decided(&order, refund.id).await.expect_err("unknown");
    till.world.clock.advance(jiff::SignedDuration::from_hours(24));
    till.stripe.take_asked();
    till.stripe.answers(
        200,
        json!({"object": "list", "data": [object(&refund, "succeeded")], "has_more": false}),
    );
    till.hear_decided(&order, refund.id).await.expect("found");
    let asked = till.stripe.take_asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].method, "GET", "it is not asked for a second time");
    assert_eq!(till.owed(till.anna).await, 0);
}

/// However many refunds the charge has had: ours is found behind the first page, and not asked for again.
#[tokio::test]
async fn a_refund_is_looked_up_on_every_page() {
    let till = till().await;
    let order = till.sold(&[(till.anna, 1299)]).await;
    let refund = till.begin_refund(&order, &[(0, None)]).await.expect("all of it");
    till.stripe
        .answers(500, json!({"error": {"type": "api_error", "message": "down"}}));
    till.hear_decided(&order, refund.id).await.expect_err("unknown");
    till.world.clock.advance(jiff::SignedDuration::from_hours(24));
    till.stripe.take_asked();
    let by_hand = |number: i64| {
        let mut other = object(&refund, "failed");
        (other["id"], other["metadata"]) = (json!(format!("re_{number}")), json!({}));
        other
    };
    let page: Vec<_> = (1001..=1100).map(by_hand).collect();
    till.stripe
        .answers(200, json!({"object": "list", "data": page, "has_more": true}))
        .answers(
            200,
            json!({"object": "list", "data": [object(&refund, "succeeded")], "has_more": false}),
        );
    till.hear_decided(&order, refund.id).await.expect("found");
    let asked = till.stripe.take_asked();
    assert!(asked.iter().all(|asked| asked.method == "GET"), "{asked:?}");
    assert!(asked[1].path.contains("starting_after=re_1100"), "{asked:?}");
    assert_eq!(till.owed(till.anna).await, 0);
}

#[tokio::test]
async fn what_the_processor_refuses_is_free_again() {
    let till = till().await;
    let order = till.sold(&[(till.anna, 1299)]).await;
    let refund = till.begin_refund(&order, &[(0, None)]).await.expect("all of it");
    let refusal =
        json!({"error": {"type": "invalid_request_error", "code": "charge_disputed", "message": "charged back"}});
    till.stripe.answers(400, refusal);
    till.hear_decided(&order, refund.id).await.expect("taken note of");
    let refused = till.stored_refund(&refund).await.state;
    assert!(
        matches!(&refused, RefundState::Refused { code, .. } if code == "charge_disputed"),
        "{refused:?}"
    );
    assert_eq!(till.stored(&order).await.lines[0].refundable_minor(), 1299);
    assert_eq!(till.owed(till.anna).await, 1039);
}

#[tokio::test]
async fn scenario_3_a_refund_that_overtakes_the_sale_settles_the_sale_first() {
    let till = till().await;
    let order = till.order(&[(till.anna, 1299)]).await;
    let made = json!({"id": "re_9", "amount": 1299, "currency": "eur", "charge": charge_of(&order), "status": "succeeded",
        "balance_transaction": "txn_9", "created": 1_763_900_000, "metadata": {}});
    till.stripe
        .answers(200, made)
        .answers(200, session("complete", "paid", 1299));
    till.hear(Message::ReversalChanged {
        event_id: "evt_2".into(),
        subject: ReversalSubject::Refund,
        object_id: "re_9".into(),
        charge: "ch_1".into(),
    })
    .await
    .expect("both");
    assert_eq!(till.owed(till.anna).await, 0);
    assert_eq!(till.licence_status(&order, 0).await, LicenceStatus::Revoked);
}

#[tokio::test]
async fn scenario_20_the_fee_that_the_processor_keeps_stays_the_platforms_cost() {
    let till = till().await;
    let order = till.sold(&[(till.anna, 1299)]).await;
    let charge = crate::till::charge(Some(52));
    till.hear_of(&order, shared::messages::PaymentSubject::Charge, "ch_1", charge)
        .await
        .expect("a fee");
    till.refund(&order, &[(0, None)]).await;
    assert_eq!(till.account(Account::ProcessorFees), 52);
    assert_eq!(till.account(Account::ProcessorClearing), -52);
    assert_eq!(till.owed(till.anna).await, 0);
}

#[tokio::test]
async fn scenario_25_a_refund_after_the_payout_leaves_a_debt_that_later_sales_pay() {
    let till = till().await;
    let order = till.sold(&[(till.anna, 1299)]).await;
    let payout = shared::ledger::BalanceChange {
        partner: till.anna,
        owed: Money::new(-1039, Currency::EUR),
        maturing: None,
        disputed_minor: 0,
    };
    till.world
        .store
        .write(ledger::change_balance(&payout))
        .await
        .expect("paid out");
    till.refund(&order, &[(0, None)]).await;
    assert_eq!(till.owed(till.anna).await, -1039);
    till.sold(&[(till.anna, 2000)]).await;
    assert_eq!(till.owed(till.anna).await, 561);
}

#[tokio::test]
async fn a_refund_of_one_line_costs_five_requests_and_thirteen_write_units() {
    let till = till().await;
    let order = till.sold(&[(till.anna, 1299)]).await;
    let refund = till.begin_refund(&order, &[(0, None)]).await.expect("all of it");
    till.stripe.answers(200, object(&refund, "succeeded"));
    let before = till.world.store.meter().read();
    till.hear_decided(&order, refund.id).await.expect("accepted");
    let after = till.world.store.meter().read();
    // Reads: order, refund, and the refund again after asking. Writes: `sending`, then one transaction of order, refund, entry, balance, licence, with
    // the entry's place in the index by months; and the refund leaves the index of those that are not finished.
    assert_eq!(
        (
            after.requests - before.requests,
            after.write_units() - before.write_units()
        ),
        (5, 13)
    );
}

#[tokio::test]
async fn a_refund_takes_the_referrers_share_back_as_well() {
    let till = till().await;
    let draft = FiguresDraft {
        affiliate_bps: BasisPoints::try_from(500).expect("a rate"),
        ..Figures::flat(BasisPoints::try_from(2000).expect("a rate")).into()
    };
    let terms = Terms {
        rule: RuleRef::Version(till.world.seed().id("rule"), 1),
        figures: draft.try_into().expect("figures that make sense"),
    };
    let referrers = Referrers {
        affiliate: Some(till.bert),
        reseller: None,
    };
    let order = till.order_under(&[(till.anna, 1000)], &terms, referrers).await;
    till.hear_session(&order, session("complete", "paid", 1000))
        .await
        .expect("settled");
    let order = till.stored(&order).await;
    till.refund(&order, &[(0, Some(400))]).await;
    assert_eq!((till.owed(till.anna).await, till.owed(till.bert).await), (480, 30));
    till.check_books().await;
    till.refund(&order, &[(0, None)]).await;
    assert_eq!((till.owed(till.anna).await, till.owed(till.bert).await), (0, 0));
    assert_eq!(till.account(Account::PlatformRevenue), 0);
    till.check_books().await;
    till.world.take_messages();
}

impl Till {
    /// Anna's partner refunds, and is still owed what that takes back.
    async fn begin_promised(&self, order: &Order) -> Refund {
        let origin = RefundOrigin::Partner {
            user: self.customer,
            partner: self.anna,
        };
        let stored = shared::store::commerce::order(&self.world.store, order.customer, order.id).await;
        let stored = stored.expect("memory").expect("the order");
        let begun = begin(
            &stored,
            &request(&[(0, None)]),
            origin,
            RefundPolicy { window_days: 3650 },
            self.world.seed(),
            self.world.now(),
        );
        let key = keys::balance(self.anna, Currency::EUR);
        let balance = ledger::balance(&self.world.store, &key)
            .await
            .expect("memory")
            .expect("a balance");
        let funds = [(self.anna, balance.uncommitted().expect("small"))].into();
        let begun = promise::promised(&stored, begun.expect("paid"), &funds).expect("small");
        let begun = begun.expect("owed");
        let mut writes =
            reversals::begin_refund(&begun.order, stored.revision, &begun.refund, None, &[]).expect("items");
        writes.push(ledger::promise(&balance, begun.refund.promised[0].minor));
        self.world.store.transact(writes).await.expect("nobody else writes");
        begun.refund
    }

    async fn promised(&self) -> i64 {
        let key = keys::balance(self.anna, Currency::EUR);
        let balance = ledger::balance(&self.world.store, &key).await;
        balance.expect("memory").expect("a balance").promised.minor()
    }
}

#[tokio::test]
async fn what_a_balance_has_promised_is_taken_with_the_refund_or_free_again() {
    for accepted in [true, false] {
        let till = till().await;
        let order = till.sold(&[(till.anna, 1000)]).await;
        let refund = till.begin_promised(&order).await;
        assert_eq!((till.promised().await, till.owed(till.anna).await), (800, 800));
        if accepted {
            till.stripe.answers(200, object(&refund, "succeeded"));
        } else {
            let error =
                json!({"error": {"type": "invalid_request_error", "code": "charge_disputed", "message": "No."}});
            till.stripe.answers(400, error);
        }
        till.hear_decided(&order, refund.id).await.expect("heard");
        till.hear_decided(&order, refund.id)
            .await
            .expect("the same message again");
        let owed = if accepted { 0 } else { 800 };
        assert_eq!((till.promised().await, till.owed(till.anna).await), (0, owed));
        assert_eq!(till.stored_refund(&refund).await.promised, []);
        till.world.take_messages();
    }
}
