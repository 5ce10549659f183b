//! Keys of licences: the licences themselves, and what must be found without one.

use super::{Key, TableName, hashed, key};
use crate::ids::{LicenceBatchId, LicenceId, ListingId, PartnerId, PolicyId, UserId};
use crate::licensing::{Fingerprint, Realm};
use crate::store::table::Query;

pub fn licence(licence: LicenceId) -> Key {
    key(TableName::Commerce, format!("LIC#{licence}"), "LIC")
}

/// Says that somebody has a licence that none of their orders tells of: it was given or handed to them, or is a trial.
pub fn owned(owner: UserId, licence: LicenceId) -> Key {
    key(TableName::Commerce, owned_partition(owner), format!("LIC#{licence}"))
}

pub fn all_owned(owner: UserId) -> Query {
    Query::partition(TableName::Commerce, owned_partition(owner))
}

pub(crate) fn owned_partition(owner: UserId) -> String {
    format!("OWN#{owner}")
}

/// Says that there is a licence of this listing of which no order tells.
pub fn held(listing: ListingId, licence: LicenceId) -> Key {
    key(TableName::Commerce, format!("SOLD#{listing}"), format!("LIC#{licence}"))
}

/// A policy of a partner's own.
pub fn policy(partner: PartnerId, policy: PolicyId) -> Key {
    key(TableName::Commerce, format!("PLC#{partner}"), format!("POL#{policy}"))
}

pub fn policies(partner: PartnerId) -> Query {
    Query::partition(TableName::Commerce, format!("PLC#{partner}"))
}

/// Under which policy a listing may be tried.
pub fn trial_terms(listing: ListingId) -> Key {
    key(TableName::Commerce, format!("TRM#{listing}"), "TERMS")
}

/// Under which policy sales of a listing issue.
pub fn sale_policy(listing: ListingId) -> Key {
    key(TableName::Commerce, format!("TRM#{listing}"), "SALE")
}

/// Licences that were issued together.
pub fn licence_batch(partner: PartnerId, batch: LicenceBatchId) -> Key {
    key(TableName::Commerce, format!("LBT#{partner}"), format!("LBT#{batch}"))
}

pub fn licence_batches(partner: PartnerId) -> Query {
    Query::partition(TableName::Commerce, format!("LBT#{partner}"))
}

/// Says that a licence is of a batch.
pub fn batched(batch: LicenceBatchId, licence: LicenceId) -> Key {
    key(TableName::Commerce, format!("BAT#{batch}"), format!("LIC#{licence}"))
}

pub fn all_batched(batch: LicenceBatchId) -> Query {
    Query::partition(TableName::Commerce, format!("BAT#{batch}"))
}

/// A trial of a listing, by somebody.
pub fn trial_of(listing: ListingId, owner: UserId) -> Key {
    tried(listing, "owner", &owner.to_string())
}

/// A trial of a listing, on a machine with this fingerprint.
pub fn trial_on(listing: ListingId, fingerprint: &Fingerprint) -> Key {
    tried(listing, "machine", fingerprint.as_str())
}

/// A trial of a listing, on a machine with this part.
pub fn trial_with(listing: ListingId, component: &Fingerprint) -> Key {
    tried(listing, "part", component.as_str())
}

fn tried(listing: ListingId, by: &str, what: &str) -> Key {
    let hash = hashed(&[&listing.to_string(), by, what]);
    key(TableName::Commerce, format!("TRY#{hash}"), "TRIAL")
}

/// Where a fingerprint is active, within a realm.
pub fn claim(realm: Realm, fingerprint: &Fingerprint) -> Key {
    let realm = match realm {
        Realm::Licence(id) => id.to_string(),
        Realm::Policy(id) => id.to_string(),
        Realm::Product(id) => id.to_string(),
        Realm::Account(id) => id.to_string(),
    };
    let hash = hashed(&[&realm, fingerprint.as_str()]);
    key(TableName::Commerce, format!("FPR#{hash}"), "CLAIM")
}

/// Says that uses were counted that came with this `Idempotency-Key`.
pub fn uses_counted(licence: LicenceId, idempotency_key: &str) -> Key {
    let hash = hashed(&[&licence.to_string(), idempotency_key]);
    key(TableName::Requests, format!("USE#{hash}"), "USES")
}
