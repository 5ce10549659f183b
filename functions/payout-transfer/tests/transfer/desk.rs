//! One partner, one payout, and processors that answer as they are told.

use payout_transfer::Context;
use serde_json::{Value, json};
use shared::ids::PartnerId;
use shared::ledger::{BalanceChange, JournalEntry};
use shared::messages::{Envelope, Message};
use shared::money::{Currency, Money};
use shared::payout::{CancelReason, Payout, PayoutState};
use shared::runtime::{Delivery, Failure};
use shared::seed::Seed;
use shared::store::payouts::{self, Decided, PayoutRules};
use shared::store::{keys, ledger};
use shared::testing::{Recorded, ScriptedServer, TestWorld};

pub(crate) struct Desk {
    pub(crate) world: TestWorld,
    pub(crate) stripe: ScriptedServer,
    pub(crate) paypal: ScriptedServer,
    context: Context,
    pub(crate) anna: PartnerId,
    pub(crate) payout: Payout,
}

/// A payout of 25 euros to `acct_anna`, decided and taken off the balance.
pub(crate) async fn desk() -> Desk {
    let world = TestWorld::new();
    let anna = world.seller("anna").await;
    desk_of(world, anna).await
}

/// The same to `anna@example.com` at PayPal, of whom a token has been got.
pub(crate) async fn desk_at_paypal() -> Desk {
    let desk = desk_before_paypal_answers().await;
    let token = json!({"access_token": "A21", "token_type": "Bearer", "expires_in": 32_400_000});
    desk.paypal.answers(200, token);
    desk
}

/// The same before PayPal has answered anything.
pub(crate) async fn desk_before_paypal_answers() -> Desk {
    let world = TestWorld::new();
    let anna = world.seller("anna").await;
    world.paid_by_paypal(anna, "anna@example.com").await;
    desk_of(world, anna).await
}

/// As [`desk_at_paypal`], where PayPal was given up after the payout was decided.
pub(crate) async fn desk_without_paypal() -> Desk {
    let desk = desk_at_paypal().await;
    let context = Context {
        paypal: desk.paypal.no_paypal(),
        ..desk.context
    };
    Desk { context, ..desk }
}

async fn desk_of(world: TestWorld, anna: PartnerId) -> Desk {
    let (stripe, paypal) = (ScriptedServer::start().await, ScriptedServer::start().await);
    let credit = ledger::change_balance(&BalanceChange {
        partner: anna,
        owed: eur(2500),
        maturing: Some("2026-11-01".parse().expect("a date")),
        disputed_minor: 0,
    });
    world.store.write(credit).await.expect("memory");
    let payout = decide(&world, anna).await;
    let context = Context {
        store: world.store.clone(),
        stripe: stripe.stripe(),
        paypal: paypal.paypal(),
    };
    Desk {
        world,
        stripe,
        paypal,
        context,
        anna,
        payout,
    }
}

pub(crate) fn eur(minor: i64) -> Money {
    Money::new(minor, Currency::EUR)
}

const RULES: PayoutRules = PayoutRules {
    minimum: Money::new(1, Currency::EUR),
    paypal_offered: true,
};

/// Decides as a payout run does.
async fn decide(world: &TestWorld, partner: PartnerId) -> Payout {
    let balance = keys::balance(partner, Currency::EUR);
    let decided = payouts::decide(&world.store, &balance, RULES, world.now(), world.seed(), &[]).await;
    match decided.expect("memory") {
        Decided::Payout(payout) => payout,
        other => panic!("{other:?}"),
    }
}

impl Desk {
    /// The next run decides anew about what came back.
    pub(crate) async fn decide_again(&mut self) {
        self.payout = decide(&self.world, self.anna).await;
    }

    pub(crate) async fn deliver(&self) -> Result<(), Failure> {
        self.deliver_message(Message::PayoutDecided {
            partner: self.anna,
            payout: self.payout.id,
        })
        .await
    }

    pub(crate) async fn deliver_message(&self, message: Message) -> Result<(), Failure> {
        let message = Envelope::new(self.world.seed().id("message"), message);
        let delivery = Delivery {
            seed: Seed::of(&message.id),
            message,
            now: self.world.now(),
            receives: 1,
            id: "1".into(),
        };
        payout_transfer::handle(&self.context, delivery).await
    }

    /// Stripe says that the account may be paid, then answers the next request like this.
    pub(crate) fn fit_then(&self, status: u16, body: Value) -> &ScriptedServer {
        self.stripe.answers(200, account("active")).answers(status, body)
    }

    /// Delivered and sent.
    pub(crate) async fn send(&self) {
        self.fit_then(200, self.transfer());
        self.deliver().await.expect("sent");
        self.stripe.take_asked();
    }

    pub(crate) async fn stored(&self) -> Payout {
        let payout = payouts::load(&self.world.store, self.anna, self.payout.id).await;
        payout.expect("memory").expect("the payout").value
    }

    pub(crate) async fn state(&self) -> PayoutState {
        self.stored().await.state
    }

    /// The payout is cancelled for this reason, and its amount is back, once.
    pub(crate) async fn is_given_back(&self, why: CancelReason) {
        let state = self.state().await;
        assert!(
            matches!(state, PayoutState::Cancelled { reason, .. } if reason == why),
            "{state:?}"
        );
        assert_eq!(
            (self.owed().await, self.facts()),
            (2500, vec!["payout", "payout_cancelled"])
        );
    }

    pub(crate) async fn owed(&self) -> i64 {
        let balances = ledger::balances(&self.world.store, self.anna).await.expect("memory");
        balances.iter().map(|balance| balance.owed.minor()).sum()
    }

    pub(crate) fn facts(&self) -> Vec<&'static str> {
        let mut facts: Vec<_> = self.world.journal().iter().map(|entry| entry.fact().name()).collect();
        facts.sort_unstable();
        facts
    }

    pub(crate) fn entry(&self, fact: &str) -> JournalEntry {
        let mut journal = self.world.journal();
        journal.retain(|entry| entry.fact().name() == fact);
        journal.pop().expect("an entry")
    }

    /// The POSTs that Stripe got since the last look.
    pub(crate) fn posts(&self) -> Vec<Recorded> {
        let mut asked = self.stripe.take_asked();
        asked.retain(|asked| asked.method == "POST");
        asked
    }

    pub(crate) fn transfer(&self) -> Value {
        json!({"id": "tr_1", "amount": 2500, "amount_reversed": 0, "reversed": false, "currency": "eur", "destination": "acct_anna",
            "transfer_group": self.payout.id, "livemode": false, "created": 1_763_803_000})
    }
}

/// Anna's account with its capability to be paid.
pub(crate) fn account(transfers: &str) -> Value {
    json!({"id": "acct_anna", "object": "account", "details_submitted": true, "payouts_enabled": true,
        "capabilities": {"transfers": transfers}})
}

pub(crate) fn refusal(code: &str) -> Value {
    json!({"error": {"type": "invalid_request_error", "code": code, "message": "No."}})
}

pub(crate) fn key(asked: &Recorded) -> &str {
    asked.header("idempotency-key").expect("a key")
}
