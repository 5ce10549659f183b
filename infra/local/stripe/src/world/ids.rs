//! Ids in Stripe's manner: a prefix and a random tail. Unlike in every run, so that objects of two runs never meet.

use std::hash::{BuildHasher, Hasher, RandomState};

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

pub(super) struct Ids {
    state: u64,
}

impl Ids {
    /// Seeded from the operating system's randomness, as std's hash maps are.
    pub(super) fn new() -> Self {
        Self {
            state: RandomState::new().build_hasher().finish(),
        }
    }

    pub(super) fn next(&mut self, prefix: &str, length: usize) -> String {
        let mut id = format!("{prefix}_");
        for _ in 0..length {
            let index = usize::try_from(self.random() % 62).unwrap_or_default();
            id.push(char::from(ALPHABET[index]));
        }
        id
    }

    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        scramble(self.state)
    }
}

/// The finishing step of SplitMix64 (Steele, Lea, Flood 2014): spreads any number over all 64 bits.
pub(crate) fn scramble(number: u64) -> u64 {
    let mut mixed = number;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
