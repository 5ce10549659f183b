//! What a decision about a licence leaves in the store: the licence, and with it the claims of its machines on fingerprints.
//!
//! A policy may say that a fingerprint is active once within the policy, the product or the account. Each machine of its licences then has a
//! claim: an item by realm and fingerprint, written with the activation, on the condition that there is none. A claim counts for as long as its
//! licence holds a lease for that fingerprint. One that is left behind (its machine fell silent, its licence was revoked by a refund) is void:
//! whoever meets it takes it over. So removing claims is housekeeping, and is done as far as a transaction reaches.

use jiff::Timestamp;

use super::keys;
use super::room::{self, Room};
use super::table::{Condition, MAX_TRANSACTION_ITEMS, Store, StoreError, Versioned, Write};
use crate::licence::Licence;
use crate::licensing::policy::Uniqueness;
use crate::licensing::{Fingerprint, Grant, Holding, Machine, Policy, Realm, Standing};

/// Claims that end, or move, with one change; the rest of the transaction is the licence, audit entries and records of trials.
const MAX_CLAIMS: usize = MAX_TRANSACTION_ITEMS - 30;
/// A claim that moves is two writes.
pub const MAX_MOVED: usize = MAX_CLAIMS / 2;

/// What a machine that has not been heard of yet grows by with its first heartbeat, in bytes.
const FIRST_HEARTBEAT_BYTES: usize = 40;
/// What else a licence may come to say of itself, in bytes: since when it is withdrawn, when it was checked in, when it ends.
const LATER_FACTS_BYTES: usize = 256;

/// Keeps a licence as it was decided, with what else follows from the decision, all or nothing. Refused with a conflict when the licence has
/// changed since it was read, by a refund for example, or when one of the other conditions does not hold; and as too large when it would grow
/// beyond the `room` that it has ([`Room`]).
pub async fn save(
    store: &Store,
    before: &Versioned<Licence>,
    next: &Licence,
    room: Room,
    mut also: Vec<Write>,
) -> Result<(), StoreError> {
    let licence = Write::replace(keys::licence(next.id), next, before.revision)?;
    room.admit(full_bytes(next)?, || full_bytes(before))?;
    if also.is_empty() {
        return store.write(licence).await;
    }
    also.insert(0, licence);
    store.transact(also).await
}

/// The licence's size once everything is known of it that may come to be known without anybody being let in: heartbeats, check-ins and
/// decisions about its standing find the room that was kept when its machines were let in.
fn full_bytes(licence: &Licence) -> Result<usize, StoreError> {
    let machines = licence.grant.iter().flat_map(|grant| grant.machines.values());
    let unheard = machines.filter(|machine| machine.heartbeat_at.is_none()).count();
    Ok(room::bytes(licence)? + unheard * FIRST_HEARTBEAT_BYTES + LATER_FACTS_BYTES)
}

/// Where else a fingerprint is active, and the writes that claim it once it is active here.
#[derive(Debug, Default)]
pub struct Contest {
    pub holding: Option<Holding>,
    claim: Vec<Write>,
}

impl Contest {
    /// Writes the claim, on the condition that things are as they were read.
    pub fn claimed(self) -> Vec<Write> {
        self.claim
    }
}

/// Who contests a fingerprint. Reads nothing where fingerprints are told apart within each licence only.
pub async fn contest(
    store: &Store,
    policy: &Policy,
    grant: &Grant,
    fingerprint: &Fingerprint,
    now: Timestamp,
) -> Result<Contest, StoreError> {
    if policy.uniqueness == Uniqueness::Licence {
        return Ok(Contest::default());
    }
    let (key, mine) = (
        keys::claim(grant.realm(policy.uniqueness), fingerprint),
        grant.holding_of(),
    );
    let Some(found) = store.get::<Holding>(&key).await? else {
        return Ok(Contest {
            holding: None,
            claim: vec![Write::create(key, &mine)?],
        });
    };
    if found.licence != grant.licence && still_holds(store, &found, fingerprint, now).await? {
        return Ok(Contest {
            holding: Some(found.value),
            claim: Vec::new(),
        });
    }
    Ok(Contest {
        holding: None,
        claim: vec![Write::replace(key, &mine, found.revision)?],
    })
}

/// Whether the licence of a claim holds a lease for the fingerprint.
async fn still_holds(
    store: &Store,
    claim: &Holding,
    fingerprint: &Fingerprint,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Some(licence) = store.get::<Licence>(&keys::licence(claim.licence)).await? else {
        return Ok(false);
    };
    let (policy, grant) = (licence.policy(), licence.granted());
    let holds = grant
        .holding(&policy, now)
        .any(|machine| machine.fingerprint == *fingerprint);
    Ok(holds && !matches!(grant.standing, Standing::Revoked { .. }))
}

/// The end of the claims of machines that left.
pub async fn release(
    store: &Store,
    policy: &Policy,
    grant: &Grant,
    gone: &[Machine],
) -> Result<Vec<Write>, StoreError> {
    if policy.uniqueness == Uniqueness::Licence {
        return Ok(Vec::new());
    }
    let realm = grant.realm(policy.uniqueness);
    released(
        store,
        grant,
        realm,
        gone.iter().map(|machine| &machine.fingerprint).take(MAX_CLAIMS),
    )
    .await
}

async fn released(
    store: &Store,
    grant: &Grant,
    realm: Realm,
    fingerprints: impl Iterator<Item = &Fingerprint>,
) -> Result<Vec<Write>, StoreError> {
    let mut writes = Vec::new();
    for fingerprint in fingerprints {
        let key = keys::claim(realm, fingerprint);
        // Somebody else's by now: it was void, and was taken over.
        let found = store.get::<Holding>(&key).await?;
        if let Some(found) = found.filter(|found| found.licence == grant.licence) {
            writes.push(Write::delete(key, Condition::Revision(found.revision)));
        }
    }
    Ok(writes)
}

/// What moves the claims of a licence from one policy to another.
#[derive(Debug)]
pub enum Move {
    Claims(Vec<Write>),
    /// This machine is active under another licence, which the new policy does not allow.
    Taken(Fingerprint),
    /// More than [`MAX_MOVED`] machines.
    TooMany,
}

pub async fn move_claims(
    store: &Store,
    (from, before): (&Policy, &Grant),
    (to, after): (&Policy, &Grant),
    now: Timestamp,
) -> Result<Move, StoreError> {
    let realm = |policy: &Policy, grant: &Grant| {
        (policy.uniqueness != Uniqueness::Licence).then(|| grant.realm(policy.uniqueness))
    };
    let (old, new) = (realm(from, before), realm(to, after));
    let machines: Vec<_> = before.machines.values().map(|machine| &machine.fingerprint).collect();
    if old.is_none() && new.is_none() || machines.is_empty() {
        return Ok(Move::Claims(Vec::new()));
    }
    if machines.len() > MAX_MOVED {
        return Ok(Move::TooMany);
    }
    let mut writes = Vec::new();
    if let Some(old) = old.filter(|old| Some(*old) != new) {
        writes = released(store, before, old, machines.iter().copied()).await?;
    }
    for fingerprint in machines {
        let contest = contest(store, to, after, fingerprint, now).await?;
        if contest.holding.is_some() {
            return Ok(Move::Taken(fingerprint.clone()));
        }
        writes.extend(contest.claimed());
    }
    Ok(Move::Claims(writes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::licence::{LicenceKey, LicenceStatus};
    use crate::licensing::seat::count_uses;
    use crate::licensing::{Preset, Scope, sample, validate};
    use crate::store::table::Update;

    fn licence() -> Licence {
        let seed = sample::seed(1);
        let id = seed.id("licence");
        Licence {
            id,
            key: LicenceKey::new(id, [7; 16]),
            owner: seed.id("owner"),
            listing: seed.id("listing"),
            partner: seed.id("partner"),
            order: None,
            status: LicenceStatus::Active,
            issued_at: sample::now(),
            tier: Preset::default(),
            custom: Some(Box::new(Policy {
                strict: false,
                ..sample::policy()
            })),
            grant: None,
            offer: None,
            subscription: None,
        }
    }

    /// Somebody reads the licence, keeps what they made of what they have read, or gives the money back.
    #[derive(Debug, Clone)]
    enum Step {
        Read(usize),
        Keep(usize),
        Refund,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (0..3_usize).prop_map(Step::Read),
            4 => (0..3_usize).prop_map(Step::Keep),
            1 => Just(Step::Refund),
        ];
        prop::collection::vec(step, 1..40)
    }

    async fn stored(store: &Store) -> Versioned<Licence> {
        let found = store.get(&keys::licence(licence().id)).await;
        found.expect("memory").expect("the licence")
    }

    async fn take(store: &Store, step: &Step, read: &mut [Option<Versioned<Licence>>; 3]) {
        match step {
            Step::Read(who) => read[*who] = Some(stored(store).await),
            Step::Keep(who) => {
                let Some(before) = read[*who].take() else { return };
                let Ok(next) = count_uses(&before.policy(), &before.granted(), 1, sample::now()) else {
                    return;
                };
                // Refused where somebody else was faster.
                let _kept = save(store, &before, &before.with(next), Room::Software, Vec::new()).await;
            }
            Step::Refund => {
                let revoked = Update::new().set_text("status", LicenceStatus::Revoked.to_string());
                let write = Write::update(keys::licence(licence().id), revoked);
                store.write(write).await.expect("memory");
            }
        }
    }

    proptest! {
        #[test]
        fn a_revoked_licence_never_validates_again_whoever_is_in_the_middle_of_a_change(steps in steps()) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            runtime.block_on(async {
                let store = Store::memory();
                let first = licence();
                store.write(Write::create(keys::licence(first.id), &first).expect("an item")).await.expect("memory");
                let (mut read, mut revoked) = ([None, None, None], false);
                for step in &steps {
                    take(&store, step, &mut read).await;
                    revoked |= matches!(step, Step::Refund);
                    let now = stored(&store).await;
                    let outcome = validate(&now.policy(), &now.granted(), &Scope::default(), sample::now());
                    prop_assert_eq!(outcome.valid, !revoked, "{}", outcome.detail);
                }
                Ok(())
            })?;
        }
    }
}
