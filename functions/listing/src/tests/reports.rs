//! What anybody reports, what trusted reporters stop, and how long all those wait who wait for a moderator.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::standing::path_of;
use super::{Answer, Draft, World, content, pointers, text};

impl World {
    async fn report(&self, version: &Draft, token: Option<&str>, body: &Value) -> Answer {
        let asked = self.app.post(format!("/v1/listings/{}/reports", version.listing), body);
        match token {
            Some(token) => asked.bearer(token).send().await,
            None => asked.send().await,
        }
    }

    async fn close(&self, case: &Value, body: &Value) -> Answer {
        self.as_operator("olga", &format!("{}/closure", path_of(case)), body)
            .await
    }

    async fn turnaround(&self, query: &str) -> Answer {
        let asked = self.app.get(format!("/v1/review-turnaround{query}"));
        asked.bearer(&self.app.sign_in_operator("olga")).send().await
    }
}

fn malware() -> Value {
    json!({"kind": "malware", "text": "It calls home."})
}

fn closure() -> Value {
    json!({"reason_code": "unfounded", "note": "It asks for its licence."})
}

#[tokio::test]
async fn what_anybody_reports_waits_for_a_moderator() {
    let world = World::new().await;
    let pads = world.pads().await;
    let taken = world.report(&pads, None, &malware()).await.expect(202).json();
    assert_eq!(
        (&taken["suspended"], &taken["version_id"]),
        (&json!(false), &json!(pads.id))
    );
    // Said again, it is the same report; said by somebody, it is another one.
    world.report(&pads, None, &malware()).await.expect(202);
    let carl = world.app.sign_in("carl");
    world.report(&pads, Some(&carl), &malware()).await.expect(202);
    let waiting = world.waiting().await;
    assert_eq!(waiting.len(), 2);
    let shown = world.evidence(&waiting[0]).await;
    assert_eq!(
        (
            text(&shown, "kind"),
            text(&shown["report"], "kind"),
            text(&shown["report"], "text")
        ),
        ("report", "malware", "It calls home.")
    );
    assert_eq!(world.seen(pads.listing).await.as_deref(), Some("1.0.0"));

    for case in &waiting {
        world.close(case, &closure()).await.expect(200);
    }
    assert_eq!(world.waiting().await, Vec::<Value>::new());
    world
        .close(&waiting[0], &closure())
        .await
        .expect_problem(404, "not_found");
}

#[tokio::test]
async fn what_a_trusted_reporter_reports_is_suspended_at_once() {
    let world = World::new().await;
    let pads = world.pads().await;
    world.app.take_messages();
    let rita = world.app.sign_in_trusted_reporter("rita");
    let taken = world.report(&pads, Some(&rita), &malware()).await.expect(202).json();
    assert_eq!(taken["suspended"], json!(true));
    assert_eq!(world.status_of(&pads).await, "suspended");
    assert_eq!(world.seen(pads.listing).await, None);
    assert_eq!(
        world.app.take_messages().len(),
        3,
        "partner and buyers are told, and payment pages are closed"
    );
    let mut kinds: Vec<_> = world
        .waiting()
        .await
        .iter()
        .map(|case| text(case, "kind").to_owned())
        .collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["report", "suspension"]);
    let shown = world.get(&pads.path).await.expect(200).json();
    let note = text(&shown["stop"], "note");
    assert!(
        note.contains("malware") && !note.contains("It calls home."),
        "the reporter's words are for moderators: {note}"
    );
    let again = world.report(&pads, Some(&rita), &malware()).await;
    again.expect_problem(404, "not_found");
}

#[tokio::test]
async fn a_trusted_reporter_stops_nothing_of_their_own_team() {
    let world = World::new().await;
    let pads = world.pads().await;
    let ada = world.app.sign_in_trusted_reporter("ada");
    let taken = world.report(&pads, Some(&ada), &malware()).await.expect(202).json();
    assert_eq!(taken["suspended"], json!(false));
    assert_eq!(text(&world.waits().await, "kind"), "report");
}

#[tokio::test]
async fn a_report_names_something_that_is_listed_and_says_what_is_wrong() {
    let world = World::new().await;
    let pads = world.pads().await;
    let draft = world.version(pads.listing, "2.0.0").await;
    let silent = json!({"kind": "other", "text": ""});
    let refused = world
        .report(&pads, None, &silent)
        .await
        .expect_problem(422, "invalid_request");
    assert_eq!(pointers(&refused.json()), ["/text"]);
    let of_draft = json!({"kind": "other", "text": "Broken.", "version_id": draft.id});
    world
        .report(&pads, None, &of_draft)
        .await
        .expect_problem(404, "not_found");
    let unlisted = world.listing(&content()).await.id;
    let nowhere = world.app.post(format!("/v1/listings/{unlisted}/reports"), &malware());
    nowhere.send().await.expect_problem(404, "not_found");
    world
        .report(&pads, Some("nonsense"), &malware())
        .await
        .expect_problem(401, "invalid_token");
    assert_eq!(world.waiting().await, Vec::<Value>::new());
}

#[tokio::test]
async fn only_reports_are_closed_and_only_with_a_reason() {
    let world = World::new().await;
    let pads = world.pads().await;
    world.report(&pads, None, &malware()).await.expect(202);
    let case = world.waits().await;
    let silent = json!({"reason_code": "meets_guidelines", "note": ""});
    let refused = world.close(&case, &silent).await.expect_problem(422, "invalid_request");
    assert_eq!(pointers(&refused.json()), ["/reason_code", "/note"]);
    let ada = world.app.sign_in("ada");
    let path = world.path(&format!("{}/closure", path_of(&case)));
    let own = world.app.post(path, &closure()).bearer(&ada).send().await;
    own.expect_problem(403, "operator_required");

    world.rule_on(&pads, &super::standing::suspension()).await.expect(201);
    let waiting = world.waiting().await;
    let suspension = waiting.iter().find(|case| text(case, "kind") == "suspension");
    let refused = world.close(suspension.expect("it waits"), &closure()).await;
    refused.expect_problem(409, "not_a_report");
    world.app.take_messages();
}

#[tokio::test]
async fn turnaround_is_measured_from_case_to_decision() {
    let world = World::new().await;
    let pads = world.pads().await;
    let before = world.turnaround("").await.expect(200).json();
    assert_eq!(
        before["items"][0],
        json!({"kind": "submission", "decided": 1, "on_time": 1, "median_seconds": 0, "ninth_decile_seconds": 0,
            "longest_seconds": 0})
    );
    world.report(&pads, None, &malware()).await.expect(202);
    world.app.clock.advance(SignedDuration::from_mins(90));
    world.close(&world.waits().await, &closure()).await.expect(200);
    let month = text(&before, "month");
    let after = world.turnaround(&format!("?month={month}")).await.expect(200).json();
    let report = after["items"]
        .as_array()
        .expect("kinds")
        .iter()
        .find(|one| one["kind"] == "report");
    let report = report.expect("a report was closed");
    assert_eq!(
        (&report["decided"], &report["on_time"], &report["median_seconds"]),
        (&json!(1), &json!(0), &json!(5400)),
        "malware is due within the hour"
    );
    let earlier = world.turnaround("?month=2020-01").await.expect(200).json();
    assert_eq!(earlier["items"], json!([]));
    for wrong in ["2026", "2026-13", "November"] {
        let refused = world.turnaround(&format!("?month={wrong}")).await;
        refused.expect_problem(400, "bad_month");
    }
}
