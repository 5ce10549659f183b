//! Every kind of movement, explained or not.

use serde_json::json;
use shared::ids::{PayoutId, RefundId};
use shared::ledger::{Account, Fact, JournalEntry};
use shared::messages::{Message, PaymentSubject, ReversalSubject};
use shared::money::{Currency, Money};
use shared::processor::Processor;
use shared::processor::stripe::requests::{CreateRefund, Metadata};
use shared::purchase::refund::{RefundOrigin, RefundPolicy, RefundReason, RefundRequest, begin};
use shared::reconciliation::{Difference, DifferenceKind, Match, Subject};
use shared::store::{commerce, reconciliation, reversals};

use crate::desk::{Desk, FEE_OF_1299, deaf_desk};

fn eur(minor: i64) -> Money {
    Money::new(minor, Currency::EUR)
}

#[tokio::test]
async fn what_is_in_both_books_is_matched_once() {
    let desk = deaf_desk().await;
    let order = desk.order(1299).await;
    let charge = desk.pay(&order).await;
    desk.settle(&order, &charge).await;
    desk.post_fee(&charge, FEE_OF_1299).await;
    let run = desk.run().await;
    assert_eq!((run.counts.matched, run.counts.opened, run.counts.open), (1, 0, 0));
    assert!(run.is_complete && run.ended_at.is_some());
    let again = desk.run().await;
    assert_eq!(
        (again.counts.matched, again.counts.open),
        (0, 0),
        "the overlap finds it matched"
    );
    assert_eq!(desk.open().await, []);
}

#[tokio::test]
async fn scenario_7_a_sale_whose_event_never_came_is_announced_and_closed_once_it_is_settled() {
    let desk = deaf_desk().await;
    let order = desk.order(1299).await;
    let charge = desk.pay(&order).await;
    let run = desk.run().await;
    assert_eq!((run.counts.opened, run.counts.open, run.counts.matched), (1, 1, 0));
    let open = desk.open().await;
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].kind, DifferenceKind::EntryMissing);
    assert_eq!((open[0].expected, open[0].found), (Some(eur(1299 - FEE_OF_1299)), None));
    assert_eq!(desk.told_by(&run).await, open);

    let session = order.session.clone().expect("a session");
    let said = desk.messages();
    let says = |wanted: PaymentSubject, object: &str| {
        said.iter().any(|message| {
            matches!(message, Message::PaymentChanged { subject, object_id, customer, order: of, .. }
                if *subject == wanted && object_id == object && *customer == order.customer && *of == order.id)
        })
    };
    assert!(says(PaymentSubject::CheckoutSession, &session), "{said:?}");
    assert!(says(PaymentSubject::Charge, &charge), "{said:?}");

    let still = desk.run().await;
    assert_eq!(
        (still.counts.opened, still.counts.open),
        (0, 1),
        "it is told once and counted as long as it stands"
    );
    assert!(
        desk.messages().is_empty(),
        "what cannot be settled lies in the dead letters; saying it again would not help"
    );

    desk.settle(&order, &charge).await;
    desk.post_fee(&charge, FEE_OF_1299).await;
    let healed = desk.run().await;
    assert_eq!(
        (healed.counts.closed, healed.counts.open, healed.counts.matched),
        (1, 0, 1)
    );
    assert_eq!(desk.open().await, []);
    let told = desk.told_by(&run).await;
    assert_eq!(
        told[0].closed.as_ref().and_then(|closed| closed.by),
        Some(healed.id),
        "closed, and not forgotten"
    );
    assert_eq!(desk.told_by(&healed).await, told);
}

#[tokio::test]
async fn scenario_6_a_fee_that_is_not_known_yet_is_no_difference_and_a_missing_one_is_asked_for() {
    let desk = deaf_desk().await;
    let order = desk.order(1299).await;
    let charge = desk.pay_with(&order, "success").await;
    desk.settle(&order, &charge).await;
    let run = desk.run().await;
    assert_eq!(
        (run.counts.matched, run.counts.opened),
        (0, 0),
        "the processor has not booked the charge yet"
    );

    desk.control(&format!("charges/{charge}/fee"), json!({})).await;
    desk.run().await;
    let open = desk.open().await;
    assert_eq!(open.len(), 1);
    assert_eq!(
        (open[0].expected, open[0].found),
        (Some(eur(1299 - FEE_OF_1299)), Some(eur(1299)))
    );
    let said = desk.messages();
    let asks_for_fee = said.iter().filter(|message| {
        matches!(message, Message::PaymentChanged { subject: PaymentSubject::Charge, object_id, .. } if *object_id == charge)
    });
    assert_eq!(asks_for_fee.count(), 1, "{said:?}");

    desk.post_fee(&charge, FEE_OF_1299).await;
    let healed = desk.run().await;
    assert_eq!((healed.counts.closed, healed.counts.open), (1, 0));
}

/// Two runs at once look at a charge. The first reads no difference, the second opens one, the sale is settled, and the first matches the charge.
#[tokio::test]
async fn a_difference_that_was_opened_while_another_run_matched_its_movement_is_closed_by_the_next() {
    let desk = deaf_desk().await;
    let order = desk.order(1299).await;
    let charge = desk.pay(&order).await;
    desk.post_fee(&charge, FEE_OF_1299).await;
    let second = desk.run().await;
    let open = desk.open().await;
    assert_eq!(
        (open[0].kind, open[0].found),
        (DifferenceKind::OtherAmount, Some(eur(-FEE_OF_1299)))
    );
    desk.settle(&order, &charge).await;
    let first = Match {
        processor: Processor::Stripe,
        transaction: movement_of(&open[0]),
        net: eur(1299 - FEE_OF_1299),
        entries: desk.world.journal().iter().map(JournalEntry::id).collect(),
        by: desk.world.seed().id("first"),
        at: desk.world.now(),
    };
    let write = reconciliation::create_match(&first).expect("an item");
    desk.world.store.write(write).await.expect("not matched yet");

    let next = desk.run().await;
    assert_eq!((next.counts.closed, next.counts.matched, next.counts.open), (1, 0, 0));
    assert_eq!(desk.open().await, []);
    let told = desk.told_by(&second).await;
    assert_eq!(told[0].closed.as_ref().and_then(|closed| closed.by), Some(next.id));
    let after = desk.run().await;
    assert_eq!((after.counts.closed, after.counts.open), (0, 0), "it is closed once");
}

#[tokio::test]
async fn another_amount_is_told_and_nothing_is_changed() {
    let desk = deaf_desk().await;
    let order = desk.order(1299).await;
    let charge = desk.pay(&order).await;
    desk.settle(&order, &charge).await;
    desk.post_fee(&charge, FEE_OF_1299 + 1).await;
    let before = desk.world.journal();
    desk.run().await;
    let open = desk.open().await;
    assert_eq!(open[0].kind, DifferenceKind::OtherAmount);
    assert_eq!((open[0].expected, open[0].found), (Some(eur(1255)), Some(eur(1254))));
    assert!(desk.messages().is_empty(), "every entry is there: no news would help");
    assert_eq!(desk.world.journal(), before);
}

#[tokio::test]
async fn a_charge_by_hand_is_nobodys_sale() {
    let desk = deaf_desk().await;
    let form = "amount=500&currency=eur&confirm=true&payment_method=pm_card_bypassPending";
    desk.by_hand("payment_intents", form).await;
    desk.run().await;
    let open = desk.open().await;
    assert_eq!((open.len(), open[0].kind), (1, DifferenceKind::NotOurs));
    assert!(desk.messages().is_empty());
}

#[tokio::test]
async fn a_refund_is_matched_with_its_entries_and_its_failure_with_theirs() {
    let desk = deaf_desk().await;
    let order = desk.order(1299).await;
    let charge = desk.pay(&order).await;
    desk.settle(&order, &charge).await;
    desk.post_fee(&charge, FEE_OF_1299).await;
    let (refund, object) = desk.refund(&order, &charge, 299).await;

    desk.run().await;
    let said = desk.messages();
    assert!(
        matches!(&said[..], [Message::ReversalChanged { subject: ReversalSubject::Refund, object_id, charge: of, .. }]
            if *object_id == object && *of == charge),
        "{said:?}"
    );
    assert_eq!(desk.open().await[0].kind, DifferenceKind::EntryMissing);

    let back = [
        (Account::PartnerPayable(desk.anna), 239),
        (Account::PlatformRevenue, 60),
        (Account::ProcessorClearing, -299),
    ];
    desk.post_for(Some(desk.anna), Fact::Refund(refund), &object, &back)
        .await;
    assert_eq!(desk.run().await.counts.open, 0);

    desk.control(&format!("refunds/{object}/fail"), json!({})).await;
    desk.run().await;
    assert_eq!(desk.open().await.len(), 1, "the failure is a movement of its own");
    let forth = back.map(|(account, minor)| (account, -minor));
    desk.post_for(Some(desk.anna), Fact::RefundFailed(refund), &object, &forth)
        .await;
    assert_eq!(desk.run().await.counts.open, 0);
    desk.messages();
}

/// More than a page of them on one charge: each is found by its own name.
#[tokio::test]
async fn a_hundred_and_twenty_refunds_of_one_charge_are_all_matched() {
    let desk = deaf_desk().await;
    let order = desk.order(1299).await;
    let charge = desk.pay(&order).await;
    desk.settle(&order, &charge).await;
    desk.post_fee(&charge, FEE_OF_1299).await;
    let back = [
        (Account::PartnerPayable(desk.anna), 8),
        (Account::PlatformRevenue, 2),
        (Account::ProcessorClearing, -10),
    ];
    for number in 0..120 {
        let (refund, object) = desk.refund(&order, &charge, 10).await;
        // The last one's news has not come yet.
        if number < 119 {
            desk.post_for(Some(desk.anna), Fact::Refund(refund), &object, &back)
                .await;
        }
    }
    let counts = desk.run().await.counts;
    assert_eq!(
        (counts.matched, counts.open),
        (120, 1),
        "the payment and its refunds but one"
    );
    let said = desk.messages();
    assert_eq!(said.len(), 1, "{said:?}");
    let Message::ReversalChanged { object_id, .. } = &said[0] else {
        panic!("{said:?}")
    };
    let refunds = reversals::all_refunds(&desk.world.store, order.id)
        .await
        .expect("memory");
    let last = refunds
        .iter()
        .find(|refund| refund.processor_ref.as_ref() == Some(object_id));
    let last = last.expect("one of ours").id;
    desk.post_for(Some(desk.anna), Fact::Refund(last), object_id, &back)
        .await;
    let counts = desk.run().await.counts;
    assert_eq!((counts.matched, counts.open), (1, 0));
}

#[tokio::test]
async fn a_refund_made_by_hand_finds_its_order_through_its_charge() {
    let desk = deaf_desk().await;
    let order = desk.order(1299).await;
    let charge = desk.pay(&order).await;
    desk.settle(&order, &charge).await;
    desk.post_fee(&charge, FEE_OF_1299).await;
    desk.by_hand("refunds", &format!("charge={charge}&amount=100")).await;
    desk.run().await;
    assert_eq!(desk.open().await[0].kind, DifferenceKind::EntryMissing);
    let said = desk.messages();
    assert!(
        matches!(&said[..], [Message::ReversalChanged { charge: of, .. }] if *of == charge),
        "{said:?}"
    );
}

#[tokio::test]
async fn a_disputes_movements_are_matched_by_their_own_ids() {
    let desk = deaf_desk().await;
    let order = desk.order(1299).await;
    let charge = desk.pay(&order).await;
    desk.settle(&order, &charge).await;
    desk.post_fee(&charge, FEE_OF_1299).await;
    let dispute = desk.control(&format!("charges/{charge}/dispute"), json!({})).await;
    desk.run().await;
    let said = desk.messages();
    assert!(
        matches!(&said[..], [Message::ReversalChanged { subject: ReversalSubject::Dispute, object_id, .. }] if *object_id == dispute["id"]),
        "{said:?}"
    );
    let taken = dispute["balance_transactions"][0]["id"]
        .as_str()
        .expect("a movement")
        .to_owned();
    let postings = [
        (Account::DisputesPending, 1299),
        (Account::ProcessorFees, 2000),
        (Account::ProcessorClearing, -3299),
    ];
    desk.post(Fact::DisputeFunds(taken.clone()), &taken, &postings).await;
    assert_eq!(desk.run().await.counts.open, 0);
}

#[tokio::test]
async fn a_transfer_that_was_not_recorded_is_taken_up_again() {
    let desk = deaf_desk().await;
    let payout: PayoutId = desk.world.seed().id("payout");
    let transfer = desk.transfer(&payout.to_string(), 2000).await;
    desk.run().await;
    assert_eq!(
        desk.messages(),
        [Message::PayoutDecided {
            partner: desk.anna,
            payout
        }]
    );
    assert_eq!(desk.open().await[0].kind, DifferenceKind::EntryMissing);
    let postings = [
        (Account::PayoutsInTransit(desk.anna), 2000),
        (Account::ProcessorClearing, -2000),
    ];
    desk.post_for(Some(desk.anna), Fact::Transfer(payout), &transfer, &postings)
        .await;
    assert_eq!(desk.run().await.counts.open, 0);
}

#[tokio::test]
async fn scenario_38_a_reversed_transfer_is_matched_by_the_reversal() {
    let desk = deaf_desk().await;
    let payout: PayoutId = desk.world.seed().id("payout");
    let transfer = desk.transfer(&payout.to_string(), 2000).await;
    let sent = [
        (Account::PayoutsInTransit(desk.anna), 2000),
        (Account::ProcessorClearing, -2000),
    ];
    desk.post_for(Some(desk.anna), Fact::Transfer(payout), &transfer, &sent)
        .await;
    let reversal = desk
        .control(&format!("transfers/{transfer}/reverse"), json!({"amount": 500}))
        .await;
    desk.run().await;
    let open = desk.open().await;
    assert_eq!((open.len(), open[0].expected), (1, Some(eur(500))));
    let reversal = reversal["id"].as_str().expect("a reversal").to_owned();
    assert_eq!(
        desk.messages(),
        [Message::TransferReversed {
            event_id: movement_of(&open[0]),
            transfer,
            partner: desk.anna,
            payout,
        }]
    );
    let back = [
        (Account::ProcessorClearing, 500),
        (Account::PartnerPayable(desk.anna), -500),
    ];
    desk.post_for(
        Some(desk.anna),
        Fact::TransferReversed(reversal.clone()),
        &reversal,
        &back,
    )
    .await;
    assert_eq!(desk.run().await.counts.open, 0);
}

#[tokio::test]
async fn two_transfers_of_one_payout_are_not_one() {
    let desk = deaf_desk().await;
    let payout: PayoutId = desk.world.seed().id("payout");
    let first = desk.transfer(&payout.to_string(), 2000).await;
    let form = format!(
        "amount=2000&currency=eur&destination={}&metadata[partner_id]={}&metadata[payout_id]={payout}",
        desk.account, desk.anna
    );
    desk.control("balance", json!({"amount": 2000, "currency": "eur"}))
        .await;
    desk.by_hand("transfers", &form).await;
    let sent = [
        (Account::PayoutsInTransit(desk.anna), 2000),
        (Account::ProcessorClearing, -2000),
    ];
    desk.post_for(Some(desk.anna), Fact::Transfer(payout), &first, &sent)
        .await;
    desk.run().await;
    let open = desk.open().await;
    assert_eq!(open.len(), 1);
    assert!(
        matches!(&open[0].subject, Subject::Movement { source: Some(source), .. } if *source != first),
        "the money that left twice stands out: {open:?}"
    );
    desk.messages();
}

#[tokio::test]
async fn the_platforms_own_payouts_are_posted_once() {
    let desk = deaf_desk().await;
    desk.control("balance", json!({"amount": 5000, "currency": "eur"}))
        .await;
    let payout = desk.by_hand("payouts", "amount=3000&currency=eur").await;
    let run = desk.run().await;
    assert_eq!((run.counts.posted, run.counts.matched, run.counts.open), (2, 2, 0));
    let posted = desk.own_entries();
    assert!(
        posted.contains(&vec![
            (Account::ProcessorClearing, 5000),
            (Account::PlatformBank, -5000)
        ]),
        "{posted:?}"
    );
    assert!(
        posted.contains(&vec![
            (Account::ProcessorClearing, -3000),
            (Account::PlatformBank, 3000)
        ]),
        "{posted:?}"
    );
    let id = payout["id"].as_str().expect("a payout").to_owned();
    desk.control(&format!("payouts/{id}/fail"), json!({})).await;
    let run = desk.run().await;
    assert_eq!(
        (run.counts.posted, run.counts.open),
        (1, 0),
        "the bank has sent it back"
    );
    assert_eq!(desk.own_entries().len(), 3);
}

#[tokio::test]
async fn scenario_26_an_account_that_was_zeroed_is_booked_as_a_loss() {
    let desk = deaf_desk().await;
    let account = desk.account.clone();
    desk.control(
        "balance",
        json!({"amount": -700, "currency": "eur", "account": account}),
    )
    .await;
    desk.control(&format!("accounts/{account}/zero"), json!({})).await;
    let run = desk.run().await;
    assert_eq!((run.counts.posted, run.counts.open), (1, 0));
    assert_eq!(
        desk.own_entries(),
        [vec![(Account::ProcessorClearing, -700), (Account::PlatformLosses, 700)]]
    );
}

#[tokio::test]
async fn an_adjustment_without_a_reason_is_left_to_a_person() {
    let desk = deaf_desk().await;
    desk.control("balance", json!({"amount": -100, "currency": "eur"}))
        .await;
    desk.run().await;
    let open = desk.open().await;
    assert_eq!(
        (open.len(), open[0].kind, open[0].expected),
        (1, DifferenceKind::NotUnderstood, Some(eur(-100)))
    );
    assert!(desk.own_entries().is_empty(), "nothing is guessed");
}

fn movement_of(difference: &Difference) -> String {
    match &difference.subject {
        Subject::Movement { id, .. } => id.clone(),
        Subject::Events { .. } | Subject::Message { .. } => panic!("{difference:?} is about no movement"),
    }
}

impl Desk {
    /// A refund that was decided here and accepted there; nothing of it is posted. Our id and the processor's.
    async fn refund(&self, order: &shared::purchase::Order, charge: &str, minor: i64) -> (RefundId, String) {
        let stored = commerce::order(&self.world.store, order.customer, order.id)
            .await
            .expect("memory");
        let stored = stored.expect("the order");
        let request = RefundRequest {
            lines: Some(vec![(0, Some(eur(minor)))]),
            reason: RefundReason::Other,
            note: None,
        };
        let origin = RefundOrigin::Operator { user: self.customer };
        let policy = RefundPolicy { window_days: 14 };
        let mut begun =
            begin(&stored, &request, origin, policy, self.world.seed(), self.world.now()).expect("within the price");
        let asked = CreateRefund {
            charge: charge.to_owned(),
            amount: eur(minor),
            reason: None,
            metadata: Metadata::from([
                ("refund_id".into(), begun.refund.id.to_string()),
                ("order_id".into(), order.id.to_string()),
                ("customer_id".into(), order.customer.to_string()),
            ]),
        };
        let object = self
            .context
            .stripe
            .create_refund(&asked, &begun.refund.id.to_string())
            .await
            .expect("accepted");
        begun.refund.processor_ref = Some(object.id.clone());
        let writes = reversals::begin_refund(&begun.order, stored.revision, &begun.refund, None, &[]).expect("items");
        self.world.store.transact(writes).await.expect("a new refund");
        (begun.refund.id, object.id)
    }
}
