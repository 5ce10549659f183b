//! The issuer's signing keys, fetched when needed and kept.
//!
//! Keys are fetched again when a token names one that is not known (an issuer rotates by publishing the new key first), at most once
//! a minute: a stranger with made-up key ids must not make us knock at the issuer's door for each. After an hour they are fetched
//! again in any case, so that a withdrawn key stops working.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::jwk::Jwk;
use serde::Deserialize;
use tokio::sync::{Mutex, OnceCell};

use super::oidc::SignInError;

const REFETCH_AFTER: SignedDuration = SignedDuration::from_mins(1);
const FRESH_FOR: SignedDuration = SignedDuration::from_hours(1);
/// How long old keys still serve while the issuer does not answer.
const USABLE_FOR: SignedDuration = SignedDuration::from_hours(24);
/// Real documents have a few KiB.
const MAX_DOCUMENT_BYTES: usize = 256 * 1024;

#[derive(Debug)]
pub(super) struct KeyCache {
    source: Source,
    state: Mutex<State>,
}

#[derive(Debug)]
enum Source {
    Issuer {
        issuer: String,
        client: OnceCell<reqwest::Client>,
    },
    #[cfg(feature = "test-util")]
    Memory(Arc<std::sync::Mutex<MemoryKeys>>),
}

/// Keys that a test publishes, and how often they were fetched.
#[cfg(feature = "test-util")]
#[derive(Debug, Default)]
pub struct MemoryKeys {
    pub keys: Vec<Jwk>,
    pub fetches: usize,
    pub broken: bool,
}

#[derive(Debug, Default)]
struct State {
    keys: Arc<Vec<Jwk>>,
    fetched_at: Option<Timestamp>,
    tried_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

/// Keys are read one by one: a kind of key that this code does not know must not hide the others.
#[derive(Deserialize)]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

impl KeyCache {
    pub(super) fn of_issuer(issuer: String) -> Self {
        Self {
            source: Source::Issuer {
                issuer,
                client: OnceCell::new(),
            },
            state: Mutex::default(),
        }
    }

    #[cfg(feature = "test-util")]
    pub(super) fn in_memory(keys: Arc<std::sync::Mutex<MemoryKeys>>) -> Self {
        Self {
            source: Source::Memory(keys),
            state: Mutex::default(),
        }
    }

    /// The key that `kid` names; without a `kid`, the only key there is.
    pub(super) async fn find(&self, kid: Option<&str>, now: Timestamp) -> Result<Option<Jwk>, SignInError> {
        let mut state = self.state.lock().await;
        let age = state.fetched_at.map(|at| now.duration_since(at));
        let may_try = state.tried_at.is_none_or(|at| now.duration_since(at) >= REFETCH_AFTER);
        let found = pick(&state.keys, kid);
        let wanted = age.is_none_or(|age| age >= FRESH_FOR) || found.is_none();
        // Nothing has ever been fetched: every request has a right to a try.
        if !wanted || (!may_try && age.is_some()) {
            return Ok(found.filter(|_| age.is_some_and(|age| age < USABLE_FOR)));
        }
        state.tried_at = Some(now);
        match self.fetch().await {
            Ok(keys) => {
                state.keys = Arc::new(keys);
                state.fetched_at = Some(now);
                Ok(pick(&state.keys, kid))
            }
            Err(error) if found.is_some() && age.is_some_and(|age| age < USABLE_FOR) => {
                tracing::warn!(error = %crate::http::problem::chain(&error), "the issuer's keys could not be fetched again; the old ones still serve");
                Ok(found)
            }
            Err(error) => Err(error),
        }
    }

    async fn fetch(&self) -> Result<Vec<Jwk>, SignInError> {
        match &self.source {
            Source::Issuer { issuer, client } => {
                let client = client
                    .get_or_try_init(async || build_client())
                    .await
                    .map_err(unavailable)?;
                let discovery = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
                let discovery: Discovery = document(client, &discovery).await?;
                if discovery.issuer != *issuer {
                    return Err(unavailable(format!(
                        "the issuer calls itself {:?}, not {issuer:?}: set OIDC_ISSUER to exactly that",
                        discovery.issuer
                    )));
                }
                let set: KeySet = document(client, &discovery.jwks_uri).await?;
                Ok(set
                    .keys
                    .into_iter()
                    .filter_map(|key| serde_json::from_value(key).ok())
                    .collect())
            }
            #[cfg(feature = "test-util")]
            Source::Memory(memory) => {
                let mut memory = memory.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                memory.fetches += 1;
                if memory.broken {
                    Err(unavailable("the issuer is down"))
                } else {
                    Ok(memory.keys.clone())
                }
            }
        }
    }
}

fn pick(keys: &[Jwk], kid: Option<&str>) -> Option<Jwk> {
    match (kid, keys) {
        (Some(kid), keys) => keys
            .iter()
            .find(|key| key.common.key_id.as_deref() == Some(kid))
            .cloned(),
        (None, [only]) => Some(only.clone()),
        (None, _) => None,
    }
}

fn build_client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(2))
        .timeout(Duration::from_secs(5))
        .redirect(reqwest::redirect::Policy::none())
        .build()
}

async fn document<T: serde::de::DeserializeOwned>(client: &reqwest::Client, url: &str) -> Result<T, SignInError> {
    let parsed: url::Url = url.parse().map_err(unavailable)?;
    let is_local = matches!(parsed.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if parsed.scheme() != "https" && !is_local {
        return Err(unavailable(format!(
            "{url} is not https: keys fetched over plain HTTP prove nothing"
        )));
    }
    let mut response = client
        .get(parsed)
        .send()
        .await
        .and_then(reqwest::Response::error_for_status)
        .map_err(unavailable)?;
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unavailable)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_DOCUMENT_BYTES {
            return Err(unavailable(format!("{url} is larger than {MAX_DOCUMENT_BYTES} bytes")));
        }
    }
    serde_json::from_slice(&bytes).map_err(unavailable)
}

fn unavailable(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> SignInError {
    SignInError::Unavailable(cause.into())
}
