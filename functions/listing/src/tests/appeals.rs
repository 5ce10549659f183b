//! Appeals against what was refused: lodged once and in time, decided by somebody else, and what follows where the partner is right.

use jiff::SignedDuration;
use serde_json::{Value, json};
use shared::messages::{AppealVerdict, ListedVerdict, Message, Notice};
use shared::scan::Verdict;
use shared::store::audit::{self, Audited};
use shared::store::catalogue;

use super::standing::{path_of, removal, suspension};
use super::{Answer, Draft, World, content, pointers, text};

impl World {
    /// A version whose package has been scanned.
    async fn scanned(&self, verdict: Verdict) -> Draft {
        let listing = self.listing(&content()).await.id;
        let version = self.version(listing, "1.0.0").await;
        self.scan(&version, verdict).await;
        version
    }

    /// A version that was handed in and that the operator "olga" has rejected; its submission.
    async fn rejected(&self) -> (Draft, String) {
        let version = self.scanned(Verdict::Passed).await;
        let submission = self.submit(&version).await;
        let no = json!({"decision": "reject", "reason_code": "duplicate", "note": "There is one."});
        self.decide(&submission, &no).await.expect(201);
        self.app.take_messages();
        (version, submission)
    }

    /// A version that is on sale no more, because "olga" has taken it down.
    async fn taken_down(&self) -> Draft {
        let pads = self.pads().await;
        self.rule_on(&pads, &removal()).await.expect(201);
        self.app.take_messages();
        pads
    }

    async fn lodge(&self, version: &Draft) -> Answer {
        let appeal = json!({"text": "The other one is ours as well."});
        self.post(&format!("{}/appeals", version.path), &appeal).await
    }

    /// An appeal that waits; its path below the partner.
    pub(super) async fn appealed(&self, version: &Draft) -> String {
        let lodged = self.lodge(version).await.expect(201).json();
        format!("/appeals/{}", text(&lodged, "id"))
    }

    async fn settle(&self, who: &str, appeal: &str, body: &Value) -> Answer {
        self.as_operator(who, &format!("{appeal}/decisions"), body).await
    }

    async fn ask_for_upload(&self, version: &Draft) -> Answer {
        let uploads = format!("{}/uploads", version.path);
        self.post(&uploads, &json!({"size_bytes": 100})).await
    }

    /// What the partner's owner is told about an appeal, and what else is announced with it.
    #[track_caller]
    fn told_of_appeal(&self) -> (AppealVerdict, Vec<Message>) {
        let mut messages = self.app.take_messages().into_iter().map(|sent| sent.message);
        match messages.next() {
            Some(Message::PartnerNotice {
                notice: Notice::Appeal { decision, .. },
                ..
            }) => (decision, messages.collect()),
            other => panic!("{other:?}"),
        }
    }
}

fn upheld() -> Value {
    json!({"decision": "uphold", "reason_code": "unfounded", "note": "It is not the same at all."})
}

fn dismissed() -> Value {
    json!({"decision": "dismiss", "reason_code": "duplicate", "note": "It is the same."})
}

#[tokio::test]
async fn an_appeal_waits_for_a_moderator_and_is_shown() {
    let world = World::new().await;
    let (version, _) = world.rejected().await;
    let answer = world.lodge(&version).await.expect(201);
    let appeal = answer.json();
    let path = format!("/appeals/{}", text(&appeal, "id"));
    assert_eq!(answer.header("location"), Some(world.path(&path).as_str()));
    assert_eq!(
        (text(&appeal, "status"), text(&appeal, "refused"), &appeal["decision"]),
        ("open", "rejected", &Value::Null)
    );
    assert_eq!(appeal["reason_codes"], json!(["duplicate"]));
    assert_eq!(
        text(&appeal, "due_at"),
        "2026-11-25T09:00:00Z",
        "three working days after a Sunday"
    );
    assert_eq!(world.get(&path).await.expect(200).json(), appeal);
    assert_eq!(world.get("/appeals").await.expect(200).json()["items"], json!([appeal]));
    let shown = world.get(&version.path).await.expect(200).json();
    assert_eq!(
        (text(&shown, "status"), &shown["appeal_id"]),
        ("rejected", &appeal["id"])
    );

    let case = world.waits().await;
    assert_eq!(
        (text(&case, "kind"), &case["appeal_id"], &case["reason_codes"]),
        ("appeal", &appeal["id"], &json!(["duplicate"]))
    );
    let evidence = world.evidence(&case).await;
    assert_eq!(evidence["appeal"], appeal);
    assert_eq!(evidence["submission"]["content"]["title"], "Warm Tape Pads");
    assert_eq!(evidence["checks"].as_array().expect("the scan's").len(), 2);
}

#[tokio::test]
async fn an_appeal_is_lodged_once() {
    let world = World::new().await;
    let (version, _) = world.rejected().await;
    let path = world.path(&format!("{}/appeals", version.path));
    let send = async || {
        let request = world.app.post(&path, &json!({"text": "It is not."}));
        let request = request.bearer(&world.app.sign_in("ada"));
        request.idempotency_key("k1").send().await.expect(201).json()
    };
    assert_eq!(send().await, send().await);
    world.lodge(&version).await.expect_problem(409, "already_appealed");
    let lodged = world.get("/appeals").await.json();
    assert_eq!(lodged["items"].as_array().expect("items").len(), 1);
    world.waits().await;
}

#[tokio::test]
async fn only_what_was_refused_is_appealed_against() {
    let world = World::new().await;
    let listing = world.listing(&content()).await.id;
    let version = world.version(listing, "1.0.0").await;
    let refused = async || {
        world.lodge(&version).await.expect_problem(409, "not_refused");
    };
    refused().await;
    for verdict in [Verdict::Errored, Verdict::Quarantined, Verdict::Passed] {
        world.scan(&version, verdict).await;
        refused().await;
    }
    let submission = world.submit(&version).await;
    refused().await;
    world
        .decide(&submission, &json!({"decision": "approve"}))
        .await
        .expect(201);
    refused().await;
    world.publish(&version).await.expect(200);
    refused().await;
    world.rule_on(&version, &suspension()).await.expect(201);
    refused().await;
    world.app.take_messages();
}

#[tokio::test]
async fn an_appeal_says_why() {
    let world = World::new().await;
    let (version, _) = world.rejected().await;
    for body in [
        json!({}),
        json!({"text": ""}),
        json!({"text": " "}),
        json!({"text": "x".repeat(5_001)}),
    ] {
        let refused = world.post(&format!("{}/appeals", version.path), &body).await;
        let problem = refused.expect_problem(422, "invalid_request").json();
        assert_eq!(pointers(&problem), ["/text"], "{problem}");
    }
    assert_eq!(world.waiting().await, Vec::<Value>::new());
}

#[tokio::test]
async fn after_184_days_it_is_too_late() {
    let world = World::new().await;
    let ((first, _), (second, _)) = (world.rejected().await, world.rejected().await);
    world.app.clock.advance(SignedDuration::from_hours(184 * 24));
    world.lodge(&first).await.expect(201);
    world.app.clock.advance(SignedDuration::from_secs(1));
    world.lodge(&second).await.expect_problem(409, "too_late");
}

#[tokio::test]
async fn no_other_package_comes_while_an_appeal_waits() {
    let world = World::new().await;
    let (version, _) = world.rejected().await;
    let appeal = world.appealed(&version).await;
    world.ask_for_upload(&version).await.expect_problem(409, "appeal_open");
    let decided = world.settle("otto", &appeal, &dismissed()).await.expect(201).json();
    assert_eq!(
        (text(&decided, "status"), text(&decided["decision"], "note")),
        ("dismissed", "It is the same.")
    );
    assert_eq!(world.told_of_appeal(), (AppealVerdict::Dismissed, Vec::new()));
    assert_eq!(world.waiting().await, Vec::<Value>::new());
    world.lodge(&version).await.expect_problem(409, "already_appealed");
    world.ask_for_upload(&version).await.expect(201);
    assert_eq!(world.status_of(&version).await, "draft");
}

#[tokio::test]
async fn what_a_review_refused_is_approved_and_published() {
    let world = World::new().await;
    let (version, submission) = world.rejected().await;
    let appeal = world.appealed(&version).await;
    let decided = world.settle("otto", &appeal, &upheld()).await.expect(201).json();
    assert_eq!(
        (text(&decided, "status"), text(&decided["decision"], "reason_code")),
        ("upheld", "unfounded")
    );
    assert_eq!(world.get(&appeal).await.expect(200).json(), decided);
    assert_eq!(world.told_of_appeal(), (AppealVerdict::Upheld, Vec::new()));
    assert_eq!(world.waiting().await, Vec::<Value>::new());
    let shown = world.get(&submission).await.expect(200).json();
    assert_eq!(
        (text(&shown, "status"), text(&shown["decision"], "decision")),
        ("approved", "approve")
    );
    world
        .decide(&submission, &json!({"decision": "approve"}))
        .await
        .expect_problem(409, "already_decided");
    world.publish(&version).await.expect(200);
    assert_eq!(world.seen(version.listing).await.as_deref(), Some("1.0.0"));

    let entries = audit::events(&world.app.store, Audited::Listing(version.listing), None, 10).await;
    let entries = entries.expect("read").items;
    let entry = entries.iter().find(|entry| entry.action == "appeal.uphold");
    let entry = entry.unwrap_or_else(|| panic!("{entries:?}"));
    assert_eq!(
        (entry.actor, format!("/appeals/{}", entry.subject)),
        (world.app.user("otto").await, appeal)
    );
}

#[tokio::test]
async fn what_a_scan_refused_is_scanned_again_without_its_rules() {
    let world = World::new().await;
    for (verdict, reasons) in [
        (Verdict::Quarantined, json!(["malicious"])),
        (Verdict::Rejected, json!(["secrets.github_token"])),
    ] {
        let version = world.scanned(verdict).await;
        if verdict == Verdict::Quarantined {
            let no = json!({"decision": "reject", "reason_code": "malicious", "note": "It calls home."});
            world.rule_on(&version, &no).await.expect(201);
            world.app.take_messages();
        }
        let appeal = world.appealed(&version).await;
        assert_eq!(world.waits().await["reason_codes"], reasons);
        world.settle("otto", &appeal, &upheld()).await.expect(201);
        let (decision, further) = world.told_of_appeal();
        assert_eq!(decision, AppealVerdict::Upheld);
        let [
            Message::ScanAgain {
                version: again, upload, ..
            },
        ] = further.as_slice()
        else {
            panic!("{further:?}")
        };
        assert_eq!(
            (*again, world.status_of(&version).await.as_str()),
            (version.id, "scanning")
        );
        let upload = catalogue::upload(&world.app.store, version.id, *upload).await;
        assert_eq!(upload.expect("read").expect("stored").outcome, None);
        let listing = catalogue::listing(&world.app.store, world.partner, version.listing).await;
        let waived = listing.expect("read").expect("stored").value.waived;
        assert_eq!(waived.into_iter().collect::<Vec<_>>(), ["secrets.github_token"]);
        assert_eq!(world.waiting().await, Vec::<Value>::new());
    }
}

#[tokio::test]
async fn what_was_taken_down_is_listed_as_it_was() {
    let world = World::new().await;
    let pads = world.taken_down().await;
    let appeal = world.appealed(&pads).await;
    assert_eq!(world.waits().await["reason_codes"], json!(["malicious"]));
    world.settle("otto", &appeal, &upheld()).await.expect(201);
    let (decision, further) = world.told_of_appeal();
    assert_eq!(decision, AppealVerdict::Upheld);
    let [Message::TellBuyers { listing, news, .. }] = further.as_slice() else {
        panic!("{further:?}")
    };
    assert_eq!((*listing, news.decision), (pads.listing, ListedVerdict::Reinstated));
    assert_eq!(world.status_of(&pads).await, "published");
    assert_eq!(world.seen(pads.listing).await.as_deref(), Some("1.0.0"));
    assert_eq!(world.waiting().await, Vec::<Value>::new());

    // Taken down once more, it is another refusal.
    world.rule_on(&pads, &removal()).await.expect(201);
    world.app.take_messages();
    let again = world.appealed(&pads).await;
    assert_ne!(again, appeal);
    world.settle("otto", &again, &dismissed()).await.expect(201);
    assert_eq!(world.told_of_appeal(), (AppealVerdict::Dismissed, Vec::new()));
    assert_eq!(world.status_of(&pads).await, "taken_down");
    assert_eq!(world.seen(pads.listing).await, None);
}

#[tokio::test]
async fn somebody_else_decides_about_it() {
    let world = World::new().await;
    let pads = world.taken_down().await;
    let appeal = world.appealed(&pads).await;
    for body in [upheld(), dismissed()] {
        let who_refused = world.settle("olga", &appeal, &body).await;
        who_refused.expect_problem(403, "own_decision");
        let who_appealed = world.settle("ada", &appeal, &body).await;
        who_appealed.expect_problem(403, "own_work");
        let no_operator = world.post(&format!("{appeal}/decisions"), &body).await;
        no_operator.expect_problem(403, "operator_required");
    }
    let claim = format!("{}/claim", path_of(&world.waits().await));
    world.as_operator("otto", &claim, &json!({})).await.expect(200);
    world
        .settle("oscar", &appeal, &upheld())
        .await
        .expect_problem(409, "case_claimed");
    assert_eq!(world.status_of(&pads).await, "taken_down");
    world.settle("otto", &appeal, &upheld()).await.expect(201);
    world.told_of_appeal();
}

#[tokio::test]
async fn an_appeal_is_decided_once_and_for_a_reason() {
    let world = World::new().await;
    let (version, _) = world.rejected().await;
    let appeal = world.appealed(&version).await;
    let check = async |body: Value, expected: &[&str]| {
        let refused = world.settle("otto", &appeal, &body).await;
        let problem = refused.expect_problem(422, "invalid_request").json();
        assert_eq!(pointers(&problem), expected, "{problem}");
    };
    let decision = |decision: &str, reason_code: &str, note: &str| json!({"decision": decision, "reason_code": reason_code, "note": note});
    check(decision("uphold", "malicious", "x"), &["/reason_code"]).await;
    check(decision("dismiss", "false_positive", "x"), &["/reason_code"]).await;
    check(
        decision("dismiss", "under_investigation", " "),
        &["/reason_code", "/note"],
    )
    .await;
    check(json!({"decision": "uphold", "reason_code": "unfounded"}), &["/note"]).await;
    check(json!({"decision": "uphold", "note": "x"}), &["/reason_code"]).await;
    check(decision("approve", "unfounded", "x"), &["/decision"]).await;

    let path = world.path(&format!("{appeal}/decisions"));
    let send = async || {
        let request = world.app.post(&path, &upheld());
        let request = request.bearer(&world.app.sign_in_operator("otto"));
        request.idempotency_key("k1").send().await.expect(201).json()
    };
    assert_eq!(send().await, send().await);
    world.told_of_appeal();
    world
        .settle("otto", &appeal, &dismissed())
        .await
        .expect_problem(409, "already_decided");
}
