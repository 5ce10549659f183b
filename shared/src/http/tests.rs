//! The entrance as callers meet it: through a router, with the backends in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::{FromRef, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;
use crate::auth::scope::{ListingsRead, ListingsWrite, OrdersWrite, SignIn};
use crate::auth::{Operator, PartnerMember, PartnerOwner, Principal, Scope};
use crate::ids::{OrderId, PartnerId};
use crate::store::StoreError;
use crate::store::accounts::Role;
use crate::testing::{Answer, TestApp};

#[derive(Clone)]
struct Context {
    edge: Edge,
    runs: Arc<AtomicUsize>,
}

impl FromRef<Context> for Edge {
    fn from_ref(context: &Context) -> Self {
        context.edge.clone()
    }
}

#[derive(Deserialize)]
struct Order {
    does: String,
}

impl Validate for Order {}

/// Does what the body says, and says which order it would be.
async fn order(
    State(context): State<Context>,
    principal: Principal<OrdersWrite>,
    call: Call,
    Json(order): Json<Order>,
) -> Result<axum::response::Response, Problem> {
    let run = context.runs.fetch_add(1, Ordering::SeqCst) + 1;
    let made = Json(json!({"order": call.seed.id::<OrderId>("order"), "user": principal.user.id, "run": run}));
    match order.does.as_str() {
        "fail" => Err(Problem::internal("by request")),
        "fail once" if run == 1 => Err(Problem::internal("by request")),
        "conflict once" if run == 1 => Err(Problem::conflict("not_yet", "Do the other thing first.")),
        "meet others once" if run == 1 => Err(StoreError::Conflict { failed: vec![0] }.into()),
        "meet others" => Err(StoreError::Conflict { failed: vec![0] }.into()),
        "find it busy once" if run == 1 => Err(StoreError::Busy.into()),
        "lose an answer" => Err(StoreError::Unavailable("no answer".into()).into()),
        "refuse" => Err(Problem::refused("too_many", "/does", "is too many")),
        "hang" => std::future::pending().await,
        "tell a secret" => Ok((StatusCode::CREATED, ShownOnce, made).into_response()),
        "tell much" => Ok("x".repeat(400_000).into_response()),
        _ => Ok((StatusCode::CREATED, [(header::LOCATION, "/v1/orders/1")], made).into_response()),
    }
}

async fn listings(member: PartnerMember<ListingsRead>) -> Json<Value> {
    Json(json!({"partner": member.partner, "standing": format!("{:?}", member.standing)}))
}

async fn create_listing(_: PartnerMember<ListingsWrite>) -> StatusCode {
    StatusCode::CREATED
}

async fn own(_: PartnerOwner<ListingsWrite>) -> StatusCode {
    StatusCode::NO_CONTENT
}

async fn who(principal: Option<Principal<ListingsRead>>) -> Json<Value> {
    Json(json!({"user": principal.map(|principal| principal.user.id)}))
}

async fn one(Path(_): Path<OrderId>) -> StatusCode {
    StatusCode::OK
}

fn app() -> TestApp {
    TestApp::new(|world| {
        let routes = Routes::new()
            .route("/v1/orders", post(order))
            .route("/v1/orders/{order_id}", get(one))
            .route("/v1/who", get(who))
            .route("/v1/tokens", post(async |_: Principal<SignIn>| StatusCode::CREATED))
            .route("/v1/queue", get(async |_: Operator| StatusCode::OK))
            .route(
                "/v1/partners/{partner_id}/listings",
                get(listings).post(create_listing).delete(own),
            );
        router(
            routes,
            Context {
                edge: world.edge.clone(),
                runs: Arc::default(),
            },
        )
    })
}

async fn post_order(app: &TestApp, does: &str, key: &str) -> Answer {
    app.post("/v1/orders", &json!({"does": does}))
        .bearer(&app.sign_in("ada"))
        .idempotency_key(key)
        .send()
        .await
}

#[tokio::test]
async fn everything_that_goes_wrong_is_a_problem_document() {
    let app = app();
    let ada = app.sign_in("ada");
    app.get("/v1/nothing").send().await.expect_problem(404, "not_found");
    app.get("/v1/orders/ord_1")
        .send()
        .await
        .expect_problem(404, "not_found");
    let answer = app
        .get("/v1/orders")
        .send()
        .await
        .expect_problem(405, "method_not_allowed");
    assert_eq!(answer.header("allow"), Some("POST"));
    let answer = app
        .post("/v1/orders", &json!({}))
        .send()
        .await
        .expect_problem(401, "unauthenticated");
    assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"souk\""));

    app.post("/v1/orders", &json!({"does": 1}))
        .bearer(&ada)
        .send()
        .await
        .expect_problem(422, "invalid_request");
    app.request(Method::POST, "/v1/orders")
        .body("does=x")
        .bearer(&ada)
        .send()
        .await
        .expect_problem(415, "unsupported_media_type");
    let large = json!({"does": "x".repeat(1024 * 1024)});
    app.post("/v1/orders", &large)
        .bearer(&ada)
        .send()
        .await
        .expect_problem(413, "body_too_large");
    app.get(format!("/v1/who?q={}", "x".repeat(8_000)))
        .send()
        .await
        .expect_problem(414, "uri_too_long");
}

#[tokio::test]
async fn every_answer_is_furnished() {
    let answer = app().get("/v1/who").send().await.expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert!(answer.header("x-request-id").is_some_and(|id| !id.is_empty()));
    assert_eq!(answer.json(), json!({"user": null}));
}

#[tokio::test]
async fn a_repeated_request_has_one_effect_and_one_answer() {
    let app = app();
    let first = post_order(&app, "order", "key-1").await.expect(201);
    let again = post_order(&app, "order", "key-1").await.expect(201);
    assert_eq!(first.body, again.body);
    assert_eq!(again.header("location"), Some("/v1/orders/1"));
    assert_eq!(again.header("content-type"), Some("application/json"));
    assert_eq!(
        (first.header("idempotent-replayed"), again.header("idempotent-replayed")),
        (None, Some("true"))
    );
    assert_eq!(
        post_order(&app, "order", "key-2").await.expect(201).json()["run"],
        2,
        "another key is another request"
    );
    post_order(&app, "other", "key-1")
        .await
        .expect_problem(422, "idempotency_key_reused");

    // The same key of somebody else is another key.
    let body = json!({"does": "order"});
    let of_bob = app
        .post("/v1/orders", &body)
        .bearer(&app.sign_in("bob"))
        .idempotency_key("key-1")
        .send()
        .await
        .expect(201);
    assert_ne!(of_bob.json()["user"], first.json()["user"]);
    let of_token = app
        .post("/v1/orders", &body)
        .bearer(&app.api_token("ada", &[Scope::OrdersWrite]).await)
        .idempotency_key("key-1")
        .send()
        .await;
    assert_eq!(of_token.expect(201).json()["run"], 4);
    // A day later nobody remembers.
    app.clock.advance(SignedDuration::from_hours(24));
    assert_eq!(post_order(&app, "other", "key-1").await.expect(201).json()["run"], 5);
}

#[tokio::test]
async fn without_a_key_every_request_is_a_new_one() {
    let app = app();
    let ada = app.sign_in("ada");
    let first = app
        .post("/v1/orders", &json!({"does": "order"}))
        .bearer(&ada)
        .send()
        .await
        .expect(201);
    let second = app
        .post("/v1/orders", &json!({"does": "order"}))
        .bearer(&ada)
        .send()
        .await
        .expect(201);
    assert_ne!(first.json()["order"], second.json()["order"]);
}

#[tokio::test]
async fn a_refusal_is_kept_and_what_may_pass_is_not() {
    let app = app();
    post_order(&app, "refuse", "a").await.expect_problem(422, "too_many");
    let again = post_order(&app, "refuse", "a").await.expect_problem(422, "too_many");
    assert_eq!(again.header("idempotent-replayed"), Some("true"));

    let fresh = self::app();
    post_order(&fresh, "conflict once", "a")
        .await
        .expect_problem(409, "not_yet");
    assert_eq!(
        post_order(&fresh, "conflict once", "a").await.expect(201).json()["run"],
        2
    );
}

#[tokio::test]
async fn after_a_failure_the_same_key_makes_the_same_ids() {
    let app = app();
    post_order(&app, "fail once", "a").await.expect_problem(500, "internal");
    post_order(&app, "other", "a")
        .await
        .expect_problem(422, "idempotency_key_reused");
    app.clock.advance(SignedDuration::from_mins(5));
    let retried = post_order(&app, "fail once", "a").await.expect(201);
    let id: OrderId = serde_json::from_value(retried.json()["order"].clone()).expect("an order id");
    assert!(
        id.to_string() < app.seed().id::<OrderId>("order").to_string(),
        "its time is that of the first attempt"
    );
}

#[tokio::test]
async fn a_crash_leaves_a_lock_that_runs_out() {
    let app = app();
    // The caller's connection goes, and the function with it: nothing is concluded.
    let hanging = tokio::time::timeout(Duration::from_millis(50), post_order(&app, "hang", "a")).await;
    assert!(hanging.is_err());
    let answer = post_order(&app, "hang", "a")
        .await
        .expect_problem(409, "idempotency_key_running");
    assert!(answer.header("retry-after").is_some());
    post_order(&app, "order", "a")
        .await
        .expect_problem(422, "idempotency_key_reused");

    app.clock.advance(SignedDuration::from_secs(30));
    let taken_over = tokio::time::timeout(Duration::from_millis(50), post_order(&app, "hang", "a")).await;
    assert!(taken_over.is_err(), "it runs again");
}

#[tokio::test]
async fn what_cannot_be_repeated_says_so() {
    let app = app();
    post_order(&app, "tell a secret", "a").await.expect(201);
    post_order(&app, "tell a secret", "a")
        .await
        .expect_problem(409, "secret_shown_once");
    post_order(&app, "tell much", "b").await.expect(200);
    post_order(&app, "tell much", "b")
        .await
        .expect_problem(409, "answer_not_kept");
}

#[tokio::test]
async fn keys_are_short_and_printable() {
    let app = app();
    for wrong in ["", " ", "a\tb", &"x".repeat(257)] {
        post_order(&app, "order", wrong)
            .await
            .expect_problem(400, "invalid_idempotency_key");
    }
    let ada = app.sign_in("ada");
    let mut request = app.post("/v1/orders", &json!({"does": "order"})).bearer(&ada);
    request = request.header("idempotency-key", &"x".repeat(256));
    request.send().await.expect(201);
    assert!(HeaderValue::from_str("é").is_ok(), "which `client_key` refuses");
    post_order(&app, "order", "é")
        .await
        .expect_problem(400, "invalid_idempotency_key");
}

#[tokio::test]
async fn nobodys_key_is_no_key() {
    let app = app();
    let nobody = app
        .post("/v1/orders", &json!({"does": "order"}))
        .idempotency_key("a")
        .send()
        .await;
    nobody.expect_problem(401, "unauthenticated");
    let forged = app
        .post("/v1/orders", &json!({"does": "order"}))
        .bearer("a.b.c")
        .idempotency_key("a")
        .send()
        .await;
    forged.expect_problem(401, "invalid_token");
    assert!(
        app.store
            .as_memory()
            .expect("in memory")
            .scan(crate::store::TableName::Requests)
            .is_empty()
    );
}

#[tokio::test]
async fn a_partner_exists_for_its_team_only() {
    let app = app();
    let (ours, theirs): (PartnerId, PartnerId) = (app.seed().id("a"), app.seed().id("b"));
    app.join(ours, "ada", Role::Owner).await;
    app.join(ours, "ben", Role::Member).await;
    app.join(theirs, "eve", Role::Owner).await;
    let path = format!("/v1/partners/{ours}/listings");
    let as_of = async |name: &str, method: Method| {
        app.request(method, path.clone())
            .bearer(&app.sign_in(name))
            .send()
            .await
    };

    assert_eq!(as_of("ada", Method::GET).await.expect(200).json()["standing"], "Owner");
    assert_eq!(as_of("ben", Method::GET).await.expect(200).json()["standing"], "Member");
    as_of("eve", Method::GET).await.expect_problem(404, "not_found");
    as_of("eve", Method::POST).await.expect_problem(404, "not_found");
    as_of("ben", Method::POST).await.expect(201);
    as_of("ada", Method::DELETE).await.expect(204);
    as_of("ben", Method::DELETE).await.expect_problem(403, "owner_required");
    as_of("eve", Method::DELETE).await.expect_problem(404, "not_found");
    app.get("/v1/partners/nonsense/listings")
        .bearer(&app.sign_in("ada"))
        .send()
        .await
        .expect_problem(404, "not_found");

    let olga = app.sign_in_operator("olga");
    let looked = app.get(path.clone()).bearer(&olga).send().await.expect(200);
    assert_eq!(looked.json()["standing"], "Operator");
    app.request(Method::POST, path.clone())
        .bearer(&olga)
        .send()
        .await
        .expect_problem(403, "operators_only_look");
}

#[tokio::test]
async fn an_api_token_does_what_its_scopes_say() {
    let app = app();
    let partner: PartnerId = app.seed().id("a");
    app.join(partner, "ada", Role::Owner).await;
    let path = format!("/v1/partners/{partner}/listings");
    let token = app.api_token("ada", &[Scope::ListingsRead]).await;
    app.get(path.clone()).bearer(&token).send().await.expect(200);
    let refused = app
        .request(Method::POST, path)
        .bearer(&token)
        .send()
        .await
        .expect_problem(403, "insufficient_scope");
    assert!(
        refused
            .header("www-authenticate")
            .is_some_and(|challenge| challenge.contains("scope=\"listings:write\""))
    );
    app.request(Method::POST, "/v1/tokens")
        .bearer(&token)
        .send()
        .await
        .expect_problem(403, "sign_in_required");
    app.get("/v1/queue")
        .bearer(&token)
        .send()
        .await
        .expect_problem(403, "sign_in_required");

    app.clock.advance(SignedDuration::from_hours(24));
    app.get("/v1/who")
        .bearer(&token)
        .send()
        .await
        .expect_problem(401, "invalid_token");
    let unknown = crate::auth::ApiToken::generate();
    app.get("/v1/who")
        .bearer(unknown.reveal())
        .send()
        .await
        .expect_problem(401, "invalid_token");
    app.get("/v1/who")
        .bearer("souk_pat_short")
        .send()
        .await
        .expect_problem(401, "invalid_token");
}

#[tokio::test]
async fn operators_are_made_by_their_role() {
    let app = app();
    app.get("/v1/queue")
        .bearer(&app.sign_in_operator("olga"))
        .send()
        .await
        .expect(200);
    app.get("/v1/queue")
        .bearer(&app.sign_in("ada"))
        .send()
        .await
        .expect_problem(403, "operator_required");
    app.get("/v1/queue").send().await.expect_problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_malformed_credential_is_not_taken_for_none() {
    let app = app();
    for wrong in ["Basic YTpi", "Bearer", "Bearer ", "nonsense"] {
        let answer = app.get("/v1/who").header("authorization", wrong).send().await;
        answer.expect_problem(401, "invalid_request");
    }
    app.issuer.lock().broken = true;
    app.get("/v1/who")
        .bearer(&app.sign_in("ada"))
        .send()
        .await
        .expect_problem(503, "unavailable");
}

#[tokio::test]
async fn a_handler_ends_in_time() {
    let app = app();
    let mut context = lambda_http::Context::default();
    let in_a_moment = u64::try_from(app.now().as_millisecond()).expect("after 1970") + 600;
    context.deadline = in_a_moment;
    context.request_id = "req-1".into();
    let body = axum::body::Body::from(r#"{"does":"hang"}"#);
    let mut request = axum::http::Request::post("/v1/orders")
        .header("content-type", "application/json")
        .body(body)
        .expect("a request");
    request.headers_mut().insert(
        "authorization",
        format!("Bearer {}", app.sign_in("ada")).parse().expect("ASCII"),
    );
    request
        .headers_mut()
        .insert("idempotency-key", HeaderValue::from_static("a"));
    let request = lambda_http::RequestExt::with_lambda_context(request, context);
    let answer = app.send(request).await.expect_problem(503, "timed_out");
    assert_eq!(answer.header("x-request-id"), Some("req-1"));
    // And the record was released, so the retry runs.
    let retried = tokio::time::timeout(Duration::from_millis(50), post_order(&app, "hang", "a")).await;
    assert!(retried.is_err());
}

#[tokio::test]
async fn a_request_that_meets_others_is_handled_again_before_its_caller_has_to() {
    for does in ["meet others once", "find it busy once"] {
        let app = app();
        let answer = post_order(&app, does, "a key").await;
        assert_eq!(answer.status, StatusCode::CREATED, "{does}");
        assert_eq!(answer.json()["run"], 2, "{does}");
    }
    let app = app();
    post_order(&app, "meet others", "a key")
        .await
        .expect_problem(409, "changed_meanwhile");
    let next = post_order(&app, "order", "another key").await;
    assert_eq!(next.json()["run"], 5, "four tries, and this one");
    let unknown = post_order(&app, "lose an answer", "a third key").await;
    assert_eq!(unknown.status, StatusCode::SERVICE_UNAVAILABLE);
    let next = post_order(&app, "order", "a fourth key").await;
    assert_eq!(next.json()["run"], 7, "what was not answered is not done again");
}
