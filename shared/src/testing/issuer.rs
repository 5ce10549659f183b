//! An OIDC issuer in memory: keys of its own, and tokens as odd as a test wants them.

use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Map, Value, json};

use crate::auth::{MemoryKeys, Verifier};

pub(crate) const ISSUER: &str = "https://issuer.example";
pub(crate) const AUDIENCE: &str = "souk";
/// What makes 32 bytes a private key of Ed25519 in PKCS#8 (RFC 8410, section 7).
const PKCS8_PREFIX: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

#[derive(Debug, Clone)]
pub struct TestIssuer {
    /// What the issuer publishes, and how often it was asked.
    pub published: Arc<Mutex<MemoryKeys>>,
}

/// A token in the making; unless changed it is valid for an hour.
#[derive(Debug, Clone)]
pub struct TokenBuilder {
    key: u8,
    header: Header,
    claims: Map<String, Value>,
}

impl TestIssuer {
    /// Publishes key number 1.
    pub fn new() -> Self {
        let keys = MemoryKeys {
            keys: vec![Self::public_key(1)],
            ..MemoryKeys::default()
        };
        Self {
            published: Arc::new(Mutex::new(keys)),
        }
    }

    pub fn verifier(&self) -> Verifier {
        Verifier::with_keys(ISSUER, AUDIENCE, Arc::clone(&self.published))
    }

    /// Publishes exactly these keys from now on.
    pub fn publish(&self, numbers: &[u8]) {
        self.lock().keys = numbers.iter().map(|number| Self::public_key(*number)).collect();
    }

    pub fn lock(&self) -> std::sync::MutexGuard<'_, MemoryKeys> {
        self.published.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub fn token(&self, subject: &str, now: Timestamp) -> TokenBuilder {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some("key-1".to_owned());
        let claims = json!({
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": subject,
            "iat": now.as_second(),
            "auth_time": now.as_second(),
            "exp": now.as_second() + SignedDuration::from_hours(1).as_secs(),
            "email": format!("{subject}@example.com"),
            "email_verified": true,
            "name": subject,
        });
        let claims = claims.as_object().cloned().unwrap_or_default();
        TokenBuilder { key: 1, header, claims }
    }

    pub(crate) fn public_key(number: u8) -> Jwk {
        let mut key =
            Jwk::from_encoding_key(&private_key(number), Algorithm::EdDSA).expect("an Ed25519 key has a public half");
        key.common.key_id = Some(format!("key-{number}"));
        key
    }
}

impl Default for TestIssuer {
    fn default() -> Self {
        Self::new()
    }
}

/// Key number `number`: no secret, the same in every test.
fn private_key(number: u8) -> EncodingKey {
    let mut der = PKCS8_PREFIX.to_vec();
    der.extend([number; 32]);
    EncodingKey::from_ed_der(&der)
}

impl TokenBuilder {
    #[must_use]
    pub fn operator(self) -> Self {
        self.claim("roles", json!(["operator"]))
    }

    #[must_use]
    pub fn trusted_reporter(self) -> Self {
        self.claim("roles", json!(["trusted_reporter"]))
    }

    #[must_use]
    pub fn claim(mut self, name: &str, value: Value) -> Self {
        self.claims.insert(name.to_owned(), value);
        self
    }

    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// Signed with key `number`, and says so.
    #[must_use]
    pub fn signed_with(mut self, number: u8) -> Self {
        self.key = number;
        self.header.kid = Some(format!("key-{number}"));
        self
    }

    #[must_use]
    pub fn header(mut self, change: impl FnOnce(&mut Header)) -> Self {
        change(&mut self.header);
        self
    }

    pub fn mint(self) -> String {
        jsonwebtoken::encode(&self.header, &self.claims, &private_key(self.key)).expect("claims are JSON")
    }
}
