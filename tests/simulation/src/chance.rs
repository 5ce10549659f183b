//! The one source of randomness of a run: the same seed makes the same choices.

use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use shared::auth::ApiToken;
use shared::seed::Seed;

#[derive(Debug)]
pub(crate) struct Chance(StdRng);

impl Chance {
    /// `stream` separates what must not influence each other: a scenario stays the same however its faults fall.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        bytes[8..16].copy_from_slice(&stream.to_le_bytes());
        Self(StdRng::from_seed(bytes))
    }

    /// A number from 0 up to, not including, `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0.random_range(0..bound)
    }

    pub(crate) fn between(&mut self, first: i64, last: i64) -> i64 {
        self.0.random_range(first..=last)
    }

    pub(crate) fn percent(&mut self, chance: u32) -> bool {
        self.0.random_range(0..100) < chance
    }

    pub(crate) fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    /// One of the choices, each as likely as its weight.
    pub(crate) fn weighted<T>(&mut self, choices: Vec<(usize, T)>) -> Option<T> {
        let total: usize = choices.iter().map(|(weight, _)| weight).sum();
        let mut left = if total == 0 { return None } else { self.below(total) };
        choices.into_iter().find_map(|(weight, choice)| {
            if left < weight {
                return Some(choice);
            }
            left -= weight;
            None
        })
    }

    pub(crate) fn api_token(&mut self) -> ApiToken {
        ApiToken::drawn_from(&mut self.0)
    }

    /// A seed for work that begins at `now`, as `Seed::fresh` would make it.
    pub(crate) fn seed(&mut self, now: Timestamp) -> Seed {
        let (a, b): (u16, u64) = (self.0.random(), self.0.random());
        let text = format!("{:012x}7{:03x}8{:015x}", now.as_millisecond(), a >> 4, b >> 4);
        text.parse().expect("32 hexadecimal digits are a UUID")
    }
}
