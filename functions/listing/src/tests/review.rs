//! Handing in, the queue, and decisions.

use serde_json::{Value, json};
use shared::messages::{Message, Notice};
use shared::scan::Verdict;

use super::{World, content, pointers, text};

async fn submitted(world: &World) -> (super::Draft, String) {
    let listing = world.listing(&content()).await.id;
    let version = world.version(listing, "1.0.0").await;
    world.scan(&version, Verdict::Passed).await;
    let submission = world.submit(&version).await;
    (version, submission)
}

#[tokio::test]
async fn a_submission_freezes_what_is_decided_on() {
    let world = World::new().await;
    let (version, submission) = submitted(&world).await;
    let path = world.path(&format!("/listings/{}", version.listing));
    let change = json!({"title": "Something else", "price": {"amount": 99_900, "currency": "EUR"}});
    world
        .app
        .patch(path, &change)
        .bearer(&world.app.sign_in("ada"))
        .send()
        .await
        .expect(200);

    let shown = world.get(&submission).await.expect(200).json();
    assert_eq!(
        (text(&shown, "status"), text(&shown["content"], "title")),
        ("in_review", "Warm Tape Pads")
    );
    assert_eq!(shown["content"]["price"]["amount"], 1299);
    assert_eq!(text(&shown["artifact"], "sha256"), "5e".repeat(32));
    assert_eq!(
        text(&shown, "due_at"),
        "2026-11-25T09:00:00Z",
        "three working days after a Sunday"
    );
    assert_eq!(shown["checks"].as_array().expect("the evidence").len(), 2);
    assert_eq!(shown["decision"], Value::Null);

    let again = world.post(&format!("{}/submissions", version.path), &json!({})).await;
    again.expect_problem(409, "scan_not_passed");
    let own = world.get("/submissions").await.expect(200).json();
    assert_eq!(own["items"].as_array().expect("items").len(), 1);
}

#[tokio::test]
async fn a_decision_moves_the_version_tells_the_owner_and_leaves_an_entry() {
    let world = World::new().await;
    for (body, status, reason) in [
        (
            json!({"decision": "approve", "note": "Lovely."}),
            "approved",
            "meets_guidelines",
        ),
        (
            json!({"decision": "request_changes", "reason_code": "does_not_work", "note": "Crashes."}),
            "changes_requested",
            "does_not_work",
        ),
        (
            json!({"decision": "reject", "reason_code": "spam", "note": "The tenth of its kind."}),
            "rejected",
            "spam",
        ),
    ] {
        let (version, submission) = submitted(&world).await;
        let decided = world.decide(&submission, &body).await.expect(201).json();
        assert_eq!(
            (text(&decided, "status"), text(&decided["decision"], "reason_code")),
            (status, reason)
        );
        assert_eq!(text(&world.get(&version.path).await.json(), "status"), status);

        let messages = world.app.take_messages();
        let [Message::PartnerNotice { user, notice, .. }] =
            &messages.iter().map(|m| m.message.clone()).collect::<Vec<_>>()[..]
        else {
            panic!("one notice: {messages:?}")
        };
        assert_eq!(*user, world.app.user("ada").await);
        let Notice::Submission {
            listing_title,
            decision,
            reason_code,
            ..
        } = notice
        else {
            panic!("{notice:?}")
        };
        assert_eq!(
            (listing_title.as_str(), json!(decision), reason_code.as_str()),
            ("Warm Tape Pads", json!(status), reason)
        );

        let path = world.path(&format!("/listings/{}/audit-events", version.listing));
        let operator = world.app.sign_in_operator("olga");
        let audit = world.app.get(&path).bearer(&operator).send().await.expect(200).json();
        let [entry] = audit["items"].as_array().expect("entries").as_slice() else {
            panic!("one entry: {audit}")
        };
        assert_eq!(text(entry, "action"), format!("submission.{}", text(&body, "decision")));
        assert_eq!(entry["actor"], json!(world.app.user("olga").await));
        let hers = world.get(&format!("/listings/{}/audit-events", version.listing)).await;
        hers.expect_problem(403, "operator_required");
        world
            .decide(&submission, &json!({"decision": "approve"}))
            .await
            .expect_problem(409, "already_decided");
    }
}

#[tokio::test]
async fn a_decision_needs_a_fitting_reason() {
    let world = World::new().await;
    let (_, submission) = submitted(&world).await;
    let check = async |body: Value, expected: &[&str]| {
        let problem = world
            .decide(&submission, &body)
            .await
            .expect_problem(422, "invalid_request")
            .json();
        assert_eq!(pointers(&problem), expected, "{problem}");
    };
    check(json!({}), &["/decision"]).await;
    check(json!({"decision": "maybe"}), &["/decision"]).await;
    check(json!({"decision": "release"}), &["/decision"]).await;
    check(json!({"decision": "reject"}), &["/reason_code", "/note"]).await;
    check(
        json!({"decision": "reject", "reason_code": "because", "note": "x"}),
        &["/reason_code"],
    )
    .await;
    check(
        json!({"decision": "reject", "reason_code": "meets_guidelines", "note": "x"}),
        &["/reason_code"],
    )
    .await;
    check(
        json!({"decision": "request_changes", "reason_code": "low_quality", "note": " "}),
        &["/note"],
    )
    .await;
}

#[tokio::test]
async fn nobody_decides_about_their_own_team_s_work() {
    let world = World::new().await;
    let (_, submission) = submitted(&world).await;
    let decide = async |token: String| {
        let path = world.path(&format!("{submission}/decisions"));
        world
            .app
            .post(path, &json!({"decision": "approve"}))
            .bearer(&token)
            .send()
            .await
    };
    decide(world.app.sign_in("ada"))
        .await
        .expect_problem(403, "operator_required");
    decide(world.app.sign_in("eve")).await.expect_problem(404, "not_found");
    decide(world.app.sign_in_operator("ada"))
        .await
        .expect_problem(403, "own_work");
    world.colleague("olga").await;
    decide(world.app.sign_in_operator("olga"))
        .await
        .expect_problem(403, "own_work");
    decide(world.app.sign_in_operator("otto")).await.expect(201);
    assert_eq!(world.app.take_messages().len(), 1);
}

#[tokio::test]
async fn a_decision_sent_twice_is_made_once() {
    let world = World::new().await;
    let (_, submission) = submitted(&world).await;
    let send = async || {
        let path = world.path(&format!("{submission}/decisions"));
        let request = world
            .app
            .post(path, &json!({"decision": "approve"}))
            .bearer(&world.app.sign_in_operator("olga"));
        request.idempotency_key("k1").send().await.expect(201).json()
    };
    assert_eq!(send().await, send().await);
    assert_eq!(world.app.take_messages().len(), 1);
}

#[tokio::test]
async fn changes_that_were_asked_for_are_handed_in_as_another_submission() {
    let world = World::new().await;
    let (version, first) = submitted(&world).await;
    let changes = json!({"decision": "request_changes", "reason_code": "low_quality", "note": "Clipping in 3 of 40."});
    world.decide(&first, &changes).await.expect(201);
    let early = world.post(&format!("{}/submissions", version.path), &json!({})).await;
    early.expect_problem(409, "scan_not_passed");
    world.scan(&version, Verdict::Passed).await;
    let second = world.submit(&version).await;
    assert_ne!(first, second);
    world.decide(&second, &json!({"decision": "approve"})).await.expect(201);
    assert_eq!(world.app.take_messages().len(), 2);
    world.publish(&version).await.expect(200);
}
