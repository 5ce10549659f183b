//! A function's router, called without a server.

use std::ops::Deref;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tower::ServiceExt;

use super::world::TestWorld;

/// When it goes out of scope it checks what must hold after every test: each announced message was taken (and looked at), and every
/// entry of the journal balances.
#[derive(Debug)]
pub struct TestApp {
    world: TestWorld,
    router: axum::Router,
}

/// A request in the making.
#[derive(Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct TestRequest<'a> {
    app: &'a TestApp,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl TestApp {
    /// `router` makes the function's router of what the world offers.
    pub fn new(router: impl FnOnce(&TestWorld) -> axum::Router) -> Self {
        Self::of(TestWorld::new(), router)
    }

    /// In a world that exists, such as one that another function has changed.
    pub fn of(world: TestWorld, router: impl FnOnce(&TestWorld) -> axum::Router) -> Self {
        let router = router(&world);
        Self { world, router }
    }

    /// Any request, for those that the builders cannot make.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.expect("routers do not fail");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a body in memory").to_bytes().to_vec();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    pub fn request(&self, method: Method, path: impl Into<String>) -> TestRequest<'_> {
        TestRequest {
            app: self,
            method,
            path: path.into(),
            headers: HeaderMap::new(),
            body: Vec::new(),
        }
    }

    pub fn get(&self, path: impl Into<String>) -> TestRequest<'_> {
        self.request(Method::GET, path)
    }

    pub fn post(&self, path: impl Into<String>, body: &impl Serialize) -> TestRequest<'_> {
        self.request(Method::POST, path).json(body)
    }

    pub fn put(&self, path: impl Into<String>, body: &impl Serialize) -> TestRequest<'_> {
        self.request(Method::PUT, path).json(body)
    }

    pub fn patch(&self, path: impl Into<String>, body: &impl Serialize) -> TestRequest<'_> {
        self.request(Method::PATCH, path).json(body)
    }

    pub fn delete(&self, path: impl Into<String>) -> TestRequest<'_> {
        self.request(Method::DELETE, path)
    }
}

impl Deref for TestApp {
    type Target = TestWorld;
    fn deref(&self) -> &TestWorld {
        &self.world
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let left = self.world.take_messages();
        assert!(
            left.is_empty(),
            "messages that the test did not look at (take_messages): {left:#?}"
        );
        self.world.journal();
    }
}

impl TestRequest<'_> {
    pub fn json(mut self, body: &impl Serialize) -> Self {
        self.body = serde_json::to_vec(body).expect("a body is JSON");
        self.header("content-type", "application/json")
    }

    /// A body as it is, for what is not JSON.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers
            .insert(name, HeaderValue::from_bytes(value.as_bytes()).expect("a header value"));
        self
    }

    pub fn headers(mut self, headers: HeaderMap) -> Self {
        self.headers.extend(headers);
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub fn idempotency_key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    pub async fn send(self) -> Answer {
        let mut request = Request::builder()
            .method(self.method)
            .uri(self.path)
            .body(Body::from(self.body))
            .expect("a path");
        *request.headers_mut() = self.headers;
        self.app.send(request).await
    }
}

impl Answer {
    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        self.parse()
    }

    #[track_caller]
    pub fn parse<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The answer itself, if it has this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        self
    }

    /// The answer itself, if it is a problem document with this status and code.
    #[track_caller]
    pub fn expect_problem(self, status: u16, code: &str) -> Self {
        assert_eq!(
            (self.status.as_u16(), self.json()["code"].as_str()),
            (status, Some(code)),
            "{}",
            self.text()
        );
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json");
        self
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
