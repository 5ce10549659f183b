//! The certificates PayPal signs its webhooks with, fetched from the address that a webhook names and kept.
//!
//! The address comes from whoever sends the webhook, so it is trusted only if it leads to PayPal itself: to the API that the client
//! calls, or to the older name of the same, which webhooks carry. What TLS proves about that host is what the signature is worth.

use std::collections::HashMap;
use std::sync::Arc;

use reqwest::Method;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio::sync::Mutex;
use url::{Origin, Url};
use webpki::EndEntityCert;
use webpki::aws_lc_rs::RSA_PKCS1_2048_8192_SHA256;

use crate::processor::ProcessorError;
use crate::processor::http::Http;

/// Where PayPal keeps its certificates. Other paths of its hosts may answer with what a stranger put there.
const FOLDER: &str = "/v1/notifications/certs/";
/// PayPal signs with one, and with two while it changes them.
const MAX_KEPT: usize = 8;

#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("the certificate's address is not PayPal's")]
    Foreign,
    #[error("there is no certificate at this address")]
    Missing,
    /// Not known; a webhook that comes again may find it.
    #[error("the certificate cannot be had now")]
    Unavailable(#[source] ProcessorError),
}

/// The leaf certificate that PayPal serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate(CertificateDer<'static>);

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct Certificates(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    trusted: Vec<Origin>,
    http: Http,
    /// A certificate's address is never used for another one.
    kept: Mutex<HashMap<Url, Certificate>>,
}

impl Certificates {
    /// Of the PayPal whose API is at `base`: live, sandbox, or a stand-in. Webhooks of another are refused.
    pub fn new(base: &Url) -> Self {
        let mut trusted = vec![base.origin()];
        if let Some(host) = base.host_str().and_then(|host| host.strip_prefix("api-m.")) {
            let mut older = base.clone();
            if older.set_host(Some(&format!("api.{host}"))).is_ok() {
                trusted.push(older.origin());
            }
        }
        Self(Arc::new(Inner {
            trusted,
            http: Http::default(),
            kept: Mutex::default(),
        }))
    }

    /// The certificate at the address that a webhook names.
    pub async fn get(&self, address: &str) -> Result<Certificate, CertificateError> {
        let url = self.trusted(address).ok_or(CertificateError::Foreign)?;
        if let Some(certificate) = self.0.kept.lock().await.get(&url) {
            return Ok(certificate.clone());
        }
        let request = self.0.http.request(Method::GET, url.clone()).await;
        let answer = match request {
            Ok(request) => self.0.http.send(request).await,
            Err(error) => Err(error),
        }
        .map_err(CertificateError::Unavailable)?;
        if answer.status.is_server_error() {
            let status = answer.status.as_u16();
            let error = ProcessorError::unknown(format!("status {status} instead of a certificate"));
            return Err(CertificateError::Unavailable(error));
        }
        if !answer.status.is_success() {
            return Err(CertificateError::Missing);
        }
        let certificate = Certificate::from_pem(&answer.body).ok_or(CertificateError::Missing)?;
        let mut kept = self.0.kept.lock().await;
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(url, certificate.clone());
        Ok(certificate)
    }

    /// The address, if it leads to PayPal's certificates. Origins are compared whole: scheme, host and port.
    fn trusted(&self, address: &str) -> Option<Url> {
        let url: Url = address.parse().ok()?;
        let name = url.path().strip_prefix(FOLDER)?;
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let plain = url.query().is_none() && url.username().is_empty() && url.password().is_none();
        (plain && name.bytes().all(is_name) && self.0.trusted.contains(&url.origin())).then_some(url)
    }
}

impl Certificate {
    /// The first certificate of a PEM file, which is the one that signs.
    pub fn from_pem(pem: &[u8]) -> Option<Self> {
        let certificate = Self(CertificateDer::from_pem_slice(pem).ok()?);
        EndEntityCert::try_from(&certificate.0).ok()?;
        Some(certificate)
    }

    /// Whether its key has signed the message: RSA (PKCS #1) with SHA-256.
    pub(super) fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        EndEntityCert::try_from(&self.0).is_ok_and(|certificate| {
            certificate
                .verify_signature(RSA_PKCS1_2048_8192_SHA256, message, signature)
                .is_ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{PayPalSigner, ScriptedServer};

    #[track_caller]
    fn check(base: &str, address: &str, trusted: bool) {
        let certificates = Certificates::new(&base.parse().expect("a URL"));
        assert_eq!(certificates.trusted(address).is_some(), trusted, "{base} {address}");
    }

    #[test]
    fn only_addresses_of_the_same_paypal_are_asked() {
        let (live, sandbox) = ("https://api-m.paypal.com", "https://api-m.sandbox.paypal.com/");
        check(
            live,
            "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594",
            true,
        );
        check(live, "https://api-m.paypal.com/v1/notifications/certs/CERT-1", true);
        check(
            sandbox,
            "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-1",
            true,
        );
        check(
            "http://127.0.0.1:8",
            "http://127.0.0.1:8/v1/notifications/certs/CERT-1",
            true,
        );
        for foreign in [
            "",
            "CERT-1",
            "http://api.paypal.com/v1/notifications/certs/CERT-1",
            "https://api.paypal.com:8443/v1/notifications/certs/CERT-1",
            "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-1",
            "https://www.paypal.com/v1/notifications/certs/CERT-1",
            "https://api.paypal.com.example/v1/notifications/certs/CERT-1",
            "https://paypal.com@example.com/v1/notifications/certs/CERT-1",
            "https://user@api.paypal.com/v1/notifications/certs/CERT-1",
            "https://api.paypal.com/redirect?to=example.com",
            "https://api.paypal.com/v1/notifications/certs/../../../uploads/mine",
            "https://api.paypal.com/v1/notifications/certs/%2e%2e%2fmine",
            "https://api.paypal.com/v1/notifications/certs/CERT-1?x=1",
        ] {
            check(live, foreign, false);
        }
    }

    #[tokio::test]
    async fn a_certificate_is_fetched_once() {
        let server = ScriptedServer::start().await;
        let signer = PayPalSigner::new();
        let certificates = Certificates::new(server.base());
        let address = format!("{}v1/notifications/certs/CERT-1", server.base());
        server
            .answers(503, json!({}))
            .answers(404, json!({}))
            .answers(200, "no certificate".into())
            .answers(200, signer.certificate().into());
        assert!(matches!(
            certificates.get(&address).await,
            Err(CertificateError::Unavailable(_))
        ));
        for _ in 0..2 {
            assert!(matches!(
                certificates.get(&address).await,
                Err(CertificateError::Missing)
            ));
        }
        let first = certificates.get(&address).await.expect("a certificate");
        assert_eq!(certificates.get(&address).await.expect("kept"), first);
        assert_eq!(server.take_asked().len(), 4);
        assert!(matches!(
            certificates.get("https://example.com/v1/notifications/certs/C").await,
            Err(CertificateError::Foreign)
        ));
    }
}
