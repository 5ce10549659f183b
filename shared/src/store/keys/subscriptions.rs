//! Keys of plans, subscriptions and proofs of education.

use super::{Key, TableName, key};
use crate::ids::{EducationalProofId, ListingId, PlanId, SubscriptionId, UserId};
use crate::store::table::Query;

pub fn plan(listing: ListingId, plan: PlanId) -> Key {
    key(TableName::Commerce, format!("PLN#{listing}"), format!("PLN#{plan}"))
}

pub fn plans(listing: ListingId) -> Query {
    Query::partition(TableName::Commerce, format!("PLN#{listing}"))
}

pub fn subscription(customer: UserId, subscription: SubscriptionId) -> Key {
    key(
        TableName::Commerce,
        format!("CUS#{customer}"),
        format!("SBN#{subscription}"),
    )
}

/// Which subscription to a listing is the customer's latest: there is one at a time.
pub fn subscribed(customer: UserId, listing: ListingId) -> Key {
    key(TableName::Commerce, format!("CUS#{customer}"), format!("SBL#{listing}"))
}

/// Says that a subscription to this listing has been begun, for as long as its payment page may be open.
pub fn begun(listing: ListingId, subscription: SubscriptionId) -> Key {
    key(
        TableName::Commerce,
        format!("SOLD#{listing}"),
        format!("SBN#{subscription}"),
    )
}

pub fn all_begun(listing: ListingId) -> Query {
    Query::partition(TableName::Commerce, format!("SOLD#{listing}")).prefix("SBN#".into())
}

pub fn subscriptions(customer: UserId) -> Query {
    Query::partition(TableName::Commerce, format!("CUS#{customer}")).prefix("SBN#".into())
}

/// What somebody shows to be a student or a teacher: personal, and so beside the person.
pub fn educational_proof(customer: UserId, proof: EducationalProofId) -> Key {
    key(TableName::Accounts, format!("USR#{customer}"), format!("EDU#{proof}"))
}

pub fn educational_proofs(customer: UserId) -> Query {
    Query::partition(TableName::Accounts, format!("USR#{customer}")).prefix("EDU#".into())
}

/// Whose proof it is: for those who know only the proof's id.
pub fn educational_proof_owner(proof: EducationalProofId) -> Key {
    key(TableName::Accounts, format!("EDU#{proof}"), "OWNER")
}

/// Index: proofs that wait for a decision, oldest first.
pub fn educational_proof_pending(proof: EducationalProofId) -> (String, String) {
    ("EDU#pending".to_owned(), proof.to_string())
}

pub fn educational_proofs_pending() -> Query {
    Query::index(TableName::Accounts, "EDU#pending".to_owned())
}
