//! The AWS clients, made so that a cold start pays for none of them.
//!
//! Region and credentials come from the variables that Lambda sets, so nothing has to be discovered; a client is made when it is first
//! asked for something (it reads a list of all of AWS's regions: a third of what a start computes); TLS is set up when the first
//! request goes out, trusting the five roots that AWS's certificates lead to instead of loading the system's store (5 ms); one
//! connection pool serves all clients. Every call has a time-out.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::{BehaviorVersion, HttpClient, Region, RuntimeComponents, SharedHttpClient};
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpConnector};
use url::Url;

use super::env::{self, Env};
use crate::store::meter::{Meter, Usage};
use crate::store::{Store, TableName, TableNames};

const AMAZON_ROOTS: &[u8] = include_bytes!("amazon-roots.pem");
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// DynamoDB, SQS and Secrets Manager answer in milliseconds; an answer that takes this long does not come.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(4);
const OPERATION_TIMEOUT: Duration = Duration::from_secs(12);
/// A copy of a large object inside S3 is one request.
const S3_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(60);
const ATTEMPTS: u32 = 3;

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct Clients(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    region: String,
    credentials: Credentials,
    endpoint: Option<Url>,
    http: SharedHttpClient,
    dynamo: OnceLock<aws_sdk_dynamodb::Client>,
    s3: OnceLock<aws_sdk_s3::Client>,
    sqs: OnceLock<aws_sdk_sqs::Client>,
    ses: OnceLock<aws_sdk_sesv2::Client>,
    secrets: OnceLock<aws_sdk_secretsmanager::Client>,
    /// Of every store made here, for the log line of an invocation.
    meters: std::sync::Mutex<Vec<Meter>>,
}

/// The parts that every service's configuration has in common, under five names for the same types.
macro_rules! configured {
    ($service:ident, $clients:expr, $attempt:expr) => {{
        let inner = $clients;
        let mut config = $service::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(inner.region.clone()))
            .credentials_provider(inner.credentials.clone())
            .http_client(inner.http.clone())
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT_TIMEOUT)
                    .read_timeout($attempt)
                    .operation_attempt_timeout($attempt)
                    .operation_timeout(OPERATION_TIMEOUT.max($attempt))
                    .build(),
            );
        config.set_endpoint_url(
            inner
                .endpoint
                .as_ref()
                .map(|url| url.as_str().trim_end_matches('/').to_owned()),
        );
        config
    }};
}

impl Clients {
    pub fn from_env(env: &Env) -> Self {
        let credentials = Credentials::new(
            env.read(&env::AWS_ACCESS_KEY_ID),
            env.read(&env::AWS_SECRET_ACCESS_KEY),
            env.read(&env::AWS_SESSION_TOKEN),
            None,
            "lambda",
        );
        Self(Arc::new(Inner {
            region: env.read(&env::AWS_REGION),
            credentials,
            endpoint: env.read(&env::AWS_ENDPOINT_URL),
            http: SharedHttpClient::new(LateHttpClient::default()),
            dynamo: OnceLock::new(),
            s3: OnceLock::new(),
            sqs: OnceLock::new(),
            ses: OnceLock::new(),
            secrets: OnceLock::new(),
            meters: std::sync::Mutex::default(),
        }))
    }

    pub fn region(&self) -> &str {
        &self.0.region
    }

    pub fn credentials(&self) -> &Credentials {
        &self.0.credentials
    }

    pub fn endpoint(&self) -> Option<&Url> {
        self.0.endpoint.as_ref()
    }

    pub fn dynamo(&self) -> aws_sdk_dynamodb::Client {
        let make =
            || aws_sdk_dynamodb::Client::from_conf(configured!(aws_sdk_dynamodb, &self.0, ATTEMPT_TIMEOUT).build());
        self.0.dynamo.get_or_init(make).clone()
    }

    pub fn s3(&self) -> aws_sdk_s3::Client {
        // Local names such as bucket.localhost do not resolve.
        let path_style = self.0.endpoint.is_some();
        let make = || {
            let config = configured!(aws_sdk_s3, &self.0, S3_ATTEMPT_TIMEOUT).force_path_style(path_style);
            aws_sdk_s3::Client::from_conf(config.build())
        };
        self.0.s3.get_or_init(make).clone()
    }

    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        let make = || aws_sdk_sqs::Client::from_conf(configured!(aws_sdk_sqs, &self.0, ATTEMPT_TIMEOUT).build());
        self.0.sqs.get_or_init(make).clone()
    }

    pub fn ses(&self) -> aws_sdk_sesv2::Client {
        let make = || aws_sdk_sesv2::Client::from_conf(configured!(aws_sdk_sesv2, &self.0, ATTEMPT_TIMEOUT).build());
        self.0.ses.get_or_init(make).clone()
    }

    pub fn secrets(&self) -> aws_sdk_secretsmanager::Client {
        let make = || {
            aws_sdk_secretsmanager::Client::from_conf(
                configured!(aws_sdk_secretsmanager, &self.0, ATTEMPT_TIMEOUT).build(),
            )
        };
        self.0.secrets.get_or_init(make).clone()
    }

    /// A store with just these tables; another one it does not know.
    pub fn store(&self, env: &Env, tables: &[TableName]) -> Store {
        let names = tables.iter().map(|table| (*table, env.read(variable(*table))));
        let store = Store::dynamo(self.clone(), TableNames::new(names));
        self.0
            .meters
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .push(store.meter().clone());
        store
    }

    /// What all stores have used so far.
    pub(crate) fn usage(&self) -> Usage {
        let meters = self.0.meters.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        meters
            .iter()
            .map(Meter::read)
            .fold(Usage::default(), |sum, usage| Usage {
                requests: sum.requests + usage.requests,
                read_tenths: sum.read_tenths + usage.read_tenths,
                write_tenths: sum.write_tenths + usage.write_tenths,
                retries: sum.retries + usage.retries,
            })
    }
}

fn variable(table: TableName) -> &'static env::Var<String> {
    match table {
        TableName::Accounts => &env::ACCOUNTS_TABLE,
        TableName::Catalogue => &env::CATALOGUE_TABLE,
        TableName::Commerce => &env::COMMERCE_TABLE,
        TableName::Ledger => &env::LEDGER_TABLE,
        TableName::Requests => &env::REQUESTS_TABLE,
    }
}

/// An HTTP client that sets up TLS at its first request. The SDK's own does so when a service client is made, which would be the
/// larger part of a cold start.
#[derive(Debug, Default)]
struct LateHttpClient(OnceLock<SharedHttpClient>);

impl HttpClient for LateHttpClient {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        self.0.get_or_init(https_client).http_connector(settings, components)
    }
}

fn https_client() -> SharedHttpClient {
    let roots = TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
    let builder = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc));
    match TlsContext::builder().with_trust_store(roots).build() {
        Ok(context) => builder.tls_context(context).build_https(),
        Err(error) => {
            tracing::error!(%error, "the compiled-in roots cannot be used; the system's are");
            builder.build_https()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_roots_are_compiled_in() {
        let text = std::str::from_utf8(AMAZON_ROOTS).expect("PEM is text");
        assert_eq!(text.matches("-----BEGIN CERTIFICATE-----").count(), 5);
        let _ = https_client();
    }
}
