//! From the decision to the transfer, or back to the balance.

use serde_json::json;
use shared::partner::{Block, HoldReason};
use shared::payout::{CancelReason, Payout, PayoutState};
use shared::runtime::Failure;
use shared::store::{Write, keys, partners, payouts};

use crate::desk::{Desk, account, desk, key, refusal};

impl Desk {
    async fn is_sent(&self) {
        let state = self.state().await;
        assert!(
            matches!(&state, PayoutState::Sent { transfer, .. } if transfer == "tr_1"),
            "{state:?}"
        );
        assert_eq!((self.owed().await, self.facts()), (0, vec!["payout", "transfer"]));
    }

    async fn open_holds(&self) -> Vec<HoldReason> {
        let partner = partners::load(&self.world.store, self.anna).await.expect("memory");
        let partner = partner.expect("a partner");
        partner
            .open_holds(self.world.now())
            .map(|hold| hold.reason_code)
            .collect()
    }
}

#[tokio::test]
async fn a_payout_is_sent_once_however_often_it_is_delivered() {
    let desk = desk().await;
    desk.fit_then(200, desk.transfer());
    for _ in 0..3 {
        desk.deliver().await.expect("sent");
    }
    desk.is_sent().await;
    let asked = desk.stripe.take_asked();
    assert_eq!(asked.len(), 2, "the account and the transfer, for three deliveries");
    assert_eq!(asked[0].path, "/v1/accounts/acct_anna");
    assert_eq!(key(&asked[1]), desk.payout.id.to_string());
    let form = asked[1].form();
    for (name, value) in [
        ("transfer_group", desk.payout.id.to_string()),
        ("metadata[payout_id]", desk.payout.id.to_string()),
        ("metadata[partner_id]", desk.anna.to_string()),
    ] {
        assert!(form.contains(&(name.into(), value)), "{name}: {form:?}");
    }
    assert_eq!(desk.entry("transfer").processor_ref(), Some("tr_1"));
}

#[tokio::test]
async fn what_sending_costs_is_counted() {
    let desk = desk().await;
    desk.world.store.meter().take();
    desk.fit_then(200, desk.transfer());
    desk.deliver().await.expect("sent");
    let usage = desk.world.store.meter().take();
    // Payout and partner are read; `sending` is written, then payout and entry as one, which takes it out of the index of open ones.
    assert_eq!((usage.requests, usage.write_units()), (4, 6));
    assert_eq!(desk.stripe.take_asked().len(), 2);
}

#[tokio::test]
async fn scenario_27_a_crash_after_the_transfer_and_before_its_record() {
    let desk = desk().await;
    // The process ended while Stripe was answering: all that is left of it is `sending`.
    let sending = Payout {
        state: PayoutState::Sending {
            since: desk.world.now(),
        },
        ..desk.payout.clone()
    };
    let write = payouts::update(&sending, 1).expect("an item");
    desk.world.store.write(write).await.expect("memory");
    desk.stripe.answers(200, desk.transfer());
    desk.deliver().await.expect("recorded");
    let posts = desk.posts();
    assert_eq!((posts.len(), key(&posts[0])), (1, desk.payout.id.to_string().as_str()));
    desk.is_sent().await;
}

#[tokio::test]
async fn scenario_28_an_unknown_outcome_is_asked_again_with_the_same_key() {
    let desk = desk().await;
    desk.stripe.answers(200, account("active"));
    for status in [500, 0, 503] {
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
    let posts = desk.posts();
    assert!(
        posts.len() >= 4 && posts.iter().all(|post| key(post) == key(&posts[0])),
        "{posts:?}"
    );
    desk.is_sent().await;
}

#[tokio::test]
async fn scenario_29_after_a_day_the_transfer_is_looked_up_first() {
    let found = desk().await;
    found.fit_then(500, json!({}));
    assert!(found.deliver().await.is_err());
    found.stripe.take_asked();
    found.world.clock.advance(jiff::SignedDuration::from_hours(24));
    found
        .stripe
        .answers(200, json!({"data": [found.transfer()], "has_more": false}));
    found.deliver().await.expect("recorded");
    let posts = found.posts();
    assert!(posts.is_empty(), "nothing was sent again: {posts:?}");
    found.is_sent().await;

    let missing = desk().await;
    missing.fit_then(500, json!({}));
    assert!(missing.deliver().await.is_err());
    missing.world.clock.advance(jiff::SignedDuration::from_hours(24));
    missing
        .stripe
        .answers(200, json!({"data": [], "has_more": false}))
        .answers(200, missing.transfer());
    missing.deliver().await.expect("sent");
    missing.is_sent().await;
}

#[tokio::test]
async fn scenario_30_a_refusal_that_stripe_remembers_does_not_outlive_its_payout() {
    let mut desk = desk().await;
    desk.fit_then(400, refusal("balance_insufficient"));
    desk.deliver().await.expect("cancelled");
    let first = desk.posts();
    // Stripe would answer the old key with the old refusal; what is decided anew asks under a new one.
    desk.decide_again().await;
    desk.fit_then(200, desk.transfer());
    desk.deliver().await.expect("sent");
    let second = desk.posts();
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_ne!(key(&first[0]), key(&second[0]));
    assert_eq!(desk.facts(), ["payout", "payout", "payout_cancelled", "transfer"]);
    assert_eq!(desk.owed().await, 0);
}

#[tokio::test]
async fn scenario_31_too_many_requests_or_a_busy_object_keeps_the_key() {
    let desk = desk().await;
    desk.stripe.answers(200, account("active"));
    for (status, code) in [(429, "rate_limit"), (409, "lock_timeout")] {
        desk.stripe.answers(status, refusal(code));
        assert!(matches!(desk.deliver().await, Err(Failure::Retry(_))), "{status}");
    }
    desk.stripe.answers(200, desk.transfer());
    desk.deliver().await.expect("sent");
    let posts = desk.posts();
    assert_eq!(posts.len(), 3);
    assert!(posts.iter().all(|post| key(post) == key(&posts[0])));
    desk.is_sent().await;
}

#[tokio::test]
async fn scenario_32_a_key_that_came_with_other_parameters_is_for_a_person() {
    let desk = desk().await;
    desk.fit_then(
        400,
        json!({"error": {"type": "idempotency_error", "message": "Other parameters."}}),
    );
    assert!(matches!(desk.deliver().await, Err(Failure::Reject(_))));
    assert!(
        matches!(desk.state().await, PayoutState::Sending { .. }),
        "what the key did stands, so nothing is given back"
    );
    assert_eq!((desk.owed().await, desk.facts()), (0, vec!["payout"]));
}

#[tokio::test]
async fn scenario_34_a_capability_lost_since_the_decision_holds_the_partner() {
    let desk = desk().await;
    desk.stripe.answers(200, account("inactive"));
    for _ in 0..2 {
        desk.deliver().await.expect("cancelled");
    }
    assert!(desk.posts().is_empty(), "nothing was asked for");
    desk.is_given_back(CancelReason::PartnerHeld).await;
    let partner = partners::load(&desk.world.store, desk.anna).await.expect("memory");
    let partner = partner.expect("a partner");
    let hold = partner.hold_on(Block::Payout).expect("a hold");
    assert_eq!(hold.reason_code, HoldReason::PayoutAccountVerifying);
    assert!(hold.due_at > desk.world.now());
}

#[tokio::test]
async fn scenario_34_an_account_closed_since_the_decision_holds_the_partner() {
    for (status, code) in [(403, "account_invalid"), (404, "resource_missing")] {
        let desk = desk().await;
        desk.stripe.answers(status, refusal(code));
        desk.deliver().await.expect("cancelled");
        desk.is_given_back(CancelReason::PartnerHeld).await;
        assert_eq!(desk.open_holds().await, [HoldReason::PayoutAccountRefused], "{code}");
    }
}

#[tokio::test]
async fn scenario_34_a_partner_suspended_since_the_decision_is_not_paid() {
    let desk = desk().await;
    desk.world.suspend(desk.anna).await;
    desk.stripe.answers(200, account("active"));
    desk.deliver().await.expect("cancelled");
    assert!(desk.posts().is_empty());
    desk.is_given_back(CancelReason::PartnerHeld).await;
}

#[tokio::test]
async fn a_partner_held_after_the_first_attempt_is_the_processors_to_decide() {
    let desk = desk().await;
    desk.fit_then(500, json!({}));
    assert!(desk.deliver().await.is_err());
    desk.world.suspend(desk.anna).await;
    desk.stripe.answers(200, desk.transfer());
    desk.deliver().await.expect("the first attempt had succeeded");
    desk.is_sent().await;
}

#[tokio::test]
async fn an_account_that_cannot_be_asked_about_leaves_the_payout_as_it_is() {
    let desk = desk().await;
    desk.stripe.answers(500, json!({}));
    assert!(matches!(desk.deliver().await, Err(Failure::Retry(_))));
    assert_eq!(desk.state().await, PayoutState::Created);
    desk.send().await;
    desk.is_sent().await;
}

#[tokio::test]
async fn scenario_35_a_destination_changed_before_sending_cancels() {
    let desk = desk().await;
    let found = partners::load(&desk.world.store, desk.anna).await.expect("memory");
    let found = found.expect("a partner");
    let mut partner = found.value.clone();
    if let Some(known) = &mut partner.payout_account {
        known.account = "acct_other".into();
    }
    let write = Write::replace(keys::partner(desk.anna), &partner, found.revision).expect("an item");
    desk.world.store.write(write).await.expect("memory");
    let mut other = account("active");
    other["id"] = json!("acct_other");
    desk.stripe.answers(200, other);
    desk.deliver().await.expect("cancelled");
    assert!(desk.posts().is_empty());
    desk.is_given_back(CancelReason::DestinationChanged).await;
}

#[tokio::test]
async fn scenario_36_a_short_platform_balance_leaves_the_payout_due() {
    for (code, why) in [
        ("balance_insufficient", CancelReason::PlatformBalanceShort),
        ("account_invalid", CancelReason::ProcessorRefused),
    ] {
        let desk = desk().await;
        desk.fit_then(400, refusal(code));
        for _ in 0..2 {
            desk.deliver().await.expect("cancelled");
        }
        desk.is_given_back(why).await;
        assert!(desk.open_holds().await.is_empty(), "it is due again at the next run");
    }
}

#[tokio::test]
async fn a_transfer_of_another_amount_and_a_second_transfer_are_for_a_person() {
    let desk = desk().await;
    let mut transfer = desk.transfer();
    transfer["amount"] = json!(2499);
    desk.fit_then(200, transfer);
    assert!(matches!(desk.deliver().await, Err(Failure::Reject(_))));
    assert!(matches!(desk.state().await, PayoutState::Sending { .. }));

    desk.world.clock.advance(jiff::SignedDuration::from_hours(24));
    let two = json!({"data": [desk.transfer(), desk.transfer()], "has_more": false});
    desk.stripe.answers(200, two);
    assert!(matches!(desk.deliver().await, Err(Failure::Reject(_))));
    assert!(matches!(desk.state().await, PayoutState::Sending { .. }));
}
