use std::collections::BTreeSet;

use aws_lambda_events::sqs::SqsEvent;
use jiff::SignedDuration;
use shared::ids::{MessageId, OrderId, PartnerId, UserId};
use shared::mail::Letter;
use shared::messages::{Envelope, HeldVerdict, Message, Notice, PartnerNews, Verdict};
use shared::money::{BasisPoints, Currency, Money};
use shared::partner::apply::apply;
use shared::partner::{Act, Application, Country, PartnerName, SupportEmail};
use shared::purchase::{Offer, Order, OrderStatus, Payment, place, settle};
use shared::revenue::{Referrers, Terms, Turnovers};
use shared::runtime::{Delivery, Failure};
use shared::seed::Seed;
use shared::store::mails::{self, Claim};
use shared::store::{commerce, partners};
use shared::testing::TestWorld;
use strum::IntoEnumIterator;

use crate::{Context, handle};

const VALID: &str = include_str!("../../../events/notify/valid.json");
const DUPLICATE: &str = include_str!("../../../events/notify/duplicate.json");
const MALFORMED: &str = include_str!("../../../events/notify/malformed.json");

struct Story {
    world: TestWorld,
    context: Context,
    user: UserId,
}

async fn story() -> Story {
    let world = TestWorld::new();
    let context = Context {
        store: world.store.clone(),
        mail: world.mail.clone(),
        public_url: "https://souk.example".to_owned(),
    };
    let user = world.user("ada").await;
    Story { world, context, user }
}

impl Story {
    async fn partner(&self) -> PartnerId {
        let act = Act {
            actor: self.user,
            now: self.world.now(),
            seed: self.world.seed(),
        };
        let application = Application {
            name: PartnerName::parse("Warm & Pads").expect("a name"),
            country: Country::parse("DE").expect("a country"),
            support_email: SupportEmail::parse("help@warm.example").expect("an address"),
            website: None,
            about: "Pads for slow music, made by hand.".to_owned(),
        };
        let change = apply(application, act);
        partners::create(&self.world.store, &change).await.expect("written");
        change.partner.id
    }

    /// An order of two lines, paid.
    async fn paid_order(&self) -> Order {
        let seed = self.world.seed();
        let offer = |label: &str, amount| Offer {
            listing: seed.id(label),
            partner: seed.id("partner"),
            title: format!("{label} <Pads>"),
            price: Money::new(amount, Currency::EUR),
            terms: Terms::default_rule(BasisPoints::try_from(2000).expect("a rate")),
        };
        let offers = [offer("Warm", 1299), offer("Cold", 0)];
        let order = place(self.user, &offers, Referrers::default(), seed, self.world.now()).expect("an order");
        commerce::create_order(&self.world.store, &order, &[])
            .await
            .expect("written");
        let payment = Payment {
            amount: order.total,
            charge: Some("ch_1".to_owned()),
            at: self.world.now(),
        };
        let settlement = settle(&order, &payment, &Turnovers::new(), 7, seed, || [9; 16]).expect("settled");
        let writes = commerce::settlement_writes(&settlement, 1).expect("writes");
        self.world.store.transact(writes).await.expect("written");
        settlement.order
    }

    fn envelope(&self, message: Message) -> Envelope {
        Envelope::new(self.world.seed().id("message"), message)
    }

    async fn deliver(&self, message: &Envelope) -> Result<(), Failure> {
        let (seed, message) = (Seed::of(&message.id), message.clone());
        handle(
            &self.context,
            Delivery {
                message,
                seed,
                now: self.world.now(),
                receives: 1,
                id: "1".to_owned(),
            },
        )
        .await
    }

    fn letters(&self) -> Vec<Letter> {
        self.world.mail.as_memory().expect("in memory").take()
    }

    /// A claim on the message, as a sender that then crashes leaves it.
    async fn crash_while_sending(&self, message: MessageId) {
        let claim = mails::claim(&self.world.store, message, self.world.now())
            .await
            .expect("an answer");
        assert!(matches!(claim, Claim::Leased(_)));
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

fn notice(partner: PartnerId, user: UserId, news: PartnerNews) -> Message {
    let notice = Notice::Partner { news };
    Message::PartnerNotice { partner, user, notice }
}

#[tokio::test]
async fn a_receipt_has_every_line_its_key_and_the_total() {
    let story = story().await;
    let order = story.paid_order().await;
    assert_eq!(order.status, OrderStatus::Paid);
    story
        .deliver(&story.envelope(Message::OrderPaid {
            customer: story.user,
            order: order.id,
        }))
        .await
        .expect("sent");
    let letter = story.letters().remove(0);
    assert_eq!(
        (letter.to.as_str(), letter.subject.as_str()),
        ("ada@example.com", "Your receipt: 12.99 EUR")
    );
    let licences: Vec<_> = order.lines.iter().map(|line| line.licence).collect();
    for licence in commerce::licences(&story.world.store, &licences).await.expect("read") {
        assert!(
            letter.text.contains(&format!("Licence key: {}", licence.key)),
            "{}",
            letter.text
        );
    }
    for part in [
        "Item: Warm <Pads>\nPrice: 12.99 EUR",
        "Price: free",
        "Total: 12.99 EUR\nPaid on: 2026-11-22",
    ] {
        assert!(letter.text.contains(part), "{part:?} is missing in {}", letter.text);
    }
    assert!(
        letter
            .text
            .contains(&format!("https://souk.example/orders/{}", order.id))
    );
    assert!(letter.html.expect("html").contains("Warm &lt;Pads&gt;"));
}

#[tokio::test]
async fn a_notice_says_what_is_open_and_until_when() {
    let story = story().await;
    let partner = story.partner().await;
    story
        .deliver(&story.envelope(notice(partner, story.user, PartnerNews::Received)))
        .await
        .expect("sent");
    let letter = story.letters().remove(0);
    assert_eq!(letter.subject, "We have received the application of Warm & Pads");
    for part in [
        "(application_review)",
        "Waits for: operator\nUntil: 2026-11-25",
        "(payout_account_missing)",
    ] {
        assert!(letter.text.contains(part), "{part:?} is missing in {}", letter.text);
    }
}

#[tokio::test]
async fn every_decision_has_words() {
    let story = story().await;
    let partner = story.partner().await;
    let mut subjects = BTreeSet::new();
    for news in PartnerNews::iter() {
        story
            .deliver(&story.envelope(notice(partner, story.user, news)))
            .await
            .expect("sent");
        let letter = story.letters().remove(0);
        assert!(subjects.insert(letter.subject), "{news} has no words of its own");
    }
    let submission = |decision| Notice::Submission {
        listing_title: "Warm Pads".to_owned(),
        version: "1.2.0".to_owned(),
        decision,
        reason_code: "missing_licence".to_owned(),
    };
    for (decision, subject) in [
        (Verdict::Approved, "Warm Pads 1.2.0 was approved"),
        (Verdict::ChangesRequested, "Warm Pads 1.2.0 needs changes"),
        (Verdict::Rejected, "Warm Pads 1.2.0 was rejected"),
    ] {
        let message = Message::PartnerNotice {
            partner,
            user: story.user,
            notice: submission(decision),
        };
        story.deliver(&story.envelope(message)).await.expect("sent");
        let letter = story.letters().remove(0);
        assert_eq!(letter.subject, subject);
        assert!(letter.text.contains("Reason: missing_licence"));
    }
    for (decision, subject) in [
        (HeldVerdict::Released, "Warm Pads 1.2.0 is no longer held"),
        (HeldVerdict::Rejected, "Warm Pads 1.2.0 stays held"),
    ] {
        let notice = Notice::HeldScan {
            listing_title: "Warm Pads".to_owned(),
            version: "1.2.0".to_owned(),
            decision,
            reason_code: "false_positive".to_owned(),
        };
        let message = Message::PartnerNotice {
            partner,
            user: story.user,
            notice,
        };
        story.deliver(&story.envelope(message)).await.expect("sent");
        let letter = story.letters().remove(0);
        assert_eq!(letter.subject, subject);
        assert!(letter.text.contains("Reason: false_positive"));
    }
}

#[tokio::test]
async fn a_second_delivery_sends_nothing_again() {
    let story = story().await;
    let partner = story.partner().await;
    let [first, second] = envelopes(DUPLICATE).try_into().expect("two deliveries");
    let (mut first, second) = (first.expect("an envelope"), second.expect("an envelope"));
    assert_eq!(first, second);
    first.message = notice(partner, story.user, PartnerNews::Approved);
    for _ in 0..3 {
        story.deliver(&first).await.expect("done");
    }
    assert_eq!(story.letters().len(), 1);
}

#[tokio::test]
async fn a_crash_between_claim_and_send_is_made_up_for() {
    let story = story().await;
    let message = story.envelope(notice(story.partner().await, story.user, PartnerNews::Approved));
    story.crash_while_sending(message.id).await;
    assert!(
        matches!(story.deliver(&message).await, Err(Failure::Retry(_))),
        "it may still be running"
    );
    assert!(story.letters().is_empty());
    story.world.clock.advance(SignedDuration::from_secs(60));
    story.deliver(&message).await.expect("sent");
    story.deliver(&message).await.expect("done");
    assert_eq!(story.letters().len(), 1);
}

#[tokio::test]
async fn the_sample_events_are_read_and_what_is_not_there_is_rejected() {
    let story = story().await;
    let valid = envelopes(VALID);
    assert_eq!(valid.len(), 2);
    for message in valid {
        // They name a partner and an order of another world.
        let outcome = story.deliver(&message.expect("an envelope")).await;
        assert!(matches!(outcome, Err(Failure::Reject(_))), "{outcome:?}");
    }
    assert!(envelopes(MALFORMED).iter().all(Result::is_err));
    let foreign = Message::AccountChanged {
        event_id: "evt_1".to_owned(),
        account: "acct_1".to_owned(),
    };
    assert!(matches!(
        story.deliver(&story.envelope(foreign)).await,
        Err(Failure::Reject(_))
    ));
    let order: OrderId = story.world.seed().id("no order");
    let unpaid = Message::OrderPaid {
        customer: story.user,
        order,
    };
    assert!(matches!(
        story.deliver(&story.envelope(unpaid)).await,
        Err(Failure::Reject(_))
    ));
    assert!(story.letters().is_empty());
}

#[tokio::test]
async fn somebody_without_an_address_is_not_written_to() {
    let story = story().await;
    let partner = story.partner().await;
    let nobody: UserId = story.world.seed().id("nobody");
    story
        .deliver(&story.envelope(notice(partner, nobody, PartnerNews::Approved)))
        .await
        .expect("done");
    assert!(story.letters().is_empty());
}
