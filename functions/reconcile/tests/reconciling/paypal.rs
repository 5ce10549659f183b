//! PayPal's books and events: the same walks along other lists.

use jiff::SignedDuration;
use paypal_standin::{Config, Server, serve};
use serde_json::{Value, json};
use shared::ids::RefundId;
use shared::ledger::{Account, Fact};
use shared::messages::Message;
use shared::money::{Currency, Money};
use shared::partner::Destination;
use shared::payout::{CancelReason, Payout, PayoutState};
use shared::processor::Processor;
use shared::processor::paypal::reference::PaidFor;
use shared::processor::paypal::requests::{CreateOrder, CreatePayout, OrderLine, Receiver, RefundCapture};
use shared::processor::paypal::{Amount, PayPalClient};
use shared::purchase::Order;
use shared::purchase::refund::{Refund, RefundOrigin, RefundReason, RefundState};
use shared::reconciliation::{DifferenceKind, Reconciliation, Walk};
use shared::runtime::secrets::PayPalSecretSource;
use shared::store::{Write, commerce, keys, reconciliation, reversals};

use crate::desk::{Desk, control, desk};

/// What the stand-in keeps of 12.99, and of a payout.
pub(crate) const FEE_OF_1299: i64 = 67;
const FEE_OF_A_PAYOUT: i64 = 25;

pub(crate) struct AtPayPal {
    pub(crate) desk: Desk,
    server: Server,
    http: reqwest::Client,
}

pub(crate) async fn at_paypal() -> AtPayPal {
    let mut desk = desk().await;
    let mut config = Config::default();
    config.settings.payout_delay_ms = 0;
    // A token outlives the days that tests let pass.
    config.settings.token_lifetime_s = 100 * 24 * 60 * 60;
    let secret = PayPalSecretSource::fixed(&config.client_id, &config.client_secret, &config.webhook_id);
    let server = serve(config).await.expect("a free port");
    desk.context.paypal = PayPalClient::new(server.url().parse().expect("a URL"), secret);
    let http = reqwest::Client::new();
    let paypal = AtPayPal { desk, server, http };
    paypal
        .control("balance", json!({"value": "100.00", "currency": "EUR"}))
        .await;
    paypal
}

fn eur(minor: i64) -> Money {
    Money::new(minor, Currency::EUR)
}

fn amount(minor: i64) -> Amount {
    eur(minor).try_into().expect("PayPal takes it")
}

impl AtPayPal {
    pub(crate) async fn control(&self, path: &str, body: Value) -> Value {
        control(&self.http, &self.server.url(), path, &body).await
    }

    pub(crate) fn client(&self) -> &PayPalClient {
        &self.desk.context.paypal
    }

    /// An order of Anna's pads that has been captured at PayPal; the order, and the capture's id.
    pub(crate) async fn bought(&self) -> (Order, String) {
        let order = self.desk.order(1299).await;
        let request = CreateOrder {
            order: order.id.to_string(),
            lines: vec![OrderLine {
                name: "Pads".into(),
                unit_price: amount(1299),
                quantity: 1,
            }],
            total: amount(1299),
            return_url: "https://souk.example/done".into(),
            cancel_url: "https://souk.example/cart".into(),
        };
        let key = order.id.to_string();
        let made = self.client().create_order(&request, &key).await.expect("an order");
        self.control(&format!("orders/{}/approve", made.id), json!({})).await;
        let captured = self.client().capture_order(&made.id, &key).await.expect("a capture");
        let order = Order {
            processor: Processor::PayPal,
            session: Some(made.id),
            ..order
        };
        let updated = commerce::update_order(&self.desk.world.store, &order, 1).await;
        updated.expect("the order as it was placed");
        (order, captured.capture().expect("captured").id.clone())
    }

    /// What settlement writes of it: the sale, and the fee.
    pub(crate) async fn settled(&self, order: &Order, capture: &str) {
        self.desk.settle_at(order, capture, 2).await;
        let postings = [
            (Account::ProcessorFees, FEE_OF_1299),
            (Account::PayPalClearing, -FEE_OF_1299),
        ];
        self.desk.post(Fact::Fee(capture.to_owned()), capture, &postings).await;
    }

    /// A payout of 7 euros of Anna's to a receiver at PayPal; and its item there.
    async fn paid_out(&self, receiver: &str) -> (Payout, String) {
        let seed = self.desk.world.seed();
        let destination = Destination::PayPal {
            receiver: seed.id("receiver"),
        };
        let payout = Payout::new(
            seed.id("payout"),
            self.desk.anna,
            eur(700),
            destination,
            self.desk.world.now(),
        );
        let paid_for = PaidFor {
            partner: payout.partner,
            payout: payout.id,
        };
        let request = CreatePayout {
            payout: payout.id.to_string(),
            item: paid_for.to_string(),
            receiver: Receiver::Email(receiver.into()),
            amount: amount(700),
            note: "Earnings".into(),
        };
        let batch = self.client().create_payout(&request, "key").await.expect("a batch");
        let batch = batch.batch_header.payout_batch_id;
        self.control(&format!("payouts/{batch}/process"), json!({})).await;
        let found = self.client().payout(&batch).await.expect("a batch");
        let item = found.item().expect("an item").payout_item_id.clone();
        (payout, item)
    }

    async fn is_now(&self, payout: &Payout, state: PayoutState) {
        let payout = Payout {
            state,
            ..payout.clone()
        };
        let write = Write::overwrite(keys::payout(payout.partner, payout.id), &payout).expect("an item");
        self.desk.world.store.write(write).await.expect("memory");
    }

    /// The id of the movement that brought the item to where it is.
    async fn movement_of(&self, item: &str) -> String {
        let item = self.client().payout_item(item).await.expect("an item");
        item.transaction_id.expect("it has moved")
    }

    /// A run so late that everything up to now is in PayPal's books, and next to nothing of what is still to come.
    pub(crate) async fn run(&self) -> Reconciliation {
        let now = self.desk.now().await + SignedDuration::from_mins(4 * 60 + 1);
        self.desk.run_at(now, now + SignedDuration::from_mins(10)).await
    }

    pub(crate) async fn open(&self) -> Vec<DifferenceKind> {
        let open = self.desk.open().await;
        open.iter().map(|difference| difference.kind).collect()
    }
}

/// Five euros back of an order, as the processor knows it by `reference`.
fn refund_of(desk: &Desk, order: &Order, id: RefundId, reference: &str, state: RefundState) -> Refund {
    Refund {
        id,
        order: order.id,
        customer: order.customer,
        amount: eur(500),
        lines: Vec::new(),
        reason: RefundReason::Other,
        origin: RefundOrigin::Customer,
        note: None,
        created_at: desk.world.now(),
        state,
        processor_ref: Some(reference.to_owned()),
        returned: Vec::new(),
        review: None,
        promised: Vec::new(),
    }
}

#[tokio::test]
async fn a_sale_at_paypal_is_matched_with_its_entries_once() {
    let paypal = at_paypal().await;
    let (order, capture) = paypal.bought().await;
    paypal.settled(&order, &capture).await;
    let run = paypal.run().await;
    assert_eq!((run.counts.matched, run.counts.open), (1, 0));
    assert_eq!(paypal.run().await.counts.matched, 0);
}

#[tokio::test]
async fn scenario_7_a_sale_that_nobody_told_of_is_found_and_told() {
    let paypal = at_paypal().await;
    paypal.control("webhooks", json!({"suppressed": ["*"]})).await;
    let (order, capture) = paypal.bought().await;
    paypal.desk.messages();
    paypal.run().await;
    assert_eq!(paypal.open().await, [DifferenceKind::EntryMissing]);
    let told = |message: &Message| matches!(message, Message::PayPalOrderChanged { order: of, .. } if *of == order.id);
    assert!(paypal.desk.messages().iter().any(told));
    paypal.settled(&order, &capture).await;
    let run = paypal.run().await;
    assert_eq!((run.counts.matched, run.counts.closed, run.counts.open), (1, 1, 0));
}

#[tokio::test]
async fn scenario_8_lost_webhooks_of_paypals_are_taken_in_once() {
    let paypal = at_paypal().await;
    let (order, capture) = paypal.bought().await;
    paypal.settled(&order, &capture).await;
    paypal.desk.messages();
    assert_eq!(paypal.run().await.counts.events_taken_in, 2, "approved, captured");
    let said = paypal.desk.messages();
    let settles = said
        .iter()
        .filter(|message| matches!(message, Message::PayPalOrderChanged { order: of, .. } if *of == order.id));
    assert_eq!(settles.count(), 2, "{said:?}");
    assert_eq!(paypal.run().await.counts.events_taken_in, 0);

    // More than a page of them, and one of them older than PayPal lists.
    paypal.control("clock/advance", json!({"days": 29})).await;
    for number in 0..120 {
        let resource = json!({"id": format!("P-{number}")});
        paypal
            .control("events", json!({"type": "BILLING.PLAN.CREATED", "resource": resource}))
            .await;
    }
    let now = paypal.desk.now().await + SignedDuration::from_hours(24 * 29);
    let run = paypal.desk.run_at(now, now + SignedDuration::from_mins(10)).await;
    assert_eq!(run.counts.events_taken_in, 120);
}

#[tokio::test]
async fn a_refund_at_paypal_is_matched_by_the_capture_that_it_is_of() {
    let paypal = at_paypal().await;
    let (order, capture) = paypal.bought().await;
    paypal.settled(&order, &capture).await;
    let id = paypal.desk.world.seed().id("refund");
    let request = RefundCapture {
        refund: format!("{id}"),
        amount: Some(amount(500)),
    };
    let made = paypal
        .client()
        .refund_capture(&capture, &request, "key")
        .await
        .expect("a refund");
    paypal.run().await;
    assert_eq!(paypal.open().await, [DifferenceKind::EntryMissing]);
    let refund = refund_of(
        &paypal.desk,
        &order,
        id,
        &made.id,
        RefundState::Succeeded {
            at: paypal.desk.world.now(),
        },
    );
    let write = Write::create(keys::refund(order.id, id), &refund).expect("an item");
    paypal.desk.world.store.write(write).await.expect("memory");
    let postings = [(Account::PlatformRevenue, 500), (Account::PayPalClearing, -500)];
    paypal
        .desk
        .post_for(Some(paypal.desk.anna), Fact::Refund(id), &made.id, &postings)
        .await;
    let run = paypal.run().await;
    assert_eq!((run.counts.matched, run.counts.closed, run.counts.open), (1, 1, 0));
}

#[tokio::test]
async fn a_payout_and_its_return_are_matched_with_their_entries() {
    let paypal = at_paypal().await;
    let (payout, item) = paypal.paid_out("anna@example.com").await;
    let sent = PayoutState::Sent {
        transfer: item.clone(),
        at: paypal.desk.world.now(),
    };
    paypal.is_now(&payout, sent).await;
    let (transit, movement) = (
        Account::PayoutsInTransit(payout.partner),
        paypal.movement_of(&item).await,
    );
    let postings = [
        (transit, 700),
        (Account::ProcessorFees, FEE_OF_A_PAYOUT),
        (Account::PayPalClearing, -700 - FEE_OF_A_PAYOUT),
    ];
    let partner = Some(payout.partner);
    paypal
        .desk
        .post_for(partner, Fact::Transfer(payout.id), &movement, &postings)
        .await;
    let run = paypal.run().await;
    assert_eq!((run.counts.matched, run.counts.open), (1, 0));

    paypal
        .control(&format!("payouts-items/{item}"), json!({"status": "REFUNDED"}))
        .await;
    paypal.desk.messages();
    paypal.run().await;
    assert_eq!(paypal.open().await, [DifferenceKind::EntryMissing]);
    let told = |message: &Message| matches!(message, Message::PayPalPayoutItemChanged { item: of, .. } if *of == item);
    assert!(paypal.desk.messages().iter().any(told));
    let movement = paypal.movement_of(&item).await;
    let postings = [
        (Account::PayPalClearing, 700),
        (Account::PartnerPayable(payout.partner), -700),
    ];
    paypal
        .desk
        .post_for(partner, Fact::TransferReversed(item), &movement, &postings)
        .await;
    let run = paypal.run().await;
    assert_eq!((run.counts.matched, run.counts.open), (1, 0));
}

#[tokio::test]
async fn scenario_46_an_unclaimed_payout_is_waited_for_and_leaves_the_books_there_and_back() {
    let paypal = at_paypal().await;
    let (payout, item) = paypal.paid_out("unclaimed@example.com").await;
    let accepted = PayoutState::Accepted {
        batch: "FYX".into(),
        at: paypal.desk.world.now(),
    };
    paypal.is_now(&payout, accepted).await;
    for _ in 0..2 {
        let run = paypal.run().await;
        assert_eq!((run.counts.matched, run.counts.open), (0, 0), "nothing is decided yet");
    }
    let walked = reconciliation::cursor(&paypal.desk.world.store, Walk::Movements(Processor::PayPal)).await;
    let walked = walked.expect("memory").expect("a run");
    assert!(walked <= paypal.desk.now().await, "the next run begins where it lies");

    paypal
        .control(&format!("payouts-items/{item}"), json!({"status": "RETURNED"}))
        .await;
    let cancelled = PayoutState::Cancelled {
        reason: CancelReason::NotReceived,
        at: paypal.desk.world.now(),
    };
    paypal.is_now(&payout, cancelled).await;
    let run = paypal.run().await;
    assert_eq!((run.counts.matched, run.counts.posted, run.counts.open), (2, 2, 0));
    let sum = |account| paypal.desk.world.account(account);
    let transit = Account::PayoutsInTransit(payout.partner);
    assert_eq!(
        (sum(Account::PayPalClearing), sum(transit), sum(Account::ProcessorFees)),
        (0, 0, 0)
    );
}

#[tokio::test]
async fn what_moves_at_paypal_by_hand_is_for_a_person() {
    let paypal = at_paypal().await;
    let request = CreatePayout {
        payout: "by hand".into(),
        item: "invoice 7".into(),
        receiver: Receiver::Email("anna@example.com".into()),
        amount: amount(700),
        note: "Thanks".into(),
    };
    let batch = paypal.client().create_payout(&request, "key").await.expect("a batch");
    let batch = batch.batch_header.payout_batch_id;
    paypal.control(&format!("payouts/{batch}/process"), json!({})).await;
    paypal.run().await;
    assert_eq!(paypal.open().await, [DifferenceKind::NotOurs]);
    let again = paypal.run().await;
    assert_eq!(
        (again.counts.opened, again.counts.open),
        (0, 1),
        "it stands, and is told once"
    );
}

#[tokio::test]
async fn a_pending_refund_is_asked_about_at_every_run() {
    let desk = desk().await;
    let order = desk.order(1299).await;
    let id = desk.world.seed().id("refund");
    let long_ago = desk.now().await - SignedDuration::from_hours(1);
    let refund = |state: RefundState| refund_of(&desk, &order, id, "1JU", state);
    let pending = refund(RefundState::Pending { at: long_ago });
    let write = Write::create(keys::refund(order.id, id), &pending).expect("an item");
    let write = write.indexed(keys::refund_pending(order.id, id));
    desk.world.store.write(write).await.expect("memory");
    desk.messages();
    let asks = |messages: Vec<Message>| {
        let about = |message: &Message| matches!(message, Message::RefundDecided { refund, .. } if *refund == id);
        messages.into_iter().filter(about).count()
    };
    for _ in 0..2 {
        desk.run().await;
        assert_eq!(asks(desk.messages()), 1);
    }
    let stored = reversals::refund(&desk.world.store, order.id, id)
        .await
        .expect("memory");
    let stored = stored.expect("a refund");
    assert_eq!(stored.value, pending, "nothing is changed by asking");
    let ended = refund(RefundState::Succeeded { at: desk.world.now() });
    let write = reversals::update_refund(&ended, stored.revision, &[]).expect("an item");
    desk.world.store.write(write).await.expect("memory");
    desk.run().await;
    assert_eq!(asks(desk.messages()), 0);
}
