//! The envelope of a file: the armour, the JSON object within it, what is signed, and what it is encrypted with.
//!
//! ```text
//! -----BEGIN LICENSE FILE-----
//! base64 of {"enc": …, "sig": …, "alg": …, "kid": …}
//! -----END LICENSE FILE-----
//! ```
//!
//! The signature is over `license/` or `machine/` and `enc`. That is Keygen's published format, spelling included; `kid` is Souk's, and other
//! clients pass it over.

#[cfg(feature = "issue")]
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use base64ct::{Base64, Encoding};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Files are some kilobytes. A longer one is refused before it costs anything.
pub(crate) const MAX_FILE_BYTES: usize = 1 << 20;
const TAG_BYTES: usize = 16;
pub(crate) const NONCE_BYTES: usize = 12;
/// As long as the lines of Keygen's files.
#[cfg(feature = "issue")]
const LINE_CHARS: usize = 60;

/// What a file is about. A signature for one kind is none for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Licence,
    Machine,
}

impl Kind {
    fn begin(self) -> &'static str {
        match self {
            Kind::Licence => "-----BEGIN LICENSE FILE-----",
            Kind::Machine => "-----BEGIN MACHINE FILE-----",
        }
    }

    fn end(self) -> &'static str {
        match self {
            Kind::Licence => "-----END LICENSE FILE-----",
            Kind::Machine => "-----END MACHINE FILE-----",
        }
    }

    fn prefix(self) -> &'static str {
        match self {
            Kind::Licence => "license/",
            Kind::Machine => "machine/",
        }
    }

    /// The JSON:API type of what the file describes.
    pub(crate) fn resource(self) -> &'static str {
        match self {
            Kind::Licence => "licenses",
            Kind::Machine => "machines",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Plain,
    Encrypted,
}

impl Algorithm {
    const PLAIN: &str = "base64+ed25519";
    const ENCRYPTED: &str = "aes-256-gcm+ed25519";

    #[cfg(feature = "issue")]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Algorithm::Plain => Self::PLAIN,
            Algorithm::Encrypted => Self::ENCRYPTED,
        }
    }

    pub(crate) fn of(name: &str) -> Option<Self> {
        match name {
            Self::PLAIN => Some(Algorithm::Plain),
            Self::ENCRYPTED => Some(Algorithm::Encrypted),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Certificate {
    pub(crate) enc: String,
    pub(crate) sig: String,
    pub(crate) alg: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kid: Option<String>,
}

impl Certificate {
    /// From a file's text, with any line ends and white space around it. What is wrong with it is told in words.
    pub(crate) fn read(kind: Kind, file: &str) -> Result<Self, &'static str> {
        if file.len() > MAX_FILE_BYTES {
            return Err("it is longer than a megabyte");
        }
        let armoured = file.trim_ascii().strip_prefix(kind.begin());
        let armoured = armoured.and_then(|rest| rest.strip_suffix(kind.end()));
        let armoured = armoured.ok_or("it does not begin and end as such a file does")?;
        let base64: Vec<u8> = armoured
            .bytes()
            .filter(|byte| !matches!(byte, b'\n' | b'\r' | b' ' | b'\t'))
            .collect();
        let json = decode(&base64).ok_or("what stands between its first and last line is not base64")?;
        serde_json::from_slice(&json).map_err(|_| "it is not a JSON object with enc, sig and alg")
    }

    #[cfg(feature = "issue")]
    pub(crate) fn write(&self, kind: Kind) -> Result<String, serde_json::Error> {
        let base64 = Base64::encode_string(&serde_json::to_vec(self)?);
        let mut file = format!("{}\n", kind.begin());
        let mut rest = base64.as_str();
        while !rest.is_empty() {
            let (line, after) = rest.split_at(LINE_CHARS.min(rest.len()));
            file.push_str(line);
            file.push('\n');
            rest = after;
        }
        file.push_str(kind.end());
        file.push('\n');
        Ok(file)
    }

    pub(crate) fn message(kind: Kind, enc: &str) -> Vec<u8> {
        [kind.prefix().as_bytes(), enc.as_bytes()].concat()
    }

    pub(crate) fn signature(&self) -> Option<[u8; 64]> {
        decode(self.sig.as_bytes())?.try_into().ok()
    }
}

fn decode(base64: &[u8]) -> Option<Vec<u8>> {
    Base64::decode_vec(core::str::from_utf8(base64).ok()?).ok()
}

/// What encrypts a file: the licence key, and for a machine's file its fingerprint behind it.
///
/// No slow derivation is needed: a licence key has at least 128 bits of chance.
pub(crate) struct Secret(Aes256Gcm);

impl Secret {
    pub(crate) fn new(key: &str, fingerprint: Option<&str>) -> Self {
        let mut hash = Sha256::new();
        hash.update(key);
        hash.update(fingerprint.unwrap_or_default());
        Self(Aes256Gcm::new(&hash.finalize()))
    }

    /// `enc` of an encrypted file: ciphertext, nonce and tag, each in base64, with points between.
    #[cfg(feature = "issue")]
    pub(crate) fn seal(&self, mut payload: Vec<u8>, nonce: [u8; NONCE_BYTES]) -> Result<String, aes_gcm::Error> {
        let tag = self
            .0
            .encrypt_inout_detached(&Nonce::from(nonce), &[], payload.as_mut_slice().into())?;
        Ok([payload.as_slice(), &nonce, &tag].map(Base64::encode_string).join("."))
    }

    /// The payload, where this is the secret that sealed it. The tag is compared in constant time.
    pub(crate) fn open(&self, enc: &Sealed) -> Option<Vec<u8>> {
        let mut payload = enc.ciphertext.clone();
        let opened = self.0.decrypt_inout_detached(
            &Nonce::from(enc.nonce),
            &[],
            payload.as_mut_slice().into(),
            &enc.tag.into(),
        );
        opened.ok().map(|()| payload)
    }
}

/// The three parts of an encrypted `enc`.
pub(crate) struct Sealed {
    ciphertext: Vec<u8>,
    nonce: [u8; NONCE_BYTES],
    tag: [u8; TAG_BYTES],
}

impl Sealed {
    pub(crate) fn read(enc: &str) -> Option<Self> {
        let mut parts = enc.split('.').map(|part| decode(part.as_bytes()));
        let (ciphertext, nonce, tag) = (parts.next()??, parts.next()??, parts.next()??);
        match parts.next() {
            Some(_) => None,
            None => Some(Self {
                ciphertext,
                nonce: nonce.try_into().ok()?,
                tag: tag.try_into().ok()?,
            }),
        }
    }
}

/// `enc` of a plain file.
pub(crate) fn read_plain(enc: &str) -> Option<Vec<u8>> {
    decode(enc.as_bytes())
}

#[cfg(feature = "issue")]
pub(crate) fn write_plain(payload: &[u8]) -> String {
    Base64::encode_string(payload)
}
