//! Licences that are given rather than sold: one, or a whole campus.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::policies::Terms;
use super::{Licence, LicenceKey, LicenceStatus};
use crate::ids::{LicenceBatchId, LicenceId, ListingId, PartnerId, PolicyId, UserId};
use crate::licensing::lifecycle::issue;
use crate::licensing::trial::{Begun, TrialError, begin_trial};
use crate::licensing::{Device, Grant, Issue, Limits, TrialRecord};
use crate::seed::Seed;

/// A batch is written within one request: sixteen transactions of a second or less.
pub const MAX_BATCH: u32 = 500;

/// Licences of one product that were issued together to one owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    pub id: LicenceBatchId,
    pub partner: PartnerId,
    pub listing: ListingId,
    pub policy: PolicyId,
    pub policy_name: String,
    /// Who administers them: they are among the licences of this account.
    pub owner: UserId,
    /// For whom they are, in the issuer's words.
    pub organisation: Option<String>,
    pub count: u32,
    /// Users that each licence has room for, where it is not what the policy says.
    pub seats: Option<u64>,
    /// Whatever the policy's term is.
    pub expires_at: Option<Timestamp>,
    pub issued_at: Timestamp,
    pub issued_by: UserId,
}

impl Batch {
    /// The licences; the same seed makes the same ones, but for their keys.
    pub fn licences(&self, terms: &Terms, seed: &Seed, mut secret: impl FnMut() -> [u8; 16]) -> Vec<Licence> {
        let policy = terms.policy();
        let one = |number: u32| {
            let id = seed.id(&format!("licence {number}"));
            let order = Issue {
                licence: id,
                product: self.listing,
                partner: self.partner,
                owner: self.owner,
                limits: Limits {
                    users: self.seats,
                    ..Limits::default()
                },
                entitlements: BTreeSet::new(),
            };
            let grant = issue(&policy, &order, self.issued_at);
            let expires_at = self.expires_at.or(grant.expires_at);
            let grant = Grant { expires_at, ..grant };
            given(terms, grant, LicenceKey::new(id, secret()), self.issued_at)
        };
        (0..self.count).map(one).collect()
    }
}

/// A trial with its licence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    pub licence: Licence,
    pub record: TrialRecord,
}

/// Begins a trial. `earlier`: what the store has of trials of this listing by this owner and on this machine.
pub fn begin(
    terms: &Terms,
    (licence, secret): (LicenceId, [u8; 16]),
    (listing, partner, owner): (ListingId, PartnerId, UserId),
    device: Option<Device<'_>>,
    earlier: &[TrialRecord],
    now: Timestamp,
) -> Result<Trial, TrialError> {
    let order = Issue {
        licence,
        product: listing,
        partner,
        owner,
        limits: Limits::default(),
        entitlements: BTreeSet::new(),
    };
    let Begun { grant, record } = begin_trial(&terms.policy(), &order, device, earlier, now)?;
    let licence = given(terms, grant, LicenceKey::new(licence, secret), now);
    Ok(Trial { licence, record })
}

fn given(terms: &Terms, grant: Grant, key: LicenceKey, now: Timestamp) -> Licence {
    let (tier, custom) = terms.parts();
    Licence {
        id: grant.licence,
        key,
        owner: grant.owner,
        listing: grant.product,
        partner: grant.partner,
        order: None,
        status: LicenceStatus::Active,
        issued_at: now,
        tier,
        custom,
        grant: Some(grant),
        offer: None,
        subscription: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::licensing::{Preset, Status, sample};

    fn batch() -> Batch {
        let seed = sample::seed(1);
        Batch {
            id: seed.id("batch"),
            partner: seed.id("partner"),
            listing: seed.id("listing"),
            policy: Preset::Studio.id(),
            policy_name: "Studio".into(),
            owner: seed.id("dean"),
            organisation: Some("School of Sound".into()),
            count: 40,
            seats: Some(3),
            expires_at: Some(sample::days(90)),
            issued_at: sample::now(),
            issued_by: seed.id("operator"),
        }
    }

    #[test]
    fn a_campus_gets_as_many_licences_as_it_was_given() {
        let mut secrets = 0_u8;
        let secret = || {
            secrets += 1;
            [secrets; 16]
        };
        let terms = Terms::Preset(Preset::Studio);
        let licences = batch().licences(&terms, &sample::seed(7), secret);
        let again = batch().licences(&terms, &sample::seed(7), || [0; 16]);
        assert_eq!(licences.len(), 40);
        let ids: BTreeSet<_> = licences.iter().map(|licence| licence.id).collect();
        assert_eq!(ids.len(), 40);
        for (licence, same) in licences.iter().zip(&again) {
            let (policy, grant) = (licence.policy(), licence.granted());
            assert_eq!((licence.id, licence.order), (same.id, None));
            assert!(!licence.key.opens(&same.key), "each key has chance of its own");
            assert_eq!(grant.limit(&policy, crate::licensing::Resource::Users), Some(3));
            assert_eq!(grant.status(sample::days(89)), Status::Active);
            assert_eq!(grant.status(sample::days(90)), Status::Expired);
        }
        let unlimited = Batch {
            expires_at: None,
            ..batch()
        };
        let term = unlimited.licences(&terms, &sample::seed(7), || [0; 16])[0].granted();
        assert_eq!(term.expires_at, Some(sample::days(365)), "the policy's own");
    }
}
