//! The files that Souk's licensing function answered in its own tests, verified by the public crate `keygen-rs`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keygen_rs::errors::Error;
use keygen_rs::license::LicenseFileAlgorithm;
use keygen_rs::license_file::{LicenseFile, LicenseFileDataset};

const PLAIN: &str = include_str!("recorded/plain.lic");
const ENCRYPTED: &str = include_str!("recorded/encrypted.lic");

fn key() -> &'static str {
    include_str!("recorded/licence-key").trim()
}

/// In hexadecimal, as the other library is told of it; Souk publishes it in base64url.
fn signing_key() -> String {
    let key = include_str!("recorded/signing-key").trim();
    let key = URL_SAFE_NO_PAD.decode(key).unwrap();
    key.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A file ends after a year at most. One that has ended is as genuine as it was.
fn read(verified: Result<LicenseFileDataset, Error>) -> LicenseFileDataset {
    match verified {
        Ok(dataset) => dataset,
        Err(Error::LicenseFileExpired(dataset)) => *dataset,
        Err(error) => panic!("{error:?}"),
    }
}

fn check(dataset: &LicenseFileDataset) {
    assert_eq!(dataset.license.id, "lic_01kaf8wcw0ee2v9sp5d7xw1n2p");
    assert_eq!(dataset.license.key, key());
    assert_eq!(dataset.ttl, 365 * 24 * 3600);
}

#[test]
fn what_the_function_has_issued_is_verified() {
    let file = theirs(PLAIN);
    check(&read(file.verify_and_decode(&signing_key(), LicenseFileAlgorithm::Base64Ed25519)));
    let file = theirs(ENCRYPTED);
    let algorithm = LicenseFileAlgorithm::Aes256GcmEd25519;
    check(&read(file.verify_and_decrypt(&signing_key(), key(), algorithm)));
}

#[test]
fn under_another_key_it_is_not() {
    let other = "00".repeat(32);
    let file = theirs(PLAIN);
    let forged = file.verify_and_decode(&other, LicenseFileAlgorithm::Base64Ed25519);
    assert!(forged.is_err(), "{forged:?}");
    let algorithm = LicenseFileAlgorithm::Aes256GcmEd25519;
    let closed = theirs(ENCRYPTED).verify_and_decrypt(&signing_key(), "SOUK-OTHER", algorithm);
    assert!(closed.is_err(), "{closed:?}");
}

/// As the other library is handed a file that was fetched from a server.
fn theirs(certificate: &str) -> LicenseFile {
    let now = chrono::Utc::now();
    LicenseFile {
        id: String::new(),
        certificate: certificate.to_owned(),
        issued: now,
        expiry: now,
        ttl: 0,
    }
}
