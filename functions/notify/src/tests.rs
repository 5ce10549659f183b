mod overdue;
mod requests;
mod shop;

use std::collections::BTreeSet;

use aws_lambda_events::sqs::SqsEvent;
use jiff::SignedDuration;
use shared::ids::{LicenceId, MessageId, OrderId, PartnerId, UserId};
use shared::licence::{Licence, LicenceStatus, Terms as LicenceTerms};
use shared::licensing::Preset;
use shared::mail::Letter;
use shared::messages::{
    AppealVerdict, Envelope, HeldVerdict, ListedNews, ListedVerdict, Message, Notice, PartnerNews, Queue,
    SubscriptionNews, Verdict,
};
use shared::money::{BasisPoints, Currency, Money};
use shared::partner::apply::apply;
use shared::partner::{Act, Application, Country, PartnerName, SupportEmail};
use shared::purchase::{Offer, Order, OrderStatus, Payment, place, settle};
use shared::revenue::{Referrers, Terms, Turnovers};
use shared::runtime::{Delivery, Failure};
use shared::seed::Seed;
use shared::store::mails::{self, Claim};
use shared::store::{Write, commerce, keys, licences, partners, subscriptions};
use shared::subscription::{Billing, OpenInvoice, Plan, Status, Subscription};
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
        queues: world.queues.clone(),
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
        let offers = [offer(seed, "Warm", 1299), offer(seed, "Cold", 0)];
        self.pay(&self.ordered(self.user, &offers).await).await
    }

    /// An order that nobody has paid yet.
    async fn ordered(&self, customer: UserId, offers: &[Offer]) -> Order {
        let (seed, now) = (self.world.seed(), self.world.now());
        let order = place(customer, offers, Referrers::default(), seed, now).expect("an order");
        commerce::create_order(&self.world.store, &order, &[])
            .await
            .expect("written");
        order
    }

    async fn pay(&self, order: &Order) -> Order {
        let payment = Payment {
            amount: order.total,
            charge: Some(format!("ch_{}", order.id)),
            at: self.world.now(),
        };
        let seed = self.world.seed();
        let settlement = settle(order, &payment, &Turnovers::new(), 7, seed, || [9; 16]).expect("settled");
        let writes = commerce::settlement_writes(&settlement, 1, self.world.now()).expect("writes");
        self.world.store.transact(writes).await.expect("written");
        settlement.order
    }

    async fn bought(&self, customer: UserId, offer: &Offer) -> Order {
        self.pay(&self.ordered(customer, std::slice::from_ref(offer)).await)
            .await
    }

    async fn revoke(&self, licence: LicenceId) {
        let held = commerce::licence(&self.world.store, licence).await.expect("read");
        let revoked = Licence {
            status: LicenceStatus::Revoked,
            ..held.expect("issued")
        };
        let write = Write::replace(keys::licence(licence), &revoked, 1).expect("an item");
        self.world.store.write(write).await.expect("its revision");
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

    /// The one letter that the message becomes.
    async fn letter(&self, message: Message) -> Letter {
        self.deliver(&self.envelope(message)).await.expect("sent");
        let [letter] = self.letters().try_into().expect("one letter");
        letter
    }

    /// What has been sent to the queue since the last time.
    fn sent(&self) -> Vec<Envelope> {
        let sent = self.world.queues.as_memory().expect("in memory").take();
        sent.into_iter()
            .map(|(queue, envelope)| {
                assert_eq!(queue, Queue::Notify);
                envelope
            })
            .collect()
    }

    /// A claim on the message, as a sender that then crashes leaves it.
    async fn crash_while_sending(&self, message: MessageId) {
        let claim = mails::claim(&self.world.store, message, self.world.now())
            .await
            .expect("an answer");
        assert!(matches!(claim, Claim::Leased(_)));
    }
}

/// What the seed's partner sells under this name.
fn offer(seed: Seed, name: &str, price_minor: i64) -> Offer {
    Offer {
        listing: seed.id(name),
        partner: seed.id("partner"),
        title: format!("{name} <Pads>"),
        price: Money::new(price_minor, Currency::EUR),
        terms: Terms::default_rule(BasisPoints::try_from(2000).expect("a rate")),
        policy: None,
    }
}

fn news(decision: ListedVerdict) -> ListedNews {
    ListedNews {
        listing_title: "Warm Pads".to_owned(),
        version: "1.2.0".to_owned(),
        decision,
        reason_code: "under_investigation".to_owned(),
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
        rejects_at: None,
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
    let delayed = Message::PartnerNotice {
        partner,
        user: story.user,
        notice: Notice::Submission {
            listing_title: "Warm Pads".to_owned(),
            version: "1.2.0".to_owned(),
            decision: Verdict::ChangesRequested,
            reason_code: "licence_unclear".to_owned(),
            rejects_at: Some("2026-12-06T09:00:00Z".parse().expect("a time")),
        },
    };
    let letter = story.letter(delayed).await;
    assert!(letter.text.contains("before 6 December 2026"), "{}", letter.text);
    let question = Message::PartnerNotice {
        partner,
        user: story.user,
        notice: Notice::Reply {
            listing_title: "Warm Pads".to_owned(),
            version: "1.2.0".to_owned(),
            text: "Whose <samples> are these?".to_owned(),
        },
    };
    let letter = story.letter(question).await;
    assert_eq!(letter.subject, "A question about Warm Pads 1.2.0");
    assert!(letter.text.contains("Whose <samples> are these?"), "{}", letter.text);
    assert!(letter.html.is_none_or(|html| !html.contains("<samples>")));
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
async fn what_becomes_of_a_listed_version_has_words_for_the_partner_and_for_who_has_bought_it() {
    let story = story().await;
    let (partner, user) = (story.partner().await, story.user);
    let order = story.paid_order().await.id;
    for (decision, to_partner, to_buyer) in [
        (ListedVerdict::Suspended, "is suspended", "is suspended"),
        (ListedVerdict::TakenDown, "was taken down", "was taken down"),
        (ListedVerdict::Reinstated, "is back", "can be downloaded again"),
    ] {
        let notice = Notice::Listed { news: news(decision) };
        let letter = story.letter(Message::PartnerNotice { partner, user, notice }).await;
        assert_eq!(letter.subject, format!("Warm Pads 1.2.0 {to_partner}"));
        assert!(letter.text.contains("Reason: under_investigation"), "{}", letter.text);
        let customer = user;
        let news = news(decision);
        let licence = story.world.seed().id("licence");
        let (holder, of) = (customer, news.clone());
        let by_licence = Message::HolderNotice {
            holder,
            licence,
            news: of,
        };
        for (notice, place) in [
            (
                Message::BuyerNotice { customer, order, news },
                format!("https://souk.example/orders/{order}"),
            ),
            (by_licence, format!("https://souk.example/licences/{licence}")),
        ] {
            let letter = story.letter(notice).await;
            assert_eq!(letter.subject, format!("Warm Pads 1.2.0 {to_buyer}"));
            for part in ["Reason: under_investigation", &place] {
                assert!(letter.text.contains(part), "{part:?} is missing in {}", letter.text);
            }
        }
    }
}

#[tokio::test]
async fn an_appeal_s_decision_has_words() {
    let story = story().await;
    let (partner, user) = (story.partner().await, story.user);
    for (decision, verdict) in [
        (AppealVerdict::Upheld, "was upheld"),
        (AppealVerdict::Dismissed, "was dismissed"),
    ] {
        let notice = Notice::Appeal {
            listing_title: "Warm Pads".to_owned(),
            version: "1.2.0".to_owned(),
            decision,
            reason_code: "unfounded".to_owned(),
        };
        let letter = story.letter(Message::PartnerNotice { partner, user, notice }).await;
        assert_eq!(letter.subject, format!("Your appeal about Warm Pads 1.2.0 {verdict}"));
        assert!(letter.text.contains("Reason: unfounded"), "{}", letter.text);
    }
}

#[tokio::test]
async fn who_holds_a_listing_is_told_and_nobody_else() {
    let story = story().await;
    let warm = offer(story.world.seed(), "Warm", 1299);
    let order = story.bought(story.user, &warm).await;
    let has_not_paid = story.world.user("bert").await;
    story.ordered(has_not_paid, std::slice::from_ref(&warm)).await;
    let has_it_no_more = story.world.user("carla").await;
    let given_back = story.bought(has_it_no_more, &warm).await;
    story.revoke(given_back.lines[0].licence).await;
    let has_bought_another = story.world.user("dora").await;
    story
        .bought(has_bought_another, &offer(story.world.seed(), "Cold", 500))
        .await;

    // No order tells of what was subscribed to, tried or handed on.
    let subscriber = story.world.user("emil").await;
    let bought = order.lines[0].licence;
    let licence = commerce::licence(&story.world.store, bought).await.expect("memory");
    let subscribed = Licence {
        id: story.world.seed().id("subscribed"),
        owner: subscriber,
        order: None,
        ..licence.expect("issued")
    };
    let issued = licences::issue_owned(&subscribed).expect("items");
    story.world.store.transact(issued).await.expect("issued");

    let tell = story.envelope(Message::TellBuyers {
        listing: warm.listing,
        news: news(ListedVerdict::Suspended),
        after: None,
    });
    story.deliver(&tell).await.expect("told");
    let mut told = story.sent();
    let by_order = Message::BuyerNotice {
        customer: story.user,
        order: order.id,
        news: news(ListedVerdict::Suspended),
    };
    let by_licence = Message::HolderNotice {
        holder: subscriber,
        licence: subscribed.id,
        news: news(ListedVerdict::Suspended),
    };
    told.sort_by_key(|sent| matches!(sent.message, Message::HolderNotice { .. }));
    assert_eq!(
        told.iter().map(|sent| &sent.message).collect::<Vec<_>>(),
        [&by_order, &by_licence]
    );
    story.deliver(&tell).await.expect("told again");
    let mut again = story.sent();
    again.sort_by_key(|sent| matches!(sent.message, Message::HolderNotice { .. }));
    assert_eq!(again, told, "the same messages, by their ids");
    for _ in 0..2 {
        story.deliver(&told[0]).await.expect("done");
    }
    let letters = story.letters();
    assert_eq!(
        letters.iter().map(|letter| letter.to.as_str()).collect::<Vec<_>>(),
        ["ada@example.com"]
    );
}

#[tokio::test]
async fn many_are_told_page_by_page_and_each_once() {
    let story = story().await;
    let warm = offer(story.world.seed(), "Warm", 1299);
    let mut orders = BTreeSet::new();
    for _ in 0..120 {
        orders.insert(story.bought(story.user, &warm).await.id);
    }
    let mut pages = vec![story.envelope(Message::TellBuyers {
        listing: warm.listing,
        news: news(ListedVerdict::TakenDown),
        after: None,
    })];
    let (mut delivered, mut told) = (0, Vec::new());
    while let Some(page) = pages.pop() {
        story.deliver(&page).await.expect("told");
        delivered += 1;
        for sent in story.sent() {
            match &sent.message {
                Message::BuyerNotice { order, .. } => told.push(*order),
                Message::TellBuyers { .. } => pages.push(sent),
                other => panic!("{other:?}"),
            }
        }
    }
    told.sort_unstable();
    assert_eq!(told, orders.into_iter().collect::<Vec<_>>());
    assert!(delivered > 1, "they do not fit on one page");
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
