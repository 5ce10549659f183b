//! A licence from the sale to the refund, as the customer's software sees it.
//!
//! 1. Chiara buys Paula's kit. Her software activates three machines with the key, and no fourth; each is valid.
//! 2. It fetches a file, which holds without a connection.
//! 3. Her order is refunded: the next validation says that the licence is revoked, without anybody's help.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use souk_client::{KeySet, PublicKey, Verifier};
use support::{Answer, Order, Partner, Stack, eventually};

#[tokio::test]
async fn a_licence_serves_its_machines_until_it_is_refunded() {
    let stack = Stack::load();
    let paula = Partner::new(&stack).await;
    let kit = paula.published(&stack, 1299).await;
    let chiara = stack.somebody("Chiara Customer").await;
    let order = Order::place(&chiara, &[&kit]).await;
    let paid = order.pay(&stack, &chiara).await;
    let id = paid["lines"][0]["licence_id"].as_str().unwrap();
    let licence = chiara.api.get(&format!("/licences/{id}")).await.is(200);
    let software = Software {
        stack: &stack,
        path: format!("/licences/{id}"),
        key: licence["key"].as_str().unwrap().to_owned(),
    };
    assert_eq!(
        (&licence["status"], &licence["tier"]),
        (&json!("active"), &json!("individual"))
    );

    for machine in ["left", "middle", "right"] {
        software
            .post("/machines", json!({"fingerprint": machine}))
            .await
            .is(201);
        assert_eq!(software.validated(machine).await["code"], "VALID");
    }
    for nothing in ["nonsense", "mac_01h455vb4pex5vsknk084sn02q"] {
        let path = format!("{}/machines/{nothing}/heartbeats", software.path);
        let api = stack.with_licence_key(&software.key);
        api.post(&path, json!({})).await.refused(404, "not_found");
    }
    let fourth = software.post("/machines", json!({"fingerprint": "roof"})).await;
    fourth.refused(409, "too_many");

    let file = software.post("/files", json!({"fingerprint": "left"})).await.is(201);
    let keys = stack.public().get("/signing-keys").await.is(200);
    let x = URL_SAFE_NO_PAD.decode(keys["keys"][0]["x"].as_str().unwrap()).unwrap();
    let name = keys["keys"][0]["kid"].as_str().unwrap();
    let key = PublicKey::named(name, &x.try_into().unwrap()).unwrap();
    let verifier = Verifier::new(KeySet::new([key]).unwrap());
    let text = file["file"].as_str().unwrap();
    let machine = verifier
        .machine_file(text, software.key.as_str(), "left", support::now())
        .unwrap();
    assert!(machine.allows("individual"));

    let refunds = format!("/orders/{}/refunds", order.id);
    stack
        .operator()
        .post(&refunds, json!({"reason": "other"}))
        .await
        .is(201);
    let revoked = eventually("a licence that its refund has revoked", async || {
        let validation = software.validated("left").await;
        if validation["valid"] == false {
            Ok(validation)
        } else {
            Err(validation.to_string())
        }
    })
    .await;
    assert_eq!(revoked["code"], "REVOKED");
    software
        .post("/machines", json!({"fingerprint": "left"}))
        .await
        .refused(403, "licence_unusable");
}

/// What asks with the licence's key.
struct Software<'a> {
    stack: &'a Stack,
    path: String,
    key: String,
}

impl Software<'_> {
    async fn post(&self, rest: &str, body: Value) -> Answer {
        let software = self.stack.with_licence_key(&self.key);
        software.post(&format!("{}{rest}", self.path), body).await
    }

    async fn validated(&self, fingerprint: &str) -> Value {
        self.post("/validations", json!({"fingerprint": fingerprint}))
            .await
            .is(200)
    }
}
