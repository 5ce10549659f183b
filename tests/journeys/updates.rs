//! From the first version to a patch that nobody needs to look at.
//!
//! 1. Paula hands a kit in. A moderator asks whose the samples are: she gets the question by mail and answers it at the version.
//! 2. The moderator is not convinced, and gives her a week. She uploads another package in time and is approved.
//! 3. An update that she does not mend in time is rejected on its day.
//! 4. The next one is shown as what it changes against what is published. From now on the marketplace trusts her: a clean patch is approved as
//!    soon as it is handed in, anything more waits.

use jiff::{SignedDuration, Unit};
use serde_json::{Value, json};
use support::aws::typed_item;
use support::package::grooves;
use support::scenes::approval;
use support::{Listing, Partner, Stack, eventually};

use crate::standing::told;

#[tokio::test]
async fn an_update_is_asked_about_mended_compared_and_trusted() {
    let stack = Stack::load();
    let paula = Partner::approved(&stack).await;
    let mut kit = paula.submitted(&stack, 500).await;
    let called = format!("{} 1.0.0", kit.title);

    let case = stack.case(&kit).await;
    let question = paula.path(&format!("/review-cases/{}/replies", case["id"].as_str().unwrap()));
    let asked = json!({"text": "Whose samples are these?"});
    stack.operator().post(&question, asked).await.is(201);
    is_told(&stack, &paula, &format!("A question about {called}")).await;
    let replies = paula.version_path(&kit, "/replies");
    paula.api.post(&replies, json!({"text": "Our own."})).await.is(201);
    let said = paula.api.get(&replies).await.is(200);
    let sides: Vec<_> = said["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reply| reply["side"].clone())
        .collect();
    assert_eq!(sides, ["moderator", "partner"]);
    let answered = eventually("the answer in the queue", async || {
        let case = stack.case(&kit).await;
        if case["answered_at"].is_null() {
            Err(case.to_string())
        } else {
            Ok(case)
        }
    })
    .await;
    assert_eq!(answered["id"], case["id"]);

    let delayed = paula.review(&stack, &kit, a_week()).await.is(201);
    assert_eq!(delayed["status"], "changes_requested", "{delayed}");
    is_told(&stack, &paula, &format!("{called} needs changes")).await;
    hand_in(&stack, &paula, &mut kit).await;
    paula.review(&stack, &kit, approval()).await.is(201);
    on_its_day(&stack, &delayed).await;
    paula
        .api
        .post(&paula.version_path(&kit, "/publish"), json!({}))
        .await
        .ok();

    let mut late = update(&paula, &kit, "1.1.0").await;
    hand_in(&stack, &paula, &mut late).await;
    let delayed = paula.review(&stack, &late, a_week()).await.is(201);
    on_its_day(&stack, &delayed).await;
    let rejected = paula.api.get(&paula.version_path(&late, "")).await.is(200);
    assert_eq!(rejected["status"], "rejected", "{rejected}");
    is_told(&stack, &paula, &format!("{} 1.1.0 was rejected", kit.title)).await;

    let mut patch = update(&paula, &kit, "1.0.1").await;
    hand_in(&stack, &paula, &mut patch).await;
    let changes = paula.path(&format!("/submissions/{}/changes", patch.submission));
    let changes = stack.operator().get(&changes).await.is(200);
    assert_eq!(changes["against"]["number"], "1.0.0", "{changes}");
    let files: Vec<_> = changes["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["path"].clone())
        .collect();
    assert_eq!(
        (files, &changes["unchanged_files"]),
        (vec![json!("README.md")], &json!(1))
    );
    assert_eq!((&changes["texts"], &changes["permissions"]), (&json!([]), &json!([])));

    let trust = json!({"trusted": true, "evidence": "A year without a fault."});
    let trust = stack.operator().call("PUT", &paula.path("/trust")).json(&trust);
    assert!(trust.send().await.is(200)["trusted_since"].is_string());
    let mut trusted = update(&paula, &kit, "1.0.2").await;
    let submission = hand_in(&stack, &paula, &mut trusted).await;
    assert_eq!(
        submission["status"],
        "approved",
        "{submission} {}",
        stack.case(&trusted).await
    );
    is_told(&stack, &paula, &format!("{} 1.0.2 was approved", kit.title)).await;
    paula
        .api
        .post(&paula.version_path(&trusted, "/publish"), json!({}))
        .await
        .ok();
    let page = stack.public().get(&format!("/listings/{}", kit.id)).await.is(200);
    assert_eq!(page["latest"]["version"], "1.0.2", "{page}");
    let mut minor = update(&paula, &kit, "1.2.0").await;
    assert_eq!(hand_in(&stack, &paula, &mut minor).await["status"], "in_review");
    stack.aws().assert_no_dead_letter(&kit.id).await;
}

fn a_week() -> Value {
    json!({"decision": "delay_rejection", "reason_code": "licence_unclear", "note": "Whose are they?", "after_days": 7})
}

/// Another version of the kit.
async fn update(partner: &Partner, kit: &Listing, number: &str) -> Listing {
    let mut update = kit.clone();
    update.version = partner.new_version(kit, number).await;
    update.bytes = grooves(number);
    update
}

/// Uploads another package, has it scanned and hands it in.
async fn hand_in(stack: &Stack, partner: &Partner, version: &mut Listing) -> Value {
    let number = partner.api.get(&partner.version_path(version, "")).await.is(200)["number"].clone();
    version.bytes = grooves(number.as_str().unwrap());
    partner.upload(stack, version, &version.bytes).await;
    let scanned = partner.scanned(version).await;
    assert_eq!(scanned["status"], "passed", "{scanned}");
    let submissions = partner.version_path(version, "/submissions");
    let submission = partner.api.post(&submissions, json!({})).await.is(201);
    version.submission = submission["id"].as_str().unwrap().to_owned();
    submission
}

/// Turns the day of a delayed rejection back to yesterday, and runs what the schedule runs.
async fn on_its_day(stack: &Stack, delayed: &Value) {
    let (id, day) = (delayed["id"].as_str().unwrap(), delayed["rejects_at"].as_str().unwrap());
    let yesterday = (support::now() - SignedDuration::from_hours(24))
        .round(Unit::Millisecond)
        .unwrap();
    for item in stack.aws().items_about("catalogue", id).await {
        let text = item.to_string();
        if text.contains(day) {
            let mut item: Value = serde_json::from_str(&text.replace(day, &yesterday.to_string())).unwrap();
            if item["pk"] == "REJECT#delayed" {
                item["sk"] = json!(format!("{:015}#{id}", yesterday.as_millisecond()));
            }
            stack.aws().put_item("catalogue", typed_item(&item)).await;
        }
    }
    let event = json!({"id": support::unique(), "time": support::now().to_string(), "detail-type": "Scheduled Event"});
    stack.aws().invoke("rejections", &event).await;
}

async fn is_told(stack: &Stack, partner: &Partner, subject: &str) {
    told(stack, &partner.owner.email, subject, 1).await;
}
