//! The key that signs webhooks, its certificate, and the ways a test may want a signature broken.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, RsaKeySize, SigningKey};
use serde::{Deserialize, Serialize};

/// Where PayPal keeps its certificates.
pub(crate) const FOLDER: &str = "/v1/notifications/certs/";
const BEYOND_TOLERANCE_S: i64 = 600;

/// What is wrong with a delivery on purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Tampering {
    #[default]
    None,
    /// Signed with a key that is not the certificate's.
    WrongKey,
    /// Signed for somebody else's webhook.
    WrongWebhook,
    /// The certificate is said to be on another host.
    ForeignCertificate,
    /// Signed ten minutes ago.
    Stale,
    /// Signed ten minutes from now.
    Future,
    /// One byte of the body changed after signing.
    AlteredBody,
    /// No headers at all.
    Missing,
}

impl standin::Tampering for Tampering {
    fn is_refused(&self) -> bool {
        *self != Self::None
    }
}

#[derive(Debug)]
pub(crate) struct Signer {
    key: KeyPair,
    pem: String,
}

impl Signer {
    /// A new key, which takes a moment to be found.
    pub(crate) fn new() -> Self {
        let made = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).and_then(|key| {
            let names = ["messageverificationcerts.paypal.com".to_owned()];
            let certificate = CertificateParams::new(names)?.self_signed(&key)?;
            let pem = certificate.pem();
            Ok(Self { key, pem })
        });
        made.unwrap_or_else(|error| unreachable!("a key of 2048 bits and a plain name make a certificate: {error}"))
    }

    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    fn sign(&self, message: &str) -> String {
        STANDARD.encode(self.key.sign(message.as_bytes()).unwrap_or_default())
    }

    /// The headers of one transmission.
    pub(crate) fn headers(
        &self,
        transmission: &Transmission<'_>,
        body: &str,
        tampering: Tampering,
    ) -> Vec<(&'static str, String)> {
        let sent_at_s = match tampering {
            Tampering::Stale => transmission.now_s - BEYOND_TOLERANCE_S,
            Tampering::Future => transmission.now_s + BEYOND_TOLERANCE_S,
            Tampering::Missing => return Vec::new(),
            _ => transmission.now_s,
        };
        let time = Timestamp::from_second(sent_at_s).unwrap_or_default().to_string();
        let webhook = match tampering {
            Tampering::WrongWebhook => "1JE4291016473214C",
            _ => transmission.webhook_id,
        };
        let certificate = match tampering {
            Tampering::ForeignCertificate => format!("https://paypal.example{FOLDER}CERT-1"),
            _ => transmission.certificate_url.to_owned(),
        };
        let message = format!(
            "{}|{time}|{webhook}|{}",
            transmission.id,
            crc32fast::hash(body.as_bytes())
        );
        let signature = match tampering {
            Tampering::WrongKey => Self::new().sign(&message),
            _ => self.sign(&message),
        };
        vec![
            ("paypal-transmission-id", transmission.id.to_owned()),
            ("paypal-transmission-time", time),
            ("paypal-transmission-sig", signature),
            ("paypal-cert-url", certificate),
            ("paypal-auth-algo", "SHA256withRSA".to_owned()),
        ]
    }
}

/// One attempt to deliver an event.
#[derive(Debug)]
pub(crate) struct Transmission<'a> {
    pub id: &'a str,
    pub now_s: i64,
    pub webhook_id: &'a str,
    pub certificate_url: &'a str,
}

/// The body as it is sent: altered if that is the tampering. The altered byte keeps it valid JSON.
pub(crate) fn body_as_sent(body: String, tampering: Tampering) -> String {
    if tampering == Tampering::AlteredBody {
        body.replacen("\"event_version\":\"1.0\"", "\"event_version\":\"2.0\"", 1)
    } else {
        body
    }
}
