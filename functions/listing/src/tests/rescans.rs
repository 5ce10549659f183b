//! Rescans over HTTP; what they find is the scanning function's to tell.

use serde_json::{Value, json};
use shared::ids::RescanId;
use shared::listing::rescan::RescanFinding;
use shared::messages::Message;
use shared::scan::Verdict;
use shared::store::catalogue;

use super::{Answer, World, text};

impl World {
    async fn rescan(&self, rest: &str) -> Answer {
        let asked = self.app.get(format!("/v1/rescans{rest}"));
        asked.bearer(&self.app.sign_in_operator("olga")).send().await
    }

    async fn begin(&self, key: &str) -> Value {
        let asked = self.app.post("/v1/rescans", &Value::Null).idempotency_key(key);
        let begun = asked.bearer(&self.app.sign_in_operator("olga")).send().await;
        begun.expect(201).json()
    }

    async fn enforce(&self, rescan: &str, key: &str) -> Answer {
        let asked = self.app.post(format!("/v1/rescans/{rescan}/enforcement"), &Value::Null);
        let asked = asked.idempotency_key(key).bearer(&self.app.sign_in_operator("olga"));
        asked.send().await
    }
}

#[tokio::test]
async fn a_rescan_is_begun_once_for_each_request_and_followed() {
    let world = World::new().await;
    let begun = world.begin("one").await;
    assert_eq!(world.begin("one").await, begun);
    let messages = world.app.take_messages();
    let [first] = messages.as_slice() else {
        panic!("{messages:?}")
    };
    assert!(matches!(first.message, Message::RescanPage { after: None, .. }));
    let listed = world.rescan("").await.expect(200).json();
    assert_eq!(listed["items"], json!([begun]));
    let shown = world
        .rescan(&format!("/{}", text(&begun, "id")))
        .await
        .expect(200)
        .json();
    assert_eq!((&shown["complete"], &shown["enforced"]), (&json!(false), &Value::Null));
    world
        .rescan("/rsc_01h2xcejqtf2nbrexx3vqjhp41")
        .await
        .expect_problem(404, "not_found");
    let ada = world.app.sign_in("ada");
    let curious = world.app.get("/v1/rescans").bearer(&ada).send().await;
    curious.expect_problem(403, "operator_required");
}

#[tokio::test]
async fn what_was_found_is_shown_and_enforced_once_it_is_complete() {
    let world = World::new().await;
    let pads = world.pads().await;
    let begun = world.begin("one").await;
    let id = text(&begun, "id");
    world
        .enforce(id, "e-1")
        .await
        .expect_problem(409, "rescan_not_complete");

    let rescan: RescanId = id.parse().expect("an id");
    let version = catalogue::version(&world.app.store, pads.listing, pads.id).await;
    let version = version.expect("read").expect("stored");
    let codes = vec!["yara.new".to_owned()];
    let finding = RescanFinding::of(&version, Verdict::Quarantined, codes, "rules-2", world.app.now());
    let store = &world.app.store;
    let page = world.app.seed().id("page");
    catalogue::count_page(store, rescan, page, 1, true)
        .await
        .expect("counted");
    catalogue::record_finding(store, rescan, &finding)
        .await
        .expect("counted");
    let found = world.rescan(&format!("/{id}/findings")).await.expect(200).json();
    assert_eq!(
        (&found["items"][0]["version_id"], &found["items"][0]["reason_codes"]),
        (&json!(pads.id), &json!(["yara.new"]))
    );

    world.app.take_messages();
    let enforced = world.enforce(id, "e-2").await.expect(201).json();
    assert_eq!((&enforced["complete"], &enforced["found"]), (&json!(true), &json!(1)));
    assert_eq!(world.enforce(id, "e-2").await.expect(201).json(), enforced);
    let messages = world.app.take_messages();
    assert!(
        matches!(messages.as_slice(), [sent] if matches!(sent.message, Message::SuspendFoundPage { .. })),
        "{messages:?}"
    );
    world.enforce(id, "e-3").await.expect_problem(409, "already_enforced");
}
