//! What is taken back of a transfer.

use serde_json::{Value, json};
use shared::ledger::Account;
use shared::messages::Message;
use shared::runtime::Failure;

use crate::desk::{Desk, desk, eur};

impl Desk {
    /// The event of a reversal arrives; Stripe then lists these, newest first.
    async fn reversed(&self, reversals: &[(&str, i64)]) -> Result<(), Failure> {
        let list = |(id, amount): &(&str, i64)| json!({"id": id, "amount": amount, "currency": "eur", "created": 1_763_903_000});
        let data: Vec<Value> = reversals.iter().map(list).collect();
        self.stripe.answers(200, json!({"data": data, "has_more": false}));
        self.told("tr_1").await
    }

    async fn told(&self, transfer: &str) -> Result<(), Failure> {
        self.deliver_message(Message::TransferReversed {
            event_id: "evt_1".into(),
            transfer: transfer.into(),
            partner: self.anna,
            payout: self.payout.id,
        })
        .await
    }
}

#[tokio::test]
async fn scenario_38_what_is_reversed_by_hand_is_owed_again_once() {
    let desk = desk().await;
    desk.send().await;
    for _ in 0..2 {
        desk.reversed(&[("trr_1", 700)]).await.expect("posted");
    }
    assert_eq!(desk.owed().await, 700);
    // A second one; the first comes along in the list.
    for _ in 0..2 {
        desk.reversed(&[("trr_2", 1800), ("trr_1", 700)]).await.expect("posted");
    }
    assert_eq!((desk.owed().await, desk.stored().await.reversed), (2500, eur(2500)));
    assert_eq!(
        desk.facts(),
        ["payout", "transfer", "transfer_reversed", "transfer_reversed"]
    );
    let entry = desk.entry("transfer_reversed");
    assert!(
        entry
            .processor_ref()
            .is_some_and(|reference| reference.starts_with("trr_"))
    );
    let clearing = entry
        .postings()
        .iter()
        .find(|posting| posting.account == Account::ProcessorClearing);
    assert!(
        clearing.is_some_and(|posting| posting.amount.is_positive()),
        "{entry:?}"
    );
}

#[tokio::test]
async fn scenario_38_two_reversals_are_posted_although_only_one_event_came() {
    let desk = desk().await;
    desk.send().await;
    let page = |id: &str, more: bool| json!({"data": [{"id": id, "amount": 100, "currency": "eur", "created": 1_763_903_000}], "has_more": more});
    desk.stripe
        .answers(200, page("trr_2", true))
        .answers(200, page("trr_1", false));
    desk.told("tr_1").await.expect("posted");
    assert_eq!(desk.owed().await, 200);
    assert!(desk.stripe.take_asked()[1].path.ends_with("starting_after=trr_2"));
}

#[tokio::test]
async fn a_reversal_told_before_the_transfer_is_recorded_waits() {
    let desk = desk().await;
    assert!(matches!(desk.told("tr_1").await, Err(Failure::Retry(_))));
    desk.send().await;
    desk.reversed(&[("trr_1", 2500)]).await.expect("posted");
    assert_eq!(desk.owed().await, 2500);
}

#[tokio::test]
async fn what_does_not_fit_the_payout_is_for_a_person() {
    let desk = desk().await;
    desk.send().await;
    assert!(
        matches!(desk.told("tr_2").await, Err(Failure::Reject(_))),
        "another transfer"
    );
    let too_much = desk.reversed(&[("trr_1", 2501)]).await;
    assert!(matches!(too_much, Err(Failure::Reject(_))), "more than was sent");
    desk.reversed(&[("trr_1", 700)]).await.expect("posted");
    let differs = desk.reversed(&[("trr_1", 701)]).await;
    assert!(
        matches!(differs, Err(Failure::Reject(_))),
        "the same fact with another amount"
    );
    assert_eq!(desk.owed().await, 700);
}
