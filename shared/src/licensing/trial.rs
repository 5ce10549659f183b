//! Trials: one for each machine and each person, product by product.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::grant::{Fingerprint, Grant, Machine, Status, after};
use super::lifecycle::{Issue, issue};
use super::policy::{Basis, Matching, Policy};
use super::term::started;
use crate::ids::{LicenceId, ListingId, UserId};

/// One part alone, a model of processor for example, is in many people's machines.
const FEWEST_PARTS: usize = 2;

/// What a trial leaves behind, for as long as abuse is to be noticed; it outlives its licence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialRecord {
    pub product: ListingId,
    pub licence: LicenceId,
    pub owner: UserId,
    /// Nothing: the trial was not used on a machine yet. Each machine that it was used on leaves a record of its own.
    pub fingerprint: Option<Fingerprint>,
    /// The machine's parts: as many as the policy's matching demands, and two at least, give it away under another fingerprint.
    #[serde(default)]
    pub components: BTreeSet<Fingerprint>,
    pub began_at: Timestamp,
}

/// A machine that a trial is to be used on.
#[derive(Debug, Clone, Copy)]
pub struct Device<'a> {
    pub fingerprint: &'a Fingerprint,
    pub components: &'a BTreeSet<Fingerprint>,
}

/// A trial with the record that keeps it from being the first of many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    pub grant: Grant,
    pub record: TrialRecord,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there was a trial of this product since {began_at}, by the same {by}")]
pub struct TrialUsed {
    pub licence: LicenceId,
    pub began_at: Timestamp,
    pub by: SameBy,
}

/// What two trials have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "snake_case")]
pub enum SameBy {
    Machine,
    Owner,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrialError {
    #[error("the policy has no trials")]
    NotOffered,
    #[error(transparent)]
    Used(#[from] TrialUsed),
    #[error("the licence is not a trial")]
    NotATrial,
    #[error("the licence is {0}")]
    Unusable(Status),
}

impl TrialRecord {
    pub(super) fn of(grant: &Grant, machine: &Machine, now: Timestamp) -> Self {
        Self {
            product: grant.product,
            licence: grant.licence,
            owner: grant.owner,
            fingerprint: Some(machine.fingerprint.clone()),
            components: machine.components.clone(),
            began_at: now,
        }
    }
}

impl TrialUsed {
    pub(super) fn check(
        policy: &Policy,
        grant: &Grant,
        device: Device<'_>,
        earlier: &[TrialRecord],
    ) -> Result<(), Self> {
        find(policy, grant, Some(device), earlier).map_or(Ok(()), Err)
    }
}

impl Device<'_> {
    fn is_of(self, record: &TrialRecord, matching: Matching) -> bool {
        let same = self.components.intersection(&record.components).count();
        let is_same = same >= FEWEST_PARTS && matching.accepts(same, self.components.len());
        record.fingerprint.as_ref() == Some(self.fingerprint) || is_same
    }
}

fn find(policy: &Policy, grant: &Grant, device: Option<Device<'_>>, earlier: &[TrialRecord]) -> Option<TrialUsed> {
    let others = || {
        earlier
            .iter()
            .filter(|record| record.product == grant.product && record.licence != grant.licence)
    };
    let on_machine = others().find(|record| device.is_some_and(|device| device.is_of(record, policy.matching)));
    let by_owner = || others().find(|record| record.owner == grant.owner);
    let (record, by) = match on_machine {
        Some(record) => (record, SameBy::Machine),
        None => (by_owner()?, SameBy::Owner),
    };
    Some(TrialUsed {
        licence: record.licence,
        began_at: record.began_at,
        by,
    })
}

/// Begins a trial. `earlier`: the records that the store has of this product for this owner and, where it is known already, this fingerprint.
pub fn begin_trial(
    policy: &Policy,
    order: &Issue,
    device: Option<Device<'_>>,
    earlier: &[TrialRecord],
    now: Timestamp,
) -> Result<Begun, TrialError> {
    let terms = policy.trial.ok_or(TrialError::NotOffered)?;
    let grant = Grant {
        trial: true,
        expires_at: Some(after(now, terms.duration_seconds)),
        ..issue(policy, order, now)
    };
    if let Some(used) = find(policy, &grant, device, earlier) {
        return Err(used.into());
    }
    let record = TrialRecord {
        product: grant.product,
        licence: grant.licence,
        owner: grant.owner,
        fingerprint: device.map(|device| device.fingerprint.clone()),
        components: device.map(|device| device.components.clone()).unwrap_or_default(),
        began_at: now,
    };
    Ok(Begun { grant, record })
}

/// The trial was bought, also after it ran out: the term begins now, the machines stay.
pub fn convert(policy: &Policy, grant: &Grant, now: Timestamp) -> Result<Grant, TrialError> {
    if !grant.trial {
        return Err(TrialError::NotATrial);
    }
    if !matches!(grant.status(now), Status::Trial | Status::Expired) {
        return Err(TrialError::Unusable(grant.status(now)));
    }
    let bought = Grant {
        trial: false,
        expires_at: None,
        ..grant.clone()
    };
    // What the trial has been used for already counts as the first time; validations and downloads are sure to come again.
    let basis = match policy.expiry.basis {
        Basis::FirstActivation if !grant.machines.is_empty() => Basis::FirstActivation,
        Basis::FirstUse if grant.uses > 0 => Basis::FirstUse,
        _ => Basis::Creation,
    };
    Ok(Grant {
        expires_at: started(policy, &bought, basis, now),
        revision: grant.revision + 1,
        ..bought
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::licensing::grant::Standing;
    use crate::licensing::machine::{Elsewhere, MachineError, activate};
    use crate::licensing::policy::{DAY, TrialTerms};
    use crate::licensing::sample;

    fn policy() -> Policy {
        let mut policy = sample::policy();
        policy.trial = Some(TrialTerms {
            duration_seconds: 14 * DAY,
        });
        policy
    }

    fn begin(order: &Issue, earlier: &[TrialRecord]) -> Result<Begun, TrialError> {
        begin_on("a", &["cpu", "disk", "board"], order, earlier)
    }

    fn begin_on(
        fingerprint: &str,
        components: &[&str],
        order: &Issue,
        earlier: &[TrialRecord],
    ) -> Result<Begun, TrialError> {
        let policy = Policy {
            matching: Matching::Most,
            ..policy()
        };
        let (fingerprint, components) = (
            sample::fingerprint(fingerprint),
            components.iter().map(|text| sample::fingerprint(text)).collect(),
        );
        let device = Device {
            fingerprint: &fingerprint,
            components: &components,
        };
        begin_trial(&policy, order, Some(device), earlier, sample::now())
    }

    fn other(number: u64) -> Issue {
        Issue {
            licence: sample::seed(number).id("licence"),
            owner: sample::seed(number).id("user"),
            ..sample::order()
        }
    }

    #[test]
    fn a_trial_ends_by_itself() {
        let grant = begin(&sample::order(), &[]).expect("the first").grant;
        assert_eq!(grant.status(sample::days(13)), Status::Trial);
        assert_eq!(grant.status(sample::days(14)), Status::Expired);
        let without = begin_trial(&sample::policy(), &sample::order(), None, &[], sample::now());
        assert_eq!(without, Err(TrialError::NotOffered));
    }

    #[test]
    fn a_machine_tries_a_product_once() {
        let first = begin(&sample::order(), &[]).expect("the first").record;
        let again = begin(&other(8), std::slice::from_ref(&first));
        let used = |by| TrialUsed {
            licence: first.licence,
            began_at: sample::now(),
            by,
        };
        assert_eq!(again, Err(used(SameBy::Machine).into()));
        let another_product = Issue {
            product: sample::seed(9).id("product"),
            ..other(8)
        };
        assert!(begin(&another_product, std::slice::from_ref(&first)).is_ok());
        assert!(begin(&sample::order(), std::slice::from_ref(&first)).is_ok(), "a retry");
        let same_owner = Issue {
            owner: first.owner,
            ..other(8)
        };
        let elsewhere = TrialRecord {
            fingerprint: None,
            components: BTreeSet::new(),
            ..first.clone()
        };
        assert_eq!(begin(&same_owner, &[elsewhere]), Err(used(SameBy::Owner).into()));
    }

    #[test]
    fn a_machine_is_known_by_its_parts() {
        let first = begin(&sample::order(), &[]).expect("the first").record;
        let earlier = std::slice::from_ref(&first);
        let same = begin_on("renamed", &["cpu", "disk", "new-board"], &other(8), earlier);
        assert!(matches!(
            same,
            Err(TrialError::Used(TrialUsed {
                by: SameBy::Machine,
                ..
            }))
        ));
        assert!(begin_on("other", &["cpu", "new-disk", "new-board"], &other(8), earlier).is_ok());
        assert!(
            begin_on("other", &["cpu"], &other(8), earlier).is_ok(),
            "the same model"
        );
        assert!(begin_on("other", &[], &other(8), earlier).is_ok(), "nothing to compare");
    }

    #[test]
    fn a_second_trial_is_noticed_when_it_reaches_the_machine() {
        let (policy, seed) = (policy(), sample::seed(5));
        let first = begin(&sample::order(), &[]).expect("the first").grant;
        let used = activate(
            &policy,
            &first,
            &sample::activation("a"),
            Elsewhere::default(),
            sample::now(),
            &seed,
        );
        let trials = [used.expect("a free lease").trial.expect("its record")];
        let second = begin_trial(&policy, &other(8), None, &[], sample::now()).expect("nothing known yet");
        let elsewhere = Elsewhere {
            trials: &trials,
            ..Elsewhere::default()
        };
        let try_on = |grant: &Grant, machine| {
            activate(
                &policy,
                grant,
                &sample::activation(machine),
                elsewhere,
                sample::now(),
                &seed,
            )
        };
        assert!(matches!(
            try_on(&second.grant, "a"),
            Err(MachineError::TrialUsed(TrialUsed {
                by: SameBy::Machine,
                ..
            }))
        ));
        assert!(try_on(&second.grant, "b").is_ok());
        let bought = convert(&policy, &second.grant, sample::now()).expect("a trial");
        assert!(try_on(&bought, "a").is_ok(), "who buys may use any machine");
    }

    #[test]
    fn buying_begins_the_term() {
        let mut policy = policy();
        policy.expiry.duration_seconds = Some(365 * DAY);
        let trial = begin(&sample::order(), &[]).expect("the first").grant;
        let late = sample::days(20);
        let bought = convert(&policy, &trial, late).expect("it ran out, and may be bought");
        assert_eq!(bought.status(late), Status::Active);
        assert_eq!(bought.expires_at, Some(sample::days(385)));
        assert_eq!(convert(&policy, &bought, late), Err(TrialError::NotATrial));
        policy.expiry.basis = Basis::FirstUse;
        let waiting = convert(&policy, &trial, late).expect("a trial");
        assert_eq!(waiting.expires_at, None, "nothing was used yet");
        let banned = Grant {
            standing: Standing::Banned { since: late },
            ..trial
        };
        assert_eq!(
            convert(&policy, &banned, late),
            Err(TrialError::Unusable(Status::Banned))
        );
    }
}
