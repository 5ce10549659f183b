//! Verifies bearer tokens of one OIDC issuer: signature, algorithm, issuer, audience, times.
//!
//! Takes what OpenID Connect Core (section 3.1.3.7) and RFC 8725 ask for, and nothing on trust: the algorithm must be one of three
//! asymmetric ones *and* the one its key is for; `now` comes in as an argument.

use std::sync::Arc;

use jiff::Timestamp;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::jwks::KeyCache;
#[cfg(feature = "test-util")]
use super::jwks::MemoryKeys;

/// Clocks differ; more than this is no difference of clocks.
const LEEWAY_S: i64 = 60;
/// Larger than any issuer's token; smaller than API Gateway's limit on headers.
const MAX_TOKEN_BYTES: usize = 8_192;
/// OpenID Connect Core, section 2: a subject has at most 255 characters.
const MAX_SUBJECT_CHARS: usize = 255;
const ALGORITHMS: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];
/// The value in the roles claim that makes an operator.
const OPERATOR: &str = "operator";
/// The one that makes a trusted reporter.
const TRUSTED_REPORTER: &str = "trusted_reporter";

#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The token is not good; the text may be shown.
    #[error("{0}")]
    Refused(&'static str),
    /// Nobody can tell whether it is.
    #[error("the issuer's keys cannot be had")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What a verified token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    pub issuer: String,
    pub subject: String,
    /// Missing also where the issuer says that it is not verified.
    pub email: Option<String>,
    pub name: Option<String>,
    pub operator: bool,
    pub trusted_reporter: bool,
    /// When the person last proved who they are (`auth_time`); `None` where the issuer does not say.
    pub signed_in_at: Option<Timestamp>,
}

#[derive(Debug, Clone)]
pub struct Verifier(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    issuer: String,
    audience: String,
    roles_claim: String,
    keys: KeyCache,
}

#[derive(Deserialize)]
struct Standard {
    iss: Option<String>,
    sub: Option<String>,
    aud: Option<OneOrMany>,
    exp: Option<Value>,
    nbf: Option<Value>,
    auth_time: Option<Value>,
    email: Option<String>,
    email_verified: Option<bool>,
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl Verifier {
    /// Finds the keys through the issuer's discovery document, when the first token arrives.
    pub fn discover(issuer: String, audience: String, roles_claim: String) -> Self {
        let keys = KeyCache::of_issuer(issuer.clone());
        Self(Arc::new(Inner {
            issuer,
            audience,
            roles_claim,
            keys,
        }))
    }

    #[cfg(feature = "test-util")]
    pub fn with_keys(issuer: &str, audience: &str, keys: Arc<std::sync::Mutex<MemoryKeys>>) -> Self {
        let (issuer, audience) = (issuer.to_owned(), audience.to_owned());
        Self(Arc::new(Inner {
            issuer,
            audience,
            roles_claim: "roles".into(),
            keys: KeyCache::in_memory(keys),
        }))
    }

    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, SignInError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(SignInError::Refused("The token is too long."));
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| SignInError::Refused("The token is not a JWT."))?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(SignInError::Refused(
                "The token is signed with an algorithm that is not accepted.",
            ));
        }
        if header.crit.is_some() {
            return Err(SignInError::Refused(
                "The token demands extensions that are not known here.",
            ));
        }
        let key = self.0.keys.find(header.kid.as_deref(), now).await?;
        let key = key.ok_or(SignInError::Refused(
            "The token is signed with a key that the issuer does not publish.",
        ))?;
        let claims = check_signature(token, header.alg, &key)?;
        self.check_claims(claims, now)
    }

    fn check_claims(&self, claims: Map<String, Value>, now: Timestamp) -> Result<Claims, SignInError> {
        let has = |role| has_role(&claims, &self.0.roles_claim, role);
        let (operator, trusted_reporter) = (has(OPERATOR), has(TRUSTED_REPORTER));
        let malformed = |_| SignInError::Refused("The token's claims are malformed.");
        let claims: Standard = serde_json::from_value(Value::Object(claims)).map_err(malformed)?;
        if claims.iss.as_deref() != Some(self.0.issuer.as_str()) {
            return Err(SignInError::Refused("The token is from another issuer."));
        }
        let is_for_us = match &claims.aud {
            Some(OneOrMany::One(audience)) => *audience == self.0.audience,
            Some(OneOrMany::Many(audiences)) => audiences.contains(&self.0.audience),
            None => false,
        };
        if !is_for_us {
            return Err(SignInError::Refused("The token is meant for another audience."));
        }
        let now_s = now.as_second();
        let expires = claims
            .exp
            .as_ref()
            .and_then(seconds)
            .ok_or(SignInError::Refused("The token does not say when it expires."))?;
        if now_s >= expires.saturating_add(LEEWAY_S) {
            return Err(SignInError::Refused("The token has expired. Sign in again."));
        }
        if let Some(not_before) = &claims.nbf {
            let not_before = seconds(not_before).ok_or(SignInError::Refused("The token's claims are malformed."))?;
            if now_s < not_before.saturating_sub(LEEWAY_S) {
                return Err(SignInError::Refused("The token is not valid yet."));
            }
        }
        let signed_in_at = match &claims.auth_time {
            None => None,
            Some(at) => Some(
                seconds(at)
                    .and_then(|at| Timestamp::from_second(at).ok())
                    .ok_or(SignInError::Refused("The token's claims are malformed."))?,
            ),
        };
        let subject = claims
            .sub
            .filter(|sub| !sub.is_empty() && sub.chars().count() <= MAX_SUBJECT_CHARS);
        let subject = subject.ok_or(SignInError::Refused("The token does not say whose it is."))?;
        let email = claims
            .email
            .filter(|email| claims.email_verified != Some(false) && email.contains('@'));
        Ok(Claims {
            issuer: self.0.issuer.clone(),
            subject,
            email,
            name: claims.name.filter(|name| !name.is_empty()),
            operator,
            trusted_reporter,
            signed_in_at,
        })
    }
}

fn check_signature(token: &str, algorithm: Algorithm, key: &Jwk) -> Result<Map<String, Value>, SignInError> {
    let unusable = SignInError::Refused("The token names a key that cannot have signed it.");
    let is_for_signing = !matches!(key.common.public_key_use, Some(PublicKeyUse::Encryption));
    let is_for_algorithm = key
        .common
        .key_algorithm
        .is_none_or(|known| known.to_string() == format!("{algorithm:?}"));
    if !is_for_signing || !is_for_algorithm {
        return Err(unusable);
    }
    let Ok(key) = DecodingKey::from_jwk(key) else {
        return Err(unusable);
    };
    // Times and audience are checked by `check_claims`, which has the time as an argument.
    let mut validation = Validation::new(algorithm);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let decoded = jsonwebtoken::decode::<Map<String, Value>>(token, &key, &validation);
    decoded
        .map(|data| data.claims)
        .map_err(|_| SignInError::Refused("The token's signature is wrong."))
}

/// NumericDate (RFC 7519, section 2) may have a fraction; whole seconds are enough here.
fn seconds(value: &Value) -> Option<i64> {
    let Value::Number(number) = value else { return None };
    number.to_string().split('.').next()?.parse().ok()
}

/// The claim is a text or a list, at the top or (`realm_access.roles`) inside objects.
fn has_role(claims: &Map<String, Value>, claim: &str, wanted: &str) -> bool {
    let nested = || {
        let mut steps = claim.split('.');
        let first = claims.get(steps.next()?)?;
        steps.try_fold(first, |value, step| value.get(step))
    };
    match claims.get(claim).or_else(nested) {
        Some(Value::String(roles)) => roles.split([' ', ',']).any(|role| role == wanted),
        Some(Value::Array(roles)) => roles.iter().any(|role| role == wanted),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
