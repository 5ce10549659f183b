//! What waits for a moderator: the queue, claims, and decisions about what a scan holds.

use jiff::SignedDuration;
use serde_json::{Value, json};
use shared::listing::Status;
use shared::messages::{HeldVerdict, Message, Notice};
use shared::scan::Verdict;
use shared::store::catalogue;

use super::{Draft, World, content, pointers, text};

impl World {
    async fn draft(&self) -> Draft {
        let listing = self.listing(&content()).await.id;
        self.version(listing, "1.0.0").await
    }

    /// A version whose package is held.
    async fn held(&self) -> Draft {
        let version = self.draft().await;
        self.scan(&version, Verdict::Quarantined).await;
        version
    }

    /// The queue as an operator sees it.
    async fn queue(&self) -> Vec<Value> {
        let asked = self
            .app
            .get("/v1/review-cases")
            .bearer(&self.app.sign_in_operator("olga"));
        asked.send().await.expect(200).json()["items"]
            .as_array()
            .expect("items")
            .clone()
    }

    /// The path of the case about this version, below the partner.
    async fn case(&self, version: &Draft) -> String {
        let queue = self.queue().await;
        let case = queue.iter().find(|case| case["version_id"] == json!(version.id));
        format!("/review-cases/{}", text(case.expect("it waits"), "id"))
    }

    async fn ask(&self, who: &str, path: &str, body: &Value) -> super::Answer {
        let token = self.app.sign_in_operator(who);
        self.app.post(self.path(path), body).bearer(&token).send().await
    }

    async fn status(&self, version: &Draft) -> Status {
        let found = catalogue::version(&self.app.store, version.listing, version.id).await;
        found.expect("read").expect("stored").status()
    }
}

fn release() -> Value {
    json!({"decision": "release", "reason_code": "harmless_here", "note": "An example from the documentation."})
}

fn refusal() -> Value {
    json!({"decision": "reject", "reason_code": "malicious", "note": "It calls home."})
}

#[tokio::test]
async fn the_queue_holds_what_waits_by_age_and_risk() {
    let world = World::new().await;
    let (submitted, held) = (world.draft().await, world.draft().await);
    world.scan(&submitted, Verdict::Passed).await;
    let submission = world.submit(&submitted).await;
    world.app.clock.advance(SignedDuration::from_hours(47));
    world.scan(&held, Verdict::Quarantined).await;
    let kinds = |queue: &[Value]| {
        queue
            .iter()
            .map(|case| text(case, "kind").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        kinds(&world.queue().await),
        ["held_scan", "submission"],
        "a secret weighs two days"
    );
    world.app.clock.advance(SignedDuration::from_mins(30));
    let later = world.held().await;
    world.app.clock.advance(SignedDuration::from_hours(2));
    let ids: Vec<_> = world
        .queue()
        .await
        .iter()
        .map(|case| case["version_id"].clone())
        .collect();
    assert_eq!(ids, [json!(held.id), json!(later.id), json!(submitted.id)]);

    world
        .decide(&submission, &json!({"decision": "approve"}))
        .await
        .expect(201);
    assert_eq!(kinds(&world.queue().await), ["held_scan"; 2]);
    world.app.take_messages();
    // Another package takes the place of the held one, which nobody needs to look at any more.
    let asked = world
        .post(&format!("{}/uploads", later.path), &json!({"size_bytes": 100}))
        .await;
    asked.expect(201);
    assert_eq!(world.queue().await.len(), 1);
    let curious = world.app.get("/v1/review-cases").bearer(&world.app.sign_in("ada"));
    curious.send().await.expect_problem(403, "operator_required");
}

#[tokio::test]
async fn a_case_shows_its_evidence() {
    let world = World::new().await;
    let held = world.held().await;
    let path = world.path(&world.case(&held).await);
    let olga = world.app.sign_in_operator("olga");
    let shown = world.app.get(&path).bearer(&olga).send().await.expect(200).json();
    assert_eq!(shown["reason_codes"], json!(["secrets.github_token"]));
    assert_eq!(
        (&shown["submission"], shown["checks"].as_array().map(Vec::len)),
        (&Value::Null, Some(2))
    );
    let ada = world.app.sign_in("ada");
    world
        .app
        .get(&path)
        .bearer(&ada)
        .send()
        .await
        .expect_problem(403, "operator_required");

    let submitted = world.draft().await;
    world.scan(&submitted, Verdict::Passed).await;
    world.submit(&submitted).await;
    let path = world.path(&world.case(&submitted).await);
    let shown = world.app.get(&path).bearer(&olga).send().await.expect(200).json();
    assert_eq!(shown["submission"]["content"]["title"], "Warm Tape Pads");
}

#[tokio::test]
async fn texts_that_stand_out_are_named_and_come_first() {
    let world = World::new().await;
    for (number, title) in ["Warm Tape Pads", "Pads for cocaine nights"].into_iter().enumerate() {
        let listing = world.listing(&super::with("title", json!(title))).await.id;
        let version = world.version(listing, &format!("1.0.{number}")).await;
        world.scan(&version, Verdict::Passed).await;
        world.submit(&version).await;
    }
    let queue = world.queue().await;
    assert_eq!(
        queue[0]["remarks"],
        json!([{"kind": "drugs", "pointer": "/title", "excerpt": "Pads for cocaine nights"}])
    );
    assert_eq!(queue[1]["remarks"], json!([]));
}

#[tokio::test]
async fn who_has_claimed_a_case_decides_about_it() {
    let world = World::new().await;
    let held = world.held().await;
    let case = world.case(&held).await;
    let (claim, give_back) = (format!("{case}/claim"), format!("{case}/release"));
    let decisions = format!("{}/decisions", held.path);
    let claimed = world.ask("olga", &claim, &json!({})).await.expect(200).json();
    assert_eq!(claimed["claim"]["by"], json!(world.app.user("olga").await));
    world
        .ask("otto", &claim, &json!({}))
        .await
        .expect_problem(409, "case_claimed");
    world
        .ask("otto", &decisions, &release())
        .await
        .expect_problem(409, "case_claimed");
    world
        .ask("otto", &give_back, &json!({}))
        .await
        .expect_problem(409, "case_not_claimed");
    world.ask("olga", &give_back, &json!({})).await.expect(200);
    world.ask("otto", &claim, &json!({})).await.expect(200);
    world.app.clock.advance(SignedDuration::from_hours(5));
    world.ask("olga", &decisions, &release()).await.expect(201);
    world.app.take_messages();
    world
        .ask("olga", &claim, &json!({}))
        .await
        .expect_problem(404, "not_found");
}

#[tokio::test]
async fn what_is_released_is_scanned_again() {
    let world = World::new().await;
    let held = world.held().await;
    let decided = world.ask("olga", &format!("{}/decisions", held.path), &release()).await;
    assert_eq!(text(&decided.expect(201).json(), "status"), "scanning");
    let messages: Vec<_> = world.app.take_messages().into_iter().map(|sent| sent.message).collect();
    let [
        Message::PartnerNotice {
            notice: Notice::HeldScan { decision, .. },
            ..
        },
        Message::ScanAgain { version, upload, .. },
    ] = messages.as_slice()
    else {
        panic!("{messages:?}")
    };
    assert_eq!((*decision, *version), (HeldVerdict::Released, held.id));
    let upload = catalogue::upload(&world.app.store, held.id, *upload).await;
    let upload = upload.expect("read").expect("stored");
    assert_eq!(upload.waived().collect::<Vec<_>>(), ["secrets.github_token"]);
    assert_eq!(upload.outcome, None);
    let shown = world.get(&held.path).await.expect(200).json();
    assert_eq!(shown["held_decisions"][0]["note"], "An example from the documentation.");
    world
        .ask("olga", &format!("{}/decisions", held.path), &release())
        .await
        .expect_problem(409, "not_held");
}

#[tokio::test]
async fn what_is_refused_makes_room_for_another_package() {
    let world = World::new().await;
    let held = world.held().await;
    let decisions = format!("{}/decisions", held.path);
    let refused = world.ask("olga", &decisions, &refusal()).await.expect(201).json();
    assert_eq!(
        (text(&refused, "status"), &refused["reason_codes"]),
        ("rejected", &json!(["malicious"]))
    );
    assert_eq!(world.app.take_messages().len(), 1, "the notice, and no scan");
    world.scan(&held, Verdict::Passed).await;
    assert_eq!(world.status(&held).await, Status::Passed);
}

#[tokio::test]
async fn nobody_releases_their_own_team_s_package() {
    let world = World::new().await;
    let held = world.held().await;
    let decisions = format!("{}/decisions", held.path);
    let claim = format!("{}/claim", world.case(&held).await);
    world
        .ask("ada", &decisions, &release())
        .await
        .expect_problem(403, "own_work");
    world
        .ask("ada", &claim, &json!({}))
        .await
        .expect_problem(403, "own_work");
    assert_eq!(world.status(&held).await, Status::Quarantined);
}

#[tokio::test]
async fn a_decision_about_a_held_package_needs_a_fitting_reason() {
    let world = World::new().await;
    let held = world.held().await;
    let decisions = format!("{}/decisions", held.path);
    let check = async |body: Value, expected: &[&str]| {
        let refused = world.ask("olga", &decisions, &body).await;
        let problem = refused.expect_problem(422, "invalid_request").json();
        assert_eq!(pointers(&problem), expected, "{problem}");
    };
    check(
        json!({"decision": "approve", "reason_code": "meets_guidelines", "note": "x"}),
        &["/decision"],
    )
    .await;
    check(
        json!({"decision": "release", "reason_code": "malicious", "note": "x"}),
        &["/reason_code"],
    )
    .await;
    check(
        json!({"decision": "reject", "reason_code": "false_positive", "note": " "}),
        &["/reason_code", "/note"],
    )
    .await;
    check(json!({"decision": "reject", "note": "x"}), &["/reason_code"]).await;
}

#[tokio::test]
async fn a_decision_sent_twice_is_made_once() {
    let world = World::new().await;
    let held = world.held().await;
    let path = world.path(&format!("{}/decisions", held.path));
    let send = async || {
        let request = world
            .app
            .post(&path, &release())
            .bearer(&world.app.sign_in_operator("olga"));
        request.idempotency_key("k1").send().await.expect(201).json()
    };
    assert_eq!(send().await, send().await);
    assert_eq!(world.app.take_messages().len(), 2);
}

#[tokio::test]
async fn every_reason_is_explained_to_everybody() {
    let world = World::new().await;
    let reasons = world.app.get("/v1/review-reasons").send().await.expect(200).json();
    let reasons = reasons["items"].as_array().expect("items");
    let of = |code: &str| {
        let reason = reasons
            .iter()
            .find(|reason| reason["code"] == code)
            .expect("on the list");
        reason["decisions"].clone()
    };
    let refusals = ["delay_rejection", "reject", "suspend", "take_down", "dismiss", "close"];
    assert_eq!(of("spam"), json!(refusals));
    assert_eq!(of("low_quality"), json!([&["request_changes"][..], &refusals].concat()));
    assert_eq!(of("harmless_here"), json!(["release", "reinstate", "uphold", "close"]));
    assert_eq!(of("found_by_rescan"), json!(["suspend"]));
    assert!(reasons.iter().all(|reason| text(reason, "explanation").ends_with('.')));
}
