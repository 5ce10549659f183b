//! Every route in-process: the story of a version from draft to shop, and everything that is refused.

mod access;
mod appeals;
mod cases;
mod drafts;
mod events;
mod release;
mod replies;
mod reports;
mod rescans;
mod review;
mod standing;
mod updates;
mod uploads;

use serde_json::{Value, json};
use shared::ids::{ListingId, PartnerId, VersionId};
use shared::listing::{Arrival, Listing, arrive, conclude, sample};
use shared::messages::{Envelope, Message};
use shared::partner::agreement::{self, CURRENT_VERSION};
use shared::partner::{self, Act, Application, Country, Decision, HoldReason, PartnerName, SupportEmail, decide};
use shared::scan::{Check, CheckOutcome, Finding, Severity, Summary, Verdict};
use shared::store::accounts::Role;
use shared::store::{catalogue, partners};
use shared::testing::{Answer, TestApp};

use crate::{Context, routes};

/// The function, with one partner whose owner is "ada".
pub(crate) struct World {
    app: TestApp,
    partner: PartnerId,
}

/// How far the partner of a world has come.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
enum Standing {
    Applied,
    Agreed,
    Approved,
}

impl World {
    /// With an approved partner.
    async fn new() -> Self {
        Self::with(Standing::Approved).await
    }

    async fn with(standing: Standing) -> Self {
        let app = TestApp::new(|world| {
            let (edge, store, objects) = (world.edge.clone(), world.store.clone(), world.objects.clone());
            shared::http::router(
                routes(),
                Context {
                    edge,
                    store,
                    objects,
                    currency: "EUR".parse().expect("a currency"),
                },
            )
        });
        let partner = "ptn_01kb2000000e9v1s2d3f4g5h6j".parse().expect("an id");
        let world = Self { app, partner };
        world.apply(standing).await;
        world
    }

    async fn apply(&self, standing: Standing) {
        let owner = self.app.user("ada").await;
        let application = Application {
            name: PartnerName::parse("Nordlicht Audio").expect("a name"),
            country: Country::parse("DE").expect("a country"),
            support_email: SupportEmail::parse("help@nordlicht.example").expect("an address"),
            website: None,
            about: "Pads for slow music, made by hand.".into(),
        };
        let mut applied = partner::apply::apply(application, self.act(owner));
        applied.partner.id = self.partner;
        partners::create(&self.app.store, &applied).await.expect("written");
        if standing >= Standing::Agreed {
            self.change(|partner, act| agreement::accept(partner, CURRENT_VERSION, act).expect("accepted"))
                .await;
        }
        if standing >= Standing::Approved {
            let approve = Decision::Approve { evidence: None };
            self.change(|partner, act| decide::decide(partner, &approve, act).expect("approved"))
                .await;
        }
        self.app.take_messages();
    }

    fn act(&self, actor: shared::ids::UserId) -> Act {
        Act {
            actor,
            now: self.app.now(),
            seed: self.app.seed(),
        }
    }

    async fn change(&self, change: impl FnOnce(&partner::Partner, Act) -> partner::Change) {
        let actor = self.app.user("ada").await;
        let partner = partners::load(&self.app.store, self.partner)
            .await
            .expect("read")
            .expect("applied");
        let change = change(&partner, self.act(actor));
        partners::save(&self.app.store, &change, partner.revision, [])
            .await
            .expect("written");
    }

    async fn suspend(&self) {
        let decision = Decision::Suspend {
            reason: HoldReason::FraudSuspected,
            evidence: "Forty cards.".into(),
        };
        self.change(|partner, act| decide::decide(partner, &decision, act).expect("suspended"))
            .await;
        self.app.take_messages();
    }

    fn path(&self, rest: &str) -> String {
        format!("/v1/partners/{}{rest}", self.partner)
    }

    async fn get(&self, rest: &str) -> Answer {
        self.app
            .get(self.path(rest))
            .bearer(&self.app.sign_in("ada"))
            .send()
            .await
    }

    async fn post(&self, rest: &str, body: &Value) -> Answer {
        self.app
            .post(self.path(rest), body)
            .bearer(&self.app.sign_in("ada"))
            .send()
            .await
    }

    async fn listing(&self, body: &Value) -> Listing {
        let made = self.post("/listings", body).await.expect(201).json();
        let id: ListingId = text(&made, "id").parse().expect("an id");
        catalogue::listing(&self.app.store, self.partner, id)
            .await
            .expect("read")
            .expect("stored")
            .value
    }

    /// A new version of the listing; its path below the partner, and its id.
    async fn version(&self, listing: ListingId, number: &str) -> Draft {
        let made = self
            .post(&format!("/listings/{listing}/versions"), &json!({"number": number}))
            .await
            .expect(201)
            .json();
        let id: VersionId = text(&made, "id").parse().expect("an id");
        Draft {
            listing,
            id,
            path: format!("/listings/{listing}/versions/{id}"),
        }
    }

    /// Asks for an upload, and has a scan come to this verdict, as the scanning function stores it.
    async fn scan(&self, version: &Draft, verdict: Verdict) {
        let size_bytes = sample::passed().size_bytes;
        self.post(&format!("{}/uploads", version.path), &json!({"size_bytes": size_bytes}))
            .await
            .expect(201);
        let store = &self.app.store;
        let waiting = catalogue::version(store, version.listing, version.id)
            .await
            .expect("read")
            .expect("stored");
        let upload = catalogue::upload(store, version.id, waiting.upload().expect("asked for")).await;
        let upload = upload.expect("read").expect("stored");
        let Arrival::Begin(scanning) = arrive(&waiting, &upload, "q-1", self.app.now()) else {
            panic!("the first bytes")
        };
        catalogue::begin_scan(store, &scanning, waiting.revision)
            .await
            .expect("written");
        let reason_codes = if verdict == Verdict::Passed {
            Vec::new()
        } else {
            vec!["secrets.github_token".to_owned()]
        };
        let summary = Summary {
            verdict,
            reason_codes,
            ..sample::passed()
        };
        let clean = (verdict == Verdict::Passed).then_some("c-1");
        let listing = catalogue::listing(store, self.partner, version.listing).await;
        let listing = listing.expect("read").expect("stored");
        let seed = self.app.seed();
        let scanned = conclude(&listing, &scanning, &upload, "q-1", summary, clean, &seed).expect("current");
        let finding = Finding {
            rule: "archive.comment".into(),
            severity: Severity::Info,
            path: None,
            offset: Some(7),
            evidence: "a comment".into(),
            remedy: "Nothing needs to be done.".into(),
        };
        let checks = [
            Check::new("archive", CheckOutcome::Passed, vec![finding], self.app.now()),
            Check::new("eicar", CheckOutcome::Passed, Vec::new(), self.app.now()),
        ];
        catalogue::record_scan(store, &scanned, waiting.revision + 1, upload.revision, &checks)
            .await
            .expect("written");
    }

    /// Hands the version in; the submission's path below the partner.
    async fn submit(&self, version: &Draft) -> String {
        let made = self
            .post(&format!("{}/submissions", version.path), &json!({}))
            .await
            .expect(201)
            .json();
        format!("/submissions/{}", text(&made, "id"))
    }

    /// As the operator "olga".
    async fn decide(&self, submission: &str, body: &Value) -> Answer {
        let path = self.path(&format!("{submission}/decisions"));
        self.app
            .post(path, body)
            .bearer(&self.app.sign_in_operator("olga"))
            .send()
            .await
    }

    /// A version that may be published.
    async fn approved(&self, listing: ListingId, number: &str) -> Draft {
        let version = self.version(listing, number).await;
        self.scan(&version, Verdict::Passed).await;
        let submission = self.submit(&version).await;
        self.decide(&submission, &json!({"decision": "approve"}))
            .await
            .expect(201);
        self.app.take_messages();
        version
    }

    async fn publish(&self, version: &Draft) -> Answer {
        self.post(&format!("{}/publish", version.path), &json!({})).await
    }

    async fn yank(&self, version: &Draft) -> Answer {
        let before = self.seen(version.listing).await;
        let answer = self
            .post(&format!("{}/yank", version.path), &json!({"reason_code": "withdrawn"}))
            .await;
        if before.is_some() && self.seen(version.listing).await.is_none() {
            let sent = self.app.take_messages();
            let is_told = |sent: &Envelope| matches!(sent.message, Message::ListingWithdrawn { listing, .. } if listing == version.listing);
            assert!(sent.iter().any(is_told), "payment pages are closed: {sent:?}");
        }
        answer
    }

    /// What the public sees of the listing, as its version number.
    async fn seen(&self, listing: ListingId) -> Option<String> {
        let published = catalogue::published(&self.app.store, listing).await.expect("read");
        published.map(|published| published.latest.number.to_string())
    }

    async fn colleague(&self, name: &str) {
        self.app.join(self.partner, name, Role::Member).await;
    }
}

/// A version in a test.
#[derive(Debug, Clone)]
struct Draft {
    listing: ListingId,
    id: VersionId,
    path: String,
}

fn content() -> Value {
    json!({
        "title": "Warm Tape Pads",
        "summary": "Forty slow pads, recorded to tape.",
        "description": "# Warm Tape Pads\n\nForty pads with long tails.",
        "category": "presets",
        "content_type": "synth-preset",
        "price": {"amount": 1299, "currency": "EUR"},
        "tags": ["warm", "ambient"],
    })
}

fn with(field: &str, value: Value) -> Value {
    let mut content = content();
    content[field] = value;
    content
}

#[track_caller]
fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("no {field} in {value}"))
}

#[track_caller]
fn pointers(problem: &Value) -> Vec<&str> {
    problem["errors"]
        .as_array()
        .expect("errors")
        .iter()
        .filter_map(|error| error["pointer"].as_str())
        .collect()
}
