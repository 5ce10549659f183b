//! What a licence can be issued under: a preset, or a policy that a partner has made.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::IntoEnumIterator;

use super::Licence;
use crate::ids::{ListingId, PartnerId, PolicyId};
use crate::licensing::{Grant, Policy, Preset};

/// A policy of a partner's own. It is made once and never changed: what licences carry of it stays true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnPolicy {
    pub partner: PartnerId,
    pub policy: Policy,
    pub created_at: Timestamp,
}

/// Under which policy a listing may be tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialOffer {
    pub listing: ListingId,
    pub partner: PartnerId,
    /// Nothing: it may not be tried any more.
    pub policy: Option<PolicyId>,
}

/// What the licences allow that sales of a listing issue: a copy of the policy, as it was when it was named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SalePolicy {
    pub listing: ListingId,
    pub partner: PartnerId,
    pub terms: Terms,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Terms {
    Preset(Preset),
    Own(Box<Policy>),
}

impl Terms {
    /// The preset with this id.
    pub fn preset(id: PolicyId) -> Option<Self> {
        Preset::iter().find(|preset| preset.id() == id).map(Self::Preset)
    }

    pub fn policy(&self) -> Policy {
        match self {
            Self::Preset(preset) => preset.policy(),
            Self::Own(policy) => policy.as_ref().clone(),
        }
    }

    /// As a licence carries it: a tier, or a policy instead of it.
    pub fn parts(&self) -> (Preset, Option<Box<Policy>>) {
        match self {
            Self::Preset(preset) => (*preset, None),
            Self::Own(policy) => (Preset::default(), Some(policy.clone())),
        }
    }
}

/// The licence under another policy. Its machines and users stay, also where the new one allows fewer; so does its term, which was paid for.
pub fn put_under(licence: &Licence, terms: &Terms) -> Licence {
    let (tier, custom) = terms.parts();
    let grant = Grant {
        policy: terms.policy().id,
        revision: licence.granted().revision + 1,
        ..licence.granted()
    };
    Licence {
        tier,
        custom,
        ..licence.with(grant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::licensing::sample;

    #[test]
    fn a_licence_carries_what_it_was_issued_under() {
        for preset in Preset::iter() {
            assert_eq!(Terms::preset(preset.id()), Some(Terms::Preset(preset)));
            assert_eq!(Terms::Preset(preset).parts(), (preset, None));
        }
        assert_eq!(Terms::preset(sample::policy().id), None);
        let own = Terms::Own(Box::new(sample::policy()));
        assert_eq!(own.parts().1.as_deref(), Some(&sample::policy()));
        assert_eq!(own.policy(), sample::policy());
    }
}
