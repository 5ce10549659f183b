//! Verifies that a webhook is PayPal's before anything in it is believed (developer.paypal.com/api/rest/webhooks/rest).
//!
//! PayPal signs `{transmission id}|{time}|{webhook id}|{CRC-32 of the raw body}` with RSA and SHA-256. The webhook's id is ours, so
//! that an event which PayPal sent to somebody else does not fit here.

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use super::certificate::Certificate;
use super::objects::Event;
use crate::processor::WebhookError;

const ALGORITHM: &str = "SHA256withRSA";

/// What the headers of a webhook say about how it was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transmission<'a> {
    id: &'a str,
    /// As it was written, for it is part of what was signed.
    time: &'a str,
    signature: &'a str,
    /// Not yet trusted.
    pub certificate_url: &'a str,
}

impl<'a> Transmission<'a> {
    /// Refuses headers that cannot be verified, and those that were not made at about `now`: nothing is fetched for them.
    pub fn read(headers: &'a HeaderMap, now: Timestamp) -> Result<Self, WebhookError> {
        let header = |name: &str| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value.ok_or(WebhookError::MalformedHeader)
        };
        if header("paypal-auth-algo")? != ALGORITHM {
            return Err(WebhookError::MalformedHeader);
        }
        let time = header("paypal-transmission-time")?;
        let sent_at: Timestamp = time.parse().map_err(|_| WebhookError::MalformedHeader)?;
        WebhookError::unless_recent(sent_at.as_second(), now)?;
        Ok(Self {
            id: header("paypal-transmission-id")?,
            time,
            signature: header("paypal-transmission-sig")?,
            certificate_url: header("paypal-cert-url")?,
        })
    }
}

/// The event in `body`, if the certificate's key has signed it for our webhook.
pub fn verify(
    body: &[u8],
    transmission: &Transmission<'_>,
    webhook_id: &str,
    certificate: &Certificate,
) -> Result<Event, WebhookError> {
    let signature = STANDARD
        .decode(transmission.signature)
        .map_err(|_| WebhookError::WrongSignature)?;
    let message = message(transmission.id, transmission.time, webhook_id, body);
    if !certificate.signed(message.as_bytes(), &signature) {
        return Err(WebhookError::WrongSignature);
    }
    serde_json::from_slice(body).map_err(|error| WebhookError::MalformedEvent(error.to_string()))
}

/// What is signed.
pub(crate) fn message(id: &str, time: &str, webhook_id: &str, body: &[u8]) -> String {
    format!("{id}|{time}|{webhook_id}|{}", crc32fast::hash(body))
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use axum::http::HeaderValue;
    use jiff::SignedDuration;

    use super::*;
    use crate::testing::PayPalSigner;

    const BODY: &[u8] = br#"{"id":"WH-1","event_type":"PAYMENT.CAPTURE.COMPLETED","create_time":"2026-11-22T08:59:59Z","resource":{"id":"3C679","supplementary_data":{"related_ids":{"order_id":"5O1"}}}}"#;
    const WEBHOOK: &str = "8PT597110X687430LKGECATA";
    const CERTIFICATE: &str = "https://api.paypal.com/v1/notifications/certs/CERT-1";
    static SIGNER: LazyLock<PayPalSigner> = LazyLock::new(PayPalSigner::new);

    fn now() -> Timestamp {
        "2026-11-22T09:00:00Z".parse().expect("a time")
    }

    fn signed(at: Timestamp) -> HeaderMap {
        SIGNER.headers(BODY, WEBHOOK, CERTIFICATE, at)
    }

    fn certificate(signer: &PayPalSigner) -> Certificate {
        Certificate::from_pem(signer.certificate().as_bytes()).expect("a certificate")
    }

    #[track_caller]
    fn check(body: &[u8], headers: &HeaderMap, webhook_id: &str, expected: Result<&str, &WebhookError>) {
        let event = Transmission::read(headers, now())
            .and_then(|transmission| verify(body, &transmission, webhook_id, &certificate(&SIGNER)));
        assert_eq!(event.as_ref().map(|event| event.id.as_str()), expected, "{headers:?}");
    }

    #[test]
    fn the_checksum_is_written_as_an_unsigned_decimal() {
        // python3 -c 'import zlib; print(zlib.crc32(b"{}"))'
        assert_eq!(message("a", "b", "c", b"{}"), "a|b|c|2745614147");
    }

    #[test]
    fn what_paypal_signed_for_us_is_let_in() {
        check(BODY, &signed(now()), WEBHOOK, Ok("WH-1"));
        let headers = signed(now());
        let transmission = Transmission::read(&headers, now()).expect("headers");
        assert_eq!(transmission.certificate_url, CERTIFICATE);
        let event = verify(BODY, &transmission, WEBHOOK, &certificate(&SIGNER)).expect("an event");
        assert_eq!(event.text("/supplementary_data/related_ids/order_id"), Some("5O1"));
        assert_eq!(event.text("/id/more"), None);
    }

    #[test]
    fn a_changed_byte_is_refused_wherever_it_is() {
        let headers = signed(now());
        for at in 0..BODY.len() {
            let mut body = BODY.to_vec();
            body[at] ^= 1;
            check(&body, &headers, WEBHOOK, Err(&WebhookError::WrongSignature));
        }
    }

    #[test]
    fn an_event_for_another_webhook_is_refused() {
        check(
            BODY,
            &signed(now()),
            "1JE4291016473214C",
            Err(&WebhookError::WrongSignature),
        );
    }

    #[test]
    fn another_key_is_refused() {
        let headers = PayPalSigner::new().headers(BODY, WEBHOOK, CERTIFICATE, now());
        check(BODY, &headers, WEBHOOK, Err(&WebhookError::WrongSignature));
    }

    #[test]
    fn time_counts_in_both_directions_and_is_signed() {
        let shifted = |seconds| signed(now() + SignedDuration::from_secs(seconds));
        check(BODY, &shifted(-300), WEBHOOK, Ok("WH-1"));
        check(BODY, &shifted(300), WEBHOOK, Ok("WH-1"));
        check(BODY, &shifted(-301), WEBHOOK, Err(&WebhookError::OutsideTolerance));
        check(BODY, &shifted(301), WEBHOOK, Err(&WebhookError::OutsideTolerance));
        let mut replayed = shifted(-3600);
        replayed.insert(
            "paypal-transmission-time",
            HeaderValue::from_static("2026-11-22T09:00:00Z"),
        );
        check(BODY, &replayed, WEBHOOK, Err(&WebhookError::WrongSignature));
    }

    #[test]
    fn headers_that_prove_nothing_are_refused() {
        for name in [
            "paypal-transmission-id",
            "paypal-transmission-time",
            "paypal-transmission-sig",
            "paypal-cert-url",
            "paypal-auth-algo",
        ] {
            let mut headers = signed(now());
            headers.remove(name);
            check(BODY, &headers, WEBHOOK, Err(&WebhookError::MalformedHeader));
        }
        for (name, value, error) in [
            ("paypal-transmission-time", "yesterday", WebhookError::MalformedHeader),
            ("paypal-auth-algo", "SHA1withRSA", WebhookError::MalformedHeader),
            ("paypal-transmission-sig", "not base64!", WebhookError::WrongSignature),
            ("paypal-transmission-sig", "", WebhookError::WrongSignature),
        ] {
            let mut headers = signed(now());
            headers.insert(name, HeaderValue::from_static(value));
            check(BODY, &headers, WEBHOOK, Err(&error));
        }
    }

    #[test]
    fn a_signed_body_that_is_no_event_is_told_apart() {
        let headers = SIGNER.headers(b"[]", WEBHOOK, CERTIFICATE, now());
        let transmission = Transmission::read(&headers, now()).expect("headers");
        let error = verify(b"[]", &transmission, WEBHOOK, &certificate(&SIGNER)).expect_err("no event");
        assert!(matches!(error, WebhookError::MalformedEvent(_)));
    }
}
