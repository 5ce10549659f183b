//! Licences, sold and given, as the software of who holds them sees it.
//!
//! A sale:
//!
//! 1. Chiara buys Paula's kit. Her software activates three machines with the key, and no fourth; each is valid.
//! 2. It fetches a file, which holds without a connection.
//! 3. Her order is refunded: the next validation says that the licence is revoked, without anybody's help.
//!
//! A gift:
//!
//! 1. Paula makes a policy, two users and two copies at once, a machine only once; she gives three licences of it to Dora.
//! 2. Dora's software takes seats, starts copies and counts uses; the policy's limits hold, and what is asked twice is done once.
//! 3. The machine is not active under another of her licences; once it is deactivated, it is.
//! 4. Dora hands a licence on to Emil and changes the key of another: the old keys open nothing.
//!
//! A listing says under which policy its sales issue, from then on.
//!
//! A trial: Emil tries the kit on a machine, once; nobody else tries it there.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use souk_client::{KeySet, PublicKey, Verifier};
use support::aws::Invocation;
use support::{Answer, Api, Order, Partner, Stack, eventually, unique};

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
    let validation = software.post("/validations", json!({"fingerprint": "left"})).await;
    assert_eq!(software.cost(&validation).await, (1, 0), "one read");
    let fourth = software.post("/machines", json!({"fingerprint": "roof"})).await;
    fourth.refused(409, "too_many");

    let page = stack.public().get(&format!("/listings/{}", kit.id)).await.is(200);
    for (field, value, code) in [
        ("version", &page["latest"]["version"], "VALID"),
        ("checksum", &page["latest"]["sha256"], "VALID"),
        ("version", &json!("99.0.0"), "VERSION_SCOPE_MISMATCH"),
        ("checksum", &json!("0".repeat(64)), "CHECKSUM_SCOPE_MISMATCH"),
    ] {
        let mut asked = json!({"fingerprint": "left"});
        asked[field] = value.clone();
        let validation = software.post("/validations", asked).await.is(200);
        assert_eq!(validation["code"], code, "{field} {value}");
    }
    let odd = json!({"fingerprint": "left", "checksum": "nonsense"});
    software.post("/validations", odd).await.refused(422, "invalid_request");

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

#[tokio::test]
async fn a_listing_says_what_its_licences_allow() {
    let stack = Stack::load();
    let paula = Partner::new(&stack).await;
    let kit = paula.published(&stack, 1299).await;
    let chiara = stack.somebody("Chiara Customer").await;
    let before = Order::place(&chiara, &[&kit]).await;
    let presets = stack.public().get("/policy-presets").await.is(200);
    let studio = presets["items"].as_array().unwrap().iter();
    let studio = studio
        .clone()
        .find(|preset| preset["terms"]["name"] == "Studio")
        .unwrap();
    let path = paula.path(&format!("/listings/{}/sale-policy", kit.id));
    let named = paula
        .api
        .call("PUT", &path)
        .json(&json!({"policy_id": studio["id"]}))
        .send()
        .await
        .is(200);
    assert_eq!(named["policy"], "Studio");
    let unknown = json!({"policy_id": "pol_01h455vb4pex5vsknk084sn02q"});
    paula
        .api
        .call("PUT", &path)
        .json(&unknown)
        .send()
        .await
        .refused(422, "unknown_policy");

    let dora = stack.somebody("Dora Dean").await;
    let after = Order::place(&dora, &[&kit]).await;
    for (customer, order, policy) in [(&chiara, before, "Individual"), (&dora, after, "Studio")] {
        let paid = order.pay(&stack, customer).await;
        let id = paid["lines"][0]["licence_id"].as_str().unwrap();
        let licence = customer.api.get(&format!("/licences/{id}")).await.is(200);
        assert_eq!(licence["policy"], policy, "what was ordered is what is issued");
    }
}

#[tokio::test]
async fn given_licences_keep_to_their_policy_and_can_be_handed_on() {
    let stack = Stack::load();
    let paula = Partner::new(&stack).await;
    let kit = paula.published(&stack, 1299).await;
    let (dora, emil) = (stack.somebody("Dora Dean").await, stack.somebody("Emil Heir").await);
    let (doras_id, emils_id) = (dora.id().await, emil.id().await);
    let terms = json!({"name": "Lab", "limits": {"machines": 5, "users": 2, "processes": 2, "uses": 3}, "uniqueness": "product",
        "process_leasing": "licence", "heartbeat": {"duration_seconds": 3600}, "required": ["fingerprint"]});
    let policy = paula.api.post(&paula.path("/policies"), terms).await.is(201);
    let gift = json!({"listing_id": kit.id, "policy_id": policy["id"], "owner_id": doras_id, "count": 3, "organisation": "Lab"});
    let issued = paula.api.post(&paula.path("/licence-batches"), gift).await.is(201);
    let [first, second, third] = [0, 1, 2].map(|at| Software::of(&stack, &issued["licences"][at]));
    let batch = issued["batch"]["id"].as_str().unwrap();
    let listed = paula
        .api
        .all(&paula.path(&format!("/licence-batches/{batch}/licences")))
        .await;
    assert_eq!(listed.len(), 3);
    assert_eq!(dora.api.all("/licences").await.len(), 3);

    let machine = first.post("/machines", json!({"fingerprint": "bench"})).await.is(201);
    let machine = machine["id"].as_str().unwrap();
    assert_eq!(first.validated("bench").await["code"], "VALID");
    let processes = format!("/machines/{machine}/processes");
    for (pid, status) in [("1", 201), ("2", 201), ("1", 200)] {
        first.post(&processes, json!({"pid": pid})).await.is(status);
    }
    first
        .post(&processes, json!({"pid": "3"}))
        .await
        .refused(409, "too_many");
    for user in [&doras_id, &emils_id] {
        first.send("PUT", &format!("/users/{user}"), None).await.is(200);
    }
    let once = unique();
    for _ in 0..2 {
        let counted = first
            .send("POST", "/uses", Some((json!({"uses": 2}), once.as_str())))
            .await
            .is(200);
        assert_eq!(counted["uses"], 2);
    }
    first.post("/uses", json!({"uses": 2})).await.refused(409, "too_many");

    let bench = json!({"fingerprint": "bench"});
    second
        .post("/machines", bench.clone())
        .await
        .refused(409, "fingerprint_taken");
    first
        .send("DELETE", &format!("/machines/{machine}"), None)
        .await
        .is(204);
    second.post("/machines", bench.clone()).await.is(201);
    first.post("/machines", bench).await.refused(409, "fingerprint_taken");

    put(&dora.api, &format!("{}/offer", second.path), json!({"to": emils_id}))
        .await
        .is(200);
    let handed = emil
        .api
        .post(&format!("{}/transfers", second.path), json!({}))
        .await
        .is(201);
    second.post("/validations", json!({})).await.refused(404, "not_found");
    let emils = Software::of(&stack, &handed);
    assert_eq!(emils.validated("bench").await["code"], "FINGERPRINT_SCOPE_MISMATCH");
    assert_eq!(emil.api.all("/licences").await.len(), 1);
    assert_eq!(dora.api.all("/licences").await.len(), 2);

    let rotated = dora
        .api
        .post(&format!("{}/key-rotations", third.path), json!({}))
        .await
        .is(201);
    third.post("/validations", json!({})).await.refused(404, "not_found");
    Software::of(&stack, &rotated)
        .post("/validations", json!({}))
        .await
        .is(200);
}

#[tokio::test]
async fn a_product_is_tried_once_on_a_machine() {
    let stack = Stack::load();
    let paula = Partner::new(&stack).await;
    let kit = paula.published(&stack, 1299).await;
    let (emil, frida) = (stack.somebody("Emil Trier").await, stack.somebody("Frida Trier").await);
    let trials = format!("/listings/{}/trials", kit.id);
    let left = json!({"fingerprint": unique()});
    emil.api.post(&trials, left.clone()).await.refused(404, "not_found");
    let presets = stack.public().get("/policy-presets").await.is(200);
    let offer = json!({"policy_id": presets["items"][0]["id"]});
    let path = paula.path(&format!("/listings/{}/trial-offer", kit.id));
    put(&paula.api, &path, offer).await.is(200);
    let trial = emil.api.post(&trials, left.clone()).await.is(201);
    assert_eq!(trial["status"], "trial");
    let software = Software::of(&stack, &trial);
    software.post("/machines", left.clone()).await.is(201);
    emil.api.post(&trials, json!({})).await.refused(409, "trial_used");
    frida.api.post(&trials, left.clone()).await.refused(409, "trial_used");
    let later = frida.api.post(&trials, json!({})).await.is(201);
    let later = Software::of(&stack, &later).post("/machines", left).await;
    later.refused(409, "trial_used");
}

async fn put(api: &Api, path: &str, body: Value) -> Answer {
    api.call("PUT", path).json(&body).send().await
}

/// What asks with the licence's key.
struct Software<'a> {
    stack: &'a Stack,
    path: String,
    key: String,
}

impl<'a> Software<'a> {
    /// With the key that an answer tells.
    fn of(stack: &'a Stack, issued: &Value) -> Self {
        Self {
            stack,
            path: format!("/licences/{}", issued["licence_id"].as_str().unwrap()),
            key: issued["key"].as_str().unwrap().to_owned(),
        }
    }

    async fn post(&self, rest: &str, body: Value) -> Answer {
        self.send("POST", rest, Some((body, &unique()))).await
    }

    async fn send(&self, method: &str, rest: &str, body: Option<(Value, &str)>) -> Answer {
        let api = self.stack.with_licence_key(&self.key);
        let call = api.call(method, &format!("{}{rest}", self.path));
        match body {
            Some((body, key)) => call.key(key).json(&body).send().await,
            None => call.send().await,
        }
    }

    /// What an answer has cost, as DynamoDB counted it: requests, and write units.
    async fn cost(&self, answer: &Answer) -> (u64, u64) {
        let id = answer.headers["x-request-id"].to_str().unwrap();
        eventually("the log of licensing", async || {
            let calls = self.stack.aws().invocations("licensing", id).await;
            let is_told = |call: &&Invocation| call.lines.iter().any(|line| line["message"] == "request answered");
            let call = calls.iter().find(is_told);
            let call = call.ok_or_else(|| format!("{} calls, none of them it", calls.len()))?;
            Ok((call.number("dynamodb.requests"), call.number("dynamodb.write_units")))
        })
        .await
    }

    async fn validated(&self, fingerprint: &str) -> Value {
        self.post("/validations", json!({"fingerprint": fingerprint}))
            .await
            .is(200)
    }
}
