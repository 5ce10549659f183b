//! What has happened to the partners' accounts, while nothing came to the endpoint for connected accounts.

use serde_json::{Value, json};
use shared::ids::PartnerId;
use shared::messages::Message;
use shared::partner::{AccountReport, account};
use shared::processor::Processor;
use shared::store::commerce::{Disposition, InboxEvent};
use shared::store::{keys, partners};

use crate::desk::{Desk, desk};

impl Desk {
    /// A partner whose account at Stripe nobody has filled in: it is held.
    async fn held(&self, name: &str) -> (PartnerId, String) {
        let partner = self.world.seller(name).await;
        let account = self.connect(name).await;
        let report = AccountReport {
            account: account.clone(),
            ..AccountReport::default()
        };
        self.link(partner, &report).await;
        (partner, account)
    }

    /// The account is filled in, and Stripe finds nothing wrong with it.
    async fn complete(&self, account: &str) {
        self.control(&format!("accounts/{account}"), json!({"outcome": "complete"}))
            .await;
    }

    /// What whoever follows the accounts makes of the message.
    async fn follow(&self, partner: PartnerId, account: &str) {
        let found = partners::load(&self.world.store, partner).await.expect("memory");
        let found = found.expect("a partner");
        let report = self.context.stripe.account_report(account).await.expect("a report");
        let change = account::update(&found, &report, self.world.now(), self.world.seed()).expect("its account");
        let change = change.expect("news");
        partners::save(&self.world.store, &change, found.revision, [])
            .await
            .expect("as it was read");
        self.messages();
    }

    /// The events and accounts that messages speak of.
    fn changed(&self) -> Vec<(String, String)> {
        let changed = |message| match message {
            Message::AccountChanged { event_id, account } => Some((event_id, account)),
            _ => None,
        };
        self.messages().into_iter().filter_map(changed).collect()
    }

    async fn is_queued(&self, event: &Value) -> bool {
        let key = keys::processor_event(Processor::Stripe, event["id"].as_str().expect("an id"));
        let found = self.world.store.get::<InboxEvent>(&key).await.expect("memory");
        found.is_some_and(|found| found.disposition == Disposition::Queued)
    }
}

#[tokio::test]
async fn events_that_never_came_to_the_endpoint_are_taken_in_once_and_a_held_account_is_looked_at() {
    let desk = desk().await;
    let (ben, account) = desk.held("ben").await;
    desk.complete(&account).await;
    let run = desk.run().await;
    assert!(run.counts.events_taken_in > 0 && run.is_complete, "{run:?}");
    let changed = desk.changed();
    assert!(changed.iter().all(|(_, of)| *of == account), "{changed:?}");
    let (listed, asked): (Vec<_>, Vec<_>) = changed.into_iter().partition(|(event, _)| event.starts_with("evt_"));
    assert!(!listed.is_empty(), "as the endpoint would have told");
    assert_eq!(asked.len(), 1, "because it is held");

    let again = desk.run().await;
    assert_eq!(again.counts.events_taken_in, 0);
    assert_eq!(desk.changed(), asked, "it is still held");
    desk.follow(ben, &account).await;
    desk.run().await;
    assert_eq!(desk.changed(), [], "who can be paid is not asked about");
}

#[tokio::test]
async fn a_held_account_is_looked_at_though_stripe_has_forgotten_its_events() {
    let desk = desk().await;
    let (ben, account) = desk.held("ben").await;
    desk.complete(&account).await;
    desk.pass(40).await;
    let run = desk.run().await;
    assert_eq!(run.counts.events_taken_in, 0);
    assert_eq!(desk.changed(), [(format!("reconcile {account}"), account.clone())]);
    desk.follow(ben, &account).await;
    desk.run().await;
    assert_eq!(desk.changed(), []);
}

#[tokio::test]
async fn an_account_that_stripe_no_longer_shows_stops_nothing_and_is_looked_at() {
    let desk = desk().await;
    let (_, gone) = desk.held("ben").await;
    let (_, account) = desk.held("carl").await;
    desk.complete(&account).await;
    desk.disconnect(&gone).await;
    desk.disconnect(&desk.account).await;
    let run = desk.run().await;
    assert!(run.is_complete && run.counts.events_taken_in > 0);
    let changed = desk.changed();
    let of = |wanted: &str| changed.iter().filter(|(_, of)| of == wanted).count();
    assert_eq!((of(&gone), of(&desk.account)), (1, 1), "whether held or not");
    assert!(of(&account) >= 2);
}

#[tokio::test]
async fn more_events_than_a_page_holds_are_all_taken_in() {
    let desk = desk().await;
    desk.run().await;
    let account = desk.account.clone();
    let mut made = Vec::new();
    for number in 0..250 {
        let payout = json!({"id": format!("po_{number}"), "object": "payout"});
        let event = json!({"type": "payout.failed", "account": account, "object": payout});
        made.push(desk.control("events", event).await);
    }
    desk.messages();
    desk.asked("/v1/events").await;
    let run = desk.run().await;
    assert_eq!(run.counts.events_taken_in, 250);
    for event in &made {
        assert!(desk.is_queued(event).await, "{event}");
    }
    let told = desk.messages().into_iter();
    let told =
        told.filter(|message| matches!(message, Message::BankPayoutChanged { account: of, .. } if *of == account));
    assert_eq!(told.count(), 250);
    assert_eq!(
        desk.asked("/v1/events").await,
        1 + 3,
        "the platform's page, and three of the account"
    );
}

#[tokio::test]
async fn a_run_over_accounts_without_news_costs_a_request_to_stripe_for_each_and_four_to_the_tables() {
    let desk = desk().await;
    desk.run().await;
    let cost = async || {
        desk.asked("/v1/events").await;
        let before = desk.world.store.meter().read();
        desk.run().await;
        let after = desk.world.store.meter().read();
        (desk.asked("/v1/events").await, after.requests - before.requests)
    };
    let one = cost().await;
    for name in ["ben", "carl", "dora"] {
        let (partner, account) = desk.held(name).await;
        desk.complete(&account).await;
        desk.follow(partner, &account).await;
    }
    desk.run().await;
    desk.messages();
    let four = cost().await;
    assert_eq!(
        (one.0, four.0),
        (1 + 1, 1 + 4),
        "the platform's events, and each account's"
    );
    // A page of events that are known is held against the inbox with one request for each account.
    assert!(four.1 <= one.1 + 3, "{one:?} {four:?}");
}

#[tokio::test]
async fn a_run_looks_at_so_many_partners_and_the_next_one_goes_on() {
    let desk = desk().await;
    for number in 0..500 {
        desk.world.applicant(&format!("applicant {number}")).await;
    }
    let (_, account) = desk.held("zoe").await;
    desk.complete(&account).await;
    desk.messages();
    desk.run().await;
    assert_eq!(desk.changed(), [], "applicants come first, and have no accounts");
    let run = desk.run().await;
    let changed = desk.changed();
    let of_zoe = changed.iter().filter(|(_, of)| *of == account).count();
    assert!(run.counts.events_taken_in > 0 && of_zoe > 1, "{changed:?}");
    desk.run().await;
    assert_eq!(desk.changed(), [], "the next round begins with the applicants");
    desk.run().await;
    assert_eq!(desk.changed().len(), 1, "she is still held");
}
