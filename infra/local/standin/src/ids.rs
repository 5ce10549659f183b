//! Random texts. Unlike in every run, so that objects of two runs never meet, unless a seed is given.

use std::hash::{BuildHasher, Hasher, RandomState};

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

#[derive(Debug)]
pub struct Ids {
    state: u64,
}

/// Seeded from the operating system's randomness, as std's hash maps are.
impl Default for Ids {
    fn default() -> Self {
        Self {
            state: RandomState::new().build_hasher().finish(),
        }
    }
}

impl Ids {
    /// The same texts in every run.
    pub fn seeded(seed: u64) -> Self {
        Self { state: seed }
    }

    /// So many letters and digits.
    pub fn mixed(&mut self, length: usize) -> String {
        self.text(ALPHABET, length)
    }

    /// So many digits and capital letters.
    pub fn capital(&mut self, length: usize) -> String {
        self.text(&ALPHABET[..36], length)
    }

    /// So many digits.
    pub fn digits(&mut self, length: usize) -> String {
        self.text(&ALPHABET[..10], length)
    }

    fn text(&mut self, alphabet: &[u8], length: usize) -> String {
        let mut letter = || {
            let index = usize::try_from(self.random()).unwrap_or_default() % alphabet.len();
            char::from(alphabet[index])
        };
        (0..length).map(|_| letter()).collect()
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
