//! A small client for the calls Souk makes to PayPal: Orders v2, Payments v2, Disputes v1, Payouts v1, Webhooks v1,
//! Transaction Search v1.
//!
//! Like Stripe's it never repeats a call by itself. Every POST takes the `PayPal-Request-Id` that the caller made and stored *before*
//! the call. PayPal answers a repeated id with what the first call made, **whatever the second asks for**, and forgets it after 6 hours
//! (orders), 45 days (refunds) or 30 days (payouts): after that, look the object up first, and compare amounts always.

mod amount;
pub mod certificate;
pub mod intake;
pub mod objects;
pub mod reference;
pub mod requests;
mod token;
pub mod webhook;

use std::sync::Arc;

use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

pub use self::amount::{Amount, AmountError};
use self::objects::{Capture, Dispute, Disputes, Events, Link, Order, PayoutBatch, PayoutItem, Refund, Transactions};
use self::requests::{CreateOrder, CreatePayout, EventsPage, RefundCapture, TransactionsPage};
use self::token::Token;
use super::http::{self, Answer, Http};
#[cfg(feature = "test-util")]
use super::peer::Peer;
use crate::processor::{Deployment, ProcessorError};
use crate::runtime::secrets::PayPalSecretSource;

/// Cheap to clone. Connects, reads its secret and asks for a token at the first call.
#[derive(Debug, Clone)]
pub struct PayPalClient {
    inner: Arc<Inner>,
    /// `None` only in tests, which make objects that bear no mark.
    deployment: Option<Deployment>,
}

#[derive(Debug)]
struct Inner {
    base: Url,
    secret: PayPalSecretSource,
    http: Http,
    token: Token,
}

/// developer.paypal.com/api/rest/responses, "Error response"
#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorBody {
    name: String,
    message: String,
    details: Vec<ErrorDetail>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorDetail {
    /// A code in Orders and Payments, a sentence in Payouts.
    issue: String,
    field: String,
    description: String,
    #[serde(alias = "links")]
    link: Vec<Link>,
}

impl PayPalClient {
    pub fn new(base: Url, secret: PayPalSecretSource) -> Self {
        Self::over(base, secret, Http::default())
    }

    /// With somebody in the same process who plays PayPal's part.
    #[cfg(feature = "test-util")]
    pub fn in_process(peer: Arc<dyn Peer>, base: Url, secret: PayPalSecretSource) -> Self {
        Self::over(base, secret, Http::in_process(peer))
    }

    fn over(base: Url, secret: PayPalSecretSource, http: Http) -> Self {
        let inner = Inner {
            base,
            secret,
            http,
            token: Token::default(),
        };
        Self {
            inner: Arc::new(inner),
            deployment: None,
        }
    }

    /// As this deployment's: what it makes bears its mark.
    #[must_use]
    pub fn of(self, deployment: Deployment) -> Self {
        Self {
            deployment: Some(deployment),
            ..self
        }
    }

    pub fn deployment(&self) -> Option<&Deployment> {
        self.deployment.as_ref()
    }

    /// Whether an object with this `custom_id` was made by another deployment.
    pub fn is_foreign(&self, custom_id: Option<&str>) -> bool {
        let ours = self.deployment.as_ref();
        ours.is_some_and(|ours| ours.is_foreign_mark(custom_id.and_then(reference::mark)))
    }

    /// Whether the item of a payout was.
    pub fn is_foreign_item(&self, item: &str) -> bool {
        let ours = self.deployment.as_ref();
        ours.is_some_and(|ours| ours.is_foreign_mark(reference::mark_of_item(item)))
    }

    pub async fn create_order(&self, request: &CreateOrder, request_id: &str) -> Result<Order, ProcessorError> {
        let body = request.body(self.deployment.as_ref());
        self.post(&["v2", "checkout", "orders"], body, request_id).await
    }

    /// With its capture and its refunds.
    pub async fn order(&self, order: &str) -> Result<Order, ProcessorError> {
        self.get(&["v2", "checkout", "orders", order]).await
    }

    /// Takes the money of an order that the buyer has approved.
    pub async fn capture_order(&self, order: &str, request_id: &str) -> Result<Order, ProcessorError> {
        let path = ["v2", "checkout", "orders", order, "capture"];
        self.post(&path, Value::Object(serde_json::Map::new()), request_id)
            .await
    }

    pub async fn capture(&self, capture: &str) -> Result<Capture, ProcessorError> {
        self.get(&["v2", "payments", "captures", capture]).await
    }

    pub async fn refund_capture(
        &self,
        capture: &str,
        request: &RefundCapture,
        request_id: &str,
    ) -> Result<Refund, ProcessorError> {
        let path = ["v2", "payments", "captures", capture, "refund"];
        let body = request.body(self.deployment.as_ref());
        self.post(&path, body, request_id).await
    }

    pub async fn refund(&self, refund: &str) -> Result<Refund, ProcessorError> {
        self.get(&["v2", "payments", "refunds", refund]).await
    }

    /// With the money that it has moved.
    pub async fn dispute(&self, dispute: &str) -> Result<Dispute, ProcessorError> {
        self.get(&["v1", "customer", "disputes", dispute]).await
    }

    /// The disputes about a payment; it has one, seldom another after it.
    pub async fn disputes_of(&self, capture: &str) -> Result<Disputes, ProcessorError> {
        let query = [("disputed_transaction_id".to_owned(), capture.to_owned())];
        self.list(&["v1", "customer", "disputes"], &query).await
    }

    /// The one batch of this payout, whether this call made it or an earlier one did.
    pub async fn create_payout(&self, request: &CreatePayout, request_id: &str) -> Result<PayoutBatch, ProcessorError> {
        let url = http::address(&self.inner.base, &["v1", "payments", "payouts"]);
        let answer = self
            .exchange(Method::POST, url, Some(&request.body()), Some(request_id))
            .await?;
        let Some(refusal) = duplicate(&answer) else {
            return read(&answer);
        };
        match original_batch(&refusal) {
            Some(batch) => self.payout(&batch).await,
            // It exists and is not found from here: least of all is it proven that nothing happened.
            None => Err(ProcessorError::KeyReused { message: refusal.issue }),
        }
    }

    /// With its item, once there is one.
    pub async fn payout(&self, batch: &str) -> Result<PayoutBatch, ProcessorError> {
        self.get(&["v1", "payments", "payouts", batch]).await
    }

    pub async fn payout_item(&self, item: &str) -> Result<PayoutItem, ProcessorError> {
        self.get(&["v1", "payments", "payouts-item", item]).await
    }

    /// Whether there is an account at PayPal at all; a marketplace may do without.
    pub async fn is_set_up(&self) -> Result<bool, ProcessorError> {
        Ok(!self.inner.secret.get().await?.client_id.is_empty())
    }

    /// Makes sure that PayPal knows us, before anything is asked of it that cannot be taken back.
    pub async fn connect(&self) -> Result<(), ProcessorError> {
        let Inner {
            base,
            secret,
            http,
            token,
        } = &*self.inner;
        token.get(http, base, secret).await.map(drop)
    }

    /// What PayPal's webhooks have told, or should have, in the last 30 days.
    pub async fn events(&self, page: &EventsPage) -> Result<Events, ProcessorError> {
        self.list(&["v1", "notifications", "webhooks-events"], page.query())
            .await
    }

    /// The movements on the balance. They appear up to three hours late.
    pub async fn transactions(&self, page: &TransactionsPage) -> Result<Transactions, ProcessorError> {
        self.list(&["v1", "reporting", "transactions"], &page.query()).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T, ProcessorError> {
        self.list(path, &[]).await
    }

    async fn list<T: DeserializeOwned>(&self, path: &[&str], query: &[(String, String)]) -> Result<T, ProcessorError> {
        let mut url = http::address(&self.inner.base, path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        read(&self.exchange(Method::GET, url, None, None).await?)
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: Value,
        request_id: &str,
    ) -> Result<T, ProcessorError> {
        let url = http::address(&self.inner.base, path);
        read(&self.exchange(Method::POST, url, Some(&body), Some(request_id)).await?)
    }

    async fn exchange(
        &self,
        method: Method,
        url: Url,
        body: Option<&Value>,
        request_id: Option<&str>,
    ) -> Result<Answer, ProcessorError> {
        let inner = &self.inner;
        let token = inner.token.get(&inner.http, &inner.base, &inner.secret).await?;
        let mut request = inner
            .http
            .request(method, url)
            .await?
            .bearer_auth(token.expose_secret())
            // Without it a POST is answered with the id and little more.
            .header("Prefer", "return=representation");
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(id) = request_id {
            request = request.header("PayPal-Request-Id", id);
        }
        let answer = inner.http.send(request).await?;
        if answer.status == StatusCode::UNAUTHORIZED {
            inner.token.forget().await;
        }
        Ok(answer)
    }
}

fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T, ProcessorError> {
    if answer.status.is_success() {
        serde_json::from_slice(&answer.body).map_err(ProcessorError::unknown)
    } else {
        Err(refusal(answer))
    }
}

/// What a status outside 2xx says about the outcome.
fn refusal(answer: &Answer) -> ProcessorError {
    let body: ErrorBody = serde_json::from_slice(&answer.body).unwrap_or_default();
    let detail = body.details.into_iter().next().unwrap_or_default();
    let message = if detail.description.is_empty() {
        body.message
    } else {
        detail.description
    };
    match answer.status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ProcessorError::unauthorised(message),
        StatusCode::TOO_MANY_REQUESTS => ProcessorError::RateLimited,
        StatusCode::CONFLICT => ProcessorError::Conflict,
        // Only PayPal's own words are proof: a 4xx without them may be some proxy's.
        status if status.is_client_error() && !body.name.is_empty() => ProcessorError::Refused {
            status: status.as_u16(),
            code: if is_code(&detail.issue) {
                detail.issue
            } else {
                body.name
            },
            message,
        },
        status => ProcessorError::unknown(format!("status {}: {message}", status.as_u16())),
    }
}

fn is_code(issue: &str) -> bool {
    !issue.is_empty() && issue.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}

/// What PayPal says where it refuses because it has made a batch of this `sender_batch_id` before
/// (developer.paypal.com/docs/api/payments.payouts-batch/v1/#payouts_post).
fn duplicate(answer: &Answer) -> Option<ErrorDetail> {
    if !answer.status.is_client_error() {
        return None;
    }
    let body: ErrorBody = serde_json::from_slice(&answer.body).ok()?;
    let is_duplicate = |detail: &ErrorDetail| {
        detail.field.eq_ignore_ascii_case("sender_batch_id") || detail.issue.contains("sender_batch_id")
    };
    body.details.into_iter().find(is_duplicate)
}

/// The last segment of the link that PayPal gives.
fn original_batch(detail: &ErrorDetail) -> Option<String> {
    let link: Url = detail.link.first()?.href.parse().ok()?;
    let batch = link.path_segments()?.next_back()?;
    (!batch.is_empty()).then(|| batch.to_owned())
}

#[cfg(test)]
mod tests;
