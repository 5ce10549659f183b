//! What PayPal signs webhooks with: a key of its own, and a certificate that says so.

use axum::http::{HeaderMap, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, RsaKeySize, SigningKey};

use crate::processor::paypal::webhook::message;

#[derive(Debug)]
pub struct PayPalSigner {
    key: KeyPair,
    certificate: String,
}

impl PayPalSigner {
    /// With a new key each time.
    pub fn new() -> Self {
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).expect("a key");
        let name = "messageverificationcerts.paypal.com".to_owned();
        let certificate = CertificateParams::new([name])
            .and_then(|params| params.self_signed(&key))
            .expect("a certificate");
        Self {
            key,
            certificate: certificate.pem(),
        }
    }

    /// As PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// The headers that PayPal would send with `body`.
    pub fn headers(&self, body: &[u8], webhook_id: &str, certificate_url: &str, at: Timestamp) -> HeaderMap {
        let (id, time) = ("69cd13f0-d67a-11e5-baa3-778b53f4ae55", at.to_string());
        let signature = self.key.sign(message(id, &time, webhook_id, body).as_bytes());
        let signature = STANDARD.encode(signature.expect("an RSA key signs everything"));
        [
            ("paypal-transmission-id", id),
            ("paypal-transmission-time", &time),
            ("paypal-transmission-sig", &signature),
            ("paypal-cert-url", certificate_url),
            ("paypal-auth-algo", "SHA256withRSA"),
        ]
        .into_iter()
        .map(|(name, value)| {
            (
                axum::http::HeaderName::from_static(name),
                HeaderValue::from_str(value).expect("plain text"),
            )
        })
        .collect()
    }
}

impl Default for PayPalSigner {
    fn default() -> Self {
        Self::new()
    }
}
