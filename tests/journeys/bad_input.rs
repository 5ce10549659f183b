//! Input that cannot be right.
//!
//! 1. Every route that reads a body is sent what is not JSON, says it is something else, has a field too many, one too few or of the wrong
//!    type, nests too deep or is too long; every path gets ids that are none, every list a limit and a cursor that cannot be.
//! 2. Each is a problem document that names the place and says what to do, and nothing is written.

use serde_json::{Map, Value, json};
use support::routes::{Access, ROUTES, Route};
use support::scenes::{application, content};
use support::{Answer, Api, Partner, Stack, unique};

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
        route.path_with(|name| {
            if name == "partner_id" {
                self.paula.id.clone()
            } else {
                self.of_nothing(name)
            }
        })
    }

    fn of_nothing(&self, name: &str) -> String {
        let prefix = match name {
            "listing_id" => "lst",
            "version_id" => "ver",
            "submission_id" => "sub",
            "case_id" => "case",
            "appeal_id" => "apl",
            "payout_id" => "pay",
            "order_id" => "ord",
            "licence_id" => "lic",
            "machine_id" => "mac",
            "process_id" => "prc",
            "policy_id" => "pol",
            "batch_id" => "lbt",
            "plan_id" => "pln",
            "subscription_id" => "sbn",
            "proof_id" => "edu",
            "token_id" => "tok",
            "reconciliation_id" => "rec",
            "rescan_id" => "rsc",
            "user_id" => "usr",
            "rule_id" => "rul",
            "index" => "line",
            "refund_id" => "rfd",
            "dispute_id" => "dsp",
            "hold_id" => "hld",
            // Neither of these is an id: no period and no year is called so.
            "period" | "year" => "day",
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
    let call = if route.method == "POST" {
        call.key(&unique())
    } else {
        call
    };
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
        for (broken, what) in [
            ("", "nothing"),
            ("{", "half an object"),
            (&text[..text.len() - 1], "no end"),
            ("\u{feff}{}", "a byte order mark"),
        ] {
            send(&world, route, json, broken.to_owned())
                .await
                .refused(400, "malformed_json")["detail"]
                .as_str()
                .unwrap_or_else(|| panic!("{what}: no detail"));
        }
        send(&world, route, json, format!("{text} {text}"))
            .await
            .refused(400, "malformed_json");
        // Some gateways replace what is not UTF-8; nobody takes it for a field.
        send(&world, route, json, b"{\"\xff\": 1}".to_vec()).await.problem();
        send(&world, route, Some("text/plain"), text.clone())
            .await
            .refused(415, "unsupported_media_type");
        send(
            &world,
            route,
            Some("application/x-www-form-urlencoded"),
            "a=b".to_owned(),
        )
        .await
        .refused(415, "unsupported_media_type");
        send(&world, route, None, text.clone())
            .await
            .refused(415, "unsupported_media_type");
        let deep = format!("{}{}", "[".repeat(TOO_DEEP), "]".repeat(TOO_DEEP));
        send(&world, route, json, deep).await.refused(400, "body_too_deep");
        send(&world, route, json, " ".repeat(TOO_LONG))
            .await
            .refused(413, "body_too_large");
        for wrong in ["[]", "null", "7", "\"text\"", "true"] {
            let problem = send(&world, route, json, wrong.to_owned())
                .await
                .refused(422, "invalid_request");
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
        names(
            &send(&world, route, Some("application/json"), Value::Object(more).to_string()).await,
            "/surprise",
        );
        for field in route.needs {
            let mut less = body.clone();
            less.remove(*field)
                .unwrap_or_else(|| panic!("{route:?} has no {field}"));
            names(
                &send(&world, route, Some("application/json"), Value::Object(less).to_string()).await,
                &format!("/{field}"),
            );
        }
        for field in body.keys() {
            for wrong in [json!({"a": {"b": []}}), json!([[1.5]]), json!(-1.5), json!(true)] {
                if wrong.is_boolean() && body[field].is_boolean() {
                    continue;
                }
                let mut other = body.clone();
                other.insert(field.clone(), wrong);
                let answer = send(
                    &world,
                    route,
                    Some("application/json"),
                    Value::Object(other).to_string(),
                )
                .await;
                names(&answer, &format!("/{field}"));
            }
        }
    }
    assert_eq!(world.counts().await, before, "something was written");
}

/// A refusal that points at this field, or into it.
#[track_caller]
pub(crate) fn names(answer: &Answer, pointer: &str) {
    let problem = answer.refused(422, "invalid_request");
    let pointers = problem["errors"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|error| error["pointer"].as_str());
    let at = |found: &str| found == pointer || found.starts_with(&format!("{pointer}/"));
    assert!(
        pointers.clone().any(at),
        "{}: {pointer} is not named, only {:?}",
        answer.what,
        pointers.collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn values_that_no_field_may_have() {
    let world = World::new().await;
    let paula = &world.paula;
    let before = world.counts().await;
    let apply = |field: &str, value: Value| with(application("Journey of Errors"), field, value);
    let long = "x".repeat(30_000);
    for (field, values) in [
        ("name", vec![json!(""), json!("x"), json!(long), json!("\u{202e}evil")]),
        ("country", vec![json!("Germany"), json!("de"), json!("XX")]),
        (
            "support_email",
            vec![json!("nobody"), json!("a@b@c"), json!("a b@c.example")],
        ),
        (
            "website",
            vec![
                json!("ftp://a.example"),
                json!("javascript:alert(1)"),
                json!("http://localhost"),
                json!("no address"),
            ],
        ),
        ("about", vec![json!("short"), json!(long)]),
    ] {
        for value in values {
            names(
                &paula.api.post("/partners", apply(field, value)).await,
                &format!("/{field}"),
            );
        }
    }
    let listing = |field: &str, value: Value| with(content("Groove Kit", 1299), field, value);
    for (field, values) in [
        (
            "title",
            vec![
                json!(""),
                json!("a\u{200b}b c"),
                json!(" padded "),
                json!(long),
                json!("---"),
            ],
        ),
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
        (
            "tags",
            vec![
                json!(["UPPER"]),
                json!(["a", "a"]),
                json!(["b c"]),
                json!(vec!["a"; 11]),
                json!([""]),
            ],
        ),
    ] {
        for value in values {
            names(
                &paula.api.post(&paula.path("/listings"), listing(field, value)).await,
                &format!("/{field}"),
            );
        }
    }
    let tokens = |field: &str, value: Value| with(json!({"label": "x", "scopes": ["orders:read"]}), field, value);
    for (field, value) in [
        ("scopes", json!([])),
        ("scopes", json!(["everything"])),
        ("valid_days", json!(0)),
        ("valid_days", json!(367)),
        ("label", json!("")),
    ] {
        names(
            &paula.api.post("/api-tokens", tokens(field, value)).await,
            &format!("/{field}"),
        );
    }
    let order = |field: &str, value: Value| {
        with(
            json!({"lines": [{"listing_id": world.of_nothing("listing_id")}]}),
            field,
            value,
        )
    };
    let many: Vec<Value> = (0..21)
        .map(|_| json!({"listing_id": world.of_nothing("listing_id")}))
        .collect();
    for (field, value) in [
        ("lines", json!([])),
        ("lines", json!(many)),
        ("lines", json!([{"listing_id": "lst_nonsense"}])),
        ("lines", json!([{"listing_id": world.of_nothing("order_id")}])),
        ("success_url", json!("javascript:alert(1)")),
        ("cancel_url", json!("http://evil.example")),
    ] {
        names(
            &paula.api.post("/orders", order(field, value)).await,
            &format!("/{field}"),
        );
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
        for wrong in [
            "nonsense",
            good,
            "xyz_01h455vb4pex5vsknk084sn02q",
            "ptn_01h455vb4pex5vsknk084sn02",
            "PTN_01H455VB4PEX5VSKNK084SN02Q",
            "%00",
            "%F0%9F%8E%B9",
        ] {
            for spoilt in route.parameters() {
                let path = route.path_with(|name| match name {
                    name if name == spoilt => wrong.to_owned(),
                    "partner_id" => world.paula.id.clone(),
                    other => world.of_nothing(other),
                });
                let (status, code) = match route.access {
                    // Without a key nothing is looked for. Some gateways refuse a NUL before anybody asks for the key.
                    Access::Key if wrong == "%00" => continue,
                    Access::Key => (401, "unauthenticated"),
                    _ => (404, "not_found"),
                };
                let call = world.caller(route).call(route.method, &path);
                let call = if matches!(route.method, "GET" | "DELETE") {
                    call
                } else {
                    call.key(&unique()).raw("application/json", route.body.unwrap_or("{}"))
                };
                call.send().await.refused(status, code);
            }
        }
    }
    let lists: Vec<&Route> = ROUTES.iter().filter(|route| route.is_list()).collect();
    assert!(lists.len() >= 13, "{lists:?}");
    let listing = world.paula.draft(100).await;
    for route in lists {
        let path = route.path_with(|name| match name {
            "partner_id" => world.paula.id.clone(),
            "year" => "2026".to_owned(),
            "listing_id" => listing.id.clone(),
            other => world.of_nothing(other),
        });
        let api = world.caller(route);
        for limit in ["0", "101", "-1", "abc", "1.5", "", "99999999999999999999"] {
            let problem = api
                .get(&format!("{path}?limit={limit}"))
                .await
                .refused(422, "invalid_request");
            assert_eq!(problem["errors"][0]["pointer"], "?limit", "{problem}");
        }
        for cursor in ["abc", "", "%00", &"A".repeat(5_000), "eyJwayI6IngifQ"] {
            api.get(&format!("{path}?cursor={cursor}"))
                .await
                .refused(400, "invalid_cursor");
        }
    }
    for (path, code) in [
        ("/listings?category=weapons", "invalid_query"),
        ("/listings?q=a", "query_too_short"),
        ("/partners?status=famous", "invalid_query"),
    ] {
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
    let next = first["next"]
        .as_str()
        .unwrap_or_else(|| panic!("one page only: {first}"))
        .to_owned();
    let second = paula.api.get(&format!("{path}&cursor={next}")).await.is(200);
    assert_eq!(
        (second["items"].as_array().unwrap().len(), &second["next"]),
        (1, &Value::Null),
        "{second}"
    );
    for at in [0, next.len() / 2, next.len() - 1] {
        let mut altered = next.clone().into_bytes();
        altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
        let altered = String::from_utf8(altered).unwrap();
        paula
            .api
            .get(&format!("{path}&cursor={altered}"))
            .await
            .refused(400, "invalid_cursor");
    }
    let marek = Partner::approved(&world.stack).await;
    marek
        .api
        .get(&marek.path(&format!("/listings?cursor={next}")))
        .await
        .refused(400, "invalid_cursor");
    paula
        .api
        .get(&paula.path(&format!("/submissions?cursor={next}")))
        .await
        .refused(400, "invalid_cursor");
}

#[tokio::test]
async fn paths_and_methods_that_do_not_exist() {
    let stack = Stack::load();
    let somebody = stack.somebody("Lost Visitor").await;
    // What the gateway has no route for never reaches a function; what it has must not be answered under another method.
    for route in ROUTES
        .iter()
        .filter(|route| route.method == "GET" && route.parameters().is_empty())
    {
        let answer = somebody
            .api
            .call("GET", &format!("{}/nothing/here", route.path))
            .send()
            .await;
        assert_eq!(answer.status, 404, "{}", answer.text());
    }
    let key = "x".repeat(300);
    somebody
        .api
        .post_with_key("/orders", &key, json!({}))
        .await
        .refused(400, "invalid_idempotency_key");
    somebody
        .api
        .call("GET", &format!("/listings?q={}", "x".repeat(9_000)))
        .send()
        .await
        .problem();
}
