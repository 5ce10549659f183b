//! Verifies that a webhook is Stripe's before anything in it is believed (docs.stripe.com/webhooks/signature).
//!
//! Works on the raw bytes. Several signatures and several secrets are legal while a secret is rotated: one pair must fit.

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::objects::Event;
use crate::processor::WebhookError;

/// More candidates than a rotation can have; a stranger's list need not be worked through.
const MAX_SIGNATURES: usize = 10;

/// The event in `body`, if `header` proves that Stripe sent it at about `now`.
pub fn verify(body: &[u8], header: &str, secrets: &[SecretString], now: Timestamp) -> Result<Event, WebhookError> {
    let (sent_at, signatures) = parse(header)?;
    WebhookError::unless_recent(sent_at, now)?;
    // Every pair is checked, in constant time each: which one fits is nobody's business.
    let fits = secrets
        .iter()
        .flat_map(|secret| signatures.iter().map(move |signature| (secret, signature)));
    if !fits.fold(false, |found, (secret, signature)| {
        is_signature(secret, sent_at, body, signature) || found
    }) {
        return Err(WebhookError::WrongSignature);
    }
    serde_json::from_slice(body).map_err(|error| WebhookError::MalformedEvent(error.to_string()))
}

/// `t=1492774577,v1=5257a8…,v0=6ffbb5…`: the time, and the signatures of scheme `v1`.
fn parse(header: &str) -> Result<(i64, Vec<Vec<u8>>), WebhookError> {
    let (mut sent_at, mut signatures) = (None, Vec::new());
    for part in header.split(',') {
        let (name, value) = part.split_once('=').ok_or(WebhookError::MalformedHeader)?;
        match name.trim() {
            "t" if sent_at.is_some() => return Err(WebhookError::MalformedHeader),
            "t" => sent_at = Some(value.trim().parse().map_err(|_| WebhookError::MalformedHeader)?),
            "v1" if signatures.len() < MAX_SIGNATURES => signatures.push(hex::decode(value.trim()).unwrap_or_default()),
            // Other schemes are not proofs: `v0` is for test events and would allow a downgrade.
            _ => {}
        }
    }
    match (sent_at, signatures) {
        (Some(sent_at), signatures) if !signatures.is_empty() => Ok((sent_at, signatures)),
        _ => Err(WebhookError::MalformedHeader),
    }
}

fn signed(secret: &SecretString, sent_at: i64, body: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).ok()?;
    mac.update(sent_at.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    Some(mac)
}

fn is_signature(secret: &SecretString, sent_at: i64, body: &[u8], signature: &[u8]) -> bool {
    signed(secret, sent_at, body).is_some_and(|mac| mac.verify_slice(signature).is_ok())
}

/// The header that Stripe would send with `body`, for tests.
#[cfg(feature = "test-util")]
pub fn sign(body: &[u8], secret: &SecretString, at: Timestamp) -> String {
    let mac = signed(secret, at.as_second(), body).map(|mac| hex::encode(mac.finalize().into_bytes()));
    format!("t={},v1={}", at.as_second(), mac.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;

    const BODY: &[u8] = br#"{"id":"evt_1","object":"event","type":"charge.updated","created":1795338000,"livemode":false,"api_version":"2026-05-27.dahlia","data":{"object":{"id":"ch_1","metadata":{"order":"ord_1"}}}}"#;

    fn now() -> Timestamp {
        "2026-11-22T09:00:00Z".parse().expect("a time")
    }

    fn secrets() -> Vec<SecretString> {
        vec!["whsec_new".into(), "whsec_old".into()]
    }

    #[track_caller]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a table of expectations reads better without references"
    )]
    fn check(body: &[u8], header: &str, expected: Result<&str, WebhookError>) {
        let event = verify(body, header, &secrets(), now());
        assert_eq!(
            event.as_ref().map(|event| event.id.as_str()),
            expected.as_ref().map(|id| *id),
            "{header}"
        );
    }

    #[test]
    fn the_scheme_is_hmac_sha256_over_time_and_body() {
        // printf '1492774577.{}' | openssl dgst -sha256 -hmac whsec_test
        let at = Timestamp::from_second(1_492_774_577).expect("a time");
        let expected = "t=1492774577,v1=0d0602f6611bd2252dd4b74b58a4528355a7380639a15e6cc21e3059d56d5b8b";
        assert_eq!(sign(b"{}", &"whsec_test".into(), at), expected);
    }

    #[test]
    fn scenario_10_any_fitting_pair_is_enough() {
        let new = sign(BODY, &secrets()[0], now());
        let old = sign(BODY, &secrets()[1], now());
        check(BODY, &new, Ok("evt_1"));
        check(BODY, &old, Ok("evt_1"));
        let other = sign(BODY, &"whsec_strange".into(), now());
        let other = other.split_once(',').expect("two parts").1;
        check(BODY, &format!("{new},{other}"), Ok("evt_1"));
        check(
            BODY,
            &new.replacen(",v1", &format!(",{other},v0=00,v1"), 1),
            Ok("evt_1"),
        );
        check(
            BODY,
            &sign(BODY, &"whsec_strange".into(), now()),
            Err(WebhookError::WrongSignature),
        );
    }

    #[test]
    fn scenario_11_a_changed_byte_is_refused_wherever_it_is() {
        let header = sign(BODY, &secrets()[0], now());
        for at in 0..BODY.len() {
            let mut body = BODY.to_vec();
            body[at] ^= 1;
            check(&body, &header, Err(WebhookError::WrongSignature));
        }
    }

    #[test]
    fn scenario_12_time_counts_in_both_directions() {
        let shifted = |seconds| sign(BODY, &secrets()[0], now() + SignedDuration::from_secs(seconds));
        check(BODY, &shifted(-300), Ok("evt_1"));
        check(BODY, &shifted(300), Ok("evt_1"));
        check(BODY, &shifted(-301), Err(WebhookError::OutsideTolerance));
        check(BODY, &shifted(301), Err(WebhookError::OutsideTolerance));
        let signature = shifted(0);
        let replayed = signature.replace(&now().as_second().to_string(), &(now().as_second() + 1).to_string());
        check(BODY, &replayed, Err(WebhookError::WrongSignature));
    }

    #[test]
    fn a_malformed_header_is_refused() {
        let good = sign(BODY, &secrets()[0], now());
        let (time, signature) = good.split_once(',').expect("two parts");
        for wrong in [
            "",
            "nonsense",
            time,
            signature,
            "t=,v1=00",
            "t=x,v1=00",
            &format!("{time},{time},{signature}"),
            &signature.replace("v1", "v0"),
        ] {
            check(BODY, wrong, Err(WebhookError::MalformedHeader));
        }
        for wrong in ["v1=", "v1=zz", &signature[..40]] {
            check(BODY, &format!("{time},{wrong}"), Err(WebhookError::WrongSignature));
        }
        assert_eq!(verify(BODY, &good, &[], now()), Err(WebhookError::WrongSignature));
    }

    #[test]
    fn a_signed_body_that_is_no_event_is_told_apart() {
        let header = sign(b"[]", &secrets()[0], now());
        assert!(matches!(
            verify(b"[]", &header, &secrets(), now()),
            Err(WebhookError::MalformedEvent(_))
        ));
    }
}
