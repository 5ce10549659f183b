//! Licences without a sale: batches and trials.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::http::{FieldError, Validate};
use shared::ids::{LicenceBatchId, LicenceId, ListingId, PolicyId, UserId};
use shared::licence::batch::MAX_BATCH;
use shared::licence::{Batch, Licence};
use shared::licensing::machine::MAX_COMPONENTS;
use shared::licensing::policy::MAX_USERS;
use shared::licensing::{Fingerprint, Status};
use utoipa::ToSchema;

use super::{MAX_NAME_CHARS, fingerprints};

/// Licences to be issued.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct IssueLicences {
    pub listing_id: ListingId,
    /// A preset or one of the partner's own.
    pub policy_id: PolicyId,
    /// In whose account they are: the id that `GET /v1/me` shows them.
    pub owner_id: UserId,
    #[serde(default = "one")]
    #[schema(minimum = 1, maximum = 500)]
    pub count: u32,
    /// Users that each has room for; as the policy says without a number.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 5_000)]
    pub seats: Option<u64>,
    /// For whom they are.
    #[serde(default)]
    #[schema(max_length = 100, example = "School of Sound")]
    pub organisation: Option<String>,
    /// When they expire, whatever the policy's term is.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
}

fn one() -> u32 {
    1
}

impl Validate for IssueLicences {
    fn validate(&self) -> Vec<FieldError> {
        let mut flaws = Vec::new();
        if !(1..=MAX_BATCH).contains(&self.count) {
            flaws.push(FieldError::new("/count", format!("must be from 1 to {MAX_BATCH}")));
        }
        if self.seats.is_some_and(|seats| !(1..=MAX_USERS).contains(&seats)) {
            flaws.push(FieldError::new("/seats", format!("must be from 1 to {MAX_USERS}")));
        }
        let is_name = |name: &String| {
            (1..=MAX_NAME_CHARS).contains(&name.trim().chars().count()) && !name.chars().any(char::is_control)
        };
        if self.organisation.as_ref().is_some_and(|name| !is_name(name)) {
            let detail = format!("is one line of 1 to {MAX_NAME_CHARS} characters");
            flaws.push(FieldError::new("/organisation", detail));
        }
        flaws
    }
}

/// Licences that were issued together.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchView {
    pub id: LicenceBatchId,
    pub listing_id: ListingId,
    pub policy_id: PolicyId,
    pub policy: String,
    pub owner_id: UserId,
    #[schema(required)]
    pub organisation: Option<String>,
    pub count: u32,
    #[schema(required)]
    pub seats: Option<u64>,
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    pub issued_at: Timestamp,
    pub issued_by: UserId,
}

impl From<Batch> for BatchView {
    fn from(batch: Batch) -> Self {
        Self {
            id: batch.id,
            listing_id: batch.listing,
            policy_id: batch.policy,
            policy: batch.policy_name,
            owner_id: batch.owner,
            organisation: batch.organisation,
            count: batch.count,
            seats: batch.seats,
            expires_at: batch.expires_at,
            issued_at: batch.issued_at,
            issued_by: batch.issued_by,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IssuedBatch {
    pub batch: BatchView,
    pub licences: Vec<IssuedKey>,
}

/// A licence with its key.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IssuedKey {
    pub licence_id: LicenceId,
    pub key: String,
}

impl IssuedKey {
    pub(crate) fn of(licence: &Licence) -> Self {
        Self {
            licence_id: licence.id,
            key: licence.key.to_string(),
        }
    }
}

/// A licence as who has issued it sees it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IssuedView {
    pub licence_id: LicenceId,
    pub listing_id: ListingId,
    pub owner_id: UserId,
    pub policy_id: PolicyId,
    pub policy: String,
    pub status: Status,
    pub machines: usize,
    pub users: usize,
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
}

impl IssuedView {
    pub(crate) fn of(licence: &Licence, now: Timestamp) -> Self {
        let (policy, grant) = (licence.policy(), licence.granted());
        Self {
            licence_id: licence.id,
            listing_id: licence.listing,
            owner_id: licence.owner,
            status: grant.status(now),
            machines: grant.holding(&policy, now).count(),
            users: grant.users.len(),
            expires_at: grant.expires_at,
            policy_id: policy.id,
            policy: policy.name,
        }
    }
}

/// A trial to begin.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BeginTrial {
    /// Of the machine it will be used on, where that is known already.
    #[schema(max_length = 128)]
    pub fingerprint: Option<String>,
    /// Fingerprints of its parts, by names of the client's own; at most 16.
    pub components: BTreeMap<String, String>,
}

impl BeginTrial {
    /// The machine's fingerprint and those of its parts, if it is named.
    pub(crate) fn machine(&self) -> Result<Option<(Fingerprint, BTreeSet<Fingerprint>)>, Vec<FieldError>> {
        let Some(text) = &self.fingerprint else {
            let alone = FieldError::new("/components", "needs `fingerprint`: they are parts of one machine");
            return if self.components.is_empty() {
                Ok(None)
            } else {
                Err(vec![alone])
            };
        };
        if self.components.len() > MAX_COMPONENTS {
            let detail = format!("names at most {MAX_COMPONENTS}");
            return Err(vec![FieldError::new("/components", detail)]);
        }
        fingerprints(text, &self.components).map(Some)
    }
}

impl Validate for BeginTrial {
    fn validate(&self) -> Vec<FieldError> {
        self.machine().err().unwrap_or_default()
    }
}

/// A trial that has begun.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TrialView {
    pub licence_id: LicenceId,
    pub key: String,
    pub policy: String,
    pub status: Status,
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
}

impl TrialView {
    pub(crate) fn of(licence: &Licence, now: Timestamp) -> Self {
        let grant = licence.granted();
        Self {
            licence_id: licence.id,
            key: licence.key.to_string(),
            policy: licence.policy().name,
            status: grant.status(now),
            expires_at: grant.expires_at,
        }
    }
}
