//! Secrets: read from Secrets Manager when first needed, kept for a while, never printed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::SecretString;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use tokio::sync::Mutex;

use super::clients::Clients;

/// How long a rotated secret may still be the old one.
const KEPT_FOR: Duration = Duration::from_secs(300);

/// What Souk shares with Stripe. Several webhook secrets are valid at once while one is rotated.
#[derive(Debug, Clone, Deserialize)]
pub struct StripeSecret {
    pub secret_key: SecretString,
    /// Of the endpoint for what happens in the platform's own account.
    #[serde(deserialize_with = "at_least_one")]
    pub webhook_secrets: Vec<SecretString>,
    /// Of the endpoint for what happens in connected accounts. Without one, every event that comes there is refused.
    #[serde(default)]
    pub connect_webhook_secrets: Vec<SecretString>,
}

/// What Souk shares with PayPal. The webhook's id is part of what PayPal signs: it keeps events for others out.
#[derive(Debug, Clone, Deserialize)]
pub struct PayPalSecret {
    pub client_id: String,
    pub client_secret: SecretString,
    pub webhook_id: String,
}

/// What the keys are derived from that Souk signs with.
#[derive(Debug, Clone, Deserialize)]
pub struct SigningSecret {
    /// Of the key that signs.
    pub seed: SecretString,
    /// Of keys that are published and do not sign: the next one, so that everybody knows it before it signs, and earlier ones, for as long as
    /// anything is to be verified that they have signed.
    #[serde(default)]
    pub published: Vec<SecretString>,
}

#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("the secret cannot be had")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The text is not repeated, since it may hold the secret.
    #[error("the secret is not the JSON that it must be")]
    Malformed,
}

/// Where a secret comes from.
#[derive(Debug, Clone)]
pub struct SecretSource<T>(Source<T>);

pub type StripeSecretSource = SecretSource<StripeSecret>;
pub type PayPalSecretSource = SecretSource<PayPalSecret>;
pub type SigningSecretSource = SecretSource<SigningSecret>;

#[derive(Debug, Clone)]
enum Source<T> {
    Manager {
        clients: Clients,
        arn: String,
        kept: Arc<Mutex<Option<(Instant, T)>>>,
    },
    #[cfg(feature = "test-util")]
    Fixed(T),
}

impl<T: DeserializeOwned + Clone> SecretSource<T> {
    pub(super) fn managed(clients: &Clients, arn: String) -> Self {
        Self(Source::Manager {
            clients: clients.clone(),
            arn,
            kept: Arc::default(),
        })
    }

    pub async fn get(&self) -> Result<T, SecretError> {
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
        let secret: T = parse(answer.secret_string().unwrap_or_default())?;
        *kept = Some((Instant::now(), secret.clone()));
        Ok(secret)
    }

    /// Forgets what was read: the processor did not accept it, so it may have been rotated.
    pub(crate) async fn forget(&self) {
        if let Source::Manager { kept, .. } = &self.0 {
            *kept.lock().await = None;
        }
    }
}

#[cfg(feature = "test-util")]
impl StripeSecretSource {
    pub fn fixed(secret_key: &str, webhook_secrets: &[&str]) -> Self {
        Self::fixed_for_both(secret_key, webhook_secrets, &[])
    }

    /// With the secrets of both webhook endpoints.
    pub fn fixed_for_both(secret_key: &str, webhook_secrets: &[&str], connect_webhook_secrets: &[&str]) -> Self {
        let secrets = |given: &[&str]| given.iter().map(|secret| SecretString::from(*secret)).collect();
        Self(Source::Fixed(StripeSecret {
            secret_key: secret_key.into(),
            webhook_secrets: secrets(webhook_secrets),
            connect_webhook_secrets: secrets(connect_webhook_secrets),
        }))
    }
}

#[cfg(feature = "test-util")]
impl PayPalSecretSource {
    pub fn fixed(client_id: &str, client_secret: &str, webhook_id: &str) -> Self {
        Self(Source::Fixed(PayPalSecret {
            client_id: client_id.to_owned(),
            client_secret: client_secret.into(),
            webhook_id: webhook_id.to_owned(),
        }))
    }
}

#[cfg(feature = "test-util")]
impl SigningSecretSource {
    pub fn fixed(seed: &str) -> Self {
        Self::rotated(seed, &[])
    }

    /// With keys that are published and do not sign.
    pub fn rotated(seed: &str, published: &[&str]) -> Self {
        Self(Source::Fixed(SigningSecret {
            seed: seed.into(),
            published: published.iter().map(|seed| SecretString::from(*seed)).collect(),
        }))
    }
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, SecretError> {
    serde_json::from_str(text).map_err(|_| SecretError::Malformed)
}

/// Without a webhook secret, every event would be refused.
fn at_least_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<SecretString>, D::Error> {
    let secrets = Vec::deserialize(deserializer)?;
    if secrets.is_empty() {
        return Err(D::Error::invalid_length(0, &"at least one secret"));
    }
    Ok(secrets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_and_never_shown() {
        let secret: StripeSecret =
            parse(r#"{"secret_key":"sk_test_hidden","webhook_secrets":["whsec_hidden","whsec_old"]}"#)
                .expect("a secret");
        assert_eq!(
            (secret.webhook_secrets.len(), secret.connect_webhook_secrets.len()),
            (2, 0)
        );
        assert!(!format!("{secret:?}").contains("hidden"));
        for wrong in [
            "",
            "{}",
            r#"{"secret_key":"sk"}"#,
            r#"{"secret_key":"sk","webhook_secrets":[]}"#,
        ] {
            assert!(
                matches!(parse::<StripeSecret>(wrong), Err(SecretError::Malformed)),
                "{wrong:?}"
            );
        }
        let secret: SigningSecret = parse(r#"{"seed":"hidden"}"#).expect("as it is generated");
        assert_eq!(secret.published.len(), 0);
        let secret: SigningSecret = parse(r#"{"seed":"hidden","published":["hidden too"]}"#).expect("a secret");
        assert_eq!(secret.published.len(), 1);
        assert!(!format!("{secret:?}").contains("hidden"));
        let secret: PayPalSecret =
            parse(r#"{"client_id":"AZ","client_secret":"hidden","webhook_id":"8PT"}"#).expect("a secret");
        assert!(!format!("{secret:?}").contains("hidden"));
    }
}
