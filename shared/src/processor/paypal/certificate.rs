//! The certificates PayPal signs its webhooks with, fetched from the address that a webhook names and kept.
//!
//! The address comes from whoever sends the webhook, so it is trusted only if it leads to PayPal itself: to the API that the client
//! calls, or to the older name of the same, which webhooks carry. What TLS proves about that host is what the signature is worth.
//!
//! A stranger can name any certificate there, so fetching is rationed: what could not be had is not asked for again for a while, and
//! when much was asked for in vain, nothing unknown is. Certificates that have proven a webhook are kept through all of it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, StatusCode};
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
/// How long it is remembered that a certificate could not be had, and what was fetched for nothing.
const REMEMBERED: SignedDuration = SignedDuration::from_mins(10);
/// A time-out or an outage passes sooner.
const OUTAGE_REMEMBERED: SignedDuration = SignedDuration::from_secs(30);
/// Fetches within that time that no webhook has been proven by. PayPal itself causes one or two.
const MAX_IN_VAIN: usize = 16;

#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("the certificate's address is not PayPal's")]
    Foreign,
    #[error("there is no certificate at this address")]
    Missing,
    /// Not known; a webhook that comes again may find it.
    #[error("the certificate cannot be had now")]
    Unavailable(#[source] ProcessorError),
    /// Too much was asked for in vain; nothing is fetched for a while.
    #[error("too many certificates were asked for in vain")]
    Rationed,
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
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    /// What has proven a webhook. A certificate's address is never used for another one.
    proven: HashMap<Url, Certificate>,
    /// What was fetched, whatever came of it, oldest first.
    fetched: VecDeque<Fetched>,
}

#[derive(Debug)]
struct Fetched {
    url: Url,
    at: Timestamp,
    outcome: Outcome,
}

#[derive(Debug, Clone)]
enum Outcome {
    Found(Certificate),
    Missing,
    Outage,
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
            memory: Mutex::default(),
        }))
    }

    /// The certificate at the address that a webhook names.
    pub async fn get(&self, address: &str, now: Timestamp) -> Result<Certificate, CertificateError> {
        let url = self.trusted(address).ok_or(CertificateError::Foreign)?;
        // Held while fetching, so that a flood of webhooks fetches one after the other and finds what the first has found.
        let mut memory = self.0.memory.lock().await;
        if let Some(known) = memory.recall(&url, now) {
            return known;
        }
        if memory.fetched.len() >= MAX_IN_VAIN {
            return Err(CertificateError::Rationed);
        }
        let found = self.fetch(url.clone()).await;
        let outcome = match &found {
            Ok(certificate) => Outcome::Found(certificate.clone()),
            Err(CertificateError::Unavailable(_)) => Outcome::Outage,
            Err(_) => Outcome::Missing,
        };
        memory.fetched.push_back(Fetched { url, at: now, outcome });
        found
    }

    /// The certificate at this address has proven a webhook: it is kept, and its fetching was not in vain.
    pub async fn has_proven(&self, address: &str) {
        let Some(url) = self.trusted(address) else { return };
        let mut memory = self.0.memory.lock().await;
        let Some(index) = memory.fetched.iter().position(|fetched| fetched.url == url) else {
            return;
        };
        if let Some(Fetched {
            outcome: Outcome::Found(certificate),
            ..
        }) = memory.fetched.remove(index)
        {
            if memory.proven.len() >= MAX_KEPT {
                memory.proven.clear();
            }
            memory.proven.insert(url, certificate);
        }
    }

    async fn fetch(&self, url: Url) -> Result<Certificate, CertificateError> {
        let request = self.0.http.request(Method::GET, url).await;
        let answer = match request {
            Ok(request) => self.0.http.send(request).await,
            Err(error) => Err(error),
        }
        .map_err(CertificateError::Unavailable)?;
        let status = answer.status;
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            let error = ProcessorError::unknown(format!("status {} instead of a certificate", status.as_u16()));
            return Err(CertificateError::Unavailable(error));
        }
        if !status.is_success() {
            return Err(CertificateError::Missing);
        }
        Certificate::from_pem(&answer.body).ok_or(CertificateError::Missing)
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

impl Memory {
    /// What is known of the address without asking.
    fn recall(&mut self, url: &Url, now: Timestamp) -> Option<Result<Certificate, CertificateError>> {
        self.fetched
            .retain(|fetched| now.duration_since(fetched.at) < REMEMBERED);
        if let Some(certificate) = self.proven.get(url) {
            return Some(Ok(certificate.clone()));
        }
        let latest = self.fetched.iter().rev().find(|fetched| fetched.url == *url)?;
        match &latest.outcome {
            Outcome::Found(certificate) => Some(Ok(certificate.clone())),
            Outcome::Missing => Some(Err(CertificateError::Missing)),
            Outcome::Outage if now.duration_since(latest.at) < OUTAGE_REMEMBERED => {
                let error = ProcessorError::unknown("it could not be had a moment ago");
                Some(Err(CertificateError::Unavailable(error)))
            }
            Outcome::Outage => None,
        }
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

    fn at(minutes: i64) -> Timestamp {
        let begin: Timestamp = "2026-11-22T09:00:00Z".parse().expect("a time");
        begin + SignedDuration::from_mins(minutes)
    }

    fn address(server: &ScriptedServer, name: &str) -> String {
        format!("{}v1/notifications/certs/{name}", server.base())
    }

    #[tokio::test]
    async fn a_certificate_is_fetched_once() {
        let (server, signer) = (ScriptedServer::start().await, PayPalSigner::new());
        let certificates = Certificates::new(server.base());
        let address = address(&server, "CERT-1");
        server.answers(200, signer.certificate().into());
        let first = certificates.get(&address, at(0)).await.expect("a certificate");
        certificates.has_proven(&address).await;
        // Once proven it is kept for good.
        for minutes in [0, 1, 100_000] {
            assert_eq!(certificates.get(&address, at(minutes)).await.expect("kept"), first);
        }
        assert_eq!(server.take_asked().len(), 1);
        assert!(matches!(
            certificates
                .get("https://example.com/v1/notifications/certs/C", at(0))
                .await,
            Err(CertificateError::Foreign)
        ));
    }

    #[tokio::test]
    async fn what_could_not_be_had_is_not_asked_for_again_for_a_while() {
        let server = ScriptedServer::start().await;
        let certificates = Certificates::new(server.base());
        let address = address(&server, "CERT-1");
        server
            .answers(503, json!({}))
            .answers(404, json!({}))
            .answers(200, "no certificate".into());
        let asked = async |minutes: i64| {
            let error = certificates.get(&address, at(minutes)).await.expect_err("none");
            (
                matches!(error, CertificateError::Unavailable(_)),
                server.take_asked().len(),
            )
        };
        assert_eq!(asked(0).await, (true, 1));
        assert_eq!(asked(0).await, (true, 0), "the outage is remembered");
        assert_eq!(asked(1).await, (false, 1), "for a moment only");
        for minutes in 1..11 {
            assert_eq!(
                asked(minutes).await,
                (false, 0),
                "that there is none is remembered longer"
            );
        }
        assert_eq!(asked(11).await, (false, 1));
    }

    #[tokio::test]
    async fn a_stranger_who_makes_up_names_is_fetched_for_a_few_times_only() {
        let (server, signer) = (ScriptedServer::start().await, PayPalSigner::new());
        let certificates = Certificates::new(server.base());
        let ours = address(&server, "CERT-1");
        server.answers(200, signer.certificate().into());
        certificates.get(&ours, at(0)).await.expect("a certificate");
        certificates.has_proven(&ours).await;
        server.take_asked();
        for number in 0..100 {
            server.answers(404, json!({}));
            let made_up = address(&server, &format!("MADE-UP-{number}"));
            assert!(certificates.get(&made_up, at(0)).await.is_err());
        }
        assert_eq!(server.take_asked().len(), MAX_IN_VAIN);
        certificates.get(&ours, at(0)).await.expect("who is known is let in");
        let another = certificates.get(&address(&server, "CERT-2"), at(1)).await;
        assert!(matches!(another, Err(CertificateError::Rationed)));
        certificates.get(&ours, at(20)).await.expect("kept");
        assert!(certificates.get(&address(&server, "CERT-2"), at(20)).await.is_err());
        assert_eq!(server.take_asked().len(), 1, "the ration is full again");
    }
}
