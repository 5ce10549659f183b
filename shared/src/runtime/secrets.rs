//! Secrets: read from Secrets Manager when first needed, kept for a while, never printed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::SecretString;
use serde::Deserialize;
use tokio::sync::Mutex;

use super::clients::Clients;
use super::env::{self, Env};

/// How long a rotated secret may still be the old one.
const KEPT_FOR: Duration = Duration::from_secs(300);

/// What Souk shares with Stripe. Several webhook secrets are valid at once while one is rotated.
#[derive(Debug, Clone, Deserialize)]
pub struct StripeSecret {
    pub secret_key: SecretString,
    pub webhook_secrets: Vec<SecretString>,
}

#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("the secret cannot be had")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The text is not repeated, since it may hold the secret.
    #[error("the secret is not the JSON that it must be")]
    Malformed,
}

#[derive(Debug, Clone)]
pub struct StripeSecretSource(Source);

#[derive(Debug, Clone)]
enum Source {
    Manager {
        clients: Clients,
        arn: String,
        kept: Arc<Mutex<Option<(Instant, StripeSecret)>>>,
    },
    #[cfg(feature = "test-util")]
    Fixed(StripeSecret),
}

impl StripeSecretSource {
    pub fn from_env(env: &Env, clients: &Clients) -> Self {
        Self(Source::Manager {
            clients: clients.clone(),
            arn: env.read(&env::STRIPE_SECRET_ARN),
            kept: Arc::default(),
        })
    }

    #[cfg(feature = "test-util")]
    pub fn fixed(secret_key: &str, webhook_secrets: &[&str]) -> Self {
        let webhook_secrets = webhook_secrets
            .iter()
            .map(|secret| SecretString::from(*secret))
            .collect();
        Self(Source::Fixed(StripeSecret {
            secret_key: secret_key.into(),
            webhook_secrets,
        }))
    }

    pub async fn get(&self) -> Result<StripeSecret, SecretError> {
        let (clients, arn, kept) = match &self.0 {
            Source::Manager { clients, arn, kept } => (clients, arn, kept),
            #[cfg(feature = "test-util")]
            Source::Fixed(secret) => return Ok(secret.clone()),
        };
        let mut kept = kept.lock().await;
        if let Some((at, secret)) = &*kept
            && at.elapsed() < KEPT_FOR
        {
            return Ok(secret.clone());
        }
        let answer = clients.secrets().get_secret_value().secret_id(arn).send().await;
        let answer = answer.map_err(|error| SecretError::Unavailable(Box::new(error)))?;
        let secret = parse(answer.secret_string().unwrap_or_default())?;
        *kept = Some((Instant::now(), secret.clone()));
        Ok(secret)
    }

    /// Forgets what was read: Stripe did not accept it, so it may have been rotated.
    pub(crate) async fn forget(&self) {
        if let Source::Manager { kept, .. } = &self.0 {
            *kept.lock().await = None;
        }
    }
}

fn parse(text: &str) -> Result<StripeSecret, SecretError> {
    let secret: StripeSecret = serde_json::from_str(text).map_err(|_| SecretError::Malformed)?;
    if secret.webhook_secrets.is_empty() {
        Err(SecretError::Malformed)
    } else {
        Ok(secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_and_never_shown() {
        let secret = parse(r#"{"secret_key":"sk_test_hidden","webhook_secrets":["whsec_hidden","whsec_old"]}"#)
            .expect("a secret");
        assert_eq!(secret.webhook_secrets.len(), 2);
        assert!(!format!("{secret:?}").contains("hidden"));
        for wrong in [
            "",
            "{}",
            r#"{"secret_key":"sk"}"#,
            r#"{"secret_key":"sk","webhook_secrets":[]}"#,
        ] {
            assert!(matches!(parse(wrong), Err(SecretError::Malformed)), "{wrong:?}");
        }
    }
}
