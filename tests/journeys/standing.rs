//! A version that is stopped after it was sold, and comes back.
//!
//! 1. Paula sells a kit; Chiara gets it and downloads it.
//! 2. Somebody says that it harms: an operator suspends the version. It is gone from the shop, nobody downloads it, nobody gets it any more,
//!    and Paula and Chiara are told by mail.
//! 3. What was said is unfounded. The operator reinstates it: all is as it was, and both are told.
//! 4. It is taken down. Paula appeals; who took it down may not decide about that. Another operator finds her right, and it is listed again.

use serde_json::{Value, json};
use support::{Answer, Listing, Order, Partner, Person, Stack, eventually};

#[tokio::test]
async fn what_is_stopped_comes_back_when_it_was_wrong() {
    let stack = Stack::load();
    let paula = Partner::approved(&stack).await;
    let kit = paula.published(&stack, 0).await;
    let chiara = stack.somebody("Chiara Customer").await;
    let order = Order::place(&chiara, &[&kit]).await;
    let paid = order.becomes(&chiara, "paid").await;
    let buyer = Buyer {
        stack: &stack,
        licence: paid["lines"][0]["licence_id"].as_str().unwrap().to_owned(),
        person: chiara,
        kit: &kit,
    };
    buyer.has_it().await;
    let partner_is_told = async |news: &str| told(&stack, &paula.owner.email, news, 1).await;
    let called = format!("{} 1.0.0", kit.title);

    let decisions = paula.version_path(&kit, "/decisions");
    let decide = async |decision: &str, reason_code: &str| {
        let body = json!({"decision": decision, "reason_code": reason_code, "note": "A journey says so."});
        stack.operator().post(&decisions, body).await.is(201)
    };
    let stopped = decide("suspend", "under_investigation").await;
    assert_eq!(stopped["status"], "suspended", "{stopped}");
    buyer.has_lost_it().await;
    partner_is_told(&format!("{called} is suspended")).await;
    told(&stack, &buyer.person.email, &format!("{called} is suspended"), 1).await;
    let case = stack.case(&kit).await;
    assert_eq!(
        (&case["kind"], &case["reason_codes"]),
        (&json!("suspension"), &json!(["under_investigation"]))
    );

    let back = decide("reinstate", "unfounded").await;
    assert_eq!((&back["status"], &back["stop"]), (&json!("published"), &Value::Null));
    buyer.has_it().await;
    partner_is_told(&format!("{called} is back")).await;
    let again = format!("{called} can be downloaded again");
    told(&stack, &buyer.person.email, &again, 1).await;
    let ended = paula.path(&format!("/review-cases/{}", case["id"].as_str().unwrap()));
    stack.operator().get(&ended).await.refused(404, "not_found");

    let gone = decide("take_down", "malicious").await;
    assert_eq!(gone["status"], "taken_down", "{gone}");
    buyer.has_lost_it().await;
    partner_is_told(&format!("{called} was taken down")).await;
    told(&stack, &buyer.person.email, &format!("{called} was taken down"), 1).await;
    let appeal = json!({"text": "It is the same that you have looked at."});
    let appeals = paula.version_path(&kit, "/appeals");
    let appeal = paula.api.post(&appeals, appeal).await.is(201);
    assert_eq!(stack.case(&kit).await["appeal_id"], appeal["id"]);
    let settle = paula.path(&format!("/appeals/{}/decisions", appeal["id"].as_str().unwrap()));
    let upheld = json!({"decision": "uphold", "reason_code": "unfounded", "note": "So it is."});
    let who_refused = stack.operator().post(&settle, upheld.clone()).await;
    who_refused.refused(403, "own_decision");
    let another = Person::new(&stack, "Other Moderator", json!({"roles": ["operator"]})).await;
    let settled = another.api.post(&settle, upheld).await.is(201);
    assert_eq!(settled["status"], "upheld", "{settled}");
    buyer.has_it().await;
    partner_is_told(&format!("Your appeal about {called} was upheld")).await;
    told(&stack, &buyer.person.email, &again, 2).await;
    stack.aws().assert_no_dead_letter(&kit.id).await;
}

/// Somebody who has got the kit.
struct Buyer<'a> {
    stack: &'a Stack,
    person: Person,
    licence: String,
    kit: &'a Listing,
}

impl Buyer<'_> {
    async fn download(&self, request: Value) -> Answer {
        let downloads = format!("/licences/{}/downloads", self.licence);
        self.person.api.post(&downloads, request).await
    }

    /// The kits in the shop that are called so.
    async fn found(&self) -> Vec<Value> {
        let search = format!("/listings?category=grooves&q={}", self.kit.word);
        self.stack.public().all(&search).await
    }

    async fn has_it(&self) {
        let sha256 = support::package::sha256(&self.kit.bytes);
        for request in [json!({}), json!({"version_id": self.kit.version})] {
            assert_eq!(self.download(request).await.is(201)["sha256"], sha256);
        }
        let page = format!("/listings/{}", self.kit.id);
        assert_eq!(self.stack.public().get(&page).await.is(200)["latest"]["sha256"], sha256);
        assert_eq!(self.found().await.len(), 1);
    }

    async fn has_lost_it(&self) {
        let exactly = json!({"version_id": self.kit.version});
        self.download(exactly).await.refused(409, "version_stopped");
        self.download(json!({})).await.refused(409, "no_published_version");
        let page = format!("/listings/{}", self.kit.id);
        self.stack.public().get(&page).await.refused(404, "not_found");
        assert_eq!(self.found().await, Vec::<Value>::new());
        let order = json!({"lines": [{"listing_id": self.kit.id}]});
        self.person
            .api
            .post("/orders", order)
            .await
            .refused(422, "invalid_request");
    }
}

/// Waits until this address has got so many mails with this subject.
pub(crate) async fn told(stack: &Stack, address: &str, subject: &str, times: usize) {
    eventually(&format!("{times} mails that say {subject:?}"), async || {
        let mails = stack.aws().mails_to(address).await;
        let subjects: Vec<_> = mails.iter().map(|mail| mail["Subject"].to_string()).collect();
        let about_it = mails.iter().filter(|mail| mail["Subject"] == subject);
        if about_it.count() == times {
            Ok(())
        } else {
            Err(format!("{subjects:?}"))
        }
    })
    .await;
}
