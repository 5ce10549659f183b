//! The public crate `keygen-rs` verifies what Souk issues, and refuses what was tampered with.

mod support;

use ed25519_dalek::{Signer, SigningKey};
use keygen_rs::config::KeygenConfig;
use keygen_rs::errors::Error;
use keygen_rs::license::LicenseFileAlgorithm;
use keygen_rs::license_file::LicenseFile;
use keygen_rs::machine_file::MachineFile;
use souk_client::issue::{Component, Draft, Machine, Terms};
use souk_client::{PublicKey, SignedDuration, Verifier};

use support::{FINGERPRINT, KEY, licence, now, public_key, signer};

fn machine() -> Machine {
    Machine {
        id: "mch_1".to_owned(),
        fingerprint: FINGERPRINT.to_owned(),
        name: Some("Studio A".to_owned()),
        platform: Some("macOS".to_owned()),
        hostname: None,
        require_heartbeat: true,
        heartbeat_status: "ALIVE".to_owned(),
        heartbeat_duration_s: Some(600),
        components: vec![Component {
            id: "cmp_1".to_owned(),
            name: "cpu".to_owned(),
            fingerprint: "c0ffee".to_owned(),
        }],
        created: now(),
        updated: now(),
    }
}

fn terms(nonce: Option<[u8; 12]>) -> Terms {
    let key = PublicKey::new(signer().verifying_key().as_bytes()).unwrap();
    Terms {
        key_id: Some(key.id().to_owned()),
        nonce,
        ..Terms::new(now())
    }
}

fn issue(draft: Draft) -> String {
    draft.sign(|message| signer().sign(message).to_bytes()).unwrap()
}

fn licence_file(nonce: Option<[u8; 12]>) -> String {
    issue(Draft::licence(&licence(), &terms(nonce)).unwrap())
}

/// As the other library is handed a file that was fetched from a server.
fn theirs(certificate: String) -> LicenseFile {
    let now = chrono::Utc::now();
    LicenseFile {
        id: String::new(),
        certificate,
        issued: now,
        expiry: now,
        ttl: 0,
    }
}

#[test]
fn an_encrypted_licence_file_is_verified() {
    let file = LicenseFile::from_cert(KEY, &licence_file(Some([7; 12]))).unwrap();
    let algorithm = LicenseFileAlgorithm::Aes256GcmEd25519;
    let read = file.verify_and_decrypt(&public_key(), KEY, algorithm).unwrap();
    assert_eq!(
        (read.license.id.as_str(), read.license.key.as_str()),
        ("lic_06hj0", KEY)
    );
    assert_eq!(read.license.name.as_deref(), Some("Studio – Zoë"));
    assert_eq!(
        (read.license.max_machines, read.license.max_processes),
        (Some(5), Some(2))
    );
    assert_eq!(read.license.policy.as_deref(), Some("pol_1"));
    assert_eq!(read.ttl, 30 * 24 * 3600);
    assert_eq!((read.expiry - read.issued).num_seconds(), 30 * 24 * 3600);
    let entitlements = read.offline_entitlements().unwrap();
    assert_eq!(entitlements[0].code, "export-stems");
}

#[test]
fn a_plain_licence_file_is_verified() {
    let file = theirs(licence_file(None));
    let read = file
        .verify_and_decode(&public_key(), LicenseFileAlgorithm::Base64Ed25519)
        .unwrap();
    assert_eq!(
        (read.license.id.as_str(), read.license.key.as_str()),
        ("lic_06hj0", KEY)
    );
    assert_eq!(read.offline_entitlements().unwrap().len(), 1);
}

#[test]
fn an_encrypted_machine_file_is_verified() {
    let file = issue(Draft::machine(&machine(), &licence(), &terms(Some([7; 12]))).unwrap());
    let secret = format!("{KEY}{FINGERPRINT}");
    let read = MachineFile::from_cert(&secret, &file).unwrap();
    // Machine files are verified with a configured key only.
    let config = KeygenConfig {
        public_key: Some(public_key()),
        ..KeygenConfig::default()
    };
    keygen_rs::config::set_config(config).unwrap();
    read.verify().unwrap();
    let read = read.decrypt(&secret).unwrap();
    assert_eq!(
        (read.machine.id.as_str(), read.machine.fingerprint.as_str()),
        ("mch_1", FINGERPRINT)
    );
    assert_eq!(read.license.id, "lic_06hj0");
    assert_eq!(read.offline_components().unwrap()[0].fingerprint, "c0ffee");
    assert_eq!(read.offline_entitlements().unwrap()[0].code, "export-stems");
}

#[test]
fn what_souk_refuses_it_refuses_too() {
    let certificate = licence_file(Some([7; 12]));
    let algorithm = LicenseFileAlgorithm::Aes256GcmEd25519;
    let file = LicenseFile::from_cert(KEY, &certificate).unwrap();
    let other = SigningKey::from_bytes(&[2; 32]).verifying_key();
    let other: String = other.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let forged = file.verify_with_key_and_algorithm(&other, algorithm);
    assert!(matches!(forged, Err(Error::LicenseFileNotGenuine(_))), "{forged:?}");
    assert!(LicenseFile::from_cert("SOUK-OTHER", &certificate).is_err());

    let long_ago = Terms {
        issued: now() - SignedDuration::from_hours(24 * 31),
        ..terms(Some([7; 12]))
    };
    let ended = issue(Draft::licence(&licence(), &long_ago).unwrap());
    assert!(matches!(
        LicenseFile::from_cert(KEY, &ended),
        Err(Error::LicenseFileExpired(_))
    ));
    let keys = PublicKey::from_hex(&public_key()).unwrap();
    assert!(Verifier::new(keys).licence_file(&ended, KEY, now()).is_err());
}
