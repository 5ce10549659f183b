//! Who calls: the secret key as bearer token or as basic user name, as the official clients and curl send it.

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::error::ApiError;
use crate::world::{Kind, World};

/// Refuses every key but the configured one, in Stripe's words.
pub(crate) fn check_key(headers: &HeaderMap, secret_key: &str) -> Result<(), ApiError> {
    let given = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok())
        .and_then(key_of);
    match given {
        Some(key) if key == secret_key => Ok(()),
        Some(key) if !key.is_empty() => {
            let end: String = key.chars().skip(key.chars().count().saturating_sub(4)).collect();
            let start: String = key.chars().take(8).collect();
            Err(ApiError::unauthorized(format!(
                "Invalid API Key provided: {start}*********{end}"
            )))
        }
        _ => Err(ApiError::unauthorized(
            "You did not provide an API key. You need to provide your API key in the Authorization header, using \
             Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication \
             for details, or we can help at https://support.stripe.com/.",
        )),
    }
}

/// The connected account named by `Stripe-Account`, which must exist.
pub(crate) fn account(headers: &HeaderMap, world: &World) -> Result<Option<String>, ApiError> {
    let Some(account) = headers.get("stripe-account").and_then(|value| value.to_str().ok()) else {
        return Ok(None);
    };
    match world.shelf.get(Kind::Account, account) {
        Some(_) => Ok(Some(account.to_owned())),
        None => Err(ApiError::no_access(account)),
    }
}

fn key_of(header: &str) -> Option<String> {
    let (scheme, credentials) = header.trim().split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(credentials.trim().to_owned());
    }
    let pair = String::from_utf8(STANDARD.decode(credentials.trim()).ok()?).ok()?;
    scheme
        .eq_ignore_ascii_case("basic")
        .then(|| pair.split(':').next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bearer_and_basic_keys_are_read() {
        assert_eq!(key_of("Bearer sk_test_a").as_deref(), Some("sk_test_a"));
        assert_eq!(key_of("Basic c2tfdGVzdF9hOg==").as_deref(), Some("sk_test_a"));
        assert_eq!(key_of("Digest x").as_deref(), None);
        assert_eq!(key_of("Basic ***"), None);
    }
}
