//! What comes through the queue: what S3 tells, and which package is to be scanned again.
//!
//! docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html. Only what is needed is read.

use serde::Deserialize;
use shared::messages::Envelope;
use shared::runtime::Payload;
use shared::seed::Seed;

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Notification {
    Records {
        #[serde(rename = "Records")]
        records: Vec<Record>,
    },
    /// S3 says this once, when notifications are set up.
    Test {
        #[serde(rename = "Event")]
        event: TestEvent,
    },
    /// What Souk itself wants to be scanned.
    Asked(Envelope),
}

impl Payload for Notification {
    fn seed(&self) -> Option<Seed> {
        match self {
            Self::Asked(envelope) => envelope.seed(),
            Self::Records { .. } | Self::Test { .. } => None,
        }
    }
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub enum TestEvent {
    #[serde(rename = "s3:TestEvent")]
    Test,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Record {
    /// `ObjectCreated:Post`.
    #[serde(rename = "eventName")]
    pub event_name: String,
    pub s3: S3,
}

#[derive(Debug, Clone, Deserialize)]
pub struct S3 {
    pub object: Object,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Object {
    /// Encoded as in a form; see [`Record::key`].
    pub key: String,
    /// Every object of a versioned bucket has one.
    #[serde(rename = "versionId")]
    pub version_id: Option<String>,
}

impl Record {
    pub(crate) fn is_creation(&self) -> bool {
        self.event_name.trim_start_matches("s3:").starts_with("ObjectCreated:")
    }

    /// The key as it is in the bucket.
    pub(crate) fn key(&self) -> String {
        let pair = format!("key={}", self.s3.object.key);
        url::form_urlencoded::parse(pair.as_bytes())
            .next()
            .map(|(_, key)| key.into_owned())
            .unwrap_or_default()
    }
}
