//! A small client for the calls Souk makes. One method per call, typed both ways.
//!
//! It never repeats a call by itself: whether another attempt is safe depends on what the caller has stored, so every POST takes the
//! idempotency key that the caller made *before* the call, and every error says whether the outcome is known ([`StripeError`]).
//! Answers are read tolerantly (docs.stripe.com/api/versioning): what Stripe may omit is optional, what it may add is ignored.

mod form;
pub mod objects;
pub mod requests;

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;
use url::Url;

use self::form::Form;
use self::objects::{
    Account, AccountLink, BalanceTransaction, BankPayout, Charge, CheckoutSession, Dispute, Event, List, Refund,
    Transfer, TransferReversal,
};
use self::requests::{CreateAccount, CreateAccountLink, CreateCheckoutSession, CreateRefund, CreateTransfer, ListPage};
use crate::runtime::secrets::{SecretError, StripeSecretSource};

/// The version that requests, answers and the webhook endpoint are pinned to (docs.stripe.com/webhooks/versioning).
pub const API_VERSION: &str = "2026-05-27.dahlia";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Stripe answers most calls within a second; creating an account takes several.
const TIMEOUT: Duration = Duration::from_secs(20);
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;
/// What Stripe calls an account that a platform cannot reach (docs.stripe.com/error-codes).
pub(super) const ACCOUNT_GONE: &str = "account_invalid";

/// Cheap to clone. Connects, and reads its key, at the first call.
#[derive(Debug, Clone)]
pub struct StripeClient(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    base: Url,
    secret: StripeSecretSource,
    http: OnceCell<reqwest::Client>,
}

#[derive(Debug, thiserror::Error)]
pub enum StripeError {
    /// Stripe has refused: it is proven that nothing happened.
    #[error("Stripe refused with {status} {code}: {message}")]
    Refused { status: u16, code: String, message: String },
    /// Nothing happened; the same call with the same key may be made later.
    #[error("Stripe asks for fewer requests")]
    RateLimited,
    /// Another request with the same key is running, or another one has the object; the same call may be made later.
    #[error("Stripe is busy with the same object")]
    Conflict,
    /// The key came with other parameters before. What it did then stands; this is a fault of ours.
    #[error("the idempotency key was used for another request: {message}")]
    KeyReused { message: String },
    /// Time-out, 5xx, broken connection, unreadable answer: it may have happened. Look it up, never assume.
    #[error("it is not known what Stripe did")]
    Unknown(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Our key is not accepted, or cannot be had; nothing happened.
    #[error("not authorised at Stripe")]
    Unauthorised(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StripeError {
    /// Whether the call may have had its effect.
    pub fn is_outcome_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_))
    }
}

impl From<SecretError> for StripeError {
    fn from(error: SecretError) -> Self {
        Self::Unauthorised(Box::new(error))
    }
}

/// docs.stripe.com/api/errors
#[derive(Deserialize)]
struct ErrorBody {
    error: ErrorDetail,
}

#[derive(Deserialize)]
struct ErrorDetail {
    #[serde(rename = "type", default)]
    kind: String,
    code: Option<String>,
    #[serde(default)]
    message: String,
}

impl StripeClient {
    pub fn new(base: Url, secret: StripeSecretSource) -> Self {
        Self(Arc::new(Inner {
            base,
            secret,
            http: OnceCell::new(),
        }))
    }

    pub async fn create_account(&self, request: &CreateAccount, idempotency_key: &str) -> Result<Account, StripeError> {
        self.post("/v1/accounts", request.form(), idempotency_key).await
    }

    pub async fn account(&self, account: &str) -> Result<Account, StripeError> {
        self.get(&["v1", "accounts", account], Form::new()).await
    }

    pub async fn create_account_link(
        &self,
        request: &CreateAccountLink,
        idempotency_key: &str,
    ) -> Result<AccountLink, StripeError> {
        self.post("/v1/account_links", request.form(), idempotency_key).await
    }

    pub async fn create_checkout_session(
        &self,
        request: &CreateCheckoutSession,
        idempotency_key: &str,
    ) -> Result<CheckoutSession, StripeError> {
        self.post("/v1/checkout/sessions", request.form(), idempotency_key)
            .await
    }

    /// With its payment intent, that one's latest charge, and the charge's balance transaction, as far as they exist.
    pub async fn checkout_session(&self, session: &str) -> Result<CheckoutSession, StripeError> {
        let expand = Form::new().with("expand[0]", "payment_intent.latest_charge.balance_transaction");
        self.get(&["v1", "checkout", "sessions", session], expand).await
    }

    /// Ends a session that nobody has paid, so that nobody can pay it any more.
    pub async fn expire_checkout_session(
        &self,
        session: &str,
        idempotency_key: &str,
    ) -> Result<CheckoutSession, StripeError> {
        self.send(
            Method::POST,
            &["v1", "checkout", "sessions", session, "expire"],
            Form::new(),
            Some(idempotency_key),
        )
        .await
    }

    /// With its balance transaction, once there is one.
    pub async fn charge(&self, charge: &str) -> Result<Charge, StripeError> {
        let expand = Form::new().with("expand[0]", "balance_transaction");
        self.get(&["v1", "charges", charge], expand).await
    }

    pub async fn create_refund(&self, request: &CreateRefund, idempotency_key: &str) -> Result<Refund, StripeError> {
        self.post("/v1/refunds", request.form(), idempotency_key).await
    }

    /// With its charge, whose metadata names the order.
    pub async fn refund(&self, refund: &str) -> Result<Refund, StripeError> {
        self.get(&["v1", "refunds", refund], Form::new().with("expand[0]", "charge"))
            .await
    }

    /// A charge's refunds, newest first: how an unknown outcome is looked up.
    pub async fn refunds_of(&self, charge: &str) -> Result<List<Refund>, StripeError> {
        self.get(
            &["v1", "refunds"],
            Form::new().with("charge", charge).with("limit", "100"),
        )
        .await
    }

    /// With its charge, whose metadata names the order.
    pub async fn dispute(&self, dispute: &str) -> Result<Dispute, StripeError> {
        self.get(&["v1", "disputes", dispute], Form::new().with("expand[0]", "charge"))
            .await
    }

    pub async fn create_transfer(
        &self,
        request: &CreateTransfer,
        idempotency_key: &str,
    ) -> Result<Transfer, StripeError> {
        self.post("/v1/transfers", request.form(), idempotency_key).await
    }

    /// All transfers of a group: how an unknown outcome is looked up. A payout is one transfer, so one page has them all.
    pub async fn transfers_of(&self, transfer_group: &str) -> Result<List<Transfer>, StripeError> {
        self.get(
            &["v1", "transfers"],
            Form::new().with("transfer_group", transfer_group).with("limit", "100"),
        )
        .await
    }

    /// What was taken back of a transfer, newest first.
    pub async fn transfer_reversals(
        &self,
        transfer: &str,
        page: &ListPage,
    ) -> Result<List<TransferReversal>, StripeError> {
        self.get(&["v1", "transfers", transfer, "reversals"], page.form()).await
    }

    /// A payout from a connected account to its owner's bank.
    pub async fn bank_payout(&self, account: &str, payout: &str) -> Result<BankPayout, StripeError> {
        let path = ["v1", "payouts", payout];
        self.send_as(Some(account), Method::GET, &path, Form::new(), None).await
    }

    pub async fn balance_transactions(&self, page: &ListPage) -> Result<List<BalanceTransaction>, StripeError> {
        self.get(&["v1", "balance_transactions"], page.form()).await
    }

    /// Newest first, up to 30 days back.
    pub async fn events(&self, page: &ListPage) -> Result<List<Event>, StripeError> {
        self.get(&["v1", "events"], page.form()).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &[&str], query: Form) -> Result<T, StripeError> {
        self.send(Method::GET, path, query, None).await
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, form: Form, idempotency_key: &str) -> Result<T, StripeError> {
        let path: Vec<_> = path.trim_start_matches('/').split('/').collect();
        self.send(Method::POST, &path, form, Some(idempotency_key)).await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        form: Form,
        key: Option<&str>,
    ) -> Result<T, StripeError> {
        self.send_as(None, method, path, form, key).await
    }

    /// For the platform, or for a connected account.
    async fn send_as<T: DeserializeOwned>(
        &self,
        account: Option<&str>,
        method: Method,
        path: &[&str],
        form: Form,
        key: Option<&str>,
    ) -> Result<T, StripeError> {
        let secret = self.0.secret.get().await?;
        let http = self
            .0
            .http
            .get_or_try_init(async || build_http())
            .await
            .map_err(|error| StripeError::Unauthorised(Box::new(error)))?;
        let mut url = self.url(path);
        if method == Method::GET && !form.is_empty() {
            url.set_query(Some(&form.encode()));
        }
        let mut request = http
            .request(method.clone(), url)
            .bearer_auth(secret.secret_key.expose_secret())
            .header("Stripe-Version", API_VERSION);
        if method == Method::POST {
            request = request
                .header("Content-Type", "application/x-www-form-urlencoded")
                .body(form.encode());
        }
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(account) = account {
            request = request.header("Stripe-Account", account);
        }
        let response = request.send().await.map_err(unknown)?;
        let status = response.status();
        let body = bounded(response).await?;
        tracing::debug!(http.status = status.as_u16(), path = ?path, "Stripe answered");
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(unknown);
        }
        let error = refusal(status, &body);
        if matches!(error, StripeError::Unauthorised(_)) {
            self.0.secret.forget().await;
        }
        Err(error)
    }

    /// Ids come from Stripe, but a segment that is pushed cannot leave its place in the path whatever it holds.
    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.0.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }
}

fn build_http() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent("souk")
        .build()
}

async fn bounded(mut response: reqwest::Response) -> Result<Vec<u8>, StripeError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unknown)? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_ANSWER_BYTES {
            return Err(unknown("an answer of more than 4 MiB"));
        }
    }
    Ok(body)
}

fn unknown(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StripeError {
    StripeError::Unknown(source.into())
}

/// What a status outside 2xx says about the outcome (docs.stripe.com/error-low-level).
fn refusal(status: StatusCode, body: &[u8]) -> StripeError {
    let detail = serde_json::from_slice::<ErrorBody>(body).map(|body| body.error).ok();
    let (kind, code, message) = match detail {
        Some(detail) => (detail.kind, detail.code, detail.message),
        None => (String::new(), None, String::new()),
    };
    match status {
        // Not our key's fault: the account is closed, or its owner has disconnected it.
        StatusCode::FORBIDDEN if code.as_deref() == Some(ACCOUNT_GONE) => StripeError::Refused {
            status: status.as_u16(),
            code: ACCOUNT_GONE.to_owned(),
            message,
        },
        // A key of the wrong mode or of too few rights is a 403.
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => StripeError::Unauthorised(message.into()),
        StatusCode::TOO_MANY_REQUESTS => StripeError::RateLimited,
        StatusCode::CONFLICT => StripeError::Conflict,
        _ if kind == "idempotency_error" => StripeError::KeyReused { message },
        // Only Stripe's own words are proof: a 4xx without them may be some proxy's.
        _ if status.is_client_error() && !kind.is_empty() => StripeError::Refused {
            status: status.as_u16(),
            code: code.unwrap_or(kind),
            message,
        },
        _ => unknown(format!("status {}: {message}", status.as_u16())),
    }
}

#[cfg(test)]
mod tests;
