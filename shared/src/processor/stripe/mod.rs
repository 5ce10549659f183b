//! A small client for the calls Souk makes. One method per call, typed both ways.
//!
//! It never repeats a call by itself: whether another attempt is safe depends on what the caller has stored, so every POST takes the
//! idempotency key that the caller made *before* the call, and every error says whether the outcome is known ([`ProcessorError`]).
//! Answers are read tolerantly (docs.stripe.com/api/versioning): what Stripe may omit is optional, what it may add is ignored.
//!
//! Whatever is made bears the deployment's name in its metadata, so that nobody who shares the account takes it for theirs. Coupons do not:
//! they say the same for all.

pub mod billing;
mod form;
pub mod intake;
pub mod objects;
pub mod requests;
pub mod webhook;

use std::collections::BTreeMap;
use std::sync::Arc;

use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use self::form::Form;
use self::objects::{
    Account, AccountLink, BalanceTransaction, BankPayout, Charge, CheckoutSession, Dispute, Event, Identified, List,
    Refund, SessionStatus, Transfer, TransferReversal,
};
use self::requests::lower;
use self::requests::{CreateAccount, CreateAccountLink, CreateCheckoutSession, CreateRefund, CreateTransfer, ListPage};
use super::http::{self, Http};
#[cfg(feature = "test-util")]
use super::peer::Peer;
use crate::processor::deployment::DEPLOYMENT;
use crate::processor::{Deployment, Listed, ProcessorError};
use crate::runtime::secrets::StripeSecretSource;

/// The version that requests, answers and the webhook endpoint are pinned to (docs.stripe.com/webhooks/versioning).
pub const API_VERSION: &str = "2026-05-27.dahlia";
/// What Stripe calls an account that a platform cannot reach (docs.stripe.com/error-codes).
pub(super) const ACCOUNT_GONE: &str = "account_invalid";

/// Cheap to clone. Connects, and reads its key, at the first call.
#[derive(Debug, Clone)]
pub struct StripeClient {
    inner: Arc<Inner>,
    /// `None` only in tests, which make objects that bear no name.
    deployment: Option<Deployment>,
}

#[derive(Debug)]
struct Inner {
    base: Url,
    secret: StripeSecretSource,
    http: Http,
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
        Self::over(base, secret, Http::default())
    }

    /// As this deployment's.
    #[must_use]
    pub fn of(self, deployment: Deployment) -> Self {
        Self {
            deployment: Some(deployment),
            ..self
        }
    }

    fn over(base: Url, secret: StripeSecretSource, http: Http) -> Self {
        Self {
            inner: Arc::new(Inner { base, secret, http }),
            deployment: None,
        }
    }

    /// Whether an object with these metadata was made by another deployment.
    pub fn is_foreign(&self, metadata: &BTreeMap<String, String>) -> bool {
        let ours = self.deployment.as_ref();
        ours.is_some_and(|ours| ours.is_foreign(metadata))
    }

    /// The request with the deployment's name in each of these metadata.
    fn named(&self, form: Form, metadata: impl IntoIterator<Item = impl AsRef<str>>) -> Form {
        let Some(deployment) = &self.deployment else {
            return form;
        };
        metadata.into_iter().fold(form, |form, metadata| {
            form.with(format!("{}[{DEPLOYMENT}]", metadata.as_ref()), deployment.name())
        })
    }

    /// With somebody in the same process who plays Stripe's part.
    #[cfg(feature = "test-util")]
    pub fn in_process(peer: Arc<dyn Peer>, base: Url, secret: StripeSecretSource) -> Self {
        Self::over(base, secret, Http::in_process(peer))
    }

    pub async fn create_account(
        &self,
        request: &CreateAccount,
        idempotency_key: &str,
    ) -> Result<Account, ProcessorError> {
        let form = self.named(request.form(), ["metadata"]);
        self.post("/v1/accounts", form, idempotency_key).await
    }

    pub async fn account(&self, account: &str) -> Result<Account, ProcessorError> {
        self.get(&["v1", "accounts", account], Form::new()).await
    }

    pub async fn create_account_link(
        &self,
        request: &CreateAccountLink,
        idempotency_key: &str,
    ) -> Result<AccountLink, ProcessorError> {
        self.post("/v1/account_links", request.form(), idempotency_key).await
    }

    pub async fn create_checkout_session(
        &self,
        request: &CreateCheckoutSession,
        idempotency_key: &str,
    ) -> Result<CheckoutSession, ProcessorError> {
        let products = (0..request.lines.len()).map(product_metadata);
        let own = ["metadata", "payment_intent_data[metadata]"].map(str::to_owned);
        let form = self.named(request.form(), own.into_iter().chain(products));
        self.post("/v1/checkout/sessions", form, idempotency_key).await
    }

    /// With its payment intent, that one's latest charge, and the charge's balance transaction, as far as they exist.
    pub async fn checkout_session(&self, session: &str) -> Result<CheckoutSession, ProcessorError> {
        let expand = Form::new().with("expand[0]", "payment_intent.latest_charge.balance_transaction");
        self.get(&["v1", "checkout", "sessions", session], expand).await
    }

    /// Ends a session that nobody has paid, so that nobody can pay it any more.
    pub async fn expire_checkout_session(
        &self,
        session: &str,
        idempotency_key: &str,
    ) -> Result<CheckoutSession, ProcessorError> {
        self.send(
            Method::POST,
            &["v1", "checkout", "sessions", session, "expire"],
            Form::new(),
            Some(idempotency_key),
        )
        .await
    }

    /// Ends a session that nobody has paid, unless it has ended already. `false` where somebody has paid it, or begun something by it.
    pub async fn close_checkout_session(&self, session: &str) -> Result<bool, ProcessorError> {
        match self
            .expire_checkout_session(session, &format!("{session} expire"))
            .await
        {
            Ok(_) => Ok(true),
            // Stripe says only that it is not open; how it ended, it tells when it is read.
            Err(ProcessorError::Refused { .. }) => {
                let told = self.checkout_session(session).await?;
                Ok(told.status == Some(SessionStatus::Expired))
            }
            Err(error) => Err(error),
        }
    }

    /// With its balance transaction, once there is one.
    pub async fn charge(&self, charge: &str) -> Result<Charge, ProcessorError> {
        let expand = Form::new().with("expand[0]", "balance_transaction");
        self.get(&["v1", "charges", charge], expand).await
    }

    pub async fn create_refund(&self, request: &CreateRefund, idempotency_key: &str) -> Result<Refund, ProcessorError> {
        let form = self.named(request.form(), ["metadata"]);
        self.post("/v1/refunds", form, idempotency_key).await
    }

    /// With its charge, whose metadata names the order.
    pub async fn refund(&self, refund: &str) -> Result<Refund, ProcessorError> {
        self.get(&["v1", "refunds", refund], Form::new().with("expand[0]", "charge"))
            .await
    }

    /// One page of a charge's refunds, newest first: how an unknown outcome is looked up.
    pub async fn refunds_of(&self, charge: &str, starting_after: Option<&str>) -> Result<List<Refund>, ProcessorError> {
        let query = Form::new().with("charge", charge).with("limit", "100");
        let query = query.with_some("starting_after", starting_after);
        self.get(&["v1", "refunds"], query).await
    }

    /// With its charge, whose metadata names the order.
    pub async fn dispute(&self, dispute: &str) -> Result<Dispute, ProcessorError> {
        self.get(&["v1", "disputes", dispute], Form::new().with("expand[0]", "charge"))
            .await
    }

    pub async fn transfer(&self, transfer: &str) -> Result<Transfer, ProcessorError> {
        self.get(&["v1", "transfers", transfer], Form::new()).await
    }

    pub async fn create_transfer(
        &self,
        request: &CreateTransfer,
        idempotency_key: &str,
    ) -> Result<Transfer, ProcessorError> {
        let form = self.named(request.form(), ["metadata"]);
        self.post("/v1/transfers", form, idempotency_key).await
    }

    /// All transfers of a group: how an unknown outcome is looked up. A payout is one transfer, so one page has them all.
    pub async fn transfers_of(&self, transfer_group: &str) -> Result<List<Transfer>, ProcessorError> {
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
    ) -> Result<List<TransferReversal>, ProcessorError> {
        self.get(&["v1", "transfers", transfer, "reversals"], page.form()).await
    }

    /// A payout from a connected account to its owner's bank.
    pub async fn bank_payout(&self, account: &str, payout: &str) -> Result<BankPayout, ProcessorError> {
        let path = ["v1", "payouts", payout];
        self.send_as(Some(account), Method::GET, &path, Form::new(), None).await
    }

    /// Newest first, each with what it is about.
    pub async fn balance_transactions(&self, page: &ListPage) -> Result<List<BalanceTransaction>, ProcessorError> {
        let query = page.form().with("expand[0]", "data.source");
        self.get(&["v1", "balance_transactions"], query).await
    }

    /// With what it is about.
    pub async fn balance_transaction(&self, transaction: &str) -> Result<BalanceTransaction, ProcessorError> {
        let expand = Form::new().with("expand[0]", "source");
        self.get(&["v1", "balance_transactions", transaction], expand).await
    }

    /// Newest first, up to 30 days back: the platform's own, or those of a connected account. Each as it came, for one that cannot be read
    /// must not hide the others.
    pub async fn events(&self, account: Option<&str>, page: &ListPage) -> Result<List<Listed<Event>>, ProcessorError> {
        self.send_as(account, Method::GET, &["v1", "events"], page.form(), None)
            .await
    }

    async fn get<T: DeserializeOwned>(&self, path: &[&str], query: Form) -> Result<T, ProcessorError> {
        self.send(Method::GET, path, query, None).await
    }

    /// All of a list, page by page.
    async fn get_all<T: DeserializeOwned + Identified>(
        &self,
        path: &[&str],
        query: &Form,
    ) -> Result<Vec<T>, ProcessorError> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let query = query.clone().with("limit", 100).with_some("starting_after", after);
            let page: List<T> = self.get(path, query).await?;
            after = page.next_page();
            all.extend(page.data);
            if after.is_none() {
                return Ok(all);
            }
        }
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        form: Form,
        idempotency_key: &str,
    ) -> Result<T, ProcessorError> {
        let path: Vec<_> = path.trim_start_matches('/').split('/').collect();
        self.send(Method::POST, &path, form, Some(idempotency_key)).await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        form: Form,
        key: Option<&str>,
    ) -> Result<T, ProcessorError> {
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
    ) -> Result<T, ProcessorError> {
        let secret = self.inner.secret.get().await?;
        let mut url = http::address(&self.inner.base, path);
        if method == Method::GET && !form.is_empty() {
            url.set_query(Some(&form.encode()));
        }
        let mut request = self
            .inner
            .http
            .request(method.clone(), url)
            .await?
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
        let answer = self.inner.http.send(request).await?;
        if answer.status.is_success() {
            return serde_json::from_slice(&answer.body).map_err(ProcessorError::unknown);
        }
        let error = refusal(answer.status, &answer.body);
        if matches!(error, ProcessorError::Unauthorised(_)) {
            self.inner.secret.forget().await;
        }
        Err(error)
    }
}

/// Where the metadata stand of the product that a line of a checkout makes.
fn product_metadata(line: usize) -> String {
    format!("line_items[{line}][price_data][product_data][metadata]")
}

/// What a status outside 2xx says about the outcome (docs.stripe.com/error-low-level).
fn refusal(status: StatusCode, body: &[u8]) -> ProcessorError {
    let detail = serde_json::from_slice::<ErrorBody>(body).map(|body| body.error).ok();
    let (kind, code, message) = match detail {
        Some(detail) => (detail.kind, detail.code, detail.message),
        None => (String::new(), None, String::new()),
    };
    match status {
        // Not our key's fault: the account is closed, or its owner has disconnected it.
        StatusCode::FORBIDDEN if code.as_deref() == Some(ACCOUNT_GONE) => ProcessorError::Refused {
            status: status.as_u16(),
            code: ACCOUNT_GONE.to_owned(),
            message,
        },
        // A key of the wrong mode or of too few rights is a 403.
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ProcessorError::unauthorised(message),
        StatusCode::TOO_MANY_REQUESTS => ProcessorError::RateLimited,
        StatusCode::CONFLICT => ProcessorError::Conflict,
        _ if kind == "idempotency_error" => ProcessorError::KeyReused { message },
        // Only Stripe's own words are proof: a 4xx without them may be some proxy's.
        _ if status.is_client_error() && !kind.is_empty() => ProcessorError::Refused {
            status: status.as_u16(),
            code: code.unwrap_or(kind),
            message,
        },
        _ => ProcessorError::unknown(format!("status {}: {message}", status.as_u16())),
    }
}

#[cfg(test)]
mod tests;
