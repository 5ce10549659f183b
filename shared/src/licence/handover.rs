//! Handing a licence on: its owner offers it to somebody, and it is theirs once they accept.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Licence, LicenceKey};
use crate::ids::UserId;
use crate::licensing::Machine;
use crate::licensing::lifecycle::{LifecycleError, transfer};

/// Long enough for somebody on holiday.
const OPEN_FOR: SignedDuration = SignedDuration::from_hours(14 * 24);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    pub to: UserId,
    pub until: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HandoverError {
    /// Or not to this user, or no longer.
    #[error("the licence was not offered to this user")]
    NotOffered,
    #[error(transparent)]
    Refused(#[from] LifecycleError),
}

/// The licence with its new owner, and the machines that left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandedOn {
    pub licence: Licence,
    pub gone: Vec<Machine>,
}

/// Offers the licence to somebody. An earlier offer ends.
pub fn offer(licence: &Licence, to: UserId, now: Timestamp) -> Result<Licence, LifecycleError> {
    transfer(&licence.granted(), to, now)?;
    let until = now.saturating_add(OPEN_FOR).unwrap_or(Timestamp::MAX);
    Ok(Licence {
        offer: Some(Offer { to, until }),
        ..licence.clone()
    })
}

/// Hands the licence on, with a key that its old owner does not know.
pub fn accept(licence: &Licence, by: UserId, secret: [u8; 16], now: Timestamp) -> Result<HandedOn, HandoverError> {
    let offered = licence.offer.is_some_and(|offer| offer.to == by && now < offer.until);
    if !offered {
        return Err(HandoverError::NotOffered);
    }
    let moved = transfer(&licence.granted(), by, now)?;
    let licence = Licence {
        owner: by,
        key: LicenceKey::new(licence.id, secret),
        order: None,
        offer: None,
        ..licence.with(moved.grant)
    };
    Ok(HandedOn {
        licence,
        gone: moved.gone,
    })
}

/// The licence with another key; the old one opens nothing any more. What was decided about the licence stands.
pub fn rotate(licence: &Licence, secret: [u8; 16]) -> Licence {
    Licence {
        key: LicenceKey::new(licence.id, secret),
        ..licence.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::licence::batch::begin;
    use crate::licence::policies::Terms;
    use crate::licensing::{Preset, sample};

    fn held() -> Licence {
        let (seed, terms) = (sample::seed(3), Terms::Preset(Preset::Individual));
        let trial = begin(
            &terms,
            (seed.id("licence"), [1; 16]),
            (seed.id("listing"), seed.id("partner"), seed.id("owner")),
            None,
            &[],
            sample::now(),
        );
        let mut licence = trial.expect("a trial").licence;
        licence.grant.as_mut().expect("a grant").trial = false;
        licence.order = Some(seed.id("order"));
        licence
    }

    #[test]
    fn a_licence_is_handed_to_whom_it_was_offered() {
        let (licence, now) = (held(), sample::now());
        let (heir, other) = (sample::seed(8).id("heir"), sample::seed(9).id("other"));
        assert_eq!(accept(&licence, heir, [2; 16], now), Err(HandoverError::NotOffered));
        let offered = offer(&licence, heir, now).expect("in good standing");
        assert_eq!(accept(&offered, other, [2; 16], now), Err(HandoverError::NotOffered));
        assert_eq!(
            accept(&offered, heir, [2; 16], sample::days(14)),
            Err(HandoverError::NotOffered),
            "too late"
        );
        let handed = accept(&offered, heir, [2; 16], sample::days(13))
            .expect("in time")
            .licence;
        assert_eq!((handed.owner, handed.granted().owner), (heir, heir));
        assert_eq!((handed.offer, handed.order), (None, None));
        assert!(!handed.key.opens(&licence.key));
        assert_eq!(
            accept(&handed, heir, [3; 16], now),
            Err(HandoverError::NotOffered),
            "once"
        );
    }

    #[test]
    fn who_has_it_is_not_offered_it() {
        let licence = held();
        let own = offer(&licence, licence.owner, sample::now());
        assert_eq!(own, Err(LifecycleError::SameOwner));
    }

    #[test]
    fn a_new_key_changes_nothing_else() {
        let licence = held();
        let rotated = rotate(&licence, [9; 16]);
        assert!(!rotated.key.opens(&licence.key));
        assert_eq!(rotated.granted(), licence.granted());
    }
}
