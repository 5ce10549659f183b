//! A licence, a machine and keys to sign their files with.

use ed25519_dalek::{Signer, SigningKey};
use serde_json::json;
use souk_client::issue::{Component, Draft, Entitlement, Licence, Machine, Terms};
use souk_client::{PublicKey, Timestamp, Verifier};

pub(crate) const KEY: &str = "SOUK-06HJ0-00000-0G0R4-0M30E-209185-GR38E";
pub(crate) const FINGERPRINT: &str = "198e9fe586114844f6a4eaca5069b41a7ed43fb5a2df84892b69826d64573e39";
pub(crate) const NONCE: [u8; 12] = [7; 12];

pub(crate) fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

pub(crate) fn issued() -> Timestamp {
    at("2026-03-01T12:00:00Z")
}

/// Within the life of every file that is made here.
pub(crate) fn now() -> Timestamp {
    at("2026-03-10T00:00:00Z")
}

pub(crate) fn licence() -> Licence {
    let created = at("2026-01-01T00:00:00Z");
    let entitlement = |code: &str| Entitlement {
        id: format!("ent_{code}"),
        code: code.to_owned(),
        name: code.to_uppercase(),
        created,
        updated: created,
    };
    Licence {
        id: "lic_06hj0".to_owned(),
        key: KEY.to_owned(),
        name: Some("Studio – Zoë".to_owned()),
        status: "ACTIVE".to_owned(),
        expiry: Some(at("2027-01-01T00:00:00Z")),
        uses: 3,
        floating: true,
        strict: false,
        suspended: false,
        protected: false,
        require_heartbeat: false,
        require_check_in: false,
        max_machines: Some(5),
        max_processes: None,
        max_users: None,
        max_uses: None,
        metadata: [("order".to_owned(), json!("ord_1"))].into_iter().collect(),
        product_id: Some("lst_1".to_owned()),
        policy_id: Some("pol_1".to_owned()),
        entitlements: vec![entitlement("export-stems"), entitlement("updates")],
        created,
        updated: created,
    }
}

pub(crate) fn machine() -> Machine {
    Machine {
        id: "mch_1".to_owned(),
        fingerprint: FINGERPRINT.to_owned(),
        name: Some("Studio A".to_owned()),
        platform: Some("macOS".to_owned()),
        hostname: None,
        require_heartbeat: false,
        heartbeat_status: "NOT_STARTED".to_owned(),
        heartbeat_duration_s: None,
        components: vec![Component {
            id: "cmp_1".to_owned(),
            name: "cpu".to_owned(),
            fingerprint: "c0ffee".to_owned(),
        }],
        created: issued(),
        updated: issued(),
    }
}

/// The marketplace's key in its n-th year.
pub(crate) fn signer(year: u8) -> SigningKey {
    SigningKey::from_bytes(&[year; 32])
}

pub(crate) fn public(signer: &SigningKey) -> PublicKey {
    PublicKey::new(signer.verifying_key().as_bytes()).unwrap()
}

pub(crate) fn verifier() -> Verifier {
    Verifier::new(public(&signer(1)))
}

pub(crate) fn sign(draft: Draft, signer: &SigningKey) -> String {
    draft.sign(|message| signer.sign(message).to_bytes()).unwrap()
}

/// Signed by the first key, and says so.
pub(crate) fn terms(nonce: Option<[u8; 12]>) -> Terms {
    Terms {
        key_id: Some(public(&signer(1)).id().to_owned()),
        nonce,
        ..Terms::new(issued())
    }
}

pub(crate) fn licence_file(nonce: Option<[u8; 12]>) -> String {
    sign(Draft::licence(&licence(), &terms(nonce)).unwrap(), &signer(1))
}

pub(crate) fn machine_file(nonce: Option<[u8; 12]>) -> String {
    sign(
        Draft::machine(&machine(), &licence(), &terms(nonce)).unwrap(),
        &signer(1),
    )
}
