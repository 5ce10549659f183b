//! The deployed stack, as its description tells of it.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use crate::{Api, Aws, Listing, PayPal, Person, Stripe, eventually};

const VARIABLE: &str = "SOUK_STACK";
/// Longer than any function may take: a request that hangs is a failure with a name.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(40);

/// What `stack.json` says.
#[derive(Debug, Deserialize)]
pub struct Description {
    pub region: String,
    pub access_key_id: String,
    pub secret_access_key: String,
    pub aws_endpoint: String,
    pub api_url: String,
    pub stripe_url: String,
    pub paypal_url: String,
    pub stripe_secret_key: String,
    pub stripe_webhook_secret: String,
    pub stripe_connect_webhook_secret: String,
    pub oidc_issuer: String,
    pub oidc_audience: String,
    pub tables: BTreeMap<String, String>,
    pub queues: BTreeMap<String, String>,
    pub functions: BTreeMap<String, String>,
    pub tokens: BTreeMap<String, String>,
    pub parameters: BTreeMap<String, String>,
}

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct Stack(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    description: Description,
    folder: PathBuf,
    http: reqwest::Client,
}

impl Stack {
    /// The stack that the environment names.
    ///
    /// # Panics
    /// Without one: a journey that is not made must not look like one that went well.
    #[expect(clippy::disallowed_methods, reason = "which stack to test is the caller's to say")]
    pub fn load() -> Self {
        let file = std::env::var_os(VARIABLE).map(PathBuf::from).unwrap_or_else(|| {
            panic!(
                "The journeys need a deployed stack, and {VARIABLE} does not name one's stack.json. `make test` deploys one for them; \
                 by hand: python3 -m infra.local test-stack -- cargo nextest run -p journeys"
            )
        });
        let text = std::fs::read_to_string(&file)
            .unwrap_or_else(|error| panic!("{VARIABLE} names {}, which cannot be read: {error}", file.display()));
        let description = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{} is not a stack's description: {error}", file.display()));
        let folder = file.parent().unwrap().to_owned();
        let http = reqwest::Client::builder()
            .timeout(REQUEST_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self(Arc::new(Inner {
            description,
            folder,
            http,
        }))
    }

    pub fn description(&self) -> &Description {
        &self.0.description
    }

    /// Where the stack keeps what it wrote, such as the record of its processes.
    pub fn folder(&self) -> &Path {
        &self.0.folder
    }

    pub fn http(&self) -> &reqwest::Client {
        &self.0.http
    }

    /// The API to somebody who has not signed in.
    pub fn public(&self) -> Api {
        Api::new(self, None)
    }

    /// The API with this as the bearer token.
    pub fn with_token(&self, token: &str) -> Api {
        Api::new(self, Some(format!("Bearer {token}")))
    }

    /// The API to software that shows a licence's key.
    pub fn with_licence_key(&self, key: &str) -> Api {
        Api::new(self, Some(format!("License {key}")))
    }

    pub fn operator(&self) -> Api {
        self.with_token(&self.0.description.tokens["operator"])
    }

    /// What waits for a moderator about this listing.
    pub async fn case(&self, listing: &Listing) -> serde_json::Value {
        eventually("a case in the queue", async || {
            let waiting = self.operator().all("/review-cases").await;
            let cases = waiting
                .iter()
                .find(|case| case["version_id"] == listing.version.as_str());
            cases.cloned().ok_or_else(|| format!("{} others", waiting.len()))
        })
        .await
    }

    /// Somebody who has never been here before.
    pub async fn somebody(&self, name: &str) -> Person {
        Person::new(self, name, serde_json::json!({})).await
    }

    pub fn stripe(&self) -> Stripe {
        Stripe::new(self)
    }

    pub fn paypal(&self) -> PayPal {
        PayPal::new(self)
    }

    pub fn aws(&self) -> Aws {
        Aws::new(self)
    }

    /// URL of a queue by its name in the description, such as `settlement` or `settlement-dead-letters`.
    pub fn queue(&self, name: &str) -> &str {
        let queues = &self.0.description.queues;
        queues
            .get(name)
            .unwrap_or_else(|| panic!("the stack has no queue {name}, only {:?}", queues.keys()))
    }

    /// Lets only one test at a time do what concerns the whole stack, such as a payout run. Held until dropped; tests are processes, so
    /// the lock is a file's.
    pub async fn alone_with(&self, what: &str) -> impl Drop + use<> {
        struct Held(File);
        impl Drop for Held {
            fn drop(&mut self) {
                // The lock also ends with the process.
                let _released = self.0.unlock();
            }
        }
        let file = File::create(self.0.folder.join(format!("{what}.lock"))).unwrap();
        tokio::task::spawn_blocking(move || file.lock().map(|()| Held(file)))
            .await
            .unwrap()
            .unwrap()
    }
}
