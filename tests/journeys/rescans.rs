//! Everything that is listed is scanned again, and what is wrong with it is said by anybody.
//!
//! 1. Paula sells a kit. An operator has everything scanned once more: the rescan comes to every version, and the kit passes.
//! 2. Nothing was found, so enforcing it changes nothing.
//! 3. A passer-by reports the kit: it waits for a moderator, and stays in the shop.
//! 4. A trusted reporter says the same: it is suspended at once, and stands on the block list, whose signature names the published key.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use support::{Partner, Stack, eventually};

#[tokio::test]
async fn what_is_listed_is_looked_at_again_and_stopped_when_somebody_knows_better() {
    let stack = Stack::load();
    let paula = Partner::approved(&stack).await;
    let kit = paula.published(&stack, 0).await;
    let operator = stack.operator();

    let begun = operator.post("/rescans", json!({})).await.is(201);
    let rescan = format!("/rescans/{}", begun["id"].as_str().unwrap());
    let complete = eventually("a rescan that is complete", async || {
        let seen = operator.get(&rescan).await.is(200);
        if seen["complete"] == true {
            Ok(seen)
        } else {
            Err(seen.to_string())
        }
    })
    .await;
    assert!(complete["scanned"].as_u64() > Some(0), "{complete}");
    let found = operator.all(&format!("{rescan}/findings")).await;
    assert!(
        found.iter().all(|finding| finding["version_id"] != kit.version),
        "{found:?}"
    );
    operator.post(&format!("{rescan}/enforcement"), json!({})).await.is(201);

    let reports = format!("/listings/{}/reports", kit.id);
    let report = json!({"kind": "malware", "text": "It calls home."});
    let taken = stack.public().post(&reports, report.clone()).await.is(202);
    assert_eq!(taken["suspended"], false);
    assert_eq!(stack.case(&kit).await["report"]["text"], "It calls home.");
    let page = format!("/listings/{}", kit.id);
    stack.public().get(&page).await.is(200);

    let rita = stack.with_token(&stack.description().tokens["reporter"]);
    let taken = rita.post(&reports, report).await.is(202);
    assert_eq!(taken["suspended"], true);
    stack.public().get(&page).await.refused(404, "not_found");

    let keys = stack.public().get("/signing-keys").await.is(200);
    let blocked = eventually("the kit on the block list", async || {
        let list = stack.public().get("/block-list").await.is(200);
        let (header, signed) = opened(list["jws"].as_str().unwrap());
        assert_eq!(
            (&header["kid"], &signed["items"]),
            (&keys["keys"][0]["kid"], &list["items"])
        );
        let items = signed["items"].as_array().unwrap().clone();
        let found = items.into_iter().find(|item| item["version_id"] == kit.version);
        found.ok_or_else(|| signed.to_string())
    })
    .await;
    assert_eq!(
        (&blocked["status"], &blocked["sha256"]),
        (&json!("suspended"), &json!(support::package::sha256(&kit.bytes)))
    );
    stack.aws().assert_no_dead_letter(&kit.id).await;
}

/// Header and payload of a compact JSON Web Signature.
fn opened(jws: &str) -> (Value, Value) {
    let part = |text: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap();
    let mut parts = jws.split('.').map(part);
    (parts.next().unwrap(), parts.next().unwrap())
}
