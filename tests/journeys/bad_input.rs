//! Input that cannot be right.
//!
//! 1. Every route that reads a body is sent what is not JSON, says it is something else, has a field too many, one too few or of the wrong
//!    type, nests too deep or is too long; every path gets ids that are none, every list a limit and a cursor that cannot be.
//! 2. Each is a problem document that names the place and says what to do, and nothing is written.
//! 3. Then what the marketplace itself must refuse: a package over the limit, an upload of another size than announced, a listing without
//!    an agreement or before the approval, a webhook that is not the processor's, a second checkout under the same key.

use serde_json::{Map, Value, json};
use support::package::{grooves, sha256};
use support::routes::{Access, ROUTES, Route};
use support::scenes::{application, content, send_form};
use support::webhook::{self, deliver_with, signature};
use support::{Answer, Api, Order, Partner, Stack, unique};

/// One more than the 32 levels that a body may nest.
const TOO_DEEP: usize = 33;
/// One more than a body may have.
const TOO_LONG: usize = 1024 * 1024 + 1;

struct World {
    stack: Stack,
    paula: Partner,
}

impl World {
    async fn new() -> Self {
        let stack = Stack::load();
        let paula = Partner::approved(&stack).await;
        Self { stack, paula }
    }

    /// Whoever may use the route.
    fn caller(&self, route: &Route) -> Api {
        match route.access {
            Access::Operator | Access::PartnersOperator => self.stack.operator(),
            _ => self.paula.api.clone(),
        }
    }

    /// Paula's partner is hers; everything else is well-formed and does not exist: a body is judged before it is looked for.
    fn path(&self, route: &Route) -> String {
        route.path_with(|name| if name == "partner_id" { self.paula.id.clone() } else { self.of_nothing(name) })
    }

    fn of_nothing(&self, name: &str) -> String {
        let prefix = match name {
            "listing_id" => "lst",
            "version_id" => "ver",
            "submission_id" => "sub",
            "payout_id" => "pay",
            "order_id" => "ord",
            "licence_id" => "lic",
            "token_id" => "tok",
            "user_id" => "usr",
            other => panic!("no prefix for {other}"),
        };
        format!("{prefix}_{}", &self.paula.id[4..])
    }

    /// Numbers of items of the tables that only change when something is done.
    async fn counts(&self) -> Vec<usize> {
        let mut counts = Vec::new();
        for table in ["accounts", "catalogue", "commerce"] {
            counts.push(self.stack.aws().items_about(table, &self.paula.id).await.len());
        }
        counts
    }
}

async fn send(world: &World, route: &Route, content_type: Option<&str>, body: impl Into<reqwest::Body>) -> Answer {
    let call = world.caller(route).call(route.method, &world.path(route));
    let call = if route.method == "POST" { call.key(&unique()) } else { call };
    match content_type {
        Some(content_type) => call.raw(content_type, body).send().await,
        None => call.untyped(body).send().await,
    }
}

fn with_bodies() -> impl Iterator<Item = (&'static Route, Map<String, Value>)> {
    ROUTES.iter().filter_map(|route| {
        let body: Value = serde_json::from_str(route.body?).unwrap();
        Some((route, body.as_object().unwrap().clone()))
    })
}

#[tokio::test]
async fn bodies_that_cannot_be_read() {
    let world = World::new().await;
    let before = world.counts().await;
    assert!(with_bodies().count() >= 14, "the table has lost its bodies");
    for (route, body) in with_bodies() {
        let text = Value::Object(body).to_string();
        let json = Some("application/json");
        for (broken, what) in [("", "nothing"), ("{", "half an object"), (&text[..text.len() - 1], "no end"), ("\u{feff}{}", "a byte order mark")] {
            send(&world, route, json, broken.to_owned()).await.refused(400, "malformed_json")["detail"]
                .as_str()
                .unwrap_or_else(|| panic!("{what}: no detail"));
        }
        send(&world, route, json, format!("{text} {text}")).await.refused(400, "malformed_json");
        send(&world, route, json, b"{\"\xff\": 1}".to_vec()).await.refused(400, "malformed_json");
        send(&world, route, Some("text/plain"), text.clone()).await.refused(415, "unsupported_media_type");
        send(&world, route, Some("application/x-www-form-urlencoded"), "a=b".to_owned()).await.refused(415, "unsupported_media_type");
        send(&world, route, None, text.clone()).await.refused(415, "unsupported_media_type");
        let deep = format!("{}{}", "[".repeat(TOO_DEEP), "]".repeat(TOO_DEEP));
        send(&world, route, json, deep).await.refused(400, "body_too_deep");
        send(&world, route, json, " ".repeat(TOO_LONG)).await.refused(413, "body_too_large");
        for wrong in ["[]", "null", "7", "\"text\"", "true"] {
            let problem = send(&world, route, json, wrong.to_owned()).await.refused(422, "invalid_request");
            assert!(problem["errors"][0]["detail"].is_string(), "{problem}");
        }
    }
    assert_eq!(world.counts().await, before, "something was written");
}

#[tokio::test]
async fn fields_that_are_wrong_missing_or_unknown() {
    let world = World::new().await;
    let before = world.counts().await;
    for (route, body) in with_bodies() {
        let mut more = body.clone();
        more.insert("surprise".into(), json!(1));
        names(&send(&world, route, Some("application/json"), Value::Object(more).to_string()).await, "/surprise");
        for field in route.needs {
            let mut less = body.clone();
            less.remove(*field).unwrap_or_else(|| panic!("{route:?} has no {field}"));
            names(&send(&world, route, Some("application/json"), Value::Object(less).to_string()).await, &format!("/{field}"));
        }
        for field in body.keys() {
            for wrong in [json!({"a": {"b": []}}), json!([[1.5]]), json!(-1.5), json!(true)] {
                let mut other = body.clone();
                other.insert(field.clone(), wrong);
                let answer = send(&world, route, Some("application/json"), Value::Object(other).to_string()).await;
                names(&answer, &format!("/{field}"));
            }
        }
    }
    assert_eq!(world.counts().await, before, "something was written");
}

/// A refusal that points at this field, or into it.
#[track_caller]
fn names(answer: &Answer, pointer: &str) {
    let problem = answer.refused(422, "invalid_request");
    let pointers = problem["errors"].as_array().into_iter().flatten().filter_map(|error| error["pointer"].as_str());
    let at = |found: &str| found == pointer || found.starts_with(&format!("{pointer}/"));
    assert!(pointers.clone().any(at), "{}: {pointer} is not named, only {:?}", answer.what, pointers.collect::<Vec<_>>());
}

#[tokio::test]
async fn values_that_no_field_may_have() {
    let world = World::new().await;
    let paula = &world.paula;
    let before = world.counts().await;
    let apply = |field: &str, value: Value| with(application("Journey of Errors"), field, value);
    let long = "x".repeat(30_000);
    for (field, values) in [
        ("name", vec![json!(""), json!("x"), json!("a\nb"), json!(long), json!("\u{202e}evil")]),
        ("country", vec![json!("Germany"), json!("de"), json!("XX")]),
        ("support_email", vec![json!("nobody"), json!("a@b@c"), json!("a b@c.example")]),
        ("website", vec![json!("ftp://a.example"), json!("javascript:alert(1)"), json!("http://localhost"), json!("no address")]),
        ("about", vec![json!("short"), json!(long)]),
    ] {
        for value in values {
            names(&paula.api.post("/partners", apply(field, value)).await, &format!("/{field}"));
        }
    }
    let listing = |field: &str, value: Value| with(content("Groove Kit", 1299), field, value);
    for (field, values) in [
        ("title", vec![json!(""), json!("a\u{200b}b c"), json!(" padded "), json!(long), json!("---")]),
        ("summary", vec![json!(""), json!(long)]),
        ("description", vec![json!(""), json!(long)]),
        ("category", vec![json!("weapons")]),
        ("content_type", vec![json!("executable")]),
        (
            "price",
            vec![
                json!({"amount": 49, "currency": "EUR"}),
                json!({"amount": -1, "currency": "EUR"}),
                json!({"amount": 12.99, "currency": "EUR"}),
                json!({"amount": "1299", "currency": "EUR"}),
                json!({"amount": 1299, "currency": "USD"}),
                json!({"amount": 1299, "currency": "EURO"}),
                json!({"amount": 1299}),
                json!({"amount": 9_007_199_254_740_993_i64, "currency": "EUR"}),
                json!({"amount": 1e30, "currency": "EUR"}),
            ],
        ),
        ("tags", vec![json!(["UPPER"]), json!(["a", "a"]), json!(["b c"]), json!(vec!["a"; 11]), json!([""])]),
    ] {
        for value in values {
            names(&paula.api.post(&paula.path("/listings"), listing(field, value)).await, &format!("/{field}"));
        }
    }
    let tokens = |field: &str, value: Value| with(json!({"label": "x", "scopes": ["orders:read"]}), field, value);
    for (field, value) in [("scopes", json!([])), ("scopes", json!(["everything"])), ("valid_days", json!(0)), ("valid_days", json!(367)), ("label", json!(""))] {
        names(&paula.api.post("/api-tokens", tokens(field, value)).await, &format!("/{field}"));
    }
    let order = |field: &str, value: Value| with(json!({"lines": [{"listing_id": world.of_nothing("listing_id")}]}), field, value);
    let many: Vec<Value> = (0..21).map(|_| json!({"listing_id": world.of_nothing("listing_id")})).collect();
    for (field, value) in [
        ("lines", json!([])),
        ("lines", json!(many)),
        ("lines", json!([{"listing_id": "lst_nonsense"}])),
        ("lines", json!([{"listing_id": world.of_nothing("order_id")}])),
        ("success_url", json!("javascript:alert(1)")),
        ("cancel_url", json!("http://evil.example")),
    ] {
        names(&paula.api.post("/orders", order(field, value)).await, &format!("/{field}"));
    }
    paula.api.post("/orders", json!({})).await.refused(422, "empty_order");
    assert_eq!(world.counts().await, before, "something was written");
}

fn with(mut body: Value, field: &str, value: Value) -> Value {
    body[field] = value;
    body
}

#[tokio::test]
async fn ids_limits_and_cursors_that_cannot_be() {
    let world = World::new().await;
    for route in ROUTES.iter().filter(|route| !route.parameters().is_empty()) {
        let good = "01h455vb4pex5vsknk084sn02q";
        for wrong in ["nonsense", good, "xyz_01h455vb4pex5vsknk084sn02q", "ptn_01h455vb4pex5vsknk084sn02", "PTN_01H455VB4PEX5VSKNK084SN02Q", "%00", "..%2f..", "%F0%9F%8E%B9"] {
            for spoilt in route.parameters() {
                let path = route.path_with(|name| match name {
                    name if name == spoilt => wrong.to_owned(),
                    "partner_id" => world.paula.id.clone(),
                    other => world.of_nothing(other),
                });
                let call = world.caller(route).call(route.method, &path);
                let call = if matches!(route.method, "GET" | "DELETE") { call } else { call.key(&unique()).raw("application/json", route.body.unwrap_or("{}")) };
                call.send().await.refused(404, "not_found");
            }
        }
    }
    let lists: Vec<&Route> = ROUTES.iter().filter(|route| route.is_list()).collect();
    assert!(lists.len() >= 13, "{lists:?}");
    let listing = world.paula.draft(100).await;
    for route in lists {
        let path = route.path_with(|name| if name == "partner_id" { world.paula.id.clone() } else { listing.id.clone() });
        let api = world.caller(route);
        for limit in ["0", "101", "-1", "abc", "1.5", "", "99999999999999999999"] {
            let problem = api.get(&format!("{path}?limit={limit}")).await.refused(422, "invalid_request");
            assert_eq!(problem["errors"][0]["pointer"], "?limit", "{problem}");
        }
        for cursor in ["abc", "", "%00", &"A".repeat(5_000), "eyJwayI6IngifQ"] {
            api.get(&format!("{path}?cursor={cursor}")).await.refused(400, "invalid_cursor");
        }
    }
    for (path, code) in [("/listings?category=weapons", "invalid_query"), ("/listings?q=a", "query_too_short"), ("/partners?status=famous", "invalid_query")] {
        world.paula.api.get(path).await.refused(400, code);
    }
}

#[tokio::test]
async fn a_cursor_belongs_to_its_list_and_cannot_be_altered() {
    let world = World::new().await;
    let paula = &world.paula;
    for _ in 0..3 {
        paula.draft(100).await;
    }
    let path = paula.path("/listings?limit=2");
    let first = paula.api.get(&path).await.is(200);
    let next = first["next"].as_str().unwrap_or_else(|| panic!("one page only: {first}")).to_owned();
    let second = paula.api.get(&format!("{path}&cursor={next}")).await.is(200);
    assert_eq!((second["items"].as_array().unwrap().len(), &second["next"]), (1, &Value::Null), "{second}");
    for at in [0, next.len() / 2, next.len() - 1] {
        let mut altered = next.clone().into_bytes();
        altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
        let altered = String::from_utf8(altered).unwrap();
        paula.api.get(&format!("{path}&cursor={altered}")).await.refused(400, "invalid_cursor");
    }
    let marek = Partner::approved(&world.stack).await;
    marek.api.get(&marek.path(&format!("/listings?cursor={next}"))).await.refused(400, "invalid_cursor");
    paula.api.get(&paula.path(&format!("/submissions?cursor={next}"))).await.refused(400, "invalid_cursor");
}

#[tokio::test]
async fn paths_and_methods_that_do_not_exist() {
    let stack = Stack::load();
    let somebody = stack.somebody("Lost Visitor").await;
    // What the gateway has no route for never reaches a function; what it has must not be answered under another method.
    for route in ROUTES.iter().filter(|route| route.method == "GET" && route.parameters().is_empty()) {
        let answer = somebody.api.call("GET", &format!("{}/nothing/here", route.path)).send().await;
        assert_eq!(answer.status, 404, "{}", answer.text());
    }
    let key = "x".repeat(300);
    somebody.api.post_with_key("/orders", &key, json!({})).await.refused(400, "invalid_idempotency_key");
    somebody.api.call("GET", &format!("/listings?q={}", "x".repeat(9_000))).send().await.problem();
}

// ---- what the marketplace itself refuses

#[tokio::test]
async fn a_package_over_the_limit_and_an_upload_of_another_size() {
    let world = World::new().await;
    let (stack, paula) = (&world.stack, &world.paula);
    let kit = paula.draft(100).await;
    for size in [256 * 1024 * 1024 + 1, 21, 0] {
        names(&paula.api.post(&paula.version_path(&kit, "/uploads"), json!({"size_bytes": size})).await, "/size_bytes");
    }
    names(&paula.api.post(&paula.version_path(&kit, "/uploads"), json!({"size_bytes": 100, "sha256": "abc"})).await, "/sha256");

    let bytes = grooves("1.0.0");
    let request = json!({"size_bytes": bytes.len(), "sha256": sha256(&bytes)});
    let upload = paula.api.post(&paula.version_path(&kit, "/uploads"), request).await.is(201);
    let longer = [bytes.as_slice(), b"!"].concat();
    let mut other = bytes.clone();
    *other.last_mut().unwrap() ^= 1;
    for (what, wrong) in [("a byte more", longer.as_slice()), ("a byte less", &bytes[1..]), ("nothing", &[])] {
        let answer = send_form(stack, &upload, wrong).await;
        assert!((400..500).contains(&answer.status), "{what}: the bucket answered {}: {}", answer.status, answer.text());
    }
    for (field, value) in [("key", "uploads/elsewhere.zip"), ("Content-Type", "text/html")] {
        let mut forged = upload.clone();
        assert!(forged["fields"][field].is_string(), "the form has no {field}: {upload}");
        forged["fields"][field] = json!(value);
        let answer = send_form(stack, &forged, &bytes).await;
        assert!((400..500).contains(&answer.status), "{field}: the bucket answered {}: {}", answer.status, answer.text());
    }
    let version = paula.api.get(&paula.version_path(&kit, "")).await.is(200);
    assert_eq!(version["status"], "draft", "{version}");
    send_form(stack, &upload, &bytes).await.ok();
    assert_eq!(paula.scanned(&kit).await["status"], "passed");
    paula.api.post(&paula.version_path(&kit, "/uploads"), json!({"size_bytes": 100})).await.refused(409, "version_not_open");
    let second = paula.api.post(&paula.path(&format!("/listings/{}/versions", kit.id)), json!({"number": "1.0.0"})).await;
    second.refused(422, "version_number_taken");
}

#[tokio::test]
async fn a_listing_without_an_agreement_and_before_the_approval() {
    let stack = Stack::load();
    let paula = Partner::applied(&stack).await;
    paula.api.post(&paula.path("/listings"), content("Groove Kit", 100)).await.refused(409, "agreement_not_accepted");
    assert_eq!(paula.api.all(&paula.path("/listings")).await, Vec::<Value>::new());
    paula.api.post(&paula.path("/agreements"), json!({"version": "1999-01-01"})).await.refused(422, "agreement_not_current");
    paula.accept_agreement().await;

    let kit = paula.draft(100).await;
    paula.upload(&stack, &kit, &grooves("1.0.0")).await.ok();
    assert_eq!(paula.scanned(&kit).await["status"], "passed");
    paula.api.post(&paula.version_path(&kit, "/submissions"), json!({})).await.refused(409, "application_review");
    paula.api.post(&paula.version_path(&kit, "/publish"), json!({})).await.problem();
    let reject = json!({"decision": "reject", "reason_code": "unsuitable_offer", "evidence": "Not music."});
    paula.decide(&stack, reject).await.is(201);
    paula.api.post(&paula.path("/listings"), content("Groove Kit", 100)).await.refused(409, "unsuitable_offer");
    paula.decide(&stack, json!({"decision": "approve"})).await.refused(409, "wrong_status");
    paula.decide(&stack, json!({"decision": "suspend"})).await.refused(422, "invalid_request");
}

#[tokio::test]
async fn a_webhook_that_is_not_the_processors() {
    let stack = Stack::load();
    let secret = &stack.description().stripe_webhook_secret;
    let event = webhook::event("customer.created", &json!({"id": "cus_1", "object": "customer"}));
    let (id, body) = (event["id"].as_str().unwrap().to_owned(), event.to_string());
    let now = support::now().as_second();
    let good = signature(secret, now, &body);
    let zeros = "0".repeat(64);
    let altered = body.replace("cus_1", "cus_2");
    let forged: Vec<(&str, Option<String>, &str)> = vec![
        ("no signature", None, &body),
        ("an empty one", Some(String::new()), &body),
        ("a header of another kind", Some("Bearer nonsense".into()), &body),
        ("no time", Some(format!("v1={good}")), &body),
        ("no proof", Some(format!("t={now}")), &body),
        ("another secret", Some(format!("t={now},v1={}", signature("whsec_other", now, &body))), &body),
        ("an old time", Some(format!("t={},v1={}", now - 400, signature(secret, now - 400, &body))), &body),
        ("a future time", Some(format!("t={},v1={}", now + 400, signature(secret, now + 400, &body))), &body),
        ("a time that was exchanged", Some(format!("t={},v1={good}", now - 1)), &body),
        ("an altered byte", Some(format!("t={now},v1={good}")), &altered),
        ("a byte more", Some(format!("t={now},v1={good}")), &format!("{body} ")),
        ("the test scheme", Some(format!("t={now},v0={good}")), &body),
        ("two that are wrong", Some(format!("t={now},v1={zeros},v1={zeros}")), &body),
    ]
    .into_iter()
    .map(|(what, header, body)| (what, header, &*body.to_owned().leak()))
    .collect();
    for (what, header, body) in &forged {
        let problem = deliver_with(&stack, header.as_deref(), body).await.refused(400, "invalid_signature");
        assert!(problem["detail"].as_str().unwrap().contains("signing secret"), "{what}: {problem}");
    }
    let stored = stack.aws().items_about("commerce", &id).await;
    assert!(stored.is_empty(), "a forged event was stored: {stored:?}");

    deliver_with(&stack, Some(&format!("t={now},v1={zeros},v1={good}")), &body).await.is(200);
    assert_eq!(stack.aws().items_about("commerce", &id).await.len(), 1, "of two signatures, one of which fits, the event is taken in");
    let nonsense = "not an event";
    let header = format!("t={now},v1={}", signature(secret, now, nonsense));
    deliver_with(&stack, Some(&header), nonsense).await.problem();
}

#[tokio::test]
async fn a_second_checkout_under_the_same_key() {
    let stack = Stack::load();
    let paula = Partner::new(&stack).await;
    let kit = paula.published(&stack, 1299).await;
    let chiara = stack.somebody("Chiara Customer").await;
    let (key, body) = (unique(), json!({"lines": [{"listing_id": kit.id}]}));
    let first = chiara.api.post_with_key("/orders", &key, body.clone()).await;
    let placed = Order::of(first.is(201));
    let second = chiara.api.post_with_key("/orders", &key, body.clone()).await;
    assert_eq!(second.is(201), placed.body, "the same answer");
    assert_eq!(second.header("idempotent-replayed"), "true");
    assert_eq!(second.header("location"), first.header("location"));
    chiara.api.post_with_key("/orders", &key, json!({})).await.refused(422, "idempotency_key_reused");
    assert_eq!(chiara.api.all("/orders").await.len(), 1);

    // The same key of somebody else is another key.
    let dev = stack.somebody("Dev Customer").await;
    let other = Order::of(dev.api.post_with_key("/orders", &key, body.clone()).await.is(201));
    assert_ne!(other.id, placed.id);

    let _alone = stack.alone_with("outages").await;
    let slow = json!({"how": "slow", "delay_ms": 1500, "method": "POST", "path": "/v1/checkout/sessions"});
    stack.stripe().control("outages", slow).await;
    let key = unique();
    let at_once = tokio::join!(chiara.api.post_with_key("/orders", &key, body.clone()), chiara.api.post_with_key("/orders", &key, body.clone()));
    let cleared = stack.http().delete(format!("{}/_control/outages", stack.description().stripe_url)).send().await.unwrap();
    assert!(cleared.status().is_success());
    let (ran, refused) = if at_once.0.status == 201 { at_once } else { (at_once.1, at_once.0) };
    refused.refused(409, "idempotency_key_running");
    assert!(!refused.header("retry-after").is_empty(), "a conflict that does not say when to come back");
    let again = chiara.api.post_with_key("/orders", &key, body.clone()).await;
    assert_eq!(again.is(201), ran.is(201));
    assert_eq!(chiara.api.all("/orders").await.len(), 2);
}
