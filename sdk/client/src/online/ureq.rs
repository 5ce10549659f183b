//! The transport that comes with the crate: blocking HTTP/1.1 through ureq, TLS through rustls, judged by the platform's certificate store.

use std::sync::Arc;
use std::time::Duration;

use ureq::config::Config;
use ureq::http::{self, header::RETRY_AFTER};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};

use super::transport::{Request, Response, Transport, TransportError};

/// An answer is some kilobytes. What sends more is not the marketplace.
const MAX_ANSWER_BYTES: u64 = 1 << 20;

#[derive(Debug, Clone)]
pub struct UreqTransport {
    agent: Agent,
}

impl UreqTransport {
    /// A whole request, with its answer, may take so long.
    pub fn new(timeout: Duration) -> Self {
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .build();
        let config = Config::builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(timeout))
            .user_agent(concat!("souk-client/", env!("CARGO_PKG_VERSION")));
        Self {
            agent: config.build().new_agent(),
        }
    }

    fn run(&self, request: &Request) -> Result<http::Response<Body>, ureq::Error> {
        let mut parts = http::Request::builder()
            .method(request.method.as_str())
            .uri(&request.url);
        for (name, value) in &request.headers {
            parts = parts.header(*name, value);
        }
        match &request.body {
            Some(body) => self.agent.run(parts.body(body.as_str())?),
            None => self.agent.run(parts.body(())?),
        }
    }
}

impl Default for UreqTransport {
    /// Ten seconds: a person may be waiting.
    fn default() -> Self {
        Self::new(Duration::from_secs(10))
    }
}

impl Transport for UreqTransport {
    fn send(&self, request: &Request) -> Result<Response, TransportError> {
        let failed = |error: ureq::Error| TransportError(error.to_string());
        let mut response = self.run(request).map_err(failed)?;
        let retry_after = response.headers().get(RETRY_AFTER);
        let retry_after = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
        Ok(Response {
            status: response.status().as_u16(),
            retry_after: retry_after.map(Duration::from_secs),
            body: response
                .body_mut()
                .with_config()
                .limit(MAX_ANSWER_BYTES)
                .read_to_string()
                .map_err(failed)?,
        })
    }
}
