//! Every identifier in Souk, in one place.
//!
//! An id is a UUIDv7 that shows itself as a TypeID (`ord_01h2xcejqtf2nbrexx3vqjhp41`): the prefix says what it names, so an
//! order id can neither be passed nor parsed where a partner id belongs. Ids are made from a [`crate::seed::Seed`] and nowhere else.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use type_safe_id::{DynamicType, TypeSafeId};
use uuid::Uuid;

/// What all ids share: a prefix, and a UUIDv7 inside.
pub trait Id: Copy + fmt::Display + FromStr<Err = InvalidId> {
    const PREFIX: &'static str;
    fn from_uuid(uuid: Uuid) -> Self;
    fn uuid(&self) -> Uuid;
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not an id that begins with \"{prefix}_\"")]
pub struct InvalidId {
    prefix: &'static str,
    given: String,
}

fn parse(prefix: &'static str, text: &str) -> Result<Uuid, InvalidId> {
    let invalid = || InvalidId {
        prefix,
        given: text.chars().take(80).collect(),
    };
    let id: TypeSafeId<DynamicType> = text.parse().map_err(|_| invalid())?;
    // The library also accepts upper-case digits; one id must have one spelling, or a key could be written twice.
    if id.type_prefix() != prefix || id.to_string() != text {
        return Err(invalid());
    }
    Ok(id.uuid())
}

fn show(prefix: &'static str, uuid: Uuid, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let kind = DynamicType::new(prefix).map_err(|_| fmt::Error)?;
    write!(f, "{}", TypeSafeId::from_type_and_uuid(kind, uuid))
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Uuid);

        impl Id for $name {
            const PREFIX: &'static str = $prefix;
            fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }
            fn uuid(&self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                show($prefix, self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse($prefix, text).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                id_schema($prefix)
            }
        }
        impl utoipa::ToSchema for $name {}
    )+

    #[cfg(test)]
    const PREFIXES: &[&str] = &[$($prefix),+];
    };
}

fn id_schema(prefix: &str) -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
    utoipa::openapi::ObjectBuilder::new()
        .schema_type(utoipa::openapi::schema::Type::String)
        .pattern(Some(format!("^{prefix}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$")))
        .into()
}

ids! {
    /// A person who has signed in: customer, member of a partner's team, operator.
    UserId = "usr";
    /// A seller.
    PartnerId = "ptn";
    /// An API token (not its secret).
    TokenId = "tok";
    /// What is offered: a plugin, a pack, an integration.
    ListingId = "lst";
    /// One version of a listing.
    VersionId = "ver";
    /// One upload of a version's artifact.
    UploadId = "upl";
    /// A version handed in for review.
    SubmissionId = "sub";
    /// Something that waits for a moderator.
    CaseId = "case";
    /// A partner's objection to a refusal.
    AppealId = "apl";
    /// What a partner or a moderator says about a version.
    ReplyId = "rpl";
    /// Everything that is listed, scanned once more.
    RescanId = "rsc";
    /// What was decided, and why.
    DecisionId = "dec";
    OrderId = "ord";
    /// At which price, for how long and with which licence a listing can be subscribed to.
    PlanId = "pln";
    SubscriptionId = "sbn";
    /// What somebody shows to be a student or a teacher.
    EducationalProofId = "edu";
    LicenceId = "lic";
    /// Licences that were issued together, without a sale.
    LicenceBatchId = "lbt";
    /// What the licences of one kind allow.
    PolicyId = "pol";
    /// One activation of a licence on one machine.
    MachineId = "mac";
    /// A running copy of the software on a machine.
    ProcessId = "prc";
    PayoutId = "pay";
    /// Who is paid at PayPal: stands for an address that only the partner's item holds.
    ReceiverId = "rcv";
    /// Money given back to a customer.
    RefundId = "rfd";
    /// A dispute that an operator has opened by hand; the processors' have ids of their own.
    DisputeId = "dsp";
    /// How a sale is divided.
    RuleId = "rul";
    /// An entry of the journal.
    JournalId = "jrn";
    /// One comparison of the processor's books with ours.
    ReconciliationId = "rec";
    /// A reason why something is held back.
    HoldId = "hld";
    AuditId = "aud";
    /// A queue message.
    MessageId = "msg";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_refused(text: &str) {
        assert!(text.parse::<OrderId>().is_err(), "{text:?} was accepted as an order id");
    }

    #[test]
    fn an_id_has_exactly_one_spelling() {
        let id = OrderId::from_uuid(uuid::uuid!("0188bac7-4afa-78aa-bc3b-bd1eef28d881"));
        assert_eq!(id.to_string(), "ord_01h2xcejqtf2nbrexx3vqjhp41");
        assert_eq!("ord_01h2xcejqtf2nbrexx3vqjhp41".parse(), Ok(id));
        check_refused("ord_01H2XCEJQTF2NBREXX3VQJHP41");
        check_refused("lst_01h2xcejqtf2nbrexx3vqjhp41");
        check_refused("ord_81h2xcejqtf2nbrexx3vqjhp41");
        check_refused("ord_");
        check_refused("");
        check_refused("01h2xcejqtf2nbrexx3vqjhp41");
    }

    #[test]
    fn serde_speaks_the_same_text() {
        let id = PartnerId::from_uuid(uuid::uuid!("0188bac7-4afa-78aa-bc3b-bd1eef28d881"));
        let json = serde_json::to_string(&id).expect("ids are plain strings");
        assert_eq!(json, "\"ptn_01h2xcejqtf2nbrexx3vqjhp41\"");
        assert_eq!(serde_json::from_str::<PartnerId>(&json).expect("its own text"), id);
        assert!(serde_json::from_str::<UserId>(&json).is_err());
    }

    #[test]
    fn prefixes_are_unique() {
        let mut seen = PREFIXES.to_vec();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), PREFIXES.len());
    }
}
