//! Sending payouts in-process: through crashes, time-outs, refusals and second deliveries, money leaves at most once.

use payout_transfer::Context;
use serde_json::{Value, json};
use shared::ids::PartnerId;
use shared::ledger::{BalanceChange, Fact};
use shared::messages::{Envelope, Message};
use shared::money::{Currency, Money};
use shared::payout::{CancelReason, Payout, PayoutState};
use shared::runtime::{Delivery, Failure};
use shared::seed::Seed;
use shared::store::{keys, ledger};
use shared::testing::{ScriptedServer, TestWorld};

struct Desk {
    world: TestWorld,
    stripe: ScriptedServer,
    anna: PartnerId,
    payout: Payout,
}

/// A payout of 25 euros, decided and taken off the balance.
async fn desk() -> Desk {
    let (world, stripe) = (TestWorld::new(), ScriptedServer::start().await);
    let anna = world.seller("anna").await;
    let amount = Money::new(2500, Currency::EUR);
    let available_on = "2026-11-01".parse().expect("a date");
    world
        .store
        .write(ledger::change_balance(&BalanceChange {
            partner: anna,
            owed: amount,
            maturing: Some(available_on),
            disputed_minor: 0,
        }))
        .await
        .expect("memory");
    let payout = Payout {
        id: world.seed().id("payout"),
        partner: anna,
        amount,
        destination: "acct_anna".into(),
        created_at: world.now(),
        state: PayoutState::Created,
    };
    let key = keys::balance(anna, Currency::EUR);
    let balance = ledger::balance(&world.store, &key)
        .await
        .expect("memory")
        .expect("a balance");
    let message = Message::PayoutDecided {
        partner: anna,
        payout: payout.id,
    };
    let envelope = Envelope::new(world.seed().id("m"), message);
    let entry = shared::payout::payout_entry(world.seed().id("j"), &payout).expect("balanced");
    let writes = vec![
        ledger::create_payout(&payout, &envelope).expect("an item"),
        ledger::post(&entry).expect("an item"),
        ledger::debit(&balance, &payout, world.now()),
    ];
    world.store.transact(writes).await.expect("decided");
    world.take_messages();
    Desk {
        world,
        stripe,
        anna,
        payout,
    }
}

impl Desk {
    async fn deliver(&self) -> Result<(), Failure> {
        let context = Context {
            store: self.world.store.clone(),
            stripe: self.stripe.stripe(),
        };
        let message = Message::PayoutDecided {
            partner: self.anna,
            payout: self.payout.id,
        };
        let message = Envelope::new(self.world.seed().id("message"), message);
        let delivery = Delivery {
            seed: Seed::of(&message.id),
            message,
            now: self.world.now(),
            receives: 1,
            id: "1".into(),
        };
        payout_transfer::handle(&context, delivery).await
    }

    async fn state(&self) -> PayoutState {
        let payout = ledger::payout(&self.world.store, self.anna, self.payout.id)
            .await
            .expect("memory");
        payout.expect("the payout").value.state
    }

    async fn owed(&self) -> i64 {
        let balances = ledger::balances(&self.world.store, self.anna).await.expect("memory");
        balances.iter().map(|balance| balance.owed.minor()).sum()
    }

    fn facts(&self) -> Vec<&'static str> {
        let mut facts: Vec<_> = self.world.journal().iter().map(|entry| entry.fact().name()).collect();
        facts.sort_unstable();
        facts
    }

    fn transfer(&self) -> Value {
        json!({"id": "tr_1", "amount": 2500, "amount_reversed": 0, "reversed": false, "currency": "eur", "destination": "acct_anna",
            "transfer_group": self.payout.id, "livemode": false, "created": 1_763_803_000})
    }
}

#[tokio::test]
async fn a_payout_is_sent_once_however_often_it_is_delivered() {
    let desk = desk().await;
    desk.stripe.answers(200, desk.transfer());
    for _ in 0..3 {
        desk.deliver().await.expect("sent");
    }
    assert!(matches!(desk.state().await, PayoutState::Sent { transfer, .. } if transfer == "tr_1"));
    let asked = desk.stripe.take_asked();
    assert_eq!(asked.len(), 1, "one request for three deliveries");
    assert_eq!(
        asked[0].header("idempotency-key"),
        Some(desk.payout.id.to_string().as_str())
    );
    assert!(
        asked[0]
            .form()
            .contains(&("transfer_group".into(), desk.payout.id.to_string()))
    );
    assert_eq!(desk.facts(), ["payout", "transfer"]);
    let journal = desk.world.journal();
    let transfer = journal
        .iter()
        .find(|entry| matches!(entry.fact(), Fact::Transfer(_)))
        .expect("posted");
    assert_eq!(transfer.processor_ref(), Some("tr_1"));
}

#[tokio::test]
async fn an_unknown_outcome_is_asked_again_with_the_same_key() {
    let desk = desk().await;
    for status in [500, 0, 429] {
        desk.stripe
            .answers(status, json!({"error": {"type": "api_error", "message": "?"}}));
        assert!(matches!(desk.deliver().await, Err(Failure::Retry(_))), "{status}");
        assert!(
            matches!(desk.state().await, PayoutState::Sending { .. }),
            "unknown is not failed"
        );
    }
    desk.stripe.answers(200, desk.transfer());
    desk.deliver().await.expect("sent");
    let keys: Vec<_> = desk
        .stripe
        .take_asked()
        .iter()
        .map(|asked| asked.header("idempotency-key").map(str::to_owned))
        .collect();
    assert!(keys.len() >= 4 && keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    assert_eq!((desk.owed().await, desk.facts()), (0, vec!["payout", "transfer"]));
}

#[tokio::test]
async fn after_a_day_the_transfer_is_looked_up_first() {
    let found = desk().await;
    found.stripe.answers(500, json!({}));
    assert!(found.deliver().await.is_err());
    found.stripe.take_asked();
    found.world.clock.advance(jiff::SignedDuration::from_hours(24));
    found
        .stripe
        .answers(200, json!({"data": [found.transfer()], "has_more": false}));
    found.deliver().await.expect("recorded");
    let asked = found.stripe.take_asked();
    assert!(
        asked.iter().all(|asked| asked.method == "GET"),
        "nothing was sent again: {asked:?}"
    );
    assert_eq!(found.facts(), ["payout", "transfer"]);

    let missing = desk().await;
    missing.stripe.answers(500, json!({}));
    assert!(missing.deliver().await.is_err());
    missing.world.clock.advance(jiff::SignedDuration::from_hours(24));
    missing
        .stripe
        .answers(200, json!({"data": [], "has_more": false}))
        .answers(200, missing.transfer());
    missing.deliver().await.expect("sent");
    assert_eq!(missing.facts(), ["payout", "transfer"]);
}

#[tokio::test]
async fn a_proven_refusal_gives_the_amount_back_once() {
    for (code, reason) in [
        ("balance_insufficient", CancelReason::PlatformBalanceShort),
        ("account_invalid", CancelReason::ProcessorRefused),
    ] {
        let desk = desk().await;
        let error = json!({"error": {"type": "invalid_request_error", "code": code, "message": "No."}});
        desk.stripe.answers(400, error);
        for _ in 0..2 {
            desk.deliver().await.expect("cancelled");
        }
        assert!(matches!(desk.state().await, PayoutState::Cancelled { reason: found, .. } if found == reason));
        assert_eq!(
            (desk.owed().await, desk.facts()),
            (2500, vec!["payout", "payout_cancelled"])
        );
    }
}

#[tokio::test]
async fn a_partner_held_before_the_first_attempt_is_not_paid() {
    let desk = desk().await;
    desk.world.suspend(desk.anna).await;
    desk.deliver().await.expect("cancelled");
    let held = CancelReason::PartnerHeld;
    assert!(matches!(desk.state().await, PayoutState::Cancelled { reason, .. } if reason == held));
    assert!(desk.stripe.take_asked().is_empty());
    assert_eq!(desk.owed().await, 2500);
}

#[tokio::test]
async fn a_partner_held_after_the_first_attempt_is_the_processors_to_decide() {
    let desk = desk().await;
    desk.stripe.answers(500, json!({}));
    assert!(desk.deliver().await.is_err());
    desk.world.suspend(desk.anna).await;
    desk.stripe.answers(200, desk.transfer());
    desk.deliver().await.expect("the first attempt had succeeded");
    assert_eq!((desk.owed().await, desk.facts()), (0, vec!["payout", "transfer"]));
}

#[tokio::test]
async fn a_transfer_of_another_amount_is_for_a_person() {
    let desk = desk().await;
    let mut transfer = desk.transfer();
    transfer["amount"] = json!(2499);
    desk.stripe.answers(200, transfer);
    assert!(matches!(desk.deliver().await, Err(Failure::Reject(_))));
    assert!(matches!(desk.state().await, PayoutState::Sending { .. }));
}
