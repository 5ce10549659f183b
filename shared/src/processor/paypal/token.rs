//! The access token that every call carries: asked for with the client's secret, kept until shortly before it expires
//! (developer.paypal.com/api/rest/authentication).

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;
use url::Url;

use crate::processor::ProcessorError;
use crate::processor::http::{self, Http};
use crate::runtime::secrets::PayPalSecretSource;

/// A token that is about to expire might do so on its way.
const MARGIN: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(super) struct Token(Mutex<Option<Kept>>);

#[derive(Debug)]
struct Kept {
    token: SecretString,
    until: Instant,
}

#[derive(Deserialize)]
struct Granted {
    access_token: SecretString,
    expires_in: u64,
}

impl Token {
    /// Asks for a token if there is none that lasts; callers at the same time wait for the one who asks.
    pub(super) async fn get(
        &self,
        http: &Http,
        base: &Url,
        secret: &PayPalSecretSource,
    ) -> Result<SecretString, ProcessorError> {
        let mut kept = self.0.lock().await;
        if let Some(kept) = &*kept
            && Instant::now() < kept.until
        {
            return Ok(kept.token.clone());
        }
        let ours = secret.get().await?;
        let request = http
            .request(Method::POST, http::address(base, &["v1", "oauth2", "token"]))
            .await?
            .basic_auth(ours.client_id, Some(ours.client_secret.expose_secret()))
            .form(&[("grant_type", "client_credentials")]);
        let answer = http.send(request).await?;
        match answer.status {
            status if status.is_success() => {}
            StatusCode::TOO_MANY_REQUESTS => return Err(ProcessorError::RateLimited),
            status if status.is_client_error() => {
                secret.forget().await;
                let refused = format!("PayPal gave no token: status {}", status.as_u16());
                return Err(ProcessorError::unauthorised(refused));
            }
            status => {
                let broken = format!("PayPal gave no token: status {}", status.as_u16());
                return Err(ProcessorError::unknown(broken));
            }
        }
        let granted: Granted = serde_json::from_slice(&answer.body).map_err(ProcessorError::unknown)?;
        let lasts = Duration::from_secs(granted.expires_in).saturating_sub(MARGIN);
        *kept = Some(Kept {
            token: granted.access_token.clone(),
            until: Instant::now() + lasts,
        });
        Ok(granted.access_token)
    }

    /// Forgets a token that was not accepted.
    pub(super) async fn forget(&self) {
        *self.0.lock().await = None;
    }
}
