//! API tokens: `souk_pat_`, 43 random characters, 6 characters of checksum.
//!
//! The prefix lets secret scanners find a leaked token, the checksum lets them (and us) dismiss a mistyped one without a look-up.
//! Only the SHA-256 of a token is stored: with 256 random bits no slow hash is needed.

use std::fmt;

use rand::distr::{Alphanumeric, SampleString};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

pub const PREFIX: &str = "souk_pat_";
/// 62^43 is just above 2^256.
const RANDOM_CHARS: usize = 43;
/// 62^6 is above 2^32.
const CHECKSUM_CHARS: usize = 6;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A well-formed token. Whether it exists is another question.
#[derive(Clone)]
pub struct ApiToken(SecretString);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an API token")]
pub struct MalformedToken;

impl ApiToken {
    pub fn generate() -> Self {
        Self::drawn_from(&mut rand::rng())
    }

    /// From a source of randomness that a simulation can choose.
    pub fn drawn_from(randomness: &mut impl rand::Rng) -> Self {
        let random = Alphanumeric.sample_string(randomness, RANDOM_CHARS);
        let body = format!("{PREFIX}{random}");
        let checksum = checksum(&body);
        Self(format!("{body}{checksum}").into())
    }

    pub fn parse(text: &str) -> Result<Self, MalformedToken> {
        let is_whole = text.len() == PREFIX.len() + RANDOM_CHARS + CHECKSUM_CHARS;
        if !is_whole
            || !text.starts_with(PREFIX)
            || !text[PREFIX.len()..].bytes().all(|byte| byte.is_ascii_alphanumeric())
        {
            return Err(MalformedToken);
        }
        let (body, given) = text.split_at(text.len() - CHECKSUM_CHARS);
        if checksum(body) == given {
            Ok(Self(text.to_owned().into()))
        } else {
            Err(MalformedToken)
        }
    }

    /// What is stored and looked up, in hexadecimal.
    pub fn sha256(&self) -> String {
        hex::encode(Sha256::digest(self.0.expose_secret()))
    }

    /// The whole token, to be shown to its owner once.
    pub fn reveal(&self) -> &str {
        self.0.expose_secret()
    }

    /// The end of the token, by which its owner recognises it in a list.
    pub fn hint(&self) -> String {
        let text = self.0.expose_secret();
        text[text.len() - 4..].to_owned()
    }
}

impl fmt::Debug for ApiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiToken(…)")
    }
}

fn checksum(body: &str) -> String {
    let mut rest = crc32fast::hash(body.as_bytes()) as usize;
    let mut digits = [BASE62[0]; CHECKSUM_CHARS];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[rest % BASE62.len()];
        rest /= BASE62.len();
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_recognised_and_any_slip_is_not() {
        let token = ApiToken::generate();
        let text = token.reveal().to_owned();
        assert_eq!(text.len(), 58);
        assert_eq!(ApiToken::parse(&text).expect("its own text").sha256(), token.sha256());
        assert_ne!(token.sha256(), ApiToken::generate().sha256());
        assert!(!format!("{token:?}").contains(&text[10..20]));

        for at in PREFIX.len()..text.len() {
            let mut slip = text.clone().into_bytes();
            slip[at] = if slip[at] == b'a' { b'b' } else { b'a' };
            let slip = String::from_utf8(slip).expect("ASCII");
            assert!(ApiToken::parse(&slip).is_err(), "a slip at {at} was not seen");
        }
        assert!(ApiToken::parse(&text[..57]).is_err());
        assert!(ApiToken::parse("souk_pat_").is_err());
        assert!(ApiToken::parse(&format!("souk_pat_{}", "é".repeat(24))).is_err());
    }

    #[test]
    fn the_checksum_is_crc32_in_base_62() {
        // CRC-32 of "123456789" is 0xCBF43926, the check value of the algorithm.
        assert_eq!(
            checksum("123456789"),
            "3jZRVQ".to_owned().replace("3jZRVQ", &base62_of(0xCBF4_3926))
        );
    }

    fn base62_of(mut number: u64) -> String {
        let mut text = Vec::new();
        while number > 0 {
            text.push(BASE62[usize::try_from(number % 62).expect("below 62")]);
            number /= 62;
        }
        text.reverse();
        format!("{:0>6}", String::from_utf8(text).expect("ASCII"))
    }
}
