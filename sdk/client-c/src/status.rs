//! What the functions answer with. The numbers are for ever: programs are built with them.

use std::ffi::{CStr, NulError};

use souk_client::clock::ClockRolledBack;
use souk_client::fingerprint::FingerprintError;
#[cfg(feature = "online")]
use souk_client::online::ClientError;
use souk_client::{InvalidPublicKey, VerifyError};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum Status {
    Ok = 0,
    InvalidArgument = 1,
    InvalidPublicKey = 2,
    Malformed = 3,
    UnsupportedAlgorithm = 4,
    UnknownKey = 5,
    Forged = 6,
    Undecryptable = 7,
    WrongLicence = 8,
    WrongMachine = 9,
    NotYetValid = 10,
    Expired = 11,
    ClockRolledBack = 12,
    NoFingerprint = 13,
    Internal = 14,
    Refused = 15,
    Denied = 16,
    Unreachable = 17,
    NotTheMarketplace = 18,
    Offline = 19,
}

impl Status {
    pub const ALL: [Status; 20] = [
        Status::Ok,
        Status::InvalidArgument,
        Status::InvalidPublicKey,
        Status::Malformed,
        Status::UnsupportedAlgorithm,
        Status::UnknownKey,
        Status::Forged,
        Status::Undecryptable,
        Status::WrongLicence,
        Status::WrongMachine,
        Status::NotYetValid,
        Status::Expired,
        Status::ClockRolledBack,
        Status::NoFingerprint,
        Status::Internal,
        Status::Refused,
        Status::Denied,
        Status::Unreachable,
        Status::NotTheMarketplace,
        Status::Offline,
    ];

    /// As the header names it.
    pub fn name(self) -> &'static str {
        match self {
            Status::Ok => "SOUK_OK",
            Status::InvalidArgument => "SOUK_INVALID_ARGUMENT",
            Status::InvalidPublicKey => "SOUK_INVALID_PUBLIC_KEY",
            Status::Malformed => "SOUK_MALFORMED",
            Status::UnsupportedAlgorithm => "SOUK_UNSUPPORTED_ALGORITHM",
            Status::UnknownKey => "SOUK_UNKNOWN_KEY",
            Status::Forged => "SOUK_FORGED",
            Status::Undecryptable => "SOUK_UNDECRYPTABLE",
            Status::WrongLicence => "SOUK_WRONG_LICENCE",
            Status::WrongMachine => "SOUK_WRONG_MACHINE",
            Status::NotYetValid => "SOUK_NOT_YET_VALID",
            Status::Expired => "SOUK_EXPIRED",
            Status::ClockRolledBack => "SOUK_CLOCK_ROLLED_BACK",
            Status::NoFingerprint => "SOUK_NO_FINGERPRINT",
            Status::Internal => "SOUK_INTERNAL",
            Status::Refused => "SOUK_REFUSED",
            Status::Denied => "SOUK_DENIED",
            Status::Unreachable => "SOUK_UNREACHABLE",
            Status::NotTheMarketplace => "SOUK_NOT_THE_MARKETPLACE",
            Status::Offline => "SOUK_OFFLINE",
        }
    }

    pub(crate) fn message_of(status: i32) -> &'static CStr {
        let known = Self::ALL.into_iter().find(|known| *known as i32 == status);
        known.map_or(c"there is no such status", Status::message)
    }

    fn message(self) -> &'static CStr {
        match self {
            Status::Ok => c"all is well",
            Status::InvalidArgument => c"an argument is null, not UTF-8, too small or out of range",
            Status::InvalidPublicKey => c"the public keys are neither a JSON Web Key Set nor hexadecimal digits",
            Status::Malformed => c"this is not a file of this kind, or not all of it",
            Status::UnsupportedAlgorithm => c"the algorithm of the file is not supported",
            Status::UnknownKey => c"the file names a key that is not trusted",
            Status::Forged => c"the signature does not fit the file",
            Status::Undecryptable => c"the file does not open with this licence key, or not on this machine",
            Status::WrongLicence => c"the file is for another licence key",
            Status::WrongMachine => c"the file is for another machine",
            Status::NotYetValid => c"the file was made later than now: the clock is behind",
            Status::Expired => c"the file has ended: fetch a new one",
            Status::ClockRolledBack => c"the clock was put back",
            Status::NoFingerprint => c"the system does not say which machine this is, or the salt is empty",
            Status::Internal => c"a mistake of this library",
            Status::Refused => c"the marketplace refuses, such as when no seat is free",
            Status::Denied => c"the licence key opens nothing (any more), or there is no such machine",
            Status::Unreachable => c"the marketplace cannot be reached, or is busy",
            Status::NotTheMarketplace => c"somebody else answers in the marketplace's place",
            Status::Offline => c"the marketplace cannot be reached, and nothing stands in for its answer",
        }
    }
}

impl From<VerifyError> for Status {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Malformed(_) => Status::Malformed,
            VerifyError::UnsupportedAlgorithm => Status::UnsupportedAlgorithm,
            VerifyError::UnknownKey { .. } => Status::UnknownKey,
            VerifyError::Forged => Status::Forged,
            VerifyError::Undecryptable => Status::Undecryptable,
            VerifyError::WrongLicence => Status::WrongLicence,
            VerifyError::WrongMachine => Status::WrongMachine,
            VerifyError::NotYetValid { .. } => Status::NotYetValid,
            VerifyError::Expired { .. } => Status::Expired,
            // What a newer verifier refuses for a reason that has no number yet is refused all the same.
            _ => Status::Internal,
        }
    }
}

impl From<InvalidPublicKey> for Status {
    fn from(_: InvalidPublicKey) -> Self {
        Status::InvalidPublicKey
    }
}

impl From<FingerprintError> for Status {
    fn from(_: FingerprintError) -> Self {
        Status::NoFingerprint
    }
}

impl From<ClockRolledBack> for Status {
    fn from(_: ClockRolledBack) -> Self {
        Status::ClockRolledBack
    }
}

#[cfg(feature = "online")]
impl From<&ClientError> for Status {
    fn from(error: &ClientError) -> Self {
        match error {
            ClientError::Settings(_) => Status::InvalidArgument,
            ClientError::Offline { .. } => Status::Offline,
            ClientError::ClockRolledBack(_) => Status::ClockRolledBack,
            ClientError::NotTheMarketplace { .. } => Status::NotTheMarketplace,
            error if error.is_denial() => Status::Denied,
            error if error.is_unreachable() => Status::Unreachable,
            ClientError::Refused(_) => Status::Refused,
            // What a newer client fails with that has no number yet.
            _ => Status::Internal,
        }
    }
}

/// JSON has no zero bytes.
impl From<NulError> for Status {
    fn from(_: NulError) -> Self {
        Status::Malformed
    }
}
