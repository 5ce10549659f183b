//! Licence files and machine files: a licence as a signed text, for machines without a network.
//!
//! The format is Keygen's, so that its clients verify Souk's files and this one verifies Keygen's. A file is believed when one of the trusted
//! keys signed exactly this text, when it opens with the licence key (and the fingerprint, for a machine's file), and while it lasts.

mod payload;

pub use payload::{Meta, Payload};

use alloc::string::String;
use core::ops::Deref;

use jiff::{SignedDuration, Timestamp};
use subtle::ConstantTimeEq;

use crate::certificate::{Algorithm, Certificate, Kind, Sealed, Secret, read_plain};
use crate::clock::{self, CLOCK_TOLERANCE};
use crate::key;
use crate::keys::{KeySet, PublicKey};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The text is not such a file: cut off, changed on the way, or something else altogether.
    #[error("this is not a file of this kind: {0}")]
    Malformed(&'static str),
    /// It is signed or encrypted in a way that this version does not know, or that is none.
    #[error("the algorithm of the file is not supported")]
    UnsupportedAlgorithm,
    /// Signed by a key that is not trusted, or not known yet.
    #[error("the file names the key {kid:?}, and no trusted key fits")]
    UnknownKey { kid: String },
    /// The signature is not one of the trusted keys' for this text.
    #[error("the signature does not fit the file")]
    Forged,
    /// Genuine, but not for this licence key; of a machine's file: or not for this fingerprint.
    #[error("the file does not open with this licence key, or not on this machine")]
    Undecryptable,
    /// Genuine, but for another licence key.
    #[error("the file is for another licence key")]
    WrongLicence,
    /// Genuine, but for another machine.
    #[error("the file is for another machine")]
    WrongMachine,
    /// Made later than now: the clock is behind, or has been put back.
    #[error("the file was made at {issued}, which is yet to come")]
    NotYetValid { issued: Timestamp },
    #[error("the file ended at {expiry}: fetch a new one")]
    Expired { expiry: Timestamp },
}

/// Verifies files with the keys that an application trusts.
#[derive(Debug, Clone)]
pub struct Verifier {
    keys: KeySet,
    tolerance: SignedDuration,
}

impl Verifier {
    pub fn new(keys: impl Into<KeySet>) -> Self {
        Self {
            keys: keys.into(),
            tolerance: CLOCK_TOLERANCE,
        }
    }

    /// How much before its making a file may be used; [`CLOCK_TOLERANCE`] unless told otherwise. Its end is never moved.
    #[must_use]
    pub fn tolerating(mut self, tolerance: SignedDuration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// A licence file, for this key as the server takes it: in any case, with or without hyphens. Without a key only a plain one opens, and for whom it is stays to be compared.
    pub fn licence_file<'a>(
        &self,
        file: &str,
        key: impl Into<Option<&'a str>>,
        now: Timestamp,
    ) -> Result<LicenceFile, VerifyError> {
        let key = key.into();
        let payload = self.open(Kind::Licence, file, key, None, now)?;
        Ok(LicenceFile { payload })
    }

    /// A machine's file: for this fingerprint and no other.
    pub fn machine_file<'a>(
        &self,
        file: &str,
        key: impl Into<Option<&'a str>>,
        fingerprint: &str,
        now: Timestamp,
    ) -> Result<MachineFile, VerifyError> {
        let payload = self.open(Kind::Machine, file, key.into(), Some(fingerprint), now)?;
        Ok(MachineFile { payload })
    }

    /// Nothing of what a file says is looked at before its signature is; its times come last, so that they are those of a file that fits.
    fn open(
        &self,
        kind: Kind,
        file: &str,
        key: Option<&str>,
        fingerprint: Option<&str>,
        now: Timestamp,
    ) -> Result<Payload, VerifyError> {
        let key = key.map(key::as_issued);
        let key = key.as_deref();
        let certificate = Certificate::read(kind, file).map_err(VerifyError::Malformed)?;
        let algorithm = Algorithm::of(&certificate.alg).ok_or(VerifyError::UnsupportedAlgorithm)?;
        self.signer(kind, &certificate)?;
        let json = match algorithm {
            Algorithm::Plain => read_plain(&certificate.enc).ok_or(VerifyError::Malformed("enc is not base64"))?,
            Algorithm::Encrypted => {
                let sealed = Sealed::read(&certificate.enc);
                let sealed = sealed.ok_or(VerifyError::Malformed("enc is not ciphertext, nonce and tag"))?;
                let secret = Secret::new(key.ok_or(VerifyError::Undecryptable)?, fingerprint);
                secret.open(&sealed).ok_or(VerifyError::Undecryptable)?
            }
        };
        let payload = Payload::read(kind, json).map_err(VerifyError::Malformed)?;
        // The name of the key is signed too, where Souk made the file, so that no part of a file can be changed.
        if payload.meta.kid.is_some() && payload.meta.kid != certificate.kid {
            return Err(VerifyError::Forged);
        }
        if let (Some(expected), Some(stated)) = (key, payload.key())
            && !same(expected, stated)
        {
            return Err(VerifyError::WrongLicence);
        }
        if let Some(fingerprint) = fingerprint {
            let bound = payload.fingerprint();
            let bound = bound.ok_or(VerifyError::Malformed("it names no fingerprint"))?;
            if !same(bound, fingerprint) {
                return Err(VerifyError::WrongMachine);
            }
        }
        self.in_time(&payload.meta, now)?;
        Ok(payload)
    }

    /// The key that signed it: the one that it names, else any.
    fn signer(&self, kind: Kind, certificate: &Certificate) -> Result<&PublicKey, VerifyError> {
        let signature = certificate
            .signature()
            .ok_or(VerifyError::Malformed("sig is not 64 bytes in base64"))?;
        let message = Certificate::message(kind, &certificate.enc);
        let fits = |key: &&PublicKey| key.verifies(&message, &signature);
        let Some(kid) = certificate.kid.as_deref() else {
            return self.keys.keys().iter().find(fits).ok_or(VerifyError::Forged);
        };
        match self.keys.named(kid) {
            Some(key) => Some(key).filter(fits).ok_or(VerifyError::Forged),
            None => self
                .keys
                .keys()
                .iter()
                .find(fits)
                .ok_or_else(|| VerifyError::UnknownKey { kid: kid.into() }),
        }
    }

    fn in_time(&self, meta: &Meta, now: Timestamp) -> Result<(), VerifyError> {
        if clock::is_before(now, meta.issued, self.tolerance) {
            return Err(VerifyError::NotYetValid { issued: meta.issued });
        }
        match meta.expiry {
            Some(expiry) if now > expiry => Err(VerifyError::Expired { expiry }),
            _ => Ok(()),
        }
    }
}

/// In constant time: how long it takes says nothing about how much of it was right.
fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

/// A licence file that was verified.
#[derive(Debug, Clone, PartialEq)]
pub struct LicenceFile {
    payload: Payload,
}

impl Deref for LicenceFile {
    type Target = Payload;
    fn deref(&self) -> &Payload {
        &self.payload
    }
}

/// A machine's file that was verified, on that machine.
#[derive(Debug, Clone, PartialEq)]
pub struct MachineFile {
    payload: Payload,
}

impl Deref for MachineFile {
    type Target = Payload;
    fn deref(&self) -> &Payload {
        &self.payload
    }
}

impl From<LicenceFile> for Payload {
    fn from(file: LicenceFile) -> Self {
        file.payload
    }
}

impl From<MachineFile> for Payload {
    fn from(file: MachineFile) -> Self {
        file.payload
    }
}
