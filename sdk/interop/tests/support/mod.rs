//! A licence, and the key that signs its files.

use ed25519_dalek::SigningKey;
use souk_client::issue::{Entitlement, Licence};
use souk_client::{SignedDuration, Timestamp};

pub const KEY: &str = "SOUK-06HJ0-00000-0G0R4-0M30E-209185-GR38E";
pub const FINGERPRINT: &str = "198e9fe586114844f6a4eaca5069b41a7ed43fb5a2df84892b69826d64573e39";

/// The other library reads the clock itself.
pub fn now() -> Timestamp {
    Timestamp::from_second(chrono::Utc::now().timestamp()).unwrap()
}

pub fn signer() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

pub fn public_key() -> String {
    let key = signer().verifying_key();
    key.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn licence() -> Licence {
    let created = now();
    Licence {
        id: "lic_06hj0".to_owned(),
        key: KEY.to_owned(),
        name: Some("Studio – Zoë".to_owned()),
        status: "ACTIVE".to_owned(),
        expiry: Some(created + SignedDuration::from_hours(24 * 365)),
        uses: 3,
        floating: true,
        strict: false,
        suspended: false,
        protected: false,
        require_heartbeat: false,
        require_check_in: false,
        max_machines: Some(5),
        max_processes: Some(2),
        max_users: None,
        max_uses: None,
        metadata: serde_json::Map::new(),
        product_id: Some("lst_1".to_owned()),
        policy_id: Some("pol_1".to_owned()),
        entitlements: vec![Entitlement {
            id: "ent_1".to_owned(),
            code: "export-stems".to_owned(),
            name: "Export of stems".to_owned(),
            created,
            updated: created,
        }],
        created,
        updated: created,
    }
}
