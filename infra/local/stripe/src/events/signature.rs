//! The `Stripe-Signature` header, and the ways a test may want it broken.

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::Sha256;
use standin::{Clock, Message};

/// What is wrong with a delivery on purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Tampering {
    #[default]
    None,
    /// Signed with a secret nobody has.
    WrongSecret,
    /// Signed ten minutes ago; Stripe's tolerance is five.
    Stale,
    /// Signed ten minutes from now.
    Future,
    /// One byte of the body changed after signing.
    AlteredBody,
    /// No header at all.
    Missing,
    /// A header that is none.
    Malformed,
    /// Two signatures, the first of a secret that was rotated away: valid.
    Rotated,
}

impl standin::Tampering for Tampering {
    fn is_refused(&self) -> bool {
        !matches!(self, Self::None | Self::Rotated)
    }
}

const BEYOND_TOLERANCE_S: i64 = 600;

/// What is sent to an endpoint with these secrets, signed now.
pub(crate) fn message(event: &Value, secrets: &[String], tampering: Tampering, timeout_ms: u64) -> Message {
    // Indented, as Stripe sends it: a receiver that signs what it re-serialised is found out.
    let body = serde_json::to_string_pretty(event).unwrap_or_default();
    let now_s = Clock::default().now_ms().div_euclid(1000);
    let mut headers = vec![
        ("content-type", "application/json; charset=utf-8".to_owned()),
        (
            "user-agent",
            "Stripe/1.0 (+https://stripe.com/docs/webhooks)".to_owned(),
        ),
        ("cache-control", "no-cache".to_owned()),
    ];
    if let Some(signature) = header(&body, secrets, now_s, tampering) {
        headers.push(("stripe-signature", signature));
    }
    Message {
        headers,
        body: body_as_sent(&body, tampering),
        timeout_ms,
    }
}

/// The header for a body, one `v1` for each secret; `None` if the header is to be missing.
fn header(body: &str, secrets: &[String], now_s: i64, tampering: Tampering) -> Option<String> {
    let time = match tampering {
        Tampering::Stale => now_s - BEYOND_TOLERANCE_S,
        Tampering::Future => now_s + BEYOND_TOLERANCE_S,
        Tampering::Missing => return None,
        Tampering::Malformed => return Some("v1".to_owned()),
        _ => now_s,
    };
    let stranger = "whsec_nobody_has_this".to_owned();
    let signers: Vec<&String> = match tampering {
        Tampering::WrongSecret => vec![&stranger],
        Tampering::Rotated => std::iter::once(&stranger).chain(secrets).collect(),
        _ => secrets.iter().collect(),
    };
    let signatures = signers.iter().map(|secret| format!(",v1={}", sign(secret, time, body)));
    Some(format!("t={time}{}", signatures.collect::<String>()))
}

/// The body as it is sent: altered if that is the tampering. The altered byte keeps it valid JSON.
fn body_as_sent(body: &str, tampering: Tampering) -> String {
    if tampering == Tampering::AlteredBody {
        body.replacen("\"livemode\": false", "\"livemode\": true ", 1)
    } else {
        body.to_owned()
    }
}

/// HMAC-SHA256 of `{time}.{body}`, in hexadecimal.
fn sign(secret: &str, time: i64, body: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(format!("{time}.{body}").as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_hmac_of_time_and_body() {
        // Computed with `printf '1700000000.{}' | openssl dgst -sha256 -hmac whsec_test`.
        let header = header("{}", &["whsec_test".to_owned()], 1_700_000_000, Tampering::None);
        let expected = "t=1700000000,v1=35495024f4ef3f94e5a93e22221544c4b75e9a42300cd965ab81cb85cd994e91";
        assert_eq!(header.as_deref(), Some(expected));
    }

    #[test]
    fn tampering_breaks_what_it_names() {
        let secrets = ["whsec_a".to_owned()];
        let of = |tampering| header("{}", &secrets, 1000, tampering).unwrap_or_default();
        assert!(of(Tampering::Stale).starts_with("t=400,"));
        assert!(of(Tampering::Future).starts_with("t=1600,"));
        assert_ne!(of(Tampering::WrongSecret), of(Tampering::None));
        assert!(of(Tampering::Rotated).ends_with(of(Tampering::None).trim_start_matches("t=1000")));
        assert_eq!(of(Tampering::Missing), "");
        assert_ne!(
            body_as_sent("{\"livemode\": false}", Tampering::AlteredBody),
            "{\"livemode\": false}"
        );
    }
}
