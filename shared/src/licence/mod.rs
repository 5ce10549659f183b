//! Licences: what a customer holds after a sale, and the key that proves it.
//!
//! A [`Licence`] is the entitlement itself: who may use and download which listing, bought by which order. Its [`LicenceKey`] names the
//! licence and carries 128 bits of chance, so one read finds the licence and a constant-time comparison decides; nothing is looked up by secret.
//!
//! A licence carries the policy it was issued under: the name of a preset, or a partner's policy whole. So a validation stays one read, and a
//! policy that a partner makes later changes nothing that customers hold. A policy is never changed once it is made; a licence is put under
//! another one instead, by name and with an audit entry.

pub mod batch;
pub mod handover;
pub mod policies;

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::ids::{Id, LicenceId, ListingId, OrderId, PartnerId, SubscriptionId, UserId};
use crate::licensing::policy::{Expiry, ExpiryStrategy};
use crate::licensing::{Grant, Issue, Limits, Policy, Preset, Standing, lifecycle};

pub use batch::Batch;
pub use handover::Offer;
pub use policies::Terms;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Licence {
    pub id: LicenceId,
    pub key: LicenceKey,
    pub owner: UserId,
    pub listing: ListingId,
    pub partner: PartnerId,
    /// By what its owner bought it. Nothing: it was given or handed to them, or is a trial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderId>,
    pub status: LicenceStatus,
    pub issued_at: Timestamp,
    /// What it allows.
    #[serde(default)]
    pub tier: Preset,
    /// What it allows instead of its tier: a policy of the partner's own, as it was when the licence was put under it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom: Option<Box<Policy>>,
    /// Its standing and who holds its leases. Nothing: it is as it was issued, and nobody has used it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<Grant>,
    /// To whom its owner hands it on, once they accept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<Offer>,
    /// What pays for it, period by period; its term is that of the subscription.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription: Option<SubscribedBy>,
}

/// A subscription, and who pays for it: not always who holds the licence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscribedBy {
    pub customer: UserId,
    pub subscription: SubscriptionId,
}

impl Licence {
    /// What it allows. The licence of a subscription ends with what is paid for, whatever its policy leaves to those who have bought for
    /// good: its grace is the plan's, and already in its term.
    pub fn policy(&self) -> Policy {
        let custom = self.custom.as_deref().cloned();
        let policy = custom.unwrap_or_else(|| self.tier.policy());
        if self.subscription.is_none() {
            return policy;
        }
        Policy {
            expiry: Expiry {
                strategy: ExpiryStrategy::Restrict,
                grace_seconds: 0,
                ..policy.expiry
            },
            ..policy
        }
    }

    /// Its tier; nothing where a policy of the partner's own says what it allows.
    pub fn preset(&self) -> Option<Preset> {
        self.custom.is_none().then_some(self.tier)
    }

    /// The licence after what was decided about [`Licence::granted`]. That a sale was reversed is kept in the status alone, so that it can be
    /// undone.
    pub fn with(&self, grant: Grant) -> Self {
        let standing = match (self.status, &self.grant) {
            (LicenceStatus::Active, _) => grant.standing.clone(),
            (LicenceStatus::Revoked, None) => Standing::Good,
            (LicenceStatus::Revoked, Some(stored)) => stored.standing.clone(),
        };
        Self {
            grant: Some(Grant { standing, ..grant }),
            ..self.clone()
        }
    }

    /// What the licence server decides on. Where a refund or a lost dispute has revoked the licence, it is revoked, whatever else was decided.
    pub fn granted(&self) -> Grant {
        let issued = || {
            let issue = Issue {
                licence: self.id,
                product: self.listing,
                partner: self.partner,
                owner: self.owner,
                limits: Limits::default(),
                entitlements: BTreeSet::new(),
            };
            lifecycle::issue(&self.policy(), &issue, self.issued_at)
        };
        let grant = self.grant.clone().unwrap_or_else(issued);
        match self.status {
            LicenceStatus::Active => grant,
            LicenceStatus::Revoked => Grant {
                standing: Standing::Revoked { since: self.issued_at },
                ..grant
            },
        }
    }
}

/// ```text
///  active ──refund, lost dispute──▶ revoked
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum LicenceStatus {
    Active,
    Revoked,
}

/// `SOUK-` and eleven groups of five: Crockford's base 32 of the licence's UUID, 16 random bytes and a checksum.
///
/// The checksum (2 bytes of SHA-256) tells a mistyped key from an unknown one without asking the server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LicenceKey {
    licence: LicenceId,
    secret: [u8; 16],
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is not a licence key: it begins with SOUK- and has eleven groups of five letters and digits")]
pub struct InvalidKey;

/// 128 bits of chance for a new key.
pub fn secret() -> [u8; 16] {
    rand::random()
}

/// 96 bits of chance, to encrypt one file with.
pub fn nonce() -> [u8; 12] {
    rand::random()
}

const PREFIX: &str = "SOUK";
/// Crockford's alphabet: no I, L, O, U, so that nothing is mistaken for 1, 0 or a word.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const KEY_BYTES: usize = 34;
const KEY_CHARS: usize = 55;

impl LicenceKey {
    pub fn new(licence: LicenceId, secret: [u8; 16]) -> Self {
        Self { licence, secret }
    }

    /// The licence that the key claims to open.
    pub fn licence(&self) -> LicenceId {
        self.licence
    }

    /// In constant time: how long it takes says nothing about how much of the key was right.
    pub fn opens(&self, other: &Self) -> bool {
        self.licence == other.licence && bool::from(self.secret.ct_eq(&other.secret))
    }

    fn bytes(&self) -> [u8; KEY_BYTES] {
        let mut bytes = [0; KEY_BYTES];
        bytes[..16].copy_from_slice(self.licence.uuid().as_bytes());
        bytes[16..32].copy_from_slice(&self.secret);
        let check = checksum(&bytes[..32]);
        bytes[32..].copy_from_slice(&check);
        bytes
    }
}

fn checksum(bytes: &[u8]) -> [u8; 2] {
    let digest = Sha256::digest(bytes);
    [digest[0], digest[1]]
}

/// Five bits to a letter; the last letter is filled up with zeros.
fn encode(bytes: &[u8]) -> String {
    let bit = |i: usize| bytes.get(i / 8).map_or(0, |byte| (byte >> (7 - i % 8)) & 1);
    let letter = |n: usize| (0..5).fold(0, |value, b| value << 1 | usize::from(bit(5 * n + b)));
    (0..(bytes.len() * 8).div_ceil(5))
        .map(|n| char::from(ALPHABET[letter(n)]))
        .collect()
}

/// As people type it: any case, O for 0, I and L for 1, with or without hyphens.
fn decode(text: &str) -> Option<Vec<u8>> {
    let value = |c: char| {
        let c = match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        ALPHABET.iter().position(|&letter| char::from(letter) == c)
    };
    let values: Vec<usize> = text.chars().filter(|c| *c != '-').map(value).collect::<Option<_>>()?;
    let bit = |i: usize| (values[i / 5] >> (4 - i % 5)) & 1;
    let byte = |n: usize| (0..8).fold(0_u8, |byte, b| byte << 1 | u8::from(bit(8 * n + b) == 1));
    let bytes = (0..values.len() * 5 / 8).map(byte).collect();
    let padding_is_zero = (values.len() * 5 / 8 * 8..values.len() * 5).all(|i| bit(i) == 0);
    padding_is_zero.then_some(bytes)
}

impl fmt::Display for LicenceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        for (index, letter) in encode(&self.bytes()).chars().enumerate() {
            if index % 5 == 0 {
                f.write_str("-")?;
            }
            write!(f, "{letter}")?;
        }
        Ok(())
    }
}

/// A key is a secret: logs show which licence it opens, never how.
impl fmt::Debug for LicenceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LicenceKey({}, …)", self.licence)
    }
}

impl FromStr for LicenceKey {
    type Err = InvalidKey;
    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let text = text.trim();
        let head = text.get(..PREFIX.len()).ok_or(InvalidKey)?;
        let rest = text[PREFIX.len()..].trim_start_matches('-');
        if !head.eq_ignore_ascii_case(PREFIX) || rest.chars().filter(|c| *c != '-').count() != KEY_CHARS {
            return Err(InvalidKey);
        }
        let bytes: [u8; KEY_BYTES] = decode(rest).ok_or(InvalidKey)?.try_into().map_err(|_| InvalidKey)?;
        if bytes[32..] != checksum(&bytes[..32]) {
            return Err(InvalidKey);
        }
        let (mut uuid, mut secret) = ([0; 16], [0; 16]);
        uuid.copy_from_slice(&bytes[..16]);
        secret.copy_from_slice(&bytes[16..32]);
        Ok(Self::new(LicenceId::from_uuid(uuid::Uuid::from_bytes(uuid)), secret))
    }
}

impl TryFrom<String> for LicenceKey {
    type Error = InvalidKey;
    fn try_from(text: String) -> Result<Self, InvalidKey> {
        text.parse()
    }
}

impl From<LicenceKey> for String {
    fn from(key: LicenceKey) -> String {
        key.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;
    use proptest::prelude::*;

    fn key(secret: [u8; 16]) -> LicenceKey {
        let seed: Seed = "019a0000-0000-7000-8000-000000000000".parse().expect("a uuid");
        LicenceKey::new(seed.id("licence"), secret)
    }

    #[test]
    fn a_key_reads_back_however_it_is_typed() {
        let key = key([7; 16]);
        let text = key.to_string();
        assert_eq!(text.len(), 4 + 11 * 6);
        assert_eq!(text.parse(), Ok(key.clone()));
        assert_eq!(text.to_lowercase().parse(), Ok(key.clone()));
        assert_eq!(text.replace('-', "").parse(), Ok(key.clone()));
        assert_eq!(
            format!(" {} ", text.replace('1', "l").replace('0', "o")).parse(),
            Ok(key)
        );
    }

    #[test]
    fn what_is_not_a_key_is_told_apart() {
        let text = key([7; 16]).to_string();
        for wrong in [
            "",
            "SOUK",
            "SOUK-",
            "KUOS-AAAAA",
            &text[..60],
            &text.replace("SOUK", "SÖUK"),
            &format!("{text}A"),
        ] {
            assert_eq!(wrong.parse::<LicenceKey>(), Err(InvalidKey), "{wrong}");
        }
        assert!(!key([7; 16]).opens(&key([8; 16])));
        assert!(key([7; 16]).opens(&key([7; 16])));
        assert!(!format!("{:?}", key([7; 16])).contains(&text[40..]));
    }

    proptest! {
        #[test]
        fn every_key_survives_and_every_single_slip_is_noticed(secret: [u8; 16], at in 5_usize..70, with in 0_usize..32) {
            let key = key(secret);
            let text = key.to_string();
            prop_assert_eq!(text.parse(), Ok(key));
            let mut slip = text.clone().into_bytes();
            let letter = ALPHABET[with];
            prop_assume!(slip[at] != b'-' && slip[at] != letter);
            slip[at] = letter;
            // 16 bits of checksum: one slip in 65,536 may pass as another key, which then opens nothing.
            if let Ok(other) = String::from_utf8(slip).expect("ascii").parse::<LicenceKey>() {
                prop_assert!(!other.opens(&text.parse().expect("a key")));
            }
        }

        #[test]
        fn no_text_makes_the_reader_panic(text: String) {
            let _ = text.parse::<LicenceKey>();
        }
    }
}
