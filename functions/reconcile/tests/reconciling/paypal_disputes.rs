//! What PayPal holds and takes for disputes, held against what settlement has posted of them.

use jiff::SignedDuration;
use serde_json::json;
use shared::ledger::{Account, Fact};
use shared::messages::Message;
use shared::money::{Currency, Money};
use shared::processor::paypal::objects::{MoneyDirection, MoneyMovement};
use shared::purchase::Order;
use shared::purchase::dispute::{DisputeReport, DisputeStatus, Movement, advance};
use shared::reconciliation::{DifferenceKind, Reconciliation};
use shared::store::{commerce, reversals};

use crate::paypal::{AtPayPal, FEE_OF_1299, at_paypal};

/// What has come in of 12.99.
const NET: i64 = 1299 - FEE_OF_1299;
const CHARGEBACK_FEE: i64 = 1400;

impl AtPayPal {
    async fn sold(&self) -> (Order, String) {
        let (order, capture) = self.bought().await;
        self.settled(&order, &capture).await;
        (order, capture)
    }

    async fn dispute(&self, capture: &str, channel: &str) -> String {
        let opened = self
            .control(&format!("captures/{capture}/dispute"), json!({"channel": channel}))
            .await;
        opened["dispute_id"].as_str().expect("an id").to_owned()
    }

    async fn close(&self, dispute: &str, outcome: &str) {
        self.control(&format!("disputes/{dispute}/close"), json!({"outcome": outcome}))
            .await;
    }

    /// What settlement posts of the dispute, as PayPal tells it now.
    async fn heard(&self, order: &Order, dispute: &str, status: DisputeStatus) {
        let store = &self.desk.world.store;
        let told = self.client().dispute(dispute).await.expect("a dispute");
        let charge = told.capture().expect("a capture").to_owned();
        let sellers = |moved: &&MoneyMovement| moved.affected_party.as_deref() == Some("SELLER");
        let movement = |(number, moved): (usize, &MoneyMovement)| {
            let sum = moved.amount.expect("an amount").money().minor();
            let gained = eur(if moved.direction == Some(MoneyDirection::Debit) {
                -sum
            } else {
                sum
            });
            let is_fee = moved.reason.as_deref() != Some("DISPUTE_SETTLEMENT");
            Movement {
                id: format!("{dispute}.{number}"),
                reference: Some(charge.clone()),
                amount: if is_fee { eur(0) } else { gained },
                fee: if is_fee { eur(-gained.minor()) } else { eur(0) },
                at: moved.initiated_time.expect("a time"),
            }
        };
        let movements = told.money_movements.iter().filter(sellers).enumerate().map(movement);
        let report = DisputeReport {
            id: told.dispute_id.clone(),
            charge: charge.clone(),
            amount: eur(1299),
            reason: "unauthorised".to_owned(),
            status,
            opened_at: told.create_time,
            evidence_due: None,
            movements: movements.collect(),
        };
        let order = commerce::order_by_id(store, order.id).await.expect("memory");
        let order = order.expect("an order");
        let known = reversals::dispute(store, order.id, dispute).await.expect("memory");
        let (seed, now) = (self.desk.world.seed(), self.desk.world.now());
        let advanced = advance(&order, known.as_deref(), &report, seed, now).expect("sums fit");
        let revision = known.map(|known| known.revision);
        let writes = reversals::advance_dispute(&advanced.expect("news"), order.revision, revision, None, now);
        store.transact(writes.expect("items")).await.expect("as read");
    }

    async fn run_in(&self, days: i64) -> Reconciliation {
        let now = self.desk.now().await + SignedDuration::from_mins((days * 24 + 4) * 60 + 1);
        self.desk.run_at(now, now + SignedDuration::from_mins(10)).await
    }

    fn sums(&self) -> (i64, i64, i64) {
        let sum = |account| self.desk.world.account(account);
        (
            sum(Account::PayPalClearing),
            sum(Account::FundsOnHold),
            sum(Account::ProcessorFees),
        )
    }
}

fn eur(minor: i64) -> Money {
    Money::new(minor, Currency::EUR)
}

#[tokio::test]
async fn what_is_held_for_a_dispute_leaves_what_is_available_and_comes_back_whenever_it_does() {
    let paypal = at_paypal().await;
    let (order, capture) = paypal.sold().await;
    let dispute = paypal.dispute(&capture, "INTERNAL").await;
    let run = paypal.run().await;
    assert_eq!((run.counts.matched, run.counts.posted, run.counts.open), (2, 1, 0));
    assert_eq!(paypal.sums(), (0, NET, FEE_OF_1299));
    paypal.heard(&order, &dispute, DisputeStatus::Open).await;

    // The release bears the date of the hold, which is long ago.
    paypal.control("clock/advance", json!({"days": 25})).await;
    paypal.close(&dispute, "won").await;
    let run = paypal.run_in(25).await;
    assert_eq!((run.counts.matched, run.counts.posted, run.counts.open), (1, 1, 0));
    assert_eq!(paypal.sums(), (NET, 0, FEE_OF_1299));
    assert_eq!(paypal.run_in(25).await.counts.matched, 0);
}

#[tokio::test]
async fn a_lost_dispute_is_matched_once_it_is_posted() {
    let paypal = at_paypal().await;
    let (order, capture) = paypal.sold().await;
    let dispute = paypal.dispute(&capture, "INTERNAL").await;
    paypal.close(&dispute, "lost").await;
    paypal.desk.messages();
    let run = paypal.run().await;
    // The sale, the hold and its release are; what was taken is not.
    assert_eq!((run.counts.matched, run.counts.posted), (3, 2));
    assert_eq!(paypal.open().await, [DifferenceKind::EntryMissing]);
    let told =
        |message: &Message| matches!(message, Message::PayPalCaptureReversed { capture: of, .. } if *of == capture);
    assert!(paypal.desk.messages().iter().any(told));
    paypal.heard(&order, &dispute, DisputeStatus::Lost).await;
    let run = paypal.run().await;
    assert_eq!((run.counts.matched, run.counts.closed, run.counts.open), (1, 1, 0));
    assert_eq!(paypal.sums(), (-FEE_OF_1299, 0, FEE_OF_1299));
}

#[tokio::test]
async fn a_chargebacks_fee_is_posted_once_with_the_dispute() {
    let paypal = at_paypal().await;
    let (order, capture) = paypal.sold().await;
    let dispute = paypal.dispute(&capture, "EXTERNAL").await;
    paypal.close(&dispute, "lost").await;
    paypal.run().await;
    let missing = DifferenceKind::EntryMissing;
    assert_eq!(paypal.open().await, [missing, missing], "the chargeback and its fee");
    paypal.heard(&order, &dispute, DisputeStatus::Lost).await;
    let run = paypal.run().await;
    assert_eq!((run.counts.matched, run.counts.posted, run.counts.open), (2, 0, 0));
    let fees = FEE_OF_1299 + CHARGEBACK_FEE;
    assert_eq!(paypal.sums(), (-fees, 0, fees));

    // Won on appeal: the fee is not given back.
    paypal.control(&format!("disputes/{dispute}/overturn"), json!({})).await;
    paypal.desk.messages();
    paypal.run().await;
    assert_eq!(paypal.open().await, [missing]);
    let told =
        |message: &Message| matches!(message, Message::PayPalDisputeChanged { dispute: of, .. } if *of == dispute);
    assert!(
        paypal.desk.messages().iter().any(told),
        "what comes back is asked of the dispute"
    );
    paypal.heard(&order, &dispute, DisputeStatus::Won).await;
    let run = paypal.run().await;
    assert_eq!((run.counts.matched, run.counts.open), (1, 0));
    assert_eq!(paypal.sums(), (1299 - fees, 0, fees));
}

#[tokio::test]
async fn a_fee_of_which_no_dispute_tells_is_the_platforms_own() {
    let paypal = at_paypal().await;
    let (order, capture) = paypal.sold().await;
    let dispute = paypal.dispute(&capture, "EXTERNAL").await;
    paypal.close(&dispute, "lost").await;
    // As if the dispute had told of the chargeback alone.
    let movement = Movement {
        id: format!("{dispute}.taken"),
        reference: Some(capture.clone()),
        amount: eur(-1299),
        fee: eur(0),
        at: paypal.desk.world.now(),
    };
    let postings = [(Account::DisputesPending, 1299), (Account::PayPalClearing, -1299)];
    paypal
        .desk
        .post(Fact::DisputeFunds(movement.id.clone()), &capture, &postings)
        .await;
    let store = &paypal.desk.world.store;
    let order = commerce::order_by_id(store, order.id).await.expect("memory");
    let order = order.expect("an order");
    let known = shared::purchase::dispute::Dispute {
        id: dispute,
        order: order.id,
        customer: order.customer,
        charge: capture,
        amount: eur(1299),
        reason: "unauthorised".to_owned(),
        status: DisputeStatus::Lost,
        opened_at: movement.at,
        evidence_due: None,
        movements: vec![movement.id],
        withdrawn_minor: 1299,
        held: Default::default(),
        returned: Vec::new(),
        restatements: 0,
        origin: Default::default(),
    };
    let write = shared::store::Write::create(shared::store::keys::dispute(order.id, &known.id), &known);
    store.write(write.expect("an item")).await.expect("memory");
    paypal.run().await;
    assert_eq!(
        paypal.open().await,
        [DifferenceKind::EntryMissing],
        "it may be told yet"
    );
    let run = paypal.run_in(4).await;
    assert_eq!((run.counts.posted, run.counts.closed, run.counts.open), (1, 1, 0));
    assert_eq!(paypal.sums().2, FEE_OF_1299 + CHARGEBACK_FEE);
}

#[tokio::test]
async fn a_reversal_without_a_dispute_is_matched_by_its_own_id() {
    let paypal = at_paypal().await;
    let (_, capture) = paypal.sold().await;
    let reversed = paypal.control(&format!("captures/{capture}/reverse"), json!({})).await;
    let id = reversed["id"].as_str().expect("an id").to_owned();
    paypal.desk.messages();
    paypal.run().await;
    assert_eq!(paypal.open().await, [DifferenceKind::EntryMissing]);
    let told =
        |message: &Message| matches!(message, Message::PayPalCaptureReversed { reversal, .. } if *reversal == id);
    assert!(paypal.desk.messages().iter().any(told));
}
