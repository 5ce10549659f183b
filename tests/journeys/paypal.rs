//! Buying, and being paid, with PayPal.
//!
//! 1. Chiara orders a package to be paid with PayPal and approves it there. Souk takes the money, Paula is owed her share, Chiara has a
//!    licence. Then an operator gives everything back, through PayPal.
//! 2. Paula names a receiver at PayPal. What the next sale has earned her is paid there: accepted first, sent once PayPal says so.
//! 3. The one after goes to a receiver whom nobody knows. It stays accepted; when nobody has claimed it, it is owed again, once, and goes
//!    to the right one with the next payout.
//! 4. Chiara's bank disputes a payment. What Paula has earned by it is held, and her payout with it. Lost, it is taken and the licence revoked; won on
//!    appeal, everything is there again and is paid out. Won at once, nothing was ever gone.
//! 5. What PayPal takes back without a dispute is lost at once, and what is refunded in its dashboard is found in the books like any refund.

use serde_json::{Value, json};
use support::scenes::{Listing, eur, of_fact};
use support::{Order, Partner, Person, Stack, eventually, unique};

#[tokio::test]
async fn a_package_is_bought_with_paypal_and_given_back() {
    let stack = Stack::load();
    let paula = Partner::new(&stack).await;
    let kit = paula.published(&stack, 1299).await;
    let chiara = stack.somebody("Chiara Customer").await;
    let (order, paid) = buy(&stack, &chiara, &kit).await;
    assert_eq!((&paid["processor"], &paid["total"]), (&json!("paypal"), &eur(1299)));
    assert_eq!(paula.owed_minor().await, 1039);
    let licence = format!("/licences/{}", paid["lines"][0]["licence_id"].as_str().unwrap());
    assert_eq!(chiara.api.get(&licence).await.is(200)["status"], "active");

    let refund = format!("/orders/{}/refunds", order.id);
    let reason = json!({"reason": "requested_by_customer"});
    stack.operator().post(&refund, reason).await.is(201);
    eventually("the share clawed back", async || match paula.owed_minor().await {
        0 => Ok(()),
        owed => Err(owed.to_string()),
    })
    .await;
    assert_eq!(chiara.api.get(&licence).await.is(200)["status"], "revoked");
    let journal = paula.journal().await;
    assert_eq!(
        (of_fact(&journal, "sale").len(), of_fact(&journal, "refund").len()),
        (1, 1)
    );
    paula.assert_books_balance().await;
}

#[tokio::test]
async fn a_partner_is_paid_by_paypal_and_what_nobody_claims_is_due_again() {
    let stack = Stack::load();
    let paula = Partner::new(&stack).await;
    let kit = paula.published(&stack, 1299).await;
    let chiara = stack.somebody("Chiara Customer").await;
    let _alone = stack.alone_with("payouts").await;
    stack.paypal().fund().await;

    receive(&paula, &format!("paula-{}@example.com", unique())).await;
    buy(&stack, &chiara, &kit).await;
    let first = ask(&paula, "first").await;
    let sent = paula.payout_becomes(&first, "sent").await;
    assert_eq!((&sent["processor"], &sent["amount"]), (&json!("paypal"), &eur(1039)));
    assert_eq!(paula.owed_minor().await, 0);
    let journal = paula.journal().await;
    let transfer = of_fact(&journal, "transfer")[0]["postings"].to_string();
    assert!(
        transfer.contains("paypal_clearing") && !transfer.contains("processor_clearing"),
        "{transfer}"
    );

    receive(&paula, &format!("unclaimed-{}@example.com", unique())).await;
    buy(&stack, &chiara, &kit).await;
    let second = ask(&paula, "second").await;
    let item = stack.paypal().unclaimed(second["id"].as_str().unwrap()).await;
    paula.payout_becomes(&second, "accepted").await;
    assert_eq!(paula.owed_minor().await, 0, "it may still be claimed");
    stack.paypal().settle(&item, "RETURNED").await;
    let cancelled = paula.payout_becomes(&second, "cancelled").await;
    assert_eq!(cancelled["reason_code"], "not_received");
    assert_eq!(paula.owed_minor().await, 1039);

    receive(&paula, &format!("paula-{}@example.com", unique())).await;
    let third = ask(&paula, "third").await;
    assert_eq!(third["amount"], eur(1039));
    paula.payout_becomes(&third, "sent").await;
    assert_eq!(paula.owed_minor().await, 0);
    paula.assert_books_balance().await;
    stack.aws().assert_no_dead_letter(&paula.id).await;
}

struct Sold {
    stack: Stack,
    paula: Partner,
    chiara: Person,
    order: Order,
    licence: String,
    capture: String,
}

async fn sold() -> Sold {
    let stack = Stack::load();
    let paula = Partner::new(&stack).await;
    let kit = paula.published(&stack, 1299).await;
    let chiara = stack.somebody("Chiara Customer").await;
    let (order, paid) = buy(&stack, &chiara, &kit).await;
    let licence = paid["lines"][0]["licence_id"].as_str().unwrap().to_owned();
    let capture = stack.paypal().capture_of(&order.id).await;
    assert_eq!(paula.owed_minor().await, 1039);
    Sold {
        stack,
        paula,
        chiara,
        order,
        licence,
        capture,
    }
}

impl Sold {
    async fn dispute_is(&self, status: &str) -> Value {
        let path = format!("/orders/{}/disputes", self.order.id);
        eventually(&format!("a dispute that is {status}"), async || {
            let found = self.stack.operator().all(&path).await;
            match found.iter().find(|dispute| dispute["status"] == status) {
                Some(dispute) => Ok(dispute.clone()),
                None => Err(format!("{found:?}")),
            }
        })
        .await
    }

    async fn owes(&self, minor: i64) {
        eventually(&format!("a balance of {minor}"), async || {
            match self.paula.owed_minor().await {
                owed if owed == minor => Ok(()),
                owed => Err(owed.to_string()),
            }
        })
        .await;
        self.paula.assert_books_balance().await;
    }

    async fn licence_is(&self, status: &str) {
        let path = format!("/licences/{}", self.licence);
        assert_eq!(self.chiara.api.get(&path).await.is(200)["status"], status);
    }

    /// What is owed and kept back for a dispute.
    async fn held_minor(&self) -> i64 {
        let balances = self.paula.api.get(&self.paula.path("/balances")).await.is(200);
        let holds = balances["items"][0]["holds"].as_array().unwrap();
        let disputed = holds.iter().filter(|hold| hold["reason_code"] == "dispute_open");
        disputed.map(|hold| hold["amount"]["amount"].as_i64().unwrap()).sum()
    }
}

#[tokio::test]
async fn a_dispute_at_paypal_is_held_lost_and_won_on_appeal() {
    let sold = sold().await;
    let _alone = sold.stack.alone_with("payouts").await;
    let (paypal, paula) = (sold.stack.paypal(), &sold.paula);
    paypal.fund().await;
    receive(paula, &format!("paula-{}@example.com", unique())).await;
    let dispute = paypal.dispute(&sold.capture).await;
    let open = sold.dispute_is("open").await;
    assert_eq!((&open["id"], &open["amount"]), (&json!(dispute), &eur(1299)));
    assert_eq!((paula.owed_minor().await, sold.held_minor().await), (1039, 1039));
    sold.licence_is("active").await;
    let body = json!({"currency": "EUR"});
    let early = paula.api.post(&paula.path("/payouts"), body).await;
    early.refused(409, "nothing_payable");

    paypal.close(&dispute, "lost").await;
    let lost = sold.dispute_is("lost").await;
    assert_eq!(lost["withdrawn"], eur(1299));
    sold.owes(0).await;
    assert_eq!(sold.held_minor().await, 0);
    sold.licence_is("revoked").await;
    assert_eq!(of_fact(&paula.journal().await, "dispute_lost").len(), 1);

    paypal.overturn(&dispute).await;
    sold.dispute_is("won").await;
    sold.owes(1039).await;
    sold.licence_is("active").await;
    let payout = ask(paula, "after the appeal").await;
    assert_eq!(payout["amount"], eur(1039));
    paula.payout_becomes(&payout, "sent").await;
    sold.owes(0).await;
    sold.stack.aws().assert_no_dead_letter(&paula.id).await;
    sold.stack.aws().assert_no_dead_letter(&sold.capture).await;
}

#[tokio::test]
async fn a_dispute_at_paypal_that_is_won_takes_nothing() {
    let sold = sold().await;
    let dispute = sold.stack.paypal().dispute(&sold.capture).await;
    sold.dispute_is("open").await;
    assert_eq!(sold.held_minor().await, 1039);
    sold.stack.paypal().close(&dispute, "won").await;
    sold.dispute_is("won").await;
    assert_eq!((sold.paula.owed_minor().await, sold.held_minor().await), (1039, 0));
    sold.licence_is("active").await;
    sold.owes(1039).await;
}

#[tokio::test]
async fn what_paypal_takes_back_is_lost_and_what_is_refunded_there_is_a_refund() {
    let sold = sold().await;
    sold.stack.paypal().refund_by_hand(&sold.capture, 500).await;
    sold.owes(1039 - 400).await;
    let refunds = sold.chiara.api.all(&format!("/orders/{}/refunds", sold.order.id)).await;
    assert_eq!(
        (&refunds[0]["amount"], &refunds[0]["requested_by"]),
        (&eur(500), &json!("processor"))
    );
    sold.licence_is("active").await;

    sold.stack.paypal().reverse(&sold.capture).await;
    let lost = sold.dispute_is("lost").await;
    assert_eq!((&lost["reason"], &lost["withdrawn"]), (&json!("reversed"), &eur(799)));
    sold.owes(0).await;
    sold.licence_is("revoked").await;
    sold.stack.aws().assert_no_dead_letter(&sold.capture).await;
}

/// Orders a package and pays it with PayPal: the order, and as it is shown once paid.
async fn buy(stack: &Stack, customer: &Person, listing: &Listing) -> (Order, Value) {
    let request = json!({"lines": [{"listing_id": listing.id}], "processor": "paypal"});
    let order = Order::of(customer.api.post("/orders", request).await.is(201));
    stack.paypal().approve(&order.paypal_order(), "success").await;
    let paid = order.becomes(customer, "paid").await;
    (order, paid)
}

async fn receive(partner: &Partner, receiver: &str) {
    let call = partner.api.call("PUT", &partner.path("/payout-account"));
    let shown = call
        .json(&json!({"paypal": {"receiver": receiver}}))
        .send()
        .await
        .is(200);
    assert_eq!(shown["paypal_receiver"], receiver);
}

async fn ask(partner: &Partner, key: &str) -> Value {
    let body = json!({"currency": "EUR"});
    let path = partner.path("/payouts");
    partner.api.post_with_key(&path, key, body).await.is(201)
}
