//! A licence, and a machine that holds one of its leases, as their files describe them: in Keygen's form, which other clients read too.

use jiff::Timestamp;
use shared::licence::Licence;
use shared::licensing::{Grant, Machine, Policy, Pulse, Resource, Standing, Status};
use souk_client::issue;

/// The licence as its file says it.
pub(crate) fn licence(licence: &Licence, grant: &Grant, policy: &Policy, now: Timestamp) -> issue::Licence {
    let limit = |resource| {
        let limit = grant.limit(policy, resource);
        limit.map(|limit| u32::try_from(limit).unwrap_or(u32::MAX))
    };
    let codes = policy.entitlements.union(&grant.entitlements);
    issue::Licence {
        id: licence.id.to_string(),
        key: licence.key.to_string(),
        name: Some(policy.name.clone()),
        status: keygen_status(grant.status(now)).to_owned(),
        expiry: grant.expires_at,
        uses: u32::try_from(grant.uses).unwrap_or(u32::MAX),
        floating: policy.floating,
        strict: policy.strict,
        suspended: matches!(grant.standing, Standing::Suspended { .. }),
        protected: false,
        require_heartbeat: policy.heartbeat.is_some_and(|heartbeat| heartbeat.required),
        require_check_in: policy.check_in.is_some(),
        max_machines: limit(Resource::Machines),
        max_processes: limit(Resource::Processes),
        max_users: limit(Resource::Users),
        max_uses: limit(Resource::Uses),
        metadata: serde_json::Map::new(),
        product_id: Some(licence.listing.to_string()),
        policy_id: Some(policy.id.to_string()),
        entitlements: codes
            .map(|code| issue::Entitlement {
                id: code.clone(),
                code: code.clone(),
                name: code.clone(),
                created: licence.issued_at,
                updated: licence.issued_at,
            })
            .collect(),
        created: licence.issued_at,
        updated: now,
    }
}

/// Keygen has fewer words for it, and others: what may be used is active, whoever has paid.
fn keygen_status(status: Status) -> &'static str {
    match status {
        Status::Active | Status::Trial => "ACTIVE",
        Status::Expired => "EXPIRED",
        Status::Suspended => "SUSPENDED",
        Status::Revoked | Status::Banned => "BANNED",
    }
}

pub(crate) fn machine(machine: &Machine, policy: &Policy, now: Timestamp) -> issue::Machine {
    let heartbeat = policy.heartbeat.as_ref();
    let component = |fingerprint: &shared::licensing::Fingerprint| issue::Component {
        id: fingerprint.to_string(),
        name: fingerprint.to_string(),
        fingerprint: fingerprint.to_string(),
    };
    issue::Machine {
        id: machine.id.to_string(),
        fingerprint: machine.fingerprint.to_string(),
        name: machine.name.clone(),
        platform: None,
        hostname: None,
        require_heartbeat: heartbeat.is_some_and(|heartbeat| heartbeat.required),
        heartbeat_status: match machine.pulse(heartbeat, now) {
            Pulse::NotStarted => "NOT_STARTED",
            Pulse::Alive => "ALIVE",
            Pulse::Dead { .. } => "DEAD",
        }
        .to_owned(),
        heartbeat_duration_s: heartbeat.and_then(|heartbeat| u32::try_from(heartbeat.duration_seconds).ok()),
        components: machine.components.iter().map(component).collect(),
        created: machine.activated_at,
        updated: machine.heartbeat_at.unwrap_or(machine.activated_at),
    }
}
