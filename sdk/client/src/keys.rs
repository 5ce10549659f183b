//! The public keys that files are verified with: each has an id, so that keys can be replaced while files by the old one are still about.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_dalek::{Signature, VerifyingKey};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// One Ed25519 public key and the id by which files name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    id: String,
    key: VerifyingKey,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPublicKey {
    #[error("a public key is 64 hexadecimal digits, or a JSON Web Key of type OKP and curve Ed25519")]
    Malformed,
    #[error("these 32 bytes are no Ed25519 public key, or one that anybody can sign for")]
    Weak,
    #[error("there is no public key")]
    Missing,
}

impl PublicKey {
    /// A key under the id that Souk gives it: its thumbprint (RFC 7638, RFC 8037).
    pub fn new(bytes: &[u8; 32]) -> Result<Self, InvalidPublicKey> {
        Self::named(thumbprint(bytes), bytes)
    }

    /// A key under an id of the application's own.
    pub fn named(id: impl Into<String>, bytes: &[u8; 32]) -> Result<Self, InvalidPublicKey> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| InvalidPublicKey::Weak)?;
        // For a point of small order there are signatures that fit every message.
        if key.is_weak() {
            return Err(InvalidPublicKey::Weak);
        }
        Ok(Self { id: id.into(), key })
    }

    /// As Keygen's dashboards and clients write it: 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Result<Self, InvalidPublicKey> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(InvalidPublicKey::Malformed);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = hex_digit(pair[0])? << 4 | hex_digit(pair[1])?;
        }
        Self::new(&bytes)
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// The strict check of RFC 8032: one message, one key, one signature.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.key
            .verify_strict(message, &Signature::from_bytes(signature))
            .is_ok()
    }
}

fn hex_digit(digit: u8) -> Result<u8, InvalidPublicKey> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(InvalidPublicKey::Malformed),
    }
}

/// The id of a key that was given none: SHA-256 over the key as canonical JSON, in base64url.
pub(crate) fn thumbprint(bytes: &[u8; 32]) -> String {
    let x = Base64UrlUnpadded::encode_string(bytes);
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    Base64UrlUnpadded::encode_string(&Sha256::digest(members))
}

/// The keys that an application trusts.
///
/// An application is shipped with today's key and, where there is one, tomorrow's. A file names the key it was signed by; where that one is
/// not in the set under this name, every key is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySet {
    keys: Vec<PublicKey>,
}

impl From<PublicKey> for KeySet {
    fn from(key: PublicKey) -> Self {
        Self { keys: Vec::from([key]) }
    }
}

impl KeySet {
    pub fn new(keys: impl IntoIterator<Item = PublicKey>) -> Result<Self, InvalidPublicKey> {
        let keys: Vec<PublicKey> = keys.into_iter().collect();
        if keys.is_empty() {
            return Err(InvalidPublicKey::Missing);
        }
        Ok(Self { keys })
    }

    /// Keys as text: what Souk publishes (a JSON Web Key Set, RFC 7517), or hexadecimal keys with white space or commas between.
    ///
    /// Keys of other kinds in a key set are passed over.
    pub fn parse(text: &str) -> Result<Self, InvalidPublicKey> {
        let text = text.trim();
        if text.starts_with('{') {
            return Self::from_json(text);
        }
        let words = text.split(|c: char| c.is_ascii_whitespace() || c == ',');
        let keys: Result<Vec<PublicKey>, _> = words.filter(|word| !word.is_empty()).map(PublicKey::from_hex).collect();
        Self::new(keys?)
    }

    fn from_json(text: &str) -> Result<Self, InvalidPublicKey> {
        let set: JsonKeySet = serde_json::from_str(text).map_err(|_| InvalidPublicKey::Malformed)?;
        let usable = set
            .keys
            .into_iter()
            .filter(|key| key.kty == "OKP" && key.crv.as_deref() == Some("Ed25519"));
        let keys: Result<Vec<PublicKey>, _> = usable.map(PublicKey::try_from).collect();
        Self::new(keys?)
    }

    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    pub(crate) fn named(&self, id: &str) -> Option<&PublicKey> {
        self.keys.iter().find(|key| key.id == id)
    }
}

#[derive(Deserialize)]
struct JsonKeySet {
    keys: Vec<JsonKey>,
}

#[derive(Deserialize)]
struct JsonKey {
    kty: String,
    crv: Option<String>,
    kid: Option<String>,
    x: Option<String>,
}

impl TryFrom<JsonKey> for PublicKey {
    type Error = InvalidPublicKey;
    fn try_from(key: JsonKey) -> Result<Self, InvalidPublicKey> {
        let mut bytes = [0; 32];
        let x = key.x.ok_or(InvalidPublicKey::Malformed)?;
        let length = Base64UrlUnpadded::decode(&x, &mut bytes)
            .map_err(|_| InvalidPublicKey::Malformed)?
            .len();
        if length != bytes.len() {
            return Err(InvalidPublicKey::Malformed);
        }
        match key.kid {
            Some(id) => Self::named(id, &bytes),
            None => Self::new(&bytes),
        }
    }
}

impl core::str::FromStr for KeySet {
    type Err = InvalidPublicKey;
    fn from_str(text: &str) -> Result<Self, InvalidPublicKey> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8037, appendix A.
    const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    const HEX: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

    #[test]
    fn the_thumbprint_is_the_one_of_the_rfc() {
        let key = PublicKey::from_hex(HEX).unwrap();
        assert_eq!(key.id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn a_published_key_set_and_hexadecimal_digits_are_the_same_key() {
        let other = r#"{"kty":"EC","crv":"P-256","x":"AA","kid":"e"}"#;
        let set = format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","x":"{X}"}},{other}]}}"#);
        assert_eq!(KeySet::parse(&set), KeySet::parse(HEX));
        assert_eq!(KeySet::parse(&set).unwrap().keys().len(), 1);
        let two = KeySet::parse(&format!(" {HEX},\n{}\n", HEX.to_uppercase())).unwrap();
        assert_eq!(two.keys().len(), 2);
        let named = set.replace(r#""alg":"EdDSA""#, r#""kid":"2026""#);
        assert_eq!(KeySet::parse(&named).unwrap().keys()[0].id(), "2026");
    }

    #[track_caller]
    fn refused(text: &str, error: InvalidPublicKey) {
        assert_eq!(KeySet::parse(text), Err(error), "{text}");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        refused("", InvalidPublicKey::Missing);
        refused(" ,\n", InvalidPublicKey::Missing);
        refused(r#"{"keys":[]}"#, InvalidPublicKey::Missing);
        refused("{", InvalidPublicKey::Malformed);
        refused(&HEX[..62], InvalidPublicKey::Malformed);
        refused(&HEX.replace('d', "g"), InvalidPublicKey::Malformed);
        refused(&HEX.replace("d7", "é"), InvalidPublicKey::Malformed);
        refused(
            &format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","x":"{}"}}]}}"#, &X[..40]),
            InvalidPublicKey::Malformed,
        );
        refused(
            r#"{"keys":[{"kty":"OKP","crv":"Ed25519"}]}"#,
            InvalidPublicKey::Malformed,
        );
        // The neutral element: anybody can sign for it.
        refused(&format!("01{}", "00".repeat(31)), InvalidPublicKey::Weak);
    }
}
