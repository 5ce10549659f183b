use aws_lambda_events::sqs::SqsEvent;
use serde_json::{Value, json};
use shared::ids::PartnerId;
use shared::messages::{Envelope, Message};
use shared::partner::account::connect;
use shared::partner::apply::apply;
use shared::partner::{AccountReport, Act, Application, Block, Country, HoldReason, PartnerName, SupportEmail};
use shared::runtime::{Delivery, Failure};
use shared::store::partners;
use shared::testing::{ScriptedServer, TestWorld};

use crate::{Context, handle};

const VALID: &str = include_str!("../../../events/onboarding-events/valid.json");
const DUPLICATE: &str = include_str!("../../../events/onboarding-events/duplicate.json");
const MALFORMED: &str = include_str!("../../../events/onboarding-events/malformed.json");

struct Story {
    world: TestWorld,
    stripe: ScriptedServer,
    context: Context,
}

async fn story() -> Story {
    let (world, stripe) = (TestWorld::new(), ScriptedServer::start().await);
    let context = Context {
        store: world.store.clone(),
        stripe: stripe.stripe(),
    };
    Story { world, stripe, context }
}

impl Story {
    /// A partner whose account at Stripe, `acct_1`, has just been made.
    async fn connected(&self) -> PartnerId {
        let act = Act {
            actor: self.world.user("ada").await,
            now: self.world.now(),
            seed: self.world.seed(),
        };
        let application = Application {
            name: PartnerName::parse("Warm Pads").expect("a name"),
            country: Country::parse("DE").expect("a country"),
            support_email: SupportEmail::parse("help@warm.example").expect("an address"),
            website: None,
            about: "Pads for slow music, made by hand.".to_owned(),
        };
        let applied = apply(application, act);
        let id = applied.partner.id;
        partners::create(&self.world.store, &applied).await.expect("written");
        let act = Act {
            seed: self.world.seed(),
            ..act
        };
        let report = AccountReport {
            account: "acct_1".to_owned(),
            ..AccountReport::default()
        };
        let change = connect(&applied.partner, &report, act).expect("connected");
        let claim = partners::claim_processor_account(id, "acct_1").expect("a pointer");
        partners::save(&self.world.store, &change, 1, [claim])
            .await
            .expect("written");
        self.world.take_messages();
        id
    }

    async fn deliver(&self, message: Envelope) -> Result<(), Failure> {
        self.deliver_at(message, 1).await
    }

    async fn deliver_at(&self, message: Envelope, receives: u32) -> Result<(), Failure> {
        let seed = shared::seed::Seed::of(&message.id);
        handle(
            &self.context,
            Delivery {
                message,
                seed,
                now: self.world.now(),
                receives,
                id: "1".to_owned(),
            },
        )
        .await
    }

    async fn payout_hold(&self, partner: PartnerId) -> Option<HoldReason> {
        let partner = partners::load(&self.world.store, partner)
            .await
            .expect("read")
            .expect("found");
        partner
            .open_holds(self.world.now())
            .find(|hold| hold.blocks == [Block::Payout])
            .map(|hold| hold.reason_code)
    }
}

fn envelopes(event: &str) -> Vec<Result<Envelope, serde_json::Error>> {
    let event: SqsEvent = serde_json::from_str(event).expect("an event of SQS");
    event
        .records
        .iter()
        .map(|record| serde_json::from_str(record.body.as_deref().unwrap_or_default()))
        .collect()
}

fn account(active: bool) -> Value {
    let due = if active { json!([]) } else { json!(["external_account"]) };
    json!({
        "id": "acct_1", "object": "account", "details_submitted": active, "payouts_enabled": active, "charges_enabled": false,
        "capabilities": {"transfers": if active { "active" } else { "inactive" }},
        "requirements": {"currently_due": due, "past_due": [], "pending_verification": [], "disabled_reason": null},
    })
}

#[track_caller]
fn check_retry(outcome: &Result<(), Failure>) {
    assert!(matches!(outcome, Err(Failure::Retry(_))), "{outcome:?}");
}

#[tokio::test]
async fn a_completed_account_ends_the_hold_once() {
    let story = story().await;
    let partner = story.connected().await;
    assert_eq!(
        story.payout_hold(partner).await,
        Some(HoldReason::PayoutAccountIncomplete)
    );
    story
        .stripe
        .answers(200, account(true))
        .answers(200, account(true))
        .answers(200, account(true));
    for message in envelopes(VALID).into_iter().chain(envelopes(DUPLICATE)) {
        story.deliver(message.expect("an envelope")).await.expect("done");
    }
    assert_eq!(story.payout_hold(partner).await, None);
    let told = story.world.take_messages();
    assert_eq!(told.len(), 1, "the owner is told once: {told:?}");
    assert!(
        story
            .stripe
            .take_asked()
            .iter()
            .all(|call| call.path == "/v1/accounts/acct_1")
    );
}

#[tokio::test]
async fn a_late_message_brings_the_account_as_it_now_is() {
    let story = story().await;
    let partner = story.connected().await;
    let message = envelopes(VALID).remove(0).expect("an envelope");
    story.stripe.answers(200, account(true)).answers(200, account(false));
    story.deliver(message.clone()).await.expect("done");
    story
        .deliver(Envelope {
            id: story.world.seed().id("later"),
            ..message
        })
        .await
        .expect("done");
    assert_eq!(
        story.payout_hold(partner).await,
        Some(HoldReason::PayoutAccountIncomplete)
    );
    assert_eq!(story.world.take_messages().len(), 2);
}

#[tokio::test]
async fn an_account_that_is_not_recorded_yet_waits() {
    let story = story().await;
    let message = envelopes(VALID).remove(0).expect("an envelope");
    check_retry(&story.deliver(message.clone()).await);
    story.connected().await;
    story
        .stripe
        .answers(500, json!({}))
        .answers(429, json!({}))
        .answers(200, account(true));
    check_retry(&story.deliver(message.clone()).await);
    check_retry(&story.deliver(message.clone()).await);
    story.deliver(message).await.expect("done");
    assert_eq!(story.world.take_messages().len(), 1);
}

#[tokio::test]
async fn an_account_of_another_deployment_is_forgotten_at_once() {
    let mut story = story().await;
    story.context.stripe = story.context.stripe.of("souk".parse().expect("a name"));
    let message = envelopes(VALID).remove(0).expect("an envelope");
    let mut theirs = account(true);
    theirs["metadata"] = json!({"deployment": "elsewhere"});
    story.stripe.answers(200, theirs);
    story.deliver(message.clone()).await.expect("forgotten");
    let gone =
        json!({"error": {"type": "invalid_request_error", "code": "account_invalid", "message": "No such account"}});
    story.stripe.answers(403, gone);
    story.deliver(message).await.expect("forgotten");
}

#[tokio::test]
async fn an_account_that_stays_unknown_is_forgotten_in_the_end() {
    let story = story().await;
    let message = envelopes(VALID).remove(0).expect("an envelope");
    for _ in 0..4 {
        story.stripe.answers(200, account(true));
    }
    for receives in 1..4 {
        check_retry(&story.deliver_at(message.clone(), receives).await);
    }
    story
        .deliver_at(message, 4)
        .await
        .expect("forgotten, and no dead letter");
}

/// Scenario 37: the money is the partner's at Stripe again, so the hold is all there is to do.
#[tokio::test]
async fn scenario_37_a_payout_that_the_bank_returns_holds_the_partner_once() {
    let story = story().await;
    let partner = story.connected().await;
    story.stripe.answers(200, account(true));
    let active = envelopes(VALID).remove(0).expect("an envelope");
    story.deliver(active).await.expect("done");
    story.world.take_messages();
    let told = |payout: &str| {
        let message = Message::BankPayoutChanged {
            event_id: "evt_1".to_owned(),
            account: "acct_1".to_owned(),
            payout: payout.to_owned(),
        };
        Envelope::new(story.world.seed().id("bank"), message)
    };
    let begun = |payout: &str, status: &str| json!({"id": payout, "status": status, "failure_code": "account_closed", "created": story.world.now().as_second()});
    for _ in 0..2 {
        story.stripe.answers(200, begun("po_1", "failed"));
        story.deliver(told("po_1")).await.expect("done");
    }
    assert_eq!(story.payout_hold(partner).await, Some(HoldReason::BankPayoutFailed));
    assert_eq!(story.world.take_messages().len(), 1, "the owner is told once");
    assert!(story.world.journal().is_empty());
    story.world.clock.advance(jiff::SignedDuration::from_hours(24));
    story.stripe.answers(200, begun("po_2", "paid"));
    story.deliver(told("po_2")).await.expect("done");
    assert_eq!(story.payout_hold(partner).await, None);
    assert_eq!(story.world.take_messages().len(), 1);
    let asked = story.stripe.take_asked();
    assert_eq!(
        (asked[1].path.as_str(), asked[1].header("stripe-account")),
        ("/v1/payouts/po_1", Some("acct_1"))
    );
}

#[tokio::test]
async fn what_does_not_belong_here_is_rejected() {
    let story = story().await;
    assert!(envelopes(MALFORMED).iter().all(Result::is_err));
    let (customer, order) = (story.world.user("ada").await, story.world.seed().id("order"));
    let message = Envelope::new(story.world.seed().id("m"), Message::OrderPaid { customer, order });
    assert!(matches!(story.deliver(message).await, Err(Failure::Reject(_))));
}
