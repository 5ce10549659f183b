//! What operators do about what has been published: it is suspended, reinstated, taken down.

use serde_json::{Value, json};
use shared::ids::ListingId;
use shared::messages::{ListedNews, ListedVerdict, Message, Notice};
use shared::scan::Verdict;
use shared::store::audit::{self, Audited};
use shared::store::catalogue;

use super::{Answer, Draft, World, content, pointers, text};

impl World {
    /// A version of this listing that anybody may buy.
    pub(super) async fn on_sale(&self, listing: ListingId, number: &str) -> Draft {
        let version = self.approved(listing, number).await;
        self.publish(&version).await.expect(200);
        version
    }

    /// The only version of a listing that anybody may buy.
    pub(super) async fn pads(&self) -> Draft {
        let listing = self.listing(&content()).await.id;
        self.on_sale(listing, "1.0.0").await
    }

    pub(super) async fn as_operator(&self, who: &str, rest: &str, body: &Value) -> Answer {
        let token = self.app.sign_in_operator(who);
        self.app.post(self.path(rest), body).bearer(&token).send().await
    }

    /// What the operator "olga" decides about a version.
    pub(super) async fn rule_on(&self, version: &Draft, body: &Value) -> Answer {
        let decisions = format!("{}/decisions", version.path);
        self.as_operator("olga", &decisions, body).await
    }

    /// The moderators' queue.
    pub(super) async fn waiting(&self) -> Vec<Value> {
        let asked = self.app.get("/v1/review-cases");
        let queue = asked.bearer(&self.app.sign_in_operator("olga")).send().await;
        queue.expect(200).json()["items"].as_array().expect("items").clone()
    }

    /// The one case that waits.
    pub(super) async fn waits(&self) -> Value {
        let [case] = self.waiting().await.try_into().expect("one case");
        case
    }

    /// What a case shows to an operator.
    pub(super) async fn evidence(&self, case: &Value) -> Value {
        let asked = self.app.get(self.path(&path_of(case)));
        let shown = asked.bearer(&self.app.sign_in_operator("olga")).send().await;
        shown.expect(200).json()
    }

    pub(super) async fn status_of(&self, version: &Draft) -> String {
        let shown = self.get(&version.path).await.expect(200).json();
        text(&shown, "status").to_owned()
    }

    /// What the partner's owner is told, and everybody who has bought this listing.
    #[track_caller]
    fn told_about(&self, listing: ListingId) -> ListedNews {
        let mut messages: Vec<_> = self.app.take_messages().into_iter().map(|sent| sent.message).collect();
        // Where nothing of it is left in the shop, its payment pages are closed besides.
        messages.retain(|message| !matches!(message, Message::ListingWithdrawn { .. }));
        let [
            Message::PartnerNotice {
                notice: Notice::Listed { news },
                ..
            },
            Message::TellBuyers {
                listing: bought,
                news: same,
                after: None,
            },
        ] = messages.as_slice()
        else {
            panic!("{messages:?}")
        };
        assert_eq!((news, listing), (same, *bought));
        news.clone()
    }
}

/// The path of a case, below the partner.
pub(super) fn path_of(case: &Value) -> String {
    format!("/review-cases/{}", text(case, "id"))
}

pub(super) fn suspension() -> Value {
    json!({"decision": "suspend", "reason_code": "under_investigation", "note": "Somebody says that it calls home."})
}

pub(super) fn removal() -> Value {
    json!({"decision": "take_down", "reason_code": "malicious", "note": "It calls home."})
}

fn reinstatement() -> Value {
    json!({"decision": "reinstate", "reason_code": "unfounded", "note": "It asks for its licence."})
}

#[tokio::test]
async fn what_is_suspended_is_not_seen_and_waits_for_a_moderator() {
    let world = World::new().await;
    let pads = world.pads().await;
    let stopped = world.rule_on(&pads, &suspension()).await.expect(201).json();
    assert_eq!(
        (text(&stopped, "status"), text(&stopped["stop"], "reason_code")),
        ("suspended", "under_investigation")
    );
    assert_eq!(world.get(&pads.path).await.json()["stop"], stopped["stop"]);
    let shelf = catalogue::shelf(&world.app.store, None, None, 10).await.expect("read");
    assert_eq!((world.seen(pads.listing).await, shelf.items.len()), (None, 0));
    let listing = world.get(&format!("/listings/{}", pads.listing)).await.json();
    assert_eq!(text(&listing, "status"), "unlisted");
    let news = world.told_about(pads.listing);
    assert_eq!(
        (
            news.listing_title.as_str(),
            news.version.as_str(),
            news.reason_code.as_str()
        ),
        ("Warm Tape Pads", "1.0.0", "under_investigation")
    );
    assert_eq!(news.decision, ListedVerdict::Suspended);

    let case = world.waits().await;
    assert_eq!(
        (text(&case, "kind"), &case["reason_codes"], &case["version_id"]),
        ("suspension", &json!(["under_investigation"]), &json!(pads.id))
    );
    let evidence = world.evidence(&case).await;
    assert_eq!(evidence["submission"]["content"]["title"], "Warm Tape Pads");
    assert_eq!(evidence["checks"].as_array().expect("the scan's").len(), 2);
}

#[tokio::test]
async fn what_is_reinstated_is_seen_as_before() {
    let world = World::new().await;
    let pads = world.pads().await;
    let before = world.get(&pads.path).await.json();
    world.rule_on(&pads, &suspension()).await.expect(201);
    world.told_about(pads.listing);
    let back = world.rule_on(&pads, &reinstatement()).await.expect(201).json();
    assert_eq!(world.told_about(pads.listing).decision, ListedVerdict::Reinstated);
    assert_eq!(world.seen(pads.listing).await.as_deref(), Some("1.0.0"));
    assert_eq!(world.waiting().await, Vec::<Value>::new());
    let now = world.get(&pads.path).await.json();
    assert_eq!((&now, &back["stop"]), (&before, &Value::Null));

    let entries = audit::events(&world.app.store, Audited::Listing(pads.listing), None, 10).await;
    let entries = entries.expect("read").items;
    let reason_of = |action: &str| {
        let entry = entries.iter().find(|entry| entry.action == action);
        entry.unwrap_or_else(|| panic!("no {action}")).reason_code.as_deref()
    };
    assert_eq!(
        (reason_of("version.suspend"), reason_of("version.reinstate")),
        (Some("under_investigation"), Some("unfounded"))
    );
}

#[tokio::test]
async fn what_is_taken_down_stays_down() {
    let world = World::new().await;
    let at_once = world.pads().await;
    let looked_into = world.on_sale(at_once.listing, "2.0.0").await;
    world.rule_on(&looked_into, &suspension()).await.expect(201);
    world.told_about(at_once.listing);
    for version in [&at_once, &looked_into] {
        let gone = world.rule_on(version, &removal()).await.expect(201).json();
        assert_eq!(text(&gone, "status"), "taken_down");
        assert_eq!(world.told_about(version.listing).decision, ListedVerdict::TakenDown);
        assert_eq!(world.seen(version.listing).await, None);
    }
    assert_eq!(world.waiting().await, Vec::<Value>::new(), "the suspension has ended");
    for again in [suspension(), reinstatement(), removal()] {
        world.rule_on(&at_once, &again).await.expect_problem(409, "not_now");
    }
    world.publish(&at_once).await.expect_problem(409, "not_approved");
    world.yank(&at_once).await.expect_problem(409, "not_published");
    let uploads = format!("{}/uploads", at_once.path);
    let other = world.post(&uploads, &json!({"size_bytes": 100})).await;
    other.expect_problem(409, "version_not_open");
}

#[tokio::test]
async fn the_next_best_version_is_seen_meanwhile() {
    let world = World::new().await;
    let first = world.pads().await;
    let second = world.on_sale(first.listing, "2.0.0").await;
    let seen = async || world.seen(first.listing).await;
    world.rule_on(&second, &suspension()).await.expect(201);
    assert_eq!(seen().await.as_deref(), Some("1.0.0"));
    world.rule_on(&first, &suspension()).await.expect(201);
    assert_eq!((seen().await, world.waiting().await.len()), (None, 2));
    world.rule_on(&second, &reinstatement()).await.expect(201);
    assert_eq!(seen().await.as_deref(), Some("2.0.0"));
    world.rule_on(&first, &reinstatement()).await.expect(201);
    assert_eq!(seen().await.as_deref(), Some("2.0.0"), "the highest is what is seen");
    assert_eq!(
        world.app.take_messages().len(),
        9,
        "two for each decision, and one when nothing is left in the shop"
    );
}

#[tokio::test]
async fn what_is_yanked_is_stopped_too_and_stays_yanked() {
    let world = World::new().await;
    let pads = world.pads().await;
    world.yank(&pads).await.expect(200);
    for (body, status) in [(suspension(), "suspended"), (reinstatement(), "yanked")] {
        let decided = world.rule_on(&pads, &body).await.expect(201).json();
        assert_eq!(text(&decided, "status"), status);
        assert_eq!(world.seen(pads.listing).await, None);
        world.told_about(pads.listing);
    }
}

#[tokio::test]
async fn only_what_has_been_published_is_stopped() {
    let world = World::new().await;
    let listing = world.listing(&content()).await.id;
    let version = world.version(listing, "1.0.0").await;
    let refused = async || {
        for body in [suspension(), reinstatement(), removal()] {
            world.rule_on(&version, &body).await.expect_problem(409, "not_now");
        }
    };
    refused().await;
    for verdict in [Verdict::Quarantined, Verdict::Passed] {
        world.scan(&version, verdict).await;
        refused().await;
    }
    let submission = world.submit(&version).await;
    refused().await;
    world
        .decide(&submission, &json!({"decision": "approve"}))
        .await
        .expect(201);
    world.app.take_messages();
    refused().await;
    world.publish(&version).await.expect(200);
    world
        .rule_on(&version, &reinstatement())
        .await
        .expect_problem(409, "not_now");
    let release = json!({"decision": "release", "reason_code": "false_positive", "note": "It is an example."});
    world.rule_on(&version, &release).await.expect_problem(409, "not_held");
    assert_eq!(world.seen(listing).await.as_deref(), Some("1.0.0"));
}

#[tokio::test]
async fn what_is_stopped_or_comes_back_does_so_for_a_reason() {
    let world = World::new().await;
    let pads = world.pads().await;
    let check = async |body: Value, expected: &[&str]| {
        let refused = world.rule_on(&pads, &body).await;
        let problem = refused.expect_problem(422, "invalid_request").json();
        assert_eq!(pointers(&problem), expected, "{problem}");
    };
    let decision = |decision: &str, reason_code: &str, note: &str| json!({"decision": decision, "reason_code": reason_code, "note": note});
    check(decision("suspend", "because", "x"), &["/reason_code"]).await;
    check(decision("suspend", "false_positive", "x"), &["/reason_code"]).await;
    check(decision("take_down", "under_investigation", "x"), &["/reason_code"]).await;
    check(
        decision("take_down", "meets_guidelines", " "),
        &["/reason_code", "/note"],
    )
    .await;
    check(decision("suspend", "spam", &"x".repeat(5_001)), &["/note"]).await;
    check(json!({"decision": "suspend", "reason_code": "spam"}), &["/note"]).await;
    check(json!({"decision": "suspend", "note": "x"}), &["/reason_code"]).await;
    check(decision("ban", "spam", "x"), &["/decision"]).await;
    assert_eq!(world.seen(pads.listing).await.as_deref(), Some("1.0.0"));

    world.rule_on(&pads, &suspension()).await.expect(201);
    world.told_about(pads.listing);
    check(decision("reinstate", "malicious", "x"), &["/reason_code"]).await;
    assert_eq!(world.status_of(&pads).await, "suspended");
}

#[tokio::test]
async fn nobody_stops_or_brings_back_their_own_team_s_work() {
    let world = World::new().await;
    let pads = world.pads().await;
    let decisions = format!("{}/decisions", pads.path);
    world.colleague("otto").await;
    let refused = async |body: Value| {
        for who in ["ada", "otto"] {
            let own = world.as_operator(who, &decisions, &body).await;
            own.expect_problem(403, "own_work");
        }
        let no_operator = world.post(&decisions, &body).await;
        no_operator.expect_problem(403, "operator_required");
    };
    refused(suspension()).await;
    assert_eq!(world.status_of(&pads).await, "published");
    world.rule_on(&pads, &suspension()).await.expect(201);
    world.told_about(pads.listing);
    refused(reinstatement()).await;
    refused(removal()).await;
    assert_eq!(world.status_of(&pads).await, "suspended");
}

#[tokio::test]
async fn who_has_claimed_a_suspension_decides_about_it() {
    let world = World::new().await;
    let pads = world.pads().await;
    world.rule_on(&pads, &suspension()).await.expect(201);
    let claim = format!("{}/claim", path_of(&world.waits().await));
    world.as_operator("otto", &claim, &json!({})).await.expect(200);
    world
        .rule_on(&pads, &reinstatement())
        .await
        .expect_problem(409, "case_claimed");
    world
        .rule_on(&pads, &removal())
        .await
        .expect_problem(409, "case_claimed");
    let decisions = format!("{}/decisions", pads.path);
    world
        .as_operator("otto", &decisions, &reinstatement())
        .await
        .expect(201);
    assert_eq!(
        world.app.take_messages().len(),
        5,
        "two for each decision, and one when nothing is left in the shop"
    );
}

#[tokio::test]
async fn a_suspension_sent_twice_is_made_once() {
    let world = World::new().await;
    let pads = world.pads().await;
    let path = world.path(&format!("{}/decisions", pads.path));
    let send = async || {
        let request = world.app.post(&path, &suspension());
        let request = request.bearer(&world.app.sign_in_operator("olga"));
        request.idempotency_key("k1").send().await.expect(201).json()
    };
    assert_eq!(send().await, send().await);
    world.told_about(pads.listing);
    world.waits().await;
}
