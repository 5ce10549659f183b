//! Money that goes back.
//!
//! 1. Chiara asks for her money back; Paula, who sold it, agrees. The processor is asked once, Paula's share is clawed back, the licence is revoked, its
//!    download refused, Chiara gets a mail, and the journal has a line for it.
//! 2. A refund that the bank sends back puts everything as it was.
//! 3. A refund made in the processor's dashboard is found in the books like any other.
//! 4. A dispute takes money aside; won, it is as if nothing had been; lost, the share is clawed back and the licence revoked.

use serde_json::{Value, json};
use support::scenes::{eur, of_fact};
use support::{Listing, Order, Partner, Person, Stack, eventually};

struct Sold {
    stack: Stack,
    paula: Partner,
    kit: Listing,
    chiara: Person,
    order: Order,
    licence: String,
    charge: String,
}

async fn sold() -> Sold {
    let stack = Stack::load();
    let paula = Partner::new(&stack).await;
    let kit = paula.published(&stack, 1299).await;
    let chiara = stack.somebody("Chiara Customer").await;
    let order = Order::place(&chiara, &[&kit]).await;
    let paid = order.pay(&stack, &chiara).await;
    let licence = paid["lines"][0]["licence_id"].as_str().unwrap().to_owned();
    let session = stack.stripe().object(&order.session()).await;
    let intent = stack.stripe().object(session["payment_intent"].as_str().unwrap()).await;
    let charge = intent["latest_charge"].as_str().unwrap().to_owned();
    assert_eq!(paula.owed_minor().await, 1039);
    Sold {
        stack,
        paula,
        kit,
        chiara,
        order,
        licence,
        charge,
    }
}

impl Sold {
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
        let licence = self
            .chiara
            .api
            .get(&format!("/licences/{}", self.licence))
            .await
            .is(200);
        assert_eq!(licence["status"], status);
        let download = self
            .chiara
            .api
            .post(&format!("/licences/{}/downloads", self.licence), json!({}))
            .await;
        assert_eq!(download.status < 300, status == "active", "{}", download.text());
    }

    async fn refunded(&self, minor: i64) {
        let path = format!("/orders/{}", self.order.id);
        let order = self.chiara.api.get(&path).await.is(200);
        assert_eq!(
            (&order["refunded"], &order["lines"][0]["refunded"]),
            (&eur(minor), &eur(minor))
        );
    }

    async fn refund_is(&self, status: &str) -> Value {
        eventually(&format!("a refund that is {status}"), async || {
            let refunds = self.chiara.api.all(&format!("/orders/{}/refunds", self.order.id)).await;
            match refunds.iter().find(|refund| refund["status"] == status) {
                Some(refund) => Ok(refund.clone()),
                None => Err(format!("{refunds:?}")),
            }
        })
        .await
    }
}

#[tokio::test]
async fn a_customer_asks_a_partner_agrees_and_everything_goes_back() {
    let sold = sold().await;
    let path = format!("/orders/{}", sold.order.id);
    let ask = json!({"reason": "does_not_work", "note": "It does not start."});
    let asked = sold
        .chiara
        .api
        .post(&format!("{path}/refund-requests"), ask)
        .await
        .is(201);
    assert_eq!((&asked["status"], &asked["amount"]), (&json!("requested"), &eur(1299)));
    let decisions = sold
        .paula
        .path(&format!("{path}/refunds/{}/decisions", asked["id"].as_str().unwrap()));
    sold.paula
        .api
        .post(&decisions, json!({"decision": "approve"}))
        .await
        .is(200);
    sold.refund_is("succeeded").await;
    sold.owes(0).await;
    sold.licence_is("revoked").await;
    sold.refunded(1299).await;
    let journal = sold.paula.journal().await;
    assert_eq!(of_fact(&journal, "refund").len(), 1, "{journal:?}");
    let charge = sold.stack.stripe().object(&sold.charge).await;
    assert_eq!(
        (charge["refunded"].as_bool(), charge["amount_refunded"].as_i64()),
        (Some(true), Some(1299))
    );
    let above = sold
        .stack
        .operator()
        .post(&format!("{path}/refunds"), json!({"reason": "other"}))
        .await;
    above.refused(409, "nothing_left");
    // The kit is still on sale for everybody else.
    sold.stack
        .public()
        .get(&format!("/listings/{}", sold.kit.id))
        .await
        .is(200);
}

#[tokio::test]
async fn a_refund_that_the_bank_sends_back_is_reversed() {
    let sold = sold().await;
    let refund = json!({"lines": [{"line": 0, "amount": eur(1299)}], "reason": "duplicate"});
    sold.stack
        .operator()
        .post(&format!("/orders/{}/refunds", sold.order.id), refund)
        .await
        .is(201);
    sold.refund_is("succeeded").await;
    sold.owes(0).await;
    let events = sold.stack.stripe().events_about(&sold.order.id).await;
    let created = events.iter().find(|event| event["type"] == "refund.created").unwrap();
    let id = created["data"]["object"]["id"].as_str().unwrap();
    sold.stack
        .stripe()
        .control(&format!("refunds/{id}/fail"), json!({}))
        .await;
    sold.refund_is("failed").await;
    sold.owes(1039).await;
    sold.refunded(0).await;
    sold.licence_is("active").await;
}

#[tokio::test]
async fn a_refund_made_at_the_processor_is_found_in_the_books() {
    let sold = sold().await;
    sold.stack.stripe().refund_by_hand(&sold.charge, 500).await;
    let refund = sold.refund_is("succeeded").await;
    assert_eq!(
        (&refund["amount"], &refund["requested_by"]),
        (&eur(500), &json!("processor"))
    );
    sold.owes(1039 - 400).await;
    sold.licence_is("active").await;
}

#[tokio::test]
async fn a_dispute_is_won_or_lost() {
    for (outcome, owed, licence) in [("won", 1039, "active"), ("lost", 0, "revoked")] {
        let sold = sold().await;
        let dispute = sold
            .stack
            .stripe()
            .control(&format!("charges/{}/dispute", sold.charge), json!({}))
            .await;
        let id = dispute["id"].as_str().unwrap();
        let disputes = format!("/orders/{}/disputes", sold.order.id);
        let seen_as = async |status: &str| {
            eventually(&format!("a dispute that is {status}"), async || {
                let found = sold.stack.operator().all(&disputes).await;
                match found.iter().any(|dispute| dispute["status"] == status) {
                    true => Ok(()),
                    false => Err(format!("{found:?}")),
                }
            })
            .await;
        };
        seen_as("open").await;
        assert_eq!(sold.paula.owed_minor().await, 1039, "held, not taken");
        sold.stack
            .stripe()
            .control(&format!("disputes/{id}/close"), json!({"outcome": outcome}))
            .await;
        seen_as(outcome).await;
        sold.owes(owed).await;
        sold.licence_is(licence).await;
    }
}
